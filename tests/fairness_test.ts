import { assertEquals } from "@std/assert";
import * as IO from "../io.ts";
import { exit, groupLeader, receive, self, send, spawn } from "../process.ts";
import { test } from "../testing/tags.ts";

async function volley(): Promise<never> {
  for (;;) {
    const from = await receive();
    send(from, self());
  }
}

test("two processes that message each other for ever leave timers their turn", async () => {
  const one = spawn(volley);
  const other = spawn(volley);
  send(one, other);
  await new Promise((resolve) => setTimeout(resolve, 20));
  exit(one, "kill");
  exit(other, "kill");
});

test("a process that prints for ever leaves timers their turn", async () => {
  let lines = 0;
  const device = spawn(async () => {
    const { reply } = await import("../process.ts");
    for (;;) {
      const { replyAs } = await receive();
      lines++;
      reply(replyAs, "ok");
    }
  });
  const printer = spawn(async () => {
    groupLeader(device);
    for (;;) await IO.puts("x");
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  exit(printer, "kill");
  exit(device, "kill");
  assertEquals(lines > 0, true);
});

test("a process that spawns its successor for ever leaves timers their turn", async () => {
  let isStopped = false;
  const successor = () => {
    if (!isStopped) spawn(successor);
  };
  spawn(successor);
  await new Promise((resolve) => setTimeout(resolve, 20));
  isStopped = true;
});

test("messages keep their order when a wait is put off", async () => {
  const parent = self();
  const total = 200_000;
  const counter = spawn(async () => {
    let last = -1;
    for (let n = 0; n < total; n++) {
      const next = await receive();
      if (next !== last + 1) break;
      last = next;
    }
    send(parent, { type: "last", last });
  });
  for (let n = 0; n < total; n++) send(counter, n);
  assertEquals(
    await receive((m) => m.type === "last"),
    { type: "last", last: total - 1 },
  );
});
