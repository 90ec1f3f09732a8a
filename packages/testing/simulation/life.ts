/**
 * One life of a simulated cluster with entities: a plan of faults and work, carried out in virtual time, and what must
 * hold meanwhile and at the end.
 *
 * The plan is drawn from the seed before the life begins, and each step has a seed of its own. So a life without some of
 * the steps can be run again, which finds the shortest story that still fails.
 *
 * @module
 */

import { ProcessExited } from "@otp/processes/errors";
import type { EntityNode } from "@otp/entities/entity_node";
import { Entities } from "@otp/entities/entities";
import { EntityError } from "@otp/entities/entity_error";
import type {
  EntityCallOptions,
  EntityHandle,
  EntityMethod,
  EntityType,
} from "@otp/entities/entity_types";
import type { Store, StoreStatement } from "@otp/entities/store";
import { memoryStore } from "@otp/entities/memory_store";
import { partsHere } from "@otp/entities/nodes_here";
import { hashOf } from "@otp/entities/placement";
import type { Node } from "@otp/node/node";
import { internalsOf } from "@otp/node/start/node_internals";
import { isExit, Process, receive } from "@otp/processes/process";
import { withHost } from "../test_cluster.ts";
import {
  seconds,
  shortName,
  type SimulatedCall,
  told,
} from "./linearizable.ts";
import { SeededRandom } from "./random.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { EPOCH } from "./simulated_network.ts";
import {
  SimulatedStore,
  type StoreFaults,
  type WritePoint,
} from "./simulated_store.ts";
import type {
  SimulatedClient,
  SimulatedFault,
  SimulatedLife,
  SimulateOptions,
} from "./simulated_life.ts";
import { StandbyStore } from "./standby_store.ts";
import { attendedType } from "./watched_calls.ts";
import { watchedReader } from "./watched_reader.ts";
import { WatchedStore } from "./watched_store.ts";

/** The settings of all lives of a simulation. */
export type LifeSettings = Readonly<
  Required<Omit<SimulateOptions, "seeds" | "shrinks">>
>;

/** A step of a life: a fault, or work. */
export interface Step {
  /** Its time, from when all keys were served first. */
  readonly at: number;
  readonly what: SimulatedFault | "work";
  /** The name of the node. */
  readonly node: string;
  /** How long a fault lasts. */
  readonly ms: number;
  readonly seed: number;
}

/** The length of a life, in leases, before all faults end. */
const LENGTH = 8;

/** The lengths of faults, in leases: around the moments at which a lease ends and a node is removed. */
const LENGTHS = [0.1, 0.4, 0.6, 0.75, 0.9, 1.2, 2];

/** The time between two looks at all that must hold, in milliseconds. */
const LOOK = 50;

/** The time that a call may take beyond its timeout, in milliseconds: a node answers where an entity is. */
const SLACK = 100;

/** The faults of a store, one of which is chosen each time. */
const STORE_FAULTS: readonly StoreFaults[] = [
  { refuses: 0.3 },
  { losesQuestion: 0.3 },
  { losesAnswer: 0.3 },
  { failsAfter: 0.3 },
  { lateQuestion: 0.2, lateBy: 2 },
  { lateAnswer: 0.7, lateBy: 0.3 },
  {
    ...{ refuses: 0.1, losesQuestion: 0.1, losesAnswer: 0.1, failsAfter: 0.1 },
    ...{ lateQuestion: 0.1, lateAnswer: 0.1, lateBy: 1 },
  },
];

/** The numbers of the last changes that a standby may lack: one write, up to all of the last leases. */
const LAGS = [1, 2, 3, 5, 10, 50, 250];

/**
 * The time in which each node has noticed that the store has gone back, in leases: one that asks the store is told, and
 * one that does not stops serving.
 */
const NOTICE = 2 / 3;

/** The points of a write at which a node is killed; the last is after the answer, by up to some milliseconds. */
export const WRITE_POINTS = ["sent", "stored", "answered", "later"] as const;
const LATER = 300;

/** The number of writes, one of which is the last of a node. */
export const WRITES = 10;

/** The node's next writes, at one of which it is killed. */
interface WriteKill {
  readonly point: typeof WRITE_POINTS[number];
  /** The number of writes before. */
  left: number;
  readonly ms: number;
}

/** Draws the plan of a life. */
export function planOf(seed: number, settings: LifeSettings): Step[] {
  const { nodes, callers, lease, faults, strikes, works } = settings;
  const random = new SeededRandom(seed);
  const pick = <T>(list: readonly T[]) => list[random.below(list.length)];
  const length = LENGTH * lease;
  const step = (what: Step["what"], among: readonly string[]): Step => ({
    at: random.between(0, length),
    what,
    node: pick(among),
    ms: lease * pick(LENGTHS) * random.between(0.8, 1.2),
    seed: random.next(),
  });
  const steps = Array.from(
    { length: works },
    () => step("work", [...nodes, ...callers]),
  );
  for (let n = 0; n < strikes && faults.length > 0; n++) {
    steps.push(step(pick(faults), nodes));
  }
  return steps.sort((one, other) => one.at - other.at);
}

/** A deployment's step: a node that drains. */
interface Drain {
  readonly node: Node;
  isOver: boolean;
}

/** Changes a store. */
export type Plant = (store: Store) => Store;

/** One life. */
export class Life implements SimulatedLife {
  readonly seed: number;
  readonly calls: SimulatedCall[] = [];
  /** The faults and the calls in words, with their times. */
  readonly story: { at: number; text: string }[] = [];
  /** How long it took until all keys were served again, in milliseconds. */
  recovery = 0;
  noticedBy = 0;
  readonly #settings: LifeSettings;
  readonly #plant: { store?: Plant; database?: Plant };
  /** What the store has run: another list for each standby. */
  #statements: StoreStatement[] = [];
  readonly #broken: string[] = [];
  readonly #shards: string[];
  #cluster!: SimulatedCluster;
  #store!: SimulatedStore;
  #standby!: StandbyStore;
  #watched!: WatchedStore;
  /** The faults that last: each is in force until its end. */
  readonly #lasting = new Set<Step>();
  readonly #drains = new Map<string, Drain>();
  /** When each node was paused last; until when its calls may be late. */
  readonly #pausedUntil = new Map<string, number>();
  /** The nodes whose clocks have stood still, unknown to them. */
  readonly #misled = new Set<string>();
  readonly #open = new Map<SimulatedCall, Node>();
  /** The nodes that are killed with a write. */
  readonly #writeKills = new Map<string, WriteKill>();
  /** The ends of nodes that were killed with a write. */
  readonly #kills: Promise<void>[] = [];
  /** The last stored state of each entity that was asked for, as most looks find it unchanged. */
  readonly #read = new Map<string, { body: string; state: unknown }>();
  /** The work that has not ended, and its node. */
  readonly #working = new Map<SimulatedClient, Node>();

  /**
   * A life.
   *
   * @param plant Makes the nodes' store wrong, for tests of the rules.
   */
  constructor(
    seed: number,
    settings: LifeSettings,
    plant: { store?: Plant; database?: Plant } = {},
  ) {
    this.seed = seed;
    this.#settings = settings;
    this.#plant = plant;
    this.#shards = settings.types.flatMap(({ name }) =>
      Array.from({ length: settings.shards }, (_, n) => `${name}/${n}`)
    );
  }

  get now(): number {
    return this.#cluster.now();
  }

  /** Carries out a plan; returns the first thing that does not hold. */
  async live(plan: readonly Step[]): Promise<string | undefined> {
    try {
      await this.#run(plan);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    return this.#broken[0];
  }

  async #run(plan: readonly Step[]): Promise<void> {
    const { nodes, callers, lease } = this.#settings;
    await using cluster = await SimulatedCluster.start({
      nodes: [...nodes, ...callers],
      seed: this.seed,
      tickTime: 4 * lease,
      log: () => {},
    });
    this.#cluster = cluster;
    const network = cluster._network();
    const { store = asItIs, database = asItIs } = this.#plant;
    this.#standby = new StandbyStore(() => {
      const statements: StoreStatement[] = this.#statements = [];
      return database(memoryStore({
        now: () => EPOCH + network.timeline.time + this.#store.clockOffset,
        sql: (text, params) => void statements.push({ text, params }),
      }));
    });
    this.#watched = new WatchedStore(this.#standby.store, {
      statements: () => this.#statements,
      parts: () =>
        this.#parts().filter(({ runtime }) => !this.#mayErr(runtime.node)),
      broken: (what) => this.#fail(what),
    });
    this.#store = new SimulatedStore(
      store(this.#watched.store),
      network,
      this.seed,
    );
    this.#store.strike = (node, point) => this.#strike(node, point);
    for (const name of [...nodes, ...callers]) this.#boot(name);
    try {
      await this.#served();
      await this.#carryOut(plan);
      if (this.#broken.length === 0) await this.#end();
    } finally {
      // Nodes that are paused or parted would not stop.
      cluster.heal();
      for (const name of nodes) cluster.resume(name);
    }
  }

  async #carryOut(plan: readonly Step[]): Promise<void> {
    const start = this.now;
    const events = plan.flatMap((step) => [
      { at: start + step.at, step, isEnd: false },
      ...step.what === "work"
        ? []
        : [{ at: start + step.at + step.ms, step, isEnd: true }],
    ]).sort((one, other) => one.at - other.at);
    const over = start + LENGTH * this.#settings.lease;
    for (const { at, step, isEnd } of events) {
      if (at > over) break;
      await this.#advanceTo(at);
      if (isEnd) await this.#cease(step);
      else await this.#begin(step);
      if (this.#broken.length > 0) return;
    }
    await this.#advanceTo(over);
  }

  async #advanceTo(moment: number): Promise<void> {
    while (this.now < moment && this.#broken.length === 0) {
      await this.#advance(Math.min(LOOK, moment - this.now));
    }
  }

  async #advance(ms: number): Promise<void> {
    await this.#cluster.advance(ms);
    await Promise.all(this.#kills.splice(0));
    for (const [name, drain] of this.#drains) {
      if (!drain.isOver) continue;
      this.#drains.delete(name);
      await this.#cluster.stop(name);
      await this.#restart(name);
    }
    await this.#watched.check();
    if (this.#broken.length === 0) await this.#settings.always(this);
  }

  // Nodes.

  #boot(name: string): void {
    const { nodes, types, shards, lease } = this.#settings;
    const node = this.#cluster.node(name);
    this.#cluster.spawn(name, async () => {
      Process.trapExit(true);
      await Entities.startLink({
        types: types.map((type) => this.#attended(node.name, type)),
        store: this.#store.client(node.name),
        hosts: nodes.includes(name),
        shards,
        lease,
      });
      const { reason } = await receive(isExit);
      if (node.status === "up" && this.#cluster.node(name) === node) {
        this.#fail(`the entities of ${name} have ended: ${reason}`);
      }
    });
  }

  /** The parts of the live nodes. */
  #parts(): EntityNode[] {
    return this.#settings.nodes.map((name) => this.#cluster.node(name))
      .filter(({ status }) => status === "up")
      .flatMap((node) => partsHere(internalsOf(node).runtime));
  }

  /** Whether live nodes serve all shards, and each knows that it does: none has still to learn that it was removed. */
  get #isServed(): boolean {
    const served = new Set<string>();
    for (const { lease, owned } of this.#parts()) {
      if (!lease.isValid) return false;
      for (const { id, state } of owned.values()) {
        if (state === "open") served.add(id);
      }
    }
    return this.#shards.every((id) => served.has(id));
  }

  /** Whether a node may believe what is not so in the store, and cannot know. */
  #mayErr(node: string): boolean {
    return this.#misled.has(node) || this.now < this.noticedBy;
  }

  /** A type whose methods check that they begin under the current epoch, and one at a time. */
  #attended<M>(node: string, type: EntityType<M>): EntityType<M> {
    const { name } = type;
    return attendedType(type, {
      callsOf: (key) => this.#watched.callsOf(name, key),
      attempts: ({ id, key }, step, ends) => {
        const { logs } = this.#watched;
        if (this.noticedBy > 0 || logs.hasEnds(name, key, id, ends)) return;
        this.#fail(
          `the step ${step} of the run ${id} of the ${name} ${
            JSON.stringify(key)
          } begins, and the store has not the steps before`,
        );
      },
      begins: (method, { key, fence }, other) => {
        const number = hashOf(key) % this.#settings.shards;
        const epoch = this.#watched.epochOf(`${name}/${number}`);
        const what = `${method} of the ${name} ${JSON.stringify(key)}`;
        if (epoch !== fence && !this.#mayErr(node)) {
          this.#fail(
            `${what} begins on ${node} under epoch ${fence}, and its shard is under ${epoch}`,
          );
        }
        if (other !== undefined) {
          this.#fail(`${what} begins while ${other} runs`);
        }
        if (method === "alarm") this.#tell(`${shortName(node)} runs ${what}`);
      },
    });
  }

  async #restart(name: string): Promise<void> {
    this.#pausedUntil.set(withHost(name), this.now);
    await this.#cluster.restart(name);
    this.#boot(name);
  }

  // Work.

  #work({ node: name, seed }: Step): void {
    const cluster = this.#cluster;
    const node = cluster.node(name);
    if (node.status !== "up") return;
    const client = this.#client(node, seed);
    cluster._network().atNode(node.name, () => {
      if (cluster.node(name) !== node || node.status !== "up") return;
      this.#working.set(client, node);
      cluster.spawn(name, async () => {
        try {
          await this.#settings.work(client);
        } catch (error) {
          if (error instanceof EntityError) return;
          if (error instanceof ProcessExited || node.status !== "up") {
            throw error;
          }
          this.#fail(`the work on ${name} has failed: ${error}`);
        } finally {
          if (node.status === "up") this.#working.delete(client);
        }
      });
    });
  }

  #client(node: Node, seed: number): SimulatedClient {
    const random = new SeededRandom(seed);
    return {
      node: node.name,
      random: (end) => random.below(end),
      pick: (list) => list[random.below(list.length)],
      get: (type, key, options) => this.#recorded(node, type, key, options),
    };
  }

  #recorded<M>(
    node: Node,
    type: EntityType<M>,
    key: string,
    options: EntityCallOptions = {},
  ): EntityHandle<M> {
    const handle = type.get(key, options);
    const recorded: Record<string, unknown> = Object.create(handle);
    const { methods, durable, reads } = type._definition;
    const names = [...methods.keys(), ...durable.keys(), ...reads.keys()];
    for (const method of names) {
      recorded[method] = (...args: unknown[]) =>
        this.#call(
          node,
          { type: type.name, key, method, args },
          options,
          () =>
            (handle as Record<string, EntityMethod<never>>)[method](
              ...args as [never],
            ),
        );
    }
    if (type._definition.log !== undefined) {
      const value = watchedReader(handle.log, {
        whose: `of the log of the ${type.name} ${JSON.stringify(key)}`,
        has: (event) => this.#watched.logs.has(type.name, key, event),
        mayMiss: () => this.noticedBy > 0,
        broken: (what) => this.#fail(what),
      });
      Object.defineProperty(recorded, "log", { value });
    }
    return recorded as EntityHandle<M>;
  }

  async #call(
    node: Node,
    what: Pick<SimulatedCall, "type" | "key" | "method" | "args">,
    { id, mayRunTwice = false, timeout = 5000 }: EntityCallOptions,
    run: () => unknown,
  ): Promise<unknown> {
    const call: SimulatedCall = {
      node: node.name,
      ...what,
      id,
      mayRunTwice,
      from: this.now,
      to: Infinity,
      mayHaveRun: true,
    };
    this.calls.push(call);
    this.#open.set(call, node);
    try {
      call.value = await run();
      this.#checkStored(call);
      return call.value;
    } catch (error) {
      if (!(error instanceof EntityError)) throw error;
      call.code = error.code;
      call.mayHaveRun = error.mayHaveRun;
      if (error.code === "unknown" && !error.mayHaveRun) {
        this.#fail(`a call is unknown, and has not run: ${told(call)}`);
      }
      throw error;
    } finally {
      if (node.status === "up") this.#ended(call, timeout);
    }
  }

  /** Checks that the store has what a call with a result has asked for. */
  #checkStored(call: SimulatedCall): void {
    const { type, key, method, args, value } = call;
    const { durability } =
      this.#settings.types.find(({ name }) => name === type)!._definition
        .options;
    if (durability !== "call" || this.noticedBy > 0) return;
    const calls = this.#watched.callsOf(type, key);
    if (calls.isStored(method, args, value)) return;
    this.#fail(
      `a call has a result, and the store has not all that it has asked for: ${
        told(call)
      }`,
    );
  }

  #ended(call: SimulatedCall, timeout: number): void {
    call.to = this.now;
    this.#open.delete(call);
    const paused = this.#pausedUntil.get(call.node) ?? 0;
    if (call.to - call.from > timeout + SLACK && paused < call.from) {
      this.#fail(`a call takes longer than ${timeout} ms: ${told(call)}`);
    }
  }

  get statements(): readonly StoreStatement[] {
    return this.#statements;
  }

  // deno-lint-ignore no-explicit-any
  async stored(type: EntityType<any>, key: string): Promise<unknown> {
    const { body = "" } = await this.#standby.store.load(type.name, key) ??
      {};
    if (body === "") return undefined;
    const id = `${type.name} ${key}`;
    let read = this.#read.get(id);
    if (read?.body !== body) {
      read = { body, state: JSON.parse(body).s };
      this.#read.set(id, read);
    }
    return read.state;
  }

  run<T>(fn: (client: SimulatedClient) => T | Promise<T>): Promise<T> {
    const [name] = this.#settings.nodes;
    const client = this.#client(this.#cluster.node(name), this.seed);
    return this.#cluster.run(name, () => fn(client));
  }

  // Faults.

  async #begin(step: Step): Promise<void> {
    const { what, node: name, ms, seed } = step;
    if (what === "work") return this.#work(step);
    const cluster = this.#cluster;
    const network = cluster._network();
    const full = withHost(name);
    // A node that is dead or drains is left to that.
    if (!this.#isUp(name) || this.#drains.has(name)) return;
    this.#lasting.add(step);
    switch (what) {
      case "kill":
        this.#tell(`${name} is killed`);
        return await cluster.kill(name);
      case "deploy":
        this.#tell(`${name} drains`);
        return this.#drain(name);
      case "pause":
        this.#tell(`${name} is paused for ${seconds(ms)}`);
        this.#pausedUntil.set(full, Infinity);
        return network.pause(full);
      case "suspend":
        this.#tell(`${name} is suspended for ${seconds(ms)}`);
        this.#pausedUntil.set(full, Infinity);
        return network.suspend(full);
      case "stopped clocks":
        this.#tell(`${name} is suspended for ${seconds(ms)}, with its clocks`);
        this.#pausedUntil.set(full, Infinity);
        this.#misled.add(full);
        return network.suspend(full, true);
      case "partition": {
        const oneWay = seed % 3 === 0;
        const mode = seed % 2 === 0 ? "cut" : "silent";
        const others = [...this.#settings.nodes, ...this.#settings.callers]
          .filter((other) => other !== name);
        const way = oneWay ? "one way, " : "";
        this.#tell(`${name} is parted (${way}${mode}) for ${seconds(ms)}`);
        return cluster.partition([name], others, { mode, oneWay });
      }
      case "store partition":
        this.#tell(`${name} is parted from the store for ${seconds(ms)}`);
        this.#store.parted.add(full);
        return;
      case "store stall":
        this.#tell(`the store stalls for ${seconds(ms)}`);
        this.#store.stalledUntil = this.now + ms;
        return;
      case "store restart":
        this.#tell("the store restarts");
        this.#store.restarts++;
        return;
      case "store errors": {
        const faults = STORE_FAULTS[seed % STORE_FAULTS.length];
        const lateBy = (faults.lateBy ?? 0) * this.#settings.lease;
        this.#store.faults = { ...faults, lateBy };
        this.#tell(
          `the store has faults for ${seconds(ms)}: ${
            JSON.stringify(this.#store.faults)
          }`,
        );
        return;
      }
      case "clock":
        return this.#setClock(full, seed);
      case "entity kill":
        return this.#killEntity(name, seed);
      case "write kill": {
        const point = WRITE_POINTS[seed % WRITE_POINTS.length];
        const left = Math.floor(seed / WRITE_POINTS.length) % WRITES;
        const ms = Math.floor(seed / WRITE_POINTS.length / WRITES) % LATER;
        this.#writeKills.set(name, { point, left, ms });
        return;
      }
      case "store goes back":
        return await this.#goBack(seed);
    }
  }

  /** Ends a fault, unless another of its kind lasts. */
  async #cease(step: Step): Promise<void> {
    const { what, node: name } = step;
    if (!this.#lasting.delete(step)) return;
    const full = withHost(name);
    const lasts = (...kinds: SimulatedFault[]) =>
      [...this.#lasting].some((other) =>
        kinds.includes(other.what as SimulatedFault) && other.node === name
      );
    switch (what) {
      case "write kill":
      case "kill":
        this.#writeKills.delete(name);
        if (lasts("kill", "write kill") || this.#isUp(name)) return;
        this.#tell(`${name} starts again`);
        return await this.#restart(name);
      case "deploy": {
        const drain = this.#drains.get(name);
        // Some platforms do not wait.
        if (drain === undefined || step.seed % 3 > 0 || !this.#isMixed) return;
        this.#tell(`${name} is killed, as its drain takes long`);
        this.#drains.delete(name);
        return await this.#restart(name);
      }
      case "pause":
      case "suspend":
      case "stopped clocks":
        if (lasts("pause", "suspend", "stopped clocks")) return;
        this.#tell(`${name} goes on`);
        return this.#resume(name);
      case "partition":
        if ([...this.#lasting].some(({ what }) => what === "partition")) return;
        this.#tell("the partition ends");
        return this.#cluster.heal();
      case "store partition":
        if (lasts("store partition")) return;
        this.#tell(`${name} reaches the store again`);
        this.#store.parted.delete(full);
        return;
      case "store errors":
        this.#tell("the store has no faults");
        this.#store.faults = {};
        return;
    }
  }

  /** Whether a drain is not the only fault. */
  get #isMixed(): boolean {
    return this.#settings.faults.some((fault) => fault !== "deploy");
  }

  #isUp(name: string): boolean {
    return this.#cluster.node(name).status === "up";
  }

  #drain(name: string): void {
    const node = this.#cluster.node(name);
    this.#resume(name);
    const drain: Drain = { node, isOver: false };
    const end = () => {
      drain.isOver = true;
    };
    this.#drains.set(name, drain);
    node.drain({ timeout: DRAIN * this.#settings.lease }).then(end, end);
  }

  #resume(name: string): void {
    this.#cluster.resume(name);
    const full = withHost(name);
    if (this.#pausedUntil.get(full) === Infinity) {
      this.#pausedUntil.set(full, this.now);
    }
  }

  /** Sets the store's clock, or the wall clock of a node. */
  #setClock(full: string, seed: number): void {
    const { lease, faults } = this.#settings;
    const by = Math.round(lease * (seed % 1000 / 50 - 10));
    if (seed % 2 === 0) {
      this.#tell(`the store's clock is set by ${seconds(by)}`);
      this.#store.clockOffset += by;
      return;
    }
    // A node that is suspended, and whose wall clock is set back, does not know that it was.
    const isAhead = faults.includes("suspend");
    const step = isAhead ? Math.abs(by) : by;
    this.#tell(`the clock of ${shortName(full)} is set by ${seconds(step)}`);
    this.#cluster._network().setWall(full, step);
  }

  /** Has a standby take over that lacks the last changes. */
  async #goBack(seed: number): Promise<void> {
    const { changes } = this.#standby;
    const lag = Math.min(LAGS[seed % LAGS.length], changes);
    this.#tell(`the store goes back by ${lag} changes`);
    await this.#standby.goBackTo(changes - lag);
    // The connections to the server before may break, or not.
    if (seed % 2 === 0) this.#store.restarts++;
    this.noticedBy = this.now + NOTICE * this.#settings.lease;
    await this.#watched.startAnew();
  }

  /** Kills the process of an entity, a busy one if there is one. */
  #killEntity(name: string, seed: number): void {
    const { runtime } = internalsOf(this.#cluster.node(name));
    const live = partsHere(runtime).flatMap(({ owned }) =>
      [...owned.values()].flatMap(({ definition, entities }) =>
        [...entities].map(([key, { pid, isBusy }]) => ({
          what: `the ${definition.name} ${JSON.stringify(key)}`,
          pid,
          isBusy,
        }))
      )
    ).filter(({ pid }) => pid !== undefined);
    const busy = live.filter(({ isBusy }) => isBusy);
    const from = busy.length > 0 ? busy : live;
    if (from.length === 0) return;
    const { pid, what } = from[seed % from.length];
    this.#tell(`the process of ${what} on ${name} is killed`);
    this.#cluster.spawn(name, () => Process.exit(pid!, "kill"));
  }

  /** Kills a node if this write is its last; returns whether it has. */
  #strike(full: string, point: WritePoint): boolean {
    const name = shortName(full);
    const kill = this.#writeKills.get(name);
    const isAnswered = point === "answered";
    if (kill === undefined || this.#drains.has(name)) return false;
    if (kill.point !== point && !(kill.point === "later" && isAnswered)) {
      return false;
    }
    if (kill.left-- > 0) return false;
    this.#writeKills.delete(name);
    const node = this.#cluster.node(name);
    const end = () => {
      if (node.status !== "up" || this.#drains.has(name)) return;
      this.#tell(`${name} is killed as its write is ${kill.point}`);
      this.#kills.push(this.#cluster.kill(name));
    };
    if (kill.point !== "later") end();
    else this.#cluster._network().timeline.after(kill.ms, end);
    return true;
  }

  // The end.

  /** Ends all faults: every key must be served within a lease, and every call end. */
  async #end(): Promise<void> {
    const cluster = this.#cluster;
    const { nodes, lease } = this.#settings;
    cluster.heal();
    for (const name of nodes) {
      this.#resume(name);
      this.#store.parted.delete(withHost(name));
      // A drain ends by itself.
      if (this.#isUp(name) || this.#drains.has(name)) continue;
      await this.#restart(name);
    }
    this.#store.stalledUntil = 0;
    this.#store.faults = {};
    this.#writeKills.clear();
    this.#lasting.clear();
    this.#tell("all is well");
    this.recovery = await this.#served();
    if (this.#broken.length > 0) return;
    // By their next renewals, all nodes know who serves. A call to a node that others replace meanwhile is "unknown".
    await this.#advanceTo(this.now + lease / 5);
    // A node whose clocks stood still is right again once the store has answered it.
    if (this.#misled.size > 0) await this.#advanceTo(this.now + lease);
    this.#misled.clear();
    // Work that a paused node has put off begins now.
    await this.#advance(LOOK);
    const last = this.now + WORK;
    while (this.#isWorking && this.now < last) await this.#advance(LOOK);
    if (this.#isWorking) {
      const open = [...this.#open].find(([, { status }]) => status === "up");
      this.#fail(
        open === undefined
          ? `work has no end in ${seconds(WORK)}`
          : `a call has no end: ${told(open[0])}`,
      );
    }
    await this.#ring();
    if (this.#broken.length > 0) return;
    await this.#settings.always(this);
    await this.#settings.finally(this);
  }

  /** Lets all alarms ring that are due, and runs go on: a key that stays due and is in no memory is forgotten. */
  async #ring(): Promise<void> {
    const { lease } = this.#settings;
    const since = new Map<string, number>();
    const over = this.now + 2 * RING * lease;
    while (this.now < over && this.#broken.length === 0) {
      const late = await this.#late();
      if (late.size === 0) return;
      for (const key of since.keys()) if (!late.has(key)) since.delete(key);
      for (const key of late) {
        const from = since.get(key) ?? this.now;
        since.set(key, from);
        if (this.now <= from + RING * lease) continue;
        this.#fail(`${key} is due, and no node runs it`);
      }
      await this.#advance(LOOK);
    }
  }

  /** The keys that are due in the store, and that no node runs. */
  async #late(): Promise<Set<string>> {
    const now = EPOCH + this.now + this.#store.clockOffset;
    const due = await this.#standby.store.due(this.#shards, now, Infinity);
    const parts = this.#parts();
    const isAttended = (type: string, key: string) =>
      parts.some(({ owned, parked }) =>
        parked.has(`${type} ${key}`) ||
        [...owned.values()].some(({ definition, entities }) =>
          definition.name === type && entities.get(key)?.isBusy
        )
      );
    return new Set(
      due.filter(({ type, key }) => !isAttended(type, key))
        .map(({ type, key, due }) =>
          `the ${type} ${JSON.stringify(key)}, for ${due}`
        ),
    );
  }

  /** Whether a live node has work that has not ended. */
  get #isWorking(): boolean {
    return [...this.#working.values()].some(({ status }) => status === "up");
  }

  /** Lets time pass until all drains are over, and then until all keys are served; returns how long that took. */
  async #served(): Promise<number> {
    const { lease } = this.#settings;
    const drained = this.now + DRAIN * lease + LOOK;
    // A late question is a fault until it has arrived.
    let since = Math.max(this.now, this.#store.busyUntil);
    while (this.#drains.size > 0 || !this.#isServed) {
      if (this.#broken.length > 0) break;
      if (this.#drains.size > 0) {
        since = Math.max(since, Math.min(this.now, drained));
      }
      if (this.now > since + RECOVERY * lease) {
        this.#fail(
          `keys have no owner ${RECOVERY * lease} ms after all is well`,
        );
        break;
      }
      await this.#advance(LOOK);
    }
    return Math.max(0, this.now - since);
  }

  #tell(text: string): void {
    this.story.push({ at: this.now, text });
  }

  #fail(what: string): void {
    this.#broken.push(`at ${seconds(this.now)}, ${what}`);
  }
}

/** The time in which work ends once all is well, in milliseconds. */
const WORK = 60_000;

/** The time in which a node drains, in leases. */
const DRAIN = 4;

/** The time in which a key that is due is run, in leases. */
const RING = 2;

/** The time in which all keys are served once all is well and no node drains, in leases. */
const RECOVERY = 2;

function asItIs(store: Store): Store {
  return store;
}
