/**
 * The shell that a node with `allowRemsh` opens for other nodes, in programs without their own shell. The node loads it
 * when the first client attaches.
 */

import { Cluster } from "@otp/cluster/discovery/cluster";
import * as library from "@otp/distribution";
import { makeScope } from "./cli/evaluate.ts";
import type { Pid } from "@otp/processes/process";
import type { Modules } from "@otp/processes/remote/exported_modules";
import { completeOtp, startOtpShell } from "./otp_shell.ts";
import { serve, type ShellContext } from "./shell_server.ts";

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** Serves a client on another node until it exits. */
export async function serveRemote(
  modules: Modules,
  client: Pid,
  token: string,
): Promise<void> {
  await serve(client, token, contextOf(modules));
}

/** Starts a shell for a terminal of Erlang; returns its pid. */
export function startRemote(modules: Modules, sync: unknown): Pid {
  return startOtpShell(contextOf(modules), sync);
}

export { completeOtp as completeRemote };

/** The code of a shell sees the library and the exported modules. */
function contextOf(modules: Modules): ShellContext {
  const scope = makeScope(library, { Cluster });
  for (const [name, module] of modules.entries()) {
    if (IDENTIFIER.test(name) && !(name in scope) && name !== "Shell") {
      scope[name] = module;
    }
  }
  return { scope, sources: {} };
}
