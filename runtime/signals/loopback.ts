/**
 * Another node of this program, as the node that is not started sees it, and the other way round.
 *
 * @module
 */

import type { Pid, Ref } from "../values/pid.ts";
import type { Runtime } from "../runtime.ts";
import type {
  Backpressure,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
} from "./signal.ts";
import { copyTerm } from "../values/term.ts";

/** Delivers signals to a node of this program without a connection; values are copied, as within a node. */
export class Neighbour implements Signals {
  readonly #runtime: Runtime;

  /** Delivers to the processes of a runtime. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  #copy<T>(value: T): T {
    return copyTerm(value, this.#runtime.maxDepth) as T;
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    return this.#runtime.send(from, to, this.#copy(message));
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    return this.#runtime.sendName(from, name, this.#copy(message));
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    return this.#runtime.sendAlias(from, alias, this.#copy(message));
  }

  reply(from: Pid, alias: Ref, value: unknown): void {
    this.#runtime.reply(from, alias, this.#copy(value));
  }

  link(from: Pid, to: Pid): void {
    this.#runtime.link(from, to);
  }

  unlink(from: Pid, to: Pid, id: number): void {
    this.#runtime.unlink(from, to, id);
  }

  unlinkAck(from: Pid, to: Pid, id: number): void {
    this.#runtime.unlinkAck(from, to, id);
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.exit(from, to, this.#copy(reason));
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.exitLink(from, to, this.#copy(reason));
  }

  monitor(from: Pid, target: Target, ref: Ref): void {
    this.#runtime.monitor(from, target, ref);
  }

  demonitor(from: Pid, ref: Ref): void {
    this.#runtime.demonitor(from, ref);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown): void {
    this.#runtime.down(from, to, ref, this.#copy(reason));
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { run } = request;
    const args = this.#copy(run.args);
    this.#runtime.spawnRequest(from, { ...request, run: { ...run, args } });
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    this.#runtime.spawnReply(from, to, ref, result);
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    this.#runtime.groupLeader(from, to, leader);
  }
}
