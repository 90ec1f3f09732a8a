/**
 * One run of a durable method in memory: its code in a process of its own, and the operations that it has called.
 *
 * `journal.ts` says what segments and records are. A segment begins when the code starts, or an operation of it ends, and is
 * over when the code has ended, or awaits: some operation has not ended, and the event loop has turned, so all code that the
 * end of the operation has resumed has run. The entity waits meanwhile, so nothing else of the key runs.
 *
 * Between segments the code cannot use the entity: it would change the state between other calls. Code that awaits something
 * else than its operations does so within a segment, or throws at its next use of the entity.
 *
 * Nothing here stores anything: `runs.ts` does, and starts the operations that a stored segment has called.
 *
 * @module
 */

import { runInside } from "@otp/processes/context/async_context";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { Process, spawnLink } from "@otp/processes/process";
import { currentProcess, never } from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import type { AlarmArguments } from "./alarms.ts";
import {
  type DurableContext,
  type DurableMethod,
  type Duration,
  longestWait,
  millisecondsOf,
  type StepContext,
  type StepOptions,
  type StepPlan,
  stepPlan,
  type WaitForOptions,
} from "./durable_types.ts";
import type { EntityContext } from "./entity_context.ts";
import {
  type CallRecord,
  errorOf,
  type Journal,
  type JournalRecord,
  type OpKind,
  type OpRecord,
  type Seen,
  type StoredError,
} from "./journal.ts";
import { assertJson } from "./json_value.ts";
import { turned } from "./lease.ts";

/** The entity of a run. */
export interface RunEntity {
  /** The type and the key, for people. */
  readonly label: string;
  readonly room: EntityContext<unknown>;
  /** Milliseconds that a segment may take. */
  readonly limit: number;
  /** Whether its type has a log, whose events can be waited for. */
  readonly hasLog: boolean;
  process(): LocalProcess;
  /** The state as JSON, as it is between units. */
  stateText(): string;
  /** Calls back after some milliseconds; returns a function that cancels that. */
  after(ms: number, fn: () => void): () => void;
  /** Takes the outcome of an attempt of a step. */
  attempted(run: Run, op: Op, outcome: StepAttempt): void;
}

/** How an attempt of a step has ended. */
export type StepAttempt = { value: unknown } | { error: unknown };

/** How an operation has ended: with a value, and for a wait the number of its event, or with an error. */
export type Outcome =
  | { value: unknown; number?: number }
  | { error: StoredError };

/** How the code of a run has ended. */
export type RunEnd = { value: unknown } | { error: unknown };

/** An operation that the code of a run has called. */
export interface Op {
  readonly number: number;
  readonly kind: OpKind;
  /** The name of the step, or the type of the event. */
  readonly name: string;
  /** When its time is up, by the store's clock. */
  until: number | undefined;
  /** The function of a step, and its options. */
  readonly code: StepCode | undefined;
  readonly result: PromiseWithResolvers<unknown>;
  /** The signal of the attempt that runs, and the end of its timer. */
  abort: AbortController | undefined;
  stopTimer: (() => void) | undefined;
  /** The number of attempts that have failed, and the error of the last. */
  failures: number;
  error: StoredError | undefined;
  /** Whether it has begun: the segment that has called it is stored. */
  hasBegun: boolean;
}

interface StepCode {
  readonly fn: (step: StepContext) => unknown;
  readonly plan: StepPlan;
}

/** A segment while it runs. */
interface Segment {
  readonly at: number;
  /** The values that the segment had read when it first ran; only in a replay. */
  readonly replayed: Seen | undefined;
  /** The state of a replayed one, once its code has read it. */
  state: { value: unknown } | undefined;
  /** The state that this one has read, if a replay would not find it. */
  seenState: string | undefined;
  /** Whether it has read the state. */
  hasState: boolean;
  readonly returned: unknown[];
}

const GONE = new Error("the entity of this run has ended here");

/** The journal of a run does not fit the code. */
export class Misfit extends Error {}

/** One run in memory. */
export class Run {
  readonly id: string;
  readonly method: string;
  readonly journal: Journal;
  /** The operations that have not ended. */
  readonly open: Set<Op> = new Set();
  /** The number of the last event at the call. */
  eventsBefore = 0;
  /** When the last segment began, by the store's clock. */
  at = 0;
  /** How the code has ended. */
  end: RunEnd | undefined;
  readonly #entity: RunEntity;
  readonly #fn: DurableMethod<unknown>;
  #ops = 0;
  #process: LocalProcess | undefined;
  #segment: Segment | undefined;
  /** Resolved when the code has called an operation, or has ended. */
  #moved = Promise.withResolvers<void>();
  /** The state as the code has left it, as JSON: a replay finds it there. */
  #known: string | undefined;
  /** The last state of the replay, which the code may still hold. */
  #replayed: { value: unknown } | undefined;
  /** The number of the last event that waits have got, by type. */
  readonly #got = new Map<string, number>();

  constructor(
    id: string,
    method: string,
    journal: Journal,
    fn: DurableMethod<unknown>,
    entity: RunEntity,
  ) {
    this.id = id;
    this.method = method;
    this.journal = journal;
    this.#fn = fn;
    this.#entity = entity;
  }

  /** The number after which the next event of a type is waited for. */
  eventsAfter(type: string): number {
    return this.#got.get(type) ?? this.eventsBefore;
  }

  // Segments.

  /** Runs the first segment. */
  async begin(args: unknown[], at: number): Promise<Seen> {
    return await this.#live(at, () => this.#spawn(args));
  }

  /** Ends an operation, and runs the segment after that. */
  async resume(op: Op, outcome: Outcome, now: number): Promise<Seen> {
    // The clock of the store may have been set back since the time was up.
    const isTimeUp = op.kind !== "step" && "value" in outcome &&
      outcome.number === undefined;
    const at = isTimeUp ? Math.max(now, op.until!) : now;
    return await this.#live(at, () => this.#settle(op, outcome));
  }

  /**
   * Runs the segments that the journal has, without effects. If the last one has thrown, it is run anew, with effects: then
   * the result is what it has seen.
   *
   * @throws {Misfit} If the code calls other operations than the journal has.
   */
  async replay(now: number): Promise<Seen | undefined> {
    const { records } = this.journal;
    this.eventsBefore = this.journal.call.l;
    for (const [i, record] of records.entries()) {
      if (i === 0) {
        await this.#again(record, () => this.#spawn((record as CallRecord).a));
      } else {
        const end = this.#ended(record as OpRecord);
        if ("u" in record && record.u) return await this.resume(...end, now);
        await this.#again(record, () => this.#settle(...end));
      }
      if (this.end === undefined || i === records.length - 1) continue;
      throw this.#misfit(records[i + 1] as OpRecord, this.#endText(this.end));
    }
  }

  #ended(record: OpRecord): [op: Op, outcome: Outcome] {
    const { o, k, n, e, v, w } = record;
    const op = [...this.open].find(({ number }) => number === o);
    if (op === undefined || op.kind !== k || op.name !== n) {
      const has = op ?? [...this.open].at(-1);
      throw this.#misfit(record, has && operationName(has));
    }
    return [op, e === undefined ? { value: v, number: w } : { error: e }];
  }

  #misfit({ k, n }: OpRecord, has = "nothing"): Misfit {
    return new Misfit(
      `Cannot go on with the run ${this.id} of ${this.method} of the ${this.#entity.label}: its journal has ${
        operationName({ kind: k, name: n })
      } where this code has ${has}; deploy code that begins as before, or cancel the run`,
    );
  }

  #endText(end: RunEnd): string {
    return "error" in end ? `thrown ${inspect(end.error)}` : "its end";
  }

  async #again(
    { at, s, r }: JournalRecord,
    resume: () => void,
  ): Promise<void> {
    const segment: Segment = {
      at,
      replayed: { s, r },
      state: undefined,
      seenState: undefined,
      hasState: false,
      returned: [...r ?? []],
    };
    if (s !== undefined) this.#replayed = undefined;
    await this.#during(segment, resume);
    if (segment.state === undefined) return;
    this.#replayed = segment.state;
    this.#known = JSON.stringify(segment.state.value);
  }

  async #live(at: number, resume: () => void): Promise<Seen> {
    const segment: Segment = {
      at,
      replayed: undefined,
      state: undefined,
      seenState: undefined,
      hasState: false,
      returned: [],
    };
    await this.#during(segment, resume);
    if (segment.hasState) this.#readsState = true;
    const { seenState: text, returned: r } = segment;
    return { s: text === undefined ? undefined : JSON.parse(text), r };
  }

  /** Whether the last segment has read the state. */
  #readsState = false;

  /** Notes that the last segment is stored. */
  stored(): void {
    if (this.#readsState) this.#known = this.#entity.stateText();
    this.#readsState = false;
  }

  async #during(segment: Segment, resume: () => void): Promise<void> {
    const { limit } = this.#entity;
    let isLate = false;
    const late = () => {
      isLate = true;
      this.#moved.resolve();
    };
    this.#segment = segment;
    this.at = segment.at;
    this.#moved = Promise.withResolvers();
    resume();
    await turned();
    // Code whose process has ended calls nothing any more: there is nothing to wait for.
    if (this.end === undefined && this.open.size === 0 && this.#isAlive) {
      const timer = limit === Infinity
        ? undefined
        : this.#entity.after(limit, late);
      // The process of the code may not have begun when that of the entity ends.
      const ended = this.#entity.process().abortSignal();
      const moved = () => this.#moved.resolve();
      ended.addEventListener("abort", moved);
      await this.#moved.promise;
      ended.removeEventListener("abort", moved);
      timer?.();
      if (!isLate) await turned();
    }
    this.#segment = undefined;
    // A dead process may have caused any result or error of this code; the next process of the entity runs it again.
    if (!this.#isAlive) return await never();
    if (!isLate || this.end !== undefined) return;
    this.end = {
      error: new Error(
        `it has awaited something else than its steps for more than ${limit} ms; await that in a step`,
      ),
    };
  }

  #spawn(args: unknown[]): void {
    spawnLink(async () => {
      this.#process = currentProcess();
      // The entity may end with all its processes.
      Process.signal().addEventListener("abort", () => {
        this.#abort(GONE);
        this.#moved.resolve();
      });
      Process.setLabel(`${this.#entity.label} ${this.method}`);
      let end: RunEnd;
      try {
        const value = await this.#fn(
          new RunContext(this) as DurableContext<unknown>,
          ...args,
        );
        if (value !== undefined) assertJson(value, "the result of a run");
        end = { value };
      } catch (error) {
        end = { error };
      }
      // The errors of waits in a process that was killed are not its own.
      if (!this.#isAlive) return;
      this.end ??= end;
      this.#moved.resolve();
      // Steps that have not ended, whose results nobody awaits, are its code too.
      await this.#over.promise;
    });
  }

  readonly #over = Promise.withResolvers<void>();

  /** Ends the process: nothing that its code does counts any more. */
  stop(reason: unknown): void {
    this.#abort(reason);
    this.open.clear();
    this.end ??= { error: reason };
    this.#over.resolve();
    const process = this.#process;
    if (process?.alive) {
      Process.unlink(process.pid);
      Process.exit(process.pid, "kill");
    }
  }

  #abort(reason: unknown): void {
    for (const op of this.open) {
      const { abort } = op;
      op.abort = undefined;
      op.stopTimer?.();
      abort?.abort(reason);
    }
  }

  /** Whether the processes of the run and of its entity are alive: plain promises of code go on after its process. */
  get #isAlive(): boolean {
    return this.#entity.process().alive && this.#process?.alive !== false;
  }

  // Operations.

  #settle(op: Op, outcome: Outcome): void {
    this.open.delete(op);
    if ("value" in outcome) {
      const { value, number } = outcome;
      if (number !== undefined) this.#got.set(op.name, number);
      // A copy, as a replay would make one.
      op.result.resolve(
        value === undefined ? undefined : JSON.parse(JSON.stringify(value)),
      );
    } else op.result.reject(errorOf(outcome.error));
  }

  /** Starts an attempt of a step. */
  attempt(op: Op): void {
    if (!this.#isAlive) return;
    const { fn, plan: { timeout } } = op.code!;
    const abort = op.abort = new AbortController();
    const step: StepContext = {
      signal: abort.signal,
      id: `${this.id}/${op.number}`,
      fence: this.#entity.room.fence,
      attempt: op.failures + 1,
    };
    const end = (outcome: StepAttempt) => {
      if (op.abort !== abort) return;
      op.abort = undefined;
      op.stopTimer?.();
      this.#entity.attempted(this, op, outcome);
    };
    op.stopTimer = timeout === Infinity
      ? undefined
      : this.#entity.after(timeout, () => {
        const error = new DOMException(
          `the attempt has taken more than ${timeout} ms`,
          "TimeoutError",
        );
        abort.abort(error);
        end({ error });
      });
    runInside(this.#process!, async () => {
      try {
        const value = await fn(step);
        if (value !== undefined) {
          assertJson(value, `the result of ${operationName(op)}`);
        }
        end({ value });
      } catch (error) {
        end({ error });
      }
    });
  }

  #call(
    kind: OpKind,
    name: string,
    until: number | undefined,
    code?: StepCode,
  ): Promise<unknown> {
    this.#inSegment();
    const result = Promise.withResolvers<unknown>();
    // Code that does not await an operation does not see its error.
    result.promise.catch(() => {});
    this.open.add({
      number: this.#ops++,
      kind,
      name,
      until,
      code,
      result,
      abort: undefined,
      stopTimer: undefined,
      failures: 0,
      error: undefined,
      hasBegun: false,
    });
    this.#moved.resolve();
    return result.promise;
  }

  #inSegment(): Segment {
    if (this.#segment !== undefined) return this.#segment;
    throw new Error(
      `Cannot use the ${this.#entity.label} in a run that awaits something else than its steps, its sleeps and its waits; await that in a step`,
    );
  }

  // The interface for the code.

  get room(): EntityContext<unknown> {
    return this.#entity.room;
  }

  /** Makes a call, unless it is replayed. */
  act(call: (room: EntityContext<unknown>) => void): void {
    if (this.#inSegment().replayed === undefined) call(this.#entity.room);
  }

  /** Makes a call with a result; a replay returns the same. */
  ask<T>(call: (room: EntityContext<unknown>) => T): T {
    const { replayed, returned } = this.#inSegment();
    if (replayed !== undefined) return returned.shift() as T;
    const value = call(this.#entity.room);
    returned.push(value);
    return value;
  }

  get now(): number {
    return this.#inSegment().at;
  }

  get state(): unknown {
    const segment = this.#inSegment();
    if (segment.replayed === undefined) {
      this.#noteState(segment);
      return this.#entity.room.state;
    }
    segment.state ??= this.#stateOf(segment.replayed);
    return segment.state.value;
  }

  set state(value: unknown) {
    const segment = this.#inSegment();
    if (segment.replayed === undefined) {
      segment.hasState = true;
      this.#entity.room.state = value;
    } else segment.state = { value };
  }

  #noteState(segment: Segment): void {
    if (segment.hasState) return;
    segment.hasState = true;
    const text = this.#entity.stateText();
    if (text !== this.#known) segment.seenState = text;
  }

  #stateOf({ s }: Seen): { value: unknown } {
    if (s !== undefined) return { value: structuredClone(s) };
    // The code of before has not read it.
    return this.#replayed ?? { value: JSON.parse(this.#entity.stateText()) };
  }

  step(
    name: string,
    fn: (step: StepContext) => unknown,
    options: StepOptions = {},
  ): Promise<unknown> {
    const doing = `run the step ${inspect(name)}`;
    if (typeof name !== "string" || name === "" || name.length > 255) {
      throw typeError(
        name,
        `Cannot ${doing}: give a name of 1 to 255 characters`,
      );
    }
    if (typeof fn !== "function") {
      throw new TypeError(
        `Cannot ${doing} by ${inspect(fn)}: give a function`,
      );
    }
    const plan = stepPlan(options, this.#entity.limit, doing);
    return this.#call("step", name, undefined, { fn, plan });
  }

  sleep(duration: Duration): Promise<unknown> {
    const ms = millisecondsOf(duration, "sleep in a run");
    return this.#call("sleep", "sleep", this.now + ms);
  }

  waitFor(type: string, options: WaitForOptions = {}): Promise<unknown> {
    const doing = `wait for ${inspect(type)} in a run`;
    if (typeof type !== "string") {
      throw typeError(type, `Cannot ${doing}: give the type of an event`);
    }
    if (!this.#entity.hasLog) {
      throw new TypeError(
        `Cannot ${doing}: the type of the ${this.#entity.label} keeps no log; add log: {} to its definition`,
      );
    }
    const ms = longestWait(options, doing);
    const until = ms === Infinity ? undefined : this.now + ms;
    return this.#call("wait", type, until);
  }
}

/** An entity as the code of a run sees it. */
class RunContext implements DurableContext<unknown> {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  get id(): string {
    return this.#run.id;
  }

  get key(): string {
    return this.#run.room.key;
  }

  get fence(): number {
    return this.#run.room.fence;
  }

  get state(): unknown {
    return this.#run.state;
  }

  set state(state: unknown) {
    this.#run.state = state;
  }

  now(): number {
    return this.#run.now;
  }

  alarm(...args: AlarmArguments): void {
    this.#run.act((room) =>
      room.alarm(...args as [name: string, at: number | null, data?: unknown])
    );
  }

  get log(): DurableContext<unknown>["log"] {
    const run = this.#run;
    return {
      append: (event) => run.ask((room) => room.log.append(event)),
      get last() {
        return run.ask((room) => room.log.last);
      },
    };
  }

  sql(text: string, params?: readonly (string | number | null)[]): void {
    this.#run.act((room) => room.sql(text, params));
  }

  broadcast(message: unknown): number {
    return this.#run.ask((room) => room.broadcast(message));
  }

  save(): void {
    this.#run.act((room) => room.save());
  }

  refuse(message: string, data?: unknown): never {
    return this.#run.room.refuse(message, data);
  }

  step<T>(
    name: string,
    fn: (step: StepContext) => T | Promise<T>,
    options?: StepOptions,
  ): Promise<Awaited<T>> {
    return this.#run.step(name, fn, options) as Promise<Awaited<T>>;
  }

  sleep(duration: Duration): Promise<void> {
    return this.#run.sleep(duration) as Promise<void>;
  }

  waitFor<E>(type: string, options?: WaitForOptions): Promise<E | undefined> {
    return this.#run.waitFor(type, options) as Promise<E | undefined>;
  }
}

/** An operation, for people. */
export function operationName(
  { kind, name }: Pick<Op, "kind" | "name">,
): string {
  switch (kind) {
    case "step":
      return `the step ${JSON.stringify(name)}`;
    case "sleep":
      return "a sleep";
    case "wait":
      return `a wait for ${JSON.stringify(name)}`;
  }
}
