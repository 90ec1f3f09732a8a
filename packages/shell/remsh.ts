/**
 * The shell that a node with `allowRemsh` opens for other nodes, in programs without their own shell. The node loads it
 * when the first client attaches.
 */

import { Cluster } from "@otp/cluster/discovery/cluster";
import { makeScope, type Scope } from "./cli/evaluate.ts";
import type { Modules } from "@otp/processes/remote/exported_modules";
import { completeOtp, startOtpShell } from "./otp_shell.ts";
import type { RemoteShell } from "./part.ts";
import { serve, type ShellContext } from "./shell_server.ts";

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** Creates the shell; its code sees the library's names and the exported modules. */
export function shellOf(library: Scope): RemoteShell {
  const contextOf = (modules: Modules): ShellContext => {
    const scope = makeScope(library, { Cluster });
    for (const [name, module] of modules.entries()) {
      if (IDENTIFIER.test(name) && !(name in scope) && name !== "Shell") {
        scope[name] = module;
      }
    }
    return { scope, library, sources: {} };
  };
  return {
    serve: (modules, client, token) => serve(client, token, contextOf(modules)),
    start: (modules, sync) => startOtpShell(contextOf(modules), sync),
    complete: completeOtp,
  };
}
