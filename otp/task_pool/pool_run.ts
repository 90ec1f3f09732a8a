/**
 * A run of a pool, as its caller awaits it, and the tasks that are started for it, one after the other.
 *
 * The pool's process owns the tasks: they are linked to it, so that they end with it and with the connection, and
 * the caller's process does not exit with a task that crashes. The caller awaits the run alone.
 *
 * @module
 */

import { PendingAnswer } from "../../core/processes/pending_answer.ts";
import type { Wait } from "../../core/processes/links_and_monitors.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { RemoteFunction } from "../../core/remote/exported_modules.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import type { ChildShutdown } from "../gen/child_spec.ts";
import { OwnedTask } from "../task/owned_task.ts";
import type { PoolMember } from "./pool_member.ts";
import type { QueueEntry } from "./run_queue.ts";

/** The work of a run, and its limits. */
export interface PoolJob {
  /** The function. */
  fn: RemoteFunction;
  /** Its arguments, which nobody changes any more. */
  args: unknown[];
  /** The processes that it runs for. */
  callers: Pid[];
  /** Milliseconds until it fails. */
  timeout: number;
  /** Ends it. */
  signal: AbortSignal | undefined;
  /** Whether it may be started again when its node is lost. */
  mayRunTwice: boolean;
  /** How its task is ended. */
  shutdown: ChildShutdown;
}

/** The pool, as its runs see it. */
export interface RunKeeper {
  /** The time of a run is up. */
  expired(run: PoolRun): void;
  /** A run is not awaited any more: its caller has exited, or its signal has fired. */
  left(run: PoolRun): void;
}

/** A run: it is queued, has a task, or is over. */
export class PoolRun extends PendingAnswer<unknown>
  implements Wait, QueueEntry<PoolRun> {
  readonly node: string;
  readonly job: PoolJob;
  readonly ticket: number;
  /** When it came. */
  readonly cameAt: number;
  /** The number of times that it was possibly started. */
  starts = 0;
  /** Whether it has an outcome, or nobody awaits it. */
  isOver = false;
  /** Its task. */
  attempt: Attempt | undefined = undefined;
  before: PoolRun | undefined = undefined;
  after: PoolRun | undefined = undefined;
  isQueued = false;
  readonly #keeper: RunKeeper;
  readonly #ref: Ref;

  constructor(
    caller: LocalProcess,
    keeper: RunKeeper,
    job: PoolJob,
    ticket: number,
  ) {
    super(caller);
    const { runtime } = caller;
    this.node = runtime.node;
    this.#keeper = keeper;
    this.job = job;
    this.ticket = ticket;
    this.cameAt = runtime.now();
    this.#ref = runtime.makeRef();
    caller.await(this.#ref, this);
    this.limit(job.timeout, job.signal);
  }

  /** Resolves with the result. */
  succeed(value: unknown): void {
    if (this.#end()) this.settle(value);
  }

  /** Rejects with a reason. */
  failWith(reason: unknown): void {
    if (this.#end()) this.settleFailed(() => reason);
  }

  override expire(): void {
    if (!this.isOver) this.#keeper.expired(this);
  }

  override aborted(reason: unknown): void {
    if (!this.#end()) return;
    super.aborted(reason);
    this.#keeper.left(this);
  }

  /** The caller has exited. */
  override abandon(error: () => unknown): void {
    const isLeft = this.#end();
    super.abandon(error);
    if (isLeft) this.#keeper.left(this);
  }

  /** Its reference is no alias: nobody can answer. */
  reply(): void {}

  /** It is no monitor either. */
  down(): void {}

  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.disarm();
    this.process.unawait(this.#ref);
    return true;
  }
}

/** The pool, as its tasks see it. */
export interface AttemptKeeper {
  /** A task has started. */
  started(): void;
  /** A task has a result. */
  replied(attempt: Attempt, value: unknown): void;
  /** A task is over. */
  ended(attempt: Attempt, reason: unknown): void;
}

/** One task of a run. */
export class Attempt extends OwnedTask {
  /** The run that it is of. */
  readonly of: PoolRun;
  /** Its supervisor. */
  readonly member: PoolMember;
  /** When its supervisor was asked something about it that is not answered. */
  askedAt = 0;
  readonly #keeper: AttemptKeeper;
  #isStopping = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    owner: LocalProcess,
    run: PoolRun,
    member: PoolMember,
    keeper: AttemptKeeper,
  ) {
    super(owner);
    this.of = run;
    this.member = member;
    this.#keeper = keeper;
    member.attempts.add(this);
    member.asked(this, owner.runtime.now());
  }

  override started(pid: Pid): void {
    super.started(pid);
    this.member.answered(this);
    this.member.tookOne();
    if (this.#isStopping) this.#stop(pid);
    this.#keeper.started();
  }

  reply(value: unknown): void {
    if (this.of.attempt === this) this.#keeper.replied(this, value);
  }

  down(_object: unknown, reason: unknown): void {
    this.close();
    this.#keeper.ended(this, reason);
  }

  /** Ends the wait for it. */
  close(): void {
    this.#stopTimer?.();
    this.owner.unawait(this.ref);
    this.owner.unalias(this.ref);
    this.member.ended(this);
  }

  /** Ends the task. It keeps its place until it has exited. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (this.by !== undefined) this.#stop(this.by);
  }

  #stop(pid: Pid): void {
    const { shutdown } = this.of.job;
    if (shutdown === "brutal_kill") return this.#kill(pid);
    if (shutdown !== "infinity" && shutdown !== Infinity) {
      const { runtime } = this.owner;
      this.#stopTimer = runtime.after(shutdown, () => this.#kill(pid));
    }
    // A task on this node ends within this call.
    this.#exit(pid, "shutdown");
  }

  #kill(pid: Pid): void {
    this.member.asked(this, this.owner.runtime.now());
    this.#exit(pid, "kill");
  }

  #exit(to: Pid, reason: string): void {
    const { pid, runtime } = this.owner;
    runtime.back(to.node).exit(pid, to, reason);
  }

  /** The pool's process has exited. */
  abandon(): void {
    this.#stopTimer?.();
  }
}
