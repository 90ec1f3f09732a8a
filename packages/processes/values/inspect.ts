/** The display of values for people, on a terminal, as by Elixir's `IO.inspect`. */

import {
  cut,
  escapeCharacter,
  escapeHidden,
  HIDDEN,
  keywordText,
  MAX_SHOWN_NAME,
  quoteWithin,
} from "./literals.ts";
import {
  isOptions,
  type OptionChecks,
  refuseUnknown,
  typeError,
} from "./options.ts";
import { Atom } from "./atom.ts";
import { type Parts, shapeOf } from "./term_shape.ts";

/** Options for {@linkcode inspect}. */
export interface InspectOptions {
  /**
   * The width to fill, in characters.
   *
   * @default {80}
   */
  width?: number;
  /**
   * The maximum number of shown items of a collection.
   *
   * @default {50}
   */
  limit?: number;
  /**
   * The maximum depth of shown values.
   *
   * @default {8}
   */
  depth?: number;
  /**
   * The maximum number of shown characters of a string.
   *
   * @default {4096}
   */
  printableLimit?: number;
  /**
   * How a list of numbers is shown that may be a text of Erlang: `"as_lists"` shows its numbers; `"infer"` shows a list
   * of printable ASCII characters as iex does, as in `~c"loc"`.
   *
   * @default {"as_lists"}
   */
  charlists?: "as_lists" | "infer";
}

/** The names of {@linkcode InspectOptions}, for interfaces that extend it. */
export const INSPECT_OPTIONS: OptionChecks<InspectOptions> = {
  width: true,
  limit: true,
  depth: true,
  printableLimit: true,
  charlists: true,
};

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The maximum number of shown items in total: a wide and deep value would take for ever. */
const MAX_ITEMS = 10_000;

/** The approximate maximum number of characters in total. */
const MAX_CHARACTERS = 1 << 18;

/** The maximum depth for any options: deeper values would overflow the stack. */
const MAX_DEPTH = 200;

/** The maximum number of shown characters of a text. */
const MAX_TEXT = 1 << 16;

/** The maximum number of shown characters of an error's name and message. */
const MAX_MESSAGE = 4096;

/** The size of the largest integer written out: the digits of a huge one take seconds. */
const MAX_BIGINT = 10n ** 1000n;

const STEERING = new RegExp(
  `[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]|${HIDDEN}`,
  "g",
);

const LINE_BREAKS = /[\t\n]/g;

/** Shortens a text to its beginning and three dots. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${cut(text, length)}...`;
}

/** Formats a string as a literal in double quotes, without characters that steer a terminal; cuts a long string. */
export function quote(text: string): string {
  return quoteWithin(text, MAX_MESSAGE);
}

/** Escapes the characters of a text that would steer a terminal; cuts a long text. */
export function printable(text: string): string {
  return printableWithin(text, MAX_TEXT);
}

/** Like {@linkcode printable}, with a maximum number of characters. */
export function printableWithin(text: string, length: number): string {
  return shorten(text, length).replace(STEERING, escapeHidden);
}

/** Like {@linkcode printable}, in one line, so that it cannot look like two lines of a log. */
export function printableLine(text: string, length: number): string {
  return printableWithin(text, length).replace(LINE_BREAKS, escapeCharacter);
}

/**
 * Shows a value as source-like text: strings quoted, pids, references, atoms, tuples and Erlang's other terms
 * as in iex.
 *
 * The text is bounded for any value, and no value makes it throw: a string is truncated at `printableLimit`,
 * and the text as a whole after about 256 Ki characters or 10,000 items.
 *
 * @param value Any value.
 * @param options Width, limits and depth.
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
  if (!isOptions(options)) {
    throw new TypeError(
      `Cannot inspect a value with the options ${
        inspectWithin(options)
      }: give them by name, as in { width: 80 }`,
    );
  }
  refuseUnknown(options, "inspect a value", INSPECT_OPTIONS);
  const { width, limit, depth, printableLimit, charlists } = options;
  if (
    charlists !== undefined && charlists !== "infer" && charlists !== "as_lists"
  ) {
    throw new TypeError(
      `Cannot inspect a value: charlists is ${
        inspectWithin(charlists)
      }; give "as_lists" or "infer"`,
    );
  }
  const given = { width, limit, depth, printableLimit };
  for (const [name, value] of Object.entries(given)) {
    // Not by checkOptions(), which itself uses this function.
    if (
      value === undefined || value === Infinity ||
      Number.isInteger(value) && value >= 0
    ) continue;
    throw typeError(
      value,
      `Cannot inspect a value: ${name} is ${
        inspect(value)
      }; give an integer, 0 or more, or Infinity`,
    );
  }
  return inspectWithin(value, MAX_CHARACTERS, options);
}

/** The maximum number of characters of a user's argument or message in a log or an error. */
const MAX_ARGUMENT = 200;

/** Shows a user's argument or message in one line of a log or an error, cut short. */
export function inspectArgument(value: unknown): string {
  return inspectWithin(value, MAX_ARGUMENT, { width: Infinity });
}

/** Like {@linkcode inspect}, with an approximate maximum number of characters, for logs and errors. */
export function inspectWithin(
  value: unknown,
  characters: number = MAX_MESSAGE,
  options: InspectOptions = {},
): string {
  const { width = 80, limit = 50, depth = 8, printableLimit = 4096 } = options;
  const state: State = {
    width,
    limit,
    printableLimit,
    infersCharlists: options.charlists === "infer",
    items: MAX_ITEMS,
    characters,
    seen: [],
  };
  return show(value, state, Math.min(depth, MAX_DEPTH), 0);
}

interface State {
  width: number;
  limit: number;
  printableLimit: number;
  /** Whether lists of printable characters are shown as charlists. */
  infersCharlists: boolean;
  /** The remaining number of items in total. */
  items: number;
  /** The remaining number of characters in total. */
  characters: number;
  seen: object[];
}

function show(
  value: unknown,
  state: State,
  depth: number,
  indent: number,
): string {
  const { length } = state.seen;
  try {
    switch (typeof value) {
      case "string": {
        const most = Math.min(state.printableLimit, state.characters);
        return leaf(quoteWithin(value, Math.max(most, 1)), state);
      }
      case "number":
        return leaf(Object.is(value, -0) ? "-0" : String(value), state);
      case "bigint":
        return leaf(showBigint(value), state);
      case "symbol":
        return leaf(`Symbol(${name(value.description ?? "")})`, state);
      case "function":
        return leaf(showFunction(value), state);
      case "object":
        return value === null
          ? leaf("null", state)
          : showObject(value, state, depth, indent);
      default:
        return leaf(String(value), state);
    }
  } catch {
    // A getter or a proxy may throw, but the display of a crash must not crash.
    state.seen.length = length;
    return leaf("#Unreadable<>", state);
  }
}

/** Returns a text, and counts its characters. */
function leaf(text: string, state: State): string {
  state.characters -= text.length;
  return text;
}

function showBigint(value: bigint): string {
  return value < MAX_BIGINT && value > -MAX_BIGINT
    ? `${value}n`
    : `#BigInt<${value < 0n ? "negative, " : ""}more than 1000 digits>`;
}

function name(text: string): string {
  return printableLine(text, MAX_SHOWN_NAME);
}

function showFunction(value: { name: string }): string {
  const isClass = /^class\b/.test(Function.prototype.toString.call(value));
  return `${isClass ? "#Class" : "#Function"}<${
    name(String(value.name)) || "anonymous"
  }>`;
}

function showObject(
  value: object,
  state: State,
  depth: number,
  indent: number,
): string {
  const shape = shapeOf(value);
  const text = typeof shape === "string"
    ? printableLine(shape, MAX_MESSAGE)
    : textOf(value);
  if (text !== undefined) return leaf(text, state);
  if (state.seen.includes(value)) return leaf("[circular]", state);
  if (depth <= 0) return leaf(elided(value, shape as Parts), state);
  state.seen.push(value);
  try {
    return showCollection(value, shape as Parts, state, depth, indent);
  } finally {
    state.seen.pop();
  }
}

/** Stands for a collection below the maximum depth. */
function elided(value: object, shape: Parts | undefined): string {
  if (shape !== undefined) return `${shape.open}...${shape.close}`;
  return Array.isArray(value) ? "[...]" : "{ ... }";
}

/** The classes of the host whose objects have no fields of their own, and the getters or methods that show them. */
const HOST_CLASSES: Record<string, string[]> = {
  AbortSignal: ["aborted", "reason"],
  Headers: ["entries"],
  Request: ["method", "url", "headers"],
  Response: ["status", "url", "headers"],
  URL: ["href"],
  URLSearchParams: ["toString"],
};

/** Headers whose values are secrets, which would otherwise reach logs. */
const SECRET_HEADER = /^(?:proxy-)?authorization$|^(?:set-)?cookie$/;

/** The password in a URL. */
const PASSWORD = /^([^/?#]+\/\/[^/?#@:]*:)[^/?#@]*@/;

/** The maximum number of prototypes that are looked at. */
const MAX_PROTOTYPES = 10;

/** The entries of an object of the host, or its text; `undefined` for any other object. Calls only the host's code. */
function hostContent(value: object): string | [string, unknown][] | undefined {
  const host = globalThis as unknown as Record<
    string,
    { prototype: object } | undefined
  >;
  let prototype = Object.getPrototypeOf(value);
  for (let i = 0; prototype !== null && i < MAX_PROTOTYPES; i++) {
    const type = ownValue(ownValue(prototype, "constructor"), "name");
    // Only a known name is looked up, because some hosts load such a class at its first use.
    if (
      typeof type === "string" && Object.hasOwn(HOST_CLASSES, type) &&
      host[type]?.prototype === prototype
    ) {
      return contentAs(HOST_CLASSES[type], prototype, value);
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}

/** Reads a property without running a getter. */
function ownValue(object: unknown, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object ?? {}, key)?.value;
}

function contentAs(
  keys: string[],
  prototype: object,
  value: object,
): string | [string, unknown][] | undefined {
  const read = (key: string) => {
    const { get, value: method } = Object.getOwnPropertyDescriptor(
      prototype,
      key,
    )!;
    const content = (get ?? method).call(value);
    return typeof content === "string"
      ? content.replace(PASSWORD, "$1...@")
      : content;
  };
  try {
    if (keys.length > 1) {
      return keys.map((key): [string, unknown] => [key, read(key)])
        .filter(([, field]) => field !== undefined && field !== "");
    }
    const content = read(keys[0]);
    return typeof content === "string" ? content : Array.from(
      content as Iterable<[string, string]>,
      ([key, field]) => [key, SECRET_HEADER.test(key) ? "..." : field],
    );
  } catch {
    // It has only the prototype: the host's code refuses it.
    return undefined;
  }
}

/** Shows a JavaScript object without parts. */
function textOf(value: object): string | undefined {
  if (value instanceof Error) {
    return `#${name(String(value.name))}<${
      printableWithin(String(value.message), MAX_MESSAGE)
    }>`;
  }
  if (value instanceof Date) {
    return `#Date<${
      Number.isNaN(Date.prototype.getTime.call(value))
        ? "invalid"
        : Date.prototype.toISOString.call(value)
    }>`;
  }
  return value instanceof RegExp
    ? printableWithin(RegExp.prototype.toString.call(value), MAX_MESSAGE)
    : undefined;
}

function showCollection(
  value: object,
  shape: Parts | undefined,
  state: State,
  depth: number,
  indent: number,
): string {
  const inner = (item: unknown) => show(item, state, depth - 1, indent + 2);
  const inAngles = <T>(
    prefix: string,
    values: Iterable<T>,
    each: (item: T) => string = inner,
  ) => {
    const shown = items(values, state, each, indent);
    return wrap(prefix, "<", ">", shown, state, indent);
  };
  if (shape !== undefined) {
    const { open, close, areTexts, tail } = shape;
    const each = areTexts
      ? (text: unknown) => leaf(text as string, state)
      : inner;
    const shown = items(shape.items, state, each, indent);
    if (tail !== undefined) shown.push(`${shown.pop()} | ${inner(tail[0])}`);
    return wrap("", open, close, shown, state, indent);
  }
  if (Array.isArray(value)) {
    const text = state.infersCharlists ? charlistText(value) : undefined;
    if (text !== undefined) {
      const most = Math.max(
        Math.min(state.printableLimit, state.characters),
        1,
      );
      return leaf(`~c${quoteWithin(text, most)}`, state);
    }
    const pair = ([key, item]: Iterable<unknown>) =>
      `${leaf(keywordText((key as Atom).name), state)}: ${inner(item)}`;
    const isKeywords = value.length > 0 && value.every(isPair);
    const shown = items(value, state, isKeywords ? pair : inner, indent);
    return wrap("", "[", "]", shown, state, indent);
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const bytes = value instanceof ArrayBuffer
      ? new Uint8Array(value)
      : value instanceof DataView
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : value as Uint8Array;
    return inAngles(`#${className(value)}`, bytes as Iterable<unknown>);
  }
  if (value instanceof Map) {
    const entry = ([key, item]: [unknown, unknown]) =>
      `${inner(key)} => ${inner(item)}`;
    return inAngles("#Map", value, entry);
  }
  if (value instanceof Set) return inAngles("#Set", value);
  const type = className(value);
  const content = type === "Object" ? undefined : hostContent(value);
  if (typeof content === "string") {
    return leaf(`#${type}<${printableLine(content, MAX_MESSAGE)}>`, state);
  }
  const field = ([key, item]: [string, unknown]) =>
    `${leaf(showKey(key), state)}: ${inner(item)}`;
  const fields = items(content ?? entriesOf(value), state, field, indent);
  const prefix = type === "Object" ? "" : leaf(`#${type} `, state);
  return fields.length === 0
    ? `${prefix}{}`
    : wrap(prefix, "{ ", " }", fields, state, indent);
}

/** Whether a list's item is a pair of a non-module atom and a value. A list of such pairs is an Elixir keyword list. */
function isPair(item: unknown): boolean {
  try {
    const { open, items } = shapeOf(item as object) as Parts;
    if (open !== "{" || (items as unknown[]).length !== 2) return false;
    const [key] = items;
    return key instanceof Atom && !key.name.startsWith("Elixir.");
  } catch {
    // The item is no object, or a proxy that throws; the items are shown one by one.
    return false;
  }
}

/** The maximum length of a charlist that is shown as a text: each character takes room on the stack. */
const MAX_CHARLIST = 4096;

/** The text of a list of printable ASCII characters. */
function charlistText(list: unknown[]): string | undefined {
  if (list.length === 0 || list.length > MAX_CHARLIST) return undefined;
  const isPrintable = list.every((code) =>
    Number.isInteger(code) &&
    (code as number >= 32 && code as number <= 126 ||
      code as number >= 7 && code as number <= 13 || code === 27)
  );
  return isPrintable ? String.fromCharCode(...list as number[]) : undefined;
}

function className(value: object): string {
  const type = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof type === "string" ? name(type) : "Object";
}

function showKey(key: string): string {
  return key.length <= MAX_SHOWN_NAME && IDENTIFIER.test(key)
    ? key
    : quoteWithin(key, MAX_SHOWN_NAME);
}

/** Yields an object's keys one by one, because there may be millions. */
export function* keysOf(value: object): Generator<string> {
  for (const key in value) if (Object.hasOwn(value, key)) yield key;
}

function* entriesOf(value: object): Generator<[string, unknown]> {
  for (const key of keysOf(value)) {
    yield [key, (value as Record<string, unknown>)[key]];
  }
}

function items<T>(
  values: Iterable<T>,
  state: State,
  each: (item: T) => string,
  indent: number,
): string[] {
  const shown: string[] = [];
  for (const item of values) {
    if (
      shown.length === state.limit || state.items-- <= 0 ||
      state.characters <= 0
    ) {
      shown.push("...");
      break;
    }
    // An item on its own line has an indent too.
    state.characters -= indent + 4;
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
