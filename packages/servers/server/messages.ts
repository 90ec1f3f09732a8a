/**
 * Messages between servers: calls, casts, stops, tasks, input and output.
 *
 * Every wire has an encoding for each class here.
 */

import { atom } from "@otp/processes/values/atom";
import { reasonToBeam } from "@otp/beam/terms/beam_reasons";
import { noteForeignExit } from "@otp/processes/values/exit_message";
import { inspectArgument } from "@otp/processes/values/inspect";
import { Pid, Ref } from "@otp/processes/values/pid";
import { ReplyTo } from "@otp/processes/values/reply_to";
import {
  type CopyField,
  requestToOtp,
  ServerMessage,
  ServerRequest,
} from "@otp/processes/values/server_message";
import { tuple } from "@otp/processes/values/tuple";
import type { Runnable } from "@otp/processes/signals/signal";
import type { ChildRestart, ChildShutdown } from "./child_spec.ts";

export { isTyped } from "@otp/processes/values/term";
export { ServerMessage };

const GEN_CALL = atom("$gen_call");
const GEN_CAST = atom("$gen_cast");
const SYSTEM = atom("system");
const TERMINATE = atom("terminate");

/** A request that expects a reply. */
export class Call extends ServerMessage {
  readonly type = "$call";
  /** The caller. */
  readonly replyTo: ReplyTo;
  readonly request: unknown;
  /** Whether a BEAM sent the call: request and reply are then in OTP's encoding. */
  readonly otp: boolean;
  /** Whether the sending BEAM is not the caller's node: it may forward the call, or forge it. */
  readonly isForeign: boolean;

  constructor(
    replyTo: ReplyTo,
    request: unknown,
    otp = false,
    isForeign = false,
  ) {
    super();
    this.replyTo = replyTo;
    this.request = request;
    this.otp = otp;
    this.isForeign = isForeign;
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

  toOtp(): unknown {
    const request = requestToOtp(this.request, this.from);
    return tuple(GEN_CALL, this.replyTo, request);
  }

  copied(copy: CopyField, left: number, max: number): Call {
    const request = copy(this.request, left, max);
    return new Call(this.replyTo, request, this.otp, this.isForeign);
  }
}

/** How Erlang encodes a request to one of its servers, and the reply. */
export interface RequestEncoding {
  /** Encodes the request for the server. */
  request(request: unknown): unknown;
  /** Decodes the reply for the caller. */
  reply(term: unknown): unknown;
}

/** A call whose request has another encoding on Erlang nodes; other nodes see no difference. */
export class EncodedCall extends Call {
  readonly #encoding: RequestEncoding;

  constructor(replyTo: ReplyTo, request: unknown, encoding: RequestEncoding) {
    super(replyTo, request);
    this.#encoding = encoding;
  }

  override toOtp(): unknown {
    return new Call(this.replyTo, this.#encoding.request(this.request)).toOtp();
  }

  override kept(copy: CopyField, left: number, max: number): Call {
    const request = copy(this.request, left, max);
    return new EncodedCall(this.replyTo, request, this.#encoding);
  }
}

/** A request without a reply. Any process may send one, so servers cannot trust its sender. */
export class Cast extends ServerMessage {
  readonly type = "$cast";
  readonly request: unknown;
  /** Whether an Erlang node sent the cast, in OTP's encoding. */
  readonly otp: boolean;
  /** The BEAM that sent the cast, if the BEAM is the peer. */
  readonly origin: string | undefined;

  constructor(request: unknown, otp = false, origin?: string) {
    super();
    this.request = request;
    this.otp = otp;
    this.origin = origin;
  }

  fields(): object {
    const { type, request } = this;
    return { type, request, ...markOf(this) };
  }

  toOtp(): unknown {
    return tuple(GEN_CAST, requestToOtp(this.request));
  }

  copied(copy: CopyField, left: number, max: number): Cast {
    return new Cast(copy(this.request, left, max), this.otp, this.origin);
  }
}

/** A cast whose request has another encoding on Erlang nodes. */
export class EncodedCast extends Cast {
  readonly #encoding: RequestEncoding;

  constructor(request: unknown, encoding: RequestEncoding) {
    super(request);
    this.#encoding = encoding;
  }

  override toOtp(): unknown {
    return new Cast(this.#encoding.request(this.request)).toOtp();
  }

  override kept(copy: CopyField, left: number, max: number): Cast {
    return new EncodedCast(copy(this.request, left, max), this.#encoding);
  }
}

/**
 * Asks a server to exit: OTP's system message `{terminate, reason}`. The server replies that it will; its DOWN follows.
 */
export class Stop extends ServerMessage {
  readonly type = "$stop";
  /** The process that asks; its alias is also the monitor that waits for the exit. */
  readonly replyTo: ReplyTo;
  /** The reason for the server to exit with. */
  readonly reason: unknown;
  /** Whether an Erlang node sent the message, in OTP's encoding. */
  readonly otp: boolean;
  /** The node that sent the message, which may name a process of another node. */
  readonly origin: string;

  constructor(
    replyTo: ReplyTo,
    reason: unknown,
    otp = false,
    origin: string = replyTo.pid.node,
  ) {
    super();
    this.replyTo = replyTo;
    this.reason = reason;
    this.otp = otp;
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
    return { type, from, ref, reason, ...markOf(this) };
  }

  toOtp(): unknown {
    const reason = reasonToBeam(this.reason);
    return tuple(SYSTEM, this.replyTo, tuple(TERMINATE, reason));
  }

  copied(copy: CopyField, left: number, max: number): Stop {
    const reason = copy(this.reason, left, max);
    return new Stop(this.replyTo, reason, this.otp, this.origin);
  }
}

/**
 * A system message of a process of Erlang, such as `get_state`: OTP's `{system, from, request}`. Nodes of this
 * library send none.
 */
export class SystemRequest extends ServerMessage {
  readonly type = "$system";
  /** The process that asks. */
  readonly replyTo: ReplyTo;
  /** The request, in OTP's encoding. */
  readonly request: unknown;
  /** The node that sent the message, which may name a process of another node. */
  readonly origin: string;

  constructor(replyTo: ReplyTo, request: unknown, origin: string) {
    super();
    this.replyTo = replyTo;
    this.request = request;
    this.origin = origin;
  }

  fields(): object {
    const { type, replyTo, request } = this;
    return { type, replyTo, request };
  }

  toOtp(): unknown {
    return tuple(SYSTEM, this.replyTo, this.request);
  }

  copied(copy: CopyField, left: number, max: number): SystemRequest {
    const request = copy(this.request, left, max);
    return new SystemRequest(this.replyTo, request, this.origin);
  }
}

/** A message between related servers, with its sender and without a reply. */
export class InternalMessage extends ServerMessage {
  readonly type = "$tell";
  /** The sender. */
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

  toOtp(): unknown {
    if (this.message instanceof ServerRequest) {
      return this.message.toOtp(this.from);
    }
    throw new TypeError(
      `Cannot send ${
        inspectArgument(this.message)
      } to an Erlang node: it is a message of this library's servers, and OTP's do not know it`,
    );
  }

  copied(copy: CopyField, left: number, max: number): InternalMessage {
    return new InternalMessage(this.from, copy(this.message, left, max));
  }
}

/** Returns the field that marks a message from a BEAM; no field for other messages. */
function markOf({ otp }: { otp: boolean }): { otp?: true } {
  return otp ? { otp } : {};
}

/** Asks a Task.Supervisor for a task, which the caller owns. */
export interface StartTask {
  type: "start_task";
  /**
   * The task's reference: the monitor, and the alias of the task's result. Without a reference, the task is not
   * awaited.
   */
  task?: Ref;
  /** Whether the owner is linked to the task. */
  link: boolean;
  /** The function that it runs. */
  run: Runnable;
  restart: ChildRestart;
  shutdown: ChildShutdown;
  /** The callers of the task: the owner first. */
  callers: Pid[];
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
  /** The alias that the reply goes to; from a BEAM, also the term by which the process finds the reply. */
  replyAs: Ref | ReplyTo;
  /** The operation. */
  request: IoOperation;
}

/** Whether a value of any origin describes a function to run. */
export function isRunnable(value: unknown): value is Runnable {
  if (typeof value !== "object" || value === null) return false;
  const run = value as Record<string, unknown>;
  return Array.isArray(run.args) &&
    (typeof run.source === "string" || typeof run.parked === "string" ||
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
  const isOtp = fields.otp === true;
  if (type === "$cast") return new Cast(fields.request, isOtp);
  if (!(from instanceof Pid) || !isPeers(from)) return undefined;
  if (type === "$tell") return new InternalMessage(from, fields.message);
  if (!(ref instanceof Ref) || !isPeers(ref)) return undefined;
  const replyTo = new ReplyTo(from, ref);
  return type === "$call"
    ? new Call(replyTo, fields.request, isOtp)
    : new Stop(replyTo, fields.reason, isOtp);
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
