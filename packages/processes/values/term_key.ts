/** Keys that compare values by contents: equal values of messages have equal keys. */

import { Buffer } from "node:buffer";
import { BOUNDS } from "./bounds.ts";
import { numberText, Pid, Ref } from "./pid.ts";
import { Atom } from "./atom.ts";
import { ReplyTo } from "./reply_to.ts";
import { Bitstring } from "./bitstring.ts";
import { Float } from "./float.ts";
import { ExternalFunction } from "./functions.ts";
import { ImproperList } from "./improper_list.ts";
import { isLeafTerm, type LeafTerm } from "./leaf_term.ts";
import { Port } from "./port.ts";
import {
  checkHole,
  DEFAULT_MAX_DEPTH,
  isPlainObject,
  notSendable,
  tooDeep,
  typedArrayKind,
} from "./term.ts";
import { inspectArgument } from "./inspect.ts";
import { errorTerm } from "./error_term.ts";
import { Tuple } from "./tuple.ts";

/** A key that stands for a value in a `Map` or a `Set`. */
export type TermKey = string | boolean | null | undefined;

/**
 * Returns the key of a value.
 *
 * Numbers compare as by `===`, except that NaN equals itself. Values with contents compare by contents; the order of an
 * object's fields does not matter. Throws a `TypeError` if the value contains a value that cannot be sent, and a
 * `RangeError` if the value is nested too deeply.
 */
export function termKey(
  value: unknown,
  maxDepth: number = DEFAULT_MAX_DEPTH,
): TermKey {
  switch (typeof value) {
    case "string":
      return `"${value}`;
    case "boolean":
    case "undefined":
      return value;
    default:
      // Texts for numbers and bigints too, because a peer can choose many numbers with one hash.
      return value === null ? null : encode(value, maxDepth, maxDepth);
  }
}

/**
 * The number of characters that a kept value retains with its key. A key omits the stacks of errors, so they count
 * extra.
 */
export function keptLength(value: unknown, key: TermKey): number {
  return (typeof key === "string" ? key.length : 0) + stacksOf(value);
}

/**
 * Returns the key of a value that a caller gives, and this node or another one keeps, with `more` characters. Throws a `RangeError` if it is
 * longer than `BOUNDS.key`, and as {@linkcode termKey} does.
 */
export function keyToKeep(
  value: unknown,
  doing: string,
  maxDepth?: number,
  more = 0,
): TermKey {
  const key = termKey(value, maxDepth);
  const length = keptLength(value, key) + more;
  if (length <= BOUNDS.key) return key;
  throw new RangeError(
    `Cannot ${doing} ${
      inspectArgument(value)
    }: it has ${length} characters, and ${BOUNDS.key} is the most; give a shorter one`,
  );
}

function stacksOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Error) {
    const { stack = "", fields } = errorTerm(value);
    return stack.length + stacksOf(fields);
  }
  const items = value instanceof Map
    ? [...value].flat()
    : value instanceof Set || Array.isArray(value) || value instanceof Tuple
    ? [...value]
    : value instanceof ImproperList
    ? [...value.items, value.tail]
    : isPlainObject(value)
    ? Object.values(value)
    : [];
  let length = 0;
  for (const item of items) length += stacksOf(item);
  return length;
}

/** Encodes a value as text; no encoding is the beginning of another. */
function encode(value: unknown, left: number, max: number): string {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      // -0 has the key of 0.
      return `${value + 0};`;
    case "bigint":
      return `${value}n;`;
    case "boolean":
    case "undefined":
      return `${value};`;
    case "object":
      return value === null ? "null;" : encodeObject(value, left, max);
    default:
      throw notSendable(value);
  }
}

/** Encodes bytes as text, one character each, because there may be many. */
function bytes({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return text(Buffer.from(buffer, byteOffset, byteLength).toString("latin1"));
}

function text(value: string): string {
  return `"${value.length}:${value}`;
}

function encodeObject(value: object, left: number, max: number): string {
  if (value instanceof Pid) return `p${identity(value)}`;
  if (value instanceof Ref) return `r${identity(value)}`;
  if (value instanceof Atom) return `:${text(value.name)}`;
  if (value instanceof ReplyTo) return encodeReplyTo(value, left, max);
  if (value instanceof Date) return `d${value.getTime()};`;
  if (value instanceof ArrayBuffer) return `b${bytes(new Uint8Array(value))}`;
  const kind = typedArrayKind(value);
  if (kind !== undefined) {
    return value instanceof Uint8Array
      ? `t${kind}${bytes(value)}`
      : `t${kind}${[...value as Uint8Array]};`;
  }
  if (isLeafTerm(value)) return encodeLeaf(value);
  // Each of the following kinds of values counts as a level, as in copyTerm.
  if (left <= 0) throw tooDeep(max);
  const inner = (item: unknown) => encode(item, left - 1, max);
  if (Array.isArray(value)) return encodeItems("[", value, inner);
  if (value instanceof Tuple) return encodeItems("(", value.elements, inner);
  if (value instanceof ImproperList) {
    return encodeItems("|", value.items, inner) + inner(value.tail);
  }
  if (isPlainObject(value)) return encodeFields(value, inner);
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => inner(key) + inner(item));
    return group("m", entries.sort(byLength));
  }
  if (value instanceof Set) {
    return group("s", [...value].map(inner).sort(byLength));
  }
  if (value instanceof Error) {
    const { name, message, fields = {} } = errorTerm(value);
    return `e${text(name)}${text(message)}${encodeFields(fields, inner)}`;
  }
  throw notSendable(value);
}

function encodeReplyTo(
  { pid, alias, tag, form }: ReplyTo,
  left: number,
  max: number,
): string {
  const to = alias === undefined ? "" : identity(alias);
  if (tag === undefined) return `a${identity(pid)}${text(to)};`;
  if (left <= 0) throw tooDeep(max);
  return `a${identity(pid)}${text(to)}${form}${encode(tag, left - 1, max)}`;
}

function encodeLeaf(value: LeafTerm): string {
  if (value instanceof Float) return `.${value.value};`;
  if (value instanceof Bitstring) return `<${value.bits}${bytes(value.bytes)}`;
  if (value instanceof Port) {
    return `@${value.id}.${value.creation}.${text(value.node)}`;
  }
  const { module, arity } = value;
  return value instanceof ExternalFunction
    ? `&${arity}${text(module)}${text(value.function)}`
    : `#${text(module)}${bytes(value.bytes)}`;
}

function encodeItems(
  mark: string,
  items: readonly unknown[],
  inner: (item: unknown) => string,
): string {
  const encoded = Array.from(items.keys(), (i) => {
    if (items[i] === undefined) checkHole(items, i);
    return inner(items[i]);
  });
  return group(mark, encoded);
}

/** Longer items are not copied, but concatenated: at each level of a nested value, a copy would have all inner levels. */
const SHORT = 256;

function group(mark: string, items: string[]): string {
  let all = `${mark}${items.length}:`;
  let start = 0;
  for (let i = 0; i < items.length; i++) {
    if (items[i].length <= SHORT) continue;
    all += items.slice(start, i).join("") + items[i];
    start = i + 1;
  }
  return all + (start === 0 ? items : items.slice(start)).join("");
}

/** Compares lengths first: comparing concatenated texts copies them. */
function byLength(one: string, other: string): number {
  return one.length - other.length ||
    (one === other ? 0 : one < other ? -1 : 1);
}

function encodeFields(value: object, inner: (item: unknown) => string): string {
  const fields = value as Record<string, unknown>;
  return group(
    "{",
    Object.keys(fields).sort().map((key) => text(key) + inner(fields[key])),
  );
}

function identity(of: Pid | Ref): string {
  return `${numberText(of)}.${of.creation}.${text(of.node)}`;
}
