import { assertEquals } from "@std/assert";
import { SmallMap } from "../../../packages/processes/collections/small_map.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc from "../../_seeds.ts";

interface Step {
  what: "set" | "delete";
  key: number | string;
  value: number;
}

test("a map of few entries behaves as a Map, for any additions and removals", () => {
  const key = fc.constantFrom<number | string>(1, 2, "1", "2.0.alex");
  const step: fc.Arbitrary<Step> = fc.record({
    what: fc.constantFrom("set", "set", "delete"),
    key,
    value: fc.nat(3),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const few = new SmallMap<number | string, number>();
    const map = new Map<number | string, number>();
    for (const { what, key, value } of steps) {
      if (what === "set") {
        few.set(key, value);
        map.set(key, value);
      } else assertEquals(few.delete(key), map.delete(key));
      assertEquals(few.size, map.size);
      assertEquals([...few.values()], [...map.values()]);
      for (const key of [1, 2, "1", "2.0.alex"]) {
        assertEquals(few.get(key), map.get(key));
      }
    }
  }));
});

test("a map of few entries can lose all of them during iteration", () => {
  for (const count of [0, 1, 2, 3]) {
    const few = new SmallMap<number, number>();
    for (let key = 0; key < count; key++) few.set(key, key);
    const seen: number[] = [];
    for (const key of few.values()) {
      seen.push(key);
      few.delete(key);
    }
    assertEquals(seen, Array.from({ length: count }, (_, key) => key));
    assertEquals(few.size, 0);
  }
});
