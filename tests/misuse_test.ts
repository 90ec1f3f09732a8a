/** Invalid functions and names are rejected where they are passed, and have no other effect. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Agent } from "../agent.ts";
import { Application } from "../application.ts";
import { chat } from "../chat/application.ts";
import * as Chat from "../chat/mod.ts";
import { GenServer } from "../gen_server.ts";
import { Node } from "../node.ts";
import { Process, receive, self, spawn, spawnLink } from "../process.ts";
import { inspect } from "../mod.ts";
import { rpc } from "../rpc.ts";
import { Task } from "../task.ts";
import { TaskSupervisor } from "../task_supervisor.ts";
import { startNodes, test } from "../testing/mod.ts";

// deno-lint-ignore no-explicit-any
const NONE = undefined as any;
const HALF = ["Chat"] as unknown as [string, string];

test("spawn() and Task.async() reject a value that is not a function, and start nothing", () => {
  assertThrows(() => spawn(NONE), TypeError, "Cannot run undefined: give a");
  const named = ["Kate", "sayName"] as unknown as () => void;
  assertThrows(
    () => spawnLink(named),
    TypeError,
    'Cannot run ["Kate", "sayName"]: give a function; names, as [module, function], are for Node.spawn',
  );
  assertThrows(() => Task.async(NONE), TypeError, "Cannot run undefined");
});

test("Task.await(), yield() and shutdown() reject a value that is not a task", async () => {
  const started = Promise.resolve() as unknown as Task;
  for (
    const refused of [
      () => Task.await(NONE),
      () => Task.yield(NONE),
      () => Task.shutdown(NONE),
      () => Task.awaitMany([NONE]),
      () => Task.yieldMany([NONE]),
    ]
  ) await assertRejects(refused, TypeError, " the task undefined: give a task");
  await assertRejects(
    () => Task.await(started),
    TypeError,
    "give a task; await the start of it",
  );
});

test("options that are a number are rejected, where Elixir has a timeout", async () => {
  // deno-lint-ignore no-explicit-any
  const late = 1000 as any;
  for (
    const refused of [
      () => GenServer.call("Server", "request", late),
      () => GenServer.multiCall("Server", "request", late),
      () => Agent.get("Agent", (state) => state, late),
      () => rpc.call(Node.self(), () => 1, [], late),
      () => rpc.multicall([Node.self()], () => 1, [], late),
    ]
  ) await assertRejects(refused, TypeError, "with the options 1000: give them");
});

test("options that are a collection or another object of JavaScript are rejected", async () => {
  for (
    const refused of [
      new Map([["timeout", 1]]),
      new Set(),
      new WeakMap(),
      new Date(),
      /a/,
      new Error("a"),
      Promise.resolve(),
      new ArrayBuffer(1),
      new DataView(new ArrayBuffer(1)),
      new Uint8Array(),
      [].values(),
      // deno-lint-ignore no-explicit-any
    ] as any[]
  ) {
    await assertRejects(
      () => GenServer.call("Server", "request", refused),
      TypeError,
      `with the options ${
        inspect(refused)
      }: give them by name, as in { timeout: 1000 }`,
    );
  }
  class Options {
    limit = 1;
  }
  const bare = Object.assign(Object.create(null), { limit: 1 });
  for (const taken of [new Options(), Object.create({ limit: 1 }), bare]) {
    assertEquals(inspect([1, 2], taken), inspect([1, 2], { limit: 1 }));
  }
});

test("Node.spawn() and TaskSupervisor.async() reject a value that names no function", async () => {
  await using nodes = await startNodes(["alex", "kate"], { modules: { Chat } });
  await nodes.get("kate").run(() => Application.start(chat));
  const supervisor = { name: "Chat.TaskSupervisor", node: "kate@localhost" };
  const before = await nodes.get("kate").run(() =>
    Process.whereis(supervisor.name)
  );
  await nodes.get("alex").run(async () => {
    for (const wrong of [NONE, HALF]) {
      for (
        const asked of [
          () => Node.spawn("kate@localhost", wrong),
          () => Node.spawnLink("alex@localhost", wrong),
          () => TaskSupervisor.async(supervisor, wrong),
        ]
      ) await assertRejects(asked, TypeError, "Cannot run ");
    }
  });
  await nodes.get("kate").run(async () => {
    assertEquals(Process.whereis(supervisor.name), before);
    await Application.stop("chat");
  });
});

test("register() and sendMessage() accept only strings and atoms as names", async () => {
  assertThrows(
    () => Process.register(self(), self() as unknown as string),
    TypeError,
    `Cannot use ${self()} as a name: give a string or an atom`,
  );
  await assertRejects(
    () => Chat.sendMessage(NONE, "hi"),
    TypeError,
    "Cannot use undefined as a name",
  );
});

test("receive() names the position of its options", async () => {
  await assertRejects(
    () => receive({ timeout: 0 } as unknown as null),
    TypeError,
    "Cannot receive: the guard is { timeout: 0 }, and not a function",
  );
});
