/**
 * The alarms of one entity, by name. They are a part of its stored form; the store knows when the earliest is due.
 *
 * An alarm that throws is tried again after a pause that grows. Its failures are stored, so the pause goes on at the next
 * owner, and the store does not return it as due meanwhile.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import { type Backoff, pauseAfter } from "./backoff.ts";

/** The most alarms that an entity can have. */
const MAX_ALARMS = 100;

/** The length to which a stored error is cut: each write of the state has it. */
const MAX_REASON = 300;

/** An alarm. */
export interface Alarm {
  /** When it was to run, in milliseconds since 1970. */
  readonly at: number;
  readonly data: unknown;
  /** When it runs: later than `at` after a failure. */
  readonly next: number;
  /** The number of failures. */
  readonly failures: number;
  /** The last error. */
  readonly reason: string;
}

/** The arguments that set an alarm. */
export type AlarmArguments =
  | [at: number | null, data?: unknown]
  | [name: string, at: number | null, data?: unknown];

/** Alarms by name; the alarm without a name has the name `""`. They are not changed. */
export type Alarms = ReadonlyMap<string, Alarm>;

/** The stored form of an alarm; the last three after a failure. */
export type StoredAlarm = [
  name: string,
  at: number,
  data: unknown,
  next?: number,
  failures?: number,
  reason?: string,
];

export const NO_ALARMS: Alarms = new Map();

/** Reads the stored form of alarms: a list, or the time and the data of the only one. */
export function readAlarms(
  stored: readonly StoredAlarm[] | readonly [at: number, data: unknown] = [],
): Alarms {
  const list = typeof stored[0] === "number"
    ? [["", ...stored] as StoredAlarm]
    : stored as StoredAlarm[];
  return new Map(
    list.map(([name, at, data, next = at, failures = 0, reason = ""]) => [
      name,
      { at, data, next, failures, reason },
    ]),
  );
}

export function storedAlarms(alarms: Alarms): StoredAlarm[] {
  return Array.from(
    alarms,
    ([name, { at, data, next, failures, reason }]) =>
      failures === 0
        ? [name, at, data]
        : [name, at, data, next, failures, reason],
  );
}

/** Returns alarms with another one, or without it; throws a `RangeError` if there are too many. */
export function withAlarm(
  alarms: Alarms,
  name: string,
  alarm: Alarm | undefined,
): Alarms {
  const others = new Map(alarms);
  others.delete(name);
  if (alarm === undefined) return others;
  if (others.size === MAX_ALARMS) {
    throw new RangeError(
      `Cannot set the alarm ${
        inspect(name)
      }: there are ${MAX_ALARMS} others, the most that an entity can have; keep the times in the state, and set an alarm for the earliest`,
    );
  }
  return others.set(name, alarm);
}

/** The alarm that runs next. */
export function nextAlarm(
  alarms: Alarms,
): [name: string, alarm: Alarm] | undefined {
  let earliest: [name: string, alarm: Alarm] | undefined;
  for (const entry of alarms) {
    if (earliest === undefined || entry[1].next < earliest[1].next) {
      earliest = entry;
    }
  }
  return earliest;
}

/** Returns an alarm that has failed at that moment; `undefined` if it is given up. */
export function failedAlarm(
  alarm: Alarm,
  error: unknown,
  now: number,
  backoff: Required<Backoff>,
): Alarm | undefined {
  const failures = alarm.failures + 1;
  const pause = pauseAfter(failures, backoff);
  if (pause === undefined) return undefined;
  const reason = error instanceof Error
    ? `${error.name}: ${error.message}`
    : inspect(error);
  return {
    ...alarm,
    next: now + pause,
    failures,
    reason: reason.slice(0, MAX_REASON).toWellFormed(),
  };
}

/** Throws a `TypeError` if a value cannot name an alarm. */
export function checkAlarmName(name: unknown, key: string): void {
  if (
    typeof name === "string" && name !== "" && name.length <= BOUNDS.alarmName
  ) return;
  throw typeError(
    name,
    `Cannot name an alarm of ${key} ${
      inspect(name)
    }: give a text of 1 to ${BOUNDS.alarmName} characters`,
  );
}
