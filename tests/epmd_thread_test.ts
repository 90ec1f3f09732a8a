/** EPMD on a thread of its own. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  EpmdUnreachableError,
  lookup,
  names,
  register,
} from "../distribution/epmd/mod.ts";
import { EpmdThread, serveEpmd } from "../distribution/epmd/thread.ts";
import { Node } from "../node.ts";
import { receive, self } from "../process.ts";
import { SOURCE, workerSource } from "../tools/epmd_worker.ts";
import {
  epmdTest,
  eventually,
  FakeEpmd,
  freePort,
  logBook,
  node,
  RawConnection,
} from "./_epmd_helpers.ts";
import { NodeProcess } from "./_node_process.ts";
import { clusterTest } from "./_nodes.ts";
import * as Remote from "./_remote.ts";

const host = "127.0.0.1";

Deno.test("the code of EPMD's thread is that of its modules", async () => {
  assertEquals(
    await Deno.readTextFile(SOURCE),
    await workerSource(),
    "run deno run --allow-read --allow-write tools/epmd_worker.ts",
  );
});

clusterTest(
  "a node that computes keeps no others from starting and finding each other",
  async (cluster) => {
    await using kate = await NodeProcess.start(cluster, "kate");
    const alex = await cluster.start("alex");
    const { promise: blocked, resolve } = Promise.withResolvers<void>();
    let isFree = false;
    const free = alex.run(async () => {
      await Node.spawn(kate.name, Remote.block, [self(), 4000]);
      await receive((m) => m === "blocked");
      resolve();
      await receive((m) => m === "free");
      isFree = true;
    });
    await blocked;
    const port = cluster.epmdPort;
    const moebi = await cluster.start("moebi");
    for (const name of ["kate", "alex", "moebi"]) {
      assert(await lookup(name, { port }) !== undefined, name);
    }
    assertEquals((await names({ port })).length, 3);
    assertEquals(await moebi.run(() => Node.connect(alex.name)), true);
    await moebi.stop();
    await eventually(async () => await lookup("moebi", { port }) === undefined);
    assert(!isFree, "it took longer than the other node computed");
    await free;
  },
);

epmdTest(
  "serveEpmd() serves without a thread where there is none",
  async () => {
    const port = await freePort();
    const service = await serveEpmd(() => undefined, { host, port });
    const alex = await register(node("alex"), { port });
    assertEquals((await lookup("alex", { port }))?.port, 4100);
    assert(!alex.serving);
    await alex.close();
    await service.close();
    await service.ended;
    await assertRejects(() => names({ port }), EpmdUnreachableError);
  },
);

epmdTest("EpmdThread logs, and says why it cannot listen", async () => {
  const { lines, log } = logBook();
  const thread = EpmdThread.start(log);
  assert(thread !== undefined && await thread.ready);
  const port = await freePort();
  await using other = new FakeEpmd(() => {});
  await other.listen(port);
  const error = await assertRejects(() => thread.listen({ host, port }), Error);
  assertEquals((error as Error & { code?: string }).code, "EADDRINUSE");
  await other[Symbol.asyncDispose]();
  await thread.listen({ host, port });
  await using raw = new RawConnection(port);
  raw.send("GET / HTTP/1.1\r\n\r\n");
  await raw.closed;
  await eventually(() => lines.length === 1);
  assert(lines[0].includes("(an HTTP client?)"), lines[0]);
  await Promise.all([thread.close(), thread.close()]);
  await thread.ended;
});

epmdTest("close() of a Lease leaves no thread and no port", async () => {
  const port = await freePort();
  for (let i = 0; i < 10; i++) {
    const leases = await Promise.all(
      ["alex", "kate"].map((name) => register(node(name), { port })),
    );
    assertEquals(leases.filter((lease) => lease.serving).length, 1);
    await Promise.all(leases.map((lease) => lease.close()));
    await assertRejects(() => names({ port }), EpmdUnreachableError);
  }
});
