/** Errors as data: their contents in copies and messages, and the classes that errors keep. */

/** An error's contents, for copies and messages. */
export interface ErrorTerm {
  /** The error's name, such as `TypeError`. */
  name: string;
  message: string;
  stack?: string;
  /** Its other own fields, including `cause` and an AggregateError's `errors`. */
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

/** Lets errors of a class keep the class when sent; other errors arrive as `Error`. */
export function allowErrorClass(type: ErrorClass): void {
  errorClasses.set(type.name, type);
}

const HIDDEN_FIELDS = ["cause", "errors"];
const OWN_FIELDS = new Set(["name", "message", "stack", "__proto__"]);

/** Takes an error apart; the fields are not copied. */
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

/** Rebuilds an error; creates only allowed classes. */
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
