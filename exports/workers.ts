/**
 * Workers: nodes on threads of this program, so that it uses all cores.
 *
 * Erlang's runtime uses all cores by itself. Here each worker is a thread with a node of its own, which works like
 * any other node of the cluster.
 *
 * @example Work on another thread
 * ```ts
 * import { Node, rpc } from "@otp/distribution";
 * import { Workers } from "@otp/distribution/workers";
 * import { assertEquals } from "@std/assert";
 *
 * // In a program, a file of yours: new URL("./sums.ts", import.meta.url)
 * const module = `data:text/javascript,${encodeURIComponent(`
 *   export function upTo(n) {
 *     let sum = 0;
 *     for (let i = 1; i <= n; i++) sum += i;
 *     return sum;
 *   }
 * `)}`;
 *
 * await using node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369 });
 * await node.run(async () => {
 *   const workers = await Workers.startLink({ count: 2, module, moduleName: "Sums" });
 *   const [first] = await Workers.nodes(workers);
 *   assertEquals(first, "alex-1@localhost");
 *   assertEquals(await rpc.call(first, ["Sums", "upTo"], [1_000_000]), 500_000_500_000);
 *   await Workers.stop(workers);
 * });
 * ```
 *
 * @module
 */

export * from "@otp/workers/workers";
