/**
 * The names that `mod.ts` exports, except for those of `node.ts`, which passes these names to the closures
 * that it runs. Closures, the shell and the table of its `h` can use the values. A type is exported here if
 * users declare or write it; the other types of a module are exported from the module's own path.
 *
 * @module
 */

export {
  Agent,
  type AgentOptions,
  type AgentPid,
  type AgentRef,
} from "./agent.ts";
export {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
} from "./application.ts";
export {
  type DynamicChildInfo,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
} from "./dynamic_supervisor.ts";
export {
  type BinaryReason,
  type CallReason,
  ExitError,
  type ExitReason,
  formatExit,
  IoError,
  NodeStartError,
  NoProcessError,
  ProcessExited,
  QueueFullError,
  ReceiveTimeout,
  RpcError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "./errors.ts";
export {
  type CallHandlers,
  type CallOptions,
  type CallResult,
  type CastResult,
  type From,
  GenServer,
  type GenServerBeamTypes,
  type GenServerModule,
  type GenServerOptions,
  type GenServerPid,
  type GenServerRef,
  type GenServerTypes,
  type InitResult,
  type NameRegistry,
  type ServerName,
  type ServerRef,
} from "./gen_server.ts";
export {
  global,
  type GlobalLockId,
  type GlobalNameConflict,
  type LockOptions,
  type ResolveFunction,
} from "./global.ts";
export { IO, type IoInspectOptions, type IoOptions } from "./io.ts";
export { Logger } from "./logger.ts";
export { pg, type PgMessage, type PgOptions } from "./pg.ts";
export {
  type CancelTimerMessage,
  type Destination,
  type DownMessage,
  exit,
  type ExitMessage,
  flush,
  isDown,
  isExit,
  isReply,
  makeRef,
  type Message,
  type MonitorOptions,
  type NameOnNode,
  Pid,
  Process,
  type ProcessInfo,
  receive,
  type ReceiveOptions,
  Ref,
  type ReplyMessage,
  self,
  send,
  type SendOptions,
  spawn,
  spawnLink,
  spawnMonitor,
  type SpawnOptions,
} from "./process.ts";
export {
  type RegisterMessage,
  type RegisterResult,
  Registry,
  type RegistryEntry,
  type RegistryOptions,
  type UnregisterMessage,
} from "./registry.ts";
export {
  type ModuleFunction,
  type RemoteFunction,
  rpc,
  type RpcOptions,
  type RpcResult,
} from "./rpc.ts";
export { jsonLog } from "./runtime/log/json_log.ts";
export { standardLog, textLog } from "./runtime/log/log_event.ts";
export { inspect, type InspectOptions } from "./runtime/values/inspect.ts";
export { Atom, atom } from "./runtime/values/atom.ts";
export { Bitstring } from "./runtime/values/bitstring.ts";
export { Float } from "./runtime/values/float.ts";
export { ExternalFunction } from "./runtime/values/functions.ts";
export { ImproperList, improperList } from "./runtime/values/improper_list.ts";
export { Port } from "./runtime/values/port.ts";
export { Tuple, tuple } from "./runtime/values/tuple.ts";
export {
  beam,
  type BeamArgumentTypes,
  type BeamFunctionTypes,
  type BeamType,
  type BeamTypeOf,
} from "./beam.ts";
export {
  type ChildCounts,
  type ChildInfo,
  type ChildRestart,
  type ChildShutdown,
  type ChildSpec,
  type Strategy,
  Supervisor,
  type SupervisorOptions,
} from "./supervisor.ts";
export {
  type AnyTask,
  type AsyncStreamOptions,
  type StreamResult,
  Task,
  type TaskResult,
} from "./task.ts";
export {
  type StartChildOptions,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "./task_supervisor.ts";
