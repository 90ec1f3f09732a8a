/** Nodes of this library and of Elixir: messages, links, monitors, exits, spawns and calls, both ways. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { QueueFullError } from "../../../../core/errors.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../../otp/gen_server/gen_server.ts";
import { IO } from "../../../../otp/io/io.ts";
import {
  type Atom,
  atom,
  beam,
  exit,
  makeRef,
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
  spawn,
  Tuple,
  tuple,
} from "../../../../mod.ts";
import { Node } from "../../../../node.ts";
import { ELIXIR, ElixirNode } from "../../../_elixir.ts";
import {
  type ElixirPair,
  elixirPairTest,
  nextMessage as next,
} from "../../../_elixir_pair.ts";
import { clusterTest } from "../../../_nodes.ts";
import { until } from "../../../_until.ts";

const ALEX = ":alex@localhost";

/** The functions of alex, for callers on Elixir nodes. */
const Kate = {
  sayName: () => IO.puts("Hi, my name is Kate"),
  tell: (to: Pid, value: unknown) => void send(to, value),
  leave: (index: number) => exit(REASONS[index][0]),
  crash: () => {
    throw new TypeError("boom");
  },
  toss: () => {
    throw 42;
  },
  wait: () => receive(() => false),
  greet: beam(
    (to: Pid, who: string, words: string[]) =>
      void send(to, { who, words, isText: typeof who === "string" }),
    { args: ["term", "atom", { tuple: ["binary", "charlist"] }] },
  ),
};

/** Exit reasons here, and what `inspect` prints of them there. */
const REASONS: [reason: unknown, printed: string | RegExp][] = [
  ["normal", ":normal"],
  ["shutdown", ":shutdown"],
  ["noproc", ":noproc"],
  ["noconnection", ":noconnection"],
  ["killed", ":killed"],
  ["timeout", ":timeout"],
  ["my_reason_1", ":my_reason_1"],
  ["it went wrong", '"it went wrong"'],
  ["", '""'],
  [{ type: "binary", text: "normal" }, '"normal"'],
  [atom("Elixir.Chat"), "Chat"],
  [atom("hello world"), ':"hello world"'],
  [{ type: "shutdown", reason: "done" }, "{:shutdown, :done}"],
  [
    { type: "shutdown", reason: { type: "shutdown", reason: "a text" } },
    '{:shutdown, {:shutdown, "a text"}}',
  ],
  [{ type: "nodedown", node: "x@y" }, "{:nodedown, :x@y}"],
  [
    {
      type: "call",
      reason: "noproc",
      call: ["GenServer", "call", ["a", "b", 5000]],
    },
    '{:noproc, {GenServer, :call, ["a", "b", 5000]}}',
  ],
  [tuple(atom("mine"), [1, 2.5, "x"]), '{:mine, [1, 2.5, "x"]}'],
  [7, "7"],
  [[1, "a"], '[1, "a"]'],
  [{ code: 3 }, '%{"code" => 3}'],
  [null, "nil"],
];

/** A started pair of a node of this library and one of Elixir. */
interface Pair extends ElixirPair {
  /** The output of alex's group leader. */
  output: string[];
  /** Waits until alex's group leader has written that. */
  printed(text: string): Promise<void>;
}

function elixirTest(name: string, fn: (pair: Pair) => Promise<void>): void {
  const output: string[] = [];
  let wake = () => {};
  const write = (text: string) => {
    output.push(text);
    wake();
  };
  const printed = async (text: string) => {
    while (!output.join("").includes(text)) {
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  elixirPairTest(name, (pair) => fn({ ...pair, output, printed }), {
    modules: { Kate },
    io: { write },
  });
}

elixirTest("send() reaches Elixir's processes, and back", async ({ kate }) => {
  await kate.evaluate(`Process.register(self(), :driver)`);
  await kate.evaluate(`Process.register(spawn(fn ->
      receive do m -> send({:main, ${ALEX}}, {:got, m}) end
    end), Chat.Inbox)`);
  await kate.evaluate(`send({:main, ${ALEX}}, {:hi, self(), %{a: 1}})`);
  const hi = await next();
  assert(hi instanceof Tuple);
  const [hello, driver, map] = hi.elements as [Atom, Pid, Map<unknown, 1>];
  assertEquals([hello, map.get(atom("a"))], [atom("hi"), 1]);
  assertEquals(driver.node, kate.name);
  // By pid, name, and a name of Elixir's.
  send(driver, tuple(atom("yo"), 1, 2.5, "text", [1, 2]));
  send({ name: "driver", node: kate.name }, { key: null });
  send({ name: "Chat.Inbox", node: kate.name }, "hello");
  assertEquals(
    await kate.evaluate("{receive do m -> m end, receive do m -> m end}"),
    '{{:yo, 1, 2.5, "text", [1, 2]}, %{"key" => nil}}',
  );
  assertEquals(await next(), tuple(atom("got"), "hello"));
  // Aliases, until they are ended.
  const alias = Process.alias();
  send(driver, tuple(atom("alias"), alias));
  await kate.evaluate(`{:alias, a} = receive do m -> m end
      send(a, :first)
      send({:main, ${ALEX}}, :sent)`);
  assertEquals([await next(), await next()], [atom("first"), atom("sent")]);
  Process.unalias(alias);
  await kate.evaluate(`send(a, :second); send({:main, ${ALEX}}, :last)`);
  assertEquals(await next(), atom("last"));
  await kate.evaluate(`send({:main, ${ALEX}}, Process.alias())`);
  const theirs = await next();
  assert(theirs instanceof Ref);
  send(theirs, tuple(atom("to_alias"), theirs));
  assertMatch(
    await kate.evaluate("receive do m -> m end"),
    /^\{:to_alias, #Reference<.*>\}$/,
  );
  // References of both nodes come back as they were.
  const ref = makeRef();
  send(driver, tuple(self(), ref, theirs));
  await kate.evaluate(
    "receive do {pid, a, b} -> send(pid, {:back, a, b, self()}) end",
  );
  const back = await next();
  assert(back.elements[1].equals(ref) && back.elements[2].equals(theirs));
  assert(back.elements[3].equals(driver));
});

elixirTest("an atom is a name without a prefix", async ({ kate }) => {
  await kate.evaluate("Process.register(self(), :Verbatim)");
  send({ name: "Verbatim", node: kate.name }, "lost");
  send({ name: atom("Verbatim"), node: kate.name }, "hi");
  assertEquals(await kate.evaluate("receive do m -> m end"), '"hi"');
  // Messages to names that nobody has are lost, and nothing else is.
  await kate.evaluate(`for name <- [:nobody, Nobody, :main] do
      send({name, ${ALEX}}, name)
    end`);
  assertEquals(await next(), atom("main"));
});

elixirTest("our exit reasons arrive in Elixir", async ({ kate }) => {
  await kate.evaluate("Process.flag(:trap_exit, true)");
  for (const [index, [reason, printed]] of REASONS.entries()) {
    const text = await kate.evaluate(`
        pid = Node.spawn_link(${ALEX}, Kate, :leave, [${index}])
        exit = receive do {:EXIT, ^pid, reason} -> reason end
        {_, ref} = :erlang.spawn_opt(${ALEX}, Kate, :leave, [${index}], [:monitor])
        down = receive do {:DOWN, ^ref, :process, _, reason} -> reason end
        {exit === down, exit}`);
    assertEquals(text, `{true, ${printed}}`, `${reason}`);
  }
  const crash = await kate.evaluate(`
      pid = Node.spawn_link(${ALEX}, Kate, :crash, [])
      receive do {:EXIT, ^pid, {error, stack}} ->
        {error, is_list(stack), is_binary(Exception.format_exit({error, stack}))}
      end`);
  assertEquals(
    crash,
    '{%RuntimeError{message: "(TypeError) boom"}, true, true}',
  );
  assertEquals(
    await kate.evaluate(`
        pid = Node.spawn_link(${ALEX}, Kate, :toss, [])
        receive do {:EXIT, ^pid, reason} -> reason end`),
    "{{:nocatch, 42}, []}",
  );
  assertEquals(
    await kate.evaluate(`
        pid = Node.spawn_link(${ALEX}, Kate, :wait, [])
        Process.exit(pid, :kill)
        receive do {:EXIT, ^pid, reason} -> reason end`),
    ":killed",
  );
  assertEquals(
    await kate.evaluate(`
        pid = Node.spawn_link(${ALEX}, Kate, :wait, [])
        Process.exit(pid, :normal)
        Process.exit(pid, {:shutdown, :enough})
        receive do {:EXIT, ^pid, reason} -> reason end`),
    "{:shutdown, :enough}",
  );
});

/** Exit reasons of Elixir, and the same here. */
const THEIR_REASONS: [code: string, reason: unknown][] = [
  ["exit(:normal)", "normal"],
  ["exit(:shutdown)", "shutdown"],
  ["exit(:noproc)", "noproc"],
  ["exit(:my_reason)", "my_reason"],
  ['exit("normal")', { type: "binary", text: "normal" }],
  ['exit("it went wrong")', "it went wrong"],
  ["exit(Chat)", atom("Elixir.Chat")],
  ["exit({:shutdown, :done})", { type: "shutdown", reason: "done" }],
  [
    "exit({:noproc, {GenServer, :call, [:a, 1, 5000]}})",
    {
      type: "call",
      reason: "noproc",
      call: ["GenServer", "call", [atom("a"), 1, 5000]],
    },
  ],
  ["exit({:nodedown, :x@y})", { type: "nodedown", node: "x@y" }],
  ["exit({:a, 1})", tuple(atom("a"), 1)],
  ["exit(12)", 12],
  ["Process.exit(self(), :kill); :timer.sleep(5000)", "killed"],
];

elixirTest("Elixir's exit reasons arrive here", async ({ kate }) => {
  Process.trapExit(true);
  for (const [code, reason] of THEIR_REASONS) {
    await kate.evaluate(`send({:main, ${ALEX}}, spawn(fn ->
        receive do :go -> ${code} end
      end))`);
    const pid: Pid = await next();
    Process.link(pid);
    const ref = Process.monitor(pid);
    send(pid, atom("go"));
    assertEquals(
      await receive((m) => m?.type === "EXIT"),
      { type: "EXIT", from: pid, reason },
    );
    assertEquals(
      await receive((m) => m?.type === "DOWN"),
      { type: "DOWN", ref, object: pid, reason },
    );
  }
  // Errors that are raised, and errors of Erlang.
  const down = async (code: string) => {
    await kate.evaluate(`send({:main, ${ALEX}}, spawn(fn ->
        receive do :go -> ${code} end
      end))`);
    const pid: Pid = await next();
    Process.monitor(pid);
    send(pid, atom("go"));
    return (await receive((m) => m?.type === "DOWN")).reason;
  };
  const raised = await down('raise "boom"');
  assert(raised instanceof Error);
  assertEquals([raised.name, raised.message], ["Error", "boom"]);
  const argument = await down('raise ArgumentError, "bad"');
  assert(argument instanceof Error);
  assertEquals([argument.name, argument.message], ["ArgumentError", "bad"]);
  const badarith = await down("1 / Process.get(:none, 0)");
  assert(badarith instanceof Tuple);
  assertEquals(badarith.elements[0], atom("badarith"));
  assertEquals(await down("throw(42)"), { type: "nocatch", value: 42 });
  // No process, and no name.
  await kate.evaluate(`send({:main, ${ALEX}}, spawn(fn -> :ok end))`);
  const gone: Pid = await next();
  await kate.evaluate(":timer.sleep(10)");
  Process.monitor(gone);
  assertEquals((await receive((m) => m?.type === "DOWN")).reason, "noproc");
  Process.link(gone);
  assertEquals((await receive((m) => m?.type === "EXIT")).reason, "noproc");
  const ref = Process.monitor({ name: "nobody", node: kate.name });
  assertEquals(await receive((m) => m?.type === "DOWN"), {
    type: "DOWN",
    ref,
    object: { name: "nobody", node: kate.name },
    reason: "noproc",
  });
});

elixirTest("monitors end, both ways", async ({ alex, kate, cluster }) => {
  Process.trapExit(true);
  await kate.evaluate("Process.register(self(), :driver)");
  await kate.evaluate(`{:ok, agent} = Agent.start(fn -> 1 end, name: Ag)
      send({:main, ${ALEX}}, agent)`);
  const agent: Pid = await next();
  const ended = Process.monitor(agent);
  Process.demonitor(ended);
  Process.link(agent);
  Process.unlink(agent);
  const named = Process.monitor({ name: "Ag", node: kate.name });
  const driver = Process.monitor({ name: "driver", node: kate.name });
  // Theirs, of a process and of a name of ours.
  const worker = spawn(async () => {
    await receive((m) => m === "stop");
  });
  Process.register(worker, "worker");
  send({ name: "driver", node: kate.name }, worker);
  assertEquals(
    await kate.evaluate(`w = receive do w -> w end
        ended = Process.monitor(w)
        Process.demonitor(ended, [:flush])
        by_pid = Process.monitor(w)
        by_name = Process.monitor({:worker, ${ALEX}})
        {:monitored_by, by} = :erlang.process_info(self(), :monitored_by)
        Enum.count(by, &(node(&1) == ${ALEX}))`),
    "1",
  );
  await kate.evaluate("Agent.stop(Ag)");
  assertEquals(await receive((m) => m?.type === "DOWN"), {
    type: "DOWN",
    ref: named,
    object: { name: "Ag", node: kate.name },
    reason: "normal",
  });
  send(worker, "stop");
  assertEquals(
    await kate.evaluate(`
        a = receive do {:DOWN, ^by_pid, :process, ^w, r} -> r end
        b = receive do {:DOWN, ^by_name, :process, o, r} -> {o, r} end
        {a, b, Process.info(self(), :message_queue_len)}`),
    "{:normal, {{:worker, :alex@localhost}, :normal}, {:message_queue_len, 0}}",
  );
  assertEquals(
    await kate.evaluate(`
        ref = Process.monitor({:nobody, ${ALEX}})
        receive do {:DOWN, ^ref, :process, o, r} -> {o, r} end`),
    "{{:nobody, :alex@localhost}, :noproc}",
  );
  // The loss of the node.
  await kate.evaluate(
    `send({:main, ${ALEX}}, spawn(fn -> :timer.sleep(:infinity) end))`,
  );
  const lasting: Pid = await next();
  Process.link(lasting);
  await kate.evaluate(":ok");
  await kate.kill();
  const downs = [await next(), await next()];
  assertEquals(
    downs.map(({ type, reason }) => [type, reason]).sort(),
    [["DOWN", "noconnection"], ["EXIT", "noconnection"]],
  );
  assert(downs.some(({ ref }) => driver.equals(ref)));
  assertEquals(cluster.lines(), []);
  assertEquals(Node.list("connected"), []);
  assertEquals(alex.name, "alex@localhost");
});

elixirTest("links ended during an exit leave nothing", async ({ kate }) => {
  Process.trapExit(true);
  // Each round, alex links and unlinks a process that exits at that moment, in an order that varies.
  await kate.evaluate("Process.register(self(), :driver)");
  await kate.evaluate(`spawn(fn ->
      Process.register(self(), :spawner)
      Enum.each(1..300, fn i ->
        receive do
          {:next, from} ->
            send(from, spawn(fn ->
              Process.flag(:trap_exit, rem(i, 2) == 0)
              receive do
                :go -> exit(:gone)
              end
            end))
        end
      end)
    end)`);
  let exits = 0;
  for (let i = 0; i < 300; i++) {
    send({ name: "spawner", node: kate.name }, tuple(atom("next"), self()));
    const pid: Pid = await receive((m) => m instanceof Pid);
    Process.link(pid);
    const ref = Process.monitor(pid);
    if (i % 3 === 0) send(pid, atom("go"));
    Process.unlink(pid);
    if (i % 5 === 0) Process.link(pid);
    if (i % 3 !== 0) send(pid, atom("go"));
    await receive((m) => ref.equals(m?.ref));
    // After the unlink no exit arrives, unless it was linked again.
    const after = await receive((m) => m?.type === "EXIT", {
      timeout: i % 5 === 0 ? 5000 : 0,
      after: undefined,
    });
    if (after !== undefined) exits++;
    assertEquals(after !== undefined, i % 5 === 0);
  }
  assertEquals(exits, 60);
  // Theirs: the acks let their table of links be empty.
  assertEquals(
    await kate.evaluate(`Process.flag(:trap_exit, true)
        for i <- 1..300 do
          pid = Node.spawn_link(${ALEX}, Kate, :wait, [])
          if rem(i, 3) == 0, do: Process.exit(pid, :gone)
          Process.unlink(pid)
          if rem(i, 5) == 0 do
            Process.link(pid)
            Process.exit(pid, :kill)
            receive do {:EXIT, ^pid, _} -> :ok end
          end
          Process.exit(pid, :kill)
        end
        {:links, links} = Process.info(self(), :links)
        {Enum.count(links, &(node(&1) == ${ALEX})), Process.info(self(), :message_queue_len)}`),
    "{0, {:message_queue_len, 0}}",
  );
});

elixirTest("Elixir's spawn_link runs ours", async ({ kate, output }) => {
  await kate.evaluate(`Node.spawn_link(${ALEX}, Kate, :say_name, [])`);
  await kate.printed(/Hi, my name is Kate\n/);
  assertEquals(output, []);
  await kate.evaluate(`Process.register(self(), :driver)`);
  assertMatch(
    await kate.evaluate(`
        Node.spawn(${ALEX}, Kate, :tell, [self(), {:a, "b"}])
        receive do m -> m end`),
    /^\{:a, "b"\}$/,
  );
  // Declared types: an atom and a tuple of a binary and a charlist.
  assertEquals(
    await kate.evaluate(`
        Node.spawn(${ALEX}, Kate, :greet, [self(), :moebi, {"hi", ~c"there"}])
        receive do m -> m end`),
    '%{"isText" => true, "who" => "moebi", "words" => ["hi", "there"]}',
  );
  assertEquals(
    await kate.evaluate(`Process.flag(:trap_exit, true)
        pid = Node.spawn_link(${ALEX}, Kate, :no_such, [1, :a])
        receive do {:EXIT, ^pid, r} -> r end`),
    "{:undef, [{Kate, :no_such, [1, :a], []}]}",
  );
  assertEquals(
    await kate.evaluate(`
        pid = Node.spawn_link(${ALEX}, NoModule, :f, [])
        receive do {:EXIT, ^pid, r} -> r end`),
    "{:undef, [{NoModule, :f, [], []}]}",
  );
  assertEquals(
    await kate.evaluate(`
        Node.spawn(${ALEX}, :erlang, :apply, [&Kate.tell/2, [self(), 1]])
        receive do m -> m end`),
    "1",
  );
  const refused = await kate.evaluate(`
      try do
        Node.spawn_link(${ALEX}, fn -> 1 end)
      rescue
        e -> Exception.message(e)
      catch
        kind, reason -> {kind, reason}
      end`);
  assertMatch(refused, /give module, function and arguments/);
});

elixirTest("spawnLink() runs Elixir's functions", async ({ kate, printed }) => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(kate.name, ["IO", "puts"], ["Hi, alex"]);
  await printed("Hi, alex\n");
  assertEquals(await next(), { type: "EXIT", from: pid, reason: "normal" });
  const undef = await Node.spawnLink(kate.name, ["Kate", "noSuch"], [1]);
  const { from, reason } = await next();
  assert(undef.equals(from));
  assertEquals(reason.elements[0], atom("undef"));
  const { elements } = reason.elements[1][0];
  assertEquals(elements.slice(0, 3), [
    atom("Elixir.Kate"),
    atom("no_such"),
    [1],
  ]);
  const sent = await Node.spawn(kate.name, ["erlang", "send"], [self(), 1]);
  assertEquals(sent.node, kate.name);
  assertEquals(await next(), 1);
  // A function that is verbatim, as an atom.
  await Node.spawn(kate.name, [atom("erlang"), atom("send")], [self(), 2]);
  assertEquals(await next(), 2);
  // A function there has the types that are declared for it here.
  await kate.evaluate(`defmodule Kate do
      def greet(pid, who, words), do: send(pid, {who, words})
    end`);
  await Node.spawn(kate.name, Kate.greet, [self(), "moebi", ["a", "b"]]);
  assertEquals(await next(), tuple(atom("moebi"), tuple("a", [98])));
  const error = await assertRejects(
    () => Node.spawn(kate.name, () => 1),
    TypeError,
  );
  assertMatch(error.message, /give module and function/);
  await assertRejects(() => Node.spawn(kate.name, () => 1), TypeError);
  assertEquals(Node.list("connected"), [kate.name]);
  // The same while the node is dialled: other signals that wait are sent.
  await Node.disconnect(kate.name);
  const waiting = Node.spawn(kate.name, ["erlang", "send"], [self(), 3]);
  await assertRejects(
    () => Node.spawn(kate.name, () => 1),
    TypeError,
    "give module and function",
  );
  await assertRejects(
    () => GenServer.call({ name: "any", node: kate.name }, NaN),
    TypeError,
    "NaN",
  );
  await waiting;
  assertEquals(await next(), 3);
  assertEquals(Node.list("connected"), [kate.name]);
});

/** A server whose state is the sum of its casts. */
const Counter: GenServerModule<
  { arg: number; state: number; call: [unknown, number]; cast: number }
> = {
  init: (count) => ({ type: "ok", state: count }),
  handleCall: (_request, _from, count) => ({
    type: "reply",
    reply: count,
    state: count,
  }),
  handleCast: (sum, count) => ({ type: "noreply", state: count + sum }),
};

elixirTest("calls leave no monitor, at either end", async ({ kate }) => {
  const ours = await GenServer.start(Counter, 40, { name: "Counter" }) as Pid;
  await kate.evaluate(`
      defmodule Counter do
        use GenServer
        def init(count), do: {:ok, count}
        def handle_call(:get, _, count), do: {:reply, count, count}
      end
      {:ok, c} = GenServer.start(Counter, 7, name: Counter)`);
  assertEquals(
    await kate.evaluate(`
        :abcast = GenServer.abcast([${ALEX}], Counter, 2)
        for _ <- 1..100, do: GenServer.call({Counter, ${ALEX}}, :get)
        GenServer.multi_call([node(), ${ALEX}, :none@localhost], Counter, :get)`),
    "{[kate@localhost: 7, alex@localhost: 42], [:none@localhost]}",
  );
  // A caller ends its last monitor after it has the reply.
  await until(() => Process.info(ours)!.monitoredBy.length === 0);
  const theirs = { name: "Counter", node: kate.name };
  for (let i = 0; i < 100; i++) await GenServer.call(theirs, atom("get"));
  const nodes = [Node.self(), kate.name];
  assertEquals(await GenServer.multiCall("Counter", atom("get"), { nodes }), {
    replies: [
      { node: Node.self(), reply: 42 },
      { node: kate.name, reply: 7 },
    ],
    badNodes: [],
  });
  await until(async () =>
    await kate.evaluate("Process.info(c, :monitored_by)") ===
      "{:monitored_by, []}"
  );
});

elixirTest("exits and group leaders cross", async ({ kate, printed }) => {
  // Exit signals of ours.
  await kate.evaluate(`send({:main, ${ALEX}}, spawn(fn ->
      Process.flag(:trap_exit, true)
      receive do m -> send({:main, ${ALEX}}, {:trapped, m}) end
    end))`);
  const trapping: Pid = await next();
  Process.exit(trapping, "wake_up");
  const [, message] = (await next()).elements;
  assertEquals(message, tuple(atom("EXIT"), self(), atom("wake_up")));
  // A group leader that is changed from afar: both ways.
  await kate.evaluate(`send({:main, ${ALEX}}, spawn(fn ->
      receive do :print -> IO.puts("printed by kate") end
    end))`);
  const printing: Pid = await next();
  Process.groupLeader(printing, Process.groupLeader());
  send(printing, atom("print"));
  await printed("printed by kate\n");
  const ours = spawn(async () => {
    await receive();
    await IO.puts("printed by alex");
  });
  await kate.evaluate(`Process.register(self(), :driver)`);
  send({ name: "driver", node: kate.name }, ours);
  await kate.evaluate(
    `pid = receive do p -> p end
      Process.group_leader(pid, Process.group_leader())
      send(pid, :print)`,
  );
  await kate.printed(/printed by alex\n/);
});

elixirTest("a too large message is not sent", async ({ kate }) => {
  const driver = { name: "driver", node: kate.name };
  await kate.evaluate("Process.register(self(), :driver)");
  assertThrows(
    () => void send(driver, new Uint8Array(40_000_000)),
    RangeError,
    "limits.maxMessageBytes",
  );
  // Nothing of it was written: the connection goes on.
  const bytes = new Uint8Array(20_000_000).fill(255);
  send(driver, bytes);
  assertEquals(
    await kate.evaluate("byte_size(receive do b -> b end)"),
    "20000000",
  );
});

clusterTest("send() asks to wait for Elixir, then throws", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { highWaterMark: 1 << 16, maxQueueBytes: 1 << 21 },
  });
  await using kate = await ElixirNode.start("kate", cluster);
  await alex.run(async () => {
    await Node.connect(kate.name);
    await kate.evaluate("Process.register(self(), :driver)");
    const driver = { name: "driver", node: kate.name };
    kate.signal("SIGSTOP");
    const text = "x".repeat(10_000);
    let waits = 0;
    let sent = 0;
    try {
      for (;; sent++) {
        if (send(driver, tuple(sent, text)) instanceof Promise) waits++;
        // The transport takes what the system takes.
        if (sent % 10 === 0) {
          // safe: only the error ends the loop
          await new Promise((resolve) => setTimeout(resolve));
        }
      }
    } catch (error) {
      assert(error instanceof QueueFullError, `${error}`);
      assertEquals(error.node, kate.name);
    }
    assert(waits > 0);
    kate.signal("SIGCONT");
    assertEquals(
      await kate.evaluate(`
          Enum.all?(0..${
        sent - 1
      }, fn i -> receive do {n, _} -> n == i end end)`),
      "true",
    );
    send(driver, "more");
    assertEquals(await kate.evaluate("receive do m -> m end"), '"more"');
  });
}, { programs: ELIXIR, timeout: 120_000 });
