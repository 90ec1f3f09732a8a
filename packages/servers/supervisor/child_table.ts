/** The children of a supervisor, in the order of their start: found by id and by pid in constant time. */

import { SmallMap } from "@otp/processes/collections/small_map";
import type { Pid } from "@otp/processes/values/pid";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import type { Runtime } from "@otp/processes/process/runtime";
import type { FullChildSpec } from "../server/child_spec.ts";
import type { ChildState } from "./child_lifecycle.ts";

/** A child of a supervisor. */
export type OrderedChild = ChildState<FullChildSpec>;

/** Ordered children. */
export class ChildTable implements Iterable<OrderedChild> {
  readonly #runtime: Runtime;
  readonly #byId = new SmallMap<string, OrderedChild>();
  /** The running children. */
  #byPid: SmallMap<Key, OrderedChild> | undefined;
  /** The children whose exit can end the supervisor. */
  #significant: Set<OrderedChild> | undefined;

  /** Creates the table of a supervisor on the node of `runtime`. */
  constructor(runtime: Runtime, specs: readonly FullChildSpec[]) {
    this.#runtime = runtime;
    for (const spec of specs) {
      this.add({ spec, pid: undefined, restarting: false });
    }
  }

  [Symbol.iterator](): Iterator<OrderedChild> {
    return this.#byId.values()[Symbol.iterator]();
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Adds a child after the others; it is not running yet. */
  add(child: OrderedChild): void {
    this.#byId.set(child.spec.id, child);
    if (child.spec.significant) (this.#significant ??= new Set()).add(child);
  }

  /** Removes a child; returns whether the table contained it. */
  remove(child: OrderedChild): boolean {
    if (!this.has(child)) return false;
    this.setPid(child, undefined);
    this.#significant?.delete(child);
    return this.#byId.delete(child.spec.id);
  }

  /** Whether a child has not been removed. */
  has(child: OrderedChild): boolean {
    return this.#byId.get(child.spec.id) === child;
  }

  get(id: string): OrderedChild | undefined {
    return this.#byId.get(id);
  }

  /** Returns the child that runs as a process. */
  withPid(pid: Pid): OrderedChild | undefined {
    return this.#byPid?.get(keyOf(pid, this.#runtime));
  }

  /** Sets the process that a child runs as, or that it runs no more. */
  setPid(child: OrderedChild, pid: Pid | undefined): void {
    const running = this.#byPid ??= new SmallMap();
    if (child.pid !== undefined) {
      const key = keyOf(child.pid, this.#runtime);
      if (running.get(key) === child) running.delete(key);
    }
    child.pid = pid;
    if (pid !== undefined) running.set(keyOf(pid, this.#runtime), child);
  }

  /** Whether a significant child runs, or waits for another attempt to restart it. */
  get hasSignificant(): boolean {
    for (const { pid, restarting } of this.#significant ?? []) {
      if (pid !== undefined || restarting) return true;
    }
    return false;
  }
}
