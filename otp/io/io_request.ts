/** The message that asks a group leader. */

import type { IoOperation, IoRequest } from "../gen/messages.ts";
import { atom } from "../../core/values/atom.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import { ServerRequest } from "../../core/values/server_message.ts";
import { tuple } from "../../core/values/tuple.ts";
import { operationToOtp } from "./io_otp.ts";

const IO_REQUEST = atom("io_request");

/** A request to a group leader. */
export class SentIoRequest extends ServerRequest implements IoRequest {
  readonly type = "io_request";
  readonly from: Pid;
  readonly replyAs: Ref;
  readonly request: IoOperation;

  /** Creates a request from its fields. */
  constructor(from: Pid, replyAs: Ref, request: IoOperation) {
    super();
    this.from = from;
    this.replyAs = replyAs;
    this.request = request;
  }

  override toOtp(): unknown {
    const { from, replyAs, request } = this;
    return tuple(IO_REQUEST, from, replyAs, operationToOtp(request));
  }
}
