/**
 * States are JSON: what a database keeps for years must be readable without this code.
 *
 * @module
 */

import { inspect } from "@otp/processes/values/inspect";

/** The maximum nesting of a state. */
const MAX_DEPTH = 200;

/** Returns the JSON text of a value; faster than `checkedJson`, which states the error. */
export function jsonOf(value: unknown, what: string): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw notJson(value, what);
  return text;
}

/** The most fields of a state that are compared one by one; JSON of so small a state takes ten times as long. */
const MAX_FIELDS = 8;

/** The fields of an object. */
export interface Fields {
  readonly count: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The fields of a small object whose fields are texts, numbers, booleans or null. */
export function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return undefined;
  }
  let count = 0;
  for (const name in value) {
    const field = (value as Record<string, unknown>)[name];
    const isLeaf = field === null ||
      ["string", "number", "boolean"].includes(typeof field);
    if (!isLeaf || ++count > MAX_FIELDS) return undefined;
  }
  return { count, values: { ...value } };
}

/** Whether a value is an object with these fields; their order may differ. */
export function hasFields(value: unknown, fields: Fields | undefined): boolean {
  if (fields === undefined || typeof value !== "object" || value === null) {
    return false;
  }
  let count = 0;
  const { values } = fields;
  for (const name in value) {
    count++;
    if ((value as Record<string, unknown>)[name] !== values[name]) return false;
  }
  return count === fields.count && !Array.isArray(value);
}

/**
 * Asserts that JSON keeps a value as it is. Throws a `TypeError` if it contains anything else, such as a `Map`, a
 * `Date`, `NaN` or `undefined` in a list.
 */
export function assertJson(value: unknown, what: string, depth = 0): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (Number.isFinite(value)) return;
      break;
    case "object": {
      if (value === null) return;
      if (depth > MAX_DEPTH) {
        throw new TypeError(
          `Cannot store ${what}: it is nested more than ${MAX_DEPTH} levels deep, or contains itself`,
        );
      }
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          assertJson(value[i], `${what}[${i}]`, depth + 1);
        }
        return;
      }
      const prototype = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) break;
      for (const [name, each] of Object.entries(value)) {
        if (each !== undefined) assertJson(each, `${what}.${name}`, depth + 1);
      }
      return;
    }
  }
  throw notJson(value, what);
}

function notJson(value: unknown, what: string): TypeError {
  return new TypeError(
    `Cannot store ${what}, which is ${
      inspect(value)
    }: use JSON values only, such as an object for a Map and a text for a Date`,
  );
}
