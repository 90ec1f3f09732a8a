/** Log events and crash reports of processes whose group leader is on a node of the other kind. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Logger } from "../../../packages/servers/logger/logger.ts";
import { type LogEvent, Node } from "../../../node.ts";
import {
  Pid,
  Process,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { type Cluster, clusterTest, reasonOf } from "../../_nodes.ts";

const OPTIONS = { programs: ELIXIR, timeout: 60_000 };
const KATE = "kate@localhost";

/** A node here whose log a test reads. */
class Log {
  readonly events: LogEvent[] = [];
  #next: () => void = () => {};

  readonly hook = (event: LogEvent): void => {
    if (event.remote === undefined) return;
    this.events.push(event);
    this.#next();
  };

  /** The next event of Elixir's. */
  async next(): Promise<LogEvent> {
    while (this.events.length === 0) {
      await new Promise<void>((resolve) => this.#next = resolve);
    }
    return this.events.shift()!;
  }
}

/** Starts both nodes; all that Elixir's evaluator starts has its group leader here. */
async function pair(cluster: Cluster, log: Log): Promise<[Node, ElixirNode]> {
  const alex = await cluster.start("alex", {
    log: log.hook,
    io: { write() {} },
  });
  const kate = await ElixirNode.start("kate", cluster);
  await kate.evaluate("Process.register(self(), :evaluator)");
  await alex.run(() =>
    send({ name: "evaluator", node: kate.name }, Process.groupLeader())
  );
  await kate.evaluate(`
    leader = receive do pid when is_pid(pid) -> pid end
    Process.group_leader(self(), leader)
    Process.flag(:trap_exit, true)`);
  return [alex, kate];
}

clusterTest("Elixir's log events arrive at their leader", async (cluster) => {
  const log = new Log();
  const [, node] = await pair(cluster, log);
  await using kate = node;
  for (
    const [code, level, text] of [
      [`Logger.error("it fäiled")`, "error", "it fäiled"],
      [`Logger.warning(["in ", ~c"parts", [?!]])`, "warning", "in parts!"],
      [`Logger.info("news")`, "info", "news"],
      [`Logger.debug("detail")`, "debug", "detail"],
      [`Logger.critical("loud")`, "error", "loud"],
      [`:logger.notice("notice")`, "info", "notice"],
      [
        `:logger.error("~p failed: ~ts", [{:a, "b"}, "é"])`,
        "error",
        `{a,<<"b">>} failed: é`,
      ],
      [`:logger.error("~p", [])`, "error", `FORMAT ERROR: "~p" - []`],
      [`:logger.error(%{what: :broken, count: 2})`, "error", /what.*:broken/s],
      [`:error_logger.error_msg(~c"old ~w~n", [1])`, "error", "old 1"],
    ] as [string, string, string | RegExp][]
  ) {
    const pid = await kate.evaluate(`require Logger; ${code}; self()`);
    const event = await log.next();
    const { remote, message } = event;
    assertEquals([event.level, event.node], [level, "alex@localhost"], code);
    assertEquals([remote?.node, remote?.pid?.node], [KATE, KATE]);
    assertStringIncludes(message, "From kate@localhost, #PID<", code);
    if (text instanceof RegExp) assertMatch(message, text);
    else assertStringIncludes(message, `: ${text}`, code);
    assert(pid.startsWith("#PID<"));
  }
}, OPTIONS);

clusterTest("Elixir's crash reports arrive at the leader", async (cluster) => {
  const log = new Log();
  const [, node] = await pair(cluster, log);
  await using kate = node;
  await kate.evaluate(`
      defmodule Kate.Crash do
        use GenServer
        def init(state), do: {:ok, state}
        def handle_call(:boom, _from, _state), do: raise "boom"
        def run(_), do: raise ArgumentError, "bad task"
      end`);
  const first = async (code: string): Promise<LogEvent> => {
    await kate.evaluate(code);
    return await log.next();
  };
  const server = await first(`
      {:ok, pid} = GenServer.start(Kate.Crash, %{n: 1}, name: Kate.Crash)
      try do GenServer.call(pid, :boom) catch :exit, _ -> :exited end`);
  assertEquals(server.level, "error");
  assertMatch(
    server.message,
    /GenServer Kate.Crash terminating\n.*boom.*Last message \(from #PID<.*\): :boom\n.*State: /s,
  );
  const crash = await log.next();
  assertMatch(
    crash.message,
    / \(Kate.Crash\) terminating\n.*Initial Call: Kate.Crash.init\/1.*Ancestors: \[:evaluator\]/s,
  );
  const task = await first(`{:ok, _} = Task.start(Kate.Crash, :run, [1]); :ok`);
  assertMatch(
    task.message,
    / started from :evaluator terminating\n.*bad task.*Args: \[1\]/s,
  );
  log.events.length = 0;
  const plain = await first(`spawn(fn -> raise "plain" end); :ok`);
  assertMatch(plain.message, /rror in process <.*plain/s);
  for (const event of [server, crash, task, plain]) {
    assertEquals(event.remote?.node, "kate@localhost");
    // No line can be mistaken for an event of its own.
    assert(
      event.message.split("\n").slice(1).every((line) =>
        line.startsWith("    ")
      ),
      event.message,
    );
  }
  const child = await first(`
      {:ok, _} = Supervisor.start_link([%{id: :flaky, start: {Task, :start_link, [Kate.Crash, :run, [2]]}}], strategy: :one_for_one, max_restarts: 0)
      :ok`);
  let event = child;
  while (!event.message.includes("of Supervisor")) event = await log.next();
  assertStringIncludes(event.message, "Child :flaky of Supervisor ");
}, OPTIONS);

clusterTest("a peer's log events neither flood nor forge", async (cluster) => {
  const log = new Log();
  const lines: string[] = [];
  const alex = await cluster.start("alex", {
    allowObserve: true,
    log: (event) => {
      log.hook(event);
      lines.push(event.message);
    },
  });
  await using kate = await ElixirNode.start("kate", cluster);
  await kate.evaluate(`
      to = {:logger_proxy, :"alex@localhost"}
      meta = %{pid: self(), gl: self(), time: 0}`);
  for (
    const message of [
      `{:log, :error, "\\e[2Jclear\\nfake [error] line\\r\\u202e", meta}`,
      `{:log, :error, "~999999999c", [97], meta}`,
      `{:log, :error, String.duplicate("x", 1_000_000), meta}`,
      `{:log, :error, %{label: {:gen_server, :terminate}}, meta}`,
      `{:log, :error, %{label: {:proc_lib, :crash}, report: [1]}, meta}`,
      `{:log, :error, %{label: {:supervisor, :x}, report: :y}, meta}`,
      `{:log, :error, [{1, 2}, 3], %{}}`,
      `{:log, :error, "no meta", :none}`,
    ]
  ) {
    await kate.evaluate(`send(to, ${message})`);
    const { message: text } = await log.next();
    assert(text.length < 20_000, message);
    // deno-lint-ignore no-control-regex
    assert(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(text), message);
    assert(
      text.split("\n").slice(1).every((line) => line.startsWith("    ")),
      message,
    );
  }
  await kate.evaluate(`
      for message <- [:log, {:log}, {:log, :none, "x", meta}, {:log, 1, "x", meta}, {:log, :error, 1}, {}, [1],
                      {:log, :error, 1, 2, 3, 4}, {:"$gen_cast", 1}] do
        send(to, message)
      end
      for i <- 1..2000, do: send(to, {:log, :error, "event #{i}", meta})
      send(to, {:log, :error, "~p", [:last], meta})`);
  await kate.evaluate(
    `for i <- 1..2000, do: send(to, {:log, :error, "made up", %{pid: :erlang.list_to_pid(~c"<0.1.0>")}})`,
  );
  // The proxy answers after it has handled all events.
  await kate.evaluate(":sys.get_state(to)");
  await alex.stop();
  assert(lines.length < 150, `${lines.length} lines`);
  assert(
    lines.some((line) => /more of these: .*kate@localhost/.test(line)),
    lines.at(-1),
  );
}, OPTIONS);

const Work = {
  crash: () => {
    throw new RangeError("oops");
  },
  throwLarge: () => {
    throw "x".repeat(1_000_000);
  },
  log() {
    Logger.info("below the level");
    Logger.warning("few are left", { count: 2 });
  },
  async logFor(leader: Pid) {
    Process.groupLeader(self(), leader);
    await Promise.resolve();
    Logger.warning("for nobody");
  },
};

clusterTest("log events of spawned processes arrive too", async (cluster) => {
  const events: LogEvent[] = [];
  const alex = await cluster.start("alex", {
    modules: { Work },
    log: (event) => void events.push(event),
    logLevel: "warning",
  });
  const moebi = await cluster.start("moebi");
  await using kate = await ElixirNode.start("kate", cluster);
  await kate.evaluate(`
      defmodule Handler do
        def log(%{meta: %{node: _} = meta} = event, %{config: %{to: to, leader: leader}}) do
          {:string, text} = event.msg
          send(to, {event.level, to_string(text), node(meta.pid), meta.gl == leader, is_integer(meta.time), meta.node})
        end
        def log(_, _), do: :ok
      end
      :ok = :logger.add_handler(:test, Handler, %{config: %{to: self(), leader: Process.group_leader()}})
      run = fn name, args -> Node.spawn(:alex@localhost, Work, name, args); receive do x -> x end end`);
  const facts = ":alex@localhost, true, true, :alex@localhost}";
  assertEquals(
    await kate.evaluate("run.(:log, [])"),
    `{:warning, "few are left count=2", ${facts}`,
  );
  const crash = await kate.evaluate("run.(:crash, [])");
  assertMatch(
    crash,
    /^\{:error, "From alex@localhost: Process #PID<0\.\d+\.0> terminating\\n {4}\*\* RangeError: oops\\n/,
  );
  assertMatch(crash, /\(beam_log_test\.ts:\d+:\d+\)/);
  assert(!crash.includes("file:") && crash.endsWith(facts), crash);
  const large = await kate.evaluate("run.(:throw_large, [])");
  assert(large.length < 20_000, `${large.length}`);
  // One for a node that speaks another wire, or for none, is in the log here only.
  await alex.run(async () => {
    await Node.connect(moebi.name);
    const nowhere = new Pid("nowhere@localhost", 1, 1);
    const other = await moebi.run(() => self());
    for (const leader of [other, nowhere]) {
      await reasonOf(spawn(() => Work.logFor(leader)));
    }
  });
  assertEquals(events.map(({ message }) => message.slice(0, 12)), [
    "few are left",
    "Process #PID",
    "Process #PID",
    "for nobody",
    "for nobody",
  ]);
  assertEquals(
    await kate.evaluate(
      "run.(:log, []); Process.info(self(), :message_queue_len)",
    ),
    "{:message_queue_len, 0}",
  );
}, OPTIONS);
