/** Reads: beside a method that waits, on the last accepted state, which they cannot change. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type EntitiesOptions,
  Entity,
  type Store,
} from "../../packages/entities/mod.ts";
import { Process, self } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  failureOf,
  kill,
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "./_clusters.ts";

/** Holds up the method `pay`. */
let gate = Promise.withResolvers<void>();
/** How often a first state was made. */
let starts = 0;

const Order = Entity.define("order", {
  state: () => {
    starts++;
    return { status: "new", lines: [] as { item: string; count: number }[] };
  },
  log: {},
  reads: {
    get: (order) => order.state,
    about: (order) => [order.key, order.fence > 0, order.now() > 0],
    push: (order, item: string) => {
      // deno-lint-ignore no-explicit-any
      (order.state.lines as any).push({ item, count: 1 });
    },
    // deno-lint-ignore no-explicit-any
    assign: (order) => void ((order as any).state = { status: "read" }),
    deep: (order) => {
      // deno-lint-ignore no-explicit-any
      (order.state.lines[0] as any).count = 0;
    },
    // deno-lint-ignore no-explicit-any
    has: (order, name: string) => name in (order as any),
    async later(order) {
      const before = order.state.status;
      await gate.promise;
      return [before, order.state.status];
    },
    count(order, least: number) {
      const count = order.state.lines.length;
      if (count < least) order.refuse("too few", { count });
      return count;
    },
    fail() {
      throw new RangeError("a mistake");
    },
    end: () => Process.exit(self(), "kill"),
    never: () => new Promise<void>(() => {}),
  },
  durable: {
    async ship(order) {
      order.state.status = "shipping";
      await order.step("ship", () => gate.promise);
      order.state.status = "shipped";
    },
  },
  async pay(order) {
    order.state.status = "paying";
    await gate.promise;
    order.state.status = "paid";
  },
  add: (order, item: string) => order.state.lines.push({ item, count: 1 }),
  drop: (order) => order.delete(),
  self: (order) => Order.get(order.key).get().then(({ status }) => status),
  crash() {
    throw new Error("a crash");
  },
}, { limit: 10_000 });

const OPTIONS = { types: [Order], shards: 8 };

/** Runs a function on one node with entities. */
async function alone(
  fn: (store: Store) => Promise<void>,
  options: Omit<EntitiesOptions, "store"> = OPTIONS,
): Promise<void> {
  gate = Promise.withResolvers();
  starts = 0;
  const { cluster, store } = await startNodes({ alex: options });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

test("a read runs beside a method that waits, and sees the last accepted state", () =>
  alone(async () => {
    const order = Order.get("o1", { timeout: 60_000 });
    await order.add("tea");
    const paid = order.pay();
    await pass(2000);
    // safe: virtual time
    assertEquals(await Order.get("o1", { timeout: 100 }).get(), {
      status: "new",
      lines: [{ item: "tea", count: 1 }],
    });
    gate.resolve();
    await paid;
    assertEquals((await order.get()).status, "paid");
    assertEquals(await order.about(), ["o1", true, true]);
    // @ts-expect-error: a read has no such argument
    const _wrong = () => order.count("much");
  }));

test("a read beside a write that the store has not accepted does not see its state", () =>
  alone(async (store) => {
    const order = Order.get("o1");
    await order.add("tea");
    const { write } = store;
    const written = Promise.withResolvers<void>();
    store.write = async (...args) => {
      await written.promise;
      return await write.call(store, ...args);
    };
    const added = order.add("milk");
    await pass(10);
    assertEquals((await order.get()).lines.length, 1);
    written.resolve();
    assertEquals(await added, 2);
    assertEquals((await order.get()).lines.length, 2);
  }));

test("a read loads a key that is not in memory, and a lasting one has the state of its begin", () =>
  alone(async () => {
    const order = Order.get("o1");
    assertEquals((await order.get()).status, "new");
    await order.add("tea");
    await kill(order);
    assertEquals(await order.count(1), 1);
    const later = order.later();
    await pass(10);
    const paid = order.pay();
    await pass(10);
    gate.resolve();
    assertEquals(await later, ["new", "new"]);
    await paid;
    assertEquals(await order.later(), ["paid", "paid"]);
  }));

test("a read cannot change anything, and its error says what to do", () =>
  alone(async () => {
    const order = Order.get("o1");
    await order.add("tea");
    const pid = await order.pid();
    for (const change of [() => order.push("x"), order.assign, order.deep]) {
      const { code, message, cause } = await failureOf(change.call(order));
      assertEquals(code, "crashed");
      assertMatch(
        message,
        /Cannot change the state of o1 in a read.*make it a method/,
      );
      assert(cause instanceof TypeError);
    }
    for (const name of ["alarm", "broadcast", "log", "save", "delete"]) {
      assertEquals(await order.has(name), false);
    }
    assertEquals((await order.get()).lines, [{ item: "tea", count: 1 }]);
    assert((await order.pid()).equals(pid));
  }));

test("a read that throws, refuses, ends its process or lasts too long ends nothing else", () =>
  alone(async () => {
    const order = Order.get("o1", { timeout: 60_000 });
    const pid = await order.pid();
    const refused = await failureOf(order.count(1), "too few");
    assertEquals([refused.code, refused.data], ["refused", { count: 0 }]);
    assertEquals((await failureOf(order.fail(), "a mistake")).code, "crashed");
    assertEquals((await failureOf(order.end(), "killed")).code, "crashed");
    assertEquals((await failureOf(order.never(), "10000 ms")).code, "crashed");
    // safe: virtual time
    const late = await failureOf(Order.get("o1", { timeout: 50 }).never());
    assertEquals([late.code, late.mayHaveRun], ["timeout", false]);
    assert((await order.pid()).equals(pid));
  }));

test("a read sees what a durable method has stored, and an entity may read its own key", () =>
  alone(async () => {
    const order = Order.get("o1");
    const run = await order.ship();
    assertEquals((await order.get()).status, "shipping");
    gate.resolve();
    await run.result();
    assertEquals((await order.get()).status, "shipped");
    assertEquals(await order.self(), "shipped");
  }));

test("a read after a deletion has the first state, and one of a parked key says so", () =>
  alone(async () => {
    const order = Order.get("o1");
    await order.add("tea");
    await order.drop();
    assertEquals((await order.get()).lines, []);
    for (let i = 0; i < 4; i++) await failureOf(order.crash());
    assertEquals((await failureOf(order.get())).code, "parked");
  }));

test("reads come from any node, go on at another owner, and stop with the lease", async () => {
  gate = Promise.withResolvers();
  const { cluster, store } = await startNodes({
    alex: OPTIONS,
    kate: { ...OPTIONS, hosts: false },
    moebi: undefined,
  });
  await using _ = cluster;
  await cluster.run("kate", async () => {
    const order = Order.get("o1", { timeout: 10 * LEASE });
    await order.add("tea");
    const paid = failureOf(order.pay());
    await pass(100);
    assertEquals(await order.count(1), 1);
    startEntities(cluster, "moebi", { store, ...OPTIONS });
    await pass(LEASE);
    await cluster.kill("alex");
    assertEquals((await order.get()).lines.length, 1);
    assertEquals((await paid).code, "unknown");
    const { beat } = store;
    store.beat = () => Promise.reject(new Error("away"));
    await pass(LEASE);
    const { code, mayHaveRun } = await failureOf(Order.get("o1").get());
    // The last question may have no time left for its answer.
    assert(code === "no_store" || code === "timeout", code);
    assertEquals(mayHaveRun, false);
    store.beat = beat;
  });
});

test("a read has a name of its own, and is a function", () => {
  const invalid: unknown[] = [
    ...[{ a: () => 0 }, { pid: () => 0 }, { state: () => 0 }, { b: 1 }, 5],
  ];
  for (const reads of invalid) {
    const definition = { state: () => 0, a() {}, reads };
    assertThrows(
      // deno-lint-ignore no-explicit-any
      () => Entity.define("x", definition as any),
      TypeError,
      'Cannot define the entity "x"',
    );
  }
});
