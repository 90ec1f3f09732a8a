/** The entities of the random lives: a list that only grows, so its states say in which order its calls ran. */

import { assert, assertEquals } from "@std/assert";
import { Entity } from "../../entities/mod.ts";
import { Process } from "../../otp/process/process.ts";
import {
  assertLinearizable,
  type SequentialModel,
} from "../../testing/simulation/linearizable.ts";
import type {
  SimulatedClient,
  SimulatedLife,
  SimulateOptions,
} from "../../testing/mod.ts";

const LEASE = 3000;
const KEYS = ["a", "b", "c"];

/** A list that only grows. */
const List = Entity.define("list", {
  state: () => ({ ids: [] as string[] }),
  add(list, id: string) {
    list.state.ids.push(id);
    return list.state.ids;
  },
  async addSlowly(list, id: string, ms: number) {
    list.state.ids.push(id);
    await Process.sleep(ms);
    return list.state.ids;
  },
  read: (list) => list.state.ids,
  async readSlowly(list, ms: number) {
    const { ids } = list.state;
    await Process.sleep(ms);
    return ids;
  },
  crash(list, id: string) {
    list.state.ids.push(id);
    throw new Error("planned");
  },
  refuse(list, id: string) {
    list.state.ids.push(id);
    list.refuse("planned");
  },
  leave: (list) => list.stop(),
}, { maxRestarts: 1000, limit: 1.2 * LEASE, idle: LEASE / 3 });

/** A model of a list, one call at a time; a request with an id that has run has its effect and reply already. */
const MODEL: SequentialModel<string[]> = {
  state: () => [],
  apply(ids, { method, args: [id], id: request }) {
    if (!method.startsWith("add")) {
      return [ids, method === "leave" ? undefined : ids];
    }
    const at = ids.indexOf(id as string) + 1;
    if (request !== undefined && at > 0) return [ids, ids.slice(0, at)];
    const next = [...ids, id as string];
    return [next, next];
  },
  leadsTo(ids, { value, id }) {
    if (!Array.isArray(value)) return true;
    const length = id === undefined
      ? ids.length
      : Math.min(ids.length, value.length);
    return ids.slice(0, length).every((each, i) => each === value[i]);
  },
};

/** A few calls of a random kind to a random list. */
async function work(client: SimulatedClient): Promise<void> {
  const id = `${client.random(1e9)}`;
  const key = client.pick(KEYS);
  const timeout = LEASE / 4 + client.random(2 * LEASE);
  const dice = client.random(24);
  const request = dice < 4
    ? { id: `request ${id}` }
    : dice === 4
    ? { mayRunTwice: true }
    : {};
  const list = client.get(List, key, { timeout, ...request });
  if (dice < 10) await list.add(id);
  // A request that is made again does not run again.
  if (dice < 4) await list.add(id);
  if (dice === 10) await list.addSlowly(id, client.random(LEASE));
  if (dice === 11) await list.readSlowly(client.random(LEASE));
  if (dice === 12) await list.crash(id);
  if (dice === 13) await list.refuse(id);
  if (dice === 14) await list.leave();
  if (dice > 14) {
    for (let n = 0; n < 6; n++) {
      await list.read();
      // safe: virtual time.
      await Process.sleep(20);
    }
  }
}

/** Each result is of a state that is stored. */
async function assertStored(life: SimulatedLife): Promise<void> {
  for (const key of KEYS) {
    const { ids } = (await life.stored(List, key) ?? { ids: [] }) as {
      ids: string[];
    };
    const seen = life.calls.findLast((call) =>
      call.key === key && Array.isArray(call.value)
    )?.value as string[] | undefined;
    assert(
      (seen?.length ?? 0) <= ids.length,
      `a result of the list ${key} has left before its write: ${seen?.at(-1)}`,
    );
  }
}

/** All calls of each list have an order. */
async function assertOrder(life: SimulatedLife): Promise<void> {
  await life.run(async (client) => {
    for (const key of KEYS) {
      const ids = await client.get(List, key).read();
      const stored = await life.stored(List, key) as { ids: string[] };
      assertEquals(ids, stored?.ids ?? [], `the stored list ${key}`);
    }
  });
  for (const { method, code, args } of life.calls) {
    if (code === "crashed") assertEquals(method, "crash", `a call of ${args}`);
    if (code === "refused") assertEquals(method, "refuse", `a call of ${args}`);
  }
  assertLinearizable(
    life.calls.filter(({ method }) => !["crash", "refuse"].includes(method)),
    MODEL,
  );
}

const COMMON: SimulateOptions = {
  types: [List],
  callers: ["sophie"],
  lease: LEASE,
  always: assertStored,
  finally: assertOrder,
  work,
};

/** The kinds of lives. */
export const KINDS = {
  /** All faults whose effect a node can know. */
  faults: COMMON,
  /** Processes and hand-overs that end while the store is late, refuses and loses answers. */
  storms: {
    ...COMMON,
    faults: ["entity kill", "store errors", "deploy"],
    strikes: 24,
  },
  /** Clocks that stand still: a node believes that its lease is valid. */
  clocks: {
    ...COMMON,
    faults: ["stopped clocks", "store errors", "store partition"],
    async work(client) {
      // Reads may be of an old state then.
      const list = client.get(List, client.pick(["a", "b"]), {
        timeout: LEASE / 2,
      });
      await list.add(`${client.random(1e9)}`);
    },
  },
  /** Nodes that drain, and nothing else. */
  deploys: {
    ...COMMON,
    faults: ["deploy"],
    strikes: 4,
    async work(client) {
      const list = client.get(List, client.pick(KEYS));
      const id = `${client.random(1e9)}`;
      if (client.random(4) === 0) await list.addSlowly(id, 300);
      else await list.add(id);
    },
    async finally(life) {
      await assertOrder(life);
      assertEquals(life.calls.filter(({ code }) => code !== undefined), []);
    },
  },
} satisfies Record<string, SimulateOptions>;
