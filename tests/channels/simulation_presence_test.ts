/**
 * Lives of presence: who is in a room, on all nodes, and what observers are sent.
 *
 * Actors enter rooms, change what they show, leave, and exit; the server of a PubSub is killed; a node does not read, so
 * that updates are refused and all entries are sent anew; nodes are parted, killed and restarted at any moment.
 *
 * At rest, one second after the last fault: each node has the entries of all live processes, and no other. For each
 * observer, from its `presence_state` on: no reference joins twice, none leaves that is not there, and the sum is the
 * list. An observer that has unsubscribed hears nothing of the room until it subscribes again.
 */

import { Presence, PubSub } from "../../packages/channels/mod.ts";
import { hubOf } from "../../packages/channels/pubsub_hub.ts";
import { QueueFullError } from "../../packages/processes/errors.ts";
import { exit, Process, self, send } from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";
import {
  type Actor,
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../_simulated_lives.ts";

const ROOMS = ["room:a", "room:b"];
const KEYS = ["ann", "bob"];

/** More bytes than a connection accepts while its peer does not read. */
const FLOOD = "x".repeat(150_000);
const MAX_QUEUE = 300_000;

type State = Record<string, { metas: { phx_ref: string; n: number }[] }>;

/** An actor that has subscribed to a room, with what it began with. */
interface Observer {
  by: Actor;
  at: number;
  until: number;
  room: string;
  state: State;
}

class PresenceScene implements Scene {
  readonly #world: World;
  /** The entries of each actor: the number that it shows, by room and key. */
  readonly #entries = new Map<Actor, Map<string, number>>();
  readonly #observers: Observer[] = [];
  #number = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    this.#world.actor(home, true, () => hubOf(currentRuntime()).ready());
    this.#world.actor(home, true);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const room = pick(ROOMS, b)!;
    const key = pick(KEYS, c)!;
    switch (what) {
      case "track":
        return by.order(what, async () => {
          const n = this.#number++;
          await Presence.track({ topic: room, pid: self() }, key, { n });
          this.#of(by).set(`${room} ${key}`, n);
        });
      case "storm":
        // More changes than are sent at once.
        return by.order(what, async () => {
          const of = { topic: room, pid: self() };
          for (let i = 0; i < 15; i++) {
            await Presence.track(of, key, { n: -i });
            Presence.untrack(of, key);
          }
          this.#of(by).delete(`${room} ${key}`);
        });
      case "untrack":
        return by.order(what, () => {
          Presence.untrack({ topic: room, pid: self() }, key);
          this.#of(by).delete(`${room} ${key}`);
        });
      case "observe":
        return by.order(what, () => this.#observe(by, room));
      case "spawn":
        world.actor(world.home(world.liveNode(b)), true);
        return;
      case "end":
        return by.order(what, () => exit(pick(["normal", "crash"], b)));
      case "killServer":
        return by.order(what, () => {
          const pid = Process.whereis("Channels.PubSub.Adapter");
          if (pid !== undefined) Process.exit(pid, "kill");
        });
      case "flood":
        return this.#flood(by, b, c);
    }
  }

  /** Starts to observe a room, or ends it, if it does already. */
  async #observe(by: Actor, room: string): Promise<void> {
    const known = this.#observers.find((each) =>
      each.by === by && each.room === room && each.until === Infinity
    );
    if (known !== undefined) {
      PubSub.unsubscribe(room);
      known.until = this.#world.tick();
      // Diffs before it in the mailbox were sent before the end.
      send(self(), { ended: room });
      return;
    }
    await PubSub.subscribe(room);
    // As a channel does: between the two, no code runs.
    const { presence } = hubOf(currentRuntime());
    const state = JSON.parse(presence.state(room)) as State;
    const at = this.#world.tick();
    this.#observers.push({ by, at, until: Infinity, room, state });
  }

  /** Floods a slow node, so that the next update to it is refused. */
  #flood(by: Actor, b: number, c: number): void {
    const world = this.#world;
    const { visible } = internalsOf(world.cluster.node(by.home.node)).runtime;
    const to = world.liveActor(b, ({ home }) => visible.has(home.node));
    if (to === undefined) return;
    world.cluster.slow(to.home.node, 400);
    by.order("flood", () => {
      try {
        for (let i = 0; i < 6; i++) void send(to.pid, { flood: FLOOD });
      } catch (error) {
        if (!(error instanceof QueueFullError)) throw error;
      }
    });
    const n = world.actors.filter(({ isAlive }) => isAlive).indexOf(by);
    this.act(c % 2 === 0 ? "track" : "untrack", n, b, c);
  }

  #of(actor: Actor): Map<string, number> {
    let entries = this.#entries.get(actor);
    if (entries === undefined) this.#entries.set(actor, entries = new Map());
    return entries;
  }

  /** The numbers that are to be shown in a room. */
  #shown(room: string): string {
    const numbers: string[] = [];
    for (const [actor, entries] of this.#entries) {
      if (!actor.isAlive) continue;
      for (const [of, n] of entries) {
        const [topic, key] = of.split(" ");
        if (topic === room) numbers.push(`${key}:${n}`);
      }
    }
    return numbers.sort().join(" ");
  }

  async check(): Promise<string[]> {
    const wrong: string[] = [];
    const { cluster, live } = this.#world;
    await cluster.advance(1000);
    for (const node of live) {
      for (const room of ROOMS) {
        const list = await cluster.run(node, () => Presence.list(room));
        const found = shown(list as unknown as State);
        const expected = this.#shown(room);
        if (found !== expected) {
          wrong.push(`${room} at ${node} is [${found}], not [${expected}]`);
        }
      }
    }
    for (const observer of this.#observers) {
      wrong.push(...this.#story(observer));
    }
    return wrong;
  }

  /** Whether the diffs that an observer was sent add up. */
  #story({ by, at, until, room, state }: Observer): string[] {
    const there = new Map<string, string>();
    const wrong: string[] = [];
    for (const [key, { metas }] of Object.entries(state)) {
      for (const { phx_ref, n } of metas) there.set(phx_ref, `${key}:${n}`);
    }
    for (const { at: when, message } of by.heard) {
      if (message?.event !== "presence_diff" || message.topic !== room) {
        continue;
      }
      if (when < at || when > until) continue;
      const { joins, leaves } = message.payload as Record<string, State>;
      for (const [key, { metas }] of Object.entries(joins)) {
        for (const { phx_ref, n } of metas) {
          if (there.has(phx_ref)) wrong.push(`${key}:${n} joins twice`);
          there.set(phx_ref, `${key}:${n}`);
        }
      }
      for (const [key, { metas }] of Object.entries(leaves)) {
        for (const { phx_ref, n } of metas) {
          if (!there.delete(phx_ref)) {
            wrong.push(`${key}:${n} leaves, but is away`);
          }
        }
      }
    }
    const end = by.heard.findIndex(({ at: when, message }) =>
      when >= until && message?.ended === room
    );
    const next = this.#observers.find((each) =>
      each.by === by && each.room === room && each.at > until
    );
    for (const { at: when, message } of end < 0 ? [] : by.heard.slice(end)) {
      const isLate = when < (next?.at ?? Infinity);
      if (isLate && message?.topic === room) {
        wrong.push(`${by.id} hears of ${room} after it has unsubscribed`);
      }
    }
    const sum = [...there.values()].sort().join(" ");
    if (by.isAlive && until === Infinity && sum !== this.#shown(room)) {
      wrong.push(
        `${by.id} has [${sum}] in ${room}, not [${this.#shown(room)}]`,
      );
    }
    return wrong;
  }
}

function shown(state: State): string {
  return Object.entries(state)
    .flatMap(([key, { metas }]) => metas.map(({ n }) => `${key}:${n}`))
    .sort().join(" ");
}

/** The property of presence. */
const PRESENCE: Property = {
  actions: {
    track: 14,
    untrack: 5,
    storm: 2,
    observe: 5,
    spawn: 2,
    end: 3,
    killServer: 1,
    flood: 5,
  },
  faults: { slow: 0 },
  options: { limits: { maxQueueBytes: MAX_QUEUE } },
  scene: (world) => new PresenceScene(world),
};

livesTest("presence", PRESENCE, 40);
