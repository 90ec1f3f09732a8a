/**
 * Lives of `global`: names, locks, and the servers of both.
 *
 * Actors register names, for themselves and for others, unregister them, and set and delete locks. They exit
 * meanwhile, and so do name servers, nodes and connections. The races are those of `global` itself: parts of
 * the cluster meet while both change; a server exits while it joins two others, and has notified only one of
 * them; two nodes lock in conflicting order; a lock is requested while its holder exits.
 *
 * At rest, and after `global.sync()` on all nodes: each node has the same names, of live processes, and has
 * them at once; an uncontested name is registered; no lock was held by two actors on a node that both could
 * reach; dead processes hold nothing.
 */

import { global } from "../../../packages/cluster/global/global.ts";
import {
  exit,
  type Pid,
  Process,
} from "../../../packages/processes/process.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import {
  type Actor,
  type Incarnation,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";

const SERVER = "global_name_server";
const NAMES = ["ann", "bob"];
const RESOURCES = ["door", "key"];
/** A requester for which several actors lock. */
const SHARED = 1000;
const RESOLVERS = [
  global.randomExitName,
  global.randomNotifyName,
  global.notifyAllName,
];

/** A name that was registered, or may have been. */
interface Given {
  name: string;
  by: Actor;
  actor: Actor;
  at: number;
  /** Whether the registration is known to have succeeded; if not, its result is unknown. */
  isSure: boolean;
}

/** A lock, from its request to its release. */
interface Hold {
  resource: string;
  requester: number;
  actor: Actor;
  /** The nodes on which it was requested. */
  nodes: Incarnation[];
  askedAt: number;
  /** When it was acquired. */
  from: number;
  /** When it was about to be released. */
  to: number;
}

class GlobalScene implements Scene {
  readonly #world: World;
  readonly #given: Given[] = [];
  /** Names that were unregistered, or may have been. */
  readonly #removed = new Set<string>();
  readonly #holds: Hold[] = [];
  /** When a node's server was first seen to run, and when it was killed. */
  readonly #servers = new Map<Incarnation, number>();
  readonly #kills: { home: Incarnation; at: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    for (let i = 0; i < 2; i++) this.#world.actor(home);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const name = pick(NAMES, b)!;
    switch (what) {
      case "register":
      case "registerOther":
      case "reRegister": {
        const actor = what === "register" ? by : world.liveActor(c) ?? by;
        const resolve = pick(RESOLVERS, c)!;
        return by.order(what, async () => {
          const given: Given = {
            name,
            by,
            actor,
            at: world.tick(),
            isSure: false,
          };
          this.#given.push(given);
          if (what === "reRegister") this.#removed.add(name);
          const register = what === "reRegister"
            ? global.reRegisterName
            : global.registerName;
          const isGiven = await register(name, actor.pid, resolve);
          if (isGiven) given.isSure = true;
          else this.#given.splice(this.#given.indexOf(given), 1);
        });
      }
      case "unregister":
        return by.order(what, async () => {
          this.#removed.add(name);
          await global.unregisterName(name);
        });
      case "whereis":
        return by.order(what, async () => {
          const pid = await global.whereisName(name);
          if (pid === undefined) return;
          const isKnown = this.#given.some((given) =>
            given.name === name && given.actor.pid.equals(pid)
          );
          if (!isKnown) {
            world.wrong.push(`${name} is ${pid}, who was never given it`);
          }
        });
      case "sync":
        return by.order(what, async () => {
          await global.sync();
        });
      case "lock":
        return by.order(what, () => this.#lock(by, b, c));
      case "unlock":
        return by.order(what, async () => {
          const own = this.#holds.filter((hold) =>
            hold.actor === by && hold.to === Infinity
          );
          const hold = pick(own, b);
          if (hold === undefined) return;
          hold.to = world.tick();
          await global.delLock([hold.resource, hold.requester], {
            nodes: hold.nodes.map(({ node }) => node),
          });
        });
      case "end":
        return by.order(what, () => exit(pick(["normal", "shutdown"], b)));
      case "killServer":
        return by.order(what, () => {
          const pid = Process.whereis(SERVER);
          if (pid === undefined) return;
          this.#kills.push({ home: by.home, at: world.tick() });
          Process.exit(pid, "kill");
        });
      case "spawn":
        world.actor(world.home(world.liveNode(b)));
    }
  }

  async #lock(by: Actor, b: number, c: number): Promise<void> {
    const world = this.#world;
    const resource = RESOURCES[c < 12 ? 0 : 1];
    const requester = c % 4 < 2 ? by.id : SHARED;
    // Locks are not counted: one release is enough for a requester that acquired it twice.
    const isOwn = this.#holds.some((hold) =>
      hold.actor === by && hold.resource === resource &&
      hold.requester === requester && hold.to === Infinity
    );
    if (isOwn) return;
    const others = world.live.filter((node) => node !== by.home.node);
    const nodes = [by.home.node, ...others.slice(0, b % 4)];
    const hold: Hold = {
      resource,
      requester,
      actor: by,
      nodes: nodes.map((node) => world.home(node)),
      askedAt: world.tick(),
      from: Infinity,
      to: Infinity,
    };
    const isHeld = await global.setLock([hold.resource, hold.requester], {
      nodes,
      retries: b % 3,
    });
    if (!isHeld) return;
    hold.from = world.tick();
    this.#holds.push(hold);
  }

  async check(): Promise<string[]> {
    const wrong = this.#locks();
    const { cluster } = this.#world;
    // No server exits with an error.
    wrong.push(...cluster.trace().filter((line) => / error: Proc/.test(line)));
    const tables = await this.#tables();
    const [first, ...others] = tables;
    for (const { node, names } of others) {
      if (inspect(names) !== inspect(first.names)) {
        wrong.push(
          `right after sync, ${node} has ${inspect(names)}, and ${first.node} ${
            inspect(first.names)
          }`,
        );
      }
    }
    await this.#world.cluster.advance(3000);
    for (const { node, names } of await this.#tables()) {
      if (inspect(names) !== inspect(first.names)) {
        wrong.push(
          `${node} has ${inspect(names)} later, and ${first.node} had ${
            inspect(first.names)
          }`,
        );
      }
    }
    for (const [name, pid] of first.names) {
      wrong.push(...this.#isRight(name, pid));
    }
    for (const name of NAMES) wrong.push(...this.#isKept(name, first.names));
    wrong.push(...await this.#leaks());
    return wrong;
  }

  /**
   * The names on each node, all read at once when all nodes are in step.
   *
   * A node whose server was killed has another from its next use of `global` on, and does not take part until
   * then: others do not wait for it. (OTP's nodes end with their server.) So the first round makes all nodes
   * take part, and the second one brings all in step.
   */
  async #tables(): Promise<{ node: string; names: [string, Pid][] }[]> {
    const { cluster, live } = this.#world;
    for (let round = 0; round < 2; round++) {
      await Promise.all(
        live.map((node) => cluster.run(node, () => global.sync())),
      );
    }
    return await Promise.all(live.map((node) =>
      cluster.run(node, async () => {
        const names: [string, Pid][] = [];
        for (const name of NAMES) {
          const pid = await global.whereisName(name);
          if (pid !== undefined) names.push([name, pid]);
        }
        return { node, names };
      })
    ));
  }

  #isRight(name: string, pid: Pid): string[] {
    const given = this.#given.filter((each) =>
      each.name === name && each.actor.pid.equals(pid)
    );
    if (given.length === 0) {
      return [`${name} is ${pid}, who was never given it`];
    }
    return given[0].actor.isAlive ? [] : [`${name} is ${pid}, which has ended`];
  }

  /** A name that only one process ever had, and that nothing unregistered, is registered. */
  #isKept(name: string, names: [string, Pid][]): string[] {
    if (this.#removed.has(name) || this.#kills.length > 0) return [];
    const given = this.#given.filter((each) => each.name === name);
    const actors = new Set(given.map(({ actor }) => actor));
    const [{ actor, isSure }] = given.length > 0
      ? given
      : [{ actor: undefined, isSure: false }];
    if (actors.size !== 1 || !isSure || !actor!.isAlive) return [];
    // A name for a process of another node ends with the connection to it, as its monitor reports.
    if (given.some(({ by }) => by !== actor)) return [];
    return names.some(([known]) => known === name)
      ? []
      : [`${name} is lost, and nobody took it from ${actor!.pid}`];
  }

  /** No two actors hold a lock on a node from which neither was partitioned. */
  #locks(): string[] {
    const wrong: string[] = [];
    for (const [i, one] of this.#holds.entries()) {
      for (const other of this.#holds.slice(i + 1)) {
        if (
          one.resource !== other.resource || one.requester === other.requester
        ) continue;
        const from = Math.max(one.from, other.from);
        const to = Math.min(
          ...[one, other].map((hold) => Math.min(hold.to, hold.actor.diedAt)),
        );
        if (from >= to) continue;
        const began = Math.min(one.askedAt, other.askedAt);
        const shared = one.nodes.find((home) =>
          other.nodes.includes(home) &&
          ![one, other].some(({ actor }) =>
            this.#world.wasParted(actor.home, home, began, from)
          ) && !this.#kills.some((kill) =>
            kill.home === home && kill.at > began && kill.at < from
          )
        );
        if (shared === undefined) continue;
        wrong.push(
          `${one.resource} was held by ${one.actor.id} and ${other.actor.id} at once on ${shared.node}`,
        );
      }
    }
    return wrong;
  }

  /** When all actors have exited, no name and no lock is left. */
  async #leaks(): Promise<string[]> {
    const { cluster, live, actors } = this.#world;
    for (const node of live) {
      await cluster.run(node, () => {
        for (const actor of actors) {
          if (actor.isAlive && actor.home.node === node) {
            Process.exit(actor.pid, "kill");
          }
        }
      });
    }
    await cluster.settle();
    const wrong: string[] = [];
    for (const node of live) {
      const left = await cluster.run(node, () => global.registeredNames());
      if (left.length > 0) wrong.push(`${node} still has ${inspect(left)}`);
      for (const resource of RESOURCES) {
        const isFree = await cluster.run(
          node,
          () => global.setLock([resource, "last"], { nodes: live, retries: 0 }),
        );
        if (!isFree) wrong.push(`${resource} is still locked at ${node}`);
      }
      await cluster.settle();
    }
    return wrong;
  }
}

/** Names and locks of the cluster. */
export const GLOBAL: Property = {
  actions: {
    register: 10,
    registerOther: 2,
    reRegister: 2,
    unregister: 2,
    whereis: 1,
    sync: 1,
    lock: 10,
    unlock: 5,
    end: 3,
    killServer: 4,
    spawn: 2,
  },
  faults: { restart: 3, cut: 2, split: 4, connect: 4 },
  isApart: true,
  scene: (world) => new GlobalScene(world),
};
