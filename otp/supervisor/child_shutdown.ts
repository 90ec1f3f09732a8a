/** The shutdown of a child: an exit signal, then `kill` when the child's time has passed. */

import type { Pid } from "../../core/values/pid.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { isOrderly, isReason } from "../../core/values/exit_reason.ts";
import { takeExit } from "../server/server.ts";
import { endProcess } from "../server/stop.ts";
import type { ChildShutdown, FullChildSpec } from "../server/child_spec.ts";

/** Ends a linked process, and returns its exit reason. */
export async function shutdownChild(
  process: LocalProcess,
  pid: Pid,
  shutdown: ChildShutdown,
): Promise<unknown> {
  process.assertAlive();
  const reason = await endProcess(process, pid, shutdown);
  process.unlink(pid);
  const exit = takeExit(process, pid);
  return exit === undefined ? reason : exit.reason;
}

/** Whether a child that was shut down exited as expected; a permanent child must exit with the requested reason. */
export function isCleanShutdown(
  { restart, shutdown }: Pick<FullChildSpec, "restart" | "shutdown">,
  reason: unknown,
): boolean {
  const told = shutdown === "brutal_kill" ? "killed" : "shutdown";
  return isReason(reason, told) ||
    (restart !== "permanent" && isOrderly(reason));
}
