/**
 * A process that is killed between a wait and the step after it, at any turn: no work of the library on its
 * behalf goes on.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import {
  GenServer,
  type GenServerModule,
  type NameRegistry,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import type { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { currentRuntime } from "../../../packages/processes/runtime/current_process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { ended, processTest, quiet } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";

/** More turns than any of these operations takes. */
const TURNS = 40;

/** Waits for that many microtasks. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Blocks code that passes the gate: a test waits until the code has reached it, and opens it. */
class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  readonly reached = this.#reached.promise;
  readonly open = this.#opened.resolve;

  pass(): Promise<void> {
    this.#reached.resolve();
    return this.#opened.promise;
  }
}

/** Kills the process that `start` starts, after each number of turns since its wait ended. */
async function killAtEachTurn(
  start: () => { pid: Pid; go(): void } | Promise<{ pid: Pid; go(): void }>,
): Promise<void> {
  for (let count = 0; count < TURNS; count++) {
    const { pid, go } = await start();
    go();
    await turns(count);
    Process.exit(pid, "kill");
    await ended(pid);
    await quiet();
  }
}

processTest("Registry.lock() runs nothing for a killed process", async () => {
  await Registry.startLink({ keys: "unique", name: "Reg" });
  const runtime = currentRuntime();
  const ran: boolean[] = [];
  await killAtEachTurn(async () => {
    const owner = self();
    const holder = spawn(() =>
      Registry.lock("Reg", "key", async () => {
        send(owner, "held");
        await receive((m) => m === "go");
      })
    );
    await receive((m) => m === "held");
    const pid = spawn(() =>
      Registry.lock("Reg", "key", async () => {
        ran.push(runtime.find(pid) !== undefined);
        await Remote.wait();
      })
    );
    await quiet();
    return { pid, go: () => send(holder, "go") };
  });
  assertEquals(new Set(ran), new Set([true]));
});

processTest("global.trans() runs nothing for a killed process", async () => {
  await global.sync();
  const runtime = currentRuntime();
  const ran: boolean[] = [];
  await killAtEachTurn(() => {
    const pid: Pid = spawn(() =>
      global.trans(["key", self()], () => {
        ran.push(runtime.find(pid) !== undefined);
        return Remote.wait();
      })
    );
    return { pid, go() {} };
  });
  assertEquals(new Set(ran), new Set([true]));
  Process.exit(Process.whereis("global_name_server")!, "kill");
});

processTest("a killed GenServer runs no further callback", async () => {
  const runtime = currentRuntime();
  const ran: boolean[] = [];
  let gate = new Gate();
  let started: Pid;
  const Slow: GenServerModule<
    {
      arg: "init" | "call";
      state: Pid;
      call: ["slow", "done"];
      continue: "more";
    }
  > = {
    async init(when) {
      const state = started = self();
      if (when === "call") return { type: "ok", state };
      await gate.pass();
      return { type: "ok", state, continue: "more" };
    },
    async handleCall(_request, _from, state) {
      await gate.pass();
      return { type: "reply", reply: "done", state, continue: "more" };
    },
    handleContinue(_more, state) {
      ran.push(runtime.find(state) !== undefined);
      return { type: "noreply", state };
    },
  };
  await killAtEachTurn(async () => {
    const pid = await GenServer.start(Slow, "call");
    gate = new Gate();
    spawn(() => GenServer.call(pid, "slow").catch(() => {}));
    await gate.reached;
    return { pid, go: () => gate.open() };
  });
  await killAtEachTurn(async () => {
    gate = new Gate();
    spawn(() => GenServer.start(Slow, "init").catch(() => {}));
    await gate.reached;
    return { pid: started, go: () => gate.open() };
  });
  assertEquals(new Set(ran), new Set([true]));
});

processTest("a killed process sends no request after its look-up", async () => {
  const tasks = await TaskSupervisor.startLink();
  const children = await DynamicSupervisor.startLink();
  let found: Pid;
  let gate = new Gate();
  const via: NameRegistry = {
    registerName: () => true,
    unregisterName() {},
    async whereisName() {
      await gate.pass();
      return found;
    },
  };
  const name = { via, name: "x" };
  const child = { id: "x", start: () => spawn(Remote.wait) };
  const asks = [
    () => TaskSupervisor.async(name, Remote.add, [1, 2]),
    () => TaskSupervisor.startChild(name, Remote.wait),
    () => Array.fromAsync(TaskSupervisor.asyncStream(name, [1], Remote.wait)),
    () => DynamicSupervisor.startChild(name, child),
    () => GenServer.call(name, "which_children"),
    () => GenServer.stop(name),
  ];
  const runtime = currentRuntime() as NodeRuntime;
  const before = runtime.sizes();
  for (const [i, ask] of asks.entries()) {
    found = i < 3 ? tasks : children;
    gate = new Gate();
    const pid = spawn(() => ask());
    await gate.reached;
    Process.exit(pid, "kill");
    gate.open();
    await quiet();
  }
  assertEquals(runtime.sizes(), before);
  await TaskSupervisor.stop(tasks);
  await DynamicSupervisor.stop(children);
});

processTest("a stream starts no task for a killed owner", async () => {
  const ran: number[] = [];
  await killAtEachTurn(async () => {
    const gate = new Gate();
    async function* elements() {
      await gate.pass();
      yield 1;
    }
    const pid = spawn(() =>
      Array.fromAsync(Task.asyncStream(elements(), async (n) => {
        ran.push(n);
        await Remote.wait();
      }))
    );
    await gate.reached;
    return { pid, go: () => gate.open() };
  });
  assertEquals(ran.length > 0 && ran.length < TURNS, true);
  const before = ran.length;
  const gate = new Gate();
  async function* elements() {
    await gate.pass();
    yield 2;
  }
  const pid = spawn(() =>
    Array.fromAsync(Task.asyncStream(elements(), (n) => void ran.push(n)))
  );
  await gate.reached;
  Process.exit(pid, "kill");
  gate.open();
  await quiet();
  assertEquals(ran.length, before);
});

processTest("a server killed while it registers starts no init", async () => {
  const ran: string[] = [];
  let pid: Pid;
  const gate = new Gate();
  const via: NameRegistry = {
    async registerName(_name, registered) {
      pid = registered;
      await gate.pass();
      return true;
    },
    unregisterName() {},
    whereisName: () => undefined,
  };
  const Server: GenServerModule<{ arg: undefined; state: number }> = {
    init() {
      ran.push("init");
      return { type: "ok", state: 0 };
    },
  };
  const started = GenServer.start(Server, undefined, {
    name: { via, name: "x" },
  });
  const failed = assertRejects(() => started, ExitError);
  await gate.reached;
  Process.exit(pid!, "kill");
  gate.open();
  await failed;
  await quiet();
  assertEquals(ran, []);
});
