/**
 * Pending writes of a group leader.
 *
 * The leader writes one request at a time, in order. Processes of this node wait for the answer, which holds them
 * back. Other nodes can send without waiting, so the size of their pending output is limited.
 */

import { ignore } from "../../core/promises/promises.ts";
import type { LeaderOperation } from "./leader_operations.ts";

/** The maximum pending output of other nodes, in characters. */
const MAX_FOREIGN = 4 << 20;

/** The size of a request without its text. */
const OVERHEAD = 256;

/** A request for output. */
export interface PendingWrite {
  request: LeaderOperation;
  /** The asking node; `undefined` for this node. */
  node: string | undefined;
  /** Performs the request, and answers it. */
  perform(): Promise<void>;
}

/** The pending writes of one group leader. */
export class PendingWrites {
  #last: Promise<void> | undefined;
  #foreign = 0;

  /** Resolves when all output is written; `undefined` if none is pending. */
  get settled(): Promise<void> | undefined {
    return this.#last;
  }

  /** Queues a request; returns false if other nodes have too much pending output. */
  add({ request, node, perform }: PendingWrite): boolean {
    const size = node === undefined ? 0 : sizeOf(request);
    if (this.#foreign > 0 && this.#foreign + size > MAX_FOREIGN) return false;
    this.#foreign += size;
    const written = this.#last === undefined
      ? perform()
      : this.#last.then(perform);
    const done: Promise<void> = written.catch(ignore).then(() => {
      this.#foreign -= size;
      if (this.#last === done) this.#last = undefined;
    });
    this.#last = done;
    return true;
  }
}

function sizeOf(request: unknown): number {
  const { chars, requests } = (request ?? {}) as Record<string, unknown>;
  if (typeof chars === "string") return OVERHEAD + chars.length;
  return Array.isArray(requests)
    ? requests.reduce((sum, each) => sum + sizeOf(each), OVERHEAD)
    : OVERHEAD;
}
