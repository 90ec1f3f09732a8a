/**
 * Supervisors: processes that start, monitor and restart other processes.
 *
 * Each function follows the function of the same name in Elixir's
 * [Supervisor](https://hexdocs.pm/elixir/1.18/Supervisor.html): `startChild` is `start_child`.
 *
 * @example A worker that crashes is started again
 * ```ts
 * import { Process, receive, self, spawnLink, Supervisor } from "@otp/distribution";
 * import { assert } from "@std/assert";
 *
 * const worker = () => spawnLink(() => {
 *   Process.register(self(), "worker");
 *   return receive();
 * });
 * const sup = await Supervisor.startLink([{ id: "worker", start: worker }], {
 *   strategy: "one_for_one",
 * });
 *
 * const [{ pid }] = await Supervisor.whichChildren(sup);
 * assert(Process.whereis("worker")?.equals(pid));
 * Process.exit(Process.whereis("worker")!, "oops");
 *
 * const [{ pid: next }] = await Supervisor.whichChildren(sup);
 * assert(Process.whereis("worker")?.equals(next));
 * assert(!Process.whereis("worker")?.equals(pid));
 * await Supervisor.stop(sup);
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { Supervisor } from "@otp/servers/supervisor/supervisor";
export type * from "@otp/servers/supervisor/supervisor";
