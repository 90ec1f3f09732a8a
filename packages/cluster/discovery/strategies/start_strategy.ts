/** Starts the strategy of a topology. */

import { runInside } from "@otp/processes/context/async_context";
import type { ClusterHost } from "@otp/processes/remote/cluster_host";
import type {
  CustomTopology,
  EpmdTopology,
  Topology,
} from "@otp/node/start/topology";
import { askDns, askDnsSrv } from "./dns.ts";
import { Gossip } from "./gossip.ts";
import { NotedAnswer, Poll, type Question } from "./poll.ts";
import {
  reasonText,
  type RunningStrategy,
  type StrategyHost,
} from "./strategy.ts";

/** Starts a strategy. Throws an `Error` if the strategy needs a started node, and the node is not started. */
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

/** Asks all hosts. The last known names of a host that does not answer stay. */
function askEpmd(
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
