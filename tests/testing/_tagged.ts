/** Tests with tags, run by `tags_test.ts`. */

import { test } from "../../packages/testing/tags.ts";

test("plain", () => {});
test("needs a node", { tags: ["distributed"] }, () => {});
test("needs another node", { tags: ["distributed", "slow"] }, () => {});
test("needs a program", { programs: ["no-such-program"] }, () => {});
test("needs deno", { programs: ["deno"] }, () => {});
test("ignored", { ignore: true }, () => {});
test("leaks", () => void setTimeout(() => {}, 60_000));
test(
  "leaks with leave",
  { sanitizeOps: false, sanitizeResources: false },
  () => void setTimeout(() => {}, 60_000),
);
// safe: its expiry is tested
test("takes too long", { timeout: 20 }, () => new Promise(() => {}));
test("gets the context", (t) => t.step("a step", () => {}).then(() => {}));
