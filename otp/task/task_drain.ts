/**
 * The drain of a Task.Supervisor: it starts no more tasks, and its callers wait for those that run.
 *
 * Permanent tasks never end for good, so nobody waits for them. Races: a task that ends with the deadline counts
 * as whichever the supervisor sees first. A caller that has exited stays on the list until the drain has ended or
 * its deadline is over; its node's limit of entries bounds such callers.
 *
 * @module
 */

import { call } from "../gen/call.ts";
import { describeRequest, type ServerRef } from "../gen/server_ref.ts";
import { NO_REPLY } from "../gen/server.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { ReplyTo } from "../../core/values/reply_to.ts";
import { OwnRequest } from "../../core/values/server_message.ts";
import { failed, type Failure } from "../supervisor/child_lifecycle.ts";

/** How a drain ended: all tasks have ended, or the time is over. */
export type DrainOutcome = "drained" | "timeout";

/** A request to drain. */
export interface DrainRequest {
  /** Always `"drain"`. */
  type: "drain";
  /** How long to wait for the tasks, in milliseconds. */
  timeout: number;
}

/** Asks a supervisor to drain; it answers when its tasks have ended, or the time is over. */
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
  /** The number of tasks that nobody waits for. */
  permanent: number;

  /** Begins, for the process of the supervisor, which has that many permanent tasks. */
  constructor(process: LocalProcess, permanent: number) {
    this.#process = process;
    this.permanent = permanent;
    process.abortSignal().addEventListener("abort", () => {
      for (const { lift } of this.#waiting) lift();
    }, { once: true });
  }

  /** Has a caller wait, for that many milliseconds at most. */
  wait(
    caller: ReplyTo,
    timeout: number,
  ): DrainOutcome | Failure | typeof NO_REPLY {
    if (timeout === 0) return "timeout";
    if (!this.#process.keepFor(caller.pid.node)) return failed("system_limit");
    const lift = timeout === Infinity ? () => {} : this.#process.runtime.after(
      timeout,
      () => this.#answer(waiting, "timeout"),
    );
    const waiting: Waiting = { caller, lift };
    this.#waiting.add(waiting);
    return NO_REPLY;
  }

  /** All tasks have ended. */
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
