import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import { Application } from "../../../packages/servers/application/application.ts";
import { ProcessExited } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { flush } from "../../../packages/node/io/flush.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { Logger } from "../../../packages/servers/logger/logger.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  makeRef,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import {
  ended,
  idle,
  isPending,
  journal,
  mail,
  processTest,
  quiet,
} from "../../_processes.ts";

// Dead to others at once.

processTest("a killed process is dead to others at once", async () => {
  const { pid, ref } = spawnMonitor(async () => {
    Process.register(self(), "victim");
    await receive();
  });
  await quiet();
  assertEquals(Process.whereis("victim"), pid);
  Process.exit(pid, "kill");
  assertFalse(Process.alive(pid));
  assertStrictEquals(Process.whereis("victim"), undefined);
  assertEquals(await mail(), [{
    type: "DOWN",
    ref,
    object: pid,
    reason: "killed",
  }]);
  Process.register(self(), "victim");
});

processTest("a process killed while it computes is dead at once", async () => {
  const { entries, write } = journal();
  const { promise: began, resolve } = Promise.withResolvers<void>();
  const { promise: computed, resolve: goOn } = Promise.withResolvers<void>();
  const pid = spawn(async () => {
    write("before");
    resolve();
    await computed;
    write("after");
    // safe: a wait in a dead process never settles.
    write(await Process.sleep(0).catch((error) => error));
    write("never");
  });
  const ref = Process.monitor(pid);
  await began;
  Process.exit(pid, "over");
  assertEquals((await receive()).ref, ref);
  assertEquals(entries, ["before"]);
  goOn();
  await quiet();
  assertEquals(entries, ["before", "after"]);
});

// Pending waits reject once.

processTest("every pending wait rejects once with ProcessExited", async () => {
  const { entries, write } = journal();
  const leader = idle();
  const pid = spawn(async () => {
    Process.groupLeader(leader);
    await Promise.all([
      receive().then(write, write),
      receive((m) => m === 1, { timeout: 60_000, after: 2 }).then(write, write),
      Process.sleep(60_000).then(write, write),
      IO.puts("hi").then(write, write),
      IO.gets("? ").then(write, write),
      IO.inspect("hi").then(write, write),
      GenServer.call(leader, "hi").then(write, write),
      Task.await(await Task.async(() => receive())).then(write, write),
    ]);
  });
  await quiet();
  Process.exit(pid, { because: "x" });
  Process.exit(leader, "kill");
  await quiet();
  assertEquals(entries.length, 8);
  for (const error of entries) {
    assertInstanceOf(error, ProcessExited);
    assertEquals(error.reason, { because: "x" });
    assertEquals(error.message, 'the process has exited: { because: "x" }');
  }
});

processTest("a wait of a process that exits by itself rejects", async () => {
  const { entries, write } = journal();
  const pid = spawn(() => {
    receive().then(write, write);
  });
  assertEquals(await ended(pid), "normal");
  await quiet();
  assertEquals(entries.length, 1);
  assertInstanceOf(entries[0], ProcessExited);
  assertEquals(entries[0].reason, "normal");
});

processTest("waits without await harm nothing at their exit", async () => {
  const leader = idle();
  const pid = spawn(() => {
    Process.groupLeader(leader);
    receive();
    // A promise of the program's own, which rejects with the wait.
    (async () => await receive())();
    Process.sleep(60_000);
    IO.puts("unawaited");
    IO.write("unawaited");
    IO.inspect("unawaited");
    IO.gets("unawaited");
  });
  assertEquals(await ended(pid), "normal");
  // The host has reported unhandled rejections by then.
  await quiet();
  Process.exit(leader, "kill");
});

processTest("finally and using run when the process is killed", async () => {
  const { entries, write } = journal();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const pid = spawn(async () => {
    using _sync = { [Symbol.dispose]: () => write("using") };
    await using _async = {
      async [Symbol.asyncDispose]() {
        await closed;
        write("await using");
      },
    };
    try {
      await receive();
      write("never");
    } finally {
      write("finally");
    }
  });
  await quiet();
  Process.exit(pid, "kill");
  await quiet();
  assertEquals(entries, ["finally"]);
  close();
  await quiet();
  assertEquals(entries, ["finally", "await using", "using"]);
});

// Later waits never settle.

processTest("a wait in a dead process never settles", async () => {
  const later: Promise<unknown>[] = [];
  const pid = spawn(async () => {
    try {
      await receive();
    } catch {
      later.push(
        receive(),
        receive(null, { timeout: 0 }),
        // safe: a wait in a dead process never settles.
        receive(null, { timeout: 1, after: "after" }),
        receive(null, { signal: AbortSignal.abort() }),
        // safe: a wait in a dead process never settles.
        Process.sleep(0),
        flush(),
        IO.puts("from the dead"),
        IO.inspect("from the dead"),
        IO.gets("? "),
      );
    }
  });
  await quiet();
  Process.exit(pid, "kill");
  await quiet();
  assertEquals(later.length, 9);
  for (const wait of later) assert(await isPending(wait));
});

processTest("a loop that catches and waits again freezes nothing", async () => {
  let rounds = 0;
  const pid = spawn(async () => {
    for (;;) {
      try {
        await receive();
      } catch {
        rounds++;
      }
    }
  });
  await quiet();
  Process.exit(pid, "kill");
  await quiet();
  assertEquals(rounds, 1);
});

// Synchronous calls throw and have no effect.

processTest("a synchronous call of a dead process throws", async () => {
  const parent = self();
  const other = idle();
  Process.register(other, "other");
  const calls: Record<string, () => unknown> = {
    self: () => self(),
    "send to a pid": () => send(parent, "from the dead"),
    "send to a name": () => send("other", "from the dead"),
    "send to {name, node}": () =>
      send({ name: "other", node: "nonode@nohost" }, 1),
    spawn: () => spawn(() => send(parent, "child of the dead")),
    spawnLink: () => spawnLink(() => {}),
    spawnMonitor: () => spawnMonitor(() => {}),
    link: () => Process.link(parent),
    unlink: () => Process.unlink(other),
    monitor: () => Process.monitor(parent),
    demonitor: () => Process.demonitor(makeRef()),
    "exit(reason)": () => exit("again"),
    "exit(pid)": () => Process.exit(parent, "from the dead"),
    trapExit: () => Process.trapExit(true),
    register: () => Process.register(self(), "dead"),
    "register other": () => Process.register(parent, "dead"),
    unregister: () => Process.unregister("other"),
    whereis: () => Process.whereis("other"),
    alive: () => Process.alive(parent),
    makeRef: () => makeRef(),
    alias: () => Process.alias(),
    unalias: () => Process.unalias(makeRef()),
    reply: () => Process.reply(makeRef(), 1),
    signal: () => Process.signal(),
    groupLeader: () => Process.groupLeader(),
    "set groupLeader": () => Process.groupLeader(other),
    sendAfter: () => Process.sendAfter(parent, "late", 0),
    put: () => Process.put("key", 1),
    list: () => Process.list(),
    cast: () => GenServer.cast(parent, "from the dead"),
    "Task.start": () => Task.start(() => send(parent, "task of the dead")),
    "rpc.cast": () => rpc.cast(Node.self(), () => send(parent, "called")),
    "Node.monitorNodes": () => Node.monitorNodes(true),
    "Registry.register": () => Registry.register("none", "key", 1),
  };
  // These need no caller.
  const others = () => [
    Node.list(),
    Logger.info("from the dead"),
    Application.putEnv("death", "by", "kill"),
    Node.run(() => send(parent, "run")),
  ];
  const outcomes: Record<string, unknown> = {};
  const ref = makeRef();
  const pid = spawn(async () => {
    const own = Process.alias();
    try {
      await receive();
    } finally {
      calls["send to an alias"] = () => send(own, 1);
      for (const [name, call] of Object.entries(calls)) {
        try {
          outcomes[name] = call();
        } catch (error) {
          outcomes[name] = error;
        }
      }
      others();
    }
  });
  await quiet();
  Process.exit(pid, "kill");
  await quiet();
  assertEquals(Object.keys(outcomes).length, Object.keys(calls).length);
  for (const [name, outcome] of Object.entries(outcomes)) {
    assertInstanceOf(outcome, ProcessExited, name);
    assertEquals(outcome.reason, "killed", name);
  }
  assertEquals(await mail(), ["run"]);
  assertEquals(Application.getEnv("death", "by"), "kill");
  assertEquals(Process.whereis("other"), other);
  assertStrictEquals(Process.whereis("dead"), undefined);
  assertFalse(Process.demonitor(ref));
  assert(Process.alive(other));
  Process.exit(other, "kill");
});

processTest("exit() of the caller throws, and stops its code", async () => {
  const { entries, write } = journal();
  const parent = self();
  const pid = spawn(() => {
    try {
      Process.exit(self(), "enough");
      send(parent, "from the dead");
    } catch (error) {
      write(error);
    }
  });
  assertEquals(await ended(pid), "enough");
  await quiet();
  assertEquals(entries.length, 1);
  assertInstanceOf(entries[0], ProcessExited);
});

processTest(
  "a process that throws or returns after its death exits once",
  async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const codes = [() => promise, async () => {
      try {
        await receive();
      } catch {
        throw new Error("while it dies");
      }
    }];
    for (const code of codes) {
      const { pid } = spawnMonitor(code);
      await quiet();
      Process.exit(pid, "first");
      Process.exit(pid, "second");
      resolve();
      assertEquals((await receive()).reason, "first");
      await quiet();
      assertEquals(await mail(), []);
    }
  },
);
