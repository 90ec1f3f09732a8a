/**
 * Agents: processes that hold a state and run functions on it.
 *
 * Each function follows the function of the same name in Elixir's [Agent](https://hexdocs.pm/elixir/1.18/Agent.html):
 * `getAndUpdate` is `get_and_update`.
 *
 * @example A counter
 * ```ts
 * import { Agent } from "@otp/distribution/agent";
 * import { assertEquals } from "@std/assert";
 *
 * const counter = await Agent.startLink(() => 0);
 * await Agent.update(counter, (count) => count + 1);
 * assertEquals(await Agent.get(counter, (count) => count), 1);
 * await Agent.stop(counter);
 * ```
 *
 * @module
 */

import "./global_names.ts";

export { Agent } from "@otp/servers/agent/agent";
export type * from "@otp/servers/agent/agent";
