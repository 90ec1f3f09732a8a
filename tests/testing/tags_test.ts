import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Application } from "../../packages/servers/application/application.ts";
import { UndefinedFunctionError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import { delimiter, dirname } from "node:path";
import { requestedNode } from "../../packages/testing/_arguments.ts";
import { test } from "../../packages/testing/tags.ts";
import { temporaryFolder } from "../_temporary.ts";
import { assertRun, clusterFlags, deno, type Run } from "./_harness.ts";

const TAGGED = [
  "test",
  "--no-check",
  "--allow-all",
  "tests/testing/_tagged.ts",
];
const PATH = dirname(Deno.execPath());

/** Runs the tests of `_tagged.ts`. */
function runTagged(...args: string[]): Promise<Run> {
  return deno([...TAGGED, "--", ...args], { env: { PATH } });
}

/** What takes from root its right to enter every folder. */
const AS_OTHERS = Deno.uid() === 0
  ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
  : [];

const ALWAYS = {
  plain: "ok",
  "needs a program": "ignored",
  "needs deno": "ok",
  ignored: "ignored",
  leaks: "FAILED",
  "leaks with leave": "ok",
  "takes too long": "FAILED",
  "gets the context": "ok",
};

test("test() excludes distributed tests and prints that once, enables the sanitizers, and passes Deno's options on", async () => {
  const run = await runTagged();
  assertRun(run, {
    outcomes: {
      ...ALWAYS,
      "needs a node": "ignored",
      "needs another node": "ignored",
    },
    announced: [
      "Excluding tags: [distributed: true, no-such-program: true] (no-such-program is not installed)",
    ],
  }, "A timer was started in this test, but never");
  assertStringIncludes(run.stdout, "Test timed out after 20ms.");
});

test("test() runs distributed tests when a live node is requested", async () => {
  assertRun(await runTagged("--sname=sophie@localhost", ...clusterFlags()), {
    outcomes: { ...ALWAYS, "needs a node": "ok", "needs another node": "ok" },
    announced: [
      "Excluding tags: [no-such-program: true] (no-such-program is not installed)",
    ],
  });
});

test(
  "test() finds programs beside a folder of PATH that the user may not enter",
  { programs: AS_OTHERS.slice(0, 1) },
  async () => {
    await using folder = await temporaryFolder();
    const closed = `${folder.path}/closed`;
    Deno.mkdirSync(closed, { mode: 0o600 });
    const run = await deno(TAGGED, {
      env: { PATH: [closed, PATH, Deno.env.get("PATH")].join(delimiter) },
    }, AS_OTHERS);
    const { "needs deno": found, "needs a program": missing } = run.outcomes;
    assertEquals([found, missing], ["ok", "ignored"], run.stderr);
  },
);

test("requestedNode() returns the value of --sname or --name", () => {
  const args: [string[], string | undefined][] = [
    [[], undefined],
    [["--sname", "sophie@localhost"], "sophie@localhost"],
    [["--sname=sophie@localhost"], "sophie@localhost"],
    [["file.ts", "--name", "sophie@host.example"], "sophie@host.example"],
    [["--sname"], undefined],
    [["--cookie", "secret"], undefined],
  ];
  for (const [given, name] of args) assertEquals(requestedNode(given), name);
});

test(
  "a test's node exports nothing and runs no application unless they are configured",
  { node: "bare@localhost" },
  async () => {
    assertEquals(Application.started(), []);
    await assertRejects(
      () => rpc.call(Node.self(), ["Chat", "receiveMessage"], ["hi"]),
      UndefinedFunctionError,
    );
  },
);
