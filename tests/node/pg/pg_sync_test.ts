/** A pg scope and a scripted peer that sends for another one: members count as the peer reports them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { type RawPeer, rawTest, theirs, told } from "../../_raw_peer.ts";
import fc, { runs } from "../../_seeds.ts";

const RAW = "raw@localhost";
/** The creation of raw peers. */
const CREATION = 7;
const GROUPS = ["a", "b"];

/** How often each process is in each group: `{ a: [1, 1, 2] }`. */
type Held = Record<string, number[]>;

type Step =
  | { type: "sync"; held: Held }
  | { type: "join"; group: string; pids: number[] }
  | { type: "leave"; groups: string[]; pids: number[] };

/** The message of the peer for a step. */
function messageOf(step: Step): unknown {
  switch (step.type) {
    case "sync":
      return {
        type: "sync",
        groups: Object.entries(step.held).filter(([, pids]) => pids.length > 0)
          .map(([group, pids]) => ({ group, pids: pids.map(theirs) })),
      };
    case "join":
    case "leave":
      return { ...step, pids: step.pids.map(theirs) };
  }
}

/** The memberships after a step. */
function after(held: Held, step: Step): Held {
  const next = structuredClone(held);
  switch (step.type) {
    case "sync":
      return Object.fromEntries(
        GROUPS.map((group) => [group, [...step.held[group] ?? []]]),
      );
    case "join":
      next[step.group].push(...step.pids);
      return next;
    case "leave":
      for (const group of step.groups) removeEach(next[group], step.pids);
      return next;
  }
}

function removeEach(from: number[], numbers: number[]): void {
  for (const number of numbers) {
    const at = from.indexOf(number);
    if (at >= 0) from.splice(at, 1);
  }
}

/** Waits until the scope has handled the peer's earlier messages. */
async function takenIn(peer: RawPeer): Promise<void> {
  await peer.takenIn();
  // The scope's process answers in order.
  await pg.leave("nothing", self());
}

const pids = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 5 });
const some = fc.array(fc.integer({ min: 1, max: 3 }), {
  minLength: 1,
  maxLength: 3,
});
const group = fc.constantFrom(...GROUPS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ a: pids, b: pids }).map((held) => ({
      type: "sync" as const,
      held,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("join" as const),
      group,
      pids: some,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("leave" as const),
      groups: fc.uniqueArray(group, { minLength: 1 }),
      pids: some,
    }),
  },
);

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((one, other) => one - other);
}

function numbersOf(pids: readonly Pid[]): number[] {
  return sorted(pids.map((pid) => {
    assert(pid.node === RAW && pid.creation === CREATION);
    return pid.number;
  }));
}

rawTest("members are counted as their node reports", async (peer) => {
  await pg.startLink();
  await peer.sayTo("pg", told({ type: "discover" }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      await peer.sayTo("pg", told(messageOf({ type: "sync", held: {} })));
      await takenIn(peer);
      const { ref, groups } = await pg.monitorScope();
      assertEquals(groups, []);
      let held: Held = { a: [], b: [] };
      // The members of a subscriber that only applies updates.
      const seen: Held = { a: [], b: [] };
      for (const step of steps) {
        held = after(held, step);
        await peer.sayTo("pg", told(messageOf(step)));
        await takenIn(peer);
        for (;;) {
          const news = await receive((m) => ref.equals(m?.ref), {
            timeout: 0,
            after: undefined,
          });
          if (news === undefined) break;
          const numbers = numbersOf(news.pids);
          if (news.type === "join") seen[news.group].push(...numbers);
          else removeEach(seen[news.group], numbers);
        }
        for (const group of GROUPS) {
          const expected = sorted(held[group]);
          assertEquals(numbersOf(pg.getMembers(group)), expected);
          assertEquals(sorted(seen[group]), expected);
        }
      }
      await pg.demonitor(ref);
    }),
    { numRuns: runs(60) },
  );
});

rawTest("a scope reports each member as joined", async (peer) => {
  await pg.startLink();
  const reported = async () => {
    await peer.sayTo("pg", told({ type: "discover" }));
    for (;;) {
      const signal = await peer.signal("send*");
      // deno-lint-ignore no-explicit-any
      for (const said of signal.slice(3) as any[]) {
        if (said.message?.type !== "sync") continue;
        return said.message.groups.map((
          { group, pids }: { group: string; pids: unknown[] },
        ) => [group, pids.length]);
      }
    }
  };
  assertEquals(await reported(), []);
  for (const times of [1, 2, 3]) {
    await pg.join("g", self());
    assertEquals(await reported(), [["g", times]]);
  }
  await pg.join("h", [self(), self()]);
  await pg.leave("g", self());
  assertEquals(await reported(), [["g", 2], ["h", 2]]);
  await pg.leave("g", [self(), self()]);
  assertEquals(await reported(), [["h", 2]]);
});

test("a scope sends nothing more to a peer that does not read, and then all groups at once", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    limits: { maxQueueBytes: 1 << 20 },
  });
  await cluster.run("kate", () => pg.start());
  await cluster.run("alex", async () => {
    await pg.start();
    await Node.connect("kate@localhost");
  });
  await cluster.settle();
  cluster.slow("kate", 1000);
  const reminders = await cluster.run("alex", async () => {
    const to = { name: "nobody", node: "kate@localhost" };
    assertThrows(() => {
      for (;;) void send(to, "x".repeat(1 << 18));
    }, QueueFullError);
    const member = spawn(() => receive());
    for (let i = 0; i < 3; i++) await pg.join("room", member);
    return currentProcess().runtime.names.get("pg")!.cold?.timers?.size;
  });
  assertEquals(reminders, 1);
  await cluster.settle();
  const members = await cluster.run("kate", () => pg.getMembers("room"));
  assertEquals(members.length, 3);
});
