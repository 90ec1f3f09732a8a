/** Starts the processes of a cluster: a supervisor, the cluster's server, and one process for each topology. */

import { startServer } from "@otp/servers/server/start";
import type { Pid } from "@otp/processes/values/pid";
import { checkChild, type FullChildSpec } from "@otp/servers/server/child_spec";
import { SupervisorServer } from "@otp/servers/supervisor/supervisor_server";
import { ClusterServer, clusterServerName } from "./cluster_server.ts";
import { ClusterState } from "./cluster_state.ts";
import { TopologyServer } from "./topology_server.ts";
import type { Topologies, Topology } from "@otp/node/start/topology";

export const DEFAULT_CLUSTER = "Cluster";

/** Starts a cluster, by default linked to the caller. Throws an `ExitError` if the name is taken. */
export function startCluster(
  topologies: Topologies,
  { name = DEFAULT_CLUSTER, link = true }: { name?: string; link?: boolean },
): Promise<Pid> {
  const state = new ClusterState(name);
  const server = clusterServerName(name);
  const specs = [
    checkChild({
      id: server,
      start: () =>
        startServer((process) => new ClusterServer(process, state), {
          name: server,
          label: server,
        }),
    }),
    ...Object.entries(topologies).map(([topology, options]) =>
      topologySpec(topology, { ...options }, state)
    ),
  ];
  return startServer(
    (process) =>
      SupervisorServer.start(process, specs, {
        strategy: "one_for_one",
        autoShutdown: "never",
        maxRestarts: 3,
        maxSeconds: 5,
      }),
    { name, label: name, link },
  );
}

function topologySpec(
  topology: string,
  options: Topology,
  state: ClusterState,
): FullChildSpec {
  return checkChild({
    id: `topology ${topology}`,
    start: () =>
      startServer(
        (process) => new TopologyServer(process, topology, options, state),
        { label: `${state.name}.${topology}` },
      ),
  });
}
