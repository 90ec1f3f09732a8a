/** Calls of one key that come together share a write, and writes of several keys share a transaction. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Entity,
  EntityError,
  type EntityMessage,
  type Store,
  type StoreWrite,
  type WriteResult,
} from "../../packages/entities/mod.ts";
import { Process, receive } from "../../packages/processes/process.ts";
import { HeldAnswers } from "../../packages/entities/held_answers.ts";
import type { From } from "../../packages/servers/gen_server/gen_server.ts";
import { test } from "../../packages/testing/tags.ts";
import fc, { runs } from "../_seeds.ts";
import { failureOf, startNodes } from "./_clusters.ts";

const released = Promise.withResolvers<void>();

const Till = Entity.define("till", {
  state: () => ({ cents: 0, lines: [] as string[] }),
  log: {},
  pay(till, cents: number) {
    till.state.cents += cents;
    till.broadcast(till.state.cents);
    return till.log.append({ cents });
  },
  note(till, line: string) {
    till.state.lines.push(line);
    return till.state.lines;
  },
  cents: (till) => till.state.cents,
  say: (till, text: string) => till.broadcast(text),
  list: (till, length: number) => {
    till.state.cents++;
    return Array.from({ length }, (_, n) => n);
  },
  refuse(till) {
    till.state.cents = -1;
    till.log.append({ cents: -1 });
    till.broadcast("refused");
    till.refuse(`there are ${till.state.lines.length} lines`);
  },
  crash(till) {
    till.state.cents = -1;
    till.log.append({ cents: -1 });
    throw new RangeError("out of paper");
  },
  async wait(till) {
    till.state.cents += 1000;
    await released.promise;
    till.log.append({ cents: 1000 });
    return till.state.cents;
  },
  send(till, text: string) {
    till.state.cents += 10_000;
    till.sql(text);
    return till.log.append({ cents: 10_000 });
  },
  empty: (till) => till.delete(),
  close(till) {
    till.state.cents += 100_000;
    till.stop();
  },
  async later(till, cents: number) {
    till.state.cents += cents;
    till.log.append({ cents });
    await undefined;
    till.broadcast(cents);
    return till.log.append({ cents });
  },
  remind(till, name: string, at: number | null) {
    till.alarm(name, at);
    till.state.lines.push(name);
    if (till.state.lines.length > 8) till.refuse("too many");
  },
  alarm() {},
  spoil(till) {
    till.state.cents = NaN;
    return till.log.append({ cents: -1 });
  },
  unsendable: () => () => 1,
  print: (till, length: number) => {
    till.state.cents++;
    return "x".repeat(length);
  },
}, { maxRestarts: 100_000 });

/** A till whose state is made of its events. */
const Sum = Entity.define("sum", {
  state: () => ({ cents: 0, name: "" }),
  apply(sum, event: { cents: number }) {
    sum.cents += event.cents;
  },
  pay: (sum, cents: number) => sum.log.append({ cents }),
  rename(sum, name: string) {
    sum.state.name = name;
  },
  async payLater(sum, cents: number) {
    sum.log.append({ cents });
    await undefined;
    return sum.log.append({ cents });
  },
});

const till = Till.get("t");
const sum = Sum.get("t");

function withId(id: string) {
  return Till.get("t", { id });
}

/** The writes of a till, and the first one's hold-up: calls wait until it goes on. */
interface Held {
  writes: StoreWrite[];
  store: Store;
  /** Makes calls that all wait in the mailbox, and lets the write of before go on. */
  together(
    ...calls: (() => PromiseLike<unknown>)[]
  ): Promise<PromiseSettledResult<unknown>[]>;
}

/** Runs a test with a store whose first write waits; `result` is the result of the second write. The first call pays 1. */
async function withHeld(
  fn: (held: Held) => Promise<void>,
  result?: WriteResult,
  paid: () => Pick<typeof till | typeof sum, "pay" | "pid"> = () => till,
): Promise<void> {
  const { cluster, store } = await startNodes({
    alex: { types: [Till, Sum], shards: 1 },
  });
  await using _ = cluster;
  const write = store.write.bind(store);
  const began = Promise.withResolvers<void>();
  const mayGoOn = Promise.withResolvers<void>();
  const writes: StoreWrite[] = [];
  store.write = async (owner, batch) => {
    writes.push(...batch);
    began.resolve();
    if (writes.length === 1) await mayGoOn.promise;
    return writes.length === 2 && result !== undefined
      ? [result]
      : await write(owner, batch);
  };
  await cluster.run("alex", () =>
    fn({
      writes,
      store,
      async together(...calls) {
        const pid = await paid().pid();
        const first = paid().pay(1);
        await began.promise;
        const all = calls.map((call) => call());
        while ((await Process.info(pid))!.messageQueueLen < calls.length) {
          // safe: virtual time.
          await Process.sleep(1);
        }
        mayGoOn.resolve();
        assertEquals(await first, 1);
        return await Promise.allSettled(all);
      },
    }));
}

/** Says how calls have ended: with a value, or with the code and the message of an error. */
function ends(results: PromiseSettledResult<unknown>[]): unknown[] {
  return results.map((result) => {
    if (result.status === "fulfilled") return result.value;
    if (!(result.reason instanceof EntityError)) throw result.reason;
    return [result.reason.code, result.reason.mayHaveRun];
  });
}

async function events(): Promise<unknown[]> {
  const { events } = await till.log.read();
  return events.map(({ number, event }) => [
    number,
    (event as { cents: number }).cents,
  ]);
}

test("calls of a key that wait for a write have the next write together", () =>
  withHeld(async ({ writes, together }) => {
    const results = await together(
      () => till.pay(2),
      () => till.note("a"),
      () => till.refuse(),
      () => till.note("b"),
      () => till.cents(),
      () => till.pay(4),
    );
    assertEquals(ends(results), [
      2,
      ["a"],
      ["refused", false],
      ["a", "b"],
      3,
      3,
    ]);
    const refusal = results[2] as PromiseRejectedResult;
    assertStringIncludes(refusal.reason.message, "there are 1 lines");
    assertEquals(writes.length, 2);
    assertEquals(await events(), [[1, 1], [2, 2], [3, 4]]);
    assertEquals(await till.cents(), 7);
  }));

test("a call that throws ends alone: those before it are stored, and those after it run", () =>
  withHeld(async ({ together }) => {
    const results = await together(
      () => till.pay(2),
      () => till.crash(),
      () => till.pay(4),
    );
    assertEquals(ends(results), [2, ["crashed", false], 3]);
    assertEquals(await events(), [[1, 1], [2, 2], [3, 4]]);
    assertEquals(await till.cents(), 7);
  }));

test("a call that awaits does not hold up the answers of those before it", () =>
  withHeld(async ({ writes, together }) => {
    const waiting: PromiseLike<unknown>[] = [];
    const paid = Promise.withResolvers<unknown>();
    const results = together(
      () => {
        const pay = till.pay(2);
        void pay.then(paid.resolve);
        return pay;
      },
      () => (waiting.push(till.wait()), waiting[0]),
      () => till.pay(4),
    );
    assertEquals(await paid.promise, 2);
    assertEquals(writes.map(({ body }) => JSON.parse(body!).s.cents), [1, 3]);
    released.resolve();
    assertEquals(ends(await results), [2, 1003, 4]);
    assertEquals(await events(), [[1, 1], [2, 2], [3, 1000], [4, 4]]);
  }));

test("a state that is made of events has those of its number, beside a call that awaits", () =>
  withHeld(
    async ({ writes, together }) => {
      const results = await together(
        () => sum.pay(2),
        () => sum.rename("tea"),
        () => sum.payLater(4),
      );
      assertEquals(ends(results), [2, undefined, 4]);
      const stored = writes.map(({ body }) => JSON.parse(body ?? "{}"));
      assertEquals(
        stored.map(({ s, l }) => [s?.cents, l]),
        [[1, 1], [3, 2], [undefined, undefined]],
      );
    },
    undefined,
    () => sum,
  ));

test("a call whose statement fails ends alone, and a deletion deletes what was before it", () =>
  withHeld(async ({ together }) => {
    const results = await together(
      () => till.pay(2),
      () => till.send("SELECT of nothing"),
      () => till.pay(4),
      () => till.empty(),
      () => till.pay(8),
    );
    assertEquals(ends(results), [2, ["sql", false], 3, undefined, 4]);
    assertEquals(await events(), [[4, 8]]);
    assertEquals(await till.cents(), 8);
  }));

test("a write that is refused fails all of its calls, and nothing of them is stored", () =>
  withHeld(async ({ together }) => {
    const results = await together(
      () => till.pay(2),
      () => till.refuse(),
      () => till.pay(4),
    );
    assertEquals(ends(results), [
      ["unknown", true],
      ["unknown", true],
      ["unknown", true],
    ]);
    assertEquals(await events(), [[1, 1]]);
    await failureOf(till.refuse(), "there are 0 lines");
    assertEquals(await till.cents(), 1);
  }, "conflict"));

test("a reply that cannot be sent is the error of its call, and of no other", () =>
  withHeld(async ({ writes, together }) => {
    const results = await together(
      () => till.pay(2),
      () => till.unsendable(),
      () => till.pay(4),
    );
    assertEquals(ends(results), [2, ["unknown", true], 3]);
    const { reason } = results[1] as PromiseRejectedResult;
    assertStringIncludes(reason.message, "could not answer: Cannot send");
    assertEquals(writes.length, 2);
  }));

test("the id of a call whose state cannot be stored is not stored with the calls before it", () =>
  withHeld(async ({ writes, together }) => {
    const spoil = () => withId("spoil").spoil();
    const results = await together(
      () => withId("pay").pay(2),
      spoil,
      () => withId("pay").pay(2),
      () => till.pay(4),
    );
    assertEquals(ends(results), [2, ["crashed", false], 2, 3]);
    assertEquals(writes.length, 3);
    await failureOf(spoil(), "the state.cents, which is NaN");
    assertEquals(await events(), [[1, 1], [2, 2], [3, 4]]);
  }));

test("writes of keys that are called at the same time are one transaction, again and again", async () => {
  const { cluster, store } = await startNodes({
    alex: { types: [Till], shards: 1 },
  });
  await using _ = cluster;
  const write = store.write.bind(store);
  const batches: number[] = [];
  store.write = (owner, batch) => {
    batches.push(batch.length);
    return write(owner, batch);
  };
  await cluster.run("alex", async () => {
    const tills = Array.from({ length: 50 }, (_, n) => Till.get(`till ${n}`));
    await Promise.all(tills.map((till) => till.pid()));
    await Promise.all(tills.map(async (till) => {
      for (let n = 0; n < 3; n++) await till.pay(1);
    }));
  });
  assertEquals(batches, [50, 50, 50]);
});

/** Calls that are too many, or whose answers are too large, for one write. */
const TOO_MUCH: Record<string, (() => PromiseLike<unknown>)[]> = {
  "their number": Array.from({ length: 600 }, () => () => till.pay(1)),
  "the length of their answers": Array.from(
    { length: 3 },
    () => () => till.print(600_000),
  ),
  "the parts of their answers": Array.from(
    { length: 3 },
    () => () => till.list(15_000),
  ),
};

for (const [what, calls] of Object.entries(TOO_MUCH)) {
  test(`calls that have one write are bounded: ${what}`, () =>
    withHeld(async ({ writes, together }) => {
      const results = await together(...calls);
      assert(results.every(({ status }) => status === "fulfilled"));
      assert(writes.length > 2, `${writes.length} writes`);
    }));
}

test("calls that have one write are bounded: their time", () => {
  const held = new HeldAnswers();
  const answer = {
    from: {} as From,
    reply: ["moved"] as ["moved"],
    outbox: [],
  };
  for (const begin of [0, 1000]) {
    const isFull = [begin, begin + 9, begin + 10].map((now) =>
      held.add(answer, now)
    );
    assertEquals(isFull, [false, false, true]);
    assertEquals(held.take().length, 3);
  }
});

/** A moment that no test lives to see. */
const FAR = 4e12;

type Call = [text: string, run: () => PromiseLike<unknown>];

const call = (text: string, run: Call[1]): fc.Arbitrary<Call> =>
  fc.constant([text, run]);

const CALLS = fc.oneof(
  call("pay", () => till.pay(1)),
  call("pay with an id", () => withId("a").pay(10)),
  call("pay with another id", () => withId("b").pay(100)),
  call("note", () => till.note("n")),
  call("refuse", () => till.refuse()),
  call("later", () => till.later(7)),
  call("set a", () => till.remind("a", FAR)),
  call("set a later", () => till.remind("a", FAR + 1)),
  call("set b", () => till.remind("b", FAR)),
  call("clear a", () => till.remind("a", null)),
  call("with a statement", () => till.send("SELECT 1")),
  call("read", () => till.cents()),
);

/** The last call, after which the process is another one. */
const LAST = fc.oneof(
  call("pay", () => till.pay(3)),
  call("crash", () => till.crash()),
  call("spoil", () => till.spoil()),
  call("delete", () => till.empty()),
  call("stop", () => till.close()),
);

/** The ends of calls, the stored state, and the broadcasts up to one of the test. */
async function outcome(
  store: Store,
  results: PromiseSettledResult<unknown>[],
): Promise<unknown> {
  const row = await store.load("till", "t");
  const { s, a = [], r, l } = JSON.parse(row?.body || "{}");
  const broadcasts: unknown[] = [];
  for (;;) {
    const { event, message } = await receive<EntityMessage>((m) =>
      m?.type === "entity"
    );
    broadcasts.push(event === "message" ? message : event);
    if (event !== "message" || message === "over") break;
  }
  return {
    ends: ends(results),
    s,
    a,
    r,
    l,
    events: await events(),
    broadcasts,
  };
}

test("calls together do what they do one after the other", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(CALLS, { minLength: 1, maxLength: 12 }),
      LAST,
      async (first, last) => {
        const calls = [...first, last].map(([, run]) => run);
        const found: unknown[] = [];
        await withHeld(async ({ together, store }) => {
          const relay = await till.subscribe();
          const results = await together(...calls);
          await till.say("over");
          found.push(await outcome(store, results));
          Process.exit(relay, "shutdown");
        });
        await withHeld(async ({ together, store }) => {
          const relay = await till.subscribe();
          const results = await together();
          for (const run of calls) {
            results.push(...await Promise.allSettled([run()]));
          }
          await till.say("over");
          found.push(await outcome(store, results));
          Process.exit(relay, "shutdown");
        });
        const [together, alone] = found;
        assertEquals(together, alone);
      },
    ),
    { numRuns: runs(100) },
  ));
