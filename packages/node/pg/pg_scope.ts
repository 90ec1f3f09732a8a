/**
 * The process of a scope on one node: it serves `join` and `leave` for its node, monitors the node's members, and passes
 * changes on to the peers (`pg_peers.ts`).
 */

import { type Pid, Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import type { TermKey } from "@otp/processes/values/term_key";
import { fromSelf, isTyped } from "@otp/servers/server/messages";
import {
  canBeGroup,
  groupKey,
  type GroupMembers,
  Groups,
  type Subscriber,
  type Where,
} from "./pg_groups.ts";
import { arePids, PG, type Reminder, ScopePeers } from "./pg_peers.ts";
import { taskSlots } from "@otp/servers/server/task_slots";
import { taskGroups } from "./task_groups.ts";
import { noteScope, type PgRequest, type ScopeServer } from "./scopes.ts";
import { BADARG, type Server } from "@otp/servers/server/server";

type Watched =
  | { type: "member"; pid: Pid }
  | { type: "subscriber"; subscriber: Subscriber };

export class PgScope implements Server, ScopeServer {
  readonly #process: LocalProcess;
  readonly #groups: Groups;
  /** This node's members, each with its joins. */
  readonly #local = new Map<Key, { ref: Ref; joins: Joins }>();
  readonly #peers: ScopePeers;
  readonly #watched = new Map<number, Watched>();
  readonly protocol = PG;

  /** Starts looking for scopes of the same name on other nodes. */
  constructor(process: LocalProcess, name: string) {
    this.#process = process;
    this.#groups = new Groups(process);
    this.#peers = new ScopePeers(process, name, this.#groups);
    const { runtime } = process;
    noteScope(runtime, name, this);
    taskSlots(runtime).groups = taskGroups;
    process.ownCold().watchesNodes = 1;
    for (const node of runtime.visible.keys()) this.#peers.discover(node);
  }

  get isRunning(): boolean {
    return this.#process.alive;
  }

  members(group: unknown, where: Where): Pid[] {
    return this.#groups.members(this.#id(group), where);
  }

  which(where: Where): GroupMembers[] {
    return this.#groups.which(where);
  }

  withdraw(): void {
    this.#peers.withdraw();
  }

  settle(): Promise<void> {
    return this.#peers.settle();
  }

  leaveAll(pid: Pid): void {
    const known = this.#local.get(this.#key(pid));
    if (known === undefined) return;
    this.#unwatch(known.ref);
    this.#memberDown(pid);
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const asked = request as PgRequest | null;
    const { runtime } = this.#process;
    const { node } = runtime;
    if (caller.pid.node !== node) return BADARG;
    const { group } = (asked ?? {}) as { group?: unknown };
    if (!canBeGroup(group, runtime)) return BADARG;
    switch (asked?.type) {
      case "join":
        if (!arePids(asked.pids, node)) return BADARG;
        return this.#join(asked.group, asked.pids);
      case "leave":
        if (!arePids(asked.pids, node)) return BADARG;
        return this.#leave(asked.group, asked.pids);
      case "monitor": {
        const id = this.#id(asked.group);
        const ref = this.#subscribe(caller.pid, { id });
        return { ref, pids: this.#groups.members(id, "all") };
      }
      case "monitor_scope":
        return {
          ref: this.#subscribe(caller.pid, undefined),
          groups: this.which("all"),
        };
      case "demonitor":
        return asked.ref instanceof Ref && this.#unsubscribe(asked.ref);
      default:
        return BADARG;
    }
  }

  info(message: unknown): void {
    if (isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (this.#process.isDown(ref) && !this.#peers.down(ref)) this.#down(ref);
    } else if (isTyped(message, "nodeup")) {
      const { node } = message as { node?: unknown };
      const { visible } = this.#process.runtime;
      // Any process can send a message that looks like news of a node: the actual state counts.
      if (typeof node === "string" && visible.has(node)) {
        this.#peers.discover(node);
      }
    } else {
      const told = fromSelf(message, this.#process) as Reminder | undefined;
      if (told !== undefined) this.#peers.catchUp(told);
      else this.#peers.hear(message);
    }
  }

  /** Handles OTP's `sync`, the only cast. */
  cast(request: unknown): void {
    this.#peers.hear(request);
  }

  #id(group: unknown): TermKey {
    return groupKey(group, this.#process.runtime);
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }

  #watch(pid: Pid, watched: Watched, ref?: Ref): Ref {
    const process = this.#process;
    const by = ref ?? process.runtime.makeRef();
    this.#watched.set(by.number, watched);
    return process.monitor(pid, undefined, undefined, by);
  }

  #unwatch(ref: Ref): void {
    this.#watched.delete(ref.number);
    this.#process.demonitor(ref);
  }

  #join(group: unknown, pids: Pid[]): "ok" {
    if (pids.length === 0) return "ok";
    const id = this.#id(group);
    for (const pid of pids) {
      const key = this.#key(pid);
      let known = this.#local.get(key);
      if (known === undefined) {
        const ref = this.#watch(pid, { type: "member", pid });
        known = { ref, joins: new Joins() };
        this.#local.set(key, known);
      }
      known.joins.add(id);
    }
    this.#groups.add(id, group, pids, "local");
    this.#peers.tellAll({ type: "join", group, pids });
    return "ok";
  }

  #leave(group: unknown, pids: Pid[]): "ok" | "not_joined" {
    const id = this.#id(group);
    const left = pids.filter((pid) => this.#removeJoin(pid, id));
    if (left.length === 0) return "not_joined";
    this.#groups.remove(id, pids, "local");
    this.#peers.tellAll({ type: "leave", groups: [group], pids });
    return "ok";
  }

  /** Removes a join of this node's process; returns whether the process was in the group. */
  #removeJoin(pid: Pid, id: TermKey): boolean {
    const known = this.#local.get(this.#key(pid));
    if (known === undefined || !known.joins.take(id)) return false;
    if (known.joins.size > 0) return true;
    this.#local.delete(this.#key(pid));
    this.#unwatch(known.ref);
    return true;
  }

  #subscribe(pid: Pid, only: Subscriber["only"]): Ref {
    const ref = this.#process.runtime.makeRef();
    const subscriber: Subscriber = { pid, ref, only };
    this.#groups.subscribe(subscriber);
    return this.#watch(pid, { type: "subscriber", subscriber }, ref);
  }

  #unsubscribe(ref: Ref): boolean {
    const watched = this.#watched.get(ref.number);
    if (watched?.type !== "subscriber") return false;
    this.#groups.unsubscribe(watched.subscriber);
    this.#unwatch(ref);
    return true;
  }

  #down(ref: Ref): void {
    const watched = this.#watched.get(ref.number);
    this.#watched.delete(ref.number);
    switch (watched?.type) {
      case "member":
        return this.#memberDown(watched.pid);
      case "subscriber":
        return this.#groups.unsubscribe(watched.subscriber);
    }
  }

  #memberDown(pid: Pid): void {
    const ids = this.#local.get(this.#key(pid))!.joins.groups();
    this.#local.delete(this.#key(pid));
    const groups = ids.map((id) => this.#groups.term(id));
    for (const id of ids) this.#groups.remove(id, [pid], "local");
    this.#peers.tellAll({ type: "leave", groups, pids: [pid] });
  }
}

/**
 * The joins of one process, in their order. A process can join a group several times; leaving removes the last join, in
 * constant time.
 */
export class Joins {
  readonly #groups = new Map<number, TermKey>();
  readonly #numbers = new Map<TermKey, number[]>();
  #next = 0;

  get size(): number {
    return this.#groups.size;
  }

  add(group: TermKey): void {
    const number = this.#next++;
    this.#groups.set(number, group);
    const numbers = this.#numbers.get(group);
    if (numbers === undefined) this.#numbers.set(group, [number]);
    else numbers.push(number);
  }

  /** Removes the last join of a group; returns false if there is no join. */
  take(group: TermKey): boolean {
    const numbers = this.#numbers.get(group);
    if (numbers === undefined) return false;
    this.#groups.delete(numbers.pop()!);
    if (numbers.length === 0) this.#numbers.delete(group);
    return true;
  }

  /** Returns the groups, the last joined group first. */
  groups(): TermKey[] {
    return [...this.#groups.values()].reverse();
  }
}
