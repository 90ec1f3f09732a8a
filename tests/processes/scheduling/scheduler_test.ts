/** The scheduler on an event loop of the test. Tests of a rule name the number that it has in `scheduler.ts`. */

import { assertEquals } from "@std/assert";
import { nextTick } from "node:process";
import {
  type EventLoop,
  ProcessSchedule,
  Scheduler,
} from "../../../packages/processes/scheduling/scheduler.ts";
import { test } from "../../../packages/testing/tags.ts";

/** The number of quick steps after which a process goes on without the queue. */
const PROVEN = 16;
/** In place of the number of steps of a slow process: that many slow steps have made it so. */
const SLOW = -3;

/** The scheduler of the running test: each new `Loop` has one of its own. */
let scheduler: Scheduler;

/** An event loop that turns, and has nothing left to do, when the test says so. */
class Loop implements EventLoop {
  time = 0;
  stepTime = 0;
  #turns: (() => void)[] = [];
  #idle: (() => void)[] = [];

  constructor() {
    scheduler = new Scheduler(this);
  }

  now(steps: number): number {
    return this.time += steps * this.stepTime;
  }

  afterTurn(fn: () => void): void {
    this.#turns.push(fn);
  }

  afterPoll(fn: () => void): void {
    this.afterTurn(fn);
  }

  whenIdle(fn: () => void): void {
    this.#idle.push(fn);
  }

  /** Whether processes wait for it to turn. */
  get isAwaited(): boolean {
    return this.#turns.length > 0;
  }

  /** Turns once. */
  async turn(): Promise<void> {
    for (const fn of this.#turns.splice(0)) fn();
    await microtasks();
  }

  /** Nothing is left to run. */
  idle(): void {
    for (const fn of this.#idle.splice(0)) fn();
  }
}

/** Lets all microtasks run. */
function microtasks(): Promise<void> {
  // safe: all microtasks run before this, whatever the time; the event loop is the test's own
  return new Promise((resolve) => setImmediate(resolve));
}

/** Returns what the program hears of as an error that nothing has caught. */
async function thrownBy(fn: () => void): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    resolve(event.error);
  };
  addEventListener("error", onError);
  fn();
  try {
    return await promise;
  } finally {
    removeEventListener("error", onError);
  }
}

/** A process that has been idle before: its first step is not the start of a process. */
function process(): ProcessSchedule {
  const pace = new ProcessSchedule();
  scheduler.canStepNow(pace);
  return pace;
}

/** Takes a step of a process through the queue, and so looks at the clock. */
async function takeStep(pace: ProcessSchedule): Promise<void> {
  scheduler.enqueue(pace, () => {}, undefined);
  await microtasks();
}

/** Takes steps of a process through the queue, until it has proven to be quick. */
async function prove(pace: ProcessSchedule): Promise<void> {
  for (let steps = pace.steps; steps < PROVEN; steps++) {
    assertEquals(scheduler.canStepNow(pace), false, `step ${steps}`);
    await takeStep(pace);
  }
}

/** The number of steps that a process makes without the queue. */
function stepsNow(pace: ProcessSchedule): number {
  let steps = 0;
  while (steps < 1000 && scheduler.canStepNow(pace)) steps++;
  return steps;
}

test("rule 1: steps run in the order in which they were enqueued, of few and of many", async () => {
  for (const count of [1, 2, 3, 4, 5, 6, 100, 1000]) {
    new Loop();
    const paces = [process(), process(), process()];
    const ran: number[] = [];
    for (let n = 0; n < count; n++) {
      scheduler.enqueue(paces[n * 7 % 3], (_, n) => void ran.push(n), n);
    }
    await microtasks();
    assertEquals(ran, Array.from({ length: count }, (_, n) => n));
  }
});

test("a step gets its process and its argument", async () => {
  new Loop();
  const [one, other] = [process(), process()];
  const got: unknown[] = [];
  const step = (process: ProcessSchedule, argument: string) =>
    void got.push([process === one ? "one" : "other", argument]);
  scheduler.enqueue(one, step, "a");
  scheduler.enqueue(other, step, "b");
  await microtasks();
  assertEquals(got, [["one", "a"], ["other", "b"]]);
  assertEquals([one.queued, other.queued], [0, 0]);
});

test("the code that a step has begun runs before the next one; that of four starts after the fourth", async () => {
  new Loop();
  const order: string[] = [];
  const step = (_: ProcessSchedule, n: number) => {
    order.push(`step${n}`);
    queueMicrotask(() => order.push(`code${n}`));
  };
  const known = process();
  for (const n of [1, 2]) scheduler.enqueue(known, step, n);
  for (const n of [3, 4, 5, 6, 7]) {
    scheduler.enqueue(new ProcessSchedule(), step, n);
  }
  scheduler.enqueue(known, step, 8);
  await microtasks();
  assertEquals(
    order.join(" "),
    "step1 code1 step2 code2 step3 step4 step5 step6 code3 code4 code5 code6 step7 step8 code7 code8",
  );
});

test("rule 5: four microtasks pass between steps when more than four wait, otherwise one", async () => {
  new Loop();
  const pace = process();
  const passed: number[] = [];
  let last: { hops: number } | undefined;
  const step = async () => {
    if (last !== undefined) passed.push(last.hops);
    const own = last = { hops: 0 };
    for (let hop = 0; hop < 10; hop++) {
      await undefined;
      own.hops++;
    }
  };
  for (let n = 0; n < 10; n++) scheduler.enqueue(pace, step, undefined);
  await microtasks();
  assertEquals(passed, [4, 4, 4, 4, 4, 4, 1, 1, 1]);
});

test("a step that a step enqueues runs after those that wait", async () => {
  new Loop();
  const pace = process();
  const ran: string[] = [];
  scheduler.enqueue(pace, () => {
    ran.push("a");
    scheduler.enqueue(pace, () => void ran.push("c"), undefined);
  }, undefined);
  scheduler.enqueue(pace, () => void ran.push("b"), undefined);
  await microtasks();
  assertEquals(ran, ["a", "b", "c"]);
});

/** The number of steps until the event loop turns, by the time that each takes. */
const SLICES: [stepTime: number, steps: number][] = [
  [0.5, 16],
  [1, 8],
  [2, 4],
  [7, 2],
  [8, 1],
];

for (const [stepTime, steps] of SLICES) {
  test(`rule 1: the event loop turns after ${steps} steps of ${stepTime} ms`, async () => {
    const loop = new Loop();
    const pace = process();
    loop.stepTime = stepTime;
    scheduler.beginTurn();
    let ran = 0;
    for (let n = 0; n < 3 * steps; n++) {
      scheduler.enqueue(pace, () => void ran++, undefined);
    }
    for (let slice = 1; slice <= 3; slice++) {
      await microtasks();
      assertEquals([ran, loop.isAwaited], [slice * steps, true]);
      await loop.turn();
    }
  });
}

test("rule 4: no step runs while the event loop is to turn", async () => {
  const loop = new Loop();
  const pace = process();
  await prove(pace);
  // A look at the clock, so that no earlier step counts.
  await takeStep(process());
  const fresh = new ProcessSchedule();
  loop.stepTime = 8;
  scheduler.enqueue(new ProcessSchedule(), () => {}, undefined);
  await microtasks();
  assertEquals(loop.isAwaited, true);
  assertEquals([
    scheduler.canStepNow(pace),
    scheduler.canStepNow(fresh),
    scheduler.canAnswerNow(pace),
  ], [false, false, false]);
  // A timer that stands in for one of the host's is no turn then.
  scheduler.beginTurn();
  assertEquals(scheduler.canStepNow(fresh), false);
  let ran = false;
  scheduler.enqueue(fresh, () => ran = true, undefined);
  await microtasks();
  assertEquals(ran, false);
  await loop.turn();
  assertEquals(ran, true);
});

test("the first step after the program was idle is made at once, and the next ones are not", async () => {
  const loop = new Loop();
  const paces = [1, 2, 3].map(() => new ProcessSchedule());
  for (let burst = 0; burst < 2; burst++) {
    const made = paces.map((each) => scheduler.canStepNow(each));
    assertEquals(made, [true, false, false]);
    loop.idle();
  }
  await microtasks();
});

test("time in which the program was idle belongs to no slice", async () => {
  const loop = new Loop();
  const pace = process();
  loop.time += 5;
  await takeStep(pace);
  loop.idle();
  loop.time += 1000;
  assertEquals(scheduler.canStepNow(pace), true, "5 ms of the slice are used");
  loop.idle();
  loop.time += 1000;
  assertEquals(scheduler.canStepNow(pace), true, "no time has passed since");
  loop.time += 3;
  loop.idle();
  assertEquals(scheduler.canStepNow(pace), false, "the slice is over");
});

test("rule 2: a process goes on without the queue after 16 quick steps, ever longer between looks at the clock", async () => {
  new Loop();
  const pace = process();
  await prove(pace);
  const allowances: number[] = [];
  for (let look = 0; look < 9; look++) {
    // The step that was proof, or asked for more, counts too.
    allowances.push(1 + stepsNow(pace));
    await takeStep(pace);
  }
  assertEquals(allowances, [4, 8, 16, 32, 64, 128, 256, 256, 256]);
});

test("rule 2: the allowance is one for all processes", async () => {
  new Loop();
  const [one, other] = [process(), process()];
  await prove(one);
  await prove(other);
  const { length } = [one, other, one, other, one].filter((each) =>
    scheduler.canStepNow(each)
  );
  assertEquals(length, 3, "the step that was the last proof counts too");
});

test("a process with a step in the queue makes no step past it", async () => {
  new Loop();
  const [pace, other] = [process(), process()];
  await prove(pace);
  await prove(other);
  scheduler.enqueue(pace, () => {}, undefined);
  assertEquals([scheduler.canStepNow(pace), scheduler.canAnswerNow(pace)], [
    false,
    false,
  ]);
  assertEquals(scheduler.canStepNow(other), true);
  await microtasks();
  assertEquals(scheduler.canStepNow(pace), true);
});

test("rule 3: a process proves itself again after an idle time, a slow step, or on request", async () => {
  const loop = new Loop();
  const pace = process();
  await prove(pace);
  assertEquals(scheduler.canStepNow(pace), true);
  pace.measureNext();
  assertEquals(scheduler.canStepNow(pace), false);
  await takeStep(pace);
  assertEquals(scheduler.canStepNow(pace), true, "one step was measured");

  loop.idle();
  scheduler.canStepNow(new ProcessSchedule());
  assertEquals(scheduler.canStepNow(pace), false);
  await prove(pace);
  assertEquals(scheduler.canStepNow(pace), true);

  const slow = process();
  scheduler.canStepNow(slow);
  scheduler.enqueue(slow, () => void loop.time++, undefined);
  await microtasks();
  assertEquals([slow.steps, pace.steps], [-1, PROVEN]);
});

test("rule 3: a step of 2 ms makes all processes prove themselves again", async () => {
  const loop = new Loop();
  const [pace, slow] = [process(), process()];
  await prove(pace);
  scheduler.enqueue(slow, () => loop.time += 2, undefined);
  await microtasks();
  assertEquals(scheduler.canStepNow(pace), false);
  assertEquals(pace.steps, 1);
});

test("one answer goes past the queue between two looks at the clock", async () => {
  const loop = new Loop();
  const [pace, other] = [process(), process()];
  const answers = () => [1, 2].map(() => scheduler.canAnswerNow(pace));
  scheduler.enqueue(other, () => {}, undefined);
  assertEquals(answers(), [true, false]);
  await microtasks();
  assertEquals(answers(), [true, false]);
  await takeStep(other);
  loop.time += 8;
  assertEquals(scheduler.canAnswerNow(pace), false, "the slice is over");
});

test("rule 5: a slice that overran limits the steps of the next ones, which doubles with each in time", async () => {
  const loop = new Loop();
  const pace = process();
  const ran: number[] = [];
  let isSlow = true;
  // The time of a step passes in microtasks for which the scheduler does not wait: it sees it after four.
  let steps = 0;
  const step = () => {
    if (!isSlow || ++steps < 4) return;
    isSlow = false;
    loop.time += 16;
  };
  for (let n = 0; n < 40; n++) scheduler.enqueue(pace, step, undefined);
  const left = () => pace.queued;
  let before = left();
  for (let slice = 0; slice < 4; slice++) {
    await microtasks();
    ran.push(before - left());
    before = left();
    await loop.turn();
  }
  // 4 steps, and one made while the program was idle before, took 16 ms; 2 of them fit in 8 ms.
  assertEquals(ran, [4, 2, 4, 8]);
});

test("after a step of a millisecond, ticks run that earlier steps have set", async () => {
  const loop = new Loop();
  const ran: string[] = [];
  // As a connection does that has something to write.
  const send = () => nextTick(() => void ran.push("sent"));
  const slow = () => {
    ran.push("slow");
    loop.time++;
  };
  scheduler.enqueue(process(), () => queueMicrotask(send), undefined);
  for (let n = 0; n < 2; n++) scheduler.enqueue(process(), slow, undefined);
  await microtasks();
  assertEquals(ran, ["slow", "sent", "slow"]);
  assertEquals(loop.isAwaited, false);
});

test("steps that wait for a turn of an event loop go on at one that stands in for it", async () => {
  const before = new Loop();
  const ran: string[] = [];
  scheduler.enqueue(process(), () => {
    ran.push("first");
    before.time += 8;
  }, undefined);
  scheduler.enqueue(process(), () => void ran.push("second"), undefined);
  await microtasks();
  assertEquals(ran, ["first"]);
  const waiting = scheduler;
  const loop = new Loop();
  waiting.useLoop(loop);
  assertEquals([before.isAwaited, loop.isAwaited], [true, true]);
  await loop.turn();
  assertEquals(ran, ["first", "second"]);
});

test("a clock that is set back ends the slice", async () => {
  const loop = new Loop();
  const pace = process();
  scheduler.enqueue(pace, () => loop.time -= 1000, undefined);
  await microtasks();
  assertEquals(loop.isAwaited, true);
});

test("a timer that stands in for one of the host's begins a slice", async () => {
  const loop = new Loop();
  const pace = process();
  loop.time += 7;
  scheduler.beginTurn();
  loop.time += 7;
  assertEquals(scheduler.canStepNow(pace), true);
  await takeStep(pace);
  assertEquals(loop.isAwaited, false);
});

test("afterTurn() calls back when the event loop has turned", async () => {
  const loop = new Loop();
  let turned = false;
  scheduler.afterTurn(() => turned = true);
  await microtasks();
  assertEquals(turned, false);
  await loop.turn();
  assertEquals(turned, true);
});

test("rule 7: afterYield() lets steps go first that the turn brings", async () => {
  const loop = new Loop();
  const ran: string[] = [];
  const step = (name: string) =>
    scheduler.enqueue(process(), () => void ran.push(name), undefined);
  scheduler.enqueue(process(), () => loop.time += 8, undefined);
  await microtasks();
  assertEquals(loop.isAwaited, true);
  scheduler.afterYield(() => step("yielded"));
  loop.afterTurn(() => step("from a socket"));
  await loop.turn();
  assertEquals(ran, ["from a socket", "yielded"]);
});

/** Makes a process slow. */
async function slowProcess(loop: Loop): Promise<ProcessSchedule> {
  const pace = process();
  for (let steps = -1; steps >= SLOW; steps--) {
    scheduler.enqueue(pace, () => void loop.time++, undefined);
    await microtasks();
    if (loop.isAwaited) await loop.turn();
    assertEquals(pace.steps, steps);
  }
  scheduler.beginTurn();
  return pace;
}

/** How processes go on after they have computed. */
const WAYS: Record<string, (goOn: () => void) => void> = {
  "yield": (goOn) => scheduler.afterYield(goOn),
  "take their next message": (goOn) => goOn(),
};

for (const [way, next] of Object.entries(WAYS)) {
  test(`rule 8: among processes that compute and ${way}, a request waits for one step, and its answer for none`, async () => {
    const loop = new Loop();
    const ran: string[] = [];
    const paces = [await slowProcess(loop), await slowProcess(loop)];
    for (const [i, pace] of paces.entries()) {
      let steps = 0;
      const compute = () => {
        ran.push("ab"[i]);
        loop.time += 5;
        if (++steps < 5) next(goOn);
      };
      const goOn = () => scheduler.enqueue(pace, compute, undefined);
      goOn();
    }
    await microtasks();
    let arrived = 0;
    while (loop.isAwaited) {
      // The sockets bring a request whenever they are asked.
      loop.afterTurn(() => {
        ran.push(`arrived ${++arrived}`);
        scheduler.enqueue(process(), () => {
          ran.push("request");
          queueMicrotask(() => nextTick(() => ran.push("answer")));
        }, undefined);
      });
      await loop.turn();
    }
    const log = ran.join(", ");
    assertEquals(log.match(/[ab]\b/g)?.length, 10);
    assertEquals(
      log.match(/arrived \d+\b(?!, request, answer)/g),
      null,
      `an answer waits: ${log}`,
    );
    assertEquals(
      log.match(/\b[ab], [ab]\b/g),
      null,
      `sockets are not asked between two steps: ${log}`,
    );
  });
}

test("rule 8: a slow process goes on although steps bring about others for ever", async () => {
  const loop = new Loop();
  const slow = await slowProcess(loop);
  const pace = process();
  let steps = 0;
  let isOver = false;
  const step = () => {
    steps++;
    if (!isOver) scheduler.enqueue(pace, step, undefined);
  };
  scheduler.enqueue(slow, () => isOver = true, undefined);
  step();
  await microtasks();
  assertEquals([isOver, steps], [true, 6]);
});

test("rule 8: a slow process is quick again after a quick step, and its steps keep their order", async () => {
  const loop = new Loop();
  const paces = { a: await slowProcess(loop), b: await slowProcess(loop) };
  const ran: string[] = [];
  const enqueue = (name: "a" | "b", ms: number) =>
    scheduler.enqueue(paces[name], () => {
      ran.push(name + ms);
      loop.time += ms;
    }, undefined);
  for (const ms of [1, 0, 2]) {
    enqueue("a", ms);
    enqueue("b", 0);
  }
  while (ran.length < 6) {
    await microtasks();
    if (loop.isAwaited) await loop.turn();
  }
  assertEquals(ran, ["a1", "b0", "b0", "b0", "a0", "a2"]);
  assertEquals([paces.a.steps, paces.b.steps], [-1, 0]);
});

/** Whether a connection reads on, by the bytes that have arrived and the time since. */
const READS: [bytes: number, ms: number, readsOn: boolean][] = [
  [8191, 1000, true],
  [8192, 0, true],
  [8192, 1, true],
  [8192, 2, false],
  [8192, -5, false],
];

for (const [bytes, ms, readsOn] of READS) {
  test(
    `rule 6: a connection that got ${bytes} bytes ${
      readsOn ? "reads on" : "pauses"
    } when ${ms} ms have passed`,
    async () => {
      const loop = new Loop();
      let calls = 0;
      scheduler.input.note(bytes - 100);
      scheduler.input.note(100);
      loop.time += ms;
      // The time counts from the first of the bytes.
      scheduler.input.note(bytes);
      assertEquals(scheduler.input.canReadOn(() => calls++), readsOn);
      assertEquals(calls, 0);
      await microtasks();
      assertEquals(calls, readsOn ? 0 : 1);
      // A new share.
      assertEquals(scheduler.input.canReadOn(() => calls++), true);
    },
  );
}

test("rule 6: paused connections read on in order, and one that throws stops no other", async () => {
  const loop = new Loop();
  const calls: string[] = [];
  const thrown = await thrownBy(() => {
    scheduler.input.note(1 << 13);
    loop.time += 2;
    scheduler.input.canReadOn(() => {
      calls.push("a");
      throw "no socket";
    });
    scheduler.input.canReadOn(() => calls.push("b"));
  });
  assertEquals([thrown, calls], ["no socket", ["a", "b"]]);
});

test("rule 6: paused connections read on after the turn that steps wait for", async () => {
  const loop = new Loop();
  let calls = 0;
  scheduler.enqueue(process(), () => loop.time += 8, undefined);
  await microtasks();
  assertEquals(loop.isAwaited, true);
  scheduler.input.note(1 << 13);
  loop.time += 2;
  assertEquals(scheduler.input.canReadOn(() => calls++), false);
  await microtasks();
  assertEquals(calls, 0);
  await loop.turn();
  assertEquals(calls, 1);
});

test("a step that throws stops no other, and the program hears of it", async () => {
  new Loop();
  const pace = process();
  let ran = false;
  const thrown = await thrownBy(() => {
    scheduler.enqueue(pace, () => {
      throw "a callback";
    }, undefined);
    scheduler.enqueue(pace, () => ran = true, undefined);
  });
  await microtasks();
  assertEquals([thrown, ran], ["a callback", true]);
});
