/** Virtual time: the pending events, in order. */

import { outside } from "@otp/processes/context/async_context";
import type { Clock } from "@otp/processes/host/clock";

/** The kind of an event: a timer, or something under way between nodes. */
export type EventKind = "timer" | "network";

interface SimulatedEvent {
  at: number;
  order: number;
  kind: EventKind;
  /** Whether the event, or an event that caused it, is a background event: background events make no progress. */
  background: boolean;
  /** The action; `undefined` if it was cancelled. */
  fn: (() => void) | undefined;
}

/** The pending events, ordered by time, and then by creation. */
export class Timeline implements Clock {
  /** The current time, in milliseconds. */
  time = 0;
  /** The time of the last event that was not in the background. */
  progress = 0;
  readonly #heap: SimulatedEvent[] = [];
  /** The number of pending foreground events, by kind. */
  readonly #coming: Record<EventKind, number> = { timer: 0, network: 0 };
  #order = 0;
  /** Whether the current event is in the background. */
  inBackground = false;

  /** Whether foreground events are pending. */
  get hasForeground(): boolean {
    return this.#coming.timer + this.#coming.network > 0;
  }

  /** Whether foreground events are under way between nodes. */
  get hasTraffic(): boolean {
    return this.#coming.network > 0;
  }

  /** The time of the next event, if there is one. */
  get nextAt(): number | undefined {
    return this.#peek()?.at;
  }

  now(): number {
    return this.time;
  }

  /** Returns the same as {@linkcode now}: virtual time begins in 1970. */
  wall(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): () => void {
    return this.schedule(this.time + Math.max(ms, 0), "timer", fn);
  }

  every(ms: number, fn: () => void): () => void {
    let stop: () => void;
    const arm = () => {
      stop = this.schedule(this.time + ms, "timer", turn, true);
    };
    const turn = () => {
      arm();
      fn();
    };
    arm();
    return () => stop();
  }

  /** Lets time pass, in milliseconds: runs the events that are due by its end. */
  pass(ms: number): void {
    const until = this.time + ms;
    while ((this.nextAt ?? Infinity) <= until) this.step();
    this.time = until;
  }

  /** Schedules an event; returns a function that cancels it. */
  schedule(
    at: number,
    kind: EventKind,
    fn: () => void,
    background: boolean = this.inBackground,
  ): () => void {
    const event: SimulatedEvent = {
      at,
      order: ++this.#order,
      kind,
      background,
      fn,
    };
    this.#push(event);
    this.#count(event, 1);
    return () => {
      if (event.fn === undefined) return;
      event.fn = undefined;
      this.#count(event, -1);
    };
  }

  #count({ kind, background }: SimulatedEvent, by: number): void {
    if (!background) this.#coming[kind] += by;
  }

  /** Runs the next event. */
  step(): void {
    const event = this.#peek();
    if (event === undefined) return;
    this.#pop();
    this.#count(event, -1);
    this.time = event.at;
    if (!event.background) this.progress = event.at;
    const fn = event.fn!;
    event.fn = undefined;
    this.inBackground = event.background;
    try {
      outside(fn);
    } finally {
      this.inBackground = false;
    }
  }

  #peek(): SimulatedEvent | undefined {
    while (this.#heap.length > 0 && this.#heap[0].fn === undefined) this.#pop();
    return this.#heap[0];
  }

  // A binary heap.

  #push(event: SimulatedEvent): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) {
        child++;
      }
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: SimulatedEvent, other: SimulatedEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
