/**
 * The state of a cluster's topologies, and the messages about its changes.
 *
 * @module
 */

import type { StrategyName } from "./topology.ts";

/**
 * The state of an address: connected; being dialled; waiting, until it is dialled (again); or `"self"`, if the
 * node that it leads to is the asking node itself.
 */
export type AddressState = "connected" | "dialling" | "waiting" | "self";

/** An address of a topology. Times are in milliseconds since 1970, as of `Date.now()`. */
export interface ClusterAddressInfo {
  /** The node's name, if it is known. */
  node: string | undefined;
  /** The node's address, if the strategy names one. */
  address: string | undefined;
  /** The state. */
  state: AddressState;
  /** When this state began. */
  since: number;
  /** The number of failed attempts since the node was connected last. */
  attempts: number;
  /** The reason of the last failure: why it could not be reached, or that its connection was lost. */
  lastError: string | undefined;
  /** When that was. */
  lastErrorAt: number | undefined;
  /** When it is dialled next; `undefined` if it is connected, being dialled, or waits for other dials. */
  next: number | undefined;
}

/** The numbers of received gossip packets, by what became of them. */
export interface GossipCounts {
  /** Packets of nodes with this cookie, its own included. */
  authentic: number;
  /** Packets of another form, such as those of other programs. */
  malformed: number;
  /** Packets with the wrong signature: of nodes with another cookie, or forged. */
  forged: number;
  /** Packets that are not newer than the last one of their node. */
  replayed: number;
  /** Packets whose time differs by more than `maxAge`: old ones, or of a node whose clock is wrong. */
  late: number;
  /** Packets that were dropped unread, as there were too many. */
  flooded: number;
}

/** A topology. Times are in milliseconds since 1970, as of `Date.now()`. */
export interface TopologyInfo {
  /** Its name. */
  topology: string;
  /** Its strategy. */
  strategy: StrategyName;
  /** When the strategy answered last. */
  lastAnswer: number | undefined;
  /** The number of addresses of that answer that were ignored: invalid ones, and those beyond `maxAddresses`. */
  ignored: number;
  /** Why the strategy failed last, or what was wrong with its answer; `undefined` after a good answer. */
  lastError: string | undefined;
  /** When that was. */
  lastErrorAt: number | undefined;
  /** When the strategy is asked next; `undefined` if it is being asked, or is not asked but tells. */
  next: number | undefined;
  /** The received packets, of the strategy `"gossip"`. */
  packets: GossipCounts | undefined;
  /** Its addresses. */
  addresses: ClusterAddressInfo[];
}

/** A cluster, as one node sees it. */
export interface ClusterInfo {
  /** Its name. */
  cluster: string;
  /** The node. */
  node: string;
  /** Its topologies. */
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

/** The strategy names an address that it did not name before. */
export interface ClusterAdded extends ClusterAddressEvent {
  /** Always `"added"`. */
  event: "added";
}

/** The strategy no longer names an address: it is not dialled again. */
export interface ClusterRemoved extends ClusterAddressEvent {
  /** Always `"removed"`. */
  event: "removed";
}

/** The node at an address is connected. */
export interface ClusterConnected extends ClusterAddressEvent {
  /** Always `"connected"`. */
  event: "connected";
  /** The node's name. */
  node: string;
}

/** The connection to the node at an address is lost. */
export interface ClusterDisconnected extends ClusterAddressEvent {
  /** Always `"disconnected"`. */
  event: "disconnected";
  /** The node's name. */
  node: string;
  /** When it is dialled next, in milliseconds since 1970. */
  next: number;
}

/** An address was dialled in vain. */
export interface ClusterDialFailed extends ClusterAddressEvent {
  /** Always `"dial_failed"`. */
  event: "dial_failed";
  /** The reason. */
  reason: string;
  /** The number of failed attempts since the node was connected last. */
  attempts: number;
  /** When it is dialled next, in milliseconds since 1970. */
  next: number;
}

/** The strategy failed, or a part of its answer was ignored. The addresses of the last good answer stay. */
export interface ClusterStrategyFailed extends ClusterEvent {
  /** Always `"strategy_failed"`. */
  event: "strategy_failed";
  /** The reason. */
  reason: string;
  /** When the strategy is asked next, in milliseconds since 1970; `undefined` if it is not asked but tells. */
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
