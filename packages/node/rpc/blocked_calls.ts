/**
 * The queue of `block_call`s: each waits until the previous one has ended.
 *
 * A waiting call counts as an entry of the asking node, and its arguments count towards limits in bytes. When the
 * connection to a node is lost, its waiting calls are dropped.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Mfa, Signals } from "@otp/processes/signals/signal";
import { LEAST_BYTES, valueBytes } from "@otp/processes/values/value_bytes";

/** The maximum size of the waiting arguments of one node, in bytes; a single waiting call may exceed it. */
const MAX_BYTES = 16 << 20;
/** The maximum size of the waiting arguments of all nodes, in bytes; a single waiting call may exceed it. */
const MAX_TOTAL_BYTES = 64 << 20;

/** Arguments with this many values have at least MAX_BYTES bytes. */
const MAX_VALUES = MAX_BYTES / LEAST_BYTES;

interface Waiting {
  readonly node: string;
  readonly mfa: Mfa;
}

/** The accounting of a waiting call. */
interface Held {
  readonly bytes: number;
  /** The connection over which the call came. */
  readonly connection: Signals;
}

/** The waiting calls, in their order. */
export class BlockedCalls<T extends Waiting> {
  readonly #process: LocalProcess;
  readonly #held = new Map<T, Held>();
  readonly #bytes = new Map<string, number>();
  #total = 0;

  /** Creates an empty queue; calls count as entries that `process` keeps. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Adds a call; returns false if a limit is reached. Drops a call whose node is disconnected. */
  add(call: T): boolean {
    const { node, mfa } = call;
    const { runtime } = this.#process;
    const connection = runtime.connected(node);
    if (connection === undefined) return true;
    const bytes = valueBytes(mfa[2], { left: MAX_VALUES }, MAX_VALUES);
    const held = this.#bytes.get(node) ?? 0;
    if (
      (held > 0 && held + bytes > MAX_BYTES) ||
      (this.#total > 0 && this.#total + bytes > MAX_TOTAL_BYTES)
    ) {
      const message =
        `the arguments of the waiting block_calls are too large: ${MAX_BYTES} bytes for a node, and ${MAX_TOTAL_BYTES} in all, are the most`;
      runtime.quotas.refused(node, "entries", message);
      return false;
    }
    if (!this.#process.keepFor(node)) return false;
    this.#held.set(call, { bytes, connection });
    this.#count(node, bytes);
    (this.#process.ownCold().nodeMonitors ??= new Map()).set(node, 1);
    return true;
  }

  take(): T | undefined {
    for (const [call, held] of this.#held) {
      this.#release(call, held);
      return call;
    }
    return undefined;
  }

  /** Drops the calls whose connection is lost. */
  dropLost(): void {
    const { runtime } = this.#process;
    for (const [call, held] of this.#held) {
      if (runtime.connected(call.node) === held.connection) continue;
      this.#release(call, held);
    }
  }

  #release(call: T, { bytes }: Held): void {
    this.#held.delete(call);
    this.#count(call.node, -bytes);
    this.#process.dropFor(call.node);
  }

  #count(node: string, bytes: number): void {
    this.#total += bytes;
    const held = (this.#bytes.get(node) ?? 0) + bytes;
    if (held > 0) this.#bytes.set(node, held);
    else this.#bytes.delete(node);
  }
}
