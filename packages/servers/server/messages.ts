/**
 * Messages between servers, and which of them are believed.
 *
 * A {@linkcode Call} expects a reply and a {@linkcode Cast} none; {@linkcode Stop} and {@linkcode SystemRequest} are
 * handled by every server before its own code; an {@linkcode InternalMessage} passes between servers of this library.
 * They are classes, not objects with a `type`, because no program and no peer can create one: a wire has an encoding
 * for each class, and creates the message of a peer only if the peer may send it (`receivedMessage`). The
 * requests inside a call, such as the request for a task, and the messages to a group leader are plain data with a
 * `type`: any process can be a group leader. `isForgedData` tells a wire whether a peer made up such a message.
 */

import type { BeamType } from "@otp/processes/values/beam_types";
import { OwnFunction } from "@otp/processes/values/own_function";
import { noteForeignExit } from "@otp/processes/values/exit_message";
import { Pid, Ref } from "@otp/processes/values/pid";
import { ReplyTo } from "@otp/processes/values/reply_to";
import {
  type CopyField,
  ServerMessage,
} from "@otp/processes/values/server_message";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runnable } from "@otp/processes/signals/signal";

export { isTyped } from "@otp/processes/values/term";
export { ServerMessage };

/** A request that expects a reply. */
export class Call extends ServerMessage {
  readonly type = "$call";
  readonly replyTo: ReplyTo;
  readonly request: unknown;
  /** Whether the request is still in the encoding of another library, which sent it. */
  readonly isEncoded: boolean;
  /** Whether the sending node, of another library, is not the caller's: it may forward the call, or forge it. */
  readonly isForeign: boolean;
  /** The type by which another library receives the request, if its server is declared. */
  readonly sentAs: BeamType | undefined;

  constructor(
    replyTo: ReplyTo,
    request: unknown,
    isEncoded = false,
    isForeign = false,
    sentAs?: BeamType,
  ) {
    super();
    this.replyTo = replyTo;
    this.request = request;
    this.isEncoded = isEncoded;
    this.isForeign = isForeign;
    this.sentAs = sentAs;
  }

  /** The calling process. */
  get from(): Pid {
    return this.replyTo.pid;
  }

  /** The alias that the reply goes to. */
  get ref(): Ref | undefined {
    return this.replyTo.alias;
  }

  fields(): object {
    const { type, from, ref, request } = this;
    return { type, from, ref, request, ...markOf(this) };
  }

  copied(copy: CopyField, left: number, max: number): Call {
    const { replyTo, isEncoded, isForeign, sentAs } = this;
    const request = copy(this.request, left, max);
    return new Call(replyTo, request, isEncoded, isForeign, sentAs);
  }
}

/** A request without a reply. Any process may send one, so servers cannot trust its sender. */
export class Cast extends ServerMessage {
  readonly type = "$cast";
  readonly request: unknown;
  /** Whether the request is still in the encoding of another library, which sent it. */
  readonly isEncoded: boolean;
  /** The node of another library that sent the cast, if that node is the peer. */
  readonly origin: string | undefined;
  /** The type by which another library receives the request, if its server is declared. */
  readonly sentAs: BeamType | undefined;

  constructor(
    request: unknown,
    isEncoded = false,
    origin?: string,
    sentAs?: BeamType,
  ) {
    super();
    this.request = request;
    this.isEncoded = isEncoded;
    this.origin = origin;
    this.sentAs = sentAs;
  }

  fields(): object {
    const { type, request } = this;
    return { type, request, ...markOf(this) };
  }

  copied(copy: CopyField, left: number, max: number): Cast {
    const { isEncoded, origin, sentAs } = this;
    return new Cast(copy(this.request, left, max), isEncoded, origin, sentAs);
  }
}

/** Asks a server to exit. The server replies that it will; its DOWN follows. */
export class Stop extends ServerMessage {
  readonly type = "$stop";
  /** The process that asks; its alias is also the monitor that waits for the exit. */
  readonly replyTo: ReplyTo;
  /** The reason for the server to exit with. */
  readonly reason: unknown;
  /** The node that sent the message, which may name a process of another node. */
  readonly origin: string;

  constructor(
    replyTo: ReplyTo,
    reason: unknown,
    origin: string = replyTo.pid.node,
  ) {
    super();
    this.replyTo = replyTo;
    this.reason = reason;
    this.origin = origin;
  }

  /** The process that asks. */
  get from(): Pid {
    return this.replyTo.pid;
  }

  /** The monitor that waits for the exit, and the alias of the reply. */
  get ref(): Ref | undefined {
    return this.replyTo.alias;
  }

  fields(): object {
    const { type, from, ref, reason } = this;
    return { type, from, ref, reason };
  }

  copied(copy: CopyField, left: number, max: number): Stop {
    const reason = copy(this.reason, left, max);
    return new Stop(this.replyTo, reason, this.origin);
  }
}

/** Whether a server is at work, or waits to be resumed. */
export type SystemMode = "running" | "suspended";

/** A server as a {@linkcode SystemCall} shows it. */
export interface SystemStatus {
  readonly process: LocalProcess;
  readonly state: unknown;
  readonly mode: SystemMode;
}

/** What a {@linkcode SystemRequest} asks for, and how it is answered. */
export interface SystemCall {
  /** The name of the call, by which the rule `allow` of the node decides. */
  readonly name: string;
  /** Whether the call changes nothing. */
  readonly isReading: boolean;
  /** The mode that the server is to have; `undefined` if the mode stays. */
  readonly mode: SystemMode | undefined;
  /** The request in the encoding of its sender. */
  readonly term: unknown;
  /** Encodes the reply. */
  reply(status: SystemStatus): unknown;
  /** Encodes the reply if the first one cannot be sent. */
  failed(reason: string): unknown;
}

/**
 * A request of a tool of another library, which any server answers, such as OTP's `get_state`. Nodes of this library
 * send none.
 */
export class SystemRequest extends ServerMessage {
  readonly type = "$system";
  /** The process that asks. */
  readonly replyTo: ReplyTo;
  /** The node that sent the message, which may name a process of another node. */
  readonly origin: string;
  readonly call: SystemCall;

  constructor(replyTo: ReplyTo, origin: string, call: SystemCall) {
    super();
    this.replyTo = replyTo;
    this.origin = origin;
    this.call = call;
  }

  fields(): object {
    const { type, replyTo, call } = this;
    return { type, replyTo, request: call.term };
  }

  copied(copy: CopyField, left: number, max: number): SystemRequest {
    const { replyTo, origin, call } = this;
    const term = copy(call.term, left, max);
    return new SystemRequest(replyTo, origin, { ...call, term });
  }
}

/** A message between related servers, with its sender and without a reply. */
export class InternalMessage extends ServerMessage {
  readonly type = "$tell";
  readonly from: Pid;
  readonly message: unknown;

  constructor(from: Pid, message: unknown) {
    super();
    this.from = from;
    this.message = message;
  }

  fields(): object {
    const { type, from, message } = this;
    return { type, from, message };
  }

  copied(copy: CopyField, left: number, max: number): InternalMessage {
    return new InternalMessage(this.from, copy(this.message, left, max));
  }
}

/** Returns the field that marks a message that is still encoded; no field for other messages. */
function markOf({ isEncoded }: { isEncoded: boolean }): { otp?: true } {
  return isEncoded ? { otp: true } : {};
}

/** An operation of a group leader. */
export type IoOperation =
  | { type: "put_chars"; chars: string }
  | { type: "get_line"; prompt: string }
  | { type: "get_chars"; prompt: string; count: number }
  | { type: "get_geometry"; of: "columns" | "rows" }
  | { type: "requests"; requests: IoOperation[] };

/** A request to a group leader. */
export interface IoRequest {
  type: "io_request";
  /** The process that asks. */
  from: Pid;
  /** The alias that the reply goes to; from another library, also the term by which the process finds the reply. */
  replyAs: Ref | ReplyTo;
  request: IoOperation;
}

/** Whether a value of any origin describes a function to run. */
export function isRunnable(value: unknown): value is Runnable {
  if (typeof value !== "object" || value === null) return false;
  const run = value as Record<string, unknown>;
  return Array.isArray(run.args) &&
    (typeof run.source === "string" || run.local instanceof OwnFunction ||
      (typeof run.module === "string" && typeof run.function === "string"));
}

/** Returns the message inside an `InternalMessage` from a process of `node`. */
export function fromNode(message: unknown, node: string): unknown {
  return message instanceof InternalMessage && message.from.node === node
    ? message.message
    : undefined;
}

/**
 * Returns the message inside an `InternalMessage` from the process itself: it waits its turn behind earlier messages.
 */
export function fromSelf(message: unknown, { pid }: { pid: Pid }): unknown {
  return message instanceof InternalMessage && message.from.equals(pid)
    ? message.message
    : undefined;
}

/** Whether a whole message with this type is a server message on a wire. */
export function isReserved(type: unknown): type is string {
  switch (type) {
    case "$call":
    case "$cast":
    case "$stop":
    case "$tell":
      return true;
    default:
      return false;
  }
}

/**
 * Creates a message of a reserved type from a peer's fields, or returns `undefined` if the message must be dropped: it
 * is malformed, or names a process of another node as its sender or as the receiver of its answer.
 *
 * @param fields The fields, of any content.
 * @param isPeers Whether the peer made a pid or reference.
 */
export function receivedMessage(
  fields: Record<string, unknown>,
  isPeers: (name: Pid | Ref) => boolean,
): unknown {
  const { type, from, ref } = fields;
  const isEncoded = fields.otp === true;
  if (type === "$cast") return new Cast(fields.request, isEncoded);
  if (!(from instanceof Pid) || !isPeers(from)) return undefined;
  if (type === "$tell") return new InternalMessage(from, fields.message);
  if (!(ref instanceof Ref) || !isPeers(ref)) return undefined;
  const replyTo = new ReplyTo(from, ref);
  return type === "$call"
    ? new Call(replyTo, fields.request, isEncoded)
    : new Stop(replyTo, fields.reason);
}

/**
 * Returns true for a forged io_request: one that names a process of another node as sender or as receiver of the
 * answer. Such requests are plain data, because any process can be a group leader.
 *
 * Also notes a message that looks like the EXIT of a process of another node than the peer.
 */
export function isForgedData(
  message: unknown,
  isPeers: (name: Pid | Ref) => boolean,
): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { type, from, replyAs } = message as Partial<IoRequest>;
  const isOthers = from instanceof Pid && !isPeers(from);
  if ((type as string) === "EXIT" && isOthers) noteForeignExit(message);
  if (type !== "io_request") return false;
  const to = replyAs instanceof ReplyTo ? replyAs.pid : replyAs;
  return isOthers || (to instanceof Ref || to instanceof Pid) && !isPeers(to);
}
