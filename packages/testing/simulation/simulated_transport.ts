/** Connections between simulated nodes: bytes arrive late, in pieces, in order. */

import type { Ends, Transport, TransportHandlers } from "@otp/node/wire";
import type { SeededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** The number of bytes that may be under way before a sender has to wait. */
const WINDOW = 1 << 18;

/** The interval at which bytes and dials that are not answered are sent again, as by TCP, in milliseconds. */
export const RETRY = 1000;

/** One write in ODDS is cut in pieces, and one in ODDS is joined with the last write under way. */
const ODDS = 4;

/** The maximum number of pieces of a write. */
const MAX_PIECES = 4;

const DEAF: TransportHandlers = {
  bytes: () => {},
  drained: () => {},
  closed: () => {},
};

/** The time that bytes take from one node to another, in milliseconds. */
export interface Delay {
  /** The shortest. */
  min: number;
  /** The longest. */
  max: number;
}

/** Changes the frames that a node sends to another: a fault that no network has, which tests must detect. */
export type Tamper = (
  frame: Uint8Array,
  from: string,
  to: string,
) => Uint8Array[];

/** The part of a simulation that its connections share. */
export interface Ether {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  /** The events so far. */
  readonly trace: Trace;
  readonly delay: Delay;
  /** The change to frames, if any. */
  readonly tamper: Tamper | undefined;
  /** Returns whether bytes from one node to another are held up. */
  holdsUp(from: string, to: string): boolean;
  /** Returns whether a partition blocks the way from one node to another. */
  isParted(from: string, to: string): boolean;
  /** The time in milliseconds that a node takes to read `bytes` bytes. */
  readingTime(node: string, bytes: number): number;
}

/** A random delay from one node to another, to the microsecond. */
export function someDelay({ random, delay }: Ether): number {
  return Math.round(random.between(delay.min, delay.max) * 1000) / 1000;
}

/** One direction of a connection: a queue, whose items are delivered one by one. */
class Lane {
  readonly #ether: Ether;
  readonly #from: string;
  readonly #to: string;
  readonly #deliver: (bytes: Uint8Array | undefined) => void;
  readonly #isRead: () => boolean;
  #items: (Uint8Array | undefined)[] = [];
  /** The number of items that are held up. */
  #held = 0;
  #lastAt = 0;
  /** Whether the last item is a background event. */
  #lastInBackground = false;
  /** The number of bytes under way. */
  bytes = 0;

  constructor(
    ether: Ether,
    from: string,
    to: string,
    deliver: (bytes: Uint8Array | undefined) => void,
    isRead: () => boolean,
  ) {
    this.#isRead = isRead;
    this.#ether = ether;
    this.#from = from;
    this.#to = to;
    this.#deliver = deliver;
  }

  /** Sends bytes, or, without them, the end of the stream. */
  put(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#add(undefined);
      return;
    }
    this.bytes += bytes.length;
    const { random, timeline, delay } = this.#ether;
    const odds = random.below(ODDS);
    const last = this.#items.at(-1);
    if (
      odds === 0 && last !== undefined && this.#held === 0 &&
      this.#lastInBackground === timeline.inBackground &&
      this.#lastAt >= timeline.time + delay.min &&
      this.#ether.readingTime(this.#to, bytes.length) === 0
    ) {
      this.#items[this.#items.length - 1] = concat(last, bytes);
    } else if (odds === 1) {
      for (const piece of pieces(bytes, random)) this.#add(piece);
    } else this.#add(bytes);
  }

  #add(item: Uint8Array | undefined): void {
    this.#items.push(item);
    if (this.#held > 0) this.#held++;
    else this.#schedule(item);
  }

  #schedule(item: Uint8Array | undefined): void {
    const { timeline } = this.#ether;
    this.#lastAt = Math.max(
      this.#lastAt,
      timeline.time + someDelay(this.#ether),
    ) + this.#ether.readingTime(this.#to, item?.length ?? 0);
    this.#lastInBackground = timeline.inBackground;
    timeline.schedule(this.#lastAt, "network", () => this.#arrive());
  }

  #arrive(): void {
    if (this.#items.length === 0) return;
    if (!this.#passes()) {
      this.#held++;
      return;
    }
    const item = this.#items.shift();
    if (item !== undefined) this.bytes -= item.length;
    this.#deliver(item);
  }

  #passes(): boolean {
    return !this.#ether.holdsUp(this.#from, this.#to) && this.#isRead();
  }

  /** Releases the items that were held up. */
  goOn(): void {
    if (!this.#passes()) return;
    const held = this.#held;
    this.#held = 0;
    for (let i = 0; i < held; i++) this.#schedule(this.#items[i]);
  }

  /** Discards the items under way. */
  lose(): void {
    this.#items = [];
    this.#held = 0;
    this.bytes = 0;
  }
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function pieces(bytes: Uint8Array, random: SeededRandom): Uint8Array[] {
  const cuts = Array.from(
    { length: 1 + random.below(MAX_PIECES - 1) },
    () => random.below(bytes.length),
  ).sort((a, b) => a - b);
  return [0, ...cuts].map((cut, i) => bytes.subarray(cut, cuts[i]))
    .filter(({ length }) => length > 0);
}

/** One end of a connection. */
export class SimulatedTransport implements Transport {
  readonly remote: string;
  readonly ends: Ends;
  /** The node that owns this end. */
  readonly owner: string;
  /** The other end. */
  far!: SimulatedTransport;
  readonly #label: string;
  readonly #to: string;
  readonly #ether: Ether;
  readonly #lane: Lane;
  readonly #onClosed: () => void;
  #handlers = DEAF;
  #early: Uint8Array[] | undefined = [];
  #isShut = false;
  #closed: { error: Error | undefined } | undefined;
  #isFull = false;
  #isPaused = false;
  /** Whether the network closed this end, and the other end may not know. */
  #isCut = false;
  /** Whether bytes have arrived since, to which no reset could be sent. */
  #owesReset = false;

  constructor(
    ether: Ether,
    owner: string,
    to: string,
    { number, ...ends }: Ends & { number: number },
    onClosed: () => void,
  ) {
    this.#ether = ether;
    this.owner = owner;
    this.#to = to;
    this.remote = `${to}:${number}`;
    this.ends = ends;
    this.#label = `${owner} > ${to} (${number})`;
    this.#lane = new Lane(
      ether,
      owner,
      to,
      (bytes) => {
        this.far.arrive(bytes);
        this.#drain();
      },
      () => this.far.isRead,
    );
    this.#onClosed = onClosed;
  }

  get buffered(): number {
    return Math.max(0, this.#lane.bytes - WINDOW);
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    const early = this.#early;
    this.#early = undefined;
    for (const chunk of early ?? []) handlers.bytes(chunk);
    if (this.#closed !== undefined) handlers.closed(this.#closed.error);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isShut) return false;
    const { trace, tamper } = this.#ether;
    const frames = tamper?.(bytes, this.owner, this.#to) ?? [bytes];
    for (const frame of frames) {
      trace.add(this.#label, "says", frame);
      this.#lane.put(frame);
    }
    if (this.buffered > 0) this.#isFull = true;
    return !this.#isFull;
  }

  #drain(): void {
    if (!this.#isFull || this.buffered > 0 || this.#isShut) return;
    this.#isFull = false;
    this.#handlers.drained();
  }

  /** Receives bytes from the other end, or, without them, the end of its stream. */
  arrive(bytes: Uint8Array | undefined): void {
    if (this.#isShut) {
      if (this.#isCut && bytes !== undefined) this.#reset();
      return;
    }
    if (bytes === undefined) {
      this.#shut();
      this.#close(undefined);
      return;
    }
    this.#ether.trace.add(this.#label, `hears ${bytes.length}`);
    if (this.#early === undefined) this.#handlers.bytes(bytes);
    else this.#early.push(bytes);
  }

  get isRead(): boolean {
    return !this.#isPaused || this.#isShut;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.far.goOn();
  }

  end(): void {
    if (this.#isShut) return;
    this.#ether.trace.add(this.#label, "ends");
    this.#shut();
    const { timeline } = this.#ether;
    // As with a socket, the owner is notified later.
    timeline.schedule(timeline.time, "network", () => this.#close(undefined));
  }

  destroy(): void {
    this.end();
  }

  #shut(): void {
    if (this.#isShut) return;
    this.#isShut = true;
    this.#lane.put(undefined);
  }

  #close(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#ether.trace.add(
      this.#label,
      `closes${error ? ` (${error.message})` : ""}`,
    );
    this.#closed = { error };
    this.#onClosed();
    this.#handlers.closed(error);
  }

  /** Closes the connection at both ends, as the network does; bytes under way are lost. */
  cut(): void {
    this.#lane.lose();
    if (this.#isShut) return;
    this.#isShut = this.#isCut = true;
    const { timeline } = this.#ether;
    timeline.schedule(
      timeline.time,
      "network",
      () => this.#close(new Error("the network ended it")),
    );
  }

  /** Answers bytes for a connection that this end does not have any more: the other end closes, as by a reset of TCP. */
  #reset(): void {
    this.#owesReset = this.#ether.isParted(this.owner, this.#to);
    if (this.#owesReset) return;
    this.#isCut = false;
    this.#lane.put(undefined);
  }

  /** Releases the bytes that were held up. */
  goOn(): void {
    this.#lane.goOn();
    if (!this.#owesReset || this.#ether.isParted(this.owner, this.#to)) return;
    // The other end sends again what was not acknowledged.
    this.#owesReset = false;
    this.#ether.timeline.after(RETRY, () => this.#reset());
  }
}
