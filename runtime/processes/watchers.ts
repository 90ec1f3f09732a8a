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
  add(process: LocalProcess, pid: Pid, ref: Ref, name?: string): void {
    const key = keyOf(ref, this.#node);
    const isOwn = pid.node === this.#node.node;
    // Each reference belongs to one monitor: a second one would not be found again.
    const before = isOwn ? undefined : this.#byReference.get(key);
    if (before !== undefined) this.drop(before, key);
    if (!isOwn) this.#holdings.take(pid.node, "monitors");
    process.watchers ??= new SmallMap();
    const isByName = name !== undefined;
    process.watchers.set(key, isByName ? { pid, ref, name } : { pid, ref });
    if (!isOwn || isByName) this.#byReference.set(key, process);
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
