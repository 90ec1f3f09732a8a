/**
 * Rejections of cancelled waits: each reaches the code that awaits it, and none is left unhandled, which would end
 * the program.
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import {
  type CancelOptions,
  GenServer,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { ProcessExited } from "../../../packages/processes/errors.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskPool } from "../../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { errorOf, idle, processTest, quiet } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";
import { Counted, held } from "./_counted.ts";

/** The servers that the waits ask; none of them answers. */
interface Servers {
  /** The name of the wait. */
  name: string;
  silent: Pid;
  agent: Pid;
  tasks: Pid;
  pool: Pid;
  via: { via: typeof slow; name: string };
}

type Wait = (servers: Servers, options: CancelOptions) => Promise<unknown>;

/** Every function that a signal or a deadline ends, in a call that does not end by itself. */
const WAITS: Record<string, Wait> = {
  "GenServer.call": ({ silent }, options) =>
    GenServer.call(silent, "hi", { timeout: Infinity, ...options }),
  "GenServer.call, by a registry": ({ via }, options) =>
    GenServer.call(via, "hi", { timeout: Infinity, ...options }),
  "GenServer.multiCall": (_servers, options) =>
    GenServer.multiCall("silent", "hi", { nodes: [Node.self()], ...options }),
  "Agent.get": ({ agent }, options) => Agent.get(agent, Remote.wait, options),
  "Agent.update": ({ agent }, options) =>
    Agent.update(agent, Remote.wait, options),
  "Agent.getAndUpdate": ({ agent }, options) =>
    Agent.getAndUpdate(agent, () => receive(() => false), options),
  "Agent.get, by a registry": ({ via }, options) =>
    Agent.get(via, ["M", "f"], options),
  "rpc.call": (_servers, options) =>
    rpc.call(Node.self(), Remote.wait, [], options),
  "rpc.multicall": (_servers, options) =>
    rpc.multicall([Node.self()], Remote.wait, [], options),
  "Task.async": async (_servers, options) =>
    await Task.await(Task.async(Remote.wait, [], options), Infinity),
  "Task.await": (_servers, options) =>
    Task.await(Task.async(Remote.wait), options),
  "Task.awaitMany": (_servers, options) =>
    Task.awaitMany([Task.async(Remote.wait), Task.async(Remote.wait)], options),
  "Task.yield": (_servers, options) =>
    Task.yield(Task.async(Remote.wait), options),
  "Task.yieldMany": (_servers, options) =>
    Task.yieldMany([Task.async(Remote.wait), Task.async(Remote.wait)], options),
  "Task.asyncStream": (_servers, options) =>
    Array.fromAsync(Task.asyncStream([1, 2], Remote.wait, options)),
  "Task.asyncStream, of a source that waits": (_servers, options) =>
    Array.fromAsync(Task.asyncStream(endless(), Remote.add, options as never)),
  "TaskSupervisor.async": async ({ tasks }, options) =>
    await Task.await(
      await TaskSupervisor.async(tasks, Remote.wait, [], options),
      Infinity,
    ),
  "TaskSupervisor.asyncNolink": async ({ tasks }, options) =>
    await Task.await(
      await TaskSupervisor.asyncNolink(tasks, Remote.wait, [], options),
      Infinity,
    ),
  "TaskSupervisor.async, of one that does not answer": (
    { silent },
    options,
  ) => TaskSupervisor.async(silent, Remote.wait, [], options),
  "TaskSupervisor.asyncStream": ({ tasks }, options) =>
    Array.fromAsync(
      TaskSupervisor.asyncStream(tasks, [1, 2], Remote.wait, options),
    ),
  "TaskSupervisor.asyncStreamNolink": ({ tasks }, options) =>
    Array.fromAsync(
      TaskSupervisor.asyncStreamNolink(tasks, [1, 2], Remote.wait, options),
    ),
  "TaskPool.run": ({ pool }, options) =>
    TaskPool.run(pool, Remote.wait, [], options),
};

/** Functions that take a signal and no deadline. */
const BY_SIGNAL: Record<string, Wait> = {
  receive: (_servers, { signal }) => receive(() => false, { signal }),
  "Node.run": (_servers, { signal }) => Node.run(Remote.wait, { signal }),
};

async function* endless(): AsyncGenerator<number> {
  yield await new Promise<number>(() => {});
}

/** How a wait is cancelled: makes it with options, and ends it. */
type End = (
  wait: (options: CancelOptions) => Promise<unknown>,
  servers: Servers,
) => Promise<void>;

const ENDS: Record<string, End> = {
  async "an abort during the wait"(wait) {
    const controller = new AbortController();
    const error = errorOf(wait({ signal: controller.signal }));
    await quiet();
    controller.abort("enough");
    assertEquals(await error, "enough");
  },
  async "an abort in the turn of the call"(wait) {
    const controller = new AbortController();
    const error = errorOf(wait({ signal: controller.signal }));
    controller.abort("enough");
    assertEquals(await error, "enough");
  },
  async "an abort before the call"(wait) {
    const signal = AbortSignal.abort("enough");
    assertEquals(await errorOf(late(() => wait({ signal }))), "enough");
  },
  async "an abort of several calls, with the signal's reason"(wait, { name }) {
    const counted = new Counted();
    const { signal } = counted;
    const reason = new DOMException("enough", "AbortError");
    const { stack } = reason;
    const before = held();
    const calls = [1, 2, 3].map(() => errorOf(wait({ signal })));
    await quiet();
    // `receive` and `Node.run` have a listener each.
    const isShared = name in WAITS;
    if (isShared) assertEquals(counted.listeners, 1);
    counted.controller.abort(reason);
    for (const call of calls) assertStrictEquals(await call, reason);
    // The reason belongs to the program: its stack shows the code that made the reason.
    assertEquals(reason.stack, stack);
    if (isShared) assertEquals(counted.listeners, 0);
    // Aborted already: nothing is sent.
    assertStrictEquals(await errorOf(late(() => wait({ signal }))), reason);
    if (/^(GenServer|Agent|rpc)/.test(name)) assertEquals(held(), before);
  },
  async "an abort after the caller was killed"(wait) {
    const controller = new AbortController();
    const { signal } = controller;
    const { pid, ref } = spawnMonitor(() => wait({ signal }));
    await quiet();
    Process.exit(pid, "kill");
    await receive((m) => ref.equals(m?.ref));
    controller.abort("enough");
  },
  async "an abort in the turn in which the caller is killed"(wait) {
    for (const isFirst of [true, false]) {
      const controller = new AbortController();
      const { signal } = controller;
      const { pid, ref } = spawnMonitor(() => wait({ signal }));
      await quiet();
      if (isFirst) controller.abort("enough");
      Process.exit(pid, "kill");
      if (!isFirst) controller.abort("enough");
      await receive((m) => ref.equals(m?.ref));
    }
  },
  async "an abort in the turn in which the servers exit"(wait, servers) {
    for (const isFirst of [true, false]) {
      const controller = new AbortController();
      const error = outcomeOf(wait({ signal: controller.signal }));
      await quiet();
      const { silent, agent } = servers;
      if (isFirst) controller.abort("enough");
      for (const pid of [silent, agent]) Process.exit(pid, "kill");
      controller.abort("enough");
      await error;
    }
  },
};

const DEADLINES: Record<string, End> = {
  async "a deadline during the wait"(wait) {
    using time = new FakeTime();
    const error = outcomeOf(wait({ deadline: Date.now() + 50 }));
    await quiet();
    time.tick(50);
    await error;
  },
  async "a deadline that has passed"(wait) {
    await outcomeOf(late(() => wait({ deadline: Date.now() - 1 })));
  },
  async "an abort and a deadline in one turn"(wait) {
    using time = new FakeTime();
    const controller = new AbortController();
    const { signal } = controller;
    const error = outcomeOf(wait({ signal, deadline: Date.now() + 50 }));
    await quiet();
    controller.abort("enough");
    time.tick(50);
    await error;
  },
};

/** A registry whose lookups never end. */
const slow = {
  registerName: () => true,
  unregisterName: () => {},
  whereisName: () => new Promise<undefined>(() => {}),
};

/** A call that may throw, as a promise. */
async function late(call: () => Promise<unknown>): Promise<unknown> {
  return await call();
}

/** Waits until a promise has settled: a wait that is late may return as well as fail. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error) => error);
}

/** Runs `fn`; returns the rejections that the host reports as unhandled meanwhile. */
async function unhandled(fn: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const report = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    // The exit of a process is ignored: nobody can handle it.
    if (!(event.reason instanceof ProcessExited)) reasons.push(event.reason);
  };
  addEventListener("unhandledrejection", report);
  try {
    await fn();
    await quiet();
    // The host reports them in order: this is the last one.
    const last = new Error("the last one");
    Promise.reject(last);
    while (!reasons.includes(last)) await quiet();
    return reasons.slice(0, -1);
  } finally {
    removeEventListener("unhandledrejection", report);
  }
}

/** Runs `fn` with servers, in a process whose end ends them. */
async function withServers(
  fn: (servers: Servers) => Promise<void>,
): Promise<void> {
  let failure: { error: unknown } | undefined;
  const { ref } = spawnMonitor(async () => {
    try {
      const silent = idle();
      Process.register(silent, "silent");
      await pg.startLink();
      const servers = {
        name: "",
        silent,
        agent: await Agent.startLink(() => 0),
        tasks: await TaskSupervisor.startLink(),
        pool: await TaskPool.startLink({ group: "nobody" }),
        via: { via: slow, name: "slow" },
      };
      // The test ends some of them.
      Process.unlink(servers.agent);
      await fn(servers);
      for (const pid of [silent, servers.agent]) Process.exit(pid, "kill");
    } catch (error) {
      failure = { error };
    }
    exit("shutdown");
  });
  await receive((m) => ref.equals(m?.ref));
  if (failure !== undefined) throw failure.error;
}

for (const [name, wait] of Object.entries({ ...WAITS, ...BY_SIGNAL })) {
  const ends = name in WAITS ? { ...ENDS, ...DEADLINES } : ENDS;
  processTest(`no rejection is unhandled by ${name}`, async () => {
    for (const [what, end] of Object.entries(ends)) {
      const reasons = await unhandled(() =>
        withServers((servers) =>
          end((options) => wait(servers, options), { ...servers, name })
        )
      );
      assertEquals(reasons, [], what);
    }
  }, { sanitizeProcesses: false });
}

processTest("an abort of a task without await ends no program", async () => {
  const reasons = await unhandled(() =>
    withServers(async ({ tasks }) => {
      const controller = new AbortController();
      const { signal } = controller;
      Task.async(Remote.wait, [], { signal });
      await TaskSupervisor.async(tasks, Remote.wait, [], { signal });
      await TaskSupervisor.asyncNolink(tasks, Remote.wait, [], { signal });
      const items = Task.asyncStream([1, 2], () => 1, { signal })
        [Symbol.asyncIterator]();
      await items.next();
      await quiet();
      controller.abort("enough");
      await quiet();
    })
  );
  assertEquals(reasons, []);
});

test("an unhandled rejection of the program is reported", async () => {
  const reasons = await unhandled(async () => {
    Promise.reject("the program's own");
    await quiet();
  });
  assertEquals(reasons, ["the program's own"]);
});
