/**
 * A connection to a peer that is in: its queue, its ticks, and its end.
 *
 * @module
 */

import nodeProcess from "node:process";
import { QueueFullError } from "../errors.ts";
import { afterTurn } from "../runtime/fairness.ts";
import type { Backpressure, Signals } from "../runtime/signal.ts";
import type { PendingSignals } from "./pending.ts";
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

/** What a connection tells its node. */
export interface ConnectionHandlers {
  /** It is closed, for the reason given; told once, and nothing comes after it. */
  down(reason: string): void;
  /** The peer's own peers. */
  peers(names: string[]): void;
}

/** A connection to a peer that is in. */
export class Connection implements Port {
  /** Who the other one is. */
  readonly peer: Peer;
  /** Where signals for the peer go. */
  readonly signals: Signals;
  readonly #transport: Transport;
  readonly #session: Session;
  readonly #limits: Limits;
  readonly #handlers: ConnectionHandlers;
  readonly #stats: ConnectionStats;
  #awake = false;
  #blocked = false;
  #closed = false;
  #replaying = false;
  #drain: PromiseWithResolvers<void> | undefined;
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #quiet = 0;
  #silent = 0;

  /** Takes over a transport after its handshake. */
  constructor(
    transport: Transport,
    session: Session,
    limits: Limits,
    deliver: Signals,
    handlers: ConnectionHandlers,
    stats: ConnectionStats,
  ) {
    this.peer = session.peer;
    this.#transport = transport;
    this.#session = session;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#stats = stats;
    this.signals = session.open(this, deliver);
  }

  /** Sends on what was kept for the node; the cap was another one when it was taken. */
  replay(pending: PendingSignals): Error | undefined {
    this.#replaying = true;
    try {
      return pending.replay(this.signals);
    } finally {
      this.#replaying = false;
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
    this.#stats.receivedBytes += chunk.length;
    try {
      this.#session.receive(chunk);
    } catch (error) {
      this.#stats.protocolErrors++;
      this.#down(`it sent ${(error as Error).message}`);
    }
  }

  // Port: what the session needs.

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    nodeProcess.nextTick(flushOf, this);
  }

  write(bytes: Uint8Array): void {
    this.#quiet = 0;
    this.#stats.sentBytes += bytes.length;
    if (!this.#closed && !this.#transport.write(bytes)) this.#blocked = true;
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
    if (queued >= maxQueueBytes && !this.#replaying) {
      throw new QueueFullError(
        this.peer.name,
        queued,
        maxQueueBytes,
      );
    }
  }

  peers(names: string[]): void {
    this.#handlers.peers(names);
  }

  #queued(): number {
    return this.#session.pending + this.#transport.buffered;
  }

  /** Writes what waits. */
  flush(): void {
    this.#awake = false;
    if (this.#closed) return;
    this.#session.flush(this.#blocked ? 0 : this.#limits.highWaterMark);
    if (this.#session.pending > 0 && !this.#blocked) {
      // More to write, and the socket takes it: after the others' turn.
      this.#awake = true;
      afterTurn(() => this.flush());
    }
    this.#release();
  }

  #drained(): void {
    this.#blocked = false;
    this.flush();
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

  /** A sixteenth of the tick time has passed. */
  tick(): void {
    if (this.#closed) return;
    if (++this.#quiet >= QUIET_TURNS && !this.#blocked) this.#session.tick();
    if (++this.#silent >= SILENT_TURNS) {
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
      this.#transport.end();
      this.#down(reason, true);
    }
    return this.#gone.promise;
  }

  #down(reason: string, ended = false): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!ended) this.#transport.destroy();
    this.#drain?.resolve();
    this.#drain = undefined;
    this.#handlers.down(reason);
  }
}

function flushOf(connection: Connection): void {
  connection.flush();
}
