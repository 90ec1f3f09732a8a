/** Deadlines on a clock of the test: their order, and the timers that they use. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Deadline,
  Deadlines,
} from "../../../packages/processes/scheduling/deadlines.ts";
import { scheduler } from "../../../packages/processes/scheduling/scheduler.ts";
import { SeededRandom } from "../../../packages/testing/simulation/random.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";

/** The number of timers that a node keeps while no deadline needs them. */
const MAX_KEPT = 8;

/** Deadlines that note the time at which each is over. */
class Scene {
  readonly timeline = new Timeline();
  /** The number of timers so far, and of those that run. */
  made = 0;
  running = 0;
  /** How much too early timers fire, or how much too late, in milliseconds. */
  late = 0;
  readonly deadlines: Deadlines;
  readonly expired: [name: unknown, at: number][] = [];

  constructor() {
    this.deadlines = new Deadlines({
      now: () => this.timeline.time,
      every: (ms, fn) => this.timeline.every(ms, fn),
      after: (ms, fn) => {
        this.made++;
        this.running++;
        const stop = this.timeline.after(ms + this.late, () => {
          this.running--;
          stop();
          fn();
        });
        let isStopped = false;
        return () => {
          if (isStopped) return;
          isStopped = true;
          this.running--;
          stop();
        };
      },
    });
  }

  add(ms: number, name: unknown = ms, then: () => void = () => {}): Deadline {
    return this.deadlines.add(ms, {
      expire: () => {
        this.expired.push([name, this.timeline.time]);
        then();
      },
    });
  }
}

/** Lets the event loop turn: timers that no deadline needs stop then. */
function nextTurn(): Promise<void> {
  // safe: exactly one turn, which the tested code counts; time is virtual
  return new Promise((resolve) => setImmediate(resolve));
}

test("deadlines of different lengths are over in order, each at its time", () => {
  const scene = new Scene();
  for (const ms of [30, 10, 20]) scene.add(ms);
  scene.timeline.pass(5);
  scene.add(5, "set later");
  scene.add(0, "at once");
  scene.timeline.pass(100);
  assertEquals(scene.expired, [
    ["at once", 5],
    [10, 10],
    ["set later", 10],
    [20, 20],
    [30, 30],
  ]);
});

test("deadlines of one length share a timer, and are over in order, each at its time", () => {
  const scene = new Scene();
  for (const name of ["a", "b", "c"]) {
    scene.add(10, name);
    scene.timeline.pass(2);
  }
  assertEquals(scene.made, 1);
  scene.timeline.pass(100);
  assertEquals(scene.expired, [["a", 10], ["b", 12], ["c", 14]]);
  assertEquals(scene.made, 3, "each needs one in turn");
});

/** Which of five deadlines are cancelled, in which order: the first, the last, one between, one twice, all. */
const CANCELLED = "0 4 2 12 21 01 43 22 042 0123 3210 01234 43210".split(" ");

for (const digits of CANCELLED) {
  const cancelled = Array.from(digits, Number);
  test(`deadlines ${cancelled.join(", ")} of five are cancelled, and no others`, async () => {
    const scene = new Scene();
    const deadlines = [0, 1, 2, 3, 4].map((name) => {
      scene.timeline.pass(1);
      return scene.add(10, name);
    });
    for (const name of cancelled) deadlines[name].cancel();
    await nextTurn();
    const left = [0, 1, 2, 3, 4].filter((name) => !cancelled.includes(name));
    assertEquals(scene.running, left.length > 0 ? 1 : 0);
    scene.timeline.pass(100);
    assertEquals(scene.expired, left.map((name) => [name, name + 11]));
    // One that is cancelled when it is over does nothing to those that follow.
    scene.add(10, "next");
    for (const each of deadlines) each.cancel();
    scene.timeline.pass(10);
    assertEquals(scene.expired.at(-1), ["next", 115]);
  });
}

test("deadlines are over as a list of them says, whatever is set and cancelled", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const scene = new Scene();
    if (random.below(2) === 0) scene.deadlines.keepTimers();
    const model = new Map<number, number>();
    const set = new Map<number, Deadline>();
    const expected: [number, number][] = [];
    for (let step = 0; step < 60; step++) {
      switch (random.below(5)) {
        case 0:
        case 1: {
          const ms = [0, 5, 10, 50][random.below(4)];
          set.set(step, scene.add(ms, step));
          model.set(step, scene.timeline.time + ms);
          break;
        }
        case 2: {
          const names = [...set.keys()];
          if (names.length === 0) break;
          const name = names[random.below(names.length)];
          set.get(name)!.cancel();
          model.delete(name);
          break;
        }
        case 3:
          await nextTurn();
          break;
        case 4: {
          const until = scene.timeline.time + random.below(30);
          scene.timeline.pass(until - scene.timeline.time);
          for (const [name, at] of model) {
            if (at > until) continue;
            expected.push([name, at]);
            model.delete(name);
          }
        }
      }
      // Those of one length are over in order; of different ones at one moment, in any order.
      const byTime = (one: [unknown, number], other: [unknown, number]) =>
        one[1] - other[1] || Number(one[0]) - Number(other[0]);
      assertEquals(
        scene.expired.toSorted(byTime),
        expected.toSorted(byTime),
        `seed ${seed}`,
      );
      const times = scene.expired.map(([, at]) => at);
      assertEquals(times, times.toSorted((a, b) => a - b), `seed ${seed}`);
      assert(scene.running <= 4, `seed ${seed}: one timer for a length`);
    }
    scene.deadlines.stop();
    for (const each of set.values()) each.cancel();
    await nextTurn();
    assertEquals(scene.running, 0, `seed ${seed}`);
  }
});

test("without deadlines no timer runs, after the event loop has turned", async () => {
  const scene = new Scene();
  scene.add(10).cancel();
  assertEquals(scene.running, 1, "the next call may begin in this turn");
  scene.add(10, "next");
  await nextTurn();
  assertEquals([scene.made, scene.running], [1, 1]);
  scene.timeline.pass(10);
  assertEquals(scene.expired, [["next", 10]]);
  await nextTurn();
  assertEquals(scene.running, 0);
  scene.add(10).cancel();
  scene.add(20).cancel();
  await nextTurn();
  assertEquals([scene.made, scene.running], [3, 0]);
});

for (const lengths of [1, MAX_KEPT - 1, MAX_KEPT, MAX_KEPT + 1, 100]) {
  test(`a node keeps at most ${MAX_KEPT} timers: ${lengths} lengths`, async () => {
    const scene = new Scene();
    scene.deadlines.keepTimers();
    for (let ms = 1; ms <= lengths; ms++) {
      scene.add(1000 + ms).cancel();
      await nextTurn();
    }
    assertEquals(scene.running, Math.min(lengths, MAX_KEPT));
    // They are used again.
    const { made } = scene;
    for (let ms = 1; ms <= Math.min(lengths, MAX_KEPT); ms++) {
      scene.add(1000 + ms).cancel();
      await nextTurn();
    }
    assertEquals(scene.made, made);
    scene.deadlines.stop();
    await nextTurn();
    assertEquals(scene.running, 0);
    scene.add(5).cancel();
    await nextTurn();
    assertEquals(scene.running, 0, "the node has stopped");
  });
}

test("a kept timer serves a deadline that is set later, at its own time, and ends when none needs it", async () => {
  const scene = new Scene();
  scene.deadlines.keepTimers();
  scene.add(10).cancel();
  await nextTurn();
  scene.timeline.pass(4);
  scene.add(10, "later");
  assertEquals(scene.made, 1);
  scene.timeline.pass(10);
  assertEquals([scene.expired, scene.made], [[["later", 14]], 2]);
  await nextTurn();
  assertEquals(scene.running, 0);
});

test("a timer that fires early ends the deadline that it is for", () => {
  const scene = new Scene();
  scene.late = -2;
  scene.add(10, "a");
  scene.timeline.pass(1);
  scene.add(10, "b");
  scene.late = 0;
  scene.timeline.pass(7);
  assertEquals(scene.expired, [["a", 8]]);
  scene.timeline.pass(100);
  assertEquals(scene.expired, [["a", 8], ["b", 9]]);
});

for (const late of [0, 2]) {
  test(`a timer that fires ${late} ms late ends deadlines at once`, () => {
    const scene = new Scene();
    scene.late = late;
    scene.add(10);
    scene.timeline.pass(10 + late);
    assertEquals(scene.expired, [[10, 10 + late]]);
  });
}

test("a timer that fires 3 ms late or more waits for the input of the program", async () => {
  for (const isCancelled of [false, true]) {
    const scene = new Scene();
    scene.late = 3;
    const expired = Promise.withResolvers<void>();
    const deadline = scene.add(10, "late", expired.resolve);
    scene.timeline.pass(13);
    assertEquals(scene.expired, []);
    // The answer that it waits for was in a socket.
    scheduler.input.note(1);
    if (isCancelled) {
      deadline.cancel();
      for (let turns = 0; turns < 20; turns++) await nextTurn();
      assertEquals([scene.expired, scene.running], [[], 0]);
    } else {
      await expired.promise;
      assertEquals(scene.expired, [["late", 13]]);
    }
  }
});

test("a late timer of cancelled deadlines waits for no input", () => {
  const scene = new Scene();
  scene.late = 3;
  const cancelled = scene.add(10);
  scene.timeline.pass(5);
  scene.add(10, "later");
  cancelled.cancel();
  scene.late = 0;
  scene.timeline.pass(8);
  assertEquals(scene.made, 2, "for the later one, at once");
  scene.timeline.pass(2);
  assertEquals(scene.expired, [["later", 15]]);
});

test("a deadline that throws when it is over stops no other one", () => {
  const scene = new Scene();
  scene.add(10, "a", () => {
    throw new Error("its callback");
  });
  scene.add(10, "b");
  scene.timeline.pass(2);
  scene.add(10, "c");
  assertThrows(() => scene.timeline.pass(8), Error, "its callback");
  scene.timeline.pass(100);
  assertEquals(scene.expired, [["a", 10], ["b", 10], ["c", 12]]);
});

test("a deadline that is set or cancelled as another is over is so once", async () => {
  const scene = new Scene();
  scene.add(10, "a", () => {
    scene.add(10, "again");
    scene.add(0, "at once");
    other.cancel();
  });
  const other = scene.add(10, "other");
  scene.timeline.pass(100);
  assertEquals(scene.expired, [["a", 10], ["at once", 10], ["again", 20]]);
  await nextTurn();
  assertEquals(scene.running, 0);
});
