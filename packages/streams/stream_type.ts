/**
 * The type of streams. A stream's log has the bytes; its state is made of the events and of what creations, readers and
 * forks change. So an append is one write of one event, with the check of its producer, and closes the stream or does not.
 *
 * @module
 */

import {
  checkOptions,
  integerFrom,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { Entity } from "@otp/entities";
import type { EntityLogOptions, EntityType } from "@otp/entities";
import { type Chunk, essenceOf } from "./content.ts";
import {
  conflict,
  end,
  live,
  type Room,
  segmentsOf,
  setAlarm,
  type StreamType,
  tailOf,
  touch,
} from "./stream_entity.ts";
import {
  alarm,
  collect,
  hold,
  isForkOf,
  releaseFork,
  sourceOf,
  sweepEnded,
} from "./stream_forks.ts";
import {
  type AppendRequest,
  applyEvent,
  type CreateRequest,
  positionHeaders,
  producersAt,
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
  const type: StreamType = Entity.define(name, {
    state: (): StreamState | null => null,
    log: { keep } as EntityLogOptions<StreamEvent>,
    apply: (state: StreamState | null, event: StreamEvent) =>
      applyEvent(state, event, producers),
    ...{ info, remove, isForkOf },
    create: (room: Room, request: CreateRequest) => create(type, room, request),
    append: (room: Room, request: AppendRequest) =>
      append(room, request, producers),
    hold: (
      room: Room,
      ...fork: [
        fork: string,
        id: string,
        offset: number | null,
        type: string | null,
      ]
    ) => hold(room, ...fork, forks),
    release: (room: Room, fork: string, id: string) =>
      releaseFork(type, room, fork, id),
    alarm: (room: Room) => alarm(type, room),
    sweep: (room: Room) => sweepEnded(type, room),
  }) as unknown as StreamType;
  return type;
}

function info(room: Room, isRead: boolean): StreamInfo | StreamReply {
  const state = live(room);
  if ("status" in state) return state;
  if (isRead) touch(room, state);
  return infoOf(room, state);
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

async function create(
  type: StreamType,
  room: Room,
  request: CreateRequest,
): Promise<StreamReply | "again"> {
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
    await collect(type, room);
    return "again";
  }
  const id = `${room.now().toString(36)}.${room.log.last.toString(36)}`;
  const source = await sourceOf(type, room, id, request);
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
}

function remove(room: Room): StreamReply {
  const state = live(room);
  if ("status" in state) return state;
  end(room, state, "deleted");
  return { status: 204 };
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

/** Appends to a stream, or closes it; unless that was done before, or must not be. */
function append(
  room: Room,
  request: AppendRequest,
  maxProducers: number,
): StreamReply {
  const state = live(room);
  if ("status" in state) return state;
  const { chunks, close, seq, producer, nonce } = request;
  const reply = replyWithout(room, state, request, maxProducers);
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
