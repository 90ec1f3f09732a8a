/**
 * Unhandled errors of exited processes.
 *
 * The waits of an exiting process reject, and so does each promise derived from them. If the process did not await
 * such a promise, no code handles the rejection. It must not end the program, because another node could cause it.
 */

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

/**
 * Calls `fn`, which calls the listeners of an event. A listener's error goes to `stray`: otherwise the host would end
 * the program, and with it the process that ended the dead one.
 */
export function withoutStrayErrors(
  fn: () => void,
  stray: (error: unknown) => void,
): void {
  const before = onStray;
  const isNode = typeof globalThis.addEventListener !== "function";
  if (isNode) nodeProcess.on("uncaughtException", stray);
  else onStray = stray;
  try {
    fn();
  } catch (error) {
    stray(error);
  } finally {
    onStray = before;
    // Node throws the errors in ticks after the listeners.
    if (isNode) {
      nodeProcess.nextTick(() => nodeProcess.off("uncaughtException", stray));
    }
  }
}
