/**
 * OTP's system messages to servers: `:sys.get_state`, `get_status`, `suspend`, `resume` and their like. Processes
 * of Erlang's nodes send them; `{terminate, reason}` is a `Stop`.
 *
 * `allowObserve` and `allow` of the node decide which of them another node may send.
 *
 * A request that a server here cannot serve is answered with an error in OTP's encoding, so that no caller waits
 * for its timeout.
 */

import { Atom, atom } from "@otp/processes/values/atom";
import { isExitOrLikeOne } from "@otp/processes/values/exit_message";
import { printable } from "@otp/processes/values/inspect";
import { notAllowed } from "@otp/processes/remote/exported_modules";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { Stop, SystemRequest } from "./messages.ts";
import { failMonitor } from "@otp/processes/process/deaths";

const OK = atom("ok");
const ERROR = atom("error");
const DATA = atom("data");
const GEN_SERVER = atom("gen_server");

/** Whether a server is at work, or waits to be resumed. */
export type SystemMode = "running" | "suspended";

/**
 * Answers a request to a server in a state, or refuses it. Returns the change of the server's mode that the request
 * asks for, if the node allows it.
 */
export function answerSystem(
  process: LocalProcess,
  state: unknown,
  message: SystemRequest,
  mode: SystemMode,
): "suspend" | "resume" | undefined {
  const { replyTo, request } = message;
  if (refusesSystem(process, message)) return undefined;
  try {
    process.reply(replyTo, replyOf(process, state, request, mode));
  } catch (error) {
    // The state cannot be encoded for Erlang, or is too large for the caller's node.
    refuse(process, replyTo, String(error));
  }
  const kind = nameOf(request);
  return kind === "suspend" || kind === "resume" ? kind : undefined;
}

/**
 * Refuses a request of another node if this node does not allow it; returns whether it was refused.
 *
 * A request that reads needs `allowObserve`, and one that changes the server `allowObserve: "write"`. `terminate`
 * needs neither, because an exit signal does the same. The node's rule `allow`, if any, decides on every request too.
 */
export function refusesSystem(
  process: LocalProcess,
  message: SystemRequest | Stop,
): boolean {
  const { runtime } = process;
  const { replyTo: { monitor }, origin } = message;
  if (origin === runtime.node) return false;
  const refusal = refusalOf(process, message);
  if (refusal === undefined) return false;
  runtime.quotas.refused(origin, "not_allowed", refusal);
  if (monitor !== undefined) {
    const isEncoded = message instanceof SystemRequest || message.isEncoded;
    const reason = isEncoded
      ? tuple(atom("not_allowed"), refusal)
      : { type: "not_allowed", message: refusal };
    failMonitor(process, monitor, reason);
  }
  return true;
}

function refusalOf(
  { runtime }: LocalProcess,
  message: SystemRequest | Stop,
): string | undefined {
  const { modules } = runtime;
  const { origin } = message;
  const name = message instanceof Stop
    ? "terminate"
    : functionOf(message.request);
  const what = `sys.${printable(name)}`;
  if (name !== "terminate") {
    const isRead = isReading(message as SystemRequest);
    if (!(isRead ? modules.allowObserve : modules.allowObserve === "write")) {
      return `the node does not let ${origin} run ${what}: start it with ${
        isRead
          ? "--allow-observe (allowObserve: true)"
          : 'allowObserve: "write"'
      }`;
    }
  }
  if (!modules.isAllowed(origin, { module: "sys", name })) {
    return notAllowed(origin, what);
  }
  return name === "suspend" && runtime.isStopping
    ? `the node is stopping, and suspends no server`
    : undefined;
}

/** Returns the function of OTP's `sys` that sends a request. */
function functionOf(request: unknown): string {
  if (!(request instanceof Tuple)) return nameOf(request) ?? "";
  const [kind, what] = request.elements;
  const name = nameOf(kind);
  return (name !== "debug"
    ? name
    : nameOf(what instanceof Tuple ? what.elements[0] : what)) ?? "";
}

/** Whether a request changes nothing. */
function isReading({ request }: SystemRequest): boolean {
  const name = nameOf(request);
  if (name !== undefined) return name === "get_state" || name === "get_status";
  const [, what] = (request as Partial<Tuple>).elements ?? [];
  const [kind, flag] = what instanceof Tuple ? what.elements : [];
  return nameOf(flag) === "get" &&
    ["log", "statistics"].includes(nameOf(kind) ?? "");
}

function refuse(process: LocalProcess, replyTo: ReplyTo, reason: string): void {
  try {
    process.reply(replyTo, failed("system_get_state", reason));
  } catch {
    // The caller's tag alone can exceed the maximum size of a message.
    const { monitor } = replyTo;
    if (monitor !== undefined) {
      failMonitor(process, monitor, "system_limit");
    }
  }
}

function nameOf(term: unknown): string | undefined {
  return term instanceof Atom ? term.name : undefined;
}

function failed(callback: string, reason: string): Tuple {
  const why = tuple(ERROR, printable(reason.slice(0, 1000)));
  return tuple(
    ERROR,
    tuple(atom("callback_failed"), tuple(GEN_SERVER, atom(callback)), why),
  );
}

function replyOf(
  process: LocalProcess,
  state: unknown,
  request: unknown,
  mode: SystemMode,
): unknown {
  switch (nameOf(request)) {
    case "suspend":
    case "resume":
      return OK;
    case "get_state":
      return tuple(OK, state);
    case "get_status":
      return statusOf(process, state, mode);
  }
  const [kind, what] = request instanceof Tuple ? request.elements : [];
  switch (nameOf(kind)) {
    case "replace_state":
      return failed(
        "system_replace_state",
        "the function cannot run here; send the server a request instead",
      );
    case "debug":
      return debugReply(what);
    default:
      return tuple(ERROR, tuple(atom("unknown_system_msg"), request));
  }
}

/** Servers here keep no trace, log or statistics for `:sys`: switching them off succeeds, and reading finds none. */
function debugReply(what: unknown): unknown {
  if (nameOf(what) === "no_debug") return OK;
  const [kind, flag] = what instanceof Tuple ? what.elements : [];
  switch (`${nameOf(kind)}/${nameOf(flag) ?? flag}`) {
    case "trace/false":
    case "log/false":
    case "log/print":
    case "log_to_file/false":
    case "statistics/false":
      return OK;
    case "log/get":
      return tuple(OK, []);
    case "statistics/get":
      return tuple(OK, atom("no_statistics"));
    default:
      return nameOf(kind) === "remove" ? OK : atom("unknown_debug");
  }
}

/** Returns the status of a `gen_server`, as OTP's tools show it. */
function statusOf(
  process: LocalProcess,
  state: unknown,
  mode: SystemMode,
): Tuple {
  const { pid, name } = process;
  const parent = process.parent ?? pid;
  const shown = name ?? pid.toString().replace("#PID", "");
  const misc = [
    tuple(atom("header"), charlist(`Status for generic server ${shown}`)),
    tuple(DATA, [
      tuple(charlist("Status"), atom(mode)),
      tuple(charlist("Parent"), parent),
      tuple(charlist("Logged events"), []),
    ]),
    tuple(DATA, [tuple(charlist("State"), state)]),
  ];
  return tuple(atom("status"), pid, tuple(atom("module"), GEN_SERVER), [
    [],
    atom(mode),
    parent,
    [],
    misc,
  ]);
}

function charlist(text: string): number[] {
  return [...text].map((character) => character.codePointAt(0)!);
}

/** Whether a suspended server handles a message now; other messages wait in the mailbox. */
export function isForSuspended(
  message: unknown,
  parent: Pid | undefined,
): boolean {
  return message instanceof SystemRequest || message instanceof Stop ||
    parent !== undefined && isExitOrLikeOne(message) &&
      parent.equals(message.from);
}
