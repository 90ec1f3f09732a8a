/**
 * The public API, as the bindings call it. With `CONFORMANCE_CALLS` in the environment, each call is printed: what a
 * scenario calls here.
 */

import process from "node:process";
import * as api from "../../../mod.ts";
import * as partitions from "../../../exports/partition_supervisor.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";

/** Whether the calls are printed. */
export const isTraced = process.env.CONFORMANCE_CALLS !== undefined;

// deno-lint-ignore no-explicit-any
type Fn = (...args: any[]) => any;

function tracedFn<F extends Fn>(name: string, fn: F): F {
  if (!isTraced) return fn;
  const traced = (...args: unknown[]) => {
    const shown = args.map((arg) =>
      typeof arg === "function" ? "fn" : inspect(arg, { limit: 20 })
    );
    console.error(`    ${name}(${shown.join(", ")})`);
    return fn(...args);
  };
  return traced as F;
}

function traced<T extends object>(name: string, module: T): T {
  if (!isTraced) return module;
  const copy = Object.create(module);
  for (const key of Object.getOwnPropertyNames(module)) {
    const value = (module as Record<string, unknown>)[key];
    if (typeof value === "function" && key !== "prototype") {
      copy[key] = tracedFn(`${name}.${key}`, value.bind(module) as Fn);
    }
  }
  return copy;
}

export const Agent = traced("Agent", api.Agent);
export const Application = traced("Application", api.Application);
export const DynamicSupervisor = traced(
  "DynamicSupervisor",
  api.DynamicSupervisor,
);
export const GenServer = traced("GenServer", api.GenServer);
export const global = traced("global", api.global);
export const IO = traced("IO", api.IO);
export const Node = traced("Node", api.Node);
export const PartitionSupervisor = traced(
  "PartitionSupervisor",
  partitions.PartitionSupervisor,
);
export const pg = traced("pg", api.pg);
export const Process = traced("Process", api.Process);
export const Registry = traced("Registry", api.Registry);
export const rpc = traced("rpc", api.rpc);
export const Supervisor = traced("Supervisor", api.Supervisor);
export const Task = traced("Task", api.Task);
export const TaskSupervisor = traced("TaskSupervisor", api.TaskSupervisor);
export const exit: typeof api.exit = tracedFn("exit", api.exit);
export const makeRef = tracedFn("makeRef", api.makeRef);
export const send = tracedFn("send", api.send);
export const spawn = tracedFn("spawn", api.spawn);
export const spawnLink = tracedFn("spawnLink", api.spawnLink);
export const spawnMonitor = tracedFn("spawnMonitor", api.spawnMonitor);
export const { ApplicationStartError, ExitError, Pid, Ref, self } = api;
