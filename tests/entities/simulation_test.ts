/** Random lives of entities: fixed seeds, the same each time. */

import { test } from "../../testing/tags.ts";
import { live } from "./_lives.ts";

const first = Number(Deno.env.get("LIFE_SEED") ?? 1);
const times = Number(Deno.env.get("LIFE_TIMES") ?? 10);

for (let seed = first; seed < first + times; seed++) {
  test(`entities keep their promise in the life of seed ${seed}`, async () => {
    await live({ seed });
  });
}
