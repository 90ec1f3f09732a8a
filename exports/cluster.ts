/**
 * Clusters that form themselves: nodes are found, connected to, and connected to again.
 *
 * Follows [libcluster](https://hexdocs.pm/libcluster/readme.html), which Elixir programs use.
 *
 * @example Two nodes that name each other
 * ```ts
 * import { Cluster, type ClusterMessage } from "@otp/distribution/cluster";
 * import { Node } from "@otp/distribution/node";
 * import { receive } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "secret_token";
 * const cluster = {
 *   team: { strategy: "static", nodes: ["alex@localhost", "kate@localhost"] },
 * } as const;
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369, cluster });
 * await alex.run(async () => {
 *   await Cluster.subscribe();
 *   await using _kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: 14369, cluster });
 *   await receive((m: ClusterMessage) => m.event === "connected");
 *   assertEquals(Node.list(), ["kate@localhost"]);
 * });
 * ```
 *
 * @module
 */

export * from "@otp/cluster/discovery/cluster";
