/**
 * Rejections of dead processes that nobody handles.
 *
 * The wait of a process that has been told to exit rejects, and so does each promise made of it. If
 * the process's code left one unawaited, nobody is left to handle it: that is no error of the
 * program, which would otherwise end by it, on the word of another node.
 *
 * @module
 */

import nodeProcess from "node:process";
import { ProcessExited } from "./errors.ts";

let isHandled = false;

/** Has such rejections ignored; all others do what they did before. */
export function ignoreStrayExits(): void {
  if (isHandled) return;
  isHandled = true;
  if (typeof globalThis.addEventListener === "function") {
    globalThis.addEventListener("unhandledrejection", (event) => {
      if (event.reason instanceof ProcessExited) event.preventDefault();
    });
    return;
  }
  nodeProcess.on("unhandledRejection", (reason: unknown) => {
    if (reason instanceof ProcessExited) return;
    // The host ends the program by itself only while nobody listens.
    if (nodeProcess.listenerCount("unhandledRejection") === 1) throw reason;
  });
}
