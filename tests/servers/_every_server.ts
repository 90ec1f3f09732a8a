/** Every server of the library: its process, its requests, and how they are started together. */

import { assert, assertEquals } from "@std/assert";
import { atom } from "../../packages/processes/values/atom.ts";
import { Pid, Ref } from "../../packages/processes/values/pid.ts";
import { Tuple } from "../../packages/processes/values/tuple.ts";
import { Channel, Sockets } from "../../packages/channels/mod.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import type { Node } from "../../node.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";
import { Dashboard } from "../../packages/observe/dashboard/dashboard.ts";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { AGENT_REQUESTS } from "../../packages/servers/agent/agent_server.ts";
import { Application } from "../../packages/servers/application/application.ts";
import { Cluster } from "../../packages/cluster/discovery/cluster.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { OtpCollectors } from "../../packages/beam/observer/otp_collectors.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import { self } from "../../packages/processes/process.ts";
import { Registry } from "../../packages/servers/registry/registry.ts";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { TaskPool } from "../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { WORKER_INFO } from "../../packages/workers/worker_server.ts";
import { Workers } from "../../packages/workers/workers.ts";
import { CREATION, RAW, tagged } from "../_raw_beam.ts";

/** A process of the raw peer of either wire. */
export const OWN: Pid = new Pid(RAW, 1, CREATION);

/** A server of the library. */
export interface Row {
  /** Its class, or the file that starts its callback module. */
  server: string;
  /** The parts of the source that name its requests: a file, and the first words of a method or type. */
  parts?: [file: string, head: string][];
  /** Names of requests that are not in these parts. */
  words?: readonly string[];
  /** Its registered name, or the label of its process. */
  process: string | RegExp;
  /** Its requests, for a caller. */
  requests: Record<string, (caller: Pid) => unknown>;
  /** Requests that it serves for processes of its own node only. */
  refused?: readonly string[];
  /** A request of a BEAM that it answers; without it, it answers no calls. */
  asked?: unknown;
}

const run = { module: "Remote", function: "add", args: [1, 2] };
const spec = {
  id: "child",
  // It starts no process, so the answer is an error.
  start: { module: "Remote", function: "add", args: [1, 2] },
  restart: "temporary",
  shutdown: 5000,
  type: "worker",
  significant: false,
};
const entry = (pid: Pid) => ({ name: "x", pid, resolve: "random_exit_name" });
const plain = (type: string, rest: object = {}) => () => ({ type, ...rest });

export const ROWS: readonly Row[] = [
  {
    server: "SupervisorServer",
    parts: [["packages/servers/supervisor/supervisor_server.ts", "call("]],
    process: "sup",
    requests: {
      which_children: plain("which_children"),
      count_children: plain("count_children"),
      start_child: plain("start_child", { spec }),
      restart_child: plain("restart_child", { id: "none" }),
      get_childspec: plain("get_childspec", { id: "none" }),
      terminate_child: plain("terminate_child", { id: "child" }),
      delete_child: plain("delete_child", { id: "child" }),
    },
    asked: atom("which_children"),
  },
  {
    server: "DynamicSupervisorServer",
    parts: [[
      "packages/servers/supervisor/dynamic_supervisor_server.ts",
      "call(",
    ]],
    process: "dyn",
    requests: {
      which_children: plain("which_children"),
      count_children: plain("count_children"),
      start_child: plain("start_child", { spec }),
      terminate_child: (pid) => ({ type: "terminate_child", pid }),
    },
    asked: atom("count_children"),
  },
  {
    server: "TaskSupervisorServer",
    parts: [
      ["packages/servers/task/task_supervisor_server.ts", "call("],
      ["packages/cluster/task_pool/task_load.ts", "call("],
    ],
    process: "tasks",
    requests: {
      which_children: plain("which_children"),
      count_children: plain("count_children"),
      start_task: (caller) => ({
        type: "start_task",
        run,
        callers: [caller],
        link: false,
        restart: "temporary",
        shutdown: 5000,
      }),
      terminate_child: (pid) => ({ type: "terminate_child", pid }),
      watch_load: plain("watch_load"),
      drain: plain("drain", { timeout: 0 }),
    },
    asked: atom("count_children"),
  },
  {
    server: "TaskPoolServer",
    parts: [["packages/cluster/task_pool/task_pool_server.ts", "call("]],
    process: "pool",
    requests: { info: plain("info") },
    asked: { type: "info" },
  },
  {
    server: "GlobalWorker",
    parts: [["packages/cluster/global/global_worker.ts", "call("]],
    process: /^global_name_server$/,
    requests: {},
  },
  {
    server: "GlobalLocker",
    parts: [["packages/beam/servers/global_locker.ts", "call("]],
    process: /^global_name_server$/,
    requests: {},
  },
  {
    server: "PgScope",
    parts: [["packages/node/pg/pg_scope.ts", "call("]],
    process: "pg",
    requests: {
      join: (pid) => ({ type: "join", group: "g", pids: [pid] }),
      leave: (pid) => ({ type: "leave", group: "g", pids: [pid] }),
      monitor: plain("monitor", { group: "g" }),
      monitor_scope: plain("monitor_scope"),
      demonitor: plain("demonitor"),
    },
    refused: ["join", "leave", "monitor", "monitor_scope", "demonitor"],
    asked: atom("x"),
  },
  {
    server: "Rex",
    parts: [["packages/beam/servers/rex_server.ts", "call("]],
    process: "rex",
    // The function that it calls sends this process a message.
    requests: { call: rex("call"), block_call: rex("block_call") },
    asked: rex("call")(OWN),
  },
  {
    server: "Controller",
    parts: [[
      "packages/servers/application/application_controller.ts",
      "call(",
    ]],
    process: "application_controller",
    requests: {
      which_applications: plain("which_applications"),
      start_application: plain("start_application", { name: "none" }),
      stop_application: plain("stop_application", {
        name: "none",
        timeout: 60_000,
      }),
    },
    asked: { type: "which_applications" },
  },
  {
    server: "RegistryPartition",
    parts: [["packages/servers/registry/registry_partition.ts", "call("]],
    process: /^registry/,
    requests: { lock: plain("lock", { key: "k" }) },
    refused: ["lock"],
    asked: { type: "lock", key: "k" },
  },
  {
    server: "Appmon",
    parts: [["packages/beam/observer/otp_collectors.ts", "call("]],
    process: "appmon_info",
    requests: {},
  },
  {
    server: "LoggerProxy",
    parts: [["packages/beam/logger/logger_proxy.ts", "call("]],
    process: "logger_proxy",
    requests: {},
  },
  {
    server: "NetKernel",
    words: ["is_auth"],
    process: "net_kernel",
    requests: { is_auth: () => tagged("is_auth", atom(RAW)) },
    asked: tagged("is_auth", atom(RAW)),
  },
  {
    server: "ClusterServer",
    parts: [["packages/cluster/discovery/cluster_server.ts", "call("]],
    process: /^Cluster\.[Ss]erver$/,
    requests: {
      info: plain("info"),
      subscribe: plain("subscribe"),
      unsubscribe: plain("unsubscribe"),
    },
    refused: ["subscribe", "unsubscribe"],
    asked: { type: "info" },
  },
  {
    server: "TopologyServer",
    parts: [["packages/cluster/discovery/topology_server.ts", "call("]],
    process: "Cluster.lan",
    requests: {},
    asked: "x",
  },
  {
    server: "WorkerServer",
    words: [WORKER_INFO],
    process: /^Worker /,
    requests: { [WORKER_INFO]: () => WORKER_INFO },
    asked: WORKER_INFO,
  },
  {
    server: "packages/servers/agent/agent.ts",
    words: AGENT_REQUESTS as ReadonlySet<string> & Iterable<string> as never,
    process: "agent",
    requests: {
      get: plain("get", { run: { ...run, args: [1] } }),
      update: plain("update", { run: { ...run, args: [1] } }),
      get_and_update: plain("get_and_update", {
        run: { module: "Remote", function: "none", args: [] },
      }),
      cast: plain("cast", { run: { ...run, args: [1] } }),
    },
    asked: tagged("get", tagged("Elixir.Remote", atom("add"), [1])),
  },
  {
    server: "packages/observe/dashboard/dashboard.ts",
    words: ["url"],
    process: "Dashboard",
    requests: { url: () => "url" },
    asked: "url",
  },
  {
    server: "packages/entities/entities.ts",
    parts: [
      ["packages/entities/host_server.ts", "handleCall("],
      ["packages/entities/requests.ts", "type HostRequest ="],
    ],
    process: "Entities",
    requests: {
      find: () => ["find", "count", "a"],
      accept: () => ["accept", `${RAW}/1`],
      left: ({ node }) => ["left", `${node}/1`],
      moved: ({ node }) => [
        "moved",
        [{ id: "count/0", owner: `${node}/1`, epoch: 2 }],
      ],
      info: () => ["info"],
      release: () => ["release", "count", "a"],
      read: () => ["read", "count", "a", "get", []],
    },
    asked: ["info"],
  },
  {
    server: "packages/entities/host_server.ts",
    parts: [["packages/entities/requests.ts", "type EntityRequest ="]],
    process: "count",
    requests: {
      call: () => ["call", "add", []],
      subscribe: () => ["subscribe", "token"],
      follow: () => ["follow", "token"],
      runs: () => ["runs"],
      run: () => ["run", crypto.randomUUID(), "result", 1000],
    },
    asked: ["call", "add", []],
  },
  {
    // It has a second server, for the notice of a drain.
    server: "packages/entities/host_server.ts",
    process: "Entities drain",
    requests: {},
    asked: "x",
  },
  {
    server: "ClientSocket",
    parts: [["packages/channels/long_poll.ts", "call("]],
    words: ["poll"],
    process: "socket",
    requests: {
      // The answer to the heartbeat is the answer to the poll.
      push: plain("push", {
        lines: ['[null,"2","phoenix","heartbeat",{}]'],
      }),
      poll: plain("poll"),
    },
    asked: { type: "push", lines: [] },
  },
  {
    server: "JoinedChannel",
    parts: [["packages/channels/channel_process.ts", "call("]],
    process: "channel room:a",
    requests: {},
    asked: "x",
  },
  {
    server: "GlobalServer",
    parts: [["packages/cluster/global/global_server.ts", "call("]],
    process: "global_name_server",
    requests: {
      hello: plain("hello"),
      get_servers: plain("get_servers"),
      get_names: plain("get_names"),
      get_digest: plain("get_digest"),
      set_lock: plain("set_lock", { resource: "r", requester: "q" }),
      del_lock: plain("del_lock", { resource: "r", requester: "q" }),
      lock_names: plain("lock_names"),
      register: (pid) => ({ type: "register", entry: entry(pid), isNew: true }),
      unregister: plain("unregister", { name: "x" }),
      merge: plain("merge", { servers: [], insert: [], remove: [] }),
      unlock_names: plain("unlock_names"),
      share_lock: plain("share_lock", { requester: "q" }),
      change: plain("change", { change: { type: "unregister", name: "x" } }),
      whereis: plain("whereis", { name: "x" }),
      registered_names: plain("registered_names"),
      sync: plain("sync"),
      // The last one: the server answers it and closes the connection.
      remove_connection: plain("remove_connection"),
    },
    refused: ["hello", "change", "whereis", "registered_names", "sync"],
    asked: atom("get_names_ext"),
  },
];

function rex(kind: string): (caller: Pid) => Tuple {
  return () =>
    tagged(kind, atom("Elixir.Remote"), atom("add"), [1, 2], atom("user"));
}

const Count = Entity.define("count", {
  state: () => 0,
  add: (it) => ++it.state,
});

/** Opens a socket by a long poll, and joins a channel. */
async function joinChannel(): Promise<void> {
  const Room = Channel.define("room:*", { join: () => ({}) });
  const sockets = Sockets.handler({ channels: [Room] });
  const url = "http://localhost/socket/longpoll?vsn=2.0.0";
  const ask = async (token: string, body?: string) => {
    const method = body === undefined ? "GET" : "POST";
    const request = new Request(url + token, { method, body });
    return await (await sockets(request)).json();
  };
  const token = `&token=${(await ask("")).token}`;
  await ask(token, '["1","1","room:a","phx_join",{}]');
  assertEquals((await ask(token)).status, 200);
}

/** Starts all servers in the calling process. */
export async function startServers(alex: Node): Promise<void> {
  await Supervisor.startLink([], { strategy: "one_for_one", name: "sup" });
  await DynamicSupervisor.startLink({ name: "dyn" });
  await TaskSupervisor.startLink({ name: "tasks" });
  await pg.startLink();
  await TaskPool.startLink({ group: "g", name: "pool" });
  await Agent.startLink(() => 0, { name: "agent" });
  await Registry.startLink({ keys: "unique", name: "registry" });
  await global.registerName("owner", self());
  assertEquals(await Application.stop("none"), "not_started");
  await Cluster.startLink({
    topologies: { lan: { strategy: "static", nodes: [] } },
  });
  await Dashboard.startLink();
  await Entities.startLink({
    types: [Count],
    store: memoryStore(),
    shards: 1,
  });
  assertEquals(await Count.get("a").add(), 1);
  await joinChannel();
  const module = new URL("../workers/_worker.ts", import.meta.url);
  await Workers.startLink({ count: 1, module });
  new OtpCollectors(internalsOf(alex).runtime, undefined as never)
    .appmon(self());
}

/** The processes of a server; a name if the server starts when it is first asked. */
export function processesOf(
  { process, server }: Row,
  alex: Node,
): (Pid | string)[] {
  const { runtime } = internalsOf(alex);
  const isIt = (text: string | undefined) =>
    text !== undefined &&
    (typeof process === "string" ? text === process : process.test(text));
  const found = [...runtime.processes.values()]
    .filter(({ name, label }) => isIt(name as string) || isIt(label))
    .map(({ pid }) => pid);
  if (found.length > 0) return found;
  assert(typeof process === "string", `${server} does not run`);
  return [process];
}

/** A value as the JSON wire writes it. */
export function jsonOf(value: unknown): unknown {
  if (value instanceof Pid) {
    return { $pid: [value.node, value.number, value.creation] };
  }
  if (value instanceof Ref) {
    return { $ref: [value.node, value.number, value.creation] };
  }
  if (value instanceof Tuple) return { $tuple: value.elements.map(jsonOf) };
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    return { $atom: String((value as { name?: string }).name) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, jsonOf(each)]),
  );
}
