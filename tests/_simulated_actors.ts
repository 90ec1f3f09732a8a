/**
 * Processes that do what they are told and write down what they did and heard: the history that the
 * properties of `simulation_property_test.ts` are about. It is made of calls and of what `receive`
 * gave alone, and of when each node said that another one was down.
 */

import {
  exit,
  isDown,
  isExit,
  Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
} from "../process.ts";
import { ExitError, NoProcessError, ProcessExited } from "../errors.ts";
import { Node } from "../node.ts";

/** A message of these tests: who sent it, how many of its signals came before, and to whom. */
export interface Letter {
  by: number;
  n: number;
}

/** What was sent. */
export interface Sent extends Letter {
  /** When. */
  at: number;
  /** The one meant: a process, or who has a name on a node. */
  to: { actor: Actor } | { name: string; node: string };
  /** How: a message to a pid, a name or an alias, or an exit signal. */
  via: "pid" | "name" | "alias" | "exit" | "normal" | "kill";
  /** The alias. */
  alias: Ref | undefined;
}

/** What an actor heard. */
export interface Heard {
  at: number;
  // deno-lint-ignore no-explicit-any
  message: any;
}

/** A monitor, and what came of it. */
export interface MonitorRecord {
  by: Actor;
  at: number;
  ref: Ref;
  target: { actor: Actor } | { name: string; node: string };
  node: string;
  endedAt: number | undefined;
}

/** Something that an actor did with another one's link. */
export interface LinkRecord {
  at: number;
  by: Actor;
  to: Actor;
  /** `"ask"`: wants one from its beginning; `"born"`: has one from its beginning. */
  what: "link" | "unlink" | "ask" | "born";
  /** Whether one that was asked for was told to be there. */
  isAnswered?: boolean;
}

/** A node, from its start to its end. */
export interface Incarnation {
  node: string;
  startedAt: number;
  endedAt: number;
  /** When it said that another one was down. */
  downs: { at: number; node: string }[];
}

/** What an actor throws. */
export class Boom extends Error {
  /** What the actor of that number throws. */
  constructor(id: number) {
    super(`boom ${id}`);
    this.stack = "";
  }
}

/** A process that does what it is told. */
export class Actor {
  readonly id: number;
  /** The node that it is on, or was meant to be. */
  home: Incarnation;
  /** Set when it has begun; that of no process if it could not be. */
  pid: Pid | undefined;
  /** Whether its code has run; one that ended before did nothing. */
  hasBegun = false;
  /** Why it ended; when that was known, and when it may have been at the earliest. */
  end: { at: number; from: number; reason: unknown } | undefined;
  /** Whether it is no process at all, but the pid that a spawn on a lost node gives. */
  readonly isGhost: boolean;
  sent = 0;
  readonly heard: Heard[] = [];
  readonly names: { name: string; from: number; to: number }[] = [];
  readonly aliases: { ref: Ref; from: number; to: number }[] = [];
  readonly traps: { at: number; on: boolean }[] = [];
  #orders: (() => void)[] = [];
  #wake: (() => void) | undefined;

  constructor(id: number, home: Incarnation, isGhost = false) {
    this.id = id;
    this.home = home;
    this.isGhost = isGhost;
  }

  /** Whether it can be told to do something. */
  get isAlive(): boolean {
    return this.hasBegun && this.end === undefined;
  }

  /** Has it do something soon. */
  order(fn: () => void): void {
    this.#orders.push(fn);
    this.#wake?.();
  }

  /** The next thing that it is to do. */
  async next(): Promise<() => void> {
    while (this.#orders.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#orders.shift()!;
  }
}

/** All that was done and heard, in order. */
export class History {
  readonly actors: Actor[] = [];
  readonly incarnations: Incarnation[] = [];
  readonly sent: Sent[] = [];
  readonly monitors: MonitorRecord[] = [];
  readonly links: LinkRecord[] = [];
  /** Who ended by itself, and why. */
  readonly exits: { by: Actor; reason: unknown }[] = [];
  /** When all had come to rest first. */
  restAt: number | undefined;
  /** What no process should see. */
  readonly wrong: string[] = [];
  #at = 0;
  #turnFrom = 0;

  /** A moment later than all before. */
  tick(): number {
    return ++this.#at;
  }

  /** What comes now does so in another turn of the event loop than all before. */
  turn(): void {
    this.#turnFrom = this.#at;
  }

  /** A node has started. */
  started(node: string): Incarnation {
    const incarnation: Incarnation = {
      node,
      startedAt: this.tick(),
      endedAt: Infinity,
      downs: [],
    };
    this.incarnations.push(incarnation);
    return incarnation;
  }

  /** The node of that name as it is now, or was last. */
  home(node: string): Incarnation {
    return this.incarnations.findLast((each) => each.node === node)!;
  }

  /** An actor that is to begin on a node. */
  actor(home: Incarnation, isGhost = false): Actor {
    const actor = new Actor(this.actors.length, home, isGhost);
    this.actors.push(actor);
    return actor;
  }

  /** What was sent as a letter. */
  letter({ by, n }: Letter): Sent | undefined {
    return this.sent.find((each) => each.by === by && each.n === n);
  }

  /** The actor of a pid. */
  of(pid: Pid): Actor | undefined {
    return this.actors.find((each) => each.pid?.equals(pid));
  }

  /** The life of an actor. */
  async live(id: number): Promise<void> {
    const actor = this.actors[id];
    actor.pid = self();
    actor.home = this.home(Node.self());
    actor.hasBegun = true;
    const asked = this.links.find(({ to, what }) =>
      what === "ask" && to === actor
    );
    if (asked !== undefined) {
      this.links.push({
        at: this.tick(),
        by: actor,
        to: asked.by,
        what: "born",
      });
    }
    const end = Process.signal();
    end.addEventListener("abort", () => this.#ended(actor, end.reason));
    this.#listen(actor).catch((error) => {
      if (!(error instanceof ProcessExited)) this.wrong.push(`${error}`);
    });
    for (;;) {
      const order = await actor.next();
      try {
        order();
      } catch (error) {
        this.#ended(actor, error);
        throw error;
      }
    }
  }

  async #listen(actor: Actor): Promise<never> {
    for (;;) {
      // A guard sees a message in the moment in which it is taken.
      await receive((message) => {
        actor.heard.push({ at: this.tick(), message });
        this.#checkNames(message);
        return true;
      });
    }
  }

  /** Names are free before anybody hears of the end of who had them. */
  // deno-lint-ignore no-explicit-any
  #checkNames(message: any): void {
    const pid = isDown(message)
      ? message.object
      : isExit(message)
      ? message.from
      : undefined;
    if (!(pid instanceof Pid) || message.reason === "noconnection") return;
    // An exit signal is of one who may be alive.
    if (isExit(message) && (letterOf(message) || message.reason === "normal")) {
      return;
    }
    for (const { name, to } of this.of(pid)?.names ?? []) {
      if (to === Infinity && Process.whereis(name)?.equals(pid)) {
        this.wrong.push(`${name} was not free when its holder's end was told`);
      }
    }
  }

  #ended(actor: Actor, error: unknown): void {
    if (actor.end !== undefined) return;
    const at = this.tick();
    let reason: unknown = error;
    if (error instanceof ProcessExited || error instanceof ExitError) {
      reason = error.reason;
    } else if (!(error instanceof Boom)) {
      this.wrong.push(`actor ${actor.id} failed: ${error}`);
    }
    // An end is told to others first, within the same turn.
    actor.end = { at, from: this.#turnFrom, reason };
    for (const each of [...actor.names, ...actor.aliases]) {
      each.to = Math.min(each.to, at);
    }
  }

  // What actors can do. Each is run as code of the actor.

  /** Sends a letter, or an exit signal with one. */
  send(
    by: Actor,
    to: Sent["to"],
    via: Sent["via"],
    ref?: Ref,
    body?: unknown,
  ): void {
    const n = ++by.sent;
    const letter = body === undefined
      ? { by: by.id, n }
      : { by: by.id, n, body };
    this.sent.push({ by: by.id, n, at: this.tick(), to, via, alias: ref });
    if (!("actor" in to)) {
      void send({ name: to.name, node: to.node }, letter);
      return;
    }
    const pid = to.actor.pid!;
    if (via === "exit") Process.exit(pid, { by: by.id, n });
    else if (via === "kill" || via === "normal") Process.exit(pid, via);
    else void send(ref ?? pid, letter);
  }

  /** Ends by itself. */
  exit(by: Actor, reason: unknown): never {
    this.exits.push({ by, reason });
    if (reason instanceof Boom) throw reason;
    return exit(reason);
  }

  /** Links, or unlinks. */
  link(by: Actor, to: Actor, what: "link" | "unlink"): void {
    const at = this.tick();
    try {
      if (what === "link") Process.link(to.pid!);
      else Process.unlink(to.pid!);
    } catch (error) {
      // A dead process of the same node, as the caller traps no exits.
      if (!(error instanceof NoProcessError)) throw error;
      if (to.isAlive || to.home.node !== by.home.node) {
        this.wrong.push(`link(${to.id}) by ${by.id} found no process`);
      }
      return;
    }
    this.links.push({ at, by, to, what });
  }

  /** Monitors. */
  monitor(by: Actor, target: MonitorRecord["target"]): void {
    const at = this.tick();
    const node = "actor" in target ? target.actor.pid!.node : target.node;
    const ref = Process.monitor("actor" in target ? target.actor.pid! : target);
    this.monitors.push({ by, at, ref, target, node, endedAt: undefined });
  }

  /** Ends a monitor; a DOWN that nobody has taken is thrown away. */
  demonitor(record: MonitorRecord): void {
    Process.demonitor(record.ref, { flush: true });
    record.endedAt ??= this.tick();
  }

  /** Takes a name. */
  register(by: Actor, name: string): void {
    try {
      Process.register(self(), name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      if (this.#holder(by.home, name) === undefined && !isNamed(by)) {
        this.wrong.push(`actor ${by.id} could not take a name that is free`);
      }
      return;
    }
    if (this.#holder(by.home, name) !== undefined) {
      this.wrong.push(`actor ${by.id} took a name that is taken`);
    }
    by.names.push({ name, from: this.tick(), to: Infinity });
  }

  #holder(home: Incarnation, name: string): Actor | undefined {
    return this.actors.find((each) =>
      each.home === home &&
      each.names.some((own) => own.name === name && own.to === Infinity)
    );
  }

  /** Gives its name away. */
  unregister(by: Actor): void {
    const own = by.names.find(({ to }) => to === Infinity);
    if (own === undefined) return;
    Process.unregister(own.name);
    own.to = this.tick();
  }

  /** Makes an alias. */
  alias(by: Actor): void {
    by.aliases.push({ ref: Process.alias(), from: this.tick(), to: Infinity });
  }

  /** Ends an alias. */
  unalias(by: Actor): void {
    const own = by.aliases.find(({ to }) => to === Infinity);
    if (own === undefined) return;
    Process.unalias(own.ref);
    own.to = this.tick();
  }

  /** Traps exits or not. */
  trap(by: Actor, on: boolean): void {
    Process.trapExit(on);
    by.traps.push({ at: this.tick(), on });
  }

  /** Starts an actor on a node. */
  spawn(
    by: Actor,
    node: string,
    how: "spawn" | "spawnLink" | "spawnMonitor",
  ): void {
    const actor = this.actor(this.home(node));
    const run = ["Actors", "live"] as const;
    const fail = (error: unknown) => {
      if (!(error instanceof ProcessExited)) {
        this.wrong.push(`spawn by ${by.id} failed: ${error}`);
      }
    };
    if (how === "spawn") {
      Node.spawn(node, run, [actor.id]).then(() => {}, fail);
      return;
    }
    const at = this.tick();
    if (how === "spawnLink") {
      const ask: LinkRecord = { at, by, to: actor, what: "ask" };
      this.links.push(ask);
      Node.spawnLink(node, run, [actor.id]).then((pid) => {
        const to = this.#spawned(by, actor, node, pid);
        ask.isAnswered = to === actor;
        // Who has linked to it before the answer came has had the link by then, and perhaps ended it.
        const isKnown = this.links.some((each) =>
          each.by === by && each.to === to && each.what === "link" &&
          each.at > at
        );
        if (!isKnown) this.links.push({ at, by, to, what: "link" });
      }).catch(fail);
      return;
    }
    Node.spawnMonitor(node, run, [actor.id]).then(({ pid, ref }) => {
      this.monitors.push({
        by,
        at,
        ref,
        target: { actor: this.#spawned(by, actor, node, pid) },
        node: pid.node,
        endedAt: undefined,
      });
    }).catch(fail);
  }

  /** The actor that a spawn gave: that of no process, a pid of the asker's node, where the other was lost. */
  #spawned(by: Actor, actor: Actor, node: string, pid: Pid): Actor {
    if (pid.node === node) {
      // Its answer may come before its code has begun.
      actor.pid ??= pid;
      return actor;
    }
    const ghost = this.actor(by.home, true);
    ghost.pid = pid;
    ghost.end = { at: 0, from: 0, reason: "noconnection" };
    return ghost;
  }
}

function isNamed(actor: Actor): boolean {
  return actor.names.some(({ to }) => to === Infinity);
}

/** What a message is, as far as order goes: a letter, in mail or as the reason of an exit signal. */
// deno-lint-ignore no-explicit-any
export function letterOf(message: any): Letter | undefined {
  const letter = isExit(message) ? message.reason : message;
  return typeof (letter as Letter | null)?.n === "number" &&
      typeof (letter as Letter).by === "number"
    ? letter as Letter
    : undefined;
}
