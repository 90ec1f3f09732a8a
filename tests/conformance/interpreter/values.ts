/**
 * Elixir's values as the interpreter has them: atoms and tuples are the library's, lists are arrays, maps are `Map`s,
 * binaries are strings. The objects of the public API (messages, exit reasons, results) stay as they are, and
 * {@linkcode elementsOf} shows them as the tuples that they are in Elixir.
 */

import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { equalTerms } from "../../../packages/processes/values/equality.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import { ImproperList } from "../../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import { isIdentifier } from "../../../packages/beam/terms/beam_reasons.ts";

export function tuple(...elements: unknown[]): Tuple {
  return new Tuple(elements);
}

/** `{:ok, value}`. */
export function ok(value: unknown): Tuple {
  return tuple(atom("ok"), value);
}

/** `{:error, reason}`. */
export function error(reason: unknown): Tuple {
  return tuple(atom("error"), reason);
}

/** A text of the API that is an atom in Elixir. */
export function asAtom(value: unknown): unknown {
  if (value === undefined) return null;
  return typeof value === "string" && isIdentifier(value) ? atom(value) : value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** The elements of a tuple, or of an object of the API that is a tuple in Elixir. */
export function elementsOf(value: unknown): readonly unknown[] | undefined {
  if (value instanceof Tuple) return value.elements;
  // An exception that is a reason has a stack beside it.
  if (value instanceof Error) return [value, []];
  if (!isObject(value)) return undefined;
  const { type, ...rest } = value;
  if (typeof type !== "string") {
    if ("global" in value) return [atom("global"), value.global];
    return "name" in value && "node" in value
      ? [asAtom(value.name), asAtom(value.node)]
      : undefined;
  }
  switch (type) {
    case "DOWN":
      return [
        atom(type),
        rest.ref,
        atom("process"),
        objectOf(rest.object),
        asAtom(rest.reason),
      ];
    case "reply":
      return [rest.ref, rest.value];
    // Messages of process groups.
    case "join":
    case "leave":
      if (rest.ref instanceof Ref) {
        return [rest.ref, atom(type), rest.group, rest.pids];
      }
      break;
    case "nocatch":
      return [tuple(atom("nocatch"), rest.value), []];
    case "call": {
      const [module, name, args] = rest.call as [string, string, unknown[]];
      const asked = SERVERS.has(module) ? "GenServer" : module;
      const fn = SERVERS.has(module) ? "call" : snake(name);
      return [
        asAtom(rest.reason),
        tuple(atom(`Elixir.${asked}`), atom(fn), args),
      ];
    }
  }
  return [atom(type), ...Object.values(rest).map(asAtom)];
}

/** The modules whose functions are calls of a server. */
const SERVERS = new Set([
  "Agent",
  "DynamicSupervisor",
  "PartitionSupervisor",
  "Supervisor",
]);

function objectOf(object: unknown): unknown {
  return isObject(object)
    ? tuple(asAtom(object.name), asAtom(object.node))
    : asAtom(object);
}

/** A value without objects of the API, as peers of either language read it. An error has no such form. */
export function termOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(termOf);
  const isTyped = isObject(value) && typeof value.type === "string" &&
    value.type !== "nocatch";
  if (!isTyped && !(value instanceof Tuple)) return value;
  return tuple(...elementsOf(value)!.map(termOf));
}

/** Whether a value is an atom; a text of the API is one too. */
export function isAtom(value: unknown, name: string): boolean {
  return value instanceof Atom ? value.name === name : value === name;
}

/** Whether two values are equal, as `==`. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (one == null || other == null) return one == other;
  if (one instanceof Atom) return isAtom(other, one.name);
  if (other instanceof Atom) return isAtom(one, other.name);
  if (one instanceof Float) return isEqual(one.value, other);
  if (other instanceof Float) return isEqual(one, other.value);
  const [some, others] = [elementsOf(one), elementsOf(other)];
  if (some !== undefined && others !== undefined) return areEqual(some, others);
  if (Array.isArray(one) && Array.isArray(other)) return areEqual(one, other);
  return equalTerms(one, other);
}

function areEqual(
  some: readonly unknown[],
  others: readonly unknown[],
): boolean {
  return some.length === others.length &&
    some.every((each, at) => isEqual(each, others[at]));
}

/** The order of Erlang's types. */
function rankOf(value: unknown): number {
  if (typeof value === "number" || value instanceof Float) return 0;
  if (value == null || typeof value === "boolean" || value instanceof Atom) {
    return 1;
  }
  if (value instanceof Ref) return 2;
  if (typeof value === "function") return 3;
  if (value instanceof Pid) return 4;
  if (Array.isArray(value) || value instanceof ImproperList) return 7;
  if (typeof value === "string") return 8;
  return elementsOf(value) !== undefined ? 5 : 6;
}

/** The order of two values, as Erlang's. */
export function compare(one: unknown, other: unknown): number {
  const ranks = rankOf(one) - rankOf(other);
  if (ranks !== 0) return ranks;
  const [some, others] = Array.isArray(one)
    ? [one, other as unknown[]]
    : [elementsOf(one), elementsOf(other)];
  if (some !== undefined && others !== undefined) {
    if (!Array.isArray(one) && some.length !== others.length) {
      return some.length - others.length;
    }
    for (const [at, each] of some.entries()) {
      if (at >= others.length) return 1;
      const order = compare(each, others[at]);
      if (order !== 0) return order;
    }
    return some.length - others.length;
  }
  const [left, right] = rankOf(one) === 0
    ? [Number(numberOf(one)), Number(numberOf(other))]
    : [textOf(one), textOf(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function numberOf(value: unknown): number {
  return value instanceof Float ? value.value : value as number;
}

/** The text of a value, as `to_string`. */
export function textOf(value: unknown): string {
  if (value == null) return "";
  if (Array.isArray(value)) return String.fromCodePoint(...value);
  return String(value instanceof Float ? value.value : value);
}

/** Whether a value counts as true. */
export function isTruthy(value: unknown): boolean {
  return value != null && value !== false;
}

export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

/** The value of a key in a map, a keyword list, or an object of the API. */
export function valueAt(collection: unknown, key: unknown): unknown {
  if (collection instanceof Map) {
    if (collection.has(key)) return collection.get(key);
    return [...collection].find(([each]) => isEqual(each, key))?.[1] ?? null;
  }
  if (Array.isArray(collection)) {
    return collection.find((each) => isEqual(elementsOf(each)?.[0], key))
      ?.elements[1] ?? null;
  }
  const name = camel(key instanceof Atom ? key.name : String(key));
  return asAtom((collection as Record<string, unknown> | null)?.[name]);
}

/** The items of an enumerable: a map's are pairs. */
export function itemsOf(
  enumerable: unknown,
): Iterable<unknown> | AsyncIterable<unknown> {
  if (enumerable instanceof Map) {
    return [...enumerable].map((pair) => tuple(...pair));
  }
  if (isObject(enumerable) && !(Symbol.asyncIterator in enumerable)) {
    return Object.entries(enumerable).map(([key, value]) =>
      tuple(atom(snake(key)), asAtom(value))
    );
  }
  return enumerable as Iterable<unknown>;
}

/** A value as plain data: keyword lists are objects, atoms are texts. */
export function asPlain(value: unknown): unknown {
  if (value instanceof Atom) return value.name;
  if (Array.isArray(value)) {
    const isKeyed = value.length > 0 &&
      value.every((each) =>
        each instanceof Tuple && each.elements[0] instanceof Atom
      );
    if (!isKeyed) return value.map(asPlain);
    return Object.fromEntries(
      value.map(({ elements: [key, of] }) => [camel(key.name), asPlain(of)]),
    );
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, of]) => [key, asPlain(of)]),
  );
}
