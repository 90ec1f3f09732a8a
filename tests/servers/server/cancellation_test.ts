/** Calls and tasks that an `AbortSignal` or a deadline ends, in each of their phases. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { ExitError, RpcError } from "../../../packages/processes/errors.ts";
import {
  type CancelOptions,
  type From,
  GenServer,
  type NameRegistry,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  isDown,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnLink,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { exitOf, Stack } from "../_gen_servers.ts";
import { clusterTest, part } from "../../_nodes.ts";
import {
  ended,
  errorOf,
  idle as idling,
  isPending,
  processTest as plainTest,
  quiet,
} from "../../_processes.ts";
import { RawListener, rawTest, THEIRS } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import { Counted, held } from "./_counted.ts";

const RAW = THEIRS.node;
const KATE = "kate@localhost";

const idlers: Pid[] = [];

/** A process that waits until the test ends. */
function idle(): Pid {
  const pid = idling();
  idlers.push(pid);
  return pid;
}

/** Called functions wait for it, until the test ends. */
let gate = Promise.withResolvers<void>();

/** A test whose body is a process, and which ends what it left waiting. */
function processTest(name: string, fn: () => Promise<void>): void {
  plainTest(name, async () => {
    gate = Promise.withResolvers();
    await fn();
    gate.resolve();
    for (const pid of idlers.splice(0)) Process.exit(pid, "kill");
    await quiet();
  });
}

/** A registry whose lookups wait. */
class SlowRegistry implements NameRegistry {
  readonly found = Promise.withResolvers<Pid | undefined>();
  lookups = 0;
  registerName = () => true;
  unregisterName = () => {};

  whereisName(): Promise<Pid | undefined> {
    this.lookups++;
    return this.found.promise;
  }
}

processTest("calls keep no listener of a longer signal", async () => {
  const server = await GenServer.startLink(Stack, []);
  const agent = await Agent.startLink(() => 0);
  const counted = new Counted();
  const { signal } = counted;
  for (let n = 0; n < 10_000; n++) {
    await GenServer.call(server, "all", { signal });
  }
  assertEquals(counted.listeners, 0);
  const many = Array.from(
    { length: 10_000 },
    () => GenServer.call(server, "all", { signal, timeout: Infinity }),
  );
  assertEquals(counted.listeners, 1);
  await Promise.all(many);
  await Agent.get(agent, (n) => n, { signal });
  await rpc.call(Node.self(), Remote.add, [1, 2], { signal });
  await rpc.multicall([Node.self()], Remote.add, [1, 2], { signal });
  await GenServer.multiCall("nobody", "hi", { signal, nodes: [Node.self()] });
  await exitOf(GenServer.call("nobody", "hi", { signal }));
  await exitOf(GenServer.call(self(), "hi", { signal }));
  const silent = idle();
  // safe: nobody answers, so only the timeout can end the call.
  await exitOf(GenServer.call(silent, "hi", { signal, timeout: 1 }));
  const task = Task.async(() => 1, [], { signal });
  assertEquals(await Task.await(task, { signal }), 1);
  await Task.yield(Task.completed(1), { signal });
  for await (const _ of Task.asyncStream([1, 2], (n) => n, { signal })) {
    /* */
  }
  for await (const _ of Task.asyncStream([1, 2], (n) => n, { signal })) break;
  assertEquals([counted.listeners, counted.most], [0, 1]);
  await Agent.stop(agent);
  await GenServer.stop(server);
});

processTest("a call whose caller exits keeps no listener", async () => {
  const silent = idle();
  const counted = new Counted();
  const { signal } = counted;
  const registry = new SlowRegistry();
  const via = { via: registry, name: "slow" };
  const waits: Record<string, () => Promise<unknown>> = {
    call: () => GenServer.call(silent, "hi", { signal }),
    lookup: () => GenServer.call(via, "hi", { signal }),
    agent: () => Agent.get(via, ["M", "f"], { signal }),
    rpc: () => rpc.call(Node.self(), () => gate.promise, [], { signal }),
    task: () => Task.await(Task.async(Remote.wait, [], { signal })),
    await: () => Task.await(Task.async(Remote.wait), { signal }),
    yieldMany: () => Task.yieldMany([Task.async(Remote.wait)], { signal }),
    start: () => TaskSupervisor.async(silent, Remote.wait, [], { signal }),
    "start by lookup": () =>
      TaskSupervisor.async(via, Remote.wait, [], { signal }),
    stream: async () => {
      for await (
        const _ of Task.asyncStream([1], Remote.wait, { signal })
      ) { /* */ }
    },
  };
  for (const [what, wait] of Object.entries(waits)) {
    const { pid, ref } = spawnMonitor(wait);
    while (counted.listeners === 0) await quiet();
    Process.exit(pid, "kill");
    await receive((m) => ref.equals(m?.ref));
    assertEquals(counted.listeners, 0, what);
  }
  registry.found.resolve(undefined);
  counted.controller.abort();
  await quiet();
});

processTest("an abort ends a lookup, and nothing is sent after", async () => {
  const registry = new SlowRegistry();
  const via = { via: registry, name: "slow" };
  const aborted = AbortSignal.abort("already");
  const me = self();
  using time = new FakeTime();
  const asks: ((options: CancelOptions) => Promise<unknown>)[] = [
    (options) => GenServer.call(via, "hi", options),
    (options) => Agent.get(via, ["M", "f"], options),
  ];
  for (const ask of asks) {
    assertEquals(await errorOf(ask({ signal: aborted })), "already");
    for (const deadline of [0, Date.now()]) {
      assertEquals((await exitOf(ask({ deadline }))).reason, "timeout");
    }
  }
  assertEquals(registry.lookups, 0);
  const controller = new AbortController();
  const { signal } = controller;
  const calls = asks.map((ask) => ask({ signal }));
  calls.push(TaskSupervisor.async(via, Remote.tell, [me, "ran"], { signal }));
  const late = asks.map((ask) => exitOf(ask({ deadline: Date.now() + 5 })));
  assertEquals(registry.lookups, 5);
  time.tick(5);
  for (const exit of late) assertEquals((await exit).reason, "timeout");
  controller.abort("enough");
  for (const call of calls) assertEquals(await errorOf(call), "enough");
  registry.found.resolve(me);
  await quiet();
  assertEquals(held(), 0);
});

processTest("a reply and an abort in one turn: the first counts", async () => {
  const controllers = [new AbortController(), new AbortController()];
  const server = await GenServer.startLink({
    init: () => ({ type: "ok", state: 0 }),
    handleCall(_hi: string, from: From, state: number) {
      // One turn, and the caller's is later.
      if (state === 0) GenServer.reply(from, "replied");
      controllers[state].abort("aborted");
      if (state === 1) GenServer.reply(from, "late");
      return { type: "noreply", state: state + 1 };
    },
  }, undefined);
  const call = (n: number) =>
    GenServer.call(server, "hi", { signal: controllers[n].signal });
  assertEquals(await call(0), "replied");
  assertEquals(await errorOf(call(1)), "aborted");
  // The late reply is in no mailbox, as the end of the test checks.
  await GenServer.stop(server);
});

processTest("an aborted call without await fails as others do", async () => {
  const error = await errorOf((() => {
    const controller = new AbortController();
    const call = GenServer.call(idle(), "hi", { signal: controller.signal });
    controller.abort();
    return call;
  })());
  assert(error instanceof DOMException);
  assertEquals(error.name, "AbortError");
});

processTest("a deadline counts from the start of its wait", async () => {
  using time = new FakeTime();
  const call = exitOf(
    GenServer.call(idle(), "hi", { deadline: Date.now() + 50 }),
  );
  const { Date: before } = globalThis;
  const setBack = class extends before {
    static override now = () => before.now() - 1000;
  };
  globalThis.Date = setBack as typeof Date;
  try {
    time.tick(50);
    assertEquals((await call).reason, "timeout");
  } finally {
    globalThis.Date = before;
  }
});

processTest("a deadline ends a call as its timeout does", async () => {
  const silent = idle();
  const soon = () => Date.now() + 5;
  const by = async (options: object) =>
    await exitOf(GenServer.call(silent, "hi", options));
  const exit = await by({ deadline: soon() });
  const ms = exit.call[2][2];
  assert(ms <= 5, `${ms}`);
  assertEquals(exit, {
    type: "call",
    reason: "timeout",
    call: ["GenServer", "call", [silent, "hi", ms]],
  });
  assertEquals(
    (await by({ deadline: soon(), timeout: 60_000 })).reason,
    "timeout",
  );
  assertEquals(
    // safe: nobody answers, so only the timeout can end the call.
    (await by({ deadline: Infinity, timeout: 1 })).reason,
    "timeout",
  );
  for (const deadline of [0, -1, -Infinity, Date.now() - 1]) {
    assertEquals((await by({ deadline })).reason, "timeout");
    const error = await assertRejects(
      () => rpc.call(Node.self(), Remote.tell, [self(), "ran"], { deadline }),
      RpcError,
      "the deadline has passed, so it was not called",
    );
    assertEquals(error.code, "timeout");
    await assertRejects(
      () => Agent.get("nobody", ["M", "f"], { deadline }),
      ExitError,
      "time out",
    );
    assertThrows(
      () => Task.async(Remote.tell, [self(), "ran"], { deadline }),
      ExitError,
      "time out",
    );
    const stream = Task.asyncStream([self()], Remote.tell, { deadline });
    await assertRejects(() => Array.fromAsync(stream), ExitError, "time out");
  }
  const server = await GenServer.startLink(Stack, ["a"]);
  const far = Date.UTC(3000, 0);
  for (const deadline of [far, Number.MAX_VALUE, Infinity]) {
    assertEquals(await GenServer.call(server, "all", { deadline }), ["a"]);
    assertEquals(await Task.await(Task.async(() => 1, [], { deadline })), 1);
    assert(await isPending(GenServer.call(silent, "hi", { deadline })));
  }
  await GenServer.stop(server);
  Process.exit(silent, "kill");
});

// Between nodes.

clusterTest("an abort ends a call during a dial", async (cluster) => {
  const alex = await cluster.start("alex");
  await using listener = await RawListener.listen();
  await alex.run(async () => {
    const connected = Node.connect(RAW, { address: listener.address });
    const server = { name: "probe", node: RAW };
    const counted = new Counted();
    const { signal } = counted;
    const calls = [
      GenServer.call(server, "hi", { signal, timeout: Infinity }),
      rpc.call(RAW, ["M", "f"], [], { signal }),
      TaskSupervisor.async(server, ["M", "f"], [], { signal }),
      TaskSupervisor.asyncNolink(server, ["M", "f"], [], { signal }),
    ];
    const stream = TaskSupervisor.asyncStream(server, [1], ["M", "f"], {
      signal,
    });
    calls.push(Array.fromAsync(stream));
    assert(await isPending(Promise.race(calls)));
    counted.controller.abort("enough");
    assertEquals(
      await Promise.all(calls.map(errorOf)),
      Array(5).fill("enough"),
    );
    assertEquals(counted.listeners, 0);
    await using peer = await listener.accept();
    await peer.say({ status: "not_allowed" });
    assertEquals(await connected, false);
    await released();
  });
});

/** Waits until the calling process holds nothing: it has no wait, no monitor and no alias. */
async function released(): Promise<void> {
  while (held() > 0) await quiet();
}

clusterTest("an abort ends a call in a queue", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  const server = { name: "stack", node: KATE };
  await kate.run(() => GenServer.start(Stack, ["a"], { name: "stack" }));
  await alex.run(async () => {
    assert(await Node.connect(KATE));
    const controller = new AbortController();
    const { signal } = controller;
    // Both are written when all microtasks have run.
    const call = GenServer.call(server, "pop", { signal });
    controller.abort("enough");
    assertEquals(await errorOf(call), "enough");
    // The request has arrived all the same.
    assertEquals(await GenServer.call(server, "all"), []);
    assertEquals(held(), 0);
    // The monitor of the call has ended there too.
    const other = new AbortController();
    const sync = () => GenServer.call(server, "all");
    const pending = rpc.call(KATE, Remote.wait, [], { signal: other.signal });
    await sync();
    other.abort("enough");
    assertEquals(await errorOf(pending), "enough");
    await sync();
  });
});

rawTest("an abort ends calls to a peer that does not read", async (peer) => {
  peer.pause();
  while (send(THEIRS, "x".repeat(50_000)) === undefined) await quiet();
  const counted = new Counted();
  const { signal } = counted;
  const server = { name: "server", node: RAW };
  const calls = Array.from(
    { length: 500 },
    () => GenServer.call(server, "hi", { signal, timeout: Infinity }),
  );
  assert(await isPending(Promise.race(calls)));
  counted.controller.abort("enough");
  const errors = await Promise.all(calls.map(errorOf));
  assertEquals(new Set(errors), new Set(["enough"]));
  assertEquals([counted.listeners, held()], [0, 0]);
  assertEquals(Node.list("connected"), [RAW]);
  peer.resume();
}, { limits: { highWaterMark: 1 << 16, maxQueueBytes: 1 << 20 } });

// Tasks.

processTest("an abort ends a task and its linked processes", async () => {
  const me = self();
  for (const start of await starts()) {
    const counted = new Counted();
    const { signal } = counted;
    const task = await start(async (): Promise<void> => {
      const child = spawnLink(() => receive(() => false));
      send(me, child);
      await receive(() => false);
    }, { signal });
    const child = await receive<Pid>();
    const ref = Process.monitor(child);
    const waits = [Task.await(task), Task.await(task)].map(errorOf);
    assert(await isPending(waits[0]));
    counted.controller.abort("enough");
    assertEquals(await Promise.all(waits), ["enough", "enough"]);
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "shutdown");
    assertEquals(await ended(task.pid), "noproc");
    assertEquals(counted.listeners, 0);
    await released();
  }
});

processTest("an abort of a task counts in the next wait", async () => {
  for (const start of await starts()) {
    const controller = new AbortController();
    const { signal } = controller;
    const [awaited, yielded, many, shut, ignored, left] = await Promise.all(
      Array.from({ length: 6 }, () => start(Remote.wait, { signal })),
    );
    const other = await start(() => "done", {});
    // Its result is in the mailbox: if it came later, nobody would take it.
    await ended(other.pid);
    controller.abort("enough");
    assertEquals(await errorOf(Task.await(awaited)), "enough");
    assertEquals(await errorOf(Task.yield(yielded)), "enough");
    assertEquals(await errorOf(Task.awaitMany([other, many])), "enough");
    assertEquals(await Task.shutdown(shut), undefined);
    let thrown: unknown;
    try {
      Task.ignore(ignored);
    } catch (error) {
      thrown = error;
    }
    assertEquals(thrown, "enough");
    // A server learns of it by the DOWN.
    const { reason } = await receive((m) =>
      isDown(m) && left.ref.equals(m.ref)
    );
    assertEquals(reason, "shutdown");
    await released();
  }
});

processTest("an abort does not change an ended task", async () => {
  for (const start of await starts()) {
    const counted = new Counted();
    const { signal } = counted;
    const done = await start(() => "done", { signal });
    const failed = await start(() => exit("normal"), { signal });
    await receive((m) => isDown(m) && failed.ref.equals(m.ref));
    await quiet();
    assertEquals(counted.listeners, 0);
    counted.controller.abort("late");
    assertEquals(await Task.await(done), "done");
  }
});

processTest("a deadline ends a task", async () => {
  using time = new FakeTime();
  for (const start of await starts()) {
    const deadline = Date.now() + 20;
    const awaited = await start(Remote.wait, { deadline });
    const yielded = await start(Remote.wait, { deadline });
    const many = await start(Remote.wait, { deadline });
    const late = exitOf(Task.await(awaited, Infinity));
    time.tick(20);
    const reason = await late;
    assertEquals([reason.reason, reason.call[1]], ["timeout", "await"]);
    const outcome = { type: "exit", reason: "timeout" } as const;
    assertEquals(await Task.yield(yielded, Infinity), outcome);
    assertEquals(await Task.yieldMany([many]), [[many, outcome]]);
    assertEquals(await ended(awaited.pid), "noproc");
    await released();
  }
});

processTest("a task that traps exits may finish, or is killed", async () => {
  using time = new FakeTime();
  const me = self();
  const sup = await TaskSupervisor.startLink();
  const controller = new AbortController();
  const { signal } = controller;
  const stubborn = async () => {
    Process.trapExit(true);
    send(me, "ready");
    for (;;) send(me, await receive());
  };
  const tasks: Task<never>[] = [];
  for (const shutdown of [20, "brutal_kill"] as const) {
    const options = { signal, shutdown };
    tasks.push(await TaskSupervisor.async(sup, stubborn, [], options));
    await receive((m) => m === "ready");
  }
  const ends = tasks.map((task) => Process.monitor(task.pid));
  controller.abort("enough");
  const exits = await receive((m) => m?.type === "EXIT");
  assertEquals([exits.from, exits.reason], [me, "shutdown"]);
  time.tick(20);
  for (const ref of ends) {
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "killed");
  }
  for (const task of tasks) {
    assertEquals(await errorOf(Task.await(task)), "enough");
  }
});

processTest("an aborted wait leaves the task", async () => {
  const waits: [
    (task: Task<string>, signal: AbortSignal) => Promise<unknown>,
    boolean,
  ][] = [
    [(task, signal) => Task.await(task, { signal }), true],
    [(task, signal) => Task.awaitMany([task], { signal }), true],
    [(task, signal) => Task.yield(task, { signal }), false],
    [(task, signal) => Task.yieldMany([task], { signal }), false],
  ];
  for (const [wait, isLast] of waits) {
    for (const isEarly of [true, false]) {
      const counted = new Counted();
      const task = Task.async(() => Remote.waitFor() as Promise<string>);
      if (isEarly) counted.controller.abort("enough");
      const waiting = errorOf(wait(task, counted.signal));
      await quiet();
      if (!isEarly) counted.controller.abort("enough");
      assertEquals(await waiting, "enough");
      assertEquals(counted.listeners, 0);
      send(task.pid, "result");
      if (isLast) assertEquals(await ended(task.pid), "normal");
      else assertEquals(await Task.await(task), "result");
    }
  }
});

processTest("an abort ends an unanswered start of a task", async () => {
  // It starts the task only after the abort.
  const me = self();
  const sup = await TaskSupervisor.startLink();
  for (const fn of [TaskSupervisor.async, TaskSupervisor.asyncNolink]) {
    const counted = new Counted();
    // A supervisor that is busy gets the start as a message.
    const busy = TaskSupervisor.children(sup);
    const start = fn(
      sup,
      () => {
        send(me, self());
        return Remote.wait();
      },
      [],
      { signal: counted.signal },
    );
    // The supervisor has the request, and takes its turn later.
    counted.controller.abort("enough");
    assertEquals(await errorOf(start), "enough");
    assertEquals(await busy, []);
    while ((await TaskSupervisor.children(sup)).length > 0) await quiet();
    const pid = await receive(null, { timeout: 0, after: undefined });
    if (pid !== undefined) assertEquals(await ended(pid), "noproc");
    assertEquals(counted.listeners, 0);
    await released();
  }
});

processTest("an abort kills the tasks of a stream", async () => {
  using time = new FakeTime();
  const me = self();
  const sup = await TaskSupervisor.startLink();
  const wait = async (n: number) => {
    if (n === 0) return n;
    send(me, self());
    await receive(() => false);
    return n;
  };
  const all = { maxConcurrency: 3 };
  const { asyncStream, asyncStreamNolink } = TaskSupervisor;
  // deno-lint-ignore no-explicit-any
  const streams: ((options: CancelOptions) => AsyncIterable<any>)[] = [
    (options) => Task.asyncStream([0, 1, 2], wait, { ...all, ...options }),
    (options) => asyncStream(sup, [0, 1, 2], wait, { ...all, ...options }),
    (options) =>
      asyncStreamNolink(sup, [0, 1, 2], wait, { ...all, ...options }),
  ];
  for (const streamOf of streams) {
    const counted = new Counted();
    const items = streamOf({ signal: counted.signal })[Symbol.asyncIterator]();
    assertEquals((await items.next()).value, { type: "ok", value: 0 });
    const pids = [await receive<Pid>(), await receive<Pid>()];
    const refs = pids.map((pid) => Process.monitor(pid));
    // The consumer is busy, or waits.
    const next = streamOf === streams[0] ? errorOf(items.next()) : undefined;
    counted.controller.abort("enough");
    for (const ref of refs) {
      const down = await receive((m) => ref.equals(m?.ref));
      assertEquals(down.reason, "killed");
    }
    assertEquals(await (next ?? errorOf(items.next())), "enough");
    assertEquals((await items.next()).done, true);
    assertEquals(counted.listeners, 0);
    await released();
    // Aborted already, and by a deadline.
    const again = streamOf({ signal: counted.signal });
    assertEquals(await errorOf(Array.fromAsync(again)), "enough");
    const late = streamOf({ deadline: Date.now() + 20 });
    const left = exitOf(Array.fromAsync(late));
    const lost = [await receive<Pid>(), await receive<Pid>()];
    time.tick(20);
    assertEquals((await left).reason, "timeout");
    for (const pid of lost) assertEquals(await ended(pid), "noproc");
    await released();
  }
});

processTest("an aborted stream does not wait for its source", async () => {
  let returned = false;
  async function* source() {
    try {
      yield 1;
      await gate.promise;
      yield 2;
    } finally {
      returned = true;
    }
  }
  const controller = new AbortController();
  const stream = Task.asyncStream(source(), (n) => n, {
    signal: controller.signal,
    maxConcurrency: 1,
  })[Symbol.asyncIterator]();
  await stream.next();
  const next = stream.next();
  assert(await isPending(next));
  controller.abort("enough");
  assertEquals(await errorOf(next), "enough");
  gate.resolve();
  await quiet();
  assert(returned);
  await released();
});

clusterTest("an abort ends a task of another node", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await kate.run(async () => {
    Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
  });
  const tasks = { name: "tasks", node: KATE };
  await alex.run(async () => {
    const me = self();
    for (const start of [TaskSupervisor.async, TaskSupervisor.asyncNolink]) {
      const counted = new Counted();
      const { signal } = counted;
      const running = await start(tasks, Remote.echoOrWait, [me], { signal });
      await receive((m) => m === "up");
      const ref = Process.monitor(running.pid);
      const waiting = errorOf(Task.await(running));
      assert(await isPending(waiting));
      // The supervisor has not answered yet.
      const starting = errorOf(
        start(tasks, Remote.echoOrWait, [me], { signal }),
      );
      counted.controller.abort("enough");
      assertEquals([await waiting, await starting], ["enough", "enough"]);
      const down = await receive((m) => ref.equals(m?.ref));
      assertEquals(down.reason, "shutdown");
      const isEmpty = async () =>
        (await TaskSupervisor.children(tasks)).length === 0;
      while (!(await isEmpty())) await quiet();
      assertEquals(counted.listeners, 0);
      await released();
      while ((await receive(null, { timeout: 0, after: 0 })) !== 0);
    }
  });
});

clusterTest("a task of a lost node keeps no listener", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await kate.run(async () => {
    Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
    // A supervisor would answer any request, with an error for an unknown one.
    Process.register(idling(), "silent");
  });
  const tasks = { name: "tasks", node: KATE };
  const silent = { name: "silent", node: KATE };
  const started = Promise.withResolvers<void>();
  const counted = new Counted();
  const { signal } = counted;
  const owner = alex.run(async () => {
    const waits = [
      await TaskSupervisor.asyncNolink(tasks, Remote.wait, [], { signal }),
      await TaskSupervisor.asyncNolink(tasks, Remote.wait, [], { signal }),
    ].map((task, n) => n === 0 ? Task.await(task, Infinity) : task);
    const calls = [
      waits[0] as Promise<unknown>,
      GenServer.call(silent, "wait", { signal, timeout: Infinity }),
      rpc.call(KATE, Remote.echoOrWait, [self()], { signal }),
    ].map(errorOf);
    // The requests arrived: one that was sent later would connect the nodes again.
    await receive((m) => m === "up");
    started.resolve();
    const errors = await Promise.all(calls);
    const left = waits[1] as Task;
    await receive((m) => isDown(m) && left.ref.equals(m.ref));
    assertEquals(counted.listeners, 0);
    counted.controller.abort("late");
    await released();
    return errors.map((error) => (error as Error).name);
  });
  const [errors] = await Promise.all([
    owner,
    started.promise.then(() => part(alex, kate)),
  ]);
  assertEquals(errors.length, 3);
});

// deno-lint-ignore no-explicit-any
type StartTask = (fn: () => any, options: CancelOptions) => Promise<Task<any>>;

async function starts(): Promise<StartTask[]> {
  const sup = await TaskSupervisor.startLink();
  return [
    (fn, options) => Promise.resolve(Task.async(fn, [], options)),
    (fn, options) => TaskSupervisor.async(sup, fn, [], options),
    (fn, options) => TaskSupervisor.asyncNolink(sup, fn, [], options),
  ];
}
