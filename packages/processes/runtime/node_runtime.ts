/**
 * The runtime of a node: joins the tables of processes, the delivery of signals, and the start and end of processes.
 *
 * A clock and a function `route` are its only links to the outside; it knows no socket.
 */

import { TextMap } from "../values/text_map.ts";
import { ConnectedNodes } from "../process/connected_nodes.ts";
import { outside } from "../context/async_context.ts";
import type { ClusterHost } from "../remote/cluster_host.ts";
import {
  type PeerQuotaLimits,
  PeerQuotas,
  type RefusedRequest,
} from "../remote/peer_quotas.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { ignoreStrayExits } from "../host/unhandled_errors.ts";
import { type LogLevel, type RuntimeEvent, textLog } from "../log/log_event.ts";
import { type LogCause, NodeLog } from "../log/node_log.ts";
import { Deaths } from "../process/deaths.ts";
import { NumberMap } from "../collections/number_map.ts";
import type { Entry, LocalProcess } from "../process/local_process.ts";
import { Timers } from "../process/timers.ts";
import type {
  ConnectOutcome,
  ConnectTarget,
} from "../remote/connect_target.ts";
import { Watchers, watchersOf } from "../process/watchers.ts";
import type { Runtime, RuntimeSpawnOptions } from "../process/runtime.ts";
import { Deadlines } from "../scheduling/deadlines.ts";
import { LocalDelivery } from "./local_delivery.ts";
import type { Runnable, Signals } from "../signals/signal.ts";
import { UnreachableNode } from "./unreachable_node.ts";
import {
  type Code,
  Modules,
  type Resolved,
} from "../remote/exported_modules.ts";
import { resolveFor } from "../spawning/spawn_requests.ts";
import { Spawner } from "../spawning/spawner.ts";
import { unquotedName } from "../values/beam_names.ts";
import { Pid, Ref } from "../values/pid.ts";
import { plainAlias, type ReplyTarget } from "../values/reply_to.ts";
import { DEFAULT_MAX_DEPTH } from "../values/term.ts";

/** Numbers up to here stay free, because the first processes of an Erlang node are its own. */
const LAST_RESERVED = 99;

export interface RuntimeOptions {
  node: string;
  creation: number;
  clock?: Clock;
  /**
   * Returns the channel to another node that is connected or, with `connect`, about to be. `isNamed` says that the
   * program names the node. Without this function, no node is reachable.
   */
  route?: (
    node: string,
    connect: boolean,
    isNamed: boolean,
  ) => Signals | undefined;
  /** Connects to other nodes; without this function, no node is reachable. */
  connectTo?: (target: ConnectTarget) => Promise<ConnectOutcome>;
  /**
   * Receives reports of crashes, and of the actions of supervisors and applications; by default they go to
   * standard error.
   */
  report?: (event: RuntimeEvent) => void;
  /** The node's log, if it has other sources too; replaces `report`. */
  log?: NodeLog;
  maxDepth?: number;
  /** The quotas of one peer; unlimited by default. */
  peerLimits?: PeerQuotaLimits;
  refused?: (node: string, what: RefusedRequest, message: string) => void;
}

export class NodeRuntime implements Runtime {
  readonly node: string;
  readonly creation: number;
  readonly maxDepth: number;
  readonly nobody: Pid;
  readonly log: NodeLog;
  readonly modules: Modules = new Modules();
  border: Runtime["border"] = undefined;
  readonly quotas: PeerQuotas;
  readonly deadlines: Deadlines;
  readonly timers: Timers;
  readonly processes: NumberMap<LocalProcess> = new NumberMap();
  isStopping = false;
  stopped = false;
  isDraining = false;
  onSharedExit: Runtime["onSharedExit"] = undefined;
  readonly names: Map<string, LocalProcess> = new TextMap();
  readonly lazyProcesses: Map<string, () => LocalProcess> = new TextMap();
  readonly aliases: NumberMap<Entry> = new NumberMap();
  readonly visible: ReadonlyMap<string, number>;
  introduce: Runtime["introduce"] = undefined;
  disconnect: Runtime["disconnect"] = () => {};
  onVisible: ((node: string) => void) | undefined;
  readonly local: Signals;
  clusterHost: ClusterHost | undefined;
  readonly #clock: Clock;
  readonly #route: NonNullable<RuntimeOptions["route"]>;
  readonly #connectTo: NonNullable<RuntimeOptions["connectTo"]>;
  readonly #watchers: Watchers;
  readonly #deaths: Deaths;
  readonly #spawner: Spawner;
  readonly #nodes: ConnectedNodes;
  #lastNumber = LAST_RESERVED;
  #lastRef = 0;
  #lastUnlinkId = 0;

  constructor(options: RuntimeOptions) {
    this.node = options.node;
    this.creation = options.creation;
    ignoreStrayExits();
    this.nobody = new Pid(this.node, 0, this.creation);
    this.maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#clock = options.clock ?? systemClock;
    this.deadlines = new Deadlines(this.#clock);
    this.#route = options.route ?? (() => undefined);
    this.#connectTo = options.connectTo ?? unreachable;
    this.quotas = new PeerQuotas(options.peerLimits, options.refused);
    this.log = options.log ?? new NodeLog({
      node: this.node,
      hook: options.report ?? textLog,
      clock: this.#clock,
      level: options.report === undefined ? "warning" : "debug",
    });
    this.#watchers = new Watchers(this, this.quotas);
    this.#deaths = new Deaths(this, this.#watchers);
    this.#spawner = new Spawner(this, this.#watchers);
    this.local = new LocalDelivery(this, this.#watchers);
    this.timers = new Timers(this);
    this.#nodes = new ConnectedNodes(this, this.#watchers);
    this.visible = this.#nodes.visible;
  }

  report(
    level: LogLevel,
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void {
    this.log.report(level, event, cause);
  }

  route(node: string, isNamed = false): Signals {
    if (node === this.node) return this.local;
    return this.#route(node, true, isNamed) ?? new UnreachableNode(this, node);
  }

  back(node: string): Signals {
    if (node === this.node) return this.local;
    return this.#route(node, false, false) ?? new UnreachableNode(this, node);
  }

  connected(node: string): Signals | undefined {
    return node === this.node ? this.local : this.#route(node, false, false);
  }

  connectTo(target: ConnectTarget): Promise<ConnectOutcome> {
    return this.#connectTo(target);
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wall?.() ?? Date.now();
  }

  after(ms: number, fn: () => void): () => void {
    const deadline = this.deadlines.add(ms, { expire: fn });
    return () => deadline.cancel();
  }

  every(ms: number, fn: () => void): () => void {
    return outside(() => this.#clock.every(ms, fn));
  }

  unusedPid(): Pid {
    return new Pid(this.node, ++this.#lastNumber, this.creation);
  }

  makeRef(): Ref {
    return new Ref(this.node, ++this.#lastRef, this.creation);
  }

  nextUnlinkId(): number {
    return ++this.#lastUnlinkId;
  }

  find(pid: Pid): LocalProcess | undefined {
    return pid.creation === this.creation && pid.node === this.node
      ? this.processes.get(pid.number)
      : undefined;
  }

  named(name: string): LocalProcess | undefined {
    return this.names.get(name) ?? this.names.get(unquotedName(name)) ??
      this.lazyProcesses.get(name)?.();
  }

  register(name: string, process: LocalProcess): boolean {
    if (this.names.has(name) || process.name !== undefined) return false;
    process.name = name;
    this.names.set(name, process);
    return true;
  }

  unregister(name: string): boolean {
    const process = this.names.get(name);
    if (process === undefined) return false;
    process.name = undefined;
    return this.names.delete(name);
  }

  forget(process: LocalProcess): void {
    this.processes.delete(process.pid.number);
    if (process.name !== undefined) this.names.delete(process.name);
    for (const entry of process.entries?.values() ?? []) {
      if (entry.alias !== undefined) this.aliases.delete(entry.ref.number);
      entry.alias = undefined;
    }
  }

  shell(): LocalProcess {
    return this.#spawner.shell();
  }

  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess {
    return this.#spawner.spawn(fn, options);
  }

  makeStandIn(label: string | undefined): LocalProcess {
    return this.#spawner.makeStandIn(label);
  }

  resolve(run: Runnable | Code, node: string, isWithin = false): Resolved {
    return resolveFor(this, run, node, isWithin ? "resolveWithin" : "resolve");
  }

  terminate(process: LocalProcess, reason: unknown): void {
    this.#deaths.terminate(process, reason);
  }

  crash(process: LocalProcess, error: unknown): void {
    this.#deaths.crash(process, error);
  }

  leave(process: LocalProcess, reason: unknown): void {
    this.#deaths.leave(process, reason);
  }

  failMonitor(process: LocalProcess, ref: Ref, reason: unknown): void {
    this.#deaths.failMonitor(process, ref, reason);
  }

  removeMonitor(process: LocalProcess, ref: Ref): void {
    this.#watchers.drop(process, ref);
  }

  reply(signals: Signals, from: Pid, to: ReplyTarget, value: unknown): void {
    const alias = plainAlias(to);
    if (alias === undefined) signals.reply(from, to, value);
    else this.#watchers.reply(signals, from, alias, to, value);
  }

  nodeUp(node: string, isHidden = false): void {
    this.#nodes.up(node, isHidden);
  }

  nodeDown(node: string, wasUp: boolean, isHidden = false): void {
    this.#nodes.down(node, wasUp, isHidden);
  }

  /** Returns the sizes of all tables, for tests that look for leaks. */
  sizes(): Record<string, number> {
    const { processes, links, monitors, entries } = this.quotas.totals();
    const sizes: Record<string, number> = {
      processes: this.processes.size,
      names: this.names.size,
      aliases: this.aliases.size,
      "watches by reference": this.#watchers.size,
      "processes held": processes,
      "links held": links,
      "monitors held": monitors,
      "entries held": entries,
      links: 0,
      monitors: 0,
      watchers: 0,
      waits: 0,
    };
    for (const process of this.processes.values()) {
      sizes.links += process.links?.size ?? 0;
      sizes.watchers += watchersOf(process).length;
      for (const { target, wait } of process.entries?.values() ?? []) {
        if (target !== undefined) sizes.monitors++;
        if (wait !== undefined) sizes.waits++;
      }
    }
    return sizes;
  }

  /** Ends every process, when the node stops. */
  stop(reason: unknown): void {
    this.stopped = true;
    for (const process of this.processes.values()) {
      this.terminate(process, reason);
    }
    this.timers.stop();
    this.deadlines.stop();
  }
}

/** Fails to connect, for a runtime without a network. */
function unreachable(
  { node, address }: ConnectTarget,
): Promise<ConnectOutcome> {
  return Promise.resolve({
    node,
    connected: false,
    reason: `Cannot connect to ${
      node ?? address
    }: this node is not started; start it by Node.start({ name })`,
    isSelf: false,
    isRefused: false,
  });
}
