/**
 * The end of a task that its owner asks for.
 *
 * @module
 */

import { Ending, LATE } from "../gen/stop.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Pid } from "../../core/values/pid.ts";

/** Sends the process of a task an exit signal, waits until it has exited, and returns the reason. */
export async function endTask(
  owner: LocalProcess,
  pid: Pid,
  timeout: number | "brutal_kill",
): Promise<unknown> {
  const signals = owner.runtime.route(pid.node);
  const ending = new Ending(owner, pid);
  owner.unlink(pid);
  const isBrutal = timeout === "brutal_kill";
  signals.exit(owner.pid, pid, isBrutal ? "kill" : "shutdown");
  const reason = await ending.within(isBrutal ? Infinity : timeout);
  if (reason !== LATE) return reason;
  signals.exit(owner.pid, pid, "kill");
  return await ending.within(Infinity);
}
