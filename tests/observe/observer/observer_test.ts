/** Observing nodes: processes, supervision trees, names, logs and traces, here and on other nodes. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Observer,
  type TracedMessage,
} from "../../../packages/observe/observer.ts";
import {
  GenServer,
  global,
  Logger,
  makeRef,
  Node,
  pg,
  Pid,
  Process,
  receive,
  Registry,
  self,
  send,
  spawn,
  Supervisor,
  TaskSupervisor,
} from "../../../mod.ts";
import { shareOf } from "../../../packages/observe/observer/serve_observer.ts";
import { SlowValues } from "../../../packages/observe/observer/value_size.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";
import { test } from "../../../packages/testing/tags.ts";
import { pairTest, reasonOf } from "../../_nodes.ts";
import { idle } from "../../_processes.ts";
import { wait } from "../../_remote.ts";
import { until } from "../../_until.ts";

/** A test of kate, which may be observed, and alex; its body is a process of alex. */
function cluster(
  name: string,
  fn: (kate: Node, alex: Node) => Promise<void>,
  allowObserve: boolean | "write" = true,
): void {
  pairTest(name, async ({ kate, alex }) => {
    assertEquals(await Node.connect(kate.name), true);
    await fn(kate, alex);
  }, { kate: { allowObserve } });
}

const Failing = {
  name: "Failing",
  init: () => ({ type: "ok", state: 0 } as const),
  handleCall: (request: unknown, _from: unknown, state: number) => {
    if (request === "crash") throw new Error("boom");
    return { type: "reply", reply: request, state } as const;
  },
};

cluster("Observer.node() has load and connections", async (kate, alex) => {
  const first = await Observer.node({ node: kate.name });
  assertEquals(first.node, kate.name);
  assertStringIncludes(first.host, "deno ");
  assert(first.memory > first.heap && first.heap > 0 && first.cpu > 0);
  const [{ node, sentBytes, receivedBytes }] = first.connections;
  assertEquals(node, alex.name);
  assert(receivedBytes > 0);
  const second = await Observer.node({ node: kate.name });
  assert(second.connections[0].sentBytes > sentBytes);
  assert(second.uptime >= first.uptime && second.at >= first.at);
});

cluster("Observer.processes() sorts, searches and limits", async (kate) => {
  const pids = await kate.run(() =>
    [0, 1, 2].map((count) => {
      const pid = spawn(wait, [], { label: `idle ${count}` });
      for (let i = 0; i < count; i++) send(pid, { text: "x".repeat(1000) });
      return pid;
    })
  );
  const { processes, total } = await Observer.processes({
    node: kate.name,
    search: "IDLE",
    limit: 2,
  });
  assertEquals(total, 3);
  assertEquals(
    processes.map((each) => [each.pid, each.messageQueueLen, each.received]),
    [[pids[2], 2, 2], [pids[1], 1, 1]],
  );
  const [{ queueBytes, kind, waiting }] = processes;
  assertEquals([kind, waiting], ["process", true]);
  assert(queueBytes > 2000 && queueBytes < 4000, `${queueBytes}`);
  const detail = await Observer.process(pids[1]);
  assertEquals(detail?.messages.length, 1);
  assert(detail!.messages[0].length < 600);
  await kate.run(() => pids.forEach((pid) => Process.exit(pid, "kill")));
  assertEquals(await Observer.process(pids[1]), undefined);
});

cluster("Observer.tree() has the restarts of each child", async (kate) => {
  await kate.run(async () => {
    // A child of a process that lives as long as the node.
    spawn(async () => {
      await Supervisor.startLink([
        {
          id: "failing",
          start: () => GenServer.startLink(Failing, 0, { name: "Failing" }),
        },
        TaskSupervisor.childSpec({ name: "Tasks" }),
      ], { strategy: "one_for_one", name: "Top" });
      await receive(() => false);
    });
    await until(() => Process.whereis("Tasks") !== undefined);
    const ref = Process.monitor("Failing");
    await GenServer.call("Failing", "crash").catch(() => {});
    await receive((m) => ref.equals(m?.ref));
    await until(() => Process.whereis("Failing") !== undefined);
    await TaskSupervisor.startChild("Tasks", () => receive(() => false));
  });
  const { roots, more } = await Observer.tree({ node: kate.name });
  assertEquals(more, 0);
  const top = roots.find(({ name }) => name === "Top")!;
  assertEquals(
    top.children.map((each) => [each.id, each.kind, each.restarts]),
    [["failing", "server", 1], ["Tasks", "supervisor", 0]],
  );
  assertEquals(top.children[0].name, "Failing");
  assertStringIncludes(top.children[0].lastReason!, "boom");
  assertEquals(top.children[1].children.map(({ kind }) => kind), ["task"]);
  const { children } = (await Observer.process(top.pid!))!;
  assertEquals(children?.length, 2);
});

cluster("Observer.names() lists names of every kind", async (kate) => {
  assertEquals((await Observer.names({ node: kate.name })).global, []);
  await kate.run(async () => {
    assertEquals(Process.whereis("global_name_server"), undefined);
    spawn(async () => {
      Process.register(self(), "me");
      await pg.start("scope");
      pg.join("group", self(), { scope: "scope" });
      await Registry.startLink({ keys: "unique", name: "Reg" });
      await Registry.register("Reg", { key: 1 }, "value");
      await global.registerName("everywhere", self());
      Process.register(idle(), "done");
      await receive(() => false);
    });
    await until(() => Process.whereis("done") !== undefined);
  });
  const names = await Observer.names({ node: kate.name });
  const pid = names.registered.find(({ name }) => name === "me")?.pid;
  assert(pid instanceof Pid);
  assertEquals(names.global, [{ name: "everywhere", pid }]);
  assertEquals(names.groups.find(({ scope }) => scope === "scope")?.groups, [
    { group: "group", pids: [pid], size: 1 },
  ]);
  assertEquals(names.registries, [
    { registry: "Reg", keys: [{ name: "{ key: 1 }", pid }], size: 1 },
  ]);
});

cluster("Observer.log() has early events, then later ones", async (kate) => {
  await kate.run(() => Logger.error("first"));
  const events = await Observer.log({ node: kate.name });
  assertEquals(events.at(-1)?.message, "first");
  await kate.run(() => {
    Process.setLabel({ room: 1 });
    Logger.info("second");
  });
  const later = await Observer.log({
    node: kate.name,
    after: events.at(-1)!.number,
  });
  assertEquals(
    later.map((each) => [each.level, each.message, each.label, each.traceId]),
    [["info", "second", "{ room: 1 }", undefined]],
  );
});

cluster("Observer.trace() shows messages and the end", async (kate) => {
  const server = await kate.run(() =>
    GenServer.start(Failing, 0, { name: "Traced" })
  );
  const trace = await Observer.trace(server);
  assertEquals(await GenServer.call(server, "ping"), "ping");
  await GenServer.stop(server);
  const seen: TracedMessage[] = [];
  for await (const each of trace) seen.push(each);
  const [call, reply] = seen;
  assertStringIncludes(call.message, '"ping"');
  assertEquals(
    [call.type, reply.type, reply.message],
    ["receive", "send", '"ping"'],
  );
  assertEquals([seen.at(-1)?.type, seen.at(-1)?.message], ["exit", "normal"]);
});

cluster("Observer.trace() ends at its limit", async (kate) => {
  const pid = await kate.run(idle);
  const seen: string[] = [];
  const trace = await Observer.trace(pid, { limit: 3 });
  for (let i = 0; i < 10; i++) send(pid, i);
  for await (const { message } of trace) seen.push(message);
  assertEquals(seen, ["0", "1", "2"]);
  const { processes: [{ messageQueueLen }] } = await Observer.processes({
    node: kate.name,
    order: "messages",
    limit: 1,
  });
  assertEquals(messageQueueLen, 10);
  // A new one can be started.
  const again = await Observer.trace(pid, { limit: 1 });
  send(pid, "again");
  assertEquals((await again.next()).value?.message, '"again"');
  await again.return();
  await assertRejects(
    () => Observer.trace(self()),
    Error,
    "is part of the trace",
  );
});

cluster("two traces of each other show a message once", async (kate) => {
  const seen: Record<string, string[]> = { a: [], b: [] };
  await kate.run(async () => {
    const me = self();
    const watch = (name: string) => async () => {
      const other = await receive<Pid>((message) => message instanceof Pid);
      const trace = await Observer.trace(other, { limit: 1000 });
      send(me, "on");
      for await (const { type, message } of trace) {
        if (type === "exit") break;
        if (type === "receive") seen[name].push(message);
        if (message === '"last"') send(me, "done");
      }
    };
    const a = spawn(watch("a"));
    const b = spawn(watch("b"));
    send(a, b);
    send(b, a);
    for (let i = 0; i < 2; i++) await receive((m) => m === "on");
    for (const each of ["first", "last"]) {
      for (const pid of [a, b]) send(pid, each);
    }
    for (let i = 0; i < 2; i++) await receive((m) => m === "done");
  });
  for (const name of ["a", "b"]) {
    assertEquals(
      seen[name].filter((text) => !text.includes("trace_started")),
      ['"first"', '"last"'],
    );
  }
});

cluster("a trace sends only to the process that began it", async (kate) => {
  const pid = await kate.run(idle);
  const victim = idle();
  const { ref } = await Node.spawnMonitor(kate.name, ["Observer", "trace"], [
    pid,
    victim,
    makeRef(),
    {},
  ]);
  await receive((message) => ref.equals(message?.ref));
  assertEquals((await Observer.process(victim))?.messages, []);
});

cluster("too many questions at once are refused", async (kate) => {
  await kate.run(() => {
    for (let i = 0; i < 2000; i++) idle();
  });
  const ask = (count: number) =>
    Promise.allSettled(
      Array.from(
        { length: count },
        () => Observer.processes({ node: kate.name, timeout: 60_000 }),
      ),
    );
  for (const { status } of await ask(50)) assertEquals(status, "fulfilled");
  const many = await ask(1000);
  const refused = many.filter(({ status }) => status === "rejected");
  assert(refused.length > 0 && refused.length < 1000, `${refused.length}`);
  for (const each of refused) {
    assertStringIncludes(
      String((each as PromiseRejectedResult).reason),
      `Cannot observe ${kate.name}: 100 answers wait for their turn`,
    );
  }
});

cluster("no charge for an answer outlives the node", async (kate) => {
  const share = shareOf(internalsOf(kate).runtime);
  await kate.run(() =>
    share.take(() => {
      // safe: it only has to compute for some time
      for (const end = performance.now() + 200; performance.now() < end;);
    })
  );
  // The charge of 700 ms holds this one back. At the end, the sanitizer finds no timer.
  await kate.run(() => void spawn(() => share.take(() => {})));
});

cluster("return() ends a trace, and leaves no messages", async (kate) => {
  const pid = await kate.run(idle);
  for (const on of [pid, idle()]) {
    const unread = await Observer.trace(on);
    for (let i = 0; i < 5; i++) send(on, i);
    await unread.return();
    const waiting = await Observer.trace(on);
    const next = waiting.next();
    await waiting.return();
    assertEquals(await next, { done: true, value: undefined });
    // It is over: another one can begin. A trace of no messages ends at once.
    const none = await Observer.trace(on, { limit: 0 });
    assertEquals(await none.next(), { done: true, value: undefined });
  }
  assertEquals(Process.info(self())?.messageQueueLen, 0);
});

cluster("a node is not observed unless it allows that", async (kate) => {
  await assertRejects(
    () => Observer.processes({ node: kate.name }),
    Error,
    `Cannot observe ${kate.name}: it does not allow that; start it with --allow-observe (allowObserve: true)`,
  );
  const pid = await kate.run(idle);
  await assertRejects(() => Observer.trace(pid), Error, "does not allow that");
}, false);

for (const allowObserve of [true, "write"] as const) {
  cluster(`end() with allowObserve: ${allowObserve}`, async (kate) => {
    const pid = await kate.run(idle);
    const isAllowed = allowObserve === "write";
    const reason = isAllowed ? reasonOf(pid) : undefined;
    const outcome = await Observer.end(pid, "kill");
    assertEquals(outcome, isAllowed ? "ok" : "not_allowed");
    if (isAllowed) assertEquals(await reason, "killed");
    else assertEquals((await Observer.process(pid))?.pid, pid);
  }, allowObserve);
}

test("SlowValues finds out about a message once if that takes long", () => {
  const values = new SlowValues<string>();
  let found = 0;
  const find = () => {
    const end = performance.now() + 20;
    // safe: it computes for at least as long as counts as slow.
    while (performance.now() < end) continue;
    return `found ${++found}`;
  };
  const message = { wide: true };
  for (let i = 0; i < 3; i++) assertEquals(values.of(message, find), "found 1");
  // Another one, and a value that is no object, are found on their own.
  assertEquals(values.of({ wide: true }, find), "found 2");
  assertEquals(values.of("text", find), "found 3");
  assertEquals(values.of("text", find), "found 4");
});

test("an answer stays small, whatever the processes keep", async () => {
  await using node = await Node.start({
    name: "big@localhost",
    cookie: "c",
    epmdPort: false,
  });
  await node.run(async () => {
    const pid = idle();
    const deep: unknown[] = [];
    for (let i = 0, at = deep; i < 60; i++) at.push(at = [] as unknown[]);
    for (let i = 0; i < 2000; i++) send(pid, [deep, "x".repeat(10_000), i]);
    for (let i = 0; i < 3000; i++) spawn(wait, [], { label: "y".repeat(255) });
    const all = await Observer.processes({ limit: 500 });
    assertEquals(all.processes.length, 500);
    const size = JSON.stringify([
      all,
      await Observer.process(pid),
      await Observer.tree(),
    ]).length;
    assert(size < 1_000_000, `${size} characters`);
  });
});
