/**
 * The logs, the runs and the alarms of entities, as a store has accepted them, and the rules of each write:
 *
 * - The numbers of a stream are dense, and none is given to two events, also not after a deletion.
 * - An operation of a run ends once, unless a retry has dropped its end. A run ends once, and none is lost before.
 * - A run is woken by a moment or waits for an event, unless it has failed.
 * - An alarm leaves the stored form once its handler has run, or a method has set or cleared it. The row is due no later
 *   than its first alarm and its first run.
 *
 * @module
 */

import { readAlarms } from "@otp/entities/alarms";
import type { OpRecord, RetryRecord } from "@otp/entities/journal";
import { ENDED, type StoredRun } from "@otp/entities/runs";
import type {
  Store,
  StoredEvent,
  StoredState,
  StoreWrite,
} from "@otp/entities/store";
import type { WatchedCalls } from "./watched_calls.ts";

/** The most events, and the most bytes, of one read. */
const ALL = Number.MAX_SAFE_INTEGER;

/** A stream of a key. */
class Stream {
  /** The number that was given last. */
  last = 0;
  /** The events that were ever accepted, by number: more than one for a store that goes back. */
  readonly texts: Map<number, string[]> = new Map();

  has(number: number, text: string): boolean {
    return this.texts.get(number)?.includes(text) === true;
  }

  /** Takes an accepted event; returns whether it is new. */
  take({ number, at, body }: StoredEvent, broken: (what: string) => void) {
    const text = `${at} ${body}`;
    const known = this.texts.get(number) ?? [];
    if (number > this.last + 1) {
      broken(`event ${number} follows ${this.last}`);
    }
    if (number <= this.last) {
      if (known.at(-1) !== text) {
        broken(`the number ${number} is given to two events`);
      }
      return false;
    }
    this.texts.set(number, [...known, text]);
    this.last = number;
    return true;
  }
}

/** What the store has accepted of one key. */
class WatchedKey {
  readonly name: string;
  readonly #streams = new Map<string, Stream>();
  /** The operations that count, by run: the first is the call. */
  readonly #journals = new Map<string, number[]>();
  readonly #ended = new Set<string>();
  #runs: readonly string[] = [];
  #alarms: readonly { name: string; at: number }[] = [];

  constructor(type: string, key: string) {
    this.name = `the ${type} ${JSON.stringify(key)}`;
  }

  stream(name: string): Stream {
    const stream = this.#streams.get(name) ?? new Stream();
    this.#streams.set(name, stream);
    return stream;
  }

  hasEnds(run: string, ops: Iterable<number>): boolean {
    if (this.#ended.has(run)) return true;
    const stored = this.#journals.get(run);
    return stored !== undefined && [...ops].every((op) => stored.includes(op));
  }

  accept(
    { appends = [], ended = [], body, due }: StoreWrite,
    calls: WatchedCalls,
    broken: (what: string) => void,
  ): void {
    for (const { stream, events } of appends) {
      const whose = stream === ""
        ? `the log of ${this.name}`
        : `the journal ${stream} of ${this.name}`;
      for (const event of events) {
        const isNew = this.stream(stream).take(
          event,
          (what) => broken(`in ${whose}, ${what}`),
        );
        if (isNew && stream !== "") this.#record(stream, event, broken);
      }
    }
    if (body !== null) this.#takeRow(body, due, calls, broken);
    for (const stream of ended) this.#drop(stream);
  }

  /** Takes what a store has that has gone back. */
  async reload(
    row: StoredState | undefined,
    read: (stream: string) => ReturnType<Store["readLog"]>,
  ): Promise<void> {
    const { runs, alarms } = formOf(row?.body ?? "");
    this.#runs = runs;
    this.#alarms = alarms;
    this.#ended.clear();
    for (const name of new Set(["", ENDED, ...this.#streams.keys(), ...runs])) {
      const { last, events } = await read(name);
      this.stream(name).last = last;
      this.#journals.delete(name);
      if (name === "") continue;
      for (const event of events) this.#record(name, event, () => {});
    }
  }

  #drop(stream: string): void {
    this.#streams.delete(stream);
    this.#journals.delete(stream);
  }

  #record(
    stream: string,
    { body }: StoredEvent,
    broken: (what: string) => void,
  ): void {
    const record = JSON.parse(body) as OpRecord | RetryRecord | { i: string };
    if ("i" in record) {
      const { i: id } = record;
      if (this.#ended.has(id)) {
        broken(`the run ${id} of ${this.name} ends twice`);
      }
      this.#ended.add(id);
      return;
    }
    const ops = this.#journals.get(stream) ?? [];
    this.#journals.set(stream, ops);
    if ("b" in record) ops.length = record.b;
    else {
      // The call has no operation.
      const { o: op = -1, n: name = "the call" } = record;
      if (ops.includes(op)) {
        broken(`${name} of the run ${stream} of ${this.name} counts twice`);
      }
      ops.push(op);
    }
  }

  #takeRow(
    body: string,
    due: number | null,
    calls: WatchedCalls,
    broken: (what: string) => void,
  ): void {
    const { runs, alarms, first, stuck } = formOf(body);
    if (body === "") {
      for (const name of [...this.#streams.keys()]) {
        if (name !== "") this.#drop(name);
      }
      this.#ended.clear();
    } else {
      if ((due ?? Infinity) > first) {
        broken(`${this.name} is due at ${first}, and is stored for ${due}`);
      }
      if (stuck !== undefined) {
        broken(`nothing wakes the run ${stuck} of ${this.name}`);
      }
      for (const id of this.#runs) {
        if (runs.includes(id) || this.#ended.has(id)) continue;
        broken(`the run ${id} of ${this.name} is lost`);
      }
      for (const { name, at } of this.#alarms) {
        const isKept = alarms.some((other) =>
          other.name === name && other.at === at
        );
        if (isKept || calls.hasTouched(name, at)) continue;
        broken(`the alarm ${JSON.stringify(name)} of ${this.name} is lost`);
      }
    }
    this.#runs = runs;
    this.#alarms = alarms;
  }
}

/** The accepted logs, runs and alarms of all keys. */
export class WatchedLogs {
  readonly #keys = new Map<string, WatchedKey>();
  readonly #broken: (what: string) => void;

  constructor(broken: (what: string) => void) {
    this.#broken = broken;
  }

  /** Checks an accepted write. */
  accept(write: StoreWrite, calls: WatchedCalls): void {
    this.#of(write.type, write.key).accept(write, calls, this.#broken);
  }

  /** Whether an event of a log was ever accepted. */
  has(
    type: string,
    key: string,
    { number, at, event }: { number: number; at: number; event: unknown },
  ): boolean {
    const text = `${at} ${JSON.stringify(event)}`;
    return this.#of(type, key).stream("").has(number, text);
  }

  /** Whether the ends of operations of a run are stored, or the run has ended. */
  hasEnds(
    type: string,
    key: string,
    run: string,
    ops: Iterable<number>,
  ): boolean {
    return this.#of(type, key).hasEnds(run, ops);
  }

  /** Takes what a store has that has gone back. */
  async reload(store: Store): Promise<void> {
    for (const [id, watched] of this.#keys) {
      const [type, key] = JSON.parse(id);
      await watched.reload(
        await store.load(type, key),
        (stream) => store.readLog(type, key, stream, 0, ALL, ALL),
      );
    }
  }

  #of(type: string, key: string): WatchedKey {
    const id = JSON.stringify([type, key]);
    const watched = this.#keys.get(id) ?? new WatchedKey(type, key);
    this.#keys.set(id, watched);
    return watched;
  }
}

/** The open runs and the alarms of a stored form, the earliest moment of both, and a run that nothing wakes. */
function formOf(body: string): {
  stuck: string | undefined;
  runs: string[];
  alarms: { name: string; at: number }[];
  first: number;
} {
  const { a, j: [, ...open] = [0] } = body === "" ? {} : JSON.parse(body);
  const alarms = [...readAlarms(a)];
  const stuck = open.find(({ w, e, p = [] }: StoredRun) =>
    w === null && e === undefined &&
    (p.length === 0 || p.some(({ k }) => k !== "wait"))
  );
  const moments = [
    ...alarms.map(([, { next }]) => next),
    ...open.flatMap(({ w }: StoredRun) => w ?? []),
  ];
  return {
    stuck: stuck?.i,
    runs: open.map(({ i }: StoredRun) => i),
    alarms: alarms.map(([name, { at }]) => ({ name, at })),
    first: Math.min(...moments, Infinity),
  };
}
