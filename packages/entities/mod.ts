/**
 * Entities: a process for each key, on one node of the cluster at a time, with a state in a database.
 *
 * `docs/entities.md` describes what they promise, and how. The files:
 *
 * - `entity.ts`, `entity_types.ts`: definitions; `entities.ts`: a node's entities under a supervisor.
 * - `caller.ts`: a call, in all its attempts; `subscription.ts`: broadcasts; `log_reader.ts`: logs as readers see them.
 * - `entity_server.ts`: the process of one entity; `entity_log.ts`: its log; `writer.ts`: the writes of a node.
 * - `runs.ts`, `run.ts`, `journal.ts`: durable methods; `run_handle.ts`: their runs for callers.
 * - `entity_node.ts`: all that a node knows; `lease.ts`, `keeper.ts`: its place in the store; `mover.ts`: shards that are
 *   handed over; `host_server.ts`: the server that answers other nodes.
 * - `store.ts`: the contract of stores; `memory_store.ts`, `sqlite_store.ts`, `postgres_store.ts`.
 *
 * @module
 */

export type { CancelOptions } from "@otp/servers/gen_server/gen_server";
export type { Pid } from "@otp/processes/process";
export type { Backoff } from "./backoff.ts";
export { checkStore, type CheckStoreOptions } from "./check_store.ts";
export { Entities, type EntityKeysOptions } from "./entities.ts";
export { Entity } from "./entity.ts";
export { EntityError, type EntityErrorCode } from "./entity_error.ts";
export type { EntityContext } from "./entity_context.ts";
export type {
  EntitiesOptions,
  EntityCallOptions,
  EntityCalls,
  EntityContextOf,
  EntityEvent,
  EntityHandle,
  EntityLogEvent,
  EntityLogFollowOptions,
  EntityLogOptions,
  EntityLogPart,
  EntityLogReader,
  EntityLogReadOptions,
  EntityMessage,
  EntityMethod,
  EntityMethods,
  EntityOptions,
  EntityReserved,
  EntityType,
} from "./entity_types.ts";
export type {
  DurableCalls,
  DurableContext,
  DurableMethod,
  DurableMethods,
  Duration,
  DurationUnit,
  EntityRun,
  EntityRuns,
  RunInfo,
  RunResultOptions,
  RunsOptions,
  RunState,
  RunWait,
  StepContext,
  StepOptions,
  StepRetry,
  WaitForOptions,
} from "./durable_types.ts";
export type {
  EntityRead,
  EntityReadContext,
  EntityReads,
  ReadCalls,
  ReadonlyState,
} from "./reads.ts";
export type { ParkedEntity } from "./crashes.ts";
export type { EntitiesInfo } from "./host_server.ts";
export { memoryStore, type MemoryStoreOptions } from "./memory_store.ts";
export {
  type PostgresQuery,
  postgresSchema,
  postgresStore,
  type PostgresStoreOptions,
  type SqlRow,
} from "./postgres_store.ts";
export { sqliteStore, type SqliteStoreOptions } from "./sqlite_store.ts";
export type {
  DueAlarm,
  ShardEpoch,
  StatementFailure,
  Store,
  StoreAppend,
  StoredEvent,
  StoredState,
  StoreNode,
  StoreShard,
  StoreStatement,
  StoreView,
  StoreWrite,
  StreamPart,
  WriteResult,
} from "./store.ts";
