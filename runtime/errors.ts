/**
 * The error classes of the runtime; `errors.ts` at the top exports them.
 *
 * @module
 */

import { type ExitReason, formatExit } from "./reason.ts";
import { allowErrorClass } from "./term.ts";

/**
 * An exit on its way: thrown by `exit(reason)`, and what a wait rejects with when a call fails
 * or the shell process is told to exit. A process that does not catch it exits with its reason.
 *
 * @example The reason is kept
 * ```ts
 * import { ExitError } from "@otp/distribution/errors";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new ExitError("shutdown").reason, "shutdown");
 * ```
 */
export class ExitError extends Error {
  /** Always `"ExitError"`. */
  override readonly name = "ExitError";
  /** The exit reason. */
  readonly reason: ExitReason;

  /**
   * Makes an exit of a reason.
   *
   * @param reason The exit reason; the message is made from it.
   * @param options The cause, if there is one.
   */
  constructor(reason: unknown, options?: ErrorOptions) {
    super(formatExit(reason), options);
    this.reason = reason as ExitReason;
  }
}

/**
 * The process that the code runs in has exited: its pending waits reject with this once, so that
 * `finally` and `using` run, and every call that it makes afterwards throws it and does nothing.
 */
export class ProcessExited extends Error {
  /** Always `"ProcessExited"`. */
  override readonly name = "ProcessExited";
  /** Why the process exited. */
  readonly reason: ExitReason;

  /**
   * Made by the runtime.
   *
   * @param reason Why the process exited.
   */
  constructor(reason: unknown) {
    super(`the process has exited: ${formatExit(reason)}`);
    this.reason = reason as ExitReason;
  }
}

/** A `receive` with a timeout got no message in time. */
export class ReceiveTimeout extends Error {
  /** Always `"ReceiveTimeout"`. */
  override readonly name = "ReceiveTimeout";
  /** The timeout, in milliseconds. */
  readonly timeout: number;

  /**
   * Made by the runtime.
   *
   * @param timeout The timeout, in milliseconds.
   */
  constructor(timeout: number) {
    super(
      `Cannot receive: no matching message came within ${timeout} ms; give \`after\` to get a value instead`,
    );
    this.timeout = timeout;
  }
}

/** What was asked of a name that no process has. */
export class NoProcessError extends Error {
  /** Always `"NoProcessError"`. */
  override readonly name = "NoProcessError";
}

/** A function was named that the node does not export. */
export class UndefinedFunctionError extends Error {
  /** Always `"UndefinedFunctionError"`. */
  override readonly name = "UndefinedFunctionError";
}

/**
 * A node refused to run something: a closure, as it does not allow any (`"closure"`); a function
 * that it exports, but not to this node (`"not_allowed"`); or anything, as this node has as many
 * processes there as it may have (`"limit"`).
 */
export class SpawnRefusedError extends Error {
  /** Always `"SpawnRefusedError"`. */
  override readonly name = "SpawnRefusedError";
  /** Why it refused. */
  readonly code: "closure" | "not_allowed" | "limit";

  /**
   * Made by the runtime.
   *
   * @param code Why the node refused.
   * @param message What was tried, why it failed and what to do.
   */
  constructor(code: SpawnRefusedError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** The queue to a node is at its hard cap; the message was not sent. */
export class QueueFullError extends Error {
  /** Always `"QueueFullError"`. */
  override readonly name = "QueueFullError";
  /** The node whose queue is full. */
  readonly node: string;
  /** The bytes that wait. */
  readonly queued: number;

  /**
   * Made by a connection.
   *
   * @param node The node whose queue is full.
   * @param queued The bytes that wait.
   * @param limit The hard cap, in bytes.
   */
  constructor(node: string, queued: number, limit: number) {
    super(
      `Cannot send to ${node}: ${queued} bytes wait already, and ${limit} is the most; await send(…) to be held back, or raise limits.maxQueueBytes`,
    );
    this.node = node;
    this.queued = queued;
  }
}

/** A node could not be started. */
export class NodeStartError extends Error {
  /** Always `"NodeStartError"`. */
  override readonly name = "NodeStartError";
  /** What was wrong: the arguments, something in use, the cookie, or the certificate. */
  readonly code:
    | "name"
    | "in_use"
    | "cookie"
    | "tls"
    | "network"
    | "already_started";

  /**
   * Made by `Node.start`.
   *
   * @param code What was wrong.
   * @param message What was tried, why it failed and what to do.
   * @param options The cause, if there is one.
   */
  constructor(
    code: NodeStartError["code"],
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
  }
}

for (
  const type of [
    ExitError,
    ReceiveTimeout,
    NoProcessError,
    UndefinedFunctionError,
    SpawnRefusedError,
    QueueFullError,
    NodeStartError,
  ]
) allowErrorClass(type);
