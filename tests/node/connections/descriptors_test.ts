/** A program that runs out of file descriptors, and gets some again. */

import { assertEquals } from "@std/assert";
import { lookup, names } from "../../../packages/epmd/mod.ts";
import { Node } from "../../../node.ts";
import { eventually, RawConnection } from "../../_epmd_helpers.ts";
import { NodeProcess } from "../../_node_process.ts";
import { clusterTest } from "../../_nodes.ts";

const KATE = "kate@localhost";

/** Connects to a port until the program is deaf, sends nothing, and disconnects. */
async function flood(port: number, isDeaf: () => Promise<boolean>) {
  const crowd: RawConnection[] = [];
  try {
    // On a slow machine, the first have been closed as silent meanwhile.
    do {
      for (let i = 0; i < 100; i++) crowd.push(new RawConnection(port));
      await Promise.all(crowd.map((each) => each.opened));
    } while (!await isDeaf());
  } finally {
    for (const each of crowd) await each[Symbol.asyncDispose]();
  }
}

clusterTest("nodes accept again after descriptors ran out", async (cluster) => {
  await using _kate = await NodeProcess.start(cluster, "kate", {}, {
    descriptors: 64,
  });
  const epmd = { port: cluster.epmdPort };
  const port = (await lookup("kate", epmd))?.port ?? 0;
  for (const target of [epmd.port, port, epmd.port]) {
    await flood(
      target,
      // safe: its expiry is tested
      () => names({ ...epmd, timeout: 300 }).then(() => false, () => true),
    );
    await eventually(async () => {
      try {
        // safe: asked again until there is an answer
        return (await names({ ...epmd, timeout: 1000 })).length > 0;
      } catch {
        return false;
      }
    }, 15_000);
    const alex = await cluster.start("alex");
    await eventually(
      async () => await alex.run(() => Node.connect(KATE)) === true,
      15_000,
    );
    assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
    await alex.stop();
  }
}, { timeout: 90_000, programs: ["sh"] });
