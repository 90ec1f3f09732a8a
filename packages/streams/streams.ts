/**
 * The handler of streams: each method of HTTP as calls of the stream's entity, wherever its owner is.
 *
 * Each request asks the owner of its stream once. So a read sees each append that was acknowledged before, on any node; a
 * read counts for the TTL; and there is one place that says whether the stream exists. Events come from the store.
 *
 * @module
 */

import { Entities } from "@otp/entities";
import type { Pid } from "@otp/processes/process";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { GenServer } from "@otp/servers/gen_server/gen_server";
import {
  type Answer,
  answerOf,
  emptyAnswer,
  etagOf,
  pageAnswer,
  replyOf,
  TRY_AGAIN,
} from "./answers.ts";
import { chunksOf, isText, prefixOf } from "./content.ts";
import {
  changeAfter,
  cursorAfter,
  EventReader,
  Readers,
  Tail,
} from "./live.ts";
import { nodeHandler } from "./node_handler.ts";
import {
  type NodeStreams,
  nodeStreamsOf,
  type ReaderKind,
} from "./node_streams.ts";
import {
  type Settings,
  type StreamAction,
  type StreamRequestInfo,
  streamSettings,
  type StreamsHandler,
  type StreamsOptions,
} from "./options.ts";
import { offsetIn, Pages } from "./pages.ts";
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
import { StreamCounts } from "./stream_counts.ts";
import {
  type ForkPoint,
  goneText,
  positionHeaders,
  streamHeaders,
  type StreamInfo,
} from "./stream_state.ts";
import type { StreamType } from "./stream_entity.ts";
import { askForks } from "./stream_forks.ts";
import { streamType } from "./stream_type.ts";
import { responseOf } from "./web_handler.ts";

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
  const handler = new Handler(settings, type, server);
  const { unread } = settings.limits;
  const answer = (request: Request, info?: StreamRequestInfo) =>
    handler.answer(request, info);
  const handle = async (request: Request, info?: StreamRequestInfo) =>
    responseOf(await answer(request, info), unread);
  const close = () => handler.close();
  return Object.assign(handle, {
    node: nodeHandler(answer, unread),
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** The headers that pages may send and read. */
const REQUEST_HEADERS =
  "content-type, authorization, if-none-match, stream-seq, stream-ttl, stream-expires-at, stream-closed, stream-forked-from, stream-fork-offset, stream-fork-sub-offset, producer-id, producer-epoch, producer-seq";
const RESPONSE_HEADERS =
  "stream-next-offset, stream-cursor, stream-up-to-date, stream-closed, stream-ttl, stream-expires-at, stream-sse-data-encoding, producer-epoch, producer-seq, producer-expected-seq, producer-received-seq, etag, location, content-type, retry-after";
const METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/** A request to a stream that exists, and may be read. */
interface Reading {
  request: Request;
  query: URLSearchParams;
  requestInfo: StreamRequestInfo | undefined;
  info: StreamInfo;
  /** The offset as a number, and whether the reader begins. */
  from: number;
  isFirst: boolean;
}

class Handler {
  readonly #settings: Settings;
  readonly #type: StreamType;
  readonly #server: Promise<Pid> | undefined;
  readonly #readers = new Readers();
  readonly #counts: StreamCounts;
  readonly #pages: Pages;
  /** The streams with readers that wait, by key and id. */
  readonly #tails = new Map<string, Tail>();

  constructor(settings: Settings, type: StreamType, server?: Promise<Pid>) {
    this.#settings = settings;
    this.#type = type;
    this.#server = server;
    this.#counts = new StreamCounts(type);
    const { timeout, page } = settings.limits;
    this.#pages = new Pages(type, timeout, page);
  }

  async close(): Promise<void> {
    this.#readers.close();
    if (this.#server !== undefined) await GenServer.stop(await this.#server);
  }

  async answer(request: Request, info?: StreamRequestInfo): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await this.#answer(request, info);
    } catch (error) {
      answer = answerOf(replyOf(error));
    }
    this.#secure(request, answer);
    const { status, body } = answer;
    const node = nodeStreams();
    node.answer(request.method, status);
    if (body instanceof Uint8Array) node.sent += body.length;
    return answer;
  }

  async #answer(request: Request, info?: StreamRequestInfo): Promise<Answer> {
    const { method, headers } = request;
    if (method === "OPTIONS") {
      return {
        status: 204,
        headers: {
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": REQUEST_HEADERS,
          "access-control-max-age": "86400",
        },
      };
    }
    const action = ACTIONS[method];
    if (action === undefined) {
      throw new RequestError(405, `there is no ${method} here`, {
        allow: METHODS,
      });
    }
    // Servers join the host and the path: with a path of its own, a host would choose the stream.
    const url = URL.parse(request.url);
    if (url === null || /[/?#\\@]/.test(headers.get("host") ?? "")) {
      throw new RequestError(400, "the host is malformed");
    }
    const { pathname, origin, searchParams } = url;
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
        return {
          status: 200,
          headers: {
            "cache-control": "no-store",
            ...streamHeaders(await this.#info(key, false)),
          },
        };
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
  ): Promise<Answer | undefined> {
    const answer = await this.#settings.authorize(request, stream, action);
    if (answer instanceof Response) {
      const { status, headers, body } = answer;
      const cookies = headers.getSetCookie();
      return {
        status,
        headers: {
          ...Object.fromEntries(headers),
          ...cookies.length > 0 ? { "set-cookie": cookies } : {},
        },
        body: body && new Uint8Array(await answer.arrayBuffer()),
      };
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
  ): Promise<Answer> {
    const { headers } = request;
    const { limits } = this.#settings;
    const type = contentTypeOf(headers);
    const life = lifeOf(headers, limits.ttl);
    const closed = closes(headers);
    const bytes = await readBody(request, limits.body, limits.bodyTime);
    nodeStreams().received += bytes.length;
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
      if (reply.status !== 201) return answerOf(reply);
      for (const beginning of counted) this.#counts.add(beginning);
      return answerOf(reply, { location });
    }
    throw new RequestError(503, "the stream is being deleted", TRY_AGAIN);
  }

  /**
   * Returns the beginnings of the names of streams among which a new stream counts.
   *
   * @throws {RequestError} If a limit of streams is reached, and the stream is new.
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
    const at = offsetIn(info, offset ?? info.tail);
    const { chunks: [chunk] } = await this.#pages.read(info, at, false);
    const prefix = chunk && prefixOf(chunk, sub, info.type);
    if (prefix !== undefined) return prefix;
    throw new RequestError(400, "the sub-offset is beyond the next append");
  }

  async #append(request: Request, key: string): Promise<Answer> {
    const { headers } = request;
    const { limits } = this.#settings;
    const writer = writerOf(headers);
    const close = closes(headers);
    const bytes = await readBody(request, limits.body, limits.bodyTime);
    nodeStreams().received += bytes.length;
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
    const random = crypto.getRandomValues(new Uint8Array(6));
    const nonce = btoa(String.fromCharCode(...random));
    const append = { type, chunks, close, ...writer, nonce };
    return answerOf(await this.#stream(key).append(append));
  }

  async #remove(key: string): Promise<Answer> {
    const reply = await this.#stream(key, false).remove();
    if (reply.status === 204) {
      // An alarm repeats it if it fails.
      await this.#stream(key).sweep()
        .then((forks) => askForks(this.#type, key, forks))
        .catch(() => {});
    }
    return answerOf(reply);
  }

  // Reads.

  async #read(
    request: Request,
    key: string,
    query: URLSearchParams,
    requestInfo?: StreamRequestInfo,
  ): Promise<Answer> {
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
    const isFirst = asked === 0;
    const reading = { request, query, requestInfo, info, from, isFirst };
    if (live === "sse") return this.#events(reading);
    if (live === "long-poll" && from === info.tail) {
      return await this.#wait(reading);
    }
    if (isNow) {
      return pageAnswer(info, { chunks: [], to: from }, {
        "cache-control": "no-store",
      });
    }
    return await this.#page(reading, live !== null);
  }

  async #page(
    { request, query, info, from, isFirst }: Reading,
    isPoll: boolean,
  ): Promise<Answer> {
    const known = request.headers.get("if-none-match")?.split(/\s*,\s*/) ?? [];
    const page = known.includes(etagOf(info, from, info.tail))
      ? { chunks: [], to: info.tail }
      : await this.#pages.read(info, from, isFirst);
    const etag = etagOf(info, from, page.to);
    const isEnd = page.to === info.tail;
    const isHistory = !isEnd || info.isClosed || isPoll;
    const headers = {
      etag,
      // History never changes; the end does.
      "cache-control": this.#settings.cache +
        (isHistory ? ", max-age=60, stale-while-revalidate=300" : ", no-cache"),
      ...isPoll
        ? { "stream-cursor": String(cursorAfter(query.get("cursor"))) }
        : {},
    };
    if (!known.includes(etag)) return pageAnswer(info, page, headers);
    return {
      status: 304,
      headers: {
        ...headers,
        ...positionHeaders(page.to, info.isClosed && isEnd, isEnd),
      },
    };
  }

  async #wait(reading: Reading): Promise<Answer> {
    const { request, query, requestInfo, info, from } = reading;
    const cursor = cursorAfter(query.get("cursor"));
    if (info.isClosed) return emptyAnswer(from, true, cursor);
    const wait = Promise.withResolvers<void>();
    const abort = () => wait.resolve();
    const leave = this.#enter(reading, "long-poll", abort);
    // Deno warns who listens to a signal that it aborts at the end of each request.
    const gone = requestInfo?.completed === undefined
      ? request.signal
      : undefined;
    gone?.addEventListener("abort", abort);
    const tail = this.#tailOf(info);
    await changeAfter(tail, from, wait);
    gone?.removeEventListener("abort", abort);
    leave();
    if (tail.info.tail > from) {
      return await this.#page({ ...reading, info: tail.info }, true);
    }
    if (tail.gone) throw new RequestError(404, goneText(tail.gone));
    return emptyAnswer(from, tail.info.isClosed, cursor);
  }

  #events(reading: Reading): Answer {
    const { query, info, from, isFirst } = reading;
    const { type } = info;
    const cursor = cursorAfter(query.get("cursor"));
    const leave = this.#enter(reading, "sse", () => events.end());
    const tail = this.#tailOf(info);
    const events = new EventReader(tail, this.#pages, from, isFirst, cursor);
    const node = nodeStreams();
    events.sent = (bytes) => node.sent += bytes;
    events.leave = leave;
    return {
      status: 200,
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        ...isText(type) ? {} : { "stream-sse-data-encoding": "base64" },
      },
      events,
    };
  }

  /** Counts a reader that waits; returns the function that it calls at its end. */
  #enter(
    { request, requestInfo, info }: Reading,
    kind: ReaderKind,
    end: () => void,
  ): () => void {
    const { limits, address } = this.#settings;
    const caller = address(request, requestInfo);
    const { key } = info.segments.at(-1)!;
    const bounds: [name: string, max: number][] = [
      [`of ${key}`, limits.readersOfStream],
      ["on this node", limits.readers],
    ];
    if (caller !== undefined) {
      bounds.unshift([`from ${caller}`, limits.readersOfAddress]);
    }
    const time = kind === "sse" ? limits.sse : limits.longPoll;
    const node = nodeStreams();
    const onLeave = () => node.count(key, kind, -1);
    const leave = this.#readers.enter(bounds, time, end, onLeave);
    node.count(key, kind, 1);
    return leave;
  }

  #tailOf(info: StreamInfo): Tail {
    const id = `${info.id} ${info.segments.at(-1)!.key}`;
    let tail = this.#tails.get(id);
    if (tail === undefined) {
      tail = new Tail(this.#type, info, this.#pages, () => {
        this.#tails.delete(id);
      });
      this.#tails.set(id, tail);
    }
    return tail;
  }

  /** The headers of every response: no page of another origin reads or embeds more than it may. */
  #secure(request: Request, { headers }: Answer): void {
    const { origins } = this.#settings;
    const origin = request.headers.get("origin");
    headers["x-content-type-options"] = "nosniff";
    headers["cross-origin-resource-policy"] =
      origins === "*" || origins.length > 0 ? "cross-origin" : "same-origin";
    headers["access-control-expose-headers"] = RESPONSE_HEADERS;
    if (origins === "*") headers["access-control-allow-origin"] = "*";
    else {
      headers.vary = [headers.vary ?? [], "origin"].flat().join(", ");
      if (origin === null || !origins.includes(origin)) return;
      headers["access-control-allow-origin"] = origin;
      headers["access-control-allow-credentials"] = "true";
    }
  }
}

/** The live readers and the counts of the node that runs the calling code. */
function nodeStreams(): NodeStreams {
  return nodeStreamsOf(currentRuntime());
}

const ACTIONS: Record<string, StreamAction | undefined> = {
  PUT: "create",
  POST: "append",
  GET: "read",
  HEAD: "read",
  DELETE: "delete",
};
