/**
 * The tasks of Elixir's `Task.Supervisor` on the BEAM wire, in the two steps of Elixir 1.15 and later.
 *
 * 1. The owner calls the supervisor: `{start_task, [{Node, NameOrPid, Owner}, monitor], Restart, Shutdown}`, which
 *    replies `{ok, Pid}`. The task does not know its work yet; it monitors its owner.
 * 2. The owner links and monitors the task, and sends it `{Owner, Ref, ReplyTo, Callers, {Module, Function, Args}}`.
 *    The task sends `{Ref, Result}` to `ReplyTo`: an alias, or a process if the task is of a stream.
 *
 * A restartable task, which is not awaited, has its work in the request, in place of `monitor`:
 * `[Owner, Callers, {Module, Function, Args}]`.
 */

import { atom } from "@otp/processes/values/atom";
import { OwnFunction } from "@otp/processes/values/own_function";
import { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { copyTerm } from "@otp/processes/values/term";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { isChildShutdown, isRestart } from "@otp/servers/server/child_spec";
import { type StartTask, StartTaskRequest } from "@otp/servers/task/start_task";
import type { BeamFunctions } from "../functions/beam_functions.ts";
import { reasonFromBeam, reasonToBeam } from "../terms/beam_reasons.ts";
import type { ServerProtocol } from "./protocol.ts";
import {
  mfaFromOtp,
  mfaToOtp,
  nameInOtp,
  supervisorProtocol,
} from "./supervisor_otp.ts";
import { isPids, otpTaskCode } from "./task_code.ts";

const START_TASK = atom("start_task");
const MONITOR = atom("monitor");
const NO_MONITOR = atom("nomonitor");
const OK = atom("ok");
const ERROR = atom("error");

const DYNAMIC = supervisorProtocol("DynamicSupervisor");

/** The protocol of a Task.Supervisor: the requests of a DynamicSupervisor, and one more for tasks. */
export const TASK_PROTOCOL: ServerProtocol = {
  encodeRequest: (request, functions) =>
    request instanceof StartTaskRequest
      ? startTaskToOtp(request, functions)
      : DYNAMIC.encodeRequest(request, functions),
  decodeReply: (request, term, functions) =>
    request instanceof StartTaskRequest
      ? startedFromOtp(term)
      : DYNAMIC.decodeReply(request, term, functions),
  decodeRequest: (term, functions, caller, origin) =>
    startTaskFromOtp(term, caller) ??
      DYNAMIC.decodeRequest(term, functions, caller, origin),
  encodeReply: (request, reply, functions) =>
    isStartTask(request)
      ? startedToOtp(reply)
      : DYNAMIC.encodeReply(request, reply, functions),
};

// Requests to a BEAM.

/** Encodes a request for a task. The arguments of the second step are copied now: the caller may change them later. */
function startTaskToOtp(
  request: StartTaskRequest,
  functions: Pick<BeamFunctions, "called">,
): Tuple {
  const { owner, task, callers, restart, shutdown } = request;
  const { pid, runtime: { maxDepth } } = owner;
  const [module, name, args] = functions.called(request.run);
  const isInTwoSteps = task !== undefined || restart === "temporary";
  if (isInTwoSteps) {
    const copy = copyTerm(args, maxDepth) as unknown[];
    const mfa = mfaToOtp([module, name, copy]);
    request.setWork((ref) => tuple(pid, ref, ref, callers, mfa));
  }
  const named = tuple(atom(pid.node), pid, pid);
  return tuple(
    START_TASK,
    isInTwoSteps
      ? [named, MONITOR]
      : [named, callers, mfaToOtp([module, name, args])],
    atom(restart),
    typeof shutdown === "string" ? atom(shutdown) : Math.ceil(shutdown),
  );
}

/** Decodes the reply of a supervisor into the form that supervisors of this library send. */
function startedFromOtp(reply: unknown): unknown {
  if (!(reply instanceof Tuple) || reply.length !== 2) return reply;
  const [status, value] = reply.elements;
  if (status === OK && value instanceof Pid) return { type: "ok", pid: value };
  return status === ERROR
    ? { type: "error", reason: reasonFromBeam(value) }
    : reply;
}

// Requests from a BEAM.

/** Decodes a request for a task; `undefined` for any other term. A caller may ask for tasks of its own node only. */
function startTaskFromOtp(
  term: unknown,
  caller: ReplyTo | undefined,
): StartTask | undefined {
  if (!(term instanceof Tuple) || term.elements[0] !== START_TASK) return;
  const [, args, given, time] = term.elements;
  if (term.length !== 4 || !Array.isArray(args)) return;
  const [named, callers, work] = args;
  const owner = ownerOf(named);
  const restart = nameInOtp(given ?? "temporary");
  const shutdown = nameInOtp(time ?? 5000);
  const mfa = mfaFromOtp(work);
  if (
    owner === undefined || owner.node !== caller?.pid.node ||
    !isRestart(restart) || !isChildShutdown(shutdown)
  ) return;
  const isWhole = args.length === 3 && isPids(callers) && mfa !== undefined;
  const isFirstStep = args.length === 2 &&
    (callers === MONITOR || callers === NO_MONITOR);
  if (!isWhole && !isFirstStep) return;
  const code = otpTaskCode(owner, isWhole ? { callers, mfa } : undefined);
  return {
    type: "start_task",
    // The owner links and monitors the task itself.
    link: false,
    run: { local: new OwnFunction(code, "Task.Supervised"), args: [] },
    callers: isWhole ? callers : [owner],
    restart,
    shutdown,
  };
}

function isStartTask(request: unknown): boolean {
  return (Object(request) as Partial<StartTask>).type === "start_task";
}

/** Encodes the reply to a request for a task. */
function startedToOtp(reply: unknown): Tuple {
  const { pid, reason } = reply as { pid?: unknown; reason?: unknown };
  return pid instanceof Pid
    ? tuple(OK, pid)
    : tuple(ERROR, reasonToBeam(reason === "limit" ? "system_limit" : reason));
}

function ownerOf(named: unknown): Pid | undefined {
  const pid = named instanceof Tuple ? named.elements[2] : undefined;
  return pid instanceof Pid ? pid : undefined;
}
