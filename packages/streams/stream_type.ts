/**
 * A stream as an entity. Its log has the bytes; its state is made of the events and of what creations, readers and forks
 * change. So an append is one write of one event, with the check of its producer, and closes the stream or does not.
 *
 * Forks: a fork has a copy of nothing but its point, and its source knows its forks. A stream that is deleted while forks
 * read its log stays until the last of them is gone. These are two entities and no transaction, so each step can be
 * repeated, and is by an alarm: a fork is noted at its source before it exists, and forgotten there after it was marked
 * as deleted and before it is removed. A source that is deleted asks the forks that it knows whether they exist, but in no
 * method: only a fork waits for its source, so that no two wait for each other.
 *
 * @module
 */

import {
  checkOptions,
  integerFrom,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { Entity } from "@otp/entities";
import type {
  EntityContext,
  EntityLogOptions,
  EntityType,
} from "@otp/entities";
import { type Chunk, essenceOf } from "./content.ts";
import {
  type AppendRequest,
  applyEvent,
  type CreateRequest,
  type EndReason,
  goneText,
  positionHeaders,
  producersAt,
  type Segment,
  segmentsTo,
  type StreamEvent,
  streamHeaders,
  type StreamInfo,
  type StreamReply,
  type StreamState,
} from "./stream_state.ts";

/** Options for {@linkcode streamType}. */
export interface StreamTypeOptions {
  /**
   * The name of the type, in the store too.
   *
   * @default {"stream"}
   */
  name?: string;
  /**
   * The events that a stream keeps at least; older ones are removed. Each append is one event, or several if it is long.
   *
   * @default {{}}
   */
  keep?: EntityLogOptions["keep"];
  /**
   * The number of idempotent producers that a stream remembers. A stream that has as many forgets producers that have
   * been silent for a week; if there are none, it refuses others with the status 429.
   *
   * @default {1000}
   */
  producers?: number;
  /**
   * The number of forks that a stream has.
   *
   * @default {1000}
   */
  forks?: number;
}

const TYPE_OPTIONS: OptionChecks<StreamTypeOptions> = {
  name: true,
  keep: true,
  producers: integerFrom(0),
  forks: integerFrom(0),
};

type Room = EntityContext<StreamState | null, StreamEvent>;

/** A source, as a fork inherits it. */
interface Source {
  type: string;
  ttl: number | null;
  expires: string | null;
  offset: number;
  start: number;
  segments: Segment[];
}

/** The methods of a stream. */
// deno-lint-ignore ban-types
export type StreamMethods = {} & {
  state: () => StreamState | null;
  info(room: Room, isRead: boolean): StreamInfo | StreamReply;
  create(room: Room, request: CreateRequest): Promise<StreamReply | "again">;
  append(room: Room, request: AppendRequest): StreamReply;
  remove(room: Room): StreamReply;
  sweep(room: Room): Promise<Forks>;
  hold(
    room: Room,
    fork: string,
    id: string,
    offset: number | null,
    type: string | null,
  ): Source | StreamReply;
  release(room: Room, fork: string, id: string): Promise<void>;
  isForkOf(room: Room, source: string, id: string): boolean;
};

/** The forks of a stream that has ended, each with its id. */
type Forks = StreamState["forks"];

/** The type of streams, with its methods. */
export type StreamType = EntityType<StreamMethods>;

/** The share of the TTL after which a read is noted again. */
const TOUCH = 1 / 20;

/** Milliseconds after which a source asks its forks whether they exist. */
const SWEEP = 60_000;

/** Milliseconds for which a stream that has ended says why, to readers that come back. */
const TELLS = 5000;

/** Milliseconds that a call between streams may take. */
const TIMEOUT = 15_000;

/**
 * Defines the type of streams, for the `types` of `Entities.childSpec` beside others.
 *
 * @throws {TypeError} If an option is unknown or invalid.
 * @throws {RangeError} If a number is out of bounds.
 *
 * @example Streams among the entities of a node
 * ```ts
 * import { Entities, memoryStore } from "@otp/distribution/entities";
 * import { streams, streamType } from "@otp/distribution/streams";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const Stream = streamType({ keep: { days: 30 } });
 * const tree = await Supervisor.startLink([
 *   Entities.childSpec({ types: [Stream], store: memoryStore() }),
 * ], { strategy: "one_for_one" });
 * const handle = streams({ entities: Stream, authorize: () => true });
 * const created = await handle(new Request("http://localhost/chat", { method: "PUT" }));
 * assertEquals(created.status, 201);
 * await handle.close();
 * await Supervisor.stop(tree);
 * ```
 */
export function streamType(options: StreamTypeOptions = {}): EntityType {
  checkOptions(options, "define streams", TYPE_OPTIONS, "{ forks: 100 }");
  const { name = "stream", keep = {}, producers = 1000, forks = 1000 } =
    options;
  const other = (key: string) =>
    type.get(key, { timeout: TIMEOUT, mayRunTwice: true });

  /** Removes a stream that has ended, once its source has forgotten it. */
  async function collect(room: Room): Promise<void> {
    const { from, id } = room.state!;
    if (from !== null) await other(from.key).release(room.key, id);
    room.delete();
  }

  /** Removes a stream that no other one needs; returns the forks that may need it. */
  async function sweep(room: Room): Promise<Forks> {
    const { forks } = room.state!;
    if (isHeld(room.state!)) room.alarm(room.now() + SWEEP * 60);
    else await collect(room);
    return forks;
  }

  const type: StreamType = Entity.define(name, {
    state: (): StreamState | null => null,
    log: { keep } as EntityLogOptions<StreamEvent>,
    apply: (state: StreamState | null, event: StreamEvent) =>
      applyEvent(state, event, producers),

    info(room: Room, isRead: boolean) {
      const state = live(room);
      if ("status" in state) return state;
      if (isRead) touch(room, state);
      return infoOf(room, state);
    },

    async create(room: Room, request: CreateRequest) {
      if (room.state !== null) {
        const state = live(room);
        if (!("status" in state)) {
          return matches(state, request)
            ? { status: 200, headers: streamHeaders(infoOf(room, state)) }
            : conflict("there is another stream with this name");
        }
        if (state.status === 410) {
          return conflict("forks read the stream that had this name");
        }
        await collect(room);
        return "again";
      }
      const id = `${room.now().toString(36)}.${room.log.last.toString(36)}`;
      const source = await sourceOf(room, id, request);
      if (source !== null && "status" in source) {
        room.stop();
        return source;
      }
      const { prefix, chunks, closed } = request;
      const ownsLife = request.ttl !== null || request.expires !== null;
      const { ttl, expires } = ownsLife ? request : source ?? request;
      const start = source?.offset ?? room.log.last;
      room.state = {
        ...{ id, ttl, expires, touched: room.now() },
        type: request.type ?? source?.type ?? "application/octet-stream",
        start: source?.start ?? start,
        base: start - room.log.last,
        from: request.from,
        chain: source?.segments ?? [],
        ...{ forks: {}, closed: false, closer: null, gone: null },
        ...{ seq: null, producers: {}, recent: "" },
      };
      setAlarm(room, room.state);
      if (prefix !== null) room.log.append(prefix);
      appendAll(room, chunks, closed ? { c: 1 } : {});
      return { status: 201, headers: streamHeaders(infoOf(room, room.state)) };
    },

    append(room: Room, request: AppendRequest) {
      const state = live(room);
      if ("status" in state) return state;
      const { chunks, close, seq, producer, nonce } = request;
      const reply = replyWithout(room, state, request, producers);
      if (reply !== undefined) return reply;
      touch(room, state);
      const day = Math.floor(room.now() / 86_400_000);
      appendAll(room, chunks, {
        ...close ? { c: 1 } : {},
        ...seq === null ? {} : { s: seq },
        ...producer === null ? { n: nonce } : { p: [...producer, day] },
      });
      // Only an append of an idempotent producer that has added bytes is told apart from one that was there already.
      return appended(room, state, chunks.length > 0 ? 200 : 204, producer);
    },

    remove(room: Room) {
      const state = live(room);
      if ("status" in state) return state;
      end(room, state, "deleted");
      return { status: 204 };
    },

    hold(
      room: Room,
      fork: string,
      id: string,
      offset: number | null,
      forkType: string | null,
    ) {
      const state = live(room);
      if ("status" in state) {
        return state.status === 410
          ? conflict("the source was deleted")
          : state;
      }
      if (forkType !== null && essenceOf(forkType) !== essenceOf(state.type)) {
        return conflict(`the content type of the source is ${state.type}`);
      }
      const tail = tailOf(room, state);
      const at = Math.max(state.start, offset ?? tail);
      if (at > tail) {
        return {
          status: 400,
          why: "the offset is beyond the end of the source",
        };
      }
      if (
        state.forks[`$${fork}`] === undefined &&
        Object.keys(state.forks).length >= forks
      ) {
        return { status: 429, why: `the source has ${forks} forks, the most` };
      }
      touch(room, state);
      state.forks[`$${fork}`] = id;
      const { type, ttl, expires, start } = state;
      const segments = segmentsTo(segmentsOf(room, state), at);
      return { type, ttl, expires, start, offset: at, segments };
    },

    async release(room: Room, fork: string, id: string) {
      const state = room.state;
      if (state === null) return room.stop();
      if (state.forks[`$${fork}`] === id) delete state.forks[`$${fork}`];
      if (state.gone !== null && !isHeld(state)) await collect(room);
    },

    isForkOf(room: Room, source: string, id: string) {
      const state = room.state;
      if (state === null) room.stop();
      return state?.id === id && state.from?.key === source;
    },

    async alarm(room: Room) {
      const state = room.state;
      if (state === null) return;
      if (state.gone === null) {
        if (!("status" in live(room))) setAlarm(room, state);
        return;
      }
      const { key } = room;
      askForks(type, key, await sweep(room)).catch(() => {
        // The next alarm asks them again.
      });
    },

    async sweep(room: Room) {
      const { state } = room;
      if (state === null) room.stop();
      return state?.gone && !isAlone(state) ? await sweep(room) : {};
    },
  }) as unknown as StreamType;

  /** Notes a fork at its source. */
  async function sourceOf(
    room: Room,
    id: string,
    { from, type }: CreateRequest,
  ): Promise<Source | StreamReply | null> {
    if (from === null) return null;
    const { key, offset } = from;
    return key === room.key
      ? { status: 404, why: "there is no such source" }
      : await other(key).hold(room.key, id, offset, type);
  }

  return type;
}

/**
 * Asks the forks of a stream that has ended whether they exist, and has it forget those that do not.
 *
 * The stream's own methods must not wait for it: a fork that is deleted at the same time waits for its source.
 */
export async function askForks(
  type: StreamType,
  key: string,
  forks: Forks,
): Promise<void> {
  const options = { timeout: TIMEOUT, mayRunTwice: true };
  for (const [fork, id] of Object.entries(forks)) {
    const name = fork.slice(1);
    if (await type.get(name, options).isForkOf(key, id)) continue;
    await type.get(key, options).release(name, id);
  }
}

/** Returns the stream, or the answer if it is no more; ends one whose time is up. */
function live(room: Room): StreamState | StreamReply {
  const state = room.state;
  if (state === null) {
    room.stop();
    const why = room.log.last > 0
      ? "the stream was deleted or has expired"
      : "there is no such stream";
    return { status: 404, why };
  }
  if (state.gone === null) {
    if (room.now() < endOf(state)) return state;
    end(room, state, "expired");
  }
  return {
    status: isHeld(state) ? 410 : 404,
    why: goneText(state.gone!),
  };
}

/** Whether forks read its log. */
function isHeld({ forks }: StreamState): boolean {
  return Object.keys(forks).length > 0;
}

/** Whether no other stream knows of it. */
function isAlone(state: StreamState): boolean {
  return state.from === null && !isHeld(state);
}

/** Ends a stream: its live readers get the reason as the last event. */
function end(room: Room, state: StreamState, why: EndReason): void {
  room.log.append({ x: why });
  state.gone = why;
  const wait = isHeld(state) ? SWEEP : isAlone(state) ? TELLS : 0;
  room.alarm(room.now() + wait);
}

/** The moment at which the stream ends, in milliseconds since 1970. A read is noted late, so the end is late as well. */
function endOf({ ttl, expires, touched }: StreamState): number {
  if (expires !== null) return Date.parse(expires);
  return ttl === null ? Infinity : touched + ttl * 1000 * (1 + TOUCH);
}

/** Notes that the stream was read or written; not each time, as it changes the state. */
function touch(room: Room, state: StreamState): void {
  const now = room.now();
  if (state.ttl === null || now < state.touched + state.ttl * 1000 * TOUCH) {
    return;
  }
  state.touched = now;
}

function setAlarm(room: Room, state: StreamState): void {
  const at = endOf(state);
  if (at < Infinity) room.alarm(Math.max(at, room.now()));
}

function segmentsOf(room: Room, state: StreamState): Segment[] {
  const { chain, base } = state;
  return [...chain, { key: room.key, base, to: tailOf(room, state) }];
}

function tailOf(
  room: Room,
  { base, closed }: Pick<StreamState, "base" | "closed">,
): number {
  return base + room.log.last - (closed === "apart" ? 1 : 0);
}

function infoOf(room: Room, state: StreamState): StreamInfo {
  const { id, type, ttl, expires, start, closed } = state;
  return {
    ...{ id, type, ttl, expires, start },
    tail: tailOf(room, state),
    isClosed: closed !== false,
    segments: segmentsOf(room, state),
  };
}

/** Appends chunks, the last with the rest of the event; or an event without bytes, if it says anything. */
function appendAll(
  room: Room,
  chunks: readonly Chunk[],
  rest: StreamEvent,
): void {
  for (const chunk of chunks.slice(0, -1)) room.log.append(chunk);
  const last = chunks.at(-1);
  if (last !== undefined || rest.c) room.log.append({ ...last, ...rest });
}

/** Whether a stream is the one that a request would create. */
function matches(state: StreamState, request: CreateRequest): boolean {
  const { type, ttl, expires, closed, from } = request;
  const isFork = from !== null;
  const inherits = isFork && ttl === null && expires === null;
  return (isFork && type === null ||
    essenceOf(type ?? "application/octet-stream") === essenceOf(state.type)) &&
    (inherits ||
      ttl === state.ttl && momentOf(expires) === momentOf(state.expires)) &&
    closed === (state.closed !== false) &&
    from?.key === state.from?.key &&
    (from?.offset ?? state.from?.offset) === state.from?.offset &&
    from?.sub === state.from?.sub;
}

function momentOf(expires: string | null): number | null {
  return expires === null ? null : Date.parse(expires);
}

function conflict(why: string, headers?: Record<string, string>): StreamReply {
  return { status: 409, why, headers };
}

/** The answer to an append that is not stored: it was before, or it does not fit. */
function replyWithout(
  room: Room,
  state: StreamState,
  request: AppendRequest,
  maxProducers: number,
): StreamReply | undefined {
  const { type, chunks, close, seq, producer, nonce } = request;
  const { closed, closer, recent } = state;
  if (recent.includes(nonce)) return appended(room, state, 200, null);
  const known = producer === null
    ? undefined
    : state.producers[`$${producer[0]}`];
  if (producer !== null && known !== undefined && producer[1] < known[0]) {
    return {
      status: 403,
      why: `the producer has the epoch ${known[0]}`,
      headers: { "producer-epoch": String(known[0]) },
    };
  }
  if (closed !== false) {
    const isRepeated = producer === null
      ? close && chunks.length === 0
      : producer.every((part, at) => part === closer?.[at]);
    return isRepeated ? appended(room, state, 204, producer) : conflict(
      "the stream is closed",
      positionHeaders(tailOf(room, state), true),
    );
  }
  if (chunks.length > 0 && essenceOf(type!) !== essenceOf(state.type)) {
    return conflict(`the content type of the stream is ${state.type}`);
  }
  if (producer !== null) {
    const [, epoch, number] = producer;
    const isNew = known === undefined || epoch > known[0];
    if (known !== undefined && isNew && number !== 0) {
      return { status: 400, why: "a new epoch begins with the number 0" };
    }
    const expected = isNew ? 0 : known[1] + 1;
    if (number < expected) {
      return appended(room, state, 204, [producer[0], ...known!]);
    }
    if (number > expected) {
      return conflict(`the next number of the producer is ${expected}`, {
        "producer-expected-seq": String(expected),
        "producer-received-seq": String(number),
      });
    }
    const day = Math.floor(room.now() / 86_400_000);
    if (
      known === undefined && producersAt(state, day).length >= maxProducers
    ) {
      return { status: 429, why: `the stream has ${maxProducers} producers` };
    }
  }
  if (seq !== null && state.seq !== null && seq <= state.seq) {
    return conflict(`Stream-Seq ${seq} does not follow ${state.seq}`);
  }
}

function appended(
  room: Room,
  { base, closed }: StreamState,
  status: 200 | 204,
  producer: readonly [string, number, number, ...unknown[]] | null,
): StreamReply {
  const position = positionHeaders(
    tailOf(room, { base, closed }),
    closed !== false,
  );
  if (producer === null) return { status: 204, headers: position };
  const [, epoch, seq] = producer;
  return {
    status,
    headers: {
      ...position,
      "producer-epoch": String(epoch),
      "producer-seq": String(seq),
    },
  };
}
