/**
 * The end of processes: to wait for it, and to ask a server for it.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { ExitError } from "../errors.ts";
import { checkTimeout } from "../runtime/check.ts";
import { never, waitingProcess } from "../runtime/current.ts";
import { ignore } from "../runtime/ignore.ts";
import type { Ref } from "../runtime/pid.ts";
import type { AliasMode, Process, Wait } from "../runtime/process.ts";
import type { Target } from "../runtime/signal.ts";
import { isSelf, locate, sendTo } from "./call.ts";
import { type ServerRef, Stop } from "./messages.ts";
import { serverInWords } from "./names.ts";

/** Waits for the end of a process under a monitor of its own: nothing goes through the mail. */
export class Ending implements Wait {
  readonly node: string;
  /** The monitor. */
  readonly ref: Ref;
  /** Resolves with the exit reason. */
  readonly reason: Promise<unknown>;
  /** Whether what is awaited has said that it ends. */
  isTold = false;
  readonly #process: Process;
  #resolve!: (reason: unknown) => void;
  #reject!: (error: unknown) => void;

  /** With a mode, the monitor is an alias too. */
  constructor(
    process: Process,
    target: Target,
    node: string,
    mode?: AliasMode,
  ) {
    this.node = node;
    this.#process = process;
    this.reason = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ref = process.runtime.makeRef();
    process.monitor(target, node, mode, this, this.ref);
  }

  /** Whether it comes within so many milliseconds; the monitor stays if it does not. */
  within(ms: number): Promise<boolean> {
    if (ms === Infinity) return this.reason.then(() => true);
    const { runtime } = this.#process;
    return new Promise((resolve, reject) => {
      const stopTimer = runtime.after(ms, () => resolve(false));
      this.reason.then(
        () => {
          stopTimer();
          resolve(true);
        },
        (error) => {
          stopTimer();
          reject(error);
        },
      );
    });
  }

  /** No longer waits. */
  cancel(): void {
    this.#process.unawait(this.ref);
    this.#process.demonitor(this.ref);
  }

  reply(): void {
    this.isTold = true;
  }

  down(_object: unknown, reason: unknown): void {
    this.#process.unawait(this.ref);
    this.#process.resume(this, () => this.#resolve(reason));
  }

  abandon(error: () => unknown): void {
    this.reason.catch(ignore);
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
      call: ["GenServer", "stop", [serverInWords(server), reason, limit]],
    });
  };
  const located = locate(server, process);
  const place = located instanceof Promise ? await located : located;
  if (!process.alive) return never();
  if (isSelf(process, place)) throw fail("calling_self");
  const ending = new Ending(process, place.target, place.node, "demonitor");
  try {
    sendTo(process, place, new Stop(process.pid, ending.ref, reason));
    if (!(await ending.within(timeout))) throw fail("timeout");
  } finally {
    ending.cancel();
  }
  const actual = await ending.reason;
  if (ending.isTold && isDeepStrictEqual(actual, reason)) return "ok";
  // As in OTP, one that has ended before it took the request has failed a call of its own.
  throw fail(
    ending.isTold || actual === "noproc" ? actual : {
      type: "call",
      reason: actual === "noconnection"
        ? { type: "nodedown", node: place.node }
        : actual,
      call: ["sys", "terminate", [serverInWords(server), reason, "infinity"]],
    },
  );
}
