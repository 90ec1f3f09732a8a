/** Requests to group leaders; any process can be a group leader. */

import { IoError } from "../../core/errors.ts";
import { startCallWithData } from "../server/call.ts";
import type { IoOperation, IoRequest } from "../server/messages.ts";
import { ioReplyFromOtp, operationToOtp } from "./io_otp.ts";
import { never, waitingProcess } from "../../core/runtime/current_process.ts";
import { describeExit } from "../../core/values/exit_reason.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import { atom } from "../../core/values/atom.ts";
import { ServerRequest } from "../../core/values/server_message.ts";
import { tuple } from "../../core/values/tuple.ts";

function leaderGone(reason: unknown): Error {
  return new IoError(
    "terminated",
    `the group leader is gone: ${describeExit(reason).message}`,
  );
}

/** Sends a request to a group leader, and waits for the reply. */
export function requestIo<T>(
  request: IoOperation,
  leader: Pid | undefined,
  read: (reply: unknown) => T,
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return never();
  return startCallWithData<T>(
    process,
    leader ?? process.groupLeader,
    request,
    {
      timeout: Infinity,
      as: () => ["IO", request.type, []],
      read,
      fromOtp: (reply) => ioReplyFromOtp(request, reply),
      failed: leaderGone,
      message: (from, replyAs) => new SentIoRequest(from, replyAs, request),
      mayBeLeft: true,
    },
  ).promise;
}

const IO_REQUEST = atom("io_request");

class SentIoRequest extends ServerRequest implements IoRequest {
  readonly type = "io_request";
  readonly from: Pid;
  readonly replyAs: Ref;
  readonly request: IoOperation;

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
