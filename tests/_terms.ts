/** Generators of values that can be sent, and their comparison. */

import { Pid, Ref } from "../packages/processes/process.ts";
import { Atom, atom } from "../packages/processes/values/atom.ts";
import { Bitstring } from "../packages/processes/values/bitstring.ts";
import { Float } from "../packages/processes/values/float.ts";
import {
  ExternalFunction,
  LocalFunction,
} from "../packages/processes/values/functions.ts";
import { ImproperList } from "../packages/processes/values/improper_list.ts";
import {
  isLeafTerm,
  type LeafTerm,
} from "../packages/processes/values/leaf_term.ts";
import { pidOf, refOf } from "../packages/processes/values/pid.ts";
import { Port } from "../packages/processes/values/port.ts";
import {
  publicStack,
  withoutFolders,
} from "../packages/processes/values/public_stack.ts";
import { ReplyTo } from "../packages/processes/values/reply_to.ts";
import { Tuple } from "../packages/processes/values/tuple.ts";
import fc from "./_seeds.ts";

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
    fc.constantFrom("ok", "Elixir.Chat", "", "ünïcode", "é".repeat(255)).map(
      atom,
    ),
    erlangLeaf(),
  );
}

/** Callers of this library, and those of Erlang's nodes, which may have a tag. */
function replyTo(tag: fc.Arbitrary<unknown>): fc.Arbitrary<ReplyTo> {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const words = fc.array(word, { minLength: 1, maxLength: 5 });
  const form = fc.constantFrom<"call" | "io">("call", "io");
  return fc.tuple(word, word, words, fc.boolean(), fc.option(tag), form).map(
    ([id, serial, words, hasAlias, tag, form]) => {
      const pid = pidOf("moebi@localhost", id, serial, 7);
      const alias = refOf("moebi@localhost", words, 7);
      return tag === null
        ? new ReplyTo(pid, alias)
        : new ReplyTo(pid, hasAlias ? alias : undefined, tag, form);
    },
  );
}

const NODES = ["alex@localhost", "kate@localhost", "moebi@localhost"];

/** Terms of Erlang without parts. */
function erlangLeaf(): fc.Arbitrary<unknown> {
  const node = fc.constantFrom(...NODES);
  const word = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(0, 1, 2 ** 21 - 1, 2 ** 21, 2 ** 32 - 1),
  );
  const arity = fc.nat(255);
  const name = fc.constantFrom("Elixir.String", "erlang", "a b", "é", "");
  const some = fc.uint8Array({ minLength: 1, maxLength: 300 });
  return fc.oneof(
    fc.maxSafeInteger().filter((value) => !Object.is(value, -0)).map((value) =>
      new Float(value)
    ),
    fc.constantFrom(1e300, -(2 ** 70)).map((value) => new Float(value)),
    fc.tuple(some, fc.integer({ min: 1, max: 7 })).map(([bytes, bits]) =>
      new Bitstring(bytes, bits)
    ),
    fc.tuple(name, name, arity).map((parts) => new ExternalFunction(...parts)),
    fc.tuple(name, word, word, arity, some).map((parts) =>
      new LocalFunction(...parts)
    ),
    fc.tuple(node, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), word).map((
      parts,
    ) => new Port(...parts)),
    fc.tuple(node, word, word, word).map((parts) => pidOf(...parts)),
    fc.tuple(node, fc.array(word, { minLength: 1, maxLength: 5 }), word).map((
      parts,
    ) => refOf(...parts)),
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
        // With fewer leaves the trees would take seconds.
        { arbitrary: leaf(), weight: 2 },
        fc.array(term, { maxLength: 5 }),
        fc.array(term, { maxLength: 5 }).map((each) => new Tuple(each)),
        fc.tuple(fc.array(term, { minLength: 1, maxLength: 4 }), term)
          .filter(([, tail]) =>
            !Array.isArray(tail) && !(tail instanceof ImproperList)
          )
          .map(([items, tail]) => new ImproperList(items, tail)),
        fc.array(fc.tuple(key, term), { maxLength: 5 }).map(objectOf),
        replyTo(term.filter((tag) => tag !== undefined)),
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

/** The parts of a value, by which it differs from others. */
export function contents(value: object): unknown[] {
  if (value instanceof Pid) {
    return [value.node, value.id, value.serial, value.creation];
  }
  if (value instanceof Ref) {
    return [value.node, value.number, ...value.words, value.creation];
  }
  if (value instanceof Tuple) return [...value];
  if (value instanceof ImproperList) return [...value.items, value.tail];
  if (isLeafTerm(value)) return leafContents(value);
  if (value instanceof Atom) return [value.name];
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [...value as Uint8Array];
  if (value instanceof Error) {
    // Another node gets no folders of this machine.
    return [
      value.name,
      withoutFolders(value.message),
      publicStack(`${value.stack}`),
      value.cause,
    ];
  }
  return Object.keys(value).flatMap((
    key,
  ) => [key, Object.getOwnPropertyDescriptor(value, key)!.value]);
}

function leafContents(value: LeafTerm): unknown[] {
  if (value instanceof Float) return [value.value];
  if (value instanceof Bitstring) return [value.bits, value.bytes];
  if (value instanceof Port) return [value.node, value.id, value.creation];
  const { module, arity } = value;
  return value instanceof ExternalFunction
    ? [module, value.function, arity]
    : [module, arity, value.index, value.uniq, value.bytes];
}

/** Every mutable part of a value. */
export function mutable(
  value: unknown,
  found = new Set<object>(),
): Set<object> {
  if (typeof value !== "object" || value === null || found.has(value)) {
    return found;
  }
  if (
    value instanceof Pid || value instanceof Ref || value instanceof Atom ||
    value instanceof Float || value instanceof ExternalFunction ||
    value instanceof Port
  ) return found;
  if (value instanceof ReplyTo) return mutable(value.tag, found);
  found.add(value);
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  for (const each of contents(value)) mutable(each, found);
  return found;
}
