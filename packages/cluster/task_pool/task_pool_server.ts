/**
 * The server of a pool: it sends each run to the least busy supervisor of a group, queues runs that find no place, and
 * restarts runs that may run twice elsewhere when their node is lost.
 *
 * States of a run: queued, in the order of tickets; with a task (`Attempt`) that starts, runs or ends; over. Processes
 * of the pool's node call `run` directly, as they read a registry: a run costs no message to the pool and back, and its
 * arguments and result are copied once each. The scope of `pg` decides who the members are.
 *
 * Messages: `watch_load` to each member, which answers with its load and reports changes; `want_turn` to members without
 * a place, as long as runs wait (`task_load.ts`); `start_task`, as from any owner of a task.
 *
 * Races, and how each is settled:
 *
 * - Several pools fill a supervisor at once: the supervisor refuses the surplus, and a refused run takes its old place
 *   in the queue. No code of a refused task has run.
 * - A supervisor exits before it has started a task: its DOWN comes instead of the task's pid. A supervisor announces
 *   the pid before the task runs, so the task has not run. If the connection is lost instead, or the answer is invalid,
 *   nobody knows: the run counts as started.
 * - A supervisor exits while a task runs: the task exits with the supervisor's reason, `shutdown` or `killed`. This
 *   reason is not an outcome of the task.
 * - A caller exits, or its time is up, while its task starts: the pool ends the task when it knows the pid. The task
 *   keeps its place here until it has exited.
 * - A run fails in the turn in which its result arrives: the first event counts.
 */

import { type ExitError, QueueFullError } from "@otp/processes/errors";
import { callExit, describeFunction } from "@otp/servers/server/server_ref";
import { InternalMessage, isTyped } from "@otp/servers/server/messages";
import { onExit } from "@otp/servers/server/on_exit";
import { BADARG, type Server } from "@otp/servers/server/server";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { copyTerm } from "@otp/processes/values/term";
import { startSupervised } from "@otp/servers/task/start_supervised_task";
import { PoolError } from "./pool_error.ts";
import type { PoolCounts, PoolInfo, PoolSettings } from "./pool_info.ts";
import type { PoolMember } from "./pool_member.ts";
import { type MembersKeeper, PoolMembers } from "./pool_members.ts";
import { Attempt, type PoolJob, PoolRun, type RunKeeper } from "./pool_run.ts";
import { RunQueue } from "./run_queue.ts";
import type { SpawnFailure } from "@otp/processes/signals/signal";
import { spawnError } from "@otp/processes/remote/exported_modules";
import { isReason } from "@otp/processes/values/exit_reason";
import type { Pid } from "@otp/processes/values/pid";

const pools = new WeakMap<LocalProcess, TaskPoolServer>();

/** Returns the server of a pool's process; `undefined` for other processes. */
export function poolOf(process: LocalProcess): TaskPoolServer | undefined {
  return pools.get(process);
}

/** A pool's server. Its process traps exits, since it is linked to its tasks. */
export class TaskPoolServer implements Server, RunKeeper, MembersKeeper {
  readonly #process: LocalProcess;
  readonly #settings: PoolSettings;
  readonly #members: PoolMembers;
  readonly #queue = new RunQueue<PoolRun>();
  /** The runs without an outcome. */
  readonly #runs = new Set<PoolRun>();
  readonly #attempts = new Set<Attempt>();
  readonly #counts: PoolCounts = {
    runs: 0,
    done: 0,
    exited: 0,
    retried: 0,
    refused: 0,
    queue_full: 0,
    deadline: 0,
    no_node: 0,
    lost: 0,
  };
  #tickets = 0;
  /** Whether the pool has received the members that this node's scope knows. */
  #isOpen = false;
  /** The time since which the group has no members. */
  #emptySince: number;
  #stopEmptyTimer: (() => void) | undefined;
  #isServing = false;

  constructor(process: LocalProcess, settings: PoolSettings) {
    process.trapExit = true;
    this.#process = process;
    this.#settings = settings;
    this.#members = new PoolMembers(process, settings, this);
    this.#emptySince = process.runtime.clock.now();
    pools.set(process, this);
    onExit(process, () => this.#exited());
  }

  /** Starts looking for members; resolves when the members that this node's scope knows are here. */
  async open(): Promise<this> {
    await this.#members.open();
    this.#isOpen = true;
    this.#watchEmpty();
    return this;
  }

  call(request: unknown): unknown {
    return isTyped(request, "info") ? this.describe() : BADARG;
  }

  info(message: unknown): void {
    if (message instanceof InternalMessage) this.#hear(message);
    else if (isTyped(message, "join") || isTyped(message, "leave")) {
      // Any process can send a message that looks like a change of the group, so look the members up.
      this.#members.lookUp();
    }
  }

  /** Runs a task for a process of this node. */
  run(caller: LocalProcess, job: PoolJob): Promise<unknown> {
    const { maxDepth } = this.#process.runtime;
    const args = copyTerm(job.args, maxDepth) as unknown[];
    const run = new PoolRun(caller, this, { ...job, args }, ++this.#tickets);
    this.#counts.runs++;
    this.#runs.add(run);
    if (job.timeout === 0) this.expired(run);
    else this.#enqueue(run);
    return run.promise;
  }

  expired(run: PoolRun): void {
    const phase = run.attempt !== undefined
      ? `its task on ${run.attempt.member.pid.node} has not finished`
      : run.starts === 0
      ? "it has waited in the queue"
      : "it waited for its next start";
    const { timeout } = run.job;
    const why = `time is up, ${timeout} ms after the call; ${phase}`;
    this.#fail(run, "deadline", why);
    this.left(run);
  }

  left(run: PoolRun): void {
    this.#runs.delete(run);
    this.#queue.remove(run);
    run.attempt?.stop();
  }

  membersChanged(): void {
    if (this.#members.isEmpty) {
      if (this.#emptySince === Infinity) {
        this.#emptySince = this.#process.runtime.clock.now();
      }
      return this.#watchEmpty();
    }
    this.#emptySince = Infinity;
    this.#stopEmptyTimer?.();
    this.#stopEmptyTimer = undefined;
    this.changed();
  }

  #hear(told: InternalMessage): void {
    const member = this.#members.hear(told);
    if (member !== undefined) {
      const run = this.#queue.first;
      if (run === undefined) this.#members.decline(member);
      else this.#start(run, member);
    }
    this.changed();
  }

  // The queue.

  #enqueue(run: PoolRun): void {
    this.#queue.add(run);
    this.changed();
  }

  /**
   * Starts queued runs while supervisors have places, then sheds the surplus. Called after each change. A start that
   * fails at once calls it again; the nested call returns at once.
   */
  changed(): void {
    if (this.#isServing || !this.#process.alive) return;
    this.#isServing = true;
    for (
      let run = this.#queue.first;
      run !== undefined;
      run = this.#queue.first
    ) {
      const member = this.#members.leastBusy();
      if (member === undefined) break;
      this.#start(run, member);
    }
    this.#isServing = false;
    this.#shed();
    this.#watchEmpty();
    if (this.#queue.length > 0) this.#members.wantTurns();
  }

  /** Fails the latest runs of a queue that is too long. */
  #shed(): void {
    const { maxQueue } = this.#settings;
    while (this.#queue.length > maxQueue) {
      const last = this.#queue.last!;
      this.#queue.remove(last);
      if (this.#members.isEmpty && maxQueue === 0) this.#failEmpty(last);
      else {
        this.#fail(
          last,
          "queue_full",
          `no supervisor has a place for it, and ${maxQueue} runs wait already; give the pool a larger maxQueue, or the group more places`,
        );
      }
    }
  }

  /** Fails queued runs when the group has had no members for `waitForNode`. */
  #watchEmpty(): void {
    const { waitForNode } = this.#settings;
    const { runtime } = this.#process;
    const isWatched = this.#isOpen && this.#members.isEmpty;
    if (!isWatched || waitForNode === Infinity) return;
    for (
      let { first } = this.#queue;
      first !== undefined && this.#stopEmptyTimer === undefined;
      { first } = this.#queue
    ) {
      const due = Math.max(first.cameAt, this.#emptySince) + waitForNode;
      const left = due - runtime.clock.now();
      if (left <= 0) {
        this.#queue.remove(first);
        this.#failEmpty(first);
      } else {
        this.#stopEmptyTimer = runtime.deadlines.after(left, () => {
          this.#stopEmptyTimer = undefined;
          this.#watchEmpty();
        });
      }
    }
  }

  #failEmpty(run: PoolRun): void {
    this.#fail(
      run,
      "no_node",
      "the group has no supervisor on this node or one that is connected; start one with the option group, or let it join",
    );
  }

  // Tasks.

  #start(run: PoolRun, member: PoolMember): void {
    this.#queue.remove(run);
    const process = this.#process;
    const attempt = new Attempt(process, run, member, this);
    run.attempt = attempt;
    run.starts++;
    this.#attempts.add(attempt);
    const { fn, args, callers, shutdown } = run.job;
    try {
      startSupervised(
        attempt,
        {
          server: member.pid,
          api: "async",
          fn,
          args,
          link: true,
          restart: "temporary",
          shutdown,
          refused: (reply) => new Refused(reply),
          failed: (reason) => new NotStarted(reason),
        },
        callers,
      );
    } catch (error) {
      this.notStarted(attempt, error);
    }
  }

  replied({ of: run }: Attempt, value: unknown): void {
    if (!this.#runs.delete(run)) return;
    this.#counts.done++;
    run.succeed(value);
  }

  /** Called when a task has replied, crashed, or was lost. */
  ended(attempt: Attempt, reason: unknown): void {
    this.#removeAttempt(attempt);
    const { of: run, member } = attempt;
    if (this.#runs.has(run)) {
      if (member.isDown || isLost(reason)) this.#lose(run, member);
      else {
        this.#counts.exited++;
        this.#runs.delete(run);
        run.failWith(this.#exit(reason, run));
      }
    }
    this.changed();
  }

  notStarted(attempt: Attempt, error: unknown): void {
    if (!this.#process.alive) return;
    attempt.close();
    this.#removeAttempt(attempt);
    const { of: run, member } = attempt;
    const fate = fateOf(error);
    if (fate !== "fails") this.#members.pause(member);
    if (this.#runs.has(run)) {
      if (fate === "elsewhere") this.#goElsewhere(run);
      else if (fate === "lost") this.#lose(run, member);
      else {
        this.#runs.delete(run);
        run.failWith(failureOf(error, member.pid));
      }
    }
    this.changed();
  }

  #removeAttempt(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    this.#members.leaveIfIdle(attempt.member);
  }

  #goElsewhere(run: PoolRun): void {
    this.#counts.refused++;
    run.starts--;
    run.attempt = undefined;
    this.#enqueue(run);
  }

  /** Handles the loss of a run's task, which has possibly run. */
  #lose(run: PoolRun, { pid: { node } }: PoolMember): void {
    run.attempt = undefined;
    const { maxRuns } = this.#settings;
    const { mayRunTwice } = run.job;
    if (mayRunTwice && run.starts < maxRuns) {
      this.#counts.retried++;
      return this.#enqueue(run);
    }
    const advice = mayRunTwice
      ? `it was started ${run.starts} times, and maxRuns is ${maxRuns}`
      : "give mayRunTwice if it may be started again then";
    this.#fail(
      run,
      "lost",
      `its task on ${node} was lost with the node or the supervisor, and has possibly run; ${advice}`,
    );
  }

  #fail(run: PoolRun, code: PoolError["code"], why: string): void {
    const message =
      `Cannot run a task in the pool ${this.#settings.label}: ${why}`;
    this.#counts[code]++;
    this.#runs.delete(run);
    run.failWith(new PoolError(code, run.starts > 0, message));
  }

  #exit(reason: unknown, { job: { fn } }: PoolRun): ExitError {
    const args = [this.#settings.label, describeFunction(fn)];
    return callExit(reason, ["TaskPool", "run", args]);
  }

  // The pool itself.

  #exited(): void {
    this.#stopEmptyTimer?.();
    this.#members.close();
    for (const attempt of this.#attempts) attempt.abandon();
    const { exitReason } = this.#process;
    for (const run of this.#runs) run.failWith(this.#exit(exitReason, run));
    this.#runs.clear();
  }

  get label(): string {
    return this.#settings.label;
  }

  describe(): PoolInfo {
    return {
      queued: this.#queue.length,
      maxQueue: this.#settings.maxQueue,
      running: this.#attempts.size,
      members: this.#members.info(),
      counts: { ...this.#counts },
    };
  }
}

/** A start that a supervisor has refused. */
export class Refused extends Error {
  readonly reply: unknown;

  constructor(reply: unknown) {
    super();
    this.reply = reply;
  }
}

/** A start whose call has failed. */
export class NotStarted extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super();
    this.reason = reason;
  }
}

/** Returns whether a task ended because its supervisor or node ended. */
export function isLost(reason: unknown): boolean {
  return isReason(reason, "noconnection") ||
    isReason(reason, "shutdown") || isReason(reason, "killed");
}

/**
 * Returns the fate of a run whose start has failed. `"elsewhere"`: the task was surely not started. `"lost"`: the task
 * was possibly started. `"fails"`: the start would fail on any node.
 */
export function fateOf(error: unknown): "elsewhere" | "lost" | "fails" {
  if (error instanceof QueueFullError) return "elsewhere";
  if (error instanceof Refused) {
    const { reason, message } = replyOf(error);
    if (isReason(reason, "max_children") || isReason(reason, "draining")) {
      return "elsewhere";
    }
    if (reason === "limit" || reason === "system_limit") return "elsewhere";
    return typeof reason === "string" && typeof message === "string"
      ? "fails"
      : "lost";
  }
  if (error instanceof NotStarted) {
    // The node may have refused only the monitor, not the request; or the connection was lost on the way.
    return isReason(error.reason, "system_limit") ||
        isTyped(error.reason, "nodedown")
      ? "lost"
      : "elsewhere";
  }
  return "fails";
}

/** Returns the error of a run whose start would fail on any node. */
function failureOf(error: unknown, { node }: Pid): unknown {
  if (!(error instanceof Refused)) return error;
  const { reason, message } = replyOf(error);
  return spawnError(node, {
    error: reason as SpawnFailure,
    message: message as string,
  });
}

function replyOf({ reply }: Refused): Record<string, unknown> {
  return (reply ?? {}) as Record<string, unknown>;
}
