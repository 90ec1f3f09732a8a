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
} from "./exports/agent.ts";
export {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
} from "@otp/servers/application/application";
export {
  DynamicSupervisor,
  type DynamicSupervisorOptions,
} from "./exports/dynamic_supervisor.ts";
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
} from "@otp/processes/errors";
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
} from "./exports/gen_server.ts";
export { global, type ResolveFunction } from "@otp/cluster/global/global";
export { IO } from "@otp/node/io/io";
export { Logger } from "@otp/servers/logger/logger";
export { flush } from "@otp/node/io/flush";
export { pg, type PgMessage, type PgOptions } from "@otp/node/pg/pg";
export {
  type CancelTimerMessage,
  type Destination,
  type DownMessage,
  exit,
  type ExitMessage,
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
} from "@otp/processes/process";
export {
  type RegisterMessage,
  Registry,
  type RegistryEntry,
  type RegistryOptions,
  type UnregisterMessage,
} from "./exports/registry.ts";
export {
  type ModuleFunction,
  type RemoteFunction,
  rpc,
  type RpcResult,
  type TimeLimits,
} from "@otp/node/rpc/rpc";
export { jsonLog } from "@otp/processes/log/json_log";
export { remote } from "@otp/processes/remote/exported_modules";
export { standardLog, textLog } from "@otp/processes/log/log_event";
export { inspect, type InspectOptions } from "@otp/processes/values/inspect";
export { Atom, atom } from "@otp/processes/values/atom";
export { Bitstring } from "@otp/processes/values/bitstring";
export { Float } from "@otp/processes/values/float";
export { ExternalFunction } from "@otp/processes/values/functions";
export {
  ImproperList,
  improperList,
} from "@otp/processes/values/improper_list";
export { Port } from "@otp/processes/values/port";
export { Tuple, tuple } from "@otp/processes/values/tuple";
export {
  beam,
  type BeamFunctionTypes,
  type BeamType,
  type BeamTypeOf,
} from "@otp/beam";
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
} from "./exports/supervisor.ts";
export {
  type AsyncStreamOptions,
  type StreamResult,
  Task,
  type TaskResult,
} from "@otp/servers/task/task";
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
