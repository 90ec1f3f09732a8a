/** Matches values with patterns. */

import { Atom } from "../../../packages/processes/values/atom.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { InterpreterError, type Node } from "./syntax.ts";
import { elementsOf, isEqual, isObject, valueAt } from "./values.ts";

/** The variables of a place of the code, by name. */
export type Variables = Map<string, unknown>;

/** Matches a value with a pattern; if it does, the pattern's variables are set. */
export function matches(
  pattern: Node,
  value: unknown,
  variables: Variables,
): boolean {
  switch (pattern.kind) {
    case "variable":
      return bind(pattern.name, value, variables);
    case "literal":
      return isEqual(pattern.value, value);
    case "text":
      return isEqual(pattern.parts.join(""), value);
    case "tuple": {
      const elements = elementsOf(value);
      return elements !== undefined &&
        allMatch(pattern.items, elements, variables);
    }
    case "list":
      return matchesList(pattern, value, variables);
    case "map":
      return matchesMap(pattern, value, variables);
    case "call":
      return matchesCall(pattern, value, variables);
  }
  throw new InterpreterError(
    `Cannot match line ${pattern.line}: a pattern of ${pattern.kind}`,
  );
}

function bind(name: string, value: unknown, variables: Variables): boolean {
  if (name === "_") return true;
  variables.set(name, value);
  return true;
}

export function allMatch(
  patterns: readonly Node[],
  values: readonly unknown[],
  variables: Variables,
): boolean {
  return patterns.length === values.length &&
    patterns.every((each, at) => matches(each, values[at], variables));
}

function matchesList(
  { items, tail }: Extract<Node, { kind: "list" }>,
  value: unknown,
  variables: Variables,
): boolean {
  const list = value instanceof Set ? [...value] : value;
  if (!Array.isArray(list)) return false;
  if (tail === undefined) return allMatch(items, list, variables);
  return list.length >= items.length &&
    allMatch(items, list.slice(0, items.length), variables) &&
    matches(tail, list.slice(items.length), variables);
}

function matchesMap(
  { struct, pairs }: Extract<Node, { kind: "map" }>,
  value: unknown,
  variables: Variables,
): boolean {
  if (struct !== undefined && !isStruct(value, nameOf(struct))) return false;
  if (!(value instanceof Map) && !isObject(value) && struct === undefined) {
    return false;
  }
  return pairs.every(([key, pattern]) => {
    const name = (key as { value?: unknown }).value;
    const found = valueAt(value, name);
    return (found !== null || hasKey(value, name)) &&
      matches(pattern, found, variables);
  });
}

function hasKey(value: unknown, key: unknown): boolean {
  return value instanceof Map &&
    [...value.keys()].some((each) => isEqual(each, key));
}

function nameOf(node: Node): string {
  return node.kind === "literal" && node.value instanceof Atom
    ? node.value.name.replace(/^Elixir\./, "")
    : "";
}

/** Elixir's names of errors, and ours. */
const ERRORS: Record<string, readonly string[]> = {
  RuntimeError: ["Error"],
  ArgumentError: ["TypeError", "RangeError", "NoProcessError"],
  UndefinedFunctionError: ["UndefinedFunctionError"],
  ErlangError: ["RpcError", "IoError"],
};

/** Whether a value is of a struct. */
export function isStruct(value: unknown, name: string): boolean {
  if (name === "Task") return value instanceof Task;
  return value instanceof Error &&
    (ERRORS[name] ?? [name]).includes(value.name);
}

function matchesCall(
  { name, args, line }: Extract<Node, { kind: "call" }>,
  value: unknown,
  variables: Variables,
): boolean {
  const [left, right] = args;
  switch (name) {
    case "^":
      return isEqual(variables.get((left as { name: string }).name), value);
    case "=":
      return matches(left, value, variables) &&
        matches(right, value, variables);
  }
  throw new InterpreterError(`Cannot match line ${line}: a pattern of ${name}`);
}
