/**
 * Forks and the streams that they read.
 *
 * A fork has a copy of nothing but its point, and its source knows its forks. A stream that is deleted while forks read its
 * log stays until the last of them is gone. These are two entities and no transaction, so each step can be repeated, and is
 * by an alarm: a fork is noted at its source before it exists, and forgotten there after it was marked as deleted and before
 * it is removed. A source that is deleted asks the forks that it knows whether they exist, but in no method: only a fork
 * waits for its source, so that no two wait for each other.
 *
 * @module
 */

import { essenceOf } from "./content.ts";
import {
  conflict,
  type Forks,
  isAlone,
  isHeld,
  live,
  type Room,
  segmentsOf,
  setAlarm,
  type Source,
  type StreamType,
  SWEEP,
  tailOf,
  touch,
} from "./stream_entity.ts";
import {
  type CreateRequest,
  segmentsTo,
  type StreamReply,
} from "./stream_state.ts";

/** Milliseconds that a call between streams may take. */
const TIMEOUT = 15_000;

/** The entity of another stream. */
function other(type: StreamType, key: string): ReturnType<StreamType["get"]> {
  return type.get(key, { timeout: TIMEOUT, mayRunTwice: true });
}

/** Asks the source of a new fork, which notes it. */
export async function sourceOf(
  streams: StreamType,
  room: Room,
  id: string,
  { from, type }: CreateRequest,
): Promise<Source | StreamReply | null> {
  if (from === null) return null;
  const { key, offset } = from;
  return key === room.key
    ? { status: 404, why: "there is no such source" }
    : await other(streams, key).hold(room.key, id, offset, type);
}

/** Notes a fork at its source; returns the part that the fork inherits. */
export function hold(
  room: Room,
  fork: string,
  id: string,
  offset: number | null,
  forkType: string | null,
  maxForks: number,
): Source | StreamReply {
  const state = live(room);
  if ("status" in state) {
    return state.status === 410 ? conflict("the source was deleted") : state;
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
    Object.keys(state.forks).length >= maxForks
  ) {
    return { status: 429, why: `the source has ${maxForks} forks, the most` };
  }
  touch(room, state);
  state.forks[`$${fork}`] = id;
  const { type, ttl, expires, start } = state;
  const segments = segmentsTo(segmentsOf(room, state), at);
  return { type, ttl, expires, start, offset: at, segments };
}

/** Whether a stream is that fork of a source. */
export function isForkOf(room: Room, source: string, id: string): boolean {
  const state = room.state;
  if (state === null) room.stop();
  return state?.id === id && state.from?.key === source;
}

/** Forgets a fork, and removes a stream that has ended and that no other one needs any more. */
export async function releaseFork(
  type: StreamType,
  room: Room,
  fork: string,
  id: string,
): Promise<void> {
  const state = room.state;
  if (state === null) return room.stop();
  if (state.forks[`$${fork}`] === id) delete state.forks[`$${fork}`];
  if (state.gone !== null && !isHeld(state)) await collect(type, room);
}

/** Ends a stream whose time is up, or goes on with the removal of one that has ended. */
export async function alarm(type: StreamType, room: Room): Promise<void> {
  const state = room.state;
  if (state === null) return;
  if (state.gone === null) {
    if (!("status" in live(room))) setAlarm(room, state);
    return;
  }
  const { key } = room;
  askForks(type, key, await sweep(type, room)).catch(() => {
    // The next alarm asks them again.
  });
}

/** Removes a stream that has ended, if no other one needs it; returns the forks that may need it. */
export async function sweepEnded(type: StreamType, room: Room): Promise<Forks> {
  const { state } = room;
  if (state === null) room.stop();
  return state?.gone && !isAlone(state) ? await sweep(type, room) : {};
}

/** Removes a stream that has ended, once its source has forgotten it. */
export async function collect(type: StreamType, room: Room): Promise<void> {
  const { from, id } = room.state!;
  if (from !== null) await other(type, from.key).release(room.key, id);
  room.delete();
}

/** Removes a stream that no other one needs; returns the forks that may need it. */
async function sweep(type: StreamType, room: Room): Promise<Forks> {
  const { forks } = room.state!;
  if (isHeld(room.state!)) room.alarm(room.now() + SWEEP * 60);
  else await collect(type, room);
  return forks;
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
  for (const [fork, id] of Object.entries(forks)) {
    const name = fork.slice(1);
    if (await other(type, name).isForkOf(key, id)) continue;
    await other(type, key).release(name, id);
  }
}
