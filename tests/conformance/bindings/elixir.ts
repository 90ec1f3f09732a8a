/** Functions of Elixir's own library, as far as scenarios use them. */

import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { ExternalFunction } from "../../../packages/processes/values/functions.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import { Pid } from "../../../packages/processes/values/pid.ts";
import type { Tuple } from "../../../packages/processes/values/tuple.ts";
import { type Bindings, type Fn, functionOf } from "../interpreter/modules.ts";
import {
  compare,
  elementsOf,
  isEqual,
  isTruthy,
  itemsOf,
  textOf,
  tuple,
  valueAt,
} from "../interpreter/values.ts";
import type { Any } from "./_terms.ts";

/** The items of an enumerable, which may be a stream. */
async function listOf(enumerable: Any): Promise<Any[]> {
  const items: unknown[] = [];
  for await (const item of itemsOf(enumerable)) items.push(item);
  return items;
}

async function eachOf(list: Any, fn: Fn): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const item of itemsOf(list) as Iterable<unknown>) {
    results.push(await fn(item));
  }
  return results;
}

function keyed(list: Any): [unknown, unknown][] {
  return (itemsOf(list) as Tuple[]).map((each) =>
    elementsOf(each) as [unknown, unknown]
  );
}

function isKeyOf(keys: unknown[], key: unknown): boolean {
  return keys.some((each) => isEqual(each, key));
}

function* iterated(first: unknown, next: Fn): Generator<unknown> {
  for (let value = first;; value = next(value)) yield value;
}

async function* resource(
  start: Fn,
  next: Fn,
  after: Fn,
): AsyncGenerator<unknown> {
  let state = await start();
  try {
    for (;;) {
      const [items, rest] = elementsOf(await next(state))!;
      if (items instanceof Atom) return;
      yield* items as unknown[];
      state = rest;
    }
  } finally {
    await after(state);
  }
}

/** An iteration that is suspended behind the first item, and the function that leaves it. */
async function suspended(items: Any): Promise<Tuple> {
  const iterator = (itemsOf(items) as AsyncIterable<unknown>)
    [Symbol.asyncIterator]();
  const { value } = await iterator.next();
  return tuple(atom("suspended"), value, () => iterator.return!());
}

async function* mapped(items: Any, fn: Fn): AsyncGenerator<unknown> {
  for await (const item of itemsOf(items)) yield await fn(item);
}

async function take(items: Any, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const item of itemsOf(items)) {
    if (taken.push(item) === count) break;
  }
  return taken;
}

function raisedError(error: unknown): never {
  if (typeof error === "string") throw new Error(error);
  throw error;
}

export const ELIXIR: Bindings = {
  elem: (value, at) => elementsOf(value)![at],
  tl: ([, ...tail]) => tail,
  length: (list) => list.length,
  map_size: (map) => map.size ?? Object.keys(map).length,
  byte_size: (text) => new TextEncoder().encode(text).length,
  is_atom: (value) =>
    value == null || typeof value === "boolean" || value instanceof Atom,
  is_binary: (value) => typeof value === "string",
  is_function: (value) => typeof value === "function",
  is_integer: (value) => typeof value === "number" && Number.isInteger(value),
  is_pid: (value) => value instanceof Pid,
  is_tuple: (value) => elementsOf(value) !== undefined,
  inspect: (value) => inspect(value),
  then: (value, fn) => fn(value),
  raise: raisedError,
  reraise: (error, _stack) => raisedError(error),
  __STACKTRACE__: () => [],
  throw(value) {
    throw value;
  },
  "Function.identity": (value) => value,
  "erlang.apply": (fn, args) => fn(...args),
  apply: (module, name, args) => functionOf(module, name)(...args),
  "erlang.error"(reason) {
    if (isEqual(reason, atom("undef"))) {
      throw Object.assign(new Error("undef"), {
        name: "UndefinedFunctionError",
      });
    }
    throw new TypeError(String(reason));
  },
  "erlang.make_fun": (module, name, arity) =>
    new ExternalFunction(String(module), String(name), arity),
  "Atom.to_string": (value) => String(value),
  "List.to_string": textOf,
  "List.duplicate": (value, count) => Array(count).fill(value),
  "List.keyfind": (list, key, at) =>
    list.find((each: unknown) => isEqual(elementsOf(each)![at], key)) ?? null,
  "Integer.mod": (one, other) => ((one % other) + other) % other,
  "String.duplicate": (text, count) => text.repeat(count),
  "String.starts_with?": (text, prefix) => text.startsWith(prefix),
  "System.monotonic_time": () => Math.trunc(performance.now()),
  "Enum.any?": (list, fn) => list.some((each: unknown) => isTruthy(fn(each))),
  "Enum.find_value"(list, fn) {
    for (const each of itemsOf(list) as Iterable<unknown>) {
      const value = fn(each);
      if (isTruthy(value)) return value;
    }
    return null;
  },
  "Enum.map": eachOf,
  async "Enum.reduce"(list, start, fn) {
    let sum = start;
    for (const each of itemsOf(list) as Iterable<unknown>) {
      sum = await fn(each, sum);
    }
    return sum;
  },
  "Enum.reverse": (list) => list.toReversed(),
  "Enum.sort": async (list) => (await listOf(list)).sort(compare),
  "Enum.take": take,
  "Enum.to_list": listOf,
  "Enum.uniq": (list) =>
    list.filter((each: unknown, at: number) =>
      list.findIndex((other: unknown) => isEqual(each, other)) === at
    ),
  "Enum.with_index": (list) =>
    list.map((each: unknown, at: number) => tuple(each, at)),
  "Enumerable.reduce": suspended,
  "Stream.cycle": (list) => iterated(list[0], () => list[0]),
  "Stream.iterate": iterated,
  "Stream.map": mapped,
  "Stream.resource": resource,
  "Stream.run": async (stream) => (await listOf(stream), atom("ok")),
  "Keyword.get": (list, key) => valueAt(list, key),
  "Keyword.merge": (one, other) => [
    ...one.filter((each: Tuple) =>
      !isKeyOf(other.map((each: Tuple) => each[0]), each[0])
    ),
    ...other,
  ],
  "Keyword.pop": (list, key, otherwise = null) =>
    tuple(
      valueAt(list, key) ?? otherwise,
      list.filter((each: Tuple) => !isEqual(each[0], key)),
    ),
  "Keyword.split": (list, keys) =>
    tuple(
      list.filter((each: Tuple) => isKeyOf(keys, each[0])),
      list.filter((each: Tuple) => !isKeyOf(keys, each[0])),
    ),
  "Map.get": (map, key, otherwise = null) => valueAt(map, key) ?? otherwise,
  "Map.merge": (one, other) => new Map([...one, ...other]),
  "Map.new"(list, fn) {
    const pairs = fn === undefined
      ? list
      : (itemsOf(list) as unknown[]).map((each) => fn(each));
    return new Map(keyed(pairs));
  },
  "Map.replace_lazy": (map, key, fn) =>
    map.has(key) ? new Map([...map, [key, fn(map.get(key))]]) : map,
  "Map.take": (map, keys) =>
    new Map(keyed(map).filter(([key]) => isKeyOf(keys, key))),
  "counters.add": (counters, at, count) => void (counters[at - 1] += count),
  "counters.get": (counters, at) => counters[at - 1],
  "counters.new": (size) => Array(size).fill(0),
  "%.RuntimeError": (fields) => new Error(fields.get("message")),
  "%.UndefinedFunctionError": () =>
    Object.assign(new Error("undef"), { name: "UndefinedFunctionError" }),
};
