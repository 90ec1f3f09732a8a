/**
 * The exit of processes: waiting for it, and asking a server for it.
 *
 * @module
 */

import { never, waitingProcess } from "../runtime/context/current_process.ts";
import type { AliasMode } from "../runtime/processes/links_and_monitors.ts";
import { builtin } from "../runtime/host/builtin.ts";
import { PendingAnswer } from "../runtime/processes/pending_answer.ts";
import { atAwait } from "../runtime/promises/answer.ts";
import type { LocalProcess } from "../runtime/processes/local_process.ts";
import type { Wait } from "../runtime/processes/wait.ts";
import type { Target } from "../runtime/signals/signal.ts";
import { checkTimeout } from "../runtime/values/check_arguments.ts";
import type { Ref } from "../runtime/values/pid.ts";
import { ReplyTo } from "../runtime/values/reply_to.ts";
import { callExit, describeTimeout } from "./call_description.ts";
import { isSelf, locate, type Place, sendTo, whenLocated } from "./locate.ts";
import { type ServerTarget, Stop } from "./messages.ts";
import { describeServer } from "./server_names.ts";

/** The result of a wait for the exit of a process that has not exited in time. */
export const LATE: unique symbol = Symbol("late");

class EndingWait extends PendingAnswer<unknown> {
  override expire(): void {
    this.settle(LATE);
  }
}

/**
 * The exit of a process under a monitor of its own, past the mailbox. There is one wait at a time, and a
 * promise only for that: a supervisor creates one of these for each child that it terminates.
 */
export class Ending implements Wait {
  readonly node: string;
  /** The monitor. */
  readonly ref: Ref;
  /** Whether the process has answered that it will exit. */
  isTold = false;
  readonly #process: LocalProcess;
  /** Whether it has exited; its watcher may be notified of that only at its next turn. */
  #isDown = false;
  #end: { reason: unknown } | undefined;
  #failure: (() => unknown) | undefined;
  #wait: EndingWait | undefined;

  /** With a mode, the monitor is an alias too. */
  constructor(
    process: LocalProcess,
    target: Target,
    node: string,
    mode?: AliasMode,
  ) {
    this.node = node;
    this.#process = process;
    this.ref = process.runtime.makeRef();
    process.monitor(target, node, mode, this, this.ref);
  }

  /**
   * Resolves with the exit reason, or with {@linkcode LATE} after that many milliseconds; the monitor stays
   * then.
   */
  within(ms: number): Promise<unknown> {
    if (this.#end !== undefined) return Promise.resolve(this.#end.reason);
    if (this.#failure !== undefined) return Promise.reject(this.#failure());
    const wait = this.#wait = new EndingWait(this.#process);
    if (!this.#isDown) wait.limit(ms);
    return wait.promise;
  }

  /** Stops waiting. */
  cancel(): void {
    this.#wait?.lift();
    this.#process.unawait(this.ref);
    this.#process.demonitor(this.ref);
  }

  reply(): void {
    this.isTold = true;
  }

  down(_object: unknown, reason: unknown): void {
    this.#isDown = true;
    this.#wait?.lift();
    this.#process.unawait(this.ref);
    this.#process.resume(this, () => {
      this.#end = { reason };
      this.#wait?.resolve(reason);
    });
  }

  abandon(error: () => unknown): void {
    this.#failure = error;
    this.#wait?.abandon(error);
  }
}

/**
 * Stops a server and waits for its end, as `proc_lib:stop` does.
 *
 * @throws {ExitError} If it was not there, ended for another reason, or not in time.
 */
export async function stopServer(
  server: ServerTarget,
  reason: unknown,
  timeout: number,
): Promise<"ok"> {
  checkTimeout(timeout, "stop a server");
  const process = waitingProcess();
  if (process === undefined) return never();
  return await whenLocated(
    locate(server, process),
    process,
    (place) => stopAt(process, place, server, reason, timeout),
  );
}

async function stopAt(
  process: LocalProcess,
  place: Place,
  server: ServerTarget,
  reason: unknown,
  timeout: number,
): Promise<"ok"> {
  const described = describeServer(server);
  const fail = (why: unknown) => {
    const args = [described, reason, describeTimeout(timeout)];
    return atAwait(callExit(why, ["GenServer", "stop", args]), stopAt);
  };
  if (isSelf(process, place)) throw fail("calling_self");
  const ending = new Ending(process, place.target, place.node, "demonitor");
  let actual: unknown;
  try {
    const replyTo = new ReplyTo(process.pid, ending.ref);
    sendTo(process, place, new Stop(replyTo, reason));
    actual = await ending.within(timeout);
    if (actual === LATE) throw fail("timeout");
  } finally {
    ending.cancel();
  }
  if (ending.isTold && isSame(actual, reason)) return "ok";
  if (ending.isTold || actual === "noproc") throw fail(actual);
  // As in OTP, a server that exited before it received the request has failed a call of its own.
  const why = actual === "noconnection"
    ? { type: "nodedown", node: place.node }
    : actual;
  const { reason: failure } = callExit(why, [
    "sys",
    "terminate",
    [described, reason, "infinity"],
  ]);
  throw fail(failure);
}

function isSame(actual: unknown, reason: unknown): boolean {
  return actual === reason ||
    builtin("node:util").isDeepStrictEqual(actual, reason);
}
