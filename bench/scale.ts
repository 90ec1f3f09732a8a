/**
 * What a cluster of many nodes costs, in a simulated one: `deno task bench:scale 10 20 40`.
 *
 * The nodes are real; their network and clock are simulated. So frames and bytes are those of the JSON wire between real
 * machines, and times are virtual: they do not depend on the machine that runs this. CPU time is not measured.
 *
 * @module
 */

import { global } from "../packages/cluster/global/global.ts";
import { pg } from "../packages/node/pg/pg.ts";
import { Node } from "../node.ts";
import { receive, spawn } from "../packages/processes/process.ts";
import { SimulatedCluster } from "../packages/testing/simulation/simulated_cluster.ts";

/** What all nodes wrote to their connections during a step. */
interface Traffic {
  frames: number;
  bytes: number;
  ticks: number;
  /** The virtual time, in seconds. */
  seconds: number;
}

/** The nodes that all others dial. */
const SEEDS = 3;
/** The members of `pg` on each node, in groups of the whole cluster. */
const MEMBERS = 50;
const GROUPS = 10;

function nameOf(number: number): string {
  return `n${number}@localhost`;
}

/** A simulated cluster that counts what its nodes write, and keeps no trace. */
class Scales {
  readonly cluster: SimulatedCluster;
  readonly #size: number;
  #now: Traffic = { frames: 0, bytes: 0, ticks: 0, seconds: 0 };

  private constructor(cluster: SimulatedCluster, size: number) {
    this.cluster = cluster;
    this.#size = size;
    const { trace } = cluster._network();
    trace.add = (_who, what, bytes) => {
      if (what === "says" && bytes !== undefined) this.#count(bytes);
    };
  }

  static async start(size: number): Promise<Scales> {
    const names = Array.from({ length: size }, (_, at) => nameOf(at));
    const cluster = await SimulatedCluster.start({
      nodes: names,
      cluster: {
        seeds: { strategy: "static", nodes: names.slice(0, SEEDS) },
      },
      log: () => {},
    });
    return new Scales(cluster, size);
  }

  #count(bytes: Uint8Array): void {
    this.#now.bytes += bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 4 <= bytes.length;) {
      const size = view.getUint32(at) & 0x3fff_ffff;
      if (size === 0) this.#now.ticks++;
      else this.#now.frames++;
      at += 4 + size;
    }
  }

  /** Runs a step, and prints its cost for each node. */
  async step(title: string, run: () => Promise<unknown>): Promise<void> {
    this.#now = { frames: 0, bytes: 0, ticks: 0, seconds: 0 };
    const begin = this.cluster.now();
    const began = performance.now();
    await run();
    const seconds = (this.cluster.now() - begin) / 1000;
    const { frames, bytes, ticks } = this.#now;
    const each = (value: number) => (value / this.#size).toFixed(0);
    console.log(
      `| ${this.#size} | ${title} | ${seconds.toFixed(1)} | ${each(frames)} | ${
        each(ticks)
      } | ${each(bytes)} | ${
        ((performance.now() - began) / 1000).toFixed(1)
      } |`,
    );
  }

  /** Lets time pass until all nodes are connected to all others. */
  async whole(): Promise<void> {
    while (!await this.#isWhole()) await this.cluster.advance(250);
  }

  async #isWhole(): Promise<boolean> {
    for (const name of this.names()) {
      const { length } = await this.cluster.run(name, () => Node.list());
      if (length < this.#size - 1) return false;
    }
    return true;
  }

  names(): string[] {
    return Array.from({ length: this.#size }, (_, at) => nameOf(at));
  }

  /** Runs a function on all nodes at once. */
  onAll(run: (at: number) => unknown): Promise<unknown> {
    return Promise.all(
      this.names().map((name, at) => this.cluster.run(name, () => run(at))),
    );
  }
}

/** Joins members of this node, one after the other, as they come. */
async function join(): Promise<void> {
  for (let i = 0; i < MEMBERS; i++) {
    await pg.join(`room ${i % GROUPS}`, spawn(() => receive(() => false)));
  }
}

for (const size of Deno.args.map(Number)) {
  const scales = await Scales.start(size);
  const { cluster } = scales;
  await scales.step("start: the mesh is whole", () => scales.whole());
  await scales.step("idle minute", () => cluster.advance(60_000));
  const serve = (name: string) =>
    cluster.spawn(name, async () => {
      await pg.start();
      await receive(() => false);
    });
  for (const name of scales.names()) serve(name);
  await scales.step("pg starts", () => cluster.settle());
  await scales.step(`pg: ${MEMBERS} members of each node`, async () => {
    await scales.onAll(join);
    await cluster.settle();
  });
  await scales.step("global starts", async () => {
    await scales.onAll(() => global.sync());
    await cluster.settle();
  });
  await scales.step("a name for each node, one after the other", async () => {
    for (const name of scales.names()) {
      await cluster.run(name, async () => {
        const pid = spawn(() => receive(() => false));
        await global.registerName(`leader of ${name}`, pid);
      });
    }
  });
  await scales.step("a node restarts", async () => {
    const name = nameOf(size - 1);
    await cluster.restart(name);
    serve(name);
    await scales.whole();
    await cluster.run(name, () => global.sync());
    await cluster.settle();
  });
  await scales.step("half is cut off for 90 s", async () => {
    const names = scales.names();
    cluster.partition(names.slice(0, size >> 1), names.slice(size >> 1));
    await cluster.advance(90_000);
  });
  await scales.step("it heals", async () => {
    cluster.heal();
    await scales.whole();
    await cluster.settle();
  });
  await cluster[Symbol.asyncDispose]();
}
