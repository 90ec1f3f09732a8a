/** The log of entities: exact, in virtual time. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Entity,
  type EntityContext,
  EntityError,
  type EntityLogEvent,
  type EntityLogOptions,
  type EntityOptions,
  type Store,
} from "../../packages/entities/mod.ts";
import { LOG_BOUNDS } from "../../packages/entities/entity_log.ts";
import { MOST_HELD } from "../../packages/entities/held_answers.ts";
import { Process, receive, send } from "../../packages/processes/process.ts";
import type { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../packages/testing/tags.ts";
import { numbersIn } from "../_pages.ts";
import { failureOf, kill, LEASE, pass, startNodes } from "./_clusters.ts";

type OrderEvent = { paid: number } | { note: string };

// deno-lint-ignore explicit-function-return-type
function orderOf(
  log: EntityLogOptions<OrderEvent> = {},
  options: EntityOptions = {},
) {
  return Entity.define("order", {
    state: () => ({ note: "", big: "" }),
    log,
    append: (order, ...events: OrderEvent[]) =>
      events.map((event) => order.log.append(event)),
    note(order, note: string) {
      order.state.note = note;
      return order.log.append({ note });
    },
    grow: (order, length: number) =>
      void (order.state.big = "x".repeat(length)),
    read: (order) => order.state.note,
    refuse(order, event: OrderEvent) {
      order.refuse("planned", order.log.append(event));
    },
    crash(order, event: OrderEvent) {
      order.log.append(event);
      throw new Error("planned");
    },
    async appendSlowly(order, event: OrderEvent, ms: number) {
      const number = order.log.append(event);
      await pass(ms);
      return number;
    },
    drop(order) {
      order.log.append({ note: "gone" });
      order.delete();
    },
    leave: (order) => order.stop(),
  }, { maxRestarts: 10, ...options });
}

const Order = orderOf();

const Account = Entity.define("account", {
  state: () => ({ cents: 0, calls: 0 }),
  log: { keep: { events: 20 } },
  apply(account, event: { paid: number; text?: string }) {
    if (event.paid < 0) throw new RangeError("a negative payment");
    account.cents += event.paid;
  },
  pay: (account, paid: number, text?: string) =>
    account.log.append({ paid, text }),
  payAndCount(account, paid: number) {
    account.log.append({ paid });
    account.state.calls++;
    return account.log.append({ paid });
  },
  refuse(account, paid: number) {
    account.log.append({ paid });
    account.refuse("planned");
  },
  read: (account) => account.state,
  last: (account) => account.log.last,
  close(account) {
    account.log.append({ paid: 0 });
    account.delete();
    return account.log.last;
  },
}, { maxRestarts: 10 });

/** The bodies of what the store has of a log. */
async function stored(
  store: Store,
  key = "a",
  type = "order",
): Promise<unknown> {
  const { events } = await store.readLog(type, key, "", 0, 1000, 1 << 20);
  return events.map(({ number, body }) => [number, JSON.parse(body)]);
}

/** Runs a function on alex, one of some nodes that host orders and accounts. */
async function onNodes(
  nodes: string[],
  fn: (store: Store, cluster: SimulatedCluster) => Promise<void>,
  type: unknown = Order,
): Promise<void> {
  const types = [type as typeof Order, Account];
  const { cluster, store } = await startNodes(
    Object.fromEntries(nodes.map((node) => [node, {
      ...{ types, shards: 8, hosts: node !== "sophie" },
    }])),
  );
  await using _ = cluster;
  await cluster.run(nodes[0], () => fn(store, cluster));
}

const alone = (fn: (store: Store) => Promise<void>, type?: unknown) =>
  onNodes(["alex"], fn, type);

const numbers = (events: EntityLogEvent[]) =>
  events.map(({ number }) => number);

test("log.append() numbers events, and stores them without the state", () =>
  alone(async (store) => {
    const order = Order.get("a");
    assertEquals(await order.append({ paid: 5 }), [1]);
    assertEquals((await store.load("order", "a"))?.version, 1);
    assertEquals(await order.append({ paid: 6 }, { note: "tea" }), [2, 3]);
    assertEquals(await order.append(), []);
    // The first event came with a state, as the entity is then known.
    assertEquals((await store.load("order", "a"))?.version, 1);
    assertEquals(await order.note("milk"), 4);
    assertEquals((await store.load("order", "a"))?.version, 2);
    await order.leave();
    assertEquals(await order.note("bread"), 5);
    assertEquals(await stored(store), [
      [1, { paid: 5 }],
      [2, { paid: 6 }],
      [3, { note: "tea" }],
      [4, { note: "milk" }],
      [5, { note: "bread" }],
    ]);
  }));

test("events of a call that refuses or crashes are not in the log", () =>
  alone(async (store) => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    const refused = await failureOf(order.refuse({ paid: 2 }));
    assertEquals([refused.code, refused.data], ["refused", 2]);
    assertEquals(await order.append({ paid: 3 }), [2]);
    await failureOf(order.crash({ paid: 4 }));
    assertEquals(await order.append({ paid: 5 }), [3]);
    assertEquals(await stored(store), [[1, { paid: 1 }], [2, { paid: 3 }], [
      3,
      { paid: 5 },
    ]]);
  }));

test("a request that is repeated appends once", () =>
  alone(async (store) => {
    const order = Order.get("a", { id: "one" });
    assertEquals(await order.append({ paid: 1 }), [1]);
    assertEquals(await order.append({ paid: 1 }), [1]);
    assertEquals(await stored(store), [[1, { paid: 1 }]]);
  }));

test("a deletion removes the events, and their numbers are not given again", () =>
  alone(async (store) => {
    const order = Order.get("a");
    await order.append({ paid: 1 }, { paid: 2 });
    await order.drop();
    assertEquals(await store.readLog("order", "a", "", 0, 9, 99), {
      first: 4,
      last: 3,
      events: [],
    });
    assertEquals(await order.append({ paid: 3 }), [4]);
  }));

test("durability { every } stores events within that time, and follows them then", () => {
  const Order = orderOf({}, { durability: { every: 1000 } });
  return alone(async (store) => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    await order.append({ paid: 2 });
    assertEquals(await stored(store), []);
    const follower = order.log.follow();
    const first = follower.next();
    await pass(1001);
    assertEquals((await first).value?.number, 1);
    await order.append({ paid: 3 });
    await order.drop();
    assertEquals((await store.readLog("order", "a", "", 0, 9, 99)).last, 4);
    await follower.return?.();
  }, Order);
});

test("log.read() returns events after a number, and says if some are kept no more", () => {
  const Order = orderOf({ keep: { events: 10 } });
  return alone(async () => {
    const { log } = Order.get("a");
    assertEquals(await log.read(), { first: 1, last: 0, events: [] });
    const order = Order.get("a");
    for (let n = 1; n <= 10; n++) await order.append({ paid: n });
    const { first, last, events } = await log.read({ after: 8 });
    assertEquals([first, last], [1, 10]);
    assertEquals(events.map(({ event }) => event), [{ paid: 9 }, { paid: 10 }]);
    assert(events[0].at > 0);
    assertEquals(numbers((await log.read({ limit: 2 })).events), [1, 2]);
    assertEquals((await log.read({ after: 10 })).events, []);
    for (let n = 11; n <= 15; n++) await order.append({ paid: n });
    const kept = await log.read();
    assertEquals([kept.first, kept.last, kept.events[0].number], [6, 15, 6]);
    const gap = await failureOf(
      log.read({ after: 4 }),
      "first event that is kept is 6",
    );
    assertEquals([gap.code, gap.data], ["gap", { first: 6, last: 15 }]);
    assertEquals((await log.read({ after: 5 })).events.length, 10);
  }, Order);
});

test("events that are older than `days` are removed", () => {
  const Order = orderOf({ keep: { days: 0.002 } });
  return alone(async () => {
    const order = Order.get("a");
    const day = 86_400;
    await order.append({ paid: 1 });
    await pass(day);
    await order.append({ paid: 2 });
    await order.leave();
    await pass(1.5 * day);
    await order.append({ paid: 3 });
    assertEquals(numbers((await order.log.read()).events), [2, 3]);
  }, Order);
});

test("log.follow() returns what there is, and then what comes, and ends", () =>
  alone(async () => {
    const order = Order.get("a");
    await order.append({ paid: 1 }, { paid: 2 }, { paid: 3 });
    const followed: number[] = [];
    const done = Promise.withResolvers<void>();
    const follow = (async () => {
      for await (const { number } of order.log.follow({ after: 1 })) {
        followed.push(number);
        if (number === 3) done.resolve();
        if (number === 5) break;
      }
    })();
    await done.promise;
    await order.append({ paid: 4 });
    await order.append({ paid: 5 }, { paid: 6 });
    await follow;
    assertEquals(followed, [2, 3, 4, 5]);
  }));

test("many followers of a key cost one subscription, and each has its own events", () =>
  alone(async () => {
    const order = Order.get("a");
    const followers = Array.from({ length: 50 }, () => order.log.follow());
    const firsts = followers.map((follower) => follower.next());
    await order.append({ note: "tea" });
    for (const first of firsts) {
      const { event } = (await first).value as EntityLogEvent;
      assertEquals(event, { note: "tea" });
      Object.assign(event as object, { note: "changed" });
    }
    const pid = await order.pid();
    const watchers = Process.info(pid)!.monitoredBy.length;
    assertEquals(watchers, 1);
    for (const follower of followers) await follower.return!();
  }));

test("an aborted follower rejects with the reason, and one of a process that exits ends", () =>
  alone(async () => {
    const order = Order.get("a");
    const abort = new AbortController();
    const next = order.log.follow({ signal: abort.signal }).next();
    const reason = new Error("enough");
    abort.abort(reason);
    assertEquals(await next.catch((error) => error), reason);
  }));

test("an abort ends a follower that reads: while the store does not answer, or at once after its answer", () =>
  onNodes(["sophie", "alex"], async (store) => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    // The feed of the node knows the last event.
    const other = order.log.follow({ after: 1 });
    const news = other.next();
    await pass(LEASE);
    const { readLog } = store;
    const [after] = (await order.log.read()).events;
    const abortIn = async (read: (abort: () => void) => typeof readLog) => {
      const abort = new AbortController();
      const reason = new Error("enough");
      store.readLog = read(() => abort.abort(reason));
      const { signal } = abort;
      const next = order.log.follow({ after, signal }).next();
      assertEquals(await next.catch((error) => error), reason);
      store.readLog = readLog;
    };
    await abortIn((abort) => (...args) => {
      abort();
      return readLog.apply(store, args);
    });
    await abortIn((abort) => () => {
      abort();
      return Promise.reject(new Error("the store is away"));
    });
    await order.append({ paid: 2 });
    assertEquals((await news).value!.number, 2);
    await other.return!();
  }));

test("a follower on another node follows the owner through moves and a kill", () =>
  onNodes(["sophie", "alex", "kate"], async (_store, cluster) => {
    const all = { timeout: 10 * LEASE, id: "" };
    let sent = 0;
    const append = () => {
      const id = `${++sent}`;
      return Order.get("a", { ...all, id }).append({ paid: sent });
    };
    await append();
    const found: number[] = [];
    const end = (async () => {
      for await (const { event } of Order.get("a").log.follow({ after: 0 })) {
        found.push((event as { paid: number }).paid);
        if (event && "paid" in event && event.paid === 30) break;
      }
    })();
    for (let n = 0; n < 9; n++) await append();
    const { node } = await Order.get("a").pid();
    const [owner] = node.split("@");
    cluster.kill(owner);
    for (let n = 0; n < 10; n++) await append();
    await kill(Order.get("a"));
    for (let n = 0; n < 10; n++) await append();
    await end;
    assertEquals(found, Array.from({ length: 30 }, (_, n) => n + 1));
  }));

test("a follower that does not read costs nothing, reads the store later, and is told of a gap", () => {
  const Order = orderOf({ keep: { events: 10 } });
  return alone(async () => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    const slow = order.log.follow({ after: 0 });
    const fast = order.log.follow({ after: 0 });
    assertEquals((await slow.next()).value?.number, 1);
    for (let n = 2; n < LOG_BOUNDS.recent + 50; n++) {
      await order.append({ paid: n });
      if (n === 5) assertEquals((await slow.next()).value?.number, 2);
      if (n === 5) assertEquals((await slow.next()).value?.number, 3);
      if (n === 5) assertEquals((await slow.next()).value?.number, 4);
      if (n === 5) assertEquals((await slow.next()).value?.number, 5);
      assertEquals((await fast.next()).value?.number, n - 1);
    }
    const gap = await assertRejects(() => slow.next(), EntityError);
    assertEquals(gap.code, "gap");
    const { first, last } = gap.data as { first: number; last: number };
    assertEquals([first, last], [last - 9, LOG_BOUNDS.recent + 49]);
    const again = order.log.follow({ after: first - 1 });
    assertEquals((await again.next()).value?.number, first);
    await again.return!();
    await fast.return!();
  }, Order);
});

test("a follower that is ahead of the log is told that the store has lost events", () =>
  alone(async () => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    const follower = order.log.follow({ after: 2 });
    const gap = await assertRejects(
      () => follower.next(),
      EntityError,
      "it ends at 1",
    );
    assertEquals([gap.code, gap.data], ["gap", { first: 1, last: 1 }]);
  }));

test("nobody but the owner can make up events", () =>
  alone(async () => {
    const order = Order.get("a");
    const follower = order.log.follow();
    const next = follower.next();
    await order.append({ paid: 1 });
    assertEquals((await next).value?.event, { paid: 1 });
    const events = [{ number: 2, at: 0, body: "{}" }];
    for (const pid of Process.list()) {
      send(pid, { type: "$entity_log", token: "", events });
      send(pid, { type: "$entity_log", events });
    }
    await order.append({ paid: 2 });
    assertEquals((await follower.next()).value?.event, { paid: 2 });
    await follower.return!();
    await receive(() => true, { timeout: 0, after: undefined });
  }));

test("apply makes the state of the events, which starts from the last snapshot", () =>
  alone(async (store) => {
    const account = Account.get("a");
    await account.pay(5);
    await account.pay(6);
    await account.pay(7);
    assertEquals((await store.load("account", "a"))?.version, 1);
    assertEquals(await account.read(), { cents: 18, calls: 0 });
    await kill(account);
    assertEquals(await account.read(), { cents: 18, calls: 0 });
    await failureOf(account.refuse(100), "planned");
    assertEquals(await account.read(), { cents: 18, calls: 0 });
    // A change that a method makes itself is stored with the state.
    assertEquals(await account.payAndCount(1), 5);
    assertEquals((await store.load("account", "a"))?.version, 2);
    await kill(account);
    assertEquals(await account.read(), { cents: 20, calls: 1 });
    await failureOf(account.pay(-1), "negative");
    assertEquals(await account.read(), { cents: 20, calls: 1 });
  }));

test("a deleted entity with apply starts anew, and its log goes on after the last number", () =>
  alone(async () => {
    const account = Account.get("a");
    assertEquals(await account.last(), 0);
    await account.pay(5);
    assertEquals(await account.close(), 2);
    assertEquals(await account.read(), { cents: 0, calls: 0 });
    assertEquals(await account.last(), 2);
    assertEquals(await account.pay(7), 3);
    await kill(account);
    assertEquals(await account.read(), { cents: 7, calls: 0 });
    assertEquals((await account.log.read()).first, 3);
  }));

test("the state is stored again when the events since then are longer, and only then events are removed", () =>
  alone(async (store) => {
    const account = Account.get("a");
    const text = "x".repeat(1000);
    for (let n = 1; n <= 16; n++) await account.pay(1, text);
    assertEquals((await store.load("account", "a"))?.version, 1);
    for (let n = 17; n <= 30; n++) await account.pay(1, text);
    assertEquals((await store.load("account", "a"))?.version, 2);
    assertEquals((await account.log.read()).first, 1);
    for (let n = 31; n <= 60; n++) await account.pay(1, text);
    assert((await account.log.read()).first > 1);
    await kill(account);
    assertEquals(await account.read(), { cents: 60, calls: 0 });
    assertEquals(await account.pay(1), 61);
  }));

test("an entity whose log lacks events that its state needs does not start", () =>
  alone(async (store) => {
    const account = Account.get("a");
    for (const paid of [5, 6, 7]) await account.pay(paid);
    const { readLog } = store;
    for (const left of [[], [3]]) {
      await kill(account);
      store.readLog = async (...args) => {
        const part = await readLog.apply(store, args);
        const events = part.events.filter(({ number }) =>
          left.includes(number)
        );
        return { ...part, events };
      };
      const error = await failureOf(account.read(), "its log has no event 2");
      assertEquals(error.code, "crashed");
      store.readLog = readLog;
      assertEquals(await account.read(), { cents: 18, calls: 0 });
    }
  }));

test("log.append() refuses what is no event, is too long, or too much", () =>
  alone(async () => {
    const order = Order.get("a");
    const failure = (...events: unknown[]) =>
      failureOf(order.append(...events as OrderEvent[])).then(({ message }) =>
        message
      );
    assert(
      (await failure(new Map())).includes("Cannot store an event, which is"),
    );
    assert(
      (await failure(undefined)).includes("Cannot store an event, which is"),
    );
    const most = "x".repeat(LOG_BOUNDS.event - '{"note":""}'.length);
    assertEquals(await order.append({ note: most }), [1]);
    assert(
      (await failure({ note: `${most}x` })).includes(
        `${LOG_BOUNDS.event} is the most`,
      ),
    );
    const many = Array.from({ length: LOG_BOUNDS.events }, () => ({ paid: 1 }));
    assertEquals((await order.append(...many)).length, LOG_BOUNDS.events);
    assert(
      (await failure(...many, { paid: 1 })).includes("append in several calls"),
    );
    const long = Array.from({ length: 8 }, () => ({ note: most }));
    assertEquals((await order.append(...long)).length, 8);
    assert(
      (await failure(...long, { paid: 1 })).includes("append in several calls"),
    );
  }));

test("a type without a log says so", () => {
  const Plain = Entity.define("plain", {
    state: () => 0,
    append: (plain) => plain.log.append(1),
  });
  return alone(async () => {
    await failureOf(Plain.get("a").append(), "add log: {} to its definition");
    for (const fn of ["read", "follow"] as const) {
      await assertRejects(
        async () => {
          for await (const _ of Plain.get("a").log.follow()) assert(fn);
        },
        TypeError,
        "add log: {} to its definition",
      );
    }
    await assertRejects(() => Plain.get("a").log.read(), TypeError, "log: {}");
  }, Plain);
});

test("Entity.define() checks the options of a log", () => {
  const define = (log: unknown, more: object = {}, options = {}) =>
    Entity.define(
      "order",
      { state: () => 0, log: log as EntityLogOptions, ...more },
      options,
    );
  for (
    const [log, text] of [
      [{ keep: { events: 0 } }, "events is 0"],
      [{ keep: { days: -1 } }, "days is -1"],
      [{ keep: { day: 1 } }, "days"],
      [{ kep: {} }, "keep"],
      [{ keep: 5 }, "keep is 5"],
      [() => {}, "log"],
    ] as const
  ) assertThrows(() => define(log), Error, text);
  assertThrows(() => define({}, { apply: 5 }), TypeError, "apply is 5");
  assertThrows(
    () => define({}, { apply: () => {} }, { save: "explicit" }),
    TypeError,
    "its state changes by events",
  );
});

test("log.read() and log.follow() check their options", () =>
  alone(async () => {
    const { log } = Order.get("a");
    await assertRejects(() => log.read({ after: -1 }), RangeError, "after");
    await assertRejects(() => log.read({ limit: 5001 }), RangeError, "limit");
    await assertRejects(() => log.follow({ after: 0.5 }).next(), RangeError);
    for (const after of ["1", { number: 1 }, { number: -1, at: 1 }]) {
      const wrong = { after } as object;
      await assertRejects(() => log.read(wrong), TypeError, "after");
    }
    await assertRejects(
      () => log.follow({ since: 1 } as object).next(),
      TypeError,
      "since",
    );
  }));

test("a node without the type cannot read its log", async () => {
  const { cluster } = await startNodes({ alex: { types: [Account] } });
  await using _ = cluster;
  await cluster.run("alex", async () => {
    const error = await failureOf(Order.get("a").log.read());
    assertEquals(error.code, "no_host");
  });
});

// Types.
export function types(): void {
  const log = Account.get("a").log;
  void log.read().then(({ events: [{ event }] }) => event.paid.toFixed());
  // @ts-expect-error: an account has no such event
  void log.read().then(({ events: [{ event }] }) => event.note);
  // @ts-expect-error: the log is no method
  Account.get("a").apply();
  Entity.define("typed", {
    state: () => ({ n: 0 }),
    apply(state, event: { by: number }) {
      state.n += event.by;
    },
    add: (it, by: number) => it.log.append({ by }),
    // @ts-expect-error: no such event
    wrong: (it) => it.log.append({ to: 5 }),
  });
  Entity.define("typed", {
    state: () => ({ n: 0 }),
    log: {} as EntityLogOptions<{ by: number }>,
    // @ts-expect-error: no such event
    wrong: (it) => it.log.append({ to: 5 }),
  });
}
export function wrongTypes(): void {
  const Wrong = Entity.define("wrong", {
    state: () => ({ n: 0 }),
    text: (it: string) => it,
    other: (it: EntityContext<{ m: 0 }>) => it.state.m,
    right: (it: EntityContext<{ n: number }>, by: number) => it.state.n += by,
  });
  // @ts-expect-error: a method gets the entity
  void Wrong.get("a").text();
  // @ts-expect-error: the entity has another state
  void Wrong.get("a").other();
  void Wrong.get("a").right(5);
}

test("docs/security.md states the bounds of logs", () => {
  const { event, events, pending, read, recent, recentLength, followers } =
    LOG_BOUNDS;
  assertEquals(
    numbersIn(
      "docs/security.md",
      "Logs of entities: an event has at most # characters of JSON, and a call appends at most # events with # characters. Answers of at most # calls of a key wait for one write, for # ms, and up to about 1 MiB or # values. A read returns at most # events and 1 MiB. A node keeps # events with # characters of each key that is followed there, and has at most # followers.",
    ),
    [
      ...[event, events, pending, MOST_HELD.calls, MOST_HELD.time],
      ...[MOST_HELD.values, read, recent, recentLength, followers],
    ],
  );
});

test("a follower gets what was appended while its node was away, although nothing follows", () =>
  onNodes(["sophie", "alex"], async (_store, cluster) => {
    const order = Order.get("a");
    await order.append({ paid: 1 });
    const follower = order.log.follow({ after: 0 });
    assertEquals((await follower.next()).value?.number, 1);
    const live = follower.next();
    await pass(100);
    await order.append({ paid: 2 });
    assertEquals((await live).value?.number, 2);
    const next = follower.next();
    cluster.partition(["alex"], ["sophie"], { mode: "cut" });
    cluster.spawn("alex", () => Order.get("a").append({ paid: 3 }));
    await pass(100);
    cluster.heal();
    assertEquals((await next).value?.number, 3);
    await follower.return!();
  }));
