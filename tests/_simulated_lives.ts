/**
 * Random lives of a simulated cluster, for properties of one capability each.
 *
 * A life is a seed of the network, its delays, and 40 commands on four nodes. A command is a fault, or an
 * action of the capability under test. Faults are the same for all capabilities: partitions, silent or with a
 * cut, in both directions or in one; a node that reads slowly; `Node.disconnect`; a node that is killed, and
 * stays dead or restarts. After the commands, everything is healed, the live nodes connect to each other, and
 * everything that was begun must end. Then the property returns its violations.
 */

import { ExitError, ProcessExited } from "../packages/processes/errors.ts";
import { Node } from "../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
} from "../packages/processes/process.ts";
import {
  type Delay,
  SimulatedCluster,
  type SimulatedNodeOptions,
} from "../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../packages/testing/tags.ts";
import fc, { commandOf, PATH, runs, SHRINKS } from "./_seeds.ts";
import { internalsOf } from "../packages/node/start/node_internals.ts";

const NAMES = ["alex", "kate", "moebi", "sophie"];
const STEPS = 40;
const TICK_TIME = 1000;

/** The longest time that silence can go unnoticed: a handshake and a tick time. */
const QUIET = 3 * TICK_TIME;

/** The time in which actors must finish when nothing hinders them, in milliseconds. */
const PATIENCE = 60_000;

const PAUSES = [0, 1, 5, 20, 100, 500, 1500, 3000];

/** The bytes per millisecond that a slow node reads. */
const RATES = [20, 400, 400, Infinity];

const FAULTS = {
  pause: 8,
  part: 1,
  partOneWay: 1,
  cut: 1,
  cutOneWay: 1,
  split: 3,
  heal: 4,
  connect: 3,
  disconnect: 1,
  slow: 1,
  killNode: 1,
  restart: 2,
};

type Fault = keyof typeof FAULTS;

/** A command; the numbers choose the actor and its targets from the existing ones. */
export type Command = readonly [what: string, a: number, b: number, c: number];

export interface Life {
  seed: number;
  delay: Delay;
  commands: readonly Command[];
}

/** A property during one life: its actions, and its violations at rest. */
export interface Scene {
  /** Called when a node has started or restarted. */
  begin(home: Incarnation): void;
  /** Performs an action that is not a fault. */
  act(what: string, a: number, b: number, c: number): void;
  /** Returns the violations at rest, one per line. */
  check(): string[] | Promise<string[]>;
}

/** The promises of a capability, and the actions that lives perform on it. */
export interface Property {
  actions: Record<string, number>;
  /** Other weights of faults. */
  faults?: Partial<Record<Fault, number>>;
  options?: SimulatedNodeOptions;
  /** Whether the nodes start without connections. */
  isApart?: boolean;
  hidden?: readonly string[];
  /** Begins a life. */
  scene(world: World): Scene;
}

/** A node, from its start to its end. */
export interface Incarnation {
  readonly node: string;
  readonly startedAt: number;
  endedAt: number;
  /** When it saw another one go down. */
  readonly downs: { at: number; node: string }[];
}

/** A message, with the time at which it was taken. */
export interface Heard {
  at: number;
  // deno-lint-ignore no-explicit-any
  message: any;
}

/** A scripted process, which executes one command after the other. */
export class Actor {
  readonly id: number;
  readonly home: Incarnation;
  readonly #world: World;
  readonly #orders: [what: string, fn: () => unknown][] = [];
  #wake: (() => void) | undefined;
  #pid: Pid | undefined;
  /** When it exited. */
  endedAt = Infinity;
  /** Its current command. */
  doing: string | undefined;
  /** Its mail, if it takes all of it. */
  readonly heard: Heard[] = [];

  constructor(world: World, id: number, home: Incarnation) {
    this.#world = world;
    this.id = id;
    this.home = home;
  }

  /** Its pid; it must have begun. */
  get pid(): Pid {
    return this.#pid!;
  }

  get isAlive(): boolean {
    return this.#pid !== undefined && this.diedAt === Infinity;
  }

  /** When it exited, or its node stopped. */
  get diedAt(): number {
    return Math.min(this.endedAt, this.home.endedAt);
  }

  /** Whether it has executed all commands. */
  get isIdle(): boolean {
    return !this.isAlive ||
      (this.doing === undefined && this.#orders.length === 0);
  }

  /** Schedules a command after the earlier ones. */
  order(what: string, fn: () => unknown): void {
    this.#orders.push([what, fn]);
    this.#wake?.();
  }

  async #hear(): Promise<never> {
    for (;;) {
      // A guard sees a message at the moment in which it is taken.
      await receive((message) => {
        this.heard.push({ at: this.#world.tick(), message });
        return true;
      });
    }
  }

  async live(hears: boolean): Promise<never> {
    this.#pid = self();
    if (hears) this.#hear().catch(() => {});
    const end = Process.signal();
    end.addEventListener("abort", () => {
      this.endedAt = Math.min(this.endedAt, this.#world.tick());
    });
    for (;;) {
      while (this.#orders.length === 0) {
        this.doing = undefined;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      const [what, fn] = this.#orders.shift()!;
      this.doing = what;
      try {
        await fn();
      } catch (error) {
        const isExit = error instanceof ExitError ||
          error instanceof ProcessExited;
        if (this.endedAt === Infinity && !isExit) {
          this.#world.wrong.push(`${what} by actor ${this.id} threw ${error}`);
        }
        throw error;
      }
    }
  }
}

/** Four nodes and their history. */
export class World {
  readonly cluster: SimulatedCluster;
  /** All nodes, dead ones included. */
  readonly nodes: readonly string[];
  readonly incarnations: Incarnation[] = [];
  readonly actors: Actor[] = [];
  /** The violations so far. */
  readonly wrong: string[] = [];
  readonly #scene: Scene;
  /** The partitions that have not healed. */
  readonly #parted: [left: readonly string[], right: readonly string[]][] = [];
  #moment = 0;

  constructor(
    cluster: SimulatedCluster,
    nodes: readonly string[],
    { scene }: Property,
  ) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.#scene = scene(this);
  }

  /** A moment later than all before. */
  tick(): number {
    return ++this.#moment;
  }

  get live(): string[] {
    return this.nodes.filter((node) => this.home(node).endedAt === Infinity);
  }

  /** The current incarnation of a node, or the last one. */
  home(node: string): Incarnation {
    return this.incarnations.findLast((each) => each.node === node)!;
  }

  liveNode(n: number): string {
    return pick(this.live, n)!;
  }

  liveActor(n: number, where: (actor: Actor) => boolean = () => true) {
    return pick(this.actors.filter((each) => each.isAlive && where(each)), n);
  }

  /** Whether one of two nodes saw the other go down between two moments, or one of them stopped. */
  wasParted(
    one: Incarnation,
    other: Incarnation,
    from: number,
    to: number,
  ): boolean {
    const isDuring = (at: number) => at > from && at < to;
    return [[one, other], [other, one]].some(([near, far]) =>
      isDuring(near.endedAt) ||
      near.downs.some(({ at, node }) => node === far.node && isDuring(at))
    );
  }

  /** Starts an actor, which first runs `first`. */
  actor(home: Incarnation, hears = false, first?: () => unknown): Actor {
    const actor = new Actor(this, this.actors.length, home);
    this.actors.push(actor);
    if (first !== undefined) actor.order("its beginning", first);
    this.cluster.node(home.node).run(() => actor.live(hears)).catch(() => {});
    return actor;
  }

  /** Notes that a node has started. */
  begin(name: string): void {
    const node = this.cluster.node(name);
    const home: Incarnation = {
      node: node.name,
      startedAt: this.tick(),
      endedAt: Infinity,
      downs: [],
    };
    this.incarnations.push(home);
    const { runtime } = internalsOf(node);
    const { nodes } = runtime;
    const noteDown = nodes.down.bind(nodes);
    nodes.down = (down, wasUp, isHidden) => {
      home.downs.push({ at: this.tick(), node: down });
      noteDown(down, wasUp, isHidden);
    };
    this.#scene.begin(home);
  }

  async do([what, a, b, c]: Command): Promise<void> {
    const { cluster } = this;
    if (Object.hasOwn(FAULTS, what)) await this.#strike(what as Fault, a, b);
    else this.#scene.act(what, a, b, c);
    await cluster.advance(0);
  }

  async #strike(fault: Fault, a: number, b: number): Promise<void> {
    const { cluster } = this;
    const one = pick(this.nodes, a)!;
    const other = pick(this.nodes, b)!;
    switch (fault) {
      case "pause":
        return await cluster.advance(pick(PAUSES, a)!);
      case "part":
      case "partOneWay":
      case "cut":
      case "cutOneWay":
        if (one === other) return;
        this.#parted.push([[one], [other]]);
        return cluster.partition([one], [other], {
          mode: fault.startsWith("cut") ? "cut" : "silent",
          oneWay: fault.endsWith("OneWay"),
        });
      case "split": {
        const left = this.nodes.filter((_, i) => (b >> i) % 2 === 0);
        const right = this.nodes.filter((node) => !left.includes(node));
        this.#parted.push([left, right]);
        return cluster.partition(left, right, {
          mode: a % 4 === 0 ? "silent" : "cut",
        });
      }
      case "heal":
        this.#parted.length = 0;
        return cluster.heal();
      case "slow":
        return cluster.slow(one, pick(RATES, b)!);
      case "connect": {
        const node = this.liveNode(a);
        cluster.spawn(node, () => void Node.connect(other));
        return;
      }
      case "disconnect": {
        const node = this.liveNode(a);
        await cluster.run(node, () => Node.disconnect(other));
        return;
      }
      case "killNode":
      case "restart": {
        const isKill = fault === "killNode";
        const home = this.home(one);
        // Two stay alive, so that there are events to observe.
        if (isKill && (home.endedAt < Infinity || this.live.length < 3)) return;
        home.endedAt = Math.min(home.endedAt, this.tick());
        if (isKill) return await cluster.kill(one);
        await cluster.restart(one);
        this.begin(one);
      }
    }
  }

  /** Brings everything to rest; returns the violations. */
  async rest(): Promise<string[]> {
    const { cluster } = this;
    for (const node of this.nodes) cluster.slow(node, Infinity);
    if (this.#parted.length > 0) {
      await cluster.advance(QUIET);
      await this.#checkParted();
    }
    cluster.heal();
    await cluster.advance(QUIET);
    await this.connectAll();
    for (let waited = 0; waited < PATIENCE && !this.#isIdle; waited += 1000) {
      await cluster.advance(1000);
    }
    await cluster.settle();
    const busy = this.actors.filter(({ isIdle }) => !isIdle).map((
      { id, doing },
    ) => `${doing} by actor ${id} has no end`);
    if (busy.length > 0 || this.wrong.length > 0) {
      return [...busy, ...this.wrong];
    }
    return [...await this.#scene.check(), ...this.wrong];
  }

  /** A partition of any kind is noticed at both ends, within a tick time. */
  async #checkParted(): Promise<void> {
    const live = this.live;
    for (const sides of this.#parted) {
      for (const [near, far] of [sides, sides.toReversed()]) {
        for (const node of near.filter((each) => live.includes(each))) {
          const list = await this.cluster.run(
            node,
            () => Node.list("connected"),
          );
          const left = list.filter((each) => far.includes(each));
          if (left.length === 0) continue;
          this.wrong.push(`${node} has not noticed that ${left} are parted`);
        }
      }
    }
  }

  get #isIdle(): boolean {
    return this.actors.every(({ isIdle }) => isIdle);
  }

  async connectAll(): Promise<void> {
    for (const [i, one] of this.live.entries()) {
      for (const other of this.live.slice(i + 1)) {
        // With long delays a handshake may sometimes exceed its time limit.
        let left = 10;
        while (!await this.cluster.run(one, () => Node.connect(other))) {
          if (--left > 0) continue;
          this.wrong.push(`${one} could not connect to ${other}`);
          break;
        }
      }
    }
  }
}

export function pick<T>(list: readonly T[], n: number): T | undefined {
  return list[n % list.length];
}

/** Runs a life; returns the violations and the trace. */
export async function live(
  { seed, delay, commands }: Life,
  property: Property,
): Promise<{ wrong: string[]; trace: () => string[] }> {
  await using cluster = await SimulatedCluster.start({
    nodes: NAMES.map((name) => ({
      name,
      hidden: property.hidden?.includes(name) ?? false,
    })),
    seed,
    delay,
    tickTime: TICK_TIME,
    ...property.options,
    limits: { handshakeTimeout: TICK_TIME, ...property.options?.limits },
  });
  const nodes = NAMES.map((name) => `${name}@localhost`);
  const world = new World(cluster, nodes, property);
  for (const name of nodes) world.begin(name);
  if (!property.isApart) await world.connectAll();
  await cluster.settle();
  for (const command of commands) await world.do(command);
  return { wrong: await world.rest(), trace: () => cluster.trace() };
}

/** Lists of a fixed length, which shrink to any shorter one. */
class FullLists<T> extends fc.Arbitrary<T[]> {
  readonly #full: fc.Arbitrary<T[]>;
  readonly #any: fc.Arbitrary<T[]>;

  constructor(item: fc.Arbitrary<T>, length: number) {
    super();
    this.#full = fc.array(item, {
      minLength: length,
      maxLength: length,
      size: "max",
    });
    this.#any = fc.array(item, { maxLength: length, size: "max" });
  }

  generate(random: fc.Random, bias: number | undefined): fc.Value<T[]> {
    const { value_ } = this.#full.generate(random, bias);
    return new fc.Value(value_, undefined);
  }

  canShrinkWithoutContext(value: unknown): value is T[] {
    return this.#any.canShrinkWithoutContext(value);
  }

  shrink(value: T[], context: unknown): fc.Stream<fc.Value<T[]>> {
    return this.#any.shrink(value, context);
  }
}

/** Lives with the weights of a property. */
export function livesOf({ actions, faults }: Property): fc.Arbitrary<Life> {
  const weights = { ...FAULTS, ...faults, ...actions };
  const command = fc.oneof(
    ...Object.entries(weights).map(([what, weight]) => ({
      weight,
      arbitrary: fc.tuple(
        fc.constant(what),
        fc.nat(15),
        fc.nat(15),
        fc.nat(15),
      ),
    })),
  );
  return fc.record({
    seed: fc.integer(),
    delay: fc.constantFrom(
      { min: 0, max: 0 },
      { min: 1, max: 5 },
      { min: 1, max: 200 },
    ),
    commands: new FullLists(command, STEPS),
  });
}

/** Tests a property over a number of random lives. */
export function livesTest(
  title: string,
  property: Property,
  count: number,
): void {
  const keeps = fc.asyncProperty(livesOf(property), async (life) => {
    const { wrong } = await live(life, property);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  });
  const name = `${title}: random lives`;
  test(name, { timeout: 3_600_000 }, () => assertLives(name, keeps, count));
}

/**
 * Throws if a life violates a property; the error shows the smallest such life, and how to repeat it.
 */
export async function assertLives<T>(
  name: string,
  property: fc.IAsyncProperty<[T]>,
  count: number,
): Promise<void> {
  const found = await fc.check(property, {
    numRuns: runs(count),
    path: PATH,
    endOnFailure: PATH !== undefined || !SHRINKS,
  });
  if (!found.failed) return;
  const { counterexample, counterexamplePath, errorInstance } = found;
  throw new Error(
    `${(errorInstance as Error).message}\nin the life ${
      JSON.stringify(counterexample![0])
    }\nRepeat it: FUZZ_PATH=${counterexamplePath} ${
      commandOf(found.seed)
    } --filter ${JSON.stringify(name)}`,
    { cause: errorInstance },
  );
}
