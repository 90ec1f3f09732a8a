/**
 * The error classes that callers catch, and functions that describe exit reasons.
 *
 * @example Catch a call to a node that is not there
 * ```ts
 * import { Task, TaskSupervisor } from "@otp/distribution";
 * import { ExitError } from "@otp/distribution/errors";
 * import { assertInstanceOf, assertStringIncludes } from "@std/assert";
 *
 * try {
 *   const sup = { name: "Chat.TaskSupervisor", node: "moebi@localhost" };
 *   await Task.await(await TaskSupervisor.async(sup, ["Chat", "receiveMessage"], ["hi"]));
 * } catch (error) {
 *   assertInstanceOf(error, ExitError);
 *   assertStringIncludes(error.message, "no connection to moebi@localhost");
 * }
 * ```
 *
 * @module
 */

export {
  ExitError,
  IoError,
  NodeStartError,
  NoProcessError,
  ProcessExited,
  QueueFullError,
  type QueueLimit,
  ReceiveTimeout,
  RpcError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "./values/error_classes.ts";
export {
  type BinaryReason,
  type CallReason,
  type ExitReason,
  formatExit,
  type NoCatchReason,
  type NodeDownReason,
  type ShutdownReason,
  type SystemLimitReason,
} from "./values/exit_reason.ts";
