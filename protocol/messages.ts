/**
 * What servers say to each other: calls, tasks, input and output, as typed messages.
 *
 * Every wire knows how each of these is spelled.
 *
 * @module
 */

import { Pid, type Ref } from "../runtime/pid.ts";
import type { Runnable } from "../runtime/signal.ts";
import type { GlobalName, ViaName } from "./names.ts";

/** A server: its pid, its name on this node or on another, in a registry, or in the cluster. */
export type ServerRef =
  | Pid
  | string
  | { name: string; node: string }
  | ViaName
  | GlobalName;

/** A request that is answered by a reply to an alias. */
export interface Call {
  /** Always `"$call"`. */
  type: "$call";
  /** Who calls. */
  from: Pid;
  /** The alias that the reply goes to. */
  ref: Ref;
  /** What is asked. */
  request: unknown;
}

/** A request that is not answered. */
export interface Cast {
  /** Always `"$cast"`. */
  type: "$cast";
  /** What is asked. */
  request: unknown;
}

/** Asks a server to end: OTP's system message `{terminate, reason}`. It says that it does; then comes its DOWN. */
export interface Stop {
  /** Always `"$stop"`. */
  type: "$stop";
  /** Who asks. */
  from: Pid;
  /** The monitor that waits for the end, and alias of the answer. */
  ref: Ref;
  /** With which reason it is to exit. */
  reason: unknown;
}

/** Something that is not answered, from who says so: servers that belong together speak like that. */
export interface Tell {
  /** Always `"$tell"`. */
  type: "$tell";
  /** Who tells. */
  from: Pid;
  /** What is told. */
  message: unknown;
}

/** Asks a Task.Supervisor for a task, which the caller owns. */
export interface StartTask {
  /** Always `"start_task"`. */
  type: "start_task";
  /** The task's reference: monitor, and alias of its result; without it, nobody awaits. */
  task?: Ref;
  /** Whether the owner is linked to the task. */
  link: boolean;
  /** What it runs. */
  run: Runnable;
  /** When it is started again. */
  restart: "temporary" | "transient" | "permanent";
  /** How it is ended: after so many milliseconds, at once, or with no limit. */
  shutdown: number | "brutal_kill" | "infinity";
  /** On whose behalf: the owner first. */
  callers: Pid[];
}

/** What a group leader is asked. */
export type IoOperation =
  | { type: "put_chars"; chars: string }
  | { type: "get_line"; prompt: string }
  | { type: "get_chars"; prompt: string; count: number }
  | { type: "get_geometry" }
  | { type: "requests"; requests: IoOperation[] };

/** A request to a group leader. */
export interface IoRequest {
  /** Always `"io_request"`. */
  type: "io_request";
  /** Who asks. */
  from: Pid;
  /** The alias that the reply goes to. */
  replyAs: Ref;
  /** What is asked. */
  request: IoOperation;
}

/** Whether a value says what to run: it may come from anywhere. */
export function isRunnable(value: unknown): value is Runnable {
  if (typeof value !== "object" || value === null) return false;
  const run = value as Record<string, unknown>;
  return Array.isArray(run.args) &&
    (typeof run.source === "string" || typeof run.parked === "string" ||
      (typeof run.module === "string" && typeof run.function === "string"));
}

/** Whether a message is of a type. */
export function isTyped<T extends string>(
  message: unknown,
  type: T,
): message is { type: T } {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === type;
}

/** What a message tells, if it comes from a process of that node. */
export function toldFrom(message: unknown, node: string): unknown {
  if (!isTyped(message, "$tell")) return undefined;
  const { from, message: told } = message as Partial<Tell>;
  return from instanceof Pid && from.node === node ? told : undefined;
}

/** Whether a message says who sends it in a way that servers rely on: every wire sees to it that it is true. */
export function isSigned(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { type } = message as { type?: unknown };
  return type === "$call" || type === "$stop" || type === "$tell";
}
