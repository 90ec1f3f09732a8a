/** Links, monitors, aliases and waits, as each end keeps them. */

import { unquotedName } from "../values/beam_names.ts";
import type { Place, SpawnResult, Target } from "../signals/signal.ts";
import { numberText, type Pid, type Ref } from "../values/pid.ts";

/** A node, from one start to the next. */
export interface NodeIncarnation {
  readonly node: string;
  readonly creation: number;
}

/** A key that equal pids share. */
export type Key = number | string;

/** Returns the key of a pid or reference, for code of the node `from`. */
export function keyOf(of: Pid | Ref, from: NodeIncarnation): Key {
  return of.node === from.node && of.creation === from.creation &&
      of.number >= 0
    ? of.number
    : `${numberText(of)}.${of.creation}.${of.node}`;
}

/** A link's state at this end. */
export interface Link {
  /** The other end. */
  pid: Pid;
  /** The id of the unlink whose ack is awaited; 0 while the link is active. */
  unlinking: number;
  /** Whether a peer requested the link, so that it counts towards the peer's quota. */
  held: boolean;
  /**
   * Whether this process survives an exit signal over the link. The other end is then a task of code outside any
   * process, and unrelated code shares this process.
   */
  spares: boolean;
}

export interface Monitor {
  ref: Ref;
  /** Its target: a pid, or a name. */
  target: Target;
  /** The node of the target. */
  node: string;
}

/** Returns a monitor's target in the form of a DOWN. */
export function monitoredObject({ target, node }: Monitor): Place {
  return typeof target === "string"
    ? { name: unquotedName(target), node }
    : target;
}

export interface Watcher {
  /** The process that watches. */
  readonly pid: Pid;
  readonly ref: Ref;
  /** The name by which the process is monitored, if any. */
  readonly name?: string;
}

/** The condition under which an alias ends by itself. */
export type AliasMode = "explicit_unalias" | "demonitor" | "reply_demonitor";

/** A wait of a process by reference: for a reply, a DOWN, or a spawn's result. */
export interface Wait {
  /** The node that the answer comes from. */
  readonly node: string;
  /** Whether the reply may come from any node, because the receiver may delegate the request. */
  readonly acceptsAnySender?: boolean;
  /** The only process that may reply, if known. */
  readonly by?: Pid;
  /** Whether the wait learns of the spawned process's exit by itself, so that the link need not report it. */
  readonly tellsEnd?: boolean;
  /** Called when a reply arrives at the alias. */
  reply(value: unknown, ref: Ref): void;
  /** Called when a reply arrives in another library's encoding; without this method, `reply` is called. */
  foreignReply?(term: unknown, ref: Ref): void;
  /** Called when the target of the monitor has exited. */
  down(object: Place, reason: unknown, ref: Ref): void;
  /** Called when the spawn request was answered; with `undefined`, the node is down. */
  spawned?(result: SpawnResult | undefined): void;
  /** Called when the wire cannot carry the request. */
  refused?(error: Error): void;
  /** Called when the waiting process has exited. */
  abandon(error: () => unknown): void;
}

/**
 * The entry of a reference in the table of its process: the reference is a monitor, an alias, the reference of an
 * awaited answer, or several of these. An entry whose reference is nothing any more leaves the table. The entry of a
 * monitor on a process of the same node is also the watcher of that process.
 */
export class RefEntry<P extends { readonly pid: Pid }> implements Watcher {
  readonly process: P;
  readonly ref: Ref;
  /** The target of the monitor, if it is one. */
  target: Target | undefined;
  /** The node of the target. */
  node: string;
  /** When the alias ends, if it is one. */
  alias: AliasMode | undefined;
  wait: Wait | undefined;

  constructor(
    process: P,
    ref: Ref,
    target?: Target,
    node = "",
    alias?: AliasMode,
    wait?: Wait,
  ) {
    this.process = process;
    this.ref = ref;
    this.target = target;
    this.node = node;
    this.alias = alias;
    this.wait = wait;
  }

  get pid(): Pid {
    return this.process.pid;
  }
}

/** A watcher in the index, with its place in the list of its process. */
export class IndexedWatcher<P> implements Watcher {
  readonly pid: Pid;
  readonly ref: Ref;
  readonly name: string | undefined;
  readonly isCall: boolean;
  /** The watched process. */
  readonly process: P;
  /** The watcher before this one in the list. */
  before: IndexedWatcher<P> | undefined = undefined;
  /** The watcher after this one in the list. */
  after: IndexedWatcher<P> | undefined = undefined;

  constructor(
    process: P,
    pid: Pid,
    ref: Ref,
    name: string | undefined,
    isCall: boolean,
  ) {
    this.process = process;
    this.pid = pid;
    this.ref = ref;
    this.name = name;
    this.isCall = isCall;
  }
}

/** The indexed watchers of one process, the oldest first. */
export class WatcherList<P> {
  #first: IndexedWatcher<P> | undefined = undefined;
  #last: IndexedWatcher<P> | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(watcher: IndexedWatcher<P>): void {
    const last = this.#last;
    watcher.before = last;
    if (last === undefined) this.#first = watcher;
    else last.after = watcher;
    this.#last = watcher;
  }

  /** Removes a watcher, which must be in the list. */
  remove(watcher: IndexedWatcher<P>): void {
    const { before, after } = watcher;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    watcher.before = watcher.after = undefined;
  }

  /** Iterates over the watchers, which may be removed meanwhile. */
  *[Symbol.iterator](): Generator<IndexedWatcher<P>> {
    let next = this.#first;
    while (next !== undefined) {
      const watcher = next;
      next = watcher.after;
      yield watcher;
    }
  }
}

/**
 * The links of a process, by the other end.
 *
 * Most processes have one or two links: a task is linked to its supervisor and its owner. Comparing one or two pids
 * finds a link without a key. The key for a process of another node is a text, to be built and hashed, and a `Map` for
 * two entries takes as long as the rest of the link: together a seventh of a server's time in tasks for another node.
 */
export class LinkTable {
  readonly #node: NodeIncarnation;
  /** The older of two. */
  #first: Link | undefined = undefined;
  /** The newer of two. */
  #second: Link | undefined = undefined;
  /** All links, once there were three. */
  #all: Map<Key, Link> | undefined = undefined;

  constructor(node: NodeIncarnation) {
    this.#node = node;
  }

  get size(): number {
    if (this.#all !== undefined) return this.#all.size;
    if (this.#first === undefined) return 0;
    return this.#second === undefined ? 1 : 2;
  }

  /** The link, if there is exactly one: servers have one, and an iterator over it would cost more than its end. */
  get only(): Link | undefined {
    return this.#second === undefined ? this.#first : undefined;
  }

  get(pid: Pid): Link | undefined {
    if (this.#all !== undefined) return this.#all.get(this.#keyOf(pid));
    if (this.#first?.pid.equals(pid)) return this.#first;
    return this.#second?.pid.equals(pid) ? this.#second : undefined;
  }

  /** Adds a link, or replaces the link to the same process. */
  set(link: Link): void {
    const { pid } = link;
    if (this.#all !== undefined) this.#all.set(this.#keyOf(pid), link);
    else if (this.#first === undefined || this.#first.pid.equals(pid)) {
      this.#first = link;
    } else if (this.#second === undefined || this.#second.pid.equals(pid)) {
      this.#second = link;
    } else {
      this.#all = new Map();
      for (const each of [this.#first, this.#second, link]) {
        this.#all.set(this.#keyOf(each.pid), each);
      }
      this.#first = this.#second = undefined;
    }
  }

  delete(link: Link): void {
    if (this.#all !== undefined) this.#all.delete(this.#keyOf(link.pid));
    else if (this.#first === link) {
      this.#first = this.#second;
      this.#second = undefined;
    } else if (this.#second === link) this.#second = undefined;
  }

  /** Returns the links, oldest first; the current link may be removed during the iteration. */
  values(): Iterable<Link> {
    if (this.#all !== undefined) return this.#all.values();
    if (this.#first === undefined) return [];
    return this.#second === undefined
      ? [this.#first]
      : [this.#first, this.#second];
  }

  #keyOf(pid: Pid): Key {
    return keyOf(pid, this.#node);
  }
}
