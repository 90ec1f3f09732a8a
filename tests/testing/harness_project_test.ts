/** A second project, which uses the package by its published name and runs its tests with the harness. */

import { assertStringIncludes } from "@std/assert";
import { test } from "../../packages/testing/mod.ts";
import { withFolder } from "../_cli.ts";
import { assertRun, deno, project, ROOT } from "./_harness.ts";

const CONFIG = {
  imports: {
    "@otp/distribution": "jsr:@otp/distribution@^0.1",
    "@std/assert": "jsr:@std/assert@^1",
  },
  links: [ROOT],
  tasks: { test: "deno run -A @otp/distribution/testing/main -A" },
};

const FILES = {
  "deno.json": JSON.stringify(CONFIG),
  "counter.ts": `
import { IO } from "@otp/distribution";

let count = 0;

export async function add(n: number): Promise<number> {
  count += n;
  await IO.puts(\`count is \${count}\`);
  return count;
}
`,
  "counter_test.ts": `
import { Node } from "@otp/distribution";
import { configureTests, test } from "@otp/distribution/testing";
import { assertEquals } from "@std/assert";
import * as Counter from "./counter.ts";

configureTests({ modules: { Counter: import.meta.resolve("./counter.ts") } });

test("add() adds", async () => {
  assertEquals(await Counter.add(1), 1);
});

test("add() counts on each node", { peers: ["kate", "moebi"], timeout: 240_000 }, async (t) => {
  assertEquals(await t.peer("kate").call("Counter", "add", [2]), 2);
  assertEquals(await t.peer("kate").call("Counter", "add", [2]), 4);
  assertEquals(await t.peer("moebi").call("Counter", "add", [1]), 1);
  assertEquals(t.peer("kate").output(), "count is 2\\ncount is 4\\n");
});

test("add() can be spawned", { peers: ["kate"], timeout: 240_000 }, async (t) => {
  await Node.spawnMonitor("kate@localhost", Counter.add, [3]);
  while (t.output() === "") await new Promise((go) => setTimeout(go, 5));
  assertEquals(t.output(), "count is 3\\n");
});

test("add() on a live node", { tags: ["distributed"] }, () => {});
`,
};

test(
  "a project runs its tests with the harness",
  { tags: ["slow"], timeout: 300_000 },
  () =>
    withFolder(async (cwd) => {
      project(FILES, cwd);
      const run = await deno(["task", "test"], { cwd });
      assertRun(run, {
        outcomes: {
          "add() adds": "ok",
          "add() counts on each node": "ok",
          "add() can be spawned": "ok",
          "add() on a live node": "ignored",
        },
        announced: ["Excluding tags: [distributed: true]"],
        totals: ["4 tests, 0 failures, 1 excluded", "3 passed, 0 failed"],
        code: 0,
      });
      assertStringIncludes(run.stderr, "Check counter_test.ts");
    }),
);
