import { assertEquals, assertRejects } from "@std/assert";
import { ExitError } from "../../../packages/processes/errors.ts";
import { receive, send } from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { FakeTime } from "@std/testing/time";
import { processTest, quiet } from "../../_processes.ts";

/** The reason of an exit by a call, and the call. */
async function callOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(() => promise, ExitError);
  // deno-lint-ignore no-explicit-any
  const { type, reason, call } = error.reason as any;
  assertEquals(type, "call");
  return [reason, ...call];
}

// async() and await()

processTest("waits for one task are served in their order", async () => {
  using time = new FakeTime();
  const task = Task.async(() => receive());
  const waits = [
    Task.yield(task, 1),
    Task.yield(task, Infinity),
    callOf(Task.await(task, 20)),
  ];
  await quiet();
  time.tick(1);
  assertEquals(await waits[0], undefined);
  send(task.pid, "go");
  assertEquals(await waits[1], { type: "ok", value: "go" });
  time.tick(19);
  assertEquals((await waits[2] as unknown[])[0], "timeout");
});
