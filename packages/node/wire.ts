/**
 * The contract between a wire and its users.
 *
 * A wire is a protocol of two nodes over a stream of bytes: how they introduce and authenticate each other, and
 * how each kind of signal is encoded.
 */

import type { PeerAddress } from "@otp/processes/remote/peer_address";
import type {
  Backpressure,
  Mfa,
  Queued,
  Runnable,
  Signals,
} from "@otp/processes/signals/signal";

/** The limits of the data that a node accepts from a peer and retains for it. Bytes are counted on the wire. */
export interface Limits {
  /**
   * The nesting depth of a message: arrays, objects, maps, sets and errors each count as one level. A deeper value of
   * a peer is refused alone, and the connection stays.
   *
   * @default {512}
   */
  maxDepth: number;
  /**
   * The size of a frame, in bytes.
   *
   * @default {1048576}
   */
  maxFrameBytes: number;
  /**
   * The size of a message, in bytes: its JSON and its raw bytes together.
   *
   * @default {33554432}
   */
  maxMessageBytes: number;
  /**
   * The total size of incomplete messages of all peers, in bytes.
   *
   * @default {268435456}
   */
  maxTotalMessageBytes: number;
  /**
   * The number of bytes queued for one peer from which `send` returns a promise. Large messages of other
   * processes, which smaller ones pass, do not count.
   *
   * @default {1048576}
   */
  highWaterMark: number;
  /**
   * The number of bytes queued for one peer, connected or being dialled, above which `send` throws. Above it, the node
   * reads from that peer no faster than the peer reads; above twice as much, it disconnects the peer.
   *
   * @default {134217728}
   */
  maxQueueBytes: number;
  /**
   * The number of bytes queued for all peers together above which `send` throws, for peers with more than
   * `highWaterMark` in their queue.
   *
   * @default {536870912}
   */
  maxTotalQueueBytes: number;
  /**
   * The time limit for an unauthenticated connection to authenticate, in milliseconds.
   *
   * @default {5000}
   */
  handshakeTimeout: number;
  /**
   * Concurrent unauthenticated connections.
   *
   * @default {64}
   */
  maxHalfOpen: number;
  /**
   * Connections to peers; also the maximum number of nodes that are being dialled at the same time.
   *
   * @default {1024}
   */
  maxConnections: number;
  /**
   * The number of signals queued while a node is being dialled, above which `send` throws; above twice as
   * many, the dial is aborted.
   *
   * @default {100000}
   */
  maxPendingSignals: number;
  /**
   * Live processes on this node that one peer has started, including tasks.
   *
   * @default {100000}
   */
  maxRemoteProcesses: number;
  /**
   * Links that one peer's processes have created to processes of this node.
   *
   * @default {100000}
   */
  maxRemoteLinks: number;
  /**
   * Monitors that one peer's processes have on processes of this node.
   *
   * @default {100000}
   */
  maxRemoteMonitors: number;
  /**
   * Entries that this node's servers store for one peer: global names and locks, group members, children and
   * tasks that it has started, and pending requests.
   *
   * @default {100000}
   */
  maxRemoteEntries: number;
  /**
   * Live processes on this node that all peers together have started.
   *
   * @default {200000}
   */
  maxTotalRemoteProcesses: number;
  /**
   * Links that the processes of all peers together have created to processes of this node.
   *
   * @default {400000}
   */
  maxTotalRemoteLinks: number;
  /**
   * Monitors that the processes of all peers together have on processes of this node.
   *
   * @default {400000}
   */
  maxTotalRemoteMonitors: number;
  /**
   * Entries that this node's servers store for all peers together.
   *
   * @default {400000}
   */
  maxTotalRemoteEntries: number;
}

/** The default limits of a node. */
export const DEFAULT_LIMITS: Limits = {
  maxDepth: 512,
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

/** The IP addresses of the two ends of a connection. */
export interface Ends {
  /** The address of this end. */
  readonly localHost: string;
  /** The address of the other end. */
  readonly remoteHost: string;
  /** The port of the other end. */
  readonly remotePort: number;
}

/** A stream of bytes to another node. */
export interface Transport {
  /** The remote end, for the log. */
  readonly remote: string;
  /** The addresses of both ends; `undefined` for a connection within the program. */
  readonly ends?: Ends;
  /** The number of written bytes that have not left. */
  readonly buffered: number;
  /** Whether all written bytes have left its memory; `undefined` if unknown. */
  readonly hasSent?: boolean;
  /**
   * Whether the other end is on a thread of this program. The host reports the end of a thread, so a silent thread
   * only computes, and ticks are not needed.
   */
  readonly isThread?: boolean;
  /** Data that only the two ends of this secure channel know, and that a proof has to cover. */
  readonly binding?: string;
  /** Returns why a node of this name may not be at the other end; `undefined` if it may. */
  mismatch?(name: string): string | undefined;
  /** Starts reading; no handler is called before. */
  start(handlers: TransportHandlers): void;
  /** Sends bytes, which must not change afterwards; returns false when `drained` will report that they left. */
  write(bytes: Uint8Array): boolean;
  /** Stops reading, so that the other end's bytes wait at the other end. A few bytes may still arrive. */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /**
   * Sends the written bytes, then closes. With `drains`, reads on until the other end has closed too, for a second at
   * most: bytes that arrive at a closed socket reset it, and the other end may lose bytes that it has not read.
   */
  end(drains?: boolean): void;
  /** Closes at once. */
  destroy(): void;
}

/** The events of a transport. */
export interface TransportHandlers {
  /** Bytes arrived; retained parts of them must be copied. */
  bytes(chunk: Uint8Array): void;
  /** All written bytes have left. */
  drained(): void;
  /** The transport is closed, with or without an error; no event follows. */
  closed(error?: Error): void;
}

/** Where a node accepts connections. */
export interface Listening {
  /** The port; `undefined` if it accepts none. */
  readonly port?: number;
  /** The IP address; `undefined` for all addresses of its machine. */
  readonly host?: string;
}

/** A node at the other end of a connection, and the facts that it states. */
export interface Peer {
  /** The node's name. */
  name: string;
  /** The node's incarnation. */
  creation: number;
  /** Whether it is a hidden node; unknown before the handshake. */
  hidden?: boolean;
  /** Where it listens, if it states its address. Such a peer also accepts addresses of other nodes. */
  listen?: Listening;
  /** Whether it states on the JSON wire that it speaks Erlang's wire too. */
  beam?: boolean;
  /** The digest of the nodes that it knew at the end of the handshake, if it states one. */
  knows?: string;
}

/**
 * A listener's answer to a dialler. `"alive"` means that the listener has a connection to a node of the dialler's name,
 * which the new connection replaces if the dialler does not have it.
 */
export type Status =
  | "ok"
  | "ok_simultaneous"
  | "nok"
  | "alive"
  | "not_allowed"
  | "full";

/** How a wire settles two dials that cross, one in each direction. */
export interface CrossingRule {
  /** Whether the dial of the node with the smaller or of the node with the greater name goes on. */
  readonly goesOn: "smaller" | "greater";
  /**
   * Whether a listener can send a dialler a reason after the proof. If not, the dialler may have ended its dial
   * silently, so `confirm` waits for the outcome of this node's own dial if that goes on.
   */
  readonly refusesLate: boolean;
}

/** The answers to a dialler at the listener, before and after its proof. */
export interface Admission {
  /** The answer, before either side has proved that it knows the cookie. */
  readonly status: Status;
  /** Returns the answer after the dialler's proof: `"ok"`, or the reason for a refusal. */
  confirm(): Promise<Status>;
  /**
   * Returns whether the dialler may have ended its dial for another connection: a node of this name has connected
   * since, even if it is no longer connected, or this node dials it.
   */
  isElsewhere(): boolean;
}

/** The admission of a dialler that asked for another node, or whose certificate is not valid for its name. */
export const NOT_ADMITTED: Admission = {
  status: "not_allowed",
  confirm: () => Promise.resolve("not_allowed"),
  isElsewhere: () => false,
};

/** Bytes that are retained for all peers together. */
export interface ByteBudget {
  /** The limit. */
  readonly max: number;
  /** The retained bytes. */
  readonly used: number;
  /** Counts bytes that are retained from now on; a negative number counts released bytes. */
  add(bytes: number): void;
}

/** The data of a node that a handshake, and the session after it, need. */
export interface Local {
  /** The node's name. */
  readonly name: string;
  /** The node's incarnation. */
  readonly creation: number;
  /** Whether the node is hidden. */
  readonly hidden: boolean;
  /** Whether the node speaks Erlang's wire too. */
  readonly beam?: boolean;
  /** Where it listens. */
  readonly listen?: Listening;
  /** The shared secret. */
  readonly cookie: string;
  /** The node's limits. */
  readonly limits: Limits;
  /** Returns unpredictable bytes. */
  randomBytes(size: number): Uint8Array;
  /** The incomplete parts of messages, of all peers. */
  readonly parts: ByteBudget;
  /** The node's functions, for wires to nodes that name functions differently; absent if the node has no such wire. */
  readonly functions: Functions | undefined;
  /** Returns the digest of the visible nodes that this node knows, for a peer; `undefined` if it states none. */
  knows?(peer: string): string | undefined;
  /** Decides about a dialler of that name. */
  admit(name: string, rule: CrossingRule): Admission;
}

/** Functions as a BEAM names them. */
export interface Functions {
  /** Returns the request for the function that a BEAM names. */
  requested(mfa: Mfa): Runnable;
  /**
   * Returns the BEAM's form of a request. Throws a `TypeError` if a BEAM cannot run the function; the message names an
   * alternative.
   */
  called(run: Runnable): Mfa;
}

/** An open session's view of its connection. */
export interface Port {
  /**
   * The number of bytes that may wait in the session; 0 while the transport is blocked. Beyond it, the session asks
   * `assertRoom` and `pressure`, which know the rest of the queue.
   */
  readonly room: number;
  /** Requests a call of `flush` at the end of this turn of the event loop. */
  wake(): void;
  /** Sends bytes. */
  write(bytes: Uint8Array): void;
  /**
   * Returns the result of `send` when the session's part of the queue is at `room`. The message passes the first
   * `passed` bytes that wait in the session.
   */
  pressure(passed?: number): Backpressure;
  /** @throws {QueueFullError} If the queue is at its hard limit. */
  assertRoom(): void;
  /**
   * Called when a signal of the peer was refused alone, as a term in it exceeds a limit: with the kind of the signal,
   * "a message", and the reason.
   */
  refused?(signal: string, why: string): void;
  /** Called with the peers of the peer. */
  peers(nodes: PeerAddress[]): void;
  /** Requests calls of `readLate` in later turns of the event loop. Without it, the session reads everything at once. */
  readLater?(): void;
  /** Called with the id of an ack to the pid of the number 0, which is no process. */
  confirmed?(id: number): void;
}

/** Two nodes that have authenticated each other: the result of a handshake. */
export interface Session {
  /** The other node. */
  readonly peer: Peer;
  /** Whether the peer has no other connection to this node, though this node may have one to it. */
  readonly replaces: boolean;
  /** The bytes received after the handshake, which the session must read first. */
  readonly rest: Uint8Array;
  /** Opens the session; signals that arrive go to `deliver`. */
  open(port: Port, deliver: Signals): WireChannel;
}

/** The two directions of an open session. */
export interface WireChannel {
  /** Signals for the peer. */
  readonly outgoing: Outgoing;
  /** Bytes of the peer. */
  readonly incoming: Incoming;
}

/** Takes signals for the peer, and writes them to the port. */
export interface Outgoing extends Signals, Queued {
  /** The bytes that wait to be written. */
  readonly pending: number;
  /** The waiting bytes that other messages pass. */
  readonly passable?: number;
  /** Writes the waiting signals, but only `room` bytes of large messages; called again when these have left. */
  flush(room: number): void;
  /** Called with bytes that were written, and to which nothing else refers any more. */
  reuse?(bytes: Uint8Array): void;
  /** Writes a tick, which shows that this node is alive. */
  tick(): void;
  /** Introduces this node's peers. */
  announce(peers: PeerAddress[]): void;
}

/** Reads the bytes of the peer, and delivers its signals. */
export interface Incoming {
  /** Decodes received bytes. Throws if `chunk` is invalid. */
  receive(chunk: Uint8Array): void;
  /** Decodes about `room` bytes that were left for later. Throws if they are invalid. */
  readLate?(room: number): void;
  /** Discards incomplete signals when the connection closes. */
  close(): void;
}

/**
 * The reason for a refused connection, as counted: the cookie; the requested or offered name; another
 * connection to, or dial of, a node of that name; the limit of connections; the time limit; another version
 * of the wire; an HTTP client, a TLS client or an Erlang node; too many unauthenticated connections; a
 * connection that closed without sending bytes; and any other invalid data.
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

/** The failure of a handshake. */
export class HandshakeError extends Error {
  /** Always `"HandshakeError"`. */
  override readonly name = "HandshakeError";
  /** The kind of failure. */
  readonly code:
    | "refused"
    | "superseded"
    | "alive"
    | "closed"
    | "protocol"
    | "timeout";
  /** The cause under which it is counted. */
  readonly counted: RefusalCause;

  /** Created by wires. */
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

/** The names of wires, as in the option `wires`. */
export type WireName = "json" | "beam";

/** A protocol between nodes. */
export interface Wire {
  /** The wire's name. */
  readonly name: WireName;
  /** The word in EPMD's Extra field of a node that speaks it. */
  readonly extra: string;
  /**
   * Whether these first bytes of a dialler are of this wire; `undefined` when there are too few. On a secure
   * channel, a wire may have other first bytes.
   */
  sniff(bytes: Uint8Array, isSecure: boolean): boolean | undefined;
  /**
   * Accepts a dialler; returns `undefined` if it only asked for this node's name. `first` returns the bytes that
   * arrived before the wire takes the transport over.
   */
  accept(
    transport: Transport,
    first: () => Uint8Array,
    local: Local,
  ): Promise<Session | undefined>;
  /** Asks the listener for its name and incarnation, if this wire can; there is no proof of either. */
  ask?(transport: Transport, local: Local): Promise<Peer>;
  /**
   * Dials a node of that name. `over` aborts when there is a connection to it by its own dial, before the wire
   * claims to have none.
   */
  dial(
    transport: Transport,
    name: string,
    local: Local,
    over: AbortSignal,
  ): Promise<Session>;
}
