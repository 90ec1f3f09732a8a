/**
 * The log of one entity as its owner keeps it: the numbers, the events that are not stored yet, what is trimmed, and for
 * types with `apply` the part of the log that the stored state does not have.
 *
 * The store has the events; this object has none that is stored. So an entity in memory costs nothing for its history, and
 * an append costs what the event is long, whatever the state: the state is written again only when the events since then
 * are as long as the state itself.
 *
 * @module
 */

import { inspect } from "@otp/processes/values/inspect";
import { assertJson, jsonOf } from "./json_value.ts";
import type { StoreAppend, StoredEvent, StreamPart } from "./store.ts";

/** The bounds of logs. The length of an event is the length of its JSON text, in UTF-16 units. */
export const LOG_BOUNDS = {
  /** The length of an event. */
  event: 1 << 20,
  /** The number of events that a call can append. */
  events: 10_000,
  /** The length of these events together. */
  pending: 8 << 20,
  /** The number of events in an answer to a read, and their length in UTF-8, unless the first is longer. */
  read: 5000,
  readBytes: 1 << 20,
  /** The events that a node keeps for the followers of one key, and their length; who is further behind reads the store. */
  recent: 1000,
  recentLength: 1 << 20,
  /** The number of followers on a node, of all keys. */
  followers: 100_000,
} as const;

/** The number and the age of the events that a log keeps. */
export interface LogSettings {
  readonly events: number;
  /** Milliseconds. */
  readonly time: number;
}

/** The most events between two trims. */
const MAX_STEP = 100;

/** The shortest length of events after which the state of a type with `apply` is stored again. */
const LEAST_REPLAY = 16 << 10;

/** The log of one entity. */
export class EntityLog {
  readonly #keep: LogSettings;
  readonly #step: number;
  /** The number that was given last, stored or not. */
  last = 0;
  /** The number of the last event that the stored state has; only of types with `apply`. */
  saved = 0;
  #pending: StoredEvent[] = [];
  #length = 0;
  /** The length of the events that the stored state does not have. */
  #unsaved = 0;
  /** The number of the pending events before the unit that runs, their length, and `#unsaved` then. */
  readonly #before = { events: 0, length: 0, unsaved: 0 };
  /** The last number when old events were removed last; 0 before the first time. */
  #trimmedAt = 0;

  constructor(keep: LogSettings) {
    this.#keep = keep;
    this.#step = Math.min(MAX_STEP, Math.ceil(keep.events / 10));
  }

  /** The number of the last event that is stored. */
  get stored(): number {
    return this.last - this.#pending.length;
  }

  /** Whether the pending events are a tenth of the number that a call can append, or an eighth of their length. */
  get isFull(): boolean {
    return this.#length > LOG_BOUNDS.pending / 8 ||
      this.#pending.length > LOG_BOUNDS.events / 10;
  }

  /** Whether the events that a stored state of this length does not have are longer than it. */
  needsState(length: number): boolean {
    return this.#unsaved >= Math.max(length, LEAST_REPLAY);
  }

  /** Takes what the store has; `apply` gets the events that the stored state does not have. */
  adopt({ last, events }: StreamPart, apply?: (event: unknown) => void): void {
    this.last = last;
    if (apply === undefined) return;
    for (const { number, body } of events) {
      if (number !== this.saved + 1) break;
      this.saved = number;
      this.#unsaved += body.length;
      apply(JSON.parse(body));
    }
    const isComplete = events.length === 0
      ? this.saved === last
      : this.saved === events.at(-1)!.number;
    if (isComplete) return;
    throw new Error(
      `its log has no event ${
        this.saved + 1
      }, which its stored state lacks: rows of the store were deleted; restore them`,
    );
  }

  /** Gives an event its number; returns that, and a copy of the event. */
  append(event: unknown, at: number, whose: string): [number, unknown] {
    const body = jsonOf(event, "an event");
    assertJson(event, "an event");
    if (body.length > LOG_BOUNDS.event) {
      throw new RangeError(
        `Cannot append ${
          inspect(event).slice(0, 60)
        } to the log of ${whose}: its JSON text has ${body.length} characters, and ${LOG_BOUNDS.event} is the most; store it elsewhere, and append where it is`,
      );
    }
    const before = this.#before;
    const count = this.#pending.length - before.events;
    const length = this.#length - before.length;
    if (
      count >= LOG_BOUNDS.events || length + body.length > LOG_BOUNDS.pending
    ) {
      throw new RangeError(
        `Cannot append to the log of ${whose}: the call has appended ${count} events with ${length} characters already; append in several calls`,
      );
    }
    this.#length += body.length;
    this.#unsaved += body.length;
    this.#pending.push({ number: ++this.last, at, body });
    return [this.last, JSON.parse(body)];
  }

  /** Begins a unit, whose appends may be undone. */
  begin(): void {
    const before = this.#before;
    before.events = this.#pending.length;
    before.length = this.#length;
    before.unsaved = this.#unsaved;
  }

  /** The events that are not stored yet. */
  get pending(): readonly StoredEvent[] {
    return this.#pending;
  }

  /** The events of the unit that runs. */
  get news(): readonly StoredEvent[] {
    return this.#pending.slice(this.#before.events);
  }

  /** Undoes the appends of the unit that runs. */
  undo(): void {
    const { events, length, unsaved } = this.#before;
    this.last -= this.#pending.splice(events).length;
    this.#length = length;
    this.#unsaved = unsaved;
  }

  /**
   * Returns the events that a write appends, and the old events that it removes. A write appends all pending events, or
   * with `isBefore` only the events from before the unit that runs. Events that the stored state lacks are not removed.
   */
  appends(
    now: number,
    hasState: boolean,
    isSnapshot: boolean,
    isBefore: boolean,
  ): StoreAppend[] {
    const pending = isBefore
      ? this.#pending.slice(0, this.#before.events)
      : [...this.#pending];
    if (pending.length === 0) return [];
    const append: StoreAppend = { stream: "", events: pending };
    const { events, time } = this.#keep;
    const { number: last } = pending.at(-1)!;
    const isDue = last > events && last - this.#trimmedAt >= this.#step ||
      time < Infinity &&
        (this.#trimmedAt === 0 || last - this.#trimmedAt >= MAX_STEP);
    if (isDue && (hasState || !isSnapshot)) {
      this.#trimmedAt = last;
      const [{ number: first }] = pending;
      append.trim = {
        below: Math.min(first, Math.max(0, last - events + 1)),
        since: Math.max(0, now - time),
      };
    }
    return [append];
  }

  /** Notes that a write with these events was accepted; returns them. */
  noteStored(
    appends: readonly StoreAppend[],
    hasState: boolean,
  ): StoredEvent[] {
    const [{ events } = { events: [] }] = appends;
    const stored = this.#pending.splice(0, events.length);
    const before = this.#before;
    const length = this.#length;
    for (const { body } of stored) this.#length -= body.length;
    before.events = Math.max(0, before.events - stored.length);
    before.length = Math.max(0, before.length - (length - this.#length));
    if (hasState) {
      this.#unsaved = this.#length;
      before.unsaved = before.length;
    }
    return stored;
  }
}
