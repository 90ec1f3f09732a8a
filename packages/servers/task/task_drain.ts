/**
 * The drain of a Task.Supervisor: the supervisor starts no more tasks, and callers wait until the running tasks end.
 *
 * Permanent tasks never end for good, so the drain does not wait for them. Races: if the last task ends at the
 * deadline, the event that the supervisor handles first counts. A caller that has exited stays on the list until the
 * drain has ended or its deadline has passed; the limit of entries for each node bounds the number of such callers.
 */

import { call } from "../server/call.ts";
import { describeRequest, type ServerRef } from "../server/server_ref.ts";
import { NO_REPLY } from "../server/server.ts";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { OwnRequest } from "@otp/processes/values/server_message";
import { failed, type Failure } from "../supervisor/child_lifecycle.ts";

/** How a drain ended: all tasks have ended, or the timeout has expired. */
export type DrainOutcome = "drained" | "timeout";

export interface DrainRequest {
  type: "drain";
  /** How long to wait for the tasks, in milliseconds. */
  timeout: number;
}

/** Asks a supervisor to drain; it answers when its tasks have ended, or the timeout has expired. */
export function askToDrain(
  supervisor: ServerRef,
  timeout: number,
): Promise<DrainOutcome | Failure> {
  const request: DrainRequest = { type: "drain", timeout };
  return call(supervisor, new OwnRequest(request), {
    timeout: Infinity,
    as: () => describeRequest("TaskSupervisor", "drain", supervisor, {}),
  });
}

interface Waiting {
  readonly caller: ReplyTo;
  readonly lift: () => void;
}

/** The callers that wait until the tasks of a supervisor have ended. */
export class TaskDrain {
  readonly #process: LocalProcess;
  readonly #waiting = new Set<Waiting>();
  /** The number of permanent tasks, for which the drain does not wait. */
  permanent: number;

  constructor(process: LocalProcess, permanent: number) {
    this.#process = process;
    this.permanent = permanent;
    process.abortSignal().addEventListener("abort", () => {
      for (const { lift } of this.#waiting) lift();
    }, { once: true });
  }

  /** Adds a caller, which waits for at most `timeout` milliseconds. */
  wait(
    caller: ReplyTo,
    timeout: number,
  ): DrainOutcome | Failure | typeof NO_REPLY {
    if (timeout === 0) return "timeout";
    if (!this.#process.keepFor(caller.pid.node)) return failed("system_limit");
    const lift = timeout === Infinity
      ? () => {}
      : this.#process.runtime.deadlines.after(
        timeout,
        () => this.#answer(waiting, "timeout"),
      );
    const waiting: Waiting = { caller, lift };
    this.#waiting.add(waiting);
    return NO_REPLY;
  }

  /** Answers all callers when the tasks have ended. */
  ended(): void {
    for (const waiting of [...this.#waiting]) {
      waiting.lift();
      this.#answer(waiting, "drained");
    }
  }

  #answer(waiting: Waiting, outcome: DrainOutcome): void {
    this.#waiting.delete(waiting);
    this.#process.dropFor(waiting.caller.pid.node);
    this.#process.reply(waiting.caller, outcome);
  }
}
