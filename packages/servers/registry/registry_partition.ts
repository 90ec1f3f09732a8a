/**
 * The process of a registry: registered processes are linked to it, and it removes their keys when they exit.
 *
 * Registering processes write the table in their own turn, and every process reads it; this process only cleans up.
 * Locks (`Registry.lock`): a key is free, or held by one caller, with a queue of waiting callers. Messages: `lock` is
 * answered when the caller has the lock, with the reference of the monitor on the caller; `unlock` with that
 * reference releases the lock.
 *
 * Races: a process may exit before its EXIT arrives here. Lookups skip dead processes, and a dead process's name can
 * be taken at once. If a caller exits while it waits for or holds a lock, the DOWN of its monitor releases the lock;
 * an `unlock` for a released lock has no effect.
 */

import { Fifo } from "@otp/processes/collections/fifo";
import { Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type TermKey, termKey } from "@otp/processes/values/term_key";
import { isExitSignal } from "@otp/processes/values/exit_message";
import { fromNode, isTyped } from "../server/messages.ts";
import type { RegistryTable } from "./registry_table.ts";
import { BADARG, NO_REPLY, type Server } from "../server/server.ts";

/** Requests a lock; the reply, a reference, arrives when the caller holds the lock. */
export type LockRequest = { type: "lock"; key: unknown };

/** Releases a lock, by the reference that the partition replied with. */
export type Unlock = { type: "unlock"; ref: Ref };

/** The process that registered processes are linked to. */
export class RegistryPartition implements Server {
  readonly #process: LocalProcess;
  readonly #table: RegistryTable;
  /** The processes that wait for each held lock. */
  readonly #waiting = new Map<TermKey, Fifo<ReplyTo>>();
  /** The held locks, by the monitor of the holder. */
  readonly #held = new Map<number, TermKey>();

  constructor(process: LocalProcess, table: RegistryTable) {
    this.#process = process;
    this.#table = table;
    process.trapExit = true;
    table.open(process);
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const { maxDepth, node } = this.#process.runtime;
    // Only processes of this node use a registry.
    if (!isTyped(request, "lock") || caller.pid.node !== node) return BADARG;
    const id = termKey((request as LockRequest).key, maxDepth);
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.push(caller);
    else {
      this.#waiting.set(id, new Fifo());
      this.#grant(id, caller);
    }
    return NO_REPLY;
  }

  info(message: unknown): void {
    if (isExitSignal(message)) this.#table.removeExited(message.from);
    else if (isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (this.#process.isDown(ref)) this.#unlock(ref);
    } else {
      const told = fromNode(message, this.#process.runtime.node);
      const { ref } = (told ?? {}) as Partial<Unlock>;
      if (isTyped(told, "unlock") && ref instanceof Ref) this.#unlock(ref);
    }
  }

  #grant(id: TermKey, caller: ReplyTo): void {
    const { pid } = caller;
    const process = this.#process;
    const held = process.monitor(pid);
    this.#held.set(held.number, id);
    process.reply(caller, held);
  }

  #unlock(ref: Ref): void {
    if (!this.#held.has(ref.number)) return;
    const id = this.#held.get(ref.number);
    this.#held.delete(ref.number);
    this.#process.demonitor(ref);
    const next = this.#waiting.get(id)!.shift();
    // If the process has exited meanwhile, its DOWN releases the lock.
    if (next === undefined) this.#waiting.delete(id);
    else this.#grant(id, next);
  }
}
