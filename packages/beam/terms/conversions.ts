/** The conversion of values by the types that functions and servers declare for callers on a BEAM. */

import { Atom, atom } from "@otp/processes/values/atom";
import { Tuple } from "@otp/processes/values/tuple";
import { Float } from "@otp/processes/values/float";
import type { BeamFields, BeamType } from "@otp/processes/values/beam_types";
import { isPlainObject } from "@otp/processes/values/term";

/** The types of a function's arguments and of its result; missing types are `"term"`. */
export interface BeamTypes {
  readonly args?: readonly BeamType[];
  readonly returns?: BeamType;
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
