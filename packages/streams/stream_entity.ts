/**
 * A stream as an entity: its methods, and the moments of its life that they share.
 *
 * @module
 */

import type { EntityContext, EntityType } from "@otp/entities";
import {
  type AppendRequest,
  type CreateRequest,
  type EndReason,
  goneText,
  type Segment,
  type StreamEvent,
  type StreamInfo,
  type StreamReply,
  type StreamState,
} from "./stream_state.ts";

/** The context of a method. */
export type Room = EntityContext<StreamState | null, StreamEvent>;

/** A source, as a fork inherits it. */
export interface Source {
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
export type Forks = StreamState["forks"];

/** The type of streams, with its methods. */
export type StreamType = EntityType<StreamMethods>;

/** The share of the TTL after which a read is noted again. */
const TOUCH = 1 / 20;

/** Milliseconds after which a source asks its forks whether they exist. */
export const SWEEP = 60_000;

/** Milliseconds for which a stream that has ended says why, to readers that come back. */
const TELLS = 5000;

/** Returns the stream, or the answer if it is no more; ends one whose time is up. */
export function live(room: Room): StreamState | StreamReply {
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
export function isHeld({ forks }: StreamState): boolean {
  return Object.keys(forks).length > 0;
}

/** Whether no other stream knows of it. */
export function isAlone(state: StreamState): boolean {
  return state.from === null && !isHeld(state);
}

/** Ends a stream: its live readers get the reason as the last event. */
export function end(room: Room, state: StreamState, why: EndReason): void {
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
export function touch(room: Room, state: StreamState): void {
  const now = room.now();
  if (state.ttl === null || now < state.touched + state.ttl * 1000 * TOUCH) {
    return;
  }
  state.touched = now;
}

export function setAlarm(room: Room, state: StreamState): void {
  const at = endOf(state);
  if (at < Infinity) room.alarm(Math.max(at, room.now()));
}

export function segmentsOf(room: Room, state: StreamState): Segment[] {
  const { chain, base } = state;
  return [...chain, { key: room.key, base, to: tailOf(room, state) }];
}

export function tailOf(
  room: Room,
  { base, closed }: Pick<StreamState, "base" | "closed">,
): number {
  return base + room.log.last - (closed === "apart" ? 1 : 0);
}

/** The refusal of a request that does not fit the stream. */
export function conflict(
  why: string,
  headers?: Record<string, string>,
): StreamReply {
  return { status: 409, why, headers };
}
