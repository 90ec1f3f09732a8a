/** The types that functions and servers declare for callers on a BEAM, and for servers there. */

import { checkOptions, checkRecord } from "./check_arguments.ts";
import { inspect } from "./inspect.ts";
import type { OptionChecks } from "./options.ts";
import { isPlainObject } from "./term.ts";

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

/**
 * The types on a BEAM that a type in TypeScript can have.
 *
 * @typeParam T The type in TypeScript.
 */
export type BeamTypeOf<T> = unknown extends T ? BeamType
  : [T] extends [string] ? "term" | "binary" | "atom" | "charlist"
  : [T] extends [number] ? "term" | "float"
  : [T] extends [Uint8Array] ? "term" | "bytes"
  : BeamType;

/**
 * The types of the fields of a message, by the form that it has in TypeScript.
 *
 * @typeParam M The message: `"name"`, `["name", …]` or `{ type: "name", … }`.
 */
export type BeamFieldsOf<M> = M extends string ? readonly []
  : M extends readonly [string, ...infer R]
    ? { readonly [I in keyof R]: BeamTypeOf<R[I]> }
  : { readonly [K in Exclude<keyof M, "type">]-?: BeamTypeOf<M[K]> };

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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && isPlainObject(value);
}

// Servers.

/** The declaration of a server, of any types: `GenServerBeamTypes`. */
export interface ServerBeamTypes {
  readonly call?: BeamType;
  readonly reply?: BeamType;
  /** By the name of the call. */
  readonly replies?: Readonly<Record<string, BeamType>>;
  readonly cast?: BeamType;
  readonly info?: BeamType;
}

const TYPES: OptionChecks<ServerBeamTypes> = {
  call: true,
  reply: true,
  replies: true,
  cast: true,
  info: true,
};

/** The types of a request to a server, and of its reply. */
export interface RequestTypes {
  readonly request?: BeamType;
  readonly reply?: BeamType;
}

/** Returns the types of a call to a server that is declared. */
export function callTypes(
  types: ServerBeamTypes,
  request: unknown,
): RequestTypes {
  return { request: types.call, reply: replyType(types, request) };
}

/** Returns the type of the reply to a request. */
export function replyType(
  { reply, replies }: ServerBeamTypes,
  request: unknown,
): BeamType | undefined {
  const name = requestName(request);
  return name !== undefined && replies !== undefined &&
      Object.hasOwn(replies, name)
    ? replies[name]
    : reply;
}

/** Returns the name of a request: the request itself, its `type`, or the first element of a tuple. */
export function requestName(request: unknown): string | undefined {
  const name = typeof request === "string"
    ? request
    : Array.isArray(request)
    ? request[0]
    : (request as { type?: unknown } | null | undefined)?.type;
  return typeof name === "string" ? name : undefined;
}

/** Checks a declaration. Throws a `TypeError` if it is invalid. */
export function checkServerBeamTypes(types: unknown): void {
  const given = types as ServerBeamTypes;
  const doing = "declare the types of a GenServer";
  checkOptions(given, doing, TYPES, `{ ${Object.keys(TYPES).join(", ")} }`);
  const { replies = {}, ...each } = given;
  checkRecord(
    replies,
    "declare the replies of a GenServer",
    '{ replies: { pop: "atom" } }',
  );
  const declared = [...Object.values(each), ...Object.values(replies)];
  for (const type of declared) {
    checkBeamType(type);
    // The types of replies travel with the caller to other nodes, as text.
    if (type !== undefined) beamTypeToText(type);
  }
}
