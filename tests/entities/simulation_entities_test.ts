/** Random lives of entities: fixed seeds, the same each time. */

import { simulate } from "../../packages/testing/simulation/simulate.ts";
import { test } from "../../packages/testing/tags.ts";
import { runs, SEED, SHRINKS } from "../_seeds.ts";
import { KINDS } from "./_list.ts";

const TESTS = {
  faults: "entities keep their promise under all faults",
  storms: "entities keep their promise while a store that fails is asked much",
  clocks:
    "entities lose no write, and make none twice, if a node's clocks stop",
  deletes: "deleted entities begin anew, and stay deleted, under all faults",
  returns: "entities serve what a store has that goes back, under other faults",
  deploys: "no call fails while nodes drain and start again",
};

for (const [kind, name] of Object.entries(TESTS)) {
  test(name, async () => {
    const seeds = Array.from({ length: runs(10) }, (_, n) => SEED + n);
    const options = KINDS[kind as keyof typeof KINDS];
    await simulate({ ...options, seeds, shrinks: SHRINKS });
  });
}

test("a call that is under way to a node that has left is answered", async () => {
  await simulate({ ...KINDS.deploys, seeds: [32, 33], shrinks: SHRINKS });
});

test("a question of a killed node that is late may prolong its lease after the last fault", async () => {
  const seeds = [502472];
  await simulate({ ...KINDS.deletes, works: 40, seeds, shrinks: SHRINKS });
});
