/** The shell that a node with `allowRemsh` opens for other nodes. It is loaded when the first client attaches. */

import type { Modules } from "@otp/processes/remote/exported_modules";
import type { Pid } from "@otp/processes/values/pid";

/** The parts of `packages/shell/remsh.ts` that a node uses. */
interface RemoteShell {
  /** Serves a client on another node until it disconnects. */
  serveRemote(modules: Modules, client: Pid, token: string): Promise<void>;
  /** Starts a shell for a terminal of Erlang. */
  startRemote(modules: Modules, sync: unknown): Pid;
  /** Completes a line of such a shell. */
  completeRemote(before: unknown): Promise<unknown>;
}

/** Exports the functions that `--remsh` spawns, and that Erlang's `-remsh` calls. */
export function exportShell(modules: Modules): void {
  modules.add("Shell", {
    serve: async (client: Pid, token: string) =>
      await (await load()).serveRemote(modules, client, token),
    start: async (sync: unknown) => (await load()).startRemote(modules, sync),
    complete: async (before: unknown) => (await load()).completeRemote(before),
  });
}

async function load(): Promise<RemoteShell> {
  // Before a program begins, Deno fetches the packages of every file that an `import()` names. Compute the name
  // here, so that programs without a shell need no package.
  const file = import.meta.url.replace(
    /node\/start\/remote_shell(\.\w+)$/,
    "shell/remsh$1",
  );
  return await import(file);
}
