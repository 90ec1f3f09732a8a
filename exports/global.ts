/**
 * Cluster-wide registered names, and locks that are held on all nodes of the cluster.
 *
 * Follows Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html), which Elixir programs use
 * as `:global`, and `GenServer` and others as `{:global, name}`: here `{ global: name }`.
 *
 * @example A unique name in the cluster
 * ```ts
 * import { global, Node, self } from "@otp/distribution";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const cookie = "c";
 * await using kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: 14369 });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await alex.run(async () => {
 *   await Node.connect(kate.name);
 *   assertEquals(await global.registerName("leader", self()), true);
 *   await kate.run(async () => {
 *     assertEquals(await global.registerName("leader", self()), false);
 *     assertEquals((await global.whereisName("leader"))?.node, alex.name);
 *   });
 * });
 * ```
 *
 * @module
 */

export * from "@otp/cluster/global/global";
