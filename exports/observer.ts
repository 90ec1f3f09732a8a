/**
 * Observes nodes: their processes, supervision trees, names, connections and logs, here and on other nodes that
 * allow it.
 *
 * Elixir has [observer](https://www.erlang.org/doc/apps/observer/observer_ug.html) and
 * [recon](https://ferd.github.io/recon/) for this.
 *
 * Another node answers only if it was started with `allowObserve: true` (`--allow-observe`). Answers are bounded in
 * size, and never wait for a process of the observed node.
 *
 * @example The longest mailbox of this node
 * ```ts
 * import { Observer } from "@otp/distribution/observer";
 * import { self, send } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), "hi");
 * const { processes: [first] } = await Observer.processes({ order: "messages", limit: 1 });
 * assertEquals(first.messageQueueLen, 1);
 * ```
 *
 * @module
 */

export * from "@otp/observe/observer";
