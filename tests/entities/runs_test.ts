/** Durable methods: exact, in virtual time. */

import { assert, assertEquals } from "@std/assert";
import {
  type DurableContext,
  Entities,
  type EntitiesOptions,
  Entity,
  type EntityLogOptions,
  type EntityOptions,
  type EntityRun,
  memoryStore,
  type StepContext,
  type Store,
} from "../../packages/entities/mod.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { Process } from "../../packages/processes/process.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  failureOf,
  kill,
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "./_clusters.ts";

/** The effects of steps, in order. */
let done: string[] = [];
/** Replacements for the functions of steps, by name. */
let instead: Record<string, () => unknown> = {};

function act(name: string): unknown {
  done.push(name);
  return instead[name]?.() ?? name;
}

const Order = Entity.define("order", {
  state: () => ({ status: "new", paid: 0, seen: [] as unknown[] }),
  durable: {
    async ship(order, cents: number) {
      order.state.status = "charging";
      const receipt = await order.step("charge", () => act("charge"));
      order.state.paid += cents;
      order.state.status = "shipping";
      await order.step("pack", () => act("pack"));
      const at = order.now();
      await order.step("mail", () => act("mail"));
      order.state.status = "done";
      return { receipt, at };
    },
    async wait(order, ms: number) {
      await order.step("before", () => act("before"));
      await order.sleep(ms);
      order.state.seen.push("slept");
      await order.step("after", () => act("after"));
    },
    async check(order, cents: number) {
      if (cents < 0) order.refuse("no money", { cents });
      if (cents === 0) throw new Error("nothing");
      await order.step("check", () => act("check"));
      if (cents === 13) order.refuse("unlucky", { cents });
      order.state.paid += cents;
      await order.step("log", () => act("log"));
    },
    async branch(order) {
      // A replay must see what the code has seen then.
      if (order.state.status === "new") {
        order.state.status = "mine";
        await order.step("new", () => act("new"));
      }
      if (order.state.status === "other") {
        await order.step("other", () => act("other"));
      }
      order.state.seen.push(order.state.status);
      await order.step("last", () => act("last"));
      return order.state.status;
    },
  },
  set: (order, status: string) => void (order.state.status = status),
  read: (order) => order.state,
});

function optionsOf(
  options: Partial<EntitiesOptions> = {},
): Omit<EntitiesOptions, "store"> {
  return { types: [Order], shards: 8, ...options };
}

/** Runs a function on one node with entities. */
async function alone(fn: (store: Store) => Promise<void>): Promise<void> {
  done = [];
  instead = {};
  const { cluster, store } = await startNodes({ alex: optionsOf() });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

/** A step that does not end. */
function hang(): Promise<never> {
  return new Promise(() => {});
}

test("a durable method runs its steps, and its run has the result", () =>
  alone(async () => {
    const order = Order.get("o1");
    const run = await order.ship(500);
    assertEquals(run.id.length, 36);
    const { receipt, at } = await run.result();
    assertEquals(receipt, "charge");
    assertEquals(typeof at, "number");
    assertEquals(done, ["charge", "pack", "mail"]);
    assertEquals((await order.read()).status, "done");
    const [info] = await order.runs();
    assertEquals(
      [info.id, info.method, info.state, info.steps],
      [run.id, "ship", "done", 3],
    );
    // @ts-expect-error: it takes a number
    const _wrong = () => order.ship("much");
  }));

test("a run goes on from its last step when its entity is killed, and each step counts once", () =>
  alone(async () => {
    const order = Order.get("o1");
    for (const at of ["charge", "pack", "mail"]) {
      done = [];
      instead = { [at]: hang };
      const key = Order.get(`at ${at}`);
      const run = await key.ship(500);
      await pass(10);
      instead = {};
      await kill(key);
      await run.result();
      const steps = ["charge", "pack", "mail"];
      const before = steps.slice(0, steps.indexOf(at) + 1);
      assertEquals(done, [...before, ...steps.slice(steps.indexOf(at))]);
      assertEquals(await key.read(), { status: "done", paid: 500, seen: [] });
    }
    assertEquals((await order.read()).status, "new");
  }));

/** A run with steps of all kinds: what counts is in the state. */
const Every = Entity.define("every", {
  state: () => ({ all: [] as string[] }),
  log: { keep: { events: 100 } },
  durable: {
    async go(it) {
      const { state } = it;
      const step = async (name: string, attempts = 0) => {
        const result = await it.step(name, ({ attempt }) => {
          atPoint();
          if (attempt <= attempts) throw new Error("not yet");
          return `${name} ${it.id}`;
        }, { retry: { min: 10 } });
        atPoint();
        it.state.all.push(result);
      };
      await step("first");
      it.state.all.push(`event ${it.log.append({ type: "told" })}`);
      await Promise.all([step("one", 2), step("two")]);
      const before = it.now();
      await it.sleep(30);
      it.state.all.push(`slept ${it.now() >= before + 30}`);
      await it.waitFor("told");
      await step("last");
      return [...it.state.all, typeof state];
    },
  },
  read: (it) => it.state.all,
}, { maxRestarts: 1000 });

let atPoint: () => void = () => {};

test("a run is killed at each point between and inside its steps, and all counts once", async () => {
  const { cluster, store } = await startNodes({
    alex: optionsOf({ types: [Every] }),
  });
  await using _ = cluster;
  const { write } = store;
  let points = 0;
  await cluster.run("alex", async () => {
    for (let killed = 0;; killed++) {
      const it = Every.get(`at ${killed}`, { mayRunTwice: true });
      let point = 0;
      atPoint = () => {
        if (++point !== killed) return;
        points++;
        it.pid().then((pid) => Process.exit(pid, "kill"));
      };
      store.write = async (owner, writes) => {
        atPoint();
        const results = await write.call(store, owner, writes);
        atPoint();
        return results;
      };
      const run = await Every.get(`at ${killed}`, { id: "1" }).go();
      const all = await run.result();
      const none = [`first ${run.id}`, "event 1"];
      const mid = [`one ${run.id}`, `two ${run.id}`];
      const end = ["slept true", `last ${run.id}`];
      assertEquals(all.slice(0, 2), none, `killed at ${killed}`);
      assertEquals(all.slice(2, 4).sort(), mid, `killed at ${killed}`);
      assertEquals(all.slice(4), [...end, "object"], `killed at ${killed}`);
      assertEquals(await it.read(), all.slice(0, -1));
      assertEquals((await it.log.read()).last, 1);
      if (point < killed) break;
    }
  });
  atPoint = () => {};
  assert(points > 20, `${points} points`);
});

test("other calls run while a run waits, and a replay sees what its code has seen", () =>
  alone(async () => {
    const order = Order.get("o1");
    instead = { new: hang };
    const run = await order.branch();
    await pass(10);
    assertEquals((await order.read()).status, "mine");
    await order.set("other");
    instead = { other: hang };
    await kill(order);
    await pass(10);
    assertEquals(done, ["new", "new", "other"]);
    await order.set("later");
    instead = { last: hang };
    await kill(order);
    await pass(10);
    assertEquals(done, ["new", "new", "other", "other", "last"]);
    await order.set("end");
    instead = {};
    await kill(order);
    assertEquals(await run.result(), "end");
    assertEquals((await order.read()).seen, ["later"]);
  }));

test("what a durable method throws before its first step is the answer, and there is no run", () =>
  alone(async () => {
    const order = Order.get("o1");
    const refused = await failureOf(order.check(-1), "no money");
    assertEquals([refused.code, refused.data], ["refused", { cents: -1 }]);
    const crashed = await failureOf(order.check(0), "nothing");
    assertEquals([crashed.code, crashed.mayHaveRun], ["crashed", false]);
    assertEquals(await order.runs(), []);
    const odd = await failureOf(order.check(new Map() as never));
    assertEquals(odd.code, "crashed");
  }));

test("an error of a run fails it: its segment is undone, and retry() goes on from there", () =>
  alone(async () => {
    const order = Order.get("o1");
    const run = await order.check(13);
    const refused = await failureOf(run.result(), "unlucky");
    assertEquals([refused.code, refused.data], ["refused", { cents: 13 }]);
    const [info] = await order.runs();
    assertEquals([info.state, info.error], ["failed", "Refusal: unlucky"]);
    // Its owner has changed.
    await kill(order);
    assertEquals((await failureOf(run.result())).code, "refused");
    assertEquals(await run.retry(), true);
    assertEquals((await failureOf(run.result())).code, "refused");
    assertEquals(done, ["check"]);
    assertEquals((await order.read()).paid, 0);
    assertEquals(await run.cancel(), true);
    assertEquals((await failureOf(run.result())).code, "cancelled");
    assertEquals(await run.cancel(), false);
    assertEquals(await run.retry(), false);
    assertEquals((await order.runs())[0].state, "cancelled");
  }));

const Retry = Entity.define("retry", {
  state: () => ({ n: 0 }),
  durable: {
    async pay(it, attempts: number) {
      const paid = await it.step("pay", () => act("pay"), {
        retry: {
          ...{ min: 1000, max: 3000, attempts },
          final: (error) => error instanceof RangeError,
        },
        // safe: virtual time.
        timeout: 500,
      });
      it.state.n++;
      await it.step("tell", () => act("tell"));
      return paid;
    },
    async both(it) {
      try {
        await it.step("pay", () => act("pay"), { retry: { attempts: 0 } });
      } catch (error) {
        await it.step("undo", () => act("undo"));
        throw error;
      }
      return "paid";
    },
  },
  read: (it) => it.state.n,
});

/** Runs a function on one node with the type of retries. */
async function retrying(fn: (store: Store) => Promise<void>): Promise<void> {
  done = [];
  instead = {};
  const { cluster, store } = await startNodes({
    alex: optionsOf({ types: [Retry] }),
  });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

function fail(error: Error = new Error("declined")): () => never {
  return () => {
    throw error;
  };
}

test("a step is tried again after pauses that grow, and its failures outlive its owner", () =>
  retrying(async () => {
    const entity = Retry.get("a");
    instead = { pay: fail() };
    const run = await entity.pay(10);
    await pass(10);
    const [info] = await entity.runs();
    assertEquals(info.state, "failing");
    assertEquals(info.error, "Error: declined");
    const [{ kind, name, failures, until }] = info.waits;
    assertEquals([kind, name, failures], ["step", "pay", 1]);
    assert(until! > info.since + 900);
    await pass(980);
    assertEquals(done.length, 1);
    await pass(100);
    assertEquals(done.length, 2);
    await kill(entity);
    assertEquals((await entity.runs())[0].waits[0].failures, 2);
    await pass(1800);
    assertEquals(done.length, 2);
    await pass(300);
    assertEquals(done.length, 3);
    // Not longer than the longest pause.
    await pass(3100);
    assertEquals(done.length, 4);
    instead = {};
    assertEquals(await run.retry(), true);
    assertEquals(await run.result(), "pay");
    assertEquals(done.slice(4), ["pay", "tell"]);
  }));

test("a step fails after its attempts, at a final error, and when its time is up", () =>
  retrying(async () => {
    const entity = Retry.get("a");
    instead = { pay: fail() };
    const some = await entity.pay(2);
    assertEquals((await failureOf(some.result(), "declined")).code, "crashed");
    assertEquals(done, ["pay", "pay", "pay"]);
    instead = { pay: fail(new RangeError("too much")) };
    const final = await entity.pay(2);
    const { cause } = await failureOf(final.result(), "too much");
    assertEquals((cause as Error).name, "RangeError");
    assertEquals(done.length, 4);
    const aborted: unknown[] = [];
    instead = { pay: hang };
    const late = await entity.pay(0);
    const { cause: why } = await failureOf(late.result());
    assertEquals((why as Error).name, "TimeoutError");
    assertEquals(aborted, []);
    instead = {};
    assertEquals(await late.retry(), true);
    assertEquals(await late.result(), "pay");
    assertEquals(await entity.read(), 1);
  }));

test("a step has one attempt at a time, however often it is told to go on", () =>
  retrying(async () => {
    const entity = Retry.get("a");
    instead = { pay: fail() };
    const run = await entity.pay(10);
    await pass(10);
    assertEquals(done.length, 1);
    const paid = Promise.withResolvers<string>();
    instead = { pay: () => paid.promise };
    await run.retry();
    await run.retry();
    await pass(10);
    assertEquals(done.length, 2);
    // The pause after the first attempt is over while the second one runs.
    await pass(300);
    await entity.read();
    assertEquals(done.length, 2);
    paid.resolve("paid");
    assertEquals(await run.result(), "paid");
  }));

test("retry() goes back to the last step that has failed, and drops what the code did after it", () =>
  retrying(async () => {
    const entity = Retry.get("a");
    instead = { pay: fail() };
    const run = await entity.both();
    await failureOf(run.result(), "declined");
    assertEquals(done, ["pay", "undo"]);
    await run.retry();
    await failureOf(run.result(), "declined");
    assertEquals(done, ["pay", "undo", "pay", "undo"]);
    instead = {};
    await kill(entity);
    await run.retry();
    assertEquals(await run.result(), "paid");
    assertEquals(done.slice(4), ["pay"]);
  }));

test("a sleep goes on while no node is up, and ends without a caller", async () => {
  done = [];
  instead = {};
  const { cluster, store } = await startNodes({ alex: optionsOf() });
  await using _ = cluster;
  const id = await cluster.run(
    "alex",
    async () => (await Order.get("o1").wait(86_400_000)).id,
  );
  await cluster.advance(LEASE);
  assertEquals(done, ["before"]);
  await cluster.restart("alex");
  await cluster.advance(86_400_000 - 2 * LEASE);
  startEntities(cluster, "alex", { store, ...optionsOf() });
  await cluster.advance(LEASE - 500);
  assertEquals(done, ["before"]);
  await cluster.advance(2 * LEASE);
  assertEquals(done, ["before", "after"]);
  await cluster.run("alex", async () => {
    await Order.get("o1").run(id).result();
  });
});

test("a run goes on although the clock of the store was set back, and other calls write its row", async () => {
  done = [];
  instead = { after: hang };
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex"],
    log: () => {},
  });
  let offset = 0;
  const store = memoryStore({ now: () => cluster.now() + offset });
  startEntities(cluster, "alex", { store, ...optionsOf() });
  await cluster.advance(LEASE);
  await cluster.run("alex", async () => {
    const order = Order.get("o1");
    const run = await order.wait(1000);
    await pass(1500);
    assertEquals(done, ["before", "after"]);
    offset = -5000;
    await pass(LEASE);
    instead = {};
    await kill(order);
    await order.set("other");
    await pass(5000 + LEASE);
    assertEquals(done, ["before", "after", "after"]);
    await run.result();
  });
});

test("keys whose runs should go on and do not are seen as late", async () => {
  const Broken = Entity.define("broken", {
    state: () => 0,
    durable: { nap: (broken) => broken.sleep(1000) },
    fail() {
      throw new Error("a fault");
    },
  }, { maxRestarts: 0, retryParked: { attempts: 0 } });
  const { cluster } = await startNodes({
    alex: optionsOf({ types: [Broken] }),
  });
  await using _ = cluster;
  await cluster.run("alex", async () => {
    const lateRuns = async () =>
      (await Observer.entities())[0].types[0].lateRuns;
    for (const key of ["b1", "b2"]) {
      await Broken.get(key).nap();
      await failureOf(Broken.get(key).fail());
    }
    assertEquals(await lateRuns(), 0);
    await pass(1000 + 2 * LEASE);
    assertEquals(await lateRuns(), 2);
    for (const key of ["b1", "b2"]) await Entities.release(Broken, key);
    await pass(LEASE);
    assertEquals(await lateRuns(), 0);
  });
});

const Nap = Entity.define("nap", {
  state: () => 0,
  log: {},
  durable: {
    /** Returns the times that a sleep and a wait have taken by the clock of the run. */
    async sleep(nap) {
      const times = [nap.now()];
      await nap.sleep(1000);
      times.push(nap.now());
      act("slept");
      // safe: virtual time
      await nap.waitFor("never", { timeout: 1000 });
      times.push(nap.now());
      return [times[1] - times[0], times[2] - times[1]];
    },
  },
  hold: async () => void await act("hold"),
});

/** Calls `hold` of a nap; returns functions that end the call, and wait for its end. */
function held(nap: { hold(): Promise<void> }) {
  const { promise, resolve } = Promise.withResolvers<void>();
  instead = { ...instead, hold: () => promise };
  return { end: resolve, ended: nap.hold() };
}

test("a sleep and a wait are not short for a run if the store's clock is set back once their time is up", async () => {
  done = [];
  instead = {};
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex"],
    log: () => {},
  });
  let offset = 0;
  const store = memoryStore({ now: () => cluster.now() + offset });
  startEntities(cluster, "alex", { store, ...optionsOf({ types: [Nap] }) });
  await cluster.advance(LEASE);
  await cluster.run("alex", async () => {
    const nap = Nap.get("n1");
    const run = await nap.sleep();
    // The run learns that its time is up between two calls, and its code goes on after the second.
    for (const time of ["sleep", "wait"]) {
      const first = held(nap);
      await pass(1100);
      const second = held(nap);
      first.end();
      await first.ended;
      offset -= 5000;
      await pass(LEASE);
      if (time === "sleep") instead.slept = fail();
      second.end();
      await second.ended;
      if (time === "wait") break;
      // The segment after the sleep runs again, still later.
      await failureOf(run.result());
      delete instead.slept;
      assertEquals(await run.retry(), true);
      await pass(10);
    }
    const times = await run.result() as number[];
    assertEquals(times, [1000, 1000]);
  });
});

/** Starts three nodes, the last of which only calls, and a run of 12 keys whose second step does what is told. */
async function startTwelve(
  pack: () => unknown,
): ReturnType<typeof startNodes> {
  done = [];
  instead = { pack };
  const started = await startNodes({
    alex: optionsOf(),
    kate: optionsOf(),
    sophie: optionsOf({ hosts: false }),
  });
  await started.cluster.advance(2 * LEASE);
  await started.cluster.run("sophie", async () => {
    for (let n = 0; n < 12; n++) await Order.get(`${n}`).ship(1);
  });
  await started.cluster.advance(50);
  assertEquals(done.length, 24);
  instead = {};
  return started;
}

function countOf(name: string): number {
  return done.filter((each) => each === name).length;
}

test("a run goes on elsewhere by itself when its node is killed", async () => {
  const { cluster } = await startTwelve(hang);
  await using _ = cluster;
  await cluster.kill("alex");
  await cluster.advance(3 * LEASE);
  const again = countOf("pack") - 12;
  assert(again > 0 && again < 12, `${again} run again`);
  assertEquals([countOf("charge"), countOf("mail")], [12, again]);
});

test("a node that drains waits for running steps, and hands runs over after them", async () => {
  const ended = Promise.withResolvers<void>();
  const { cluster } = await startTwelve(() => ended.promise);
  await using _ = cluster;
  const drained = cluster.node("kate").drain();
  await cluster.advance(500);
  assertEquals(countOf("pack"), 12);
  ended.resolve();
  await cluster.advance(LEASE);
  assertEquals(await drained, "drained");
  await cluster.advance(LEASE);
  assertEquals(done.length, 36);
  for (const name of ["charge", "pack", "mail"]) {
    assertEquals(countOf(name), 12, name);
  }
});

/** A type whose durable method is this one. */
// deno-lint-ignore explicit-function-return-type
function codeOf(
  go: (
    it: DurableContext<{ n: number }>,
    ...args: unknown[]
  ) => Promise<unknown>,
  options: EntityOptions = {},
) {
  return Entity.define("code", {
    state: () => ({ n: 0 }),
    durable: { go },
    read: (it) => it.state.n,
    add: (it) => ++it.state.n,
  }, options);
}

type Code = ReturnType<typeof codeOf>;

/** Runs functions one after the other on one node, each with other code and the same store. */
async function deployed(
  ...deployments: [Code, () => Promise<void>][]
): Promise<void> {
  done = [];
  instead = {};
  const { cluster, store } = await startNodes({ alex: undefined });
  await using _ = cluster;
  for (const [type, fn] of deployments) {
    await cluster.restart("alex");
    startEntities(cluster, "alex", { store, types: [type], shards: 4 });
    await cluster.advance(2 * LEASE);
    await cluster.run("alex", fn);
  }
}

test("a run whose journal does not fit the code is parked alone, says why, and goes on with the code of before", async () => {
  const before = codeOf(async (it) => {
    await it.step("charge", () => act("charge"));
    await it.step("mail", () => act("mail"));
    return "before";
  });
  const after = codeOf(async (it) => {
    await it.step("check", () => act("check"));
    return "after";
  });
  const none = Entity.define("code", {
    state: () => ({ n: 0 }),
    add: (it) => ++it.state.n,
  });
  let id = "";
  instead = {};
  await deployed([before, async () => {
    instead = { mail: hang };
    id = (await before.get("a").go()).id;
    await pass(10);
  }], [after, async () => {
    const run = after.get("a").run(id);
    const error = await failureOf(run.result());
    assertEquals(error.code, "parked");
    assert(
      error.message.includes(
        'its journal has the step "charge" where this code has the step "check"; deploy code',
      ),
      error.message,
    );
    assertEquals((await run.info())!.state, "parked");
    assertEquals(await after.get("a").add(), 1);
    const other = await after.get("a").go();
    assertEquals(await other.result(), "after");
    assertEquals(await run.retry(), true);
    assertEquals((await failureOf(run.result())).code, "parked");
  }], [none as unknown as Code, async () => {
    assertEquals(await none.get("a").add(), 2);
  }], [before, async () => {
    instead = {};
    assertEquals(await before.get("a").run(id).result(), "before");
    assertEquals(done, ["charge", "mail", "check", "mail"]);
  }]);
});

/** Runs a durable method on one node. */
async function once(
  code: Parameters<typeof codeOf>[0],
  fn: (type: Code) => Promise<void>,
  options: EntityOptions = {},
): Promise<void> {
  const type = codeOf(code, options);
  await deployed([type, () => fn(type)]);
}

test("steps run beside each other, and a replay ends them in the order of before", () =>
  once(async (it) => {
    const order: string[] = [];
    await Promise.all(["a", "b", "c"].map(async (name, n) => {
      await it.step(name, async () => {
        done.push(name);
        await pass(30 - 10 * n);
      });
      it.state.n++;
      order.push(name);
      await it.step(`${name}2`, () => act(`${name}2`));
    }));
    await it.step("last", () => act("last"));
    return order;
  }, async (type) => {
    const it = type.get("a");
    instead = { last: hang };
    const run = await it.go();
    await pass(100);
    assertEquals(await it.read(), 3);
    const before = done.length;
    assertEquals(before, 7);
    instead = {};
    await kill(it);
    assertEquals(await run.result(), ["c", "b", "a"]);
    assertEquals([done.length, await it.read()], [before + 1, 3]);
  }));

test("a race of a step and a sleep goes on with the first, and a replay with the same", () =>
  once(async (it) => {
    const first = await Promise.race([
      it.step("slow", () => act("slow")),
      it.sleep(1000).then(() => "late"),
    ]);
    await it.step("tell", () => act("tell"));
    return first;
  }, async (type) => {
    const it = type.get("a");
    instead = { slow: hang, tell: hang };
    const run = await it.go();
    await pass(1200);
    assertEquals(done, ["slow", "tell"]);
    instead = { slow: hang };
    await kill(it);
    assertEquals(await run.result(), "late");
  }));

test("code of a run that awaits something else holds the entity up, and fails beyond the limit", () =>
  once(async (it, ms) => {
    await pass(ms as number);
    it.state.n += 10;
    await it.step("one", () => act("one"));
  }, async (type) => {
    const it = type.get("a");
    const [run] = await Promise.all([
      it.go(500),
      pass(100).then(() => it.add()),
    ]);
    await run.result();
    assertEquals(await it.read(), 11);
    const late = await failureOf(it.go(3000));
    assertEquals(late.code, "crashed");
    assert(late.message.includes("something else than its steps"));
    assertEquals(await it.read(), 11);
  }, { limit: 2000 }));

test("code of a run cannot use its entity while its steps run", () =>
  once(async (it) => {
    const late = pass(10).then(() => it.state.n++);
    await Promise.all([it.step("one", () => pass(100)), late]);
  }, async (type) => {
    const run = await type.get("a").go();
    await failureOf(run.result(), "in a run that awaits something else");
    assertEquals(await type.get("a").read(), 0);
  }));

test("a run that ends without awaiting a step has failed", () =>
  once(async (it) => {
    await it.step("one", () => act("one"));
    void it.step("two", () => act("two"));
  }, async (type) => {
    const run = await type.get("a").go();
    await failureOf(
      run.result(),
      'it has ended without awaiting the step "two"',
    );
    assertEquals(done, ["one"]);
  }));

test("the runs of a key, their steps and their journals are bounded", () =>
  once(async (it, steps, size = 1) => {
    for (let n = 0; n < Number(steps); n++) {
      await it.step("one", () => "x".repeat(Number(size)));
    }
    await it.sleep("3 days");
  }, async (type) => {
    const it = type.get("a");
    const many = await it.go(11);
    await failureOf(many.result(), "its journal has 10 steps");
    const large = await it.go(3, 500);
    await failureOf(large.result(), "of at most 1000");
    await it.go(1);
    const more = await failureOf(it.go(1), "3 runs that have not ended");
    assertEquals(more.code, "overloaded");
    await many.cancel();
    const again = await it.go(1);
    assertEquals((await again.info())!.state, "waiting");
    const huge = await failureOf(it.go("x".repeat(1000)));
    assertEquals(huge.code, "overloaded");
    await again.cancel();
    const args = await failureOf(it.go("x".repeat(1000)));
    assertEquals(args.code, "crashed");
  }, { runs: { open: 3, steps: 10, bytes: 1000 } }));

test("ended runs are kept with their results, as many as the type says", () =>
  once(async (it, n) => {
    await it.step("one", () => act("one"));
    return n;
  }, async (type) => {
    const it = type.get("a");
    const runs: EntityRun<unknown>[] = [];
    for (let n = 0; n < 4; n++) {
      const run = await it.go(n);
      await run.result();
      runs.push(run);
    }
    await kill(it);
    assertEquals((await it.runs()).map(({ id }) => id), [
      runs[3].id,
      runs[2].id,
    ]);
    assertEquals(await runs[2].result(), 2);
    assertEquals((await failureOf(runs[1].result())).code, "no_run");
    assertEquals(await runs[1].info(), undefined);
  }, { runs: { keep: { runs: 2 } } }));

test("the newest results are kept if older ones were read from the store after them", () =>
  once((_, n) => Promise.resolve(n), async (type) => {
    const it = type.get("a");
    const [first] = [await it.go(0), await it.go(1)];
    await kill(it);
    const third = await it.go(2);
    assertEquals(await first.result(), 0);
    await it.go(3);
    assertEquals(await third.result(), 2);
    assertEquals((await failureOf(first.result())).code, "no_run");
  }, { runs: { keep: { runs: 3 } } }));

test("a call with an id begins one run", () =>
  once(async (it) => {
    await it.step("one", () => act("one"));
  }, async (type) => {
    const it = type.get("a", { id: "7" });
    const one = await it.go();
    await one.result();
    await kill(it);
    const two = await it.go();
    assertEquals(two.id, one.id);
    await two.result();
    assertEquals(done, ["one"]);
  }));

test("cancel() aborts the steps, and nothing that they do counts", () => {
  const aborted: unknown[] = [];
  const signals: StepContext[] = [];
  return once(async (it) => {
    await it.step("one", (step) => {
      signals.push(step);
      step.signal.addEventListener(
        "abort",
        () => aborted.push(step.signal.reason),
      );
      return hang();
    });
  }, async (type) => {
    const it = type.get("a");
    const run = await it.go();
    const result = failureOf(run.result());
    await pass(10);
    assertEquals(await run.cancel(), true);
    assertEquals((await result).code, "cancelled");
    assertEquals(aborted.length, 1);
    const other = await it.go();
    await pass(10);
    await kill(it);
    await pass(10);
    assertEquals(aborted.length, 2);
    assertEquals(signals.map(({ attempt }) => attempt), [1, 1, 1]);
    assertEquals(signals.map(({ id }) => id), [
      `${run.id}/0`,
      `${other.id}/0`,
      `${other.id}/0`,
    ]);
  });
});

test("result() waits for as long as it is told", () =>
  once(async (it) => {
    await it.sleep("1 min");
    return "tea";
  }, async (type) => {
    const run = await type.get("a").go();
    const late = await failureOf(run.result({ timeout: 20_000 }));
    assertEquals(late.code, "timeout");
    assertEquals(await run.result(), "tea");
    const none = type.get("a").run("0".repeat(36)).result();
    assertEquals((await failureOf(none)).code, "no_run");
  }));

/** An event of the log of a case. */
interface CaseEvent {
  type: string;
  by?: string;
}

const Case = Entity.define("case", {
  state: () => ({ n: 0 }),
  log: { keep: { events: 3 } } as EntityLogOptions<CaseEvent>,
  durable: {
    async decide(it, ...types: string[]) {
      const events: (CaseEvent | null)[] = [];
      await it.step("ask", () => act("ask"));
      for (const type of types) {
        events.push(
          await it.waitFor<CaseEvent>(type, { timeout: "20 min" }) ?? null,
        );
        it.state.n++;
      }
      await it.step("tell", () => act("tell"));
      return events;
    },
    async talk(it) {
      const number = it.log.append({ type: "asked" });
      const asked = await it.waitFor<CaseEvent>("asked");
      await it.step("tell", () => act("tell"));
      return [number, asked?.type];
    },
  },
  add: (it, type: string, by?: string) => it.log.append({ type, by }),
  read: (it) => it.state.n,
}, { runs: { open: 3 } });

/** Runs a function on one node with cases. */
async function deciding(fn: (store: Store) => Promise<void>): Promise<void> {
  done = [];
  instead = {};
  const { cluster, store } = await startNodes({
    alex: optionsOf({ types: [Case] }),
  });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

test("waitFor() gets the first event of its type after the call that no other wait has got", () =>
  deciding(async () => {
    const it = Case.get("a");
    await it.add("yes", "before");
    instead = { ask: () => pass(100) };
    const run = await it.decide("yes", "no", "yes");
    await it.add("no", "kate");
    await pass(200);
    await it.add("yes", "alex");
    await it.add("yes", "moebi");
    const all = await run.result();
    assertEquals(all.map((event) => event?.by), ["alex", "kate", "moebi"]);
    assertEquals(await it.read(), 3);
  }));

test("waitFor() gets an event that was stored before the owner was lost, and undefined when its time is up", () =>
  deciding(async (store) => {
    const it = Case.get("a");
    const run = await it.decide("yes", "no");
    await pass(100);
    assertEquals(
      (await run.info())!.waits.map(({ kind, name }) => [kind, name]),
      [
        ["wait", "yes"],
      ],
    );
    await it.add("other");
    const pid = await it.pid();
    const { write } = store;
    // The event is stored, and its owner does nothing more.
    store.write = async (owner, writes) => {
      const results = await write.call(store, owner, writes);
      if (JSON.stringify(writes).includes("kate")) Process.exit(pid, "kill");
      return results;
    };
    assertEquals((await failureOf(it.add("yes", "kate"))).code, "unknown");
    store.write = write;
    await pass(1000);
    await kill(it);
    assertEquals((await run.info())!.waits[0].name, "no");
    await pass(20 * 60_000 + LEASE);
    assertEquals(done.at(-1), "tell");
    const events = await run.result();
    assertEquals(events.map((event) => event?.by), ["kate", undefined]);
    assertEquals(done, ["ask", "tell"]);
  }));

test("waitFor() fails if events that it has not seen were removed", () =>
  deciding(async () => {
    const it = Case.get("a");
    instead = { ask: () => pass(100) };
    const run = await it.decide("yes");
    for (let n = 0; n < 20; n++) await it.add("other");
    await failureOf(run.result(), "were removed before that; keep more of it");
  }));

test("a run appends to the log once, and waits for its own event", () =>
  deciding(async () => {
    const it = Case.get("a");
    instead = { tell: hang };
    const run = await it.talk();
    await pass(100);
    instead = {};
    await kill(it);
    assertEquals(await run.result(), [1, "asked"]);
    assertEquals((await it.log.read()).last, 1);
  }));
