/**
 * What a cluster of many nodes costs, in a simulated one: `deno task bench:scale 10 20 40 80`.
 *
 * The nodes are real; their network, clock and store are simulated. So frames and bytes are those of the JSON wire
 * between real machines, and times are virtual: they do not depend on the machine that runs this. CPU time is not
 * measured. `docs/scale.md` has the tables. `--only connections` and `--only entities` leave the other part out.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { global } from "../packages/cluster/global/global.ts";
import { Entities } from "../packages/entities/entities.ts";
import { Entity } from "../packages/entities/entity.ts";
import { memoryStore } from "../packages/entities/memory_store.ts";
import { partsHere } from "../packages/entities/nodes_here.ts";
import type { StoreView } from "../packages/entities/store.ts";
import { storeThrough } from "../packages/entities/store_calls.ts";
import { pg } from "../packages/node/pg/pg.ts";
import { internalsOf } from "../packages/node/start/node_internals.ts";
import { Node } from "../node.ts";
import { receive, spawn } from "../packages/processes/process.ts";
import { EPOCH } from "../packages/testing/simulation/simulated_network.ts";
import { SimulatedCluster } from "../packages/testing/simulation/simulated_cluster.ts";
import { SimulatedStore } from "../packages/testing/simulation/simulated_store.ts";

/** What all nodes wrote to their connections during a step, and asked their store. */
interface Traffic {
  frames: number;
  bytes: number;
  ticks: number;
  /** The calls of the store, by function. */
  store: Map<string, number>;
  /** The rows of nodes and shards in the store's answers. */
  rows: number;
}

/** The nodes that all others dial. */
const SEEDS = 3;
/** The members of `pg` on each node, in groups of the whole cluster. */
const MEMBERS = 50;
const GROUPS = 10;
/** The users of each node, of whom each has a group of its own. */
const USERS = 100;
/** The shards of entities, and the new keys that each node calls. */
const SHARDS = 4096;
const KEYS = 100;
/** The largest cluster whose nodes are all deployed anew: that takes real minutes. */
const MAX_DEPLOYED = 80;

const HEADER = [
  ["nodes", "step", "virtual s", "frames", "ticks", "bytes", "store calls"],
  ["store rows", "real s"],
].flat();

function nameOf(number: number): string {
  return `n${number}@localhost`;
}

function nothing(): Traffic {
  return { frames: 0, bytes: 0, ticks: 0, store: new Map(), rows: 0 };
}

/** A simulated cluster that counts what its nodes write, and keeps no trace. */
class Scales {
  readonly cluster: SimulatedCluster;
  readonly #size: number;
  #now = nothing();
  readonly #store: SimulatedStore;

  private constructor(cluster: SimulatedCluster, size: number) {
    this.cluster = cluster;
    this.#size = size;
    const { trace } = cluster._network();
    trace.add = (_who, what, bytes) => {
      if (what === "says" && bytes !== undefined) this.#count(bytes);
    };
    const network = cluster._network();
    const now = () => EPOCH + network.timeline.time;
    const watched = storeThrough(memoryStore({ now }), async (name, call) => {
      const { store } = this.#now;
      store.set(name, (store.get(name) ?? 0) + 1);
      const answer = await call();
      if (name === "view" || name === "beat") {
        const { nodes = [], shards = [] } = Object(answer) as StoreView;
        this.#now.rows += nodes.length + shards.length;
      }
      return answer;
    });
    this.#store = new SimulatedStore(watched, network, 1);
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
    this.#now = nothing();
    const begin = this.cluster.now();
    const began = performance.now();
    await run();
    const seconds = (this.cluster.now() - begin) / 1000;
    const { frames, bytes, ticks, store, rows } = this.#now;
    const each = (value: number) => (value / this.#size).toFixed(0);
    const calls = [...store].sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `${each(count)} ${name}`)
      .filter((text) => !text.startsWith("0 "));
    const cells = [
      ...[this.#size, title, seconds.toFixed(1)],
      ...[each(frames), each(ticks), each(bytes)],
      ...[calls.join(", "), rows === 0 ? "" : each(rows)],
      ((performance.now() - began) / 1000).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
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

  /** Starts the process of a node that keeps its parts, with entities if `hosts`. */
  serve(name: string, hosts = false): void {
    this.cluster.spawn(name, async () => {
      if (hosts) {
        const store = this.#store.client(name);
        await Entities.startLink({ types: [Counter], store, shards: SHARDS });
      } else await pg.start();
      await receive(() => false);
    });
  }

  /** Lets time pass until all shards are served, and each of `serving` nodes serves some. */
  async served(serving = this.#size): Promise<void> {
    while (!this.#isServed(serving)) await this.cluster.advance(250);
  }

  #isServed(serving: number): boolean {
    const counts = this.names().map((name) => this.cluster.node(name))
      .filter(({ status }) => status === "up")
      .flatMap((node) => partsHere(internalsOf(node).runtime))
      .map(({ owned }) =>
        [...owned.values()].filter(({ state }) => state === "open").length
      ).filter((count) => count > 0);
    return counts.length === serving &&
      counts.reduce((sum, count) => sum + count) === SHARDS;
  }
}

const Counter = Entity.define("counter", {
  state: () => ({ n: 0 }),
  add: (counter) => ++counter.state.n,
});

/** Joins members of this node, one after the other, as they come. */
async function join(): Promise<void> {
  for (let i = 0; i < MEMBERS; i++) {
    await pg.join(`room ${i % GROUPS}`, spawn(() => receive(() => false)));
  }
}

/** Joins users of this node: each has a group of its own. */
async function enter(at: number): Promise<void> {
  for (let i = 0; i < USERS; i++) {
    await pg.join(`user ${at}-${i}`, spawn(() => receive(() => false)));
  }
}

/** Names, groups and connections. */
async function connections(size: number): Promise<void> {
  const scales = await Scales.start(size);
  const { cluster } = scales;
  const last = nameOf(size - 1);
  await scales.step("start: the mesh is whole", () => scales.whole());
  await scales.step("idle minute", () => cluster.advance(60_000));
  await scales.step("a node restarts", async () => {
    await cluster.restart(last);
    await scales.whole();
  });
  for (const name of scales.names()) scales.serve(name);
  await scales.step("pg starts", () => cluster.settle());
  await scales.step(`pg: ${MEMBERS} members of each node join`, async () => {
    await scales.onAll(join);
    await cluster.settle();
  });
  await scales.step("global starts", async () => {
    await scales.onAll(() => global.sync());
    await cluster.settle();
  });
  await scales.step("a global name for each node", async () => {
    for (const name of scales.names()) {
      await cluster.run(name, async () => {
        const pid = spawn(() => receive(() => false));
        await global.registerName(`leader of ${name}`, pid);
      });
    }
  });
  const restart = async (name: string) => {
    await cluster.restart(name);
    scales.serve(name);
    await scales.whole();
    await cluster.run(name, () => global.sync());
    await cluster.run(name, join);
    await cluster.settle();
  };
  await scales.step("a node restarts, with pg and global", () => restart(last));
  // Of more nodes, it is as many times the step before.
  if (size <= MAX_DEPLOYED) {
    await scales.step("a rolling deploy of all nodes", async () => {
      for (const name of scales.names()) await restart(name);
    });
  }
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
  await scales.step(`presence: ${USERS} users of each node`, async () => {
    await scales.onAll(enter);
    await cluster.settle();
  });
  await cluster[Symbol.asyncDispose]();
}

/** Entities of one type, on all nodes. */
async function entities(size: number): Promise<void> {
  const scales = await Scales.start(size);
  const { cluster } = scales;
  const names = scales.names();
  await scales.whole();
  await scales.step(`entities start: ${SHARDS} shards`, async () => {
    for (const name of names) scales.serve(name, true);
    await scales.served();
  });
  await scales.step("entities: idle minute", () => cluster.advance(60_000));
  await scales.step(
    `entities: ${KEYS} new keys of each node`,
    () =>
      scales.onAll(async (at) => {
        for (let i = 0; i < KEYS; i++) await Counter.get(`${at}-${i}`).add();
      }),
  );
  await scales.step(
    "entities: another idle minute",
    () => cluster.advance(60_000),
  );
  await scales.step("entities: a rolling deploy of all nodes", async () => {
    for (const name of names) {
      const node = cluster.node(name);
      let isDrained = false;
      void node.drain().then(() => isDrained = true);
      while (!isDrained) await cluster.advance(100);
      await cluster.restart(name);
      scales.serve(name, true);
      await scales.served();
    }
  });
  await scales.step("entities: a node is killed", async () => {
    await cluster.kill(names[0]);
    await scales.served(size - 1);
  });
  await cluster[Symbol.asyncDispose]();
}

const { values: { only }, positionals } = parseArgs({
  options: { only: { type: "string" } },
  allowPositionals: true,
});
const sizes = positionals.length > 0 ? positionals : ["10", "20", "40"];
console.log(`All figures but the times are for each node: what it wrote to its
connections, what it asked the store, and the rows of nodes and shards in the
answers.
`);
console.log(`| ${HEADER.join(" | ")} |`);
console.log(`|${" --- |".repeat(HEADER.length)}`);
for (const size of sizes) {
  if (only !== "entities") await connections(Number(size));
  if (only !== "connections") await entities(Number(size));
}
