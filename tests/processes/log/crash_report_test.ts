import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { Application } from "../../../packages/servers/application/application.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { atom, Process } from "../../../mod.ts";
import { jsonLog, type LogEvent, standardLog } from "../../../node.ts";
import {
  exit,
  makeRef,
  Pid,
  receive,
  type Ref,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import {
  NO_NODE,
  setDefaultRuntime,
} from "../../../packages/processes/runtime/default_node.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { chat, nodeFlags } from "../../_cli.ts";
import { clusterTest, freePort } from "../../_nodes.ts";
import { ended, idle, processTest, standardError } from "../../_processes.ts";
import { test } from "../../../packages/testing/tags.ts";

const events: LogEvent[] = [];
setDefaultRuntime(
  new NodeRuntime({
    node: NO_NODE,
    creation: 0,
    report: (event) => events.push({ ...event, node: NO_NODE }),
  }),
);

/** Takes the node's log. */
function told(): LogEvent[] {
  return events.splice(0);
}

/** Takes the one event of the node's log. */
function toldOnce(): LogEvent {
  const [event, ...more] = told();
  assertEquals(more, []);
  return event;
}

/** Runs code that throws in a process, and takes the event of its crash. */
async function crashOf(thrown: unknown): Promise<LogEvent> {
  const pid = spawn(() => {
    throw thrown;
  });
  await ended(pid);
  const event = toldOnce();
  assertEquals(event.crash?.pid, pid);
  return event;
}

interface CounterTypes {
  arg: unknown;
  state: { count: number };
  call: ["stop", never] | ["raise", never];
  cast: "stop";
  info: "raise";
}

const Counter: GenServerModule<CounterTypes> = {
  name: "Counter",
  init(arg) {
    if (arg === "raise") throw new Error("cannot begin");
    if (arg === "stop") return { type: "stop", reason: "bad" };
    return { type: "ok", state: { count: 1 } };
  },
  handleCall(request) {
    if (request === "raise") throw new RangeError("too far");
    return { type: "stop", reason: "bad", state: { count: 2 } };
  },
  handleCast: (_stop, state) => ({ type: "stop", reason: "bad", state }),
  handleInfo() {
    throw new RangeError("too far");
  },
};

processTest("the report of a crash has the known facts", async () => {
  const peer = idle();
  const reason = new Error("boom");
  const { pid } = spawnMonitor(async function work() {
    Process.register(self(), "worker");
    Process.link(peer);
    Process.monitor(peer);
    Process.trapExit(true);
    await receive((message) => message === "go");
    throw reason;
  });
  send(pid, "kept");
  send(pid, "go");
  await receive();
  const { level, message, crash } = toldOnce();
  assertEquals(level, "error");
  assertEquals(crash, {
    pid,
    name: "worker",
    kind: "process",
    initialCall: "work",
    reason,
    parent: self(),
    ancestors: [],
    callers: [],
    links: [peer],
    monitors: [peer],
    trapExit: true,
    messageQueueLen: 1,
  });
  assertStrictEquals(crash?.reason, reason);
  const lines = message.split("\n");
  assertEquals(lines.slice(0, 2), [
    `Process ${pid} (worker) terminating`,
    "    ** Error: boom",
  ]);
  assertEquals(lines.slice(-4), [
    "    Initial call: work",
    `    Started by: ${self()}`,
    `    Links: [${peer}]`,
    "    Messages waiting: 1",
  ]);
  Process.exit(peer, "kill");
});

processTest("the report of a crash has the process's label", async () => {
  await ended(spawn(() => {
    Process.setLabel({ room: "lobby" });
    throw new Error("oops");
  }));
  const { crash, message } = toldOnce();
  assertEquals(crash?.label, { room: "lobby" });
  assertStringIncludes(message, 'Process Label: { room: "lobby" }');
});

processTest("the log shows the causes of an error", async () => {
  const cause = new RangeError("disk full", { cause: { free: 0 } });
  const { message } = await crashOf(new Error("cannot save", { cause }));
  assertStringIncludes(
    message.replace(/^ +at .*\n/gm, ""),
    `    ** Error: cannot save
    Caused by: RangeError: disk full
    Caused by: { free: 0 }
`,
  );
  const endless = new Error("endless");
  endless.cause = endless;
  const { message: shown } = await crashOf(endless);
  assertEquals(shown.split("Caused by: ").length, 5);
});

processTest("a thrown value that is no error is a nocatch", async () => {
  const { crash, message } = await crashOf("shutdown");
  assertEquals(crash?.reason, { type: "nocatch", value: "shutdown" });
  assertStringIncludes(
    message,
    '** (exit) a value was thrown that nothing caught: "shutdown"',
  );
});

processTest("a task that exits by itself is logged, once", async () => {
  const owner = self();
  const { pid, ref } = spawnMonitor(async function own() {
    const task = Task.async(function work() {
      exit("oops");
    });
    send(owner, task.pid);
    await Task.await(task);
  });
  const task = await receive((message) => message instanceof Pid);
  await receive((message) => ref.equals(message.ref));
  const { crash, message } = toldOnce();
  assertEquals(crash?.pid, task);
  assertEquals(crash?.kind, "task");
  assertEquals([crash?.initialCall, crash?.reason], ["work", "oops"]);
  assertEquals([crash?.ancestors, crash?.callers], [[pid], [pid]]);
  assertEquals(crash?.links, [pid]);
  assertEquals(message.split("\n"), [
    `Task ${task} started from ${pid} terminating`,
    "    ** (exit) oops",
    "    Initial call: work",
    `    Ancestors: [${pid}]`,
    `    Callers: [${pid}]`,
    `    Links: [${pid}]`,
  ]);
});

processTest("tasks that exit normally or by others log nothing", async () => {
  Process.trapExit(true);
  const shutdown = { type: "shutdown", reason: "done" };
  const tasks = ["normal", "shutdown", shutdown, atom("shutdown")]
    .map((reason) => Task.async(() => exit(reason)));
  const killed = Task.async(() => receive());
  Process.exit(killed.pid, "oops");
  for (const { pid } of [...tasks, killed]) {
    await receive((m) => m?.type === "EXIT" && pid.equals(m.from));
    await receive((m) => pid.equals(m?.object));
  }
  assertEquals(told(), []);
});

processTest("a failed server's log has message, client, state", async () => {
  const pid = await GenServer.start(Counter, null, { name: "counter" });
  const calling = spawn(() => GenServer.call(pid, "stop"));
  await ended(calling);
  const { crash, message } = toldOnce();
  assertEquals(crash?.kind, "server");
  assertEquals([crash?.pid, crash?.name], [pid as Pid, "counter"]);
  assertEquals([crash?.reason, crash?.lastMessage], ["bad", "stop"]);
  assertEquals(crash?.client, calling);
  assertEquals(crash?.state, { count: 2 });
  const lines = message.split("\n");
  assertEquals(lines[0], `GenServer ${pid} (counter) terminating`);
  assertEquals(lines[1], "    ** (exit) bad");
  assert(lines.includes(`    Last message (from ${calling}): "stop"`));
  assert(lines.includes("    State: { count: 2 }"));
});

processTest("a server that throws in any callback is logged", async () => {
  const fails: [(pid: Pid) => void, last: unknown, reason: string][] = [
    [(pid) => send(pid, "raise"), "raise", "RangeError: too far"],
    [(pid) => GenServer.cast(pid, "stop"), {
      type: "$cast",
      request: "stop",
    }, "bad"],
  ];
  for (const [fail, last, reason] of fails) {
    const pid = await GenServer.start(Counter, null) as Pid;
    fail(pid);
    await ended(pid);
    const { crash } = toldOnce();
    assertEquals(crash?.lastMessage, last);
    assertEquals(crash?.state, { count: 1 });
    assertFalse("client" in crash!);
    assertEquals(String(crash?.reason), reason);
  }
});

processTest("GenServer.stop() is logged, but not with shutdown", async () => {
  for (const reason of ["normal", "shutdown", "bad"]) {
    const pid = await GenServer.start(Counter, null);
    await GenServer.stop(pid, reason);
  }
  assertEquals(toldOnce().crash?.reason, "bad");
});

processTest("a server that fails to start is logged if it throws", async () => {
  for (const arg of ["stop", "raise"]) {
    await assertRejects(() => GenServer.start(Counter, arg), ExitError);
  }
  const { crash } = toldOnce();
  assertEquals((crash?.reason as Error).message, "cannot begin");
  assertFalse("lastMessage" in crash!);
});

processTest("reports of a supervisor's children are structured", async () => {
  Process.trapExit(true);
  let starts = 0;
  const bad = {
    id: "bad",
    start: () => starts++ === 0 ? spawnLink(() => receive()) : exit("in use"),
  };
  const slow = {
    id: "slow",
    shutdown: 1,
    start: () =>
      spawnLink(() => {
        Process.trapExit(true);
        return receive(() => false);
      }),
  };
  const sup = await Supervisor.startLink([slow, bad], {
    strategy: "one_for_one",
    name: "sup",
    maxRestarts: 1,
  });
  const pids = await Supervisor.whichChildren(sup);
  const [badPid, slowPid] = pids.map(({ pid }) => pid as Pid);
  Process.exit(badPid, "oops");
  await receive((message) => sup.equals(message?.from));
  const reports = told().map(({ level, supervisor, crash }) => {
    assertEquals(crash, undefined);
    assertEquals([supervisor?.supervisor, supervisor?.name], [sup, "sup"]);
    const { error, child, reason } = supervisor!;
    return [level, error, child.id, child.pid, reason];
  });
  assertEquals(reports, [
    ["info", "child_terminated", "bad", badPid, "oops"],
    ["error", "start_error", "bad", undefined, "in use"],
    ["error", "shutdown", "bad", undefined, "reached_max_restart_intensity"],
    ["warning", "shutdown_error", "slow", slowPid, "killed"],
  ]);
});

processTest("the exit of an application is logged", async () => {
  let top: Pid | undefined;
  await Application.start({
    name: "shop",
    start: async () =>
      top = await Supervisor.startLink([], { strategy: "one_for_one" }),
  });
  const master = Process.list().find((pid) =>
    Process.info(pid)?.initialCall === "application shop"
  )!;
  Process.exit(master, "kill");
  await ended(master);
  await ended(top!);
  await Application.stop("shop").catch(() => {});
  // Its supervisor, whose parent was killed, is logged as in Elixir.
  const [supervisor, { level, application, message }] = told().sort(byKind);
  assertEquals(supervisor.crash?.reason, "killed");
  assertEquals(level, "error");
  assertEquals(application, { name: "shop", reason: "killed" });
  assertEquals(message, 'Application "shop" exited: killed');
});

function byKind(a: LogEvent, b: LogEvent): number {
  return Number(b.crash !== undefined) - Number(a.crash !== undefined);
}

/** A value with so many shared parts that formatting it would take for ever; it cannot be sent, either. */
function wide(): unknown {
  let value: unknown = 1;
  for (let i = 0; i < 12; i++) value = Array(60).fill(value);
  return value;
}

/** Values that are hard to format. */
function awkward(): unknown[] {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const get = () => {
    throw new Error("no");
  };
  const hostile = new Proxy({}, { get, getPrototypeOf: get, ownKeys: get });
  class Odd extends Error {}
  Object.defineProperties(Odd.prototype, { message: { get }, stack: { get } });
  return [
    circular,
    hostile,
    new Odd(),
    "x".repeat(100_000),
    "\x1b[31m\u0085\u202e\u2028\ud800",
    () => {},
    Symbol("s"),
    undefined,
    null,
    NaN,
    10n,
    new Date(NaN),
    new Map<unknown, unknown>([[{ a: 1 }, new Set([1])]]),
    new Uint8Array(1000),
    { toJSON: () => "lie", ["__proto__"]: 1 },
    new Error("outer", { cause: new Error("inner") }),
  ];
}

/** The output of `jsonLog` for an event: one line. */
async function logged(event: LogEvent): Promise<string> {
  const text = await standardError(() => jsonLog(event));
  assertEquals(text.indexOf("\n"), text.length - 1);
  return text;
}

test("jsonLog() writes one line of JSON with every field", async () => {
  let at: { pid: Pid; ref: Ref } | undefined;
  await ended(spawn(() => {
    at = { pid: self(), ref: makeRef() };
    const error = new TypeError("no", { cause: new Error("why") });
    throw Object.assign(error, { code: 7, at });
  }));
  const event = toldOnce();
  const line = JSON.parse(await logged(event));
  assertMatch(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals([line.level, line.node], ["error", NO_NODE]);
  assertEquals(line.message, event.message);
  const { pid, ref } = at!;
  const { node, number, creation } = pid;
  const json = { text: String(pid), node, number, creation };
  assertEquals(line.crash.pid, json);
  assertEquals(line.crash.kind, "process");
  const { reason, reasonText } = line.crash;
  assertEquals([reason.text, reason.name], ["TypeError: no", "TypeError"]);
  assertEquals(reason.message, "no");
  assertMatch(reason.stack, /^TypeError: no\n +at /);
  const { cause, code, at: place } = reason.fields;
  assertEquals([cause.message, code], ["why", 7]);
  assertEquals([place.pid, place.ref.text], [json, String(ref)]);
  assertMatch(reasonText, /an exception was raised:\n +\*\* TypeError: no/);
});

test("jsonLog() writes supervisor reports, and debug and info events", async () => {
  const pid = self();
  const text = await logged({
    level: "debug",
    node: "a@b",
    message: "hi",
    supervisor: {
      supervisor: pid,
      name: "sup",
      error: "child_terminated",
      child: { id: "a", pid, shutdown: 5000 },
      reason: { type: "nodedown", node: "c@d" },
    },
  });
  const { supervisor, level } = JSON.parse(text);
  assertEquals(level, "debug");
  assertEquals(supervisor.child.id, "a");
  assertEquals(supervisor.child.shutdown, 5000);
  assertEquals(supervisor.reason, { type: "nodedown", node: "c@d" });
  assertEquals(supervisor.reasonText, "no connection to c@d");
});

test("jsonLog() writes values that JSON lacks, and fails for no value", async () => {
  for (const value of [...awkward(), wide()]) {
    const text = await logged({
      level: "error",
      node: "\x1b[31m",
      message: "\u202e\n",
      application: { name: "shop", reason: value },
      other: value,
    } as LogEvent);
    assert(text.length < 1_000_000, `${text.length} characters are told`);
    // deno-lint-ignore no-control-regex
    assertFalse(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/.test(text));
    assertEquals(JSON.parse(text).application.name, "shop");
  }
  const values = [
    { a: [1n, NaN, atom("ok")] },
    new Map([[1, new Date(0)]]),
    { ["toJSON"]: 1, list: new Set([null]) },
  ];
  const text = await logged({
    level: "error",
    node: "",
    message: "",
    application: { name: "", reason: values },
  });
  assertEquals(JSON.parse(text).application.reason, [
    { a: ["1n", "NaN", "ok"] },
    [[1, "1970-01-01T00:00:00.000Z"]],
    { toJSON: 1, list: [null] },
  ]);
});

clusterTest("a remote task's log has its callers here", async (cluster) => {
  const crashes: LogEvent[] = [];
  const Work = {
    fail: () => exit("oops"),
    startTasks: () => TaskSupervisor.startLink({ name: "tasks" }),
  };
  const kate = await cluster.start("kate", {
    modules: { Work },
    log: (event) => {
      if (event.crash !== undefined) crashes.push(event);
    },
  });
  const alex = await cluster.start("alex", { modules: { Work } });
  const sup = await kate.run(async () => {
    const sup = await TaskSupervisor.startLink({ name: "tasks" });
    Process.unlink(sup);
    return sup;
  });
  const caller = await alex.run(async () => {
    const task = await TaskSupervisor.asyncNolink(
      { name: "tasks", node: kate.name },
      Work.fail,
    );
    await Task.yield(task);
    return self();
  });
  const [{ node, crash }] = crashes;
  assertEquals([node, crashes.length], [kate.name, 1]);
  assertEquals(crash?.initialCall, "Work.fail/0");
  assertEquals(crash?.callers, [caller]);
  assertEquals(crash?.ancestors[0], sup);
});

test("--log-format json makes a node write its log as JSON", {
  tags: ["cli"],
  timeout: 60_000,
}, async () => {
  const flags = nodeFlags("alex", freePort());
  const code =
    "spawnMonitor(() => { throw new Error('boom'); }); await receive()";
  const { stderr } = await chat([...flags, "--log-format=json", "-e", code]);
  const events = stderr.trim().split("\n").map((line) => JSON.parse(line));
  const crashes = events.filter(({ crash }) => crash !== undefined);
  assertEquals(crashes.length, 1);
  assertEquals(crashes[0].node, "alex@localhost");
  assertEquals(crashes[0].crash.reason.message, "boom");
  const text = await chat([...flags, "--log-format=text", "-e", code]);
  assertMatch(text.stderr, /^\[error\] alex@localhost: Process /m);
});

test("standardLog() writes warnings and errors in readable form", async () => {
  const event = { node: "a\x1b@b", message: "hi" };
  assertEquals(
    await standardError(() => {
      for (const level of ["debug", "info", "warning", "error"] as const) {
        standardLog({ level, ...event });
      }
    }),
    "[warning] a\\u001b@b: hi\n[error] a\\u001b@b: hi\n",
  );
});
