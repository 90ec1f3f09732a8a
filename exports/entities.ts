/**
 * Entities: a process for each key, on one node of the cluster at a time, with a state in a database.
 *
 * `docs/entities.md` describes what they promise, and how. The files:
 *
 * - `entity.ts`, `entity_types.ts`: definitions; `entities.ts`: a node's entities under a supervisor.
 * - `caller.ts`: a call, in all its attempts.
 * - `entity_server.ts`: the process of one entity; `writer.ts`: the writes of a node.
 * - `entity_node.ts`: all that a node knows; `lease.ts`, `keeper.ts`: its place in the store; `mover.ts`: shards that are
 *   handed over; `host_server.ts`: the server that answers other nodes.
 * - `store.ts`: the contract of stores; `memory_store.ts`, `sqlite_store.ts`, `postgres_store.ts`.
 *
 * @example A counter for each page
 * ```ts
 * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const Visits = Entity.define("visits", {
 *   state: () => ({ count: 0 }),
 *   add: (page) => ++page.state.count,
 * });
 * const tree = await Supervisor.startLink([
 *   Entities.childSpec({ types: [Visits], store: memoryStore() }),
 * ], { strategy: "one_for_one" });
 * assertEquals(await Visits.get("/about").add(), 1);
 * await Supervisor.stop(tree);
 * ```
 *
 * @module
 */

export * from "@otp/entities";
