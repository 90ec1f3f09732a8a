/**
 * Messages that a BEAM has sent: the few shapes by which OTP's own modules call, cast and reply, and data.
 *
 * These shapes are protocol, whoever sends them: `$gen_call`, `$gen_cast`, `system`, `io_request`, `io_reply`,
 * `global_name_conflict`, and a reply to an alias. Anything else is data, and it is up to its receiver how it is read.
 */

import { Call, Cast, isForgedData } from "@otp/servers/server/messages";
import { Atom } from "@otp/processes/values/atom";
import { operationFromOtp } from "../servers/leader_otp.ts";
import { systemMessage } from "../servers/sys_otp.ts";
import { Pid, Ref } from "@otp/processes/values/pid";
import { aliasOf, ReplyTo, replyToOf } from "@otp/processes/values/reply_to";
import {
  noteSendingNode,
  noteSigned,
} from "@otp/servers/server/signed_messages";
import { Tuple } from "@otp/processes/values/tuple";

/** A reply to a reference of this node. */
export class Reply {
  /** The reference, which is an alias. */
  readonly to: Ref;
  /** The reply, in OTP's encoding. */
  readonly term: unknown;

  constructor(to: Ref, term: unknown) {
    this.to = to;
    this.term = term;
  }
}

/** The messages whose receivers ask which node sent them. */
const NOTED: ReadonlySet<string> = new Set([
  "cancel_connect",
  "discover",
  "join",
  "leave",
  "log",
  "lost_connection",
  "remove_connection",
]);

/** The requests to `rex` that follow the pid of the asking process. */
const REX_REQUESTS: ReadonlySet<string> = new Set([
  "call",
  "sbcast",
  "send",
  "features_request",
]);

/** Marks a message to drop: it names a process of another node as its origin. */
export const FORGED: unique symbol = Symbol("forged");

/**
 * Returns the message that a term stands for.
 *
 * @param term The term.
 * @param alias The alias that the term was sent to, if any.
 * @param isPeers Returns whether the peer made a pid or reference.
 * @param isOwn Returns whether this node made a reference.
 * @param peer The name of the peer.
 * @returns The message, a {@linkcode Reply}, or {@linkcode FORGED}.
 */
export function messageOf(
  term: unknown,
  alias: Ref | undefined,
  isPeers: (name: Pid | Ref) => boolean,
  isOwn: (name: Ref) => boolean,
  peer: string,
): unknown {
  if (!(term instanceof Tuple)) {
    return isForgedData(term, isPeers) ? FORGED : term;
  }
  const { elements } = term;
  const first = elements[0];
  if (first instanceof Atom) {
    if (NOTED.has(first.name)) noteSendingNode(term, peer);
    return shaped(first.name, elements, isPeers, isOwn, peer) ?? term;
  }
  if (elements.length !== 2) {
    if (elements.length === 5 && first instanceof Pid && isPeers(first)) {
      noteSigned(term);
    }
    return term;
  }
  if (first instanceof Pid) {
    if (isRexRequest(elements[1]) && isPeers(first)) {
      noteSigned(term, (part) => {
        const message = messageOf(part, undefined, isPeers, isOwn, peer);
        return message === FORGED || message instanceof Reply
          ? undefined
          : { message };
      });
    }
    return term;
  }
  // A task's result has the bare reference; in a message to a pid, a bare reference is data.
  const to = first instanceof Ref && alias !== undefined && alias.equals(first)
    ? first
    : aliasOf(first);
  return to !== undefined && isOwn(to) ? new Reply(to, elements[1]) : term;
}

/** Returns whether a term is a request to `rex`, without its asking process. */
function isRexRequest(request: unknown): boolean {
  const kind = request instanceof Tuple ? request.elements[0] : request;
  return kind instanceof Atom && REX_REQUESTS.has(kind.name);
}

/** Returns a message of OTP's modules; `undefined` if the term only looks like one. */
function shaped(
  name: string,
  elements: readonly unknown[],
  isPeers: (name: Pid | Ref) => boolean,
  isOwn: (name: Ref) => boolean,
  peer: string,
): unknown {
  const { length } = elements;
  const [, second, third, fourth] = elements;
  switch (name) {
    case "$gen_call": {
      const to = length === 3 ? replyTo(second) : undefined;
      return to && new Call(to, third, true, !isPeers(to.pid));
    }
    case "$gen_cast":
      return length === 2 ? new Cast(second, true, peer) : undefined;
    case "system": {
      const to = length === 3 ? replyTo(second) : undefined;
      return to && systemMessage(to, third, peer);
    }
    case "io_request":
      return length === 4 && second instanceof Pid &&
          isPeers(second)
        ? {
          type: "io_request",
          from: second,
          replyAs: new ReplyTo(second, undefined, third, "io"),
          request: operationFromOtp(fourth),
        }
        : undefined;
    case "io_reply":
      return length === 3 && second instanceof Ref && isOwn(second)
        ? new Reply(second, third)
        : undefined;
    case "global_name_conflict":
      return length === 2
        ? { type: name, name: second }
        : length === 3
        ? { type: name, name: second, pid: third }
        : undefined;
    default:
      return undefined;
  }
}

/** Returns the target of replies to a `From`, `{Pid, Tag}`, by OTP's rule (`gen:reply/2`). */
function replyTo(from: unknown): ReplyTo | undefined {
  if (!(from instanceof Tuple) || from.length !== 2) return undefined;
  const [pid, tag] = from.elements;
  if (!(pid instanceof Pid)) return undefined;
  const to = replyToOf(pid, tag);
  return to.isValid ? to : undefined;
}
