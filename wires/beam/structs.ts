/**
 * Elixir's structs for values that JavaScript has a class for: `Date` and `Error`. (That of a `Set` is read and
 * written with its items.)
 *
 * Each has one spelling, and only that one is read back, so that no term changes by being received and sent
 * on. All other structs are Maps with atoms for keys.
 *
 * @module
 */

import { type Atom, atom } from "../../runtime/values/atom.ts";
import { equalTerms } from "../../runtime/values/equality.ts";
import { errorTerm, rebuildError } from "../../runtime/values/term.ts";
import { Tuple, tuple } from "../../runtime/values/tuple.ts";

/** The key of the name of a struct. */
export const STRUCT: Atom = atom("__struct__");

/** The name of the struct of a set. */
export const MAP_SET: Atom = atom("Elixir.MapSet");

/** The key of its items. */
export const SET_ITEMS: Atom = atom("map");

const EXCEPTION = atom("__exception__");
const MESSAGE = atom("message");
const DATE_TIME = atom("Elixir.DateTime");
const RUNTIME_ERROR = atom("Elixir.RuntimeError");
const ISO = atom("Elixir.Calendar.ISO");

const [YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MICROSECOND] = [
  ...["year", "month", "day", "hour", "minute", "second", "microsecond"],
].map(atom);

/** The number of fields of a `DateTime`. */
export const DATE_TIME_FIELDS = 13;

/** The number of decimal digits of a `Date`'s seconds. */
const MILLISECONDS = 3;

/** The last year of Elixir's calendar; the first is as long before 0. */
const LAST_YEAR = 9999;

/** A message that begins with the name of its error. */
const NAMED = /^\(([A-Z_a-z$][\w$.]{0,63})\) ([^]*)$/;

/** A struct: its fields, in the order of the bytes of their names, as the encoder sorts keys. */
export type Struct = ReadonlyMap<Atom, unknown>;

/**
 * The `DateTime` of a date, in UTC.
 *
 * @throws {RangeError} If it is invalid, or beyond the years of Elixir's calendar.
 */
export function dateTime(date: Date): Struct {
  const year = date.getUTCFullYear();
  if (!(Math.abs(year) <= LAST_YEAR)) {
    throw new RangeError(
      `Cannot send ${
        Number.isNaN(year) ? "an invalid Date" : `a Date of the year ${year}`
      } to an Erlang node: a DateTime has a year from -${LAST_YEAR} to ${LAST_YEAR}; send null or a number`,
    );
  }
  return new Map<Atom, unknown>([
    [DAY, date.getUTCDate()],
    [HOUR, date.getUTCHours()],
    [YEAR, year],
    [MONTH, date.getUTCMonth() + 1],
    [MINUTE, date.getUTCMinutes()],
    [SECOND, date.getUTCSeconds()],
    [atom("calendar"), ISO],
    [atom("time_zone"), "Etc/UTC"],
    [atom("zone_abbr"), "UTC"],
    [STRUCT, DATE_TIME],
    [atom("std_offset"), 0],
    [atom("utc_offset"), 0],
    [MICROSECOND, tuple(date.getUTCMilliseconds() * 1000, MILLISECONDS)],
  ]);
}

/** The `RuntimeError` of an error: its message, after its name, which is no module's. */
export function exception(error: Error): Struct {
  const { name, message } = errorTerm(error);
  const text = name === "Error" ? message : `(${name}) ${message}`;
  return new Map<Atom, unknown>([
    [MESSAGE, text.toWellFormed()],
    [STRUCT, RUNTIME_ERROR],
    [EXCEPTION, true],
  ]);
}

/** The value that a struct stands for, or else the struct. */
export function fromStruct(map: Map<unknown, unknown>): unknown {
  switch (map.get(STRUCT)) {
    case DATE_TIME:
      return map.size === DATE_TIME_FIELDS ? toDate(map) : map;
    case RUNTIME_ERROR:
      return map.size === 3 ? toError(map) : map;
    default:
      return map;
  }
}

function toError(map: Map<unknown, unknown>): unknown {
  const message = map.get(MESSAGE);
  if (typeof message !== "string" || map.get(EXCEPTION) !== true) return map;
  const [, name, rest] = NAMED.exec(message) ?? [];
  return name === undefined || name === "Error"
    ? rebuildError({ name: "Error", message })
    : rebuildError({ name, message: rest });
}

function toDate(map: Map<unknown, unknown>): unknown {
  const date = new Date(0);
  const field = (name: Atom): number => {
    const value = map.get(name);
    return typeof value === "number" ? value : NaN;
  };
  const micros = map.get(MICROSECOND);
  const us = micros instanceof Tuple ? micros.elements[0] : NaN;
  date.setUTCFullYear(field(YEAR), field(MONTH) - 1, field(DAY));
  date.setUTCHours(
    field(HOUR),
    field(MINUTE),
    field(SECOND),
    us as number / 1000,
  );
  if (!(Math.abs(date.getUTCFullYear()) <= LAST_YEAR)) return map;
  // One that is not in UTC, or has more digits or fewer, or a leap second, remains a struct.
  for (const [name, value] of dateTime(date)) {
    if (!equalTerms(map.get(name), value)) return map;
  }
  return date;
}
