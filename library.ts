/**
 * The public modules but `node.ts`, which has them in scope of the closures that it runs: `mod.ts` exports
 * both, and everything that is exported here is in scope of the shell and in the table of its `h`.
 *
 * @module
 */

export * from "./agent.ts";
export * from "./application.ts";
export * from "./dynamic_supervisor.ts";
export * from "./errors.ts";
export * from "./gen_server.ts";
export * from "./global.ts";
export * from "./io.ts";
export * from "./pg.ts";
export * from "./process.ts";
export * from "./registry.ts";
export * from "./rpc.ts";
export { inspect, type InspectOptions } from "./runtime/values/inspect.ts";
export { Atom, atom } from "./runtime/values/atom.ts";
export * from "./supervisor.ts";
export * from "./task.ts";
export * from "./task_supervisor.ts";
