/** Polling after traffic, in virtual time, and over real sockets. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Poller, type Polling } from "../../../packages/processes/host/poll.ts";
import { Node } from "../../../node.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { until } from "../../_until.ts";

/** The time of one turn of the event loop, in microseconds. */
const TURN = 2;

/** A poller on an event loop in virtual time. */
class Loop {
  readonly poller: Poller;
  lost = 0;
  #now = 0;
  #next: (() => void) | undefined;

  constructor(polling: Polling) {
    this.poller = new Poller(polling, {
      now: () => this.#now,
      afterTurn: (fn) => {
        assertEquals(this.#next, undefined, "one callback at a time");
        this.#next = fn;
      },
      lostCores: () => this.lost,
    });
  }

  /** Whether the event loop would sleep. */
  get sleeps(): boolean {
    return this.#next === undefined;
  }

  /** Lets time pass; the event loop turns, unless it sleeps. */
  pass(microseconds: number): void {
    const end = this.#now + microseconds;
    while (this.#now + TURN <= end && this.#next !== undefined) {
      this.#now += TURN;
      const callback = this.#next;
      this.#next = undefined;
      callback();
    }
    this.#now = end;
  }

  /** Sends a request, which is answered after some time. */
  ask(microseconds: number): void {
    this.poller.left();
    this.pass(microseconds);
    this.poller.arrived();
  }
}

Deno.test("a poller polls after traffic, then sleeps", () => {
  const loop = new Loop(50);
  assert(loop.sleeps);
  loop.poller.arrived();
  loop.pass(40);
  assert(!loop.sleeps);
  loop.pass(20);
  assert(loop.sleeps);
  const { polls, answeredPolls, polledMicroseconds } = loop.poller.stats;
  assertEquals([polls, answeredPolls, polledMicroseconds], [1, 0, 50]);
});

Deno.test("a poller counts the polls that traffic answers in time", () => {
  const loop = new Loop(50);
  for (let n = 0; n < 10; n++) loop.ask(20);
  assertEquals(loop.poller.stats.answeredPolls, 10);
  assertEquals(loop.poller.stats.polls, 10);
  // The event loop has done other work meanwhile.
  loop.poller.left();
  loop.pass(10);
  loop.pass(0);
  assert(!loop.sleeps);
  assertEquals(loop.poller.stats.answeredPolls, 10);
});

Deno.test("a poller counts no poll for traffic of each turn", () => {
  const loop = new Loop("auto");
  for (let n = 0; n < 100; n++) loop.ask(TURN);
  assertEquals(loop.poller.stats.polls, 0);
});

Deno.test('"auto" goes on while polls are answered', () => {
  const loop = new Loop("auto");
  for (let n = 0; n < 10_000; n++) loop.ask(20);
  assertEquals(loop.poller.stats.answeredPolls, 10_000);
});

Deno.test('"auto" pauses while answers come too late, ever longer', () => {
  const loop = new Loop("auto");
  const polled = (asked: number) => {
    const before = loop.poller.stats.polledMicroseconds;
    for (let n = 0; n < asked; n++) loop.ask(200);
    return loop.poller.stats.polledMicroseconds - before;
  };
  const first = polled(1000);
  polled(100_000);
  assert(polled(1000) < first / 2);
  assert(loop.poller.stats.polledMicroseconds < 102_000 * 200 / 100);
  assertEquals(loop.poller.stats.answeredPolls, 0);
});

Deno.test('"auto" polls again when answers come in time', () => {
  const loop = new Loop("auto");
  for (let n = 0; n < 100_000; n++) loop.ask(200);
  for (let n = 0; n < 40_000; n++) loop.ask(20);
  assert(loop.poller.stats.answeredPolls > 20_000);
});

Deno.test('"auto" pauses while the program loses its core', () => {
  const loop = new Loop("auto");
  for (let n = 0; n < 10_000; n++) {
    if (n % 100 === 0) loop.lost++;
    loop.ask(20);
  }
  assert(loop.poller.stats.answeredPolls < 6000);
});

Deno.test("a poller polls no more when its node stops", () => {
  const loop = new Loop(50);
  loop.poller.left();
  loop.pass(10);
  loop.poller.stop();
  loop.pass(TURN);
  assert(loop.sleeps);
  loop.poller.arrived();
  assert(loop.sleeps);
});

clusterTest("poll: a node polls its sockets after traffic", async (cluster) => {
  const alex = await cluster.start("alex", { poll: 100 });
  await cluster.start("kate");
  await alex.run(async () => {
    assertEquals(await Node.ping("kate@localhost"), "pong");
    await until(() => Node.stats()!.polls > 0);
    const { polls, answeredPolls, polledMicroseconds } = Node.stats()!;
    assert(answeredPolls <= polls);
    assert(polledMicroseconds <= polls * 100);
  });
});

pairTest("poll: Node.stats counts the polls", async ({ alex }) => {
  await alex.run(async () => {
    assertEquals(await Node.ping("kate@localhost"), "pong");
    const { polls, polledMicroseconds } = Node.stats()!;
    assertEquals([polls, polledMicroseconds], [0, 0]);
  });
});

Deno.test("Node.start() rejects an invalid poll", async () => {
  for (const poll of [-1, 0.5, 100_001]) {
    await assertRejects(
      () => Node.start({ name: "alex@localhost", cookie: "c", poll }),
      RangeError,
      "poll",
    );
  }
});
