/**
 * Readers that wait: long polls and server-sent events.
 *
 * All readers of a stream on a node have one {@linkcode Tail}, which follows the log. It hands each part to all readers that
 * are at the end, in the same bytes. A reader that is not there yet, or that does not take more for now, reads the store up
 * to the tail, and is at the end again.
 *
 * @module
 */

import { followParts } from "@otp/entities/log_reader";
import type { StoredEvent } from "@otp/entities/store";
import { spawn } from "@otp/processes/process";
import { type Chunk, dataFrame } from "./content.ts";
import type { Pages } from "./pages.ts";
import { RequestError } from "./requests.ts";
import {
  type EndReason,
  goneText,
  offsetText,
  type StreamEvent,
  type StreamInfo,
} from "./stream_state.ts";
import type { StreamType } from "./stream_entity.ts";

const ENCODER = new TextEncoder();

/** The requests that wait, and their bounds. */
export class Readers {
  readonly #counts = new Map<string, number>();
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  /**
   * Counts a reader, and ends it after some milliseconds; returns the function that it calls at its end, as often as it
   * likes, and that calls `onLeave` once.
   *
   * @throws {RequestError} If there are too many, or the node is closing.
   */
  enter(
    bounds: readonly (readonly [name: string, max: number])[],
    time: number,
    end: () => void,
    onLeave: () => void,
  ): () => void {
    const retry = (seconds: string) => ({ "retry-after": seconds });
    if (this.#isClosed) {
      throw new RequestError(503, "this node is closing", retry("1"));
    }
    for (const [name, max] of bounds) {
      if ((this.#counts.get(name) ?? 0) < max) continue;
      throw new RequestError(
        429,
        `${max} requests wait for events ${name} already`,
        retry("5"),
      );
    }
    for (const [name] of bounds) this.#count(name, 1);
    const timer = setTimeout(end, time);
    this.#ends.add(end);
    return () => {
      if (!this.#ends.delete(end)) return;
      clearTimeout(timer);
      for (const [name] of bounds) this.#count(name, -1);
      onLeave();
    };
  }

  #count(name: string, by: 1 | -1): void {
    const count = (this.#counts.get(name) ?? 0) + by;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }

  /** Ends all readers, and refuses others. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#ends) end();
  }
}

/** The events that have come together, after an offset. */
class LivePart {
  readonly from: number;
  readonly to: number;
  readonly chunks: Chunk[] = [];
  readonly isClosed: boolean = false;
  /** Why the stream is no more. */
  readonly gone: EndReason | undefined;
  readonly cursor: number = cursorNow();
  readonly #frames = new Map<string, Uint8Array>();

  constructor(events: readonly StoredEvent[], base: number) {
    this.from = base + events[0].number - 1;
    for (const { body } of events) {
      const event = JSON.parse(body) as StreamEvent;
      this.gone = event.x;
      this.isClosed ||= event.c === 1;
      if (event.d === undefined && event.b === undefined) break;
      this.chunks.push(event as Chunk);
    }
    this.to = this.from + this.chunks.length;
  }

  /** Whether it has anything for a reader at an offset. */
  isNews(at: number): boolean {
    return this.to > at || this.isClosed || this.gone !== undefined;
  }

  /** The frames after an offset: the same bytes for all readers. */
  frames(at: number, type: string, cursor: number): Uint8Array {
    const id = `${at} ${cursor}`;
    let bytes = this.#frames.get(id);
    if (bytes === undefined) {
      const chunks = this.chunks.slice(at - this.from);
      const data = chunks.length === 0 ? "" : dataFrame(chunks, type);
      bytes = ENCODER.encode(
        data + controlFrame(this.to, cursor, true, this.isClosed) +
          goneFrame(this.gone),
      );
      this.#frames.set(id, bytes);
    }
    return bytes;
  }
}

/** A reader at the end of a stream. */
interface TailReader {
  take(part: LivePart): void;
  /** The log cannot be followed any more. */
  end(): void;
}

/** The end of a stream, as this node knows it, while it has readers that wait for more. */
export class Tail {
  /** The stream, up to the last part. */
  info: StreamInfo;
  gone: EndReason | undefined;
  readonly #type: StreamType;
  readonly #pages: Pages;
  readonly #onEmpty: () => void;
  readonly #readers = new Set<TailReader>();
  #following: AbortController | undefined;

  constructor(
    type: StreamType,
    info: StreamInfo,
    pages: Pages,
    onEmpty: () => void,
  ) {
    this.#type = type;
    this.info = info;
    this.#pages = pages;
    this.#onEmpty = onEmpty;
  }

  add(reader: TailReader): void {
    this.#readers.add(reader);
    if (this.#following !== undefined || this.info.isClosed) return;
    const { signal } = this.#following = new AbortController();
    // Not the process of the request that is the first.
    spawn(() => this.#follow(signal));
  }

  remove(reader: TailReader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#following?.abort();
    this.#onEmpty();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const stopTouching = this.#touch();
    const { tail, segments } = this.info;
    const { key, base } = segments.at(-1)!;
    const { timeout } = this.#pages;
    const options = { timeout };
    const target = { definition: this.#type._definition, key, options };
    try {
      const parts = followParts(target, { after: tail - base, signal });
      for await (const events of parts) {
        const part = new LivePart(events, base);
        this.#grow(part);
        for (const reader of this.#readers) reader.take(part);
        if (part.isClosed || part.gone !== undefined) return;
      }
    } catch {
      // The readers ask again, and learn why.
      for (const reader of this.#readers) reader.end();
    } finally {
      stopTouching();
    }
  }

  #grow({ from, to, chunks, isClosed, gone }: LivePart): void {
    const { segments } = this.info;
    this.info = {
      ...this.info,
      ...{ tail: to, isClosed },
      segments: [...segments.slice(0, -1), { ...segments.at(-1)!, to }],
    };
    this.gone = gone;
    this.#pages.keep(this.info, from, { chunks, to });
  }

  /** Keeps a stream with a TTL while it has a live reader. */
  #touch(): () => void {
    const { ttl, segments } = this.info;
    const { key } = segments.at(-1)!;
    if (ttl === null) return () => {};
    const timer = setInterval(
      () => this.#type.get(key).info(true).catch(() => {}),
      Math.min(Math.max(ttl * 500, 250), 2 ** 31 - 1),
    );
    return () => clearInterval(timer);
  }
}

/** Resolves when there is anything after an offset, or the log cannot be followed, or the wait is resolved by others. */
export async function changeAfter(
  tail: Tail,
  at: number,
  { promise, resolve }: PromiseWithResolvers<void>,
): Promise<void> {
  const reader: TailReader = {
    take: (part) => part.isNews(at) && resolve(),
    end: resolve,
  };
  tail.add(reader);
  const { info, gone } = tail;
  if (info.tail <= at && !info.isClosed && gone === undefined) await promise;
  tail.remove(reader);
}

/** The connection of a reader. */
export interface Sink {
  /** Takes bytes; returns whether it takes more at once. If not, it calls `resume` of the reader later. */
  write(bytes: Uint8Array): boolean;
  end(): void;
}

/** A reader of server-sent events. */
export class EventReader implements TailReader {
  readonly #tail: Tail;
  readonly #pages: Pages;
  /** The cursor at the beginning: later ones are not lower. */
  readonly #cursor: number;
  /** Whether it begins with the first event that is kept. */
  readonly #isFirst: boolean;
  #at: number;
  #sink: Sink | undefined;
  /** Is called at its end. */
  leave: () => void = () => {};
  /** Is called with the number of bytes that it sends. */
  sent: (bytes: number) => void = () => {};
  #state: "new" | "reading" | "blocked" | "at end" | "over" = "new";
  #isBegun = false;

  constructor(
    tail: Tail,
    pages: Pages,
    from: number,
    isFirst: boolean,
    cursor: number,
  ) {
    this.#tail = tail;
    this.#pages = pages;
    this.#at = from;
    this.#isFirst = isFirst;
    this.#cursor = cursor;
    tail.add(this);
  }

  /** Begins to send. */
  start(sink: Sink): void {
    this.#sink = sink;
    if (this.#isOver) sink.end();
    else this.resume();
  }

  /** Goes on with a connection that takes more. */
  resume(): void {
    if (this.#state === "new" || this.#state === "blocked") {
      this.#read().catch(() => this.end());
    }
  }

  /** Sends what the store has, up to the tail. */
  async #read(): Promise<void> {
    this.#state = "reading";
    const tail = this.#tail;
    for (let takesMore = true; this.#state === "reading";) {
      const isOver = tail.info.isClosed || tail.gone !== undefined;
      const isBehind = this.#at < tail.info.tail;
      if (this.#isBegun && !isBehind && !isOver) {
        this.#state = "at end";
        return;
      }
      if (!takesMore) {
        this.#state = "blocked";
        return;
      }
      if (isBehind) {
        const isFirst = this.#isFirst && !this.#isBegun;
        const page = await this.#pages.read(tail.info, this.#at, isFirst);
        if (this.#isOver) return;
        this.#at = page.to;
        const { type } = tail.info;
        page.frame ??= ENCODER.encode(dataFrame(page.chunks, type));
        this.#write(page.frame);
      }
      takesMore = this.#control();
    }
  }

  /** Says where the reader is; ends it at the end of a stream. Returns whether the connection takes more. */
  #control(): boolean {
    const { info: { tail, isClosed }, gone } = this.#tail;
    this.#isBegun = true;
    const isEnd = this.#at >= tail;
    const cursor = Math.max(this.#cursor, cursorNow());
    const control = controlFrame(this.#at, cursor, isEnd, isEnd && isClosed);
    const bytes = ENCODER.encode(control + (isEnd ? goneFrame(gone) : ""));
    const takesMore = this.#write(bytes);
    if (isEnd && (isClosed || gone !== undefined)) this.end();
    return takesMore;
  }

  #write(bytes: Uint8Array): boolean {
    this.sent(bytes.length);
    return this.#sink!.write(bytes);
  }

  take(part: LivePart): void {
    if (this.#state !== "at end" || !part.isNews(this.#at)) return;
    const cursor = Math.max(this.#cursor, part.cursor);
    const { type } = this.#tail.info;
    const bytes = part.frames(Math.max(this.#at, part.from), type, cursor);
    this.#at = Math.max(this.#at, part.to);
    if (!this.#write(bytes)) this.#state = "blocked";
    if (part.isClosed || part.gone !== undefined) this.end();
  }

  end(): void {
    if (this.#isOver) return;
    this.#state = "over";
    this.#tail.remove(this);
    this.leave();
    this.#sink?.end();
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }
}

/** The beginning of the count of cursors, and the length of an interval, in milliseconds. */
const EPOCH = Date.UTC(2024, 9, 9);
const INTERVAL = 20_000;

function cursorNow(): number {
  return Math.floor((Date.now() - EPOCH) / INTERVAL);
}

/** Returns a cursor: caches between hold the answers to requests with the same one together, and for no longer. */
export function cursorAfter(cursor: string | null): number {
  const now = cursorNow();
  const last = cursor !== null && /^\d{1,15}$/.test(cursor)
    ? Number(cursor)
    : -1;
  // The new cursor is at least one interval, and at most an hour, later than the cursor of the reader.
  return last < now
    ? now
    : last + 1 + Math.floor(Math.random() * 3_600_000 / INTERVAL);
}

/** The frame that says where a reader is. */
function controlFrame(
  to: number,
  cursor: number,
  isUpToDate: boolean,
  isClosed: boolean,
): string {
  const control = JSON.stringify({
    streamNextOffset: offsetText(to),
    ...isClosed ? { streamClosed: true } : { streamCursor: String(cursor) },
    ...isUpToDate ? { upToDate: true } : {},
  });
  return `event: control\ndata:${control}\n\n`;
}

/** A comment that says why the stream is no more: the client asks again, and gets the status. */
function goneFrame(gone: EndReason | undefined): string {
  return gone === undefined ? "" : `: ${goneText(gone)}\n\n`;
}
