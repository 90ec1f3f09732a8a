/**
 * Every public function, with a wrong value in each position: it fails with an error of the library that
 * names the operation, or accepts the value as documented; an error of JavaScript's own ("Cannot read
 * properties of undefined") never appears.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as library from "../mod.ts";
import {
  Agent,
  Application,
  atom,
  DynamicSupervisor,
  flush,
  GenServer,
  global,
  IO,
  isDown,
  isExit,
  isReply,
  Logger,
  makeRef,
  Node,
  pg,
  Process,
  receive,
  Registry,
  rpc,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../mod.ts";
import * as Chat from "../chat/mod.ts";
import { Cluster as Formation } from "../cluster.ts";
import type { Topology } from "../cluster.ts";
import config from "../deno.json" with { type: "json" };
import { DEFAULT_LIMITS } from "../distribution/wire.ts";
import { Dashboard } from "../observe/dashboard/dashboard.ts";
import { health } from "../observe/health.ts";
import { logtapeLog } from "../observe/logtape.ts";
import { metrics } from "../observe/metrics.ts";
import { Observer } from "../observe/observer.ts";
import { Telemetry } from "../observe/telemetry.ts";
import { TaskPool } from "../task_pool.ts";
import { PartitionSupervisor } from "../partition_supervisor.ts";
import { Workers } from "../workers.ts";
import { nodeFlags } from "../cli/node_flags.ts";
import * as testing from "../testing/mod.ts";
import { clusterTest } from "./_nodes.ts";

/** Wrong values, by the names that the table uses. */
const WRONG: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  one: () => 1,
  negative: () => -1,
  fraction: () => 1.5,
  NaN: () => NaN,
  true: () => true,
  empty: () => "",
  text: () => "text",
  object: () => ({}),
  list: () => [],
  promise: () => Promise.resolve(),
  function: () => () => {},
  pid: () => self(),
  ref: () => makeRef(),
  symbol: () => Symbol("s"),
};

type Label = keyof typeof WRONG;

/** The otherwise wrong values that a position accepts. */
type Takes = "any" | readonly Label[];

interface Row {
  fn: (...args: never[]) => unknown;
  /** Valid arguments, created anew for each call. */
  args: () => unknown[] | Promise<unknown[]>;
  /** The accepted values by position; others must be rejected. */
  takes?: Record<number, Takes>;
  /** Options by position: the accepted values of each field. All fields are listed, and no others are taken. */
  fields?: Record<number, Record<string, Takes>>;
  /** The names of options whose values another row tries, by position. */
  names?: Record<number, readonly string[]>;
  /** The positions of objects whose keys the user chooses. */
  free?: readonly number[];
  /** The cases that are not tried, as `position.field label`. */
  skip?: readonly string[];
}

const ANY = "any";
const TIMEOUT: Takes = ["undefined", "one", "fraction"];
const COUNT: Takes = ["undefined", "one"];
/** A signal, and a deadline, which may have passed. */
const CANCEL: Record<string, Takes> = {
  signal: ["undefined"],
  deadline: ["undefined", "one", "negative", "fraction"],
};
const WAIT: Record<string, Takes> = { timeout: TIMEOUT, ...CANCEL };
const INSPECTED: Record<string, Takes> = {
  width: COUNT,
  limit: COUNT,
  depth: COUNT,
  printableLimit: COUNT,
};
const FLAG: Takes = ["undefined", "true"];
const FN: Takes = ["function"];
const TEXT: Takes = ["empty", "text"];
const OPTIONAL_TEXT: Takes = ["undefined", "empty", "text"];
const OPTIONS: Takes = ["undefined", "object", "function"].filter((each) =>
  each !== "function"
);
const ARGS: Takes = ["undefined", "list"];
const SERVER: Takes = ["pid", "empty", "text"];

const idle = () => receive(() => false);
const spawned = () => spawn(idle);

const Server = {
  name: "Server",
  init: (state: unknown) => ({ type: "ok", state } as const),
  handleCall: (reply: unknown, _from: unknown, state: unknown) => (
    { type: "reply", reply, state } as const
  ),
  handleCast: (_request: unknown, state: unknown) => (
    { type: "noreply", state } as const
  ),
};
let made = 0;
/** A number that no other value here has. */
const fresh = () => ++made;
const start = () => GenServer.start(Server, 0);
const agent = () => Agent.start(() => 0);
const supervisor = () =>
  Supervisor.startLink([
    { id: "child", start: () => spawnLink(idle) },
  ], { strategy: "one_for_one" });
const dynamic = () => DynamicSupervisor.startLink();
const tasks = () => TaskSupervisor.startLink();
const child = () => ({ id: "b", start: () => spawnLink(idle) });
const partitioned = () => ({
  name: `Partitions${fresh()}`,
  childSpec: child(),
  partitions: 1,
});
const partitions = async () => {
  const options = partitioned();
  await PartitionSupervisor.startLink(options);
  return options.name;
};
const PARTITIONED: Record<string, Takes> = {
  name: ["text"],
  childSpec: [],
  partitions: ["undefined", "one"],
  strategy: ["undefined"],
  withArguments: ["undefined"],
};
const application = () => ({
  name: `app${fresh()}`,
  start: supervisor,
});

async function registry(keys: "unique" | "duplicate" = "unique") {
  const name = `Registry${fresh()}`;
  await Registry.startLink({ keys, name });
  return name;
}

async function scope() {
  const name = `scope${fresh()}`;
  await pg.start(name);
  return { scope: name };
}

const taskPool = async () =>
  TaskPool.startLink({ group: "g", waitForNode: 0, ...await scope() });

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

const STREAM = {
  maxConcurrency: COUNT,
  ordered: FLAG,
  timeout: TIMEOUT,
  onTimeout: ["undefined"],
  zipInputOnExit: FLAG,
  args: ARGS,
  ...CANCEL,
} as const;
const INTENSITY = {
  maxRestarts: COUNT,
  maxSeconds: COUNT,
} as const;
const CHILD = {
  id: OPTIONAL_TEXT,
  restart: ["undefined"],
  shutdown: ["undefined", "one", "fraction"],
  type: ["undefined"],
  significant: ["undefined"],
} as const;
const NAME: Takes = ["undefined", "text"];
/** The fields of a dashboard: port 1 cannot be had, and is tried by its own tests. */
const PAGE: Record<string, Takes> = {
  port: ["undefined", "one"],
  host: ["undefined"],
  write: FLAG,
  name: ["undefined", "text"],
};
const POOL = {
  scope: OPTIONAL_TEXT,
  maxQueue: COUNT,
  waitForNode: TIMEOUT,
  maxRuns: COUNT,
} as const;
/** Any value but these can be a group. */
const GROUPS: Takes = Object.keys(WRONG).filter((label) =>
  !["undefined", "promise", "function", "symbol"].includes(label)
);

const GROUPS_OR_NONE: Takes = ["undefined", ...GROUPS];

const WORKERS: Record<string, Takes> = {
  module: [],
  moduleName: OPTIONAL_TEXT,
  count: ["undefined", "one"],
  nodeName: ["undefined", "text"],
  // A port.
  port: ["undefined", "one"],
  answerTimeout: TIMEOUT,
  startTimeout: TIMEOUT,
  shutdown: TIMEOUT,
  name: OPTIONAL_TEXT,
  maxRestarts: ["undefined", "one"],
  maxSeconds: ["undefined", "one"],
};

const stream = (...args: unknown[]) =>
  all(Task.asyncStream(...args as Parameters<typeof Task.asyncStream>));
const supervisedStream = (...args: unknown[]) =>
  all(TaskSupervisor.asyncStream(
    ...args as Parameters<typeof TaskSupervisor.asyncStream>,
  ));
const supervisedStreamNolink = (...args: unknown[]) =>
  all(TaskSupervisor.asyncStreamNolink(
    ...args as Parameters<typeof TaskSupervisor.asyncStreamNolink>,
  ));

const TABLE: Record<string, Row> = {
  // Process
  "Process.alias": {
    fn: Process.alias,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: { reply: FLAG } },
  },
  "Process.alive": {
    fn: Process.alive,
    args: () => [self()],
    takes: { 0: ["pid"] },
  },
  "Process.callers": { fn: Process.callers, args: () => [] },
  "Process.cancelTimer": {
    fn: Process.cancelTimer,
    args: () => [makeRef(), {}],
    takes: { 0: ["ref"], 1: OPTIONS },
    fields: { 1: { async: FLAG, info: FLAG } },
  },
  "Process.delete": {
    fn: Process.delete,
    args: () => ["key"],
    takes: { 0: ANY },
  },
  "Process.demonitor": {
    fn: Process.demonitor,
    args: () => [makeRef(), {}],
    takes: { 0: ["ref"], 1: OPTIONS },
    fields: { 1: { flush: FLAG } },
  },
  "Process.exit": {
    fn: Process.exit,
    args: () => [spawned(), "kill"],
    takes: { 0: ["pid"], 1: ANY },
  },
  flush: { fn: flush, args: () => [] },
  "Process.get": {
    fn: Process.get,
    args: () => ["key", 1],
    takes: { 0: ANY, 1: ANY },
  },
  "Process.getKeys": {
    fn: Process.getKeys,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: { value: ANY } },
  },
  "Process.groupLeader": {
    fn: Process.groupLeader,
    args: () => [spawned(), spawned()],
    takes: { 0: ["pid"], 1: ["pid"] },
  },
  "Process.groupLeader/1": {
    fn: Process.groupLeader,
    args: () => [spawned()],
    takes: { 0: ["pid", "undefined"] },
  },
  "Process.info": {
    fn: Process.info,
    args: () => [self(), {}],
    takes: { 0: ["pid", "undefined"], 1: OPTIONS },
    fields: { 1: { messages: FLAG, remote: FLAG, timeout: ANY } },
  },
  ...Object.fromEntries(
    (["debug", "error", "info", "warning"] as const).map((level) => [
      `Logger.${level}`,
      {
        fn: Logger[level],
        args: () => ["message", { order: 17 }],
        takes: { 0: ["empty", "text", "function"], 1: OPTIONS },
      } satisfies Row,
    ]),
  ),
  "Logger.level": { fn: Logger.level, args: () => [] },
  "Logger.setFilter": {
    fn: Logger.setFilter,
    args: () => [undefined],
    takes: { 0: ["undefined", "function"] },
  },
  "Logger.setLevel": {
    fn: Logger.setLevel,
    args: () => ["warning"],
    takes: {},
  },
  isDown: {
    fn: isDown,
    args: () => [1],
    takes: { 0: ANY },
  },
  isExit: {
    fn: isExit,
    args: () => [1],
    takes: { 0: ANY },
  },
  isReply: {
    fn: isReply,
    args: () => [1],
    takes: { 0: ANY },
  },
  "Process.link": {
    fn: Process.link,
    args: () => [spawned()],
    takes: { 0: ["pid"] },
  },
  "Process.list": {
    fn: Process.list,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: { info: FLAG } },
  },
  makeRef: { fn: makeRef, args: () => [] },
  "Process.monitor": {
    fn: Process.monitor,
    args: () => [spawned(), {}],
    takes: { 0: ["pid", ...TEXT], 1: OPTIONS },
    fields: { 1: { alias: ["undefined"] } },
  },
  "Process.monotonicTime": { fn: Process.monotonicTime, args: () => [] },
  "Process.put": {
    fn: Process.put,
    args: () => ["key", 1],
    takes: { 0: ANY, 1: ANY },
  },
  "Process.readTimer": {
    fn: Process.readTimer,
    args: () => [makeRef()],
    takes: { 0: ["ref"] },
  },
  receive: {
    fn: receive,
    args: () => [() => false, { timeout: 0, after: 1 }],
    takes: { 0: ["function", "null", "undefined"], 1: OPTIONS },
    fields: { 1: { timeout: TIMEOUT, after: ANY, signal: ["undefined"] } },
  },
  "Process.register": {
    fn: Process.register,
    args: () => [spawned(), `name${fresh()}`],
    takes: { 0: ["pid"], 1: ["text"] },
  },
  "Process.registered": { fn: Process.registered, args: () => [] },
  "Process.reply": {
    fn: Process.reply,
    args: () => [makeRef(), 1],
    takes: { 0: ["ref"], 1: ANY },
  },
  self: { fn: self, args: () => [] },
  send: {
    fn: send,
    args: () => [spawned(), 1],
    takes: { 0: ["pid", "ref", ...TEXT], 1: ANY },
  },
  "Process.send": {
    fn: Process.send,
    args: () => [spawned(), 1, {}],
    takes: { 0: ["pid", "ref", ...TEXT], 1: ANY, 2: OPTIONS },
    fields: { 2: { noconnect: FLAG, nosuspend: FLAG } },
  },
  "Process.sendAfter": {
    fn: Process.sendAfter,
    args: () => [spawned(), 1, 1, {}],
    takes: {
      0: ["pid", ...TEXT],
      1: ANY,
      2: ["one", "fraction"],
      3: OPTIONS,
    },
    fields: { 3: { abs: FLAG } },
  },
  "Process.setLabel": {
    fn: Process.setLabel,
    args: () => ["label"],
    takes: { 0: ANY },
  },
  "Process.signal": { fn: Process.signal, args: () => [] },
  "Process.sleep": {
    fn: Process.sleep,
    args: () => [1],
    takes: { 0: ["one", "fraction"] },
  },
  ...Object.fromEntries(
    (["spawn", "spawnLink", "spawnMonitor"] as const).map((name) => [
      name,
      {
        fn: { spawn, spawnLink, spawnMonitor }[name],
        args: () => [() => {}, [], {}],
        takes: { 0: FN, 1: ARGS, 2: OPTIONS },
        fields: { 2: { label: OPTIONAL_TEXT } },
      } satisfies Row,
    ]),
  ),
  "Process.trapExit": {
    fn: Process.trapExit,
    args: () => [true],
    takes: { 0: ["true"] },
  },
  "Process.unalias": {
    fn: Process.unalias,
    args: () => [Process.alias()],
    takes: { 0: ["ref"] },
  },
  "Process.unlink": {
    fn: Process.unlink,
    args: () => [spawned()],
    takes: { 0: ["pid"] },
  },
  "Process.unregister": {
    fn: Process.unregister,
    args: () => ["user"],
    takes: { 0: TEXT },
  },
  "Process.whereis": {
    fn: Process.whereis,
    args: () => ["user"],
    takes: { 0: TEXT },
  },

  // Node
  "Node.alive": { fn: Node.alive, args: () => [] },
  "Node.connect": {
    fn: Node.connect,
    args: () => ["nobody@localhost", {}],
    takes: { 0: TEXT, 1: OPTIONS },
    fields: { 1: { address: OPTIONAL_TEXT } },
  },
  "Node.disconnect": {
    fn: Node.disconnect,
    args: () => ["nobody@localhost"],
    takes: { 0: TEXT },
  },
  "Node.drainOnSignal": {
    fn: (options: Parameters<typeof Node.drainOnSignal>[0]) =>
      Node.drainOnSignal(options)[Symbol.dispose](),
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: {
      0: { signals: ["undefined", "list"], timeout: TIMEOUT, exit: FLAG },
    },
  },
  "Node.list": {
    fn: Node.list,
    args: () => ["visible"],
    takes: { 0: ["undefined"] },
  },
  "Node.monitor": {
    fn: Node.monitor,
    args: () => ["nobody@localhost", true],
    takes: { 0: TEXT, 1: FLAG },
  },
  "Node.monitorNodes": {
    fn: Node.monitorNodes,
    args: () => [true, {}],
    takes: { 0: ["true"], 1: OPTIONS },
    fields: { 1: { nodeType: ["undefined"] } },
  },
  "Node.onDrain": { fn: Node.onDrain, args: () => [() => 1], takes: { 0: FN } },
  "Node.ping": {
    fn: Node.ping,
    args: () => ["nobody@localhost"],
    takes: { 0: TEXT },
  },
  "Node.run": {
    fn: Node.run,
    args: () => [() => 1, {}],
    takes: { 0: FN, 1: OPTIONS },
    fields: { 1: { signal: ["undefined"] } },
  },
  "Node.self": { fn: Node.self, args: () => [] },
  ...Object.fromEntries(
    (["spawn", "spawnLink", "spawnMonitor"] as const).map((name) => [
      `Node.${name}`,
      {
        fn: Node[name],
        args: () => [Node.self(), () => {}, []],
        takes: { 0: TEXT, 1: FN, 2: ARGS },
      } satisfies Row,
    ]),
  ),
  "Node.start": {
    fn: Node.start,
    args: () => [{ name: "kate@localhost", cookie: "c", epmdPort: false }],
    // These would use the port of others, and the user's own cookie.
    skip: [
      "0.cookie undefined",
      "0.epmdPort undefined",
      "0.epmdPort one",
      "0.port one",
    ],
    fields: {
      0: {
        name: ["text"],
        cookie: ["text"],
        cookieFile: ["undefined", "text"],
        modules: ["undefined", "object"],
        allow: ["undefined", "function"],
        allowClosures: FLAG,
        allowObserve: FLAG,
        allowRemsh: FLAG,
        cluster: ["undefined", "object"],
        listen: ["undefined"],
        advertise: ["undefined"],
        port: ["undefined", "one"],
        tls: ["undefined"],
        wires: ["undefined"],
        epmdPort: ["undefined", "one"],
        hidden: FLAG,
        connectAll: FLAG,
        tickTime: ["undefined", "one", "fraction"],
        limits: ["undefined", "object"],
        io: ["undefined"],
        log: ["undefined", "function"],
        logFilter: ["undefined", "function"],
        logLevel: ["undefined"],
        onTreeEnd: ["undefined", "function"],
        stopTimeout: TIMEOUT,
        drainTimeout: TIMEOUT,
      },
    },
  },
  "Node.connections": { fn: Node.connections, args: () => [] },
  "Node.stats": { fn: Node.stats, args: () => [] },

  // GenServer
  "GenServer.abcast": {
    fn: GenServer.abcast,
    args: () => ["Server", 1, {}],
    takes: { 0: TEXT, 1: ANY, 2: OPTIONS },
    fields: { 2: { nodes: ["undefined", "list"] } },
  },
  "GenServer.call": {
    fn: GenServer.call,
    args: async () => [await start(), 1, {}],
    takes: { 0: SERVER, 1: ANY, 2: OPTIONS },
    fields: { 2: WAIT },
  },
  "GenServer.cast": {
    fn: GenServer.cast,
    args: async () => [await start(), 1],
    takes: { 0: SERVER, 1: ANY },
  },
  "GenServer.childSpec": {
    fn: GenServer.childSpec,
    args: () => [Server, 1, {}],
    takes: { 1: ANY, 2: OPTIONS },
    fields: { 2: { timeout: TIMEOUT, name: OPTIONAL_TEXT, ...CHILD } },
  },
  "GenServer.multiCall": {
    fn: GenServer.multiCall,
    args: () => ["Server", 1, {}],
    takes: { 0: TEXT, 1: ANY, 2: OPTIONS },
    fields: { 2: { nodes: ["undefined", "list"], ...WAIT } },
  },
  "GenServer.ref": {
    fn: GenServer.ref,
    args: () => ["Server"],
    takes: { 0: SERVER },
  },
  "GenServer.reply": {
    fn: GenServer.reply,
    args: () => [{ pid: self(), ref: makeRef() }, 1],
    takes: { 1: ANY },
  },
  ...Object.fromEntries(
    (["start", "startLink"] as const).map((name) => [
      `GenServer.${name}`,
      {
        fn: GenServer[name],
        args: () => [Server, 1, {}],
        takes: { 1: ANY, 2: OPTIONS },
        fields: { 2: { name: NAME, ...WAIT } },
      } satisfies Row,
    ]),
  ),
  "GenServer.stop": {
    fn: GenServer.stop,
    args: async () => [await start(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "GenServer.whereis": {
    fn: GenServer.whereis,
    args: () => ["Server"],
    takes: { 0: SERVER },
  },

  // Agent
  "Agent.cast": {
    fn: Agent.cast,
    args: async () => [await agent(), () => 1],
    takes: { 0: SERVER, 1: FN },
  },
  "Agent.childSpec": {
    fn: Agent.childSpec,
    args: () => [() => 1, {}],
    takes: { 0: FN, 1: OPTIONS },
    fields: { 1: { timeout: TIMEOUT, name: OPTIONAL_TEXT, ...CHILD } },
  },
  ...Object.fromEntries(
    (["get", "getAndUpdate", "update"] as const).map((name) => [
      `Agent.${name}`,
      {
        fn: Agent[name],
        args: async () => [await agent(), () => [1, 1], {}],
        takes: { 0: SERVER, 1: FN, 2: OPTIONS },
        fields: { 2: WAIT },
      } satisfies Row,
    ]),
  ),
  "Agent.ref": { fn: Agent.ref, args: () => ["Agent"], takes: { 0: SERVER } },
  ...Object.fromEntries(
    (["start", "startLink"] as const).map((name) => [
      `Agent.${name}`,
      {
        fn: Agent[name],
        args: () => [() => 1, {}],
        takes: { 0: FN, 1: OPTIONS },
        fields: { 1: { name: NAME, ...WAIT } },
      } satisfies Row,
    ]),
  ),
  "Agent.stop": {
    fn: Agent.stop,
    args: async () => [await agent(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },

  // Task
  "Task.async": {
    fn: Task.async,
    args: () => [() => 1, [], {}],
    takes: { 0: FN, 1: ARGS, 2: OPTIONS },
    fields: { 2: CANCEL },
  },
  "Task.asyncStream": {
    fn: stream,
    args: () => [[], () => 1, {}],
    takes: { 0: ["list", "empty", "text"], 1: FN, 2: OPTIONS },
    fields: { 2: STREAM },
  },
  "Task.await": {
    fn: Task.await,
    args: () => [Task.async(() => 1), {}],
    takes: { 1: [...TIMEOUT, "object"] },
    fields: { 1: WAIT },
  },
  "Task.awaitMany": {
    fn: Task.awaitMany,
    args: () => [[Task.async(() => 1)], {}],
    takes: { 0: ["list"], 1: [...TIMEOUT, "object"] },
    fields: { 1: WAIT },
  },
  "Task.childSpec": {
    fn: Task.childSpec,
    args: () => [() => 1],
    takes: { 0: FN },
  },
  "Task.completed": {
    fn: Task.completed,
    args: () => [1],
    takes: { 0: ANY },
  },
  "Task.ignore": { fn: Task.ignore, args: () => [Task.async(() => 1)] },
  "Task.shutdown": {
    fn: Task.shutdown,
    args: () => [Task.async(() => 1), 1000],
    takes: { 1: TIMEOUT },
  },
  "Task.start": {
    fn: Task.start,
    args: () => [() => 1, []],
    takes: { 0: FN, 1: ARGS },
  },
  "Task.startLink": {
    fn: Task.startLink,
    args: () => [() => 1, []],
    takes: { 0: FN, 1: ARGS },
  },
  "Task.yield": {
    fn: Task.yield,
    args: () => [Task.async(() => 1), {}],
    takes: { 1: [...TIMEOUT, "object"] },
    fields: { 1: WAIT },
  },
  "Task.yieldMany": {
    fn: Task.yieldMany,
    args: () => [[Task.async(() => 1)], {}],
    takes: { 0: ["list"], 1: [...OPTIONS, "one", "fraction"] },
    fields: {
      1: { ...WAIT, limit: COUNT, onTimeout: ["undefined"] },
    },
  },

  // TaskSupervisor
  ...Object.fromEntries(
    (["async", "asyncNolink"] as const).map((name) => [
      `TaskSupervisor.${name}`,
      {
        fn: TaskSupervisor[name],
        args: async () => [await tasks(), () => 1, [], {}],
        takes: { 0: SERVER, 1: FN, 2: ARGS, 3: OPTIONS },
        fields: {
          3: { shutdown: ["undefined", "one", "fraction"], ...CANCEL },
        },
      } satisfies Row,
    ]),
  ),
  "TaskSupervisor.asyncStream": {
    fn: supervisedStream,
    args: async () => [await tasks(), [1], () => 1, {}],
    takes: { 0: SERVER, 1: ["list", "empty", "text"], 2: FN, 3: OPTIONS },
    fields: {
      3: { ...STREAM, shutdown: ["undefined", "one", "fraction"] },
    },
  },
  "TaskSupervisor.asyncStreamNolink": {
    fn: supervisedStreamNolink,
    args: async () => [await tasks(), [1], () => 1, {}],
    takes: { 0: SERVER, 1: ["list", "empty", "text"], 2: FN, 3: OPTIONS },
    fields: {
      3: { ...STREAM, shutdown: ["undefined", "one", "fraction"] },
    },
  },
  "TaskSupervisor.childSpec": {
    fn: TaskSupervisor.childSpec,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: {
      0: {
        maxChildren: COUNT,
        name: OPTIONAL_TEXT,
        group: ANY,
        scope: OPTIONAL_TEXT,
        timeout: TIMEOUT,
        ...INTENSITY,
      },
    },
  },
  "TaskSupervisor.children": {
    fn: TaskSupervisor.children,
    args: async () => [await tasks()],
    takes: { 0: SERVER },
  },
  "TaskSupervisor.drain": {
    fn: TaskSupervisor.drain,
    args: async () => [await tasks(), {}],
    takes: { 0: SERVER, 1: OPTIONS },
    fields: { 1: { timeout: TIMEOUT } },
  },
  "TaskSupervisor.startChild": {
    fn: TaskSupervisor.startChild,
    args: async () => [await tasks(), () => 1, [], {}],
    takes: { 0: SERVER, 1: FN, 2: ARGS, 3: OPTIONS },
    fields: {
      3: {
        ...WAIT,
        restart: ["undefined"],
        shutdown: ["undefined", "one", "fraction"],
      },
    },
  },
  "TaskSupervisor.startLink": {
    fn: TaskSupervisor.startLink,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: {
      0: {
        maxChildren: COUNT,
        name: NAME,
        group: GROUPS_OR_NONE,
        scope: OPTIONAL_TEXT,
        ...INTENSITY,
        ...WAIT,
      },
    },
  },
  "TaskSupervisor.stop": {
    fn: TaskSupervisor.stop,
    args: async () => [await tasks(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "TaskSupervisor.terminateChild": {
    fn: TaskSupervisor.terminateChild,
    args: async () => [await tasks(), spawned()],
    takes: { 0: SERVER, 1: ["pid"] },
  },

  // Supervisor
  "Supervisor.childSpec": {
    fn: Supervisor.childSpec,
    args: () => [child(), {}],
    takes: { 1: OPTIONS },
    fields: {
      0: { ...CHILD, id: TEXT, start: FN },
      1: { ...CHILD, start: ["undefined", "function"] },
    },
  },
  "Supervisor.countChildren": {
    fn: Supervisor.countChildren,
    args: async () => [await supervisor()],
    takes: { 0: SERVER },
  },
  "Supervisor.deleteChild": {
    fn: Supervisor.deleteChild,
    args: async () => [await supervisor(), "child"],
    takes: { 0: SERVER, 1: TEXT },
  },
  "Supervisor.getChildspec": {
    fn: Supervisor.getChildspec,
    args: async () => [await supervisor(), "child"],
    takes: { 0: SERVER, 1: TEXT },
  },
  "Supervisor.restartChild": {
    fn: Supervisor.restartChild,
    args: async () => [await supervisor(), "child"],
    takes: { 0: SERVER, 1: TEXT },
  },
  "Supervisor.startChild": {
    fn: Supervisor.startChild,
    args: async () => [await supervisor(), child(), {}],
    takes: { 0: SERVER, 2: OPTIONS },
    fields: { 1: { ...CHILD, id: TEXT, start: FN }, 2: WAIT },
  },
  "Supervisor.startLink": {
    fn: Supervisor.startLink,
    args: () => [[], { strategy: "one_for_one" }],
    takes: { 0: ["list"] },
    fields: {
      1: {
        ...INTENSITY,
        ...WAIT,
        strategy: [],
        name: NAME,
        autoShutdown: ["undefined"],
      },
    },
  },
  "Supervisor.stop": {
    fn: Supervisor.stop,
    args: async () => [await supervisor(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "Supervisor.terminateChild": {
    fn: Supervisor.terminateChild,
    args: async () => [await supervisor(), "child"],
    takes: { 0: SERVER, 1: TEXT },
  },
  "Supervisor.whichChildren": {
    fn: Supervisor.whichChildren,
    args: async () => [await supervisor()],
    takes: { 0: SERVER },
  },

  // DynamicSupervisor
  "DynamicSupervisor.childSpec": {
    fn: DynamicSupervisor.childSpec,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: {
      0: {
        maxChildren: COUNT,
        name: OPTIONAL_TEXT,
        extraArguments: ARGS,
        timeout: TIMEOUT,
        ...INTENSITY,
      },
    },
  },
  "DynamicSupervisor.countChildren": {
    fn: DynamicSupervisor.countChildren,
    args: async () => [await dynamic()],
    takes: { 0: SERVER },
  },
  "DynamicSupervisor.startChild": {
    fn: DynamicSupervisor.startChild,
    args: async () => [await dynamic(), child(), {}],
    takes: { 0: SERVER, 2: OPTIONS },
    fields: { 1: { ...CHILD, id: TEXT, start: FN }, 2: WAIT },
  },
  "DynamicSupervisor.startLink": {
    fn: DynamicSupervisor.startLink,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: {
      0: {
        maxChildren: COUNT,
        name: NAME,
        extraArguments: ARGS,
        ...INTENSITY,
        ...WAIT,
      },
    },
  },
  "DynamicSupervisor.stop": {
    fn: DynamicSupervisor.stop,
    args: async () => [await dynamic(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "DynamicSupervisor.terminateChild": {
    fn: DynamicSupervisor.terminateChild,
    args: async () => [await dynamic(), spawned()],
    takes: { 0: SERVER, 1: ["pid"] },
  },
  "DynamicSupervisor.whichChildren": {
    fn: DynamicSupervisor.whichChildren,
    args: async () => [await dynamic()],
    takes: { 0: SERVER },
  },

  // Registry
  "Registry.childSpec": {
    fn: Registry.childSpec,
    args: () => [{ keys: "unique", name: "R" }],
    fields: {
      0: {
        keys: [],
        name: ["text"],
        listeners: ["undefined", "list"],
        meta: OPTIONS,
      },
    },
  },
  "Registry.count": {
    fn: Registry.count,
    args: async () => [await registry()],
    takes: { 0: TEXT },
  },
  ...Object.fromEntries(
    (["countMatch", "match", "unregisterMatch"] as const).map((name) => [
      `Registry.${name}`,
      {
        fn: Registry[name],
        args: async () => [await registry(), "key", () => true],
        takes: { 0: TEXT, 1: ANY, 2: FN },
      } satisfies Row,
    ]),
  ),
  "Registry.countSelect": {
    fn: Registry.countSelect,
    args: async () => [await registry(), () => true],
    takes: { 0: TEXT, 1: FN },
  },
  "Registry.deleteMeta": {
    fn: Registry.deleteMeta,
    args: async () => [await registry(), "key"],
    takes: { 0: TEXT, 1: ANY },
  },
  "Registry.dispatch": {
    fn: Registry.dispatch,
    args: async () => [await registry(), "key", () => {}],
    takes: { 0: TEXT, 1: ANY, 2: FN },
  },
  "Registry.keys": {
    fn: Registry.keys,
    args: async () => [await registry(), self()],
    takes: { 0: TEXT, 1: ["pid"] },
  },
  "Registry.lock": {
    fn: Registry.lock,
    args: async () => [await registry(), "key", () => {}],
    takes: { 0: TEXT, 1: ANY, 2: FN },
  },
  "Registry.lookup": {
    fn: Registry.lookup,
    args: async () => [await registry(), "key"],
    takes: { 0: TEXT, 1: ANY },
  },
  "Registry.meta": {
    fn: Registry.meta,
    args: async () => [await registry(), "key"],
    takes: { 0: TEXT, 1: ANY },
  },
  "Registry.putMeta": {
    fn: Registry.putMeta,
    args: async () => [await registry(), "key", 1],
    takes: { 0: TEXT, 1: ANY, 2: ANY },
  },
  "Registry.register": {
    fn: Registry.register,
    args: async () => [await registry(), "key", 1],
    takes: { 0: TEXT, 1: ANY, 2: ANY },
  },
  "Registry.registerName": {
    fn: Registry.registerName,
    args: async () => [[await registry(), "key"], self()],
    takes: { 1: ["pid"] },
  },
  "Registry.select": {
    fn: Registry.select,
    args: async () => [await registry(), () => true],
    takes: { 0: TEXT, 1: ["function", "undefined"] },
  },
  "Registry.startLink": {
    fn: Registry.startLink,
    args: () => [{ keys: "unique", name: `R${fresh()}` }],
    fields: {
      0: {
        keys: [],
        name: ["text"],
        listeners: ["undefined", "list"],
        meta: OPTIONS,
      },
    },
  },
  "Registry.unregister": {
    fn: Registry.unregister,
    args: async () => [await registry(), "key"],
    takes: { 0: TEXT, 1: ANY },
  },
  "Registry.unregisterName": {
    fn: Registry.unregisterName,
    args: async () => [[await registry(), "key"]],
  },
  "Registry.updateValue": {
    fn: Registry.updateValue,
    args: async () => [await registry(), "key", () => 1],
    takes: { 0: TEXT, 1: ANY, 2: FN },
  },
  "Registry.values": {
    fn: Registry.values,
    args: async () => [await registry(), "key", self()],
    takes: { 0: TEXT, 1: ANY, 2: ["pid"] },
  },
  "Registry.whereisName": {
    fn: Registry.whereisName,
    args: async () => [[await registry(), "key"]],
  },

  // Application
  "Application.deleteEnv": {
    fn: Application.deleteEnv,
    args: () => ["app", "key", {}],
    takes: { 0: TEXT, 1: TEXT, 2: OPTIONS },
    fields: { 2: { persistent: FLAG } },
  },
  "Application.fetchEnv": {
    fn: Application.fetchEnv,
    args: () => ["app", "key"],
    takes: { 0: TEXT, 1: TEXT },
  },
  "Application.fetchEnvOrThrow": {
    fn: Application.fetchEnvOrThrow,
    args: () => ["app", "key"],
    takes: { 0: TEXT, 1: TEXT },
  },
  "Application.getAllEnv": {
    fn: Application.getAllEnv,
    args: () => ["app"],
    takes: { 0: TEXT },
  },
  "Application.getEnv": {
    fn: Application.getEnv,
    args: () => ["app", "key", 1],
    takes: { 0: TEXT, 1: TEXT, 2: ANY },
  },
  "Application.load": {
    fn: Application.load,
    args: () => [{ app: { key: 1 } }],
    takes: { 0: ["object"] },
    fields: { 0: { app: ["object"] } },
    free: [0],
  },
  "Application.putEnv": {
    fn: Application.putEnv,
    args: () => ["app", "key", 1, {}],
    takes: { 0: TEXT, 1: TEXT, 2: ANY, 3: OPTIONS },
    fields: { 3: { persistent: FLAG } },
  },
  "Application.spec": {
    fn: Application.spec,
    args: () => ["app"],
    takes: { 0: TEXT },
  },
  "Application.spec/2": {
    fn: Application.spec,
    args: () => ["app", "vsn"],
    takes: { 0: TEXT },
  },
  "Application.start": {
    fn: Application.start,
    args: () => [application(), {}],
    takes: { 1: OPTIONS },
    fields: {
      1: { type: ["undefined"] },
      0: {
        name: ["text"],
        start: FN,
        applications: ["undefined", "list"],
        env: ["undefined", "object"],
        prepStop: ["undefined", "function"],
        stop: ["undefined", "function"],
        description: OPTIONAL_TEXT,
        vsn: OPTIONAL_TEXT,
      },
    },
  },
  "Application.started": { fn: Application.started, args: () => [] },
  "Application.stop": {
    fn: Application.stop,
    args: () => ["app", {}],
    takes: { 0: TEXT, 1: OPTIONS },
    fields: { 1: { timeout: TIMEOUT } },
  },

  // global
  "global.delLock": {
    fn: global.delLock,
    args: () => [["lock", 1], {}],
    takes: { 1: OPTIONS },
    fields: { 1: { nodes: ["undefined", "list"], ...WAIT } },
  },
  ...Object.fromEntries(
    (["notifyAllName", "randomExitName", "randomNotifyName"] as const).map((
      name,
    ) => [
      `global.${name}`,
      {
        fn: global[name],
        args: () => ["name", spawned(), spawned()],
        takes: { 0: ANY, 1: ["pid"], 2: ["pid"] },
      } satisfies Row,
    ]),
  ),
  ...Object.fromEntries(
    (["registerName", "reRegisterName"] as const).map((name) => [
      `global.${name}`,
      {
        fn: global[name],
        args: () => [fresh(), spawned(), global.notifyAllName, {}],
        takes: { 0: ANY, 1: ["pid"], 2: ["undefined"], 3: OPTIONS },
        fields: { 3: WAIT },
      } satisfies Row,
    ]),
  ),
  "global.registeredNames": {
    fn: global.registeredNames,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: WAIT },
  },
  "global.send": {
    fn: global.send,
    args: () => ["name", 1, {}],
    takes: { 0: ANY, 1: ANY, 2: OPTIONS },
    fields: { 2: WAIT },
  },
  "global.setLock": {
    fn: global.setLock,
    args: () => [[fresh(), 1], { retries: 0 }],
    takes: { 1: OPTIONS },
    fields: { 1: { nodes: ["undefined", "list"], retries: COUNT, ...WAIT } },
  },
  "global.sync": {
    fn: global.sync,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: WAIT },
  },
  "global.trans": {
    fn: global.trans,
    args: () => [[fresh(), 1], () => 1, { retries: 0 }],
    takes: { 1: FN, 2: OPTIONS },
    fields: { 2: { nodes: ["undefined", "list"], retries: COUNT, ...WAIT } },
  },
  "global.unregisterName": {
    fn: global.unregisterName,
    args: () => ["name", {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: WAIT },
  },
  "global.whereisName": {
    fn: global.whereisName,
    args: () => ["name", {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: WAIT },
  },

  // pg
  "pg.childSpec": {
    fn: pg.childSpec,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: { scope: OPTIONAL_TEXT } },
  },
  "pg.demonitor": {
    fn: pg.demonitor,
    args: async () => [makeRef(), await scope()],
    takes: { 0: ["ref"], 1: OPTIONS },
    fields: { 1: { scope: OPTIONAL_TEXT } },
  },
  ...Object.fromEntries(
    (["getMembers", "getLocalMembers", "monitor"] as const).map((name) => [
      `pg.${name}`,
      {
        fn: pg[name],
        args: async () => ["group", await scope()],
        takes: { 0: ANY, 1: OPTIONS },
        fields: { 1: { scope: OPTIONAL_TEXT } },
      } satisfies Row,
    ]),
  ),
  ...Object.fromEntries(
    (["join", "leave"] as const).map((name) => [
      `pg.${name}`,
      {
        fn: pg[name],
        args: async () => ["group", self(), await scope()],
        takes: { 0: ANY, 1: ["pid", "list"], 2: OPTIONS },
        fields: { 2: { scope: OPTIONAL_TEXT } },
      } satisfies Row,
    ]),
  ),
  ...Object.fromEntries(
    (["monitorScope", "whichGroups", "whichLocalGroups"] as const).map((
      name,
    ) => [
      `pg.${name}`,
      {
        fn: pg[name],
        args: async () => [await scope()],
        takes: { 0: OPTIONS },
        fields: { 0: { scope: OPTIONAL_TEXT } },
      } satisfies Row,
    ]),
  ),
  "pg.start": {
    fn: pg.start,
    args: () => [`scope${fresh()}`],
    takes: { 0: NAME },
  },
  "pg.startLink": {
    fn: pg.startLink,
    args: () => [`scope${fresh()}`],
    takes: { 0: NAME },
  },

  // rpc
  "rpc.call": {
    fn: rpc.call,
    args: () => [Node.self(), () => 1, [], {}],
    takes: { 0: TEXT, 1: FN, 2: ARGS, 3: OPTIONS },
    fields: { 3: WAIT },
  },
  "rpc.cast": {
    fn: rpc.cast,
    args: () => [Node.self(), () => 1, []],
    takes: { 0: TEXT, 1: FN, 2: ARGS },
  },
  "rpc.multicall": {
    fn: rpc.multicall,
    args: () => [[Node.self()], () => 1, [], {}],
    takes: { 0: ["list"], 1: FN, 2: ARGS, 3: OPTIONS },
    fields: { 3: WAIT },
  },
  "rpc.multicast": {
    fn: rpc.multicast,
    args: () => [[Node.self()], () => 1, []],
    takes: { 0: ["list"], 1: FN, 2: ARGS },
  },
  "rpc.raisedOn": { fn: rpc.raisedOn, args: () => [1], takes: { 0: ANY } },

  // IO
  "IO.gets": {
    fn: IO.gets,
    args: () => ["> ", {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: { device: ["undefined", "pid"] } },
  },
  "IO.read": {
    fn: IO.read,
    args: () => [1, {}],
    takes: { 0: COUNT, 1: OPTIONS },
    fields: { 1: { device: ["undefined", "pid"] } },
  },
  "IO.inspect": {
    fn: IO.inspect,
    args: () => [1, {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: {
      1: {
        device: ["undefined", "pid"],
        label: OPTIONAL_TEXT,
        ...INSPECTED,
      },
    },
  },
  "IO.puts": {
    fn: IO.puts,
    args: () => ["text", {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: { device: ["undefined", "pid"] } },
  },
  "IO.write": {
    fn: IO.write,
    args: () => ["text", {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: { device: ["undefined", "pid"] } },
  },

  // The rest
  beam: {
    fn: library.beam,
    args: () => [() => 1, { args: ["atom"], returns: "atom" }],
    takes: { 0: FN, 1: OPTIONS },
  },
  atom: { fn: atom, args: () => ["ok"], takes: { 0: TEXT } },
  formatExit: {
    fn: library.formatExit,
    args: () => ["normal"],
    takes: { 0: ANY },
  },
  improperList: {
    fn: library.improperList,
    args: () => [[1], 2],
    takes: { 0: ["list"], 1: ANY },
  },
  tuple: { fn: library.tuple, args: () => [1], takes: { 0: ANY } },
  inspect: {
    fn: library.inspect,
    args: () => [1, {}],
    takes: { 0: ANY, 1: OPTIONS },
    fields: { 1: INSPECTED },
  },
};

/** Functions of other entry points, except for those that register tests or start programs. */
const OTHERS: Record<string, Row> = {
  "Dashboard.childSpec": {
    fn: Dashboard.childSpec,
    args: () => [{}],
    takes: { 0: OPTIONS },
    fields: { 0: PAGE },
  },
  "Dashboard.startLink": {
    fn: Dashboard.startLink,
    args: () => [{ name: `Dashboard${fresh()}` }],
    takes: { 0: OPTIONS },
    fields: { 0: PAGE },
    skip: ["0 undefined", "0 object", "0.name undefined", "0.name text"],
  },
  "Dashboard.url": {
    fn: Dashboard.url,
    args: async () => [
      await Dashboard.startLink({ name: `Dashboard${fresh()}` }),
    ],
    takes: { 0: ["undefined", ...SERVER] },
  },
  "TaskPool.childSpec": {
    fn: TaskPool.childSpec,
    args: () => [{ group: "g" }],
    fields: {
      0: { ...POOL, group: GROUPS, name: NAME, timeout: TIMEOUT },
    },
  },
  "TaskPool.info": {
    fn: TaskPool.info,
    args: async () => [await taskPool()],
    takes: { 0: SERVER },
  },
  "TaskPool.run": {
    fn: TaskPool.run,
    args: async () => [await taskPool(), () => 1, [], { timeout: 0 }],
    takes: { 0: SERVER, 1: FN, 2: ARGS, 3: OPTIONS },
    fields: {
      3: {
        timeout: TIMEOUT,
        deadline: ["undefined", "one", "negative", "fraction"],
        signal: ["undefined"],
        mayRunTwice: FLAG,
        shutdown: ["undefined", "one", "fraction"],
      },
    },
  },
  "TaskPool.startLink": {
    fn: TaskPool.startLink,
    args: async () => [{ group: "g", ...await scope() }],
    fields: { 0: { ...POOL, group: GROUPS, name: NAME, ...WAIT } },
  },
  "TaskPool.stop": {
    fn: TaskPool.stop,
    args: async () => [await taskPool(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "Cluster.childSpec": {
    fn: Formation.childSpec,
    args: () => [{ topologies: {} }],
    fields: { 0: { topologies: ["object"], name: NAME } },
  },
  "Cluster.info": {
    fn: Formation.info,
    args: () => ["none"],
    takes: { 0: OPTIONAL_TEXT },
  },
  "Cluster.startLink": {
    fn: Formation.startLink,
    args: () => [{ topologies: {}, name: `C${fresh()}` }],
    fields: { 0: { topologies: ["object"], name: NAME } },
  },
  "Cluster.subscribe": {
    fn: Formation.subscribe,
    args: () => ["none"],
    takes: { 0: OPTIONAL_TEXT },
  },
  "Cluster.unsubscribe": {
    fn: Formation.unsubscribe,
    args: () => [makeRef(), "none"],
    takes: { 0: ["ref"], 1: OPTIONAL_TEXT },
  },
  "nodeFlags": {
    fn: nodeFlags,
    args: () => [{ args: ["--sname", "kate@localhost"], exit: false }],
    fields: { 0: { args: [], exit: ["undefined", "true"] } },
    // The first three read the command line of the tests, and the last one is an empty one: a usage error.
    skip: ["0 undefined", "0 object", "0.args undefined", "0.args list"],
  },
  "Workers.childSpec": {
    fn: Workers.childSpec,
    args: () => [{ module: "file:///none.js" }],
    fields: { 0: WORKERS },
  },
  "Workers.info": {
    fn: Workers.info,
    args: () => ["none"],
    takes: { 0: SERVER },
  },
  "Workers.nodes": {
    fn: Workers.nodes,
    args: () => ["none"],
    takes: { 0: SERVER },
  },
  "Workers.startLink": {
    fn: Workers.startLink,
    args: () => [{ module: "file:///none.js" }],
    // Valid options would start threads.
    fields: { 0: { module: [] } },
    names: { 0: Object.keys(WORKERS) },
  },
  "Workers.stop": {
    fn: Workers.stop,
    args: () => ["none"],
    takes: { 0: SERVER },
  },
  "Chat.sendMessage": {
    fn: Chat.sendMessage,
    args: () => ["kate@localhost", "hi", {}],
    takes: { 0: TEXT, 1: ANY, 2: OPTIONS },
    fields: { 2: { remoteSupervisor: ["undefined", "function"] } },
  },
  "Chat.spawnTask": {
    fn: Chat.spawnTask,
    args: () => [Chat.receiveMessage, "kate@localhost", ["hi"], {}],
    takes: { 0: FN, 1: TEXT, 2: ARGS, 3: OPTIONS },
    fields: { 3: { remoteSupervisor: ["undefined", "function"] } },
  },
  configureTests: {
    fn: testing.configureTests,
    args: () => [{}],
    takes: { 0: ["object"] },
    fields: {
      0: {
        exclude: ["undefined", "list"],
        include: ["undefined", "list"],
      },
    },
    names: { 0: ["exclude", "include", "modules", "application"] },
  },
  describeTags: {
    fn: testing.describeTags,
    args: () => [[]],
    takes: { 0: ["list"] },
  },
  "PartitionSupervisor.childSpec": {
    fn: PartitionSupervisor.childSpec,
    args: () => [partitioned()],
    // It is called when the supervisor starts.
    fields: {
      0: {
        ...PARTITIONED,
        timeout: TIMEOUT,
        ...INTENSITY,
        withArguments: ["undefined", "function"],
      },
    },
  },
  "PartitionSupervisor.countChildren": {
    fn: PartitionSupervisor.countChildren,
    args: async () => [await partitions()],
    takes: { 0: SERVER },
  },
  "PartitionSupervisor.partitions": {
    fn: PartitionSupervisor.partitions,
    args: async () => [await partitions()],
    takes: { 0: ["text"] },
  },
  "PartitionSupervisor.registerName": {
    fn: PartitionSupervisor.registerName,
    args: () => [["Partitions", 1], self()],
  },
  "PartitionSupervisor.resize": {
    fn: PartitionSupervisor.resize,
    args: async () => [await partitions(), 1],
    takes: { 0: ["text"], 1: ["one"] },
  },
  "PartitionSupervisor.startLink": {
    fn: PartitionSupervisor.startLink,
    args: () => [partitioned()],
    fields: { 0: { ...PARTITIONED, ...INTENSITY, ...WAIT } },
  },
  "PartitionSupervisor.stop": {
    fn: PartitionSupervisor.stop,
    args: async () => [await partitions(), "normal", 1000],
    takes: { 0: SERVER, 1: ANY, 2: TIMEOUT },
  },
  "PartitionSupervisor.unregisterName": {
    fn: PartitionSupervisor.unregisterName,
    args: () => [["Partitions", 1]],
  },
  "PartitionSupervisor.whereisName": {
    fn: PartitionSupervisor.whereisName,
    args: async () => [[await partitions(), 1]],
  },
  "PartitionSupervisor.whichChildren": {
    fn: PartitionSupervisor.whichChildren,
    args: async () => [await partitions()],
    takes: { 0: SERVER },
  },
  normalizeFilters: {
    fn: testing.normalizeFilters,
    args: () => [{ include: [], exclude: [] }],
    fields: { 0: { include: ["list"], exclude: ["list"] } },
  },
  parseFilter: {
    fn: testing.parseFilter,
    args: () => ["slow"],
    takes: { 0: ["text"] },
  },
  picks: {
    fn: testing.picks,
    args: () => [{ include: [], exclude: [] }, {}],
    takes: { 1: ANY },
    fields: { 0: { include: ["list"], exclude: ["list"] } },
  },
  startNodes: {
    fn: testing.startNodes,
    args: () => [[], {}],
    takes: { 0: ["list"], 1: OPTIONS },
  },
};

/** Other options, which other tests try with wrong values: functions of objects, of programs, and parts of options. */
interface OptionsRow {
  // deno-lint-ignore no-explicit-any
  fn: (options: any) => unknown;
  names: readonly string[];
}

const node = () => Node._here()!;
const OBSERVE = ["node", "timeout"];
const SHARED_NODE = Object.keys(TABLE["Node.start"].fields![0]).filter((name) =>
  name !== "name"
);
const SIMULATED_NODE = SHARED_NODE.filter((name) =>
  !["cookieFile", "listen", "advertise", "port", "tls", "epmdPort"].includes(
    name,
  )
);
const startNode = (options: Record<string, unknown>) =>
  Node.start({
    name: "kate@localhost",
    cookie: "c",
    epmdPort: false,
    ...options,
  });
const topology = (given: Record<string, unknown>) => (options: object) =>
  Formation.childSpec({
    topologies: { t: { ...given, ...options } as unknown as Topology },
  });
const TOPOLOGY = [
  "minDelay",
  "maxDelay",
  "maxDials",
  "maxAddresses",
  "disconnectForgotten",
  "strategy",
];
const POLL = [...TOPOLOGY, "interval", "timeout"];
const DNS = [...POLL, "query", "node", "resolver"];
const simulated = testing.SimulatedCluster.prototype;
const program = { modules: {}, application: "a.ts" };

const OPTIONS_ONLY: Record<string, OptionsRow> = {
  "Node.start: limits": {
    fn: (limits) => startNode({ limits }),
    names: Object.keys(DEFAULT_LIMITS),
  },
  "Node.start: tls": {
    fn: (tls) => startNode({ tls: { cert: "c", key: "k", ca: "a", ...tls } }),
    names: ["cert", "key", "ca", "verify"],
  },
  "Node.connect: an address": {
    fn: (options) => Node.connect({ address: "localhost:1", ...options }),
    names: ["address"],
  },
  "Node.drain": { fn: Node.drain, names: ["timeout"] },
  "Node.stop": { fn: Node.stop, names: ["timeout"] },
  "Node#drain": { fn: (options) => node().drain(options), names: ["timeout"] },
  "Node#run": {
    fn: (options) => node().run(() => {}, options),
    names: ["signal"],
  },
  "Node#stop": { fn: (options) => node().stop(options), names: ["timeout"] },
  "GenServer.ref": {
    fn: (options) => GenServer.ref("Server", options),
    names: ["beam"],
  },
  "GenServer.ref: beam": {
    fn: (beam) => GenServer.ref("Server", { beam }),
    names: ["call", "reply", "replies", "cast", "info"],
  },
  "beam: types": {
    fn: (types) => library.beam(() => 1, types),
    names: ["args", "returns"],
  },
  "Cluster: static": {
    fn: topology({ strategy: "static", nodes: [] }),
    names: [...TOPOLOGY, "nodes"],
  },
  "Cluster: epmd": {
    fn: topology({ strategy: "epmd", hosts: [] }),
    names: [...POLL, "hosts", "filter"],
  },
  "Cluster: dns": {
    fn: topology({ strategy: "dns", query: "q", port: 1 }),
    names: [...DNS, "port"],
  },
  "Cluster: dnsSrv": {
    fn: topology({ strategy: "dnsSrv", query: "q" }),
    names: DNS,
  },
  "Cluster: gossip": {
    fn: topology({ strategy: "gossip" }),
    names: [
      ...TOPOLOGY,
      "address",
      "port",
      "interface",
      "ttl",
      "interval",
      "forgetAfter",
      "maxAge",
    ],
  },
  "Cluster: a function": { fn: topology({ strategy: () => [] }), names: POLL },
  "Observer.node": { fn: Observer.node, names: OBSERVE },
  "Observer.tree": { fn: Observer.tree, names: OBSERVE },
  "Observer.names": { fn: Observer.names, names: OBSERVE },
  "Observer.log": { fn: Observer.log, names: [...OBSERVE, "after"] },
  "Observer.processes": {
    fn: Observer.processes,
    names: [...OBSERVE, "order", "limit", "search"],
  },
  "Observer.process": {
    fn: (options) => Observer.process(self(), options),
    names: ["timeout"],
  },
  "Observer.trace": {
    fn: (options) => Observer.trace(self(), options),
    names: ["limit", "timeout"],
  },
  "Telemetry.start": { fn: Telemetry.start, names: ["traces", "metrics"] },
  health: {
    fn: health,
    names: [
      "node",
      "minPeers",
      "ready",
      "live",
      "timeout",
      "maxAge",
      "livePath",
      "readyPath",
      "verbose",
    ],
  },
  metrics: { fn: metrics, names: ["path", "registry"] },
  logtapeLog: { fn: logtapeLog, names: ["category"] },
  test: {
    fn: (options) => testing.test("none", options, () => {}),
    names: [
      ...Object.keys(program),
      "tags",
      "programs",
      "peers",
      "node",
      "sanitizeProcesses",
      "ignore",
      "only",
      "sanitizeOps",
      "sanitizeResources",
      "sanitizeExit",
      "repeats",
      "retry",
      "permissions",
      "timeout",
    ],
  },
  startNodes: {
    fn: (options) => testing.startNodes([], options),
    names: SHARED_NODE,
  },
  startPeer: {
    fn: (options) => testing.startPeer("kate", options),
    names: [
      ...Object.keys(program),
      "epmdPort",
      "cookie",
      "permissions",
      "env",
      "timeout",
      "from",
    ],
  },
  "SimulatedCluster.start": {
    fn: (options) => testing.SimulatedCluster.start({ nodes: [], ...options }),
    names: [...SIMULATED_NODE, "nodes", "seed", "delay", "epmd"],
  },
  "SimulatedCluster.start: a node": {
    fn: (options) =>
      testing.SimulatedCluster.start({ nodes: [{ name: "alex", ...options }] }),
    names: [...SIMULATED_NODE, "name"],
  },
  // Options are checked before anything of the cluster is needed.
  "SimulatedCluster#run": {
    fn: (options) => simulated.run.call(undefined!, "alex", () => {}, options),
    names: ["within"],
  },
  "SimulatedCluster#settle": {
    fn: (options) => simulated.settle.call(undefined!, options),
    names: ["within"],
  },
  "SimulatedCluster#partition": {
    fn: (options) => simulated.partition.call(undefined!, [], [], options),
    names: ["mode", "oneWay"],
  },
};

/** The functions that other tests cover, and why. */
const ELSEWHERE: Record<string, string> = {
  "Node.drain": "stops the node of the test; node_drain_test.ts",
  "Node.stop": "takes nothing, and stops the node of the test",
  exit: "takes any reason, and throws it",
  jsonLog: "a hook: the node calls it",
  standardLog: "a hook: the node calls it",
  textLog: "a hook: the node calls it",
};

/** The functions that users can call: plain functions, and static functions of classes. */
function publicFunctions(): string[] {
  const names: string[] = [];
  for (const [name, value] of Object.entries<unknown>(library)) {
    if (typeof value === "function" && !isClass(value)) {
      names.push(name);
      continue;
    }
    for (
      const [key, { value: member }] of Object.entries(
        Object.getOwnPropertyDescriptors(value as object),
      )
    ) {
      if (
        typeof member === "function" && !isClass(member) && !key.startsWith("_")
      ) names.push(`${name}.${key}`);
    }
  }
  return names;
}

function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(String(value));
}

Deno.test("the table of misuse has every public function", () => {
  const known = new Set(
    [...Object.keys(TABLE), ...Object.keys(ELSEWHERE)]
      .map((name) => name.split("/")[0]),
  );
  assertEquals(publicFunctions().filter((name) => !known.has(name)), []);
  assertEquals(
    [...known].filter((name) => !publicFunctions().includes(name)),
    [],
  );
});

/** The functions and methods of all entry points, by name. */
async function entryPoints(): Promise<Map<string, (...args: never[]) => void>> {
  const found = new Map<string, (...args: never[]) => void>();
  const add = (name: string, value: unknown) => {
    if (typeof value === "function" && !isClass(value)) {
      found.set(name, value as () => void);
    }
  };
  const addMembers = (prefix: string, value: object) => {
    const members = Object.getOwnPropertyDescriptors(value);
    for (const [key, { value: member }] of Object.entries(members)) {
      if (!key.startsWith("_") && key !== "constructor") {
        add(prefix + key, member);
      }
    }
  };
  // Programs run when they are imported.
  const paths = Object.values(config.exports).filter((path) =>
    !path.endsWith("/main.ts")
  );
  for (const path of paths) {
    const module = await import(import.meta.resolve(`../${path}`));
    const isChat = path === "./chat/mod.ts";
    for (const [name, value] of Object.entries<unknown>(module)) {
      add(isChat ? `Chat.${name}` : name, value);
      if (!isClass(value)) continue;
      addMembers(`${name}.`, value as object);
      addMembers(`${name}#`, (value as { prototype: object }).prototype);
    }
  }
  return found;
}

/** The position of the parameter `options` of a function; -1 if it has none. */
function optionsPosition(fn: (...args: never[]) => void): number {
  const text = String(fn);
  const names: string[] = [];
  let depth = 0;
  let name = "";
  for (const each of text.slice(text.indexOf("("))) {
    if ("([{".includes(each)) depth++;
    if (")]}".includes(each)) depth--;
    if (depth === 0 || depth === 1 && each === ",") {
      names.push(name.split("=")[0].trim());
      name = "";
      if (depth === 0) break;
    } else if (depth > 1 || each !== "(") name += each;
  }
  return names.indexOf("options");
}

Deno.test("every public function with options has a row for them", async () => {
  const missing: string[] = [];
  const rows = Object.entries({ ...TABLE, ...OTHERS });
  for (const [name, fn] of await entryPoints()) {
    const position = optionsPosition(fn);
    // `send` has the parameter to refuse any options.
    if (position < 0 || Object.hasOwn(OPTIONS_ONLY, name) || name === "send") {
      continue;
    }
    const hasRow = rows.some(([key, row]) =>
      key.split("/")[0] === name &&
      (row.fields?.[position] ?? row.names?.[position]) !== undefined
    );
    if (!hasRow) missing.push(`${name}, ${position}`);
  }
  assertEquals(missing, []);
});

clusterTest(
  "options of objects, programs and parts of options are refused if unknown",
  async (cluster) => {
    const node = await cluster.start("alex");
    const faults: string[] = [];
    await node.run(async () => {
      for (const [name, { fn, names }] of Object.entries(OPTIONS_ONLY)) {
        const row: Row = { fn, args: () => [{}] };
        const found = await optionFaults(
          names,
          (options) =>
            outcomeOf(node, row, false, (args) => {
              args[0] = options;
            }),
        );
        faults.push(...found.map((each) => `${name} ${each}`));
      }
    });
    assertEquals(faults, []);
  },
);

/** How each function answered: by a promise, or by a throw or value. */
const answers = new Map<Row, Set<"promise" | "now">>();

function noteAnswer(row: Row, how: "promise" | "now"): void {
  answers.set(row, (answers.get(row) ?? new Set()).add(how));
}

/** The functions that throw at the call, and return a promise otherwise, and why. */
const BOTH: readonly string[] = [
  // They return an iterable; the table reads it.
  "Task.asyncStream",
  "TaskSupervisor.asyncStream",
  "TaskSupervisor.asyncStreamNolink",
  // Only information of another node takes time.
  "Process.info",
  // "ok" at once where there is room.
  "Agent.cast",
  "GenServer.cast",
  "Process.send",
  "send",
];

/** How a call ended; `undefined` while it waits. */
type Outcome = { value: unknown } | { error: unknown } | undefined;

/** The result of a call, of which is noted whether it is a promise. */
function answerOf(row: Row, args: unknown[]): unknown {
  let how: "promise" | "now" = "now";
  try {
    const result = (row.fn as (...args: unknown[]) => unknown)(...args);
    // Some return an argument, as the default of a setting.
    if (result instanceof Promise && !args.includes(result)) how = "promise";
    return result;
  } finally {
    noteAnswer(row, how);
  }
}

/**
 * Calls a function in a process of its own, which is then killed. A call that must fail has long enough to do
 * so; an accepted one may wait for a message that never comes, which is no fault.
 */
async function outcomeOf(
  node: Node,
  row: Row,
  isAccepted: boolean,
  change: (args: unknown[]) => void,
): Promise<Outcome> {
  let outcome: Outcome;
  const pid = spawn(async () => {
    Process.trapExit(true);
    const args = await row.args();
    change(args);
    let result: unknown;
    try {
      result = answerOf(row, args);
      if (result instanceof Promise) result.catch(() => {});
      outcome = { value: await result };
    } catch (error) {
      outcome = { error };
    }
    if (outcome !== undefined && "value" in outcome) {
      const { value } = outcome;
      if (value instanceof Node) await value.stop();
    }
  });
  const ref = Process.monitor(pid);
  await receive((message) => ref.equals(message?.ref), {
    timeout: isAccepted ? 50 : 10_000,
    after: undefined,
  });
  Process.exit(pid, "kill");
  assert(node.name !== "");
  return outcome;
}

/** Whether a position takes a value. */
function accepts(takes: Takes, label: Label): boolean {
  return takes === "any" || takes.includes(label);
}

/**
 * The reason why an outcome is wrong. A number out of bounds is a RangeError; every other wrong value is a
 * TypeError.
 */
function fault(
  outcome: Outcome,
  takes: Takes,
  label: Label,
): string | undefined {
  const isFine = accepts(takes, label);
  if (outcome !== undefined && "error" in outcome) {
    const { error } = outcome;
    if (!(error instanceof Error)) return `threw ${library.inspect(error)}`;
    const isOwn = error.message.startsWith("Cannot ") &&
      !/^Cannot (read|set|convert|destructure) prop/.test(error.message);
    if (!isFine) {
      const isNumber = takes.includes("one") &&
        typeof WRONG[label]() === "number";
      const isType = isNumber
        ? error instanceof RangeError
        : error instanceof TypeError || error.name === "NodeStartError";
      return isOwn && isType ? undefined : `threw ${error}`;
    }
    const isExit = error instanceof library.ExitError ||
      error instanceof library.ProcessExited;
    return isOwn || isExit ? undefined : `threw ${error}`;
  }
  if (isFine) return undefined;
  return outcome === undefined
    ? "waits"
    : `returned ${library.inspect(outcome.value)}`;
}

/** An option that no function has, and that is like no other. */
const UNKNOWN = "?";

/** The names of all options, from the error about {@linkcode UNKNOWN}; "" if it is not refused. */
function listedNames(outcome: Outcome): string {
  const text = errorText(outcome);
  return /^TypeError: Cannot .*: there is no option "\?"; there (?:is|are) (.*)$/
    .exec(text)?.[1] ?? "";
}

function errorText(outcome: Outcome): string {
  return outcome !== undefined && "error" in outcome
    ? String(outcome.error)
    : "";
}

/** The faults of a function with options: it takes an unknown one, does not know a listed one, or hides one. */
async function optionFaults(
  names: readonly string[],
  call: (options: Record<string, unknown>) => Promise<Outcome>,
): Promise<string[]> {
  const faults: string[] = [];
  const listed = listedNames(await call({ [UNKNOWN]: true }));
  if (listed !== names.join(", ")) {
    const expected = new Set(names);
    const found = new Set(listed.split(", "));
    const difference = expected.symmetricDifference(found);
    if (difference.size > 0) faults.push(`has ${[...difference].join(", ")}`);
  }
  await Promise.all(names.map(async (name) => {
    const wrong = `x${name}`;
    const text = errorText(await call({ [wrong]: true }));
    const isRefused = text.startsWith("TypeError: Cannot ") &&
      text.endsWith(`no option "${wrong}"; did you mean "${name}"?`);
    if (!isRefused) faults.push(`${wrong}: ${text || "is accepted"}`);
  }));
  return faults;
}

for (const [name, row] of Object.entries({ ...TABLE, ...OTHERS })) {
  clusterTest(`${name} rejects wrong arguments by name`, async (cluster) => {
    const node = await cluster.start("alex", {
      io: { write() {} },
      log() {},
    });
    const faults: string[] = [];
    const check = async (
      where: string,
      takes: Takes,
      change: (args: unknown[], value: unknown) => void,
    ) => {
      const cases = Object.entries(WRONG).map(async ([label, make]) => {
        if (row.skip?.includes(`${where} ${label}`)) return;
        const outcome = await outcomeOf(
          node,
          row,
          accepts(takes, label),
          (args) => change(args, make()),
        );
        const wrong = fault(outcome, takes, label);
        if (wrong !== undefined) faults.push(`${where} ${label}: ${wrong}`);
      });
      await Promise.all(cases);
    };
    const checkNames = async (i: number, names: readonly string[]) => {
      const found = await optionFaults(
        names,
        (options) =>
          outcomeOf(node, row, false, (args) => {
            args[i] = { ...args[i] as object, ...options };
          }),
      );
      faults.push(...found.map((each) => `${i} ${each}`));
    };
    await node.run(async () => {
      const checks: Promise<void>[] = [];
      for (const i of (await row.args()).keys()) {
        checks.push(check(`${i}`, row.takes?.[i] ?? [], (args, value) => {
          args[i] = value;
        }));
        const fields = Object.entries(row.fields?.[i] ?? {});
        const names = row.names?.[i] ?? fields.map(([field]) => field);
        if (names.length > 0 && !row.free?.includes(i)) {
          checks.push(checkNames(i, names));
        }
        for (const [field, takes] of fields) {
          checks.push(check(`${i}.${field}`, takes, (args, value) => {
            args[i] = { ...args[i] as object, [field]: value };
          }));
        }
      }
      await Promise.all(checks);
    });
    assertEquals(faults, []);
    // A function that returns a promise rejects: no error escapes its `catch`.
    if (!BOTH.includes(name.split("/")[0])) {
      assert(
        (answers.get(row)?.size ?? 1) === 1,
        `${name} throws, and rejects`,
      );
    }
  });
}

clusterTest(
  "export() rejects invalid modules and names",
  async (cluster) => {
    const node = await cluster.start("alex");
    for (const [label, make] of Object.entries(WRONG)) {
      const value = make();
      if (typeof value !== "string") {
        assertThrows(
          () => node.export(value as string, {}),
          TypeError,
          "Cannot ",
        );
      }
      if (!["object", "function"].includes(typeof value) || label === "null") {
        assertThrows(
          () => node.export("Module", value as Record<string, unknown>),
          TypeError,
          "Cannot export on alex@localhost",
        );
      }
    }
  },
);
