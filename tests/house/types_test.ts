import { assertEquals } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import { Node } from "../../node.ts";
import {
  type DownMessage,
  type ExitMessage,
  isDown,
  isExit,
  type Pid,
  receive,
  self,
  send,
} from "../../packages/processes/process.ts";
import { Task, type TaskResult } from "../../packages/servers/task/task.ts";
import type {
  DenoTestContext,
  HostTestOptions,
} from "../../packages/testing/_deno.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { processTest } from "../_processes.ts";

interface Ping {
  type: "ping";
  from: Pid<string>;
}

const Chat = {
  receiveMessage: (text: string): boolean => text !== "",
  lookUp: (id: number): Promise<{ id: number }> => Promise.resolve({ id }),
};

/** Never called: only type-checked. */
export function sends(pid: Pid<Ping>, any: Pid): void {
  send(pid, { type: "ping", from: self() });
  // @ts-expect-error: another type of message
  send(pid, { type: "pong" });
  // @ts-expect-error: no message at all
  send(pid, "ping");
  // @ts-expect-error: the pid in it takes other messages
  send(pid, { type: "ping", from: self<number>() });
  send(any, "anything");
  // @ts-expect-error: a function is no message
  send(any, () => 1);
  // @ts-expect-error: nor is it one for a name
  send("name", () => 1);
  // @ts-expect-error: an excess property
  send(pid, { type: "ping", from: self(), to: 1 });
  send("name", 1);
  send({ name: "name", node: "kate@localhost" }, 1);
}

/** Never called. */
export function pids(wide: Pid<string | number>, narrow: Pid<string>): void {
  // A pid that accepts more messages fits where fewer are sent.
  const less: Pid<string> = wide;
  // @ts-expect-error: but not the reverse
  const more: Pid<string | number> = narrow;
  send(less, "a");
  send(more, 1);
}

/** Never called. */
export async function spawns(): Promise<void> {
  await Node.spawn("kate@localhost", Chat.receiveMessage, ["hi"]);
  // @ts-expect-error: an argument of another type
  await Node.spawn("kate@localhost", Chat.receiveMessage, [1]);
  // @ts-expect-error: one argument too many
  await Node.spawnLink("kate@localhost", Chat.receiveMessage, ["hi", 1]);
  // @ts-expect-error: an argument of another type
  await Node.spawnMonitor("kate@localhost", Chat.lookUp, ["1"]);
  await Node.spawn("kate@localhost", ["Chat", "receiveMessage"], ["hi"]);
}

/** Never called. */
export async function supervised(): Promise<void> {
  const sup = { name: "tasks", node: "kate@localhost" };
  const found = await TaskSupervisor.async(sup, Chat.lookUp, [1]);
  assertType<IsExact<typeof found, Task<{ id: number }>>>(true);
  const told = await TaskSupervisor.asyncNolink(sup, Chat.receiveMessage, [
    "a",
  ]);
  assertType<IsExact<typeof told, Task<boolean>>>(true);
  const value = await Task.await(found);
  assertType<IsExact<typeof value, { id: number }>>(true);
  const result = await Task.yield(told);
  assertType<IsExact<typeof result, TaskResult<boolean> | undefined>>(true);
  // @ts-expect-error: an argument of another type
  await TaskSupervisor.async(sup, Chat.lookUp, ["1"]);
  // @ts-expect-error: an argument of another type
  await TaskSupervisor.startChild(sup, Chat.lookUp, ["1"]);
  // @ts-expect-error: no restart of that name
  await TaskSupervisor.startChild(sup, Chat.lookUp, [1], { restart: "never" });
}

/** Never called. */
export async function receives(): Promise<void> {
  const exited = await receive(isExit);
  assertType<IsExact<typeof exited, ExitMessage>>(true);
  const down = await receive(isDown, { timeout: 0, after: "none" });
  assertType<IsExact<typeof down, DownMessage | string>>(true);
  const text = await receive((m): m is string => typeof m === "string");
  assertType<IsExact<typeof text, string>>(true);
}

processTest("Task.async() has the type of its function's result", async () => {
  const task = Task.async(Chat.lookUp, [7]);
  assertType<IsExact<typeof task, Task<{ id: number }>>>(true);
  assertEquals(await Task.await(task), { id: 7 });
});

/** Never called: the harness's types are Deno's, which the npm package cannot name. */
export function ofDeno(): void {
  type Options = Omit<Deno.TestDefinition, "name" | "fn">;
  assertType<IsExact<keyof HostTestOptions, keyof Options>>(true);
  assertType<HostTestOptions extends Options ? true : false>(true);
  assertType<Options extends HostTestOptions ? true : false>(true);
  assertType<IsExact<keyof DenoTestContext, keyof Deno.TestContext>>(true);
  assertType<DenoTestContext extends Deno.TestContext ? true : false>(true);
  assertType<Deno.TestContext extends DenoTestContext ? true : false>(true);
}
