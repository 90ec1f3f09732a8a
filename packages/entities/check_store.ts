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
import type { ShardEpoch, Store, StoreWrite } from "./store.ts";

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
    equal(await store.write(alex, [longest]), ["stored"], "the result");
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
      // The owner writes while its shard is given on: the write is in the state that the next owner reads, or fenced.
      const [[result], loaded] = await Promise.all([
        store.write(owner, [
          scene.write({ epoch, version: version + 1, body: `${epoch}` }),
        ]),
        other.give(owner, next, [{ shard, epoch }])
          .then(() => other.load(type, "a")),
      ]);
      if (result === "stored") version++;
      equal(loaded?.version ?? 0, version, `version after a ${result} write`);
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
