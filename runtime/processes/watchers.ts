/**
 * Watchers: the monitors that others have on processes of this node.
 *
 * A process keeps those on it by reference. Demonitor signals name nothing but the reference, so that an
 * index finds the process; monitors of this node's processes by pid are not in it, as `endMonitor` knows
 * the pid, and these are the most.
 *
 * @module
 */

import { SmallMap } from "../collections/small_map.ts";
import type { Holdings } from "../holdings.ts";
import type { Signals } from "../signals/signal.ts";
import type { Pid, Ref } from "../values/pid.ts";
import {
  type Key,
  keyOf,
  type NodeIncarnation,
  type Watcher,
} from "./links_and_monitors.ts";
import type { LocalProcess } from "./local_process.ts";

/** The watchers of a node's processes. */
export class Watchers {
  readonly #node: NodeIncarnation;
  readonly #holdings: Holdings;
  /** The processes that are watched by name or from another node, by the monitor. */
  readonly #byReference = new Map<Key, LocalProcess>();

  /** Starts without watchers. */
  constructor(node: NodeIncarnation, holdings: Holdings) {
    this.#node = node;
    this.#holdings = holdings;
  }

  /** The size of the index. */
  get size(): number {
    return this.#byReference.size;
  }

  /** Adds a monitor on a process. */
  add(
    process: LocalProcess,
    pid: Pid,
    ref: Ref,
    name?: string,
    isCall = false,
  ): void {
    const key = keyOf(ref, this.#node);
    const isOwn = pid.node === this.#node.node;
    // Each reference belongs to one monitor: a second one would not be found again.
    const before = isOwn ? undefined : this.#byReference.get(key);
    if (before !== undefined) this.drop(before, key);
    if (!isOwn) this.#holdings.take(pid.node, "monitors");
    process.watchers ??= new SmallMap();
    process.watchers.set(key, { pid, ref, name, isCall });
    if (!isOwn || name !== undefined) this.#byReference.set(key, process);
  }

  /**
   * Sends a reply to another node. That of a call ends the call's monitor here, and says so: the caller then sends
   * no demonitor. A reply that comes before its monitor, as another process learned of the reference, ends none.
   */
  reply(signals: Signals, from: Pid, alias: Ref, value: unknown): void {
    const key = keyOf(alias, this.#node);
    const process = this.#byReference.get(key);
    const isCall = process?.watchers?.get(key)?.isCall === true;
    signals.reply(from, alias, value, isCall);
    // Not before: a reply that cannot be sent fails the call by a DOWN.
    if (isCall) this.drop(process, key);
  }

  /** Ends the monitor of a reference, wherever it is. */
  end(ref: Ref): void {
    const key = keyOf(ref, this.#node);
    this.drop(this.#byReference.get(key), key);
  }

  /** Ends a monitor on a process, if it exists; returns its watcher. */
  drop(process: LocalProcess | undefined, key: Key): Watcher | undefined {
    const watcher = process?.watchers?.get(key);
    if (watcher === undefined) return undefined;
    process!.watchers!.delete(key);
    this.forget(key, watcher);
    return watcher;
  }

  /** Forgets a monitor that its process no longer keeps. */
  forget(key: Key, { pid }: Watcher): void {
    this.#byReference.delete(key);
    if (pid.node !== this.#node.node) {
      this.#holdings.release(pid.node, "monitors");
    }
  }
}
