import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ExitError } from "../errors.ts";
import { receive, send } from "../process.ts";
import { Task } from "../task.ts";
import { ended, processTest } from "./_processes.ts";

/** A task that never ends by itself. */
function endless(): Task<void> {
  return Task.async(() => receive(() => false));
}

/** The reason of an exit by a call, and the call. */
async function callOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(() => promise, ExitError);
  // deno-lint-ignore no-explicit-any
  const { type, reason, call } = error.reason as any;
  assertEquals(type, "call");
  return [reason, ...call];
}

// async() and await()

processTest(
  "Task.async() runs a function, and Task.await() returns its result",
  async () => {
    assertEquals(await Task.await(Task.async(() => 1)), 1);
    assertEquals(await Task.await(Task.async(() => Promise.resolve("2"))), "2");
    assertEquals(await Task.await(Task.async(() => {})), undefined);
    const list = [1];
    const task = Task.async((given: number[]) => {
      given.push(3);
      return given;
    }, [list]);
    list.push(2);
    assertEquals(await Task.await(task), [1, 3]);
    assertEquals(list, [1, 2]);
  },
);

processTest("a task can be awaited only by its owner", async () => {
  const task = endless();
  const other = Task.async(async () => {
    for (const use of [Task.await, Task.yield, Task.shutdown]) {
      await assertRejects(() => use(task), TypeError, "its owner is");
    }
    assertThrows(() => Task.ignore(task), TypeError, "its owner is");
  });
  await Task.await(other);
  await Task.shutdown(task);
});

processTest("waits for one task are served in their order", async () => {
  const task = Task.async(() => receive());
  const waits = [
    // safe: its expiry is tested
    Task.yield(task, 1),
    Task.yield(task, Infinity),
    // safe: its expiry is tested
    callOf(Task.await(task, 20)),
  ];
  assertEquals(await waits[0], undefined);
  send(task.pid, "go");
  assertEquals(await waits[1], { type: "ok", value: "go" });
  assertEquals((await waits[2] as unknown[])[0], "timeout");
});

// awaitMany()

processTest("Task.awaitMany() returns all results in order", async () => {
  const tasks = [20, 1].map((n) =>
    Task.async(async () => {
      await receive();
      return n;
    })
  );
  const early = Task.async(() => "early");
  await ended(early.pid);
  send(tasks[1].pid, "go");
  await ended(tasks[1].pid);
  send(tasks[0].pid, "go");
  const values: [number, number, string, string, boolean] = await Task
    .awaitMany([tasks[0], tasks[1], early, early, Task.completed(true)]);
  assertEquals(values, [20, 1, "early", "early", true]);
  assertEquals(await Task.awaitMany([]), []);
});
