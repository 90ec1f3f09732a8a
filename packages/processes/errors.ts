/**
 * The error classes that callers catch, and functions that describe exit reasons.
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
