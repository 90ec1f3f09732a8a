/** Completion of typed text: names in scope, and properties. */

import type { Scope } from "./cli/evaluate.ts";

/** A path of names at the end of a text; the last name may be unfinished. */
const PATH = /(?:^|[^\w$.])((?:[A-Za-z_$][\w$]*\??\.)*)([A-Za-z_$][\w$]*)?$/;

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** Properties of every class, which are not worth completing. */
const OF_FUNCTIONS = ["arguments", "caller", "length", "name", "prototype"];

/** Completes the text before the cursor; returns the completions, and the part of the text that they replace. */
export function complete(
  text: string,
  scope: Scope,
): { names: string[]; from: string } {
  const [, path, from = ""] = PATH.exec(text) ?? [];
  if (path === undefined) return { names: [], from };
  const names = path === "" ? rootNames(from, scope) : propertyNames(
    valueOf(path.split(/\??\./).slice(0, -1), scope),
    from,
  );
  return { names: [...new Set(names)].sort(), from };
}

function rootNames(from: string, scope: Scope): string[] {
  const names = Object.keys(scope);
  // Without a prefix, globals would outnumber the relevant names.
  if (from !== "") names.push(...Object.getOwnPropertyNames(globalThis));
  return names.filter((name) => fits(name, from));
}

function propertyNames(value: unknown, from: string): string[] {
  if (value === undefined || value === null) return [];
  const names: string[] = [];
  for (
    let object: unknown = Object(value);
    object !== null && object !== Object.prototype;
    object = Object.getPrototypeOf(object)
  ) {
    if (object === Function.prototype && from === "") break;
    names.push(...Object.getOwnPropertyNames(object));
  }
  const isFunction = typeof value === "function";
  return names.filter((name) =>
    fits(name, from) && name !== "constructor" &&
    !(isFunction && OF_FUNCTIONS.includes(name))
  );
}

function fits(name: string, from: string): boolean {
  return name.startsWith(from) && IDENTIFIER.test(name) &&
    (!name.startsWith("_") || from.startsWith("_"));
}

/** The value of a path, as far as it can be read without running code. */
function valueOf([root, ...rest]: string[], scope: Scope): unknown {
  let value: unknown;
  try {
    value = root in scope
      ? scope[root]
      : (globalThis as Record<string, unknown>)[root];
    for (const name of rest) value = plainProperty(value, name);
  } catch {
    return undefined;
  }
  return value;
}

function plainProperty(of: unknown, name: string): unknown {
  if (of === undefined || of === null) return undefined;
  for (
    let object: unknown = Object(of);
    object !== null;
    object = Object.getPrototypeOf(object)
  ) {
    const found = Object.getOwnPropertyDescriptor(object, name);
    if (found !== undefined) return found.value;
  }
  return undefined;
}
