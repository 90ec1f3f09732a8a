/**
 * Supervisors that start several partitions of one child, and route requests to them by a key.
 *
 * Each function follows the function of the same name in Elixir's
 * [PartitionSupervisor](https://hexdocs.pm/elixir/1.18/PartitionSupervisor.html): `startLink` is `start_link`.
 *
 * @example Dynamic supervisors that share the work
 * ```ts
 * import { Agent, DynamicSupervisor, self, Supervisor } from "@otp/distribution";
 * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const sup = await Supervisor.startLink(
 *   [[PartitionSupervisor, { childSpec: DynamicSupervisor, name: "MyApp.DynamicSupervisors" }]],
 *   { strategy: "one_for_one" },
 * );
 * const agent = await DynamicSupervisor.startChild(
 *   { via: PartitionSupervisor, name: ["MyApp.DynamicSupervisors", self()] },
 *   [Agent, () => 42],
 * );
 * assertEquals(await Agent.get(agent, (n) => n), 42);
 * await Supervisor.stop(sup);
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { PartitionSupervisor } from "@otp/servers/supervisor/partition_supervisor";
export type * from "@otp/servers/supervisor/partition_supervisor";
