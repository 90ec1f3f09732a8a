/** The state of a cluster's topologies, and the messages about its changes. */

import type { StrategyName } from "@otp/node/start/topology";

/**
 * The state of an address: connected, being dialled, waiting for the next dial, or `"self"` if the address leads to the
 * dialling node itself.
 */
export type AddressState = "connected" | "dialling" | "waiting" | "self";

/** An address of a topology. Times are in milliseconds since 1970, as of `Date.now()`. */
export interface ClusterAddressInfo {
  /** The node's name, if it is known. */
  node: string | undefined;
  /** The node's address, if the strategy names one. */
  address: string | undefined;
  /** The progress of the connection to it. */
  state: AddressState;
  /** When this state began. */
  since: number;
  /** The number of failed attempts since the node was connected last. */
  attempts: number;
  /** The reason of the last failure: why the node could not be reached, or that its connection was lost. */
  lastError: string | undefined;
  /** When the last failure occurred. */
  lastErrorAt: number | undefined;
  /** When the node is dialled next; `undefined` if it is connected, being dialled, or waits for other dials. */
  next: number | undefined;
}

/** The numbers of received gossip packets, by outcome. */
export interface GossipCounts {
  /** Packets of nodes with this cookie, its own included. */
  authentic: number;
  /** Packets with another format, for example from other programs. */
  malformed: number;
  /** Packets with a wrong signature: from nodes with another cookie, or forged. */
  forged: number;
  /** Packets that are not newer than the last packet of their node. */
  replayed: number;
  /** Packets whose time differs by more than `maxAge`: old packets, or packets of a node with a wrong clock. */
  late: number;
  /** Packets that were dropped unread because there were too many. */
  flooded: number;
}

/** A topology. Times are in milliseconds since 1970, as of `Date.now()`. */
export interface TopologyInfo {
  /** The topology's name. */
  topology: string;
  /** The strategy's name. */
  strategy: StrategyName;
  /** When the strategy answered last. */
  lastAnswer: number | undefined;
  /** The number of ignored addresses of the last answer: invalid addresses, and addresses beyond `maxAddresses`. */
  ignored: number;
  /** Why the strategy failed last, or what was wrong with its answer; `undefined` after a good answer. */
  lastError: string | undefined;
  /** When the last failure occurred. */
  lastErrorAt: number | undefined;
  /** When the strategy is asked next; `undefined` if it is being asked, or reports by itself. */
  next: number | undefined;
  /** The received packets, of the strategy `"gossip"`. */
  packets: GossipCounts | undefined;
  /** The topology's addresses. */
  addresses: ClusterAddressInfo[];
}

/** A cluster, as one node sees it. */
export interface ClusterInfo {
  /** The cluster's name. */
  cluster: string;
  /** The node whose view this is. */
  node: string;
  /** The cluster's topologies. */
  topologies: TopologyInfo[];
}

/** The fields of every message about a cluster. */
export interface ClusterEvent {
  /** Always `"cluster"`. */
  type: "cluster";
  /** The cluster's name. */
  cluster: string;
  /** The topology's name. */
  topology: string;
}

/** The fields of every message about an address. */
export interface ClusterAddressEvent extends ClusterEvent {
  /** The node's name, if it is known. */
  node: string | undefined;
  /** The node's address, if the strategy names one. */
  address: string | undefined;
}

/** Sent when the strategy names a new address. */
export interface ClusterAdded extends ClusterAddressEvent {
  /** Always `"added"`. */
  event: "added";
}

/** Sent when the strategy no longer names an address, which is then not dialled again. */
export interface ClusterRemoved extends ClusterAddressEvent {
  /** Always `"removed"`. */
  event: "removed";
}

/** Sent when the node at an address is connected. */
export interface ClusterConnected extends ClusterAddressEvent {
  /** Always `"connected"`. */
  event: "connected";
  /** The node's name. */
  node: string;
}

/** Sent when the connection to the node at an address is lost. */
export interface ClusterDisconnected extends ClusterAddressEvent {
  /** Always `"disconnected"`. */
  event: "disconnected";
  /** The node's name. */
  node: string;
  /** When it is dialled next, in milliseconds since 1970. */
  next: number;
}

/** Sent when a dial of an address has failed. */
export interface ClusterDialFailed extends ClusterAddressEvent {
  /** Always `"dial_failed"`. */
  event: "dial_failed";
  /** Why the dial failed, as a sentence. */
  reason: string;
  /** The number of failed attempts since the node was connected last. */
  attempts: number;
  /** When it is dialled next, in milliseconds since 1970. */
  next: number;
}

/** Sent when the strategy fails or a part of its answer is ignored. The addresses of the last good answer stay. */
export interface ClusterStrategyFailed extends ClusterEvent {
  /** Always `"strategy_failed"`. */
  event: "strategy_failed";
  /** Why the strategy failed, as a sentence. */
  reason: string;
  /** When the strategy is asked next, in milliseconds since 1970; `undefined` if it reports by itself. */
  next: number | undefined;
}

/** A message to the processes that have called `Cluster.subscribe`. */
export type ClusterMessage =
  | ClusterAdded
  | ClusterRemoved
  | ClusterConnected
  | ClusterDisconnected
  | ClusterDialFailed
  | ClusterStrategyFailed;
