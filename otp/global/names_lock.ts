/**
 * The lock of the names on one node: only its holder, the worker of a node, may change the names here.
 *
 * A worker that asks the first server of a part waits in a queue, so that it gets the lock when the holder releases
 * it, and needs no pause. At the others it waits shortly, for a release that is on its way. It holds none at the
 * first, so that there is no deadlock, and at the others only for a time, which ends one.
 *
 * Races: the holder or a process of the queue may exit, which its monitor reports; a process may release a lock that
 * it still waits for, and leaves the queue then.
 *
 * @module
 */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import type { ReplyTo } from "../../core/values/reply_to.ts";
import { answer, NO_REPLY } from "../gen/server.ts";

/** A process that holds the lock, or waits for it. */
interface Claim {
  pid: Pid;
  /** The monitor on it. */
  ref: Ref;
}

interface WaitingClaim extends Claim {
  caller: ReplyTo;
  /** Ends the time of its wait. */
  lift: () => void;
}

/** The longest wait of a request, in milliseconds. */
const LONGEST = 60_000;

/** The lock of one node's names. */
export class NamesLock {
  readonly #process: LocalProcess;
  readonly #given: () => void;
  #holder: Claim | undefined;
  /** In the order of their requests. */
  readonly #waiting = new Set<WaitingClaim>();

  /** A free lock. The process is the node's server; `given` is called each time before it is given. */
  constructor(process: LocalProcess, given: () => void) {
    this.#process = process;
    this.#given = given;
    process.abortSignal().addEventListener("abort", () => {
      for (const { lift } of this.#waiting) lift();
    }, { once: true });
  }

  /** Whether a process holds it. */
  isHeldBy(pid: Pid): boolean {
    return this.#holder?.pid.equals(pid) ?? false;
  }

  /** Gives the lock to a process if it is free, or later, if the process waits. */
  take(caller: ReplyTo, wait: unknown): boolean | typeof NO_REPLY {
    const { pid } = caller;
    if (this.#holder === undefined) {
      this.#give({ pid, ref: this.#process.monitor(pid) });
      return true;
    }
    if (this.isHeldBy(pid)) return true;
    const isWaiting = typeof wait === "number" && wait > 0;
    if (!isWaiting || !this.#process.keepFor(pid.node)) return false;
    const ref = this.#process.monitor(pid);
    const lift = this.#process.runtime.after(Math.min(wait, LONGEST), () => {
      this.#leave(claim);
      this.#process.demonitor(ref);
      answer(this.#process, caller, false);
    });
    const claim: WaitingClaim = { pid, ref, caller, lift };
    this.#waiting.add(claim);
    return NO_REPLY;
  }

  /** Takes the lock from a process, which need not hold it, or only waits for it. */
  release(pid: Pid): true {
    for (const claim of this.#waiting) {
      if (!claim.pid.equals(pid)) continue;
      this.#leave(claim);
      this.#process.demonitor(claim.ref);
      answer(this.#process, claim.caller, false);
    }
    if (this.isHeldBy(pid)) {
      this.#process.demonitor(this.#holder!.ref);
      this.#next();
    }
    return true;
  }

  /** Called when a monitored process has exited; returns whether the monitor was one of the lock. */
  down(ref: Ref): boolean {
    if (this.#holder?.ref.equals(ref)) {
      this.#next();
      return true;
    }
    for (const claim of this.#waiting) {
      if (!claim.ref.equals(ref)) continue;
      this.#leave(claim);
      return true;
    }
    return false;
  }

  #give(claim: Claim): void {
    this.#given();
    this.#holder = claim;
  }

  #next(): void {
    this.#holder = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#leave(next);
    this.#give(next);
    // So that it does not keep the lock longer than it must.
    answer(this.#process, next.caller, "waited");
  }

  #leave(claim: WaitingClaim): void {
    claim.lift();
    this.#waiting.delete(claim);
    this.#process.dropFor(claim.pid.node);
  }
}
