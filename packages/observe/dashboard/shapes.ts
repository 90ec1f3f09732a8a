/**
 * Shapes of answers: another node's answer is copied field by field, with checked types and bounds, before it is sent
 * to a page.
 */

import { Pid } from "@otp/processes/values/pid";

export type Shape<T> = (value: unknown) => T;

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

export interface PagePid {
  /** Identifies the process, for requests: node, number and creation. */
  id: string;
  text: string;
  node: string;
}

/** The longest text, unless a shape says otherwise. */
const MAX_TEXT = 200;

/** A text of at most `most` characters; empty if the value is no text. */
export function text(most: number = MAX_TEXT): Shape<string> {
  return (value) => typeof value === "string" ? value.slice(0, most) : "";
}

/** A finite number; 0 if the value is no finite number. */
export function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

export function flag(value: unknown): boolean {
  return value === true;
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) =>
    value === undefined || value === null ? undefined : shape(value);
}

/** A list of at most `most` values. */
export function list<T>(shape: Shape<T>, most: number): Shape<T[]> {
  return (value) =>
    Array.isArray(value) ? value.slice(0, most).map((each) => shape(each)) : [];
}

export function record<S extends Record<string, Shape<unknown>>>(
  shapes: S,
): Shape<{ [K in keyof S]: ShapeOf<S[K]> }> {
  const fields = Object.entries(shapes);
  return (value) => {
    const given =
      (typeof value === "object" && value !== null ? value : {}) as Record<
        string,
        unknown
      >;
    return Object.fromEntries(
      fields.map((
        [name, shape],
      ) => [name, shape(Object.hasOwn(given, name) ? given[name] : undefined)]),
    ) as { [K in keyof S]: ShapeOf<S[K]> };
  };
}

/** Numbers by names; at most `most`. */
export function numbers(most: number): Shape<Record<string, number>> {
  const name = text(60);
  return (value) => {
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    const entries = isObject ? Object.entries(value).slice(0, most) : [];
    return Object.fromEntries(
      entries.map(([key, each]) => [name(key), number(each)]),
    );
  };
}

/** A pid; `undefined` if the value is no pid. */
export function pid(value: unknown): PagePid | undefined {
  if (!(value instanceof Pid)) return undefined;
  const { node, number, creation } = value;
  return {
    id: `${node}/${number}/${creation}`,
    text: String(value),
    node: node.slice(0, 400),
  };
}

/** Parses a pid of a page; `undefined` if the text is invalid. */
export function pidFrom(id: string): Pid | undefined {
  const [, node, number, creation] =
    /^([^/]{3,400})\/(\d{1,16})\/(\d{1,16})$/.exec(id) ?? [];
  if (node === undefined) return undefined;
  const numbers = [Number(number), Number(creation)];
  return numbers.every(Number.isSafeInteger)
    ? new Pid(node, numbers[0], numbers[1])
    : undefined;
}
