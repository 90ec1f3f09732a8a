/**
 * The whole contract between a wire and those who use it.
 *
 * A wire is a language that two nodes speak over a stream of bytes: how they get to know and
 * trust each other, and how each kind of signal is spelled.
 *
 * @module
 */

import type {
  Backpressure,
  Queued,
  Signals,
} from "../runtime/signals/signal.ts";

/** What a node takes from a peer and keeps for it, at most. Bytes are counted on the wire. */
export interface Limits {
  /**
   * The nesting of a message: arrays, objects, maps, sets and errors are a level each.
   *
   * @default {64}
   */
  maxDepth: number;
  /**
   * A frame, in bytes.
   *
   * @default {1048576}
   */
  maxFrameBytes: number;
  /**
   * A message, in bytes: its JSON and the raw bytes in it together.
   *
   * @default {33554432}
   */
  maxMessageBytes: number;
  /**
   * The parts of messages that have not come to their end, of all peers together, in bytes.
   *
   * @default {268435456}
   */
  maxTotalMessageBytes: number;
  /**
   * What waits for one peer before `send` gives a promise, in bytes.
   *
   * @default {1048576}
   */
  highWaterMark: number;
  /**
   * Bytes that wait for one peer, connected or being dialled, before `send` throws. Above it,
   * a peer is read from no faster than it reads itself; above twice as much, it is cut off.
   *
   * @default {134217728}
   */
  maxQueueBytes: number;
  /**
   * Bytes that wait for all peers together, where a peer has more than `highWaterMark`: above
   * it, `send` throws to those that have.
   *
   * @default {536870912}
   */
  maxTotalQueueBytes: number;
  /**
   * The time that a stranger has to get in, in milliseconds.
   *
   * @default {5000}
   */
  handshakeTimeout: number;
  /**
   * Connections that are not yet in, at the same time.
   *
   * @default {64}
   */
  maxHalfOpen: number;
  /**
   * Connections to peers; also nodes that are being dialled at the same time.
   *
   * @default {1024}
   */
  maxConnections: number;
  /**
   * Signals that are kept while a node is being dialled, before `send` throws; above twice as many,
   * the dial is given up.
   *
   * @default {100000}
   */
  maxPendingSignals: number;
  /**
   * Processes that one peer has started here and that are alive, tasks included.
   *
   * @default {100000}
   */
  maxRemoteProcesses: number;
  /**
   * Links that one peer's processes have made to processes here.
   *
   * @default {100000}
   */
  maxRemoteLinks: number;
  /**
   * Monitors that one peer's processes have on processes here.
   *
   * @default {100000}
   */
  maxRemoteMonitors: number;
  /**
   * Entries that servers of this node keep for one peer: names and locks of the cluster, members of groups,
   * children that it has started, tasks, and requests that wait for an answer.
   *
   * @default {100000}
   */
  maxRemoteEntries: number;
  /**
   * Processes that all peers together have started here and that are alive.
   *
   * @default {200000}
   */
  maxTotalRemoteProcesses: number;
  /**
   * Links that the processes of all peers together have made to processes here.
   *
   * @default {400000}
   */
  maxTotalRemoteLinks: number;
  /**
   * Monitors that the processes of all peers together have on processes here.
   *
   * @default {400000}
   */
  maxTotalRemoteMonitors: number;
  /**
   * Entries that servers of this node keep for all peers together.
   *
   * @default {400000}
   */
  maxTotalRemoteEntries: number;
}

/** The limits that a node has unless told otherwise. */
export const DEFAULT_LIMITS: Limits = {
  maxDepth: 64,
  maxFrameBytes: 1 << 20,
  maxMessageBytes: 32 << 20,
  maxTotalMessageBytes: 256 << 20,
  highWaterMark: 1 << 20,
  maxQueueBytes: 128 << 20,
  maxTotalQueueBytes: 512 << 20,
  handshakeTimeout: 5000,
  maxHalfOpen: 64,
  maxConnections: 1024,
  maxPendingSignals: 100_000,
  maxRemoteProcesses: 100_000,
  maxRemoteLinks: 100_000,
  maxRemoteMonitors: 100_000,
  maxRemoteEntries: 100_000,
  maxTotalRemoteProcesses: 200_000,
  maxTotalRemoteLinks: 400_000,
  maxTotalRemoteMonitors: 400_000,
  maxTotalRemoteEntries: 400_000,
};

/** A stream of bytes to another node. */
export interface Transport {
  /** Whose end it is, for the log. */
  readonly remote: string;
  /** The bytes that were written and have not left. */
  readonly buffered: number;
  /** What both ends know of a secure channel and of no other one; a proof has to cover it. */
  readonly binding?: string;
  /** Why a node of that name may not be at the other end; nothing if it may. */
  mismatch?(name: string): string | undefined;
  /** Begins; nothing is heard before. */
  start(handlers: TransportHandlers): void;
  /** Sends bytes, not to be changed afterwards; false when `drained` will tell that they left. */
  write(bytes: Uint8Array): boolean;
  /** Stops reading, so that the other end's bytes wait there; a little more may come. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** Sends what is written, then ends. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
}

/** What a transport tells. */
export interface TransportHandlers {
  /** Bytes came; what is kept of them has to be copied. */
  bytes(chunk: Uint8Array): void;
  /** All that was written has left. */
  drained(): void;
  /** It is closed, by an error or not; nothing comes after this. */
  closed(error?: Error): void;
}

/** What is known of a peer once it is in. */
export interface Peer {
  /** Its name. */
  name: string;
  /** Its incarnation. */
  creation: number;
  /** Whether it is a hidden node. */
  hidden: boolean;
}

/**
 * A listener's answer to a dialler. `"alive"`: there is a connection to a node of that name, which
 * the new one replaces if the dialler has none.
 */
export type Status =
  | "ok"
  | "ok_simultaneous"
  | "nok"
  | "alive"
  | "not_allowed"
  | "full";

/** A dialler at the listener: what it is answered, before and after its proof. */
export interface Admission {
  /** The answer, before either has shown that it knows the cookie. */
  readonly status: Status;
  /** The answer when the dialler has shown it: `"ok"`, or why it is refused. */
  confirm(): Status;
  /** Whether a node of that name has connected since, even if it is no longer connected. */
  hasConnected(): boolean;
}

/** Bytes that are kept for all peers together. */
export interface ByteBudget {
  /** The limit. */
  readonly max: number;
  /** The bytes that are kept. */
  readonly used: number;
  /** Counts bytes that are kept from now on, or, below 0, no longer. */
  add(bytes: number): void;
}

/** The data of a node that a handshake, and the session after it, need. */
export interface Local {
  /** The node's name. */
  readonly name: string;
  /** Its incarnation. */
  readonly creation: number;
  /** Whether it is hidden. */
  readonly hidden: boolean;
  /** The shared secret. */
  readonly cookie: string;
  /** Its limits. */
  readonly limits: Limits;
  /** Bytes that nobody can foretell. */
  randomBytes(size: number): Uint8Array;
  /** The parts of messages that have not come to their end, of all peers. */
  readonly parts: ByteBudget;
  /** Decides on a dialler of that name. */
  admit(name: string): Admission;
}

/** What an open session needs of its connection. */
export interface Port {
  /**
   * How many bytes may wait in the session. From there on it asks `assertRoom` and `pressure`,
   * which know the rest of the queue; 0 while the transport takes no more.
   */
  readonly room: number;
  /** Has `flush` called at the end of this turn of the event loop. */
  wake(): void;
  /** Sends bytes. */
  write(bytes: Uint8Array): void;
  /** What `send` returns when the session's part of the queue is at `room`. */
  pressure(): Backpressure;
  /** @throws {QueueFullError} If the queue is at its hard cap. */
  assertRoom(): void;
  /** The peers that the peer has. */
  peers(names: string[]): void;
}

/** Two nodes that know and trust each other: the result of a handshake. */
export interface Session {
  /** Who the other one is. */
  readonly peer: Peer;
  /** Whether the peer has no other connection to this node, though this node may think so. */
  readonly replaces: boolean;
  /** The bytes that came after the handshake's last, to be received first. */
  readonly rest: Uint8Array;
  /** Begins; signals that arrive go to `deliver`. */
  open(port: Port, deliver: Signals): Channel;
}

/** The two directions of an open session. */
export interface Channel {
  /** Signals for the peer. */
  readonly outgoing: Outgoing;
  /** Bytes of the peer. */
  readonly incoming: Incoming;
}

/** Takes signals for the peer, and writes them to the port. */
export interface Outgoing extends Signals, Queued {
  /** The bytes that wait to be written. */
  readonly pending: number;
  /** Writes what waits, of large messages only so many bytes; called again when they have left. */
  flush(room: number): void;
  /** Shows that this node is there. */
  tick(): void;
  /** Sends the names of this node's peers. */
  announce(peers: string[]): void;
}

/** Reads the bytes of the peer, and delivers its signals. */
export interface Incoming {
  /** Bytes came. Throws if they are not what a peer may send. */
  receive(chunk: Uint8Array): void;
  /** The connection is closed: nothing that has come in part is kept. */
  close(): void;
}

/**
 * Why a connection was refused, as it is counted: the cookie; the name that was asked for or
 * given; a node of that name that is connected or being dialled; as many connections as there may
 * be; the time; another version of
 * the wire; an HTTP client, a TLS client or an Erlang node; too many others that are not in yet;
 * no word before the end; and anything else that no node says.
 */
export type RefusalCause =
  | "cookie"
  | "name"
  | "alive"
  | "full"
  | "timeout"
  | "version"
  | "http"
  | "tls"
  | "erlang"
  | "halfOpen"
  | "closed"
  | "protocol";

const CAUSES: Record<HandshakeError["code"], RefusalCause> = {
  refused: "name",
  closed: "closed",
  superseded: "alive",
  alive: "alive",
  protocol: "protocol",
  timeout: "timeout",
};

/** Why a handshake came to nothing. */
export class HandshakeError extends Error {
  /** Always `"HandshakeError"`. */
  override readonly name = "HandshakeError";
  /** What it was. */
  readonly code:
    | "refused"
    | "superseded"
    | "alive"
    | "closed"
    | "protocol"
    | "timeout";
  /** What it is counted as. */
  readonly counted: RefusalCause;

  /** Made by wires. */
  constructor(
    code: HandshakeError["code"],
    message: string,
    counted: RefusalCause = CAUSES[code],
  ) {
    super(message);
    this.code = code;
    this.counted = counted;
  }
}

/** A language of nodes. */
export interface Wire {
  /** What EPMD's Extra field says of a node that speaks it. */
  readonly extra: string;
  /** Whether these first bytes of a dialler are of this wire; `undefined` when there are too few. */
  sniff(bytes: Uint8Array): boolean | undefined;
  /** Lets a dialler in. The bytes that were sniffed come first. */
  accept(
    transport: Transport,
    first: Uint8Array,
    local: Local,
  ): Promise<Session>;
  /** Dials a node of that name; asks `isWanted` before it claims to have no connection to it. */
  dial(
    transport: Transport,
    name: string,
    local: Local,
    isWanted: () => boolean,
  ): Promise<Session>;
}
