/** Generators of values that can be sent, and their comparison. */

import fc from "fast-check";
import { Pid, Ref } from "../process.ts";
import { Atom, atom } from "../runtime/values/atom.ts";

/** Keys with a special meaning somewhere. */
const SPECIAL_KEYS = [
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "toJSON",
  "then",
  "type",
  "length",
  "$",
  "",
  "0",
];

const TYPED_ARRAYS = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
];

const ERROR_CLASSES = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  URIError,
  EvalError,
];

function bytes(): fc.Arbitrary<ArrayBufferView> {
  return fc.tuple(
    fc.constantFrom(...TYPED_ARRAYS),
    fc.array(fc.nat(255), { maxLength: 8 }),
  ).map(([Type, items]) =>
    Type === BigUint64Array || Type === BigInt64Array
      ? new Type(items.map(BigInt))
      : new (Type as Uint8ArrayConstructor)(items)
  );
}

function leaf(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, NaN, Infinity, -Infinity),
    fc.date({ noInvalidDate: false }),
    bytes(),
    fc.uint8Array({ maxLength: 16 }).map((items) => items.slice().buffer),
    fc.nat().map((number) => new Pid("kate@localhost", number, 1)),
    fc.nat().map((number) => new Ref("alex@localhost", number, 2)),
    fc.constantFrom("ok", "Elixir.Chat", "", "ünïcode").map(atom),
  );
}

/** Arbitrary values that can be sent, of limited depth. */
export function anyTerm(): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.string(), fc.constantFrom(...SPECIAL_KEYS));
  return fc.letrec((tie) => {
    const term = tie("term");
    return {
      term: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        leaf(),
        fc.array(term, { maxLength: 5 }),
        fc.array(fc.tuple(key, term), { maxLength: 5 }).map(objectOf),
        fc.array(fc.tuple(term, term), { maxLength: 4 }).map((each) =>
          new Map(each)
        ),
        fc.array(term, { maxLength: 4 }).map((each) => new Set(each)),
        fc.tuple(fc.constantFrom(...ERROR_CLASSES), fc.string(), term).map(
          ([Type, message, cause]) => new Type(message, { cause }),
        ),
      ),
    };
  }).term;
}

/** An object with exactly these own keys, even `__proto__`. */
export function objectOf(entries: [string, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

/** An exact description of a value: two values are the same when their descriptions are. */
export function exactly(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : `${typeof value} ${String(value)}`;
  }
  const type = Object.getPrototypeOf(value)?.constructor?.name;
  return [type, ...contents(value).map(exactly)];
}

function contents(value: object): unknown[] {
  if (value instanceof Pid || value instanceof Ref) {
    return [value.node, value.number, value.creation];
  }
  if (value instanceof Atom) return [value.name];
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [...value as Uint8Array];
  if (value instanceof Error) {
    return [value.name, value.message, value.stack, value.cause];
  }
  return Object.keys(value).flatMap((
    key,
  ) => [key, Object.getOwnPropertyDescriptor(value, key)!.value]);
}

/** Every mutable part of a value. */
export function mutable(
  value: unknown,
  found = new Set<object>(),
): Set<object> {
  if (typeof value !== "object" || value === null || found.has(value)) {
    return found;
  }
  if (value instanceof Pid || value instanceof Ref || value instanceof Atom) {
    return found;
  }
  found.add(value);
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  for (const each of contents(value)) mutable(each, found);
  return found;
}
