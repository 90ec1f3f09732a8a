/**
 * The process of a task that a BEAM requests from a Task.Supervisor of this node: it receives its work as a message,
 * runs the work, and sends the result in the form that the owner's BEAM expects. `task_otp.ts` describes the two steps.
 *
 * Races: the owner may exit before it sends the work, which ends the task (`shutdown`), or never send it, which
 * ends the task after 5 s, as in Elixir. The owner is monitored only if the work does not arrive soon: if the owner
 * has exited by then, the reason is `noproc`.
 */

import { ExitError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { andThen } from "@otp/processes/promises/promises";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { Mfa } from "@otp/processes/signals/signal";
import { Pid, Ref } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { isSigned } from "@otp/servers/server/signed_messages";
import { resolveOtpFunction } from "../functions/otp_function.ts";
import { mfaFromOtp } from "./supervisor_otp.ts";

/** Milliseconds that a task of Elixir waits for its work. */
const WORK_TIMEOUT = 5000;

/**
 * Milliseconds before the owner is monitored. The owner sends the work as soon as it has the pid, so a monitor from
 * the start would cost two signals for each task, and find nothing.
 */
const UNWATCHED = 100;

/** The work of a task: the caller's part of the second step. */
export interface TaskWork {
  /** The task's reference: a term that the owner gets back with the result. */
  ref: unknown;
  /** The receiver of the result: an alias, or a process. */
  replyTo: Pid | Ref;
  /** The processes for which the task runs. */
  callers: Pid[];
  /** The function and its arguments. */
  mfa: Mfa;
}

/** Creates the code of a task of the owner; without the work, the owner sends it to the task. */
export function otpTaskCode(
  owner: Pid,
  work: Pick<TaskWork, "callers" | "mfa"> | undefined,
): () => unknown {
  return () => {
    const process = currentProcess();
    return work === undefined
      ? receiveAndRun(process, owner)
      : resolveOtpFunction(process.runtime, owner.node, work.mfa).fn();
  };
}

/** Receives the work, and runs it without needless awaits. */
function receiveAndRun(process: LocalProcess, owner: Pid): Promise<void> {
  let work: TaskWork | undefined;
  const isWork = (message: unknown) =>
    (work = workFromOtp(message, owner)) !== undefined;
  return process.mailbox.receive(
    isWork,
    { timeout: UNWATCHED, after: undefined, hasAfter: true, isPlain: true },
    process,
  ).then(() =>
    work !== undefined
      ? run(process, owner, work)
      : receiveLate(process, owner).then((late) => run(process, owner, late))
  );
}

/** Runs the work, and sends its result. */
function run(
  process: LocalProcess,
  owner: Pid,
  { ref, replyTo, callers, mfa }: TaskWork,
): void | Promise<void> {
  process.lineage?.callers.splice(0, Infinity, ...callers);
  const { fn } = resolveOtpFunction(process.runtime, owner.node, mfa);
  return andThen(fn(), (result) => {
    if (!process.alive) return;
    const message = tuple(ref, result);
    if (replyTo instanceof Pid) process.send(replyTo, message);
    else process.sendAlias(replyTo, message);
  });
}

async function receiveLate(
  process: LocalProcess,
  owner: Pid,
): Promise<TaskWork> {
  const monitor = process.monitor(owner);
  const message = await process.mailbox.receive(
    (each) =>
      workFromOtp(each, owner) !== undefined ||
      isDownOf(process, monitor, each),
    { timeout: WORK_TIMEOUT - UNWATCHED, after: undefined, hasAfter: true },
    process,
  );
  process.demonitor(monitor);
  const work = workFromOtp(message, owner);
  if (work !== undefined) return work;
  if (message === undefined) throw new ExitError("timeout");
  const { reason } = message as { reason: unknown };
  throw new ExitError({ type: "shutdown", reason });
}

function isDownOf(
  process: LocalProcess,
  monitor: Ref,
  message: unknown,
): boolean {
  const { type, ref } = (message ?? {}) as { type?: unknown; ref?: unknown };
  return type === "DOWN" && monitor.equals(ref) && process.isDown(ref);
}

/** Decodes the work message of a task. Only the owner's node may send it, because it runs with that node's rights. */
function workFromOtp(message: unknown, owner: Pid): TaskWork | undefined {
  if (
    !(message instanceof Tuple) || message.length !== 5 || !isSigned(message)
  ) return undefined;
  const [from, ref, replyTo, callers, named] = message.elements;
  const mfa = mfaFromOtp(named);
  if (
    !owner.equals(from) || mfa === undefined || !isPids(callers) ||
    !(replyTo instanceof Pid || replyTo instanceof Ref) ||
    // A result goes to the owner's node only, whatever receiver the message names.
    replyTo.node !== owner.node
  ) return undefined;
  return { ref, replyTo, callers, mfa };
}

/** Whether a term is a list of pids. */
export function isPids(value: unknown): value is Pid[] {
  return Array.isArray(value) && value.every((each) => each instanceof Pid);
}
