/**
 * How values are shown: to people, on a terminal, as `IO.inspect` of Elixir shows them.
 *
 * @module
 */

import { checkOptions } from "./check.ts";
import { Atom, Pid, Ref } from "./pid.ts";

/** How {@linkcode inspect} shows a value. */
export interface InspectOptions {
  /**
   * The width to fill, in characters.
   *
   * @default {80}
   */
  width?: number;
  /**
   * How many items of a collection are shown.
   *
   * @default {50}
   */
  limit?: number;
  /**
   * How deep nested values are shown.
   *
   * @default {8}
   */
  depth?: number;
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** How many items are shown in all: what is wide and deep would take for ever. */
const MAX_ITEMS = 10_000;

/** Characters that would steer a terminal or hide text: C0, C1, bidi controls and separators. */
const UNSAFE =
  /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const STEERING =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function escapeCharacter(character: string): string {
  return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

/** JSON's text, whose strings may have characters that steer a terminal: these are escaped. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, escapeCharacter);
}

/** A string as a literal, in double quotes, with nothing in it that steers a terminal. */
export function quote(text: string): string {
  return escapeUnsafe(JSON.stringify(text));
}

/** Text as it is, but for what would steer a terminal: that is shown escaped. */
export function printable(text: string): string {
  return text.replace(STEERING, escapeCharacter);
}

/**
 * Shows a value as source-like text: strings quoted, pids, references and atoms as in iex.
 *
 * @param value Any value.
 * @param options Width, limit and depth.
 * @returns The text, over several lines if it is wider than `width`.
 *
 * @example Usage
 * ```ts
 * import { inspect } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inspect({ type: "hi", tags: ["a", 1n] }), `{ type: "hi", tags: ["a", 1n] }`);
 * ```
 */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  checkOptions(options, "inspect a value", "{ width: 80 }");
  const { width = 80, limit = 50, depth = 8 } = options;
  for (const [name, value] of Object.entries({ width, limit, depth })) {
    if (typeof value === "number" && value >= 0) continue;
    throw new RangeError(
      `Cannot inspect a value: ${name} is ${
        inspect(value)
      }; give a number, 0 or more, or Infinity`,
    );
  }
  return show(value, { width, limit, left: MAX_ITEMS, seen: [] }, depth, 0);
}

interface State {
  width: number;
  limit: number;
  /** How many items may still be shown, of all collections. */
  left: number;
  seen: object[];
}

function show(
  value: unknown,
  state: State,
  depth: number,
  indent: number,
): string {
  try {
    return showAny(value, state, depth, indent);
  } catch {
    // A getter or a proxy may throw; what shows a crash must not crash.
    return "#Unreadable<>";
  }
}

function showAny(
  value: unknown,
  state: State,
  depth: number,
  indent: number,
): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return showFunction(value);
    case "object":
      return value === null ? "null" : showObject(value, state, depth, indent);
    default:
      return printable(String(value));
  }
}

function showFunction(value: { name: string }): string {
  const isClass = /^class\b/.test(Function.prototype.toString.call(value));
  return `${isClass ? "#Class" : "#Function"}<${
    printable(value.name) || "anonymous"
  }>`;
}

function showAtom(value: Atom): string {
  return /^[a-zA-Z_][\w@]*[?!]?$/.test(value.name)
    ? `:${value.name}`
    : `:${quote(value.name)}`;
}

function showObject(
  value: object,
  state: State,
  depth: number,
  indent: number,
): string {
  if (value instanceof Pid || value instanceof Ref) return value.toString();
  if (value instanceof Atom) return showAtom(value);
  if (value instanceof Error) {
    return `#${printable(String(value.name))}<${
      printable(String(value.message))
    }>`;
  }
  if (value instanceof Date) {
    return `#Date<${
      Number.isNaN(value.getTime()) ? "invalid" : value.toISOString()
    }>`;
  }
  if (value instanceof RegExp) return printable(String(value));
  if (state.seen.includes(value)) return "[circular]";
  if (depth <= 0) return Array.isArray(value) ? "[...]" : "{ ... }";
  state.seen.push(value);
  try {
    return showCollection(value, state, depth, indent);
  } finally {
    state.seen.pop();
  }
}

function showCollection(
  value: object,
  state: State,
  depth: number,
  indent: number,
): string {
  const inner = (item: unknown) => show(item, state, depth - 1, indent + 2);
  if (Array.isArray(value)) {
    return wrap("", "[", "]", items(value, state, inner), state, indent);
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const bytes = value instanceof ArrayBuffer
      ? new Uint8Array(value)
      : value instanceof DataView
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : value as Uint8Array;
    const shown = items(bytes as Iterable<unknown>, state, inner);
    return wrap(`#${className(value)}`, "<", ">", shown, state, indent);
  }
  if (value instanceof Map) {
    const shown = items(
      value,
      state,
      (entry) =>
        `${inner((entry as [unknown, unknown])[0])} => ${
          inner((entry as [unknown, unknown])[1])
        }`,
    );
    return wrap("#Map", "<", ">", shown, state, indent);
  }
  if (value instanceof Set) {
    return wrap("#Set", "<", ">", items(value, state, inner), state, indent);
  }
  const fields = items(
    Object.keys(value),
    state,
    (key) =>
      `${IDENTIFIER.test(key as string) ? key : quote(key as string)}: ${
        inner((value as Record<string, unknown>)[key as string])
      }`,
  );
  const name = className(value);
  const prefix = name === "Object" ? "" : `#${name} `;
  return fields.length === 0
    ? `${prefix}{}`
    : wrap(prefix, "{ ", " }", fields, state, indent);
}

function className(value: object): string {
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" ? printable(name) : "Object";
}

function items(
  values: Iterable<unknown>,
  state: State,
  each: (item: unknown) => string,
): string[] {
  const shown: string[] = [];
  for (const item of values) {
    if (shown.length === state.limit || state.left-- <= 0) {
      shown.push("...");
      break;
    }
    shown.push(each(item));
  }
  return shown;
}

function wrap(
  prefix: string,
  open: string,
  close: string,
  shown: string[],
  state: State,
  indent: number,
): string {
  const line = prefix + open + shown.join(", ") + close;
  if (line.length + indent <= state.width && !line.includes("\n")) return line;
  if (shown.length === 0) return line;
  const pad = " ".repeat(indent + 2);
  return `${prefix}${open.trim()}\n${pad}${shown.join(`,\n${pad}`)}\n${
    " ".repeat(indent)
  }${close.trim()}`;
}
