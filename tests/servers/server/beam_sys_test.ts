/** `:sys` of Elixir with servers of this library. */

import { assertEquals, assertMatch } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import type { ElixirNode } from "../../_elixir.ts";
import { assertValues, elixirPairTest } from "../../_elixir_pair.ts";

const OPTIONS = { allowObserve: "write" } as const;

const Counter: GenServerModule<
  { state: unknown; call: ["get", unknown]; cast: unknown; info: unknown }
> = {
  init: (state) => ({ type: "ok", state }),
  handleCall: (_request, _from, state) => ({
    type: "reply",
    reply: state,
    state,
  }),
  handleCast: (state) => ({ type: "noreply", state }),
};

/** A server whose state cannot be sent. */
const Secretive: GenServerModule<{ state: () => number }> = {
  init: () => ({ type: "ok", state: () => 1 }),
};

/** The result of a call of Elixir, or its exit. */
function asked(kate: ElixirNode, code: string): Promise<string> {
  return kate.evaluate(`
    try do ${code} catch kind, reason -> {kind, reason} end`);
}

elixirPairTest(
  "a GenServer answers every message of :sys",
  async ({ kate, cluster }) => {
    await GenServer.start(Counter, {
      count: 1,
      items: [atom("a"), tuple("b", null)],
    }, { name: "Counter" });
    await GenServer.start(Secretive, undefined, { name: "unsendable" });
    await kate.evaluate(`
        counter = {Counter, :"alex@localhost"}
        unsendable = {:unsendable, :"alex@localhost"}`);
    const ask = async (code: string) =>
      (await asked(
        kate,
        `
          catch_error = fn f -> try do f.() rescue e in ErlangError -> {:error, e.original} end end
          ${code.replaceAll("catch_error(", "catch_error.(")}`,
      )).replace(/#PID<[\d.]+>/, "PARENT");
    await assertValues(
      ask,
      `
      :sys.get_state(counter) #=> %{"count" => 1, "items" => [:a, {"b", nil}]}
      :sys.get_state(GenServer.whereis(counter), 5000) #=> %{"count" => 1, "items" => [:a, {"b", nil}]}
      {:status, pid, {:module, module}, [[], :running, parent, [], misc]} = :sys.get_status(counter)
        {node(pid), module, node(parent), misc[:header], Keyword.get_values(misc, :data)}
          #=> {:alex@localhost, :gen_server, :alex@localhost, ~c"Status for generic server Counter", [[{~c"Status", :running}, {~c"Parent", PARENT}, {~c"Logged events", []}], [{~c"State", %{"count" => 1, "items" => [:a, {"b", nil}]}}]]}
      {:error, {:callback_failed, {:gen_server, :system_replace_state}, {:error, text}}} =
        elem(catch_error(fn -> :sys.replace_state(counter, fn _ -> 2 end) end), 1) |> then(&{:error, &1}); is_binary(text)
          #=> true
      {:error, {:callback_failed, {:gen_server, :system_get_state}, {:error, text}}} =
        elem(catch_error(fn -> :sys.get_state(unsendable) end), 1) |> then(&{:error, &1}); text =~ "unction" #=> true
      :sys.trace(counter, true) #=> :unknown_debug
      :sys.trace(counter, false) #=> :ok
      :sys.no_debug(counter) #=> :ok
      :sys.statistics(counter, :get) #=> {:ok, :no_statistics}
      :sys.log(counter, :get) #=> {:ok, []}
      :sys.change_code(counter, :m, nil, nil) #=> {:error, {:unknown_system_msg, {:change_code, :m, nil, nil}}}
      # Suspended: calls and casts wait, system messages do not.
      :sys.suspend(counter) #=> :ok
      :sys.suspend(counter) #=> :ok
      :sys.get_state(counter) #=> %{"count" => 1, "items" => [:a, {"b", nil}]}
      elem(:sys.get_status(counter), 3) |> Enum.at(1) #=> :suspended
      GenServer.cast(counter, :cast) #=> :ok
      {:exit, {:timeout, _}} = try do GenServer.call(counter, :get, 50) catch k, r -> {k, r} end; :timeout
        #=> :timeout
      me = self(); spawn(fn -> send(me, {:answer, GenServer.call(counter, :get)}) end)
        :sys.get_state(counter)
        receive do {:answer, _} -> :early after 50 -> :waits end #=> :waits
      :sys.resume(counter) #=> :ok
      receive do {:answer, reply} -> reply end #=> :cast
      :sys.resume(counter) #=> :ok
      GenServer.call(counter, :get) #=> :cast
      # It ends as Elixir's does, also while it is suspended.
      ref = Process.monitor(counter); :sys.suspend(counter); :ok = :sys.terminate(counter, :shutdown)
        receive do {:DOWN, ^ref, _, _, reason} -> reason end #=> :shutdown
      {:exit, {:noproc, _}} = try do :sys.get_state(counter) catch k, r -> {k, r} end; :noproc #=> :noproc
      ref = Process.monitor(unsendable); :ok = GenServer.stop(unsendable)
        receive do {:DOWN, ^ref, _, _, reason} -> reason end #=> :normal`,
    );
    const lines = cluster.lines();
    assertEquals(lines.length, 2);
    for (const line of lines) assertMatch(line, /Counter .* is suspended by/);
  },
  OPTIONS,
);

elixirPairTest("other servers answer :sys, and end by it", async ({ kate }) => {
  Process.trapExit(true);
  await Supervisor.startLink([], { strategy: "one_for_one", name: "Sup" });
  await TaskSupervisor.startLink({ name: "Tasks" });
  await Agent.startLink(() => ({ n: 7 }), { name: "agent" });
  for (
    const [name, there, state] of [
      ["Sup", "Sup", ":undefined"],
      ["Tasks", "Tasks", ":undefined"],
      ["agent", ":agent", `%{"n" => 7}`],
    ]
  ) {
    await kate.evaluate(`server = {${there}, :"alex@localhost"}`);
    assertEquals(await asked(kate, ":sys.get_state(server)"), state);
    assertEquals(
      await asked(kate, "elem(:sys.get_status(server), 2)"),
      "{:module, :gen_server}",
    );
    assertEquals(await asked(kate, ":sys.suspend(server)"), ":ok");
    assertEquals(await asked(kate, ":sys.resume(server)"), ":ok");
    const ref = Process.monitor(Process.whereis(name)!);
    assertEquals(
      await asked(kate, ":sys.terminate(server, :shutdown)"),
      ":ok",
    );
    assertEquals(
      (await receive((m) => ref.equals(m?.ref))).reason,
      "shutdown",
    );
  }
}, OPTIONS);

elixirPairTest(
  "a suspended GenServer ends with its parent",
  async ({ kate }) => {
    const test = self();
    const { pid: parent } = spawnMonitor(async () => {
      await GenServer.startLink(Counter, 1, { name: "child" });
      send(test, "started");
      await receive();
    });
    await receive((m) => m === "started");
    assertEquals(
      await asked(kate, `:sys.suspend({:child, :"alex@localhost"})`),
      ":ok",
    );
    const ref = Process.monitor(Process.whereis("child")!);
    Process.exit(parent, "shutdown");
    assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "shutdown");
  },
  OPTIONS,
);

elixirPairTest(
  "Process.info() describes Elixir, and back",
  async ({ kate }) => {
    await kate.evaluate(`
        defmodule Kate.Server do
          use GenServer
          def init(to), do: (Process.flag(:trap_exit, true); send(to, {self(), Process.group_leader()}); {:ok, to})
        end
        to = {:main, :"alex@localhost"}
        {:ok, server} = GenServer.start_link(Kate.Server, to, name: Kate.Server)
        send(server, :unexpected)
        :sys.suspend(server)
        send(server, :waits)`);
    const [pid, leader] = await receive<Tuple<[Pid, Pid]>>((m) =>
      m instanceof Tuple
    );
    const info = await Process.info(pid, { remote: true });
    assertEquals(info?.pid, pid);
    assertEquals(info?.registeredName, "Kate.Server");
    assertEquals(info?.initialCall, "Kate.Server.init/1");
    assertEquals(info?.status, "waiting");
    assertEquals(info?.messageQueueLen, 1);
    assertEquals(info?.trapExit, true);
    assertEquals(info?.groupLeader, leader);
    assertEquals(info?.links.map(({ node }) => node), [kate.name]);
    assertEquals(info?.parent, info?.links[0]);
    assertEquals(info?.ancestors, [info!.parent!]);
    await kate.evaluate(`
        ref = Process.monitor(server); Process.unlink(server); Process.exit(server, :kill)
        receive do {:DOWN, ^ref, _, _, _} -> :ok end`);
    assertEquals(await Process.info(pid, { remote: true }), undefined);
    assertEquals(
      await kate.evaluate(`
          pid = :rpc.call(:"alex@localhost", Process, :whereis, ["main"])
          case pid do {:badrpc, _} -> :refused; _ -> :found end`),
      ":refused",
    );
  },
  OPTIONS,
);
