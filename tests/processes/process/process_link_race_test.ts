/** Links between two nodes whose signals are delayed, in every possible order. */

import { assert, assertEquals } from "@std/assert";
import { Process, receive } from "../../../packages/processes/process.ts";
import { runInside } from "../../../packages/processes/context/async_context.ts";
import type { LocalProcess } from "../../../packages/processes/process/local_process.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc, { runs } from "../../_seeds.ts";
import { terminate } from "../../../packages/processes/process/deaths.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";

const KINDS: (keyof Signals)[] = ["link", "unlink", "unlinkAck", "exitLink"];

/** A one-way channel for signals: each arrives on request, in order. */
class Road {
  readonly signals: Signals;
  readonly #onTheWay: (() => void)[] = [];

  constructor(to: () => NodeRuntime) {
    const kinds = KINDS.map((kind) => [
      kind,
      (...signal: unknown[]) => {
        this.#onTheWay.push(() => {
          (to().local[kind] as (...signal: unknown[]) => void)(...signal);
        });
      },
    ]);
    this.signals = Object.fromEntries(kinds);
  }

  /** Delivers the next signal; returns false if there is none. */
  deliver(): boolean {
    const next = this.#onTheWay.shift();
    next?.();
    return next !== undefined;
  }
}

/** Two nodes with a process each, which traps exits, and the channels to each of them. */
function twoNodes(): {
  runtimes: NodeRuntime[];
  processes: LocalProcess[];
  roads: Road[];
} {
  const runtimes: NodeRuntime[] = [];
  const roads = [0, 1].map((at) => new Road(() => runtimes[at]));
  for (const at of [0, 1]) {
    runtimes.push(
      new NodeRuntime({
        node: `node${at}@localhost`,
        creation: at + 1,
        signalsTo: () => roads[1 - at].signals,
      }),
    );
  }
  const processes = runtimes.map((runtime) =>
    spawnProcess(runtime, () => receive(() => false), {})
  );
  for (const process of processes) runInside(process, Process.trapExit, true);
  return { runtimes, processes, roads };
}

function deliverAll(roads: Road[]): void {
  while (roads.map((road) => road.deliver()).some(Boolean));
}

type Step = { at: 0 | 1; what: "link" | "unlink" | "deliver" };

const LINK: Step = { at: 0, what: "link" };
const UNLINK: Step = { at: 0, what: "unlink" };

function steps(at: (0 | 1)[]): fc.Arbitrary<Step[]> {
  const place = fc.constantFrom<0 | 1>(...at);
  return fc.array(
    fc.oneof(
      fc.record({
        at: place,
        what: fc.constantFrom<Step["what"]>("link", "unlink"),
      }),
      fc.record({
        at: fc.constantFrom<0 | 1>(0, 1),
        what: fc.constant<Step["what"]>("deliver"),
      }),
    ),
    { maxLength: 24 },
  );
}

function links(process: LocalProcess): unknown[] {
  return [...process.links?.values() ?? []].map(({ unlinking }) => unlinking);
}

test("link() and unlink() from both ends leave both linked or neither, in every order", () => {
  let linked = 0;
  fc.assert(
    fc.property(steps([0, 1]), (order) => {
      const { runtimes, processes, roads } = twoNodes();
      for (const { at, what } of order) {
        const other = processes[1 - at].pid;
        if (what === "deliver") roads[at].deliver();
        else {runInside(
            processes[at],
            what === "link" ? Process.link : Process.unlink,
            other,
          );}
      }
      deliverAll(roads);
      const [first, second] = processes.map(links);
      assertEquals(first, second);
      assertEquals(first.length === 0 ? [] : [0], first);
      linked += first.length;

      // Both ends are right: an exit goes over the link or not at all.
      const { pid, runtime } = processes[0];
      runtime.local.exit(pid, pid, "kill");
      deliverAll(roads);
      assertEquals(
        processes[1].mailbox.messages(),
        first.map(() => ({
          type: "EXIT",
          from: processes[0].pid,
          reason: "killed",
        })),
      );
      for (const each of runtimes) each.stop("shutdown");
    }),
    { numRuns: runs(2000) },
  );
  assert(linked > runs(2000) / 20, `only ${linked} runs ended with a link`);
});

test("unlink() drops an exit that is under way; link() after it reports the death", () => {
  fc.assert(
    fc.property(steps([0]), fc.nat(24), (order, dies) => {
      const { runtimes, processes: [self, other], roads } = twoNodes();
      let linked = false;
      for (const [i, { at, what }] of order.entries()) {
        if (i === dies) terminate(other, "boom");
        if (what === "deliver") arrive(at);
        else {
          linked = what === "link";
          runInside(self, linked ? Process.link : Process.unlink, other.pid);
        }
      }
      terminate(other, "boom");
      while ([arrive(0), arrive(1)].some(Boolean));
      // A link that was still wanted has reported the death, in one way or the other.
      assertEquals([linked, links(self)], [false, []]);
      runtimes[0].stop("shutdown");

      function arrive(at: 0 | 1): boolean {
        const before = self.mailbox.length;
        const wasLinked = linked;
        const arrived = roads[at].deliver();
        const exits = self.mailbox.length - before;
        assertEquals(exits > 0 && !wasLinked, false, "EXIT after unlink()");
        if (exits > 0) linked = false;
        return arrived;
      }
    }),
    {
      numRuns: runs(2000),
      // Dies once it is linked, and its exit meets an unlink, and a link after that.
      examples: [
        [[LINK, { at: 1, what: "deliver" }, UNLINK], 2],
        [[LINK, { at: 1, what: "deliver" }, UNLINK, LINK], 2],
      ],
    },
  );
});
