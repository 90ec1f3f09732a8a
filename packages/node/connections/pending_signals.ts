/** Signals for a node that is being dialled: they wait in order, and are sent when it is connected. */

import { arrive, traceNow } from "@otp/processes/context/tracing";
import { QueueFullError } from "@otp/processes/errors";
import { Pid, Ref } from "@otp/processes/values/pid";
import { ServerMessage } from "@otp/processes/values/server_message";
import type { ReplyTarget } from "@otp/processes/values/reply_to";
import type {
  Backpressure,
  Queued,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "@otp/processes/signals/signal";
import { sendReason } from "@otp/processes/values/sendable_reason";
import { copyToSend } from "@otp/processes/values/term";
import { leastWireBytes, termBytes } from "@otp/processes/values/term_bytes";
import type { Budget } from "./budget.ts";
import type { Limits } from "../wire.ts";

/** The number of waiting signals at which `send` returns a promise. */
const SOFT = 1000;

/** The approximate bytes of a signal besides its message. */
const SIGNAL_BYTES = 128;

/**
 * Signals that are not messages, which cannot be refused, may wait up to this multiple of the limits for messages.
 * Beyond it, the dial is given up, so that every waiting process is notified.
 */
const HARD = 2;

/** The parts of a dial that pending signals need. */
export interface PendingOptions {
  /** The node that is dialled. */
  node: string;
  /** The node's limits. */
  limits: Limits;
  /** The bytes that wait for all nodes together. */
  queued: Budget;
  /** Settles with the dial. */
  settled: Promise<unknown>;
  /** Called when too many signals wait. */
  overflow(reason: string): void;
  /** Fails a request that the node's wire refuses; returns false if nothing awaits its reference. */
  refuse(from: Pid, ref: Ref, error: Error): boolean;
}

/** Keeps signals for a node until it is connected or cannot be. */
export class PendingSignals implements Signals, Queued {
  readonly #options: PendingOptions;
  #queue: ((signals: Signals) => void)[] = [];
  #bytes = 0;
  #closed = false;

  /** Keeps signals until they are replayed or dropped. */
  constructor(options: PendingOptions) {
    this.#options = options;
  }

  /** Sends the waiting signals; returns the error if one could not be sent. */
  replay(signals: Signals): Error | undefined {
    let failure: Error | undefined;
    for (const each of this.drop()) {
      try {
        each(signals);
      } catch (error) {
        failure ??= error as Error;
      }
    }
    return failure;
  }

  /** Stops queueing; returns the signals that waited. */
  drop(): ((signals: Signals) => void)[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#closed = true;
    this.#options.queued.add(-this.#bytes);
    this.#bytes = 0;
    return queue;
  }

  #push(bytes: number, each: (signals: Signals) => void): void {
    if (this.#closed) return;
    const trace = traceNow();
    this.#queue.push(
      trace === undefined
        ? each
        : (signals) => arrive(trace, () => each(signals)),
    );
    this.#bytes += bytes;
    const { limits, queued, overflow } = this.#options;
    queued.add(bytes);
    if (
      this.#queue.length > HARD * limits.maxPendingSignals ||
      this.#bytes > HARD * limits.maxQueueBytes ||
      this.#bytes > limits.highWaterMark && queued.used > HARD * queued.max
    ) {
      overflow(
        `${this.#queue.length} signals of ${this.#bytes} bytes wait for it, which is too many (limits.maxPendingSignals, limits.maxQueueBytes, limits.maxTotalQueueBytes)`,
      );
      this.drop();
    }
  }

  /** Queues a signal without a value. */
  #plain(each: (signals: Signals) => void): void {
    this.#push(SIGNAL_BYTES, each);
  }

  #keep(message: unknown, each: (s: Signals, copy: unknown) => void): void {
    const copy = copyToSend(message, this.#options.limits.maxDepth);
    const bytes = termBytes(copy);
    this.#assertSize(copy, bytes);
    this.#push(SIGNAL_BYTES + bytes, (signals) => each(signals, copy));
  }

  /** Queues an exit reason, which is cut if it is too large. */
  #keepReason(
    reason: unknown,
    each: (s: Signals, reason: unknown) => void,
  ): void {
    const copy = copyToSend(reason, this.#options.limits.maxDepth);
    this.#push(
      SIGNAL_BYTES + termBytes(copy),
      (signals) => sendReason(copy, (reason) => each(signals, reason)),
    );
  }

  /** Rejects a message that is too large: it would close the connection when the node is connected. */
  #assertSize(copy: unknown, bytes: number): void {
    const { node, limits: { maxMessageBytes } } = this.#options;
    // A message is larger in memory than on the wire, and `bytes` is known already.
    if (bytes <= maxMessageBytes) return;
    const least = leastWireBytes(copy);
    if (least > maxMessageBytes) {
      throw new RangeError(
        `Cannot send a message of at least ${least} bytes to ${node}: ${maxMessageBytes} is the most; send it in pieces, or raise limits.maxMessageBytes on both nodes`,
      );
    }
  }

  /** Sends a request. If the node's wire refuses it, only this request fails. */
  #request(from: Pid, ref: Ref, send: () => void): void {
    try {
      send();
    } catch (error) {
      if (!this.#options.refuse(from, ref, error as Error)) throw error;
    }
  }

  #assertRoom(): void {
    const { node, limits, queued } = this.#options;
    const { maxPendingSignals, maxQueueBytes, highWaterMark } = limits;
    const { length } = this.#queue;
    if (length >= maxPendingSignals) {
      throw new QueueFullError(
        node,
        length,
        maxPendingSignals,
        "maxPendingSignals",
      );
    }
    if (this.#bytes >= maxQueueBytes) {
      throw new QueueFullError(node, this.#bytes, maxQueueBytes);
    }
    if (queued.isFull && this.#bytes >= highWaterMark) {
      throw new QueueFullError(
        node,
        queued.used,
        queued.max,
        "maxTotalQueueBytes",
      );
    }
  }

  #message(
    message: unknown,
    each: (s: Signals, copy: unknown) => void,
  ): Backpressure {
    this.#assertRoom();
    this.#keep(
      message,
      (s, copy) =>
        isRequest(copy)
          ? this.#request(copy.from, copy.ref, () => each(s, copy))
          : each(s, copy),
    );
    const { settled } = this.#options;
    return this.isFull() ? settled.then(() => {}, () => {}) : undefined;
  }

  isFull(): boolean {
    return this.#queue.length >= SOFT ||
      this.#bytes >= this.#options.limits.highWaterMark;
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    return this.#message(message, (s, copy) => s.send(from, to, copy));
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    return this.#message(message, (s, copy) => s.sendName(from, name, copy));
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    return this.#message(message, (s, copy) => s.sendAlias(from, alias, copy));
  }

  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor?: boolean,
  ): void {
    this.#keep(value, (s, copy) => s.reply(from, to, copy, endsMonitor));
  }

  link(from: Pid, to: Pid): void {
    this.#plain((s) => s.link(from, to));
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    this.#plain((s) => s.unlink(from, to, id));
  }

  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void {
    this.#plain((s) => s.unlinkAck(from, to, id));
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    this.#keep(reason, (s, copy) => s.exit(from, to, copy));
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    this.#keepReason(reason, (s, reason) => s.exitLink(from, to, reason));
  }

  monitor(from: Pid, target: Target, ref: Ref, isCall?: boolean): void {
    this.#plain((s) => s.monitor(from, target, ref, isCall));
  }

  demonitor(from: Pid, ref: Ref, target?: Target): void {
    this.#plain((s) => s.demonitor(from, ref, target));
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void {
    this.#keepReason(
      reason,
      (s, reason) => s.down(from, to, ref, reason, name),
    );
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    this.#keep(
      request.run.args,
      (s, copy) =>
        this.#request(from, request.ref, () =>
          s.spawnRequest(from, {
            ...request,
            run: { ...request.run, args: copy as unknown[] },
          })),
    );
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    this.#plain((s) => s.spawnReply(from, to, ref, result));
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    this.#plain((s) => s.groupLeader(from, to, leader));
  }
}

/** Whether a message is a request whose sender awaits the answer. */
function isRequest(
  message: unknown,
): message is ServerMessage & { from: Pid; ref: Ref } {
  if (!(message instanceof ServerMessage)) return false;
  const { from, ref } = message as { from?: unknown; ref?: unknown };
  return from instanceof Pid && ref instanceof Ref;
}
