import { assertEquals } from "@std/assert";
import { NumberTable } from "../../../core/processes/number_table.ts";
import fc from "../../_seeds.ts";

function numbered(number: number): { pid: { number: number } } {
  return { pid: { number } };
}

Deno.test("NumberTable holds what a Map by number holds, in the order of the numbers", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { maxLength: 400 }),
      fc.constantFrom(1, 16, 65_536, 2 ** 32, 2 ** 45),
      (steps, stride) => {
        const table = new NumberTable<ReturnType<typeof numbered>>();
        const map = new Map<number, ReturnType<typeof numbered>>();
        for (const [isStart, step] of steps) {
          const number = step * stride;
          if (!isStart) {
            table.delete(number);
            map.delete(number);
          } else if (!map.has(number)) {
            const process = numbered(number);
            table.add(process);
            map.set(number, process);
          }
          assertEquals(table.size, map.size);
        }
        for (let step = 0; step <= 60; step++) {
          assertEquals(table.get(step * stride), map.get(step * stride));
        }
        assertEquals(
          table.values(),
          [...map.values()].sort((a, b) => a.pid.number - b.pid.number),
        );
      },
    ),
  );
});

Deno.test("NumberTable finds all of many, grown and shrunk, and nothing that was removed", () => {
  const table = new NumberTable<ReturnType<typeof numbered>>();
  const count = 20_000;
  for (let n = 0; n < count; n++) table.add(numbered(n));
  for (let n = 0; n < count; n++) if (n % 100 !== 0) table.delete(n);
  for (let n = 0; n < 2 * count; n++) {
    const isThere = n < count && n % 100 === 0;
    assertEquals(table.get(n)?.pid.number, isThere ? n : undefined);
  }
  assertEquals(table.values().length, count / 100);
});
