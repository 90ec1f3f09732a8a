/** The error classes of the runtime; `errors.ts` at the top exports them. */

import { describeExit, type ExitReason } from "./exit_reason.ts";
import { allowErrorClass } from "./error_term.ts";

/**
 * An exit: `exit(reason)` throws it, and a call rejects with it when it fails. A wait of the shell process
 * rejects with it when that process exits. A process that does not catch it exits with its reason.
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
  /** Why the process exited, as a monitor's DOWN states it. */
  readonly reason: ExitReason;

  /**
   * Creates an exit with a reason. The message describes the reason without the stacks of its errors, which `stack`
   * contains.
   */
  constructor(reason: unknown, options?: ErrorOptions) {
    const { message, full } = describeExit(reason);
    super(message, options);
    this.reason = reason as ExitReason;
    if (full === undefined) return;
    const { stack = message } = this;
    const value = stack.replace(message, () => full);
    Object.defineProperty(this, "stack", {
      value,
      configurable: true,
      writable: true,
    });
  }
}

/** Whether a thrown value is an exit. */
export function isExitError(error: unknown): error is ExitError {
  return isInstance(error, ExitError);
}

/** Returns the reason with which a process exits whose code threw `error`; never throws. */
export function reasonOf(error: unknown): unknown {
  if (isExitError(error)) {
    try {
      return error.reason;
    } catch {
      // The `reason` of a subclass or a proxy threw: the error itself is the reason.
      return error;
    }
  }
  return isInstance(error, Error) ? error : { type: "nocatch", value: error };
}

/** Whether an error is an instance of a class; false for a proxy that throws. */
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
 * The calling process has exited. Its pending waits reject with this error once, so that `finally` and `using` run,
 * and every later call throws it without effect.
 */
export class ProcessExited extends Error {
  /** Always `"ProcessExited"`. */
  override readonly name = "ProcessExited";
  /** The exit reason of the process. */
  readonly reason: ExitReason;

  /** Created by the runtime. */
  constructor(reason: unknown) {
    super(`the process has exited: ${describeExit(reason).message}`);
    this.reason = reason as ExitReason;
  }
}

/** A `receive` with a timeout received no message in time. */
export class ReceiveTimeout extends Error {
  /** Always `"ReceiveTimeout"`. */
  override readonly name = "ReceiveTimeout";
  /** The timeout, in milliseconds. */
  readonly timeout: number;

  /** Created by the runtime. */
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

/** A request named a function that the node does not export. */
export class UndefinedFunctionError extends Error {
  /** Always `"UndefinedFunctionError"`. */
  override readonly name = "UndefinedFunctionError";
}

/**
 * A node refused to run something: a closure, because it allows no closures (`"closure"`); an exported function,
 * because the requesting node may not run it (`"not_allowed"`); or anything, because the requesting node's limit of
 * processes is reached (`"limit"`), or because the node or the task's supervisor is draining (`"draining"`): nothing
 * has run then, and another node can run it.
 */
export class SpawnRefusedError extends Error {
  /** Always `"SpawnRefusedError"`. */
  override readonly name = "SpawnRefusedError";
  /** The reason of the refusal. */
  readonly code: "closure" | "not_allowed" | "limit" | "draining";

  /** Created by the runtime. */
  constructor(code: SpawnRefusedError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A call of a function on a node failed: the connection was lost or could not be established (`"noconnection"`), no
 * answer arrived in time (`"timeout"`), the node does not serve such calls (`"notsup"`), or its limit of processes for
 * this node is reached (`"system_limit"`). In the first two cases the function may have run, or may still be running.
 *
 * It corresponds to Erlang's `error` with the reason `{erpc, reason}`.
 */
export class RpcError extends Error {
  /** Always `"RpcError"`. */
  override readonly name = "RpcError";
  /** The cause. */
  readonly code: "noconnection" | "timeout" | "notsup" | "system_limit";
  /** The node on which the function should have run. */
  readonly node: string;

  /** Created by the functions of `rpc`. */
  constructor(code: RpcError["code"], node: string, message: string) {
    super(message);
    this.code = code;
    this.node = node;
  }
}

/**
 * Input or output failed: the group leader is dead or unreachable, or replied with an error. A process that
 * does not catch it exits with it, like a process in Erlang with the error `terminated`.
 */
export class IoError extends Error {
  /** Always `"IoError"`. */
  override readonly name = "IoError";
  /** `"terminated"` if the group leader has exited or its node is down, otherwise its reply. */
  readonly reason: unknown;

  /** Created by requests to a group leader; `why` describes the reason. */
  constructor(reason: unknown, why: string) {
    super(`Cannot do input or output: ${why}`);
    this.reason = reason;
  }
}

/** The units of the limits. */
const COUNTED: Record<QueueLimit, string> = {
  maxQueueBytes: "bytes wait already",
  maxTotalQueueBytes: "bytes wait already for all nodes together",
  maxPendingSignals: "signals wait already until it is connected",
};

/** A limit of the queued signals for a node, by the name of its option. */
export type QueueLimit = QueueFullError["limit"];

/** The queue to a node is at its hard cap; the message was not sent. */
export class QueueFullError extends Error {
  /** Always `"QueueFullError"`. */
  override readonly name = "QueueFullError";
  /** The node whose queue is full. */
  readonly node: string;
  /** The length of the queue: in signals if the limit is `maxPendingSignals`, else in bytes. */
  readonly queued: number;
  /** The limit that was reached, an option of `Node.start({ limits })`. */
  readonly limit: "maxQueueBytes" | "maxTotalQueueBytes" | "maxPendingSignals";

  /** Created by a connection or a dial; `most` is the limit, in the unit of `queued`. */
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
 * A node could not be started. `code` is the reason: an invalid name or setting (`"name"`); a name or port
 * that is in use (`"in_use"`); the cookie, its file, or the permission to read or create it (`"cookie"`); the
 * certificate (`"tls"`); a failure to listen, or to reach or serve EPMD (`"network"`); a missing permission
 * of the program (`"permission"`); or a node that already runs (`"already_started"`). The message names the
 * flag or option that helps, and `cause` is the host's error.
 */
export class NodeStartError extends Error {
  /** Always `"NodeStartError"`. */
  override readonly name = "NodeStartError";
  /** The reason, for programs. */
  readonly code:
    | "name"
    | "in_use"
    | "cookie"
    | "tls"
    | "network"
    | "permission"
    | "already_started";

  /** Created by `Node.start`. */
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
