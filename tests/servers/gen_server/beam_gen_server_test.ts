/** GenServers between nodes of this library and of Elixir: declarations, replies and failures, both ways. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  type From,
  GenServer,
  type GenServerModule,
  type ServerRef,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { atom, type Pid, Process, Tuple, tuple } from "../../../mod.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  isReply,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { call, tell } from "../../../packages/servers/server/call.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import { OwnRequest } from "../../../packages/processes/values/server_message.ts";
import type { Mfa } from "../../../packages/processes/signals/signal.ts";
import { requests } from "../../_requests.ts";
import {
  assertValues,
  elixirPairTest,
  nextMessage,
} from "../../_elixir_pair.ts";
import { ElixirNode } from "../../_elixir.ts";
import { until } from "../../_until.ts";
import { exitOf } from "../_gen_servers.ts";

const ALEX = ":alex@localhost";

interface StoreTypes {
  state: Map<string, number>;
  call:
    | ["size", number]
    | [
      { type: "put"; key: string; value: number },
      "ok" | { type: "error"; reason: string },
    ]
    | [["get", string], ["ok", number] | "error"]
    | [{ type: "clear" }, "ok"]
    | [{ type: "leave"; reply: string }, string]
    | ["later" | "elsewhere", ["ok", number]]
    | ["goOn", "ok"];
  cast: ["add", string, number];
  info: { type: "tick"; by: number } | "clear";
  continue: "go";
}

/** A server that knows nothing of a BEAM but by its declaration. */
const Store: GenServerModule<StoreTypes> = {
  beam: {
    call: {
      tagged: {
        size: [],
        put: { key: "atom", value: "float" },
        get: ["atom"],
        clear: {},
        leave: { reply: "atom" },
        later: [],
        elsewhere: [],
        goOn: [],
      },
    },
    reply: "atom",
    replies: {
      size: "float",
      put: { tagged: { ok: [], error: { reason: "atom" } } },
      get: { tagged: { ok: ["float"], error: [] } },
      later: { tagged: { ok: ["float"] } },
      elsewhere: { tagged: { ok: ["float"] } },
    },
    cast: { tagged: { add: ["atom", "term"] } },
    info: { tagged: { tick: { by: "float" }, clear: [] } },
  },
  init: () => ({ type: "ok", state: new Map() }),
  handleCall: {
    size: (_size, _from, state) => ({
      type: "reply",
      reply: state.size,
      state,
    }),
    put({ key, value }, _from, state) {
      if (value < 0) {
        return {
          type: "reply",
          reply: { type: "error", reason: "negative" },
          state,
        };
      }
      return { type: "reply", reply: "ok", state: state.set(key, value) };
    },
    get([, key], _from, state) {
      const value = state.get(key);
      return {
        type: "reply",
        reply: value === undefined ? "error" : ["ok", value],
        state,
      };
    },
    clear: () => ({ type: "reply", reply: "ok", state: new Map() }),
    leave: ({ reply }, _from, state) => ({
      type: "stop",
      reason: "normal",
      reply,
      state,
    }),
    later(_later, from, state) {
      // The caller goes to another process, in a message.
      const other = spawn(async () => {
        const { to } = await receive<{ to: From<["ok", number]> }>();
        GenServer.reply(to, ["ok", 1]);
      });
      send(other, { to: from });
      return { type: "noreply", state };
    },
    elsewhere(_request, from, state) {
      send({ name: "relay", node: "moebi@localhost" }, {
        from,
        reply: ["ok", 1],
      });
      return { type: "noreply", state };
    },
    goOn: (_go, _from, state) => ({
      type: "reply",
      reply: "ok",
      state,
      continue: "go",
    }),
  },
  handleCast: ([, key, by], state) => ({
    type: "noreply",
    state: state.set(key, (state.get(key) ?? 0) + by),
  }),
  handleInfo: (message, state) => ({
    type: "noreply",
    state: message === "clear"
      ? new Map()
      : typeof message === "object" && message.type === "tick"
      ? new Map([...state].map(([key, value]) => [key, value + message.by]))
      : state,
  }),
  handleContinue: (_value, state) => ({ type: "noreply", state }),
};

elixirPairTest("Elixir calls our GenServers", async ({ kate, cluster }) => {
  const moebi = await cluster.start("moebi", { modules: { Relay: { relay } } });
  await Node.spawn(moebi.name, ["Relay", "relay"], [self()]);
  await nextMessage();
  const ask = (code: string) =>
    kate.evaluate(code.replaceAll("STORE", `{Store, ${ALEX}}`));
  await GenServer.start(Store, undefined, { name: "Store" });
  await assertValues(
    ask,
    `
    GenServer.call(STORE, {:put, :a, 1.0}) #=> :ok
    GenServer.call(STORE, {:put, true, 2.0}) #=> :ok
    GenServer.call(STORE, {:put, :b, -1.0}) #=> {:error, :negative}
    GenServer.call(STORE, :size) #=> 2.0
    GenServer.call(STORE, {:get, :a}) #=> {:ok, 1.0}
    GenServer.call(STORE, {:get, true}) #=> {:ok, 2.0}
    GenServer.call(STORE, {:get, :none}) #=> :error
    GenServer.cast(STORE, {:add, :a, 4}) #=> :ok
    GenServer.call(STORE, {:get, :a}) #=> {:ok, 5.0}
    send(STORE, {:tick, 1.0}) #=> {:tick, 1.0}
    GenServer.call(STORE, {:get, :a}) #=> {:ok, 6.0}
    GenServer.call(STORE, :later) #=> {:ok, 1.0}
    GenServer.call(STORE, :goOn) #=> :ok
    GenServer.multi_call([${ALEX}], Store, :later) #=> {[alex@localhost: {:ok, 1.0}], []}
    GenServer.call(STORE, :elsewhere) #=> {:ok, 1.0}
    GenServer.multi_call([${ALEX}], Store, :elsewhere) #=> {[alex@localhost: {:ok, 1.0}], []}
    GenServer.call(STORE, :clear) #=> :ok
    GenServer.call(STORE, :size) #=> 0.0
    # A request that no handler takes fails its caller only.
    try do GenServer.call(STORE, :nothing) catch :exit, {r, _} -> r end #=> :badarg
    try do GenServer.call(STORE, {:put, :a}) catch :exit, {r, _} -> r end #=> :badarg
    GenServer.call(STORE, {:leave, :bye}) #=> :bye`,
  );
});

elixirPairTest("a bare GenServer gets bare terms", async ({ kate }) => {
  await GenServer.start(
    {
      init: () => ({ type: "ok", state: undefined }),
      handleCall: {
        get: (request: unknown, _from: unknown, state: unknown) => ({
          type: "reply",
          reply: [request],
          state,
        }),
      },
    },
    undefined,
    { name: "plain" },
  );
  assertEquals(
    await kate.evaluate(
      `{GenServer.call({:plain, ${ALEX}}, :get), GenServer.call({:plain, ${ALEX}}, {:get, :a})}`,
    ),
    "{[:get], [get: :a]}",
  );
});

const THEIR_STORE = `
defmodule Store do
  use GenServer
  def init(arg), do: {:ok, arg}
  def handle_call(:size, _, map), do: {:reply, map_size(map) * 1.0, map}
  def handle_call({:put, key, value}, _, map) when is_atom(key) and is_float(value) do
    if value < 0, do: {:reply, {:error, :negative}, map}, else: {:reply, :ok, Map.put(map, key, value)}
  end
  def handle_call({:get, key}, _, map) when is_atom(key), do: {:reply, Map.fetch(map, key), map}
  def handle_call(:clear, _, _), do: {:reply, :ok, %{}}
  def handle_call(:later, from, map) do
    spawn(fn -> GenServer.reply(from, {:ok, 1.0}) end)
    {:noreply, map}
  end
  def handle_cast({:add, key, by}, map) when is_atom(key), do: {:noreply, Map.update(map, key, by, &(&1 + by))}
end
{:ok, _} = GenServer.start(Store, %{}, name: Store)
:ok`;

elixirPairTest("GenServer.ref() declares Elixir's server", async ({ kate }) => {
  await kate.evaluate(THEIR_STORE);
  const { beam } = Store;
  const store = GenServer.ref<StoreTypes>(
    { name: "Store", node: kate.name },
    { beam: beam! },
  );
  const put = { type: "put", key: "a", value: 1 } as const;
  assertEquals(await GenServer.call(store, put), "ok");
  assertEquals(
    await GenServer.call(store, { ...put, value: -1 }),
    { type: "error", reason: "negative" },
  );
  assertEquals(await GenServer.call(store, "size"), 1);
  assertEquals(await GenServer.call(store, ["get", "a"]), ["ok", 1]);
  assertEquals(await GenServer.call(store, ["get", "none"]), "error");
  assertEquals(GenServer.cast(store, ["add", "a", 4]), "ok");
  assertEquals(await GenServer.call(store, ["get", "a"]), ["ok", 5]);
  assertEquals(await GenServer.call(store, "later"), ["ok", 1]);
  // A server of ours gets the same requests as they are.
  await GenServer.start(Store, undefined, { name: "Store" });
  const stores = GenServer.ref<StoreTypes>("Store", { beam: beam! });
  const nodes = [Node.self(), kate.name];
  GenServer.abcast(stores, ["add", "b", 1], { nodes });
  const got = await GenServer.multiCall(stores, ["get", "b"], { nodes });
  assertEquals<unknown>(got, {
    replies: nodes.map((node) => ({ node, reply: ["ok", 1] })),
    badNodes: [],
  });
  // So it does while the node is dialled.
  await Node.disconnect(kate.name);
  GenServer.cast(store, ["add", "a", 1]);
  assertEquals(await GenServer.call(store, ["get", "a"]), ["ok", 6]);
  assertEquals(await GenServer.call(store, { type: "clear" }), "ok");
  assertEquals(await GenServer.whereis(store), {
    name: "Store",
    node: kate.name,
  });
  assertEquals(await GenServer.stop(store), "ok");
  assertEquals((await exitOf(GenServer.call(store, "size"))).reason, "noproc");
});

/** Replies `{got, request}` in the ways that its request names. */
const Replier: GenServerModule<{ state: undefined; call: [Tuple, unknown] }> = {
  init: () => ({ type: "ok", state: undefined }),
  handleCall(request, from, state) {
    const [how, where] = request.elements as [{ name: string }, unknown];
    const reply = tuple(atom("got"), how);
    switch (how.name) {
      case "process":
        spawn(() => void GenServer.reply(from, reply));
        return { type: "noreply", state };
      case "forward":
        send(where as Pid, { from, reply });
        return { type: "noreply", state };
      case "forward_tuple":
        // As Erlang has it, for a process there.
        send(where as Pid, tuple(from, reply));
        return { type: "noreply", state };
    }
    return { type: "reply", reply, state };
  },
};

/** Replies to the callers that it is sent. */
async function relay(to: Pid): Promise<void> {
  Process.register(self(), "relay");
  send(to, self());
  for (;;) {
    const { from, reply } = await receive();
    GenServer.reply(from, reply);
  }
}

elixirPairTest("every form of a From replies", async ({ kate, cluster }) => {
  const moebi = await cluster.start("moebi", { modules: { Relay: { relay } } });
  await using anna = await ElixirNode.start("anna", cluster);
  await GenServer.start(Replier, undefined, { name: "replier" });
  await Node.spawn(moebi.name, ["Relay", "relay"], [self()]);
  const ours = await nextMessage();
  await anna.evaluate(`
      Process.register(spawn(fn ->
        loop = fn loop -> receive do {from, reply} -> GenServer.reply(from, reply); loop.(loop) end end
        loop.(loop)
      end), :relay)
      send({:main, ${ALEX}}, Process.whereis(:relay))`);
  const theirs = await nextMessage();
  await kate.evaluate("Process.register(self(), :driver)");
  send({ name: "driver", node: kate.name }, tuple(ours, theirs));
  await kate.evaluate(`{ours, theirs} = receive do {a, b} -> {a, b} end
      forms = [
        fn -> make_ref() end,
        fn -> {make_ref(), node()} end,
        fn -> [:alias | :erlang.alias()] end,
        fn -> [[:alias | :erlang.alias()] | make_ref()] end,
        fn -> [:alias | :erlang.monitor(:process, {:replier, ${ALEX}}, alias: :reply_demonitor)] end,
        fn -> [:tag, 1, "any"] end,
      ]
      ask = fn form, request ->
        tag = form.()
        send({:replier, ${ALEX}}, {:"$gen_call", {self(), tag}, request})
        receive do {^tag, reply} -> reply after 10_000 -> {:none, Process.info(self(), :messages)} end
      end
      all = fn request -> Enum.map(forms, &ask.(&1, request)) |> Enum.uniq() end`);
  await assertValues(
    (code) => kate.evaluate(code),
    `
    all.({:server, nil}) #=> [got: :server]
    all.({:process, nil}) #=> [got: :process]
    all.({:forward, ours}) #=> [got: :forward]
    all.({:forward_tuple, theirs}) #=> [got: :forward_tuple]`,
  );
  assertEquals(
    await kate.evaluate(`
        {r, []} = GenServer.multi_call([${ALEX}], :replier, {:forward, ours})
        {s, []} = GenServer.multi_call([${ALEX}], :replier, {:forward_tuple, theirs}, 5000)
        {r, s, Process.info(self(), :message_queue_len)}`),
    "{[alex@localhost: {:got, :forward}], [alex@localhost: {:got, :forward_tuple}], {:message_queue_len, 0}}",
  );
  // A caller here, whose call a server of Elixir has others answer.
  await kate.evaluate(`
      defmodule Replier do
        use GenServer
        def init(nil), do: {:ok, nil}
        def handle_call({:forward, pid}, from, s) do
          send(pid, {from, :done})
          {:noreply, s}
        end
        def handle_call({:ours, pid}, from, s) do
          send(pid, %{"from" => from, "reply" => :done})
          {:noreply, s}
        end
      end
      GenServer.start(Replier, nil, name: :replier) |> elem(0)`);
  const replier = { name: "replier", node: kate.name };
  assertEquals(
    await GenServer.call(replier, tuple(atom("forward"), theirs)),
    atom("done"),
  );
  assertEquals(
    await GenServer.call(replier, tuple(atom("ours"), ours)),
    atom("done"),
  );
  // A reply to a mere alias is `{alias, reply}`, in both directions; the alias ends with it.
  await kate.evaluate(
    `alias_ref = :erlang.alias([:reply]); send({:main, ${ALEX}}, alias_ref)`,
  );
  const theirAlias = await nextMessage();
  Process.reply(theirAlias, tuple(atom("pong"), 1));
  Process.reply(theirAlias, "again");
  send({ name: "driver", node: kate.name }, Process.alias({ reply: true }));
  assertEquals(
    await kate.evaluate(`
        reply = receive do {^alias_ref, reply} -> reply end
        ours = receive do ref when is_reference(ref) -> ref end
        send(ours, {ours, 2})
        send(ours, {ours, :again})
        send({:main, ${ALEX}}, :last)
        {reply, Process.info(self(), :message_queue_len)}`),
    "{{:pong, 1}, {:message_queue_len, 0}}",
  );
  const back = await nextMessage();
  assert(isReply(back));
  assertEquals(back.value, 2);
  assertEquals(await nextMessage(), atom("last"));
});

/** The caller to which the server below replies late. */
let late: From | undefined;

/** A server of ours that fails in the ways that its request names. */
const Failing: GenServerModule<{ state: undefined; call: [unknown, unknown] }> =
  {
    init: () => ({ type: "ok", state: undefined }),
    handleCall(request, from, state) {
      const [how, value] = request instanceof Tuple
        ? request.elements
        : [request];
      switch ((how as { name: string }).name) {
        case "exit":
          return exit(value);
        case "stop":
          return { type: "stop", reason: value, state };
        case "throw":
          throw new Error("boom");
        case "hang":
          return { type: "noreply", state };
        case "late":
          late = from;
          return { type: "noreply", state };
        case "reply":
          GenServer.reply(late!, "late");
          return { type: "reply", reply: "sent", state };
        case "bad":
          return "bad" as never;
      }
      return { type: "reply", reply: self(), state };
    },
  };

elixirPairTest("Elixir's failed call exits as in OTP", async ({ kate }) => {
  const start = () => GenServer.start(Failing, undefined, { name: "failing" });
  await kate.evaluate(`
      failing = {:failing, ${ALEX}}
      fail = fn server, request, timeout ->
        try do GenServer.call(server, request, timeout) catch :exit, {r, {GenServer, :call, [^server, ^request, ^timeout]}} -> r end
      end`);
  const failed = async (request: string) => {
    await start();
    return await kate.evaluate(`fail.(failing, ${request}, 5000)`);
  };
  await assertValues(
    failed,
    `
    {:exit, :gone} #=> :gone
    {:exit, {:shutdown, 1}} #=> {:shutdown, 1}
    {:exit, "a text"} #=> "a text"
    {:stop, :normal} #=> :normal
    {:stop, %{a: 1}} #=> %{a: 1}`,
  );
  assertMatch(
    await failed(":throw"),
    /^\{%RuntimeError\{message: "[^"]*boom"\}, \[/,
  );
  assertMatch(await failed(":bad"), /bad_return_value/);
  const evaluate = (code: string) => kate.evaluate(code);
  await assertValues(
    evaluate,
    `
    fail.(failing, :any, 5000) #=> :noproc
    fail.({:global, :failing}, :any, 5000) #=> :noproc
    fail.({:failing, :none@localhost}, :any, 5000) #=> {:nodedown, :none@localhost}`,
  );
  await start();
  // A late reply is in no mailbox when the reply behind it has arrived.
  await assertValues(
    evaluate,
    `
    # Never answered, then answered when the time is over.
    fail.(failing, :hang, 10) #=> :timeout
    {fail.(failing, :late, 10), GenServer.call(failing, :reply), Process.info(self(), :message_queue_len)}
      #=> {:timeout, "sent", {:message_queue_len, 0}}
    called = GenServer.multi_call([${ALEX}], :failing, :late, 10)
      {called, GenServer.call(failing, :reply), Process.info(self(), :message_queue_len)}
      #=> {{[], [:alex@localhost]}, "sent", {:message_queue_len, 0}}
    # A pid that Elixir has registered somewhere else.
    pid = GenServer.call(failing, :pid)
      :yes = :global.register_name(:failing, pid)
      {fail.({:global, :failing}, :pid, 5000) == pid, fail.({:via, :global, :failing}, :pid, 5000) == pid,
        fail.(pid, :pid, 5000) == pid} #=> {true, true, true}`,
  );
  const hanging = await GenServer.start(Failing, undefined, {
    name: "hanging",
  }) as Pid;
  const waiting = kate.evaluate(`fail.({:hanging, ${ALEX}}, :hang, :infinity)`);
  await until(() => Process.info(hanging)!.monitoredBy.length > 0);
  await Node.disconnect(kate.name);
  assertEquals(await waiting, `{:nodedown, ${ALEX}}`);
  for (
    const reason of [
      ":normal",
      ":shutdown",
      "{:shutdown, :enough}",
      ":mine",
      '"a text"',
      "{:any, [1, 2.5]}",
    ]
  ) {
    if (Process.whereis("failing") === undefined) await start();
    const stopped = await evaluate(`GenServer.stop(failing, ${reason})`);
    assertEquals(stopped, ":ok", reason);
  }
  assertEquals(
    await kate.evaluate(
      "try do GenServer.stop(failing) catch :exit, {r, _} -> r end",
    ),
    ":noproc",
  );
});

elixirPairTest("a failed call to Elixir exits as in OTP", async ({ kate }) => {
  await kate.evaluate(`
      defmodule Failing do
        use GenServer
        def init(_), do: {:ok, nil}
        def handle_call({:exit, reason}, _, _), do: exit(reason)
        def handle_call({:stop, reason}, _, s), do: {:stop, reason, s}
        def handle_call(:raise, _, _), do: raise "boom"
        def handle_call(:hang, _, s), do: {:noreply, s}
        def handle_call(:late, from, _), do: {:noreply, from}
        def handle_call(:reply, _, from), do: {:reply, GenServer.reply(from, :late), nil}
        def handle_call(:pid, _, s), do: {:reply, self(), s}
      end
      start = fn -> {:ok, _} = GenServer.start(Failing, nil, name: :failing); :ok end`);
  const start = () => kate.evaluate("start.()");
  const failing = { name: "failing", node: kate.name };
  const fail = async (server: ServerRef, request: unknown, timeout = 5000) =>
    (await exitOf(GenServer.call(server, request, { timeout }))).reason;
  for (
    const [request, reason] of [
      [tuple(atom("exit"), atom("gone")), "gone"],
      [
        tuple(atom("exit"), tuple(atom("shutdown"), 1)),
        { type: "shutdown", reason: 1 },
      ],
      [tuple(atom("exit"), "a text"), "a text"],
      [tuple(atom("exit"), "normal"), { type: "binary", text: "normal" }],
      [tuple(atom("stop"), atom("normal")), "normal"],
    ] as const
  ) {
    await start();
    assertEquals(await fail(failing, request), reason);
  }
  await start();
  const raised = await fail(failing, atom("raise")) as Error;
  assert(raised instanceof Error && raised.message.includes("boom"));
  assertEquals(await fail(failing, atom("any")), "noproc");
  assertEquals(await fail({ global: "failing" }, atom("any")), "noproc");
  assertEquals(await fail({ name: "failing", node: "none@localhost" }, 1), {
    type: "nodedown",
    node: "none@localhost",
  });
  await start();
  // Never answered.
  assertEquals(await fail(failing, atom("hang"), 10), "timeout");
  // Answered when the time is over.
  assertEquals(await fail(failing, atom("late"), 10), "timeout");
  await GenServer.call(failing, atom("reply"));
  assertEquals(
    await GenServer.multiCall("failing", atom("late"), {
      nodes: [kate.name],
      // safe: answered when the time is over
      timeout: 10,
    }),
    { replies: [], badNodes: [kate.name] },
  );
  await GenServer.call(failing, atom("reply"));
  // Both replies have been sent before this one.
  const pid: Pid = await GenServer.call(failing, atom("pid"));
  assertEquals(Process.info(self())?.messageQueueLen, 0);
  const via = {
    name: "any",
    via: {
      registerName: () => false,
      unregisterName: () => {},
      whereisName: () => Promise.resolve(pid),
    },
  };
  assert(pid.equals(await GenServer.call(via, atom("pid"))));
  const waiting = fail(failing, atom("hang"), Infinity);
  await until(async () =>
    (await kate.evaluate(
      "Process.info(Process.whereis(:failing), :monitored_by)",
    )).includes("#PID")
  );
  await Node.disconnect(kate.name);
  assertEquals(await waiting, { type: "nodedown", node: kate.name });
  for (
    const reason of [
      "normal",
      "shutdown",
      { type: "shutdown", reason: "enough" },
      "mine",
      "a text",
      { type: "binary", text: "normal" },
      tuple(atom("any"), [1, 2.5]),
    ]
  ) {
    if (await kate.evaluate("Process.whereis(:failing)") === "nil") {
      await start();
    }
    assertEquals(await GenServer.stop(failing, reason), "ok");
  }
  assertEquals((await exitOf(GenServer.stop(failing))).reason, "noproc");
});

elixirPairTest("no request ends a server of Elixir", async ({ kate }) => {
  await kate.evaluate(`
      defmodule Their.Any do
        use GenServer
        def init(to), do: {:ok, to}
        def handle_call(request, _, to), do: {:reply, send(to, {:call, request}), to}
        def handle_cast(request, to), do: {:noreply, (send(to, {:cast, request}); to)}
        def handle_info(message, to), do: {:noreply, (send(to, {:info, message}); to)}
        def start_link(_), do: GenServer.start_link(__MODULE__, self())
      end
      {:ok, any} = GenServer.start(Their.Any, self(), name: :Any)
      {:ok, _} = Supervisor.start_link([], strategy: :one_for_one, name: Their.Supervisor)
      {:ok, _} = DynamicSupervisor.start_link(name: Their.DynamicSupervisor)
      {:ok, _} = Task.Supervisor.start_link(name: Their.TaskSupervisor)
      {:ok, _} = Agent.start_link(fn -> 1 end, name: Their.Agent)
      {:ok, device} = StringIO.open("line\n")
      send({:main, ${ALEX}}, device)
      alive = fn -> Enum.map([:Any, Their.Supervisor, Their.DynamicSupervisor, Their.TaskSupervisor, Their.Agent, device],
        &(if is_pid(&1), do: &1, else: Process.whereis(&1))) end
      before = alive.()`);
  const device: Pid = await nextMessage();
  // A task whose function is not there ends, and its owner with it.
  Process.trapExit(true);
  const servers: Record<string, string> = {
    Supervisor: "Their.Supervisor",
    DynamicSupervisor: "Their.DynamicSupervisor",
    TaskSupervisor: "Their.TaskSupervisor",
    Agent: "Their.Agent",
    GenServer: "'Any'",
    IO: "'Any'",
  };
  for (const module of Object.keys(servers)) {
    const server = { name: servers[module], node: kate.name };
    for (const [name, fn] of Object.entries(requests(server, device))) {
      // A server is stopped as it is asked to, and a function that is not there ends an agent, as in Elixir.
      if (!name.startsWith(`${module}.`) || /\.stop$|^Agent/.test(name)) {
        continue;
      }
      await fn().catch(() => {});
    }
  }
  await Agent.get({ name: "Their.Agent", node: kate.name }, [
    "erlang",
    "+",
    [1],
  ]);
  assertEquals(await kate.evaluate("alive.() == before"), "true");
  // A server that takes any request sees only requests of OTP.
  const any = { name: "'Any'", node: kate.name };
  for (const fn of Object.values(requests(any, device))) {
    await fn().catch(() => {});
  }
  const seen = await kate.evaluate(`
      {:messages, all} = Process.info(self(), :messages)
      all |> Enum.map(fn
        {kind, request} when is_tuple(request) -> {kind, elem(request, 0)}
        {kind, request} -> {kind, request}
      end) |> Enum.uniq() |> Enum.sort()`);
  assert(!seen.includes("%{"), seen);
  assertMatch(seen, /call: :which_children/);
  assertMatch(seen, /call: :get/);
  // Those that OTP does not have are refused here.
  for (const type of ["lock", "load", "set", "start"]) {
    // safe: refused before it is sent
    const options = { timeout: 5000, as: () => ["test", type, []] as Mfa };
    await assertRejects(
      () => call(any, new OwnRequest({ type }), options),
      TypeError,
      `Cannot send the request ${type} to an Erlang node`,
    );
  }
  assertThrows(
    () => tell(currentProcess(), device, { type: "hello" }),
    TypeError,
    "OTP's do not know it",
  );
});
