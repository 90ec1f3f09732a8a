/**
 * Lives of registries: unique and duplicate keys, and locks.
 *
 * Each node has a registry of unique keys and one of duplicate keys, independent of other nodes. Actors
 * register keys, unregister them, monitor each other, hold locks, and are killed by actors of any node. The
 * races: a key is requested when its holder has just exited; a DOWN of a holder arrives while its keys are
 * looked up; the holder of a lock exits while others wait.
 *
 * A model gives the same answers: a map of keys to live holders. Keys are free before anyone is notified of the
 * exit of their holder. A lock has one holder at a time, and is free when that exits.
 */

import { exit, isDown } from "../../../packages/processes/kernel.ts";
import {
  type Pid,
  Process,
  receive,
} from "../../../packages/processes/process.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import {
  type Actor,
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";

const KEYS = ["a", "b", "c"];

/** The keys of one node, in the order of registration. */
interface Entry {
  key: string;
  actor: Actor;
  value: number;
}

class RegistriesScene implements Scene {
  readonly #world: World;
  readonly #unique = new Map<Incarnation, Entry[]>();
  readonly #duplicate = new Map<Incarnation, Entry[]>();
  readonly #locked = new Map<Incarnation, Actor>();
  #values = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    this.#unique.set(home, []);
    this.#duplicate.set(home, []);
    this.#world.cluster.spawn(home.node, async () => {
      await Registry.startLink({ name: "Unique", keys: "unique" });
      await Registry.startLink({ name: "Duplicate", keys: "duplicate" });
      await receive(() => false);
    });
    for (let i = 0; i < 3; i++) this.#world.actor(home, true);
  }

  #entries(table: Map<Incarnation, Entry[]>, home: Incarnation): Entry[] {
    const entries = table.get(home)!.filter(({ actor }) => actor.isAlive);
    table.set(home, entries);
    return entries;
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const { home } = by;
    const key = pick(KEYS, b)!;
    const say = (text: string) => world.wrong.push(`${home.node}: ${text}`);
    switch (what) {
      case "register":
        return by.order(what, () => {
          const entries = this.#entries(this.#unique, home);
          const holder = entries.find((entry) => entry.key === key);
          const value = ++this.#values;
          const result = Registry.register("Unique", key, value);
          if (result.type === "ok") {
            if (holder !== undefined) say(`${key} was given twice`);
            entries.push({ key, actor: by, value });
          } else if (
            holder === undefined || !("pid" in result.reason) ||
            !holder.actor.pid.equals(result.reason.pid)
          ) say(`${key} was refused: ${inspect(result.reason)}`);
        });
      case "join":
        return by.order(what, () => {
          const value = ++this.#values;
          Registry.register("Duplicate", key, value);
          this.#duplicate.get(home)!.push({ key, actor: by, value });
        });
      case "unregister":
        return by.order(what, () => {
          Registry.unregister("Unique", key);
          Registry.unregister("Duplicate", key);
          for (const table of [this.#unique, this.#duplicate]) {
            table.set(
              home,
              this.#entries(table, home).filter((entry) =>
                entry.key !== key || entry.actor !== by
              ),
            );
          }
        });
      case "look":
        return by.order(what, () => this.#look(home, key));
      case "watch": {
        const other = world.liveActor(b, (each) => each.home === home)!;
        return by.order(what, async () => {
          const { pid } = other;
          const ref = Process.monitor(pid);
          await this.#downOf(by, ref, pid, c);
        });
      }
      case "lock":
        return by.order(what, async () => {
          await Registry.lock("Unique", "lock", async () => {
            const holder = this.#locked.get(home);
            if (holder !== undefined && holder.isAlive) {
              say(`${holder.id} and ${by.id} had the lock at once`);
            }
            this.#locked.set(home, by);
            // safe: virtual time
            await Process.sleep(c * 10);
            if (this.#locked.get(home) === by) this.#locked.delete(home);
          });
        });
      case "kill": {
        const other = world.liveActor(b, ({ id }) => id % 3 !== 0);
        return by.order(what, () => {
          if (other !== undefined && other !== by) {
            Process.exit(other.pid, "kill");
          }
        });
      }
      case "end":
        return by.order(what, () => exit("normal"));
      case "spawn":
        world.actor(world.home(world.liveNode(b)), true);
    }
  }

  /** Ends an actor, and looks its keys up when its DOWN arrives. */
  async #downOf(
    by: Actor,
    ref: ReturnType<typeof Process.monitor>,
    pid: Pid,
    c: number,
  ): Promise<void> {
    if (pid.equals(by.pid)) return;
    if (c % 2 === 0) Process.exit(pid, "kill");
    for (let i = 0; i < 20; i++) {
      const isTold = by.heard.some(({ message }) =>
        isDown(message) && ref.equals(message.ref)
      );
      if (isTold) {
        const keys = [
          ...Registry.keys("Unique", pid),
          ...Registry.keys("Duplicate", pid),
        ];
        if (keys.length > 0) {
          this.#world.wrong.push(`${pid} has ended, and has ${inspect(keys)}`);
        }
        return;
      }
      // safe: virtual time
      await Process.sleep(1);
    }
  }

  #look(home: Incarnation, key: string): void {
    for (
      const [name, table] of [
        ["Unique", this.#unique],
        ["Duplicate", this.#duplicate],
      ] as const
    ) {
      const expected = shown(
        this.#entries(table, home).filter((entry) => entry.key === key)
          .map(({ actor, value }) => ({ pid: actor.pid, value })),
      );
      const found = shown(Registry.lookup(name, key));
      if (found === expected) continue;
      this.#world.wrong.push(
        `${key} of ${name} at ${home.node} is ${found}, not ${expected}`,
      );
    }
  }

  async check(): Promise<string[]> {
    const { cluster, live } = this.#world;
    for (const node of live) {
      const home = this.#world.home(node);
      await cluster.run(node, () => {
        for (const key of KEYS) this.#look(home, key);
      });
      await cluster.run(node, () => Registry.lock("Unique", "lock", () => {}));
    }
    return [];
  }
}

function shown(entries: readonly { pid: Pid; value: unknown }[]): string {
  return entries.map(({ pid, value }) => `${pid}: ${value}`).sort().join(", ");
}

const REGISTRIES: Property = {
  actions: {
    register: 10,
    join: 6,
    unregister: 4,
    look: 4,
    watch: 4,
    lock: 6,
    kill: 4,
    end: 2,
    spawn: 4,
  },
  faults: { split: 1, slow: 0, part: 0, partOneWay: 0, cut: 0, cutOneWay: 0 },
  scene: (world) => new RegistriesScene(world),
};

livesTest("registries", REGISTRIES, 40);
