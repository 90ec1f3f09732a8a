/**
 * The error classes of the runtime; `errors.ts` at the top exports them.
 *
 * @module
 */

import { type ExitReason, formatExit } from "./exit_reason.ts";
import { allowErrorClass } from "./term.ts";

/**
 * An exit: `exit(reason)` throws it, and a wait rejects with it when a call fails or the shell process exits. A
 * process that does not catch it exits with its reason.
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

/** Whether a thrown value is an exit. */
export function isExitError(error: unknown): error is ExitError {
  return isInstance(error, ExitError);
}

/** Why a process exits whose code threw `error`; it throws for no error. */
export function reasonOf(error: unknown): unknown {
  if (isExitError(error)) {
    try {
      return error.reason;
    } catch {
      // A subclass, or a proxy, whose `reason` throws: the error itself is the reason.
      return error;
    }
  }
  return isInstance(error, Error) ? error : { type: "nocatch", value: error };
}

/** A proxy may throw when it is looked at: it is an instance of nothing then. */
function isInstance(
  value: unknown,
  type: ErrorConstructor | typeof ExitError,
): boolean {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/**
 * The process of the running code has exited: its pending waits reject with this once, so that `finally` and
 * `using` run, and every later call throws it and has no effect.
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

/** A request was sent to a name that no process has. */
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
   * @param message The operation, the reason of the failure, and the next thing to try.
   */
  constructor(code: SpawnRefusedError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A call of a function on a node failed: the connection was lost or could not be made (`"noconnection"`), there
 * was no answer in time (`"timeout"`), the node does not serve such calls (`"notsup"`), or its limit of
 * processes for this node is reached (`"system_limit"`). After the first two the function may have run, or
 * still run.
 *
 * It is Erlang's `error` of `{erpc, reason}`.
 */
export class RpcError extends Error {
  /** Always `"RpcError"`. */
  override readonly name = "RpcError";
  /** The cause. */
  readonly code: "noconnection" | "timeout" | "notsup" | "system_limit";
  /** The node that was to run the function. */
  readonly node: string;

  /**
   * Made by the functions of `rpc`.
   *
   * @param code The kind of failure.
   * @param node The node that was to run the function.
   * @param message The operation, the reason of the failure, and the next thing to try.
   */
  constructor(code: RpcError["code"], node: string, message: string) {
    super(message);
    this.code = code;
    this.node = node;
  }
}

/**
 * Input or output failed: the group leader is gone, or it answered with an error. A process that does not
 * catch it ends with it, as one in Erlang ends with the error `terminated`.
 */
export class IoError extends Error {
  /** Always `"IoError"`. */
  override readonly name = "IoError";
  /** `"terminated"` if the group leader has exited or its node is down, else its answer. */
  readonly reason: unknown;

  /**
   * Created by requests to a group leader.
   *
   * @param reason Why it failed.
   * @param why The same in words.
   */
  constructor(reason: unknown, why: string) {
    super(`Cannot do input or output: ${why}`);
    this.reason = reason;
  }
}

/** A limit of the signals that wait for nodes, by the name of its option. */
export type QueueLimit =
  | "maxQueueBytes"
  | "maxTotalQueueBytes"
  | "maxPendingSignals";

/** The units of the limits, in words. */
const COUNTED: Record<QueueLimit, string> = {
  maxQueueBytes: "bytes wait already",
  maxTotalQueueBytes: "bytes wait already for all nodes together",
  maxPendingSignals: "signals wait already until it is connected",
};

/** The queue to a node is at its hard cap; the message was not sent. */
export class QueueFullError extends Error {
  /** Always `"QueueFullError"`. */
  override readonly name = "QueueFullError";
  /** The node whose queue is full. */
  readonly node: string;
  /** The length of the queue: in signals if the limit is `maxPendingSignals`, else in bytes. */
  readonly queued: number;
  /** The limit that was reached, an option of `Node.start({ limits })`. */
  readonly limit: QueueLimit;

  /**
   * Made by a connection, or a dial.
   *
   * @param node The node whose queue is full.
   * @param queued The length of the queue.
   * @param most The hard cap, in the same unit.
   * @param limit The name of the limit.
   */
  constructor(
    node: string,
    queued: number,
    most: number,
    limit: QueueLimit = "maxQueueBytes",
  ) {
    super(
      `Cannot send to ${node}: ${queued} ${
        COUNTED[limit]
      }, and ${most} is the most; await send(…) to be held back, or raise limits.${limit}`,
    );
    this.node = node;
    this.queued = queued;
    this.limit = limit;
  }
}

/**
 * A node could not be started. `code` is the cause: the name or a setting (`"name"`); a name or port that is in
 * use (`"in_use"`); the cookie, its file, or the permission to read or create it (`"cookie"`); the certificate
 * (`"tls"`); that it can neither listen nor reach or serve EPMD (`"network"`); that the program was started
 * without the permission to (`"permission"`); or that a node runs already (`"already_started"`). The message
 * names the flag or option that helps, and `cause` is the error of the host.
 */
export class NodeStartError extends Error {
  /** Always `"NodeStartError"`. */
  override readonly name = "NodeStartError";
  /** The cause, for programs. */
  readonly code:
    | "name"
    | "in_use"
    | "cookie"
    | "tls"
    | "network"
    | "permission"
    | "already_started";

  /**
   * Made by `Node.start`.
   *
   * @param code The cause.
   * @param message The operation, the reason of the failure, and the next thing to try.
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
    RpcError,
    IoError,
    QueueFullError,
    NodeStartError,
  ]
) allowErrorClass(type);
