import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../../testing/tags.ts";

test("deno task demo plays the lesson as it announces", {
  timeout: 150_000,
  tags: ["demo"],
}, async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo"],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const shown = new TextDecoder().decode(stdout);
  assertEquals(new TextDecoder().decode(stderr), "");
  for (
    const text of [
      "alex   │ Hi, my name is Kate",
      'alex   │ "sup?"',
      "kate   │ hi",
      "moebi  │ hi",
      "alex   │ chicken?",
      "no connection to moebi@localhost",
    ]
  ) assertStringIncludes(shown, text);
  assertMatch(shown, /^All as announced, in \d+\.\d s\./m);
  assertEquals(code, 0);
});
