/**
 * Signals: everything that passes from one process to another.
 *
 * A signal is a function call, not an object that is built, queued and parsed. Receivers of such calls implement
 * {@linkcode Signals}: the runtime, which delivers to its own processes, and each connection, which carries the call
 * to another runtime. Signals between one sender and one receiver keep their order, whatever their kinds.
 */

import type { OwnFunction } from "../values/own_function.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";

/**
 * The result of `send`: `undefined` while the queue has room, else a promise that resolves when the queue has drained
 * or the node is down, and never rejects.
 */
export type Backpressure = Promise<void> | undefined;

/**
 * Whether a signal makes a connection: `"by_name"` if the program names the node, `"by_pid"` if a pid or reference
 * does. A pid may come from a peer, and a peer must not make a node connect anywhere.
 */
export type AutoConnect = "by_name" | "by_pid";

/** The target of a signal: a process, or a registered name on the receiving node. */
export type Target = Pid | string;

/** The id of an unlink. Erlang's ids have 64 bits. */
export type UnlinkId = number | bigint;

/** A process by its pid, or by a name on a node: a resolved reference, and the target of a monitor. */
export type Place = Pid | { name: string; node: string };

/**
 * The function that a spawned process runs: an exported function, a closure's source, or, within a node, the function
 * itself.
 */
export type Runnable =
  | { module: string; function: string; args: unknown[] }
  | { source: string; args: unknown[] }
  | { local: OwnFunction; args: unknown[] };

/** A call in Erlang's form: the texts of two atoms, module and function, and the arguments. */
export type Mfa = readonly [module: string, name: string, args: unknown[]];

/** A request to start a process on another node. */
export interface SpawnRequest {
  /** The reference of the request, and with `monitor` of the monitor. */
  ref: Ref;
  run: Runnable;
  /** Whether the process is linked to the caller from its start. */
  link: boolean;
  /** Whether the caller monitors the process from its start. */
  monitor: boolean;
  groupLeader: Pid;
}

/** The reason why a process was not started. */
export type SpawnFailure =
  | "undef"
  | "not_allowed"
  | "closure"
  | "limit"
  | "draining";

/** The result of a spawn request. */
export type SpawnResult =
  | { pid: Pid; link: boolean; monitor: boolean }
  | { error: SpawnFailure; message: string };

/** A receiver of signals, with a method for each kind. No method throws for a missing receiver. */
export interface Signals {
  send(from: Pid, to: Pid, message: unknown): Backpressure;
  sendName(from: Pid, name: string, message: unknown): Backpressure;
  /** Sends a message to an alias; an inactive alias drops it. */
  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure;
  /**
   * The answer to a call or the result of a task. `to` is the alias alone, if the alias is the tag too, as in all
   * requests of this library. A `ReplyTo` with another tag comes from a BEAM. With `endsMonitor`, the reply has ended
   * the monitor with that reference at the sender's node.
   */
  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor?: boolean,
  ): void;
  link(from: Pid, to: Pid): void;
  /** Ends a link; `id` identifies this unlink and its ack. */
  unlink(from: Pid, to: Pid, id: UnlinkId): void;
  /** Confirms the unlink with this id. */
  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void;
  /** Sends the exit signal of `Process.exit(pid, reason)`. */
  exit(from: Pid, to: Pid, reason: unknown): void;
  /** Sends the exit signal of a linked process that exited. */
  exitLink(from: Pid, to: Pid, reason: unknown): void;
  /** Makes `from` monitor the target. The monitor of a call ends at the target's node when the reply leaves it. */
  monitor(from: Pid, target: Target, ref: Ref, isCall?: boolean): void;
  /** Ends a monitor of `from`; not every wire names the target. */
  demonitor(from: Pid, ref: Ref, target?: Target): void;
  /**
   * The process that `to` monitors under `ref` has exited. For a monitor by name, `name` is the name, which not every
   * wire carries.
   */
  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void;
  spawnRequest(from: Pid, request: SpawnRequest): void;
  /** Sends the result of a spawn request; on success, it is the first signal from the new process. */
  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void;
  /** Sets the receiver's group leader to `leader`. */
  groupLeader(from: Pid, to: Pid, leader: Pid): void;
}

/** A channel with a queue of unsent signals. */
export interface Queued {
  /** Whether `send` would ask this sender to wait. */
  isFull(from: Pid): boolean;
}

/** Whether `send` would ask this sender to wait. */
export function isFull(signals: Signals, from: Pid): boolean {
  return "isFull" in signals && (signals as Signals & Queued).isFull(from);
}
