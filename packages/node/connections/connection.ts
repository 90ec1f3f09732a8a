/**
 * An established connection to a peer: its queue, its ticks, and its end.
 *
 * **The queue** to the peer has three parts, which bytes pass in this order: unwritten signals
 * (`Outgoing.pending`), the backlog of frames, and the transport's buffer.
 *
 * - *Flowing*: a session's frames go to the transport at once, and the backlog is empty. `flush` runs
 *   once in a turn of the event loop, when all microtasks have run.
 * - *Blocked*: `Transport.write` has returned false. Frames go to the backlog, `room` is 0, and the session asks before
 *   each message. `drained` ends this state: it passes on a batch of the backlog, which may block again. The transport
 *   reports only when all bytes have left, so each batch that leaves shows that the peer reads.
 *
 * **Large messages** leave a part at a time, as far as the peer has read the parts before them (`window.ts`).
 *
 * **Held back.** A full queue (`maxQueueBytes`) refuses messages, but not answers, exits and similar
 * signals, which could grow without end for a peer that sends requests and does not read. So when the
 * queue is full, the transport is paused. For each batch that leaves, `CREDIT` batches are read from the
 * peer. Two nodes can hold each other back, each with a full queue and neither reading, so after
 * `PROBE` milliseconds a credit is read anyway. At `HARD` times the limit the connection ends.
 *
 * **Steps first.** While steps of processes wait for the event loop to turn, a connection reads for a few
 * milliseconds, then pauses until it has turned (`InputShare` in `packages/processes/scheduling/input_share.ts`).
 *
 * **Ticks.** The node calls `tick` 16 times in a tick time. A side that has written nothing for `QUIET_TURNS` calls
 * sends an empty frame, unless it is blocked and so bytes are under way. A peer that has sent nothing for
 * `SILENT_TURNS` calls is down, unless this side did not read. A peer that has read nothing for as long, while blocked,
 * is down as well. A thread of this program needs no ticks (`Transport.isThread`).
 */

import nodeProcess from "node:process";
import { QueueFullError } from "@otp/processes/errors";
import { scheduler } from "@otp/processes/scheduling/scheduler";
import type { Runtime } from "@otp/processes/process/runtime";
import { arrive, tracing } from "@otp/processes/context/tracing";
import { Pid } from "@otp/processes/values/pid";
import type { Backpressure, Signals } from "@otp/processes/signals/signal";
import type { Budget } from "./budget.ts";
import type { TakenRoute } from "../addresses/known_addresses.ts";
import type { PendingSignals } from "./pending_signals.ts";
import type { Poller } from "@otp/processes/host/poll";
import type { ConnectionStats } from "./statistics.ts";
import { Window } from "./window.ts";
import type {
  Ends,
  Incoming,
  Limits,
  Outgoing,
  Peer,
  Port,
  Session,
  Transport,
  WireName,
} from "../wire.ts";
import type { PeerAddress } from "@otp/processes/remote/peer_address";

/** The number of calls of `tick` without written bytes after which an empty frame is sent. */
export const QUIET_TURNS = 2;

/**
 * The number of calls of `tick` without received bytes after which a peer is down: 1.125 to 1.19 tick times. A peer
 * that computes for a whole tick time, and last ticked an eighth before, is still in time. Calls are counted, not
 * time: a node that was busy itself has received nothing for that reason.
 */
export const SILENT_TURNS = 19;

/**
 * The number of calls of `tick` after which large messages no longer wait for a peer that has never sent an ack. If it
 * does not read either, the transport blocks.
 */
const LATE_TURNS = 4;

/**
 * The maximum number of bytes of the backlog that are passed to the transport at a time. The transport reports only
 * when all of them have left, which shows that the peer reads.
 */
const BATCH = 1 << 18;

/** A batch is at most this fraction of a full queue. */
const BATCHES = 8;

/**
 * While the queue is full, the number of batches that are read from the peer for each batch that has left. With one
 * batch, two nodes that block each other would come to a standstill.
 */
const CREDIT = 2;

/** The time after which a credit is read from a blocked peer anyway, in milliseconds. */
const PROBE = 250;

/** The number of bytes that are read later in a turn of the event loop: about a millisecond. */
const LATE_BYTES = 1 << 16;

/** Answers, which cannot be refused, may fill a queue to this multiple of the limit for messages. */
const HARD = 2;

/** The events of a connection, for its node. */
export interface ConnectionHandlers {
  /** Called once when it is closed, with the reason; no other callback follows. */
  down(reason: string): void;
  /** Called when a signal of the peer was refused alone. */
  refused(signal: string, why: string): void;
  /** Called with the peer's own peers. */
  peers(nodes: PeerAddress[]): void;
}

/** The parts of a connection. */
export interface ConnectionOptions
  extends Pick<Connection, "dialled" | "known" | "wire"> {
  /** The stream of bytes, after its handshake. */
  transport: Transport;
  /** The result of the handshake. */
  session: Session;
  /** The node's limits. */
  limits: Limits;
  /** The node's processes. */
  runtime: Runtime;
  /** The bytes that wait for all nodes together. */
  queued: Budget;
  /** The counters. */
  stats: ConnectionStats;
  /** Polls after traffic, if the node polls. */
  poller?: Poller;
  /** The callbacks. */
  handlers: ConnectionHandlers;
}

/** An established connection to a peer. */
export class Connection implements Port {
  /** The node at the other end. */
  readonly peer: Peer;
  /** Sends signals to the peer. */
  readonly signals: Signals;
  /** The number of bytes that may wait in the session before it asks: 0 while the transport is blocked. */
  room: number;
  /** The address that was dialled; `undefined` if the peer has dialled. */
  readonly dialled: string | undefined;
  /** The routes on which the peer was reached before. */
  readonly known: readonly TakenRoute[];
  /** The wire of the session. */
  readonly wire: WireName;
  /** The number of nodes that the peer has introduced. */
  introduced = 0;
  /** The bytes received from the peer, and sent to it, after the handshake. */
  receivedBytes = 0;
  sentBytes = 0;
  readonly #transport: Transport;
  /** The bytes that came with the handshake. */
  readonly #rest: Uint8Array;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #limits: Limits;
  readonly #batch: number;
  readonly #runtime: Runtime;
  readonly #queuedBytes: Budget;
  /** The window of large messages. */
  readonly #window = new Window();
  readonly #handlers: ConnectionHandlers;
  readonly #stats: ConnectionStats;
  readonly #poller: Poller | undefined;
  /** Frames that the transport has not received yet. */
  #backlog: Uint8Array[] = [];
  #backlogBytes = 0;
  /** Frames that the transport may still refer to. */
  readonly #leaving: Uint8Array[] = [];
  /** The bytes of the queue that the budget counts. */
  #counted = 0;
  /** The length of the queue at which the peer is disconnected. */
  #most: number;
  #awake = false;
  /**
   * Flushes when all microtasks have run. In a callback of a socket, callbacks of process.nextTick run before
   * microtasks: the answer to a spawn would leave without the first output of the started process.
   */
  readonly #flushSoon = () => nodeProcess.nextTick(flushOf, this);
  /** Whether the transport has not yet reported that all bytes have left. */
  #blocked = false;
  /** The `room` while the transport is not blocked. */
  readonly #freeRoom: number;
  #closed = false;
  #replaying = false;
  #drain: PromiseWithResolvers<void> | undefined;
  /** Like `#drain`, for messages that pass large ones. */
  #passDrain: PromiseWithResolvers<void> | undefined;
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #quiet = 0;
  #silent = 0;
  /** Sixteenths of the tick time in which none of the waiting bytes has left. */
  #stuck = 0;
  /** Whether the peer is held back. */
  #heldBack = false;
  /** Whether nothing is read until the event loop has turned. */
  #waitsForTurn = false;
  readonly #endWaitForTurn = () => {
    this.#waitsForTurn = false;
    this.#resume();
  };
  #readsLater = false;
  readonly #readLate = () => {
    this.#readsLater = false;
    scheduler.input.note(LATE_BYTES);
    this.#read(() => this.#incoming.readLate!(LATE_BYTES));
  };
  #credit = 0;
  #stopProbe: () => void = () => {};

  /** Takes over a transport after its handshake. */
  constructor(options: ConnectionOptions) {
    const { session, limits, runtime } = options;
    this.peer = session.peer;
    this.dialled = options.dialled;
    this.known = options.known;
    this.wire = options.wire;
    this.#transport = options.transport;
    this.#rest = session.rest;
    this.#limits = limits;
    this.#runtime = runtime;
    this.#queuedBytes = options.queued;
    this.#handlers = options.handlers;
    this.#stats = options.stats;
    this.#poller = options.transport.isThread ? undefined : options.poller;
    this.#most = HARD * limits.maxQueueBytes;
    this.#batch = Math.min(BATCH, Math.ceil(limits.maxQueueBytes / BATCHES));
    this.#freeRoom = Math.min(limits.highWaterMark, limits.maxQueueBytes);
    this.room = this.#freeRoom;
    const { outgoing, incoming } = session.open(this, runtime.local);
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    this.signals = outgoing;
  }

  /** The addresses of both ends, if it is not within the program. */
  get ends(): Ends | undefined {
    return this.#transport.ends;
  }

  /** Sends the signals that waited for the node, which other limits applied to. */
  replay(pending: PendingSignals): Error | undefined {
    this.#replaying = true;
    try {
      return pending.replay(this.signals);
    } finally {
      this.#replaying = false;
      this.#most += this.queuedBytes;
    }
  }

  /** Starts reading. The node has listed the connection before. */
  start(): void {
    if (this.#rest.length > 0) this.#receive(this.#rest);
    this.#transport.start({
      bytes: (chunk) => this.#receive(chunk),
      drained: () => this.#drained(),
      closed: (error) => {
        this.#read(() => this.#incoming.readLate?.(Infinity));
        this.#down(error?.message ?? "closed by the peer");
        this.#gone.resolve();
      },
    });
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#poller?.arrived();
    this.#silent = 0;
    scheduler.input.note(chunk.length);
    this.#stats.receivedBytes += chunk.length;
    this.receivedBytes += chunk.length;
    this.#read(() => this.#incoming.receive(chunk));
    if (this.#blocked || this.#isAhead) this.#holdBack(chunk.length);
    if (this.#closed || this.#waitsForTurn) return;
    if (scheduler.input.canReadOn(this.#endWaitForTurn)) return;
    this.#pause();
    this.#waitsForTurn = true;
  }

  #read(decode: () => void): void {
    if (this.#closed) return;
    try {
      if (tracing === undefined) decode();
      else arrive(undefined, decode);
    } catch (error) {
      this.#stats.protocolErrors++;
      this.#down(`it sent ${(error as Error).message}`);
    }
  }

  #pause(): void {
    if (!this.#heldBack && !this.#waitsForTurn) this.#transport.pause();
  }

  #resume(): void {
    if (this.#closed || this.#heldBack || this.#waitsForTurn) return;
    this.#transport.resume();
  }

  // Port: the session's view of the connection.

  readLater(): void {
    if (this.#readsLater) return;
    this.#readsLater = true;
    scheduler.afterPoll(this.#readLate);
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    queueMicrotask(this.#flushSoon);
  }

  write(bytes: Uint8Array): void {
    this.#quiet = 0;
    this.#stats.sentBytes += bytes.length;
    this.sentBytes += bytes.length;
    if (this.#closed) return;
    if (this.#blocked) {
      this.#backlog.push(bytes);
      this.#backlogBytes += bytes.length;
    } else this.#pass(bytes);
  }

  /** Writes to the transport, which may be blocked then. */
  #pass(bytes: Uint8Array): void {
    this.#poller?.left();
    const isFree = this.#transport.write(bytes);
    if (this.#transport.hasSent !== undefined) {
      this.#leaving.push(bytes);
      this.#reuse();
    }
    if (isFree) return;
    this.#blocked = true;
    this.room = 0;
  }

  /** Returns frames that have left to the session. */
  #reuse(): void {
    if (!this.#transport.hasSent) return;
    for (let i = 0; i < this.#leaving.length; i++) {
      this.#outgoing.reuse?.(this.#leaving[i]);
    }
    this.#leaving.length = 0;
  }

  pressure(passed = 0): Backpressure {
    if (
      this.#closed || this.queuedBytes - passed < this.#limits.highWaterMark
    ) return undefined;
    if (passed > 0) {
      this.#passDrain ??= Promise.withResolvers<void>();
      return this.#passDrain.promise;
    }
    this.#drain ??= Promise.withResolvers<void>();
    return this.#drain.promise;
  }

  assertRoom(): void {
    const { maxQueueBytes } = this.#limits;
    if (!this.#blocked && this.#outgoing.pending < maxQueueBytes) return;
    const queued = this.queuedBytes;
    if (!this.#isFull(queued) || this.#replaying) return;
    const { used, max } = this.#queuedBytes;
    throw queued >= maxQueueBytes
      ? new QueueFullError(this.peer.name, queued, maxQueueBytes)
      : new QueueFullError(this.peer.name, used, max, "maxTotalQueueBytes");
  }

  refused(signal: string, why: string): void {
    this.#stats.refusedSignals++;
    this.#handlers.refused(signal, why);
  }

  peers(nodes: PeerAddress[]): void {
    this.#handlers.peers(nodes);
  }

  /** The remote address, as `host:port`. */
  get remote(): string {
    return this.#transport.remote;
  }

  /** The number of bytes that wait for the peer. */
  get queuedBytes(): number {
    return this.#outgoing.pending + this.#backlogBytes +
      this.#transport.buffered;
  }

  /** Whether the queue is too long for more messages. */
  #isFull(queued: number): boolean {
    return queued >= this.#limits.maxQueueBytes ||
      queued >= this.#limits.highWaterMark && this.#queuedBytes.isFull;
  }

  /** Updates the share of this queue in the bytes of all queues; returns the length of this queue. */
  #count(): number {
    const queued = this.queuedBytes;
    this.#queuedBytes.add(queued - this.#counted);
    return this.#counted = queued;
  }

  /** Writes the waiting signals. */
  flush(): void {
    this.#awake = false;
    if (this.#closed) return;
    // The session adds frames by itself while the transport is blocked.
    if (this.#blocked) return this.#holdBack(0);
    // Small signals wait behind a batch, so it is the most.
    const room = Math.min(this.#batch, this.#limits.highWaterMark);
    if ((this.#outgoing.passable ?? 0) === 0) this.#outgoing.flush(room);
    else this.#flushLarge(room);
    if (this.#outgoing.pending > 0 && !this.#blocked && !this.#isAhead) {
      // The socket accepts more: write the rest after other connections.
      this.#awake = true;
      scheduler.afterTurn(() => this.flush());
    }
    if (this.#counted > 0) this.#count();
    this.#release();
  }

  /** Writes waiting signals, at most `room` bytes of large messages among them. */
  #flushLarge(room: number): void {
    const outgoing = this.#outgoing;
    const before = outgoing.passable!;
    if (this.#isAhead) this.#holdBack(0);
    if (this.#closed) return;
    outgoing.flush(this.#heldBack ? room : Math.min(room, this.#window.room));
    const now = this.#runtime.clock.now();
    const probe = this.#window.add(before - outgoing.passable!, now);
    if (probe === undefined) return;
    const { node, creation } = this.#runtime;
    const { peer } = this;
    outgoing.unlink(
      new Pid(node, 0, creation),
      new Pid(peer.name, 0, peer.creation),
      probe,
    );
    outgoing.flush(0);
  }

  /**
   * Whether large messages wait until the peer has read more. While nothing is read from the peer, its acks are not read
   * either, and only the transport limits what is written.
   */
  get #isAhead(): boolean {
    return !this.#heldBack && this.#window.room <= 0 &&
      (this.#outgoing.passable ?? 0) > 0;
  }

  /** Notes that the peer has read everything before the `unlink` with that id, if one was sent. */
  confirmed(id: number): void {
    if (!this.#window.confirm(id, this.#runtime.clock.now())) return;
    this.#stuck = 0;
    if (this.#outgoing.pending > 0) this.wake();
  }

  #drained(): void {
    this.#blocked = false;
    this.#reuse();
    this.room = this.#freeRoom;
    this.#stuck = 0;
    let room = this.#batch;
    let next = 0;
    while (next < this.#backlog.length && (room > 0 || !this.#blocked)) {
      const bytes = this.#backlog[next++];
      room -= bytes.length;
      this.#backlogBytes -= bytes.length;
      this.#pass(bytes);
    }
    if (next > 0) this.#backlog = this.#backlog.slice(next);
    if (this.#heldBack || this.#counted > 0) this.#readOn(this.#count());
    if (this.#blocked) this.#release();
    else this.flush();
  }

  #release(): void {
    if (this.#drain === undefined && this.#passDrain === undefined) return;
    const queued = this.queuedBytes;
    const { highWaterMark } = this.#limits;
    if (queued - (this.#outgoing.passable ?? 0) < highWaterMark) {
      this.#passDrain?.resolve();
      this.#passDrain = undefined;
    }
    if (queued >= highWaterMark) return;
    this.#drain?.resolve();
    this.#drain = undefined;
  }

  // Holding the peer back.

  /** Stops reading if too many bytes wait and the credit is used up, and closes at the hard limit. */
  #holdBack(read: number): void {
    if (this.#closed) return;
    const queued = this.#count();
    if (!this.#isFull(queued)) return;
    if (
      queued >= this.#most || queued >= this.#limits.highWaterMark &&
        this.#queuedBytes.used >= HARD * this.#queuedBytes.max
    ) {
      this.#stats.unread++;
      this.#down(
        `${queued} bytes wait for it, as it asks more than it reads (limits.maxQueueBytes, limits.maxTotalQueueBytes)`,
      );
      return;
    }
    this.#credit = Math.max(0, this.#credit - read);
    if (this.#heldBack || this.#credit > 0) return;
    this.#pause();
    this.#heldBack = true;
    this.#stopProbe = this.#runtime.deadlines.after(
      PROBE,
      () => this.#readOn(this.#count()),
    );
  }

  /** Resumes reading: without limit, or a credit if too many bytes wait. */
  #readOn(queued: number): void {
    if (this.#closed) return;
    this.#credit = this.#isFull(queued) ? CREDIT * this.#batch : 0;
    if (!this.#heldBack) return;
    this.#heldBack = false;
    this.#stopProbe();
    this.#resume();
  }

  /** Called after each sixteenth of the tick time. */
  tick(): void {
    if (this.#closed || this.#transport.isThread) return;
    if (++this.#quiet >= QUIET_TURNS && !this.#blocked) this.#outgoing.tick();
    const isStuck = this.#blocked || this.#isAhead;
    if (isStuck && ++this.#stuck >= LATE_TURNS && !this.#window.isAcked) {
      this.#window.lift();
      this.wake();
    }
    if (isStuck && this.#stuck >= SILENT_TURNS) {
      this.#stats.unread++;
      this.#down("it has read nothing for longer than the tick time");
    } else if (!this.#heldBack && ++this.#silent >= SILENT_TURNS) {
      this.#stats.silent++;
      this.#down("it was silent for longer than the tick time");
    }
  }

  /** Introduces this node's peers to the peer. */
  announce(nodes: PeerAddress[]): void {
    this.#outgoing.announce(nodes);
  }

  /** Sends the waiting bytes, as far as the peer reads them, and closes; resolves when it is closed. */
  close(reason: string): Promise<void> {
    if (!this.#closed) {
      this.#outgoing.flush(Infinity);
      for (const bytes of this.#backlog) this.#transport.write(bytes);
      this.#transport.end(true);
      this.#down(reason, true);
    }
    return this.#gone.promise;
  }

  /** Closes at once. */
  drop(reason: string): void {
    this.#down(reason);
  }

  #down(reason: string, ended = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopProbe();
    this.#queuedBytes.add(-this.#counted);
    this.#counted = 0;
    this.#backlog = [];
    this.#leaving.length = 0;
    this.#incoming.close();
    if (!ended) this.#transport.destroy();
    this.#drain?.resolve();
    this.#passDrain?.resolve();
    this.#drain = this.#passDrain = undefined;
    this.#handlers.down(reason);
  }
}

function flushOf(connection: Connection): void {
  connection.flush();
}
