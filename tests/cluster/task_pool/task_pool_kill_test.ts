/** TaskPool with workers that are operating system processes, which are killed or drained under load. */

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { receive, self } from "../../../packages/processes/process.ts";
import {
  PoolError,
  TaskPool,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { type Peer, startPeer } from "../../../packages/testing/peer.ts";
import { type Cluster, clusterTest, COOKIE, nodeDown } from "../../_nodes.ts";
import { GROUP, pool, until } from "./_pool_jobs.ts";

const LOAD = 300;

/** Workers, which stop when it goes out of scope. */
class WorkerPeers implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #peers: Peer[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async start(name: string): Promise<Peer> {
    const peer = await startPeer(name, {
      epmdPort: this.#cluster.epmdPort,
      cookie: COOKIE,
      modules: { Worker: import.meta.resolve("./_pool_peer.ts") },
    });
    this.#peers.push(peer);
    assert(await peer.call("Worker", "join", [GROUP, 4, "web@localhost"]));
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()));
  }
}

/** The outcome of each run of a load. */
interface Outcome {
  /** How often each task has begun. */
  began: Map<number, number>;
  /** The results. */
  done: Set<number>;
  /** The failures. */
  failed: Map<number, unknown>;
}

/**
 * Runs a load in the calling process, 30 at a time; `strike` is called once, when a third is done and some run.
 */
async function load(
  mayRunTwice: boolean,
  strike: () => Promise<unknown>,
): Promise<Outcome> {
  const me = self();
  const began = new Map<number, number>();
  const done = new Set<number>();
  const failed = new Map<number, unknown>();
  let next = 0;
  let struck: Promise<unknown> | undefined;
  const client = async () => {
    while (next < LOAD) {
      const id = next++;
      try {
        const result = await TaskPool.run(
          "pool",
          ["Worker", "work"],
          [me, id, 5 + id % 20],
          { timeout: Infinity, mayRunTwice },
        );
        assertEquals(result, id);
        done.add(id);
      } catch (error) {
        failed.set(id, error);
      }
      if (done.size >= LOAD / 3) struck ??= strike();
    }
  };
  await Promise.all(Array.from({ length: 30 }, client));
  await struck;
  for (;;) {
    const message = await receive(
      (m) => typeof m?.worked === "number",
      { timeout: 0, after: undefined },
    );
    if (message === undefined) return { began, done, failed };
    began.set(message.worked, (began.get(message.worked) ?? 0) + 1);
  }
}

/** A test of a pool on this program's node, with workers. */
function workersTest(
  name: string,
  fn: (peers: WorkerPeers, workers: Peer[]) => Promise<void>,
  tags: readonly string[] = [],
): void {
  clusterTest(`TaskPool ${name}`, async (cluster) => {
    const web = await cluster.start("web");
    await pool(web);
    await using peers = new WorkerPeers(cluster);
    const names = ["one", "two", "three"];
    const workers = await Promise.all(names.map((each) => peers.start(each)));
    await web.run(async () => {
      await until(({ members }) => members.length === 3);
      await fn(peers, workers);
    });
  }, { timeout: 120_000, tags });
}

workersTest("loses no run that may run twice", async (peers, [one, two]) => {
  // Otherwise its last answers can all be on their way when the kill comes.
  await one.call("Worker", "holdNext");
  const { began, done, failed } = await load(true, async () => {
    await one.kill();
    await peers.start("four");
    await two.kill();
  });
  assertEquals([...failed], []);
  assertEquals(done.size, LOAD);
  assertEquals(began.size, LOAD);
  const { counts, queued, running } = await TaskPool.info("pool");
  assert(counts.retried > 0, "none was lost: the test has no subject");
  assertEquals([counts.done, counts.lost, queued, running], [LOAD, 0, 0, 0]);
});

workersTest("runs no task twice that may not", async (_peers, [one]) => {
  await one.call("Worker", "holdNext");
  const { began, done, failed } = await load(false, () => one.kill());
  assert(failed.size > 0, "none was lost: the test has no subject");
  // A request on its way is lost too: the worker had given its place to the pool when the kill came.
  const begun = [...failed.keys()].filter((id) => began.has(id));
  assert(begun.length <= 4, `${begun.length} began and were lost, of 4 places`);
  for (const error of failed.values()) {
    assert(error instanceof PoolError && error.code === "lost", `${error}`);
    assert(error.mayHaveRun);
  }
  assertEquals(done.size + failed.size, LOAD);
  const twice = [...began].filter(([, times]) => times > 1);
  assertEquals(twice, []);
  for (const id of done) assertEquals(began.get(id), 1);
}, ["slow"]);

for (const way of ["drain", "leave"]) {
  workersTest(
    `fails no run, and runs none twice, when workers ${way} under load`,
    async (_peers, [one, two]) => {
      const { began, done, failed } = await load(false, async () => {
        for (const peer of [one, two]) {
          Node.monitor(peer.name);
          const outcome = await peer.call("Worker", way);
          if (way === "drain") {
            assertEquals(outcome, "drained");
            await peer.stop();
          }
          await nodeDown(peer.name);
        }
      });
      assertEquals([...failed], []);
      assertEquals(done.size, LOAD);
      assertEquals([...began].filter(([, times]) => times !== 1), []);
    },
    ["slow"],
  );
}
