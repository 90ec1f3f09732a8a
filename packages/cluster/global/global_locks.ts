/**
 * The locks of the cluster (`global.setLock`): each node has a table, and a lock is held if all nodes that were
 * asked have granted it. A lock belongs to a requester, and processes with the same requester share it. The
 * server monitors each holder, so the locks of a process that exits, or whose node is lost, are released.
 */

import type { Pid, Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import type { TermKey } from "@otp/processes/values/term_key";
import { TOO_MANY } from "./global_messages.ts";

interface Lock {
  requester: TermKey;
  /** The monitor on each process that holds it, by the key of its pid. */
  holders: Map<Key, Ref>;
}

interface Held {
  resource: TermKey;
  holder: Key;
  node: string;
}

/** The locks of one node. The locks of a process that exits are released. */
export class GlobalLocks {
  readonly #process: LocalProcess;
  readonly #locks = new Map<TermKey, Lock>();
  /** Which lock is held by whom, by the number of the monitor. */
  readonly #monitored = new Map<number, Held>();

  /** Starts without locks; the process, the node's server, monitors their holders. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Whether a requester could acquire a lock. */
  isFree(resource: TermKey, requester: TermKey): boolean {
    const lock = this.#locks.get(resource);
    return lock === undefined || lock.requester === requester;
  }

  /** Gives a lock to a process, if no other requester holds it, and its node's limit allows it. */
  set(
    resource: TermKey,
    requester: TermKey,
    pid: Pid,
  ): boolean | typeof TOO_MANY {
    if (!this.isFree(resource, requester)) return false;
    const holder = this.#keyOf(pid);
    let lock = this.#locks.get(resource);
    if (!lock?.holders.has(holder)) {
      const characters = lengthOf(resource) + lengthOf(requester);
      if (!this.#process.keepFor(pid.node, characters)) return TOO_MANY;
      lock ??= { requester, holders: new Map() };
      this.#locks.set(resource, lock);
      const ref = this.#process.monitor(pid);
      lock.holders.set(holder, ref);
      const { node } = pid;
      this.#monitored.set(ref.number, { resource, holder, node });
    }
    return true;
  }

  delete(resource: TermKey, requester: TermKey, pid: Pid): void {
    const lock = this.#locks.get(resource);
    if (lock === undefined || lock.requester !== requester) return;
    const ref = lock.holders.get(this.#keyOf(pid));
    if (ref === undefined) return;
    this.#process.demonitor(ref);
    this.down(ref);
  }

  /** Called when a monitored process has exited; returns whether the monitor was that of a lock. */
  down({ number }: Ref): boolean {
    const held = this.#monitored.get(number);
    if (held === undefined) return false;
    this.#monitored.delete(number);
    this.#process.dropFor(held.node);
    const { holders } = this.#locks.get(held.resource)!;
    holders.delete(held.holder);
    if (holders.size === 0) this.#locks.delete(held.resource);
    return true;
  }

  #keyOf(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }
}

function lengthOf(key: TermKey): number {
  return typeof key === "string" ? key.length : 0;
}
