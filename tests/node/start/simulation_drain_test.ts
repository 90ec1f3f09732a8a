/** A node that drains in a simulated cluster: its members, and the time that it waits for nodes that do not answer. */

import { assertEquals } from "@std/assert";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  receive,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";

const ALEX = "alex@localhost";

const [PATIENCE] = numbersIn("docs/security.md", "and # for a peer that");

test("drain() keeps the node's members until they exit, one after the other", async () => {
  const MEMBERS = 20;
  /** The time between two broadcasts, and between two exits, in milliseconds. */
  const STEP = 1000;
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate", "zoe"],
  });
  for (const name of ["alex", "kate", "zoe"]) {
    cluster.spawn(name, async () => {
      await pg.start();
      await receive(() => false);
    });
  }
  await cluster.run("kate", () => Node.connect(ALEX));
  await cluster.run("zoe", () => Node.connect(ALEX));
  await cluster.settle();
  const heard: number[][] = [];
  const tabs: Pid[] = [];
  for (let i = 0; i < MEMBERS; i++) {
    const said: number[] = heard[i] = [];
    tabs.push(
      await cluster.run("kate", async () => {
        const tab = spawn(async () => {
          for (;;) {
            const message = await receive();
            if (message === "close") return;
            said.push(message);
          }
        });
        await pg.join("room", tab);
        return tab;
      }),
    );
  }
  const kate = cluster.node("kate");
  kate.onDrain(async () => {
    for (const tab of tabs) {
      await receive(() => false, { timeout: STEP, after: () => {} });
      send(tab, "close");
    }
  });
  await cluster.settle();
  const drained = kate.drain({ timeout: Infinity });
  // Both others broadcast in the middle between two exits.
  await cluster.advance(STEP / 2);
  for (let n = 0; n <= MEMBERS; n++) {
    for (const name of ["alex", "zoe"]) {
      const sent = await cluster.run(name, () => {
        const members = pg.getMembers("room");
        for (const pid of members) send(pid, n);
        return members.length;
      });
      assertEquals([n, name, sent], [n, name, MEMBERS - n]);
    }
    await cluster.advance(STEP);
  }
  assertEquals(await drained, "drained");
  for (const [i, said] of heard.entries()) {
    const expected = Array.from({ length: i + 1 }, (_, n) => [n, n]).flat();
    assertEquals(said, expected);
  }
});

test("drain() waits a while for nodes that do not confirm what has left its groups", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    tickTime: 600_000,
  });
  const serve = async () => {
    await pg.start();
    await pg.join("room", spawn(() => receive(() => false)));
    await receive(() => false);
  };
  await cluster.run("kate", () => Node.connect(ALEX));
  for (const name of ["alex", "kate"]) cluster.spawn(name, serve);
  await cluster.settle();
  cluster.partition(["alex"], ["kate"]);
  const kate = cluster.node("kate");
  let outcome: unknown;
  const drained = kate.drain().then((value) => outcome = value);
  await cluster.advance(PATIENCE - 100);
  assertEquals([outcome, kate.status], [undefined, "draining"]);
  await cluster.advance(200);
  assertEquals(kate.status === "draining", false);
  cluster.heal();
  await cluster.advance(1000);
  await drained;
  assertEquals(outcome, "drained");
});

test("drain() waits for the answer to its own question, not for one to an earlier question", async () => {
  const DELAY = 1000;
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    delay: { min: DELAY, max: DELAY },
  });
  await cluster.run("alex", () => pg.start());
  const tab = await cluster.run("kate", async () => {
    await pg.start();
    const tab = spawn(() => receive());
    await pg.join("room", tab);
    return tab;
  });
  const members = () => cluster.run("alex", () => pg.getMembers("room").length);
  await cluster.run("kate", () => Node.connect(ALEX));
  // Alex has met kate, and an answer to an earlier question of kate is about to arrive.
  while (await members() === 0) await cluster.advance(100);
  await cluster.advance(DELAY - 200);
  const kate = cluster.node("kate");
  await cluster.run("kate", () => send(tab, "close"));
  let isDrained = false;
  const drained = kate.drain().then(() => isDrained = true);
  while (await members() > 0) {
    assertEquals(isDrained, false);
    await cluster.advance(100);
  }
  await cluster.advance(DELAY * 2);
  await drained;
});
