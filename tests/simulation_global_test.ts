/** Global names and locks, over random lives of a simulated cluster. */

import { assertEquals } from "@std/assert";
import { test } from "../testing/tags.ts";
import { GLOBAL } from "./_simulated_global.ts";
import { live, livesTest } from "./_simulated_lives.ts";

livesTest("global", GLOBAL, 60);

test("a name server continues when the only one that granted it the lock of the names is lost", async () => {
  // The connection closes while an attempt waits that another server refuses.
  const { wrong } = await live({
    seed: -1662395324,
    delay: { min: 1, max: 200 },
    commands: [
      ["register", 6, 15, 6],
      ["connect", 15, 9, 4],
      ["spawn", 1, 9, 9],
      ["spawn", 13, 13, 3],
      ["restart", 2, 2, 15],
      ["register", 7, 1, 6],
      ["lock", 0, 5, 14],
      ["pause", 15, 7, 12],
      ["lock", 0, 8, 5],
      ["lock", 11, 1, 15],
      ["end", 15, 12, 9],
      ["split", 10, 3, 1],
      ["lock", 1, 2, 2],
      ["killServer", 14, 3, 1],
    ],
  }, GLOBAL);
  assertEquals(wrong, []);
});
