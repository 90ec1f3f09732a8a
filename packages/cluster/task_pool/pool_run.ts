/**
 * A run of a pool, which its caller awaits, and the tasks that the pool starts for the run, one after the other.
 *
 * The pool's process owns the tasks. A task is linked to the pool, so it ends with the pool and with the connection, and
 * a task that crashes does not end the caller.
 */

import { PendingReply } from "@otp/processes/process/pending_answer";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { RemoteFunction } from "@otp/processes/remote/exported_modules";
import type { Pid } from "@otp/processes/values/pid";
import type { ChildShutdown } from "@otp/servers/server/child_spec";
import { OwnedTask } from "@otp/servers/task/owned_task";
import type { PoolMember } from "./pool_member.ts";
import type { QueueEntry } from "./run_queue.ts";

/** The work of a run, and its limits. */
export interface PoolJob {
  fn: RemoteFunction;
  /** The function's arguments, which nobody changes any more. */
  args: unknown[];
  /** The processes that the function runs for. */
  callers: Pid[];
  /** Milliseconds until the run fails. */
  timeout: number;
  /** Ends the run. */
  signal: AbortSignal | undefined;
  /** Whether the task may be started again when its node is lost. */
  mayRunTwice: boolean;
  /** How to end the task. */
  shutdown: ChildShutdown;
}

/** The pool, as its runs and their tasks see it. */
export interface RunKeeper {
  /** Called when the time of a run is up. */
  expired(run: PoolRun): void;
  /** Called when nobody awaits a run any more: its caller has exited, or its signal has fired. */
  left(run: PoolRun): void;
  /** Called when a task has started. */
  changed(): void;
  /** Called when a task has not been started. */
  notStarted(attempt: Attempt, error: unknown): void;
  /** Called when a task has a result. */
  replied(attempt: Attempt, value: unknown): void;
  /** Called when a task has ended. */
  ended(attempt: Attempt, reason: unknown): void;
}

/** A run: it is queued, has a task, or is over. Its reference is no monitor and no alias. */
export class PoolRun extends PendingReply<unknown>
  implements QueueEntry<PoolRun> {
  readonly job: PoolJob;
  readonly ticket: number;
  /** When the run began. */
  readonly cameAt: number;
  /** How often the task was possibly started. */
  starts = 0;
  /** Whether the run has an outcome, or nobody awaits it. */
  isOver = false;
  /** The run's current task. */
  attempt: Attempt | undefined = undefined;
  before: PoolRun | undefined = undefined;
  after: PoolRun | undefined = undefined;
  isQueued = false;
  readonly #keeper: RunKeeper;

  constructor(
    caller: LocalProcess,
    keeper: RunKeeper,
    job: PoolJob,
    ticket: number,
  ) {
    const { runtime } = caller;
    super(caller, runtime.node);
    this.#keeper = keeper;
    this.job = job;
    this.ticket = ticket;
    this.cameAt = runtime.clock.now();
    caller.addEntry(this);
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

  /** Called when the caller has exited. */
  override abandon(error: () => unknown): void {
    const isLeft = this.#end();
    super.abandon(error);
    if (isLeft) this.#keeper.left(this);
  }

  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.cancel();
    return true;
  }
}

/** One task of a run. */
export class Attempt extends OwnedTask {
  /** The task's run. */
  readonly of: PoolRun;
  /** The task's supervisor. */
  readonly member: PoolMember;
  /** When the supervisor was sent the request about the task that it has not answered. */
  askedAt = 0;
  readonly #keeper: RunKeeper;
  #isStopping = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    owner: LocalProcess,
    run: PoolRun,
    member: PoolMember,
    keeper: RunKeeper,
  ) {
    super(owner);
    this.of = run;
    this.member = member;
    this.#keeper = keeper;
    member.attempts.add(this);
    member.asked(this, owner.runtime.clock.now());
  }

  override started(pid: Pid): void {
    super.started(pid);
    this.member.answered(this);
    this.member.tookOne();
    if (this.#isStopping) this.#stop(pid);
    this.#keeper.changed();
  }

  result(value: unknown): void {
    if (this.of.attempt === this) this.#keeper.replied(this, value);
  }

  exited(_object: unknown, reason: unknown): void {
    this.close();
    this.#keeper.ended(this, reason);
  }

  notStarted(make: () => unknown): void {
    this.#keeper.notStarted(this, make());
  }

  /** Stops waiting for the task. */
  close(): void {
    this.#stopTimer?.();
    this.process.release(this.ref);
    this.member.ended(this);
  }

  /** Ends the task, which keeps its place until it has exited. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (this.by !== undefined) this.#stop(this.by);
  }

  #stop(pid: Pid): void {
    const { shutdown } = this.of.job;
    if (shutdown === "brutal_kill") return this.#kill(pid);
    if (shutdown !== "infinity" && shutdown !== Infinity) {
      const { runtime } = this.process;
      this.#stopTimer = runtime.deadlines.after(
        shutdown,
        () => this.#kill(pid),
      );
    }
    // Start the timer before: a task on this node ends within this call, which stops the timer.
    this.#exit(pid, "shutdown");
  }

  #kill(pid: Pid): void {
    this.member.asked(this, this.process.runtime.clock.now());
    this.#exit(pid, "kill");
  }

  #exit(to: Pid, reason: string): void {
    const { pid, runtime } = this.process;
    runtime.signalsTo(to.node).exit(pid, to, reason);
  }

  /** Called when the pool's process has exited. */
  abandon(): void {
    this.#stopTimer?.();
  }
}
