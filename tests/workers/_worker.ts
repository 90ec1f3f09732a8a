/** The module that the tests' workers load. */

import nodeProcess from "node:process";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { IO } from "../../packages/node/io/io.ts";
import { Node } from "../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../packages/processes/process.ts";
import { Logger } from "../../packages/servers/logger/logger.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import type { ChildDefinition } from "../../packages/servers/supervisor/supervisor.ts";
import { until } from "../_until.ts";

/** A child of each worker's node. */
export function start(): ChildDefinition[] {
  return [{
    id: "seven",
    start: () => Agent.startLink(() => 7, { name: "Seven" }),
  }];
}

/** Options that no thread could be given. */
export const options = {
  allow: (_node: string, _module: string, fn: string): boolean =>
    fn !== "forbidden",
};

/** Is not for other nodes. */
export function forbidden(): void {}

export function add(a: number, b: number): number {
  return a + b;
}

/** Logs an event with metadata. */
export function note(): void {
  Logger.warning("noted", { order: 17, item: { price: 1 } });
}

/** The value of the node's agent. */
export function seven(): Promise<number> {
  return Agent.get("Seven", (value: number) => value);
}

/** Ends the node's agent, so often that its supervisor gives up. */
export async function endAgents(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const pid = Process.whereis("Seven")!;
    Process.exit(pid, "kill");
    await until(() => {
      const now = Process.whereis("Seven");
      return now === undefined ? i === 3 : !now.equals(pid);
    });
  }
}

/** Blocks the thread for that many milliseconds. */
export function compute(ms: number): string {
  const end = performance.now() + ms;
  // safe: computes, and decides nothing
  while (performance.now() < end);
  return "computed";
}

/** Blocks the thread for so long that it is ended before: Deno cannot end a thread that never gives way. */
export function hang(to: Pid): void {
  send(to, "hangs");
  // Messages leave in the next turn.
  setTimeout(() => compute(6000), 1);
}

/** Throws where nobody catches it. */
export function crash(): void {
  setTimeout(() => {
    throw new TypeError("nobody catches this");
  }, 1);
}

/** Rejects where nobody awaits it. */
export function reject(): void {
  setTimeout(() => void Promise.reject(new TypeError("nobody awaits this")), 1);
}

/** Ends the thread. */
export function leave(): void {
  setTimeout(() => nodeProcess.exit(0), 1);
}

/** Waits for ever. */
export async function wait(): Promise<void> {
  await receive(() => false);
}

/** Sends back its messages. */
export async function echo(to: Pid): Promise<never> {
  send(to, { echo: self() });
  for (;;) {
    const { from, value } = await receive();
    send(from, { value });
  }
}

/** Sends a message, and returns after a while. */
export async function slow(to: Pid, ms: number): Promise<string> {
  send(to, "begins");
  await Process.sleep(ms);
  return "done";
}

/** Sends what happens to a process of another node. */
export async function watch(pid: Pid, to: Pid): Promise<void> {
  const ref = Process.monitor(pid);
  // The monitor has arrived when an answer to what was sent after it has.
  await rpc.call(pid.node, ["Worker", "add"], [1, 2]);
  send(to, "watches");
  const { reason } = await receive((m) => ref.equals(m?.ref));
  send(to, { watched: reason });
}

/** Sends that many messages of that many characters. */
export async function flood(
  to: Pid,
  count: number,
  size: number,
): Promise<void> {
  for (let i = 0; i < count; i++) await send(to, { i, text: "x".repeat(size) });
}

/** The nodes that this one is connected to. */
export function peers(): string[] {
  return Node.list("connected").toSorted();
}

/** Connects to a node, and waits in a call there. */
export function ping(node: string): Promise<"pong" | "pang"> {
  return Node.ping(node);
}

export async function print(text: string): Promise<void> {
  await IO.puts(text);
}

/** Everything by which another user of the machine could see the cookie. */
export function visible(): string {
  return JSON.stringify([
    nodeProcess.argv,
    nodeProcess.execArgv,
    nodeProcess.env,
  ]);
}
