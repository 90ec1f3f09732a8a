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

import type { StartTask } from "@otp/servers/server/messages";
import type { Mfa } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import { reasonFromBeam } from "../terms/beam_reasons.ts";
import { Pid, Ref } from "@otp/processes/values/pid";
import { isSigned } from "@otp/servers/server/signed_messages";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { isChildShutdown, isRestart } from "@otp/servers/server/child_spec";
import type { AnyRequest, ServerProtocol } from "./protocol.ts";
import {
  mfaFromOtp,
  mfaToOtp,
  nameInOtp,
  supervisorProtocol,
} from "./supervisor_otp.ts";

const START_TASK = atom("start_task");
const MONITOR = atom("monitor");
const OK = atom("ok");
const ERROR = atom("error");

/** Milliseconds that a task of Elixir waits for its work. */
export const WORK_TIMEOUT = 5000;

/** The work of a task: the caller's part of the second step. */
export interface TaskWork {
  /** The task's reference: a term that the owner gets back with the result. */
  ref: unknown;
  /** The receiver of the result: an alias, or a process. */
  replyTo: Pid | Ref;
  /** The processes for which the task runs. */
  callers: Pid[];
  /** The function and its arguments. */
  mfa: Mfa;
}

/** A BEAM's request for a task; only such requests are instances. */
export class OtpTask {
  /** The process that the task runs for. */
  readonly owner: Pid;
  /** The task's work; `undefined` if the owner sends it to the task. */
  readonly work: Pick<TaskWork, "callers" | "mfa"> | undefined;
  readonly restart: StartTask["restart"];
  readonly shutdown: StartTask["shutdown"];

  constructor(
    owner: Pid,
    work: OtpTask["work"],
    restart: OtpTask["restart"],
    shutdown: OtpTask["shutdown"],
  ) {
    this.owner = owner;
    this.work = work;
    this.restart = restart;
    this.shutdown = shutdown;
  }
}

const DYNAMIC = supervisorProtocol("DynamicSupervisor");

/** The protocol of a Task.Supervisor: the requests of a DynamicSupervisor, and one more for tasks. */
export const TASK_PROTOCOL: ServerProtocol = {
  ...DYNAMIC,
  encodeRequest: (request, ...context) =>
    isStart(request)
      ? request.toOtp()
      : DYNAMIC.encodeRequest(request, ...context),
  decodeReply: (request, ...context) =>
    isStart(request)
      ? startedFromOtp(context[0])
      : DYNAMIC.decodeReply(request, ...context),
  decodeRequest(term, ...context) {
    const task = startTaskFromOtp(term);
    return task instanceof OtpTask
      ? task
      : DYNAMIC.decodeRequest(term, ...context);
  },
};

// Messages to a BEAM.

/** A request for a task, which knows the function that it names. */
interface TaskRequest extends AnyRequest {
  toOtp(): unknown;
}

function isStart(request: AnyRequest): request is TaskRequest {
  return request.type === "start_task";
}

/** Whether the owner sends the work to the task, in the second step. */
export function isInTwoSteps({ task, restart }: StartTask): boolean {
  return task !== undefined || restart === "temporary";
}

/** Encodes a request for a task. */
export function startTaskToOtp(asked: StartTask, owner: Pid, mfa: Mfa): Tuple {
  const { callers, restart, shutdown } = asked;
  const named = tuple(atom(owner.node), owner, owner);
  return tuple(
    START_TASK,
    isInTwoSteps(asked) ? [named, MONITOR] : [named, callers, mfaToOtp(mfa)],
    atom(restart),
    typeof shutdown === "string" ? atom(shutdown) : Math.ceil(shutdown),
  );
}

/** Encodes the work, for the second step. */
export function workToOtp(
  owner: Pid,
  { ref, replyTo, callers, mfa }: TaskWork,
): Tuple {
  return tuple(owner, ref, replyTo, callers, mfaToOtp(mfa));
}

/** Decodes the reply of a supervisor into the form that supervisors of this library send. */
export function startedFromOtp(reply: unknown): unknown {
  if (!(reply instanceof Tuple) || reply.length !== 2) return reply;
  const [status, value] = reply.elements;
  if (status === OK && value instanceof Pid) return { type: "ok", pid: value };
  return status === ERROR
    ? { type: "error", reason: reasonFromBeam(value) }
    : reply;
}

// Messages from a BEAM.

/** Decodes a request; returns any other term as it is. */
export function startTaskFromOtp(term: unknown): unknown {
  if (!(term instanceof Tuple) || term.elements[0] !== START_TASK) return term;
  const [, args, restart, shutdown] = term.elements;
  if (term.length !== 4 || !Array.isArray(args)) return term;
  const owner = ownerOf(args[0]);
  const asked = {
    restart: nameInOtp(restart ?? "temporary"),
    shutdown: nameInOtp(shutdown ?? 5000),
  };
  if (
    owner === undefined || !isRestart(asked.restart) ||
    !isChildShutdown(asked.shutdown)
  ) return term;
  const { length } = args;
  if (length === 2 && (args[1] === MONITOR || isNoMonitor(args[1]))) {
    return new OtpTask(owner, undefined, asked.restart, asked.shutdown);
  }
  const mfa = mfaFromOtp(args[2]);
  if (length !== 3 || !isPids(args[1]) || mfa === undefined) return term;
  const work = { callers: args[1], mfa };
  return new OtpTask(owner, work, asked.restart, asked.shutdown);
}

function isNoMonitor(value: unknown): boolean {
  return value instanceof Atom && value.name === "nomonitor";
}

/** Decodes the work message of a task. Only the owner's node may send it, because it runs with that node's rights. */
export function workFromOtp(
  message: unknown,
  owner: Pid,
): TaskWork | undefined {
  if (
    !(message instanceof Tuple) || message.length !== 5 || !isSigned(message)
  ) return undefined;
  const [from, ref, replyTo, callers, named] = message.elements;
  const mfa = mfaFromOtp(named);
  if (
    !owner.equals(from) || mfa === undefined || !isPids(callers) ||
    !(replyTo instanceof Pid || replyTo instanceof Ref) ||
    // A result goes to the owner's node only, whatever receiver the message names.
    replyTo.node !== owner.node
  ) return undefined;
  return { ref, replyTo, callers, mfa };
}

function ownerOf(named: unknown): Pid | undefined {
  const pid = named instanceof Tuple ? named.elements[2] : undefined;
  return pid instanceof Pid ? pid : undefined;
}

function isPids(value: unknown): value is Pid[] {
  return Array.isArray(value) && value.every((each) => each instanceof Pid);
}
