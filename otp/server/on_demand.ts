/** Servers of a node that start when another process first sends them a message or monitors them. */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Runtime } from "../../core/processes/runtime.ts";
import { untraced } from "../../core/context/tracing.ts";
import { serve, type Server } from "./server.ts";

/** Makes a node start the server `name` when it is first asked for. */
export function serveOnDemand(
  runtime: Runtime,
  name: string,
  serverOf: (process: LocalProcess) => Server,
): void {
  runtime.lazyProcesses.set(name, () => {
    const process: LocalProcess = untraced(() =>
      runtime.spawn(
        () => serve(process, serverOf(process)),
        { label: name, groupLeader: runtime.names.get("user")?.pid },
      )
    );
    runtime.register(name, process);
    return process;
  });
}
