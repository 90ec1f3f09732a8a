/** A group leader that records output, and answers reads from its input. */

import {
  type Pid,
  Process,
  receive,
  spawn,
} from "../../packages/processes/process.ts";
import type {
  IoOperation,
  IoRequest,
} from "../../packages/servers/server/messages.ts";

/** The output so far, and the input that is left. */
export interface TextDevice {
  output: string;
  input: string;
}

/** Starts a group leader on the node of the calling code. */
export function startLeader(input: string): { pid: Pid; device: TextDevice } {
  const device = { output: "", input };
  const pid = spawn(async () => {
    for (;;) {
      const { replyAs, request } = await receive<IoRequest>((m) =>
        m?.type === "io_request"
      );
      Process.reply(replyAs, perform(device, request));
    }
  });
  return { pid, device };
}

function perform(device: TextDevice, request: IoOperation): unknown {
  switch (request.type) {
    case "put_chars":
      device.output += request.chars;
      return "ok";
    case "get_line": {
      if (device.input === "") return "eof";
      const end = device.input.indexOf("\n") + 1 || device.input.length;
      const line = device.input.slice(0, end);
      device.input = device.input.slice(end);
      return { line };
    }
    case "requests":
      return request.requests.map((each) => perform(device, each)).at(-1);
    default:
      return { type: "error", reason: "request" };
  }
}
