/** The traffic of the global name servers of many nodes, in a simulated cluster. */

import { assert } from "@std/assert";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";

const NODES = 20;
/** The most writes of a node to each other node: a hello, and a few joins under the lock of the names. */
const MOST = 12;

test("global's servers of nodes that start together, and of one that starts again, are joined in a few steps", async () => {
  const names = Array.from(
    { length: NODES },
    (_, at) => `n${at}`,
  );
  await using cluster = await SimulatedCluster.start({ nodes: names });
  for (const name of names.slice(1)) {
    await cluster.run(name, () => Node.connect("n0@localhost"));
  }
  await cluster.settle();
  const writes = () =>
    cluster.trace().filter((line) => line.includes(" says ")).length;
  const steps = async (run: () => Promise<unknown>) => {
    const before = writes();
    await run();
    await cluster.settle();
    return writes() - before;
  };
  const sync = (name: string) => cluster.run(name, () => global.sync());
  const together = await steps(() => Promise.all(names.map(sync)));
  assert(together < MOST * NODES * (NODES - 1), `${together} writes`);
  const last = names.at(-1)!;
  await cluster.restart(last);
  await cluster.run(last, () => Node.connect("n0@localhost"));
  await cluster.settle();
  const again = await steps(() => sync(last));
  assert(again < 3 * MOST * NODES, `${again} writes`);
});
