/**
 * The process of a task that a BEAM has asked for: it receives its work as a message, runs it, and sends the
 * result as the owner's BEAM expects it. `task_otp.ts` describes the two steps.
 *
 * Races: the owner may exit before it sends the work, which ends the task (`shutdown`), or never send it, which
 * ends the task after 5 s, as in Elixir.
 *
 * @module
 */

import { ExitError } from "../../errors.ts";
import { runOtpFunction } from "../../gen/otp_function.ts";
import { currentProcess } from "../../runtime/context/current_process.ts";
import type { LocalProcess } from "../../runtime/processes/local_process.ts";
import { Pid, type Ref } from "../../runtime/values/pid.ts";
import { tuple } from "../../runtime/values/tuple.ts";
import {
  type OtpTask,
  type TaskWork,
  WORK_TIMEOUT,
  workFromOtp,
} from "./task_otp.ts";

/** The code of the process of such a task. */
export function otpTaskCode({ owner, work }: OtpTask): () => unknown {
  return work === undefined
    ? () => receiveAndRun(currentProcess(), owner)
    : () => runOtpFunction(currentProcess(), owner.node, work.mfa);
}

async function receiveAndRun(process: LocalProcess, owner: Pid): Promise<void> {
  const { ref, replyTo, callers, mfa } = await receiveWork(process, owner);
  process.lineage?.callers.splice(0, Infinity, ...callers);
  const result = await runOtpFunction(process, owner.node, mfa);
  if (!process.alive) return;
  const message = tuple(ref, result);
  if (replyTo instanceof Pid) process.send(replyTo, message);
  else process.sendAlias(replyTo, message);
}

async function receiveWork(
  process: LocalProcess,
  owner: Pid,
): Promise<TaskWork> {
  const monitor = process.monitor(owner, owner.node);
  const message = await process.mailbox.receive(
    (each) =>
      workFromOtp(each, owner) !== undefined ||
      isDownOf(process, monitor, each),
    { timeout: WORK_TIMEOUT, after: undefined, hasAfter: true },
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
