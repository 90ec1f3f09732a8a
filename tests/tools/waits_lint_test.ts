/** The lint rule that keeps waits for the clock out of tests. */

import { assertEquals } from "@std/assert";
import waits from "../../tools/lint/waits.ts";

const PROBLEM = "Cannot rely on the clock in a test: ";
const WAIT = `${PROBLEM}a wait for a time`;
const SHORT = `${PROBLEM}a limit below 10000 ms`;
const COMPARED = `${PROBLEM}a comparison with the time`;
const TURN = `${PROBLEM}turn() guesses when other code has run`;

function problemsOf(source: string, file = "tests/a_test.ts"): string[] {
  return Deno.lint.runPlugin(waits, file, source).map((each) => each.message);
}

/** Code that the rule refuses, and the message. */
const REFUSED: [source: string, message: string][] = [
  ["await turn();", TURN],
  ["await Process.sleep(5);", WAIT],
  ["await Process.sleep(0);", WAIT],
  ["await delay(20);", WAIT],
  ["import { setTimeout } from 'node:timers/promises'; setTimeout(5);", WAIT],
  ["await new Promise((resolve) => setTimeout(resolve, ms));", WAIT],
  ["await new Promise((go) => setImmediate(go));", WAIT],
  ["receive(null, { timeout: 50 });", SHORT],
  ["eventually(isSo, { within: 9_999 });", SHORT],
  ["Deno.test('name', { timeout: 9_999 }, fn);", SHORT],
  ["const WITHIN = 500;", SHORT],
  ["const STOP_TIMEOUT = 500;", SHORT],
  ["fetch(url, { signal: AbortSignal.timeout(500) });", SHORT],
  ["await Task.await(task, 20);", SHORT],
  ["assert(performance.now() - start < 200);", COMPARED],
  ["while (Date.now() < end) continue;", COMPARED],
];

const ALLOWED = [
  "await receive();",
  "await Process.sleep(60_000);",
  "receive(null, { timeout: 0 });",
  "receive(null, { timeout: 10_000 });",
  "const WITHIN = 10_000;",
  "setTimeout(() => kill(), 10);",
  "new Promise((resolve) => emitter.once('end', resolve));",
  "{ using time = new FakeTime(); receive(null, { timeout: 50 }); }",
  "{ await using c = await SimulatedCluster.start(); Process.sleep(5); }",
];

Deno.test("the lint rule of waits refuses waits for the clock", () => {
  for (const [source, message] of REFUSED) {
    assertEquals(problemsOf(source), [message], source);
  }
  for (const source of ALLOWED) assertEquals(problemsOf(source), [], source);
});

Deno.test("the lint rule of waits permits a wait if the line before says why", () => {
  assertEquals(problemsOf("// safe: a measurement\nawait delay(5);"), []);
  for (
    const before of [
      "// safe: too far away\n\n",
      "// Safe: a measurement\n",
      "/* safe: a measurement */\n",
      "// it is safe: a measurement\n",
    ]
  ) {
    const problems = problemsOf(`${before}await delay(5);`);
    assertEquals(problems.includes(WAIT), true, before);
  }
  for (const why of ["// safe:", "// safe: "]) {
    assertEquals(problemsOf(`${why}\nawait delay(5);`), [
      "Cannot permit it: say why",
      WAIT,
    ]);
  }
  assertEquals(problemsOf("// safe: nothing here\nawait receive();"), [
    "Cannot permit it: the next line relies on no clock",
  ]);
});

Deno.test("the lint rule of waits looks at tests that do not run in a simulation", () => {
  const source = "await Process.sleep(5);";
  for (const file of ["tests/_helper.ts", "tools/offline_std/a_test.ts"]) {
    assertEquals(problemsOf(source, file), [WAIT], file);
  }
  for (
    const file of [
      "node.ts",
      "tests/_simulated_lives.ts",
      "tests/servers/server/simulation_calls_test.ts",
    ]
  ) assertEquals(problemsOf(source, file), [], file);
});
