/** The functions that the tests' nodes export. */

import { existsSync } from "node:fs";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../packages/processes/process.ts";
import { GenServer } from "../packages/servers/gen_server/gen_server.ts";
import { IO } from "../packages/node/io/io.ts";
import { Task } from "../packages/servers/task/task.ts";

/** Sends back each message that it receives, as `{ from, value }`, for ever. */
export async function echo(): Promise<never> {
  for (;;) {
    const { from, value } = await receive((m) => m?.from !== undefined);
    send(from, value);
  }
}

/** Sends its arguments back, and returns. */
export function tell(to: Pid, ...values: unknown[]): void {
  for (const value of values) send(to, value);
}

/** Waits for ever. */
export async function wait(): Promise<void> {
  await receive(() => false);
}

/** Exits with the reason that it receives, as `{ reason }`; if `to` is given, reports its start to it. */
export async function exiting(to?: Pid): Promise<never> {
  if (to !== undefined) send(to, "up");
  exit((await receive((m) => m !== null && "reason" in m)).reason);
}

export function crash(message: string): never {
  throw new TypeError(message);
}

/** Throws a value that is not an error. */
export function toss(value: unknown): never {
  throw value;
}

/** Traps exits, and forwards all messages. */
export async function relay(to: Pid): Promise<never> {
  Process.trapExit(true);
  send(to, "up");
  for (;;) send(to, { relayed: await receive() });
}

/** Prints the message that it receives, and returns. */
export async function printNext(): Promise<void> {
  await IO.puts(await receive());
}

export function add(a: number, b: number): number {
  return a + b;
}

/** Blocks its node's thread for that many milliseconds. */
export function compute(ms: number): void {
  const end = performance.now() + ms;
  // safe: computes, and decides nothing
  while (performance.now() < end);
}

/** Returns the next message. */
export function waitFor(): Promise<unknown> {
  return receive();
}

/** Returns its argument; if that is a pid, reports its start to it instead, and never ends. */
export async function echoOrWait(value: Pid | string): Promise<string> {
  if (typeof value === "string") return value;
  send(value, "up");
  await receive(() => false);
  return "";
}

/** Reports its start, and computes until a file exists; its program does nothing else. */
export function block(to: Pid, file: string): Promise<void> {
  send(to, "blocked");
  return new Promise((resolve) =>
    setTimeout(() => {
      while (!existsSync(file));
      send(to, "free");
      resolve();
    })
  );
}

/** The results of requests of every kind to a process, which is to answer `wanted`; each has a time limit. */
export async function askEveryWay(
  to: Pid,
  timeout: number,
  wanted: string,
): Promise<string[]> {
  const outcomeOf = (answer: Promise<unknown>) =>
    answer.then(String, (error) => `failed: ${error.message}`);
  const calls = Array.from(
    { length: 10 },
    () => outcomeOf(GenServer.call(to, wanted, { timeout })),
  );
  const task = Task.async(() =>
    GenServer.call(to, wanted, { timeout: Infinity })
  );
  send(to, { from: self(), request: wanted });
  const message = receive((m) => m === wanted, { timeout });
  return await Promise.all([
    ...calls,
    outcomeOf(Task.await(task, timeout)),
    outcomeOf(message),
  ]);
}
