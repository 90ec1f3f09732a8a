import { assertEquals } from "@std/assert";
import {
  type QueueEntry,
  RunQueue,
} from "../../../packages/cluster/task_pool/run_queue.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc from "../../_seeds.ts";

class Entry implements QueueEntry<Entry> {
  readonly ticket: number;
  before: Entry | undefined = undefined;
  after: Entry | undefined = undefined;
  isQueued = false;

  constructor(ticket: number) {
    this.ticket = ticket;
  }
}

test("a queue of runs keeps the order of tickets, for any that come, leave and come back", () => {
  const step = fc.tuple(fc.constantFrom("new", "leave", "back"), fc.nat(20));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = new RunQueue<Entry>();
    const inside: Entry[] = [];
    const outside: Entry[] = [];
    let tickets = 0;
    for (const [what, n] of steps) {
      if (what === "leave") {
        const [entry] = inside.splice(n % (inside.length || 1), 1);
        if (entry === undefined) continue;
        assertEquals(queue.remove(entry), true);
        assertEquals(queue.remove(entry), false);
        outside.push(entry);
      } else {
        const entry = what === "new"
          ? new Entry(tickets++)
          : outside.splice(n % (outside.length || 1), 1)[0];
        if (entry === undefined) continue;
        queue.add(entry);
        inside.push(entry);
        inside.sort((a, b) => a.ticket - b.ticket);
      }
      const found: Entry[] = [];
      for (let at = queue.first; at !== undefined; at = at.after) {
        assertEquals(at.before === found.at(-1), true);
        found.push(at);
      }
      assertEquals(found.map((e) => e.ticket), inside.map((e) => e.ticket));
      assertEquals(queue.last === inside.at(-1), true);
      assertEquals(queue.length, inside.length);
    }
  }));
});
