/**
 * Registries: store processes of this node under keys of any type, one process or several per key.
 *
 * Follows Elixir's [Registry](https://hexdocs.pm/elixir/1.18/Registry.html).
 *
 * @example Find the members of a room
 * ```ts
 * import { receive, self, send } from "@otp/distribution/process";
 * import { Registry } from "@otp/distribution/registry";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const sup = await Supervisor.startLink(
 *   [[Registry, { keys: "duplicate", name: "Chat.Rooms" }]],
 *   { strategy: "one_for_one" },
 * );
 * Registry.register("Chat.Rooms", "lobby", { nick: "alex" });
 *
 * Registry.dispatch("Chat.Rooms", "lobby", (entries) => {
 *   for (const { pid } of entries) send(pid, "hi all");
 * });
 * assertEquals(await receive(), "hi all");
 * assertEquals(Registry.keys("Chat.Rooms", self()), ["lobby"]);
 *
 * Registry.unregister("Chat.Rooms", "lobby");
 * await Supervisor.stop(sup);
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { Registry } from "@otp/servers/registry/registry";
export type * from "@otp/servers/registry/registry";
