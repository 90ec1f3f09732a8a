/**
 * The calls of one key's methods, as its nodes have run them: what each has appended, which statements it has asked for and
 * which alarms it has set. The rules:
 *
 * - An accepted event is of a method that has ended well.
 * - A stored state has the statements of the methods that have made it, and of no other.
 * - A stored state has the alarms that its methods leave if they run one after the other, up to one of them, and no later
 *   state has the alarms of an earlier method.
 * - A call with a result has its events, its statements and its deletion in the store, and a state with the alarms that it
 *   has left, or a later method.
 * - An alarm is forgotten only when its handler has run, or a method has set or cleared it.
 *
 * Durable methods run their code anew, so all that they ask for counts as asked for, and alarms of their keys have no order.
 *
 * @module
 */

import { readAlarms } from "@otp/entities/alarms";
import type {
  DurableContext,
  DurableMethod,
} from "@otp/entities/durable_types";
import type { EntityContext } from "@otp/entities/entity_context";
import { Refusal } from "@otp/entities/entity_error";
import type { EntityMethod, EntityType } from "@otp/entities/entity_types";
import type { StoreStatement, StoreWrite } from "@otp/entities/store";

/** The part of an entity that methods change the store with. */
type Asking =
  & Pick<EntityContext<unknown>, "alarm" | "log" | "sql">
  & Partial<Pick<EntityContext<unknown>, "delete">>;

/** An alarm that was set for a moment, or cleared, or has run. */
interface Touch {
  name: string;
  at: number | null;
}

/** A method that has begun. */
export interface WatchedCall {
  readonly method: string;
  /** The arguments, as text. */
  readonly args: string;
  readonly fence: number;
  /** The process of the entity. */
  readonly room: object;
  readonly events: string[];
  /** The statements that no accepted write has had. */
  statements: string[];
  /** The statements that an accepted write has had. */
  readonly stored: string[];
  readonly alarms: Touch[];
  readonly course: Course;
  /** The number of what it has left in the course of its process. */
  place: number;
  isDeleting: boolean;
  /** Whether a deletion that it can have asked for was accepted. */
  isDeleted: boolean;
  /** The result, if it is a text or a number. */
  value?: unknown;
  /** The state at its end, as JSON. */
  state?: string;
}

/** The alarms of an entity, by name, and its state, as JSON. */
interface Form {
  readonly alarms: ReadonlyMap<string, number>;
  readonly state: string | undefined;
}

/** The forms of one process of an entity: the loaded one, then the form after each method, in order. */
interface Course {
  readonly fence: number;
  readonly forms: Form[];
  /** The first and the last form that the last accepted state may be: forms can have the same alarms and state. */
  first: number;
  last: number;
}

/** The calls of one key. */
export class WatchedCalls {
  /** The calls that have ended well, in order. */
  readonly #done: WatchedCall[] = [];
  readonly #events = new Set<string>();
  /** What has happened to alarms, in order. */
  readonly #alarms: Touch[] = [];
  /** The events and the alarms that were accepted. */
  readonly #accepted = new Set<string>();
  #hasGoneBack = false;
  #hasRuns = false;
  /** The process of the entity that has begun a method last. */
  #room: object | undefined;
  readonly #courses = new Map<object, Course>();
  /** The last accepted form. */
  #stored: Form = { alarms: new Map(), state: undefined };

  begin(
    room: { fence: number },
    method: string,
    args: readonly unknown[],
  ): WatchedCall {
    const { fence } = room;
    this.#room = room;
    const course = this.#courses.get(room) ??
      { fence, forms: [this.#stored], first: 0, last: 0 };
    this.#courses.set(room, course);
    return {
      ...{ method, args: textOf(args), fence, room, course },
      ...{ events: [], statements: [], stored: [], alarms: [] },
      ...{ place: 0, isDeleting: false, isDeleted: false },
    };
  }

  /** Takes a call that has ended well. */
  end(call: WatchedCall, value: unknown, state: unknown): void {
    if (typeof value !== "object") call.value = value;
    call.state = textOf(state);
    this.#done.push(call);
    this.#note(call);
    this.#leave(call, call.alarms);
    if (!call.isDeleting) return;
    call.course.forms.push({ alarms: new Map(), state: undefined });
  }

  /** Notes that an alarm whose handler has not ended well may be forgotten. */
  rang(call: WatchedCall, name: string): void {
    const touch = { name, at: null };
    this.#alarms.push(touch);
    this.#leave(call, [touch]);
  }

  #leave(call: WatchedCall, touches: readonly Touch[]): void {
    const { forms } = call.course;
    const before = forms.at(-1)!;
    const alarms = new Map(before.alarms);
    for (const { name, at } of touches) {
      if (at === null) alarms.delete(name);
      else alarms.set(name, at);
    }
    forms.push({ alarms, state: call.state ?? before.state });
    call.place = forms.length - 1;
  }

  /** Has what a durable method asks for noted at once. */
  attendRun(room: Asking & { fence: number }): void {
    this.#hasRuns = true;
    const running = () => {
      const call = this.begin(room, "", []);
      this.#done.push(call);
      return call;
    };
    attend(room, running, (call) => this.#note(call));
  }

  #note({ events, alarms, fence }: WatchedCall): void {
    for (const event of events) this.#events.add(`${fence} ${event}`);
    this.#alarms.push(...alarms);
  }

  /** Whether a method or a handler has run that replaces, clears or takes an alarm, after one that has set it. */
  hasTouched(name: string, at: number): boolean {
    return this.#after(name, at).length > 0;
  }

  /** Checks an accepted write. */
  accept(
    { appends = [], statements = [], body, epoch }: StoreWrite,
    broken: (what: string) => void,
  ): void {
    for (const { stream, events } of appends) {
      if (stream !== "") continue;
      for (const { number, body } of events) {
        const event = `${number} ${body}`;
        this.#accepted.add(event);
        if (this.#events.has(`${epoch} ${event}`)) continue;
        broken(`event ${number} is of no method that has ended well`);
      }
    }
    if (body === "") {
      this.#stored = { alarms: new Map(), state: undefined };
      for (const call of this.#done) call.isDeleted ||= call.fence === epoch;
    }
    if (!body) return;
    const { s: state, a } = JSON.parse(body);
    const alarms = new Map<string, number>();
    for (const [name, { at }] of readAlarms(a)) {
      this.#accepted.add(alarmText(name, at));
      alarms.set(name, at);
    }
    this.#stored = { alarms, state: textOf(state) };
    this.#acceptAlarms(this.#stored, epoch, broken);
    this.#acceptState(state, statements, epoch, broken);
  }

  /** Whether the order of alarms is known: not if code of durable methods runs anew, or the store has lost some. */
  get #knowsAlarms(): boolean {
    return !this.#hasRuns && !this.#hasGoneBack;
  }

  #acceptAlarms(
    { alarms, state }: Form,
    epoch: number,
    broken: (what: string) => void,
  ): void {
    if (!this.#knowsAlarms) return;
    // A write of a process that was killed may arrive late.
    for (const course of [...this.#courses.values()].toReversed()) {
      const { fence, forms, first } = course;
      if (fence !== epoch) continue;
      const numbers = [...forms.keys()].slice(first);
      // Code may change a state after its method.
      const isKnown = numbers.some((n) => forms[n].state === state);
      const same = numbers.filter((n) =>
        areSame(forms[n].alarms, alarms) &&
        (!isKnown || (forms[n].state ?? state) === state)
      );
      if (same.length === 0) continue;
      [course.first, course.last] = [same[0], same.at(-1)!];
      return;
    }
    broken(
      `the alarms of a state, ${
        textOf([...alarms])
      }, are not those that its methods leave`,
    );
  }

  /** Notes that the store has gone back: statements that it has lost can come again, with their states or without. */
  startAnew(): void {
    this.#hasGoneBack = true;
    for (const call of this.#done) {
      call.statements.push(...call.stored.splice(0));
    }
  }

  #acceptState(
    state: unknown,
    statements: readonly StoreStatement[],
    epoch: number,
    broken: (what: string) => void,
  ): void {
    const calls = this.#done.filter(({ fence }) => fence === epoch);
    const asking = calls.filter(({ statements }) => statements.length > 0);
    for (const statement of statements) {
      const text = statementText(statement);
      const call = asking.find(({ statements }) => statements.includes(text));
      if (call === undefined) {
        return broken(
          `the statement ${statement.text} is of no method that has ended well`,
        );
      }
      call.statements.splice(call.statements.indexOf(text), 1);
      call.stored.push(text);
    }
    // The code of a durable method is noted as it runs, and not as it ends.
    const isOfMethods = calls.every(({ state }) => state !== undefined);
    if (!isOfMethods || this.#hasGoneBack) return;
    const text = textOf(state);
    // What a process has not stored before it ended is lost.
    const mine = calls.filter(({ room }) => room === this.#room);
    const makers = [...mine.keys()].filter((n) => mine[n].state === text);
    const isWhole = (last: number) =>
      mine.slice(0, last + 1).every(({ statements }) =>
        statements.length === 0
      );
    if (makers.length === 0 || makers.some(isWhole)) return;
    broken("a state is stored without the statements of its methods");
  }

  /** Whether the store has all that some call asked for which can have had that result. */
  isStored(method: string, args: readonly unknown[], value: unknown): boolean {
    const text = textOf(args);
    const calls = this.#done.filter((call) =>
      call.method === method && call.args === text &&
      (call.value === undefined || call.value === value)
    );
    return calls.length === 0 || calls.some((call) => this.#isStored(call));
  }

  #isStored(call: WatchedCall): boolean {
    return call.statements.length === 0 &&
      (call.isDeleted || !call.isDeleting) &&
      call.events.every((event) => this.#accepted.has(event)) &&
      this.#hasAlarms(call);
  }

  /** Whether a state with the alarms that this call or a later call has left was accepted. */
  #hasAlarms({ alarms, isDeleting, course, place }: WatchedCall): boolean {
    if (alarms.length === 0 || isDeleting) return true;
    if (this.#knowsAlarms) return course.last >= place;
    const last = new Map(alarms.map(({ name, at }) => [name, at]));
    return [...last].every(([name, at]) =>
      at === null || this.#isAccepted({ name, at }) ||
      this.#after(name, at).some((next) => this.#isAccepted(next))
    );
  }

  #isAccepted({ name, at }: Touch): boolean {
    return at === null || this.#accepted.has(alarmText(name, at));
  }

  /** Returns the later changes of the alarm `name`, after it was set for the moment `at`. */
  #after(name: string, at: number): Touch[] {
    const mine = this.#alarms.filter((other) => other.name === name);
    return mine.slice(mine.findIndex((other) => other.at === at) + 1);
  }
}

/** The questions of an attended type to the simulation. */
export interface Attendance {
  callsOf(key: string): WatchedCalls;
  /** Notes that an attempt of a step begins, whose code has seen the ends of operations of its run. */
  attempts(
    run: { id: string; key: string },
    step: string,
    ends: Set<number>,
  ): void;
  /** Notes that a method begins, and the name of one of its key that has not ended. */
  begins(
    method: string,
    room: EntityContext<unknown>,
    other: string | undefined,
  ): void;
}

/** A type whose methods, alarms and durable methods are watched. */
export function attendedType<M>(
  type: EntityType<M>,
  { callsOf, begins, attempts }: Attendance,
): EntityType<M> {
  const { _definition: definition } = type;
  const isGivenUp = definition.options.retryAlarms.attempts < Infinity;
  const running = new WeakMap<object, WatchedCall>();
  const known = new WeakSet<object>();
  const attended = (
    method: string,
    fn: EntityMethod<unknown>,
  ): EntityMethod<unknown> =>
  (room, ...args) => {
    begins(method, room, running.get(room)?.method);
    if (!known.has(room)) attend(room, () => running.get(room));
    known.add(room);
    const calls = callsOf(room.key);
    const call = calls.begin(room, method, args);
    running.set(room, call);
    const alarm = method === "alarm" ? args[1] as string : undefined;
    // An alarm is taken when its handler begins.
    if (alarm !== undefined) call.alarms.push({ name: alarm, at: null });
    const end = (value: unknown) => {
      running.delete(room);
      calls.end(call, value, room.state);
    };
    const fail = (error: unknown) => {
      running.delete(room);
      const isOver = error instanceof Refusal || isGivenUp;
      if (alarm !== undefined && isOver) calls.rang(call, alarm);
    };
    try {
      const result = fn(room, ...args);
      if (result instanceof Promise) result.then(end, fail);
      else end(result);
      return result;
    } catch (error) {
      fail(error);
      throw error;
    }
  };
  const methods = new Map(
    [...definition.methods].map(([name, fn]) => [name, attended(name, fn)]),
  );
  const durable = new Map(
    [...definition.durable].map(([name, fn]) => {
      const attendedRun: DurableMethod<unknown> = (run, ...args) => {
        callsOf(run.key).attendRun(run);
        attendSteps(run, attempts);
        return fn(run, ...args);
      };
      return [name, attendedRun];
    }),
  );
  const alarm = definition.alarm && attended("alarm", definition.alarm);
  return {
    ...type,
    _definition: { ...definition, methods, durable, alarm },
  };
}

/** Notes what a method asks for, as part of the call that runs. */
function attend(
  room: Asking,
  running: () => WatchedCall | undefined,
  noted: (call: WatchedCall) => void = () => {},
): void {
  const { log, sql, alarm } = room;
  const note = (take: (call: WatchedCall) => void) => {
    const call = running();
    if (call === undefined) return;
    take(call);
    noted(call);
  };
  const attended: Asking = {
    log: {
      append(event) {
        const number = log.append(event);
        note(({ events }) => events.push(`${number} ${JSON.stringify(event)}`));
        return number;
      },
      get last() {
        return log.last;
      },
    },
    sql(text, params = []) {
      sql.call(room, text, params);
      note(({ statements }) =>
        statements.push(statementText({ text, params }))
      );
    },
    alarm(...args: unknown[]) {
      (alarm as (...args: unknown[]) => void).apply(room, args);
      const [name, at] = typeof args[0] === "string" ? args : ["", ...args];
      note(({ alarms }) =>
        alarms.push({ name: name as string, at: at as number | null })
      );
    },
  };
  const { delete: drop } = room;
  if (drop !== undefined) {
    attended.delete = () => {
      drop.call(room);
      note((call) => {
        call.isDeleting = true;
      });
    };
  }
  for (const [name, value] of Object.entries(attended)) {
    Object.defineProperty(room, name, { value });
  }
}

/** Notes the attempts of the steps of a run, and the ends that its code has seen before. */
function attendSteps(
  run: DurableContext<unknown>,
  attempts: Attendance["attempts"],
): void {
  const { step, sleep, waitFor } = run;
  const ends = new Set<number>();
  let ops = 0;
  // Operations have the numbers of their calls.
  const ended = <T>(result: Promise<T>) => {
    const op = ops++;
    const note = () => void ends.add(op);
    result.then(note, note);
    return result;
  };
  const attended: Pick<typeof run, "step" | "sleep" | "waitFor"> = {
    step(name, fn, options) {
      const seen = new Set(ends);
      const attempt: typeof fn = (context) => {
        attempts(run, name, seen);
        return fn(context);
      };
      return ended(step.call(run, name, attempt, options)) as never;
    },
    sleep: (duration) => ended(sleep.call(run, duration)),
    waitFor: (type, options) =>
      ended(waitFor.call(run, type, options)) as never,
  };
  for (const [name, value] of Object.entries(attended)) {
    Object.defineProperty(run, name, { value });
  }
}

function alarmText(name: string, at: number): string {
  return textOf([name, at]);
}

function statementText({ text, params }: StoreStatement): string {
  return textOf([text, params]);
}

/** Whether alarms are the same. */
function areSame(one: Form["alarms"], other: Form["alarms"]): boolean {
  return one.size === other.size &&
    [...one].every(([name, at]) => other.get(name) === at);
}

/** A value as text. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return String(value);
  }
}
