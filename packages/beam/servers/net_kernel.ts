/**
 * The server `net_kernel`, by which nodes of Erlang test whether this one accepts them: `net_adm:ping`.
 *
 * It starts when it is first asked for.
 */

import { serveOnDemand } from "@otp/servers/server/on_demand";
import { NO_REPLY, type Server } from "@otp/servers/server/server";
import type { Runtime } from "@otp/processes/process/runtime";
import { atom } from "@otp/processes/values/atom";
import { Tuple } from "@otp/processes/values/tuple";

const NAME = "net_kernel";
const IS_AUTH = atom("is_auth");
const YES = atom("yes");

/** Has a node start the server when another node asks for it. */
export function serveNetKernel(runtime: Runtime): void {
  serveOnDemand(runtime, NAME, () => new NetKernel());
}

class NetKernel implements Server {
  call(request: unknown): unknown {
    // As in OTP, other requests are not answered.
    return request instanceof Tuple && request.length === 2 &&
        request.elements[0] === IS_AUTH
      ? YES
      : NO_REPLY;
  }
}
