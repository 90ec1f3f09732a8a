/** The limits of gossip, exactly: its windows and its forgetting in virtual time, over the loopback interface. */

import { assertEquals, assertMatch } from "@std/assert";
import { createSocket, type Socket } from "node:dgram";
import type { GossipCounts } from "../../../packages/cluster/discovery/cluster.ts";
import type { ClusterHost } from "../../../packages/processes/remote/cluster_host.ts";
import {
  encodeGossip,
  Gossip,
} from "../../../packages/cluster/discovery/strategies/gossip.ts";
import type { StrategyHost } from "../../../packages/cluster/discovery/strategies/strategy.ts";
import type { GossipTopology } from "../../../packages/node/start/topology.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";
import { until } from "../../_until.ts";
import { gossipGroup } from "./_clusters.ts";

const KEY = new Uint8Array(32).fill(7);
const KATE = "kate@localhost";

const CLUSTER = "docs/cluster.md";
const [OF_SOURCE, IN_ALL] = numbersIn(
  CLUSTER,
  "packets | # of a source and # in all in",
);
const [INTERVAL, FORGET_AFTER] = numbersIn(
  CLUSTER,
  "UDP every #, and forgets nodes that it has not heard for #",
);

/** Turns so seldom that none comes within a test. */
const SELDOM = 1e9;

/** The gossip of a node, alex, which listens to a group of its own. */
class Scene implements AsyncDisposable {
  readonly timeline = new Timeline();
  /** The calls of the topology: the known nodes, and failures. */
  readonly answers: unknown[] = [];
  readonly failures: string[] = [];
  readonly gossip: Gossip;
  readonly #group: { address: string; port: number };
  readonly #senders = new Map<string, Socket>();

  private constructor(options: Partial<GossipTopology>, maxAddresses: number) {
    this.#group = gossipGroup();
    const { timeline } = this;
    const host = {
      process: {
        runtime: {
          node: "alex@localhost",
          clock: timeline,
          deadlines: { after: timeline.after.bind(timeline) },
        },
      },
      topology: "own",
      maxAddresses,
      later: (fn: () => void) => fn(),
      answer: (addresses: unknown, note?: string) => {
        this.answers.push(note ?? addresses);
      },
      failed: (reason: string) => void this.failures.push(reason),
    };
    const clusterHost = {
      listen: { host: "127.0.0.1", port: 4370 },
      key: () => KEY,
      random: () => 0.5,
    };
    this.gossip = new Gossip(
      host as unknown as StrategyHost,
      { strategy: "gossip", interval: SELDOM, ...this.#group, ...options },
      clusterHost as unknown as ClusterHost,
    );
  }

  static async start(
    options: Partial<GossipTopology> = {},
    maxAddresses = 1000,
  ): Promise<Scene> {
    const scene = new Scene(options, maxAddresses);
    // Its own first packet shows that it listens.
    await scene.counts({ authentic: 1 });
    scene.gossip.packets.authentic = 0;
    // A new window, and nothing left to tell.
    scene.timeline.pass(1000);
    scene.answers.length = 0;
    return scene;
  }

  /** Waits until packets are counted: these, and no others. */
  async counts(counts: Partial<GossipCounts>): Promise<void> {
    const { packets } = this.gossip;
    const sumOf = (each: Partial<GossipCounts>) =>
      Object.values(each).reduce((sum, n) => sum + n, 0);
    await until(() => sumOf(packets) >= sumOf(counts));
    const counted = Object.entries(packets).filter(([, n]) => n > 0);
    assertEquals(Object.fromEntries(counted), counts);
  }

  /** Sends a packet from an address of the loopback interface. */
  async send(packet: Uint8Array, from = "127.0.0.1"): Promise<void> {
    const socket = this.#senders.get(from) ?? createSocket("udp4");
    if (!this.#senders.has(from)) {
      this.#senders.set(from, socket);
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.bind(0, from, resolve);
      await promise;
      socket.setMulticastInterface("127.0.0.1");
    }
    const { port, address } = this.#group;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sent = (error: Error | null) => error ? reject(error) : resolve();
    socket.send(packet, port, address, sent);
    await promise;
  }

  /** Sends a packet of a node, from the future if `ahead` is positive. */
  hear(
    node: string,
    { ahead = 0, from = "127.0.0.1", port = 4370 } = {},
  ): Promise<void> {
    const packet = encodeGossip({ node, port, time: Date.now() + ahead }, KEY);
    return this.send(packet, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gossip.stop();
    for (const socket of this.#senders.values()) socket.close();
    // safe: closed sockets emit their last event in the next turn
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Whether a packet counts, by the difference of its clock: the limits are far apart, as real time passes. */
const CLOCKS: [maxAge: number | undefined, ahead: number, taken: boolean][] = [
  [undefined, -60_000, false],
  [undefined, -10_000, true],
  [undefined, 10_000, true],
  [undefined, 60_000, false],
  [1_000_000, -1_100_000, false],
  [1_000_000, -900_000, true],
  [1_000_000, 900_000, true],
  [1_000_000, 1_100_000, false],
];

for (const [maxAge, ahead, isTaken] of CLOCKS) {
  test(
    `a packet whose clock is ${ahead} ms ahead is ${
      isTaken ? "taken" : "late"
    } with a maxAge of ${maxAge ?? "30,000"} ms`,
    async () => {
      await using scene = await Scene.start({ maxAge });
      await scene.hear(KATE, { ahead });
      await scene.counts(isTaken ? { authentic: 1 } : { late: 1 });
      scene.timeline.pass(20);
      assertEquals(
        scene.answers,
        isTaken ? [[{ node: KATE, address: "127.0.0.1:4370" }]] : [],
      );
      if (isTaken) return;
      const [, age] =
        /kate@localhost is (-?\d+) ms old, which is more than maxAge .*: its clock is wrong, or the packet is a copy/
          .exec(scene.failures[0])!;
      assertEquals(Math.round((Number(age) + ahead) / 1e5), 0);
    },
  );
}

test("a packet counts only if it has the format and the key of this cookie", async () => {
  await using scene = await Scene.start();
  await scene.send(new Uint8Array(0));
  const content = { node: KATE, port: 4370, time: Date.now() };
  await scene.send(encodeGossip(content, new Uint8Array(32)));
  await scene.counts({ malformed: 1, forged: 1 });
  scene.timeline.pass(20);
  assertEquals(scene.answers, []);
});

test("a packet counts only if it is newer than the last one of its node", async () => {
  await using scene = await Scene.start();
  await scene.hear(KATE, { ahead: 10_000 });
  await scene.hear(KATE, { ahead: 5000 });
  await scene.counts({ authentic: 1, replayed: 1 });
  await scene.hear("mia@localhost", { ahead: 5000 });
  await scene.hear(KATE, { ahead: 15_000, port: 4371 });
  await scene.counts({ authentic: 3, replayed: 1 });
  scene.timeline.pass(20);
  assertEquals(scene.answers, [[
    { node: KATE, address: "127.0.0.1:4371" },
    { node: "mia@localhost", address: "127.0.0.1:4370" },
  ]]);
});

test("a number of packets of a source is read in a second, whatever other sources send", async () => {
  await using scene = await Scene.start();
  const malformed = new Uint8Array(9);
  for (let sent = 0; sent < OF_SOURCE; sent++) await scene.send(malformed);
  const read: Partial<GossipCounts> = { malformed: OF_SOURCE };
  await scene.counts(read);
  for (let sent = 0; sent < 5; sent++) await scene.send(malformed);
  await scene.counts({ ...read, flooded: 5 });
  await scene.hear(KATE, { from: "127.0.0.2" });
  await scene.counts({ ...read, flooded: 5, authentic: 1 });
  scene.timeline.pass(999);
  await scene.send(malformed);
  await scene.counts({ ...read, flooded: 6, authentic: 1 });
  scene.timeline.pass(1);
  await scene.send(malformed);
  await scene.counts({ malformed: OF_SOURCE + 1, flooded: 6, authentic: 1 });
  assertEquals(scene.failures, []);
});

test("after a number of packets in a second, the socket is closed until the next turn", async () => {
  await using scene = await Scene.start({ interval: 5000 });
  // Turns begin 5000 ms after the start; one second has passed.
  const sources = Math.ceil(IN_ALL / OF_SOURCE);
  for (let sent = 0; sent < IN_ALL; sent++) {
    const from = `127.0.0.${1 + sent % sources}`;
    await scene.send(new Uint8Array(9), from);
    // So that the socket's buffer has room for all.
    if (sent % OF_SOURCE === 0) await scene.counts({ malformed: sent + 1 });
  }
  await scene.counts({ malformed: IN_ALL });
  assertEquals(scene.failures, []);
  const from = `127.0.0.${1 + sources}`;
  await scene.hear(KATE, { from });
  await scene.counts({ malformed: IN_ALL, flooded: 1 });
  assertEquals(scene.failures.length, 1);
  assertMatch(
    scene.failures[0],
    new RegExp(`more than ${IN_ALL} packets .* within 1000 ms`),
  );
  // The turn opens it again, and its own packet comes in.
  scene.timeline.pass(3999);
  await scene.hear(KATE, { from });
  scene.timeline.pass(1);
  await scene.counts({ malformed: IN_ALL, flooded: 1, authentic: 1 });
});

test("gossip announces its node as often as documented", async () => {
  await using scene = await Scene.start({ interval: undefined });
  // Chance is in the middle, and nothing else waits.
  assertEquals(scene.timeline.nextAt, INTERVAL);
});

for (const [forgetAfter, ms] of [[2000, 2000], [undefined, FORGET_AFTER]]) {
  test(`a node is known until no packet has come for forgetAfter: ${ms} ms`, async () => {
    await using scene = await Scene.start({ interval: 500, forgetAfter });
    await scene.hear(KATE);
    await until(() => scene.gossip.packets.authentic > 0);
    scene.timeline.pass(20);
    const known = [{ node: KATE, address: "127.0.0.1:4370" }];
    assertEquals(scene.answers, [known]);
    // The turn at that time after the packet forgets it, and 20 ms later the topology is told.
    scene.timeline.pass(ms! - 1);
    assertEquals(scene.answers, [known]);
    scene.timeline.pass(1);
    assertEquals(scene.answers, [known, []]);
  });
}

test("gossip keeps the nodes that it hears first, up to maxAddresses", async () => {
  await using scene = await Scene.start({}, 2);
  for (const node of ["a@h", "b@h", "c@h"]) await scene.hear(node);
  await scene.counts({ authentic: 3 });
  // One that is known is heard again.
  await scene.hear("a@h", { port: 4371 });
  await scene.counts({ authentic: 4 });
  scene.timeline.pass(20);
  assertEquals(scene.answers, ["it hears more than 2 nodes (maxAddresses)"]);
});

test("gossip that hears what it knows tells nothing", async () => {
  await using scene = await Scene.start();
  await scene.hear(KATE);
  await scene.counts({ authentic: 1 });
  scene.timeline.pass(19);
  assertEquals(scene.answers, []);
  scene.timeline.pass(1);
  assertEquals(scene.answers.length, 1);
  await scene.hear(KATE, { ahead: 1000 });
  await scene.hear("alex@localhost", { ahead: 1000 });
  await scene.counts({ authentic: 3 });
  scene.timeline.pass(1000);
  assertEquals(scene.answers.length, 1);
});
