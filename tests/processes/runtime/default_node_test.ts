/** The default node of a program: followers and callbacks of its changes. */

import { assertEquals } from "@std/assert";
import {
  currentDefault,
  defaultSettled,
  followDefaultRuntime,
  isUnnamed,
  onDefaultRuntime,
  setDefaultRuntime,
} from "../../../packages/processes/runtime/default_node.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { test } from "../../../packages/testing/tags.ts";

test("defaultSettled() resolves when all callbacks have completed, however many there are", async () => {
  for (const count of [0, 1, 2]) {
    let completed = 0;
    const ends = Array.from(
      { length: count },
      () =>
        onDefaultRuntime(async () => {
          // safe: makes the callback late; its end is awaited
          await new Promise((resolve) => setImmediate(resolve));
          completed++;
        }),
    );
    setDefaultRuntime(undefined);
    await defaultSettled();
    assertEquals(completed, count);
    for (const end of ends) end();
    setDefaultRuntime(undefined);
    await defaultSettled();
    assertEquals(completed, count, "they have ended");
  }
});

test("followDefaultRuntime() calls back now and with each change, until it is ended", () => {
  const alex = new NodeRuntime({ node: "alex@localhost", creation: 1 });
  const nodes: string[] = [];
  const end = followDefaultRuntime(({ node }) => void nodes.push(node));
  assertEquals(isUnnamed(currentDefault()), true);
  setDefaultRuntime(alex);
  assertEquals(currentDefault(), alex);
  setDefaultRuntime(undefined);
  end();
  setDefaultRuntime(alex);
  setDefaultRuntime(undefined);
  assertEquals(nodes, ["nonode@nohost", "alex@localhost", "nonode@nohost"]);
});
