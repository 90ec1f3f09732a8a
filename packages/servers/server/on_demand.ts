/** Servers of a node that start when another process first sends them a message or monitors them. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { untraced } from "@otp/processes/context/tracing";
import { serve, type Server } from "./server.ts";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** Makes a node start the server `name` when it is first asked for. */
export function serveOnDemand(
  runtime: Runtime,
  name: string,
  serverOf: (process: LocalProcess) => Server,
): void {
  runtime.names.lazy.set(name, () => {
    const process: LocalProcess = untraced(() =>
      spawnProcess(runtime, () => serve(process, serverOf(process)), {
        label: name,
        groupLeader: runtime.names.get("user")?.pid,
      })
    );
    runtime.names.register(name, process);
    return process;
  });
}
