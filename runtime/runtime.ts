/**
 * A runtime: one node as its processes, servers and connections see it.
 *
 * This is the contract. `NodeRuntime` (`node_runtime.ts`) fulfils it, and joins the parts that do the work.
 *
 * @module
 */

import type { Holdings } from "./holdings.ts";
import type { RuntimeEvent } from "./log/log_event.ts";
import type { LogCause, NodeLog } from "./log/node_log.ts";
import type { NodeIncarnation } from "./processes/links_and_monitors.ts";
import type { NumberTable } from "./processes/number_table.ts";
import type {
  LocalProcess,
  ProcessOptions,
} from "./processes/local_process.ts";
import type { Timers } from "./processes/timers.ts";
import type { Deadlines } from "./scheduling/deadlines.ts";
import type { Runnable, Signals } from "./signals/signal.ts";
import type { Modules, Resolved } from "./spawning/exported_modules.ts";
import type { Pid, Ref } from "./values/pid.ts";

/** How a process is started, and who is linked to it or monitors it from its first moment. */
export interface RuntimeSpawnOptions extends ProcessOptions {
  /** Is linked to it, besides the parent. */
  link?: Pid;
  /** Whether the parent, a process of this node, is linked to it. */
  linkParent?: LocalProcess;
  /** Whether the parent also awaits its end; see `LocalProcess.addLink`. */
  tellsEnd?: boolean;
  /** Monitors it. */
  monitor?: { pid: Pid; ref: Ref };
  /** Receives its pid, under that reference, before anything else that it sends. */
  replyTo?: { pid: Pid; ref: Ref };
}

/** One node's processes, and all that they use of their node. */
export interface Runtime extends NodeIncarnation {
  /** How deep a message may be nested. */
  readonly maxDepth: number;
  /** The sender of signals that the node itself sends: a pid that no process has. */
  readonly nobody: Pid;
  /** The node's log. */
  readonly log: NodeLog;
  /** The functions that other nodes may run here. */
  readonly modules: Modules;
  /** The resources of this node that each peer uses, and their limits. */
  readonly holdings: Holdings;
  /** Pending deadlines. */
  readonly deadlines: Deadlines;
  /** Messages that are to be sent. */
  readonly timers: Timers;
  /** The processes, by number. */
  readonly processes: NumberTable<LocalProcess>;
  /** The registered names. */
  readonly names: ReadonlyMap<string, LocalProcess>;
  /** The active aliases, by reference number. */
  readonly aliases: Map<number, LocalProcess>;
  /** The nodes that are connected and visible. */
  readonly visible: ReadonlySet<string>;
  /** Delivers signals to the processes of this node. */
  readonly local: Signals;
  /** Whether all processes were ended, as the node stopped. */
  readonly stopped: boolean;

  /** Where signals for a node go: here, or a connection, which is made if there is none. */
  route(node: string): Signals;
  /**
   * Where signals go that speak of what is between two processes already: links, monitors and
   * calls end with their connection, so that none is made for the news of it.
   */
  back(node: string): Signals;
  /** Where signals for a node go if it is connected, or about to be; no connection is made. */
  connected(node: string): Signals | undefined;

  /** The process of a pid, if it is of this incarnation and alive. */
  find(pid: Pid): LocalProcess | undefined;
  /** The process that code outside any process is in; a new one when the last has exited. */
  shell(): LocalProcess;
  /** Gives a process a name. */
  register(name: string, process: LocalProcess): boolean;
  /** Takes a name away. */
  unregister(name: string): boolean;
  /** A pid of this node that no process has or will have. */
  unusedPid(): Pid;
  /** A new reference of this node. */
  makeRef(): Ref;
  /** An id for an unlink. */
  nextUnlinkId(): number;

  /** Starts a process; its code begins after the current one has given way. */
  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess;
  /** Makes the process that code of a process of another node of this program runs as from now on. */
  makeStandIn(label: string | undefined): LocalProcess;
  /** The function that another node asks to run, ready to run, or why the request is refused. */
  resolve(run: Runnable, node: string): Resolved;

  /** Ends a process: it is dead to others from here on. */
  terminate(process: LocalProcess, reason: unknown): void;
  /** Ends a process whose code threw or rejected. */
  crash(process: LocalProcess, error: unknown): void;
  /** Ends a process that exits by itself. */
  leave(process: LocalProcess, reason: unknown): void;
  /** Sends the DOWN of one monitor on a process that goes on: it cannot do what is waited for. */
  endWatch(process: LocalProcess, ref: Ref, reason: unknown): void;

  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back after so many milliseconds, as code of no process; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
  /** Calls back every so many milliseconds, as code of no process; returns a function that stops it. */
  every(ms: number, fn: () => void): () => void;
  /** Reports an event to the node's log; never throws. */
  report(
    level: RuntimeEvent["level"],
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void;

  /** Notifies those who monitor nodes that one is connected; called before its first signal. */
  nodeUp(node: string): void;
  /**
   * Notifies every process that a node is gone or cannot be reached.
   *
   * @param node The node.
   * @param wasUp Whether it was connected and visible.
   */
  nodeDown(node: string, wasUp: boolean): void;
}
