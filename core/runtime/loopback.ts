/** Loopback: signals between the unnamed node and the started nodes of one program, without a connection. */

import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";
import type { Runtime } from "../processes/runtime.ts";
import type {
  Backpressure,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "../signals/signal.ts";
import { copyTerm } from "../values/term.ts";

/** Delivers signals to a node of this program without a connection. Values are copied, as within a node. */
export class Loopback implements Signals {
  readonly #runtime: Runtime;

  /** Creates the channel to the processes of a runtime. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  #copy<T>(value: T): T {
    return copyTerm(value, this.#runtime.maxDepth) as T;
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    return this.#runtime.local.send(from, to, this.#copy(message));
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    return this.#runtime.local.sendName(from, name, this.#copy(message));
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    return this.#runtime.local.sendAlias(from, alias, this.#copy(message));
  }

  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor?: boolean,
  ): void {
    this.#runtime.local.reply(from, to, this.#copy(value), endsMonitor);
  }

  link(from: Pid, to: Pid): void {
    this.#runtime.local.link(from, to);
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    this.#runtime.local.unlink(from, to, id);
  }

  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void {
    this.#runtime.local.unlinkAck(from, to, id);
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.local.exit(from, to, this.#copy(reason));
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.local.exitLink(from, to, this.#copy(reason));
  }

  monitor(from: Pid, target: Target, ref: Ref, isCall?: boolean): void {
    this.#runtime.local.monitor(from, target, ref, isCall);
  }

  demonitor(from: Pid, ref: Ref, target?: Target): void {
    this.#runtime.local.demonitor(from, ref, target);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void {
    this.#runtime.local.down(from, to, ref, this.#copy(reason), name);
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { run } = request;
    const args = this.#copy(run.args);
    this.#runtime.local.spawnRequest(from, {
      ...request,
      run: { ...run, args },
    });
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    this.#runtime.local.spawnReply(from, to, ref, result);
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    this.#runtime.local.groupLeader(from, to, leader);
  }
}
