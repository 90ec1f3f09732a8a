/** Random lives of entities on a simulated cluster with a simulated store, and what must always hold. */

import {
  Entities,
  Entity,
  EntityError,
  memoryStore,
  type Store,
} from "../../entities/mod.ts";
import type { Node } from "../../node.ts";
import { Process } from "../../otp/process/process.ts";
import { SimulatedCluster } from "../../testing/simulation/simulated_cluster.ts";
import { SeededRandom } from "../../testing/simulation/random.ts";
import { SimulatedStore } from "./_simulated_store.ts";

const LEASE = 3000;
const QUIETLY = { log: () => {} };
const HOSTS = ["alex", "kate", "moebi"];
const CALLERS = [...HOSTS, "sophie"];
const KEYS = ["a", "b", "c"];

/** A list that only grows: its final order says in which order the calls took effect. */
export const List = Entity.define("list", {
  state: () => ({ ids: [] as string[] }),
  add(list, id: string) {
    list.state.ids.push(id);
    return list.state.ids.length;
  },
  async addSlowly(list, id: string, ms: number) {
    list.state.ids.push(id);
    await Process.sleep(ms);
    return list.state.ids.length;
  },
  read: (list) => list.state.ids,
  crash(list, id: string) {
    list.state.ids.push(id);
    throw new Error("planned");
  },
}, { maxRestarts: 1000, limit: 2 * LEASE });

/** One call, as its caller saw it. */
interface Op {
  /** The node that called. */
  node: Node;
  key: string;
  kind: "add" | "read" | "crash";
  id: string;
  mayRepeat: boolean;
  hasId: boolean;
  from: number;
  to: number;
  /** The length of the list that the call has seen. */
  seen?: number;
  ids?: string[];
  code?: string;
  mayHaveRun?: boolean;
}

/** The settings of a life. */
export interface LifeOptions {
  seed: number;
  /** The number of random events. */
  events?: number;
}

/** A life; rejects with the first thing that does not hold. */
export async function live({ seed, events = 25 }: LifeOptions): Promise<Life> {
  const life = new Life(seed);
  await life.run(events);
  return life;
}

export class Life {
  readonly ops: Op[] = [];
  readonly story: string[] = [];
  readonly #random: SeededRandom;
  readonly #seed: number;
  /** Whether only one node's calls change anything, and seldom. */
  readonly #reads: boolean;
  readonly #accepted = new Map<string, { epoch: number; version: number }>();
  readonly #owners = new Map<string, string>();
  readonly #broken: string[] = [];
  #cluster!: SimulatedCluster;
  #store!: SimulatedStore;
  #inner!: Store;
  #ids = 0;
  #isOver = false;
  /** Whether no fault happens any more. */
  #isWell = false;
  readonly #open = new Set<Op>();
  /** The nodes that were paused: their calls may take longer. */
  readonly #paused = new Set<Node>();

  constructor(seed: number) {
    this.#seed = seed;
    this.#reads = seed % 3 === 0;
    this.#random = new SeededRandom(seed);
  }

  async run(events: number): Promise<void> {
    await using cluster = await SimulatedCluster.start({
      nodes: CALLERS,
      seed: this.#seed,
      tickTime: 4 * LEASE,
      ...QUIETLY,
    });
    this.#cluster = cluster;
    const network = cluster._network();
    this.#inner = this.#watched(memoryStore({
      now: () => 1e12 + network.timeline.time + this.#store.clockOffset,
    }));
    this.#store = new SimulatedStore(this.#inner, network, this.#seed);
    for (const name of CALLERS) this.#boot(name);
    await this.#until(() => this.#serves(), 4 * LEASE, "the start");
    for (let n = 0; n < events; n++) {
      await this.#event();
      await cluster.advance(this.#random.between(0, LEASE / 2));
      this.#assertHolds();
    }
    await this.#settle();
    await this.#assertHistory();
  }

  // Nodes.

  #boot(name: string): void {
    const full = `${name}@localhost`;
    const hosts = HOSTS.includes(name);
    this.#cluster.spawn(name, async () => {
      Process.trapExit(true);
      await Entities.startLink({
        types: [List],
        store: this.#store.client(full),
        hosts,
        shards: 8,
        lease: LEASE,
      });
      await Process.sleep(2 ** 31);
    });
    const node = this.#cluster.node(name);
    for (let n = 0; n < 2; n++) {
      this.#cluster.spawn(name, () => this.#work(node));
    }
  }

  // Calls.

  async #work(node: Node): Promise<void> {
    while (!this.#isOver) {
      const most = this.#isReader(node) || !this.#reads ? 15 : 2;
      await Process.sleep(this.#random.between(1, LEASE / most));
      await this.#call(node);
    }
  }

  /** Whether calls of a node only read: a call that changes something waits for the store, and all others behind it. */
  #isReader(node: Node): boolean {
    return this.#reads && !node.name.startsWith("sophie");
  }

  async #call(node: Node): Promise<void> {
    const key = this.#pick(KEYS);
    const id = `${++this.#ids}`;
    const dice = this.#random.below(20);
    const mayRepeat = dice === 17;
    const hasId = dice === 18 || dice === 19;
    const kind = dice < 7 || this.#isReader(node)
      ? "read"
      : dice === 7
      ? "crash"
      : "add";
    const timeout = Math.round(this.#random.between(LEASE / 4, 2 * LEASE));
    const list = List.get(key, {
      timeout,
      ...mayRepeat ? { mayRunTwice: true } : {},
      ...hasId ? { id: `request ${id}` } : {},
    });
    const from = this.#cluster.now();
    const op: Op = {
      node,
      key,
      kind,
      id,
      mayRepeat,
      hasId,
      from,
      to: Infinity,
    };
    this.ops.push(op);
    this.#open.add(op);
    try {
      if (kind === "read") {
        op.ids = await list.read();
        op.seen = op.ids.length;
      } else if (kind === "crash") await list.crash(id);
      else {
        op.seen = dice === 8 && !this.#isWell
          ? await list.addSlowly(id, Math.round(this.#random.between(1, LEASE)))
          : await list.add(id);
        await this.#assertStored(key, id);
      }
    } catch (error) {
      if (error instanceof Error && error.name === "ProcessExited") throw error;
      if (!(error instanceof EntityError)) {
        this.#broken.push(`a call of ${id} failed otherwise: ${error}`);
        throw error;
      }
      op.code = error.code;
      op.mayHaveRun = error.mayHaveRun;
    }
    op.to = this.#cluster.now();
    this.#open.delete(op);
    if (op.to - from > timeout + 100 && !this.#paused.has(node)) {
      this.#broken.push(
        `the call of ${id} took ${op.to - from} ms, not ${timeout}`,
      );
    }
  }

  /** A result has left: its write was accepted. */
  async #assertStored(key: string, id: string): Promise<void> {
    if (!(await this.#stored(key)).includes(id)) {
      this.#broken.push(`the result of ${id} has left before its write`);
    }
  }

  async #stored(key: string): Promise<string[]> {
    const stored = await this.#inner.load("list", key);
    return stored === undefined ? [] : JSON.parse(stored.body).s.ids;
  }

  // Faults.

  async #event(): Promise<void> {
    const cluster = this.#cluster;
    const store = this.#store;
    const one = this.#pick(HOSTS);
    const [name, act] = this.#pick<[string, () => void | Promise<void>]>([
      ["kill", () => cluster.kill(one)],
      ["restart", () => this.#restart(one)],
      ["restart", () => this.#restart(one)],
      ["deploy", () => this.#deploy(one)],
      ["deploy", () => this.#deploy(one)],
      ["pause", () => this.#pause(one)],
      ["pause", () => this.#pause(one)],
      ["resume", () => HOSTS.forEach((name) => cluster.resume(name))],
      ["resume", () => HOSTS.forEach((name) => cluster.resume(name))],
      ["part", () => cluster.partition([one], this.#others(one))],
      [
        "cut",
        () => cluster.partition([one], this.#others(one), { mode: "cut" }),
      ],
      [
        "one way",
        () => cluster.partition([one], this.#others(one), { oneWay: true }),
      ],
      ["heal", () => cluster.heal()],
      ["store parted", () => store.part(`${one}@localhost`)],
      ["store healed", () => store.heal()],
      ["store healed", () => store.heal()],
      ["stall", () => store.stall(this.#random.between(0, 2 * LEASE))],
      ["store restarts", () => store.restart()],
      ["clock jumps", () => {
        store.clockOffset += this.#random.between(-10, 10) * LEASE;
      }],
      ["faults", () => {
        store.faults = {
          refuses: 0.1,
          losesQuestion: 0.05,
          losesAnswer: 0.1,
          failsAfter: 0.1,
          late: 0.1,
          lateBy: 2 * LEASE,
        };
      }],
      ["no faults", () => {
        store.faults = {};
      }],
    ]);
    this.story.push(`${cluster.now().toFixed(0)} ${name} ${one}`);
    await act();
  }

  #isUp(name: string): boolean {
    return this.#cluster.node(name).status === "up";
  }

  async #restart(name: string): Promise<void> {
    await this.#cluster.restart(name);
    this.#boot(name);
  }

  #pause(name: string): void {
    this.#cluster.pause(name);
    this.#paused.add(this.#cluster.node(name));
  }

  /** A rolling deployment's step: the node drains, stops and starts again. */
  async #deploy(name: string): Promise<void> {
    if (this.#isUp(name)) {
      this.#cluster.resume(name);
      const node = this.#cluster.node(name);
      await this.#cluster.run(
        name,
        () => void node.drain({ timeout: 4 * LEASE }),
      ).catch(() => {});
      await this.#cluster.advance(this.#random.between(0, 2 * LEASE));
    }
    await this.#restart(name);
  }

  #others(name: string): string[] {
    return CALLERS.filter((other) => other !== name);
  }

  // The invariants.

  /** The store, with what it accepts checked. */
  #watched(inner: Store): Store {
    const claim = (owner: string, shard: string, epoch: number) => {
      const key = `${shard} ${epoch}`;
      const other = this.#owners.get(key) ?? owner;
      this.#owners.set(key, other);
      if (other !== owner) {
        this.#broken.push(`${key} is written by ${owner} and ${other}`);
      }
    };
    return Object.assign(Object.create(inner), {
      open: () => inner.open(),
      setting: inner.setting.bind(inner),
      join: inner.join.bind(inner),
      beat: inner.beat.bind(inner),
      view: inner.view.bind(inner),
      remove: inner.remove.bind(inner),
      claim: inner.claim.bind(inner),
      give: inner.give.bind(inner),
      load: inner.load.bind(inner),
      due: inner.due.bind(inner),
      write: async (owner: string, writes: Parameters<Store["write"]>[1]) => {
        const [results, { shards }] = await Promise.all([
          inner.write(owner, writes),
          inner.view(),
        ]);
        for (const [i, { key, shard, epoch, version }] of writes.entries()) {
          const before = this.#accepted.get(key)?.version ?? 0;
          // A late copy of a write that was stored is refused.
          if (results[i] === "conflict" && version > before) {
            this.#broken.push(`a conflict of ${key} at ${version}`);
          }
          if (results[i] !== "stored") continue;
          const row = shards.find(({ id }) => id === shard);
          if (row?.owner !== owner || row.epoch !== epoch) {
            this.#broken.push(
              `${key} was written by ${owner} under ${epoch}, and its shard is of ${row?.owner}`,
            );
          }
          claim(owner, shard, epoch);
          const last = this.#accepted.get(key) ?? { epoch: 0, version: 0 };
          if (epoch < last.epoch) {
            this.#broken.push(
              `${key} was written under ${epoch} after ${last.epoch}`,
            );
          }
          if (version !== last.version && version !== last.version + 1) {
            this.#broken.push(
              `${key} got version ${version} after ${last.version}`,
            );
          }
          this.#accepted.set(key, { epoch, version });
        }
        return results;
      },
    }) as Store;
  }

  #assertHolds(): void {
    if (this.#broken.length > 0) throw this.#failure(this.#broken[0]);
  }

  #failure(what: string): Error {
    return new Error(`seed ${this.#seed}: ${what}\n${this.story.join("\n")}`);
  }

  /** Ends all faults: every key must have an owner within a lease, and every call end. */
  async #settle(): Promise<void> {
    const cluster = this.#cluster;
    cluster.heal();
    for (const name of HOSTS) {
      cluster.resume(name);
      if (!this.#isUp(name)) await this.#restart(name);
    }
    this.#store.heal();
    this.#store.stall(0);
    this.#store.faults = {};
    this.#isWell = true;
    this.story.push(`${cluster.now().toFixed(0)} all is well`);
    await this.#until(() => this.#serves(), 3 * LEASE, "all keys to be served");
    this.#isOver = true;
    await this.#until(
      () => [...this.#open].every(({ node }) => node.status !== "up"),
      4 * LEASE,
      "all calls to end",
    );
    this.#assertHolds();
  }

  async #serves(): Promise<boolean> {
    return await this.#cluster.run("sophie", async () => {
      const results = await Promise.allSettled(
        // safe: virtual time.
        KEYS.map((key) => List.get(key, { timeout: 500 }).read()),
      );
      return results.every(({ status }) => status === "fulfilled");
    });
  }

  async #until(
    holds: () => boolean | Promise<boolean>,
    ms: number,
    what: string,
  ): Promise<void> {
    const end = this.#cluster.now() + ms;
    while (!await holds()) {
      if (this.#cluster.now() > end) {
        const open = [...this.#open].map(({ node, kind, key, id, from }) =>
          `${node.name} (${node.status}): ${kind} ${id} of ${key} since ${from}`
        );
        throw this.#failure(
          `waited ${ms} ms for ${what}\nopen: ${open.join("\nopen: ")}`,
        );
      }
      await this.#cluster.advance(50);
    }
  }

  /** Each call took effect at one moment between its start and its end. */
  async #assertHistory(): Promise<void> {
    for (const key of KEYS) {
      const final = await this.#stored(key);
      const ops = this.ops.filter((op) => op.key === key);
      const broken = violation(final, ops);
      if (broken !== undefined) throw this.#failure(`key ${key}: ${broken}`);
    }
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)];
  }
}

/** Returns how calls of one list contradict its final state, if they do. */
export function violation(final: string[], ops: Op[]): string | undefined {
  const places = new Map<string, number>();
  for (const [i, id] of final.entries()) {
    const op = ops.find((op) => op.id === id);
    if (op === undefined || op.kind === "read") return `${id} was never added`;
    if (places.has(id) && !op.mayRepeat) return `${id} was added twice`;
    if (!places.has(id)) places.set(id, i + 1);
  }
  // In the order of their ends, each sees at least as much as those that ended before it began.
  const events: { at: number; isEnd: boolean; op: Op }[] = [];
  for (const op of ops) {
    const place = places.get(op.id);
    const isDone = op.to < Infinity && op.code === undefined;
    if (op.kind === "crash" && place !== undefined) {
      return `${op.id} crashed, and is stored`;
    }
    if (isDone && op.kind === "add") {
      if (place === undefined) return `${op.id} was acknowledged, and is lost`;
      if (!op.mayRepeat && op.seen !== place) {
        return `${op.id} is at ${place}, and was told ${op.seen}`;
      }
    }
    if (isDone && op.kind === "read") {
      const wrong = op.ids!.findIndex((id, i) => final[i] !== id);
      if (wrong >= 0) {
        return `a read has seen ${op.ids![wrong]} at ${
          wrong + 1
        }, and it is not there`;
      }
    }
    if (op.code !== undefined && !op.mayHaveRun && place !== undefined) {
      return `${op.id} has not run (${op.code}), and is stored`;
    }
    if (op.code === "unknown" && !op.mayHaveRun) {
      return `${op.id} is unknown, and has not run`;
    }
    events.push({ at: op.from, isEnd: false, op });
    if (isDone) events.push({ at: op.to, isEnd: true, op });
  }
  // At the same moment, a start counts as before an end.
  events.sort((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd));
  let seen = 0;
  const floor = new Map<Op, number>();
  for (const { isEnd, op } of events) {
    if (!isEnd) {
      floor.set(op, seen);
      const place = places.get(op.id);
      if (
        op.kind === "add" && !op.mayRepeat && place !== undefined &&
        place <= seen
      ) {
        return `${op.id} is at ${place}, and began when ${seen} were seen`;
      }
    } else {
      if (op.seen! < floor.get(op)! && !op.mayRepeat) {
        return `${op.id} (${op.kind}) saw ${op.seen}, and ${
          floor.get(op)
        } were seen before it began`;
      }
      if (!op.mayRepeat) seen = Math.max(seen, op.seen!);
    }
  }
}
