/**
 * A runtime: one node as its processes, servers and connections see it.
 *
 * This file is the contract. `NodeRuntime` (`node_runtime.ts`) implements it, and joins the parts that do the work.
 */

import type { NumberMap } from "../collections/number_map.ts";
import type { ClusterHost } from "../remote/cluster_host.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import type { RuntimeEvent } from "../log/log_event.ts";
import type { LogCause, NodeLog } from "../log/node_log.ts";
import type { Link, NodeIncarnation } from "./links_and_monitors.ts";
import type { Entry, LocalProcess, ProcessOptions } from "./local_process.ts";
import type { Timers } from "./timers.ts";
import type {
  ConnectOutcome,
  ConnectTarget,
} from "../remote/connect_target.ts";
import type { Deadlines } from "../scheduling/deadlines.ts";
import type { Runnable, Signals } from "../signals/signal.ts";
import type { Border } from "./border.ts";
import type { Code, Modules, Resolved } from "../remote/exported_modules.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";

/** Options for the start of a process, including links and monitors that exist from the start. */
export interface RuntimeSpawnOptions extends ProcessOptions {
  /** A process to link to the new one, besides the parent. */
  link?: Pid;
  /** The parent, if the parent is a process of this node and is to be linked. */
  linkParent?: LocalProcess;
  /** Whether the parent also awaits its exit; see `LocalProcess.addLink`. */
  tellsEnd?: boolean;
  /** A monitor on the new process. */
  monitor?: { pid: Pid; ref: Ref };
  /** The process that receives the new pid, under that reference, before any other signal of the new process. */
  replyTo?: { pid: Pid; ref: Ref };
}

/** One node's processes, and the services of their node. */
export interface Runtime extends NodeIncarnation {
  /** The maximum nesting of a message. */
  readonly maxDepth: number;
  /** The sender of signals that the node itself sends: a pid that no process has. */
  readonly nobody: Pid;
  readonly log: NodeLog;
  /** The functions that other nodes may run here. */
  readonly modules: Modules;
  /** The border to nodes of another library; absent if this node does not speak their wire. */
  border: Border | undefined;
  /** The resources of this node that each peer uses, and their limits. */
  readonly quotas: PeerQuotas;
  /** Pending deadlines. */
  readonly deadlines: Deadlines;
  /** Messages to be sent later. */
  readonly timers: Timers;
  /** The processes, by number. */
  readonly processes: NumberMap<LocalProcess>;
  /** Whether its applications and servers are being stopped in order: their exits are no failures then. */
  isStopping: boolean;
  /**
   * Called before an exit signal ends the process that code outside any process shares, with the link that carried
   * the signal, if any.
   */
  onSharedExit:
    | ((shared: LocalProcess, reason: unknown, link: Link | undefined) => void)
    | undefined;
  readonly names: ReadonlyMap<string, LocalProcess>;
  /** Starts the processes of names that exist only on demand; each function returns its process. */
  readonly lazyProcesses: Map<string, () => LocalProcess>;
  /** The active aliases, by reference number. */
  readonly aliases: NumberMap<Entry>;
  /** The nodes that are connected and visible, with a number of each connection. */
  readonly visible: ReadonlyMap<string, number>;
  /**
   * Dials the nodes that a connected node introduces; absent if this node does not connect to the peers of its peers.
   */
  introduce: ((by: string, nodes: readonly string[]) => void) | undefined;
  disconnect: (node: string) => void;
  /** Called before the nodeup of a visible node. */
  onVisible: ((node: string) => void) | undefined;
  /** Delivers signals to the processes of this node. */
  readonly local: Signals;
  /** Whether a stop of the node has ended all processes. */
  readonly stopped: boolean;
  /** Whether the node finishes its work and accepts no new work from other nodes. */
  readonly isDraining: boolean;

  /**
   * Returns the channel for signals to a node: this node, or a connection, which is made if necessary. Unless the
   * program names the node (`isNamed`), the name comes from a pid or reference, perhaps a peer's, and a peer must not
   * make this node connect anywhere.
   */
  route(node: string, isNamed?: boolean): Signals;
  /**
   * Returns the channel for signals about existing links, monitors and calls. It makes no connection, because these
   * end with their connection.
   */
  back(node: string): Signals;
  /** Returns the channel to a node that is connected or about to be; makes no connection. */
  connected(node: string): Signals | undefined;
  /** The functions of a started node that clusters use. */
  readonly clusterHost: ClusterHost | undefined;
  /** Connects to a node by its name, its address, or both; does not reject for a node that cannot be reached. */
  connectTo(target: ConnectTarget): Promise<ConnectOutcome>;

  /** Returns the process of a pid, if it is alive and of this incarnation. */
  find(pid: Pid): LocalProcess | undefined;
  /** Returns the process of code outside any process, and creates a new one if the last has exited. */
  shell(): LocalProcess;
  /** Returns the process of a name for code of other processes; starts the process if it is lazy. */
  named(name: string): LocalProcess | undefined;
  /** Removes an exited process, and frees its name and aliases. */
  forget(process: LocalProcess): void;
  /** Registers a name for a process; returns false if the name is taken or the process has one. */
  register(name: string, process: LocalProcess): boolean;
  /** Unregisters a name; returns false if no process has it. */
  unregister(name: string): boolean;
  /** Creates a pid of this node that no process has or will have. */
  unusedPid(): Pid;
  makeRef(): Ref;
  nextUnlinkId(): number;

  /** Starts a process; its code begins after the current one has yielded. */
  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess;
  /** Creates a stand-in: the process as which code of another node's process runs from now on. */
  makeStandIn(label: string | undefined): LocalProcess;
  /**
   * Returns the function that another node requests, ready to run, or the reason of a refusal. With `isWithin`, an
   * existing process runs the function, which a draining node still allows.
   */
  resolve(run: Runnable | Code, node: string, isWithin?: boolean): Resolved;

  /** Ends a process: other processes find it dead from now on. */
  terminate(process: LocalProcess, reason: unknown): void;
  /** Ends a process whose code threw or rejected. */
  crash(process: LocalProcess, error: unknown): void;
  /** Ends a process that exits of its own accord. */
  leave(process: LocalProcess, reason: unknown): void;
  /** Sends the DOWN of one monitor on a living process, which cannot do the work that the monitor waits for. */
  failMonitor(process: LocalProcess, ref: Ref, reason: unknown): void;

  /** Ends the monitor of another process on a process of this node. */
  removeMonitor(process: LocalProcess, ref: Ref): void;
  /** Sends a reply to another node; the reply to a call ends the call's monitor. */
  reply(signals: Signals, from: Pid, to: ReplyTarget, value: unknown): void;

  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Milliseconds since 1970, on a clock that can be set. */
  wallNow(): number;
  /** Calls back after `ms` milliseconds, as code of no process; returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void;
  /** Calls back every `ms` milliseconds, as code of no process; returns a function that stops the calls. */
  every(ms: number, fn: () => void): () => void;
  /** Reports an event to the node's log; never throws. */
  report(
    level: RuntimeEvent["level"],
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void;

  /** Notifies the processes that monitor nodes of a nodeup; called before the node's first signal. */
  nodeUp(node: string, isHidden?: boolean): void;
  /** Notifies every affected process that a node is gone, if it `wasUp`, or cannot be reached. */
  nodeDown(node: string, wasUp: boolean, isHidden?: boolean): void;
}
