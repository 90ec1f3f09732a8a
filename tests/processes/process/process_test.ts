import {
  assert,
  assertEquals,
  assertFalse,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { flush } from "../../../packages/node/io/flush.ts";
import {
  isDown,
  isExit,
  isReply,
  makeRef,
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { test } from "../../../packages/testing/tags.ts";
import { ended, idle, mail, processTest, quiet } from "../../_processes.ts";

const HERE = "nonode@nohost";

// self()

test("self() is always the same shell outside any process", async () => {
  const shell = self();
  await Promise.resolve();
  assert(shell.equals(self()));
  assertEquals(shell.node, HERE);
});

processTest("self() stays the same after await and timers", async () => {
  const parent = self();
  const pids = [1, 2, 3].map((ms) =>
    spawn(async () => {
      await Process.sleep(ms);
      queueMicrotask(() => send(parent, ["microtask", self()]));
      setTimeout(() => send(parent, ["timer", self()]), ms);
      await receive();
    })
  );
  for (const pid of pids) {
    for (const kind of ["microtask", "timer"]) {
      await receive(([what, from]) => what === kind && pid.equals(from));
    }
    Process.exit(pid, "kill");
  }
});

// spawn()

processTest("spawn() runs the function when the caller yields", async () => {
  const order: string[] = [];
  const pid = spawn(() => order.push("child"));
  order.push("parent");
  await ended(pid);
  assertEquals(order, ["parent", "child"]);
});

processTest("spawn() rejects unsendable arguments, starts nothing", () => {
  assertThrows(
    () => spawn((_fn: () => void) => {}, [() => {}]),
    TypeError,
    "function",
  );
});

processTest("spawn() never runs a process that is killed first", async () => {
  let ran = false;
  const pid = spawn(() => {
    ran = true;
  });
  Process.exit(pid, "kill");
  assertFalse(Process.alive(pid));
  await quiet();
  assertFalse(ran);
});

// send()

processTest("send() reaches a pid, a name, an atom and an alias", async () => {
  Process.register(self(), "mailbox");
  send(self(), 1);
  send("mailbox", 2);
  send(atom("mailbox"), 3);
  send({ name: "mailbox", node: HERE }, 4);
  send({ name: atom("mailbox"), node: atom(HERE) }, 5);
  send(Process.alias(), 6);
  assertEquals(await mail(), [1, 2, 3, 4, 5, 6]);
});

processTest("send() to a pid of another incarnation is dropped", async () => {
  const { number } = self();
  send(new Pid("kate@localhost", number, 0), 1);
  send(new Pid("kate@localhost", number, 7), 1);
  send(new Pid(HERE, number, 7), 1);
  assertEquals(await mail(), []);
});

test("send() accepts only messages of a typed pid's type", () => {
  const pid = idle() as Pid<{ type: "hi" }>;
  send(pid, { type: "hi" });
  // @ts-expect-error: the process accepts no such message
  send(pid, { type: "bye" });
  // @ts-expect-error: nor a pid of other messages as one of these
  const other: Pid<{ type: "hi" } | string> = pid;
  Process.exit(other, "kill");
});

// flush()

processTest("flush() prints all mail and empties the mailbox", async () => {
  const printed: string[] = [];
  Process.groupLeader(spawn(async () => {
    for (;;) {
      const { replyAs, request } = await receive();
      printed.push(request.chars);
      Process.reply(replyAs, "ok");
    }
  }));
  send(self(), "sup?");
  send(self(), { type: "hi", n: 1n });
  assertEquals(await flush(), "ok");
  assertEquals(printed, ['"sup?"\n', '{ type: "hi", n: 1n }\n']);
  assertEquals(await flush(), "ok");
  assertEquals(printed.length, 2);
  Process.exit(Process.groupLeader(), "kill");
});

// alive()

processTest("spawn() uses no number of a dead process again", () => {
  const numbers = Array.from({ length: 100 }, () => {
    const pid = spawn(() => {});
    Process.exit(pid, "kill");
    return pid.number;
  });
  assertEquals(new Set(numbers).size, numbers.length);
});

processTest("alive() is false for old pids, and throws for remote ones", () => {
  assertFalse(Process.alive(new Pid(HERE, self().number, 3)));
  assertThrows(
    () => Process.alive(new Pid("kate@localhost", self().number, 3)),
    TypeError,
    "kate@localhost",
  );
});

// Pid, Ref

test("a promise for a pid, as of Node.spawn, is to be awaited", () => {
  const promise = Promise.resolve(self()) as unknown as Pid;
  for (
    const use of [
      () => send(promise, "hi"),
      () => Process.link(promise),
      () => Process.monitor(promise),
      () => Process.exit(promise, "normal"),
    ]
  ) assertThrows(use, TypeError, "; await the promise first");
});

test("Pid and Ref print as in iex: 0 first for this node, another number for each other", () => {
  assertEquals(String(new Pid(HERE, 112, 0)), "#PID<0.112.0>");
  const [kate] = String(new Pid("kate@x", 7, 1)).match(/^#PID<[1-9]\d*\./)!;
  assert(
    String(new Ref("kate@x", 7, 1)).startsWith(
      kate.replace("PID", "Reference"),
    ),
  );
  assertFalse(String(new Pid("alex@x", 7, 1)).startsWith(kate));
  assertEquals(Deno.inspect([new Pid(HERE, 112, 0)]), "[ #PID<0.112.0> ]");
});

processTest("makeRef() never returns the same reference twice", () => {
  const refs = Array.from({ length: 1000 }, () => makeRef());
  assertEquals(new Set(refs.map(String)).size, 1000);
  assertNotEquals(refs[0], refs[1]);
  assertFalse(refs[0].equals(refs[1]));
});

// guards of messages

test("isExit(), isDown() and isReply() distinguish system messages from others", () => {
  const guards = { EXIT: isExit, DOWN: isDown, reply: isReply };
  for (const [type, guard] of Object.entries(guards)) {
    assert(guard({ type }));
    for (const other of [undefined, null, type, 1, [], {}, { type: "hi" }]) {
      assertFalse(guard(other));
    }
  }
});

// sleep()

processTest("sleep() waits, returns ok and takes no mail", async () => {
  send(self(), "kept");
  const start = performance.now();
  // safe: only the least time is checked.
  assertEquals(await Process.sleep(20), "ok");
  // safe: only the least time is checked.
  assert(performance.now() - start >= 18);
  assertEquals(await mail(), ["kept"]);
});
