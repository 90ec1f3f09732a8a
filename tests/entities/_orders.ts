/** The entities of the random lives that judge logs, steps, alarms and statements: orders, with no check of their own. */

import { assertEquals } from "@std/assert";
import {
  Entity,
  type EntityContext,
  type EntityLogOptions,
} from "../../packages/entities/mod.ts";
import { Process } from "../../packages/processes/process.ts";
import type {
  SimulatedClient,
  SimulateOptions,
} from "../../exports/testing.ts";

const LEASE = 3000;
const KEYS = ["a", "b"];
const INSERT = "INSERT INTO outbox (id) VALUES ($1)";

export const Order = Entity.define("order", {
  state: () => ({ paid: 0, shipped: 0, rung: 0 }),
  log: { keep: { events: 6 } } as EntityLogOptions<string>,
  pay(order, id: string, isRefused: boolean) {
    order.state.paid++;
    order.sql(INSERT, [id]);
    const number = order.log.append(id);
    if (isRefused) order.refuse("planned");
    return number;
  },
  note: (order, id: string) => order.log.append(id),
  async remind(order, ms: number) {
    order.alarm(`alarm ${ms % 3}`, order.now() + ms);
    await Process.sleep(ms % 50);
  },
  async alarm(order) {
    // safe: virtual time.
    await Process.sleep(20);
    order.log.append("rung");
    order.state.rung++;
  },
  durable: {
    async ship(order, id: string, ms: number) {
      await order.step("pack", () => Process.sleep(ms % 300));
      order.sql(INSERT, [id]);
      order.log.append(id);
      await order.sleep(ms);
      await order.step("send", ({ attempt }) => {
        if (attempt <= ms % 2) throw new Error("planned");
      }, { retry: { min: 100 } });
      order.state.shipped++;
    },
  },
}, { maxRestarts: 1000, limit: LEASE, idle: LEASE / 3 });

/** An outbox whose keys have no runs, so each state is of its methods. */
export const Box = Entity.define("box", {
  state: () => ({ ids: [] as string[] }),
  log: {} as EntityLogOptions<string>,
  put(box, id: string) {
    box.state.ids.push(id);
    box.sql(INSERT, [id]);
    return box.log.append(id);
  },
  clear(box, id: string) {
    box.delete();
    return id;
  },
}, { maxRestarts: 1000, limit: LEASE, idle: LEASE / 3 });

async function follow(client: SimulatedClient, key: string): Promise<void> {
  const { log } = client.get(Order, key);
  const { last } = await log.read({ limit: 0 });
  const after = Math.max(0, last - client.random(10));
  const end = new AbortController();
  const { signal } = end;
  const timer = Process.sleep(client.random(LEASE)).then(() => end.abort());
  try {
    for await (const _ of log.follow({ after, signal }));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await timer;
}

/** Lives whose rules are those of `simulate` alone. */
export const ORDERS: SimulateOptions = {
  types: [Order, Box],
  callers: ["sophie"],
  lease: LEASE,
  shards: 4,
  works: 60,
  async work(client) {
    const key = client.pick(KEYS);
    const dice = client.random(13);
    const id = `${client.random(1e9)}`;
    const timeout = LEASE / 4 + client.random(LEASE);
    const order = client.get(Order, key, { timeout });
    if (dice === 0) await follow(client, key);
    else if (dice < 3) await order.remind(client.random(LEASE));
    else if (dice < 5) await order.ship(id, client.random(LEASE));
    else if (dice < 7) await client.get(Box, key, { timeout }).put(id);
    else if (dice < 9) await order.note(id);
    else if (dice < 12) await order.pay(id, dice === 9);
    else await client.get(Box, key, { timeout }).clear(id);
  },
};

/** A tray whose calls come many at a time, and can have one write. */
export const Tray = Entity.define("tray", {
  state: () => ({ ids: [] as string[] }),
  log: {} as EntityLogOptions<string>,
  note(tray, id: string) {
    tray.state.ids.push(id);
    return tray.log.append(id);
  },
  arm(tray, id: string, name: string, ms: number) {
    tray.state.ids.push(id);
    tray.alarm(name, ms % 5 === 0 ? null : tray.now() + ms);
  },
  refuse(tray, id: string) {
    change(tray, id);
    tray.refuse("planned");
  },
  crash(tray, id: string) {
    change(tray, id);
    throw new Error("planned");
  },
  async slow(tray, id: string, ms: number) {
    change(tray, id);
    await Process.sleep(ms);
    return tray.log.append(`late ${id}`);
  },
  put(tray, id: string) {
    change(tray, id);
    tray.sql(INSERT, [id]);
  },
  alarm(tray, _: unknown, name: string) {
    tray.state.ids.push(name);
    tray.log.append(name);
  },
  clear(tray, id: string) {
    tray.delete();
    return id;
  },
}, { maxRestarts: 1000, limit: LEASE, idle: LEASE / 3 });

function change(tray: EntityContext<{ ids: string[] }>, id: string): void {
  tray.state.ids.push(id);
  tray.log.append(id);
  tray.alarm("changed", tray.now() + 50);
}

/** Lives in which calls of one key come many at a time. */
export const BURSTS: SimulateOptions = {
  types: [Tray],
  callers: ["sophie"],
  lease: LEASE,
  works: 40,
  async work({ get, pick, random }) {
    const key = pick(KEYS);
    const call = (_: unknown, n: number): Promise<unknown> => {
      const id = `${random(1e9)}`;
      const tray = get(Tray, key, { timeout: LEASE / 4 + random(LEASE) });
      const dice = random(24);
      if (dice < 8) return tray.note(id);
      if (dice < 16) return tray.arm(id, `alarm ${n % 2}`, random(LEASE));
      if (dice < 19) return tray.refuse(id);
      if (dice === 19) return tray.crash(id);
      if (dice === 20) return tray.slow(id, random(100));
      if (dice === 21) return tray.put(id);
      return dice === 22 ? get(Tray, key, { id }).note(id) : tray.clear(id);
    };
    const ends = await Promise.allSettled(Array.from({ length: 8 }, call));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  },
  async finally(life) {
    await life.run(async ({ get }) => {
      for (const key of KEYS) {
        const { events } = await get(Tray, key).log.read();
        const ids = events.map(({ event }) => event)
          .filter((id) => !id.includes("alarm") && id !== "changed");
        assertEquals(ids, [...new Set(ids)], "each call counts once");
      }
    });
  },
};

/** Orders whose store loses what it had accepted last. */
export const ORDERS_BACK: SimulateOptions = {
  ...ORDERS,
  works: 40,
  faults: [
    ...["store goes back", "store goes back", "kill", "write kill"] as const,
    ...["deploy", "pause", "entity kill", "store errors"] as const,
    "store stall",
  ],
};
