/**
 * OTP's system messages to servers, by which `:sys.get_state`, `get_status`, `suspend`, `resume` and their like ask, and
 * the replies.
 *
 * A request that a server here cannot serve is answered with an error, so that no caller waits for its timeout.
 */

import {
  Stop,
  SystemRequest,
  type SystemStatus,
} from "@otp/servers/server/messages";
import { Atom, atom } from "@otp/processes/values/atom";
import { printable } from "@otp/processes/values/inspect";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { reasonFromBeam } from "../terms/beam_reasons.ts";
import { codePoints } from "../terms/conversions.ts";

const OK = atom("ok");
const ERROR = atom("error");
const DATA = atom("data");
const GEN_SERVER = atom("gen_server");

/** The modes of a server, by the request that asks for them. */
const MODES = { suspend: "suspended", resume: "running" } as const;

/** Returns the message for a request `{system, From, Request}` of the node `origin`. */
export function systemMessage(
  to: ReplyTo,
  request: unknown,
  origin: string,
): Stop | SystemRequest {
  const [kind, what] = request instanceof Tuple ? request.elements : [];
  const name = nameOf(request);
  if (nameOf(kind) === "terminate" && (request as Tuple).length === 2) {
    to.returns = () => OK;
    return new Stop(to, reasonFromBeam(what), origin);
  }
  const isDebug = nameOf(kind) === "debug";
  const [part, flag] = what instanceof Tuple ? what.elements : [what];
  return new SystemRequest(to, origin, {
    name: name ?? nameOf(isDebug ? part : kind) ?? "",
    isReading: name === "get_state" || name === "get_status" ||
      isDebug && ["log", "statistics"].includes(nameOf(part) ?? "") &&
        nameOf(flag) === "get",
    mode: MODES[name as keyof typeof MODES],
    term: request,
    reply: (status) => replyOf(request, status),
    failed: (reason) => failed("system_get_state", reason),
  });
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

function replyOf(request: unknown, status: SystemStatus): unknown {
  switch (nameOf(request)) {
    case "suspend":
    case "resume":
      return OK;
    case "get_state":
      return tuple(OK, status.state);
    case "get_status":
      return statusOf(status);
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
function statusOf({ process, state, mode }: SystemStatus): Tuple {
  const { pid, name, parent = pid } = process;
  const shown = name ?? pid.toString().replace("#PID", "");
  const misc = [
    tuple(atom("header"), codePoints(`Status for generic server ${shown}`)),
    tuple(DATA, [
      tuple(codePoints("Status"), atom(mode)),
      tuple(codePoints("Parent"), parent),
      tuple(codePoints("Logged events"), []),
    ]),
    tuple(DATA, [tuple(codePoints("State"), state)]),
  ];
  return tuple(atom("status"), pid, tuple(atom("module"), GEN_SERVER), [
    [],
    atom(mode),
    parent,
    [],
    misc,
  ]);
}
