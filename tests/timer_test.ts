import { assertEquals, assertThrows } from "@std/assert";
import {
  cancelTimer,
  exit,
  makeRef,
  monotonicTime,
  receive,
  Ref,
  self,
  sendAfter,
  spawn,
} from "../process.ts";
import * as Process from "../process.ts";
import {
  NO_NODE,
  setDefaultRuntime,
} from "../runtime/context/current_process.ts";
import { Pid } from "../runtime/values/pid.ts";
import { type Clock, systemClock } from "../runtime/host/clock.ts";
import { Runtime } from "../runtime/runtime.ts";
import { clusterTest } from "./_nodes.ts";
import { ended, idle, mail, processTest, turn } from "./_processes.ts";

/** A clock that goes on when it is told to. */
class ManualClock implements Clock {
  #now = 0.25;
  readonly #callbacks = new Set<{ due: number; fn: () => void }>();

  get pending(): number {
    return this.#callbacks.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const callback = { due: this.#now + ms, fn };
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  every(ms: number, fn: () => void): () => void {
    return systemClock.every(ms, fn);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const callback of this.#callbacks) {
      if (callback.due > this.#now) continue;
      this.#callbacks.delete(callback);
      callback.fn();
    }
  }
}

const clock = new ManualClock();
const runtime = new Runtime({ node: NO_NODE, creation: 0, clock });
setDefaultRuntime(runtime);

processTest("sendAfter() of 0 ms sends when the caller gives way", async () => {
  sendAfter(self(), "now", 0);
  assertEquals(await mail(), []);
  clock.advance(0);
  assertEquals(await receive(), "now");
});

processTest(
  "sendAfter() sends in the order of the times, and of the calls where they are the same",
  async () => {
    sendAfter(self(), "late", 20);
    for (const n of [1, 2, 3]) sendAfter(self(), n, 10);
    clock.advance(10);
    clock.advance(10);
    assertEquals(await mail(), [1, 2, 3, "late"]);
  },
);

processTest("sendAfter() goes on when its caller has ended", async () => {
  const parent = self();
  await ended(spawn(() => sendAfter(parent, "from the dead", 10)));
  clock.advance(10);
  assertEquals(await receive(), "from the dead");
});

processTest("the death of a process ends the timers for it", () => {
  const pid = idle();
  const timers = [sendAfter(pid, 1, 10), sendAfter(pid, 2, 20)];
  const other = sendAfter(self(), "mine", 20);
  clock.advance(10);
  assertEquals(Process.readTimer(timers[1]), 10);
  exit(pid, "kill");
  assertEquals(Process.readTimer(timers[1]), false);
  assertEquals(cancelTimer(timers[1]), false);
  assertEquals(runtime.timers.size, 1);
  assertEquals(cancelTimer(other), 10);
});

processTest("sendAfter() to a dead process starts no timer", async () => {
  const pid = spawn(() => {});
  await ended(pid);
  const timer = sendAfter(pid, 1, 10);
  assertEquals(Process.readTimer(timer), false);
  assertEquals(runtime.timers.size, 0);
});

processTest(
  "readTimer() gives the whole milliseconds that are left, and ends nothing",
  async () => {
    const timer = sendAfter(self(), "tick", 10);
    assertEquals(Process.readTimer(timer), 10);
    clock.advance(3.25);
    assertEquals(Process.readTimer(timer), 7);
    clock.advance(6.75);
    assertEquals(Process.readTimer(timer), false);
    assertEquals(await receive(), "tick");
  },
);

processTest("a reference that is no timer's is told by false", () => {
  const timer = sendAfter(self(), "never", 10);
  for (
    const ref of [
      makeRef(),
      new Ref("kate@localhost", timer.number, timer.creation),
      new Ref(timer.node, timer.number, timer.creation + 1),
    ]
  ) {
    assertEquals(Process.readTimer(ref), false);
    assertEquals(cancelTimer(ref), false);
  }
  assertEquals(cancelTimer(timer), 10);
});

processTest(
  "sendAfter() with abs sends at a moment of the node's clock",
  async () => {
    const moment = monotonicTime() + 50;
    const timer = sendAfter(self(), "at", moment, { abs: true });
    clock.advance(10);
    assertEquals(Process.readTimer(timer), 40);
    clock.advance(40);
    assertEquals(await receive(), "at");
    sendAfter(self(), "past", moment - 1, { abs: true });
    sendAfter(self(), "before all", -5, { abs: true });
    clock.advance(0);
    assertEquals(await mail(), ["past", "before all"]);
  },
);

processTest("sendAfter() refuses what is no time, and no receiver", () => {
  for (const ms of [-1, NaN, Infinity, "5" as unknown as number]) {
    const error = typeof ms === "number" ? RangeError : TypeError;
    assertThrows(() => sendAfter(self(), 1, ms), error, "0 or more");
  }
  assertThrows(
    () => sendAfter(self(), 1, NaN, { abs: true }),
    RangeError,
    "Cannot send at NaN ms",
  );
  const elsewhere = new Pid("kate@localhost", 1, 1);
  for (const to of [elsewhere, { name: "a", node: "b@c" }, makeRef()]) {
    assertThrows(
      () => sendAfter(to as Pid, 1, 0),
      TypeError,
      "no process of nonode@nohost and no name",
    );
  }
  assertThrows(
    () => sendAfter(self(), (() => {}) as unknown, 0),
    TypeError,
    "Cannot send",
  );
  for (const fn of [cancelTimer, Process.readTimer]) {
    assertThrows(() => fn(1 as unknown as Ref), TypeError, "the timer 1");
  }
  assertEquals(runtime.timers.size, 0);
});

processTest("a node that stops ends its timers", async () => {
  const other = new Runtime({ node: "other@localhost", creation: 1, clock });
  other.timers.start("nobody", 1, 10);
  other.timers.start(other.shell().pid, 2, 20);
  assertEquals(other.timers.size, 2);
  other.stop("shutdown");
  assertEquals(other.timers.size, 0);
  // The clock's own are taken back when the event loop has turned.
  while (clock.pending > 0) await turn();
});

clusterTest("sendAfter() by the machine's clock", async (cluster) => {
  // What is left over when the node has stopped is a leak, which fails the test.
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    sendAfter(self(), "first", 5);
    sendAfter(self(), "second", monotonicTime() + 25, { abs: true });
    sendAfter("nobody", "never", 60_000);
    sendAfter(self(), "never", 60_000);
    assertEquals([await receive(), await receive()], ["first", "second"]);
  });
});
