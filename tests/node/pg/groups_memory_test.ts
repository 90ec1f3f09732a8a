/** Nodes retain no group of `pg` and no name of `global` that is no longer used: the heap shows it. */

import { assert, assertEquals } from "@std/assert";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { Process, self, spawn } from "../../../packages/processes/process.ts";
import { assertForgets, useKeys } from "../../servers/_memory.ts";
import { clusterTest } from "../../_nodes.ts";
import { ended, idle } from "../../_processes.ts";
import { until } from "../../_until.ts";

const KATE = "kate@localhost";

/** The number of groups that are used in a round. */
const KEYS = 200;

/** Waits until kate's scope has handled everything that alex's scope sent. */
async function settle(kate: Node): Promise<void> {
  await pg.join("settled", self());
  await kate.run(() => until(() => pg.getMembers("settled").length > 0));
  await pg.leave("settled", self());
  await kate.run(() => until(() => pg.getMembers("settled").length === 0));
}

/** Ways to use groups temporarily. */
const WAYS: Record<string, () => Promise<void>> = {
  "leave()": () =>
    useKeys(KEYS, async (key) => {
      await pg.join(key, self());
      await pg.leave(key, self());
    }),
  "leave() as often as join()": () =>
    useKeys(KEYS, async (key) => {
      await pg.join(key, [self(), self()]);
      await pg.leave(key, self());
      await pg.leave(key, self());
    }),
  "the exit of a member": async () => {
    for (let i = 0; i < KEYS / 20; i++) {
      const pid = idle();
      await useKeys(20, (key) => pg.join(key, pid));
      const end = ended(pid);
      Process.exit(pid, "kill");
      await end;
    }
  },
  "demonitor()": () =>
    useKeys(KEYS, async (key) => {
      const { ref } = await pg.monitor(key);
      await pg.demonitor(ref);
    }),
  "the exit of a process that monitors": async () => {
    await ended(spawn(() => useKeys(KEYS, (key) => pg.monitor(key))));
  },
};

/** They count what is kept after thousands of calls. */
const SLOW = { tags: ["slow"] };

for (const [way, fn] of Object.entries(WAYS)) {
  clusterTest(`pg forgets groups on all nodes: ${way}`, async (cluster) => {
    const [kate, alex] = await cluster.startAll(["kate", "alex"]);
    for (const node of [kate, alex]) await node.run(() => pg.start());
    await alex.run(async () => {
      assert(await Node.connect(KATE));
      // The process stays a member of one group.
      await pg.join("stays", self());
      await assertForgets(async () => {
        await fn();
        await settle(kate);
      }, KEYS);
      assertEquals(pg.whichGroups(), ["stays"]);
    });
  }, SLOW);
}

clusterTest("global forgets names on all nodes", async (cluster) => {
  await cluster.start("kate");
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assert(await Node.connect(KATE));
    await global.sync();
    const use = async (key: string) => {
      await global.registerName(key, self());
      await global.unregisterName(key);
    };
    await assertForgets(() => useKeys(KEYS / 4, use), KEYS / 4);
  });
}, SLOW);
