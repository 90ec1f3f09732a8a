/**
 * The conversion of exit reasons to and from a BEAM.
 *
 * A text that reads as an identifier becomes an atom: `"noproc"` is `:noproc`. Other texts become binaries, because a
 * BEAM never frees atoms. So a binary that reads as an identifier arrives marked (`BinaryReason`): `exit("normal")`
 * of a BEAM is no normal exit. The objects of `exit_reason.ts` become OTP's tuples, and an error becomes
 * `{%RuntimeError{message: "(TypeError) …"}, stacktrace}`. Other terms, and the texts in them, stay:
 * `tuple(atom("error"), "text")` is `{:error, "text"}`. A BEAM's map that reads as such an object arrives as a `Map`,
 * so that it returns as a map.
 */

import { Atom, atom } from "@otp/processes/values/atom";
import {
  fromBeamFunction,
  fromBeamName,
  toBeamFunction,
  toBeamName,
} from "@otp/processes/values/beam_names";
import type { BinaryReason } from "@otp/processes/values/exit_reason";
import { isNodeName } from "@otp/processes/values/pid";
import { publicStack } from "@otp/processes/values/public_stack";
import { codePoints } from "./conversions.ts";
import { isPlainObject } from "@otp/processes/values/term";
import { rebuildError } from "@otp/processes/values/error_term";
import { Tuple, tuple } from "@otp/processes/values/tuple";

const IDENTIFIER = /^[a-z_][a-zA-Z0-9_@]{0,254}$/;

/** The atoms that correspond to values of JavaScript: `exit("nil")` stays the text `"nil"`. */
const VALUES: ReadonlySet<string> = new Set([
  "true",
  "false",
  "nil",
  "undefined",
]);

/** The maximum nesting of converted reasons. */
const MAX_NESTING = 16;

export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** Whether a reason becomes an atom. */
function isAtomText(text: string): boolean {
  return isIdentifier(text) && !VALUES.has(text);
}

/** Encodes a reason for a BEAM. */
export function reasonToBeam(reason: unknown): unknown {
  return outward(reason, MAX_NESTING);
}

function outward(reason: unknown, left: number): unknown {
  if (typeof reason === "string") {
    return isAtomText(reason) ? atom(reason) : reason;
  }
  if (typeof reason !== "object" || reason === null || left <= 0) return reason;
  if (reason instanceof Error) return tuple(reason, stackOf(reason));
  const { type } = reason as { type?: unknown };
  return typeof type === "string"
    ? outwardTyped(reason as Typed, left - 1)
    : reason;
}

interface Typed {
  type: string;
  [field: string]: unknown;
}

function outwardTyped(reason: Typed, left: number): unknown {
  switch (reason.type) {
    case "binary":
      return typeof reason.text === "string" ? reason.text : reason;
    case "shutdown":
    case "error":
      return tuple(atom(reason.type), outward(reason.reason, left));
    case "nocatch":
      return tuple(tuple(atom("nocatch"), reason.value), []);
    case "nodedown":
      return isNodeName(reason.node)
        ? tuple(atom("nodedown"), atom(reason.node))
        : reason;
    case "system_limit":
      return typeof reason.text === "string"
        ? tuple(atom("system_limit"), reason.text)
        : reason;
    case "not_allowed":
      return typeof reason.message === "string"
        ? tuple(atom("not_allowed"), reason.message)
        : reason;
    case "already_started":
      return tuple(atom("already_started"), reason.pid);
    case "bad_return_value":
      return tuple(atom("bad_return_value"), reason.value);
    case "failed_to_start_child":
      return tuple(
        atom("failed_to_start_child"),
        reason.id,
        outward(reason.reason, left),
      );
    case "call":
      return outwardCall(reason, left);
    default:
      return reason;
  }
}

function outwardCall(reason: Typed, left: number): unknown {
  const { call } = reason;
  if (!Array.isArray(call)) return reason;
  const [module, name, args] = call;
  if (typeof module !== "string" || typeof name !== "string") return reason;
  return tuple(
    outward(reason.reason, left),
    tuple(
      atom(toBeamName(module)),
      atom(toBeamFunction(module, name)),
      Array.isArray(args) ? args : [],
    ),
  );
}

// Errors.

const EXCEPTION = atom("__exception__");
const STRUCT = atom("__struct__");
const MESSAGE = atom("message");

/** Returns the error for an exception with a message; `undefined` for any other value. */
function errorOf(value: unknown): Error | undefined {
  // A wire decodes a RuntimeError as an error.
  if (value instanceof Error) return value;
  if (!(value instanceof Map) || value.get(EXCEPTION) !== true) {
    return undefined;
  }
  const struct = value.get(STRUCT);
  const message = value.get(MESSAGE);
  return struct instanceof Atom && typeof message === "string"
    ? rebuildError({ name: fromBeamName(struct.name), message })
    : undefined;
}

/** The maximum number of entries of a stack. */
const MAX_FRAMES = 32;

const FRAME =
  /(?<=[\s(])([a-z]+:\/\/[^()\s]+?|[^()\s]+?\.[cm]?[jt]s):(\d+)(?::\d+)?\)?$/;

/** Converts an error's stack to Erlang's form. Entries have a place only, because functions have no module here. */
function stackOf({ stack }: Error): unknown[] {
  if (typeof stack !== "string") return [];
  const entries: unknown[] = [];
  for (const line of publicStack(stack).split("\n").slice(1)) {
    const place = FRAME.exec(line.trimEnd());
    if (place === null) continue;
    entries.push(
      tuple(atom("typescript"), atom("call"), 0, [
        tuple(atom("file"), codePoints(place[1])),
        tuple(atom("line"), Number(place[2])),
      ]),
    );
    if (entries.length === MAX_FRAMES) break;
  }
  return entries;
}

// From a BEAM.

/** Decodes a reason from a BEAM. */
export function reasonFromBeam(term: unknown): unknown {
  return inward(term, MAX_NESTING);
}

function inward(term: unknown, left: number): unknown {
  if (term instanceof Atom) return isAtomText(term.name) ? term.name : term;
  if (typeof term === "string") {
    return isAtomText(term)
      ? { type: "binary", text: term } satisfies BinaryReason
      : term;
  }
  if (!(term instanceof Tuple)) {
    return readsAsTyped(term) ? new Map(Object.entries(term)) : term;
  }
  if (left <= 0) return term;
  const [first, second, third] = term.elements;
  switch (term.length) {
    case 2:
      return inwardPair(term, first, second, left - 1);
    case 3:
      return isAtom(first, "failed_to_start_child")
        ? {
          type: "failed_to_start_child",
          id: second,
          reason: inward(third, left - 1),
        }
        : term;
    default:
      return term;
  }
}

/** Whether a map of a BEAM would return as a tuple, because it reads as an object with a `type`. */
function readsAsTyped(term: unknown): term is Record<string, unknown> {
  return typeof term === "object" && term !== null && isPlainObject(term) &&
    typeof (term as { type?: unknown }).type === "string";
}

function inwardPair(
  term: Tuple,
  first: unknown,
  second: unknown,
  left: number,
): unknown {
  if (first instanceof Atom) {
    switch (first.name) {
      case "shutdown":
        return { type: "shutdown", reason: inward(second, left) };
      case "nodedown":
        return second instanceof Atom && isNodeName(second.name)
          ? { type: "nodedown", node: second.name }
          : term;
      case "system_limit":
        return typeof second === "string"
          ? { type: "system_limit", text: second }
          : term;
      case "not_allowed":
        return typeof second === "string"
          ? { type: "not_allowed", message: second }
          : term;
      case "already_started":
        return { type: "already_started", pid: second };
      case "bad_return_value":
        return { type: "bad_return_value", value: second };
    }
  }
  if (Array.isArray(second)) {
    const thrown = first instanceof Tuple && first.length === 2 &&
      isAtom(first.elements[0], "nocatch");
    if (thrown) return { type: "nocatch", value: first.elements[1] };
    return errorOf(first) ?? term;
  }
  return second instanceof Tuple && second.length === 3
    ? inwardCall(term, first, second, left)
    : term;
}

function inwardCall(
  term: Tuple,
  reason: unknown,
  call: Tuple,
  left: number,
): unknown {
  const [module, name, args] = call.elements;
  if (
    !(module instanceof Atom) || !(name instanceof Atom) || !Array.isArray(args)
  ) return term;
  const own = fromBeamName(module.name);
  const fn = fromBeamFunction(own, name.name);
  return {
    type: "call",
    reason: inward(reason, left),
    call: [
      own,
      toBeamFunction(own, fn) === name.name ? fn : `'${name.name}'`,
      args,
    ],
  };
}

function isAtom(value: unknown, name: string): boolean {
  return value instanceof Atom && value.name === name;
}
