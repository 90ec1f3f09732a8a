/** Alarms of entities that fail, several alarms of a key, and parked keys that start again: exact, in virtual time. */

import { assert, assertEquals } from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  Entity,
  type EntityOptions,
  memoryStore,
  type Store,
} from "../../packages/entities/mod.ts";
import { Crashes } from "../../packages/entities/crashes.ts";
import type { Definition } from "../../packages/entities/entity_types.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { Process } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import { failureOf, kill, LEASE, pass, startNodes } from "./_clusters.ts";

/** Runs a function on one node with entities. */
async function alone(
  options: Omit<EntitiesOptions, "store"> & { store?: Store },
  fn: (store: Store) => Promise<void>,
): Promise<void> {
  const { cluster, store } = await startNodes({
    alex: { shards: 4, ...options },
  });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

/** The alarms of an order run as long as `fails` says so; `runs` has the time of each. */
// deno-lint-ignore explicit-function-return-type
function orders(
  fails: (name: string, run: number) => unknown,
  options: EntityOptions = {},
) {
  const runs: [name: string, at: number, data: unknown][] = [];
  const Order = Entity.define("order", {
    state: () => ({ rung: [] as string[], status: "new" }),
    set: (order, name: string, ms: number | null, data?: unknown) =>
      order.alarm(name, ms === null ? null : order.now() + ms, data),
    setMany(order, count: number) {
      for (let n = 0; n < count; n++) order.alarm(`${n}`, order.now() + 1e6);
    },
    setOnly: (order, ms: number | null) =>
      order.alarm(ms === null ? null : order.now() + ms, "only"),
    pay: (order) => order.state.status = "paid",
    read: (order) => order.state,
    fail() {
      throw new Error("planned");
    },
    drop: (order) => order.delete(),
    async alarm(order, data: unknown, name: string) {
      runs.push([name, Process.monotonicTime(), data]);
      order.state.rung.push(name);
      order.broadcast(name);
      await fails(name, runs.length);
    },
  }, options);
  return { Order, runs };
}

const never = () => {};

/** Fails some times, then no more. */
function failing(times: number): (name: string, run: number) => void {
  return (_, run) => {
    if (run <= times) throw new Error("the payment service is away");
  };
}

/** The pauses between the runs, to a tenth of a lease, by which each may be late. */
function pausesOf(runs: [name: string, at: number, data: unknown][]): number[] {
  const unit = LEASE / 10;
  return runs.slice(1).map(([, at], i) =>
    Math.floor((at - runs[i][1]) / unit) * unit
  );
}

test("an alarm that throws backs off, and the key is never parked", () => {
  const { Order, runs } = orders(failing(6));
  return alone({ types: [Order] }, async () => {
    const order = Order.get("a");
    await order.set("charge", 10, { cents: 5 });
    await pass(4000);
    // The key is served meanwhile.
    assertEquals(await order.pay(), "paid");
    await pass(80_000);
    assertEquals(pausesOf(runs), [900, 1800, 3900, 7800, 15_900, 31_800]);
    assertEquals(runs.every(([name]) => name === "charge"), true);
    assertEquals(await order.read(), { rung: ["charge"], status: "paid" });
    assertEquals((await Entities.info()).parked, []);
  });
});

test("retryAlarms sets the pauses, and gives an alarm up", () => {
  const { Order, runs } = orders(failing(99), {
    retryAlarms: { min: 3000, max: 6000, attempts: 3 },
  });
  return alone({ types: [Order] }, async (store) => {
    await Order.get("a").set("charge", 10);
    await pass(100_000);
    assertEquals(pausesOf(runs), [3000, 6000, 6000]);
    const [{ body }] = [(await store.load("order", "a"))!];
    assertEquals(JSON.parse(body).a, undefined);
    assertEquals(await Order.get("a").read(), { rung: [], status: "new" });
  });
});

test("an alarm that takes longer than the limit backs off too", () => {
  const { Order, runs } = orders(
    (_, run) => run < 3 ? new Promise(() => {}) : undefined,
    { limit: 1000, maxRestarts: 0 },
  );
  return alone({ types: [Order] }, async () => {
    await Order.get("a").set("charge", 10);
    await pass(20_000);
    assertEquals(runs.length, 3);
    assertEquals((await Order.get("a").read()).rung, ["charge"]);
  });
});

test("the pause of an alarm goes on at the next owner", async () => {
  const { Order, runs } = orders(failing(4), {
    retryAlarms: { min: 8000 },
  });
  const { cluster } = await startNodes({
    alex: { types: [Order], shards: 4, pins: { order: ["a"] } },
    kate: { types: [Order], shards: 4 },
  });
  await using _ = cluster;
  await cluster.run("kate", () => Order.get("a").set("charge", 0));
  await cluster.advance(10_000);
  assertEquals(runs.length, 2);
  await cluster.kill("alex");
  await cluster.advance(10_000);
  assertEquals(runs.length, 2);
  await cluster.advance(10_000);
  assertEquals(runs.length, 3);
});

test("a key has several alarms, each with its data; without a name it has one more", () => {
  const { Order, runs } = orders(never);
  return alone({ types: [Order] }, async () => {
    const order = Order.get("a");
    await order.set("charge", 5000, 1);
    await order.set("remind", 1000, 2);
    await order.setOnly(3000);
    await order.set("remind", 4000, 3);
    await order.set("gone", 100);
    await order.set("gone", null);
    await kill(order);
    await pass(LEASE * 3);
    assertEquals(runs.map(([name, _, data]) => [name, data]), [
      ["", "only"],
      ["remind", 3],
      ["charge", 1],
    ]);
    assertEquals((await order.read()).rung, ["", "remind", "charge"]);
  });
});

test("alarms that are due at once run one after the other", () => {
  const { Order, runs } = orders(never);
  return alone({ types: [Order] }, async () => {
    await Order.get("a").setMany(100);
    await pass(1e6 + LEASE / 5);
    assertEquals(runs.length, 100);
    assertEquals(new Set(runs.map(([name]) => name)).size, 100);
  });
});

test("an alarm that fails holds up no other of the key", () => {
  const { Order } = orders((name) => {
    if (name === "charge") throw new Error("away");
  });
  return alone({ types: [Order] }, async () => {
    const order = Order.get("a");
    await order.set("charge", 0);
    for (let n = 0; n < 20; n++) {
      await order.set(`other ${n}`, 0);
      await pass(LEASE / 5);
    }
    assertEquals((await order.read()).rung.length, 20);
  });
});

test("alarms of a deleted entity do not run", () => {
  const { Order, runs } = orders(never);
  return alone({ types: [Order] }, async () => {
    await Order.get("a").set("charge", 500);
    await Order.get("a").drop();
    await pass(LEASE);
    assertEquals(runs, []);
  });
});

test("names and numbers of alarms have bounds", () => {
  const { Order } = orders(never);
  return alone({ types: [Order] }, async () => {
    for (const name of ["", "x".repeat(101)]) {
      const error = await failureOf(
        Order.get("a").set(name, 1),
        "give a text of 1 to 100 characters",
      );
      assert(error.cause instanceof TypeError);
    }
    await Order.get("b").setMany(100);
    await Order.get("b").set("99", 1e6);
    const error = await failureOf(Order.get("b").set("100", 1e6), "100 others");
    assert(error.cause instanceof RangeError);
  });
});

test("a state of before has its alarm", () => {
  const { Order, runs } = orders(never);
  const store = memoryStore();
  const load = store.load.bind(store);
  store.load = async (type, key) =>
    await load(type, key) ?? {
      version: 1,
      body: JSON.stringify({
        v: 1,
        s: { rung: [], status: "old" },
        a: [LEASE, "data"],
      }),
    };
  return alone({ types: [Order], store }, async () => {
    await Order.get("a").pay();
    await pass(LEASE);
    assertEquals(runs.map(([name, _, data]) => [name, data]), [["", "data"]]);
  });
});

test("alarms that fail, and alarms of parked keys, are seen as late", () => {
  const { Order } = orders(failing(99), {
    maxRestarts: 0,
    retryParked: { attempts: 0 },
  });
  return alone({ types: [Order] }, async () => {
    // The first call loads the observer, and virtual time does not wait for that.
    await Observer.entities();
    await Order.get("a").set("charge", 10);
    await Order.get("b").set("remind", 10);
    await failureOf(Order.get("b").fail());
    await pass(2 * LEASE);
    const [{ late, types: [{ lateAlarms }] }] = await Observer.entities();
    assertEquals(
      late.map(({ key, name, failures, reason }) => [
        key,
        name,
        failures,
        reason,
      ]),
      [
        ["a", "charge", 3, "Error: the payment service is away"],
        ["b", undefined, 0, "its key is parked"],
      ],
    );
    assertEquals(lateAlarms, 2);
    // A success, or the loss of the shard, ends it.
    await Order.get("a").set("charge", null);
    await Entities.release(Order, "b");
    await pass(LEASE);
    const [{ late: after }] = await Observer.entities();
    assertEquals(after.map(({ key, name }) => [key, name]), [["b", "remind"]]);
  });
});

// Parked keys.

test("a parked key starts again by itself, later each time", () => {
  const { Order } = orders(never, { maxRestarts: 0 });
  return alone({ types: [Order] }, async () => {
    const order = Order.get("a");
    const code = (call: Promise<unknown>) =>
      call.then(() => "ok", (error) => error.code);
    for (const pause of [10_000, 20_000, 40_000]) {
      assertEquals(await code(order.fail()), "crashed");
      const [{ until }] = (await Entities.info()).parked;
      assert(until !== null);
      await pass(pause - 2);
      assertEquals(await code(order.read()), "parked");
      await pass(3);
      assertEquals(await code(order.read()), "ok");
      assertEquals((await Entities.info()).parked, []);
    }
    // It has been well for as long as it was parked.
    await pass(40_000);
    await code(order.fail());
    await pass(10_001);
    assertEquals(await code(order.read()), "ok");
  });
});

test("the alarm of a parked key runs when the key starts again", () => {
  const { Order, runs } = orders(never, { maxRestarts: 0 });
  return alone({ types: [Order] }, async () => {
    await Order.get("a").set("charge", 500);
    await failureOf(Order.get("a").fail());
    await pass(9000);
    assertEquals(runs, []);
    await pass(2000);
    assertEquals(runs.length, 1);
  });
});

test("retryParked ends the starts of a key by itself", () => {
  const { Order } = orders(never, {
    maxRestarts: 0,
    retryParked: { attempts: 0 },
  });
  return alone({ types: [Order] }, async () => {
    await failureOf(Order.get("a").fail());
    await pass(1e6);
    assertEquals((await failureOf(Order.get("a").read())).code, "parked");
    const [{ until }] = (await Entities.info()).parked;
    assertEquals(until, null);
    assertEquals(await Entities.release(Order, "a"), true);
    assertEquals((await Order.get("a").read()).status, "new");
  });
});

test("of 10,001 keys that were parked, the oldest is forgotten", () => {
  const crashes = new Crashes();
  const options = {
    maxSeconds: 5,
    retryParked: { min: 1, max: 1e6, attempts: Infinity },
  } as Definition["options"];
  for (let n = 0; n <= 10_000; n++) crashes.park(`key ${n}`, 0, options);
  assertEquals(crashes.mayStart("key 0", 1), false);
  assertEquals(crashes.mayStart("key 1", 1), true);
  assertEquals(crashes.park("key 1", 1, options), 2);
  crashes.release("key 1");
  assertEquals(crashes.park("key 1", 1, options), 1);
});
