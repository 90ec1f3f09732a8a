/**
 * Erlang/OTP's distribution for TypeScript: nodes, processes, servers, supervisors, tasks, registries and groups.
 *
 * Named nodes connect to each other. Processes spawn, link, monitor and send across nodes as they do within one. This
 * module exports the values of all modules except those for clusters, threads, partitions, the task pool, observing,
 * the shell and tests. It exports the types that programs write; each module exports the other types of its signatures.
 *
 * @example Two nodes and a message
 * ```ts
 * import { Node, receive, self, send } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "secret_token";
 * const Echo = { back: (to: ReturnType<typeof self>) => void send(to, "sup?") };
 * await using kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: 14369, modules: { Echo } });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await alex.run(async () => {
 *   await Node.spawnLink(kate.name, ["Echo", "back"], [self()]);
 *   assertEquals(await receive(), "sup?");
 * });
 * ```
 *
 * @module
 */

export {
  Agent,
  type AgentOptions,
  type AgentPid,
  type AgentRef,
} from "./otp/agent/agent.ts";
export {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
} from "./otp/application/application.ts";
export {
  DynamicSupervisor,
  type DynamicSupervisorOptions,
} from "./otp/supervisor/dynamic_supervisor.ts";
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
} from "./core/errors.ts";
export {
  type CallHandlers,
  type CallOptions,
  type CallResult,
  type CancelOptions,
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
  type SystemMessage,
} from "./otp/gen_server/gen_server.ts";
export { global, type ResolveFunction } from "./otp/global/global.ts";
export { IO } from "./otp/io/io.ts";
export { Logger } from "./otp/logger/logger.ts";
export { pg, type PgMessage, type PgOptions } from "./otp/pg/pg.ts";
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
  type MessageSchema,
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
  spawn,
  spawnLink,
  spawnMonitor,
  type SpawnOptions,
} from "./otp/process/process.ts";
export {
  type RegisterMessage,
  Registry,
  type RegistryEntry,
  type RegistryOptions,
  type UnregisterMessage,
} from "./otp/registry/registry.ts";
export {
  type ModuleFunction,
  type RemoteFunction,
  rpc,
  type RpcResult,
  type TimeLimits,
} from "./otp/rpc/rpc.ts";
export { jsonLog } from "./core/log/json_log.ts";
export { remote } from "./core/remote/exported_modules.ts";
export { standardLog, textLog } from "./core/log/log_event.ts";
export { inspect, type InspectOptions } from "./core/values/inspect.ts";
export { Atom, atom } from "./core/values/atom.ts";
export { Bitstring } from "./core/values/bitstring.ts";
export { Float } from "./core/values/float.ts";
export { ExternalFunction } from "./core/values/functions.ts";
export { ImproperList, improperList } from "./core/values/improper_list.ts";
export { Port } from "./core/values/port.ts";
export { Tuple, tuple } from "./core/values/tuple.ts";
export {
  beam,
  type BeamFunctionTypes,
  type BeamType,
  type BeamTypeOf,
} from "./core/beam.ts";
export {
  type ChildCounts,
  type ChildInfo,
  type ChildRestart,
  type ChildShutdown,
  type ChildSpec,
  type ChildStart,
  type RestartLimits,
  type ServerStartOptions,
  type Strategy,
  Supervisor,
  type SupervisorOptions,
} from "./otp/supervisor/supervisor.ts";
export {
  type AsyncStreamOptions,
  type StreamResult,
  Task,
  type TaskResult,
} from "./otp/task/task.ts";
export {
  type StartChildOptions,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "./task_supervisor.ts";
export {
  type Allow,
  type CrashReport,
  type IoDevice,
  type Limits,
  type LogEvent,
  type LogHook,
  type LogLevel,
  type ModuleExports,
  Node,
  type NodeDrainOptions,
  type NodeOptions,
  type NodeStopOptions,
  type PeerCertificate,
  type RunOptions,
  type SupervisorReport,
  type TlsOptions,
  type TreeEnd,
} from "./node.ts";
