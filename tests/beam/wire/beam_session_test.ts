/** Nodes of this library and of Elixir: messages, links, monitors, exits, spawns and calls, both ways. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { IO } from "../../../packages/node/io/io.ts";
import {
  atom,
  beam,
  exit,
  Pid,
  Process,
  receive,
  self,
  send,
  Tuple,
  tuple,
} from "../../../mod.ts";
import { Node } from "../../../node.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import {
  type ElixirPair,
  elixirPairTest,
  nextMessage as next,
} from "../../_elixir_pair.ts";
import { clusterTest } from "../../_nodes.ts";

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
