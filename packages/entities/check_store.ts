/**
 * The contract of a store, as steps that assert it.
 *
 * @module
 */

import {
  checkOptions,
  integerFrom,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { BOUNDS } from "@otp/processes/values/bounds";
import type {
  ShardEpoch,
  Store,
  StoreAppend,
  StoredEvent,
  StoreWrite,
} from "./store.ts";

/** Options for {@linkcode checkStore}. */
export interface CheckStoreOptions {
  /**
   * The number of rounds in which two clients race for the same rows.
   *
   * @default {20}
   */
  rounds?: number;
}

const CHECK_OPTIONS: OptionChecks<CheckStoreOptions> = {
  rounds: integerFrom(1),
};

/**
 * Checks that a store keeps the contract of {@linkcode Store}: run it in a test of your own store.
 *
 * It calls the functions in order, as repeated calls and late ones, and from two clients at once. Each step uses ids
 * of its own, so the store need not be empty.
 *
 * @param open Returns a client of the store; it is called twice, and both must reach the same data.
 * @returns A promise that resolves when all steps have passed, and both clients are closed.
 * @throws {Error} If a step fails: the message says which, and how the result differs.
 *
 * @example A test of a store
 * ```ts
 * import { checkStore, memoryStore } from "@otp/distribution/entities";
 *
 * const store = memoryStore();
 * await checkStore(() => store);
 * ```
 */
export async function checkStore(
  open: () => Store | Promise<Store>,
  options: CheckStoreOptions = {},
): Promise<void> {
  checkOptions(options, "check a store", CHECK_OPTIONS, "{ rounds: 100 }");
  const { rounds = 20 } = options;
  const one = await open();
  const two = await open();
  try {
    await Promise.all([one.open(), two.open()]);
    for (const [name, step] of Object.entries(STEPS)) {
      try {
        await step(await Scene.begin(one, two, rounds));
      } catch (error) {
        throw new Error(
          `Cannot accept the store: ${name}: ${
            error instanceof Error ? error.message : String(error)
          }`,
          { cause: error },
        );
      }
    }
  } finally {
    await one.close();
    if (two !== one) await two.close();
  }
}

/** Ids of one step, with two nodes that have joined, and the two clients. */
class Scene {
  readonly store: Store;
  readonly other: Store;
  readonly rounds: number;
  readonly id: string = crypto.randomUUID().slice(0, 8);
  alex = "";
  kate = "";

  private constructor(store: Store, other: Store, rounds: number) {
    this.store = store;
    this.other = other;
    this.rounds = rounds;
  }

  static async begin(
    store: Store,
    other: Store,
    rounds: number,
  ): Promise<Scene> {
    const scene = new Scene(store, other, rounds);
    scene.alex = await scene.join("alex");
    scene.kate = await scene.join("kate");
    return scene;
  }

  shard(n: number, epoch = 0): ShardEpoch {
    return { shard: `check-${this.id}/${n}`, epoch };
  }

  async join(name: string): Promise<string> {
    const id = `${this.id}-${name}`;
    await this.store.join({ id, name, info: "first" });
    return id;
  }

  write(given: Partial<StoreWrite>): StoreWrite {
    const { shard } = this.shard(0);
    return {
      type: `check-${this.id}`,
      key: "a",
      shard,
      epoch: 1,
      version: 1,
      body: "{}",
      due: null,
      ...given,
    };
  }

  /** Events of a number and on, with these bodies. */
  events(from: number, ...bodies: string[]): StoredEvent[] {
    return bodies.map((body, i) => ({
      number: from + i,
      at: 1000 * (from + i) + 0.5,
      body,
    }));
  }

  /** A write of events alone, of the stream `""` if no other is named. */
  append(
    events: StoredEvent[],
    given: Partial<StoreWrite & StoreAppend> = {},
  ): StoreWrite {
    const { stream = "", trim, ...rest } = given;
    return this.write({
      body: null,
      appends: [{ stream, events, trim }],
      ...rest,
    });
  }

  /** The first and the last number of a stream, and its bodies. */
  async log(key = "a", stream = ""): Promise<unknown[]> {
    const { type } = this.write({});
    const { first, last, events } = await this.other.readLog(
      ...[type, key, stream, 0, 100, 10_000] as const,
    );
    return [first, last, ...events.map(({ body }) => body)];
  }

  async owner(shard: string): Promise<string | undefined> {
    const { shards } = await this.other.view();
    const row = shards.find(({ id }) => id === shard);
    return row && `${row.owner} ${row.epoch}`;
  }
}

function equal(found: unknown, expected: unknown, what: string): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what} is ${one}, not ${other}`);
}

const STEPS: Record<string, (scene: Scene) => Promise<void>> = {
  async "the first value of a setting stays"({ store, other, id }) {
    equal(await store.setting(`check-${id}`, "1"), "1", "the first value");
    equal(await other.setting(`check-${id}`, "2"), "1", "the second");
  },

  async "a beat counts, and returns the nodes and shards"(scene) {
    const { store, other, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const beats: unknown[] = [];
    for (const each of [other, store]) {
      const view = await each.beat(alex, "new");
      beats.push(view?.nodes.find(({ id }) => id === alex)?.beat);
    }
    const grows = ["[0,1]", "[1,2]"].includes(JSON.stringify(beats));
    equal(grows || beats, true, "the growth of the beat that beats return");
    const { nodes, shards, now } = await other.view();
    const node = nodes.find(({ id }) => id === alex);
    equal(
      node && [node.id, node.name, node.info, node.beat],
      [alex, "alex", "new", 2],
      "the node",
    );
    equal(
      shards.filter(({ id }) => id === scene.shard(0).shard).map((
        { owner, epoch },
      ) => [owner, epoch]),
      [[alex, 1]],
      "the shard",
    );
    equal(typeof now, "number", "the type of now");
    equal(Math.abs(now - Date.now()) < 86_400_000, true, "now is about now");
  },

  async "a node that joins again keeps its beat"(scene) {
    const { store, alex } = scene;
    await store.beat(alex, "new");
    await scene.join("alex");
    const { nodes } = await store.view();
    equal(nodes.find(({ id }) => id === alex)?.beat, 1, "the beat");
  },

  async "a node is removed at its beat only, and does not beat afterwards"(
    scene,
  ) {
    const { store, other, alex, kate } = scene;
    await store.beat(alex, "");
    equal(await other.remove(alex, 0), false, "an old beat removes it");
    equal(await store.beat(alex, "") !== undefined, true, "it is there");
    equal(await other.remove(alex, 2), true, "its beat removes it");
    equal(await other.remove(alex, 2), true, "a second removal says so too");
    equal(await store.beat(alex, ""), undefined, "a beat afterwards");
    equal(await store.remove(kate), true, "without a beat it is removed");
  },

  async "a shard has an owner once, until that node is removed"(scene) {
    const { store, other, alex, kate } = scene;
    const shard = scene.shard(0);
    const mine = [scene.shard(0, 1)];
    equal(await store.claim(alex, [shard]), mine, "the first claim");
    equal(await store.claim(alex, [shard]), mine, "the claim repeated");
    equal(await other.claim(kate, [shard]), [], "a claim of another");
    equal(await other.claim(kate, mine), [], "one that knows the epoch");
    await store.remove(alex);
    equal(await other.claim(kate, [shard]), [], "one of an old epoch");
    equal(await other.claim(kate, mine), [scene.shard(0, 2)], "of the new one");
    equal(await store.claim(alex, [scene.shard(0, 2)]), [], "one of the gone");
    equal(await store.claim(alex, [scene.shard(9)]), [], "a new shard for it");
    equal(await scene.owner(shard.shard), `${kate} 2`, "the owner");
  },

  async "a shard is given on, by its owner and at its epoch"(scene) {
    const { store, other, alex, kate } = scene;
    await store.claim(alex, [scene.shard(0), scene.shard(1)]);
    const both = [scene.shard(0, 1), scene.shard(1, 1)];
    equal(await other.give(kate, alex, both), both, "what alex has");
    equal(await store.give(alex, "nobody", both), [], "to one that is gone");
    equal(
      (await store.give(alex, kate, both)).toSorted(byShard),
      [scene.shard(0, 2), scene.shard(1, 2)],
      "the shards given",
    );
    equal(
      await store.give(alex, kate, [both[0]]),
      [scene.shard(0, 2)],
      "the same repeated",
    );
    await other.give(kate, alex, [scene.shard(0, 2)]);
    equal(await store.give(alex, kate, [both[0]]), [], "the same, late");
    equal(await scene.owner(both[0].shard), `${alex} 3`, "the owner");
  },

  async "a write needs the owner and the epoch"(scene) {
    const { store, other, alex, kate } = scene;
    const write = scene.write({});
    equal(await store.write(alex, [write]), ["fenced"], "without a shard");
    await store.claim(alex, [scene.shard(0)]);
    equal(await other.write(kate, [write]), ["fenced"], "of another owner");
    equal(
      await store.write(alex, [scene.write({ epoch: 2 })]),
      ["fenced"],
      "of another epoch",
    );
    equal(await store.load(write.type, "a"), undefined, "what is stored");
    equal(await store.write(alex, [write]), ["stored"], "of the owner");
    await store.give(alex, kate, [scene.shard(0, 1)]);
    const second = scene.write({ version: 2, body: "late" });
    equal(await store.write(alex, [second]), ["fenced"], "of the one before");
    equal(await store.write(alex, [write]), ["fenced"], "its first, again");
    equal(
      await other.write(kate, [{ ...second, epoch: 2, body: "new" }]),
      ["stored"],
      "of the new owner",
    );
    equal(
      await store.load(write.type, "a"),
      { version: 2, body: "new" },
      "the state",
    );
  },

  async "a write needs the version before, and may be repeated"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const put = (version: number, body: string) =>
      store.write(alex, [scene.write({ version, body })]);
    equal(await put(1, "one"), ["stored"], "the first");
    equal(await put(1, "one"), ["stored"], "the first, repeated");
    equal(await put(1, "other"), ["conflict"], "another first");
    equal(await put(2, "two"), ["stored"], "the second");
    equal(await put(1, "one"), ["conflict"], "the first, late");
    equal(await put(4, "four"), ["conflict"], "one too many");
    const { type } = scene.write({});
    equal(await store.load(type, "a"), { version: 2, body: "two" }, "it");
  },

  async "a deletion is a version, and is removed after the next epoch"(scene) {
    const { store, other, alex, kate } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const put = (version: number, body: string) =>
      store.write(alex, [scene.write({ version, body, due: 1 })]);
    const { type } = scene.write({});
    const there = () => other.load(type, "a");
    equal(await put(1, "one"), ["stored"], "a state");
    const gone = scene.write({ version: 2, body: "" });
    equal(await store.write(alex, [gone]), ["stored"], "its deletion");
    equal(await store.write(alex, [gone]), ["stored"], "the same repeated");
    equal(await there(), { version: 2, body: "" }, "the deletion");
    equal(await put(1, "one"), ["conflict"], "the first write, late");
    equal(await put(3, "three"), ["stored"], "a state after the deletion");
    const gones = ["b", "c", "d"].map((key) => scene.write({ key, body: "" }));
    await store.write(alex, gones);
    const { shard } = scene.shard(0);
    equal(await other.clean([shard], 9), 0, "the old ones, removed");
    await store.give(alex, kate, [scene.shard(0, 1)]);
    const new_ = { epoch: 2, version: 2 };
    await store.write(kate, [
      scene.write({ ...new_, key: "b", body: "" }),
      scene.write({ ...new_, key: "c", body: "again" }),
    ]);
    equal(await other.clean([scene.shard(1).shard], 9), 0, "in another shard");
    equal(await other.clean([shard], 0), 0, "at most none");
    equal(await other.clean([shard], 9), 1, "in the shard");
    equal(await store.clean([shard], 9), 0, "the same repeated");
    equal(await other.load(type, "d"), undefined, "the one removed");
    equal(await other.load(type, "b"), { version: 2, body: "" }, "a new one");
    equal(await other.load(type, "c"), { version: 2, body: "again" }, "c");
    equal(await there(), { version: 3, body: "three" }, "another state");
    // Its process may have read the deletion before it was removed.
    const late = scene.write({ ...new_, key: "d", body: "late" });
    equal(await store.write(kate, [late]), ["stored"], "a state after it");
    equal(await store.write(kate, [late]), ["stored"], "the same repeated");
  },

  async "writes of one transaction succeed one by one"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0), scene.shard(1)]);
    await store.write(alex, [scene.write({ key: "conflict" })]);
    const body = 'text with "quotes", \\ and é\u2028\ud83d\ude00 {$1} ?';
    const results = await store.write(alex, [
      scene.write({ key: "stored", body }),
      scene.write({ key: "conflict", version: 7 }),
      scene.write({ key: "fenced", shard: scene.shard(2).shard }),
      scene.write({ key: "old", shard: scene.shard(1).shard, epoch: 9 }),
      scene.write({ key: "also", shard: scene.shard(1).shard }),
    ]);
    equal(
      results,
      ["stored", "conflict", "fenced", "fenced", "stored"],
      "the results",
    );
    const { type } = scene.write({});
    equal(await store.load(type, "stored"), { version: 1, body }, "its body");
    equal(await store.load(type, "fenced"), undefined, "a fenced one");
    equal(await store.write(alex, []), [], "no writes");
  },

  async "events need a state, its version, the owner and the epoch"(scene) {
    const { store, other, alex, kate } = scene;
    const events = scene.events(1, "one");
    const write = scene.append(events);
    const put = (...writes: StoreWrite[]) => store.write(alex, writes);
    equal(await put(write), ["fenced"], "without a shard");
    await store.claim(alex, [scene.shard(0)]);
    equal(await put(write), ["conflict"], "without a state");
    await put(scene.write({}));
    equal(await put({ ...write, version: 2 }), ["conflict"], "a later version");
    equal(await other.write(kate, [write]), ["fenced"], "of another owner");
    equal(await scene.log(), [1, 0], "the log");
    equal(await put(write), ["stored"], "an event");
    await put(scene.write({ version: 2, body: "two" }));
    const second = scene.append(scene.events(2, "two"));
    equal(await put(second), ["conflict"], "an earlier version");
    equal(await put({ ...second, version: 2 }), ["stored"], "its own version");
    await store.give(alex, kate, [scene.shard(0, 1)]);
    const third = scene.append(scene.events(3, "three"), { version: 2 });
    equal(await put(third), ["fenced"], "of the owner before");
    equal(
      await other.write(kate, [{ ...third, epoch: 2 }]),
      ["stored"],
      "of the next",
    );
    equal(await scene.log(), [1, 3, "one", "two", "three"], "the log");
    const { type } = write;
    equal(
      await store.load(type, "a"),
      { version: 2, body: "two" },
      "the state",
    );
  },

  async "numbers are dense, and events may be repeated"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    await store.write(alex, [scene.write({})]);
    const put = (from: number, ...bodies: string[]) =>
      store.write(alex, [scene.append(scene.events(from, ...bodies))]);
    equal(await put(2, "two"), ["conflict"], "the second event first");
    equal(await put(1, "one", "two"), ["stored"], "two events");
    equal(await put(1, "one", "two"), ["stored"], "the same repeated");
    equal(await put(1, "one", "other"), ["conflict"], "others, repeated");
    equal(await put(2, "two", "three"), ["conflict"], "one repeated, one new");
    equal(await put(4, "four"), ["conflict"], "a number too high");
    equal(await put(3, "three"), ["stored"], "the third");
    equal(await put(1, "one", "two"), ["stored"], "the first, late");
    const [event] = scene.events(3, "three");
    const later = scene.append([{ ...event, at: event.at + 1 }]);
    equal(await store.write(alex, [later]), ["conflict"], "of another time");
    equal(await scene.log(), [1, 3, "one", "two", "three"], "the log");
  },

  async "a state and its events are stored together, or not at all"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const { type } = scene.write({});
    const put = (version: number, from: number, body = `${version}`) =>
      store.write(alex, [
        scene.append(scene.events(from, body), { version, body }),
      ]);
    equal(await put(1, 1), ["stored"], "the first");
    equal(await put(1, 1), ["stored"], "the same repeated");
    equal(await put(2, 3), ["conflict"], "a number too high");
    equal(await put(3, 2), ["conflict"], "a version too high");
    equal(await put(2, 1, "1"), ["stored"], "a state whose event is there");
    equal(await put(3, 1), ["conflict"], "another event of that number");
    equal(await scene.log(), [1, 1, "1"], "the log");
    equal(await store.load(type, "a"), { version: 2, body: "1" }, "the state");
    const results = await store.write(alex, [
      scene.append(scene.events(1, "b"), { key: "b", body: "b" }),
      scene.append(scene.events(2, "bad"), { key: "c", body: "c" }),
      scene.append(scene.events(2, "2"), { version: 2 }),
    ]);
    equal(results, ["stored", "conflict", "stored"], "results of a batch");
    equal(await scene.log("b"), [1, 1, "b"], "the log of b");
    equal(await scene.log("c"), [1, 0], "the log of c");
    equal(await store.load(type, "c"), undefined, "the state of c");
    equal(await scene.log(), [1, 2, "1", "2"], "the log of a");
  },

  async "streams have numbers of their own, and end with a state"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const run = (from: number, body: string) => ({
      stream: "run",
      events: scene.events(from, body),
    });
    const put = (given: Partial<StoreWrite>) =>
      store.write(alex, [scene.write(given)]);
    const user = { stream: "", events: scene.events(1, "one") };
    equal(await put({ appends: [user, run(1, "begun")] }), ["stored"], "both");
    equal(
      await put({ body: null, appends: [run(2, "step")] }),
      ["stored"],
      "the run's next",
    );
    equal(
      await put({
        body: null,
        appends: [run(3, "x"), { ...user, events: scene.events(3, "x") }],
      }),
      ["conflict"],
      "one stream that fits, and one that does not",
    );
    equal(await scene.log("a", "run"), [1, 2, "begun", "step"], "the run");
    const end = { version: 2, body: "2", ended: ["run"] };
    equal(await put(end), ["stored"], "the end of the run");
    equal(await put(end), ["stored"], "the same repeated");
    equal(await scene.log("a", "run"), [1, 0], "the run after its end");
    equal(
      await put({ appends: [user, run(1, "begun")] }),
      ["conflict"],
      "late",
    );
    equal(await scene.log("a", "run"), [1, 0], "the run, still");
    equal(await scene.log(), [1, 1, "one"], "the log");
  },

  async "a part of a log has so many events, and so many bytes"(scene) {
    const { store, other, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const body = 'é "quotes" \\ \u2028\ud83d\ude00 {$1} ?';
    const events = scene.events(1, body, "12345", "12345", "6", "7");
    await store.write(alex, [scene.append(events, { body: "{}" })]);
    const { type } = scene.write({});
    const read = async (after: number, limit: number, maxBytes: number) =>
      (await other.readLog(type, "a", "", after, limit, maxBytes)).events
        .map(({ number }) => number);
    const { events: found } = await other.readLog(type, "a", "", 0, 9, 999);
    equal(found, events, "the events");
    equal(await read(0, 2, 999), [1, 2], "at most two");
    equal(await read(1, 9, 10), [2, 3], "of ten bytes");
    equal(await read(1, 9, 11), [2, 3, 4], "of eleven bytes");
    equal(await read(0, 9, 1), [1], "of one byte");
    equal(await read(3, 9, 999), [4, 5], "after a number");
    equal(await read(5, 9, 999), [], "after the last");
    equal(await read(99, 9, 999), [], "after a number to come");
    equal(await read(0, 0, 999), [], "none");
  },

  async "older events are removed by number and by time"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    await store.write(alex, [
      scene.append(scene.events(1, "1", "2", "3", "4", "5"), { body: "{}" }),
    ]);
    const put = (from: number, below: number, since: number) =>
      store.write(alex, [
        scene.append(scene.events(from, `${from}`), { trim: { below, since } }),
      ]);
    equal(await put(6, 2, 0), ["stored"], "below 2");
    equal(await scene.log(), [2, 6, "2", "3", "4", "5", "6"], "the log");
    equal(await put(7, 2, 3000), ["stored"], "before the time of the third");
    equal(await scene.log(), [3, 7, "3", "4", "5", "6", "7"], "the log");
    equal(await put(8, 4, 5000), ["stored"], "both, the time is more");
    equal(await scene.log(), [5, 8, "5", "6", "7", "8"], "the log");
    equal(await put(9, 7, 6000), ["stored"], "both, the number is more");
    equal(await scene.log(), [7, 9, "7", "8", "9"], "the log");
    equal(await put(8, 9, 0), ["stored"], "one repeated, that trimmed less");
    equal(await put(9, 9, 1e12), ["stored"], "one repeated, that trims more");
    equal(await scene.log(), [7, 9, "7", "8", "9"], "the log");
    equal(await put(3, 0, 0), ["conflict"], "one that was removed, late");
    equal(await put(10, 10, 1e12), ["stored"], "all but its own");
    equal(await scene.log(), [10, 10, "10"], "the log");
  },

  async "a deletion removes events, and their numbers are not given again"(
    scene,
  ) {
    const { store, other, alex, kate } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const put = (...writes: StoreWrite[]) => store.write(alex, writes);
    const first = scene.append(scene.events(1, "1", "2"), { body: "{}" });
    await put({
      ...first,
      appends: [...first.appends!, {
        stream: "run",
        events: scene.events(1, "x"),
      }],
    });
    await put(scene.append(scene.events(1, "b"), { key: "b", body: "{}" }));
    const gone = scene.write({ version: 2, body: "" });
    equal(await put(gone), ["stored"], "the deletion");
    equal(await put(gone), ["stored"], "the same repeated");
    equal(await scene.log(), [3, 2], "the log after it");
    equal(await scene.log("a", "run"), [1, 0], "another stream after it");
    equal(await scene.log("b"), [1, 1, "b"], "the log of another key");
    equal(await put(first), ["conflict"], "the first write, late");
    await store.give(alex, kate, [scene.shard(0, 1)]);
    equal(await other.clean([scene.shard(0).shard], 9), 1, "the old deletion");
    equal(await scene.log(), [3, 2], "the log without it");
    const again = (from: number) =>
      scene.append(scene.events(from, "new"), { epoch: 2, body: "{}" });
    equal(
      await store.write(kate, [again(1)]),
      ["conflict"],
      "a number of before",
    );
    equal(await store.write(kate, [again(3)]), ["stored"], "the next number");
    equal(await scene.log(), [3, 3, "new"], "the new log");
    const next = scene.append(scene.events(4, "4"), {
      ...{ epoch: 2, trim: { below: 4, since: 0 } },
    });
    equal(await store.write(kate, [next]), ["stored"], "another, which trims");
    equal(await scene.log(), [4, 4, "4"], "the log at the end");
  },

  async "a statement that fails undoes its own write alone"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const statements = [{ text: "no statement", params: [] }];
    const events = scene.events(1, "one");
    const bad = scene.append(events, { key: "b", body: "b", statements });
    const [before, failed, after] = await store.write(alex, [
      scene.write({}),
      bad,
      scene.write({ key: "c" }),
    ]);
    equal([before, after], ["stored", "stored"], "the results of the others");
    equal(typeof failed === "object" && typeof failed.error, "string", "it");
    const { type } = bad;
    equal(await store.load(type, "b"), undefined, "the state of b");
    equal(await scene.log("b"), [1, 0], "the log of b");
    const late = { ...bad, epoch: 2 };
    equal(await store.write(alex, [late]), ["fenced"], "of another epoch");
    const plain = scene.append(events, { key: "b", body: "b" });
    equal(await store.write(alex, [plain]), ["stored"], "without it");
    equal(await store.write(alex, [bad]), ["stored"], "one that is stored");
    const { version } = (await store.load(type, "c"))!;
    equal(version, 1, "the version of c");
  },

  async "the longest type and key are stored"(scene) {
    const { store, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const { type } = scene.write({});
    // Of three bytes each, and an index cannot compress them.
    const key = String.fromCharCode(
      ...Array.from(
        { length: BOUNDS.entityKey },
        (_, n) => 0x4e00 + n * n % 20_000,
      ),
    );
    const longest = scene.write({ type: type.padEnd(100, "-"), key });
    const stream = "s".repeat(64);
    const appends = [{ stream, events: scene.events(1, "e") }];
    equal(await store.write(alex, [{ ...longest, appends }]), ["stored"], "it");
  },

  async "alarms are found by shard and time, the earliest first"(scene) {
    const { store, other, alex } = scene;
    const shards = [scene.shard(0).shard, scene.shard(1).shard];
    await store.claim(alex, [scene.shard(0), scene.shard(1)]);
    await store.write(alex, [
      scene.write({ key: "late", due: 2_000_000_000_000.5 }),
      scene.write({ key: "soon", due: 1000 }),
      scene.write({ key: "other", due: 500, shard: shards[1] }),
      scene.write({ key: "none" }),
    ]);
    const keys = async (of: string[], before: number, limit = 10) =>
      (await other.due(of, before, limit)).map(({ key }) => key);
    equal(await keys(shards, 1000), ["other", "soon"], "those that are due");
    equal(await keys(shards, 999), ["other"], "before that");
    equal(await keys([shards[0]], 3e12), ["soon", "late"], "those of a shard");
    equal(await keys(shards, 3e12, 1), ["other"], "the first");
    equal(await keys([], 3e12), [], "of no shards");
    const [{ due, shard, type }] = await other.due([shards[1]], 1000, 1);
    equal(
      [due, shard, type],
      [500, shards[1], scene.write({}).type],
      "an alarm",
    );
    await store.write(alex, [scene.write({ key: "soon", version: 2 })]);
    equal(await keys([shards[0]], 3e12), ["late"], "after one was cleared");
  },

  async "keys are in the order of their bytes, after one, with a prefix"(
    scene,
  ) {
    const { store, other, alex } = scene;
    await store.claim(alex, [scene.shard(0)]);
    const { type } = scene.write({});
    const sorted = [
      ...["%", "A", "B_", "a", "a%", "a/1", "a/10", "a/2", "aa", "b", "\u00e4"],
      ...["\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}1"],
    ];
    const writes = sorted.toReversed().map((key) => scene.write({ key }));
    await store.write(alex, writes);
    await store.write(alex, [scene.write({ type: `${type}x`, key: "a3" })]);
    const list = (after: string, prefix = "", limit = 100) =>
      other.keys(type, after, prefix, limit);
    equal(await list(""), sorted, "the list");
    equal(await list("a", "", 3), ["a%", "a/1", "a/10"], "a page");
    equal(await list("", "a/"), ["a/1", "a/10", "a/2"], "those of a prefix");
    equal(await list("a/1", "a/", 1), ["a/10"], "the next of a prefix");
    equal(await list("a/10", "a"), ["a/2", "aa"], "those after it");
    equal(await list("b", "a"), [], "those after all of a prefix");
    equal(await list("", "_"), [], "those of a prefix that nobody has");
    for (const key of sorted.slice(-5)) {
      const [first] = key;
      equal(await list("", first), [key], `those of ${JSON.stringify(first)}`);
    }
    await store.write(alex, [
      scene.write({ key: "a/1", version: 2, body: "" }),
    ]);
    equal(await list("", "a/"), ["a/10", "a/2"], "the list without a deletion");
  },

  async "of two claims at once, one wins"(scene) {
    const { store, other, rounds, alex, kate } = scene;
    for (let n = 0; n < rounds; n++) {
      const shard = scene.shard(n);
      const [one, two] = await Promise.all([
        store.claim(alex, [shard]),
        other.claim(kate, [shard]),
      ]);
      equal(one.length + two.length, 1, "the number of owners");
      const winner = one.length === 1 ? alex : kate;
      equal(await scene.owner(shard.shard), `${winner} 1`, "the owner");
    }
  },

  async "of a beat and a removal at once, one wins"(scene) {
    const { store, other, rounds } = scene;
    for (let n = 0; n < rounds; n++) {
      const id = await scene.join(`node-${n}`);
      const [view, gone] = await Promise.all([
        store.beat(id, ""),
        other.remove(id, 0),
      ]);
      equal(view === undefined, gone, "a node that has not beaten is gone");
      equal(
        (await store.beat(id, "")) === undefined,
        gone,
        "and stays so",
      );
    }
  },

  async "no write is stored under an epoch that is over"(scene) {
    const { store, other, rounds } = scene;
    let [owner, next] = [scene.alex, scene.kate];
    const { type, shard } = scene.write({});
    await store.claim(owner, [scene.shard(0)]);
    let version = 0;
    for (let epoch = 1; epoch <= rounds; epoch++) {
      // The owner writes while its shard is given on: the write is in what the next owner reads, or fenced.
      const body = `${epoch}`;
      const events = scene.events(version + 1, body);
      const [[result], [loaded, { last }]] = await Promise.all([
        store.write(owner, [
          scene.append(events, { epoch, version: version + 1, body }),
        ]),
        other.give(owner, next, [{ shard, epoch }]).then(() =>
          Promise.all(
            [
              other.load(type, "a"),
              other.readLog(type, "a", "", version, 1, 1),
            ] as const,
          )
        ),
      ]);
      if (result === "stored") version++;
      equal(loaded?.version ?? 0, version, `version after a ${result} write`);
      equal(last, version, `the last number after a ${result} write`);
      [owner, next] = [next, owner];
    }
  },

  async "many writes at once do not block each other"(scene) {
    const { store, other, rounds, alex } = scene;
    const shards = [0, 1, 2, 3].map((n) => scene.shard(n));
    await store.claim(alex, shards);
    const batch = (client: string, n: number) =>
      shards.toReversed().map(({ shard }, i) =>
        scene.write({ shard, key: `${client}-${n}-${i}` })
      );
    const results = await Promise.all(
      Array.from({ length: rounds }, (_, n) => [
        store.write(alex, batch("one", n)),
        other.write(alex, batch("two", n).toReversed()),
      ]).flat(),
    );
    equal(
      new Set(results.flat()).size === 1 && results[0][0],
      "stored",
      "each result",
    );
  },
};

function byShard(one: ShardEpoch, other: ShardEpoch): number {
  return one.shard < other.shard ? -1 : 1;
}
