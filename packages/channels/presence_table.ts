/**
 * The presence of one node: the entries of its own processes, and those that other nodes have announced.
 *
 * An entry belongs to a process, and so to one node. It never changes: an update replaces it by one with a new
 * reference. So the view of a node is a set of entries, and each entry joins it once and leaves it once, whatever
 * nodes report and in whichever order. Subscribers on this node learn of the difference by `presence_diff`.
 *
 * An entry whose process has crashed, lost its client or lost its node stays for the grace time ("held"). If another
 * entry of its key joins meanwhile, it leaves in the same diff; if its node comes back with it, nothing has happened.
 *
 * A topic has {@linkcode BURST} diffs a second at once; further changes are collected for {@linkcode PERIOD}. So a crowd
 * that joins costs each client a number of diffs that does not grow with the crowd. `presence_state` is the sum of the
 * diffs so far, so that a client that starts with it misses nothing and gets nothing twice.
 */

import { randomBytes } from "node:crypto";
import { isTyped } from "@otp/processes/values/term";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { ignore } from "@otp/processes/promises/promises";
import type { Pid, Ref } from "@otp/processes/values/pid";

/** The diffs of a topic that are sent at once, in a second. */
const BURST = 20;
/** The time for which further changes are collected, in milliseconds. */
const PERIOD = 50;
const SECOND = 1000;

/** A process in a topic, under a key. */
export interface PresenceEntry {
  readonly topic: string;
  readonly key: string;
  /** The `phx_ref`, which no other entry has. */
  readonly ref: string;
  /** The metadata as clients get it, in JSON, with the reference. */
  readonly text: string;
  readonly node: string;
  /** The process that counts the entry for another node. */
  readonly keeper?: LocalProcess;
  /** The hold that removes the entry unless it ends before. */
  hold?: object;
}

/** A change of the own entries of a node. */
export interface PresenceChange {
  joins: readonly PresenceEntry[];
  leaves: readonly PresenceEntry[];
  /** Whether the entries that leave are to be held. */
  isAbrupt: boolean;
}

/** The entries of a topic. */
interface Topic {
  readonly entries: Set<PresenceEntry>;
  /** The held entries, by key. */
  readonly held: Map<string, Set<PresenceEntry>>;
  /** The difference to what the subscribers know. */
  readonly joins: Set<PresenceEntry>;
  readonly leaves: Set<PresenceEntry>;
  isWaiting: boolean;
  /** The number of diffs since `from`. */
  diffs: number;
  from: number;
  /** The JSON of `presence_state`, until the next diff. */
  state: string | undefined;
}

/** An entry of a process of this node, and the wait for the exit of the process. */
interface Tracked {
  readonly entry: PresenceEntry;
  readonly process: LocalProcess;
  readonly exit: Ref;
}

/** The presence of a node. */
export class PresenceTable {
  readonly #runtime: Runtime;
  readonly #deliver: (topic: string, diff: string) => void;
  readonly #topics = new Map<string, Topic>();
  readonly #tracked = new Map<string, Tracked>();
  /** The entries of each other node, by reference. */
  readonly #nodes = new Map<string, Map<string, PresenceEntry>>();
  /** Begins the references of this node. */
  readonly #id = randomBytes(6).toString("base64url");
  #next = 0;
  /** The entries of the processes that exit in this turn. */
  #exits: { entry: PresenceEntry; hasLeft: boolean }[] = [];
  /** The time for which entries are held, in milliseconds. */
  grace = 500;
  /** Called with each change of the own entries. */
  changed: (change: PresenceChange) => void = ignore;

  /** @param deliver Sends a `presence_diff` to the subscribers of a topic on this node. */
  constructor(
    runtime: Runtime,
    deliver: (topic: string, diff: string) => void,
  ) {
    this.#runtime = runtime;
    this.#deliver = deliver;
  }

  /** Adds an entry of a process, or replaces the one that it has; does nothing if the process has exited. */
  track(pid: Pid, topic: string, key: string, meta: object): void {
    const process = this.#runtime.find(pid);
    if (process === undefined) return;
    const id = idOf(pid, topic, key);
    const before = this.#tracked.get(id)?.entry;
    const ref = `${this.#id}${(this.#next++).toString(36)}`;
    const refs = before === undefined
      ? { phx_ref: ref }
      : { phx_ref: ref, phx_ref_prev: before.ref };
    const text = JSON.stringify({ ...meta, ...refs });
    const { node } = this.#runtime;
    const entry: PresenceEntry = { topic, key, ref, text, node };
    if (before !== undefined) this.#forget(id);
    const exit = this.#runtime.makeRef();
    this.#tracked.set(id, { entry, process, exit });
    process.await(exit, {
      node,
      reply: ignore,
      down: ignore,
      abandon: () => this.#exited(id, process.exitReason),
    });
    this.#changeOwn([entry], before === undefined ? [] : [before], false);
  }

  /** Removes an entry of a process; returns whether there was one. */
  untrack(pid: Pid, topic: string, key: string): boolean {
    const id = idOf(pid, topic, key);
    const entry = this.#forget(id);
    if (entry !== undefined) this.#changeOwn([], [entry], false);
    return entry !== undefined;
  }

  /** Returns the metadata of an entry of a process. */
  metaOf(pid: Pid, topic: string, key: string): object | undefined {
    const tracked = this.#tracked.get(idOf(pid, topic, key));
    if (tracked === undefined) return undefined;
    const { phx_ref: _, phx_ref_prev: _prev, ...meta } = JSON.parse(
      tracked.entry.text,
    );
    return meta;
  }

  #forget(id: string): PresenceEntry | undefined {
    const tracked = this.#tracked.get(id);
    this.#tracked.delete(id);
    tracked?.process.release(tracked.exit);
    return tracked?.entry;
  }

  /** The processes of one turn leave together, so that none is sent the departure of another. */
  #exited(id: string, reason: unknown): void {
    const entry = this.#forget(id)!;
    const hasLeft = reason === "normal" ||
      (isTyped(reason, "shutdown") &&
        (reason as { reason?: unknown }).reason === "left");
    this.#exits.push({ entry, hasLeft });
    if (this.#exits.length > 1) return;
    queueMicrotask(() => {
      const exits = this.#exits;
      this.#exits = [];
      for (const isAbrupt of [false, true]) {
        const leaves = exits.filter(({ hasLeft }) => hasLeft !== isAbrupt)
          .map(({ entry }) => entry);
        if (leaves.length > 0) this.#changeOwn([], leaves, isAbrupt);
      }
    });
  }

  #changeOwn(
    joins: PresenceEntry[],
    leaves: PresenceEntry[],
    isAbrupt: boolean,
  ): void {
    const change = { joins, leaves, isAbrupt };
    this.change(change);
    this.changed(change);
  }

  /** The entries of this node's processes. */
  own(): PresenceEntry[] {
    return Array.from(this.#tracked.values(), ({ entry }) => entry);
  }

  /** The number of entries of this node's processes. */
  get ownSize(): number {
    return this.#tracked.size;
  }

  /** The number of entries of other nodes. */
  get otherSize(): number {
    let size = 0;
    for (const entries of this.#nodes.values()) size += entries.size;
    return size;
  }

  /** Returns the number of entries of a topic. */
  size(topic: string): number {
    return this.#topics.get(topic)?.entries.size ?? 0;
  }

  /** Returns an entry of another node. */
  find(node: string, ref: string): PresenceEntry | undefined {
    return this.#nodes.get(node)?.get(ref);
  }

  /** Changes the view. */
  change({ joins, leaves, isAbrupt }: PresenceChange): void {
    const topics = new Set<string>();
    for (const entry of joins) {
      const topic = this.#topic(entry.topic);
      topics.add(entry.topic);
      for (const held of topic.held.get(entry.key) ?? []) this.#remove(held);
      topic.entries.add(entry);
      topic.joins.add(entry);
      if (entry.keeper !== undefined) {
        this.#ofNode(entry.node).set(entry.ref, entry);
      }
    }
    if (isAbrupt && this.grace > 0) this.#holdAll(leaves);
    else {
      for (const entry of leaves) {
        topics.add(entry.topic);
        this.#remove(entry);
      }
    }
    for (const name of topics) this.#report(name);
  }

  /** Holds all entries of a node that is lost. */
  lose(node: string): void {
    const leaves = [...this.#nodes.get(node)?.values() ?? []]
      .filter(({ hold }) => hold === undefined);
    this.change({ joins: [], leaves, isAbrupt: true });
  }

  /** Takes the references of all entries that a node has: the others leave, and a held one stays. */
  retain(node: string, refs: ReadonlySet<string>): void {
    const leaves: PresenceEntry[] = [];
    for (const entry of this.#nodes.get(node)?.values() ?? []) {
      if (refs.has(entry.ref)) this.#release(entry);
      else if (entry.hold === undefined) leaves.push(entry);
    }
    this.change({ joins: [], leaves, isAbrupt: true });
  }

  /** Returns the entries of a topic, as `presence_state` of one that has heard all. */
  list(topic: string): string {
    return metas(this.#topics.get(topic)?.entries ?? []);
  }

  /** Returns the JSON of `presence_state` for a client that gets the next diffs. */
  state(name: string): string {
    const topic = this.#topics.get(name);
    if (topic === undefined) return "{}";
    const { entries, joins, leaves } = topic;
    return topic.state ??= metas([
      ...[...entries].filter((entry) => !joins.has(entry)),
      ...leaves,
    ]);
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = {
        entries: new Set(),
        held: new Map(),
        joins: new Set(),
        leaves: new Set(),
        isWaiting: false,
        diffs: 0,
        from: 0,
        state: undefined,
      };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  #ofNode(node: string): Map<string, PresenceEntry> {
    let entries = this.#nodes.get(node);
    if (entries === undefined) this.#nodes.set(node, entries = new Map());
    return entries;
  }

  #holdAll(entries: readonly PresenceEntry[]): void {
    if (entries.length === 0) return;
    const hold = {};
    for (const entry of entries) {
      entry.hold = hold;
      const { held } = this.#topic(entry.topic);
      const known = held.get(entry.key);
      if (known === undefined) held.set(entry.key, new Set([entry]));
      else known.add(entry);
    }
    this.#runtime.deadlines.after(this.grace, () => {
      const leaves = entries.filter((entry) => entry.hold === hold);
      this.change({ joins: [], leaves, isAbrupt: false });
    });
  }

  /** Ends the hold of an entry. */
  #release(entry: PresenceEntry): void {
    if (entry.hold === undefined) return;
    entry.hold = undefined;
    const { held } = this.#topic(entry.topic);
    const known = held.get(entry.key);
    known?.delete(entry);
    if (known?.size === 0) held.delete(entry.key);
  }

  #remove(entry: PresenceEntry): void {
    const { entries, joins, leaves } = this.#topic(entry.topic);
    this.#release(entry);
    if (!entries.delete(entry)) return;
    if (!joins.delete(entry)) leaves.add(entry);
    const { node, ref, keeper } = entry;
    const ofNode = this.#nodes.get(node);
    if (ofNode?.delete(ref) && ofNode.size === 0) this.#nodes.delete(node);
    keeper?.dropFor(node);
  }

  /** Sends the changes of a topic, now or with later ones. */
  #report(name: string): void {
    const topic = this.#topic(name);
    if (topic.isWaiting) return;
    const { clock, deadlines } = this.#runtime;
    const now = clock.now();
    if (now - topic.from >= SECOND) {
      topic.from = now;
      topic.diffs = 0;
    }
    if (topic.diffs++ < BURST) return this.#flush(name, topic);
    topic.isWaiting = true;
    deadlines.after(PERIOD, () => {
      topic.isWaiting = false;
      this.#flush(name, topic);
    });
  }

  #flush(name: string, topic: Topic): void {
    const { entries, joins, leaves } = topic;
    if (joins.size > 0 || leaves.size > 0) {
      const diff = `{"joins":${metas(joins)},"leaves":${metas(leaves)}}`;
      joins.clear();
      leaves.clear();
      topic.state = undefined;
      this.#deliver(name, diff);
    }
    if (entries.size === 0 && !topic.isWaiting) this.#topics.delete(name);
  }
}

function idOf(pid: Pid, topic: string, key: string): string {
  return `${pid.number} ${topic}\0${key}`;
}

/** Returns entries as Phoenix writes them in JSON: the metadata by key. */
function metas(entries: Iterable<PresenceEntry>): string {
  const byKey = new Map<string, string[]>();
  for (const { key, text } of entries) {
    const texts = byKey.get(key);
    if (texts === undefined) byKey.set(key, [text]);
    else texts.push(text);
  }
  return `{${
    Array.from(
      byKey,
      ([key, texts]) => `${JSON.stringify(key)}:{"metas":[${texts.join()}]}`,
    ).join()
  }}`;
}
