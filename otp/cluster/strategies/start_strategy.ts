/** Starts the strategy of a topology. */

import { runInside } from "../../../core/context/async_context.ts";
import type { ClusterHost } from "../../../core/remote/cluster_host.ts";
import type { CustomTopology, Topology } from "../topology.ts";
import { askDns, askDnsSrv } from "./dns.ts";
import { askEpmd } from "./epmd.ts";
import { Gossip } from "./gossip.ts";
import { Poll, type Question } from "./poll.ts";
import type { RunningStrategy, StrategyHost } from "./strategy.ts";

/**
 * Starts a strategy.
 *
 * @throws {Error} If the strategy needs a started node, and the node is not started.
 */
export function startStrategy(
  topology: Topology,
  host: StrategyHost,
): RunningStrategy | undefined {
  switch (topology.strategy) {
    case "static":
      host.answer(topology.nodes);
      return undefined;
    case "epmd":
      return new Poll(host, topology, askEpmd(topology, clusterHostOf(host)));
    case "dns":
      return new Poll(host, topology, askDns(topology));
    case "dnsSrv":
      return new Poll(host, topology, askDnsSrv(topology, host.maxAddresses));
    case "gossip":
      return new Gossip(host, topology, clusterHostOf(host));
    default:
      return new Poll(host, topology, askProgram(topology, host));
  }
}

function askProgram(
  { strategy }: CustomTopology,
  { process, topology }: StrategyHost,
): Question {
  const { node } = process.runtime;
  return (signal) =>
    runInside(process, () => strategy({ topology, node, signal }));
}

function clusterHostOf({ process: { runtime } }: StrategyHost): ClusterHost {
  if (runtime.clusterHost !== undefined) return runtime.clusterHost;
  throw new Error(
    "this node is not started; start it by Node.start({ name }) before its cluster",
  );
}
