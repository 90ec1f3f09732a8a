/**
 * Unhandled errors of exited processes.
 *
 * The waits of an exiting process reject, and so does each promise derived from them. If the process did not await
 * such a promise, no code handles the rejection. It must not end the program, because another node could cause it.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import nodeProcess from "node:process";
import { ProcessExited } from "../values/error_classes.ts";

let isHandled = false;

/** Receives the errors that the host reports while a dead process's listeners are called. */
let onStray: ((error: unknown) => void) | undefined;

/** Ignores rejections by exits; other rejections have their usual effect. */
export function ignoreStrayExits(): void {
  if (isHandled) return;
  isHandled = true;
  if (typeof globalThis.addEventListener === "function") {
    globalThis.addEventListener("unhandledrejection", (event) => {
      if (event.reason instanceof ProcessExited) event.preventDefault();
    });
    globalThis.addEventListener("error", (event) => {
      if (onStray === undefined) return;
      event.preventDefault();
      onStray(event.error);
    });
    return;
  }
  nodeProcess.on("unhandledRejection", (reason: unknown) => {
    if (reason instanceof ProcessExited) return;
    // The host ends the program by itself only if it has no listener.
    if (nodeProcess.listenerCount("unhandledRejection") === 1) throw reason;
  });
}

/** Whether the host reports a listener's error as an `error` event before the dispatch returns, as Deno does. */
const HAS_ERROR_EVENTS = nodeProcess.versions.deno !== undefined;

/**
 * One dispatch to the listeners of a dead process, on Node and Bun.
 *
 * Bun emits a listener's error as `uncaughtException` during the dispatch; Node throws it in a tick, which runs after
 * the code that began the dispatch has returned. Node queues these ticks between two of this file: the listener of
 * `uncaughtException` is there during the dispatch, and from the first tick to the last one only. So an error of the
 * code that ended the process finds no listener, and ends the program as usual. When Node has thrown one error, it may
 * run other callbacks before the next tick; an error of theirs has another dispatch, or none, in its async context.
 */
interface Dispatch {
  /** Receives the listeners' errors; `undefined` when the dispatch is over. */
  stray: ((error: unknown) => void) | undefined;
}

/** The dispatch that the running code belongs to. */
const dispatches = new AsyncLocalStorage<Dispatch>();

/** How many dispatches need the one listener of `uncaughtException`. */
let open = 0;

/** Errors of other code, while the listener was there: thrown again when it is removed. */
let others: unknown[] = [];

function receiveError(error: unknown): void {
  const stray = dispatches.getStore()?.stray;
  if (stray !== undefined) stray(error);
  // The host ends the program by itself only if it has no listener.
  else if (nodeProcess.listenerCount("uncaughtException") === 1) {
    others.push(error);
  }
}

function openErrors(): void {
  if (open++ === 0) nodeProcess.on("uncaughtException", receiveError);
}

function closeErrors(): void {
  if (--open > 0) return;
  nodeProcess.off("uncaughtException", receiveError);
  for (const error of others) {
    nodeProcess.nextTick(() => {
      throw error;
    });
  }
  others = [];
}

/**
 * Calls `fn`, which calls the listeners of an event. A listener's error goes to `stray`: otherwise the host would end
 * the program, and with it the process that ended the dead one.
 */
export function withoutStrayErrors(
  fn: () => void,
  stray: (error: unknown) => void,
): void {
  if (HAS_ERROR_EVENTS) {
    const before = onStray;
    onStray = stray;
    try {
      fn();
    } catch (error) {
      stray(error);
    } finally {
      onStray = before;
    }
    return;
  }
  const dispatch: Dispatch = { stray };
  nodeProcess.nextTick(openErrors);
  openErrors();
  try {
    dispatches.run(dispatch, fn);
  } catch (error) {
    stray(error);
  } finally {
    closeErrors();
    nodeProcess.nextTick(() => {
      dispatch.stray = undefined;
      closeErrors();
    });
  }
}
