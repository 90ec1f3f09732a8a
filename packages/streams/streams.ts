/**
 * The handler of streams: each method of HTTP as calls of the stream's entity, wherever its owner is.
 *
 * Each request asks the owner of its stream once. So a read sees each append that was acknowledged before, on any node; a
 * read counts for the TTL; and there is one place that says whether the stream exists. Events come from the store.
 *
 * @module
 */

import { Entities, EntityError } from "@otp/entities";
import { Buffer } from "node:buffer";
import {
  bodyOf,
  chunksOf,
  ContentError,
  isJson,
  isText,
  prefixOf,
} from "./content.ts";
import {
  controlFrame,
  cursorAfter,
  cursorNow,
  dataFrame,
  follow,
  framesOf,
  type News,
  newsOf,
  Readers,
} from "./live.ts";
import { nodeHandler } from "./node_handler.ts";
import {
  type Settings,
  type StreamAction,
  type StreamRequestInfo,
  streamSettings,
  type StreamsHandler,
  type StreamsOptions,
} from "./options.ts";
import { firstKept, offsetIn, type Page, readPage } from "./pages.ts";
import {
  closes,
  contentTypeOf,
  forkOf,
  lifeOf,
  readBody,
  readOffset,
  RequestError,
  streamNameOf,
  writerOf,
} from "./requests.ts";
import {
  type ForkPoint,
  goneText,
  positionHeaders,
  streamHeaders,
  type StreamInfo,
  type StreamReply,
} from "./stream_state.ts";
import { StreamCounts } from "./stream_counts.ts";
import { askForks, type StreamType, streamType } from "./stream_type.ts";
import { GenServer } from "@otp/servers/gen_server/gen_server";
import type { Pid } from "@otp/processes/process";

/**
 * Returns a handler of requests that serves streams by the protocol of Durable Streams. Any node takes any request.
 *
 * An append is answered once it is stored. Errors have the status that the protocol says, and a text without anything of
 * the server; while a stream has no owner, or the store does not answer in time, the status is 503.
 *
 * @throws {TypeError} If `authorize` is missing, or an option is unknown or invalid.
 * @throws {RangeError} If a limit is out of bounds.
 *
 * @example A stream of messages
 * ```ts
 * import { memoryStore } from "@otp/distribution/entities";
 * import { streams } from "@otp/distribution/streams";
 * import { assertEquals } from "@std/assert";
 *
 * await using handle = streams({
 *   store: memoryStore(),
 *   authorize: (request, stream, action) => action === "read" || request.headers.get("authorization") === "Bearer key",
 * });
 * const headers = { "content-type": "application/json", authorization: "Bearer key" };
 * const url = "http://localhost/chat/1";
 * await handle(new Request(url, { method: "PUT", headers }));
 * await handle(new Request(url, { method: "POST", headers, body: '{"text":"hello"}' }));
 * const read = await handle(new Request(`${url}?offset=-1`));
 * assertEquals(await read.json(), [{ text: "hello" }]);
 * ```
 */
export function streams(options: StreamsOptions): StreamsHandler {
  const settings = streamSettings(options);
  const { store, entities } = options;
  const type = (entities ?? streamType()) as StreamType;
  const server = store &&
    Entities.startLink({ types: [type], store });
  // Each request waits for it, and fails with its error.
  server?.catch(() => {});
  const door = new Door(settings, type, server);
  const handle = (request: Request, info?: StreamRequestInfo) =>
    door.handle(request, info);
  const close = () => door.close();
  return Object.assign(handle, {
    node: nodeHandler(handle, settings.limits.unread),
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** The status of an error of an entity, and what a client is told. */
const BUSY: readonly string[] = [
  "unknown",
  "timeout",
  "no_store",
  "no_host",
  "overloaded",
  "parked",
];

/** The headers that pages may send and read. */
const REQUEST_HEADERS =
  "content-type, authorization, if-none-match, stream-seq, stream-ttl, stream-expires-at, stream-closed, stream-forked-from, stream-fork-offset, stream-fork-sub-offset, producer-id, producer-epoch, producer-seq";
const RESPONSE_HEADERS =
  "stream-next-offset, stream-cursor, stream-up-to-date, stream-closed, stream-ttl, stream-expires-at, stream-sse-data-encoding, producer-epoch, producer-seq, producer-expected-seq, producer-received-seq, etag, location, content-type, retry-after";
const METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/** A request to a stream that exists, and may be read. */
interface Reading {
  request: Request;
  key: string;
  query: URLSearchParams;
  /** Is aborted when the reader has left, if the host says that. */
  gone: AbortSignal | undefined;
  info: StreamInfo;
  /** The offset as a number, and whether the reader begins. */
  from: number;
  isFirst: boolean;
  /** The readers that this request is one of. */
  bounds: (readonly [name: string, max: number])[];
}

/** A reader that waits. */
interface Stay {
  signal: AbortSignal;
  abort(): void;
  end(): void;
}

class Door {
  readonly #settings: Settings;
  readonly #type: StreamType;
  readonly #server: Promise<Pid> | undefined;
  readonly #readers = new Readers();
  readonly #counts: StreamCounts;
  readonly #closing = new AbortController();

  constructor(settings: Settings, type: StreamType, server?: Promise<Pid>) {
    this.#settings = settings;
    this.#type = type;
    this.#server = server;
    this.#counts = new StreamCounts(type);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    if (this.#server !== undefined) await GenServer.stop(await this.#server);
  }

  async handle(request: Request, info?: StreamRequestInfo): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request, info);
    } catch (error) {
      response = respond(replyOf(error));
    }
    this.#secure(request, response.headers);
    return response;
  }

  async #answer(request: Request, info?: StreamRequestInfo): Promise<Response> {
    const { method, headers } = request;
    if (method === "OPTIONS") {
      return new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": REQUEST_HEADERS,
          "access-control-max-age": "86400",
        },
      });
    }
    const action = ACTIONS[method];
    if (action === undefined) {
      throw new RequestError(405, `there is no ${method} here`, {
        allow: METHODS,
      });
    }
    const { pathname, origin, searchParams } = new URL(request.url);
    const key = this.#nameOf(pathname);
    const from = method === "PUT"
      ? forkOf(headers, (path) => this.#nameOf(path))
      : null;
    const refused = await this.#refusal(request, key, action) ??
      (from && await this.#refusal(request, from.key, "read"));
    if (refused) return refused;
    await this.#server;
    switch (method) {
      case "PUT":
        return await this.#create(request, key, from, `${origin}${pathname}`);
      case "POST":
        return await this.#append(request, key);
      case "DELETE":
        return await this.#remove(key);
      case "HEAD":
        return new Response(null, {
          headers: {
            "cache-control": "no-store",
            ...streamHeaders(await this.#info(key, false)),
          },
        });
    }
    return await this.#read(request, key, searchParams, info);
  }

  #nameOf(path: string): string {
    const { prefix, limits } = this.#settings;
    return streamNameOf(path, prefix, limits.name);
  }

  async #refusal(
    request: Request,
    stream: string,
    action: StreamAction,
  ): Promise<Response | undefined> {
    const answer = await this.#settings.authorize(request, stream, action);
    if (answer instanceof Response) {
      return new Response(answer.body, answer);
    }
    if (answer === true) return undefined;
    throw new RequestError(403, `you may not ${action} this stream`);
  }

  /** The entity of a stream; its calls may run twice, as a second run has the same effect. */
  #stream(key: string, mayRunTwice = true): ReturnType<StreamType["get"]> {
    const { timeout } = this.#settings.limits;
    return this.#type.get(key, { timeout, mayRunTwice });
  }

  async #info(key: string, isRead: boolean): Promise<StreamInfo> {
    const info = await this.#stream(key).info(isRead);
    if ("status" in info) throw new RequestError(info.status, info.why!);
    return info;
  }

  // Writes.

  async #create(
    request: Request,
    key: string,
    from: ForkPoint | null,
    location: string,
  ): Promise<Response> {
    const { headers } = request;
    const { limits } = this.#settings;
    const type = contentTypeOf(headers);
    const life = lifeOf(headers, limits.ttl);
    const closed = closes(headers);
    const bytes = await readBody(request, limits.body, limits.bodyTime);
    const source = from && await this.#sourceOf(from);
    const prefix = from && source && from.sub > 0
      ? await this.#prefixOf(source, from.offset, from.sub)
      : null;
    const chunks = chunksOf(
      bytes,
      type ?? source?.type ?? "application/octet-stream",
    );
    const creation = { type, ...life, closed, chunks, from, prefix };
    const counted = await this.#countedFor(request, key);
    for (let tries = 0; tries < 3; tries++) {
      const reply = await this.#stream(key).create(creation);
      if (reply === "again") continue;
      if (reply.status !== 201) return respond(reply);
      for (const beginning of counted) this.#counts.add(beginning);
      return respond(reply, { location });
    }
    throw new RequestError(503, "the stream is being deleted", RETRY);
  }

  /**
   * Returns with what the names begin that a new stream is counted with.
   *
   * @throws {RequestError} If there are as many as there may be, and the stream is not one of them.
   */
  async #countedFor(request: Request, key: string): Promise<string[]> {
    const { owner, limits } = this.#settings;
    const bounds: [beginning: string, max: number][] = [["", limits.streams]];
    const own = owner?.(request, key);
    if (own !== undefined) bounds.push([own, limits.streamsOfOwner]);
    for (const [beginning, max] of bounds) {
      if (!key.startsWith(beginning)) {
        throw new RequestError(
          403,
          `you may only create streams whose names begin with ${beginning}`,
        );
      }
      if (!await this.#counts.isFull(beginning, max)) continue;
      const info = await this.#stream(key).info(false);
      if (!("status" in info)) continue;
      throw new RequestError(
        429,
        `there are ${max} streams${
          beginning && ` of ${beginning}`
        } already, the most; delete some`,
        { "retry-after": "5" },
      );
    }
    return bounds.map(([beginning]) => beginning);
  }

  /**
   * Returns the source of a fork; `null` if it is only kept for its forks, which the fork may be one of.
   *
   * Without a source, the fork is not asked: two new streams that are to be forks of each other would wait for each other.
   */
  async #sourceOf(from: ForkPoint): Promise<StreamInfo | null> {
    const info = await this.#stream(from.key).info(true);
    if (!("status" in info)) return info;
    if (info.status === 410 && from.sub === 0) return null;
    throw new RequestError(info.status, info.why!);
  }

  /** Reads the part of an event after an offset that a fork inherits as well. */
  async #prefixOf(info: StreamInfo, offset: number | null, sub: number) {
    const { timeout } = this.#settings.limits;
    const at = offsetIn(info, offset ?? info.tail);
    const { chunks: [chunk] } = await readPage(
      this.#type,
      info,
      at,
      1,
      { timeout },
    );
    const prefix = chunk && prefixOf(chunk, sub, info.type);
    if (prefix !== undefined) return prefix;
    throw new RequestError(400, "the sub-offset is beyond the next append");
  }

  async #append(request: Request, key: string): Promise<Response> {
    const { headers } = request;
    const { limits } = this.#settings;
    const writer = writerOf(headers);
    const close = closes(headers);
    const bytes = await readBody(request, limits.body, limits.bodyTime);
    const type = bytes.length > 0 ? contentTypeOf(headers) : null;
    if (bytes.length === 0 && !close) {
      throw new RequestError(400, "the body is empty");
    }
    if (bytes.length > 0 && type === null) {
      throw new RequestError(400, "there is no Content-Type");
    }
    const chunks = type === null ? [] : chunksOf(bytes, type);
    if (type !== null && chunks.length === 0) {
      throw new RequestError(400, "the array of messages is empty");
    }
    const nonce = crypto.randomUUID().slice(-12);
    const append = { type, chunks, close, ...writer, nonce };
    return respond(await this.#stream(key).append(append));
  }

  async #remove(key: string): Promise<Response> {
    const reply = await this.#stream(key, false).remove();
    if (reply.status === 204) {
      // An alarm repeats it if it fails.
      await this.#stream(key).sweep()
        .then((forks) => askForks(this.#type, key, forks))
        .catch(() => {});
    }
    return respond(reply);
  }

  // Reads.

  async #read(
    request: Request,
    key: string,
    query: URLSearchParams,
    requestInfo?: StreamRequestInfo,
  ): Promise<Response> {
    const { limits, address } = this.#settings;
    const offsets = query.getAll("offset");
    const live = query.get("live");
    if (live !== null && live !== "long-poll" && live !== "sse") {
      throw new RequestError(400, "live is neither long-poll nor sse");
    }
    if (live !== null && offsets.length === 0) {
      throw new RequestError(400, "give an offset");
    }
    // Caches and programs differ in which of two they take.
    for (const name of ["offset", "live", "cursor"]) {
      if (query.getAll(name).length < 2) continue;
      throw new RequestError(400, `give ${name} once`);
    }
    const [offset = "-1"] = offsets;
    const isNow = offset === "now";
    const asked = isNow ? Infinity : readOffset(offset);
    const info = await this.#info(key, true);
    const from = offsetIn(info, isNow ? info.tail : asked);
    const caller = address(request, requestInfo);
    const reading: Reading = {
      ...{ request, key, query, info, from },
      // Deno warns who listens to a signal that it aborts at the end of each request.
      gone: requestInfo?.completed === undefined ? request.signal : undefined,
      isFirst: asked === 0,
      bounds: [
        ...caller === undefined
          ? []
          : [[`from ${caller}`, limits.readersOfAddress] as const],
        [`of ${key}`, limits.readersOfStream],
        ["on this node", limits.readers],
      ],
    };
    if (live === "sse") return this.#events(reading);
    if (live === "long-poll" && from === info.tail) {
      return await this.#wait(reading);
    }
    if (isNow) {
      return pageResponse(info, { chunks: [], to: from }, {
        "cache-control": "no-store",
      });
    }
    return await this.#page(reading, live !== null);
  }

  async #page(
    { request, query, info, from, isFirst }: Reading,
    isPoll: boolean,
  ): Promise<Response> {
    const { limits: { page: bytes, timeout } } = this.#settings;
    const known = request.headers.get("if-none-match")?.split(/\s*,\s*/) ?? [];
    const isKnown = known.includes(etagOf(info, from, info.tail));
    const page = isKnown ? { chunks: [], to: info.tail } : await readPage(
      this.#type,
      info,
      from,
      bytes,
      { timeout },
      isFirst,
    );
    const etag = etagOf(info, from, page.to);
    const isEnd = page.to === info.tail;
    const headers = {
      etag,
      "cache-control": this.#cacheControl(!isEnd || info.isClosed || isPoll),
      ...isPoll ? { "stream-cursor": cursorAfter(query.get("cursor")) } : {},
    };
    if (!known.includes(etag)) return pageResponse(info, page, headers);
    return new Response(null, {
      status: 304,
      headers: {
        ...headers,
        ...positionHeaders(page.to, info.isClosed && isEnd, isEnd),
      },
    });
  }

  /** History never changes; the end does. */
  #cacheControl(isHistory: boolean): string {
    return isHistory
      ? `${this.#settings.cache}, max-age=60, stale-while-revalidate=300`
      : `${this.#settings.cache}, no-cache`;
  }

  /** Counts a reader that waits, and keeps its stream; the signal ends it, and so does the reader itself. */
  #enter({ key, info, bounds }: Reading, time: number): Stay {
    if (this.#closing.signal.aborted) {
      throw new RequestError(503, "this node is closing", RETRY);
    }
    const leave = this.#readers.enter(bounds);
    const left = new AbortController();
    const abort = () => left.abort();
    const timer = setTimeout(abort, time);
    this.#closing.signal.addEventListener("abort", abort);
    const stopTouching = this.#touch(key, info);
    return {
      signal: left.signal,
      abort,
      end: () => {
        this.#closing.signal.removeEventListener("abort", abort);
        clearTimeout(timer);
        stopTouching();
        leave();
      },
    };
  }

  async #wait(reading: Reading): Promise<Response> {
    const { gone, key, query, info, from } = reading;
    const { limits } = this.#settings;
    const cursor = cursorAfter(query.get("cursor"));
    if (info.isClosed) return emptyResponse(from, true, cursor);
    const stay = this.#enter(reading, limits.longPoll);
    gone?.addEventListener("abort", stay.abort);
    try {
      const news = await this.#next(key, info, from, stay.signal);
      if (news === undefined) return emptyResponse(from, false, cursor);
      const { chunks, to, isClosed, gone: why } = news;
      if (chunks.length === 0 && why !== undefined) {
        throw new RequestError(404, goneText(why));
      }
      if (chunks.length === 0) return emptyResponse(to, isClosed, cursor);
      const then = { ...info, tail: to, isClosed };
      return pageResponse(then, news, {
        etag: etagOf(then, from, to),
        "cache-control": this.#cacheControl(true),
        "stream-cursor": cursor,
      });
    } finally {
      gone?.removeEventListener("abort", stay.abort);
      stay.end();
    }
  }

  /** Waits for the next events; returns `undefined` at the signal. */
  async #next(
    key: string,
    info: StreamInfo,
    from: number,
    signal: AbortSignal,
  ): Promise<News | undefined> {
    const { timeout } = this.#settings.limits;
    const { base } = info.segments.at(-1)!;
    const parts = follow(this.#type, key, from - base, timeout, signal);
    try {
      const { value } = await parts.next();
      return value && newsOf(value, base, from);
    } catch (error) {
      if (signal.aborted) return undefined;
      // A stream that was deleted meanwhile says so.
      if (firstKept(error) !== undefined) await this.#info(key, false);
      throw error;
    } finally {
      await parts.return!();
    }
  }

  /** Keeps a stream with a TTL while it has a live reader. */
  #touch(key: string, { ttl }: StreamInfo): () => void {
    if (ttl === null) return () => {};
    const timer = setInterval(
      () => this.#info(key, true).catch(() => {}),
      Math.min(Math.max(ttl * 500, 250), 2 ** 31 - 1),
    );
    return () => clearInterval(timer);
  }

  #events(reading: Reading): Response {
    const { info } = reading;
    const stay = this.#enter(reading, this.#settings.limits.sse);
    const frames = this.#frames(reading, stay.signal);
    const { unread } = this.#settings.limits;
    let late: ReturnType<typeof setTimeout> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        // A reader that reads gets the end at its next read; one that does not is counted no more.
        stay.signal.addEventListener("abort", () => {
          late = setTimeout(() => {
            stay.end();
            controller.error(new Error("the reader does not read"));
          }, unread);
        });
      },
      async pull(controller) {
        try {
          const { done, value } = await frames.next();
          if (!done) return controller.enqueue(value);
        } catch {
          // The reader comes back, and learns why.
        }
        clearTimeout(late);
        stay.end();
        controller.close();
      },
      async cancel() {
        stay.abort();
        clearTimeout(late);
        stay.end();
        await frames.return(undefined);
      },
    }, { highWaterMark: 0 });
    return new Response(body, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        ...isText(info.type) ? {} : { "stream-sse-data-encoding": "base64" },
      },
    });
  }

  /** The frames of a reader: history a page at a time, and then each event. */
  async *#frames(
    { key, query, info, from, isFirst }: Reading,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, undefined> {
    const { type, tail, isClosed } = info;
    const { timeout, page: bytes } = this.#settings.limits;
    const first = cursorAfter(query.get("cursor"));
    let at = from;
    try {
      do {
        const page = await readPage(
          this.#type,
          info,
          at,
          bytes,
          { timeout, signal },
          isFirst,
        );
        at = page.to;
        const isEnd = at === tail;
        const data = page.chunks.length > 0 ? dataFrame(page.chunks, type) : "";
        yield Buffer.from(
          data + controlFrame(at, cursorNow(first), isEnd, isEnd && isClosed),
        );
      } while (at < tail);
      if (isClosed) return;
      const { base } = info.segments.at(-1)!;
      const parts = follow(this.#type, key, at - base, timeout, signal);
      for await (const part of parts) {
        const cursor = cursorNow(first);
        const frames = part.map((event, n) =>
          framesOf(event, base, type, cursor, n === part.length - 1)
        );
        yield frames.length === 1
          ? frames[0].bytes
          : Buffer.concat(frames.map(({ bytes }) => bytes));
        if (frames.at(-1)!.isEnd) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The headers of every response: no page of another origin reads or embeds more than it may. */
  #secure(request: Request, headers: Headers): void {
    const { origins } = this.#settings;
    const origin = request.headers.get("origin");
    headers.set("x-content-type-options", "nosniff");
    headers.set(
      "cross-origin-resource-policy",
      origins === "*" || origins.length > 0 ? "cross-origin" : "same-origin",
    );
    headers.set("access-control-expose-headers", RESPONSE_HEADERS);
    if (origins === "*") headers.set("access-control-allow-origin", "*");
    else {
      headers.append("vary", "origin");
      if (origin === null || !origins.includes(origin)) return;
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-allow-credentials", "true");
    }
  }
}

const ACTIONS: Record<string, StreamAction | undefined> = {
  PUT: "create",
  POST: "append",
  GET: "read",
  HEAD: "read",
  DELETE: "delete",
};

const RETRY = { "retry-after": "1" };

/** What a client is told of an error: nothing of the server. */
function replyOf(error: unknown): StreamReply {
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
      headers: RETRY,
    }
    : { status: 500, why: "the server has failed" };
}

function respond(
  { status, headers, why }: StreamReply,
  more: Record<string, string> = {},
): Response {
  return why === undefined
    ? new Response(null, { status, headers: { ...headers, ...more } })
    : new Response(`${why}\n`, {
      status,
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        ...headers,
      },
    });
}

/** Two answers with the same tag have the same bytes, and say the same about the end. */
function etagOf(
  { id, tail, isClosed }: StreamInfo,
  from: number,
  to: number,
): string {
  return `"${id}:${from}:${to}${isClosed && to === tail ? ":c" : ""}"`;
}

function pageResponse(
  info: StreamInfo,
  { chunks, to }: Page,
  headers: Record<string, string>,
): Response {
  const isEnd = to === info.tail;
  const body = bodyOf(chunks, info.type) as Uint8Array<ArrayBuffer>;
  return new Response(body, {
    headers: {
      "content-type": info.type,
      ...isJson(info.type) || isText(info.type)
        ? {}
        : { "content-disposition": "attachment" },
      ...positionHeaders(to, info.isClosed && isEnd, isEnd),
      ...headers,
    },
  });
}

/** The answer to a long poll without events. */
function emptyResponse(
  to: number,
  isClosed: boolean,
  cursor: string,
): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "cache-control": "no-store",
      ...positionHeaders(to, isClosed, true),
      ...isClosed ? {} : { "stream-cursor": cursor },
    },
  });
}
