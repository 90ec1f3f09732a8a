/** Decides what becomes of a run whose task was not started, or was lost. */

import { QueueFullError } from "../../core/errors.ts";
import { isTyped } from "../gen/messages.ts";
import type { SpawnFailure } from "../../core/signals/signal.ts";
import { spawnError } from "../../core/remote/exported_modules.ts";
import { isReason } from "../../core/values/exit_reason.ts";
import type { Pid } from "../../core/values/pid.ts";

/** A start that a supervisor has refused. */
export class Refused extends Error {
  readonly reply: unknown;

  constructor(reply: unknown) {
    super();
    this.reply = reply;
  }
}

/** A start whose call has failed. */
export class NotStarted extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super();
    this.reason = reason;
  }
}

/** Returns whether a task ended because its supervisor or node ended. */
export function isLost(reason: unknown): boolean {
  return isReason(reason, "noconnection") ||
    isReason(reason, "shutdown") || isReason(reason, "killed");
}

/**
 * Returns the fate of a run whose start has failed. `"elsewhere"`: the task was surely not started. `"lost"`: the task
 * was possibly started. `"fails"`: the start would fail on any node.
 */
export function fateOf(error: unknown): "elsewhere" | "lost" | "fails" {
  if (error instanceof QueueFullError) return "elsewhere";
  if (error instanceof Refused) {
    const { reason, message } = replyOf(error);
    if (isReason(reason, "max_children") || isReason(reason, "draining")) {
      return "elsewhere";
    }
    if (reason === "limit" || reason === "system_limit") return "elsewhere";
    return typeof reason === "string" && typeof message === "string"
      ? "fails"
      : "lost";
  }
  if (error instanceof NotStarted) {
    // The node may have refused only the monitor, not the request; or the connection was lost on the way.
    return isReason(error.reason, "system_limit") ||
        isTyped(error.reason, "nodedown")
      ? "lost"
      : "elsewhere";
  }
  return "fails";
}

/** Returns the error of a run whose start would fail on any node. */
export function failureOf(error: unknown, { node }: Pid): unknown {
  if (!(error instanceof Refused)) return error;
  const { reason, message } = replyOf(error);
  return spawnError(node, {
    error: reason as SpawnFailure,
    message: message as string,
  });
}

function replyOf({ reply }: Refused): Record<string, unknown> {
  return (reply ?? {}) as Record<string, unknown>;
}
