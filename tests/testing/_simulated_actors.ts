/**
 * Scripted processes that record their actions and messages: the history that the properties of
 * `simulation_property_test.ts` check. It is made only of calls, of the results of `receive`, and of the
 * times at which each node reported another one down.
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
} from "../../packages/processes/process.ts";
import {
  ExitError,
  NoProcessError,
  ProcessExited,
} from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import type { Heard, Incarnation } from "../_simulated_lives.ts";

/**
 * A message of these tests: its sender, the number of signals that the sender sent before, and its receiver.
 */
export interface Letter {
  by: number;
  n: number;
}

export interface Sent extends Letter {
  /** The time. */
  at: number;
  /** The receiver: a process, or a name on a node. */
  to: { actor: Actor } | { name: string; node: string };
  /** The kind of signal: a message to a pid, a name or an alias, or an exit signal. */
  via: "pid" | "name" | "alias" | "exit" | "normal" | "kill";
  alias: Ref | undefined;
}

/** A monitor, and its result. */
export interface MonitorRecord {
  by: Actor;
  at: number;
  ref: Ref;
  target: { actor: Actor } | { name: string; node: string };
  node: string;
  endedAt: number | undefined;
}

/** An action of an actor on a link to another one. */
export interface LinkRecord {
  at: number;
  by: Actor;
  to: Actor;
  /** `"ask"`: requests one at its start; `"born"`: has one from its start. */
  what: "link" | "unlink" | "ask" | "born";
  /** Whether a requested link was reported to exist. */
  isAnswered?: boolean;
}

/** The error that an actor throws. */
export class Boom extends Error {
  /** The error that the actor of that number throws. */
  constructor(id: number) {
    super(`boom ${id}`);
    this.stack = "";
  }
}

/** A scripted process. */
export class Actor {
  readonly id: number;
  /** The node that it runs on, or was meant to run on. */
  home: Incarnation;
  /** Set when it has begun; a pid of no process if it could not begin. */
  pid: Pid | undefined;
  /** Whether its code has run; one that exited before did nothing. */
  hasBegun = false;
  /** Its exit reason, when it was known, and the earliest time of its exit. */
  end: { at: number; from: number; reason: unknown } | undefined;
  /** Whether it is no process, but only the pid that a spawn on a lost node returns. */
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

  /** Whether it can execute commands. */
  get isAlive(): boolean {
    return this.hasBegun && this.end === undefined;
  }

  /** Schedules a command. */
  order(fn: () => void): void {
    this.#orders.push(fn);
    this.#wake?.();
  }

  /** The next command. */
  async next(): Promise<() => void> {
    while (this.#orders.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#orders.shift()!;
  }
}

/** All actions and messages, in order. */
export class History {
  readonly actors: Actor[] = [];
  readonly incarnations: Incarnation[] = [];
  readonly sent: Sent[] = [];
  readonly monitors: MonitorRecord[] = [];
  readonly links: LinkRecord[] = [];
  /** The processes that exited by themselves, and their reasons. */
  readonly exits: { by: Actor; reason: unknown }[] = [];
  /** When everything had come to rest first. */
  restAt: number | undefined;
  /** Observations that no process should make. */
  readonly wrong: string[] = [];
  #at = 0;
  #turnFrom = 0;

  /** A moment later than all before. */
  tick(): number {
    return ++this.#at;
  }

  /** Notes that the following events happen in a later turn of the event loop. */
  turn(): void {
    this.#turnFrom = this.#at;
  }

  /** Notes that a node has started. */
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

  /** The current incarnation of the node of that name, or the last one. */
  home(node: string): Incarnation {
    return this.incarnations.findLast((each) => each.node === node)!;
  }

  /** Adds an actor that will begin on a node. */
  actor(home: Incarnation, isGhost = false): Actor {
    const actor = new Actor(this.actors.length, home, isGhost);
    this.actors.push(actor);
    return actor;
  }

  /** The sent letter that a received one stands for. */
  letter({ by, n }: Letter): Sent | undefined {
    return this.sent.find((each) => each.by === by && each.n === n);
  }

  of(pid: Pid): Actor | undefined {
    return this.actors.find((each) => each.pid?.equals(pid));
  }

  /** The code of an actor. */
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
      // A guard sees a message at the moment in which it is taken.
      await receive((message) => {
        actor.heard.push({ at: this.tick(), message });
        this.#checkNames(message);
        return true;
      });
    }
  }

  /** Names are free before anyone receives the exit signal of their holder. */
  // deno-lint-ignore no-explicit-any
  #checkNames(message: any): void {
    const pid = isDown(message)
      ? message.object
      : isExit(message)
      ? message.from
      : undefined;
    if (!(pid instanceof Pid) || message.reason === "noconnection") return;
    // An exit signal may come from a live process.
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
    // Others are notified of an exit first, within the same turn.
    actor.end = { at, from: this.#turnFrom, reason };
    for (const each of [...actor.names, ...actor.aliases]) {
      each.to = Math.min(each.to, at);
    }
  }

  // The actions of actors. Each is run as code of the actor.

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

  /** Exits by itself. */
  exit(by: Actor, reason: unknown): never {
    this.exits.push({ by, reason });
    if (reason instanceof Boom) throw reason;
    return exit(reason);
  }

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

  monitor(by: Actor, target: MonitorRecord["target"]): void {
    const at = this.tick();
    const node = "actor" in target ? target.actor.pid!.node : target.node;
    const ref = Process.monitor("actor" in target ? target.actor.pid! : target);
    this.monitors.push({ by, at, ref, target, node, endedAt: undefined });
  }

  /** Ends a monitor, and discards its DOWN if it is still in the mailbox. */
  demonitor(record: MonitorRecord): void {
    Process.demonitor(record.ref, { flush: true });
    record.endedAt ??= this.tick();
  }

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

  /** Unregisters its name. */
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
        // A process that linked to it before the answer came had the link by then, and may have ended it.
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

  /**
   * The actor that a spawn returned: if the other node was lost, one of no process, with a pid of the caller's
   * node.
   */
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

/** The letter of a message, in mail or as the reason of an exit signal, to check the order. */
// deno-lint-ignore no-explicit-any
export function letterOf(message: any): Letter | undefined {
  const letter = isExit(message) ? message.reason : message;
  return typeof (letter as Letter | null)?.n === "number" &&
      typeof (letter as Letter).by === "number"
    ? letter as Letter
    : undefined;
}
