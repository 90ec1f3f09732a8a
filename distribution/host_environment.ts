/**
 * The whole contract between a node and the world around it: where others find it, how it finds
 * them, the time, and chance.
 *
 * @module
 */

import type { Clock } from "../runtime/host/clock.ts";
import type { NodeName } from "./node_name.ts";
import type { NetworkLog } from "./network.ts";
import type { Transport } from "./wire.ts";

/** What a node is to others. */
export interface Entry {
  /** Its name. */
  name: NodeName;
  /** Whether it is hidden. */
  hidden: boolean;
  /** The wire that it speaks, as EPMD's Extra field says it. */
  extra: string;
}

/** A node that others can find. */
export interface Presence {
  /** The port that it listens on. */
  readonly port: number;
  /** Which incarnation of its name it is. */
  readonly creation: number;
  /** It can be found no more; resolves when its name is free and it no longer listens. */
  leave(): Promise<void>;
}

/** The way to another node. */
export interface Reached {
  /** The stream of bytes to it. */
  transport: Transport;
  /** What is said of its wire; nothing if nobody was asked. */
  extra: string | undefined;
}

/** The world around a node. */
export interface World {
  /** The time. */
  readonly clock: Clock;
  /** Bytes that nobody can foretell. */
  randomBytes(size: number): Uint8Array;
  /**
   * Has others find a node; each connection to it goes to `accept`.
   *
   * @throws {NodeStartError} If the name or port is in use, or cannot be had.
   */
  enter(
    entry: Entry,
    accept: (transport: Transport) => void,
    log: NetworkLog,
  ): Promise<Presence>;
  /** Connects to a node of that name, at an address if one is given; the signal ends the attempt. */
  reach(
    peer: NodeName,
    address: string | undefined,
    signal: AbortSignal,
  ): Promise<Reached>;
}
