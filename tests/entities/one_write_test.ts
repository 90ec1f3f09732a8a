/** Calls of one key that wait for its write: they run one after the other, and have the next write together. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  Entities,
  Entity,
  type EntityError,
  memoryStore,
  type StoreWrite,
  type WriteResult,
} from "../../packages/entities/mod.ts";
import { Process } from "../../packages/processes/process.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";
import { failureOf } from "./_clusters.ts";

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
}, { maxRestarts: 100 });

/** The writes of a till, and the first one's hold-up: calls wait until it goes on. */
interface Held {
  writes: StoreWrite[];
  /** Makes calls that all wait in the mailbox, and lets the write of before go on. */
  together(
    ...calls: (() => PromiseLike<unknown>)[]
  ): Promise<PromiseSettledResult<unknown>[]>;
}

/** Runs a test with a store whose first write waits; `result` is that of the second one. */
async function withHeld(
  fn: (held: Held) => Promise<void>,
  result?: WriteResult,
): Promise<void> {
  const store = memoryStore();
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
  const host = await Entities.startLink({ types: [Till], store });
  await fn({
    writes,
    async together(...calls) {
      const pid = await Till.get("t").pid();
      const first = Till.get("t").pay(1);
      await began.promise;
      const all = [];
      for (const [n, call] of calls.entries()) {
        all.push(call());
        await until(async () => (await Process.info(pid))!.messageQueueLen > n);
      }
      mayGoOn.resolve();
      assertEquals(await first, 1);
      return await Promise.allSettled(all);
    },
  });
  await GenServer.stop(host);
}

/** Says how calls have ended: with a value, or with the code and the message of an error. */
function ends(results: PromiseSettledResult<unknown>[]): unknown[] {
  return results.map((result) => {
    if (result.status === "fulfilled") return result.value;
    const { code, mayHaveRun } = result.reason as EntityError;
    return [code, mayHaveRun];
  });
}

const till = Till.get("t");

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
