/** The contract between a node and its host: discovery, connections, time and randomness. */

import type { Clock } from "@otp/processes/host/clock";
import type { NodeName } from "../addresses/node_name.ts";
import type { NetworkLog } from "./network_log.ts";
import type { Reach } from "../addresses/peer_place.ts";
import type { Transport } from "../wire.ts";

/** A node, as other nodes find it. */
export interface NodeDescription {
  /** The node's name. */
  name: NodeName;
  /** Whether the node is hidden. */
  hidden: boolean;
  /** The wire that it speaks, as in EPMD's Extra field. */
  extra: string;
}

/** The registration of a node: others can find it and connect to it. */
export interface HostRegistration {
  /** The port that it listens on. */
  readonly port: number;
  /** The address that it listens on; `undefined` for all addresses of its machine. */
  readonly host?: string;
  /** The incarnation of its name. */
  readonly creation: number;
  /** Ends it; resolves when the name is free and the node no longer listens. */
  close(): Promise<void>;
}

/** A connection to another node, before its handshake. */
export interface PeerStream {
  /** The stream of bytes to it. */
  transport: Transport;
  /** EPMD's information about its wire; `undefined` if EPMD was not asked. */
  extra: string | undefined;
}

/** Nodes of the same program, on other threads, which need no network. */
export interface ThreadNodes {
  /** Connects to a node of that name; `undefined` if it is none of them. The signal ends the attempt. */
  connect(peer: NodeName, signal: AbortSignal): Promise<PeerStream> | undefined;
  /** Resolves when none of the threads runs that end with the node. */
  stopped?(): Promise<void>;
}

/** The host of a node: the machine, or a simulation of one. */
export interface HostEnvironment {
  /** The time. */
  readonly clock: Clock;
  /**
   * Whether nodes are found by their names.
   *
   * @default {true}
   */
  readonly findsNames?: boolean;
  /** Returns unpredictable bytes. */
  randomBytes(size: number): Uint8Array;
  /**
   * Listens, and registers the node so that others find it; each connection to it goes to `accept`. Throws a
   * `NodeStartError` if the name or port is in use, or not available.
   */
  register(
    node: NodeDescription,
    accept: (transport: Transport) => void,
    log: NetworkLog,
  ): Promise<HostRegistration>;
  /** The nodes on other threads that `connect` tries first; nothing if the host has no threads. */
  readonly threads?: Set<ThreadNodes>;
  /**
   * Connects to a node of that name, at an address if one is given, or to any node at the address; the signal ends
   * the attempt. With `nearest`, the host of the name leads to no address that is nearer.
   */
  connect(
    peer: NodeName | undefined,
    address: string | undefined,
    signal: AbortSignal,
    nearest?: Reach,
  ): Promise<PeerStream>;
  /**
   * Returns the names of the nodes that are registered on a host, without the host. Throws an `Error` if the host does
   * not answer, or nodes are not registered.
   */
  names(host: string, signal: AbortSignal): Promise<string[]>;
}
