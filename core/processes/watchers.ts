/**
 * Watchers: the monitors that others have on processes of this node.
 *
 * A process keeps those by its pid of this node's processes by their number: `endMonitor` knows the pid, and these
 * are the most. Of a demonitor, and of the reply to a call, only the reference is known: all others are in an index,
 * and in a list of their process.
 *
 * The index has a table for each node, by the number of the reference. A text of number and node as the key of one
 * `Map` was written and hashed twice for each call, a quarter of a server's time: 100 callers took it 2.5 µs each.
 *
 * @module
 */

import { NumberMap } from "../collections/number_map.ts";
import { SmallMap } from "../collections/small_map.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import type { Signals } from "../signals/signal.ts";
import { numberText, type Pid, type Ref } from "../values/pid.ts";
import {
  IndexedWatcher,
  type NodeIncarnation,
  type Watcher,
  WatcherList,
} from "./links_and_monitors.ts";
import type { ReplyTarget } from "../values/reply_to.ts";
import type { LocalProcess } from "./local_process.ts";

/** A watcher of a process. */
type Indexed = IndexedWatcher<LocalProcess>;

/** All monitors on a process. */
export function watchersOf(
  { watchers, indexedWatchers }: LocalProcess,
): Watcher[] {
  return [...watchers?.values() ?? [], ...indexedWatchers ?? []];
}

/** The indexed watchers with references of one node. */
class NodeReferences {
  /** By number, plus one: a peer may choose 0, which is no number of the table. */
  readonly #numbered = new NumberMap<Indexed>(true);
  /** Those of Erlang's nodes, whose references have no number, by their words. */
  #wide: Map<string, Indexed> | undefined;

  get size(): number {
    return this.#numbered.size + (this.#wide?.size ?? 0);
  }

  get(ref: Ref): Indexed | undefined {
    return ref.number >= 0
      ? this.#numbered.get(ref.number + 1)
      : this.#wide?.get(numberText(ref));
  }

  set(watcher: Indexed): void {
    const { ref } = watcher;
    if (ref.number >= 0) this.#numbered.set(ref.number + 1, watcher);
    else (this.#wide ??= new Map()).set(numberText(ref), watcher);
  }

  delete(ref: Ref): void {
    if (ref.number >= 0) this.#numbered.delete(ref.number + 1);
    else this.#wide?.delete(numberText(ref));
  }
}

/** The watchers of a node's processes. */
export class Watchers {
  readonly #node: NodeIncarnation;
  readonly #quotas: PeerQuotas;
  /** Those that watch by name or from another node, by the node that made the reference. */
  readonly #index = new Map<string, NodeReferences>();
  /** The node that was asked for last: one peer sends many signals in a row. */
  #lastNode = "";
  #last: NodeReferences | undefined;

  /** Starts without watchers. */
  constructor(node: NodeIncarnation, quotas: PeerQuotas) {
    this.#node = node;
    this.#quotas = quotas;
  }

  /** The size of the index. */
  get size(): number {
    let size = 0;
    for (const references of this.#index.values()) size += references.size;
    return size;
  }

  /** Adds a monitor on a process. */
  add(
    process: LocalProcess,
    pid: Pid,
    ref: Ref,
    name?: string,
    isCall = false,
  ): void {
    const isOwn = pid.node === this.#node.node;
    if (isOwn && name === undefined) {
      process.watchers ??= new SmallMap();
      process.watchers.set(ref.number, { pid, ref, name, isCall });
      return;
    }
    let references = this.#of(ref.node);
    if (references === undefined) {
      this.#index.set(ref.node, references = new NodeReferences());
      this.#last = references;
    }
    // Each reference belongs to one monitor: a second one would not be found again.
    const before = references.get(ref);
    if (before !== undefined) this.#drop(before);
    if (!isOwn) this.#quotas.acquire(pid.node, "monitors");
    const watcher = new IndexedWatcher(process, pid, ref, name, isCall);
    (process.indexedWatchers ??= new WatcherList()).add(watcher);
    references.set(watcher);
  }

  #of(node: string): NodeReferences | undefined {
    if (node === this.#lastNode) return this.#last;
    this.#lastNode = node;
    return this.#last = this.#index.get(node);
  }

  #find(ref: Ref): Indexed | undefined {
    const watcher = this.#of(ref.node)?.get(ref);
    // The reference may be of an earlier incarnation of its node.
    return watcher?.ref.creation === ref.creation ? watcher : undefined;
  }

  /**
   * Sends a reply to another node. That of a call ends the call's monitor here, and says so: the caller then sends
   * no demonitor. A reply that comes before its monitor, as another process learned of the reference, ends none.
   */
  reply(
    signals: Signals,
    from: Pid,
    alias: Ref,
    to: ReplyTarget,
    value: unknown,
  ): void {
    const watcher = this.#find(alias);
    const isCall = watcher?.isCall === true;
    signals.reply(from, to, value, isCall);
    // Not before: a reply that cannot be sent fails the call by a DOWN.
    if (isCall) this.#drop(watcher);
  }

  /** Ends the monitor of a reference, wherever it is. */
  end(ref: Ref): void {
    const watcher = this.#find(ref);
    if (watcher !== undefined) this.#drop(watcher);
  }

  /** Ends a monitor on a process, if it exists; returns its watcher. */
  drop(process: LocalProcess, ref: Ref): Watcher | undefined {
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

  #drop(watcher: Indexed): void {
    const list = watcher.process.indexedWatchers;
    // Of a process that has exited, all are being forgotten.
    if (list === undefined) return;
    list.remove(watcher);
    this.forget(watcher);
  }

  /** Forgets an indexed monitor that its process no longer keeps. */
  forget({ pid, ref }: Indexed): void {
    this.#of(ref.node)?.delete(ref);
    if (pid.node !== this.#node.node) {
      this.#quotas.release(pid.node, "monitors");
    }
  }

  /** Ends the monitors of a node that is down. */
  lose(node: string, processes: Iterable<LocalProcess>): void {
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
