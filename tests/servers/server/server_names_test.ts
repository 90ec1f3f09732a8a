import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import {
  GenServer,
  type GenServerModule,
  type NameRegistry,
  type ServerName,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { exitOf, Probe, Stack } from "../_gen_servers.ts";
import { ended, inProcess, mail, processTest } from "../../_processes.ts";

/** A registry that keeps names in a table, and removes dead processes on request. */
class Table implements NameRegistry {
  readonly #pids = new Map<unknown, Pid>();

  registerName(name: unknown, pid: Pid): boolean | Promise<boolean> {
    if (this.#find(name) !== undefined) return false;
    this.#pids.set(name, pid);
    return true;
  }

  unregisterName(name: unknown): void {
    this.#pids.delete(name);
  }

  whereisName(name: unknown): Pid | undefined | Promise<Pid | undefined> {
    return this.#find(name);
  }

  #find(name: unknown): Pid | undefined {
    const pid = this.#pids.get(name);
    return pid !== undefined && Process.alive(pid) ? pid : undefined;
  }
}

/** The same with asynchronous functions. */
class SlowTable extends Table {
  override async registerName(name: unknown, pid: Pid): Promise<boolean> {
    await wait();
    return super.registerName(name, pid);
  }

  override async whereisName(name: unknown): Promise<Pid | undefined> {
    await wait();
    return super.whereisName(name);
  }
}

function wait(): Promise<void> {
  // safe: makes a table slow, and decides nothing
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A test of each kind of name in a registry. */
function eachName(
  title: string,
  fn: (
    name: ServerName,
    whereis: () => Promise<Pid | undefined>,
  ) => Promise<void>,
): void {
  for (
    const [kind, Registry] of [["a", Table], ["a slow", SlowTable]] as const
  ) {
    test(
      `${kind} via name ${title}`,
      { timeout: 60_000 },
      () =>
        inProcess(() => {
          const name = { via: new Registry(), name: "it" };
          return fn(name, async () => await GenServer.whereis(name) as Pid);
        }),
    );
  }
}

eachName("belongs to a server from init to exit", async (name, whereis) => {
  assertEquals(await whereis(), undefined);
  const parent = self();
  const pid = await GenServer.startLink(
    {
      async init() {
        send(parent, [self(), await whereis()]);
        return { type: "ok", state: 0 };
      },
    },
    undefined,
    { name },
  );
  assertEquals(await receive(), [pid, pid]);
  assertEquals(await whereis(), pid);
  await GenServer.stop(name);
  assertEquals(await whereis(), undefined);
});

eachName("is called, cast to and stopped by", async (name) => {
  const pid = await GenServer.startLink(Stack, ["a"], { name });
  GenServer.cast(name, { type: "push", item: "b" });
  const popped = await GenServer.call(name, "pop");
  assert(["a", "b"].includes(popped));
  assertEquals(await GenServer.stop(name), "ok");
  assertEquals(await ended(pid), "noproc");
});

eachName("that is taken is told of, with who has it", async (name) => {
  const pid = await GenServer.startLink(Stack, [], { name });
  assertEquals(await exitOf(GenServer.startLink(Stack, [], { name })), {
    type: "already_started",
    pid,
  });
  await GenServer.stop(pid);
});

eachName("fails calls with noproc when free, not casts", async (name) => {
  assertEquals(await GenServer.cast(name, 1), "ok");
  const { type, reason, call } = await exitOf(GenServer.call(name, "hi"));
  assertEquals([type, reason], ["call", "noproc"]);
  const described = { via: "registry", name: "it" };
  assertEquals(call, ["GenServer", "call", [described, "hi", 5000]]);
  assertEquals((await exitOf(GenServer.stop(name))).reason, "noproc");
  assertEquals((await exitOf(Supervisor.countChildren(name))).reason, "noproc");
  const task = TaskSupervisor.async(name, () => 1);
  assertEquals((await exitOf(task)).reason, "noproc");
});

eachName("is free again when init has failed", async (name, whereis) => {
  Process.trapExit(true);
  const Failing: GenServerModule = { init: () => exit("oops") };
  assertEquals(await exitOf(GenServer.startLink(Failing, 0, { name })), "oops");
  assertEquals(await whereis(), undefined);
  assertEquals(await mail(), []);
  Process.trapExit(false);
});

eachName("of a supervisor accepts children and tasks", async (name) => {
  const sup = await Supervisor.startLink([], { strategy: "one_for_one", name });
  const child = await Supervisor.startChild(name, {
    id: "child",
    start: () => spawnLink(() => receive(() => false)),
  });
  const [{ pid }] = await Supervisor.whichChildren(name);
  assertEquals(child, pid);
  await Supervisor.stop(name);
  await ended(sup);
  await TaskSupervisor.startLink({ name });
  assertEquals(
    await Task.await(
      await TaskSupervisor.async(name, (n: number) => n + 1, [1]),
    ),
    2,
  );
  assertEquals(await TaskSupervisor.children(name), []);
  await TaskSupervisor.stop(name);
});

eachName("of the caller itself is found out", async (name) => {
  const pid = await GenServer.startLink(
    {
      init: () => ({ type: "ok", state: 0 }),
      async handleCall(_request, _from, state) {
        const { reason } = await exitOf(GenServer.call(name, "again"));
        return { type: "reply", reply: reason, state };
      },
    },
    undefined,
    { name },
  );
  assertEquals(await GenServer.call(pid, 1), "calling_self");
  await GenServer.stop(pid);
});

processTest("calls and casts by a via name keep their order", async () => {
  const name = { via: new Table(), name: "it" };
  const to = self();
  const pid = await GenServer.startLink(Probe, { to }, { name });
  GenServer.cast(name, 1);
  const called = GenServer.call(name, { type: "say", what: 2 });
  send(pid, 3);
  GenServer.cast(pid, 4);
  assertEquals(await called, 2);
  await GenServer.stop(name);
  assertEquals((await mail()).slice(0, 3), [
    { type: "cast", cast: 1 },
    { type: "info", info: 3 },
    { type: "cast", cast: 4 },
  ]);
});

processTest("a start that loses the race names the winner", async () => {
  const table = new SlowTable();
  const name = { via: table, name: "it" };
  Process.trapExit(true);
  // Both find it free, and then both register.
  const started = await Promise.allSettled(
    [1, 2].map(() => GenServer.startLink(Stack, [], { name })),
  );
  const won = started.find(({ status }) => status === "fulfilled");
  const lost = started.find(({ status }) => status === "rejected");
  const { value: pid } = won as PromiseFulfilledResult<Pid>;
  assertEquals((lost as PromiseRejectedResult).reason.reason, {
    type: "already_started",
    pid,
  });
  assertEquals(await mail(), []);
  await GenServer.stop(pid);
  await receive();
  Process.trapExit(false);
});

processTest("an error of a registry ends the start and the call", async () => {
  class Broken extends Table {
    override whereisName(): never {
      throw new TypeError("no such registry");
    }
  }
  const name = { via: new Broken(), name: "it" };
  await assertRejects(
    () => GenServer.call(name, 1),
    TypeError,
    "no such registry",
  );
  await assertRejects(() => GenServer.start(Stack, [], { name }), TypeError);
  await assertRejects(() => GenServer.whereis(name), TypeError);
  // As in Elixir, a cast is always ok.
  assertEquals(GenServer.cast(name, 1), "ok");
  assertEquals(Agent.cast(name, (state) => state), "ok");
});

processTest("a start rejects an invalid name", async () => {
  for (const name of [1, {}, { via: {}, name: 1 }, { name: "a", node: "b" }]) {
    await assertRejects(
      () => GenServer.start(Stack, [], { name: name as unknown as string }),
      TypeError,
      "as the name of a server: give a string, an atom, { via: registry, name } or { global: name }",
    );
  }
  const error = await assertRejects(
    () => GenServer.call({ via: new Table(), name: ["a", 1] }, 1),
    ExitError,
  );
  assertMatch(
    error.message,
    /^exited in: GenServer\.call\(\{ via: "registry", name: \["a", 1\] \}, 1, 5000\)/,
  );
  assertEquals(Process.whereis("it"), undefined);
});
