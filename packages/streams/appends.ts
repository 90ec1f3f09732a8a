/**
 * Collects appends to one stream that wait for the same write.
 *
 * An entity stores each call before the next one. So while a node waits for the answer to an append, it collects the other
 * appends to that stream, and sends them in one call: one write for all.
 *
 * @module
 */

import { spawn } from "@otp/processes/process";
import type { Chunk } from "./content.ts";
import type { AppendRequest, StreamReply } from "./stream_state.ts";
import type { StreamType } from "./stream_type.ts";

/** The most appends of one call, and the length of their events unless the first is longer. */
const MOST = 32;
const MOST_LENGTH = 2 << 20;

interface Waiting {
  request: AppendRequest;
  resolve(reply: StreamReply): void;
  reject(error: unknown): void;
}

/** The appends of one node. */
export class Appends {
  readonly #type: StreamType;
  readonly #timeout: number;
  /** By stream, while one of its appends waits for an answer. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(type: StreamType, timeout: number) {
    this.#type = type;
    this.#timeout = timeout;
  }

  /** Appends to a stream. */
  add(key: string, request: AppendRequest): Promise<StreamReply> {
    const { promise, ...settle } = Promise.withResolvers<StreamReply>();
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      const all = [{ request, ...settle }];
      this.#waiting.set(key, all);
      // Not the process of the first request, which ends before the others.
      spawn(() => this.#send(key, all));
    } else waiting.push({ request, ...settle });
    return promise;
  }

  async #send(key: string, waiting: Waiting[]): Promise<void> {
    const options = { timeout: this.#timeout, mayRunTwice: true };
    while (waiting.length > 0) {
      const batch = waiting.splice(0, countOf(waiting));
      const requests = batch.map(({ request }) => request);
      try {
        const replies = await this.#type.get(key, options).append(requests);
        for (const [at, { resolve }] of batch.entries()) resolve(replies[at]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#waiting.delete(key);
  }
}

/** The number of appends that go together. */
function countOf(waiting: readonly Waiting[]): number {
  let count = 0;
  let length = 0;
  for (const { request: { chunks } } of waiting.slice(0, MOST)) {
    length += lengthOf(chunks);
    if (count > 0 && length > MOST_LENGTH) break;
    count++;
  }
  return count;
}

function lengthOf(chunks: readonly Chunk[]): number {
  return chunks.reduce(
    (sum, chunk) => sum + ("d" in chunk ? chunk.d : chunk.b).length,
    0,
  );
}
