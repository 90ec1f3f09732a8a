/**
 * Watchers: the monitors on processes of this node.
 *
 * Monitors by processes of this node on a pid are the most frequent. The watched process keeps them by reference
 * number, because `endMonitor` knows the pid. A demonitor from elsewhere and the reply to a call name only the
 * reference, so all other monitors are in an index, and in a list of the watched process.
 *
 * The index has a table for each node, by reference number. A single `Map` would need a text of number and node as
 * its key, built and hashed twice for each call: a quarter of a server's time, 2.5 µs per call with 100 callers.
 */

import { NumberMap } from "../collections/number_map.ts";
import { WordsMap } from "../collections/words_map.ts";
import { SmallMap } from "../collections/small_map.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import type { Signals } from "../signals/signal.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { NodeIncarnation, Watcher } from "./links_and_monitors.ts";
import { plainAlias, type ReplyTarget } from "../values/reply_to.ts";

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

/** The monitors on a process, as the process has them. */
interface Watched<P> {
  watchers: SmallMap<number, Watcher> | undefined;
  indexedWatchers: WatcherList<P> | undefined;
}

/** Returns all monitors on a process. */
export function watchersOf<P>(
  { watchers, indexedWatchers }: Watched<P>,
): Watcher[] {
  return [...watchers?.values() ?? [], ...indexedWatchers ?? []];
}

/** The indexed watchers with references of one node. */
class NodeReferences<P> {
  /** By number plus one, because a peer may choose 0, which NumberMap excludes. */
  readonly #numbered = new NumberMap<IndexedWatcher<P>>(true);
  /** Watchers with Erlang's references, which have no number, by their words. */
  #wide: WordsMap<IndexedWatcher<P>> | undefined;

  get size(): number {
    return this.#numbered.size + (this.#wide?.size ?? 0);
  }

  get(ref: Ref): IndexedWatcher<P> | undefined {
    return ref.number >= 0
      ? this.#numbered.get(ref.number + 1)
      : this.#wide?.get(ref.words);
  }

  set(watcher: IndexedWatcher<P>): void {
    const { ref } = watcher;
    if (ref.number >= 0) this.#numbered.set(ref.number + 1, watcher);
    else (this.#wide ??= new WordsMap()).set(ref.words, watcher);
  }

  delete(ref: Ref): void {
    if (ref.number >= 0) this.#numbered.delete(ref.number + 1);
    else this.#wide?.delete(ref.words);
  }
}

export class Watchers<P extends Watched<P>> {
  readonly #node: NodeIncarnation;
  readonly #quotas: PeerQuotas;
  /** Watchers by name or from another node, by the node that created the reference. */
  readonly #index = new Map<string, NodeReferences<P>>();
  /** The last node looked up: one peer sends many signals in a row. */
  #lastNode = "";
  #last: NodeReferences<P> | undefined;

  constructor(node: NodeIncarnation, quotas: PeerQuotas) {
    this.#node = node;
    this.#quotas = quotas;
  }

  get size(): number {
    let size = 0;
    for (const references of this.#index.values()) size += references.size;
    return size;
  }

  add(
    process: P,
    pid: Pid,
    ref: Ref,
    name?: string,
    isCall = false,
  ): void {
    const isOwn = pid.node === this.#node.node;
    if (isOwn && name === undefined) {
      process.watchers ??= new SmallMap();
      process.watchers.set(ref.number, { pid, ref });
      return;
    }
    let references = this.#of(ref.node);
    if (references === undefined) {
      this.#index.set(ref.node, references = new NodeReferences());
      this.#last = references;
    }
    // A reference belongs to one monitor: a second monitor under it could not be found again.
    const before = references.get(ref);
    if (before !== undefined) this.#drop(before);
    if (!isOwn) this.#quotas.acquire(pid.node, "monitors");
    const watcher = new IndexedWatcher(process, pid, ref, name, isCall);
    (process.indexedWatchers ??= new WatcherList()).add(watcher);
    references.set(watcher);
  }

  #of(node: string): NodeReferences<P> | undefined {
    if (node === this.#lastNode) return this.#last;
    this.#lastNode = node;
    return this.#last = this.#index.get(node);
  }

  #find(ref: Ref): IndexedWatcher<P> | undefined {
    const watcher = this.#of(ref.node)?.get(ref);
    // The reference may be of an earlier incarnation of its node.
    return watcher?.ref.creation === ref.creation ? watcher : undefined;
  }

  /**
   * Sends a reply to another node. The reply to a call ends the call's monitor here and says so, which saves the
   * caller a demonitor. A reply of another process, sent before the monitor arrives, ends no monitor.
   */
  reply(
    signals: Signals,
    from: Pid,
    to: ReplyTarget,
    value: unknown,
  ): void {
    const alias = plainAlias(to);
    if (alias === undefined) return signals.reply(from, to, value);
    const watcher = this.#find(alias);
    const isCall = watcher?.isCall === true;
    signals.reply(from, to, value, isCall);
    // Only after the reply: if the reply cannot be sent, a DOWN of this monitor fails the call.
    if (isCall) this.#drop(watcher);
  }

  /** Ends the monitor with a reference, if it exists. */
  end(ref: Ref): void {
    const watcher = this.#find(ref);
    if (watcher !== undefined) this.#drop(watcher);
  }

  /** Ends a monitor on a process, if it exists; returns the watcher. */
  drop(process: P, ref: Ref): Watcher | undefined {
    const indexed = this.#find(ref);
    if (indexed?.process === process) {
      this.#drop(indexed);
      return indexed;
    }
    if (ref.node !== this.#node.node || ref.creation !== this.#node.creation) {
      return undefined;
    }
    const watcher = process.watchers?.get(ref.number);
    process.watchers?.delete(ref.number);
    return watcher;
  }

  #drop(watcher: IndexedWatcher<P>): void {
    const list = watcher.process.indexedWatchers;
    // The process has exited, and its whole list is being dropped.
    if (list === undefined) return;
    list.remove(watcher);
    this.removeFromIndex(watcher);
  }

  /** Removes a monitor from the index after its process has dropped it. */
  removeFromIndex({ pid, ref }: IndexedWatcher<P>): void {
    this.#of(ref.node)?.delete(ref);
    if (pid.node !== this.#node.node) {
      this.#quotas.release(pid.node, "monitors");
    }
  }

  lose(node: string, processes: Iterable<P>): void {
    for (const process of processes) {
      for (const watcher of process.indexedWatchers ?? []) {
        if (watcher.pid.node === node) this.#drop(watcher);
      }
    }
    if (this.#of(node)?.size !== 0) return;
    this.#index.delete(node);
    this.#last = undefined;
  }
}
