/**
 * Locks of the cluster: each node has a table, and a lock is held where all that it was asked for
 * have given it.
 *
 * @module
 */

import type { Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import type { TermKey } from "../runtime/term_key.ts";

/** Who holds a lock, and the monitor on it. */
interface Holder {
  pid: Pid;
  ref: Ref;
}

interface Lock {
  requester: TermKey;
  holders: Holder[];
}

/** The locks of one node. What ends is unlocked. */
export class GlobalLocks {
  readonly #process: Process;
  readonly #locks = new Map<TermKey, Lock>();

  /** No lock is held; the process, the node's server, monitors who holds one. */
  constructor(process: Process) {
    this.#process = process;
  }

  /** Whether a lock could be given to a requester. */
  isFree(resource: TermKey, requester: TermKey): boolean {
    const lock = this.#locks.get(resource);
    return lock === undefined || lock.requester === requester;
  }

  /** Gives a lock to a process, if no other requester has it. */
  set(resource: TermKey, requester: TermKey, pid: Pid): boolean {
    if (!this.isFree(resource, requester)) return false;
    let lock = this.#locks.get(resource);
    if (lock === undefined) {
      this.#locks.set(resource, lock = { requester, holders: [] });
    }
    if (!lock.holders.some((holder) => holder.pid.equals(pid))) {
      lock.holders.push({ pid, ref: this.#process.monitor(pid, pid.node) });
    }
    return true;
  }

  /** Takes a lock from a process that has it. */
  delete(resource: TermKey, requester: TermKey, pid: Pid): void {
    const lock = this.#locks.get(resource);
    if (lock === undefined || lock.requester !== requester) return;
    const at = lock.holders.findIndex((holder) => holder.pid.equals(pid));
    if (at < 0) return;
    this.#process.demonitor(lock.holders[at].ref);
    this.#remove(resource, lock, at);
  }

  /** A monitored process has ended; gives back whether it was the monitor of a lock. */
  down(ref: Ref): boolean {
    for (const [resource, lock] of this.#locks) {
      const at = lock.holders.findIndex((holder) => holder.ref.equals(ref));
      if (at < 0) continue;
      this.#remove(resource, lock, at);
      return true;
    }
    return false;
  }

  #remove(resource: TermKey, lock: Lock, at: number): void {
    lock.holders.splice(at, 1);
    if (lock.holders.length === 0) this.#locks.delete(resource);
  }
}
