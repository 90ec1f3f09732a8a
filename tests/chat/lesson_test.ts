/**
 * The lesson's own test, in the two ways to run it: `deno task test` excludes the first, which needs
 * `--sname sophie@localhost` and a node started by `deno task chat --sname moebi@localhost`; the second
 * starts moebi itself.
 */

import { assertEquals } from "@std/assert";
import * as Chat from "../../chat/mod.ts";
import {
  configureTests,
  test,
  type TestContext,
} from "../../exports/testing.ts";

configureTests({
  modules: { Chat: import.meta.resolve("../../chat/mod.ts") },
  application: import.meta.resolve("../../chat/application.ts"),
});

async function sendsHi(): Promise<void> {
  assertEquals(await Chat.sendMessage("moebi@localhost", "hi"), "ok");
}

test("sendMessage() returns ok", { tags: ["distributed"] }, sendsHi);

test(
  "sendMessage() returns ok, unattended",
  { peers: ["moebi@localhost"] },
  async (t: TestContext) => {
    await sendsHi();
    assertEquals(t.peer("moebi").output(), "hi\n");
    assertEquals(t.output(), "chicken?\n");
  },
);
