/** Conversions between Elixir's terms and the arguments and results of the public API. */

import { exit, ExitError, PartitionSupervisor, Registry } from "./_api.ts";
import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import { reasonFromBeam } from "../../../packages/beam/terms/beam_reasons.ts";
import { fromBeamFunction } from "../../../packages/processes/values/beam_names.ts";
import {
  asAtom,
  camel,
  elementsOf,
  error,
  isAtom,
  isObject,
  ok,
} from "../interpreter/values.ts";

// deno-lint-ignore no-explicit-any
export type Any = any;

/** Applies a function to a value, or to that of a promise. */
export function then(value: unknown, fn: (value: unknown) => unknown): Any {
  return value instanceof Promise ? value.then(fn) : fn(value);
}

/** A name: the text of an atom. */
export function nameOf(name: unknown): Any {
  return name instanceof Atom ? name.name.replace(/^Elixir\./, "") : name;
}

/** A pid, an alias, or a name: of this node, of another, of the cluster or of a registry. */
export function destination(to: unknown): Any {
  if (!(to instanceof Tuple)) return nameOf(to);
  const [first, second, third] = to.elements;
  if (isAtom(first, "global")) return { global: second };
  if (!isAtom(first, "via")) {
    return { name: nameOf(first), node: nameOf(second) };
  }
  const [registry, ...name] = (third as Tuple).elements;
  return isAtom(second, "Elixir.Registry")
    ? { via: Registry, name: [nameOf(registry), ...name] }
    : { via: PartitionSupervisor, name: [destination(registry), ...name] };
}

/** An exit reason. */
export function reason(term: unknown): unknown {
  return isObject(term) ? term : reasonFromBeam(term);
}

/** The value of an option. */
function optionOf(name: string, value: unknown): unknown {
  if (isAtom(value, "infinity")) {
    return name === "shutdown" ? "infinity" : Infinity;
  }
  if (name === "name") return destination(value);
  if (name === "meta") return options(value);
  if (value === null) return undefined;
  return value instanceof Atom ? nameOf(value) : value;
}

/** Options: a keyword list, as an object. */
export function options(list: unknown = []): Any {
  return Object.fromEntries(
    (list as unknown[]).map((each): [string, unknown] => {
      const [key, value] = elementsOf(each) ?? [each, true];
      const name = camel(nameOf(key));
      return [name, optionOf(name, value)];
    }),
  );
}

/** A time limit: a number of milliseconds, or `:infinity`. */
export function limit(timeout: unknown): Any {
  return isAtom(timeout, "infinity") ? Infinity : timeout;
}

/** A function of a module, by the names under which nodes export it. */
export function remote(module: unknown, name: unknown): Any {
  const own = nameOf(module);
  return [own, fromBeamFunction(own, nameOf(name))];
}

/** What a start returns: `{:ok, pid}`, `:ignore`, or `{:error, reason}` of the exit with which it fails here. */
export async function started(start: () => unknown): Promise<unknown> {
  try {
    const value = await start();
    return value === "ignore" ? atom("ignore") : ok(value ?? atom("undefined"));
  } catch (thrown) {
    // A request to a supervisor that fails is an exit of the caller there, too.
    if (!(thrown instanceof ExitError) || isRequest(thrown.reason)) {
      throw thrown;
    }
    return error(asAtom(thrown.reason));
  }
}

function isRequest(reason: unknown): boolean {
  const { type, call } = reason as { type?: unknown; call?: unknown[] };
  return type === "call" && /^(start|restart)Child$/.test(String(call?.[1]));
}

/** The pid of an Elixir start's result; exits with the reason of an error. */
export function startedPid(result: unknown): Any {
  if (isAtom(result, "ignore")) return "ignore";
  const [tag, value] = elementsOf(result) ?? [];
  if (isAtom(tag, "ok")) return value;
  if (isAtom(tag, "error")) return exit(reason(value));
  return result;
}

/** A result that is an atom, or `{:error, atom}` if it is not the text that stands for success. */
export function status(result: string, success = "ok"): unknown {
  return result === success ? atom(result) : error(atom(result));
}

/** A list of atoms, of texts of the API. */
export function atoms(texts: Iterable<string>): Atom[] {
  return [...texts].map((each) => atom(each));
}
