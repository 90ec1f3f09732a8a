/** The depth of a call's arguments: the caller refuses what the other node would not take, and stays connected. */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";

const MAX_DEPTH = 20;

const Work = {
  depth(value: unknown): number {
    return Array.isArray(value) && value.length > 0
      ? 1 + Work.depth(value[0])
      : 1;
  },
  toss(depth: number): never {
    throw nested(depth);
  },
};

function nested(depth: number): unknown[] {
  return depth === 1 ? [] : [nested(depth - 1)];
}

test("rpc.call() takes arguments of the same depth for each node, and refuses deeper ones before they are sent", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    modules: { Work },
    limits: { maxDepth: MAX_DEPTH },
  });
  const outcomes = (node: string) =>
    cluster.run("alex", async () => {
      await Node.connect("kate@localhost");
      const outcomes: unknown[] = [];
      for (let depth = MAX_DEPTH - 8; depth < MAX_DEPTH + 4; depth++) {
        outcomes.push(
          await rpc.call(node, ["Work", "depth"], [nested(depth)])
            .catch((error) => error.name),
        );
      }
      return outcomes;
    });
  const here = await outcomes("alex@localhost");
  // The request and the list of arguments are levels, too.
  const accepted = here.filter((each) => typeof each === "number");
  assertEquals(accepted, [12, 13, 14, 15, 16, 17]);
  assertEquals(await outcomes("kate@localhost"), here);
  assertEquals(await cluster.run("alex", () => Node.list()), [
    "kate@localhost",
  ]);
});

test("a value that a function throws arrives if it leaves 16 levels for the answer around it, else in another form", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    modules: { Work },
    limits: { maxDepth: MAX_DEPTH },
  });
  const arrived = await cluster.run("alex", async () => {
    const depths: number[] = [];
    for (let depth = 1; depth <= MAX_DEPTH; depth++) {
      await rpc.call("kate@localhost", ["Work", "toss"], [depth])
        .catch((thrown) => Array.isArray(thrown) && depths.push(depth));
    }
    return depths;
  });
  assertEquals(arrived, [1, 2, 3, 4]);
});
