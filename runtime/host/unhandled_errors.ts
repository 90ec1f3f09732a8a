/**
 * Errors of dead processes that nobody handles.
 *
 * The wait of a process that has been told to exit rejects, and so does each promise made of it. If
 * the process's code left one unawaited, nobody is left to handle it: that is no error of the
 * program, which would otherwise end by it, on the word of another node.
 *
 * @module
 */

import nodeProcess from "node:process";
import { ProcessExited } from "../values/errors.ts";

let isHandled = false;

/** Gets the errors that the host reports while a dead process's listeners are called. */
let onStray: ((error: unknown) => void) | undefined;

/** Has such rejections ignored; all others do what they did before. */
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
    // The host ends the program by itself only while nobody listens.
    if (nodeProcess.listenerCount("unhandledRejection") === 1) throw reason;
  });
}

/**
 * Calls a function that has the listeners of an event called. An error that one of them throws goes to
 * `stray`: the host would end the program by it, and so would whoever ends the process.
 */
export function withoutStrayErrors(
  fn: () => void,
  stray: (error: unknown) => void,
): void {
  if (typeof globalThis.addEventListener !== "function") {
    return laterStrayErrors(fn, stray);
  }
  const before = onStray;
  onStray = stray;
  try {
    fn();
  } catch (error) {
    stray(error);
  } finally {
    onStray = before;
  }
}

/** The same where, as in Node, such errors are thrown by ticks that come after the listeners. */
function laterStrayErrors(fn: () => void, stray: (error: unknown) => void) {
  nodeProcess.on("uncaughtException", stray);
  try {
    fn();
  } catch (error) {
    stray(error);
  } finally {
    nodeProcess.nextTick(() => nodeProcess.off("uncaughtException", stray));
  }
}
