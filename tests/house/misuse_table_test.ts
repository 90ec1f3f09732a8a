/**
 * Every public function, with a wrong value in each position: it fails with an error of the library that
 * names the operation, or accepts the value as documented; an error of JavaScript's own ("Cannot read
 * properties of undefined") never appears.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as library from "../../mod.ts";
import {
  Agent,
  DynamicSupervisor,
  GenServer,
  global,
  makeRef,
  Node,
  pg,
  Process,
  receive,
  Registry,
  self,
  spawn,
  spawnLink,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../../mod.ts";
import * as Chat from "../../chat/mod.ts";
import { Cluster as Formation } from "../../packages/cluster/discovery/cluster.ts";
import type { Topology } from "../../packages/cluster/discovery/cluster.ts";
import config from "../../deno.json" with { type: "json" };
import { DEFAULT_LIMITS } from "../../packages/node/wire.ts";
import { Dashboard } from "../../packages/observe/dashboard/dashboard.ts";
import { health } from "../../packages/observe/health.ts";
import { logtapeLog } from "../../packages/observe/logtape.ts";
import { metrics } from "../../packages/observe/metrics.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { Telemetry } from "../../packages/observe/telemetry.ts";
import {
  checkStore,
  Entities,
  Entity,
  memoryStore,
  postgresStore,
  sqliteStore,
} from "../../packages/entities/mod.ts";
import { PubSub, Realtime, Sockets } from "../../packages/channels/mod.ts";
import { streams, streamType } from "../../packages/streams/mod.ts";
import { TaskPool } from "../../packages/cluster/task_pool/task_pool.ts";
import { PartitionSupervisor } from "../../packages/servers/supervisor/partition_supervisor.ts";
import { Workers } from "../../packages/workers/workers.ts";
import { nodeFlags } from "../../packages/shell/cli/node_flags.ts";
import * as testing from "../../packages/testing/mod.ts";
import { clusterTest } from "../_nodes.ts";
import { nodeHere } from "../../packages/node/start/node_internals.ts";

/** Wrong values, by the names that the table uses. */
const WRONG: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  zero: () => 0,
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
  takes: readonly Takes[];
  /** Options by position: the accepted values of each field. All fields are listed, and no others are taken. */
  fields: readonly (Record<string, Takes> | undefined)[];
  /** The names of options whose values another row tries, by position. */
  names?: Record<number, readonly string[]>;
  /** The positions of objects whose keys the user chooses. */
  free?: readonly number[];
  /** The cases that are not tried, as `position.field label`. */
  skip?: readonly string[];
}

/** Names for several wrong values. In the table, `?` after a name adds `undefined`, and `|` joins names. */
const KINDS: Record<string, Takes> = {
  any: "any",
  none: [],
  time: ["zero", "one", "fraction"],
  whole: ["zero", "one"],
  count: ["one"],
  flag: ["true"],
  fn: ["function"],
  string: ["empty", "text"],
  server: ["pid", "empty", "text"],
  // Any value but these can be a group.
  group: Object.keys(WRONG).filter((label) =>
    !["undefined", "promise", "function", "symbol"].includes(label)
  ),
};

function takesOf(text: string): Takes {
  if (text === "any") return "any";
  return text.split("|").flatMap((each) => {
    const kind = each.replace("?", "");
    const labels = KINDS[kind] ?? [kind];
    assert(labels !== "any");
    for (const label of labels) assert(label in WRONG, label);
    return each === kind ? labels : ["undefined", ...labels];
  });
}

/** Reads the accepted values of all positions, as in `server, fn, object? {timeout: time?}`. */
function positionsOf(text: string): Pick<Row, "takes" | "fields"> {
  const takes: Takes[] = [];
  const fields: (Record<string, Takes> | undefined)[] = [];
  while (text.includes("...")) {
    text = text.replace(/\.\.\.(\w+)/, (_, name) => FIELDS[name]);
  }
  for (const part of text === "" ? [] : text.split(/,(?![^{]*\})/)) {
    const [, own, braces] = /^(.*?)(?:\{(.*)\})?$/s.exec(part.trim())!;
    takes.push(takesOf(own.trim() || "none"));
    fields.push(
      braces === undefined ? undefined : Object.fromEntries(
        braces.split(",").map((each) => {
          const [name, kind] = each.split(":");
          return [name.trim(), takesOf(kind.trim())];
        }),
      ),
    );
  }
  return { takes, fields };
}

/** The fields of options that several functions take. */
const FIELDS: Record<string, string> = {
  // A deadline may have passed.
  CANCEL: "signal: undefined, deadline: time?|negative",
  WAIT: "timeout: time?, ...CANCEL",
  INSPECTED:
    "width: whole?, limit: whole?, depth: whole?, printableLimit: whole?, charlists: string?",
  INTENSITY: "maxRestarts: whole?, maxSeconds: count?",
  CHILD: `id: string?, restart: undefined, shutdown: time?, type: undefined,
    significant: undefined`,
  STREAM: `maxConcurrency: count?, ordered: flag?, timeout: time?, args: list?,
    onTimeout: undefined, zipInputOnExit: flag?, ...CANCEL`,
  PARTITIONED: `name: text, childSpec: none, partitions: count?,
    strategy: undefined, withArguments: undefined`,
  // Port 1 cannot be had; dashboard_test.ts tries it.
  PAGE: "port: whole?, host: undefined, write: flag?, name: text?",
  POOL: "scope: string?, maxQueue: whole?, waitForNode: time?, maxRuns: count?",
  WORKERS: `module: none, moduleName: string?, count: count?, nodeName: text?,
    port: whole?, answerTimeout: time?, startTimeout: time?, shutdown: time?,
    name: string?, ...INTENSITY`,
  NODE: `name: text, cookie: text, cookieFile: text?,
    modules: object?, allow: fn?, allowClosures: flag?,
    allowObserve: flag?, allowRemsh: flag?, cluster: object?, minPeers: whole?,
    listen: undefined, advertise: undefined, port: whole?, tls: undefined,
    wires: undefined, epmdPort: one?, hidden: flag?, connectAll: flag?,
    tickTime: time?, poll: whole?, limits: object?, io: undefined, log: fn?,
    logFilter: fn?, logLevel: undefined, onStart: fn?, onTreeEnd: fn?,
    stopTimeout: time?, drainTimeout: time?, use: list?`,
};

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
const application = () => ({ name: `app${fresh()}`, start: supervisor });

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

/**
 * Functions, the accepted values by position, and valid arguments. Later names of a row repeat the prefix of
 * the first.
 */
const ROWS: Record<string, Row["args"]> = {
  "Process.alias(object? {reply: flag?})": () => [{}],
  "Process.alive(pid)": () => [self()],
  "Process.callers monotonicTime registered signal()": () => [],
  "Process.cancelTimer(ref, object? {async: flag?, info: flag?})":
    () => [makeRef(), {}],
  "Process.delete(any)": () => ["key"],
  "Process.demonitor(ref, object? {flush: flag?})": () => [makeRef(), {}],
  "Process.exit(pid, any)": () => [spawned(), "kill"],
  "flush makeRef self()": () => [],
  "Process.get put(any, any)": () => ["key", 1],
  "Process.getKeys(object? {value: any})": () => [{}],
  "Process.groupLeader(pid, pid)": () => [spawned(), spawned()],
  "Process.groupLeader/1(pid?)": () => [spawned()],
  "Process.info(pid?, object? {messages: flag?, remote: flag?, timeout: any})":
    () => [self(), {}],
  "Logger.debug error info warning(fn|string, object?)":
    () => ["message", { order: 17 }],
  "Logger.level()": () => [],
  "Logger.setFilter(fn?)": () => [undefined],
  "Logger.setLevel()": () => ["warning"],
  "isDown isExit isReply tuple(any)": () => [1],
  "remote(string)": () => ["Jobs"],
  "Process.link unlink(pid)": () => [spawned()],
  "Process.list(object? {info: flag?})": () => [{}],
  "Process.monitor(pid|string, object? {alias: undefined})":
    () => [spawned(), {}],
  "Process.readTimer(ref)": () => [makeRef()],
  "receive(fn?|null, object? {timeout: time?, after: any, signal: undefined})":
    () => [() => false, { timeout: 0, after: 1 }],
  "Process.register(pid, text)": () => [spawned(), `name${fresh()}`],
  "Process.reply(ref, any)": () => [makeRef(), 1],
  "send(pid|ref|string, any)": () => [spawned(), 1],
  "Process.send(pid|ref|string, any, object? {noconnect: flag?, nosuspend: flag?})":
    () => [spawned(), 1, {}],
  "Process.sendAfter(pid|string, any, time, object? {abs: flag?})":
    () => [spawned(), 1, 1, {}],
  "Process.setLabel(any)": () => ["label"],
  "Process.sleep(time)": () => [1],
  "spawn spawnLink spawnMonitor(fn, list?, object? {label: string?})":
    () => [() => {}, [], {}],
  "Process.trapExit(flag)": () => [true],
  "Process.unalias(ref)": () => [Process.alias()],
  "Process.unregister whereis(string)": () => ["user"],
  "Node.alive self connections stats()": () => [],
  "Node.connect(string, object? {address: string?})":
    () => ["nobody@localhost", {}],
  "Node.disconnect ping(string)": () => ["nobody@localhost"],
  "Node.drainOnSignal(object? {signals: list?, timeout: time?, exit: flag?})":
    () => [{}],
  "Node.list(undefined)": () => ["visible"],
  "Node.monitor(string, flag?)": () => ["nobody@localhost", true],
  "Node.monitorNodes(flag, object? {nodeType: undefined})": () => [true, {}],
  "Node.onDrain(fn)": () => [() => 1],
  "Node.run(fn, object? {signal: undefined})": () => [() => 1, {}],
  "Node.spawn spawnLink spawnMonitor(string, fn, list?)":
    () => [Node.self(), () => {}, []],
  "Node.start({...NODE})":
    () => [{ name: "kate@localhost", cookie: "c", epmdPort: false }],
  "GenServer.abcast(string, any, object? {nodes: list?})":
    () => ["Server", 1, {}],
  "GenServer.call(server, any, object? {...WAIT})":
    async () => [await start(), 1, {}],
  "GenServer.cast(server, any)": async () => [await start(), 1],
  "GenServer.childSpec(none, any, object? {timeout: time?, name: string?, ...CHILD})":
    () => [Server, 1, {}],
  "GenServer.multiCall(string, any, object? {nodes: list?, ...WAIT})":
    () => ["Server", 1, {}],
  "GenServer.ref whereis(server)": () => ["Server"],
  "GenServer.reply(none, any)": () => [{ pid: self(), ref: makeRef() }, 1],
  "GenServer.start startLink(none, any, object? {name: text?, ...WAIT})":
    () => [Server, 1, {}],
  "GenServer.stop(server, any, time?)":
    async () => [await start(), "normal", 1000],
  "Agent.cast(server, fn)": async () => [await agent(), () => 1],
  "Agent.childSpec(fn, object? {timeout: time?, name: string?, ...CHILD})":
    () => [() => 1, {}],
  "Agent.get getAndUpdate update(server, fn, object? {...WAIT})":
    async () => [await agent(), () => [1, 1], {}],
  "Agent.ref(server)": () => ["Agent"],
  "Agent.start startLink(fn, object? {name: text?, ...WAIT})":
    () => [() => 1, {}],
  "Agent.stop(server, any, time?)": async () => [await agent(), "normal", 1000],
  "Task.async(fn, list?, object? {...CANCEL})": () => [() => 1, [], {}],
  "Task.asyncStream(list|string, fn, object? {...STREAM})":
    () => [[], () => 1, {}],
  "Task.await yield(none, time?|object {...WAIT})":
    () => [Task.async(() => 1), {}],
  "Task.awaitMany(list, time?|object {...WAIT})":
    () => [[Task.async(() => 1)], {}],
  "Task.childSpec(fn)": () => [() => 1],
  "Task.completed(any)": () => [1],
  "Task.ignore()": () => [Task.async(() => 1)],
  "Task.shutdown(none, time?)": () => [Task.async(() => 1), 1000],
  "Task.start startLink(fn, list?)": () => [() => 1, []],
  "Task.yieldMany(list, time|object? {...WAIT, limit: whole?, onTimeout: undefined})":
    () => [[Task.async(() => 1)], {}],
  "TaskSupervisor.async asyncNolink(server, fn, list?, object? {shutdown: time?, ...CANCEL})":
    async () => [await tasks(), () => 1, [], {}],
  "TaskSupervisor.asyncStream asyncStreamNolink(server, list|string, fn, object? {...STREAM, shutdown: time?})":
    async () => [await tasks(), [1], () => 1, {}],
  "TaskSupervisor.childSpec(object? {maxChildren: whole?, name: string?, group: any, scope: string?, timeout: time?, ...INTENSITY})":
    () => [{}],
  "TaskSupervisor.children(server)": async () => [await tasks()],
  "TaskSupervisor.drain(server, object? {timeout: time?})":
    async () => [await tasks(), {}],
  "TaskSupervisor.startChild(server, fn, list?, object? {...WAIT, restart: undefined, shutdown: time?})":
    async () => [await tasks(), () => 1, [], {}],
  "TaskSupervisor.startLink(object? {maxChildren: whole?, name: text?, group: group?, scope: string?, ...INTENSITY, ...WAIT})":
    () => [{}],
  "TaskSupervisor.stop(server, any, time?)":
    async () => [await tasks(), "normal", 1000],
  "TaskSupervisor.terminateChild(server, pid)":
    async () => [await tasks(), spawned()],
  "Supervisor.childSpec({...CHILD, id: string, start: fn}, object? {...CHILD, start: fn?})":
    () => [child(), {}],
  "Supervisor.countChildren whichChildren(server)":
    async () => [await supervisor()],
  "Supervisor.deleteChild getChildspec restartChild terminateChild(server, string)":
    async () => [await supervisor(), "child"],
  "Supervisor.startChild(server, {...CHILD, id: string, start: fn}, object? {...WAIT})":
    async () => [await supervisor(), child(), {}],
  "Supervisor.startLink(list, {...INTENSITY, ...WAIT, strategy: none, name: text?, autoShutdown: undefined})":
    () => [[], { strategy: "one_for_one" }],
  "Supervisor.stop(server, any, time?)":
    async () => [await supervisor(), "normal", 1000],
  "DynamicSupervisor.childSpec(object? {maxChildren: whole?, name: string?, extraArguments: list?, timeout: time?, ...INTENSITY})":
    () => [{}],
  "DynamicSupervisor.countChildren whichChildren(server)":
    async () => [await dynamic()],
  "DynamicSupervisor.startChild(server, {...CHILD, id: string, start: fn}, object? {...WAIT})":
    async () => [await dynamic(), child(), {}],
  "DynamicSupervisor.startLink(object? {maxChildren: whole?, name: text?, extraArguments: list?, ...INTENSITY, ...WAIT})":
    () => [{}],
  "DynamicSupervisor.stop(server, any, time?)":
    async () => [await dynamic(), "normal", 1000],
  "DynamicSupervisor.terminateChild(server, pid)":
    async () => [await dynamic(), spawned()],
  "Registry.childSpec({keys: none, name: text, listeners: list?, meta: object?})":
    () => [{ keys: "unique", name: "R" }],
  "Registry.count(string)": async () => [await registry()],
  "Registry.countMatch match unregisterMatch(string, any, fn)":
    async () => [await registry(), "key", () => true],
  "Registry.countSelect(string, fn)":
    async () => [await registry(), () => true],
  "Registry.deleteMeta lookup meta unregister(string, any)":
    async () => [await registry(), "key"],
  "Registry.dispatch lock(string, any, fn)":
    async () => [await registry(), "key", () => {}],
  "Registry.keys(string, pid)": async () => [await registry(), self()],
  "Registry.putMeta register(string, any, any)":
    async () => [await registry(), "key", 1],
  "Registry.registerName(none, pid)":
    async () => [[await registry(), "key"], self()],
  "Registry.select(string, fn?)": async () => [await registry(), () => true],
  "Registry.startLink({keys: none, name: text, listeners: list?, meta: object?})":
    () => [{ keys: "unique", name: `R${fresh()}` }],
  "Registry.unregisterName whereisName()":
    async () => [[await registry(), "key"]],
  "Registry.updateValue(string, any, fn)":
    async () => [await registry(), "key", () => 1],
  "Registry.values(string, any, pid)":
    async () => [await registry(), "key", self()],
  "Application.deleteEnv(string, string, object? {persistent: flag?})":
    () => ["app", "key", {}],
  "Application.fetchEnv fetchEnvOrThrow(string, string)": () => ["app", "key"],
  "Application.getAllEnv spec(string)": () => ["app"],
  "Application.getEnv(string, string, any)": () => ["app", "key", 1],
  "Application.load(object {app: object})": () => [{ app: { key: 1 } }],
  "Application.putEnv(string, string, any, object? {persistent: flag?})":
    () => ["app", "key", 1, {}],
  "Application.spec/2(string)": () => ["app", "vsn"],
  "Application.start({name: text, start: fn, applications: list?, env: object?, prepStop: fn?, stop: fn?, description: string?, vsn: string?}, object? {type: undefined})":
    () => [application(), {}],
  "Application.started()": () => [],
  "Application.stop(string, object? {timeout: time?})": () => ["app", {}],
  "global.delLock(none, object? {nodes: list?, ...WAIT})":
    () => [["lock", 1], {}],
  "global.notifyAllName randomExitName randomNotifyName(any, pid, pid)":
    () => ["name", spawned(), spawned()],
  "global.registerName reRegisterName(any, pid, undefined, object? {...WAIT})":
    () => [fresh(), spawned(), global.notifyAllName, {}],
  "global.registeredNames sync(object? {...WAIT})": () => [{}],
  "global.send(any, any, object? {...WAIT})": () => ["name", 1, {}],
  "global.setLock(none, object? {nodes: list?, retries: whole?, ...WAIT})":
    () => [[fresh(), 1], { retries: 0 }],
  "global.trans(none, fn, object? {nodes: list?, retries: whole?, ...WAIT})":
    () => [[fresh(), 1], () => 1, { retries: 0 }],
  "global.unregisterName whereisName(any, object? {...WAIT})":
    () => ["name", {}],
  "pg.childSpec(object? {scope: string?})": () => [{}],
  "pg.demonitor(ref, object? {scope: string?})":
    async () => [makeRef(), await scope()],
  "pg.getMembers getLocalMembers monitor(any, object? {scope: string?})":
    async () => ["group", await scope()],
  "pg.join leave(any, pid|list, object? {scope: string?})":
    async () => ["group", self(), await scope()],
  "pg.monitorScope whichGroups whichLocalGroups(object? {scope: string?})":
    async () => [await scope()],
  "pg.start startLink(text?)": () => [`scope${fresh()}`],
  "rpc.call(string, fn, list?, object? {...WAIT})":
    () => [Node.self(), () => 1, [], {}],
  "rpc.cast(string, fn, list?)": () => [Node.self(), () => 1, []],
  "rpc.multicall(list, fn, list?, object? {...WAIT})":
    () => [[Node.self()], () => 1, [], {}],
  "rpc.multicast(list, fn, list?)": () => [[Node.self()], () => 1, []],
  "rpc.raisedOn(any)": () => [1],
  "IO.gets(any, object? {device: pid?})": () => ["> ", {}],
  "IO.read(count?, object? {device: pid?})": () => [1, {}],
  "IO.inspect(any, object? {device: pid?, label: string?, ...INSPECTED})":
    () => [1, {}],
  "IO.puts write(any, object? {device: pid?})": () => ["text", {}],
  "beam(fn, object?)": () => [() => 1, { args: ["atom"], returns: "atom" }],
  "atom(string)": () => ["ok"],
  "formatExit(any)": () => ["normal"],
  "improperList(list, any)": () => [[1], 2],
  "inspect(any, object? {...INSPECTED})": () => [1, {}],
  "Dashboard.childSpec(object? {...PAGE})": () => [{}],
  "Dashboard.startLink(object? {...PAGE})":
    () => [{ name: `Dashboard${fresh()}` }],
  "Dashboard.url(server?)":
    async () => [await Dashboard.startLink({ name: `Dashboard${fresh()}` })],
  "TaskPool.childSpec({...POOL, group: group, name: text?, timeout: time?})":
    () => [{ group: "g" }],
  "TaskPool.info(server)": async () => [await taskPool()],
  "TaskPool.run(server, fn, list?, object? {timeout: time?, deadline: time?|negative, signal: undefined, mayRunTwice: flag?, shutdown: time?})":
    async () => [await taskPool(), () => 1, [], { timeout: 0 }],
  "TaskPool.startLink({...POOL, group: group, name: text?, ...WAIT})":
    async () => [{ group: "g", ...await scope() }],
  "TaskPool.stop(server, any, time?)":
    async () => [await taskPool(), "normal", 1000],
  "Cluster.childSpec({topologies: object, name: text?})":
    () => [{ topologies: {} }],
  "Cluster.info subscribe(string?)": () => ["none"],
  "Cluster.startLink({topologies: object, name: text?})":
    () => [{ topologies: {}, name: `C${fresh()}` }],
  "Cluster.unsubscribe(ref, string?)": () => [makeRef(), "none"],
  "nodeFlags({args: none, exit: flag?})":
    () => [{ args: ["--sname", "kate@localhost"], exit: false }],
  "Workers.childSpec({...WORKERS})": () => [{ module: "file:///none.js" }],
  "Workers.info nodes stop(server)": () => ["none"],
  "Workers.startLink({module: none})": () => [{ module: "file:///none.js" }],
  "Chat.sendMessage(string, any, object? {remoteSupervisor: fn?})":
    () => ["kate@localhost", "hi", {}],
  "Chat.spawnTask(fn, string, list?, object? {remoteSupervisor: fn?})":
    () => [Chat.receiveMessage, "kate@localhost", ["hi"], {}],
  "configureTests(object {exclude: list?, include: list?})": () => [{}],
  "logtapeLog(object? {category: list?})": () => [{}],
  "describeTags(list)": () => [[]],
  "PartitionSupervisor.childSpec({...PARTITIONED, timeout: time?, ...INTENSITY, withArguments: fn?})":
    () => [partitioned()],
  "PartitionSupervisor.countChildren whichChildren(server)":
    async () => [await partitions()],
  "PartitionSupervisor.partitions(text)": async () => [await partitions()],
  "PartitionSupervisor.registerName()": () => [["Partitions", 1], self()],
  "PartitionSupervisor.resize(text, whole)":
    async () => [await partitions(), 1],
  "PartitionSupervisor.startLink({...PARTITIONED, ...INTENSITY, ...WAIT})":
    () => [partitioned()],
  "PartitionSupervisor.stop(server, any, time?)":
    async () => [await partitions(), "normal", 1000],
  "PartitionSupervisor.unregisterName()": () => [["Partitions", 1]],
  "PartitionSupervisor.whereisName()": async () => [[await partitions(), 1]],
  "normalizeFilters({include: list, exclude: list})":
    () => [{ include: [], exclude: [] }],
  "parseFilter(text)": () => ["slow"],
  "picks({include: list, exclude: list}, any)":
    () => [{ include: [], exclude: [] }, {}],
  "startNodes(list, object?)": () => [[], {}],
};

/** The optional parts of a row. */
const MORE: Record<string, Pick<Row, "names" | "free" | "skip">> = {
  // These would use the user's EPMD, port and cookie.
  "Node.start": {
    skip: [
      "0.cookie undefined",
      "0.epmdPort undefined",
      "0.epmdPort one",
      "0.port one",
    ],
  },
  "Application.load": { free: [0] },
  "Dashboard.startLink": {
    skip: ["0 undefined", "0 object", "0.name undefined", "0.name text"],
  },
  // The first three read the command line of the tests, and the last one is a usage error.
  "nodeFlags": {
    skip: ["0 undefined", "0 object", "0.args undefined", "0.args list"],
  },
  // Valid options would start threads.
  "Workers.startLink": {
    names: { 0: Object.keys(positionsOf("{...WORKERS}").fields[0]!) },
  },
  "configureTests": {
    names: { 0: ["exclude", "include", "modules", "application"] },
  },
};

/** The functions that the rows name. */
// deno-lint-ignore no-explicit-any
const FUNCTIONS: any = {
  ...testing,
  Chat,
  Cluster: Formation,
  Dashboard,
  logtapeLog,
  nodeFlags,
  PartitionSupervisor,
  TaskPool,
  Workers,
  ...library,
};

/** Functions whose result needs more than an `await`. */
const WRAPPED: Record<string, Row["fn"]> = {
  "Node.drainOnSignal": (
    options: Parameters<typeof Node.drainOnSignal>[0],
  ) => Node.drainOnSignal(options)[Symbol.dispose](),
  "Task.asyncStream": (...args: Parameters<typeof Task.asyncStream>) =>
    Array.fromAsync(Task.asyncStream(...args)),
  "TaskSupervisor.asyncStream": (
    ...args: Parameters<typeof TaskSupervisor.asyncStream>
  ) => Array.fromAsync(TaskSupervisor.asyncStream(...args)),
  "TaskSupervisor.asyncStreamNolink": (
    ...args: Parameters<typeof TaskSupervisor.asyncStreamNolink>
  ) => Array.fromAsync(TaskSupervisor.asyncStreamNolink(...args)),
};

const TABLE: Record<string, Row> = Object.fromEntries(
  Object.entries(ROWS).flatMap(([key, args]) => {
    const [, names, positions] = /^(.*?)\((.*)\)$/.exec(key)!;
    const [first, ...others] = names.split(" ");
    const prefix = first.slice(0, first.lastIndexOf(".") + 1);
    return [first, ...others.map((name) => prefix + name)].map((name) => {
      const plain = name.split("/")[0];
      const fn = WRAPPED[plain] ??
        plain.split(".").reduce((at, key) => at[key], FUNCTIONS);
      assert(typeof fn === "function", `there is no function ${name}`);
      return [name, { fn, args, ...positionsOf(positions), ...MORE[name] }];
    });
  }),
);

const node = () => nodeHere(Node)!;
const SHARED_NODE = Object.keys(TABLE["Node.start"].fields[0]!)
  .filter((name) => name !== "name").join(" ");
const SIMULATED_NODE = SHARED_NODE.replace(
  /\b(cookieFile|listen|advertise|port|tls|epmdPort|poll) /g,
  "",
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
const TOPOLOGY =
  "minDelay maxDelay maxDials maxAddresses disconnectForgotten strategy";
const POLL = `${TOPOLOGY} interval timeout`;
const DNS = `${POLL} query node resolver`;
const simulated = testing.SimulatedCluster.prototype;

const ENTITIES =
  "types store hosts shards lease weight pins maxEntities maxHeld maxMoves name";

/** Other options, which other tests try with wrong values: functions of objects, of programs, and parts of options. */
// deno-lint-ignore no-explicit-any
const OPTIONS_ONLY: Record<string, [(options: any) => unknown, string]> = {
  "Node.start: limits": [
    (limits) => startNode({ limits }),
    Object.keys(DEFAULT_LIMITS).join(" "),
  ],
  "Node.start: tls": [
    (tls) => startNode({ tls: { cert: "c", key: "k", ca: "a", ...tls } }),
    "cert key ca verify",
  ],
  "Node.connect: an address": [
    (options) => Node.connect({ address: "localhost:1", ...options }),
    "address",
  ],
  "Node.drain": [Node.drain, "timeout"],
  "Node.stop": [Node.stop, "timeout"],
  "Node#drain": [(options) => node().drain(options), "timeout"],
  "Node#run": [(options) => node().run(() => {}, options), "signal"],
  "Node#stop": [(options) => node().stop(options), "timeout"],
  "Entities.childSpec": [
    (options) =>
      Entities.childSpec({ types: [], store: memoryStore(), ...options }),
    ENTITIES,
  ],
  "Entities.startLink": [
    (options) =>
      Entities.startLink({ types: [], store: memoryStore(), ...options }),
    ENTITIES,
  ],
  "Entities.keys": [
    (options) => Entities.keys("room", options),
    "after prefix limit",
  ],
  "Entity.define": [
    (options) => Entity.define("room", { state: () => 0 }, options),
    "durability save idle limit version migrate maxRestarts maxSeconds retryAlarms retryParked remember runs",
  ],
  "Entity.define: runs": [
    (runs) => Entity.define("room", { state: () => 0 }, { runs }),
    "bytes keep open steps",
  ],
  "Entity.define: runs.keep": [
    (keep) => Entity.define("room", { state: () => 0 }, { runs: { keep } }),
    "days runs",
  ],
  "Entity.define: retryAlarms": [
    (retryAlarms) => Entity.define("room", { state: () => 0 }, { retryAlarms }),
    "min max attempts",
  ],
  "Entity.define: remember": [
    (remember) => Entity.define("room", { state: () => 0 }, { remember }),
    "calls for",
  ],
  "EntityType.get": [
    (options) => Entity.define("room", { state: () => 0 }).get("r1", options),
    "timeout signal deadline mayRunTwice id",
  ],
  "checkStore": [(options) => checkStore(memoryStore, options), "rounds"],
  "memoryStore": [memoryStore, "now sql"],
  "postgresStore": [
    (options) => postgresStore(() => Promise.resolve([]), options),
    "migrate prefix",
  ],
  "sqliteStore": [(options) => sqliteStore("x.db", options), "sync"],
  "streams": [
    (options) =>
      streams({ store: memoryStore(), authorize: () => true, ...options }),
    "authorize store entities prefix origins cache address owner limits",
  ],
  "streams: limits": [
    (limits) =>
      streams({ store: memoryStore(), authorize: () => true, limits }),
    "body bodyTime name ttl streams streamsOfOwner page readers readersOfStream readersOfAddress longPoll sse unread timeout",
  ],
  "streamType": [streamType, "name keep producers forks"],
  "GenServer.ref": [(options) => GenServer.ref("Server", options), "beam"],
  "GenServer.ref: beam": [
    (beam) => GenServer.ref("Server", { beam }),
    "call reply replies cast info",
  ],
  "beam: types": [(types) => library.beam(() => 1, types), "args returns"],
  "Cluster: static": [
    topology({ strategy: "static", nodes: [] }),
    `${TOPOLOGY} nodes`,
  ],
  "Cluster: epmd": [
    topology({ strategy: "epmd", hosts: [] }),
    `${POLL} hosts filter`,
  ],
  "Cluster: dns": [
    topology({ strategy: "dns", query: "q", port: 1 }),
    `${DNS} port`,
  ],
  "Cluster: dnsSrv": [topology({ strategy: "dnsSrv", query: "q" }), DNS],
  "Cluster: gossip": [
    topology({ strategy: "gossip" }),
    `${TOPOLOGY} address port interface ttl interval forgetAfter maxAge`,
  ],
  "Cluster: a function": [topology({ strategy: () => [] }), POLL],
  "PubSub.childSpec": [PubSub.childSpec, "name presenceGrace"],
  "Realtime.channel": [Realtime.channel, "join replay"],
  "Sockets.handler": [
    (options) => Sockets.handler({ ...options as object, channels: [] }),
    `channels connect id origins path timeout maxChannels maxMessageBytes
     maxUnreadBytes maxDepth maxMessageRate maxUserMessageRate maxWaiting
     maxSocketsPerAddress address`,
  ],
  "Sockets.drain": [Sockets.drain, "over"],
  "Observer.node": [Observer.node, "node timeout"],
  "Observer.tree": [Observer.tree, "node timeout"],
  "Observer.names": [Observer.names, "node timeout"],
  "Observer.entities": [Observer.entities, "node timeout"],
  "Observer.entity": [
    (options) => Observer.entity("room", "r1", options),
    "node timeout",
  ],
  "Observer.view": [
    (options) => Observer.view("channels", options),
    "node timeout limit",
  ],
  "Observer.log": [Observer.log, "node timeout after"],
  "Observer.processes": [Observer.processes, "node timeout order limit search"],
  "Observer.process": [
    (options) => Observer.process(self(), options),
    "timeout",
  ],
  "Observer.trace": [
    (options) => Observer.trace(self(), options),
    "limit timeout",
  ],
  "Telemetry.start": [Telemetry.start, "traces metrics"],
  health: [
    health,
    "node minPeers ready live timeout maxAge livePath readyPath verbose",
  ],
  metrics: [metrics, "path registry"],
  test: [
    (options) => testing.test("none", options, () => {}),
    `modules application tags programs peers node sanitizeProcesses ignore only
     sanitizeOps sanitizeResources sanitizeExit repeats retry permissions timeout`,
  ],
  startNodes: [(options) => testing.startNodes([], options), SHARED_NODE],
  startPeer: [
    (options) => testing.startPeer("kate", options),
    "modules application epmdPort cookie permissions env timeout from",
  ],
  simulate: [
    (options) => testing.simulate({ types: [], work: () => {}, ...options }),
    `types nodes callers seeds faults strikes works shards lease shrinks work
     always finally`,
  ],
  "SimulatedCluster.start": [
    (options) => testing.SimulatedCluster.start({ nodes: [], ...options }),
    `${SIMULATED_NODE} nodes seed delay epmd`,
  ],
  "SimulatedCluster.start: a node": [
    (options) =>
      testing.SimulatedCluster.start({ nodes: [{ name: "alex", ...options }] }),
    `${SIMULATED_NODE} name`,
  ],
  // Options are checked before anything of the cluster is needed.
  "SimulatedCluster#run": [
    (options) => simulated.run.call(undefined!, "alex", () => {}, options),
    "within",
  ],
  "SimulatedCluster#settle": [
    (options) => simulated.settle.call(undefined!, options),
    "within",
  ],
  "SimulatedCluster#partition": [
    (options) => simulated.partition.call(undefined!, [], [], options),
    "mode oneWay",
  ],
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
    const module = await import(import.meta.resolve(`../../${path}`));
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
  const rows = Object.entries(TABLE);
  for (const [name, fn] of await entryPoints()) {
    const position = optionsPosition(fn);
    // `send` has the parameter to refuse any options.
    if (position < 0 || Object.hasOwn(OPTIONS_ONLY, name) || name === "send") {
      continue;
    }
    const hasRow = rows.some(([key, row]) =>
      key.split("/")[0] === name &&
      (row.fields[position] ?? row.names?.[position]) !== undefined
    );
    if (!hasRow) missing.push(`${name}, ${position}`);
  }
  assertEquals(missing, []);
});

clusterTest("unknown options of objects and programs fail", async (cluster) => {
  const node = await cluster.start("alex");
  const faults: string[] = [];
  await node.run(async () => {
    for (const [name, [fn, names]] of Object.entries(OPTIONS_ONLY)) {
      const row: Row = { fn, args: () => [{}], takes: [], fields: [] };
      const found = await optionFaults(
        names.split(/\s+/),
        (options) =>
          outcomeOf(node, row, false, (args) => {
            args[0] = options;
          }),
      );
      faults.push(...found.map((each) => `${name} ${each}`));
    }
  });
  assertEquals(faults, []);
});

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

for (const [name, row] of Object.entries(TABLE)) {
  clusterTest(`${name} rejects wrong arguments by name`, async (cluster) => {
    const node = await cluster.start("alex", { io: { write() {} }, log() {} });
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
        checks.push(check(`${i}`, row.takes[i] ?? [], (args, value) => {
          args[i] = value;
        }));
        const fields = Object.entries(row.fields[i] ?? {});
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

clusterTest("export() rejects invalid modules and names", async (cluster) => {
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
});
