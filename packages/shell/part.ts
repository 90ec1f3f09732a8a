/** The part of a node that opens a shell for other nodes: the option `allowRemsh`. */

import { checkModuleIsFree } from "@otp/node/start/check_options";
import type { NodePart } from "@otp/node/start/parts";
import type { Modules } from "@otp/processes/remote/exported_modules";
import { FLAG } from "@otp/processes/values/check_arguments";
import type { Pid } from "@otp/processes/values/pid";

/** The module that a node with `allowRemsh` exports. */
const SHELL = "Shell";

/** The shell of a node, for other nodes. `shellOf` of `remsh.ts` creates it. */
export interface RemoteShell {
  /** Serves a client on another node until it disconnects. */
  serve(modules: Modules, client: Pid, token: string): Promise<void>;
  /** Starts a shell for a terminal of Erlang; returns its pid. */
  start(modules: Modules, sync: unknown): Pid;
  /** Completes a line of such a shell. */
  complete(before: unknown): Promise<unknown>;
}

/**
 * Creates the part `remoteShell` of a node: with the option `allowRemsh`, the node exports the functions that `--remsh`
 * spawns, and that Erlang's `-remsh` calls.
 *
 * @param load Loads the shell, when the first client attaches.
 */
export function remoteShell(load: () => Promise<RemoteShell>): NodePart {
  return {
    name: "remoteShell",
    options: { allowRemsh: FLAG },
    check: (options, doing) =>
      checkModuleIsFree(options, doing, "allowRemsh", SHELL),
    attach({ runtime: { modules }, options: { allowRemsh } }) {
      if (!allowRemsh) return;
      modules.add(SHELL, {
        serve: async (client: Pid, token: string) =>
          await (await load()).serve(modules, client, token),
        start: async (sync: unknown) => (await load()).start(modules, sync),
        complete: async (before: unknown) => (await load()).complete(before),
      });
    },
  };
}
