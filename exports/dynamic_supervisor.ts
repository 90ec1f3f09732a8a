/**
 * Supervisors whose children are started on demand.
 *
 * Each function follows the function of the same name in Elixir's
 * [DynamicSupervisor](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html): `startChild` is `start_child`.
 *
 * @example A child for each guest
 * ```ts
 * import { DynamicSupervisor, receive, spawnLink } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const guest = { id: "guest", start: () => spawnLink(() => receive()) };
 * await DynamicSupervisor.startLink({ name: "Chat.Guests" });
 * await DynamicSupervisor.startChild("Chat.Guests", guest);
 * await DynamicSupervisor.startChild("Chat.Guests", guest);
 * assertEquals((await DynamicSupervisor.countChildren("Chat.Guests")).active, 2);
 * await DynamicSupervisor.stop("Chat.Guests");
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { DynamicSupervisor } from "@otp/servers/supervisor/dynamic_supervisor";
export type * from "@otp/servers/supervisor/dynamic_supervisor";
