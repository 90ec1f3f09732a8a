/** The shell's hints on Elixir's names and syntax, and its commands: `i`, `v`, `pid` and `top`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  Process,
  receive,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { inspect } from "../../packages/processes/values/inspect.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import { Node } from "../../node.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import {
  cancelRun,
  entities,
  entity,
  release,
  retryRun,
  runs,
} from "../../packages/shell/entity_commands.ts";
import { top } from "../../packages/shell/observe_commands.ts";
import { chat, nodeFlags, pipe, shellTest, slowShellTest } from "../_cli.ts";
import { clusterTest } from "../_nodes.ts";
import { quiet } from "../_processes.ts";
import { freePort } from "../../packages/testing/_ports.ts";

/** Lines that fail, and the hint that follows the error. */
const HINTS: [line: string, hint: string | undefined][] = [
  ["spawn_link(() => 1)", "Did you mean spawnLink?"],
  ["trap_exit(true)", "Did you mean Process.trapExit?"],
  ["monitor(self())", "Did you mean Process.monitor?"],
  ["slef()", "Did you mean self?"],
  ["Proces.list()", "Did you mean Process?"],
  ["Node.spawn_link('a@b', () => 1)", "Did you mean Node.spawnLink?"],
  ["1 + Process.group_leader().number", "Did you mean Process.groupLeader?"],
  ["await Gen_server.start_link({})", "Did you mean GenServer?"],
  ["GenServer.start_link({}, [])", "Did you mean GenServer.startLink?"],
  ["Task.Supervisor.start_link()", "Did you mean TaskSupervisor?"],
  ["Process.puts('a')", "Did you mean IO.puts?"],
  ["IO.inspekt(1)", "Did you mean IO.inspect?"],
  ["'spawn_link'.missing()", undefined],
  ["const mine = {}; mine.spawn()", "Did you mean spawn?"],
  ["Enum.map([1], (n) => n)", "Arrays have map, filter, reduce and more"],
  ["nil", "undefined or null is nil here"],
  ["send(self(), :hi)", 'Write "hi" for the atom :hi'],
  ["{:ok, 1}", 'Write "ok" for the atom :ok'],
  ["spawn(fn -> 1 end)", "A function is (x) => x + 1 here"],
  ["[1] |> IO.inspect()", "There is no |> here: write g(f(x))"],
  ["%{a: 1}", "A map is an object here"],
  ["receive do x -> x end", "Messages are received by await receive()"],
  ["if a do 1 end", "Blocks are in braces here"],
  ["Node.alive?", "Names have no ? here: alive()"],
  ["'a' <> 'b'", "Texts are joined by +"],
  ["throw new Error('spawn_link')", undefined],
  ["nothing", undefined],
  ["const x = ;", undefined],
  ["c('kate.ts')", "start with --module Kate=./kate.ts"],
  ["b(GenServer)", "h(GenServer) lists the functions"],
  ["b + 1", undefined],
  ["$p1 = spawn(() => {})", "Declare it first: const $p1 = …"],
  ["other == 1", undefined],
  ['IO.puts "hi"', 'Arguments are in parentheses here: IO.puts("hi")'],
  ["h Node", "Arguments are in parentheses here: h(Node)"],
  ["h Node.list/0", "Arguments are in parentheses here: h(Node.list)"],
  ["h Enum.map/2", "Arrays have map, filter, reduce and more"],
  ["i 1", "Arguments are in parentheses here: i(1)"],
  ["v 1", "Arguments are in parentheses here: v(1)"],
  ["Node.connect :a@b", 'parentheses here: Node.connect("a@b")'],
  ["IO.inspect :ok", 'Arguments are in parentheses here: IO.inspect("ok")'],
  ["h :erlang", 'Write "erlang" for the atom :erlang'],
  ['c "kate.ts"', "start with --module Kate=./kate.ts"],
  ["constructor 1", undefined],
  ["nothing 1", undefined],
  ["import Enum", 'Load a module by import * as Kate from "./kate.ts"'],
  ["alias Foo.Bar", 'Load a module by import * as Kate from "./kate.ts"'],
  ['Node.connect(:"a@b")', "An atom is a text here"],
  ["[head | tail] = [1, 2]", "Write const [head, ...tail] = …"],
  ["{a, b} = {1, 2}", "Write const [a, b] = …"],
  ["~w(a b)", "There are no sigils here"],
  [":rpc.call('a@b', 1)", "Write rpc.call(…) for :rpc.call(…)"],
  [":timer.sleep(1)", "Erlang's modules are not here"],
  ["[1] ++ [2]", "Lists are joined by [...a, ...b]"],
  ["1..10", "There are no ranges here"],
  ["true and false", "It is a && b"],
  ['raise "no"', "It is throw new Error(…) here"],
  ["is_pid(self())", "Types are tested by typeof"],
  ["hd([1])", "The first item is list[0] here"],
  ["help", "h() says what this shell can do"],
  [".exit", "h() says what this shell can do; Ctrl-D leaves"],
  ["var a 5", "A value comes after =: var a = …"],
  ["?", "h() says what this shell can do"],
  ["export const z = 1", "Names at the prompt need no export"],
  ['print("x")', "It is IO.puts"],
  ["npm install x", "Commands of the system go to another terminal"],
  ["ls", "Commands of the system go to another terminal"],
  ["require('fs')", 'Load a module by import fs from "node:fs"'],
];

shellTest("an error hints at the likely intention", async () => {
  const lines = HINTS.flatMap(([line], index) => [
    line,
    `await Process.sleep(0), console.error("-- ${index}")`,
  ]);
  const { stderr } = await pipe(lines);
  const said = stderr.split(/-- \d+\n/);
  HINTS.forEach(([line, hint], index) => {
    const [error, ...rest] = said[index].trimEnd().split("\n");
    assertMatch(error, /^\*\* \(\w+\) /, line);
    if (hint === undefined) assertEquals(rest, [], line);
    else assert(rest.length === 1 && rest[0].includes(hint), said[index]);
  });
});

slowShellTest("--eval prints the hints too", async () => {
  const { code, stderr } = await chat(["-e", "1", "-e", "spawn_link(() => 1)"]);
  assertEquals(code, 1);
  assertEquals(
    stderr,
    "** (ReferenceError) spawn_link is not defined\n    Did you mean spawnLink?\n",
  );
});

shellTest("a mistake at the prompt gets a hint", async () => {
  const { stdout } = await pipe([
    "self",
    "Node.list",
    "Task.Supervisor",
    "const f = (n: number) => n",
    "f",
    "Node",
    "Math.max",
    "[self]",
    "v -1",
    "i [1]",
    "NaN",
    'IO.puts("a #{1}")',
  ]);
  assertEquals(stdout.split("\n"), [
    "#Function<self>",
    "    self is a function: self() calls it",
    "#Function<list>",
    "    Node.list is a function: Node.list() calls it",
    "undefined",
    "    Did you mean TaskSupervisor?",
    "undefined",
    "#Function<f>",
    "    f is a function: f(…) calls it",
    "#Class<Node>",
    "#Function<max>",
    "[#Function<self>]",
    "NaN",
    "    Arguments are in parentheses here: v(-1)",
    "undefined",
    "    Arguments are in parentheses here: i([1])",
    "NaN",
    "a #{1}",
    '"ok"',
    '    Values are put into texts in backticks here: `${1}` for "#{1}"',
    "",
  ]);
});

shellTest("spawn, spawnLink and exit are in scope", async () => {
  const { stdout, stderr } = await pipe([
    "const pid = spawn(() => receive()), other = spawnLink(() => receive()); [Process.alive(pid), Process.info(self()).links.length]",
    "const watch = spawnMonitor(() => exit('done')); (await receive()).reason",
    "Process.monitor(pid); Process.exit(pid, 'kill'); await receive(); Process.alive(pid)",
  ]);
  assertEquals([stderr, stdout], ["", '[true, 1]\n"done"\nfalse\n']);
});

shellTest("v() returns the values of earlier lines", async () => {
  const { stdout, stderr } = await pipe([
    "'one'",
    "nothing",
    "v()",
    "v(1) + v(-1)",
    "undefined",
    "v(-1) === undefined && v(4)",
    "v(2)",
    "v('a')",
  ]);
  assertEquals(stdout, '"one"\n"one"\n"oneone"\nundefined\n"oneone"\n');
  assertEquals(stderr.split("\n").slice(1), [
    "** (RangeError) Cannot tell the value of line 2: the last 20 values are kept, of the lines 1, 3, 4, 5, 6",
    '** (TypeError) Cannot tell the value of line "a": give its number, as in v(3), or v(-1) for the last',
    "",
  ]);
  const many = await pipe([
    ...Array.from({ length: 25 }, (_, index) => `${index + 1}`),
    "v(6)",
    "v(5)",
  ]);
  assert(many.stdout.endsWith("\n25\n6\n"));
  assertMatch(many.stderr, /Cannot tell the value of line 5: the last 20/);
});

shellTest("pid() returns the pid with the printed form", async () => {
  const { stdout, stderr } = await pipe([
    "const [, number] = String(self()).split('.'); pid(`0.${number}.0`).equals(self()) && pid(0, Number(number), 0).equals(self()) && pid(String(self())).equals(self())",
    "pid('0.105')",
    "pid('7.105.0')",
  ]);
  assertEquals(stdout, "true\n");
  assertEquals(
    stderr,
    '** (TypeError) Cannot make a pid of "0.105": give what is printed of one, as in pid("0.105.0") or pid(0, 105, 0)\n** (RangeError) Cannot make a pid of "7.105.0": no pid of a node with the number 7 has been printed here\n',
  );
});

slowShellTest("i() describes a value, top() lists processes", async () => {
  const { stdout, stderr } = await pipe([
    'i("text")',
    "i([1, 2])",
    'const busy = spawn(() => receive((m) => m === "never")); Process.register(busy, "busy"); for (const n of [1, 2, 3]) send(busy, n)',
    "i(busy)",
    "top()",
    'top("rate")',
    'top("size")',
    "h(top)",
  ]);
  assert(
    stdout.startsWith('Value\n  "text"\nType\n  string\nLength\n  4\nValue\n'),
  );
  assertMatch(
    stdout,
    /\nAlive\n {2}true\nName\n {2}busy\n[^]*Messages\n {2}3\n/,
  );
  assertMatch(
    stdout,
    /\npid +name or call +kind +messages +bytes +msgs\/s\n#PID<0\.\d+\.0> +busy +process +3 +\d+ +0\n/,
  );
  assertMatch(stdout, /top\(by: [^]*?\n\n {2}Shows the ten processes/);
  assertMatch(stderr, /Cannot sort the processes by "size": give "messages"/);
});

clusterTest(
  "runs(), cancelRun() and retryRun() show and change runs of durable methods",
  async (cluster) => {
    let shown = "";
    const io = { write: (text: string) => void (shown += text) };
    const alex = await cluster.start("alex", { io });
    const Tea = Entity.define("tea", {
      state: () => 0,
      durable: {
        async brew(tea) {
          await tea.step("boil", () => {
            throw new Error("no water");
          }, { retry: { attempts: 0 } });
        },
      },
    });
    await alex.run(async () => {
      const types = [Tea];
      const pid = await Entities.startLink({ types, store: memoryStore() });
      await runs("tea", "green");
      const run = await Tea.get("green").brew();
      await run.result().catch(() => {});
      await runs("tea", "green");
      assertEquals(await retryRun("tea", "green", run.id), "ok");
      await run.result().catch(() => {});
      assertEquals(await cancelRun("tea", "green", run.id), "ok");
      assertEquals(await cancelRun("tea", "green", run.id), "not_open");
      assertEquals(await retryRun("tea", "green", run.id), "not_failed");
      await runs("tea", "green");
      assertEquals(
        shown.replaceAll(run.id, "ID").replaceAll(/\d{4}-\S+Z/g, "NOW"),
        `There are no runs
ID  brew: failed, 0 steps, since NOW
  Error: no water
ID  brew: cancelled, 0 steps, since NOW
`,
      );
      await GenServer.stop(pid);
    });
  },
);

clusterTest(
  "entities(), entity() and release() show and release entities of another node",
  async (cluster) => {
    let shown = "";
    const io = { write: (text: string) => void (shown += text) };
    const kate = await cluster.start("kate", { allowObserve: true });
    const alex = await cluster.start("alex", { io });
    const Room = Entity.define("room", {
      state: () => ({ members: [] as string[] }),
      join: (room, user: string) => void room.state.members.push(user),
      crash() {
        throw new RangeError("out of chairs");
      },
    }, { maxRestarts: 0 });
    await kate.run(async () => {
      const pid = await Entities.startLink({
        types: [Room],
        store: memoryStore(),
        shards: 4,
      });
      await Room.get("r1").join("a");
      await Room.get("r2").crash().catch(() => {});
      const room = await Room.get("r1").pid();
      const seen = await alex.run(() => inspect(room));
      await alex.run(async () => {
        const on = { node: kate.name };
        await Node.connect(kate.name);
        await entities(on);
        await entity("room", "r1", on);
        await entity("room", "r2", on);
        await entity("hall", "r1", on);
        await entities();
        assertEquals(await release("room", "r2"), "ok");
        assertEquals(await release("room", "r2"), "not_parked");
      });
      assertEquals(
        shown.replaceAll(/room\/\d/g, "room/N"),
        `Entities: serves, 0 calls wait
type  in memory  parked  late alarms  shards here
room          1       1            0            4
owner           shards
kate@localhost       4
parked: room "r2", last for RangeError: out of chairs
Owner
  kate@localhost, of the shard room/N with the epoch 1
Process
  ${seen}
State
  { members: ["a"] }
Owner
  kate@localhost, of the shard room/N with the epoch 1
Process
  none on that node
State in the store
  none
Parked
  RangeError: out of chairs
The node has no entities of type hall
There are no entities
`,
      );
      await GenServer.stop(pid);
    });
  },
);

clusterTest("top() sorts by the last moment's messages", async (cluster) => {
  let shown = "";
  const io = { write: (text: string) => void (shown += text) };
  const alex = await cluster.start("alex", { io });
  await alex.run(async () => {
    using time = new FakeTime();
    const names = ["first", "second", "third"];
    const pids = names.map((name) => {
      const pid = spawn(() => receive((m) => m === "end"));
      Process.register(pid, name);
      return pid;
    });
    const sendAll = (...counts: number[]) =>
      pids.forEach((pid, i) => {
        for (let n = 0; n < counts[i]; n++) send(pid, n);
      });
    sendAll(90, 60, 30);
    const done = top("rate");
    await quiet();
    sendAll(10, 30, 20);
    await time.tickAsync(500);
    await done;
    assertEquals(shown.match(/first|second|third/g), [
      "second",
      "third",
      "first",
    ]);
    for (const pid of pids) send(pid, "end");
  });
});

shellTest("tree() draws supervisors and restarts", async () => {
  const { stdout } = await pipe([
    "tree()",
    'const sup = await Supervisor.startLink([{ id: "worker", start: () => spawnLink(() => receive()) }, TaskSupervisor.childSpec({ name: "Tasks" })], { strategy: "one_for_one", name: "Top" })',
    "const [, { pid: first }] = await Supervisor.whichChildren(sup)",
    'const down = Process.monitor(first); Process.exit(first, "boom"); await receive((m) => m.ref === down || down.equals(m.ref)); await Supervisor.whichChildren(sup); 1',
    "tree()",
    'await Supervisor.terminateChild(sup, "worker"); tree()',
  ]);
  assertMatch(
    stdout,
    /\nTop, supervisor, #PID<0\.\d+\.0>\n├─ worker: .*, process, #PID<0\.\d+\.0>, restarted once, last for .*boom.*\n└─ Tasks, supervisor, #PID<0\.\d+\.0>\n/,
  );
  assertMatch(stdout, /\n├─ worker.*, not running/);
});

shellTest("trace() prints messages up to its limit", async () => {
  const { stdout, stderr } = await pipe([
    'const echo = spawn(async () => { for (;;) send((await receive()).from, "back\\u001b[31m") })',
    "let isOver = false; const tracing = trace(echo, { limit: 4 }); tracing.then(() => isOver = true); while (!isOver) { send(echo, { from: self() }); await receive() }; await tracing",
    "trace(pid(0, 1000, 0))",
    'trace("echo")',
  ]);
  assertMatch(
    stdout,
    /Tracing #PID<0\.\d+\.0>: 4 messages, 60 s at most\n(\d\d:\d\d:\d\d\.\d{3} (<- \{ from: .*|-> #PID.*: "back\\u001b\[31m")\n){4}The trace ends after 4 messages\n/,
  );
  assertMatch(
    stderr,
    /^\*\* \(\w+\) Cannot trace #PID<0\.1000\.0>: there is no such process.*\n\*\* \(TypeError\) Cannot trace the process "echo": give a pid.*\n$/,
  );
});

slowShellTest("i() of a pid of another node asks that node", async () => {
  const port = freePort();
  const { stdout, stderr } = await pipe([
    `const kate = await import("${
      new URL("./_node_info.ts", import.meta.url).href
    }").then(({ start }) => start(${port}))`,
    "const there = await Node.spawn('kate@localhost', ['Remote', 'waitFor'])",
    "pid(String(there)).equals(there)",
    "i(there)",
    "(await Process.info(there, { remote: true })).initialCall",
    "await kate.stop()",
    "while (Node.list('connected').length > 0) await Process.sleep(5)",
    "i(there)",
  ], nodeFlags("alex", port));
  assertMatch(stderr, /^\[warning\] alex@localhost: Cannot connect[^\n]*\n$/);
  assertMatch(
    stdout,
    /\ntrue\n[^]*Node\n {2}kate@localhost\nAlive\n {2}true\n[^]*"Remote.waitFor\/0"\n[^]*Process\n {2}Cannot call Process\.info\/1 on kate@localhost: there is no connection/,
  );
});
