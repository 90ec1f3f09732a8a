/** Requests to group leaders; any process can be a group leader. */

import { IoError } from "@otp/processes/errors";
import { startCallWithData } from "@otp/servers/server/call";
import type { IoOperation, IoRequest } from "@otp/servers/server/messages";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { describeExit } from "@otp/processes/values/exit_reason";
import type { Pid, Ref } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";

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
      failed: leaderGone,
      message: (from, replyAs) => sentRequest(from, replyAs, request),
      mayBeLeft: true,
    },
  ).promise;
}

function sentRequest(from: Pid, replyAs: Ref, request: IoOperation) {
  const sent: IoRequest = { type: "io_request", from, replyAs, request };
  return new OwnRequest(sent, "IO");
}
