import { assertEquals } from "@std/assert";
import { LinkTable } from "../../../packages/processes/process/link_table.ts";
import {
  keyOf,
  type Link,
} from "../../../packages/processes/process/links_and_monitors.ts";
import { Pid, pidOf } from "../../../packages/processes/values/pid.ts";
import fc from "../../_seeds.ts";

const HERE = { node: "alex@localhost", creation: 5 };

/** Processes of this node, of an earlier incarnation, and of others; each time another object. */
function pidNumber(n: number): Pid {
  const [node, creation] = [
    [HERE.node, 5],
    [HERE.node, 4],
    ["kate@localhost", 5],
  ][n % 4] as [string, number] ?? [];
  // A process of Erlang's with a number of more than 53 bits.
  if (node === undefined) return pidOf("erl@localhost", n, 2 ** 31, 1);
  return new Pid(node, n >> 2, creation);
}

function linkTo(pid: Pid): Link {
  return { pid, unlinking: 0, held: false, survivesExit: false };
}

Deno.test("LinkTable holds what a Map by process holds, in its order", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(11)), { maxLength: 60 }),
      (processes, steps) => {
        const table = new LinkTable(HERE);
        const map = new Map<unknown, Link>();
        for (const [isAdded, step] of steps) {
          const pid = pidNumber(step % processes);
          const known = map.get(keyOf(pid, HERE));
          assertEquals(table.get(pid), known);
          if (isAdded) {
            const link = linkTo(pid);
            table.set(link);
            map.set(keyOf(pid, HERE), link);
          } else if (known !== undefined) {
            table.delete(known);
            map.delete(keyOf(pid, HERE));
          }
          assertEquals(table.size, map.size);
          assertEquals([...table.values()], [...map.values()]);
        }
      },
    ),
  );
});
