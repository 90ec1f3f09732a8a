/**
 * The lock of the names on one node: only its holder, the worker of a node, may change the names here.
 *
 * A worker that asks the first server of a part waits in a queue, so that it gets the lock when the holder releases
 * it, and needs no pause. At the others it waits shortly, for a release that is on its way. It holds none at the
 * first, so that there is no deadlock, and at the others only for a time, which ends one.
 *
 * Nodes of another kind share the lock: there, a requester has it, and each process that names the same requester
 * shares it. A worker of this library is its own requester.
 *
 * Races: the holder or a process of the queue may exit, which its monitor reports; a process may release a lock that
 * it still waits for, and leaves the queue then.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { type TermKey, termKey } from "@otp/processes/values/term_key";
import { answer, NO_REPLY } from "@otp/servers/server/server";

/** The requester that has the lock, and the processes that hold it for that requester. */
interface Holder {
  requester: TermKey;
  claims: Claim[];
}

/** A process that holds the lock, or waits for it. */
interface Claim {
  pid: Pid;
  ref: Ref;
}

interface WaitingClaim extends Claim {
  caller: ReplyTo;
  /** Ends the time of its wait. */
  lift: () => void;
}

/** The number of processes that can share the lock: two such nodes that join need two. */
const MAX_SHARED = 8;

/** The maximum number of processes of one node that wait: its worker does, and one that is about to exit. */
const MAX_WAITING = 8;

/** The longest wait of a request, in milliseconds. */
const MAX_WAIT = 60_000;

export class NamesLock {
  readonly #process: LocalProcess;
  readonly #given: () => void;
  #holder: Holder | undefined;
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

  isHeldBy(pid: Pid): boolean {
    return this.#claimOf(pid) !== undefined;
  }

  #claimOf(pid: Pid): Claim | undefined {
    return this.#holder?.claims.find((claim) => claim.pid.equals(pid));
  }

  /** Gives the lock to a process for a requester, if no other requester has it. */
  share(requester: unknown, pid: Pid): boolean {
    const key = this.#keyOf(requester);
    if (this.#holder !== undefined && this.#holder.requester !== key) {
      return false;
    }
    if (this.isHeldBy(pid)) return true;
    const { length = 0 } = this.#holder?.claims ?? {};
    if (length >= MAX_SHARED) return false;
    this.#give({ pid, ref: this.#process.monitor(pid) }, key);
    return true;
  }

  #keyOf(requester: unknown): TermKey {
    return termKey(requester, this.#process.runtime.maxDepth);
  }

  /** Gives the lock to a process if it is free, or later, if the process waits. */
  take(caller: ReplyTo, wait: unknown): boolean | typeof NO_REPLY {
    const { pid } = caller;
    if (this.#holder === undefined) {
      const ref = this.#process.monitor(pid);
      this.#give({ pid, ref }, this.#keyOf(pid));
      return true;
    }
    if (this.isHeldBy(pid)) return true;
    const mayWait = typeof wait === "number" && wait > 0 &&
      !this.#isFullFor(pid.node) && this.#process.keepFor(pid.node);
    if (!mayWait) return false;
    const ref = this.#process.monitor(pid);
    const lift = this.#process.runtime.deadlines.after(
      Math.min(wait, MAX_WAIT),
      () => {
        this.#removeClaim(claim);
        this.#process.demonitor(ref);
        answer(this.#process, caller, false);
      },
    );
    const claim: WaitingClaim = { pid, ref, caller, lift };
    this.#waiting.add(claim);
    return NO_REPLY;
  }

  #isFullFor(node: string): boolean {
    let waiting = 0;
    for (const { pid } of this.#waiting) if (pid.node === node) waiting++;
    return waiting >= MAX_WAITING;
  }

  /** Takes the lock from a process, which need not hold it, or only waits for it. */
  release(pid: Pid): true {
    for (const claim of this.#waiting) {
      if (!claim.pid.equals(pid)) continue;
      this.#removeClaim(claim);
      this.#process.demonitor(claim.ref);
      answer(this.#process, claim.caller, false);
    }
    const claim = this.#claimOf(pid);
    if (claim !== undefined) {
      this.#process.demonitor(claim.ref);
      this.#end(claim);
    }
    return true;
  }

  /** Called when a monitored process has exited; returns whether the monitor was one of the lock. */
  down(ref: Ref): boolean {
    const held = this.#holder?.claims.find((claim) => claim.ref.equals(ref));
    if (held !== undefined) {
      this.#end(held);
      return true;
    }
    for (const claim of this.#waiting) {
      if (!claim.ref.equals(ref)) continue;
      this.#removeClaim(claim);
      return true;
    }
    return false;
  }

  #give(claim: Claim, requester: TermKey): void {
    if (this.#holder === undefined) {
      this.#given();
      this.#holder = { requester, claims: [] };
    }
    this.#holder.claims.push(claim);
  }

  #end(claim: Claim): void {
    const { claims } = this.#holder!;
    claims.splice(claims.indexOf(claim), 1);
    if (claims.length === 0) this.#next();
  }

  #next(): void {
    this.#holder = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#removeClaim(next);
    this.#give(next, this.#keyOf(next.pid));
    // So that it does not keep the lock longer than it must.
    answer(this.#process, next.caller, "waited");
  }

  #removeClaim(claim: WaitingClaim): void {
    claim.lift();
    this.#waiting.delete(claim);
    this.#process.dropFor(claim.pid.node);
  }
}
