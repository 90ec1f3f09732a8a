/**
 * Requests as the protocol writes them: names of streams, offsets and headers.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ForkPoint, StreamReply } from "./stream_state.ts";

/** A request that is refused. */
export class RequestError extends Error {
  readonly reply: StreamReply;

  constructor(
    status: number,
    why: string,
    headers?: Record<string, string>,
  ) {
    super(why);
    this.reply = { status, why, headers };
  }
}

/** Segments of a path that proxies and programs read in different ways. */
const RISKY = /(?:^|\/)(?:\.{0,2})(?:\/|$)|[\p{Cc}\\]/u;

/**
 * Returns the name of the stream that a path has: the rest after the prefix, decoded.
 *
 * @throws {RequestError} If the path has another prefix, or the name is too long or ambiguous.
 */
export function streamNameOf(
  path: string,
  prefix: string,
  maxLength: number,
): string {
  let name: string | undefined;
  try {
    if (path.startsWith(prefix)) {
      name = decodeURIComponent(path.slice(prefix.length));
    }
  } catch {
    throw new RequestError(400, "the path is not well formed");
  }
  if (name === undefined || name === "__ds" || name.startsWith("__ds/")) {
    throw new RequestError(404, "there is no such stream");
  }
  const isAmbiguous = RISKY.test(name) ||
    name.split("/").length !== path.slice(prefix.length).split("/").length;
  if (!isAmbiguous && name.length <= maxLength) return name;
  throw new RequestError(
    400,
    `the name of the stream is longer than ${maxLength} characters, or has an empty part, "..", "\\" or an encoded "/"`,
  );
}

/** Reads an offset; one that no server has written is beyond each end. */
export function readOffset(text: string): number {
  if (text === "-1") return 0;
  const [, high, low] = /^(\d{16})_(\d{16})$/.exec(text) ?? [];
  if (low === undefined) throw new RequestError(400, "the offset is malformed");
  return Number(high) > 0 ? Infinity : Number(low);
}

/** Whether the request closes the stream. */
export function closes(headers: Headers): boolean {
  return headers.get("stream-closed")?.toLowerCase() === "true";
}

/** The content type, or `null`. */
export function contentTypeOf(headers: Headers): string | null {
  const type = headers.get("content-type");
  if (type === null || type === "") return null;
  if (
    type.length <= 200 && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:;|$)/.test(type)
  ) {
    return type;
  }
  throw new RequestError(400, "the content type is malformed");
}

/** Reads `Stream-TTL` and `Stream-Expires-At`. */
export function lifeOf(
  headers: Headers,
  maxTtl: number,
): { ttl: number | null; expires: string | null } {
  const ttl = integerOf(headers, "stream-ttl");
  const expires = headers.get("stream-expires-at");
  if (ttl !== null && expires !== null) {
    throw new RequestError(
      400,
      "give Stream-TTL or Stream-Expires-At, not both",
    );
  }
  if (ttl !== null && ttl > maxTtl) {
    throw new RequestError(400, `Stream-TTL is above ${maxTtl} seconds`);
  }
  if (
    expires !== null &&
    (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(
      expires,
    ) || Number.isNaN(Date.parse(expires)))
  ) {
    throw new RequestError(400, "Stream-Expires-At is no time of RFC 3339");
  }
  return { ttl, expires };
}

/** Reads the source of a fork; the sub-offset needs one. */
export function forkOf(
  headers: Headers,
  nameOf: (path: string) => string,
): ForkPoint | null {
  const source = headers.get("stream-forked-from");
  const offset = headers.get("stream-fork-offset");
  const sub = integerOf(headers, "stream-fork-sub-offset");
  if (source === null) {
    if (offset === null && sub === null) return null;
    throw new RequestError(400, "a fork offset needs Stream-Forked-From");
  }
  return {
    key: nameOf(source),
    offset: offset === null ? null : readOffset(offset),
    sub: sub ?? 0,
  };
}

/** Reads `Stream-Seq` and the headers of an idempotent producer. */
export function writerOf(headers: Headers): {
  seq: string | null;
  producer: [id: string, epoch: number, seq: number] | null;
} {
  const seq = headers.get("stream-seq");
  const id = headers.get("producer-id");
  const epoch = integerOf(headers, "producer-epoch");
  const number = integerOf(headers, "producer-seq");
  for (const text of [seq, id]) {
    if (text === null || text.length > 0 && text.length <= 256) continue;
    throw new RequestError(
      400,
      "Stream-Seq and Producer-Id have 1 to 256 characters",
    );
  }
  if (id === null && epoch === null && number === null) {
    return { seq, producer: null };
  }
  if (id === null || epoch === null || number === null) {
    throw new RequestError(
      400,
      "give Producer-Id, Producer-Epoch and Producer-Seq together",
    );
  }
  return { seq, producer: [id, epoch, number] };
}

/** Reads an integer from 0, without a sign or leading zeros. */
function integerOf(headers: Headers, name: string): number | null {
  const text = headers.get(name);
  if (text === null) return null;
  const value = Number(text);
  if (/^(?:0|[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(value)) {
    return value;
  }
  throw new RequestError(400, `${name} is no integer from 0 to 2^53-1`);
}

/**
 * Reads a body.
 *
 * @throws {RequestError} If it is longer than `limit`, or is not there after `time` milliseconds.
 */
export async function readBody(
  request: Request,
  limit: number,
  time: number,
): Promise<Uint8Array> {
  const tooLong = () =>
    new RequestError(413, `the body is longer than ${limit} bytes`);
  if (Number(request.headers.get("content-length")) > limit) throw tooLong();
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const timer = setTimeout(
    () => reader.cancel(new RequestError(408, "the body took too long")),
    time,
  );
  const parts: Uint8Array[] = [];
  let length = 0;
  const started = Date.now();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) throw tooLong();
      parts.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error instanceof RequestError
      ? error
      : new RequestError(400, "the body has ended early");
  } finally {
    clearTimeout(timer);
  }
  if (Date.now() - started >= time) {
    throw new RequestError(408, "the body took too long");
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}
