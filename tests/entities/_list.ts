/** The entities of the random lives: a list that only grows, so its states say in which order its calls ran. */

import { assert, assertEquals } from "@std/assert";
import {
  Entity,
  type EntityLogOptions,
  type EntityMessage,
} from "../../packages/entities/mod.ts";
import {
  type Pid,
  Process,
  receive,
} from "../../packages/processes/process.ts";
import {
  assertLinearizable,
  type SequentialModel,
} from "../../packages/testing/simulation/linearizable.ts";
import type {
  SimulatedClient,
  SimulatedLife,
  SimulateOptions,
} from "../../exports/testing.ts";

const LEASE = 3000;
const KEYS = ["a", "b", "c"];

interface ListState {
  ids: string[];
  /** The reminders that were set, and those whose alarm has run, in order. */
  set: string[];
  rung: string[];
  /** When the alarm that is set is due. */
  due: number | null;
}

/** A list that only grows. Its log has its items, so that the number of an event is the length of the list then. */
const List = Entity.define("list", {
  state: (): ListState => ({ ids: [], set: [], rung: [], due: null }),
  log: {} as EntityLogOptions<string>,
  add(list, id: string) {
    list.broadcast(id);
    const length = list.state.ids.push(id);
    const number = list.log.append(id);
    // A node whose clocks stop between its questions has a log that is newer than its state; its writes are refused.
    assert(number >= length, `the number ${number} of the ${length}th item`);
    return list.state.ids;
  },
  async addSlowly(list, id: string, ms: number) {
    list.broadcast(id);
    list.log.append(id);
    list.state.ids.push(id);
    await Process.sleep(ms);
    return list.state.ids;
  },
  /** Sets the alarm, in place of the one before. */
  remind(list, id: string, ms: number) {
    list.state.due = list.now() + ms;
    list.state.set.push(id);
    list.alarm(list.state.due, id);
  },
  async alarm(list, id: string) {
    const { state } = list;
    assert(state.due! <= list.now(), "an alarm is early");
    await Process.sleep(LEASE / 60);
    state.due = null;
    state.rung.push(id);
  },
  /** The time since the alarm was due. */
  late: (list) => list.state.due === null ? 0 : list.now() - list.state.due,
  read: (list) => list.state.ids,
  async readSlowly(list, ms: number) {
    const { ids } = list.state;
    await Process.sleep(ms);
    return ids;
  },
  crash(list, id: string) {
    list.broadcast(id);
    list.log.append(id);
    list.state.ids.push(id);
    throw new Error("planned");
  },
  refuse(list, id: string) {
    list.broadcast(id);
    list.log.append(id);
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
      return [ids, method.startsWith("read") ? ids : undefined];
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

/** The events that followers of a life have received, and the broadcasts. */
const received = {
  life: undefined as SimulatedLife | undefined,
  all: [] as { key: string; number: number; event: string }[],
  broadcasts: [] as { key: string; id: string }[],
};

/** Follows an entity for some time; `take` gets each event, and the number of the one before. */
async function followed(
  client: SimulatedClient,
  entity: { subscribe(): Promise<Pid> },
  take: (event: EntityMessage, last: number | undefined) => void,
): Promise<void> {
  const relay = await entity.subscribe();
  const end = Process.monotonicTime() + client.random(2 * LEASE);
  let last: number | undefined;
  for (;;) {
    const next = await receive<EntityMessage | undefined>(
      (m) => m?.type === "entity",
      { timeout: Math.max(0, end - Process.monotonicTime()), after: undefined },
    );
    if (next === undefined) break;
    take(next, last);
    last = next.number;
  }
  Process.exit(relay, "shutdown");
}

/** Follows the broadcasts of a list: no gap is invisible. */
function listen(client: SimulatedClient, key: string): Promise<void> {
  return followed(client, client.get(List, key), (next, last) => {
    const { event, number, message } = next;
    if (event !== "message") return;
    assertEquals(
      number,
      (last ?? number - 1) + 1,
      `a gap of the list ${key} is not visible`,
    );
    received.broadcasts.push({ key, id: message as string });
  });
}

/** Follows the log of a list from somewhere for some time: each event comes once and in order, and none is missing. */
async function follow(client: SimulatedClient, key: string): Promise<void> {
  const { log } = client.get(List, key);
  let last = client.random((await log.read()).last + 1);
  const end = new AbortController();
  const timer = Process.sleep(client.random(2 * LEASE));
  void timer.then(() => end.abort("over"));
  try {
    const { signal } = end;
    for await (const { number, event } of log.follow({ after: last, signal })) {
      assertEquals(number, last + 1, `the log of the list ${key} has a hole`);
      last = number;
      received.all.push({ key, number, event });
    }
  } catch (error) {
    if (error !== "over") throw error;
  }
  await timer;
}

/** A few calls of a random kind to a random list. */
async function work(client: SimulatedClient): Promise<void> {
  const id = `${client.random(1e9)}`;
  const key = client.pick(KEYS);
  const timeout = LEASE / 4 + client.random(2 * LEASE);
  const dice = client.random(29);
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
  if (dice === 15) await follow(client, key);
  if (dice === 16 || dice === 17) {
    await list.remind(id, client.random(2 * LEASE));
  }
  if (dice === 28) await listen(client, key);
  if (dice > 17 && dice < 28) {
    for (let n = 0; n < 6; n++) {
      await list.read();
      // safe: virtual time.
      await Process.sleep(20);
    }
  }
}

/** The stored state of a list. */
async function storedList(
  life: SimulatedLife,
  key: string,
): Promise<ListState> {
  return await life.stored(List, key) as ListState | undefined ??
    List._definition.state() as ListState;
}

/** Each result, each broadcast and each event is of a state that is stored. */
async function assertStored(life: SimulatedLife): Promise<void> {
  if (received.life !== life) {
    Object.assign(received, { life, all: [], broadcasts: [] });
  }
  for (const key of KEYS) {
    const { ids } = await storedList(life, key);
    for (const { key: of, event, number } of received.all) {
      if (of !== key) continue;
      assertEquals(
        event,
        ids[number - 1],
        `event ${number} of the list ${key}`,
      );
    }
    for (const { key: of, id } of received.broadcasts) {
      if (of !== key) continue;
      assert(ids.includes(id), `a broadcast of ${key} is of no stored item`);
    }
    const seen = life.calls.findLast((call) =>
      call.key === key && Array.isArray(call.value)
    )?.value as string[] | undefined;
    assert(
      (seen?.length ?? 0) <= ids.length,
      `a result of the list ${key} has left before its write: ${seen?.at(-1)}`,
    );
  }
}

/** Options for the last calls: a node may not have noticed yet that a fault has closed a connection at its other end. */
const AGAIN = { mayRunTwice: true };

/** All calls of each list have an order. */
async function assertOrder(life: SimulatedLife): Promise<void> {
  await life.run(async (client) => {
    for (const key of KEYS) {
      const ids = await client.get(List, key, AGAIN).read();
      assertEquals(ids, (await storedList(life, key)).ids, `the stored ${key}`);
      const { first, events } = await client.get(List, key).log.read();
      assertEquals(first, 1);
      assertEquals(
        events.map(({ number, event }) => [number, event]),
        ids.map((id, n) => [n + 1, id]),
        `the log of ${key}`,
      );
    }
  });
  for (const { method, code, args } of life.calls) {
    if (code === "crashed") assertEquals(method, "crash", `a call of ${args}`);
    if (code === "refused") assertEquals(method, "refuse", `a call of ${args}`);
  }
  assertLinearizable(
    life.calls.filter(({ method }) =>
      !["crash", "refuse", "late"].includes(method)
    ),
    MODEL,
  );
}

/** Each alarm has run once, unless another took its place, or the clock of the store was set back. */
async function assertRung(life: SimulatedLife): Promise<void> {
  await life.run(async (client) => {
    const late = async () => {
      const all = KEYS.map((key) => client.get(List, key, AGAIN).late());
      return (await Promise.all(all)).some((ms) => ms > 0);
    };
    if (!await late()) return;
    await Process.sleep(LEASE / 2);
    assert(!await late(), "an alarm has not run");
  });
  for (const key of KEYS) {
    const { set, rung, due } = await storedList(life, key);
    if (due === null) assertEquals(rung.at(-1), set.at(-1), `alarm of ${key}`);
    assertEquals(rung, set.filter((id) => rung.includes(id)), `rung of ${key}`);
    for (const { key: of, method, args: [id], code, to } of life.calls) {
      if (of !== key || method !== "remind" || code || to === Infinity) {
        continue;
      }
      assert(set.includes(id as string), `the reminder ${id} is lost`);
    }
  }
}

/** A new subscriber receives the next broadcast, or a gap. */
async function assertFollows(life: SimulatedLife): Promise<void> {
  await life.run(async (client) => {
    const list = client.get(List, KEYS[0]);
    const relay = await list.subscribe();
    await client.get(List, KEYS[0], { id: "last" }).add("last");
    const { event, message } = await receive<EntityMessage>();
    // The list may have moved meanwhile.
    if (event === "message") assertEquals(message, "last");
    Process.exit(relay, "shutdown");
  });
}

async function assertEnd(life: SimulatedLife): Promise<void> {
  await assertRung(life);
  await assertFollows(life);
  await assertOrder(life);
}

/** A list that is deleted now and then. */
const Notes = Entity.define("notes", {
  state: (): string[] => [],
  log: {} as EntityLogOptions<string>,
  add(notes, id: string) {
    notes.state.push(id);
    notes.broadcast(notes.log.append(id));
    return notes.state;
  },
  read: (notes) => notes.state,
  clear(notes) {
    notes.delete();
    return notes.state;
  },
}, { idle: LEASE / 3 });

/** More keys, so that each has few calls whose order is to be found. */
const NOTE_KEYS = ["a", "b", "c", "d", "e", "f"];

/** A model of notes: the list, and the items of those that were deleted, which no list has again. */
const NOTES: SequentialModel<{ ids: string[]; gone: string[] }> = {
  state: () => ({ ids: [], gone: [] }),
  apply({ ids, gone }, { method, args: [id] }) {
    if (method === "clear") return [{ ids: [], gone: [...gone, ...ids] }, ids];
    const next = method === "add" ? [...ids, id as string] : ids;
    return [{ ids: next, gone }, next];
  },
  leadsTo({ ids, gone }, { value }) {
    if (!Array.isArray(value) || value.length === 0) return true;
    // A list of later begins with this one, or has nothing of it.
    return !gone.includes(value[0]) &&
      (value[0] !== ids[0] || ids.every((id, i) => id === value[i]));
  },
};

/** Follows notes: after a gap, and only then, the numbers begin elsewhere. */
function followNotes(client: SimulatedClient): Promise<void> {
  const notes = client.get(Notes, client.pick(NOTE_KEYS));
  // Numbers of events are never given again, also not after a deletion.
  let highest = 0;
  return followed(client, notes, ({ event, number, message }, last) => {
    if (event !== "message") return;
    assertEquals(number, (last ?? number - 1) + 1, "a gap is not visible");
    assert(
      message as number > highest,
      "the number of an event is given again",
    );
    highest = message as number;
  });
}

/** Follows a list whose store may go back: after a gap, and only then, the numbers begin elsewhere. */
function followAnew(client: SimulatedClient, key: string): Promise<void> {
  return followed(client, client.get(List, key), ({ event, number }, last) => {
    if (event !== "message") return;
    assertEquals(number, (last ?? number - 1) + 1, "a gap is not visible");
  });
}

/** Each call that began when all nodes had noticed that the store has gone back is of what it has. */
async function assertNoticed(life: SimulatedLife): Promise<void> {
  const { noticedBy } = life;
  for (const key of KEYS) {
    const { ids } = await storedList(life, key);
    for (const { from, key: of, value } of life.calls) {
      if (from < noticedBy || of !== key || !Array.isArray(value)) continue;
      assertEquals(
        value,
        ids.slice(0, value.length),
        `a result of the list ${key} is of a state that the store has lost`,
      );
    }
  }
}

const COMMON: SimulateOptions = {
  types: [List],
  callers: ["sophie"],
  lease: LEASE,
  always: assertStored,
  finally: assertEnd,
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
  /** Entities that are deleted, under all faults. */
  deletes: {
    types: [Notes],
    callers: ["sophie"],
    lease: LEASE,
    async work(client) {
      const dice = client.random(16);
      if (dice === 0) return await followNotes(client);
      const timeout = LEASE / 4 + client.random(2 * LEASE);
      const notes = client.get(Notes, client.pick(NOTE_KEYS), { timeout });
      if (dice < 10) await notes.add(`${client.random(1e9)}`);
      else if (dice < 13) await notes.clear();
      else await notes.read();
    },
    async finally(life) {
      await life.run(async (client) => {
        for (const key of NOTE_KEYS) {
          const { last } = await client.get(Notes, key).log.read();
          const added = life.calls.filter(({ key: of, method, code, to }) =>
            of === key && method === "add" && code === undefined &&
            to < Infinity
          );
          assert(last >= added.length, `numbers of ${key} were given again`);
          const stored = await life.stored(Notes, key) ?? [];
          assertEquals(await client.get(Notes, key, AGAIN).read(), stored);
        }
      });
      assertLinearizable(life.calls, NOTES);
    },
  },
  /** A store that loses what it had accepted last, again and again, and some faults beside it. */
  returns: {
    ...COMMON,
    faults: [
      ...["store goes back", "store goes back", "store goes back"] as const,
      ...["kill", "deploy", "pause", "partition", "entity kill"] as const,
      ...["store partition", "store stall", "store errors"] as const,
    ],
    always: assertNoticed,
    async work(client) {
      const key = client.pick(KEYS);
      const timeout = LEASE / 4 + client.random(2 * LEASE);
      const list = client.get(List, key, { timeout });
      const dice = client.random(8);
      if (dice === 0) return await followAnew(client, key);
      if (dice < 3) await list.add(`${client.random(1e9)}`);
      // A list that is read stays in memory.
      else {
        for (let n = 0; n < 6; n++) {
          await list.read();
          // safe: virtual time.
          await Process.sleep(100);
        }
      }
    },
    async finally(life) {
      await assertFollows(life);
      await life.run(async (client) => {
        for (const key of KEYS) {
          const ids = await client.get(List, key, AGAIN).read();
          assertEquals(ids, (await storedList(life, key)).ids);
        }
      });
      await assertNoticed(life);
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
      await assertEnd(life);
      assertEquals(life.calls.filter(({ code }) => code !== undefined), []);
    },
  },
} satisfies Record<string, SimulateOptions>;
