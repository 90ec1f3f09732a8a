/** The links of one process, in a table that is small for most processes. */

import type { Pid } from "../values/pid.ts";
import {
  type Key,
  keyOf,
  type Link,
  type NodeIncarnation,
} from "./links_and_monitors.ts";

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
