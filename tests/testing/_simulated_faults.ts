/** Random lives of processes on nodes that are partitioned, killed and restarted. */

import {
  type Delay,
  type SimulatedCluster,
  startTampered,
} from "../../packages/testing/simulation/simulated_cluster.ts";
import type { Tamper } from "../../packages/testing/simulation/simulated_transport.ts";
import { Node } from "../../node.ts";
import { Process } from "../../packages/processes/process.ts";
import fc from "../_seeds.ts";
import { type Actor, Boom, History, type Sent } from "./_simulated_actors.ts";
import { violations } from "./_simulated_properties.ts";
import { disagreements } from "./_simulated_tables.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";

const NAMES = ["ann", "bob"];
const NODES = ["alex", "kate", "moebi", "sophie"];
const TICK_TIME = 1000;

/** The longest time that silence can go unnoticed: a handshake and a tick time. */
const QUIET = 3 * TICK_TIME;

/** The commands, and their weights. */
const WEIGHTS = {
  send: 10,
  sendLarge: 1,
  sendLargeAndEnd: 1,
  sendName: 3,
  sendAlias: 3,
  spawn: 2,
  spawnLink: 3,
  spawnMonitor: 3,
  link: 8,
  unlink: 4,
  monitor: 6,
  monitorName: 2,
  demonitor: 2,
  exit: 3,
  exitNormal: 1,
  kill: 2,
  end: 3,
  trap: 4,
  register: 3,
  unregister: 1,
  alias: 2,
  unalias: 1,
  pause: 8,
  part: 3,
  partOneWay: 2,
  cut: 2,
  cutOneWay: 1,
  slow: 1,
  heal: 3,
  disconnect: 1,
  killNode: 1,
  restart: 2,
};

type What = keyof typeof WEIGHTS;

/** A command; the numbers choose the actor and its targets from the existing ones. */
export type Command = readonly [what: What, a: number, b: number, c: number];

/** A life of a cluster. */
export interface Life {
  seed: number;
  nodes: number;
  delay: Delay;
  commands: Command[];
}

/** Arbitrary lives. */
export const anyLife: fc.Arbitrary<Life> = fc.record({
  seed: fc.integer(),
  nodes: fc.integer({ min: 2, max: NODES.length }),
  delay: fc.constantFrom({ min: 0, max: 0 }, { min: 1, max: 5 }, {
    min: 1,
    max: 200,
  }),
  commands: fc.array(
    fc.oneof(
      ...(Object.entries(WEIGHTS) as [What, number][]).map((
        [what, weight],
      ) => ({
        weight,
        arbitrary: fc.tuple(
          fc.constant(what),
          fc.nat(15),
          fc.nat(15),
          fc.nat(15),
        ),
      })),
    ),
    { maxLength: 150, size: "max" },
  ),
});

/** Values that travel in parts, with other messages between them. */
const LARGE = [new Uint8Array(70_000), "x".repeat(200_000)];

/** The bytes per millisecond that a slow node reads. */
const RATES = [20, 400, 400, Infinity];

const PAUSES = [0, 1, 5, 20, 100, 500, 1500, 3000];

/** Planted faults that the tests must find. */
export interface Faults {
  /** Changes the frames that nodes send to each other. */
  tamper?: Tamper;
  /** Changes a node that has started. */
  plant?(node: Node): void;
}

class Scene {
  readonly #history = new History();
  readonly #cluster: SimulatedCluster;
  readonly #nodes: string[];
  readonly #plant: Faults["plant"];
  /** The sizes of each node's tables before any actor. */
  readonly #sizes = new Map<string, Record<string, number>>();

  constructor(
    cluster: SimulatedCluster,
    nodes: string[],
    plant: Faults["plant"],
  ) {
    this.#cluster = cluster;
    this.#nodes = nodes.map((name) => `${name}@localhost`);
    this.#plant = plant;
  }

  /** Begins with a node that has started: it has one actor from the beginning. */
  begin(name: string): void {
    const node = this.#cluster.node(name);
    const history = this.#history;
    const incarnation = history.started(node.name);
    const { runtime } = internalsOf(node);
    this.#sizes.set(node.name, runtime.sizes());
    const { nodes } = runtime;
    const noteDown = nodes.down.bind(nodes);
    nodes.down = (down, wasUp, isHidden) => {
      incarnation.downs.push({ at: history.tick(), node: down });
      noteDown(down, wasUp, isHidden);
    };
    node.export("Actors", { live: (id: number) => history.live(id) });
    this.#plant?.(node);
    const actor = history.actor(incarnation);
    node.run(() => history.live(actor.id)).catch(() => {});
  }

  async do([what, a, b, c]: Command): Promise<void> {
    const cluster = this.#cluster;
    switch (what) {
      case "pause":
        await cluster.advance(PAUSES[a % PAUSES.length]);
        return;
      case "part":
      case "partOneWay":
      case "cut":
      case "cutOneWay":
        cluster.partition([this.#node(a)], [this.#node(b)], {
          mode: what.startsWith("cut") ? "cut" : "silent",
          oneWay: what.endsWith("OneWay"),
        });
        break;
      case "slow":
        cluster.slow(this.#node(a), RATES[b % RATES.length]);
        break;
      case "heal":
        cluster.heal();
        break;
      case "killNode":
        await this.#kill(this.#node(a));
        break;
      case "restart":
        await this.#restart(this.#node(a));
        break;
      default: {
        const alive = this.#history.actors.filter(({ isAlive }) => isAlive);
        if (alive.length === 0) return;
        const by = alive[a % alive.length];
        by.order(() => this.#act(by, what, b, c));
      }
    }
    await cluster.advance(0);
    this.#history.turn();
  }

  #node(n: number): string {
    return this.#nodes[n % this.#nodes.length];
  }

  /** The nodes that run. */
  get #live(): string[] {
    return this.#nodes.filter((name) =>
      this.#history.home(name).endedAt === Infinity
    );
  }

  /** Kills a node, which stays dead unless a later command restarts it; one node stays alive. */
  async #kill(name: string): Promise<void> {
    const live = this.#live;
    if (live.length < 2 || !live.includes(name)) return;
    this.#history.home(name).endedAt = this.#history.tick();
    await this.#cluster.kill(name);
  }

  async #restart(name: string): Promise<void> {
    const home = this.#history.home(name);
    home.endedAt = Math.min(home.endedAt, this.#history.tick());
    await this.#cluster.restart(name);
    this.begin(name);
  }

  /** One of the actors that have a pid, dead ones included. */
  #actor(n: number): Actor {
    const known = this.#history.actors.filter(({ pid }) => pid !== undefined);
    // The latest first, so that fewer are dead.
    return known[known.length - 1 - n % Math.min(known.length, 8)];
  }

  #act(by: Actor, what: What, b: number, c: number): void {
    const history = this.#history;
    const send = (via: Sent["via"], body?: unknown) => {
      const to = this.#actor(b);
      history.send(by, { actor: to }, via, undefined, body);
    };
    const named = { name: NAMES[c % NAMES.length], node: this.#node(b) };
    switch (what) {
      case "send":
        return send("pid");
      case "sendLarge":
        return send("pid", LARGE[c % LARGE.length]);
      case "sendLargeAndEnd":
        // The parts of a large message, a small one and the exit use one connection, in this order.
        send("pid", LARGE[c % LARGE.length]);
        send("pid");
        return history.exit(by, { died: by.id });
      case "sendName":
        return history.send(by, named, "name");
      case "sendAlias": {
        const owners = history.actors.filter(({ aliases }) => aliases.length);
        const owner = owners[b % owners.length];
        if (owner === undefined) return;
        const { ref } = owner.aliases[c % owner.aliases.length];
        return history.send(by, { actor: owner }, "alias", ref);
      }
      case "spawn":
      case "spawnLink":
      case "spawnMonitor":
        return history.spawn(by, this.#node(b), what);
      case "link": {
        const to = this.#actor(b);
        if (to !== by) history.link(by, to, what);
        return;
      }
      case "unlink": {
        const links = history.links.filter((each) =>
          each.by === by && each.what !== "ask"
        );
        const to = links[b % links.length]?.to ?? this.#actor(b);
        if (to !== by) history.link(by, to, what);
        return;
      }
      case "monitor":
        return history.monitor(by, { actor: this.#actor(b) });
      case "monitorName":
        return history.monitor(by, named);
      case "demonitor": {
        const own = history.monitors.filter((each) => each.by === by);
        if (own.length > 0) history.demonitor(own[b % own.length]);
        return;
      }
      case "exit":
        return send("exit");
      case "exitNormal":
        return this.#actor(b) === by ? undefined : send("normal");
      case "kill":
        return send("kill");
      case "end":
        return history.exit(
          by,
          ["normal", "shutdown", { died: by.id }, new Boom(by.id)][b % 4],
        );
      case "trap":
        return history.trap(by, b % 4 !== 0);
      case "register":
        return history.register(by, named.name);
      case "unregister":
        return history.unregister(by);
      case "disconnect":
        return void Node.disconnect(named.node);
      case "alias":
        return history.alias(by);
      case "unalias":
        return history.unalias(by);
    }
  }

  /** Brings everything to rest; returns the violations. */
  async rest(): Promise<string[]> {
    const cluster = this.#cluster;
    cluster.heal();
    for (const name of this.#nodes) cluster.slow(name, Infinity);
    await cluster.advance(QUIET);
    await cluster.settle();
    this.#history.turn();
    this.#history.restAt ??= this.#history.tick();
    const nodes = this.#live.map((name) => cluster.node(name));
    return [...violations(this.#history), ...disagreements(nodes)];
  }

  /** Cuts every connection, and brings everything to rest again. */
  async sever(): Promise<string[]> {
    for (const name of this.#nodes) {
      const others = this.#nodes.filter((other) => other !== name);
      this.#cluster.partition([name], others, { mode: "cut" });
    }
    return await this.rest();
  }

  /** Kills all live processes; returns the entries that are left of them. */
  async end(): Promise<string[]> {
    const cluster = this.#cluster;
    const left: string[] = [];
    for (const name of this.#live) {
      await cluster.run(name, () => {
        for (const actor of this.#history.actors) {
          if (actor.isAlive && actor.home.node === name) {
            Process.exit(actor.pid!, "kill");
          }
        }
      });
    }
    await cluster.advance(QUIET);
    await cluster.settle();
    for (const name of this.#live) {
      const sizes = internalsOf(cluster.node(name)).runtime.sizes();
      for (const [what, before] of Object.entries(this.#sizes.get(name)!)) {
        const more = sizes[what] - before;
        if (more !== 0) left.push(`${name} has ${more} ${what} left`);
      }
    }
    return left;
  }
}

/** Runs a life; returns the violations and the trace. */
export async function live(
  life: Life,
  faults: Faults = {},
): Promise<{ wrong: string[]; trace: () => string[] }> {
  const nodes = NODES.slice(0, life.nodes);
  await using cluster = await startTampered({
    nodes,
    seed: life.seed,
    delay: life.delay,
    tickTime: TICK_TIME,
    limits: { handshakeTimeout: TICK_TIME },
  }, faults.tamper);
  const scene = new Scene(cluster, nodes, faults.plant);
  for (const name of nodes) scene.begin(name);
  await cluster.advance(0);
  for (const command of life.commands) await scene.do(command);
  let wrong: string[] = [];
  for (const phase of [scene.rest, scene.sever, scene.end]) {
    wrong = await phase.call(scene);
    if (wrong.length > 0) break;
  }
  return { wrong, trace: () => cluster.trace() };
}
