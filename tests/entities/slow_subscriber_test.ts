/** A subscriber whose node does not read: the queue to it is full. */

import { assert, assertEquals } from "@std/assert";
import {
  Entities,
  Entity,
  type EntityMessage,
  memoryStore,
} from "../../packages/entities/mod.ts";
import { Node } from "../../node.ts";
import {
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { clusterTest } from "../_nodes.ts";
import { Relay } from "../_relay.ts";

const KATE = "kate@localhost";
const MIB = 1 << 20;

const Siren = Entity.define("siren", {
  state: () => 0,
  wail: (siren, length: number) => siren.broadcast("o".repeat(length)),
});

/** The kernel takes some megabytes, and the queue one. */
const WAILS = 24;

clusterTest(
  "a subscriber whose node does not read sees a gap, and calls go on",
  async (cluster) => {
    const limits = { highWaterMark: 1 << 16, maxQueueBytes: MIB };
    const alex = await cluster.start("alex", { limits });
    const kate = await cluster.start("kate");
    await using relay = await Relay.listen(kate.port);
    const store = memoryStore();
    const start = (node: Node, hosts: boolean) =>
      node.run(() => {
        const { promise, resolve } = Promise.withResolvers<unknown>();
        spawn(async () => {
          await Entities.startLink({ types: [Siren], store, shards: 4, hosts });
          resolve(undefined);
          await Process.sleep(Infinity);
        });
        return promise;
      });
    await start(alex, true);
    await start(kate, false);
    await alex.run(() => Node.connect(KATE, { address: relay.address }));
    await kate.run(async () => {
      const test = self();
      spawn(async () => {
        await Siren.get("a").subscribe();
        send(test, "subscribed");
        for (;;) {
          const { event, number } = await receive<EntityMessage>();
          send(test, [event, number]);
        }
      });
      assertEquals(await receive(), "subscribed");
      await alex.run(async () => {
        relay.cut();
        for (let n = 1; n <= WAILS; n++) await Siren.get("a").wail(MIB);
        relay.join();
      });
      const heard: [string, number][] = [];
      while (heard.at(-1)?.[0] !== "gap") heard.push(await receive());
      assert(heard.length < WAILS, `all ${WAILS} have arrived`);
      const before = heard.slice(0, -1);
      assertEquals(before, before.map((_, n) => ["message", n + 1]));
    });
  },
);
