/**
 * OTP's spelling of requests to group leaders (the Erlang I/O protocol).
 *
 * @module
 */

import type { IoOperation } from "../../gen/messages.ts";
import { Atom, atom } from "../../runtime/values/atom.ts";
import { inspectArgument } from "../../runtime/values/inspect.ts";
import { Tuple, tuple } from "../../runtime/values/tuple.ts";

const UNICODE = atom("unicode");

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
