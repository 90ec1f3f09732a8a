/** The shell that a node with `allowRemsh` opens for other nodes. It is loaded when the first client attaches. */

import type { Modules } from "../core/remote/exported_modules.ts";
import type { Pid } from "../core/values/pid.ts";

/** The parts of `shell/remsh.ts` that a node uses. */
interface RemoteShell {
  /** Serves a client on another node until it disconnects. */
  serveRemote(modules: Modules, client: Pid, token: string): Promise<void>;
}

/** Exports the function that `--remsh` spawns. */
export function exportShell(modules: Modules): void {
  modules.add("Shell", {
    serve: async (client: Pid, token: string) => {
      // Before a program begins, Deno fetches the packages of every file that an `import()` names. Compute the name
      // here, so that programs without a shell need no package.
      const file = import.meta.url.replace(
        /node\/remote_shell(\.\w+)$/,
        "shell/remsh$1",
      );
      const { serveRemote }: RemoteShell = await import(file);
      await serveRemote(modules, client, token);
    },
  });
}
