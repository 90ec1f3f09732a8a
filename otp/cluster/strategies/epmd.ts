/** The strategy that asks the EPMD of some hosts for the names of their nodes. */

import type { ClusterHost } from "../../../core/remote/cluster_host.ts";
import type { EpmdTopology } from "../topology.ts";
import { NotedAnswer } from "./poll.ts";
import { reasonText } from "./strategy.ts";

/** Asks all hosts. The last known names of a host that does not answer stay. */
export function askEpmd(
  { hosts, filter = isPeer }: EpmdTopology,
  clusterHost: ClusterHost,
): (signal: AbortSignal) => Promise<unknown> {
  const known = new Map<string, string[]>();
  return async (signal) => {
    const faults: string[] = [];
    await Promise.all(hosts.map(async (host) => {
      try {
        const names = await clusterHost.names(host, signal);
        known.set(host, names.map((name) => `${name}@${host}`));
      } catch (error) {
        faults.push(reasonText(error));
      }
    }));
    if (faults.length === hosts.length && faults.length > 0) {
      throw new Error(faults[0]);
    }
    const nodes = [...known.values()].flat()
      .filter((node) => filter(node) === true);
    return faults.length === 0 ? nodes : new NotedAnswer(nodes, faults[0]);
  };
}

/** Returns false for a node that only opens a shell on another node. */
function isPeer(node: string): boolean {
  return !node.startsWith("remsh-");
}
