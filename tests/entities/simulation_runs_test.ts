/** Random lives of durable methods: fixed seeds, the same each time. */

import { simulate } from "../../packages/testing/simulation/simulate.ts";
import { test } from "../../packages/testing/tags.ts";
import { runs, SEED, SHRINKS } from "../_seeds.ts";
import { TRIPS, TRIPS_IN_STORMS } from "./_trips.ts";

for (
  const [name, options] of [
    ["the steps of durable methods count once under all faults", TRIPS],
    [
      "the steps of durable methods count once while processes are killed and the store fails",
      TRIPS_IN_STORMS,
    ],
  ] as const
) {
  test(name, async () => {
    const seeds = Array.from({ length: runs(10) }, (_, n) => SEED + n);
    await simulate({ ...options, seeds, shrinks: SHRINKS });
  });
}
