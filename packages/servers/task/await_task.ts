/**
 * An owner's waits for one task or several, with a timeout, and the orderly end of a task.
 *
 * A wait takes an outcome that is in the mailbox already, in the order of the mail; else it watches the
 * tasks. It settles at the owner's turn. An outcome that arrives in the same turn of the event loop as the timeout
 * still counts. If the owner exits, all its waits are abandoned.
 */

import { callExit, describeTimeout } from "../server/server_ref.ts";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { PendingAnswer } from "@otp/processes/process/pending_answer";
import { atAwait } from "@otp/processes/promises/promises";
import { scheduler } from "@otp/processes/scheduling/scheduler";
import { isReason } from "@otp/processes/values/exit_reason";
import { endProcess } from "../server/stop.ts";
import type { TaskOutcome, TaskState, TaskWatcher } from "./task_state.ts";

export interface WaitLimits {
  timeout: number;
  signal?: AbortSignal;
}

/** How a wait for several tasks ends. */
export interface YieldLimits extends WaitLimits {
  /** The wait ends after this number of outcomes. */
  limit: number;
  /** How to treat the tasks that have no outcome at the timeout. */
  onTimeout: "nothing" | "ignore" | "kill_task";
}

/** Decides for each outcome whether a wait for several tasks ends with it. */
type IsEnough = (state: TaskState, outcome: TaskOutcome) => boolean;

/** The wait for tasks of one owner: the outcome that ended it, or `undefined` if the timeout expired. */
class PendingOutcome extends PendingAnswer<TaskOutcome | undefined>
  implements TaskWatcher {
  readonly #states: readonly TaskState[];
  readonly #isEnough: IsEnough | undefined;

  constructor(
    states: readonly TaskState[],
    { timeout, signal }: WaitLimits,
    isEnough: IsEnough | undefined,
  ) {
    super(states[0].process);
    this.#states = states;
    this.#isEnough = isEnough;
    for (const state of states) state.watch(this);
    this.limit(timeout, signal);
  }

  ended(state: TaskState, outcome: TaskOutcome): void {
    if (this.#isEnough?.(state, outcome) === false) return;
    // A task stops being watched before it passes its outcome on.
    if (this.#states.length > 1) this.#unwatch();
    this.settle(outcome);
  }

  override expire(): void {
    this.#unwatch();
    // An outcome may arrive before the owner's turn.
    this.settleBy(() => claimed(this.#states, this.#isEnough));
  }

  override aborted(reason: unknown): void {
    this.#unwatch();
    super.aborted(reason);
  }

  override abandon(error: () => unknown): void {
    this.#unwatch();
    super.abandon(error);
  }

  #unwatch(): void {
    for (const state of this.#states) state.unwatch(this);
  }
}

/**
 * Waits for tasks of one owner: calls `isEnough` for each outcome, in the order of arrival, until `isEnough` returns
 * true; without it, waits for the first outcome. Returns the last outcome; `undefined` if the timeout expired.
 */
function outcomesOf(
  states: readonly TaskState[],
  limits: WaitLimits,
  isEnough?: IsEnough,
): TaskOutcome | Promise<TaskOutcome | undefined> {
  const { signal } = limits;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const known = claimed(states, isEnough);
  if (known === undefined) {
    return new PendingOutcome(states, limits, isEnough).promise;
  }
  const { process } = states[0];
  if (scheduler.canAnswerNow(process)) return known;
  const pending = new PendingAnswer<TaskOutcome>(process);
  process.resumeLater(pending, () => pending.resolve(known));
  return pending.promise;
}

/** Takes the outcomes that have arrived; returns the outcome that is enough, if there is one. */
function claimed(
  states: readonly TaskState[],
  isEnough: IsEnough | undefined,
): TaskOutcome | undefined {
  for (const state of states.length === 1 ? states : inOrderOfMail(states)) {
    const outcome = state.claim();
    if (outcome !== undefined && isEnough?.(state, outcome) !== false) {
      return outcome;
    }
  }
  return undefined;
}

/** Returns the tasks that have mail, in the order of the mail, then the cancelled tasks. */
function inOrderOfMail(states: readonly TaskState[]): TaskState[] {
  const senders = new Map<unknown, TaskState>();
  const cancelled: TaskState[] = [];
  for (const state of states) {
    for (const message of state.mail()) senders.set(message, state);
    if (state.isCancelled) cancelled.push(state);
  }
  if (senders.size === 0) return cancelled;
  return states[0].process.mailbox.messages().flatMap((message) =>
    senders.get(message) ?? []
  ).concat(cancelled);
}

/** Waits for the value of a task; the owner exits if the task fails, or is late. */
export async function awaitTask(
  state: TaskState,
  limits: WaitLimits,
): Promise<unknown> {
  let outcome: TaskOutcome | undefined;
  try {
    outcome = await outcomesOf([state], limits);
  } catch (error) {
    if (state.process.alive) state.close();
    throw error;
  }
  if (outcome?.type === "ok") return outcome.value;
  if (outcome?.type === "aborted") throw outcome.reason;
  if (outcome === undefined) state.close();
  throw taskExit(
    outcome === undefined ? "timeout" : state.reasonOf(outcome.reason),
    "await",
    [describeTask(state), describeTimeout(limits.timeout)],
  );
}

/** Waits for the values of several tasks; their owner exits as soon as one task fails or is late. */
export async function awaitTasks(
  states: TaskState[],
  limits: WaitLimits,
): Promise<unknown[]> {
  const pending = new Set(states);
  const values = new Map<TaskState, unknown>();
  let failure: unknown = "timeout";
  let aborted: { reason: unknown } | undefined;
  if (pending.size > 0) {
    const isEnough = (state: TaskState, outcome: TaskOutcome) => {
      if (outcome.type === "exit") {
        failure = state.reasonOf(outcome.reason);
        return true;
      }
      if (outcome.type === "aborted") {
        aborted = outcome;
        return true;
      }
      values.set(state, outcome.value);
      pending.delete(state);
      return pending.size === 0;
    };
    const { process: owner } = states[0];
    try {
      await outcomesOf([...pending], limits, isEnough);
    } catch (reason) {
      if (!owner.alive) throw reason;
      aborted = { reason };
    }
  }
  if (pending.size === 0) return states.map((state) => values.get(state));
  for (const state of pending) state.close();
  if (aborted !== undefined) throw aborted.reason;
  throw taskExit(failure, "awaitMany", describeTasks(states, limits.timeout));
}

/** Waits for the outcome of a task; `undefined` if the task is late. */
export async function yieldTask(
  state: TaskState,
  limits: WaitLimits,
): Promise<TaskOutcome | undefined> {
  const outcome = await outcomesOf([state], limits);
  return checked(
    outcome,
    state,
    "yield",
    () => [describeTask(state), describeTimeout(limits.timeout)],
  );
}

/** Waits for the outcomes of several tasks of one owner, in the order of `states`; `undefined` for a late task. */
export async function yieldTasks(
  states: TaskState[],
  { timeout, limit, onTimeout, signal }: YieldLimits,
): Promise<(TaskOutcome | undefined)[]> {
  const results = new Map<TaskState, TaskOutcome>();
  const all = new Set(states);
  const count = Math.min(limit, all.size);
  let isLate = false;
  if (count > 0) {
    const isEnough = (state: TaskState, outcome: TaskOutcome) => {
      results.set(state, outcome);
      // A task whose node is lost ends the caller, so the other tasks are not waited for.
      return results.size === count || outcome.type === "aborted" ||
        exitedWith(outcome, "noconnection");
    };
    const last = await outcomesOf([...all], { timeout, signal }, isEnough);
    isLate = last === undefined;
    const args = () => describeTasks(states, timeout);
    for (const [state, outcome] of results) {
      checked(outcome, state, "yieldMany", args);
    }
  }
  const outcomes: (TaskOutcome | undefined)[] = [];
  for (const state of states) {
    if (waitingProcess() === undefined) return never();
    let outcome = results.get(state);
    if (outcome === undefined && isLate) {
      if (onTimeout === "ignore") outcome = ignoreTask(state);
      if (onTimeout === "kill_task") {
        outcome = await shutdownTask(state, "brutal_kill");
      }
    }
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Shuts a task down and waits for its exit; returns its outcome if the task exited before or for another reason. */
export async function shutdownTask(
  state: TaskState,
  timeout: number | "brutal_kill",
): Promise<TaskOutcome | undefined> {
  const { process: owner, by: pid } = state;
  if (pid === undefined) return ignoreTask(state);
  state.hold();
  owner.unlink(pid);
  const reason = await endProcess(owner, pid, timeout);
  let expected = timeout === "brutal_kill" ? "killed" : "shutdown";
  let outcome: TaskOutcome = { type: "exit", reason };
  if (exitedWith(outcome, "noproc")) {
    // The task had exited before: its DOWN has the reason, unless a receive took it.
    const down = state.takeDown();
    if (down !== undefined) outcome = { type: "exit", reason: down.reason };
    else expected = "";
  }
  state.close();
  const reply = state.takeReply();
  if (reply !== undefined) return { type: "ok", value: reply.value };
  if (exitedWith(outcome, expected)) return undefined;
  return checked(
    outcome,
    state,
    "shutdown",
    () => [describeTask(state), describeTimeout(timeout)],
  );
}

/** Unlinks a task and stops waiting for it; returns its outcome if that has arrived. */
export function ignoreTask(state: TaskState): TaskOutcome | undefined {
  if (state.by !== undefined) state.process.unlink(state.by);
  const outcome = state.claim();
  state.close();
  return checked(outcome, state, "ignore", () => [describeTask(state)]);
}

function exitedWith(outcome: TaskOutcome | undefined, reason: string): boolean {
  return outcome?.type === "exit" && isReason(outcome.reason, reason);
}

/** Returns the outcome; throws an exit if the task's node is lost, as in Elixir, or the reason of an abort. */
function checked(
  outcome: TaskOutcome | undefined,
  state: TaskState,
  fn: string,
  args: () => unknown[],
): TaskOutcome | undefined {
  if (outcome?.type === "aborted") throw outcome.reason;
  if (exitedWith(outcome, "noconnection")) {
    throw taskExit({ type: "nodedown", node: state.node }, fn, args());
  }
  return outcome;
}

function taskExit(reason: unknown, fn: string, args: unknown[]): unknown {
  return atAwait(callExit(reason, ["Task", fn, args]), taskExit);
}

function describeTask({ by, ref, pid: owner }: TaskState): unknown {
  return { pid: by, ref, owner };
}

function describeTasks(states: TaskState[], timeout: number): unknown[] {
  return [states.map(describeTask), describeTimeout(timeout)];
}
