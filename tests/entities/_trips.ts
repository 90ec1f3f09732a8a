/**
 * The durable methods of the random lives: trips, whose steps book something elsewhere. What is booked elsewhere says how
 * often each step has run, and with which results of the steps before.
 */

import { assert, assertEquals } from "@std/assert";
import { Entity, type EntityRun } from "../../packages/entities/mod.ts";
import { hashOf } from "../../packages/entities/placement.ts";
import { Process } from "../../packages/processes/process.ts";
import type {
  SimulatedClient,
  SimulatedLife,
  SimulateOptions,
} from "../../exports/testing.ts";

const LEASE = 3000;
const KEYS = ["a", "b", "c", "d"];
const STEPS = 5;

/** The world outside of a life: the nodes of all entities are in this program. */
interface World {
  life: SimulatedLife | undefined;
  /** The results that each step has returned, by the id of the step. */
  booked: Map<string, string[]>;
  /** The values that the code of a run had read when it called a step: the results of the steps before, the state and the time. */
  given: Map<string, Set<string>>;
  /** The runs whose callers have them: key by id. */
  known: Map<string, string>;
  cancelled: Set<string>;
}

const world: World = {
  life: undefined,
  booked: new Map(),
  given: new Map(),
  known: new Map(),
  cancelled: new Set(),
};

function beginWorld(life: SimulatedLife): void {
  if (world.life === life) return;
  world.life = life;
  for (const each of ["booked", "given", "known"] as const) {
    world[each].clear();
  }
  world.cancelled.clear();
}

let bookings = 0;

interface TripState {
  /** The steps that count, as `run/number: result`, in order. */
  steps: string[];
  /** The number of other calls. */
  others: number;
}

const Trip = Entity.define("trip", {
  state: (): TripState => ({ steps: [], others: 0 }),
  durable: {
    /** Books some things, each after the one before, and one of two at the end, as the entity is then. */
    async book(trip, dice: number) {
      const all: string[] = [];
      let seen = "";
      const see = () => {
        const { others, steps } = trip.state;
        seen += `${others} ${steps.length} ${trip.now()}, `;
      };
      const book = async (name: string, fails = 0) => {
        const number = all.length;
        const given = `${all} ${seen}`;
        const result = await trip.step(name, async ({ id, attempt }) => {
          const all = world.given.get(id) ?? new Set();
          world.given.set(id, all.add(given));
          await Process.sleep(hashOf(`${name} ${dice}`) % 300);
          const booked = world.booked.get(id) ?? [];
          world.booked.set(id, booked);
          const result = `${name} ${++bookings}`;
          booked.push(result);
          if (attempt <= fails) throw new Error("no seat");
          return result;
        }, { retry: { min: 100, max: 1000 } });
        all.push(result);
        trip.state.steps.push(`${trip.id}/${number}: ${result}`);
        see();
      };
      see();
      await book("flight");
      if (dice % 3 === 0) {
        const before = trip.now();
        await trip.sleep(dice % 2000);
        assert(trip.now() >= before + dice % 2000, "a sleep is short");
      }
      await book("hotel", dice % 2);
      await Promise.all([
        trip.step("car", () => "car"),
        trip.step("bike", () => Process.sleep(dice % 50)),
      ]);
      await book(trip.state.others % 2 === 0 ? "taxi" : "bus");
      if (dice % 7 === 0) trip.refuse("planned");
      await book("dinner");
      await book("review");
      return all;
    },
  },
  note: (trip) => ++trip.state.others,
  read: (trip) => trip.state,
  crash() {
    throw new Error("planned");
  },
  leave: (trip) => trip.stop(),
}, { maxRestarts: 1000, limit: 1.2 * LEASE, idle: LEASE / 3 });

async function work(client: SimulatedClient): Promise<void> {
  const key = client.pick(KEYS);
  const dice = client.random(20);
  const timeout = LEASE / 4 + client.random(2 * LEASE);
  const trip = client.get(Trip, key, { timeout });
  if (dice < 8) {
    const request = { id: `request ${client.random(1e9)}` };
    const mine = client.get(Trip, key, { timeout, ...request });
    const run = await mine.book(client.random(1e6));
    world.known.set(run.id, key);
    if (dice < 2) assertEquals((await mine.book(1)).id, run.id);
    if (dice === 2) {
      await Process.sleep(client.random(LEASE));
      world.cancelled.add(run.id);
      await run.cancel();
    }
    if (dice === 3) await run.retry();
    if (dice > 5) await run.result({ timeout });
  } else if (dice < 15) await trip.note();
  else if (dice < 17) await trip.runs();
  else if (dice === 17) await trip.leave();
  else if (dice === 18) await trip.crash();
  else await trip.read();
}

/** A step begins once all that it depends on is stored: so its code has seen the same at each attempt. */
function always(life: SimulatedLife): void {
  beginWorld(life);
  for (const [id, given] of world.given) {
    assert(given.size === 1, `step ${id} was called with ${[...given]}`);
  }
}

/** Each known run ends, and each of its steps counts once, in order. */
async function atEnd(life: SimulatedLife): Promise<void> {
  always(life);
  await life.run(async (client) => {
    for (const key of KEYS) {
      const trip = client.get(Trip, key, { mayRunTwice: true });
      // The clock of the store may have been set back, again and again.
      for (let left = 600;; left--) {
        const runs = await trip.runs();
        const open = runs.filter(({ state }) =>
          !["done", "cancelled", "failed"].includes(state)
        );
        if (open.length === 0) break;
        assert(left > 0, `a run has no end: ${JSON.stringify(open[0])}`);
        await Process.sleep(LEASE / 10);
      }
    }
    for (const [id, key] of world.known) {
      const trip = client.get(Trip, key, { mayRunTwice: true });
      await assertCounted(trip.run(id), await trip.read());
    }
  });
}

async function assertCounted(
  run: EntityRun,
  { steps }: TripState,
): Promise<void> {
  const info = await run.info();
  assert(info !== undefined, `the run ${run.id} is lost`);
  const mine = steps.filter((step) => step.startsWith(run.id));
  const results = mine.map((step) => step.slice(step.indexOf(": ") + 2));
  for (const [n, step] of mine.entries()) {
    assert(
      step.startsWith(`${run.id}/${n}: `),
      `the steps of the run ${run.id} do not count once: ${mine}`,
    );
  }
  const all = [...world.booked].filter(([id]) => id.startsWith(run.id))
    .flatMap(([, results]) => results);
  for (const result of results) {
    assert(all.includes(result), `${result} was never booked`);
  }
  if (info.state === "done") {
    assertEquals(await run.result(), results);
    assertEquals(results.length, STEPS);
  } else if (info.state === "failed") {
    assertEquals(info.error, "Refusal: planned");
    assertEquals(results.length, 2);
  } else {
    assertEquals(info.state, "cancelled");
    assert(world.cancelled.has(run.id), `${run.id} was not cancelled`);
  }
}

/** Durable methods under all faults. */
export const TRIPS: SimulateOptions = {
  types: [Trip],
  callers: ["sophie"],
  lease: LEASE,
  works: 60,
  strikes: 16,
  always,
  finally: atEnd,
  work,
};

/** Durable methods whose processes end again and again, while the store is late, refuses and loses answers. */
export const TRIPS_IN_STORMS: SimulateOptions = {
  ...TRIPS,
  faults: ["entity kill", "store errors", "deploy", "kill"],
  strikes: 30,
};
