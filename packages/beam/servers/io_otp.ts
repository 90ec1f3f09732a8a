/** OTP's encoding of requests to its group leaders (the Erlang I/O protocol), and of their replies. */

import type { IoOperation, IoRequest } from "@otp/servers/server/messages";
import { atom } from "@otp/processes/values/atom";
import { inspectArgument } from "@otp/processes/values/inspect";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { charsOf, textOfAtom } from "../io/chardata.ts";
import type { ServerProtocol } from "./protocol.ts";

const IO_REQUEST = atom("io_request");
const UNICODE = atom("unicode");
const ERROR = atom("error");

/** The protocol of group leaders. Their own requests and replies are read and written by `leader_otp.ts`. */
export const IO_PROTOCOL: ServerProtocol = {
  encodeRequest(asked) {
    const { from, replyAs, request } = asked as IoRequest;
    return tuple(IO_REQUEST, from, replyAs, operationToOtp(request));
  },
  decodeReply: (asked, reply) =>
    replyFromOtp((asked as IoRequest).request, reply),
};

function operationToOtp(operation: IoOperation): unknown {
  const type = atom(operation.type);
  switch (operation.type) {
    case "put_chars":
      return tuple(type, UNICODE, operation.chars);
    case "get_line":
      return tuple(type, UNICODE, operation.prompt);
    case "get_chars":
      return tuple(type, UNICODE, operation.prompt, operation.count);
    case "get_geometry":
      return tuple(type, atom(operation.of));
    case "requests":
      return tuple(type, operation.requests.map(operationToOtp));
  }
}

/** Decodes the reply of an Erlang group leader to the reply that a leader of this library sends. */
function replyFromOtp(operation: IoOperation, reply: unknown): unknown {
  const { type } = operation;
  if (reply instanceof Tuple && reply.elements[0] === ERROR) {
    const [, reason] = reply.elements;
    return {
      type: "error",
      reason: textOfAtom(reason) ?? inspectArgument(reason),
    };
  }
  const name = textOfAtom(reply);
  if (name !== undefined) return name;
  if (type === "requests") {
    const last = operation.requests.at(-1);
    return last === undefined ? reply : replyFromOtp(last, reply);
  }
  if (type !== "get_line" && type !== "get_chars") return reply;
  const text = charsOf(reply, { encoding: "unicode", isLenient: true });
  if (text === undefined) return { type: "error", reason: "collect_line" };
  return type === "get_line" ? { line: text } : { chars: text };
}
