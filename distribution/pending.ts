/**
 * Signals for a node that is being dialled: kept in order, and sent on when it is there.
 *
 * @module
 */

import { QueueFullError } from "../errors.ts";
import type { Pid, Ref } from "../runtime/pid.ts";
import type {
  Backpressure,
  MonitoredObject,
  Queued,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
} from "../runtime/signal.ts";
import { copyTerm } from "../runtime/term.ts";

/** From how many signals on `send` asks to wait. */
const SOFT = 1000;

/** Keeps signals for a node until it is connected or cannot be. */
export class PendingSignals implements Signals, Queued {
  readonly #node: string;
  readonly #max: number;
  readonly #maxDepth: number;
  readonly #settled: Promise<unknown>;
  #queue: ((signals: Signals) => void)[] = [];

  /** Keeps signals for `node` until `settled`. */
  constructor(
    node: string,
    max: number,
    maxDepth: number,
    settled: Promise<unknown>,
  ) {
    this.#node = node;
    this.#max = max;
    this.#maxDepth = maxDepth;
    this.#settled = settled;
  }

  /** Sends on what was kept; gives why something could not be sent, if that is so. */
  replay(signals: Signals): Error | undefined {
    let failure: Error | undefined;
    const queue = this.#queue;
    this.#queue = [];
    for (const each of queue) {
      try {
        each(signals);
      } catch (error) {
        failure ??= error as Error;
      }
    }
    return failure;
  }

  #keep(message: unknown, each: (s: Signals, copy: unknown) => void): void {
    const copy = copyTerm(message, this.#maxDepth);
    this.#queue.push((signals) => each(signals, copy));
  }

  #message(
    message: unknown,
    each: (s: Signals, copy: unknown) => void,
  ): Backpressure {
    if (this.#queue.length >= this.#max) {
      throw new QueueFullError(this.#node, this.#queue.length, this.#max);
    }
    this.#keep(message, each);
    return this.#queue.length < SOFT
      ? undefined
      : this.#settled.then(() => {}, () => {});
  }

  isFull(): boolean {
    return this.#queue.length >= SOFT;
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

  reply(from: Pid, alias: Ref, value: unknown): void {
    this.#keep(value, (s, copy) => s.reply(from, alias, copy));
  }

  link(from: Pid, to: Pid): void {
    this.#queue.push((s) => s.link(from, to));
  }

  unlink(from: Pid, to: Pid, id: number): void {
    this.#queue.push((s) => s.unlink(from, to, id));
  }

  unlinkAck(from: Pid, to: Pid, id: number): void {
    this.#queue.push((s) => s.unlinkAck(from, to, id));
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    this.#keep(reason, (s, copy) => s.exit(from, to, copy));
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    this.#keep(reason, (s, copy) => s.exitLink(from, to, copy));
  }

  monitor(from: Pid, target: Target, ref: Ref): void {
    this.#queue.push((s) => s.monitor(from, target, ref));
  }

  demonitor(from: Pid, target: Target, ref: Ref): void {
    this.#queue.push((s) => s.demonitor(from, target, ref));
  }

  down(
    from: Pid,
    object: MonitoredObject,
    to: Pid,
    ref: Ref,
    reason: unknown,
  ): void {
    this.#keep(reason, (s, copy) => s.down(from, object, to, ref, copy));
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    this.#keep(
      request.run,
      (s, copy) =>
        s.spawnRequest(from, {
          ...request,
          run: copy as SpawnRequest["run"],
        }),
    );
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    this.#queue.push((s) => s.spawnReply(from, to, ref, result));
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    this.#queue.push((s) => s.groupLeader(from, to, leader));
  }
}
