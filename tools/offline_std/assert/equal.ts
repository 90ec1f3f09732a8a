// Offline stand-in for `@std/assert/equal`, so that a clone works without JSR;
// the published package depends on the genuine one.

import { isDeepStrictEqual, types } from "node:util";

/** Pairs under comparison, so that a cycle ends where it began. */
type Visited = Map<object, Set<object>>;

/**
 * Tells whether two values are deeply equal, by the rules of `@std/assert`.
 *
 * Unlike `node:util`'s `isDeepStrictEqual` it takes `0` and `-0` for equal and
 * a null prototype for a plain one, and it compares the accessors and the
 * non-enumerable properties of class instances (so two errors that were made
 * in different places differ, by their stacks).
 *
 * @param a One value.
 * @param b The other value.
 * @returns Whether they are equal.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** Whether `value` has properties that can be walked; a function has not. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Notes that `a` and `b` are being compared; returns whether they were not before. */
function visit(a: object, b: object, visited: Visited): boolean {
  const partners = visited.get(a) ?? new Set();
  visited.set(a, partners);
  if (partners.has(b)) return false;
  partners.add(b);
  return true;
}

function compare(a: unknown, b: unknown, visited: Visited): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (types.isDate(a) && types.isDate(b)) {
    return Object.is(a.getTime(), b.getTime());
  }
  if (prototypeOf(a) !== prototypeOf(b)) return false;
  if (types.isTypedArray(a) && types.isTypedArray(b)) {
    return compareNumbers(a, b);
  }
  if (types.isAnyArrayBuffer(a)) return isDeepStrictEqual(a, b);
  if (types.isRegExp(a) || a instanceof URL) return String(a) === String(b);
  if (!visit(a, b, visited)) return true;
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  if (isCollection(a) && isCollection(b)) {
    return compareCollections(a, b, visited);
  }
  return compareProperties(a, b, visited);
}

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function compareNumbers(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

type Collection = Set<unknown> | Map<unknown, unknown>;

function isCollection(value: unknown): value is Collection {
  return value instanceof Set || value instanceof Map;
}

function compareCollections(
  a: Collection,
  b: Collection,
  visited: Visited,
): boolean {
  if (a.size !== b.size) return false;
  const unmatched = new Map(b.entries());
  for (const [key, value] of a.entries()) {
    const match = isObject(key)
      ? findEntry(key, value, unmatched, visited)
      : unmatched.has(key) &&
          (a instanceof Set || compare(value, unmatched.get(key), visited))
      ? { key }
      : undefined;
    if (match === undefined) return false;
    unmatched.delete(match.key);
  }
  return true;
}

function findEntry(
  key: object,
  value: unknown,
  entries: Map<unknown, unknown>,
  visited: Visited,
): { key: unknown } | undefined {
  for (const [otherKey, otherValue] of entries) {
    if (
      compare(key, otherKey, visited) &&
      (value === key || compare(value, otherValue, visited))
    ) {
      return { key: otherKey };
    }
  }
  return undefined;
}

function compareProperties(a: object, b: object, visited: Visited): boolean {
  for (const key of new Set([...comparedKeys(a), ...comparedKeys(b)])) {
    if (key in a !== key in b) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), visited)) {
      return false;
    }
  }
  return true;
}

/** The properties that a caller can read: own enumerable properties of plain values, all of an instance's. */
function comparedKeys(value: object): (string | symbol)[] {
  const prototype = prototypeOf(value);
  const ownKeys = Reflect.ownKeys(value);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return ownKeys.filter((key) =>
      Object.prototype.propertyIsEnumerable.call(value, key)
    );
  }
  return ownKeys.concat(inheritedKeys(prototype));
}

function inheritedKeys(prototype: object | null): (string | symbol)[] {
  const keys: (string | symbol)[] = [];
  while (
    prototype !== null && prototype !== Object.prototype &&
    prototype !== Array.prototype
  ) {
    keys.push(...Reflect.ownKeys(prototype));
    prototype = Object.getPrototypeOf(prototype);
  }
  return keys;
}
