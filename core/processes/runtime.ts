/**
 * A runtime: one node as its processes, servers and connections see it.
 *
 * This is the contract. `NodeRuntime` (`node_runtime.ts`) fulfils it, and joins the parts that do the work.
 *
 * @module
 */

import type { NumberMap } from "../collections/number_map.ts";
import type { ClusterHost } from "../remote/cluster_host.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import type { RuntimeEvent } from "../log/log_event.ts";
import type { LogCause, NodeLog } from "../log/node_log.ts";
import type { Link, NodeIncarnation } from "./links_and_monitors.ts";
import type { LocalProcess, ProcessOptions } from "./local_process.ts";
import type { Timers } from "./timers.ts";
import type {
  ConnectOutcome,
  ConnectTarget,
} from "../remote/connect_target.ts";
import type { Deadlines } from "../scheduling/deadlines.ts";
import type { Runnable, Signals } from "../signals/signal.ts";
import type { BeamFunctions } from "../remote/beam_functions.ts";
import type { Modules, Resolved } from "../remote/exported_modules.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";

/** Options for the start of a process, and the processes that are linked to it or monitor it from its start. */
export interface RuntimeSpawnOptions extends ProcessOptions {
  /** A process to link to it, besides the parent. */
  link?: Pid;
  /** Whether the parent, a process of this node, is linked to it. */
  linkParent?: LocalProcess;
  /** Whether the parent also awaits its exit; see `LocalProcess.addLink`. */
  tellsEnd?: boolean;
  /** A monitor on it. */
  monitor?: { pid: Pid; ref: Ref };
  /** The process that receives its pid, under that reference, before any other signal of it. */
  replyTo?: { pid: Pid; ref: Ref };
}

/** One node's processes, and the services of their node. */
export interface Runtime extends NodeIncarnation {
  /** The maximum nesting of a message. */
  readonly maxDepth: number;
  /** The sender of signals that the node itself sends: a pid that no process has. */
  readonly nobody: Pid;
  /** The node's log. */
  readonly log: NodeLog;
  /** The functions that other nodes may run here. */
  readonly modules: Modules;
  /** The names of these functions on a BEAM. */
  readonly functions: BeamFunctions;
  /** The resources of this node that each peer uses, and their limits. */
  readonly quotas: PeerQuotas;
  /** Pending deadlines. */
  readonly deadlines: Deadlines;
  /** Messages that will be sent. */
  readonly timers: Timers;
  /** The processes, by number. */
  readonly processes: NumberMap<LocalProcess>;
  /** Whether its applications and servers stop in order: their exits are no failures then. */
  isStopping: boolean;
  /**
   * Called when the process that code outside any process shares is ended by an exit signal, and before it ends;
   * over that link, if one has carried the signal.
   */
  onSharedExit:
    | ((shared: LocalProcess, reason: unknown, link: Link | undefined) => void)
    | undefined;
  /** The registered names. */
  readonly names: ReadonlyMap<string, LocalProcess>;
  /** Starts the processes of names that exist only once they are asked for; each returns its process. */
  readonly lazyProcesses: Map<string, () => LocalProcess>;
  /** The active aliases, by reference number. */
  readonly aliases: NumberMap<LocalProcess>;
  /** The nodes that are connected and visible. */
  readonly visible: ReadonlySet<string>;
  /** The nodes that are connected and visible, and take this one for a hidden node. */
  readonly asymmetricPeers: ReadonlySet<string>;
  /** Delivers signals to the processes of this node. */
  readonly local: Signals;
  /** Whether all processes were ended by a stop of the node. */
  readonly stopped: boolean;
  /** Whether the node finishes its work and takes nothing new of other nodes. */
  readonly isDraining: boolean;

  /**
   * The channel for signals to a node: this one, or a connection, which is made if necessary. Unless the program names
   * the node, it comes from a pid or a reference, and so perhaps from a peer, which must not lead this node just
   * anywhere.
   */
  route(node: string, isNamed?: boolean): Signals;
  /**
   * The channel for signals about existing relations of two processes: links, monitors and calls end with their
   * connection, so none is made to report on them.
   */
  back(node: string): Signals;
  /** The channel for signals to a node that is connected, or about to be; no connection is made. */
  connected(node: string): Signals | undefined;
  /** The functions of a started node that clusters use. */
  readonly clusterHost: ClusterHost | undefined;
  /** Connects to a node by its name, its address, or both. It never rejects for a node that cannot be reached. */
  connectTo(target: ConnectTarget): Promise<ConnectOutcome>;

  /** The process of a pid, if it is of this incarnation and alive. */
  find(pid: Pid): LocalProcess | undefined;
  /** The process of code outside any process; a new one when the last has exited. */
  shell(): LocalProcess;
  /** Registers a name for a process. */
  register(name: string, process: LocalProcess): boolean;
  /** Unregisters a name. */
  unregister(name: string): boolean;
  /** A pid of this node that no process has or will have. */
  unusedPid(): Pid;
  /** A new reference of this node. */
  makeRef(): Ref;
  /** An id for an unlink. */
  nextUnlinkId(): number;

  /** Starts a process; its code begins after the current one has yielded. */
  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess;
  /** Creates the process that code of a process of another node of this program runs as from now on. */
  makeStandIn(label: string | undefined): LocalProcess;
  /**
   * Returns the function that another node requests, ready to run, or the reason of a refusal. With `isWithin`, a
   * process that exists runs it, which a draining node still allows.
   */
  resolve(run: Runnable, node: string, isWithin?: boolean): Resolved;

  /** Ends a process: it is dead to others from here on. */
  terminate(process: LocalProcess, reason: unknown): void;
  /** Ends a process whose code threw or rejected. */
  crash(process: LocalProcess, error: unknown): void;
  /** Ends a process that exits by itself. */
  leave(process: LocalProcess, reason: unknown): void;
  /** Sends the DOWN of one monitor on a process that goes on: it cannot do what the monitor waits for. */
  failMonitor(process: LocalProcess, ref: Ref, reason: unknown): void;

  /** Ends a monitor on a process here, for the process that has it. */
  removeMonitor(process: LocalProcess, ref: Ref): void;
  /** Sends a reply to another node; that to a call ends the call's monitor. */
  reply(signals: Signals, from: Pid, to: ReplyTarget, value: unknown): void;

  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back after that many milliseconds, as code of no process; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
  /** Calls back at that interval in milliseconds, as code of no process; returns a function that stops it. */
  every(ms: number, fn: () => void): () => void;
  /** Reports an event to the node's log; never throws. */
  report(
    level: RuntimeEvent["level"],
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void;

  /** Notifies the processes that monitor nodes of a nodeup; called before the node's first signal. */
  nodeUp(node: string, isHidden?: boolean): void;
  /** Notifies the servers that look for others of a visible node that takes this one for a hidden node. */
  asymmetricUp(node: string): void;
  /**
   * Notifies every process that a node is gone or cannot be reached.
   *
   * @param node The node.
   * @param wasUp Whether it was connected.
   * @param isHidden Whether the connection was a hidden one.
   */
  nodeDown(node: string, wasUp: boolean, isHidden?: boolean): void;
}
