import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { UndefinedFunctionError } from "../../../packages/processes/errors.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  ended,
  isPending,
  mail,
  processTest,
  quiet,
} from "../../_processes.ts";

function ok<T>(...values: T[]): { type: "ok"; value: T }[] {
  return values.map((value) => ({ type: "ok", value }));
}

/** Reports its pid, and never ends. */
async function endless(to: Pid): Promise<void> {
  send(to, { started: self() });
  await receive(() => false);
}

async function started(): Promise<Pid> {
  return (await receive((m) => m?.started !== undefined)).started;
}

/** A source that reports each step: each pulled element, its end, and its close. */
function* source(
  journal: string[],
  values: Iterable<number>,
): Generator<number> {
  try {
    for (const value of values) {
      journal.push(`pull ${value}`);
      yield value;
    }
  } finally {
    journal.push("closed");
  }
}

// Results, and their times.

processTest("Task.asyncStream() accepts any iterable", async () => {
  async function* later(): AsyncGenerator<number> {
    for (const n of [1, 2, 3]) {
      await quiet();
      yield n;
    }
  }
  const given: number[][] = [];
  const keep = (list: number[]) => {
    list.push(0);
    given.push(list);
  };
  assertEquals(
    await Array.fromAsync(Task.asyncStream(later(), (n) => n * 2)),
    ok(2, 4, 6),
  );
  assertEquals(
    await Array.fromAsync(
      Task.asyncStream(new Set(["a"]), (text: string) => text),
    ),
    ok("a"),
  );
  const list = [1];
  await Array.fromAsync(Task.asyncStream([list], keep));
  assertEquals([list, given], [[1], [[1, 0]]]);
});

test("Task.asyncStream() works outside any process", async () => {
  assertEquals(
    await Array.fromAsync(Task.asyncStream([1, 2], (n) => n + 1)),
    ok(2, 3),
  );
});

processTest("a stream gives each task 5 s unless told otherwise", async () => {
  using time = new FakeTime();
  const wait = () => receive(() => false);
  const stream = Task.asyncStream([1], wait, { onTimeout: "kill_task" });
  const next = stream[Symbol.asyncIterator]().next();
  await quiet();
  time.tick(4999);
  assert(await isPending(next));
  time.tick(1);
  assertEquals((await next).value, { type: "exit", reason: "timeout" });
});

// Leaving the loop.

processTest("an iterator of a stream can be disposed of", async () => {
  const here = self();
  const run = (n: number) => n === 1 ? n : endless(here);
  const iterator = Task.asyncStream([1, 2], run, { maxConcurrency: 2 })
    [Symbol.asyncIterator]();
  assertEquals((await iterator.next()).value, ok(1)[0] as never);
  const task = await started();
  await iterator.return?.();
  assertFalse(Process.alive(task));
});

// Exits of owners and tasks.

processTest("an owner killed within its loop closes the source", async () => {
  const journal: string[] = [];
  const here = self();
  const owner = spawn(async () => {
    const stream = Task.asyncStream(source(journal, [1, 2]), (n) => n);
    for await (const _ of stream) {
      send(here, "up");
      await receive(() => false);
    }
  });
  await receive();
  Process.exit(owner, "kill");
  await quiet();
  assertEquals(journal.at(-1), "closed");
});

processTest("only one process can iterate over a stream", async () => {
  const iterator = Task.asyncStream([1, 2, 3], (n) => n, { maxConcurrency: 1 })
    [Symbol.asyncIterator]();
  await iterator.next();
  const other = Task.async(async () => {
    await assertRejects(
      () => iterator.next(),
      TypeError,
      "iterate over it in one process",
    );
  });
  await Task.await(other);
  await quiet();
  assertEquals(Process.info()?.links, []);
});

// Under a supervisor.

processTest("asyncStream() finds its supervisor by a registry", async () => {
  const sup = await TaskSupervisor.startLink();
  for (const found of [sup, Promise.resolve(sup)]) {
    const via = {
      registerName: () => false,
      unregisterName: () => {},
      whereisName: (name: unknown) =>
        name === "tasks" ? found : Promise.resolve(undefined),
    };
    const stream = (name: string) =>
      TaskSupervisor.asyncStream({ via, name }, [1, 2], (n) => n);
    assertEquals(await Array.fromAsync(stream("tasks")), ok(1, 2));
    const { reason } = await ended(
      spawn(() => Array.fromAsync(stream("others"))),
    );
    assertEquals(reason, "noproc");
  }
  await TaskSupervisor.stop(sup);
});

// On another node.

clusterTest("asyncStream() runs a function by its name", async (cluster) => {
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    const run = (name: string) =>
      Array.fromAsync(
        Task.asyncStream([1, 2], ["Remote", name], { args: [10] }),
      );
    assertEquals(await run("add"), ok<unknown>(11, 12));
    await assertRejects(
      () => run("missing"),
      UndefinedFunctionError,
      "function Remote.missing/2 is not exported",
    );
    assertEquals(Process.info()?.links, []);
    assertEquals(await mail(), []);
  });
});
