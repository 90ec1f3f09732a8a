/**
 * Timers: messages that are sent later. `process.ts` exports these functions.
 *
 * @module
 */

import {
  checkFlags,
  checkOptions,
  checkRef,
  misfit,
} from "./runtime/values/check_arguments.ts";
import { currentProcess } from "./runtime/context/current_process.ts";
import { inspect } from "./runtime/values/inspect.ts";
import {
  Atom,
  type Message,
  nameOf,
  Pid,
  type Ref,
} from "./runtime/values/pid.ts";
import { copyTerm } from "./runtime/values/term.ts";

/** Options for {@linkcode sendAfter}. */
export interface SendAfterOptions {
  /**
   * Whether the time is a moment, by {@linkcode monotonicTime}, and not how long to wait. A moment
   * that has passed sends at once.
   *
   * @default {false}
   */
  abs?: boolean;
}

/**
 * Sends a message later, to a process of this node or to a name.
 *
 * Follows [Process.send_after/4](https://hexdocs.pm/elixir/1.18/Process.html#send_after/4). The
 * message is copied now: a later change of it changes nothing. A name is looked up when the time has
 * come, and if nobody has it then, the message is dropped. A timer for a pid ends when that process
 * does: it is not started if the process is dead already. The caller may end meanwhile: the message is
 * sent all the same. When the node stops, its timers end.
 *
 * The message comes from no process, so it has no order with what the caller sends. Messages that are
 * due at the same time come in the order in which they were asked for. A timer keeps the program
 * running, as one of `setTimeout` does.
 *
 * @typeParam M The messages that the receiver takes.
 * @typeParam T The type of the message.
 * @param to A pid of this node, or a local name.
 * @param message What is sent; see `send`.
 * @param ms Milliseconds to wait, 0 or more; with `abs`, the moment.
 * @param options Whether the time is a moment.
 * @returns The timer's reference, for {@linkcode cancelTimer} and {@linkcode readTimer}.
 * @throws {TypeError} If `to` is no name and no pid of this node, the time is not a number, or the
 *   message holds what cannot be sent.
 * @throws {RangeError} If the time is out of bounds.
 *
 * @example A reminder to oneself
 * ```ts
 * import { receive, self, sendAfter } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * sendAfter(self(), { type: "tick" }, 10);
 * assertEquals(await receive(), { type: "tick" });
 * ```
 */
export function sendAfter<M, T>(
  to: Pid<M> | string | Atom,
  message: Message<NoInfer<M>, T>,
  ms: number,
  options: SendAfterOptions = {},
): Ref {
  const { runtime } = currentProcess();
  checkOptions(options, "send later", "{ abs: true }");
  checkFlags(options, "send later", "abs");
  if (to instanceof Pid ? to.node !== runtime.node : !isName(to)) {
    throw new TypeError(
      `Cannot send to ${
        inspect(to)
      } later: it is no process of ${runtime.node} and no name; send to a process of this node, which can pass it on`,
    );
  }
  const isMoment = options.abs ?? false;
  if (!Number.isFinite(ms) || (ms < 0 && !isMoment)) {
    throw misfit(
      ms,
      `Cannot send ${isMoment ? "at" : "after"} ${inspect(ms)} ms: give ${
        isMoment
          ? "a moment, such as monotonicTime() + 1000"
          : "milliseconds, 0 or more"
      }`,
    );
  }
  return runtime.timers.start(
    to instanceof Pid ? to : nameOf(to),
    copyTerm(message, runtime.maxDepth),
    isMoment ? Math.max(ms - runtime.now(), 0) : ms,
  );
}

function isName(value: unknown): value is string | Atom {
  return typeof value === "string" || value instanceof Atom;
}

/** Options for {@linkcode cancelTimer}. */
export interface CancelTimerOptions {
  /**
   * Whether to answer by a message, a {@linkcode CancelTimerMessage}, instead of by what is returned.
   *
   * @default {false}
   */
  async?: boolean;
  /**
   * Whether to tell how much time was left.
   *
   * @default {true}
   */
  info?: boolean;
}

/** What {@linkcode cancelTimer} with `async` sends to its caller. */
export interface CancelTimerMessage {
  /** Always `"cancel_timer"`. */
  type: "cancel_timer";
  /** The timer's reference. */
  ref: Ref;
  /** The whole milliseconds that were left, or false if there was no such timer. */
  result: number | false;
}

/**
 * Ends a timer: its message is not sent.
 *
 * Follows [Process.cancel_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2). Any
 * process of the node can end it, not only the one that started it. A message that was sent already
 * may still wait in the receiver's mailbox.
 *
 * @param timer The reference that {@linkcode sendAfter} gave.
 * @returns The whole milliseconds that were left, or false if there is no such timer: its message was
 *   sent, it was ended, or its process has exited.
 * @throws {TypeError} If it is no reference.
 *
 * @example Usage
 * ```ts
 * import { cancelTimer, self, sendAfter } from "@otp/distribution/process";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const timer = sendAfter(self(), "never", 60_000);
 * assert(Number(cancelTimer(timer)) > 59_000);
 * assertEquals(cancelTimer(timer), false);
 * ```
 */
export function cancelTimer(timer: Ref): number | false;
/**
 * Ends a timer, and answers by a message, or not at all.
 *
 * Follows [Process.cancel_timer/2](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2).
 *
 * @param timer The reference that {@linkcode sendAfter} gave.
 * @param options How to answer: with `async`, by a message to the caller; with `info: false`, not.
 * @returns `"ok"` with `async` or `info: false`, else as above.
 * @throws {TypeError} If it is no reference.
 *
 * @example Usage
 * ```ts
 * import { cancelTimer, receive, self, sendAfter } from "@otp/distribution/process";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const timer = sendAfter(self(), "never", 60_000);
 * assertEquals(cancelTimer(timer, { async: true }), "ok");
 * const { type, ref, result } = await receive();
 * assertEquals([type, ref], ["cancel_timer", timer]);
 * assert(result > 59_000);
 * ```
 */
export function cancelTimer(
  timer: Ref,
  options: CancelTimerOptions,
): number | false | "ok";
export function cancelTimer(
  timer: Ref,
  options: CancelTimerOptions = {},
): number | false | "ok" {
  checkRef(timer, "cancel the timer", "sendAfter returned");
  checkOptions(options, "cancel a timer", "{ async: true }");
  checkFlags(options, "cancel a timer", "async", "info");
  const { async = false, info = true } = options;
  const left = readTimer(timer);
  const process = currentProcess();
  const result = process.runtime.timers.cancel(timer) && left;
  if (!info) return "ok";
  if (!async) return result;
  const message: CancelTimerMessage = {
    type: "cancel_timer",
    ref: timer,
    result,
  };
  process.send(process.pid, message);
  return "ok";
}

/**
 * How long it is until a timer's message is sent.
 *
 * Follows [Process.read_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#read_timer/1).
 *
 * @param timer The reference that {@linkcode sendAfter} gave.
 * @returns The whole milliseconds that are left, or false if there is no such timer: its message was
 *   sent, it was ended, or its process has exited.
 * @throws {TypeError} If it is no reference.
 *
 * @example Usage
 * ```ts
 * import { cancelTimer, readTimer, self, sendAfter } from "@otp/distribution/process";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const timer = sendAfter(self(), "never", 60_000);
 * assert(Number(readTimer(timer)) > 59_000);
 * cancelTimer(timer);
 * assertEquals(readTimer(timer), false);
 * ```
 */
export function readTimer(timer: Ref): number | false {
  checkRef(timer, "look for the timer", "sendAfter returned");
  const left = currentProcess().runtime.timers.left(timer);
  return left === undefined ? false : Math.ceil(left);
}

/**
 * The time by the node's clock, which is never set back: for moments given to {@linkcode sendAfter}.
 *
 * Follows [System.monotonic_time/1](https://hexdocs.pm/elixir/1.18/System.html#monotonic_time/1). Where
 * it begins is different from node to node: it means nothing elsewhere.
 *
 * @returns Milliseconds since some fixed moment, with fractions.
 *
 * @example Every 5 ms, without drift
 * ```ts
 * import { monotonicTime, receive, self, sendAfter } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const started = monotonicTime();
 * for (let tick = 1; tick <= 3; tick++) {
 *   sendAfter(self(), tick, started + tick * 5, { abs: true });
 *   assertEquals(await receive(), tick);
 * }
 * ```
 */
export function monotonicTime(): number {
  return currentProcess().runtime.now();
}
