import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { assertEquals } from "@std/assert";
import { NumberMap } from "../../../packages/processes/collections/number_map.ts";
import { assertLinear, SIZE } from "../../_linear.ts";
import fc from "../../_seeds.ts";

Deno.test("NumberMap holds what a Map holds", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { maxLength: 400 }),
      fc.constantFrom(1, 16, 65_536, 2 ** 32, 2 ** 45),
      fc.boolean(),
      (steps, stride, isChosen) => {
        const table = new NumberMap<number>(isChosen);
        const map = new Map<number, number>();
        for (const [i, [isAdded, step]] of steps.entries()) {
          const number = (step + 1) * stride;
          if (isAdded) {
            table.set(number, i);
            map.set(number, i);
          } else assertEquals(table.delete(number), map.delete(number));
          assertEquals(table.size, map.size);
        }
        for (let step = 0; step <= 60; step++) {
          const number = (step + 1) * stride;
          assertEquals(table.get(number), map.get(number));
        }
        assertEquals(table.unordered().length, map.size);
        assertEquals(
          table.values(),
          [...map].sort(([a], [b]) => a - b).map(([, value]) => value),
        );
        // A reference of Erlang's has no number.
        assertEquals(table.get(NaN), undefined);
        assertEquals(table.get(0), undefined);
      },
    ),
  );
});

Deno.test("NumberMap finds all of many, grown and shrunk, and nothing that was removed", () => {
  const table = new NumberMap<number>();
  const count = 20_000;
  for (let n = 1; n <= count; n++) table.set(n, -n);
  for (let n = 1; n <= count; n++) if (n % 100 !== 0) table.delete(n);
  for (let n = 1; n <= 2 * count; n++) {
    const isThere = n <= count && n % 100 === 0;
    assertEquals(table.get(n), isThere ? -n : undefined);
  }
  assertEquals(table.size, count / 100);
});

Deno.test("NumberMap keeps numbers apart that a peer has chosen for one place", () => {
  const count = DEFAULT_LIMITS.maxRemoteMonitors;
  // The first are all of one place by the hash of a node's own numbers.
  for (const stride of [2 ** 32, 2 ** 20, 65_536, 1]) {
    assertLinear(`numbers ${stride} apart`, SIZE, () => {
      const table = new NumberMap<number>(true);
      for (let i = 1; i <= count; i++) table.set(i * stride, i);
      for (let i = 1; i <= count; i++) table.delete(i * stride);
    });
  }
});
