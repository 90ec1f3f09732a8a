/**
 * A connection to a peer that is in: its queue, its ticks, and its end.
 *
 * @module
 */

import nodeProcess from "node:process";
import { QueueFullError } from "../errors.ts";
import { afterTurn, heard } from "../runtime/scheduling/scheduler.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Backpressure, Signals } from "../runtime/signals/signal.ts";
import type { Budget } from "./budget.ts";
import type { PendingSignals } from "./pending_signals.ts";
import type { ConnectionStats } from "./statistics.ts";
import type { Limits, Peer, Port, Session, Transport } from "./wire.ts";

/** A tick is sent after so many of the node's sixteenths of the tick time without a word. */
const QUIET_TURNS = 2;

/**
 * A peer is down after so many sixteenths without a word: 1.125 to 1.19 tick times. A node that
 * computes for a whole tick time, and last ticked an eighth before, is still heard in time.
 * Turns are counted, not time: a node that was busy itself has heard nothing for that reason.
 */
const SILENT_TURNS = 19;

/**
 * How many bytes of the backlog the transport gets at a time, at most. The transport says only when
 * all of them have left, and that is how it is seen that the peer reads.
 */
const BATCH = 1 << 18;

/** Which part of a full queue is a batch, at most. */
const BATCHES = 8;

/**
 * How many batches are read from a peer when one has left for it, while more waits than may. More
 * than one, so that two nodes that hold each other back do not come to a standstill.
 */
const CREDIT = 2;

/** How long a peer is not read from at all before a credit is read anyway, in milliseconds. */
const PROBE = 250;

/** How many times the cap of messages answers may reach, which cannot be refused. */
const HARD = 2;

/** What a connection tells its node. */
export interface ConnectionHandlers {
  /** It is closed, for the reason given; told once, and nothing comes after it. */
  down(reason: string): void;
  /** The peer's own peers. */
  peers(names: string[]): void;
}

/** The parts of a connection. */
export interface ConnectionOptions {
  /** The stream of bytes, after its handshake. */
  transport: Transport;
  /** The session that the handshake ended in. */
  session: Session;
  /** The node's limits. */
  limits: Limits;
  /** The node's processes. */
  runtime: Runtime;
  /** The bytes that wait for all nodes together. */
  queued: Budget;
  /** The counters. */
  stats: ConnectionStats;
  /** The callbacks. */
  handlers: ConnectionHandlers;
}

/**
 * A connection to a peer that is in.
 *
 * The queue to the peer is the session's, then the backlog, then the transport's. Messages are
 * refused when it is full (`maxQueueBytes`); answers, exits and the like are not. So that a peer that
 * asks and does not read cannot have it grow without end, the peer is then read from only as fast
 * as it reads: a credit for each batch that leaves. Two nodes can both be in that state, each with
 * a full queue to the other, and neither reading: a credit now and then has them go on. At `HARD`
 * times the cap, and when nothing has left for as long as a peer may be silent, it is down.
 */
export class Connection implements Port {
  /** Who the other one is. */
  readonly peer: Peer;
  /** Where signals for the peer go. */
  readonly signals: Signals;
  /** How many nodes the peer has introduced. */
  introduced = 0;
  readonly #transport: Transport;
  readonly #session: Session;
  readonly #limits: Limits;
  readonly #batch: number;
  readonly #runtime: Runtime;
  readonly #queuedBytes: Budget;
  readonly #handlers: ConnectionHandlers;
  readonly #stats: ConnectionStats;
  /** Frames that the transport has not been given. */
  #backlog: Uint8Array[] = [];
  #backlogBytes = 0;
  /** The bytes of the queue that the budget has. */
  #counted = 0;
  /** The queue at which the peer is cut off. */
  #most: number;
  #awake = false;
  /**
   * Flushes when all microtasks have run. In a callback of a socket, ticks come before them: the answer
   * to a spawn would leave without the first output of the process that it has started.
   */
  readonly #flushSoon = () => nodeProcess.nextTick(flushOf, this);
  /** Whether the transport has not yet said that all has left. */
  #blocked = false;
  #closed = false;
  #replaying = false;
  #drain: PromiseWithResolvers<void> | undefined;
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #quiet = 0;
  #silent = 0;
  /** Sixteenths of the tick time in which nothing has left that was to leave. */
  #stuck = 0;
  #paused = false;
  #credit = 0;
  #stopProbe: () => void = () => {};

  /** Takes over a transport after its handshake. */
  constructor(options: ConnectionOptions) {
    const { session, limits, runtime } = options;
    this.peer = session.peer;
    this.#transport = options.transport;
    this.#session = session;
    this.#limits = limits;
    this.#runtime = runtime;
    this.#queuedBytes = options.queued;
    this.#handlers = options.handlers;
    this.#stats = options.stats;
    this.#most = HARD * limits.maxQueueBytes;
    this.#batch = Math.min(BATCH, Math.ceil(limits.maxQueueBytes / BATCHES));
    this.signals = session.open(this, runtime);
  }

  /** Sends on what was kept for the node; the cap was another one when it was taken. */
  replay(pending: PendingSignals): Error | undefined {
    this.#replaying = true;
    try {
      return pending.replay(this.signals);
    } finally {
      this.#replaying = false;
      this.#most += this.#queued();
    }
  }

  /** Begins to hear; the node knows of the connection by now. */
  start(): void {
    if (this.#session.rest.length > 0) this.#receive(this.#session.rest);
    this.#transport.start({
      bytes: (chunk) => this.#receive(chunk),
      drained: () => this.#drained(),
      closed: (error) => {
        this.#down(error?.message ?? "closed by the peer");
        this.#gone.resolve();
      },
    });
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#silent = 0;
    heard();
    this.#stats.receivedBytes += chunk.length;
    try {
      this.#session.receive(chunk);
    } catch (error) {
      this.#stats.protocolErrors++;
      this.#down(`it sent ${(error as Error).message}`);
    }
    if (this.#blocked) this.#holdBack(chunk.length);
  }

  // Port: what the session needs.

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    queueMicrotask(this.#flushSoon);
  }

  write(bytes: Uint8Array): void {
    this.#quiet = 0;
    this.#stats.sentBytes += bytes.length;
    if (this.#closed) return;
    if (this.#blocked) {
      this.#backlog.push(bytes);
      this.#backlogBytes += bytes.length;
    } else if (!this.#transport.write(bytes)) {
      this.#blocked = true;
      this.#stuck = 0;
    }
  }

  pressure(): Backpressure {
    const queued = this.#session.pending;
    if (!this.#blocked && queued < this.#limits.highWaterMark) return undefined;
    if (this.#closed || this.#queued() < this.#limits.highWaterMark) {
      return undefined;
    }
    this.#drain ??= Promise.withResolvers<void>();
    return this.#drain.promise;
  }

  assertRoom(): void {
    const { maxQueueBytes } = this.#limits;
    if (!this.#blocked && this.#session.pending < maxQueueBytes) return;
    const queued = this.#queued();
    if (!this.#isFull(queued) || this.#replaying) return;
    const { used, max } = this.#queuedBytes;
    throw queued >= maxQueueBytes
      ? new QueueFullError(this.peer.name, queued, maxQueueBytes)
      : new QueueFullError(this.peer.name, used, max, "maxTotalQueueBytes");
  }

  peers(names: string[]): void {
    this.#handlers.peers(names);
  }

  #queued(): number {
    return this.#session.pending + this.#backlogBytes +
      this.#transport.buffered;
  }

  /** Whether so much in the queue is too much for more messages. */
  #isFull(queued: number): boolean {
    return queued >= this.#limits.maxQueueBytes ||
      queued >= this.#limits.highWaterMark && this.#queuedBytes.isFull;
  }

  /** Counts the queue among those of all nodes; returns its bytes. */
  #count(): number {
    const queued = this.#queued();
    this.#queuedBytes.add(queued - this.#counted);
    return this.#counted = queued;
  }

  /** Writes what waits. */
  flush(): void {
    this.#awake = false;
    if (this.#closed) return;
    // The session has frames of its own accord while the transport takes no more.
    if (this.#blocked) return this.#holdBack(0);
    this.#session.flush(this.#limits.highWaterMark);
    if (this.#session.pending > 0 && !this.#blocked) {
      // More to write, and the socket takes it: after the others' turn.
      this.#awake = true;
      afterTurn(() => this.flush());
    }
    if (this.#counted > 0) this.#count();
    this.#release();
  }

  #drained(): void {
    this.#blocked = false;
    this.#stuck = 0;
    let room = this.#batch;
    let next = 0;
    while (next < this.#backlog.length && (room > 0 || !this.#blocked)) {
      const bytes = this.#backlog[next++];
      room -= bytes.length;
      this.#backlogBytes -= bytes.length;
      if (!this.#transport.write(bytes)) this.#blocked = true;
    }
    if (next > 0) this.#backlog = this.#backlog.slice(next);
    if (this.#paused || this.#counted > 0) this.#readOn(this.#count());
    if (this.#blocked) this.#release();
    else this.flush();
  }

  #release(): void {
    if (
      this.#drain !== undefined &&
      this.#queued() < this.#limits.highWaterMark
    ) {
      this.#drain.resolve();
      this.#drain = undefined;
    }
  }

  // The peer is held back.

  /** Stops reading if too much waits and the credit is read up, and ends at the hard cap. */
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
    if (this.#paused || this.#credit > 0) return;
    this.#paused = true;
    this.#transport.pause();
    this.#stopProbe = this.#runtime.after(
      PROBE,
      () => this.#readOn(this.#count()),
    );
  }

  /** Reads again: as much as comes, or a credit if too much waits. */
  #readOn(queued: number): void {
    if (this.#closed) return;
    this.#credit = this.#isFull(queued) ? CREDIT * this.#batch : 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#stopProbe();
    this.#transport.resume();
  }

  /** A sixteenth of the tick time has passed. */
  tick(): void {
    if (this.#closed) return;
    if (++this.#quiet >= QUIET_TURNS && !this.#blocked) this.#session.tick();
    if (this.#blocked && ++this.#stuck >= SILENT_TURNS) {
      this.#stats.unread++;
      this.#down("it has read nothing for longer than the tick time");
    } else if (!this.#paused && ++this.#silent >= SILENT_TURNS) {
      this.#stats.silent++;
      this.#down("it was silent for longer than the tick time");
    }
  }

  /** Tells the peer which peers this node has. */
  announce(names: string[]): void {
    this.#session.announce(names);
  }

  /** Sends what waits, as far as the peer takes it, and ends; resolves when it is closed. */
  close(reason: string): Promise<void> {
    if (!this.#closed) {
      this.#session.flush(Infinity);
      for (const bytes of this.#backlog) this.#transport.write(bytes);
      this.#transport.end();
      this.#down(reason, true);
    }
    return this.#gone.promise;
  }

  /** Ends at once. */
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
    this.#session.close();
    if (!ended) this.#transport.destroy();
    this.#drain?.resolve();
    this.#drain = undefined;
    this.#handlers.down(reason);
  }
}

function flushOf(connection: Connection): void {
  connection.flush();
}
