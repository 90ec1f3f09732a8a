/**
 * Servers: processes that hold a state, and handle calls and casts one at a time.
 *
 * Each function follows the function of the same name in Elixir's
 * [GenServer](https://hexdocs.pm/elixir/1.18/GenServer.html): `multiCall` is `multi_call`.
 *
 * @example A stack
 * ```ts
 * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
 * import { assertEquals } from "@std/assert";
 *
 * interface StackTypes {
 *   arg: string[];
 *   state: string[];
 *   call: ["pop", string | undefined];
 *   cast: { type: "push"; item: string };
 * }
 *
 * const Stack: GenServerModule<StackTypes> = {
 *   name: "Stack",
 *   init: (items) => ({ type: "ok", state: items }),
 *   handleCall: (_pop, _from, [head, ...tail]) => ({ type: "reply", reply: head, state: tail }),
 *   handleCast: ({ item }, items) => ({ type: "noreply", state: [item, ...items] }),
 * };
 *
 * const pid = await GenServer.startLink(Stack, ["tea", "milk"]);
 * assertEquals(await GenServer.call(pid, "pop"), "tea");
 * GenServer.cast(pid, { type: "push", item: "salt" });
 * assertEquals(await GenServer.call(pid, "pop"), "salt");
 * await GenServer.stop(pid);
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { GenServer } from "@otp/servers/gen_server/gen_server";
export type * from "@otp/servers/gen_server/gen_server";
