/** Requests to supervisors of all kinds, and the reading of replies. */

import { ExitError } from "@otp/processes/errors";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { promised } from "@otp/processes/promises/promises";
import { checkPid } from "@otp/processes/values/check_arguments";
import { quote } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import { OwnFunction } from "@otp/processes/values/own_function";
import { OwnRequest } from "@otp/processes/values/server_message";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { call, type RequestOptions, startCall } from "../server/call.ts";
import {
  type CancelOptions,
  locateUntil,
  type TimeLimits,
} from "../server/cancellation.ts";
import {
  callExit,
  describeRequest,
  type ServerRef,
  toSendLater,
  whenLocated,
} from "../server/server_ref.ts";
import type { Place } from "@otp/processes/signals/signal";
import type { FullChildSpec, Started } from "../server/child_spec.ts";
import { startRunnable } from "./child_start.ts";
import type { Failure, SentChildSpec, Success } from "./child_lifecycle.ts";
import type { DynamicSupervisorRequest } from "./dynamic_supervisor_server.ts";
import type { ChildSpecReply, SupervisorRequest } from "./supervisor_server.ts";

/** Sends a request to a supervisor, without a time limit, from the function `fn` of `module`. */
export function askSupervisor<T>(
  module: string,
  fn: string,
  supervisor: ServerRef,
  request: SupervisorRequest | DynamicSupervisorRequest,
): Promise<T> {
  return promised(() => {
    const process = waitingProcess();
    if (process === undefined) return never();
    const as = () => describeRequest(module, fn, supervisor, request);
    const sent = requestOf(module, request);
    return call<T>(supervisor, sent, { timeout: Infinity, as });
  });
}

/** Asks a supervisor of dynamic children to end a child for good. */
export async function askToTerminate(
  module: string,
  supervisor: ServerRef,
  pid: Pid,
): Promise<"ok" | "not_found"> {
  checkPid(pid, "terminate the child");
  const request = { type: "terminate_child", pid } as const;
  const answer = await askSupervisor<"ok" | Failure>(
    module,
    "terminateChild",
    supervisor,
    request,
  );
  return answer === "ok" ? answer : "not_found";
}

/** Creates a request as a message. */
function requestOf(module: string, request: { type: string }): OwnRequest {
  const kind = module === "Supervisor" ? module : "DynamicSupervisor";
  return new OwnRequest(request, kind);
}

/** Asks a supervisor for a child's specification. */
export async function askForSpec(
  supervisor: ServerRef,
  id: string,
): Promise<FullChildSpec | "not_found"> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const asked = { type: "get_childspec", id };
  const request = requestOf("Supervisor", asked);
  const answer = await call<ChildSpecReply | Failure>(supervisor, request, {
    timeout: Infinity,
    as: () => describeRequest("Supervisor", "getChildspec", supervisor, { id }),
  });
  if (answer.type === "ok") {
    const { start, ...spec } = answer.spec;
    return {
      ...spec,
      start: start instanceof OwnFunction ? start.fn as () => Started : start,
    };
  }
  if (answer.reason === "not_found") return "not_found";
  throw new TypeError(
    `Cannot get the specification of the child ${
      quote(id)
    }: its start is a function that its node does not export; ask on that node`,
  );
}

/** Asks a supervisor to start a child; returns the result of its start. */
export function askToStart(
  module: string,
  supervisor: ServerRef,
  spec: FullChildSpec,
  { timeout = Infinity, signal, deadline }: TimeLimits = {},
): Promise<Started> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const { id } = spec;
  const as = () => describeRequest(module, "startChild", supervisor, { id });
  const late = () => callExit("timeout", as());
  const cancel: CancelOptions = { signal, deadline };
  const { runtime } = process;
  const end = runtime.clock.now() + timeout;
  const place = locateUntil(supervisor, process, cancel, late, timeout);
  const start = typeof spec.start === "function"
    ? spec.start
    : toSendLater(place, process, spec.start);
  return whenLocated(
    place,
    process,
    (place) =>
      startAt(process, place, module, { ...spec, start }, {
        timeout: Math.max(0, end - runtime.clock.now()),
        ...cancel,
        as,
      }),
  ) as Promise<Started>;
}

async function startAt(
  process: LocalProcess,
  place: Place,
  module: string,
  spec: FullChildSpec,
  options: RequestOptions<Success | Failure>,
): Promise<Started> {
  const { runtime } = process;
  const start = startRunnable(spec, runtime, place.node);
  const sent: SentChildSpec = { ...spec, start };
  const asked = { type: "start_child", spec: sent };
  const request = requestOf(module, asked);
  return startedOf(
    await startCall<Success | Failure>(process, place, request, options)
      .promise,
  );
}

/** Returns the result of a start, or throws an exit with the reason of the failure. */
export function startedOf(answer: Success | Failure): Started {
  if (answer.type === "error") throw new ExitError(answer.reason);
  return answer.started;
}
