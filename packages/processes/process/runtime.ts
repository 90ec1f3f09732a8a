/**
 * A runtime: one node as its processes, servers and connections see it.
 *
 * This file is the contract. `NodeRuntime` (`node_runtime.ts`) implements it, and joins the parts that do the work.
 */

import type { NumberMap } from "../collections/number_map.ts";
import type { ClusterHost } from "../remote/cluster_host.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import type { Clock } from "../host/clock.ts";
import type { NodeLog } from "../log/node_log.ts";
import type { Link, NodeIncarnation } from "./links_and_monitors.ts";
import type { Entry, LocalProcess, ProcessOptions } from "./local_process.ts";
import type { Timers } from "./timers.ts";
import type {
  ConnectOutcome,
  DialReport,
  PeerAddress,
} from "../remote/peer_address.ts";
import type { Deadlines } from "../scheduling/deadlines.ts";
import type { AutoConnect, Signals } from "../signals/signal.ts";
import type { Border } from "./border.ts";
import type { Modules } from "../remote/exported_modules.ts";
import type { RegisteredNames } from "./registered_names.ts";
import type { Watchers } from "./watchers.ts";
import type { Pid, Ref } from "../values/pid.ts";

/** Options for the start of a process, including links and monitors that exist from the start. */
export interface RuntimeSpawnOptions extends ProcessOptions {
  /** A process to link to the new one, besides the parent. */
  link?: Pid;
  /** The parent, if the parent is a process of this node and is to be linked. */
  linkParent?: LocalProcess;
  /** Whether the parent also awaits its exit; see `LocalProcess.addLink`. */
  awaitsExit?: boolean;
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
  readonly clock: Clock;
  readonly log: NodeLog;
  /** The functions that other nodes may run here. */
  readonly modules: Modules;
  /** The border to nodes of another library; absent if this node does not speak their wire. */
  border: Border | undefined;
  /** The resources of this node that each peer uses, and their limits. */
  readonly quotas: PeerQuotas;
  /** Pending deadlines; calls back after a time, or every so often. */
  readonly deadlines: Deadlines;
  /** Messages to be sent later. */
  readonly timers: Timers;
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
  /** The process of code outside any process, once there was one; see `shellProcess`. */
  shell: LocalProcess | undefined;
  readonly names: RegisteredNames<LocalProcess>;
  /** The active aliases, by reference number. */
  readonly aliases: NumberMap<Entry>;
  /** The monitors on the processes. */
  readonly watchers: Watchers<LocalProcess>;
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
   * Returns the channel for signals to a node: this node, or a connection. Without `connect`, it makes no connection:
   * signals about existing links, monitors and calls need none, because these end with their connection.
   */
  signalsTo(node: string, connect?: AutoConnect): Signals;
  /** Whether a node is this node, is connected, or is being dialled. */
  hasChannelTo(node: string): boolean;
  /** The functions of a started node that clusters use. */
  readonly clusterHost: ClusterHost | undefined;
  /** Connects to a node; does not reject for a node that cannot be reached. Logs `"all"` failures by default. */
  readonly connectTo: (
    to: PeerAddress,
    report?: DialReport,
  ) => Promise<ConnectOutcome>;

  /** Returns the process of a pid, if it is alive and of this incarnation. */
  find(pid: Pid): LocalProcess | undefined;
  /** Creates a pid of this node that no process has or will have. */
  unusedPid(): Pid;
  makeRef(): Ref;
  nextUnlinkId(): number;
}
