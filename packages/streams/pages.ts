/**
 * The history of a stream: a page of events after an offset, from its own log and the logs that it inherits.
 *
 * @module
 */

import { EntityError } from "@otp/entities/entity_error";
import { ProcessExited } from "@otp/processes/errors";
import type { Chunk } from "./content.ts";
import { RequestError } from "./requests.ts";
import type { StreamEvent, StreamInfo } from "./stream_state.ts";
import type { StreamType } from "./stream_entity.ts";

/** Events of a stream. */
export interface Page {
  chunks: Chunk[];
  /** The offset after the last of them. */
  to: number;
  /** Whether the events before the first one are kept no more. */
  isCut?: boolean;
  /** Its bytes as a body, and as server-sent events, once they were needed. */
  body?: Uint8Array;
  frame?: Uint8Array;
}

/** A page that is kept. */
interface Kept {
  page: Page;
  /** Whether more events would have been more bytes than a page has. */
  isFull: boolean;
  size: number;
}

/** The most events of one read. */
const EVENTS = 5000;

/** The most bytes of the pages that a handler keeps; and the bytes of a page besides its events, about. */
const KEPT = 32 << 20;
const OVERHEAD = 500;

/**
 * Returns the offset that a reader has as a number.
 *
 * @throws {RequestError} If the offset is not in the stream.
 */
export function offsetIn({ start, tail }: StreamInfo, offset: number): number {
  if (offset > tail) {
    throw new RequestError(400, "the offset is beyond the end of the stream");
  }
  if (offset === 0 || offset >= start) return Math.max(offset, start);
  throw new RequestError(
    410,
    "the offset is of a stream that had this name and was deleted; read from -1",
  );
}

/**
 * Reads pages. History never changes, so the last pages are kept: for many readers that begin at the same offset, also at the
 * same time, the store is read once, and the bytes are made once.
 */
export class Pages {
  readonly #type: StreamType;
  /** Milliseconds that a request waits for a store, and for the owner of a stream. */
  readonly timeout: number;
  readonly #bytes: number;
  /** By stream and offset; the one that was used last is the last. */
  readonly #kept = new Map<string, Kept>();
  /** The reads that are under way; each has a request that waits for it. */
  readonly #reading = new Map<string, Promise<Page>>();
  #size = 0;

  constructor(type: StreamType, timeout: number, bytes: number) {
    this.#type = type;
    this.timeout = timeout;
    this.#bytes = bytes;
  }

  /**
   * Reads events after an offset, up to the end that `info` has.
   *
   * @param isFirst Whether events that are kept no more are left out; else they are an error.
   */
  async read(info: StreamInfo, from: number, isFirst: boolean): Promise<Page> {
    const id = idOf(info, from);
    const kept = this.#kept.get(id);
    if (kept?.page.to === info.tail || kept?.isFull === true) {
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept.page;
    }
    const name = `${id} ${info.tail} ${isFirst}`;
    try {
      const shared = this.#reading.get(name);
      if (shared !== undefined) return await shared;
    } catch (error) {
      // The process of the request that reads may end before others.
      if (!(error instanceof ProcessExited)) throw error;
    }
    const reading = this.#readPage(info, from, isFirst)
      .finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
    return await reading;
  }

  async #readPage(
    info: StreamInfo,
    from: number,
    isFirst: boolean,
  ): Promise<Page> {
    const page = await this.#readEvents(info, from, isFirst);
    if (!page.isCut) this.keep(info, from, page);
    return page;
  }

  async #readEvents(
    info: StreamInfo,
    from: number,
    isFirst: boolean,
  ): Promise<Page> {
    const page: Page = { chunks: [], to: from };
    let length = 0;
    for (const { key, base, to } of info.segments) {
      while (page.to < to && length < this.#bytes) {
        let events: { number: number; event: StreamEvent }[];
        try {
          events = await this.#eventsAfter(key, page.to - base);
        } catch (error) {
          const first = firstKept(error);
          if (first === undefined) throw error;
          if (!isFirst || length > 0 || first + base > to + 1) {
            throw new RequestError(
              410,
              `the events after the offset are kept no more; the first that is has the number ${first}`,
            );
          }
          page.to = first - 1 + base;
          page.isCut = true;
          continue;
        }
        if (events.length === 0) {
          throw new RequestError(503, "the store lacks events; try again");
        }
        for (const { number, event } of events) {
          if (number + base > to) break;
          const chunk = event as Chunk;
          const size = sizeOf(chunk);
          if (length > 0 && length + size > this.#bytes) return page;
          page.chunks.push(chunk);
          page.to = number + base;
          length += size;
        }
      }
    }
    return page;
  }

  async #eventsAfter(
    key: string,
    after: number,
  ): Promise<{ number: number; event: StreamEvent }[]> {
    const { log } = this.#type.get(key, { timeout: this.timeout });
    const { events } = await log.read({ after, limit: EVENTS });
    return events as { number: number; event: StreamEvent }[];
  }

  /** Keeps a page that was read, or that has come. */
  keep(info: StreamInfo, from: number, page: Page): void {
    const id = idOf(info, from);
    const bytes = page.chunks.reduce((sum, chunk) => sum + sizeOf(chunk), 0);
    const kept = {
      page,
      isFull: page.to < info.tail,
      // The text, and the bytes that are made of it.
      size: OVERHEAD + 2 * bytes,
    };
    this.#drop(id);
    this.#kept.set(id, kept);
    this.#size += kept.size;
    for (const id of this.#kept.keys()) {
      if (this.#size <= KEPT) return;
      this.#drop(id);
    }
  }

  #drop(id: string): void {
    this.#size -= this.#kept.get(id)?.size ?? 0;
    this.#kept.delete(id);
  }
}

function idOf({ id, segments }: StreamInfo, from: number): string {
  return `${from} ${id} ${segments.at(-1)!.key}`;
}

/** The length of an event. */
function sizeOf(chunk: Chunk): number {
  return ("d" in chunk ? chunk.d : chunk.b).length;
}

/** The first number that a log keeps, if an error says that others are kept no more. */
export function firstKept(error: unknown): number | undefined {
  return error instanceof EntityError && error.code === "gap"
    ? (error.data as { first: number }).first
    : undefined;
}
