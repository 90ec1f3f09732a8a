/**
 * Terms: the values that messages consist of, and their copies.
 *
 * The same values can be sent within a node and between nodes: the values of JSON, `undefined`, `bigint`, NaN, the
 * infinities, −0, `Date`, `Map`, `Set`, `ArrayBuffer`, typed arrays, errors, and Erlang's terms: pids, references,
 * atoms, tuples, improper lists, bitstrings, floats, functions and ports.
 */

import { FEW_KEYS, isCrowded } from "./hash_collisions.ts";
import { errorTerm, rebuildError } from "./error_term.ts";
import { checkNodeOf, Pid, Ref } from "./pid.ts";
import { Atom } from "./atom.ts";
import { ReplyTo } from "./reply_to.ts";
import { ImproperList } from "./improper_list.ts";
import { copyLeafTerm, isLeafTerm } from "./leaf_term.ts";
import { OwnFunction } from "./own_function.ts";
import { ServerMessage } from "./server_message.ts";
import { Tuple } from "./tuple.ts";

/**
 * The maximum nesting of a message. Arrays, tuples, improper lists, objects, maps, sets and errors count as one level
 * each, whatever their keys; other values do not count. `copyTerm` and every wire's encoder and decoder count alike,
 * so they accept the same messages.
 */
export const DEFAULT_MAX_DEPTH = 512;

/**
 * The number of levels by which an exit reason must be less deep than a message: it becomes part of messages such as
 * EXIT and DOWN, which can then be sent on.
 */
export const REASON_LEVELS = 8;

/** The maximum number of decimal digits of a bigint, whose conversion takes more than linear time. */
export const MAX_BIGINT_DIGITS = 10_000;

/**
 * The maximum length of an array with holes: an array of 2^32 - 1 items may have a few bytes, but would take minutes.
 */
const MAX_WITH_HOLES = 1 << 20;

const BIGINT_END = 10n ** BigInt(MAX_BIGINT_DIGITS);
const BIGINT_START = -BIGINT_END;

/** The sendable typed arrays, by name. */
export const TYPED_ARRAYS: ReadonlyMap<
  string,
  new (buffer: ArrayBuffer) => ArrayBufferView & { slice(): ArrayBufferView }
> = new Map(
  ([
    Uint8Array,
    Uint8ClampedArray,
    Int8Array,
    Uint16Array,
    Int16Array,
    Uint32Array,
    Int32Array,
    BigUint64Array,
    BigInt64Array,
    Float32Array,
    Float64Array,
    // deno-lint-ignore no-explicit-any
  ] as any[]).map((type) => [type.name, type]),
);

/** Whether an object is plain data: made by a literal, or without a prototype. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Creates the error for a value that cannot be sent, with the next thing to try. */
export function notSendable(value: unknown): TypeError {
  if (typeof value === "function") {
    return new TypeError(
      `Cannot send the function ${
        value.name || "(anonymous)"
      }: functions do not travel; export it from a module and send [module, function, args]`,
    );
  }
  if (typeof value === "symbol") {
    return new TypeError(
      `Cannot send ${
        String(value)
      }: symbols do not travel; send an atom or a string`,
    );
  }
  const type = (value as object).constructor?.name ?? "object";
  return new TypeError(
    `Cannot send an instance of ${type}: only plain data travels; send its fields instead`,
  );
}

/** Creates the error for a value that is nested too deeply. */
export function tooDeep(maxDepth: number): RangeError {
  return new RangeError(
    `Cannot send a value nested deeper than ${maxDepth} levels (or one that contains itself); flatten it, or raise limits.maxDepth on both nodes`,
  );
}

/** @throws {RangeError} If a bigint has more digits than may be sent. */
export function checkBigInt(value: bigint): void {
  // Engines inline this check; a comparison is a call.
  if (BigInt.asIntN(64, value) === value) return;
  if (value >= BIGINT_END || value <= BIGINT_START) {
    throw new RangeError(
      `Cannot send a bigint of more than ${MAX_BIGINT_DIGITS} digits; send it in parts, or as bytes`,
    );
  }
}

/** @throws {RangeError} If an array that is too long for holes has a hole at `index`. */
export function checkHole(array: readonly unknown[], index: number): void {
  if (array.length > MAX_WITH_HOLES && !(index in array)) {
    throw new RangeError(
      `Cannot send an array of ${array.length} items that has holes: ${MAX_WITH_HOLES} is the most; send a Map of those that are there`,
    );
  }
}

/** @throws {RangeError} If the keys of a map or a set collide so often that they would cost the receiver too much. */
export function checkKeys(
  of: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>,
): void {
  if (of.size > FEW_KEYS && isCrowded(of.size, of.keys())) {
    throw new RangeError(
      `Cannot send a ${
        of instanceof Map ? "Map" : "Set"
      } whose ${of.size} numbers, bigints or texts of digits have the same hash, as bigints with the same lowest 64 bits do; send an array, or other texts as keys`,
    );
  }
}

/** Whether received keys of a map or a set collide too often. */
export function areCrowded(count: number, keys: () => unknown[]): boolean {
  return count > FEW_KEYS && isCrowded(count, keys());
}

/**
 * Copies a message for later, when its wire is known. Requests of the library keep their brand, because only the wire
 * knows their encoding.
 */
export function copyToSend(
  value: unknown,
  maxDepth: number = DEFAULT_MAX_DEPTH,
): unknown {
  return value instanceof ServerMessage
    ? value.copiedWithBrand(copyTerm, maxDepth - 1, maxDepth)
    : copyTerm(value, maxDepth);
}

/**
 * Copies a message; the copy shares nothing mutable with it.
 *
 * @param left The number of levels that the message may have.
 * @param max The maximum nesting of a message, for the error; it is more than `left` for a part of a message.
 * @throws {TypeError} If the message contains a value that cannot be sent.
 * @throws {RangeError} If the message is nested too deeply, or contains too long a bigint.
 */
export function copyTerm(
  value: unknown,
  left: number = DEFAULT_MAX_DEPTH,
  max: number = left,
): unknown {
  switch (typeof value) {
    case "object":
      return value === null ? null : copyObject(value, left, max);
    case "bigint":
      checkBigInt(value);
      return value;
    case "function":
    case "symbol":
      throw notSendable(value);
    default:
      return value;
  }
}

function copyObject(value: object, left: number, max: number): unknown {
  if (Array.isArray(value)) return copyItems(value, left, max);
  if (isPlainObject(value)) return copyPlain(value, left, max);
  if (value instanceof Pid || value instanceof Ref) {
    checkNodeOf(value);
    return value;
  }
  if (value instanceof Atom) return value;
  if (value instanceof ServerMessage) {
    if (left <= 0) throw tooDeep(max);
    // Nested in another message, a request becomes data, as on a wire.
    return left === max
      ? value.copied(copyTerm, left - 1, max)
      : copyPlain(value.fields(), left, max);
  }
  if (value instanceof ReplyTo) return copyReplyTo(value, left, max);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Map) {
    if (left <= 0) throw tooDeep(max);
    checkKeys(value);
    const copy = new Map();
    for (const [key, item] of value) {
      copy.set(copyTerm(key, left - 1, max), copyTerm(item, left - 1, max));
    }
    return copy;
  }
  if (value instanceof Set) {
    if (left <= 0) throw tooDeep(max);
    checkKeys(value);
    const copy = new Set();
    for (const item of value) copy.add(copyTerm(item, left - 1, max));
    return copy;
  }
  if (value instanceof Error) {
    if (left <= 0) throw tooDeep(max);
    const term = errorTerm(value);
    if (term.fields !== undefined) {
      term.fields = copyPlain(term.fields, left, max);
    }
    return rebuildError(term);
  }
  if (value instanceof Tuple) {
    return new Tuple(copyItems(value.elements, left, max));
  }
  if (value instanceof ArrayBuffer) return value.slice(0);
  const kind = typedArrayKind(value);
  // Not by slice(): a Buffer's slice shares its memory.
  if (kind !== undefined) return copyView(TYPED_ARRAYS.get(kind)!, value);
  if (value instanceof ImproperList) {
    return new ImproperList(
      copyItems(value.items, left, max),
      copyTerm(value.tail, left - 1, max),
    );
  }
  if (isLeafTerm(value)) return copyLeafTerm(value);
  if (value instanceof OwnFunction) return value;
  throw notSendable(value);
}

/** Copies a `ReplyTo`; only its tag counts as a level. */
function copyReplyTo(value: ReplyTo, left: number, max: number): ReplyTo {
  const { pid, alias, tag, form, returns } = value;
  checkNodeOf(pid);
  if (alias !== undefined) checkNodeOf(alias);
  if (tag === undefined) return value;
  if (left <= 0) throw tooDeep(max);
  const copy = new ReplyTo(pid, alias, copyTerm(tag, left - 1, max), form);
  copy.returns = returns;
  return copy;
}

function copyItems(
  items: readonly unknown[],
  left: number,
  max: number,
): unknown[] {
  if (left <= 0) throw tooDeep(max);
  const copy = new Array(items.length);
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (item === undefined) checkHole(items, i);
    copy[i] = copyTerm(item, left - 1, max);
  }
  return copy;
}

function copyPlain(
  given: object,
  left: number,
  max: number,
): Record<string, unknown> {
  if (left <= 0) throw tooDeep(max);
  const value = given as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  // `for … in` is the fastest. It also yields fields that a program has added to all objects, so check.
  for (const key in value) {
    let field = value[key];
    if (typeof field === "object") {
      if (field instanceof Pid) checkNodeOf(field);
      else if (field !== null) field = copyObject(field, left - 1, max);
    } else if (typeof field === "function" || typeof field === "symbol") {
      if (!Object.hasOwn(value, key)) continue;
      throw notSendable(field);
    } else if (typeof field === "bigint") checkBigInt(field);
    if (key === "__proto__") defineProto(copy, field);
    else copy[key] = field;
  }
  return copy;
}

function copyView(
  // deno-lint-ignore no-explicit-any
  Type: new (source: any) => ArrayBufferView,
  source: object,
): ArrayBufferView {
  return new Type(source);
}

/** Returns the name of a sendable typed array's class. */
export function typedArrayKind(value: object): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const kind = (value as Uint8Array)[Symbol.toStringTag];
  return TYPED_ARRAYS.has(kind) ? kind : undefined;
}

/** Sets a field named `__proto__`, which an assignment would not create. */
export function defineProto(object: object, value: unknown): void {
  Object.defineProperty(object, "__proto__", {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Copies bytes; `slice` of a Buffer, which is a Uint8Array too, would share them. */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Whether a message is of a type. */
export function isTyped<T extends string>(
  message: unknown,
  type: T,
): message is { type: T } {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === type;
}
