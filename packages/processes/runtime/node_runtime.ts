/**
 * The runtime of a node: joins the tables of processes, the delivery of signals, and the start and end of processes.
 *
 * A clock, `signalsTo` and `connectTo` are its only links to the outside; it knows no socket.
 */

import { ConnectedNodes } from "../process/connected_nodes.ts";
import type { ClusterHost } from "../remote/cluster_host.ts";
import {
  type PeerQuotaLimits,
  PeerQuotas,
  type RefusedRequest,
} from "../remote/peer_quotas.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { ignoreStrayExits } from "../host/unhandled_errors.ts";
import { type RuntimeEvent, textLog } from "../log/log_event.ts";
import { NodeLog } from "../log/node_log.ts";
import { terminate } from "../process/deaths.ts";
import { NumberMap } from "../collections/number_map.ts";
import type { Entry, LocalProcess } from "../process/local_process.ts";
import { Timers } from "../process/timers.ts";
import type { ConnectOutcome, PeerAddress } from "../remote/peer_address.ts";
import { Watchers, watchersOf } from "../process/watchers.ts";
import { RegisteredNames } from "../process/registered_names.ts";
import type { Runtime } from "../process/runtime.ts";
import { Deadlines } from "../scheduling/deadlines.ts";
import { LocalDelivery } from "./local_delivery.ts";
import type { AutoConnect, Signals } from "../signals/signal.ts";
import { UnreachableNode } from "./unreachable_node.ts";
import { Modules } from "../remote/exported_modules.ts";
import { Pid, Ref } from "../values/pid.ts";
import { DEFAULT_MAX_DEPTH } from "../values/term.ts";

/** Numbers up to here stay free, because the first processes of an Erlang node are its own. */
const LAST_RESERVED = 99;

export interface RuntimeOptions {
  node: string;
  creation: number;
  clock?: Clock;
  /**
   * Returns the channel to another node that is connected or being dialled; with `connect`, dials a node that is
   * neither. Without this function, no node is reachable.
   */
  signalsTo?: (node: string, connect?: AutoConnect) => Signals | undefined;
  /** Connects to other nodes; without this function, no node is reachable. */
  connectTo?: Runtime["connectTo"];
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
  readonly clock: Clock;
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
  shell: LocalProcess | undefined = undefined;
  readonly names: RegisteredNames<LocalProcess> = new RegisteredNames();
  readonly aliases: NumberMap<Entry> = new NumberMap();
  readonly watchers: Watchers<LocalProcess>;
  readonly nodes: ConnectedNodes = new ConnectedNodes(this);
  readonly visible: ReadonlyMap<string, number> = this.nodes.visible;
  readonly connectTo: Runtime["connectTo"];
  introduce: Runtime["introduce"] = undefined;
  disconnect: Runtime["disconnect"] = () => {};
  onVisible: ((node: string) => void) | undefined;
  readonly local: Signals;
  clusterHost: ClusterHost | undefined;
  readonly #signalsTo: NonNullable<RuntimeOptions["signalsTo"]>;
  #lastNumber = LAST_RESERVED;
  #lastRef = 0;
  #lastUnlinkId = 0;

  constructor(options: RuntimeOptions) {
    this.node = options.node;
    this.creation = options.creation;
    ignoreStrayExits();
    this.nobody = new Pid(this.node, 0, this.creation);
    this.maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.clock = options.clock ?? systemClock;
    this.deadlines = new Deadlines(this.clock);
    this.#signalsTo = options.signalsTo ?? (() => undefined);
    this.connectTo = options.connectTo ?? unreachable;
    this.quotas = new PeerQuotas(options.peerLimits, options.refused);
    this.log = options.log ?? new NodeLog({
      node: this.node,
      hook: options.report ?? textLog,
      clock: this.clock,
      level: options.report === undefined ? "warning" : "debug",
    });
    this.watchers = new Watchers(this, this.quotas);
    this.local = new LocalDelivery(this);
    this.timers = new Timers(this);
  }

  signalsTo(node: string, connect?: AutoConnect): Signals {
    if (node === this.node) return this.local;
    return this.#signalsTo(node, connect) ?? new UnreachableNode(this, node);
  }

  hasChannelTo(node: string): boolean {
    return node === this.node || this.#signalsTo(node) !== undefined;
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

  /** Returns the sizes of all tables, for tests that look for leaks. */
  sizes(): Record<string, number> {
    const { processes, links, monitors, entries } = this.quotas.totals();
    const sizes: Record<string, number> = {
      processes: this.processes.size,
      names: this.names.size,
      aliases: this.aliases.size,
      "watches by reference": this.watchers.size,
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
      terminate(process, reason);
    }
    this.timers.stop();
    this.deadlines.stop();
  }
}

/** Fails to connect, for a runtime without a network. */
function unreachable(
  { node, address }: PeerAddress,
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
