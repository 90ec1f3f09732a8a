/**
 * OTP's spelling of requests to group leaders (the Erlang I/O protocol).
 *
 * @module
 */

import type { IoOperation } from "../../gen/messages.ts";
import { Atom, atom } from "../../runtime/values/atom.ts";
import { ImproperList } from "../../runtime/values/improper_list.ts";
import { inspectArgument } from "../../runtime/values/inspect.ts";
import { Tuple, tuple } from "../../runtime/values/tuple.ts";

const UNICODE = atom("unicode");
const LATIN1 = atom("latin1");

/** An operation in OTP's spelling. */
export function operationToOtp(operation: IoOperation): unknown {
  const type = atom(operation.type);
  switch (operation.type) {
    case "put_chars":
      return tuple(type, UNICODE, operation.chars);
    case "get_line":
      return tuple(type, UNICODE, operation.prompt);
    case "get_chars":
      return tuple(type, UNICODE, operation.prompt, operation.count);
    case "get_geometry":
      return tuple(type, atom("columns"));
    case "requests":
      return tuple(type, operation.requests.map(operationToOtp));
  }
}

/** An operation that a process on a BEAM asks for; `undefined` if it is unknown. */
export function operationFromOtp(term: unknown): IoOperation | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [kind, ...fields] = term.elements;
  if (!(kind instanceof Atom)) return undefined;
  // Requests of before OTP R13 have no encoding.
  const isOld = fields.length === 1;
  const [encoding, first, second] = isOld ? [LATIN1, ...fields] : fields;
  switch (`${kind.name}/${isOld ? 2 : fields.length}`) {
    case "put_chars/2": {
      const chars = charsOf(first, encoding);
      return chars === undefined ? undefined : { type: "put_chars", chars };
    }
    case "get_line/2":
      return { type: "get_line", prompt: charsOf(first, encoding) ?? "" };
    case "get_chars/3":
      return typeof second === "number"
        ? {
          type: "get_chars",
          prompt: charsOf(first, encoding) ?? "",
          count: second,
        }
        : undefined;
    case "requests/2": {
      const requests = Array.isArray(first) ? first.map(operationFromOtp) : [];
      return requests.includes(undefined)
        ? undefined
        : { type: "requests", requests: requests as IoOperation[] };
    }
    default:
      return undefined;
  }
}

/** A reply to such an operation, as a BEAM expects it. */
export function replyToOtp(reply: unknown): unknown {
  if (typeof reply === "string") return atom(reply);
  const { type, reason, line } = reply as Record<string, unknown>;
  if (type === "error") return tuple(atom("error"), atom(`${reason}`));
  return line ?? reply;
}

/** The most levels of lists in a text. */
const MAX_NESTING = 32;

/** The text of Erlang's `chardata`: a binary, a list of code points, or a list of these. */
function charsOf(
  data: unknown,
  encoding: unknown,
  left = MAX_NESTING,
): string | undefined {
  if (typeof data === "string") return data;
  if (data instanceof Uint8Array) {
    return new TextDecoder(encoding === LATIN1 ? "latin1" : "utf-8").decode(
      data,
    );
  }
  const items = data instanceof ImproperList
    ? [...data.items, data.tail]
    : data;
  if (!Array.isArray(items) || left === 0) return undefined;
  let text = "";
  for (const each of items) {
    const part = isCodePoint(each)
      ? String.fromCodePoint(each)
      : charsOf(each, encoding, left - 1);
    if (part === undefined) return undefined;
    text += part;
  }
  return text;
}

function isCodePoint(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 &&
    (value as number) <= 0x10ffff;
}

/** A reply of Erlang's to an operation, as a group leader of this library replies. */
export function ioReplyFromOtp(
  operation: IoOperation,
  reply: unknown,
): unknown {
  if (reply instanceof Atom) return reply.name;
  if (reply instanceof Tuple && reply.elements[0] === atom("error")) {
    const [, reason] = reply.elements;
    const text = reason instanceof Atom ? reason.name : inspectArgument(reason);
    return { type: "error", reason: text };
  }
  return operation.type === "get_line" ? { line: textOf(reply) } : reply;
}

/** Text as Erlang sends it: a string, or a list of code points. */
function textOf(text: unknown): string {
  return Array.isArray(text)
    ? text.flat(Infinity).map((each) =>
      typeof each === "number" ? String.fromCodePoint(each) : String(each)
    ).join("")
    : String(text);
}
