/**
 * Nodes: start one, connect to others, and start processes on them.
 *
 * Follows Elixir's [Node](https://hexdocs.pm/elixir/1.18/Node.html).
 *
 * @module
 */

import type {
  HostEnvironment,
  HostRegistration,
} from "./host/host_environment.ts";
import type { Network, NodeKind } from "./network/network.ts";
import type {
  LocalProcess,
  NodeTypes,
} from "@otp/processes/process/local_process";
import type {
  ConnectionInfo,
  ConnectionStats,
} from "./connections/statistics.ts";
import { NodeStartError } from "@otp/processes/errors";
import { checkModule } from "./start/check_options.ts";
import { NodeDrain, type NodeDrainOutcome } from "./start/drain.ts";
import {
  checkSignalOptions,
  drainOnSignal,
  type DrainSignalOptions,
} from "./start/drain_on_signal.ts";
import type { NodeOptions } from "./start/node_options.ts";
import { setInternals, setNodeModule } from "./start/node_internals.ts";
import {
  type AttachedParts,
  startNode,
  systemHost,
} from "./start/start_node.ts";
import { TreeWatch } from "./start/tree_watch.ts";
import { outside } from "@otp/processes/context/async_context";
import {
  currentProcess,
  currentRuntime,
  insideOf,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import {
  defaultSettled,
  NO_NODE,
  setDefaultRuntime,
  setLoopback,
  unnamed,
} from "@otp/processes/runtime/default_node";
import { isTypedCode } from "@otp/processes/runtime/typed_code";
import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import { serveInfo } from "@otp/processes/process/process_info";
import type { Runtime } from "@otp/processes/process/runtime";
import type {
  ModuleExports,
  RemoteFunction,
} from "@otp/processes/remote/exported_modules";
import { runIn, type RunOptions } from "@otp/processes/spawning/run_in_process";
import { spawnOn } from "@otp/processes/runtime/spawn_on_node";
import {
  checkFunction,
  checkOptions,
  checkString,
  checkValue,
  FLAG,
  oneOf,
  TEXT,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { promised } from "@otp/processes/promises/promises";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { Pid, Ref } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import {
  type Shutdown,
  shutDown,
} from "@otp/servers/application/node_shutdown";
import { prepareUnnamedNode } from "./io/group_leader.ts";
import { serveRpc } from "./rpc/rpc_call.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export { jsonLog } from "@otp/processes/log/json_log";
export { standardLog, textLog } from "@otp/processes/log/log_event";
export { remote } from "@otp/processes/remote/exported_modules";
export type {
  Atom,
  ConnectionInfo,
  ConnectionStats,
  DrainSignalOptions,
  ModuleExports,
  NodeDrainOutcome,
  NodeKind,
  NodeOptions,
  NodeTypes,
  Pid,
  RemoteFunction,
  RunOptions,
};
export type { StopSignal } from "@otp/processes/host/stop_signals";
export type {
  ApplicationReport,
  CrashReport,
  LogEvent,
  LogFilter,
  LogHook,
  LogLevel,
  RemoteOrigin,
  ReportedChild,
  SupervisorError,
  SupervisorReport,
  TraceIds,
} from "@otp/processes/log/log_event";
export type {
  Allow,
  FunctionNames,
  ModuleFunction,
  RemoteModule,
} from "@otp/processes/remote/exported_modules";
export type {
  Holding,
  RefusedRequest,
} from "@otp/processes/remote/peer_quotas";
export type { PollStats } from "@otp/processes/host/poll";
export type { Ancestor } from "@otp/processes/values/lineage";
export type { PeerCertificate } from "./host/certificate.ts";
export type { TlsOptions } from "./host/credentials.ts";
export type { Limits, RefusalCause, WireName } from "./wire.ts";
export type { IoDevice } from "./io/io_device.ts";
export type { TreeEnd } from "@otp/servers/supervisor/tree_end";
export type { NodePart, PartNode } from "./start/parts.ts";

/** Options for {@linkcode Node.stop}. */
export interface NodeStopOptions {
  /**
   * The time limit for the applications and servers to stop, in milliseconds; 0 ends the node at once.
   *
   * @default {stopTimeout of the node}
   */
  timeout?: number;
}

const STOP_OPTIONS: OptionChecks<NodeStopOptions> = { timeout: TIMEOUT };

/** Options for {@linkcode Node.drain}. */
export interface NodeDrainOptions {
  /**
   * How long to wait for work to finish, in milliseconds, or `Infinity`. Then the node stops within its `stopTimeout`.
   *
   * @default {drainTimeout of the node}
   */
  timeout?: number;
}

const DRAIN_OPTIONS: OptionChecks<NodeDrainOptions> = { timeout: TIMEOUT };

/** Options for {@linkcode Node.connect}. */
export interface ConnectOptions {
  /**
   * The node's listen address, as `host:port`, which replaces the query to EPMD.
   *
   * @default {undefined}
   */
  address?: string;
}

const CONNECT_OPTIONS: OptionChecks<ConnectOptions> = { address: TEXT };

/** Options for {@linkcode Node.monitorNodes}. */
export interface MonitorNodesOptions {
  /**
   * The type of the nodes: `"visible"`, `"hidden"` or `"all"`. With this option, the messages contain the node's type:
   * `{ type: "nodeup", node, nodeType: "hidden" }`. A connection is hidden if either end is a hidden node.
   *
   * @default {visible nodes, and messages without a type}
   */
  nodeType?: NodeTypes;
}

const MONITOR_NODES_OPTIONS: OptionChecks<MonitorNodesOptions> = {
  nodeType: oneOf("visible", "hidden", "all"),
};

/** A node by its address only; see {@linkcode Node.connect}. */
export interface NodeAddress {
  /** The node's listen address, as `host:port`. */
  address: string;
}

/** The counters of a node; see {@linkcode Node.stats}. */
export interface NodeStats extends ConnectionStats {
  /** The number of live processes of the node. */
  processes: number;
  /** The number of processes, links and monitors of this node that peers have created and that still exist, by kind. */
  held: Record<"processes" | "links" | "monitors", number>;
  /**
   * The number of entries that the node's servers store for all peers together: names, locks, members,
   * children, requests.
   */
  entries: number;
}

const nodes = new WeakMap<Runtime, Node>();
const started: Node[] = [];
const KINDS: readonly unknown[] = ["visible", "hidden", "connected"];

/**
 * A node: a named runtime that others can connect to.
 *
 * `Node.start` starts a node. The first node that a program starts is the default node: code outside any
 * process runs on it. The static functions apply to the node that the calling code runs on.
 *
 * @example Start, use and stop
 * ```ts
 * import { Node } from "@otp/distribution/node";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Node.alive(), false);
 * const node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369 });
 * assertEquals(Node.self(), "alex@localhost");
 * await node.stop();
 * assertEquals(Node.self(), "nonode@nohost");
 * ```
 */
export class Node implements AsyncDisposable {
  /** The node's name. */
  readonly name: string;
  /** The node's incarnation, different at each start. */
  readonly creation: number;
  /** The port on which it listens. */
  readonly port: number;
  readonly #runtime: NodeRuntime;
  readonly #network: Network;
  readonly #registration: HostRegistration;
  readonly #stopTimeout: number;
  readonly #drainTimeout: number;
  readonly #onDrain = new Set<() => unknown>();
  #drain: NodeDrain | undefined;
  #draining: Promise<NodeDrainOutcome> | undefined;
  #isDown = false;
  /** The servers of the node itself. */
  readonly #system: ReadonlySet<LocalProcess>;
  #shutdown: Shutdown | undefined;
  #stopping: Promise<void> | undefined;
  readonly #trees: TreeWatch;
  /** The program's worker threads. */
  #threads: HostEnvironment["threads"];
  #parts!: AttachedParts;

  private constructor(
    runtime: NodeRuntime,
    network: Network,
    registration: HostRegistration,
    { stopTimeout = 60_000, drainTimeout = 20_000, onTreeEnd }:
      & NodeOptions
      & { onTreeEnd: Required<NodeOptions>["onTreeEnd"] },
  ) {
    this.#trees = new TreeWatch({
      runtime,
      action: onTreeEnd,
      stopAll: () => Promise.all(started.map((node) => node.stop())),
    });
    this.#stopTimeout = stopTimeout;
    this.#drainTimeout = drainTimeout;
    this.#system = new Set(runtime.processes.values());
    this.name = runtime.node;
    this.creation = runtime.creation;
    this.port = registration.port;
    this.#runtime = runtime;
    this.#network = network;
    this.#registration = registration;
  }

  /**
   * Starts a node: listens, and registers with EPMD. If no EPMD runs on this host, the node serves it.
   *
   * A node that code starts at a shell prompt or after `--eval` runs the code from then on, until the node stops. If
   * such code already runs on a node, the start rejects with a `NodeStartError` whose `code` is `"already_started"`.
   *
   * @param options The name, the cookie, the modules and more.
   * @returns The node; stop it with `stop()` or `await using`.
   * @throws {TypeError} If the name is not a valid node name.
   * @throws {NodeStartError} If the name or port is in use, a permission is missing, the cookie or the
   *   certificate is not available, or EPMD can be neither reached nor served; the error's `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   *
   * await using node = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369 });
   * ```
   */
  static start(options: NodeOptions): Promise<Node> {
    prepareUnnamedNode();
    const isTyped = isTypedCode();
    const self = here();
    if (self !== undefined && isTyped) {
      return Promise.reject(alreadyStarted(self.name));
    }
    const node = outside(() =>
      Node.#startOn(options, systemHost, isTyped ? "continue" : "exit")
    );
    if (!isTyped) return node;
    // The new node may send requests to processes that already run on the unnamed node.
    serveRpc(unnamed());
    serveInfo(unnamed());
    return settled(node);
  }

  static {
    setNodeModule({
      started: () => started,
      here,
      startIn: (host, options) => {
        const hostOf = typeof host === "function" ? host : () => host;
        return outside(() => Node.#startOn(options, hostOf, "continue"));
      },
    });
  }

  static async #startOn(
    options: NodeOptions,
    hostOf: Parameters<typeof startNode>[1],
    onTreeEnd: Required<NodeOptions>["onTreeEnd"],
  ): Promise<Node> {
    const {
      runtime,
      network,
      registration,
      accept,
      host,
      parts,
      options: given,
    } = await startNode(options, hostOf, { Node });
    const node = new Node(runtime, network, registration, {
      ...options,
      onTreeEnd: options.onTreeEnd ?? onTreeEnd,
    });
    node.#threads = host.threads;
    node.#parts = parts;
    setInternals(node, {
      runtime,
      network,
      host,
      options: given,
      isStopped: () => node.#stopping !== undefined,
      treeEnd: () => node.#trees.end,
    });
    nodes.set(runtime, node);
    started.push(node);
    setLoopback(runtime, true);
    if (started.length === 1) setDefaultRuntime(runtime);
    accept();
    try {
      for (const part of parts.all) await part.started?.(parts.node);
      const { onStart } = options;
      if (onStart !== undefined) await node.run(() => onStart());
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  /**
   * Returns the name of the node that the calling code runs on.
   *
   * @returns The name; `"nonode@nohost"` if no node is started.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Node.self(), "nonode@nohost");
   * ```
   */
  static self(): string {
    return currentRuntime().node;
  }

  /**
   * Returns whether the calling code runs on a started node.
   *
   * @returns True if it does.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Node.alive(), false);
   * ```
   */
  static alive(): boolean {
    return currentRuntime().node !== NO_NODE;
  }

  /**
   * Returns the nodes that this node is connected to.
   *
   * @param kind Visible nodes, hidden nodes, or all.
   * @returns Their names.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Node.list(), []);
   * ```
   */
  static list(kind: NodeKind = "visible"): string[] {
    if (!KINDS.includes(kind)) {
      throw new TypeError(
        `Cannot list the nodes ${
          inspect(kind)
        }: give "visible", "hidden" or "connected"`,
      );
    }
    const node = here();
    return node === undefined ? [] : node.#network.list(kind);
  }

  /**
   * Returns the counters of the node that the calling code runs on, since its start: connections, bytes, and
   * the numbers of refused connections and requests by cause.
   *
   * @returns A copy of the counters; `undefined` if no node is started.
   *
   * @example Count connections with a wrong cookie
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using alex = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369 });
   * assertEquals(Node.stats()?.refused.cookie, 0);
   * ```
   */
  static stats(): NodeStats | undefined {
    const node = here();
    if (node === undefined) return undefined;
    const { processes, quotas } = node.#runtime;
    const { entries, ...held } = quotas.totals();
    return {
      ...node.#network.stats(),
      processes: processes.size,
      held,
      entries,
    };
  }

  /**
   * Returns the connections of the node that the calling code runs on, with their traffic and queues.
   *
   * @returns One entry for each connected node, hidden ones included; empty if no node is started.
   *
   * @example The node with the longest queue
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * const [first] = Node.connections().toSorted((a, b) => b.queuedBytes - a.queuedBytes);
   * assertEquals(first?.queuedBytes, undefined);
   * ```
   */
  static connections(): ConnectionInfo[] {
    const node = here();
    return node === undefined ? [] : node.#network.connections();
  }

  /**
   * Connects to a node. This is optional: the first use of a node connects to it.
   *
   * Visible nodes connect transitively: each also connects to the other's visible peers. Nodes send each other the
   * addresses of their peers, so nodes without EPMD (`epmdPort: false`) need the address of only one node. A node
   * reconnects to a lost peer at the peer's last address.
   *
   * With an address and no name, the node first requests the name at the address, and then dials that name; the
   * handshake proves the cookie as for any dial. A node that speaks only Erlang's wire does not answer a request for
   * its name, so pass both.
   *
   * @param node The node's name, or only its address, as `{ address: "host:port" }`.
   * @param options The node's address, to connect without EPMD.
   * @returns True if the node is connected, false if it cannot be connected (the log at both ends contains
   *   the reason), and `"ignored"` if the calling code runs on no started node.
   *
   * @example Three nodes without EPMD, by the address of one
   * ```ts
   * import { Node, receive } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const start = (name: string) => Node.start({ name, cookie: "c", epmdPort: false });
   * await using alex = await start("alex@localhost");
   * await using kate = await start("kate@localhost");
   * await using moebi = await start("moebi@localhost");
   * const address = `127.0.0.1:${alex.port}`;
   * assertEquals(await kate.run(() => Node.connect({ address })), true);
   * await moebi.run(async () => {
   *   Node.monitorNodes(true);
   *   await Node.connect({ address });
   *   for (let i = 0; i < 2; i++) await receive((m) => m.type === "nodeup");
   *   assertEquals(Node.list().toSorted(), ["alex@localhost", "kate@localhost"]);
   * });
   * ```
   */
  static async connect(
    node: string | Atom | NodeAddress,
    options: ConnectOptions = {},
  ): Promise<boolean | "ignored"> {
    const name = isAddress(node) ? undefined : nameOf(node);
    checkOptions(
      options,
      "connect",
      CONNECT_OPTIONS,
      '{ address: "127.0.0.1:4370" }',
    );
    if (isAddress(node)) checkOptions(node, "connect", CONNECT_OPTIONS);
    const { address } = isAddress(node) ? node : options;
    if (address !== undefined || name === undefined) {
      checkString(address, "connect to the address");
    }
    if (waitingProcess() === undefined) return await never();
    const self = here();
    if (self === undefined) return "ignored";
    if (name === self.name) return true;
    if (name !== undefined) return await self.#network.connect(name, address);
    const reached = await self.#network.connectTo({ address });
    return reached.connected || reached.isSelf;
  }

  /**
   * Closes the connection to a node: links and monitors across it end with `"noconnection"`.
   *
   * @param node The node's name.
   * @returns Whether there was a connection; `"ignored"` if the calling code runs on no started node.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Node.disconnect("kate@localhost"), "ignored");
   * ```
   */
  static disconnect(node: string | Atom): boolean | "ignored" {
    currentProcess();
    const name = nameOf(node);
    const self = here();
    return self === undefined ? "ignored" : self.#network.disconnect(name);
  }

  /**
   * Tries to connect to a node.
   *
   * @param node The node's name.
   * @returns `"pong"` if the node is connected afterwards, otherwise `"pang"`.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Node.ping("kate@localhost"), "pang");
   * ```
   */
  static async ping(node: string | Atom): Promise<"pong" | "pang"> {
    return await Node.connect(node) === true ? "pong" : "pang";
  }

  /**
   * Notifies the calling process by `{ type: "nodedown", node }` when a node goes down.
   *
   * Each call causes one message. If the node cannot be reached, the message arrives at once.
   *
   * @param node The node's name.
   * @param on False cancels one earlier call for the node.
   * @returns True.
   * @throws {TypeError} If the calling code's node is not started.
   *
   * @example Usage
   * ```ts
   * import { Node, receive } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await using alex = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369, log() {} });
   * await alex.run(async () => {
   *   Node.monitor("nobody@localhost");
   *   assertEquals(await receive(), { type: "nodedown", node: "nobody@localhost" });
   * });
   * ```
   */
  static monitor(node: string | Atom, on = true): true {
    const process = currentProcess();
    const name = nameOf(node);
    checkValue(on, `monitor ${quote(name)}`, "on", FLAG);
    const self = startedHere(`monitor ${quote(name)}`);
    const monitors = process.ownCold().nodeMonitors ??= new Map();
    const times = monitors.get(name) ?? 0;
    if (on) {
      monitors.set(name, times + 1);
      if (name === self.name) return true;
      self.#network.connect(name, undefined, "changes");
    } else if (times > 1) monitors.set(name, times - 1);
    else monitors.delete(name);
    return true;
  }

  /**
   * Notifies the calling process when visible nodes connect and disconnect: `{ type: "nodeup", node }` arrives before
   * any other signal of the node, and `{ type: "nodedown", node }` after all its signals.
   *
   * Follows [net_kernel:monitor_nodes/2](https://www.erlang.org/doc/apps/kernel/net_kernel.html#monitor_nodes/2). A
   * process that calls it several times receives as many messages for each node; `false` cancels all calls with the
   * same `nodeType`, or without one.
   *
   * Nodes of Erlang and Elixir are hidden for this node, and this node for them: pass `nodeType: "hidden"` or `"all"`
   * to be notified of them.
   *
   * @param on Whether to notify the process.
   * @param options The type of the nodes.
   * @returns Whether the process was notified before, with this `nodeType`.
   * @throws {TypeError} If an option is unknown or invalid.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Node.monitorNodes(true), false);
   * assertEquals(Node.monitorNodes(false), true);
   * // Nodes of Elixir too: { type: "nodeup", node: "kate@localhost", nodeType: "hidden" }
   * assertEquals(Node.monitorNodes(true, { nodeType: "all" }), false);
   * ```
   */
  static monitorNodes(on: boolean, options: MonitorNodesOptions = {}): boolean {
    const process = currentProcess();
    const doing = "monitor nodes";
    checkValue(on, doing, "on", FLAG);
    checkOptions(options, doing, MONITOR_NODES_OPTIONS, '{ nodeType: "all" }');
    const { nodeType } = options;
    if (nodeType === undefined) {
      const cold = process.ownCold();
      const before = cold.watchesNodes > 0;
      cold.watchesNodes = on ? cold.watchesNodes + 1 : 0;
      return before;
    }
    const types = process.ownCold().nodeTypes ??= new Map();
    const times = types.get(nodeType) ?? 0;
    if (on) types.set(nodeType, times + 1);
    else types.delete(nodeType);
    return times > 0;
  }

  /**
   * Starts a process on a node.
   *
   * The process inherits the caller's group leader, so its output appears on this node. As in Erlang, if the
   * node cannot be reached, the result is a pid of this node that no process has.
   *
   * @typeParam A The function's arguments.
   * @param node The node's name.
   * @param fn A function that both nodes export under the same name, `[module, function]`, or, for a node
   *   that allows closures, a function that refers only to names that are exported there.
   * @param args Its arguments.
   * @returns The new process's pid.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; its `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { Node, receive, self, send } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const Echo = { back: (to: ReturnType<typeof self>, text: string) => void send(to, text) };
   * const pid = await Node.spawn(Node.self(), Echo.back, [self(), "hi"]);
   * assertEquals(await receive(), "hi");
   * ```
   */
  static spawn<A extends unknown[]>(
    node: string | Atom,
    fn: RemoteFunction<A>,
    args?: NoInfer<A>,
  ): Promise<Pid> {
    return pidOf(() => spawnOn(nameOf(node), fn, args, false, false));
  }

  /**
   * Starts a process on a node, linked to the caller from the start.
   *
   * Like {@linkcode Node.spawn}. If the node cannot be reached, the result is a pid that no process has, and the caller
   * receives the exit signal `"noconnection"`. If the connection is lost later, both ends receive `"noconnection"`.
   *
   * @typeParam A The function's arguments.
   * @param node The node's name.
   * @param fn The function that the process runs.
   * @param args Its arguments.
   * @returns The new process's pid.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; its `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { IO } from "@otp/distribution/io";
   *
   * const cookie = "c";
   * const Kate = { sayName: () => IO.puts("Hi, my name is Kate") };
   * await using kate = await Node.start({ name: "kate@localhost", cookie, modules: { Kate }, epmdPort: 14369 });
   * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
   * await alex.run(() => Node.spawnLink("kate@localhost", ["Kate", "sayName"]));
   * ```
   */
  static spawnLink<A extends unknown[]>(
    node: string | Atom,
    fn: RemoteFunction<A>,
    args?: NoInfer<A>,
  ): Promise<Pid> {
    return pidOf(() => spawnOn(nameOf(node), fn, args, true, false));
  }

  /**
   * Starts a process on a node, monitored by the caller from the start.
   *
   * Like {@linkcode Node.spawn}. If the node cannot be reached, the result is a pid that no process has, and
   * the caller receives a DOWN with `"noconnection"`.
   *
   * @typeParam A The function's arguments.
   * @param node The node's name.
   * @param fn The function that the process runs.
   * @param args Its arguments.
   * @returns The new process's pid and the monitor's reference.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; its `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { Node, receive } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const { ref } = await Node.spawnMonitor(Node.self(), () => {});
   * assertEquals((await receive((m) => ref.equals(m.ref))).reason, "normal");
   * ```
   */
  static spawnMonitor<A extends unknown[]>(
    node: string | Atom,
    fn: RemoteFunction<A>,
    args?: NoInfer<A>,
  ): Promise<{ pid: Pid; ref: Ref }> {
    return promised(() => spawnOn(nameOf(node), fn, args, false, true));
  }

  /**
   * Runs a function in a new process of the node that the calling code runs on, whether or not it is started.
   *
   * Code outside any process shares one process, the shell, with its mailbox, links and exit. To run each request of
   * a web server in its own process, write `Deno.serve((request) => Node.run(() => handle(request)))`: a link made in
   * `handle` then ends only that request. The function has access to the caller's `AsyncLocalStorage`s.
   *
   * @typeParam T The function's result.
   * @param fn The function.
   * @param options An `AbortSignal` that ends the process, such as a request's.
   * @returns The function's result. Rejects with the error that the function throws, with `ExitError` if an
   *   exit signal ends the process first, or with the reason of `signal` if `signal` aborts.
   * @throws {TypeError} If `fn` is not a function.
   *
   * @example A process for each request
   * ```ts
   * import { Node, self } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const handle = (request: Request) => new Response(`${new URL(request.url).pathname} by ${self()}`);
   * const handler = (request: Request) => Node.run(() => handle(request));
   *
   * const bodies = await Promise.all(
   *   ["/a", "/b"].map(async (path) => (await handler(new Request(`http://localhost${path}`))).text()),
   * );
   * assertEquals(new Set(bodies).size, 2);
   * ```
   */
  static run<T>(
    fn: () => T | Promise<T>,
    options: RunOptions = {},
  ): Promise<T> {
    return here()?.run(fn, options) ??
      promised(() => runIn(currentRuntime(), fn, options));
  }

  /**
   * Stops the node that the calling code runs on; see the method `stop` of a node.
   *
   * @param options The time limit for stopping in order.
   * @returns A promise that resolves when the node is stopped; immediately if the code runs on no started node.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   *
   * await Node.stop();
   * ```
   */
  static stop(options: NodeStopOptions = {}): Promise<void> {
    return promised(() => {
      checkOptions(options, "stop a node", STOP_OPTIONS);
      return here()?.stop(options) ?? Promise.resolve();
    });
  }

  /**
   * Drains the node that the calling code runs on, and stops it; see the method `drain` of a node.
   *
   * @param options How long to wait for work to finish.
   * @returns The outcome, when the node has stopped; `"drained"` immediately if the code runs on no started node.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Node.drain(), "drained");
   * ```
   */
  static drain(options: NodeDrainOptions = {}): Promise<NodeDrainOutcome> {
    return promised(() => {
      checkDrainOptions(options);
      return here()?.drain(options) ?? Promise.resolve("drained" as const);
    });
  }

  /**
   * Registers a function that the drain of the calling code's node calls; see the method `onDrain` of a node.
   *
   * @param fn The function.
   * @returns A function that removes it.
   * @throws {TypeError} If `fn` is not a function, or the calling code's node is not started.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369 });
   * const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hi"));
   * Node.onDrain(() => server.shutdown());
   * assertEquals(await Node.drain(), "drained");
   * await server.finished;
   * ```
   */
  static onDrain(fn: () => unknown): () => void {
    checkFunction(fn, "call at a drain");
    return startedHere("call a function at its drain").onDrain(fn);
  }

  /**
   * Drains the node that the calling code runs on when the operating system asks the program to stop, then
   * ends the program: one line for deployed programs.
   *
   * A second signal ends the program at once, with the exit code 1. Programs that the package's own
   * command line starts drain at SIGTERM without this call.
   *
   * @param options The signals, how long to wait for work, and whether to end the program.
   * @returns A `Disposable` that removes the signal handlers.
   * @throws {TypeError} If the calling code's node is not started, or an option has a wrong type.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   *
   * await using node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369 });
   * using _signals = Node.drainOnSignal({ timeout: 10_000 });
   * ```
   */
  static drainOnSignal(options: DrainSignalOptions = {}): Disposable {
    checkSignalOptions(options);
    const { timeout } = options;
    checkDrainOptions({ timeout });
    const node = startedHere("drain on a signal");
    const off = outside(() =>
      drainOnSignal(() => node.drain({ timeout }), options)
    );
    return { [Symbol.dispose]: off };
  }

  /**
   * The state of the node. A load balancer should send requests only while it is `"up"`: `./health` has a
   * handler for that.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * const node = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369 });
   * assertEquals(node.status, "up");
   * await node.drain();
   * assertEquals(node.status, "stopped");
   * ```
   */
  get status(): "up" | "draining" | "stopping" | "stopped" {
    if (this.#isDown) return "stopped";
    if (this.#stopping !== undefined) return "stopping";
    return this.#draining === undefined ? "up" : "draining";
  }

  /**
   * Exports a module to other nodes under a name, like the option `modules` of {@linkcode Node.start}.
   *
   * @param name The module's name.
   * @param module Its functions by name.
   * @throws {TypeError} If the module is not an object or has a getter that throws, or the name is not a string.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   *
   * await using node = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369 });
   * node.export("Kate", { sayName: () => "Kate" });
   * ```
   */
  export(name: string, module: ModuleExports): void {
    checkString(name, "export a module under the name");
    const what = `export on ${this.name}`;
    checkModule(name, module, what);
    this.#runtime.modules.add(name, module, what);
  }

  /**
   * Runs a function in a new process of this node.
   *
   * @typeParam T The function's result.
   * @param fn The function.
   * @param options An `AbortSignal` that ends the process.
   * @returns The function's result. Rejects with the error that the function throws, with `ExitError` if an
   *   exit signal ends the process first, with the reason of `signal` if `signal` aborts, or with an `Error` if
   *   the node has been stopped.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using kate = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369 });
   * assertEquals(await kate.run(() => Node.self()), "kate@localhost");
   * ```
   */
  run<T>(fn: () => T | Promise<T>, options: RunOptions = {}): Promise<T> {
    if (this.#stopping !== undefined) {
      return Promise.reject(
        new Error(
          `Cannot run a function on ${this.name}: the node has been stopped; Node.start starts it again`,
        ),
      );
    }
    return promised(() => runIn(this.#runtime, fn, options));
  }

  /**
   * Drains the node, and stops it: the node refuses new work of other nodes, finishes its work, and leaves the
   * cluster without losing a request. OTP has no such function.
   *
   * In this order:
   *
   * 1. The {@linkcode Node.status} is `"draining"`. Other nodes can no longer start anything here: spawns,
   *    calls of functions, tasks and children reject with a `SpawnRefusedError` whose `code` is `"draining"`.
   *    A refused request has run no code, so the caller can ask another node. On Erlang and Elixir, a spawn
   *    and `:erpc.call` fail with `:draining`, and a task with `{:error, :draining}`.
   * 2. For other nodes, the node's supervisors leave all groups of `pg`, so that nobody sends them work; processes of
   *    this node still find them there. All other processes stay members until they exit. A process keeps its global
   *    names until it exits too, so that each name has one owner at any time; but `global.registerName` returns `false`
   *    for processes of this node from now on.
   * 3. The functions of {@linkcode Node.onDrain} run, and servers that have a `handleDrain` are notified: they
   *    can hand their state over to another node, leave groups, and exit.
   * 4. The node waits until the messages have arrived that other nodes sent before they knew what had left the groups:
   *    at most 5 s.
   * 5. The node waits until the tasks of its Task.Supervisors, except `"permanent"` ones, and the processes
   *    that other nodes have started here have ended. Shells of other nodes are not waited for.
   * 6. The node stops as by {@linkcode Node.stop}; other nodes see `nodedown` last.
   *
   * Until it stops, the node stays connected, and its servers also answer calls and messages of other nodes, because
   * work may depend on them. The node's own code can start processes and tasks as always: running tasks can start
   * others, and accepted web requests can be answered. The drain waits for the new tasks too, so stop the sources of
   * work in a function of `onDrain`. Supervisors restart children that crash, but
   * neither children that exit with `"normal"` or a shutdown, nor servers with a global name.
   *
   * After the timeout the node stops as if it had drained, and logs the number of processes that still work.
   * Later calls join the first one, and can shorten its timeout. `stop` ends a drain. The drain does not wait for the
   * calling process, which exits at the stop like all processes of the node.
   *
   * @param options How long to wait for work to finish.
   * @returns The outcome, when the node has stopped: `"drained"` if all work was finished, `"timeout"` if not,
   *   `"stopped"` if `stop` was called first.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example A call that is turned away goes elsewhere
   * ```ts
   * import { Node, rpc } from "@otp/distribution";
   * import { SpawnRefusedError } from "@otp/distribution/errors";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const large = Promise.withResolvers<string>();
   * const Thumbs = { small: () => "small", large: () => large.promise };
   * const options = { cookie: "c", epmdPort: 14369, modules: { Thumbs } };
   * const kate = await Node.start({ ...options, name: "kate@localhost" });
   * await using alex = await Node.start({ ...options, name: "alex@localhost" });
   * await alex.run(async () => {
   *   await Node.connect(kate.name);
   *   const running = rpc.call(kate.name, ["Thumbs", "large"], []);
   *   await rpc.call(kate.name, ["Thumbs", "small"], []);
   *   const drained = kate.drain();
   *   const refused = await assertRejects(
   *     () => rpc.call(kate.name, ["Thumbs", "small"], []),
   *     SpawnRefusedError,
   *   );
   *   assertEquals(refused.code, "draining");
   *   large.resolve("large");
   *   assertEquals(await running, "large");
   *   assertEquals(await drained, "drained");
   * });
   * ```
   */
  drain(
    options: NodeDrainOptions = {},
  ): Promise<"drained" | "timeout" | "stopped"> {
    return promised(() => this.#drainWithin(options));
  }

  /**
   * Registers a function that the drain of the node calls and waits for: it stops a web server, a consumer of a
   * queue, or another source of work from outside the cluster.
   *
   * All registered functions run at once, each in its own process. If one throws, the error is logged, and the drain
   * continues. An application needs no such function, because its `prepStop` runs when the node stops. If the node is
   * already draining, the function is called at once, and the drain does not wait for it. {@linkcode Node.stop} alone
   * does not call it.
   *
   * @param fn The function.
   * @returns A function that removes it.
   * @throws {TypeError} If `fn` is not a function.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * const node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369 });
   * const seen: string[] = [];
   * node.onDrain(() => void seen.push(node.status));
   * await node.drain();
   * assertEquals(seen, ["draining"]);
   * ```
   */
  onDrain(fn: () => unknown): () => void {
    checkFunction(fn, "call at a drain");
    const call = () => fn();
    if (this.status === "up") this.#onDrain.add(call);
    else if (this.status === "draining") {
      runIn(this.#runtime, async () => void await call()).catch(() => {});
    }
    return () => void this.#onDrain.delete(call);
  }

  #drainWithin(options: NodeDrainOptions): Promise<NodeDrainOutcome> {
    checkDrainOptions(options);
    const { timeout } = options;
    if (this.#draining !== undefined) {
      if (timeout !== undefined) this.#drain!.limit(timeout);
      return this.#draining;
    }
    if (this.#stopping !== undefined) {
      return this.#stopping.then(() => "stopped" as const);
    }
    const inside = insideOf();
    const caller = inside?.runtime === this.#runtime ? inside : undefined;
    this.#draining = outside(() =>
      this.#drainAndStop(timeout ?? this.#drainTimeout, caller)
    );
    return isTypedCode() ? settled(this.#draining) : this.#draining;
  }

  async #drainAndStop(
    timeout: number,
    caller: LocalProcess | undefined,
  ): Promise<NodeDrainOutcome> {
    const { all, node } = this.#parts;
    const hooks = [
      ...this.#onDrain,
      ...all.map((part) => () => part.drain?.(node)),
    ];
    this.#drain = new NodeDrain(this.#runtime, hooks, caller);
    this.#drain.limit(timeout);
    const outcome = await this.#drain.done;
    await this.stop();
    return outcome;
  }

  /**
   * Stops the node, in order, as `init:stop` does in OTP.
   *
   * First its applications stop, last started first. Then the servers that belong to no application,
   * including supervisors, stop with the reason `"shutdown"`: they end their children and
   * call their `terminate`. Until then the node stays connected and can be called. The remaining processes exit with
   * `"shutdown"`; finally the connections close, and the name becomes free.
   *
   * Later calls join the first one, and can shorten its time limit. A server must not await the stop, because
   * the node waits for the server.
   *
   * @param options The time limit for stopping in order.
   * @returns A promise that resolves when all sockets are closed.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Application, Node, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const node = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369 });
   * const stopped: string[] = [];
   * const start = () => Supervisor.startLink([], { strategy: "one_for_one" });
   * await node.run(async () => {
   *   await Application.start({ name: "store", start, stop: () => void stopped.push("store") });
   *   await Application.start({ name: "web", start, stop: () => void stopped.push("web") });
   * });
   * await node.stop({ timeout: 5000 });
   * assertEquals(stopped, ["web", "store"]);
   * ```
   */
  stop(options: NodeStopOptions = {}): Promise<void> {
    return promised(() => this.#stopWithin(options));
  }

  #stopWithin(options: NodeStopOptions): Promise<void> {
    checkOptions(options, "stop a node", STOP_OPTIONS);
    const { timeout } = options;
    if (this.#stopping !== undefined) {
      if (timeout !== undefined) this.#shutdown?.limit(timeout);
      return this.#stopping;
    }
    this.#drain?.end();
    this.#stopping = outside(() => this.#stop(timeout ?? this.#stopTimeout));
    return isTypedCode() ? settled(this.#stopping) : this.#stopping;
  }

  async #stop(timeout: number): Promise<void> {
    const shutdown = timeout === 0
      ? undefined
      : shutDown(this.#runtime, this.#system);
    if (shutdown !== undefined) {
      this.#shutdown = shutdown;
      shutdown.limit(timeout);
      await shutdown.done;
    }
    const left = this.#registration.close();
    started.splice(started.indexOf(this), 1);
    // Move typed code to another node before this node's processes end, so that the code survives.
    const [next] = started;
    setDefaultRuntime(next && next.#runtime);
    this.#runtime.stop("shutdown");
    setLoopback(this.#runtime, false);
    const threads = [...this.#threads ?? []];
    await Promise.all([
      this.#network.stop(),
      left,
      ...threads.map((each) => each.stopped?.()),
      ...this.#parts.all.map((part) => part.stop?.(this.#parts.node)),
    ]);
    this.#isDown = true;
    this.#runtime.log.stop();
  }

  /** Stops the node, at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * The state of a node: it serves (`"up"`), finishes its work and refuses new work of other nodes (`"draining"`), stops
 * its applications and servers (`"stopping"`), or has closed its connections (`"stopped"`).
 */
export type NodeStatus = Node["status"];

function isAddress(node: unknown): node is NodeAddress {
  return typeof node === "object" && node !== null && "address" in node;
}

/** Returns the node that the calling code runs on, if it is started. */
function here(): Node | undefined {
  return nodes.get(currentRuntime());
}

/** Returns the node that the calling code runs on; throws if it is not started. */
function startedHere(doing: string): Node {
  const node = here();
  if (node !== undefined) return node;
  throw new TypeError(
    `Cannot ${doing}: this node is not started; start it by Node.start({ name })`,
  );
}

function checkDrainOptions(options: NodeDrainOptions): void {
  checkOptions(options, "drain a node", DRAIN_OPTIONS);
}

function pidOf(spawn: () => Promise<{ pid: Pid }>): Promise<Pid> {
  return promised(spawn).then(({ pid }) => pid);
}

/** Waits for a start or stop, and then until typed code has moved to the new default node. */
async function settled<T>(change: Promise<T>): Promise<T> {
  const result = await change;
  await defaultSettled();
  return result;
}

function alreadyStarted(name: string): NodeStartError {
  return new NodeStartError(
    "already_started",
    `Cannot start a node: already started, this shell is on ${name}; leave it by await Node.stop() first, or start another program`,
  );
}
