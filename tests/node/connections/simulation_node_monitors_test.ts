/**
 * Lives of node monitors: `Node.monitorNodes` and `Node.monitor`.
 *
 * Watchers on three visible nodes and one hidden one are notified of nodes that come and go, while others write
 * to them and are monitored by them. The races: a connection closes at one end only, so that the other end
 * dials anew while this one still has the old connection; a node restarts before its end was noticed; messages
 * are under way when their connection closes.
 *
 * Each watcher receives nodeup and nodedown in turn, each as often as it has subscribed; none of a hidden node;
 * no letter of a node before its nodeup or after its nodedown; and no nodedown before the DOWNs of monitors on
 * that node. At rest, the nodes that are up are the connected ones; nodes agree on that; and each
 * `Node.monitor` has reported the next nodedown, once.
 */

import { Node } from "../../../node.ts";
import {
  exit,
  isDown,
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

const HIDDEN = "sophie";

/** A process that watches all nodes. */
interface Watcher {
  actor: Actor;
  /** The number of its subscriptions. */
  times: number;
  at: number;
  /** The nodes that were up when it subscribed. */
  up: string[];
}

interface Asked {
  by: Actor;
  at: number;
  node: string;
}

interface Monitor extends Asked {
  ref: Ref;
}

class NodesScene implements Scene {
  readonly #world: World;
  readonly #watchers: Watcher[] = [];
  readonly #asked: Asked[] = [];
  readonly #monitors: Monitor[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    for (const times of [1, 2]) {
      const actor = this.#world.actor(home, true, () => {
        const at = this.#world.tick();
        for (let i = 0; i < times; i++) Node.monitorNodes(true);
        this.#watchers.push({ actor, times, at, up: Node.list() });
      });
    }
    this.#world.actor(home, true);
  }

  #isWatcher(actor: Actor): boolean {
    return this.#watchers.some((each) => each.actor === actor);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    switch (what) {
      case "write": {
        const to = world.liveActor(b);
        return by.order(what, () => void send(to!.pid, { from: by.id }));
      }
      case "monitor": {
        const to = world.liveActor(b);
        const { node } = to!.home;
        return by.order(what, () => {
          const at = world.tick();
          this.#monitors.push({ by, at, node, ref: Process.monitor(to!.pid) });
        });
      }
      case "monitorNode": {
        const other = world.liveActor(a, (each) => !this.#isWatcher(each));
        const node = pick(world.nodes, b)!;
        return other?.order(what, () => {
          if (node === other.home.node) return;
          this.#asked.push({ by: other, at: world.tick(), node });
          Node.monitor(node);
        });
      }
      case "end":
        if (c % 4 === 0) by.order(what, () => exit("normal"));
    }
  }

  async check(): Promise<string[]> {
    const { cluster, live } = this.#world;
    const wrong: string[] = [];
    const lists = new Map<string, string[]>();
    for (const node of live) {
      const [all, visible] = await cluster.run(
        node,
        () => [Node.list("connected"), Node.list("visible")],
      );
      lists.set(node, visible);
      const others = live.filter((each) => each !== node).sort().join();
      if (all.sort().join() !== others) {
        wrong.push(`${node} is connected to ${all}, not ${others}`);
      }
    }
    for (const watcher of this.#watchers) {
      if (!watcher.actor.isAlive) continue;
      wrong.push(...this.#heard(watcher, lists.get(watcher.actor.home.node)!));
    }
    for (const asked of this.#asked) wrong.push(...this.#told(asked));
    return wrong;
  }

  /** The messages that one watcher received, in order. */
  #heard({ actor, times, at, up }: Watcher, list: string[]): string[] {
    const wrong: string[] = [];
    const say = (text: string) => wrong.push(`watcher ${actor.id} ${text}`);
    const isUp = new Map(up.map((node) => [node, true]));
    const told = new Map<Ref, number>();
    let last: { type: string; node: string; count: number } | undefined;
    const closed = () => {
      if (last !== undefined && last.count !== times) {
        say(`heard ${last.type} of ${last.node} ${last.count} times`);
      }
      last = undefined;
    };
    for (const { at: heardAt, message } of actor.heard) {
      if (heardAt < at) continue;
      if (message.type === "nodeup" || message.type === "nodedown") {
        const { type, node } = message;
        if (last?.type === type && last?.node === node && last!.count < times) {
          last!.count++;
          continue;
        }
        closed();
        last = { type, node, count: 1 };
        if (node.startsWith(HIDDEN) || actor.home.node.startsWith(HIDDEN)) {
          say(`heard ${type} of ${node}, and one of the two is hidden`);
        }
        if ((isUp.get(node) ?? false) === (type === "nodeup")) {
          say(`heard ${type} of ${node} twice`);
        }
        isUp.set(node, type === "nodeup");
        if (type === "nodeup") continue;
        for (const record of this.#monitors) {
          if (record.by !== actor || record.node !== node) continue;
          if (record.at > heardAt || told.has(record.ref)) continue;
          const wasUp = !this.#downBetween(actor.home, node, 0, record.at) ||
            this.#downBetween(actor.home, node, record.at, heardAt);
          if (wasUp) say(`heard nodedown of ${node} before a DOWN of there`);
        }
      } else if (isDown(message)) {
        for (const { ref } of this.#monitors) {
          if (ref.equals(message.ref)) told.set(ref, heardAt);
        }
      } else {
        const sender = this.#world.actors[message.from];
        const { node } = sender.home;
        if (node === actor.home.node || node.startsWith(HIDDEN)) continue;
        if (actor.home.node.startsWith(HIDDEN)) continue;
        if (isUp.get(node) !== true) {
          say(`heard a letter of ${node}, which was not up`);
        }
      }
    }
    closed();
    const now = [...isUp].filter(([, is]) => is).map(([node]) => node);
    if (now.sort().join() !== list.sort().join()) {
      say(`heard that ${now} are up, and ${list} are`);
    }
    return wrong;
  }

  #downBetween(
    home: Incarnation,
    node: string,
    from: number,
    to: number,
  ): boolean {
    return home.downs.some((each) =>
      each.node === node && each.at > from && each.at < to
    );
  }

  /** Each call of `Node.monitor` reports the next nodedown, and only that. */
  #told({ by, node }: Asked): string[] {
    if (!by.isAlive) return [];
    const heard =
      by.heard.filter(({ message }) =>
        message.type === "nodedown" && message.node === node
      ).length;
    const expected =
      this.#asked.filter((each) =>
        each.by === by && each.node === node &&
        this.#downBetween(by.home, node, each.at, Infinity)
      ).length;
    return heard === expected ? [] : [
      `${by.id} heard nodedown of ${node} ${heard} times, not ${expected}`,
    ];
  }
}

const NODE_MONITORS: Property = {
  actions: { write: 12, monitor: 4, monitorNode: 4, end: 2 },
  faults: { cutOneWay: 2, disconnect: 3 },
  hidden: [HIDDEN],
  scene: (world) => new NodesScene(world),
};

livesTest("node monitors", NODE_MONITORS, 60);
