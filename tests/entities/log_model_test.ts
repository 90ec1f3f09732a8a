/**
 * A model of a log: random sequences of calls and faults, on each store. The model is the list of events; the log of the
 * entity, each read of it and each follower must be as the model says.
 */

import { assert, assertEquals } from "@std/assert";
import {
  Entity,
  EntityError,
  type EntityLogEvent,
  type EntityLogOptions,
  memoryStore,
  sqliteStore,
  type Store,
} from "../../packages/entities/mod.ts";
import { storeThrough } from "../../packages/entities/store_calls.ts";
import { SimulatedCluster } from "../../exports/testing.ts";
import { test } from "../../packages/testing/tags.ts";
import fc, { runs } from "../_seeds.ts";
import { kill, LEASE, startEntities } from "./_clusters.ts";

/** The number of events that the log keeps: so few that most appends remove some. */
const KEEP = 8;

const HOSTS = ["alex", "kate"];
const CALLER = "sophie";

const Diary = Entity.define("diary", {
  state: () => ({ calls: 0 }),
  log: { keep: { events: KEEP } } as EntityLogOptions<number>,
  append(diary, events: number[], isRefused: boolean) {
    diary.state.calls++;
    const numbers = events.map((event) => diary.log.append(event));
    if (isRefused) diary.refuse("planned");
    return numbers;
  },
  /** Appends without a change of the state. */
  note: (diary, event: number) => diary.log.append(event),
  drop: (diary) => diary.delete(),
});

/** The log as it must be. */
class Model {
  first = 1;
  /** All events that were ever appended: event n is at n - 1. */
  readonly events: number[] = [];

  get last(): number {
    return this.events.length;
  }

  append(events: readonly number[]): void {
    const begin = this.last + 1;
    this.events.push(...events);
    // Events of the last write stay.
    const first = Math.min(begin, this.last - KEEP + 1);
    this.first = Math.max(this.first, first);
  }

  drop(): void {
    this.first = this.last + 1;
  }
}

/** A follower, and what it has received. */
interface Follower {
  last: number;
  events: EntityLogEvent<number>[];
  /** The numbers after which it was told of a gap, and the first that is kept. */
  gaps: [after: number, first: number][];
}

/** The nodes, the store between its restarts, and the followers. */
class Real implements AsyncDisposable {
  readonly #cluster: SimulatedCluster;
  readonly #open: () => Store;
  readonly followers: Follower[] = [];
  #store: Store;
  #events = 0;

  private constructor(cluster: SimulatedCluster, open: () => Store) {
    this.#cluster = cluster;
    this.#open = open;
    this.#store = open();
  }

  static async start(open: () => Store): Promise<Real> {
    const cluster = await SimulatedCluster.start({
      nodes: [...HOSTS, CALLER],
      log: () => {},
    });
    const real = new Real(cluster, open);
    for (const node of [...HOSTS, CALLER]) real.#boot(node);
    await cluster.advance(LEASE);
    return real;
  }

  #boot(node: string): void {
    const hosts = HOSTS.includes(node);
    startEntities(this.#cluster, node, {
      store: this.#client(),
      types: [Diary],
      hosts,
      shards: 1,
    });
  }

  /** The store of a node, which does not end with the node. */
  #client(): Store {
    return {
      ...storeThrough(
        this.#store,
        (name, _, args) =>
          (this.#store[name] as (...args: unknown[]) => Promise<unknown>)
            .apply(this.#store, args),
      ),
      close: () => Promise.resolve(),
    };
  }

  /** Runs code on the node that hosts nothing. */
  run<T>(fn: () => Promise<T>): Promise<T> {
    return this.#cluster.run(CALLER, fn);
  }

  newEvent(): number {
    return ++this.#events;
  }

  /** Ends the node that has the entity, and starts it again. */
  async moveAway(isClean: boolean): Promise<void> {
    const pid = await this.run(() => diary().pid());
    const [name] = pid.node.split("@");
    if (isClean) await this.#cluster.stop(name);
    else await this.#cluster.kill(name);
    await this.#cluster.advance(LEASE);
    await this.#cluster.restart(name);
    this.#boot(name);
    await this.#cluster.advance(LEASE);
  }

  async restartStore(): Promise<void> {
    await this.#store.close();
    this.#store = this.#open();
  }

  /** Follows from the event after a number on. */
  follow(after: number): void {
    const follower: Follower = { last: after, events: [], gaps: [] };
    this.followers.push(follower);
    this.#cluster.spawn(CALLER, async () => {
      for (;;) {
        try {
          const { last } = follower;
          for await (const each of diary().log.follow({ after: last })) {
            assertEquals(each.number, follower.last + 1, "a hole");
            follower.events.push(each);
            follower.last = each.number;
          }
        } catch (error) {
          assertGap(error);
          const { first } = error.data as { first: number };
          follower.gaps.push([follower.last, first]);
          follower.last = first - 1;
        }
      }
    });
  }

  /** Asserts that each follower has all, and has missed only what is removed. */
  async assertFollowed(model: Model): Promise<void> {
    await this.#cluster.settle();
    for (let left = 100; left > 0; left--) {
      if (this.followers.every(({ last }) => last === model.last)) break;
      await this.#cluster.advance(LEASE / 10);
    }
    for (const { last, events, gaps } of this.followers) {
      assertEquals(last, model.last, "the last event of a follower");
      for (const { number, event } of events) {
        assertEquals(event, model.events[number - 1], `event ${number}`);
      }
      for (const [after, first] of gaps) {
        assert(after + 1 < first && first <= model.first, "a needless gap");
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
    await this.#store.close();
  }
}

// deno-lint-ignore explicit-function-return-type
function diary() {
  return Diary.get("mine", { timeout: 60_000 });
}

function assertGap(error: unknown): asserts error is EntityError {
  assert(error instanceof EntityError && error.code === "gap", String(error));
}

type Command = fc.AsyncCommand<Model, Real>;

function command(
  name: string,
  run: (model: Model, real: Real) => Promise<void>,
): Command {
  return { check: () => true, run, toString: () => name };
}

function append(count: number, isRefused: boolean): Command {
  return command(
    `append(${count}${isRefused ? ", refused" : ""})`,
    async (model, real) => {
      const events = Array.from({ length: count }, () => real.newEvent());
      const result = await real.run(() =>
        diary().append(events, isRefused).catch(({ code }) => code as string)
      );
      if (isRefused) return assertEquals(result, "refused");
      const from = model.last + 1;
      model.append(events);
      assertEquals(result, events.map((_, i) => from + i));
    },
  );
}

function read(back: number, limit: number): Command {
  return command(`read(${back}, ${limit})`, async (model, real) => {
    const after = Math.max(0, model.last + 2 - back);
    const part = await real.run(() =>
      diary().log.read({ after, limit }).catch((error) => error)
    );
    if (after + 1 < model.first || after > model.last) {
      assertGap(part);
      return assertEquals(part.data, { first: model.first, last: model.last });
    }
    const { first, last, events } = part;
    assertEquals([first, last], [model.first, model.last]);
    assertEquals(
      events.map((
        { number, event }: { number: number; event: number },
      ) => [number, event]),
      model.events.slice(after, after + limit).map((
        event,
        i,
      ) => [after + 1 + i, event]),
    );
  });
}

const COMMANDS: fc.Arbitrary<Command>[] = [
  fc.constant(command("note", async (model, real) => {
    const event = real.newEvent();
    const number = await real.run(() => diary().note(event));
    model.append([event]);
    assertEquals(number, model.last);
  })),
  fc.tuple(fc.integer({ min: 1, max: KEEP + 3 }), fc.nat(4)).map((
    [count, dice],
  ) => append(count, dice === 0)),
  fc.tuple(fc.nat(KEEP + 4), fc.nat(KEEP)).map(([back, limit]) =>
    read(back, limit)
  ),
  fc.nat(KEEP + 2).map((back) =>
    command(`follow(${back})`, async (model, real) => {
      real.follow(Math.max(0, model.last - back));
      await real.assertFollowed(model);
    })
  ),
  fc.constant(command("drop", async (model, real) => {
    await real.run(() => diary().drop());
    model.drop();
  })),
  fc.constant(
    command("kill the process", (_, real) => real.run(() => kill(diary()))),
  ),
  fc.constant(command("kill the owner", (_, real) => real.moveAway(false))),
  fc.constant(command("move", (_, real) => real.moveAway(true))),
  fc.constant(command("restart the store", (_, real) => real.restartStore())),
];

/** Opens the same store again and again: a new one for each run. */
type Opener = () => () => Store;

async function assertModel(opener: Opener): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.commands(COMMANDS, { maxCommands: 15 }),
      async (commands) => {
        const model = new Model();
        await using real = await Real.start(opener());
        await fc.asyncModelRun(() => ({ model, real }), commands);
        await real.assertFollowed(model);
      },
    ),
    { numRuns: runs(60) },
  );
}

test("a log is as its model under random calls and faults, on a store in memory", () =>
  assertModel(() => {
    const store = memoryStore();
    return () => store;
  }));

test("a log is as its model under random calls and faults, on SQLite", async () => {
  const folder = await Deno.makeTempDir();
  let files = 0;
  await assertModel(() => {
    const file = `${folder}/${++files}.db`;
    return () => sqliteStore(file, { sync: false });
  });
  await Deno.remove(folder, { recursive: true });
});
