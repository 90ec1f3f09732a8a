/** The types that functions declare for callers on a BEAM, and the conversion of values by them. */

import { Atom, atom } from "@otp/processes/values/atom";
import { Tuple } from "@otp/processes/values/tuple";
import { Float } from "@otp/processes/values/float";
import { inspect } from "@otp/processes/values/inspect";
import { isPlainObject } from "@otp/processes/values/term";

/**
 * The form of a value on a BEAM ("there") and in this library ("here"):
 *
 * - `"term"`: by the default mapping, in which a string is a binary
 * - `"binary"`: a string here, a binary there
 * - `"bytes"`: a `Uint8Array` here, a binary there; without it, a binary of UTF-8 arrives as a string
 * - `"atom"`: a string here, an atom there
 * - `"charlist"`: a string here, a list of code points there
 * - `"float"`: a number here, a float there, even if it is whole
 * - `{ list: type }`: an array here, a list there
 * - `{ tuple: [type, …] }`: an array here, a tuple there
 * - `{ map: { field: type } }`: an object here, a map whose keys are atoms there
 * - `{ tagged: { name: fields } }`: one of several messages that begin with an atom there:
 *   - `name: []`: `"name"` here, `:name` there
 *   - `name: [type, …]`: `["name", …]` here, `{:name, …}` there; also as without fields
 *   - `name: { field: type, … }`: `{ type: "name", field, … }` here, `{:name, field, …}` there, in declared order;
 *     `:name` without fields
 */
export type BeamType =
  | "term"
  | "binary"
  | "bytes"
  | "atom"
  | "charlist"
  | "float"
  | { readonly list: BeamType }
  | { readonly tuple: readonly BeamType[] }
  | { readonly map: Readonly<Record<string, BeamType>> }
  | {
    readonly tagged: {
      readonly [name: string]:
        | readonly BeamType[]
        | Readonly<Record<string, BeamType>>;
    };
  };

/** The types of a tagged message's fields, in order, for an array or an object. */
export type BeamFields = Extract<
  BeamType,
  { readonly tagged: unknown }
>["tagged"][string];

/** The types of a function's arguments and of its result; missing types are `"term"`. */
export interface BeamTypes {
  readonly args?: readonly BeamType[];
  readonly returns?: BeamType;
}

// deno-lint-ignore ban-types
const declared = new WeakMap<Function, BeamTypes>();

// deno-lint-ignore ban-types
export function declareBeamTypes(fn: Function, types: BeamTypes): void {
  declared.set(fn, types);
}

// deno-lint-ignore ban-types
export function beamTypesOf(fn: Function | undefined): BeamTypes | undefined {
  return fn === undefined ? undefined : declared.get(fn);
}

/** Encodes arguments for a BEAM. */
export function argsToBeam(
  args: unknown[],
  types: BeamTypes | undefined,
): unknown[] {
  const declared = types?.args;
  return declared ? args.map((arg, i) => toBeam(arg, declared[i])) : args;
}

/** Decodes arguments from a BEAM. */
export function argsFromBeam(
  args: unknown[],
  types: BeamTypes | undefined,
): unknown[] {
  const declared = types?.args;
  return declared ? args.map((arg, i) => fromBeam(arg, declared[i])) : args;
}

/** Returns the characters of a text: an Erlang charlist. */
export function codePoints(text: string): number[] {
  return Array.from(text, (each) => each.codePointAt(0)!);
}

/** Encodes a value for a BEAM. A value that does not fit its type stays as it is. */
export function toBeam(value: unknown, type: BeamType | undefined): unknown {
  if (type === undefined || type === "term") return value;
  switch (type) {
    case "binary":
    case "bytes":
      return value;
    case "atom":
      return typeof value === "string" ? atom(value) : value;
    case "charlist":
      return typeof value === "string" ? codePoints(value) : value;
    case "float":
      return typeof value === "number" && Number.isInteger(value) &&
          !Object.is(value, -0)
        ? new Float(value)
        : value;
  }
  if ("list" in type) {
    return Array.isArray(value)
      ? value.map((each) => toBeam(each, type.list))
      : value;
  }
  if ("tuple" in type) {
    return Array.isArray(value)
      ? new Tuple(value.map((each, i) => toBeam(each, type.tuple[i])))
      : value;
  }
  if ("tagged" in type) return toTagged(value, type.tagged);
  if (!isObject(value)) return value;
  const map = new Map<unknown, unknown>();
  for (const [key, field] of Object.entries(value)) {
    // A BEAM never frees atoms, so only declared keys become atoms, not the keys of data.
    if (Object.hasOwn(type.map, key)) {
      map.set(atom(key), toBeam(field, type.map[key]));
    } else map.set(key, field);
  }
  return map;
}

/** Decodes a value from a BEAM. A value that does not fit its type stays as it is. */
export function fromBeam(value: unknown, type: BeamType | undefined): unknown {
  if (type === undefined || type === "term") return value;
  switch (type) {
    case "binary":
      return value;
    case "bytes":
      return typeof value === "string"
        ? new TextEncoder().encode(value)
        : value;
    case "atom":
      return value instanceof Atom ? value.name : ATOMS.get(value) ?? value;
    case "charlist":
      return isCodePoints(value) ? String.fromCodePoint(...value) : value;
    case "float":
      return value instanceof Float ? value.value : value;
  }
  if ("list" in type) {
    return Array.isArray(value)
      ? value.map((each) => fromBeam(each, type.list))
      : value;
  }
  if ("tuple" in type) {
    return value instanceof Tuple
      ? (value as Tuple).elements.map((each, i) =>
        fromBeam(each, type.tuple[i])
      )
      : value;
  }
  if ("tagged" in type) return fromTagged(value, type.tagged);
  if (!(value instanceof Map)) return value;
  const object = new Map<string, unknown>();
  for (const [key, field] of value) {
    const name = key instanceof Atom ? key.name : key;
    if (typeof name !== "string" || object.has(name)) return value;
    object.set(
      name,
      key === name ? field : fromBeam(field, ownOf(type.map, name)),
    );
  }
  return Object.fromEntries(object);
}

type Tagged = Readonly<Record<string, BeamFields>>;

function toTagged(value: unknown, tagged: Tagged): unknown {
  if (typeof value === "string") {
    return isFields(ownOf(tagged, value)) ? atom(value) : value;
  }
  if (Array.isArray(value)) {
    const [name, ...rest] = value;
    const types = ownOf(tagged, name);
    if (!isFields(types) || types.length !== rest.length || rest.length === 0) {
      return value;
    }
    return new Tuple([
      atom(name),
      ...types.map((type, i) => toBeam(rest[i], type)),
    ]);
  }
  if (!isObject(value)) return value;
  const types = ownOf(tagged, value.type);
  if (types === undefined || isFields(types)) return value;
  const name = atom(value.type as string);
  const fields = Object.entries(types).map(([key, type]) =>
    toBeam(value[key], type)
  );
  return fields.length === 0 ? name : new Tuple([name, ...fields]);
}

function fromTagged(value: unknown, tagged: Tagged): unknown {
  const [first, ...rest] = value instanceof Tuple && value.length > 1
    ? value.elements as readonly unknown[]
    : [value];
  const name = first instanceof Atom ? first.name : ATOMS.get(first);
  const types = ownOf(tagged, name);
  if (name === undefined || types === undefined) return value;
  if (isFields(types)) {
    if (rest.length === 0) return name;
    return types.length === rest.length
      ? [name, ...types.map((type, i) => fromBeam(rest[i], type))]
      : value;
  }
  const fields = Object.entries(types);
  if (fields.length !== rest.length) return value;
  return Object.fromEntries([
    ["type", name],
    ...fields.map(([key, type], i) => [key, fromBeam(rest[i], type)]),
  ]);
}

function ownOf<T>(
  values: Readonly<Record<string, T>>,
  name: unknown,
): T | undefined {
  return typeof name === "string" && Object.hasOwn(values, name)
    ? values[name]
    : undefined;
}

function isFields(types: BeamFields | undefined): types is readonly BeamType[] {
  return Array.isArray(types);
}

const TYPE_NAMES: ReadonlySet<unknown> = new Set([
  "term",
  "binary",
  "bytes",
  "atom",
  "charlist",
  "float",
]);

/** The maximum nesting of types. */
export const MAX_TYPE_DEPTH = 32;

/** @throws {TypeError} If a type is invalid. */
export function checkBeamType(type: unknown, depth = 0): void {
  if (type === undefined || TYPE_NAMES.has(type)) return;
  const inner = depth < MAX_TYPE_DEPTH ? innerTypes(type) : undefined;
  if (inner !== undefined) {
    for (const each of inner) checkBeamType(each, depth + 1);
    return;
  }
  throw new TypeError(
    `Cannot declare the type ${
      inspect(type)
    }: give "term", "binary", "bytes", "atom", "charlist", "float", { list }, { tuple: [] }, { map: {} } or { tagged: {} }`,
  );
}

/** The maximum length of a type's text. */
export const MAX_TYPE_TEXT = 1 << 14;

/** Encodes a type as text, for another node. Throws a `RangeError` if the text is too long. */
export function beamTypeToText(type: BeamType): string {
  const text = JSON.stringify(type);
  if (text.length <= MAX_TYPE_TEXT) return text;
  throw new RangeError(
    `Cannot declare the type ${
      inspect(type)
    }: its JSON has ${text.length} characters, and ${MAX_TYPE_TEXT} is the most`,
  );
}

/** Decodes the text of a type from another node. Throws an `Error` if the text is invalid. */
export function beamTypeOfText(text: unknown): BeamType {
  if (typeof text !== "string" || text.length > MAX_TYPE_TEXT) {
    throw new TypeError("a type that is not a short text");
  }
  const type = JSON.parse(text);
  checkBeamType(type);
  return type;
}

/** Returns the types within a type; `undefined` if the type is invalid. */
function innerTypes(type: unknown): unknown[] | undefined {
  if (!isObject(type) || Object.keys(type).length !== 1) return undefined;
  const { list, tuple, map, tagged } = type;
  if (list !== undefined) return [list];
  if (Array.isArray(tuple)) return tuple;
  if (isObject(map)) return Object.values(map);
  if (!isObject(tagged)) return undefined;
  const all: unknown[] = [];
  for (const fields of Object.values(tagged)) {
    // A field `type` would hide the type of the message.
    if (isObject(fields) && !Object.hasOwn(fields, "type")) {
      all.push(...Object.values(fields));
    } else if (Array.isArray(fields)) all.push(...fields);
    else return undefined;
  }
  return all;
}

/** The atoms that correspond to values of JavaScript. */
const ATOMS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [true, "true"],
  [false, "false"],
  [null, "nil"],
  [undefined, "undefined"],
]);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && isPlainObject(value);
}

/** The maximum length of a charlist that becomes a text: each character takes room on the stack. */
const MAX_CHARLIST = 10_000;

function isCodePoints(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_CHARLIST &&
    value.every((each) =>
      Number.isInteger(each) && each >= 0 && each <= 0x10ffff
    );
}
