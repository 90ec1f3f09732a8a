/**
 * The runs of one entity: which are open, what wakes them, and what is stored of them.
 *
 * A call of a durable method runs its first segment at once, as a method: what that throws is the answer, and there is no
 * run. Otherwise the call is stored with its changes, the caller gets the run, and its first operations begin.
 *
 * The stored parts:
 *
 * - The journal of an open run is a stream of the key's log, named by the run. A segment that has ended is one record of it,
 *   in one transaction with the changes of the state. Nothing that depends on a record begins before that is accepted: no
 *   attempt of the next step, no answer. So a run of n steps is n + 1 writes, one after the other.
 * - The row of the state has a list of the open runs ({@linkcode StoredRun}): what each waits for. It is written only when
 *   that changes: steps that follow each other append to the journal, whatever the size of the state.
 * - The stream {@linkcode ENDED} has the ends of the last runs. Their journals are removed with the same write.
 *
 * Runs that run code, sleep, or wait for a time go on without a caller. The row's `due` is the earliest moment
 * of all, and 0 or in the past while a run is active. So the keeper of whichever node owns the key finds it, and starts the
 * entity, which replays its active runs. A run that only waits for an event has no moment: the write that appends the event
 * gives it one.
 *
 * Races: results of attempts, moments, events, and requests to cancel or retry all arrive as messages of the entity's
 * process, which handles them one by one, each as a unit. An attempt that ends after its run was cancelled, or after its
 * entity has left, has no operation any more, and is dropped.
 *
 * @module
 */

import { type From, GenServer } from "@otp/servers/gen_server/gen_server";
import { pauseAfter } from "./backoff.ts";
import type {
  DurableMethod,
  RunBounds,
  RunInfo,
  RunState,
  RunWait,
} from "./durable_types.ts";
import {
  type CallRecord,
  errorText,
  Journal,
  type OpKind,
  type OpRecord,
  type RetryRecord,
  type Seen,
  seen,
  type StoredError,
  storedError,
} from "./journal.ts";
import { assertJson } from "./json_value.ts";
import {
  Misfit,
  type Op,
  operationName,
  type Outcome,
  Run,
  type RunEntity,
  type StepAttempt,
} from "./run.ts";
import { StatementError } from "./statements.ts";
import type { StoreAppend, StoredEvent, StreamPart } from "./store.ts";

/** The stream of the ends of runs. */
export const ENDED = "runs";

/** How long a run whose journal does not fit the code waits until it is tried again, in milliseconds. */
const PARKED = 300_000;

/** The number of callers that wait for results of one key. */
const MAX_WAITING = 1000;

/** The number of records that are read at once, and their size. */
const PART = { records: 1000, bytes: 2 ** 20 };

const DAY = 86_400_000;

/** An operation of a run that waits, as it is stored. */
interface StoredWait {
  /** Its number, kind and name. */
  o: number;
  k: OpKind;
  n: string;
  /** Until when, in milliseconds since 1970. */
  u?: number;
  /** The number of failed attempts, and the error of the last. */
  f?: number;
  e?: StoredError;
  /** The number of the event after which it waits for one. */
  a?: number;
}

/** An open run, as it is stored in the row of the state. */
export interface StoredRun {
  /** Its id, its method, and when it was called. */
  i: string;
  m: string;
  t: number;
  /** The number of its operations that had ended when this was written. */
  c: number;
  /** The moment at which it goes on; none if it waits for an event, or has failed. */
  w: number | null;
  p?: StoredWait[];
  /** The error that it has failed with, and when. */
  e?: StoredError;
  n?: number;
  /** Why its journal does not fit the code. */
  x?: string;
}

/** The end of a run, as it is stored. */
interface EndRecord {
  i: string;
  m: string;
  t: number;
  /** The number of its operations. */
  c: number;
  /** Whether it was cancelled; else it has a result. */
  x?: 1;
  v?: unknown;
}

/** The answer to a caller who waits for a result. */
export type RunOutcome =
  | ["done", value: unknown]
  | ["cancelled"]
  | ["refused", message: string, data: unknown]
  | ["failed", error: Error]
  | ["parked", why: string]
  | ["no_run"];

/** How the start of a run has ended: with the run, an error of the method, too many other runs, or the loss of the shard. */
export type RunStart =
  | { id: string }
  | { error: unknown }
  | { tooMany: string }
  | "lost";

/** Something that has happened to a run. */
type News =
  | { op: number; attempt: StepAttempt }
  | { op: number; outcome: Outcome }
  /** The pause before the next attempt is over. */
  | { op: number }
  /** It is to be replayed. */
  | "replay";

/** A run that has not ended. */
interface OpenRun {
  readonly id: string;
  readonly method: string;
  readonly since: number;
  /** Its code, if that is in memory. */
  run: Run | undefined;
  waits: StoredWait[];
  readonly news: News[];
  failed: { error: StoredError; at: number } | undefined;
  parked: { why: string; until: number } | undefined;
  /** The number of its operations that have ended. */
  steps: number;
  /** The stored form of the run in the row, without `steps`. */
  stored: { wake: number | null; text: string } | undefined;
}

/** The records that a write has beside the changes of the state. */
export interface RunWrite {
  appends: StoreAppend[];
  ended: string[];
  /** Whether the row must be written even if the state is as before. */
  isRow: boolean;
}

/** The entity, as its runs use it. */
export interface RunsHome extends Omit<RunEntity, "attempted"> {
  readonly methods: ReadonlyMap<string, DurableMethod<unknown>>;
  readonly bounds: RunBounds;
  /** The store's time. */
  now(): number;
  /** The number of the last event of the log. */
  lastEvent(): number;
  /** The events of the log that are not stored yet. */
  pendingEvents(): readonly StoredEvent[];
  readLog(
    stream: string,
    after: number,
    limit: number,
    maxBytes: number,
  ): Promise<StreamPart>;
  /** Begins a unit: its changes may be undone. */
  begin(): void;
  undo(): void;
  /** Stores the changes of the unit; returns false if another node has the shard. Then it may leave. */
  commit(write: RunWrite): Promise<boolean>;
  /** Has `handle` called for a run. */
  wake(id: string): void;
  /** Has `atMoment` called at a moment that is near. */
  wakeAt(at: number): void;
  /** Counts a run that has ended or failed. */
  count(state: RunState): void;
  /** Whether a refusal of a method is an error. */
  refusalOf(error: unknown): { message: string; data: unknown } | undefined;
}

/** The runs of one entity. */
export class Runs {
  readonly #home: RunsHome;
  readonly #open = new Map<string, OpenRun>();
  /** The number of ends that are stored. */
  #ends = 0;
  /** The ends that are known; all that are kept, if the stream was read. */
  readonly #known = new Map<string, EndRecord>();
  #wasRead = false;
  /** The callers that wait for a result, and until when. */
  readonly #waiting = new Map<string, { from: From; until: number }[]>();
  /** Whether no operation begins any more. */
  #isClosing = false;

  constructor(home: RunsHome) {
    this.#home = home;
  }

  // The stored form.

  /** Takes what is stored. */
  load(runs: readonly StoredRun[], ends: number): void {
    this.#ends = ends;
    for (const { i: id, m: method, t: since, c, w, p = [], e, n, x } of runs) {
      const open: OpenRun = {
        ...{ id, method, since, run: undefined, waits: p, news: [] },
        steps: c,
        failed: e && { error: e, at: n! },
        parked: undefined,
        stored: { wake: w, text: "" },
      };
      this.#open.set(id, open);
      // Its code may be another one now.
      const isDue = w !== null && w <= this.#home.now();
      if (open.failed === undefined && (x !== undefined || isDue)) {
        this.#tell(open, "replay");
      }
    }
  }

  /** Goes on with what the log has for runs that wait for events: a crash may have lost that. */
  async findEvents(): Promise<void> {
    for (const open of this.#open.values()) {
      for (const { o, k, n, a } of open.waits) {
        if (k !== "wait" || a === undefined) continue;
        const found = await this.#findEvent(n, a);
        if (found !== undefined) this.#tell(open, { op: o, outcome: found });
      }
    }
  }

  /** The open runs, for the row; `undefined` if there never was one. */
  row(): string | undefined {
    if (this.#open.size === 0 && this.#ends === 0) return undefined;
    const now = this.#home.now();
    const rows = [...this.#open.values()].map((open) => {
      const wake = this.#wake(open, now);
      const row = this.#rowOf(open, wake);
      const { c: _, ...rest } = row;
      open.stored = { wake, text: JSON.stringify(rest) };
      return JSON.stringify(row);
    });
    return `[${this.#ends}${rows.map((row) => `,${row}`).join("")}]`;
  }

  /** The earliest moment at which a run goes on, as in the last row. */
  get due(): number | undefined {
    let due: number | undefined;
    for (const { stored } of this.#open.values()) {
      const wake = stored?.wake ?? undefined;
      if (wake !== undefined && !(due! <= wake)) due = wake;
    }
    return due;
  }

  #rowOf(open: OpenRun, wake: number | null): StoredRun {
    const { id, method, since, steps, waits, failed, parked } = open;
    const row: StoredRun = { i: id, m: method, t: since, c: steps, w: wake };
    if (waits.length > 0) row.p = waits;
    if (failed !== undefined) {
      row.e = failed.error;
      row.n = failed.at;
    }
    if (parked !== undefined) row.x = parked.why;
    return row;
  }

  #wake(open: OpenRun, now: number): number | null {
    const { failed, parked, stored, waits, run, news } = open;
    if (failed !== undefined) return null;
    if (parked !== undefined) return parked.until;
    // Nothing has happened to it since its row was read.
    if (run === undefined && news.length === 0) return stored!.wake;
    if (this.#isActive(open)) {
      const before = stored?.wake ?? Infinity;
      // At once: also if the clock of the store is set back.
      return before <= now ? before : 0;
    }
    const moments = waits.flatMap(({ u }) => u ?? []);
    return moments.length === 0 ? null : Math.min(...moments);
  }

  /** Whether the row must be written, as it does not say when this run goes on. */
  #isRowOld(open: OpenRun): boolean {
    const { stored } = open;
    if (stored === undefined) return true;
    const now = this.#home.now();
    const wake = this.#wake(open, now);
    if (this.#isActive(open)) return wake !== stored.wake;
    const { c: _, ...row } = this.#rowOf(open, wake);
    return JSON.stringify(row) !== stored.text;
  }

  #isActive({ news, run }: OpenRun): boolean {
    if (news.length > 0) return true;
    if (run === undefined) return false;
    for (const op of run.open) if (!isWaiting(op)) return true;
    return false;
  }

  /** Whether a run goes on now. */
  get isActive(): boolean {
    for (const open of this.#open.values()) {
      if (this.#isActive(open)) return true;
    }
    return false;
  }

  /** Whether there are open runs. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether somebody waits for a result. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  // The life of a run.

  /**
   * Calls a durable method; what it throws before its first operation is the answer. `begun` is called before the run is
   * stored.
   */
  async start(
    method: string,
    args: unknown[],
    begun: (id: string) => void,
  ): Promise<RunStart> {
    const { bounds, methods } = this.#home;
    if (this.#open.size >= bounds.open) {
      return {
        tooMany:
          `it has ${this.#open.size} runs that have not ended; wait, cancel those that have failed, or raise the option runs: { open }`,
      };
    }
    const id = crypto.randomUUID();
    const at = this.#home.now();
    const call: CallRecord = { m: method, a: args, l: this.#home.lastEvent() };
    const journal = new Journal();
    const run = new Run(
      id,
      method,
      journal,
      methods.get(method)!,
      this.#entity,
    );
    const open: OpenRun = {
      ...{ id, method, since: at, run, waits: [], news: [], steps: 0 },
      failed: undefined,
      parked: undefined,
      stored: undefined,
    };
    run.eventsBefore = call.l;
    this.#home.begin();
    let event: StoredEvent;
    try {
      assertJson(args, "the arguments of a durable method");
      const saw = await run.begin(structuredClone(args), at);
      if (run.end !== undefined && "error" in run.end) throw run.end.error;
      event = journal.next({ ...call, ...seen(saw) }, at);
      this.#checkBounds(run, event.body);
    } catch (error) {
      run.stop(error);
      this.#home.undo();
      return { error };
    }
    this.#open.set(id, open);
    begun(id);
    return await this.#settle(open, event) ? { id } : "lost";
  }

  /** Handles the next news of a run; returns false if another node has the shard. */
  async handle(id: string): Promise<boolean> {
    const open = this.#open.get(id);
    const news = open?.news.shift();
    if (open === undefined || news === undefined || open.failed) return true;
    if (open.run === undefined) {
      if (this.#isClosing) return true;
      if (!await this.#replay(open)) return false;
    }
    const { run } = open;
    if (news === "replay" || run === undefined) return true;
    const op = [...run.open].find(({ number }) => number === news.op);
    if (op === undefined) return true;
    if ("outcome" in news) return await this.#advance(open, op, news.outcome);
    if (!("attempt" in news)) {
      // An attempt runs already: an operation may be told more than once that its pause is over.
      if (op.until === undefined) return true;
      op.until = undefined;
      this.#begin(open, op);
      return true;
    }
    const { attempt } = news;
    if ("value" in attempt) return await this.#advance(open, op, attempt);
    op.error = storedError(attempt.error);
    op.failures++;
    const pause = pauseOf(op, attempt.error);
    if (pause === undefined) {
      return await this.#advance(open, op, { error: op.error });
    }
    op.until = this.#home.now() + pause;
    return await this.#storeRow(open);
  }

  /** Ends an operation, and runs the segment after it. */
  async #advance(open: OpenRun, op: Op, outcome: Outcome): Promise<boolean> {
    const run = open.run!;
    const record: OpRecord = { o: op.number, k: op.kind, n: op.name };
    if ("error" in outcome) record.e = outcome.error;
    else {
      const { value, number } = outcome;
      if (value !== undefined) record.v = value;
      if (number !== undefined) record.w = number;
    }
    this.#home.begin();
    const saw = await run.resume(op, outcome, this.#home.now());
    return await this.#record(open, record, saw);
  }

  /** Stores a segment that has run, after the operation of a record or in a retry. */
  async #record(
    open: OpenRun,
    record: OpRecord | RetryRecord,
    saw: Seen,
  ): Promise<boolean> {
    const run = open.run!;
    const { at, end, journal } = run;
    if (end !== undefined && "error" in end) {
      return await this.#fail(open, record, at, end.error);
    }
    const event = journal.next({ ...record, ...seen(saw) }, at);
    try {
      this.#checkBounds(run, event.body);
    } catch (error) {
      return await this.#fail(open, record, at, error);
    }
    const { steps } = open;
    try {
      return await this.#settle(open, event);
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      if (!this.#open.has(open.id)) {
        this.#open.set(open.id, open);
        this.#ends--;
      }
      open.steps = steps;
      await this.#fail(open, record, at, error);
      // Other runs may have been told of events that are not stored: all begins again from what is.
      return false;
    }
  }

  /** Stores a segment of a run that goes on, or has ended. */
  async #settle(
    open: OpenRun,
    event: StoredEvent,
  ): Promise<boolean> {
    const { id } = open;
    const run = open.run!;
    const { end, journal } = run;
    if (end !== undefined) {
      // The code has thrown no error.
      const { value } = end as { value: unknown };
      if (journal.count > 0) open.steps++;
      return await this.#end(open, value === undefined ? {} : { v: value });
    }
    const found = await this.#findNew(run);
    this.#noteWaits(open);
    const appends = [{ stream: id, events: [event] }];
    for (const news of found) this.#tell(open, news);
    const isRow = this.#isRowOld(open);
    if (!await this.#home.commit({ appends, ended: [], isRow })) return false;
    journal.add(event);
    open.steps = journal.records.length - 1;
    run.stored();
    for (const op of run.open) if (!op.hasBegun) this.#begin(open, op);
    return true;
  }

  /** Ends a run whose code has ended, or that is cancelled. */
  async #end(
    open: OpenRun,
    how: Pick<EndRecord, "v" | "x">,
  ): Promise<boolean> {
    const { id, method, since, steps, run } = open;
    const end: EndRecord = { i: id, m: method, t: since, c: steps, ...how };
    const at = this.#home.now();
    const { keepRuns, keepDays } = this.#home.bounds;
    const number = ++this.#ends;
    const append: StoreAppend = {
      stream: ENDED,
      events: [{ number, at, body: JSON.stringify(end) }],
      trim: { below: number - keepRuns + 1, since: at - keepDays * DAY },
    };
    this.#open.delete(id);
    const wasStored = open.stored !== undefined;
    const isStored = await this.#home.commit({
      appends: [append],
      ended: wasStored ? [id] : [],
      isRow: true,
    });
    if (!isStored) return false;
    this.#home.count(how.x === 1 ? "cancelled" : "done");
    this.#remember(end);
    run?.stop(how.x === 1 ? new Cancelled(id) : new Error("the run has ended"));
    this.#answer(id, outcomeOf(end));
    return true;
  }

  /** Notes that the code of a run has thrown: nothing of its last segment counts, but the operation before that does. */
  async #fail(
    open: OpenRun,
    record: OpRecord | RetryRecord,
    at: number,
    error: unknown,
  ): Promise<boolean> {
    const run = open.run!;
    this.#home.undo();
    const appends: StoreAppend[] = [];
    if ("o" in record) {
      const event = run.journal.next({ ...record, u: 1 }, at);
      // A result that is too large would never be read.
      if (run.journal.size + event.body.length <= this.#home.bounds.bytes) {
        appends.push({ stream: open.id, events: [event] });
      }
    }
    const refusal = this.#home.refusalOf(error);
    open.failed = {
      at,
      error: refusal === undefined ? storedError(error) : {
        name: "Refusal",
        message: refusal.message,
        fields: { data: refusal.data },
      },
    };
    this.#drop(open, error);
    this.#home.begin();
    const write = { appends, ended: [], isRow: true };
    if (!await this.#home.commit(write)) return false;
    this.#home.count("failed");
    this.#answer(open.id, failureOf(open.failed.error));
    return true;
  }

  async #park(open: OpenRun, why: string): Promise<boolean> {
    open.parked = { why, until: this.#home.now() + PARKED };
    this.#drop(open, new Error(why));
    this.#home.wakeAt(open.parked.until);
    this.#home.begin();
    if (!await this.#storeRow(open)) return false;
    this.#answer(open.id, ["parked", why]);
    return true;
  }

  /** Drops the code of a run, which does not go on for now. */
  #drop(open: OpenRun, reason: unknown): void {
    open.run?.stop(reason);
    open.run = undefined;
    open.waits = [];
    open.news.length = 0;
  }

  async #storeRow(open: OpenRun): Promise<boolean> {
    this.#noteWaits(open);
    if (!this.#isRowOld(open)) return true;
    this.#home.begin();
    const write = { appends: [], ended: [], isRow: true };
    if (!await this.#home.commit(write)) return false;
    for (const { u } of open.waits) if (u !== undefined) this.#home.wakeAt(u);
    return true;
  }

  /** Runs the code of a run up to where its journal ends; false if another node has the shard. */
  async #replay(open: OpenRun): Promise<boolean> {
    open.parked = undefined;
    const fn = this.#home.methods.get(open.method);
    if (fn === undefined) {
      return await this.#park(
        open,
        `Cannot go on with the run ${open.id} of the ${this.#home.label}: this code has no durable method ${open.method}; deploy code that has it, or cancel the run`,
      );
    }
    const journal = await this.#readJournal(open);
    const run = open.run = new Run(
      ...[open.id, open.method, journal, fn, this.#entity] as const,
    );
    const at = this.#home.now();
    this.#home.begin();
    let saw: Seen | undefined;
    try {
      saw = await run.replay(at);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      return await this.#park(open, error.message);
    }
    for (const { o, u, f = 0, e } of open.waits) {
      const op = [...run.open].find(({ number }) => number === o);
      if (op === undefined) continue;
      op.failures = f;
      op.error = e;
      if (op.kind === "step") op.until = u;
    }
    if (saw !== undefined) {
      const again: RetryRecord = { b: journal.records.length, g: 1 };
      return await this.#record(open, again, saw);
    }
    if (run.end !== undefined) return await this.#endOfReplay(open, at);
    for (const news of await this.#findNew(run)) this.#tell(open, news);
    this.#noteWaits(open);
    for (const op of run.open) this.#begin(open, op);
    return true;
  }

  /** The code ends where the code of before went on: it says that nothing is left to do. */
  async #endOfReplay(open: OpenRun, at: number): Promise<boolean> {
    const { end, journal } = open.run!;
    if (end !== undefined && "error" in end) {
      const none: RetryRecord = { b: journal.records.length };
      return await this.#fail(open, none, at, end.error);
    }
    const { value } = end!;
    return await this.#end(open, value === undefined ? {} : { v: value });
  }

  async #readJournal({ id }: OpenRun): Promise<Journal> {
    const journal = new Journal();
    for await (const event of this.#read(id, 0)) journal.add(event);
    return journal;
  }

  /** Reads the rest of a stream, a part at a time. */
  async *#read(stream: string, after: number): AsyncGenerator<StoredEvent> {
    for (;;) {
      const { last, events } = await this.#home.readLog(
        ...[stream, after, PART.records, PART.bytes] as const,
      );
      yield* events;
      after = events.at(-1)?.number ?? last;
      if (after >= last) return;
    }
  }

  #checkBounds({ journal, open, end }: Run, body: string): void {
    const { steps, bytes } = this.#home.bounds;
    if (journal.records.length > steps) {
      throw new RangeError(
        `its journal has ${steps} steps; raise the option runs: { steps }, or call another durable method for the rest`,
      );
    }
    if (journal.size + body.length > bytes) {
      throw new RangeError(
        `its journal would have ${
          journal.size + body.length
        } bytes, of at most ${bytes}; return less from its steps and read a smaller state, or raise the option runs: { bytes }`,
      );
    }
    if (end === undefined) return;
    for (const op of open) {
      if (op.hasBegun) continue;
      throw new Error(
        `it has ended without awaiting ${operationName(op)}; await each step`,
      );
    }
  }

  // Operations.

  readonly #entity: RunEntity = this.#entityOf();

  #entityOf(): RunEntity {
    // deno-lint-ignore no-this-alias
    const runs = this;
    return {
      get label() {
        return runs.#home.label;
      },
      get room() {
        return runs.#home.room;
      },
      get limit() {
        return runs.#home.limit;
      },
      get hasLog() {
        return runs.#home.hasLog;
      },
      process: () => runs.#home.process(),
      stateText: () => runs.#home.stateText(),
      after: (ms, fn) => runs.#home.after(ms, fn),
      attempted: (run, op, attempt) => {
        const open = runs.#open.get(run.id);
        if (open?.run !== run) return;
        runs.#tell(open, { op: op.number, attempt });
      },
    };
  }

  /** Begins an operation whose call is stored. */
  #begin(open: OpenRun, op: Op): void {
    op.hasBegun = true;
    const { kind, until } = op;
    if (kind === "step" && until === undefined) {
      if (!this.#isClosing) open.run!.attempt(op);
    } else if (until !== undefined) this.#home.wakeAt(until);
  }

  /** Finds events that the log has already for the waits that the code has called. */
  async #findNew(run: Run): Promise<News[]> {
    const news: News[] = [];
    for (const { kind, name, number, hasBegun } of run.open) {
      if (kind !== "wait" || hasBegun) continue;
      const outcome = await this.#findEvent(name, run.eventsAfter(name));
      if (outcome !== undefined) news.push({ op: number, outcome });
    }
    return news;
  }

  async #findEvent(type: string, after: number): Promise<Outcome | undefined> {
    if (this.#home.lastEvent() <= after) return undefined;
    let next = after + 1;
    const find = ({ number, body }: StoredEvent): Outcome | undefined => {
      if (number > next) return { error: lostEvents(type, next, number - 1) };
      next = Math.max(next, number + 1);
      const event = JSON.parse(body);
      return number > after && event?.type === type
        ? { value: event, number }
        : undefined;
    };
    for await (const stored of this.#read("", after)) {
      const found = find(stored);
      if (found !== undefined) return found;
    }
    for (const pending of this.#home.pendingEvents()) {
      const found = find(pending);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Takes the events that the unit appends, before they are stored; returns whether the row must be written with them, as a
   * run goes on.
   */
  appended(events: readonly { number: number; event: unknown }[]): boolean {
    let isRow = false;
    for (const open of this.#open.values()) {
      for (const { o, k, n, a } of open.waits) {
        if (k !== "wait") continue;
        const found = events.find(({ number, event }) =>
          number > a! && (event as { type?: unknown } | null)?.type === n
        );
        const isKnown = open.news.some((news) =>
          news !== "replay" && news.op === o
        );
        if (found === undefined || isKnown) continue;
        const { number, event } = found;
        this.#tell(open, { op: o, outcome: { value: event, number } });
        isRow ||= this.#isRowOld(open);
      }
    }
    return isRow;
  }

  /** Goes on with the runs whose moment has come. */
  atMoment(): void {
    const now = this.#home.now();
    for (const open of this.#open.values()) {
      if (open.failed !== undefined) continue;
      if (open.parked !== undefined) {
        if (open.parked.until <= now) this.#tell(open, "replay");
        continue;
      }
      if (open.run === undefined && open.waits.length === 0) {
        const wake = open.stored?.wake ?? Infinity;
        if (wake > now) this.#home.wakeAt(wake);
        else if (open.news.length === 0) this.#tell(open, "replay");
        continue;
      }
      for (const { o, k, u } of open.waits) {
        if (u === undefined) continue;
        const isKnown = open.news.some((news) =>
          news !== "replay" && news.op === o
        );
        if (u > now) this.#home.wakeAt(u);
        else if (!isKnown) {
          this.#tell(
            open,
            k === "step" ? { op: o } : { op: o, outcome: { value: undefined } },
          );
        }
      }
    }
  }

  #tell(open: OpenRun, news: News): void {
    open.news.push(news);
    this.#home.wake(open.id);
  }

  #noteWaits(open: OpenRun): void {
    const { run } = open;
    if (run === undefined) return;
    open.waits = [...run.open].filter(isWaiting).map((op) => {
      const { number: o, kind: k, name: n, until: u, failures, error } = op;
      const wait: StoredWait = { o, k, n };
      if (u !== undefined) wait.u = u;
      if (failures > 0) {
        wait.f = failures;
        wait.e = error;
      }
      if (k === "wait") wait.a = run.eventsAfter(n);
      return wait;
    });
  }

  // Requests.

  /** Ends an open run; returns whether it was one. `undefined` if another node has the shard. */
  async cancel(id: string): Promise<boolean | undefined> {
    const open = this.#open.get(id);
    if (open === undefined) return false;
    this.#home.begin();
    return await this.#end(open, { x: 1 }) ? true : undefined;
  }

  /** Has a run go on; `undefined` if another node has the shard. */
  async retry(id: string): Promise<boolean | undefined> {
    const open = this.#open.get(id);
    if (open === undefined) return false;
    if (open.parked !== undefined) {
      this.#tell(open, "replay");
      return true;
    }
    if (open.failed === undefined) {
      const failing = open.waits.filter(({ k, u }) =>
        k === "step" && u !== undefined
      );
      for (const { o } of failing) this.#tell(open, { op: o });
      return failing.length > 0;
    }
    const journal = await this.#readJournal(open);
    const { retriesFrom: b } = journal;
    const appends: StoreAppend[] = [];
    const at = this.#home.now();
    if (b < journal.records.length) {
      appends.push({ stream: id, events: [journal.next({ b }, at)] });
    }
    open.failed = undefined;
    this.#tell(open, "replay");
    this.#home.begin();
    const write = { appends, ended: [], isRow: true };
    return await this.#home.commit(write) || undefined;
  }

  /** The result of a run; `undefined` if the caller waits for it. */
  async result(
    id: string,
    ms: number,
    from: From,
  ): Promise<RunOutcome | undefined> {
    const open = this.#open.get(id);
    if (open === undefined) {
      const end = this.#known.get(id) ?? (await this.#readEnds()).get(id);
      return end === undefined ? ["no_run"] : outcomeOf(end);
    }
    if (open.failed !== undefined) return failureOf(open.failed.error);
    if (open.parked !== undefined) return ["parked", open.parked.why];
    this.#await(id, from, ms);
  }

  #await(id: string, from: From, ms: number): void {
    const now = this.#home.now();
    let count = 0;
    for (const [other, all] of this.#waiting) {
      const left = all.filter(({ until }) => until > now);
      count += left.length;
      if (left.length === 0) this.#waiting.delete(other);
      else this.#waiting.set(other, left);
    }
    // Those beyond ask again.
    if (count >= MAX_WAITING) return;
    const all = this.#waiting.get(id) ?? [];
    this.#waiting.set(id, all);
    all.push({ from, until: now + ms });
  }

  #answer(id: string, outcome: RunOutcome): void {
    const all = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const { from } of all) GenServer.reply(from, ["ok", outcome]);
  }

  /** The runs, those that are open first. */
  async info(): Promise<RunInfo[]> {
    const ended: RunInfo[] = [];
    for await (const { at, body } of this.#read(ENDED, 0)) {
      const { i: id, m: method, t: since, c: steps, x } = JSON.parse(
        body,
      ) as EndRecord;
      const state: RunState = x === 1 ? "cancelled" : "done";
      ended.push({ id, method, state, since, ended: at, steps, waits: [] });
    }
    return [...this.openInfo(), ...ended.toReversed()];
  }

  /** The runs that have not ended. */
  openInfo(): RunInfo[] {
    return [...this.#open.values()].map((open) => this.#infoOf(open));
  }

  #infoOf(open: OpenRun): RunInfo {
    const { id, method, since, steps, waits, failed, parked, run } = open;
    const all: RunWait[] = run === undefined
      ? waits.map(({ k: kind, n: name, u, f = 0, e }) => ({
        ...{ kind, name, failures: f },
        ...u === undefined ? {} : { until: u },
        ...e === undefined ? {} : { error: errorText(e) },
      }))
      : [...run.open].map(({ kind, name, until, failures, error }) => ({
        ...{ kind, name, failures },
        ...until === undefined ? {} : { until },
        ...error === undefined ? {} : { error: errorText(error) },
      }));
    const error = failed !== undefined
      ? errorText(failed.error)
      : parked?.why ?? all.findLast(({ error }) => error !== undefined)?.error;
    const state = failed !== undefined
      ? "failed"
      : parked !== undefined
      ? "parked"
      : all.some(({ failures }) => failures > 0)
      ? "failing"
      : this.#isActive(open)
      ? "active"
      : "waiting";
    return {
      ...{ id, method, state, since, steps },
      waits: all,
      ...failed === undefined ? {} : { ended: failed.at },
      ...error === undefined ? {} : { error },
    };
  }

  async #readEnds(): Promise<ReadonlyMap<string, EndRecord>> {
    if (!this.#wasRead && this.#ends > 0) {
      for await (const { body } of this.#read(ENDED, 0)) {
        this.#remember(JSON.parse(body));
      }
    }
    this.#wasRead = true;
    return this.#known;
  }

  #remember(end: EndRecord): void {
    // The newest is at the end, also if older ones are read after it.
    this.#known.delete(end.i);
    this.#known.set(end.i, end);
    if (this.#known.size <= this.#home.bounds.keepRuns) return;
    this.#known.delete(this.#known.keys().next().value!);
  }

  // The end of the entity here.

  /** Begins no operation any more; returns whether an attempt still runs. */
  close(): boolean {
    this.#isClosing = true;
    for (const { run, news } of this.#open.values()) {
      if (run === undefined) continue;
      if (news.length > 0) return true;
      for (const { abort } of run.open) if (abort !== undefined) return true;
    }
    return false;
  }

  /** Ends all code. */
  stop(reason: unknown): void {
    for (const { run } of this.#open.values()) run?.stop(reason);
  }
}

/** The reason of the abort of a run that was cancelled. */
class Cancelled extends Error {
  constructor(id: string) {
    super(`the run ${id} was cancelled`);
  }
}

/** Whether an operation waits, and needs no code. */
function isWaiting({ kind, until, failures }: Op): boolean {
  return kind !== "step" || failures > 0 && until !== undefined;
}

/** The pause after which a step that has failed is tried again; `undefined` if that was the last time. */
function pauseOf({ failures, code }: Op, error: unknown): number | undefined {
  const { backoff, final } = code!.plan;
  try {
    return final(error) ? undefined : pauseAfter(failures, backoff);
  } catch {
    return undefined;
  }
}

function lostEvents(type: string, first: number, last: number): StoredError {
  return storedError(
    new Error(
      `Cannot wait for the event ${type}: the events ${first} to ${last} of the log were removed before that; keep more of it`,
    ),
  );
}

function outcomeOf({ v, x }: EndRecord): RunOutcome {
  return x === 1 ? ["cancelled"] : ["done", v];
}

function failureOf({ name, message, fields }: StoredError): RunOutcome {
  if (name === "Refusal") return ["refused", message, fields?.data];
  const error = new Error(message);
  error.name = name;
  return ["failed", error];
}
