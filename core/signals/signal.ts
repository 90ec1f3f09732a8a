/**
 * Signals: everything that passes from one process to another.
 *
 * A signal is a function call, not an object that is built, queued and parsed. The receivers of such calls
 * implement {@linkcode Signals}: the runtime, which delivers to its own processes, and each connection, which
 * carries the call to another runtime. Between one sender and one receiver signals keep their order, across all
 * kinds.
 *
 * @module
 */

import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";

/**
 * The result of `send`: `undefined` while there is room, else a promise that resolves when the queue has
 * drained or the node is down, and never rejects.
 */
export type Backpressure = Promise<void> | undefined;

/** The target of a signal: a process, or a registered name on the receiving node. */
export type Target = Pid | string;

/** The id of an unlink. Erlang's ids have 64 bits. */
export type UnlinkId = number | bigint;

/** The target of a monitor, as a DOWN contains it. */
export type MonitoredObject = Pid | { name: string; node: string };

/**
 * The function that a spawned process runs: one that its node exports, a closure's source, or, within
 * a node, a function that waits for the request.
 */
export type Runnable =
  | { module: string; function: string; args: unknown[] }
  | { source: string; args: unknown[] }
  | { parked: string; args: unknown[] };

/** A function and its arguments, as a BEAM names them: the texts of two atoms, and a list. */
export type Mfa = readonly [module: string, name: string, args: unknown[]];

/** A request to start a process on another node. */
export interface SpawnRequest {
  /** Names the request; with `monitor`, the monitor as well. */
  ref: Ref;
  /** The function that the process runs. */
  run: Runnable;
  /** Whether it is linked to the caller, from its start. */
  link: boolean;
  /** Whether the caller monitors it, from its start. */
  monitor: boolean;
  /** The group leader that it inherits. */
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

/** A receiver of signals: each method is one kind. None of them throws for a missing receiver. */
export interface Signals {
  /** A message to a process. */
  send(from: Pid, to: Pid, message: unknown): Backpressure;
  /** A message to a registered name. */
  sendName(from: Pid, name: string, message: unknown): Backpressure;
  /** A message to an alias: dropped if the alias is no longer active. */
  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure;
  /**
   * The answer to a call or the result of a task. `to` is the alias, if that is the tag too, as of all requests of
   * this library; a `ReplyTo` has another tag, and comes from a BEAM. With `endsMonitor`, the reply has ended the
   * monitor of that reference at its sender's node.
   */
  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor?: boolean,
  ): void;
  /** Both are linked from here on. */
  link(from: Pid, to: Pid): void;
  /** The link is ended; `id` names this ending, and its ack has the same. */
  unlink(from: Pid, to: Pid, id: UnlinkId): void;
  /** The ending of that id has been seen. */
  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void;
  /** An exit signal that was sent by `Process.exit(pid, reason)`. */
  exit(from: Pid, to: Pid, reason: unknown): void;
  /** An exit signal of a linked process that ended. */
  exitLink(from: Pid, to: Pid, reason: unknown): void;
  /**
   * `from` starts to monitor the target. The monitor of a call ends at the target's node when the reply leaves it.
   */
  monitor(from: Pid, target: Target, ref: Ref, isCall?: boolean): void;
  /** `from` ends its monitor of the target, which not every wire names. */
  demonitor(from: Pid, ref: Ref, target?: Target): void;
  /**
   * The process that `to` monitors under `ref` has exited. If it was monitored by its name, `name` is that, which
   * not every wire says.
   */
  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void;
  /** Start a process. */
  spawnRequest(from: Pid, request: SpawnRequest): void;
  /** A process was started, or not; on success it is the new process's first signal. */
  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void;
  /** The receiver's group leader is from now on `leader`. */
  groupLeader(from: Pid, to: Pid, leader: Pid): void;
}

/** Signals that wait until they can be sent. */
export interface Queued {
  /** Whether `send` would ask this sender to wait. */
  isFull(from: Pid): boolean;
}

/** Whether `send` would ask this sender to wait. */
export function isFull(signals: Signals, from: Pid): boolean {
  return "isFull" in signals && (signals as Signals & Queued).isFull(from);
}
