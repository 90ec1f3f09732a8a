/**
 * Control of a peer in the other language: the calls of `Conformance.Peer`, which is `_peer.ts` here, as Erlang's terms.
 */

import { type Area, exportedModules } from "./_load.ts";
import {
  fromBeamFunction,
  fromBeamName,
  toBeamFunction,
  toBeamName,
} from "../../packages/processes/values/beam_names.ts";
import {
  argsFromBeam,
  argsToBeam,
  type BeamTypes,
  fromBeam,
  toBeam,
} from "../../packages/beam/terms/conversions.ts";
import { beamTypesOf } from "../../packages/beam/functions/declaration.ts";
import { type Atom, atom } from "../../packages/processes/values/atom.ts";
import { TermReader } from "../../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../../packages/beam/wire/etf_encoder.ts";

/** A peer, as the main program controls it. */
export interface Controlled {
  /** The node's name. */
  readonly name: string;
  /** Calls a function of `_peer.ts`, or that of the same name in Elixir. */
  call<T>(name: string, args: unknown[]): Promise<T>;
  /** Has it export the functions of an area, if it does not yet. */
  load?(area: string): Promise<void>;
  kill(): Promise<void>;
}

/** A term as bytes: `binary_to_term` reads them. */
export function encodeTerm(term: unknown): Uint8Array {
  const writer = new TermWriter();
  writer.u8(131);
  writer.term(term);
  return writer.take().slice();
}

/** The term that `term_to_binary` wrote. */
export function decodeTerm(bytes: Uint8Array): unknown {
  const reader = new TermReader().open(bytes);
  reader.version();
  return reader.term();
}

function typesOf(
  areas: readonly Area[],
  module: string,
  name: string,
): BeamTypes | undefined {
  const file = exportedModules(areas).find((each) => each.module === module);
  const fn = file?.exports[name];
  return typeof fn === "function" ? beamTypesOf(fn) : undefined;
}

/** A call of a control function, translated. */
export interface Translated {
  args: unknown[];
  result(value: unknown): unknown;
}

/** The arguments for a peer in Elixir: the function that `run` runs is named as there. */
export function toElixir(
  areas: readonly Area[],
  name: string,
  args: unknown[],
): Translated {
  if (name !== "run") return { args, result: (value) => value };
  const [module, key, given] = args as [string, string, unknown[]];
  const types = typesOf(areas, module, key);
  return {
    args: [
      atom(toBeamName(module)),
      atom(toBeamFunction(module, key)),
      argsToBeam(given, types),
    ],
    result: (value) => fromBeam(value, types?.returns),
  };
}

/** The arguments for this peer, of a main node in Elixir. */
export function fromElixir(
  areas: readonly Area[],
  name: string,
  args: unknown[],
): Translated {
  if (name !== "run") return { args, result: (value) => value };
  const [module, key, given] = args as [Atom, Atom, unknown[]];
  const own = fromBeamName(String(module));
  const fn = fromBeamFunction(own, String(key));
  const types = typesOf(areas, own, fn);
  return {
    args: [own, fn, argsFromBeam(given, types)],
    result: (value) => toBeam(value, types?.returns),
  };
}
