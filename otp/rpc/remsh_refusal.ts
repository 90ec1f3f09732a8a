/**
 * The refusal of a shell of Elixir or Erlang on this node: `iex --remsh` and `erl -remsh`.
 *
 * OTP first asks, by `erpc`, whether this node can load the module of the shell. If the answer is an error, OTP's
 * program prints the reason and ends.
 *
 * @module
 */

import type { Runtime } from "../../core/processes/runtime.ts";
import { Atom, atom } from "../../core/values/atom.ts";
import { tuple } from "../../core/values/tuple.ts";

/** The name of the service. */
const SERVICE = "$remsh";

/** The modules of the shells of Elixir and Erlang. */
const SHELLS: ReadonlySet<string> = new Set(["iex", "shell"]);

/** An atom, because OTP prints it on one line and breaks a binary into several lines. */
const NO_SHELL = atom(
  "it is a TypeScript node: use deno task chat --remsh, or :rpc.call",
);

/** OTP's reason, for all other modules. */
const NO_FILE = atom("nofile");

/** Answers `code:ensure_loaded/1` with an error, as a BEAM's code cannot be loaded here. */
export function serveRemshRefusal({ modules, functions }: Runtime): void {
  modules.services.set(SERVICE, ({ args: [module] }) => ({
    fn: () => {
      const isShell = module instanceof Atom && SHELLS.has(module.name);
      return tuple(atom("error"), isShell ? NO_SHELL : NO_FILE);
    },
    label: "code:ensure_loaded/1",
  }));
  functions.serve("code:ensure_loaded/1", (args) => ({
    module: SERVICE,
    function: "ensure_loaded",
    args,
  }));
}
