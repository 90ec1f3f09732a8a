/**
 * Errors as data: their contents as copied and as sent, and the classes that survive it.
 *
 * @module
 */

/** An error's contents, as copied and as sent. */
export interface ErrorTerm {
  /** The error's name, `TypeError` for one. */
  name: string;
  /** Its message. */
  message: string;
  /** Its stack, if it has one. */
  stack?: string;
  /** Its own further fields, `cause` and an AggregateError's `errors` among them. */
  fields?: Record<string, unknown>;
}

// deno-lint-ignore no-explicit-any
type ErrorClass = { prototype: Error } & (abstract new (...args: any[]) => any);

const errorClasses = new Map<string, ErrorClass>(
  [
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    URIError,
    EvalError,
    AggregateError,
  ].map((type) => [type.name, type]),
);

/** Lets a class of errors keep its class when it is sent; others arrive as `Error`. */
export function allowErrorClass(type: ErrorClass): void {
  errorClasses.set(type.name, type);
}

const HIDDEN_FIELDS = ["cause", "errors"];
const OWN_FIELDS = new Set(["name", "message", "stack", "__proto__"]);

/** Takes an error apart; its fields are still the error's own values. */
export function errorTerm(error: Error): ErrorTerm {
  const term: ErrorTerm = {
    name: String(error.name),
    message: String(error.message),
  };
  if (typeof error.stack === "string") term.stack = error.stack;
  const keys = Object.keys(error);
  for (const key of HIDDEN_FIELDS) {
    if (Object.hasOwn(error, key) && !keys.includes(key)) keys.push(key);
  }
  let fields: Record<string, unknown> | undefined;
  for (const key of keys) {
    if (OWN_FIELDS.has(key)) continue;
    const value = (error as unknown as Record<string, unknown>)[key];
    if (typeof value === "function") continue;
    (fields ??= {})[key] = value;
  }
  if (fields !== undefined) term.fields = fields;
  return term;
}

/** Puts an error together again; only classes that are allowed are made. */
export function rebuildError(term: ErrorTerm): Error {
  const name = String(term.name);
  const type = errorClasses.get(name) ?? Error;
  const error = new Error(String(term.message));
  if (type !== Error) Object.setPrototypeOf(error, type.prototype);
  if (error.name !== name) define(error, "name", name);
  define(error, "stack", term.stack ?? `${name}: ${error.message}`);
  for (const [key, value] of Object.entries(term.fields ?? {})) {
    if (OWN_FIELDS.has(key)) continue;
    define(error, key, value, !HIDDEN_FIELDS.includes(key));
  }
  return error;
}

function define(
  error: Error,
  key: string,
  value: unknown,
  enumerable = false,
): void {
  Object.defineProperty(error, key, {
    value,
    enumerable,
    configurable: true,
    writable: true,
  });
}
