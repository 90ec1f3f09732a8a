/**
 * What a node tells, as JSON: for what collects logs.
 *
 * @module
 */

import type { LogEvent } from "./events.ts";
import { escapeUnsafe, inspect } from "./inspect.ts";
import { Atom, Pid, Ref } from "./pid.ts";
import { formatExit } from "./reason.ts";
import { writeError } from "./streams.ts";
import { errorTerm } from "./term.ts";

/** How deep values are written out; an event's own fields are two levels above them. */
const MAX_DEPTH = 8 + 2;
/** How many items of a collection are, and of all collections of an event. */
const MAX_ITEMS = 100;
const MAX_ALL_ITEMS = 10_000;
/** How much of a text is. */
const MAX_TEXT = 8192;

/** What is left of an event's items. */
interface Budget {
  items: number;
}

/**
 * Writes all that a node tells on standard error, one line of JSON for each event: a log for programs.
 *
 * A line has `time` (ISO 8601, UTC), `level`, `node` and `message`, the text that people get, and where
 * they are set `crash`, `supervisor` and `application` with all their fields. A pid or reference is
 * `{ text, node, number, creation }`, an error `{ text, name, message, stack }` with its further
 * `fields`; the `reason` of an exit stands as it is and, as people read it, in `reasonText`. What JSON
 * lacks is written as `inspect` shows it; a value that is deeper than 8 levels or longer than 100 items
 * (10,000 in all) or 8192 characters is cut. No control character is in a line, and no value keeps it from being
 * written.
 *
 * @param event What the node tells.
 *
 * @example A node that tells its log in JSON
 * ```ts
 * import { jsonLog, Node } from "@otp/distribution/node";
 *
 * await using node = await Node.start({
 *   name: "kate@localhost",
 *   cookie: "c",
 *   epmdPort: 14369,
 *   log: jsonLog,
 * });
 * ```
 */
export function jsonLog(event: LogEvent): void {
  writeError(`${jsonLine(event)}\n`);
}

function jsonLine(event: LogEvent): string {
  const { level, node, message, crash, supervisor, application } = event;
  const line = {
    time: new Date().toISOString(),
    level,
    node,
    message,
    crash: withText(crash),
    supervisor: withText(supervisor),
    application: withText(application),
  };
  const budget = { items: MAX_ALL_ITEMS };
  return escapeUnsafe(JSON.stringify(jsonOf(line, MAX_DEPTH, budget)));
}

/** A report, with its reason as people read it. */
function withText(report: { reason: unknown } | undefined): unknown {
  return report && { ...report, reasonText: reasonText(report.reason) };
}

function reasonText(reason: unknown): string {
  try {
    return formatExit(reason);
  } catch {
    return inspect(reason);
  }
}

/** A value as JSON can have it. */
function jsonOf(value: unknown, depth: number, budget: Budget): unknown {
  try {
    return jsonOfAny(value, depth, budget);
  } catch {
    // A getter or a proxy may throw; what tells of a crash must not crash.
    return inspect(value);
  }
}

function jsonOfAny(value: unknown, depth: number, budget: Budget): unknown {
  switch (typeof value) {
    case "string":
      return value.length <= MAX_TEXT
        ? value
        : `${value.slice(0, MAX_TEXT)}...`;
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return value === null ? null : jsonOfObject(value, depth, budget);
    default:
      return inspect(value);
  }
}

function jsonOfObject(value: object, depth: number, budget: Budget): unknown {
  if (value instanceof Pid || value instanceof Ref) {
    const { node, number, creation } = value;
    return { text: String(value), node, number, creation };
  }
  if (value instanceof Atom) return value.name;
  if (depth <= 0) return inspect(value, { depth: 0 });
  const inner = (item: unknown) => jsonOf(item, depth - 1, budget);
  if (value instanceof Error) {
    const { name, message, stack, fields } = errorTerm(value);
    const term = { name, message, stack, fields };
    return {
      text: `${name}: ${message}`,
      ...jsonOfFields(term, budget, inner),
    };
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "invalid" : value.toISOString();
  }
  if (Array.isArray(value) || value instanceof Set) {
    return some(value, budget).map(inner);
  }
  if (value instanceof Map) {
    return some(value, budget).map((entry) => entry.map(inner));
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return inspect(value);
  }
  return jsonOfFields(value, budget, inner);
}

function jsonOfFields(
  value: object,
  budget: Budget,
  inner: (item: unknown) => unknown,
): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  for (const key of some(Object.keys(value), budget)) {
    fields[key] = inner((value as Record<string, unknown>)[key]);
  }
  return fields;
}

function some<T>(items: Iterable<T>, budget: Budget): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === MAX_ITEMS || budget.items-- <= 0) break;
    taken.push(item);
  }
  return taken;
}
