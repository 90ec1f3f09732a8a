/**
 * Processes that a BEAM starts here by `proc_lib`: each of their abnormal exits is logged, not only errors.
 *
 * `proc_lib:spawn(Node, M, F, A)` and its kin are spawn requests for `proc_lib:init_p(Parent, Ancestors, M, F, A)`;
 * with a fun, for `init_p(Parent, Ancestors, Fun)`.
 */

import { beamFunctionsOf } from "../functions/beam_functions.ts";
import { isRunnable } from "@otp/servers/server/messages";
import type { Runtime } from "@otp/processes/process/runtime";
import { NODE_DRAINS } from "@otp/processes/spawning/spawn_requests";

const SERVICE = "$proc_lib";

/** Lets a node start such processes. */
export function serveProcLib(runtime: Runtime): void {
  const { modules } = runtime;
  const functions = beamFunctionsOf(runtime);
  modules.services.set(SERVICE, ({ args: [run] }, node) => {
    if (runtime.isDraining && node !== runtime.node) return NODE_DRAINS;
    if (!isRunnable(run)) return { error: "undef", message: "no function" };
    const found = modules.resolveSpawn(run, node);
    return "error" in found ? found : { ...found, kind: "process" };
  });
  for (const name of ["init_p/3", "init_p/5"]) {
    functions.serve(`proc_lib:${name}`, ([_parent, _ancestors, ...called]) => ({
      module: SERVICE,
      function: "init_p",
      args: [
        functions.requested(
          called.length === 1
            ? ["erlang", "apply", [called[0], []]]
            : ["erlang", "apply", called],
        ),
      ],
    }));
  }
}
