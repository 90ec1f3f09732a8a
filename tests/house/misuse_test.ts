/** Invalid functions and names are rejected where they are passed, and have no other effect. */

import { assertEquals, assertRejects } from "@std/assert";
import { Application } from "../../packages/servers/application/application.ts";
import { chat } from "../../chat/application.ts";
import * as Chat from "../../chat/mod.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../node.ts";
import { Process } from "../../packages/processes/process.ts";
import { inspect } from "../../mod.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { startNodes, test } from "../../packages/testing/mod.ts";

// deno-lint-ignore no-explicit-any
const NONE = undefined as any;
const HALF = ["Chat"] as unknown as [string, string];

test("Task.awaitMany() and yieldMany() reject a value that is not a task", async () => {
  for (const refused of [Task.awaitMany, Task.yieldMany]) {
    await assertRejects(
      () => refused([NONE]) as Promise<unknown>,
      TypeError,
      " the task undefined: give a task",
    );
  }
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
