import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Application } from "../../otp/application/application.ts";
import { UndefinedFunctionError } from "../../core/errors.ts";
import { Node } from "../../node.ts";
import { rpc } from "../../otp/rpc/rpc.ts";
import { freePort } from "../../testing/_ports.ts";
import { dirname } from "node:path";
import { requestedNode, test } from "../../testing/tags.ts";

/** Runs the tests of `_tagged.ts`; returns the outcome of each, and the output. */
async function runTagged(
  ...args: string[]
): Promise<{ outcomes: Record<string, string>; output: string }> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-check",
      "--allow-all",
      new URL("./_tagged.ts", import.meta.url).pathname,
      "--",
      ...args,
    ],
    env: { NO_COLOR: "1", PATH: dirname(Deno.execPath()) },
    stderr: "null",
  }).output();
  const output = new TextDecoder().decode(stdout);
  const [report] = output.split("\n ERRORS \n");
  const outcomes = Object.fromEntries(
    [...report.matchAll(/^(\w[\w ]+) \.\.\. (ok|ignored|FAILED)/gm)]
      .map(([, name, outcome]) => [name, outcome]),
  );
  return { outcomes, output };
}

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

test("test() excludes distributed tests and prints that once, unless a live node is requested", async () => {
  const { outcomes, output } = await runTagged();
  assertEquals(outcomes, {
    ...ALWAYS,
    "needs a node": "ignored",
    "needs another node": "ignored",
  });
  assertEquals(output.match(/^Excluding tags: .*$/gm), [
    "Excluding tags: [distributed: true, no-such-program: true] (no-such-program is not installed)",
  ]);
});

test("test() runs distributed tests when a live node is requested", async () => {
  const { outcomes, output } = await runTagged(
    "--sname=sophie@localhost",
    "--cookie=secret_token",
    `--epmd-port=${freePort()}`,
  );
  assertEquals(outcomes, {
    ...ALWAYS,
    "needs a node": "ok",
    "needs another node": "ok",
  });
  assertEquals(output.match(/^Excluding tags: .*$/gm), [
    "Excluding tags: [no-such-program: true] (no-such-program is not installed)",
  ]);
});

test("test() enables the sanitizers, and passes Deno's options on", async () => {
  const { output } = await runTagged();
  assertStringIncludes(output, "A timer was started in this test, but never");
  assertStringIncludes(output, "Test timed out after 20ms.");
});

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
