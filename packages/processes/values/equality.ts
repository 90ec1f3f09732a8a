/** Equality of terms. */

/** A value with a method that compares it. */
interface Comparable {
  equals(other: unknown): boolean;
}

/**
 * Whether two values of messages are equal: collections by their contents, numbers as by `===`, except that NaN
 * equals itself.
 */
export function equalTerms(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (
    typeof one !== "object" || typeof other !== "object" || one === null ||
    other === null
  ) return one !== one && other !== other;
  if (Array.isArray(one)) return Array.isArray(other) && equalItems(one, other);
  if (isPlain(one)) return isPlain(other) && equalFields(one, other);
  if (isComparable(one)) return one.equals(other);
  if (one instanceof Date) {
    return other instanceof Date &&
      equalTerms(one.getTime(), other.getTime());
  }
  if (one instanceof Map) return other instanceof Map && equalMaps(one, other);
  if (one instanceof Set) return other instanceof Set && equalSets(one, other);
  if (one instanceof Error) {
    return other instanceof Error && one.name === other.name &&
      one.message === other.message && equalTerms(one.cause, other.cause) &&
      equalTerms(errorsOf(one), errorsOf(other)) && equalFields(one, other);
  }
  return equalBytes(one, other);
}

/** Whether two lists have equal items in the same order. */
export function equalItems(
  some: ArrayLike<unknown>,
  others: ArrayLike<unknown>,
): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) {
    if (!equalTerms(some[i], others[i])) return false;
  }
  return true;
}

function errorsOf(error: Error): unknown {
  return (error as Partial<AggregateError>).errors;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isComparable(value: object): value is Comparable {
  return typeof (value as Partial<Comparable>).equals === "function" &&
    !ArrayBuffer.isView(value);
}

function equalFields(one: object, other: object): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length &&
    keys.every((key) =>
      Object.hasOwn(other, key) && equalTerms(
        (one as Record<string, unknown>)[key],
        (other as Record<string, unknown>)[key],
      )
    );
}

function equalMaps(
  one: ReadonlyMap<unknown, unknown>,
  other: ReadonlyMap<unknown, unknown>,
): boolean {
  if (one.size !== other.size) return false;
  const unmatched: [unknown, unknown][] = [];
  for (const [key, value] of one) {
    if (other.has(key)) {
      if (!equalTerms(value, other.get(key))) return false;
    } else unmatched.push([key, value]);
  }
  // Keys with contents, such as pids: another object may be an equal key.
  return unmatched.length === 0 || haveMatches(
    unmatched,
    [...other].filter(([key]) => !one.has(key)),
  );
}

function equalSets(
  one: ReadonlySet<unknown>,
  other: ReadonlySet<unknown>,
): boolean {
  return one.size === other.size && haveMatches(
    [...one].filter((item) => !other.has(item)),
    [...other].filter((item) => !one.has(item)),
  );
}

function haveMatches(some: unknown[], others: unknown[]): boolean {
  return some.length === others.length && some.every((item) => {
    const at = others.findIndex((each) => equalTerms(item, each));
    if (at < 0) return false;
    others.splice(at, 1);
    return true;
  });
}

function equalBytes(one: object, other: object): boolean {
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof ArrayBuffer) {
    return equalItems(
      new Uint8Array(one),
      new Uint8Array(other as ArrayBuffer),
    );
  }
  return ArrayBuffer.isView(one) &&
    equalItems(one as Uint8Array, other as Uint8Array);
}
