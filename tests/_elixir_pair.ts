/** A node of this library and one of Elixir, connected, for a test that runs at both. */

import { assertEquals } from "@std/assert";
import { Node } from "../node.ts";
import type { NodeOptions } from "../node.ts";
import { Process, receive, self } from "../packages/processes/process.ts";
import { ELIXIR, ElixirNode } from "./_elixir.ts";
import { type Cluster, clusterTest } from "./_nodes.ts";

/** A started pair; the test runs as a process of alex with the name `main`. */
export interface ElixirPair {
  /** The node of this library, `alex@localhost`. */
  alex: Node;
  /** The node of Elixir, `kate@localhost`. */
  kate: ElixirNode;
  /** Starts further nodes. */
  cluster: Cluster;
}

/** Defines a test with such a pair. */
export function elixirPairTest(
  name: string,
  fn: (pair: ElixirPair) => Promise<void>,
  options: Partial<NodeOptions> = {},
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex", options);
    await using kate = await ElixirNode.start("kate", cluster);
    await kate.evaluate("Logger.configure(level: :none)");
    await alex.run(async () => {
      assertEquals(await Node.connect(kate.name), true);
      Process.register(self(), "main");
      await fn({ alex, kate, cluster });
    });
  }, { programs: ELIXIR, timeout: 120_000 });
}

/** The next message, in time. */
// deno-lint-ignore no-explicit-any
export function nextMessage(): Promise<any> {
  return receive(() => true, { timeout: 30_000 });
}

/**
 * Evaluates expressions of Elixir, and asserts their values. The text has one after the other, `code #=> value`; an
 * expression may begin lines before.
 */
export async function assertValues(
  evaluate: (code: string) => Promise<string>,
  text: string,
): Promise<void> {
  for (const [, code, value] of text.matchAll(/^\s*(\S[^]*?)\s+#=> (.*)$/gm)) {
    assertEquals(await evaluate(code), value, code);
  }
}
