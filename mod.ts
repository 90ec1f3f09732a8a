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

export * from "./node/closure_scope.ts";
export {
  type Allow,
  type CrashReport,
  type DeviceSize,
  type IoDevice,
  type Limits,
  type LogEvent,
  type LogHook,
  type ModuleExports,
  Node,
  type NodeOptions,
  type NodeStats,
  type SupervisorReport,
  type TlsOptions,
} from "./node.ts";
