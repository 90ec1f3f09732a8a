/** The part of a node that knows its cluster: names of the whole cluster, and the topologies of the option `cluster`. */

import type { NodePart } from "@otp/node/start/parts";
import { runInside } from "@otp/processes/context/async_context";
import { serveGlobal } from "./global/global_client.ts";
import { serveTaskLoad } from "./task_pool/task_load.ts";
import { shellProcess } from "@otp/processes/spawning/spawn_process";

/**
 * Creates the part `cluster` of a node: `global`, the load of task supervisors for pools, and the option `cluster`. The code that finds and connects nodes is
 * loaded if the option is given.
 */
export function cluster(): NodePart {
  return {
    name: "cluster",
    options: { cluster: true },
    async check({ cluster }, doing) {
      if (cluster === undefined) return;
      const { checkTopologies } = await import(
        "./discovery/check_topologies.ts"
      );
      checkTopologies(cluster, doing);
    },
    names: async () => ({ ...await import("./global/global.ts") }),
    attach({ runtime }) {
      serveGlobal(runtime);
      serveTaskLoad(runtime);
    },
    async started({ runtime, options: { cluster } }) {
      if (cluster === undefined) return;
      const { startCluster } = await import("./discovery/start_cluster.ts");
      await runInside(
        shellProcess(runtime),
        () => startCluster(cluster, { link: false }),
      );
    },
  };
}
