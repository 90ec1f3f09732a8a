/**
 * Servers and their supervision: GenServer, supervisors, tasks, registries, agents and applications.
 *
 * @module
 */

export * from "./agent/agent.ts";
export * from "./application/application.ts";
export * from "./gen_server/gen_server.ts";
export * from "./logger/logger.ts";
export * from "./registry/registry.ts";
export * from "./supervisor/supervisor.ts";
export * from "./supervisor/dynamic_supervisor.ts";
export * from "./supervisor/partition_supervisor.ts";
export * from "./task/task.ts";
export * from "./task/task_supervisor.ts";
