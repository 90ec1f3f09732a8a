/** The groups of a scope as one node knows them, and the processes that are notified of changes. */

import type { Pid, Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import type { Runtime } from "@otp/processes/process/runtime";
import {
  keyToKeep,
  type TermKey,
  termKey,
} from "@otp/processes/values/term_key";

/** The levels of a message around the group. */
const ENVELOPE = 8;

/** A group and its processes; a process that has joined twice appears twice. */
export interface GroupMembers {
  /** Names the group: any value, compared by its contents. */
  group: unknown;
  /** The group's processes. */
  pids: Pid[];
}

/** The notification of a process that monitors a group. */
export interface PgMessage {
  /** Whether processes have joined the group or left it. */
  type: "join" | "leave";
  /** The monitor. */
  ref: Ref;
  /** Names the group: any value, compared by its contents. */
  group: unknown;
  /** The processes. */
  pids: Pid[];
}

/** A process that is notified of changes: of one group, or of all. */
export interface Subscriber {
  readonly pid: Pid;
  readonly ref: Ref;
  readonly only: { id: TermKey } | undefined;
}

/** Selects the processes of all nodes, or of this node. */
export type Where = "all" | "local";

/**
 * Returns the key of a group. Throws a `TypeError` if `group` cannot be sent, and a `RangeError` if `group` is nested
 * too deeply to be sent in a message.
 */
export function groupKey(group: unknown, { maxDepth }: Runtime): TermKey {
  return termKey(group, maxDepth - ENVELOPE);
}

/** Checks a group that a scope keeps: throws a `RangeError` if it is too long or too deep, a `TypeError` if it cannot be sent. */
export function checkGroup(
  group: unknown,
  doing: string,
  { maxDepth }: Runtime,
): void {
  keyToKeep(group, `${doing} the group`, maxDepth - ENVELOPE);
}

/** Returns whether `value`, which may come from another node, can be a group. */
export function canBeGroup(value: unknown, runtime: Runtime): boolean {
  try {
    groupKey(value, runtime);
    return true;
  } catch {
    return false;
  }
}

/** A multiset of processes. */
export class Members {
  readonly #runtime: Runtime;
  readonly #members = new Map<Key, { readonly pid: Pid; times: number }>();

  constructor(runtime: Runtime, pids: readonly Pid[] = []) {
    this.#runtime = runtime;
    this.add(pids);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  add(pids: readonly Pid[]): void {
    for (const pid of pids) {
      const key = keyOf(pid, this.#runtime);
      const member = this.#members.get(key);
      if (member === undefined) this.#members.set(key, { pid, times: 1 });
      else member.times++;
    }
  }

  /** Removes a process once; returns whether it was a member. */
  take(pid: Pid): boolean {
    const key = keyOf(pid, this.#runtime);
    const member = this.#members.get(key);
    if (member === undefined) return false;
    if (--member.times === 0) this.#members.delete(key);
    return true;
  }

  /** Removes the members among `pids`, and returns them. */
  takeAll(pids: readonly Pid[]): Pid[] {
    return pids.filter((pid) => this.take(pid));
  }

  /** Returns the members of both lists. A pid is repeated min(times here, times in `those` × `count`). */
  leaving(those: Members, count: number): Pid[] {
    const [few, others] = this.#members.size <= those.#members.size
      ? [this.#members, those.#members]
      : [those.#members, this.#members];
    const pids: Pid[] = [];
    for (const [key, { pid }] of few) {
      if (!others.has(key)) continue;
      const times = Math.min(
        this.#members.get(key)!.times,
        those.#members.get(key)!.times * count,
      );
      for (let i = 0; i < times; i++) pids.push(pid);
    }
    return pids;
  }

  pids(): Pid[] {
    const pids: Pid[] = [];
    for (const { pid, times } of this.#members.values()) {
      for (let i = 0; i < times; i++) pids.push(pid);
    }
    return pids;
  }
}

interface Group {
  readonly group: unknown;
  readonly all: Members;
  readonly local: Members;
}

/** The table of a scope's process. */
export class Groups {
  readonly #process: LocalProcess;
  readonly #groups = new Map<TermKey, Group>();
  readonly #subscribers = new Map<TermKey, Set<Subscriber>>();
  readonly #scopeSubscribers = new Set<Subscriber>();

  /** Creates an empty table; `process` sends the notifications. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  members(id: TermKey, where: Where): Pid[] {
    return this.#groups.get(id)?.[where].pids() ?? [];
  }

  /** Returns the group with key `id`, which must have processes. */
  term(id: TermKey): unknown {
    return this.#groups.get(id)!.group;
  }

  /** Returns the groups that have processes. */
  which(where: Where): GroupMembers[] {
    return [...this.#groups.values()]
      .filter((group) => !group[where].isEmpty)
      .map((group) => ({ group: group.group, pids: group[where].pids() }));
  }

  add(id: TermKey, group: unknown, pids: Pid[], where: Where): void {
    const { runtime } = this.#process;
    let known = this.#groups.get(id);
    if (known === undefined) {
      const all = new Members(runtime);
      known = { group, all, local: new Members(runtime) };
      this.#groups.set(id, known);
    }
    known.all.add(pids);
    if (where === "local") known.local.add(pids);
    this.#notify("join", id, known.group, pids);
  }

  /** Removes processes from a group. As in OTP, subscribers are sent all of `pids`, even if some were no members. */
  remove(id: TermKey, pids: Pid[], where: Where): void {
    const known = this.#groups.get(id);
    if (known === undefined) return;
    known.all.takeAll(pids);
    if (where === "local") known.local.takeAll(pids);
    if (known.all.isEmpty) this.#groups.delete(id);
    this.#notify("leave", id, known.group, pids);
  }

  #notify(
    type: "join" | "leave",
    id: TermKey,
    group: unknown,
    pids: Pid[],
  ): void {
    const process = this.#process;
    const told = [
      ...this.#scopeSubscribers,
      ...this.#subscribers.get(id) ?? [],
    ];
    for (const { pid, ref } of told) {
      const message: PgMessage = { type, ref, group, pids };
      process.send(pid, message);
    }
  }

  subscribe(subscriber: Subscriber): void {
    const { only } = subscriber;
    if (only === undefined) {
      this.#scopeSubscribers.add(subscriber);
      return;
    }
    const known = this.#subscribers.get(only.id);
    if (known !== undefined) known.add(subscriber);
    else this.#subscribers.set(only.id, new Set([subscriber]));
  }

  unsubscribe(subscriber: Subscriber): void {
    const { only } = subscriber;
    this.#scopeSubscribers.delete(subscriber);
    if (only === undefined) return;
    const known = this.#subscribers.get(only.id);
    known?.delete(subscriber);
    if (known?.size === 0) this.#subscribers.delete(only.id);
  }
}
