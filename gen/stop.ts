/**
 * The end of processes: to wait for it, and to ask a server for it.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { ExitError } from "../errors.ts";
import { checkTimeout } from "../runtime/values/check_arguments.ts";
import { never, waitingProcess } from "../runtime/context/current_process.ts";
import type { Deadline, Expiring } from "../runtime/scheduling/deadlines.ts";
import { ignore } from "../runtime/promises/ignore.ts";
import type { Ref } from "../runtime/values/pid.ts";
import type { Process } from "../runtime/processes/process.ts";
import type { Wait } from "../runtime/processes/wait.ts";
import type { AliasMode } from "../runtime/processes/links_and_monitors.ts";
import type { Target } from "../runtime/signals/signal.ts";
import { isSelf, locate, sendTo } from "./call.ts";
import { type ServerRef, Stop } from "./messages.ts";
import { describeServer } from "./server_names.ts";

/** The result of a wait for the end of a process that has not ended in time. */
export const LATE: unique symbol = Symbol("late");

/**
 * Waits for the end of a process under a monitor of its own: nothing goes through the mail. There is one
 * wait at a time, and a promise only for that: a supervisor makes one of these for each child that it ends.
 */
export class Ending implements Expiring, Wait {
  readonly node: string;
  /** The monitor. */
  readonly ref: Ref;
  /** Whether what is awaited has said that it ends. */
  isTold = false;
  readonly #process: Process;
  /** It has ended, which the process may learn at its next turn only. */
  #isDown = false;
  #end: { reason: unknown } | undefined;
  #failure: (() => unknown) | undefined;
  #wait: Promise<unknown> | undefined;
  #resolve!: (reason: unknown) => void;
  #reject!: (error: unknown) => void;
  #deadline: Deadline | undefined;

  /** With a mode, the monitor is an alias too. */
  constructor(
    process: Process,
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
   * Resolves with the exit reason, or with {@linkcode LATE} after so many milliseconds; the monitor stays
   * then.
   */
  within(ms: number): Promise<unknown> {
    if (this.#end !== undefined) return Promise.resolve(this.#end.reason);
    if (this.#failure !== undefined) return Promise.reject(this.#failure());
    if (ms !== Infinity && !this.#isDown) {
      this.#deadline = this.#process.runtime.deadlines.add(ms, this);
    }
    return this.#wait = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** No longer waits. */
  cancel(): void {
    this.#deadline?.lift();
    this.#process.unawait(this.ref);
    this.#process.demonitor(this.ref);
  }

  expire(): void {
    const resolve = this.#resolve;
    this.#wait = undefined;
    resolve(LATE);
  }

  reply(): void {
    this.isTold = true;
  }

  down(_object: unknown, reason: unknown): void {
    this.#isDown = true;
    this.#deadline?.lift();
    this.#process.unawait(this.ref);
    this.#process.resume(this, () => {
      this.#end = { reason };
      if (this.#wait !== undefined) this.#resolve(reason);
    });
  }

  abandon(error: () => unknown): void {
    this.#deadline?.lift();
    this.#failure = error;
    if (this.#wait === undefined) return;
    this.#wait.catch(ignore);
    this.#reject(error());
  }
}

/**
 * Stops a server and waits for its end, as `proc_lib:stop` does.
 *
 * @throws {ExitError} If it was not there, ended for another reason, or not in time.
 */
export async function stopServer(
  server: ServerRef,
  reason: unknown,
  timeout: number,
): Promise<"ok"> {
  checkTimeout(timeout, "stop a server");
  const process = waitingProcess();
  if (process === undefined) return never();
  const fail = (why: unknown) => {
    const limit = timeout === Infinity ? "infinity" : timeout;
    return new ExitError({
      type: "call",
      reason: why,
      call: ["GenServer", "stop", [describeServer(server), reason, limit]],
    });
  };
  const located = locate(server, process);
  const place = located instanceof Promise ? await located : located;
  if (!process.alive) return never();
  if (isSelf(process, place)) throw fail("calling_self");
  const ending = new Ending(process, place.target, place.node, "demonitor");
  let actual: unknown;
  try {
    sendTo(process, place, new Stop(process.pid, ending.ref, reason));
    actual = await ending.within(timeout);
    if (actual === LATE) throw fail("timeout");
  } finally {
    ending.cancel();
  }
  if (ending.isTold && isSame(actual, reason)) return "ok";
  // As in OTP, one that has ended before it took the request has failed a call of its own.
  throw fail(
    ending.isTold || actual === "noproc" ? actual : {
      type: "call",
      reason: actual === "noconnection"
        ? { type: "nodedown", node: place.node }
        : actual,
      call: ["sys", "terminate", [describeServer(server), reason, "infinity"]],
    },
  );
}

function isSame(actual: unknown, reason: unknown): boolean {
  return actual === reason || isDeepStrictEqual(actual, reason);
}
