/** Requests to group leaders; any process can be a group leader. */

import { IoError } from "../../core/errors.ts";
import { startCallWithData } from "../gen/call.ts";
import type { IoOperation } from "../gen/messages.ts";
import { ioReplyFromOtp } from "./io_otp.ts";
import { SentIoRequest } from "./io_request.ts";
import { never, waitingProcess } from "../../core/runtime/current_process.ts";
import { describeExit } from "../../core/values/exit_reason.ts";
import type { Pid } from "../../core/values/pid.ts";

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
