/**
 * The process of a task that a BEAM requested: it receives its work as a message, runs the work, and sends the
 * result in the form that the owner's BEAM expects. `task_otp.ts` describes the two steps.
 *
 * Races: the owner may exit before it sends the work, which ends the task (`shutdown`), or never send it, which
 * ends the task after 5 s, as in Elixir. The owner is monitored only if the work does not arrive soon: if the owner
 * has exited by then, the reason is `noproc`.
 */

import { ExitError } from "../../core/errors.ts";
import { runOtpFunction } from "../gen/otp_function.ts";
import { currentProcess } from "../../core/runtime/current_process.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { andThen } from "../../core/promises/promises.ts";
import { Pid, type Ref } from "../../core/values/pid.ts";
import { tuple } from "../../core/values/tuple.ts";
import {
  type OtpTask,
  type TaskWork,
  WORK_TIMEOUT,
  workFromOtp,
} from "./task_otp.ts";

/**
 * Milliseconds before the owner is monitored. The owner sends the work as soon as it has the pid, so a monitor from
 * the start would cost two signals for each task, and find nothing.
 */
const UNWATCHED = 100;

/** Returns the code of a task's process. */
export function otpTaskCode({ owner, work }: OtpTask): () => unknown {
  return work === undefined
    ? () => receiveAndRun(currentProcess(), owner)
    : () => runOtpFunction(currentProcess(), owner.node, work.mfa);
}

/** Receives the work, and runs it without needless awaits. */
function receiveAndRun(process: LocalProcess, owner: Pid): Promise<void> {
  let work: TaskWork | undefined;
  const isWork = (message: unknown) =>
    (work = workFromOtp(message, owner)) !== undefined;
  return process.mailbox.receive(
    isWork,
    { timeout: UNWATCHED, after: undefined, hasAfter: true },
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
  return andThen(runOtpFunction(process, owner.node, mfa), (result) => {
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
