/**
 * Converts between Elixir's structs and JavaScript's classes: `Date` and `Error`. (The struct of a `Set` is read and
 * written with its items.)
 *
 * Each class has one encoding, and only that encoding is read back, so that receiving and sending on changes no term. All
 * other structs become Maps with atoms as keys.
 */

import { type Atom, atom } from "@otp/processes/values/atom";
import { rebuildError } from "@otp/processes/values/error_term";
import { publicError } from "@otp/processes/values/public_stack";
import { Tuple, tuple } from "@otp/processes/values/tuple";

/** The key of the name of a struct. */
export const STRUCT: Atom = atom("__struct__");

/** The name of the struct of a set. */
export const MAP_SET: Atom = atom("Elixir.MapSet");

/** The key of a set's items. */
export const SET_ITEMS: Atom = atom("map");

const EXCEPTION = atom("__exception__");
const MESSAGE = atom("message");
const DATE_TIME = atom("Elixir.DateTime");
const RUNTIME_ERROR = atom("Elixir.RuntimeError");
const ISO = atom("Elixir.Calendar.ISO");

const CALENDAR = atom("calendar");
const TIME_ZONE = atom("time_zone");
const ZONE_ABBR = atom("zone_abbr");
const STD_OFFSET = atom("std_offset");
const UTC_OFFSET = atom("utc_offset");
const MICROSECOND = atom("microsecond");
const UTC_ZONE = "Etc/UTC";
const UTC = "UTC";

const TIME = ["year", "month", "day", "hour", "minute", "second"].map(atom);
const [YEAR, MONTH, DAY, HOUR, MINUTE, SECOND] = TIME;

/** The number of fields of a `DateTime`. */
export const DATE_TIME_FIELDS = 13;

/** The number of decimal digits of a `Date`'s seconds. */
const MILLISECONDS = 3;

/** The last year of Elixir's calendar; its first year is -9999. */
const LAST_YEAR = 9999;

/** A message that begins with the name of its error. */
const NAMED = /^\(([A-Z_a-z$][\w$.]{0,63})\) ([^]*)$/;

/** A struct: its fields, in the order of the bytes of their names, as the encoder sorts keys. */
export type Struct = ReadonlyMap<Atom, unknown>;

/**
 * Returns the `DateTime` of a date, in UTC. Throws a `RangeError` if the date is invalid, or outside Elixir's calendar.
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
    [CALENDAR, ISO],
    [TIME_ZONE, UTC_ZONE],
    [ZONE_ABBR, UTC],
    [STRUCT, DATE_TIME],
    [STD_OFFSET, 0],
    [UTC_OFFSET, 0],
    [MICROSECOND, tuple(date.getUTCMilliseconds() * 1000, MILLISECONDS)],
  ]);
}

/** Returns a `RuntimeError` with an error's name and message: no module has the error's name. */
export function exception(error: Error): Struct {
  const { name, message } = publicError(error);
  const text = name === "Error" ? message : `(${name}) ${message}`;
  return new Map<Atom, unknown>([
    [MESSAGE, text.toWellFormed()],
    [STRUCT, RUNTIME_ERROR],
    [EXCEPTION, true],
  ]);
}

/** Returns the value that a struct stands for, or the struct itself. */
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
  const micros = map.get(MICROSECOND);
  if (!(micros instanceof Tuple) || micros.length !== 2) return map;
  const [us, digits] = micros;
  // A time in another zone or with another precision remains a struct.
  if (
    digits !== MILLISECONDS || typeof us !== "number" || us % 1000 !== 0 ||
    us < 0 || us >= 1e6 || map.get(CALENDAR) !== ISO ||
    map.get(TIME_ZONE) !== UTC_ZONE || map.get(ZONE_ABBR) !== UTC ||
    map.get(STD_OFFSET) !== 0 || map.get(UTC_OFFSET) !== 0
  ) return map;
  const [year, month, day, hour, minute, second] = TIME.map((name) =>
    map.get(name) as number
  );
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, us / 1000);
  // A leap second, or a day that the month does not have, remains a struct too.
  const isSame = date.getUTCFullYear() === year &&
    date.getUTCMonth() + 1 === month && date.getUTCDate() === day &&
    date.getUTCHours() === hour && date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second && Math.abs(year) <= LAST_YEAR;
  return isSame ? date : map;
}
