/** Helpers of the tests of processes. */

import { assertEquals } from "@std/assert";
import nodeProcess from "node:process";
import { setImmediate } from "node:timers";
import {
  type DownMessage,
  exit,
  type Pid,
  Process,
  receive,
  spawn,
  spawnMonitor,
} from "../packages/processes/process.ts";
import { scheduler } from "../packages/processes/scheduling/scheduler.ts";
import type { Timeline } from "../packages/testing/simulation/timeline.ts";
import { test, type TestOptions } from "../packages/testing/tags.ts";

/** A test whose body is a process of its own, and which must leave no mail. */
export function processTest(
  name: string,
  fn: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  test(name, { timeout: 60_000, ...options }, () => inProcess(fn));
}

/** Runs `fn` in a process of its own; fails if `fn` fails, or if the process is killed or leaves mail. */
export async function inProcess(fn: () => void | Promise<void>): Promise<void> {
  let failure: { error: unknown } | undefined;
  const { ref } = spawnMonitor(async () => {
    try {
      await fn();
      assertEquals(await mail(), [], "there is mail left");
    } catch (error) {
      failure = { error };
    }
  });
  const down = await receive((message) => ref.equals(message?.ref));
  if (failure !== undefined) throw failure.error;
  assertEquals(down.reason, "normal", "the test's process was killed");
}

/** Takes all mail of the caller. */
export async function mail(): Promise<unknown[]> {
  const messages: unknown[] = [];
  const none = {};
  for (;;) {
    const message = await receive(null, { timeout: 0, after: none });
    if (message === none) return messages;
    messages.push(message);
  }
}

/** Waits until a process has exited; returns its exit reason. */
// deno-lint-ignore no-explicit-any
export async function ended(pid: Pid): Promise<any> {
  const ref = Process.monitor(pid);
  const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
  return down.reason;
}

/** The error that a promise rejects with, itself. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("Cannot find an error: the promise resolved");
}

/** A process that waits for ever. */
export function idle(): Pid {
  return spawn(() => receive(() => false));
}

/** Runs everything that can run now. */
export function turn(): Promise<void> {
  // safe: each caller says why
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Waits until all processes of this program wait for a timer or for input from outside: each has taken all steps
 * that it can take, however long they take.
 */
export async function quiet(): Promise<void> {
  // Two turns: a callback that was set after the first began runs before the end of the second.
  for (let calm = 0; calm < 2; calm = scheduler.hasSteps ? 0 : calm + 1) {
    // safe: the scheduler says when no step is left; the number of turns decides nothing.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Lets virtual time pass, in milliseconds; processes wait for the next event before and after each event. */
export async function passQuietly(
  timeline: Timeline,
  ms: number,
): Promise<void> {
  const until = timeline.time + ms;
  // A process that was just spawned may not have set its timers.
  await quiet();
  while ((timeline.nextAt ?? Infinity) <= until) {
    timeline.step();
    await quiet();
  }
  timeline.time = until;
}

/** Returns whether a promise is still pending when the program is {@linkcode quiet}. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settle = () => {
    pending = false;
  };
  promise.then(settle, settle);
  await quiet();
  return pending;
}

/** Returns the text written to standard error while `fn` runs, which can look at the text so far. */
export function standardError(
  fn: (soFar: () => string) => unknown,
): Promise<string> {
  return writtenTo(nodeProcess.stderr, fn);
}

/** Returns the text written to standard output while `fn` runs. */
export function standardOutput(fn: () => unknown): Promise<string> {
  return writtenTo(nodeProcess.stdout, fn);
}

async function writtenTo(
  stream: { write: unknown },
  fn: (soFar: () => string) => unknown,
): Promise<string> {
  const { write } = stream;
  let text = "";
  stream.write = (chunk: unknown) => {
    text += chunk;
    return true;
  };
  try {
    await fn(() => text);
  } finally {
    stream.write = write;
  }
  return text;
}

/** A process that exits with the reason that it receives. */
export function exiting(): Pid {
  return spawn(waitAndExit);
}

async function waitAndExit(): Promise<never> {
  return exit((await receive()).reason);
}

/** A record of the steps of a process's code before and after its death. */
export function journal(): {
  entries: unknown[];
  write: (entry: unknown) => void;
} {
  const entries: unknown[] = [];
  return { entries, write: (entry) => void entries.push(entry) };
}
