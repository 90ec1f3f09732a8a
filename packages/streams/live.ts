/**
 * Readers that wait: long polls and server-sent events.
 *
 * All readers of a stream on a node share one subscription, and the frame of an event is made once for all of them. A
 * reader that does not read holds one chunk; it reads the store when it goes on.
 *
 * @module
 */

import { followParts } from "@otp/entities/log_reader";
import type { StoredEvent } from "@otp/entities/store";
import { Buffer } from "node:buffer";
import { type Chunk, chunkBytes, isJson, isText, textOf } from "./content.ts";
import { RequestError } from "./requests.ts";
import {
  type EndReason,
  goneText,
  offsetText,
  type StreamEvent,
} from "./stream_state.ts";
import type { StreamType } from "./stream_type.ts";

/** What comes after the events that are there. */
export interface News {
  chunks: Chunk[];
  /** The offset after the last of them. */
  to: number;
  isClosed: boolean;
  /** Why the stream is no more. */
  gone?: EndReason;
}

/** The counts of waiting requests, and their bounds. */
export class Readers {
  readonly #counts = new Map<string, number>();

  /**
   * Counts a reader; returns the function that ends it.
   *
   * @throws {RequestError} If there are too many.
   */
  enter(bounds: readonly (readonly [name: string, max: number])[]): () => void {
    const counts = this.#counts;
    for (const [name, max] of bounds) {
      if ((counts.get(name) ?? 0) < max) continue;
      throw new RequestError(
        429,
        `${max} requests wait for events ${name} already`,
        { "retry-after": "5" },
      );
    }
    for (const [name] of bounds) counts.set(name, (counts.get(name) ?? 0) + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      for (const [name] of bounds) {
        const count = counts.get(name)! - 1;
        if (count === 0) counts.delete(name);
        else counts.set(name, count);
      }
    };
  }
}

/** Follows the own log of a stream. */
export function follow(
  type: StreamType,
  key: string,
  after: number,
  timeout: number,
  signal: AbortSignal,
): AsyncIterableIterator<readonly StoredEvent[]> {
  const target = { definition: type._definition, key, options: { timeout } };
  return followParts(target, { after, signal });
}

/** Reads the events of a part. */
export function newsOf(
  events: readonly StoredEvent[],
  base: number,
  from: number,
): News {
  const news: News = { chunks: [], to: from, isClosed: false };
  for (const { number, body } of events) {
    const event = JSON.parse(body) as StreamEvent;
    if (event.x !== undefined) return { ...news, gone: event.x };
    news.isClosed = event.c === 1;
    if (event.d === undefined && event.b === undefined) break;
    news.chunks.push(event as Chunk);
    news.to = base + number;
  }
  return news;
}

/** The beginning of the count of cursors, and the length of an interval, in milliseconds. */
const EPOCH = Date.UTC(2024, 9, 9);
const INTERVAL = 20_000;

/** Returns a cursor: caches between hold the answers to requests with the same one together, and for no longer. */
export function cursorAfter(cursor: string | null): string {
  const now = Math.floor((Date.now() - EPOCH) / INTERVAL);
  const last = cursor !== null && /^\d{1,15}$/.test(cursor)
    ? Number(cursor)
    : -1;
  if (last < now) return String(now);
  // At least one interval, and up to an hour, later than that of the reader.
  return String(last + 1 + Math.floor(Math.random() * 3_600_000 / INTERVAL));
}

/** Returns the cursor of a later frame of the same response: it never goes back. */
export function cursorNow(first: string): string {
  const now = Math.floor((Date.now() - EPOCH) / INTERVAL);
  return now > Number(first) ? String(now) : first;
}

/** An event with bytes, in the frame of server-sent events. */
export function dataFrame(chunks: readonly Chunk[], type: string): string {
  const text = isJson(type)
    ? `[${chunks.map(textOf).join()}]`
    : isText(type)
    ? chunks.map(textOf).join("")
    : chunks.length === 1 && "b" in chunks[0]
    ? chunks[0].b
    : Buffer.concat(chunks.map(chunkBytes)).toString("base64");
  return `event: data\n${
    // A reader removes one space at the start.
    text.split(/\r\n|[\r\n]/)
      .map((line) => `data:${line.startsWith(" ") ? " " : ""}${line}\n`).join(
        "",
      )}\n`;
}

/** The frame that says where a reader is. */
export function controlFrame(
  to: number,
  cursor: string,
  isUpToDate: boolean,
  isClosed: boolean,
): string {
  const control = JSON.stringify({
    streamNextOffset: offsetText(to),
    ...isClosed ? { streamClosed: true } : { streamCursor: cursor },
    ...isUpToDate ? { upToDate: true } : {},
  });
  return `event: control\ndata:${control}\n\n`;
}

/** The frames of one event, as readers get it. */
export interface Frames {
  /** The cursor, and whether the event was the last one, for which they were made. */
  made: string;
  bytes: Uint8Array;
  isEnd: boolean;
}

/** The last frames of each event. */
const frames = new WeakMap<StoredEvent, Frames>();

const ENCODER = new TextEncoder();

/** Returns the frames of an event: the same object for all readers. */
export function framesOf(
  event: StoredEvent,
  base: number,
  type: string,
  cursor: string,
  isLast: boolean,
): Frames {
  const made = `${cursor} ${isLast}`;
  const known = frames.get(event);
  if (known?.made === made) return known;
  const from = base + event.number - 1;
  const { chunks, to, isClosed, gone } = newsOf([event], base, from);
  if (gone !== undefined) {
    // A comment: the client asks again, and gets the status.
    const bytes = ENCODER.encode(`: ${goneText(gone)}\n\n`);
    return { made, bytes, isEnd: true };
  }
  const data = chunks.length > 0 ? dataFrame(chunks, type) : "";
  const control = controlFrame(to, cursor, isLast || isClosed, isClosed);
  const bytes = ENCODER.encode(data + control);
  const fresh = { made, bytes, isEnd: isClosed };
  frames.set(event, fresh);
  return fresh;
}
