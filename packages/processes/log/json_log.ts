/** The events of a node as JSON, for programs that collect logs. */

import type { LogEvent } from "./log_event.ts";
import { inspectWithin, keysOf, shorten } from "../values/inspect.ts";
import { escapeUnsafe } from "../values/literals.ts";
import { isLeafTerm } from "../values/leaf_term.ts";
import { numberOrWords, Pid, Ref } from "../values/pid.ts";
import { Atom } from "../values/atom.ts";
import { Float } from "../values/float.ts";
import { Tuple } from "../values/tuple.ts";
import { formatExit } from "../values/exit_reason.ts";
import { writeError } from "../host/standard_streams.ts";
import { errorTerm } from "../values/error_term.ts";

/** The maximum depth of values, plus two levels for the event's own fields. */
const MAX_DEPTH = 8 + 2;
/** The maximum number of items of a collection, and of all collections in an event. */
const MAX_ITEMS = 100;
const MAX_ALL_ITEMS = 10_000;
/** The maximum number of characters of a text, and of all texts in an event. */
const MAX_TEXT = 8192;
const MAX_ALL_TEXT = 65_536;

/** The remaining limits of one event. */
interface Budget {
  items: number;
  characters: number;
}

/**
 * Writes every event of a node to standard error as one line of JSON, for programs that collect logs.
 *
 * A line has `time` (ISO 8601, UTC), `level`, `node` and `message`, the readable text. If the event has them, it also
 * has `pid`, `label`, `trace`, `metadata`, `crash`, `supervisor`, `application` and `remote`, with all their fields.
 * A pid or reference is `{ text, node, number, creation }`; an error is `{ text, name, message, stack }` with its
 * other properties in `fields`. An exit reason appears as a value in `reason`, and as readable text in `reasonText`.
 * Values that JSON cannot represent are written as `inspect` shows them. Values are truncated at a depth of 8 levels,
 * 100 items (10,000 per line) and 8192 characters (65,536 per line). A line contains no control characters, and any
 * value can be written.
 *
 * @example A node that logs JSON
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
  writeError(
    `${jsonLine(event)}\n`,
    (count) => {
      const message =
        `${count} log messages were dropped: standard error was not read`;
      return `${jsonLine({ level: "warning", node: event.node, message })}\n`;
    },
  );
}

function jsonLine(event: LogEvent): string {
  const { level, node, message, pid, label, trace, metadata } = event;
  const { crash, supervisor, application, remote } = event;
  const line = {
    time: new Date().toISOString(),
    level,
    node,
    message,
    pid,
    label,
    trace,
    metadata,
    crash: withText(crash),
    supervisor: withText(supervisor),
    application: withText(application),
    remote,
  };
  const budget = { items: MAX_ALL_ITEMS, characters: MAX_ALL_TEXT };
  return escapeUnsafe(JSON.stringify(jsonOf(line, MAX_DEPTH, budget)));
}

/** Adds the readable form of a report's reason. */
function withText(report: { reason: unknown } | undefined): unknown {
  return report && { ...report, reasonText: formatExit(report.reason) };
}

/** Converts a value for JSON. */
function jsonOf(value: unknown, depth: number, budget: Budget): unknown {
  try {
    switch (typeof value) {
      case "string":
        return textOf(value, budget);
      case "boolean":
      case "undefined":
        return value;
      case "number":
        return Number.isFinite(value) ? value : String(value);
      case "object":
        return value === null ? null : jsonOfObject(value, depth, budget);
      default:
        return shown(value, budget);
    }
  } catch {
    // A getter or a proxy may throw, but a crash report must not crash.
    return shown(value, budget);
  }
}

/** Shows a value in readable form. */
function shown(value: unknown, budget: Budget, depth?: number): string {
  return textOf(inspectWithin(value, mostOf(budget), { depth }), budget);
}

/** Cuts a text to the remaining limit. */
function textOf(text: string, budget: Budget): string {
  const cut = shorten(text, mostOf(budget));
  budget.characters -= cut.length;
  return cut;
}

function mostOf({ characters }: Budget): number {
  return Math.min(MAX_TEXT, Math.max(characters, 0));
}

function jsonOfObject(value: object, depth: number, budget: Budget): unknown {
  if (value instanceof Pid || value instanceof Ref) {
    const { node, creation } = value;
    const text = String(value);
    const number = numberOrWords(value);
    return { text, node: textOf(node, budget), number, creation };
  }
  if (value instanceof Float) return value.value;
  if (isLeafTerm(value)) return shown(value, budget);
  if (value instanceof Atom) return textOf(value.name, budget);
  if (depth <= 0) return shown(value, budget, 0);
  const inner = (item: unknown) => jsonOf(item, depth - 1, budget);
  if (value instanceof Error) {
    const { name, message, stack, fields } = errorTerm(value);
    const term = { name, message, stack, fields };
    return {
      text: textOf(`${name}: ${message}`, budget),
      ...jsonOfFields(term, budget, inner),
    };
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "invalid" : value.toISOString();
  }
  if (
    Array.isArray(value) || value instanceof Set || value instanceof Tuple
  ) return some<unknown>(value, budget).map(inner);
  if (value instanceof Map) {
    return some(value, budget).map((entry) => entry.map(inner));
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return shown(value, budget);
  }
  return jsonOfFields(value, budget, inner);
}

function jsonOfFields(
  value: object,
  budget: Budget,
  inner: (item: unknown) => unknown,
): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  for (const key of some(keysOf(value), budget)) {
    fields[textOf(key, budget)] = inner(
      (value as Record<string, unknown>)[key],
    );
  }
  return fields;
}

function some<T>(items: Iterable<T>, budget: Budget): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (
      taken.length === MAX_ITEMS || budget.items-- <= 0 ||
      budget.characters <= 0
    ) break;
    taken.push(item);
  }
  return taken;
}
