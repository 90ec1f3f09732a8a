/**
 * Nodes: start one, connect to others, and start processes on them.
 *
 * Follows Elixir's [Node](https://hexdocs.pm/elixir/1.18/Node.html).
 *
 * @example Two nodes, here in one program
 * ```ts
 * import { Node } from "@otp/distribution/node";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "secret_token";
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await using kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: 14369 });
 * assertEquals(await alex.run(() => Node.connect("kate@localhost")), true);
 * assertEquals(await kate.run(() => Node.list()), ["alex@localhost"]);
 * ```
 *
 * @module
 */

import "./exports/default_parts.ts";

export * from "@otp/node/node";
