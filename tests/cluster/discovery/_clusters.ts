/** Helpers of the tests of clusters that form themselves. */

import {
  Cluster,
  type ClusterAddress,
  type ClusterMessage,
  type Topology,
  type TopologyInfo,
} from "../../../packages/cluster/discovery/cluster.ts";
import type { Node } from "../../../node.ts";
import { receive } from "../../../packages/processes/process.ts";
import type { Cluster as Nodes } from "../../_nodes.ts";
import { freePort } from "../../../packages/testing/_ports.ts";
import { until as eventually } from "../../_until.ts";

/** Delays for tests: an address is dialled again at once. */
export const FAST = { minDelay: 10, maxDelay: 50, interval: 50 } as const;

/** Delays with which no address is dialled again. */
export const ONCE = { minDelay: 3_600_000, maxDelay: 3_600_000 } as const;

/** The delays of `FAST`, for a strategy that is not asked. */
export const SOON = {
  minDelay: FAST.minDelay,
  maxDelay: FAST.maxDelay,
} as const;

/**
 * A group for gossip of a test's own. Its port is of this test process: a socket receives the packets of all groups that
 * a program of the host has joined, on its port.
 */
export function gossipGroup(): { address: string; port: number } {
  return { address: "239.255.69.80", port: freePort() };
}

export type EventOf<E> = Extract<ClusterMessage, { event: E }>;

/** Waits for an event, of a node or an address if one is given. */
export async function event<E extends ClusterMessage["event"]>(
  name: E,
  of?: string,
): Promise<EventOf<E>> {
  return await receive((m) =>
    m?.type === "cluster" && m.event === name &&
    (of === undefined || m.node === of || m.address === of)
  );
}

/** The state of a topology of the caller's node. */
export async function topology(name: string): Promise<TopologyInfo> {
  const { topologies } = await Cluster.info();
  return topologies.find((each) => each.topology === name)!;
}

/** Waits for the caller's subscription until a topology's state is as described; returns it. */
export async function until(
  name: string,
  isSo: (info: TopologyInfo) => boolean,
): Promise<TopologyInfo> {
  let info: TopologyInfo | undefined;
  await eventually(async () => {
    // The process that answers may be about to be restarted.
    info = await topology(name).catch(() => undefined);
    return info !== undefined && isSo(info);
  });
  return info!;
}

/** Waits in a subscriber until the only address of `own` is connected. */
export async function connected(): Promise<void> {
  const [address] = (await topology("own")).addresses;
  if (address?.state !== "connected") await event("connected");
}

/** A strategy that is told its answers. */
export class Told {
  addresses: unknown = [];
  readonly strategy = (): Promise<ClusterAddress[]> => {
    if (this.addresses instanceof Error) return Promise.reject(this.addresses);
    return Promise.resolve(this.addresses as ClusterAddress[]);
  };
}

/** Runs code on a node, alex, with a cluster of one topology, `own`. */
export async function withOwn(
  nodes: Nodes,
  own: Topology,
  fn: (alex: Node) => Promise<void>,
  options: Parameters<Nodes["start"]>[1] = {},
): Promise<void> {
  const alex = await nodes.start("alex", { ...options, cluster: { own } });
  await alex.run(async () => {
    await Cluster.subscribe();
    await fn(alex);
  });
}
