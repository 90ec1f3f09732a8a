/**
 * Output that a group leader was asked for, and that waits for its reader.
 *
 * It is written in the order of the requests, one at a time. A process of this node that waits for its
 * answer is held back by that; what other nodes send is not, so that only so much of it may wait.
 *
 * @module
 */

import { ignore } from "../../runtime/promises/ignore.ts";
import type { LeaderOperation } from "./leader_operations.ts";

/** The maximum output of other nodes that may wait, in characters. */
const MAX_FOREIGN = 4 << 20;

/** The size of a request besides its text. */
const OVERHEAD = 256;

/** A request for output. */
export interface PendingWrite {
  /** The request. */
  request: LeaderOperation;
  /** The node that asks, if it is another one. */
  node: string | undefined;
  /** Writes, and answers. */
  perform(): Promise<void>;
}

/** The requests for output of a group leader. */
export class PendingWrites {
  #last: Promise<void> | undefined;
  #foreign = 0;

  /** Resolves when all that was asked for is written; nothing if it is. */
  get settled(): Promise<void> | undefined {
    return this.#last;
  }

  /** Has a request performed after those before it; false if too much waits. */
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
