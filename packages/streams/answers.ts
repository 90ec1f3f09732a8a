/**
 * Answers to requests, before they are responses of the host.
 *
 * @module
 */

import { EntityError } from "@otp/entities";
import { bodyOf, ContentError, isText } from "./content.ts";
import type { EventReader } from "./live.ts";
import { firstKept, type Page } from "./pages.ts";
import { RequestError } from "./requests.ts";
import {
  positionHeaders,
  type StreamInfo,
  type StreamReply,
} from "./stream_state.ts";

/** The answer to a request. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  body?: Uint8Array | string | null;
  /** Instead of a body: server-sent events, which somebody must start. */
  events?: EventReader;
}

/** Says that a request can be repeated soon. */
export const TRY_AGAIN = { "retry-after": "1" };

/** Errors of an entity that has no owner now, or of a store that does not answer. */
const BUSY: readonly string[] = [
  "unknown",
  "timeout",
  "no_store",
  "no_host",
  "overloaded",
  "parked",
];

/** Returns the reply for an error. A reply says nothing about the server. */
export function replyOf(error: unknown): StreamReply {
  if (error instanceof RequestError) return error.reply;
  if (error instanceof ContentError) return { status: 400, why: error.message };
  if (error instanceof RangeError) return { status: 413, why: error.message };
  if (firstKept(error) !== undefined) {
    return { status: 410, why: "the events are kept no more" };
  }
  return error instanceof EntityError && BUSY.includes(error.code)
    ? {
      status: 503,
      why: "the stream cannot be reached now; try again",
      headers: TRY_AGAIN,
    }
    : { status: 500, why: "the server has failed" };
}

/** Returns a reply as an answer. */
export function answerOf(
  { status, headers, why }: StreamReply,
  more?: Record<string, string>,
): Answer {
  if (why === undefined) return { status, headers: { ...headers, ...more } };
  return {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
    body: `${why}\n`,
  };
}

/** Two answers with the same tag have the same bytes, and say the same about the end. */
export function etagOf(
  { id, tail, isClosed }: StreamInfo,
  from: number,
  to: number,
): string {
  return `"${id}:${from}:${to}${isClosed && to === tail ? ":c" : ""}"`;
}

/** Returns events as an answer. */
export function pageAnswer(
  info: StreamInfo,
  page: Page,
  headers: Record<string, string>,
): Answer {
  const isEnd = page.to === info.tail;
  return {
    status: 200,
    headers: {
      "content-type": info.type,
      ...isText(info.type) ? {} : { "content-disposition": "attachment" },
      ...positionHeaders(page.to, info.isClosed && isEnd, isEnd),
      ...headers,
    },
    body: page.body ??= bodyOf(page.chunks, info.type),
  };
}

/** The answer to a long poll without events. */
export function emptyAnswer(
  to: number,
  isClosed: boolean,
  cursor: number,
): Answer {
  return {
    status: 204,
    headers: {
      "cache-control": "no-store",
      ...positionHeaders(to, isClosed, true),
      ...isClosed ? {} : { "stream-cursor": String(cursor) },
    },
  };
}
