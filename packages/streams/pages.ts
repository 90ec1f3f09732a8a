/**
 * The history of a stream: a page of events after an offset, from its own log and those that it inherits.
 *
 * @module
 */

import { EntityError } from "@otp/entities/entity_error";
import type { Chunk } from "./content.ts";
import { RequestError } from "./requests.ts";
import type { StreamEvent, StreamInfo } from "./stream_state.ts";
import type { StreamType } from "./stream_type.ts";

/** Events of a stream. */
export interface Page {
  chunks: Chunk[];
  /** The offset after the last of them. */
  to: number;
}

/** The handles' options of a read. */
export interface ReadOptions {
  timeout: number;
  signal?: AbortSignal;
}

/** The most events of one read. */
const EVENTS = 5000;

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

/** Reads events after an offset, up to the end that `info` has, and up to `bytes`. */
export async function readPage(
  type: StreamType,
  info: StreamInfo,
  from: number,
  bytes: number,
  options: ReadOptions,
  isFirst = false,
): Promise<Page> {
  const page: Page = { chunks: [], to: from };
  let length = 0;
  for (const { key, base, to } of info.segments) {
    while (page.to < to && length < bytes) {
      let events: { number: number; event: StreamEvent }[];
      try {
        events = await eventsAfter(type, key, page.to - base, options);
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
        continue;
      }
      if (events.length === 0) {
        throw new RequestError(503, "the store lacks events; try again");
      }
      for (const { number, event } of events) {
        if (number + base > to) break;
        const chunk = event as Chunk;
        const size = ("d" in chunk ? chunk.d : chunk.b).length;
        if (length > 0 && length + size > bytes) return page;
        page.chunks.push(chunk);
        page.to = number + base;
        length += size;
      }
    }
  }
  return page;
}

async function eventsAfter(
  type: StreamType,
  key: string,
  after: number,
  options: ReadOptions,
): Promise<{ number: number; event: StreamEvent }[]> {
  const { log } = type.get(key, options);
  const { events } = await log.read({ after, limit: EVENTS });
  return events as { number: number; event: StreamEvent }[];
}

/** The first number that a log keeps, if an error says that others are kept no more. */
export function firstKept(error: unknown): number | undefined {
  return error instanceof EntityError && error.code === "gap"
    ? (error.data as { first: number }).first
    : undefined;
}
