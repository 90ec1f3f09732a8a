/**
 * Lives of `pg`: the members of each group, as often as each has joined.
 *
 * Actors join groups, several times and several at once, leave them, monitor them, and exit; the process of a
 * scope is killed and restarted; a node begins to drain, which changes nothing here. The races: a scope's process discovers another one while members come and go;
 * two scopes find each other again after a partition in which both changed, so that one list replaces another
 * and counts matter; a peer does not read, so updates are refused and everything is sent anew later; a scope
 * exits before the others received its last change.
 *
 * At rest: each node has the same members, each as often as it has joined and not left; and the updates that a
 * monitor received, applied to the members that it started with, result in the current members.
 */

import { QueueFullError } from "../../../packages/processes/errors.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  exit,
  type Pid,
  Process,
  type Ref,
  send,
} from "../../../packages/processes/process.ts";
import {
  type Actor,
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";

const GROUPS = ["room", "hall"];

/** More bytes than a connection accepts while its peer does not read. */
const FLOOD = "x".repeat(150_000);
const MAX_QUEUE = 300_000;

/** A monitor of a group. */
interface Watch {
  by: Actor;
  at: number;
  group: string;
  ref: Ref;
  pids: Pid[];
}

class PgScene implements Scene {
  readonly #world: World;
  /** How often each actor is in each group. */
  readonly #joins = new Map<Actor, Map<string, number>>();
  readonly #watches: Watch[] = [];
  readonly #kills: { home: Incarnation; at: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    this.#world.actor(home, true, () => pg.start());
    this.#world.actor(home, true);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const group = pick(GROUPS, b)!;
    switch (what) {
      case "join":
      case "leave": {
        const other = world.liveActor(c, ({ home }) => home === by.home)!;
        const actors = [by, by, other].slice(0, 1 + c % 3);
        return by.order(what, async () => {
          const pids = actors.map(({ pid }) => pid);
          if (what === "join") {
            if (actors.some(({ isAlive }) => !isAlive)) return;
            await pg.join(group, pids);
          } else await pg.leave(group, pids);
          for (const actor of actors) {
            this.#count(actor, group, what === "join" ? 1 : -1);
          }
        });
      }
      case "watch":
        return by.order(what, async () => {
          const at = world.tick();
          const { ref, pids } = await pg.monitor(group);
          this.#watches.push({ by, at, group, ref, pids });
        });
      case "flood":
        return this.#flood(a, b, c);
      case "spawn":
        world.actor(world.home(world.liveNode(b)), true);
        return;
      case "end":
        return by.order(what, () => exit(pick(["normal", "shutdown"], b)));
      case "killScope":
        return by.order(what, async () => {
          const pid = Process.whereis("pg");
          if (pid !== undefined) Process.exit(pid, "kill");
          this.#kills.push({ home: by.home, at: world.tick() });
          for (const [actor, groups] of this.#joins) {
            if (actor.home === by.home) groups.clear();
          }
          // Another one may have been as fast.
          await pg.start().catch(() => {});
        });
      case "drain": {
        const node = world.cluster.node(by.home.node);
        if (node.status !== "up") return;
        node.onDrain(() => new Promise(() => {}));
        void node.drain({ timeout: Infinity });
      }
    }
  }

  /**
   * Floods a slow node, so that the update of the following change is refused: preferably the one of a
   * member that has joined several times and leaves once.
   */
  #flood(a: number, b: number, c: number): void {
    const world = this.#world;
    const hasTwo = (actor: Actor) =>
      [...this.#joins.get(actor)?.values() ?? []].some((count) => count > 1);
    const leaver = world.liveActor(a, hasTwo);
    const by = leaver ?? world.liveActor(a)!;
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
    const change = leaver === undefined || c % 4 === 0 ? "join" : "leave";
    const group = GROUPS.findIndex((each) =>
      (this.#joins.get(by)?.get(each) ?? 0) > 1
    );
    const n = world.actors.filter(({ isAlive }) => isAlive).indexOf(by);
    this.act(change, n, Math.max(group, 0), 0);
  }

  #count(actor: Actor, group: string, by: number): void {
    let groups = this.#joins.get(actor);
    if (groups === undefined) this.#joins.set(actor, groups = new Map());
    groups.set(group, Math.max(0, (groups.get(group) ?? 0) + by));
  }

  /** The expected members. */
  #members(group: string, node?: string): string {
    const pids: Pid[] = [];
    for (const [actor, groups] of this.#joins) {
      if (!actor.isAlive || (node ?? actor.home.node) !== actor.home.node) {
        continue;
      }
      for (let i = 0; i < (groups.get(group) ?? 0); i++) pids.push(actor.pid);
    }
    return shown(pids);
  }

  async check(): Promise<string[]> {
    const wrong: string[] = [];
    const { cluster, live } = this.#world;
    for (const node of live) {
      for (const group of GROUPS) {
        const [all, local] = await cluster.run(
          node,
          () => [pg.getMembers(group), pg.getLocalMembers(group)],
        );
        const expected = this.#members(group);
        if (shown(all) !== expected) {
          wrong.push(`${group} at ${node} is ${shown(all)}, not ${expected}`);
        }
        const own = this.#members(group, node);
        if (shown(local) !== own) {
          wrong.push(`${group} of ${node} is ${shown(local)}, not ${own}`);
        }
      }
    }
    for (const watch of this.#watches) wrong.push(...this.#news(watch));
    return wrong;
  }

  /** Whether the updates of a group add up. */
  #news({ by, at, group, ref, pids }: Watch): string[] {
    const isOver = !by.isAlive ||
      this.#kills.some((kill) => kill.home === by.home && kill.at > at);
    if (isOver) return [];
    const members = pids.map(String);
    for (const { message } of by.heard) {
      if (!ref.equals(message.ref)) continue;
      for (const pid of (message.pids as Pid[]).map(String)) {
        const i = members.indexOf(pid);
        if (message.type === "join") members.push(pid);
        else if (i >= 0) members.splice(i, 1);
      }
    }
    const now = members.sort().join(" ");
    const expected = this.#members(group);
    return now === expected
      ? []
      : [`by its news ${by.id} has ${now} in ${group}, not ${expected}`];
  }
}

function shown(pids: readonly Pid[]): string {
  return pids.map(String).sort().join(" ");
}

/** The property of process groups. */
const PG: Property = {
  actions: {
    join: 14,
    leave: 8,
    watch: 2,
    spawn: 2,
    end: 2,
    killScope: 2,
    drain: 1,
    flood: 6,
  },
  faults: { slow: 0 },
  options: { limits: { maxQueueBytes: MAX_QUEUE } },
  scene: (world) => new PgScene(world),
};

livesTest("pg", PG, 40);
