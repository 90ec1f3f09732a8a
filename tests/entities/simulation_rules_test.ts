/**
 * The rules of `simulate` for logs, steps, alarms and statements. Orders keep them in random lives; errors that are planted
 * between the nodes and their store, or in the database, break them.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { EntityError } from "../../packages/entities/mod.ts";
import { storeThrough } from "../../packages/entities/store_calls.ts";
import { ENDED, type StoredRun } from "../../packages/entities/runs.ts";
import type {
  Store,
  StoreAppend,
  StoredEvent,
  StoreWrite,
  StreamPart,
} from "../../packages/entities/store.ts";
import {
  Life,
  planOf,
  type Plant,
  WRITE_POINTS,
  WRITES,
} from "../../packages/testing/simulation/life.ts";
import {
  settingsOf,
  simulate,
} from "../../packages/testing/simulation/simulate.ts";
import type { SimulateOptions } from "../../exports/testing.ts";
import { test } from "../../packages/testing/tags.ts";
import { runs, SEED, SHRINKS } from "../_seeds.ts";
import { BURSTS, Order, ORDERS, ORDERS_BACK } from "./_orders.ts";

/** The most lives in which an error must be found. */
const LIVES = 12;

/** An error: what is wrong in the store of the nodes or in the database, and how a life says it. */
interface Planted {
  store?: Plant;
  database?: Plant;
  found: RegExp;
  /** @default {ORDERS} */
  lives?: SimulateOptions;
}

/** A store that changes each write. */
function writes(change: (write: StoreWrite) => StoreWrite): Plant {
  return (store) => ({
    ...storeThrough(store, (_, call) => call()),
    write: (owner, all) => store.write(owner, all.map(change)),
  });
}

/** A store that changes the appends to some streams. */
function appends(
  isChosen: (stream: string) => boolean,
  change: (events: readonly StoredEvent[]) => StoredEvent[],
): Plant {
  return writes((write) => ({
    ...write,
    appends: write.appends?.map((append: StoreAppend) =>
      isChosen(append.stream)
        ? { ...append, events: change(append.events) }
        : append
    ),
  }));
}

/** A store that changes each form of an entity. */
function forms(change: (form: { a?: unknown; j?: unknown[] }) => void): Plant {
  return writes((write) => {
    if (!write.body) return write;
    const form = JSON.parse(write.body);
    change(form);
    return { ...write, body: JSON.stringify(form) };
  });
}

/** A store that changes each part of a log that is read. */
function parts(
  change: (part: StreamPart, after: number, limit: number) => StreamPart,
): Plant {
  return (store) => ({
    ...storeThrough(store, (_, call) => call()),
    readLog: async (...args) => {
      const part = await store.readLog(...args);
      const [, , stream, after, limit] = args;
      return stream === "" ? change(part, after, limit) : part;
    },
  });
}

/** A database that says of a conflict that it is stored. */
function lenient(store: Store): Store {
  return {
    ...storeThrough(store, (_, call) => call()),
    write: async (owner, all) =>
      (await store.write(owner, all)).map((result) =>
        result === "conflict" ? "stored" : result
      ),
  };
}

/** Returns events and the last one again, under the next number. */
function withLastTwice(events: readonly StoredEvent[]): StoredEvent[] {
  const last = events.at(-1)!;
  return [...events, { ...last, number: last.number + 1 }];
}

const isLog = (stream: string) => stream === "";
const isEnds = (stream: string) => stream === ENDED;
const isJournal = (stream: string) => !isLog(stream) && !isEnds(stream);

/** An owner that begins a log with another number than the next. */
function startsAt(offset: number): Planted["store"] {
  return parts((part, _, limit) =>
    limit === 0 && part.last > 0 ? { ...part, last: part.last + offset } : part
  );
}

const PLANTED: Record<string, Planted> = {
  "a new owner gives the last number again": {
    store: startsAt(-1),
    database: lenient,
    found: /in the log .* the number \d+ is given to two events/,
  },
  "a new owner leaves out a number": {
    store: startsAt(1),
    database: lenient,
    found: /in the log of the \w+ "\w", event \d+ follows/,
  },
  "a result leaves, and its event is never written": {
    store: (store) => ({
      ...storeThrough(store, (_, call) => call()),
      write: async (owner, all) =>
        all.every(({ body }) => body === null)
          ? all.map(() => "stored")
          : await store.write(owner, all),
    }),
    found: /the store has not all that it has asked for/,
  },
  "a deletion is answered, and never written": {
    store: (store) => ({
      ...storeThrough(store, (_, call) => call()),
      write: async (owner, all) =>
        all.every(({ body }) => body === "")
          ? all.map(() => "stored")
          : await store.write(owner, all),
    }),
    found: /the store has not all that it has asked for: .* clear\(/,
  },
  "a call that refuses keeps its event": {
    store: appends(isLog, withLastTwice),
    database: lenient,
    found: /event \d+ is of no method that has ended well/,
  },
  "a reader misses an event": {
    store: parts((part) => ({ ...part, events: part.events.toSpliced(1, 1) })),
    found: /a reader of the log .* gets event \d+ after/,
  },
  "a reader gets an event that is not stored": {
    store: parts((part) => ({
      ...part,
      events: part.events.map((event) => ({ ...event, body: '"other"' })),
    })),
    found: /which the store has never had/,
  },
  "a reader is told of a gap, and nothing is missing": {
    store: parts((part, after, limit) =>
      limit > 0 && after >= part.last ? { ...part, last: after - 1 } : part
    ),
    found: /has a gap after/,
  },
  "a step counts twice": {
    store: appends(isJournal, withLastTwice),
    database: lenient,
    found: /of the run \S+ of the order "\w" counts twice/,
  },
  "a step begins before the end of another is stored": {
    store: (store) => ({
      ...storeThrough(store, (_, call) => call()),
      write: async (owner, all) =>
        all.every(({ body, appends = [] }) =>
            body === null && appends.every(({ stream }) => isJournal(stream))
          )
          ? all.map(() => "stored")
          : await store.write(owner, all),
    }),
    database: lenient,
    found: /begins, and the store has not the steps before/,
  },
  "nothing wakes a run that is asleep": {
    store: forms(({ j: [_, ...runs] = [] }) => {
      for (const run of runs as StoredRun[]) run.w = null;
    }),
    found: /nothing wakes the run/,
  },
  "a run ends twice": {
    store: appends(isEnds, withLastTwice),
    database: lenient,
    found: /ends twice/,
  },
  "a run is forgotten": {
    store: forms((form) => form.j?.splice(2, 1)),
    found: /the run \S+ of the order "\w" is lost/,
  },
  "an alarm is never stored": {
    store: forms((form) => delete form.a),
    found: /the store has not all that it has asked for/,
  },
  "an alarm is forgotten": {
    store: (store) => {
      let forgets = false;
      return forms((form) => {
        forgets = !forgets;
        if (forgets) delete form.a;
      })(store);
    },
    found: /the alarm "alarm \d" of the order "\w" is lost/,
  },
  "a state has the alarms of the one before": {
    store: (store) => {
      let before: unknown;
      return forms((form) => {
        const now = form.a;
        form.a = before;
        before = now;
      })(store);
    },
    lives: BURSTS,
    found: /the alarms of a state, .*, are not those that its methods leave/,
  },
  "a state has an alarm that a call before it has cleared": {
    store: forms((form) => {
      if (form.a === undefined) form.a = [["alarm 0", 1, null]];
    }),
    lives: BURSTS,
    found: /the alarms of a state, .*, are not those that its methods leave/,
  },
  "a row is not due": {
    store: writes((write) => ({ ...write, due: null })),
    found: /and is stored for null/,
  },
  "nobody looks for what is due": {
    store: (store) => ({
      ...storeThrough(store, (_, call) => call()),
      due: () => Promise.resolve([]),
    }),
    found: /is due, and no node runs it/,
  },
  "a state is stored without its statement": {
    store: writes((write) => ({ ...write, statements: undefined })),
    found: /without the statements of its methods/,
  },
  "a statement is of no method": {
    store: writes((write) => ({
      ...write,
      statements: write.statements?.map((each) => ({ ...each, params: [0] })),
    })),
    found: /the statement .* is of no method that has ended well/,
  },
  "the database runs a statement twice": {
    database: writes((write) => ({
      ...write,
      statements: write.statements?.flatMap((each) => [each, each]),
    })),
    found: /and accepts no state with it/,
  },
  "the database leaves out a statement": {
    database: writes((write) => ({ ...write, statements: undefined })),
    found: /it does not run the statement/,
  },
};

test("orders keep the rules of logs, steps, alarms and statements under all faults", async () => {
  const seeds = Array.from({ length: runs(20) }, (_, n) => SEED + n);
  await simulate({ ...ORDERS, seeds, shrinks: SHRINKS });
});

test("a statement that the store has lost may come again", async () => {
  await simulate({
    ...ORDERS_BACK,
    seeds: [400181, 503467, 506933],
    shrinks: SHRINKS,
  });
});

test("calls of one key at the same time keep the rules, as if each had its write", async () => {
  const seeds = Array.from({ length: runs(20) }, (_, n) => SEED + n);
  await simulate({ ...BURSTS, seeds, shrinks: SHRINKS });
});

for (const [name, planted] of Object.entries(PLANTED)) {
  const { found, lives = ORDERS, ...plant } = planted;
  test(`simulate() finds a planted error: ${name}`, async () => {
    const settings = settingsOf(lives);
    let broken = "";
    for (let seed = 1; seed <= LIVES && !found.test(broken); seed++) {
      const life = new Life(seed, settings, plant);
      broken += `${await life.live(planOf(seed, settings))}\n`;
    }
    assertMatch(broken, found);
  });
}

/** One run of an order, and the end of each node at one of its writes. */
async function shipWithKills(
  point: number,
  left: number,
  later: number,
): Promise<Life> {
  const { callers, nodes, ...settings } = settingsOf({
    ...ORDERS,
    async work(client) {
      for (let isDone = false; !isDone;) {
        try {
          const options = { id: "ship", timeout: settings.lease };
          const run = await client.get(Order, "a", options).ship("one", 301);
          await run.result({ timeout: settings.lease });
          isDone = true;
        } catch (error) {
          if (!(error instanceof EntityError)) throw error;
        }
      }
    },
    async finally(life) {
      const state = await life.stored(Order, "a");
      assertEquals(state, { paid: 0, shipped: 1, rung: 0 });
      assertEquals(life.statements.map(({ params }) => params), [["one"]]);
      await life.run(async (client) => {
        const { events } = await client.get(Order, "a").log.read();
        assertEquals(events.map(({ event }) => event), ["one"]);
      });
    },
  });
  const seed = point + WRITE_POINTS.length * (left + WRITES * later);
  const plan = [
    ...nodes.map((node) => ({ at: 0, what: "write kill" as const, node })),
    { at: 1, what: "work" as const, node: callers[0] },
  ].map((step) => ({ ...step, ms: settings.lease, seed }));
  const life = new Life(1, { ...settings, callers, nodes });
  assertEquals(
    await life.live(plan),
    undefined,
    JSON.stringify(life.story, null, 1),
  );
  return life;
}

test("a run counts its steps once if its node is killed at any point of any write, and within its steps", async () => {
  const killed = (life: Life) =>
    life.story.some(({ text }) => text.includes("is killed"));
  for (const [point, name] of WRITE_POINTS.entries()) {
    let writes = 0;
    while (killed(await shipWithKills(point, writes, 100))) writes++;
    assert(writes >= 5, `${name}: ${writes} writes`);
  }
});
