/** Supervised tasks between nodes of this library and of Elixir, both ways. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { beam } from "../../../packages/beam/functions/declaration.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import {
  exit,
  Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { assertValues, elixirPairTest } from "../../_elixir_pair.ts";
import { errorOf } from "../../_processes.ts";
import { exitOf } from "../_gen_servers.ts";

const WORK = `
defmodule Work do
  def double_it(x), do: x * 2
  def reflect(term), do: term
  def status(:ready), do: :ok
  def fail(reason), do: exit(reason)
  def crash, do: raise("oops")
  def wait_for(pid) do
    send(pid, {:waiting, self()})
    receive do
      {:go, x} -> x
    end
  end
end
{:ok, _} = Task.Supervisor.start_link(name: Kate.Tasks)
`;

/** The same functions, for a BEAM. */
const Work = {
  doubleIt: (x: number) => x * 2,
  reflect: (term: unknown) => term,
  status: beam((text: string) => text === "ready" ? "ok" : "no", {
    args: ["atom"],
    returns: "atom",
  }),
  fail: (reason: unknown) => exit(reason),
  crash: () => {
    throw new TypeError("oops");
  },
  async waitFor(pid: Pid) {
    send(pid, { type: "waiting", pid: self() });
    return (await receive((m) => m?.type === "go")).x;
  },
  async never() {
    await receive(() => false);
  },
};

const OPTIONS = { modules: { Work } };

/** Waits until a task of Elixir waits, and returns its pid. */
async function waitingPid(): Promise<Pid> {
  return (await receive((m) => m?.elements !== undefined)).elements[1];
}

elixirPairTest("Elixir's Task.Supervisor runs our tasks", async ({ kate }) => {
  await kate.evaluate(WORK);
  const sup = { name: "Kate.Tasks", node: kate.name };
  assertEquals(
    await Task.await(
      await TaskSupervisor.async(sup, ["Work", "doubleIt"], [21]),
    ),
    42,
  );
  assertEquals(
    await Task.await(
      await TaskSupervisor.async(sup, Work.reflect, [{ a: [1, "é", null] }]),
    ),
    { a: [1, "é", null] },
  );
  const status = await TaskSupervisor.asyncNolink(sup, Work.status, ["ready"]);
  assertEquals(await Task.await(status), "ok");
  assertEquals(status.pid?.node, kate.name);

  Process.trapExit(true);
  const failing = await TaskSupervisor.asyncNolink(sup, ["Work", "fail"], [
    atom("bad"),
  ]);
  const failure = await Task.yield(failing);
  assertEquals(failure, { type: "exit", reason: "bad" });
  const crashing = await TaskSupervisor.asyncNolink(sup, ["Work", "crash"]);
  const { reason } = await Task.yield(crashing) as { reason: Error };
  assert(reason instanceof Error && /oops/.test(reason.message), `${reason}`);

  const waiting = await TaskSupervisor.async(sup, ["Work", "waitFor"], [
    self(),
  ]);
  assert(waiting.pid.equals(await waitingPid()));
  assertEquals(await Task.shutdown(waiting), undefined);
  assertEquals(await Task.yield(waiting, 0), undefined);

  const child = await TaskSupervisor.startChild(sup, ["Work", "waitFor"], [
    self(),
  ]);
  assert(child.equals(await waitingPid()));
  assertEquals((await TaskSupervisor.children(sup)).map(String), [
    String(child),
  ]);
  assertEquals(await TaskSupervisor.terminateChild(sup, child), "ok");
  const lasting = await TaskSupervisor.startChild(
    sup,
    ["Work", "waitFor"],
    [self()],
    { restart: "transient" },
  );
  assert(lasting.equals(await waitingPid()));
  Process.exit(lasting, "boom");
  // It is restarted with the same work.
  assert(await waitingPid() instanceof Pid);
}, OPTIONS);

elixirPairTest("Elixir's Task.Supervisor runs a stream", async ({ kate }) => {
  await kate.evaluate(WORK);
  const sup = { name: "Kate.Tasks", node: kate.name };
  const doubles = TaskSupervisor.asyncStream(
    sup,
    [1, 2, 3, 4, 5],
    ["Work", "doubleIt"],
    { maxConcurrency: 2 },
  );
  assertEquals<unknown>(
    await Array.fromAsync(doubles),
    [2, 4, 6, 8, 10].map((value) => ({ type: "ok", value })),
  );
  const failures = TaskSupervisor.asyncStreamNolink(
    sup,
    [atom("a"), atom("b")],
    ["Work", "fail"],
  );
  assertEquals<unknown>(
    await Array.fromAsync(failures),
    ["a", "b"].map((reason) => ({ type: "exit", reason })),
  );
}, OPTIONS);

elixirPairTest("a changed argument arrives as it was", async ({ kate }) => {
  await kate.evaluate(WORK);
  const sup = { name: "Kate.Tasks", node: kate.name };
  await Node.disconnect(kate.name);
  for (let i = 0; i < 2; i++) {
    // The first one waits for the connection.
    const list = [1, 2, 3];
    const started = TaskSupervisor.async(sup, ["Work", "reflect"], [list]);
    list.push(4);
    assertEquals(await Task.await(await started), [1, 2, 3]);
  }
}, OPTIONS);

elixirPairTest("tasks of Elixir fail as documented", async ({ kate }) => {
  await kate.evaluate(WORK);
  await kate.evaluate(
    "{:ok, _} = Task.Supervisor.start_link(name: Kate.Full, max_children: 0)",
  );
  Process.trapExit(true);
  const sup = { name: "Kate.Tasks", node: kate.name };
  const full = { name: "Kate.Full", node: kate.name };
  await assertRejects(
    () => TaskSupervisor.async(full, Work.doubleIt, [1]),
    Error,
    "maximum number of children",
  );
  assertEquals(
    await exitOf(TaskSupervisor.startChild(full, Work.doubleIt, [1])),
    "max_children",
  );
  await assertRejects(
    () =>
      TaskSupervisor.async(
        { name: "Kate.None", node: kate.name },
        Work.doubleIt,
        [1],
      ),
    ExitError,
    "no process",
  );
  const undef = await Task.yield(
    await TaskSupervisor.asyncNolink(sup, ["Work", "missing"], [1]),
  ) as { reason: unknown };
  const { elements } = undef.reason as { elements?: unknown[] };
  assertMatch(String(elements?.[0] ?? undef.reason), /undef/);
  await assertRejects(
    () => TaskSupervisor.async(sup, () => 1, []),
    TypeError,
    "module and function",
  );
  const waiting = await TaskSupervisor.async(sup, ["Work", "waitFor"], [
    self(),
  ]);
  await waitingPid();
  const awaited = assertRejects(
    () => Task.await(waiting),
    ExitError,
    "no connection",
  );
  await kate[Symbol.asyncDispose]();
  await awaited;
}, OPTIONS);

elixirPairTest(
  "Elixir runs tasks under our supervisor",
  async ({ alex, kate }) => {
    await Supervisor.startLink(
      [TaskSupervisor.childSpec({ name: "Alex.Tasks" })],
      { strategy: "one_for_one" },
    );
    await kate.evaluate(`sup = {Alex.Tasks, :"${alex.name}"}`);
    await assertValues(
      (code) => kate.evaluate(code),
      `
      Task.Supervisor.async(sup, Work, :double_it, [21]) |> Task.await() #=> 42
      Task.Supervisor.async_nolink(sup, Work, :status, [:ready]) |> Task.await() #=> :ok
      Task.Supervisor.async_stream(sup, 1..5, Work, :double_it, [], max_concurrency: 2) |> Enum.to_list()
        #=> [ok: 2, ok: 4, ok: 6, ok: 8, ok: 10]
      Task.Supervisor.async_stream_nolink(sup, [:a, :b], Work, :fail, [], ordered: false) |> Enum.sort()
        #=> [exit: :a, exit: :b]
      {:ok, pid} = Task.Supervisor.start_child(sup, Work, :wait_for, [self()])
        receive do %{"type" => "waiting", "pid" => ^pid} -> Task.Supervisor.children(sup) == [pid] end #=> true
      Task.Supervisor.terminate_child(sup, pid) #=> :ok
      {:ok, pid} = Task.Supervisor.start_child(sup, Work, :wait_for, [self()], restart: :transient)
        receive do %{"type" => "waiting", "pid" => ^pid} -> Process.exit(pid, :boom) end
        receive do %{"type" => "waiting", "pid" => other} -> other != pid end #=> true
      t = Task.Supervisor.async_nolink(sup, Work, :missing, [1])
        {:exit, reason} = Task.yield(t)
        reason #=> {:undef, [{Work, :missing, [1], []}]}
      t = Task.Supervisor.async_nolink(sup, Work, :crash, [])
        {:exit, {error, stack}} = Task.yield(t)
        {error, is_list(stack)} #=> {%RuntimeError{message: "(TypeError) oops"}, true}
      t = Task.Supervisor.async(sup, Work, :never, [])
        {Task.yield(t, 0), Task.shutdown(t, :brutal_kill), Task.Supervisor.children(sup) |> length()} #=> {nil, nil, 1}
      # The caller is linked to a task of async, and exits with it.
      {pid, ref} = spawn_monitor(fn -> Task.Supervisor.async(sup, Work, :fail, [:bad]) |> Task.await() end)
        receive do {:DOWN, ^ref, _, ^pid, reason} -> reason end #=> :bad`,
    );
  },
  OPTIONS,
);

elixirPairTest(
  "a task exits with its owner of Elixir",
  async ({ alex, kate }) => {
    const sup = await TaskSupervisor.startLink({ name: "Alex.Tasks" });
    // The first step of Task.Supervisor.async_nolink/4 only.
    const reason = await kate.evaluate(`
        sup = {Alex.Tasks, :"${alex.name}"}
        me = self()
        spawn(fn ->
          {:ok, pid} = GenServer.call(sup, {:start_task, [{node(), self(), self()}, :monitor], :temporary, 5000})
          send(me, {:started, pid})
        end)
        pid = receive do {:started, pid} -> pid end
        ref = Process.monitor(pid)
        receive do {:DOWN, ^ref, _, _, reason} -> reason after 30_000 -> :late end`);
    assert(
      ["{:shutdown, :noproc}", ":noproc"].includes(`${reason}`),
      `${reason}`,
    );
    assertEquals(await TaskSupervisor.children(sup), []);
  },
  OPTIONS,
);

elixirPairTest("an abort ends a task of Elixir", async ({ kate }) => {
  await kate.evaluate(WORK);
  const sup = { name: "Kate.Tasks", node: kate.name };
  const none = async () => {
    while ((await TaskSupervisor.children(sup)).length > 0);
  };
  for (const start of [TaskSupervisor.async, TaskSupervisor.asyncNolink]) {
    const controller = new AbortController();
    const { signal } = controller;
    const running = await start(sup, ["Work", "waitFor"], [self()], {
      signal,
    });
    await waitingPid();
    const ref = Process.monitor(running.pid);
    const awaited = errorOf(Task.await(running, { signal }));
    const starting = errorOf(start(sup, ["Work", "waitFor"], [self()], {
      signal,
    }));
    controller.abort("enough");
    assertEquals([await awaited, await starting], ["enough", "enough"]);
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "shutdown");
    await none();
    // A task that is ended before it has its work does not run it.
    const told = () =>
      receive((m) => m?.elements !== undefined, {
        timeout: 0,
        after: undefined,
      });
    await told();
    assertEquals(await told(), undefined);
  }
  const late = await TaskSupervisor.async(sup, ["Work", "waitFor"], [self()], {
    deadline: Date.now() + 2000,
  });
  assertEquals(await Task.yield(late, Infinity), {
    type: "exit",
    reason: "timeout",
  });
  await none();
}, OPTIONS);
