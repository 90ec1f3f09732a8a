/**
 * The state of a stream, the events of its log, and the requests to its entity with their answers.
 *
 * Offsets and numbers: an event has a number in the log of its entity, and the offset after it is that number plus `base`.
 * A fork begins at an offset of its source, so its first own event has the next one: `base` is the difference. The offsets
 * of a stream that was deleted and created again go on, as the numbers of the log do.
 *
 * @module
 */

import type { Chunk } from "./content.ts";

/** The part of a stream that one log has: the offsets above `base` and up to `to`, without the offsets of an earlier part. */
export interface Segment {
  /** The stream whose log has the events. */
  key: string;
  /** The offset of an event, less its number. */
  base: number;
  /** The last offset. */
  to: number;
}

/** Why a stream is no more. */
export type EndReason = "deleted" | "expired";

/** Says why a stream is no more. */
export function goneText(why: EndReason): string {
  return why === "deleted"
    ? "the stream was deleted"
    : "the stream has expired";
}

/** An idempotent producer: what it has appended last. */
export type Producer = [epoch: number, seq: number, day: number];

/** A stream; `null` before its creation. */
export interface StreamState {
  /** Tells two streams with the same name apart, of which one was deleted. */
  id: string;
  /** The content type, as its creator wrote it. */
  type: string;
  /** Seconds without a read or a write after which the stream ends. */
  ttl: number | null;
  /** The moment of its end, as its creator wrote it. */
  expires: string | null;
  /** When it was read or written last, rounded: milliseconds since 1970. */
  touched: number;
  /** The offset before its first event, also of an inherited one. */
  start: number;
  base: number;
  /** Its source, for a fork. */
  from: ForkPoint | null;
  /** The inherited parts. */
  chain: Segment[];
  /** The forks that read its log, each with its id. */
  forks: Record<string, string>;
  /** Whether it is closed; `"apart"` if by an event without data, which no reader counts. */
  closed: false | true | "apart";
  /** The append that has closed it, of an idempotent producer. */
  closer: [id: string, epoch: number, seq: number] | null;
  /** Why it takes no requests: forks still read its log, or its source does not know yet. */
  gone: EndReason | null;
  /** The last `Stream-Seq`. */
  seq: string | null;
  /** By the id, with a `$` before it. */
  producers: Record<string, Producer>;
  /**
   * The ids of the last appends without a producer, so that one whose owner was lost can be repeated; one text is cheaper
   * than a list.
   */
  recent: string;
}

/** The point at which a fork leaves its source. */
export interface ForkPoint {
  key: string;
  /** The offset; `null` for the end of the source. */
  offset: number | null;
  /** The bytes or messages after the offset that are inherited too. */
  sub: number;
}

/** An event of the log: bytes, the end of the stream, or both. */
export type StreamEvent = Partial<Record<"d" | "b", string>> & {
  /** It closes the stream. */
  c?: 1;
  /** The stream is no more. */
  x?: EndReason;
  /** The producer. */
  p?: [id: string, ...producer: Producer];
  /** `Stream-Seq`. */
  s?: string;
  /** The id of the append. */
  n?: string;
};

/** A request to create a stream. */
export interface CreateRequest {
  /** The content type; `null` for the type of the source. */
  type: string | null;
  ttl: number | null;
  expires: string | null;
  closed: boolean;
  chunks: Chunk[];
  from: ForkPoint | null;
  /** The part of an event that `sub` inherits. */
  prefix: Chunk | null;
}

/** A request to append to a stream, or to close it. */
export interface AppendRequest {
  type: string | null;
  chunks: Chunk[];
  close: boolean;
  seq: string | null;
  producer: [id: string, epoch: number, seq: number] | null;
  /** The id of the append. */
  nonce: string;
}

/** A stream as its readers need it. */
export interface StreamInfo {
  id: string;
  type: string;
  ttl: number | null;
  expires: string | null;
  start: number;
  /** The offset after its last event. */
  tail: number;
  isClosed: boolean;
  /** The logs that have its events; the last is its own. */
  segments: Segment[];
}

/** The answer to a request: a response without a body, or the reason of a refusal as text. */
export interface StreamReply {
  status: number;
  headers?: Record<string, string>;
  why?: string;
}

/** Writes an offset: as text, offsets are in the order of their numbers. */
export function offsetText(offset: number): string {
  return `0000000000000000_${String(offset).padStart(16, "0")}`;
}

/** The headers that say where a reader or a writer is. */
export function positionHeaders(
  to: number,
  isClosed: boolean,
  isUpToDate = false,
): Record<string, string> {
  return {
    "stream-next-offset": offsetText(to),
    ...isClosed ? { "stream-closed": "true" } : {},
    ...isUpToDate ? { "stream-up-to-date": "true" } : {},
  };
}

/** The headers that describe a stream. */
export function streamHeaders(info: StreamInfo): Record<string, string> {
  const { type, ttl, expires, tail, isClosed } = info;
  return {
    "content-type": type,
    ...positionHeaders(tail, isClosed),
    ...ttl === null ? {} : { "stream-ttl": String(ttl) },
    ...expires === null ? {} : { "stream-expires-at": expires },
  };
}

/** The event as it changes the state; its bytes do not. */
export function applyEvent(
  state: StreamState | null,
  event: StreamEvent,
  maxProducers: number,
): void {
  if (state === null) return;
  const { c, d, b, n, p, s } = event;
  if (s !== undefined) state.seq = s;
  if (n !== undefined) state.recent = `${state.recent},${n}`.slice(-RECENT);
  if (p !== undefined) {
    const [id, epoch, seq, day] = p;
    const isNew = state.producers[`$${id}`] === undefined;
    if (isNew && Object.keys(state.producers).length >= maxProducers) {
      state.producers = Object.fromEntries(producersAt(state, day));
    }
    state.producers[`$${id}`] = [epoch, seq, day];
  }
  if (c === undefined) return;
  state.closed = d === undefined && b === undefined ? "apart" : true;
  state.closer = p === undefined ? null : [p[0], p[1], p[2]];
}

/** The characters of 512 ids with commas: an entity holds the answers of at most 500 calls for one write. */
const RECENT = 512 * 9;

/** The days for which a producer is remembered, if there are too many. */
const PRODUCER_DAYS = 7;

/** The producers that cannot be forgotten. */
export function producersAt(
  { producers }: StreamState,
  day: number,
): [string, Producer][] {
  return Object.entries(producers).filter(([, [, , at]]) =>
    at >= day - PRODUCER_DAYS
  );
}

/** Returns the parts up to an offset. */
export function segmentsTo(
  segments: readonly Segment[],
  to: number,
): Segment[] {
  const parts: Segment[] = [];
  for (const segment of segments) {
    parts.push({ ...segment, to: Math.min(segment.to, to) });
    if (segment.to >= to) break;
  }
  return parts;
}
