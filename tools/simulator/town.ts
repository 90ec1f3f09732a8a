/**
 * The cluster of the page: three nodes host counters whose states are in a simulated database, and call them.
 *
 * @module
 */

import { Entities } from "../../packages/entities/entities.ts";
import { Entity } from "../../packages/entities/entity.ts";
import { EntityError } from "../../packages/entities/entity_error.ts";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import { partsHere } from "../../packages/entities/nodes_here.ts";
import { hashOf } from "../../packages/entities/placement.ts";
import type { EntityNode } from "../../packages/entities/entity_node.ts";
import type { Store } from "../../packages/entities/store.ts";
import { Node } from "../../packages/node/node.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";
import { isExit, Process, receive } from "../../packages/processes/process.ts";
import { SeededRandom } from "../../packages/testing/simulation/random.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { EPOCH } from "../../packages/testing/simulation/simulated_network.ts";
import { SimulatedStore } from "../../packages/testing/simulation/simulated_store.ts";
import { attendedType } from "../../packages/testing/simulation/watched_calls.ts";
import { WatchedStore } from "../../packages/testing/simulation/watched_store.ts";
import { withHost } from "../../packages/testing/test_cluster.ts";

/** The names of the nodes. */
export const NODES = ["alex", "kate", "moebi"] as const;

/** The other end of a network that is cut between a node and the database. */
export const DATABASE = "database";

/** The keys that are called. */
const KEYS = ["ann", "bob", "cleo", "dora", "emil", "finn"];

const SHARDS = 4;

/** The lease of a node, in milliseconds. */
const LEASE = 3000;

/** The time from one call to the next, in milliseconds. */
const PAUSE = 200;

/** The time that a call may take, in milliseconds. */
const TIMEOUT = 5000;

/** The longest time between two looks at what must hold, in milliseconds. */
const LOOK = 50;

/** The number of calls that are kept: enough for all that wait, and for the list of the page. */
const KEPT = 200;

const Counter = Entity.define("counter", {
  state: () => ({ count: 0 }),
  add: (counter) => ++counter.state.count,
});

/** A call, and its result if it has one. */
export interface TownCall {
  /** When it began, in milliseconds of virtual time. */
  readonly at: number;
  readonly node: string;
  readonly key: string;
  readonly shard: string;
  /** Whether the result is certain: `"ok"` with a value, `"refused"` if it has not run, `"unknown"` if it may have run. */
  outcome: "waits" | "ok" | "unknown" | "refused";
  /** The value, or the code of the error. */
  text: string;
}

/** A shard: its owner in the store, and the nodes that serve it. */
export interface TownShard {
  readonly id: string;
  readonly owner: string;
  readonly epoch: number;
  /** The keys in it. */
  readonly keys: readonly string[];
  /** The nodes that take calls for it. The promise is that there is one at most. */
  readonly servers: readonly string[];
}

/** Something that happened: a fault, a new owner, a broken promise. */
export interface TownEvent {
  readonly at: number;
  readonly text: string;
}

export class Town {
  /** The last calls. */
  readonly calls: TownCall[] = [];
  /** The number of calls by their outcome. */
  readonly counts = { waits: 0, ok: 0, unknown: 0, refused: 0 };
  readonly events: TownEvent[] = [];
  /** The violations of what must hold. */
  readonly broken: string[] = [];
  /** The shards, at the last look. */
  shards: TownShard[] = [];
  /** The number of writes that the store has accepted, each from the one owner of its shard. */
  accepted = 0;
  /** The number of writes of former owners that the store has refused. */
  fenced = 0;
  /** The nodes that are frozen. */
  readonly frozen = new Set<string>();
  /** The networks that are cut, as `linkOf` names them. */
  readonly cuts = new Set<string>();
  readonly #cluster: SimulatedCluster;
  readonly #inner: Store;
  readonly #watched: WatchedStore;
  readonly #store: SimulatedStore;
  readonly #random: SeededRandom;
  /** The names of all nodes that the store has ever had, by their ids. */
  readonly #names = new Map<string, string>();
  #nextCall = 0;
  /** The last action, which the next one and time wait for. */
  #last: Promise<void> = Promise.resolve();

  private constructor(cluster: SimulatedCluster, seed: number) {
    this.#cluster = cluster;
    this.#random = new SeededRandom(seed);
    const network = cluster._network();
    // Nobody reads the trace, and a page may run for hours.
    network.trace.add = () => {};
    this.#inner = memoryStore({ now: () => EPOCH + network.timeline.time });
    this.#watched = new WatchedStore(this.#inner, {
      statements: () => [],
      parts: () => this.#parts(),
      broken: (what) => this.#fail(what),
    });
    const { store } = this.#watched;
    const counting: Store = {
      ...store,
      write: async (owner, writes) => {
        const results = await store.write(owner, writes);
        for (const result of results) {
          if (result === "stored") this.accepted++;
          else if (result === "fenced") this.fenced++;
        }
        return results;
      },
    };
    this.#store = new SimulatedStore(counting, network, seed);
  }

  /** Starts the nodes. */
  static async start(seed: number): Promise<Town> {
    const cluster = await SimulatedCluster.start({
      nodes: NODES,
      seed,
      tickTime: 4 * LEASE,
      log: () => {},
    });
    const town = new Town(cluster, seed);
    for (const name of NODES) town.#boot(name);
    return town;
  }

  /** The virtual time, in milliseconds. */
  get now(): number {
    return this.#cluster.now();
  }

  isUp(name: string): boolean {
    return this.#cluster.node(name).status === "up";
  }

  /** Lets time pass, with calls. */
  advance(ms: number): Promise<void> {
    return this.#then(async () => {
      const until = this.now + ms;
      while (this.now < until) {
        if (this.now >= this.#nextCall) {
          this.#nextCall = this.now + PAUSE;
          this.#call();
        }
        await this.#cluster.advance(Math.min(LOOK, until - this.now));
        await this.#watched.check();
        await this.#look();
      }
    });
  }

  kill(name: string): Promise<void> {
    return this.#then(async () => {
      if (!this.isUp(name)) return;
      this.#tell(`${name} is killed`);
      this.frozen.delete(name);
      await this.#cluster.kill(name);
      for (const call of this.calls) {
        if (call.node !== name || call.outcome !== "waits") continue;
        this.#end(call, "unknown", "its caller is dead");
      }
      await this.#look();
    });
  }

  startAgain(name: string): Promise<void> {
    return this.#then(async () => {
      if (this.isUp(name)) return;
      this.#tell(`${name} starts again`);
      await this.#cluster.restart(name);
      this.#boot(name);
    });
  }

  /** Freezes a node, or lets it go on. */
  freeze(name: string, isFrozen: boolean): Promise<void> {
    return this.#then(() => {
      if (!this.isUp(name) || this.frozen.has(name) === isFrozen) return;
      this.#tell(isFrozen ? `${name} freezes` : `${name} goes on`);
      if (isFrozen) {
        this.frozen.add(name);
        this.#cluster.pause(name);
      } else {
        this.frozen.delete(name);
        this.#cluster.resume(name);
      }
    });
  }

  /** Cuts the network between two nodes, or between a node and the database, or joins it. */
  cut(one: string, other: string, isCut: boolean): Promise<void> {
    return this.#then(() => {
      const link = linkOf(one, other);
      if (this.cuts.has(link) === isCut) return;
      const way = `the network between ${one} and ${other}`;
      this.#tell(isCut ? `${way} is cut` : `${way} is joined`);
      if (isCut) this.cuts.add(link);
      else this.cuts.delete(link);
      if (other === DATABASE) {
        if (isCut) this.#store.parted.add(withHost(one));
        else this.#store.parted.delete(withHost(one));
        return;
      }
      if (isCut) return this.#cluster.partition([one], [other]);
      // All partitions heal at once.
      this.#cluster.heal();
      for (const cut of this.cuts) {
        const [left, right] = cut.split(" ");
        if (right !== DATABASE) this.#cluster.partition([left], [right]);
      }
    });
  }

  /** Runs actions one at a time. */
  #then(act: () => void | Promise<void>): Promise<void> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }

  #boot(name: string): void {
    this.#cluster.spawn(name, async () => {
      Process.trapExit(true);
      await Entities.startLink({
        types: [this.#attended(name)],
        store: this.#store.client(withHost(name)),
        shards: SHARDS,
        lease: LEASE,
      });
      await receive(isExit);
    });
  }

  /** The counters of a node, which check that each call begins under the current epoch, and no other one runs. */
  #attended(name: string): typeof Counter {
    return attendedType(Counter, {
      callsOf: (key) => this.#watched.callsOf(Counter.name, key),
      attempts: () => {},
      begins: (method, { key, fence }, other) => {
        const epoch = this.#watched.epochOf(shardOf(key));
        const what = `${method} of ${key} begins on ${name}`;
        if (epoch !== fence) {
          this.#fail(`${what} under epoch ${fence}, and the epoch is ${epoch}`);
        }
        if (other !== undefined) this.#fail(`${what} while ${other} runs`);
      },
    });
  }

  /** Has a program of a node that is alive call a key, after a random pause. */
  #call(): void {
    const up = NODES.filter((name) => this.isUp(name));
    if (up.length === 0) return;
    const name = up[this.#random.below(up.length)];
    const key = KEYS[this.#random.below(KEYS.length)];
    const pause = this.#random.below(PAUSE);
    const node = this.#cluster.node(name);
    this.#cluster._network().atNode(node.name, () => {
      if (node.status !== "up") return;
      this.#cluster.spawn(name, async () => {
        await Process.sleep(pause);
        await this.#add(key);
      });
    });
  }

  /** Calls a key, as the running process. */
  async #add(key: string): Promise<void> {
    const node = shortName(Node.self());
    const call: TownCall = {
      ...{ at: this.now, node, key, shard: shardOf(key) },
      ...{ outcome: "waits", text: "" },
    };
    this.calls.push(call);
    this.counts.waits++;
    if (this.calls.length > KEPT) this.calls.shift();
    try {
      const value = await Counter.get(key, { timeout: TIMEOUT }).add();
      this.#end(call, "ok", String(value));
    } catch (error) {
      if (!(error instanceof EntityError)) throw error;
      const { code, mayHaveRun } = error;
      this.#end(call, mayHaveRun ? "unknown" : "refused", code);
    }
  }

  #end(call: TownCall, outcome: TownCall["outcome"], text: string): void {
    this.counts[call.outcome]--;
    this.counts[outcome]++;
    Object.assign(call, { outcome, text });
  }

  /** The parts of the live nodes. */
  #parts(): EntityNode[] {
    return NODES.filter((name) => this.isUp(name)).flatMap((name) =>
      partsHere(internalsOf(this.#cluster.node(name)).runtime)
    );
  }

  /** Looks at the shards, and tells of new owners. */
  async #look(): Promise<void> {
    const { nodes, shards } = await this.#inner.view();
    const parts = this.#parts();
    for (const { id, name } of nodes) this.#names.set(id, shortName(name));
    const before = new Map(this.shards.map((shard) => [shard.id, shard]));
    this.shards = shards.map(({ id, owner, epoch }) => ({
      id,
      epoch,
      owner: this.#names.get(owner) ?? owner,
      keys: KEYS.filter((key) => shardOf(key) === id),
      servers: parts.filter(({ lease, owned }) =>
        lease.isValid && owned.get(id)?.state === "open"
      ).map(({ runtime }) => shortName(runtime.node)),
    })).sort((one, other) => one.id < other.id ? -1 : 1);
    for (const { id, owner, epoch } of this.shards) {
      if (before.get(id)?.epoch === epoch) continue;
      this.#tell(`${owner} owns ${id} from epoch ${epoch} on`);
    }
  }

  #fail(what: string): void {
    this.broken.push(what);
    this.#tell(`BROKEN: ${what}`);
  }

  #tell(text: string): void {
    this.events.push({ at: this.now, text });
  }
}

/** Names the network between two nodes, or between a node and the database. */
export function linkOf(one: string, other: string): string {
  return `${one} ${other}`;
}

function shardOf(key: string): string {
  return `${Counter.name}/${hashOf(key) % SHARDS}`;
}

function shortName(node: string): string {
  return node.split("@")[0];
}
