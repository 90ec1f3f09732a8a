/**
 * Formats the log events of Erlang nodes. A report names a function that formats it, which only its own node can run. So
 * this module formats the reports of OTP's and Elixir's own modules itself, and shows other reports as terms.
 */

import { exitLine, shownValue as shown } from "@otp/processes/log/event_text";
import { Atom } from "@otp/processes/values/atom";
import { reasonFromBeam } from "../terms/beam_reasons.ts";
import { inspect } from "@otp/processes/values/inspect";
import { Tuple } from "@otp/processes/values/tuple";
import { charsOf, textOfAtom } from "../io/chardata.ts";
import { FormatError, formatText } from "../io/erlang_format.ts";

const MAX_TEXT = 4096;

/** Returns the text of a format and its arguments, as OTP's formatter does. */
export function formatMessage(format: unknown, args: unknown): string {
  try {
    return cut(formatText(format, args));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return `FORMAT ERROR: ${shown(format)} - ${shown(args)}`;
  }
}

function cut(text: string): string {
  const trimmed = text.slice(0, MAX_TEXT).trimEnd();
  return text.length > MAX_TEXT ? `${trimmed}...` : trimmed;
}

export function reportText(report: unknown): string {
  const text = charsOf(report, { encoding: "unicode", isLenient: true });
  if (text !== undefined && (text !== "" || report === "")) return cut(text);
  const lines = linesOf(report);
  return lines === undefined ? shown(report) : lines.join("\n");
}

/** Returns a field of a map with atoms as keys, or of a list of pairs. */
export function fieldOf(report: unknown, key: string): unknown {
  const pairs = report instanceof Map
    ? report
    : Array.isArray(report)
    ? report.flatMap((each): [unknown, unknown][] =>
      each instanceof Tuple && each.length === 2
        ? [[each.elements[0], each.elements[1]]]
        : []
    )
    : [];
  for (const [name, value] of pairs) {
    if (textOfAtom(name) === key) return value;
  }
  return undefined;
}

/** Returns a report's label, such as `gen_server.terminate`. */
function labelOf(report: unknown): string {
  const label = fieldOf(report, "label");
  if (!(label instanceof Tuple)) return "";
  return label.elements.map((each: unknown) => textOfAtom(each) ?? "").join(
    ".",
  );
}

/** Returns the lines of a known report; `undefined` for other reports. */
function linesOf(report: unknown): string[] | undefined {
  const label = labelOf(report);
  const inner = fieldOf(report, "report");
  switch (label) {
    case "gen_server.terminate":
    case "gen_statem.terminate":
    case "gen_event.terminate":
      return serverLines(report);
    case "gen_server.no_handle_info":
      return [
        `${shown(fieldOf(report, "module"))} ${
          shown(fieldOf(report, "name"))
        } received an unexpected message in handle_info/2: ${
          shown(fieldOf(report, "message") ?? fieldOf(report, "last_message"))
        }`,
      ];
    case "proc_lib.crash":
      return crashLines(inner);
    case "Elixir.Task.Supervisor.terminating":
      return taskLines(inner);
    case "supervisor.progress":
      return [
        `Child ${childOf(fieldOf(inner, "started"))} of Supervisor ${
          shown(fieldOf(inner, "supervisor"))
        } started`,
      ];
  }
  if (label.startsWith("supervisor.")) {
    return supervisorLines(inner, label.slice("supervisor.".length));
  }
  // The reports of `error_logger`, and other reports with a format.
  const format = fieldOf(report, "format");
  return format === undefined
    ? undefined
    : [formatMessage(format, fieldOf(report, "args") ?? [])];
}

function reasonLine(reason: unknown): string {
  return `** ${exitLine(reasonFromBeam(reason))}`;
}

function serverLines(report: unknown): string[] {
  const field = (name: string) => fieldOf(report, name);
  const lines = [
    `GenServer ${shown(field("name"))} terminating`,
    reasonLine(field("reason")),
  ];
  const client = field("client_info");
  const from = client instanceof Tuple && client.elements[0] !== undefined
    ? ` (from ${shown(client.elements[0])})`
    : "";
  const message = field("last_message");
  if (message !== undefined) {
    lines.push(`Last message${from}: ${shown(message)}`);
  }
  if (field("state") !== undefined) {
    lines.push(`State: ${shown(field("state"))}`);
  }
  return lines;
}

function crashLines(report: unknown): string[] {
  const info = Array.isArray(report) ? report[0] : undefined;
  const field = (name: string) => fieldOf(info, name);
  const error = field("error_info");
  const reason = error instanceof Tuple ? error.elements[1] : error;
  const stack = error instanceof Tuple ? error.elements[2] : undefined;
  const name = field("registered_name");
  const who = name instanceof Atom ? ` (${shown(name)})` : "";
  const lines = [
    `Process ${shown(field("pid"))}${who} terminating`,
    reasonLine(Array.isArray(stack) ? new Tuple([reason, stack]) : reason),
    `Initial Call: ${callText(field("initial_call"))}`,
  ];
  const ancestors = field("ancestors");
  if (Array.isArray(ancestors) && ancestors.length > 0) {
    lines.push(`Ancestors: ${shown(ancestors)}`);
  }
  return lines;
}

function callText(call: unknown): string {
  if (!(call instanceof Tuple) || call.length !== 3) return shown(call);
  const [module, name, args] = call.elements;
  const arity = Array.isArray(args) ? args.length : shown(args);
  return `${shown(module)}.${textOfAtom(name) ?? shown(name)}/${arity}`;
}

function taskLines(report: unknown): string[] {
  const field = (name: string) => fieldOf(report, name);
  return [
    `Task ${shown(field("name"))} started from ${
      shown(field("starter"))
    } terminating`,
    reasonLine(field("reason")),
    `Function: ${shown(field("function"))}`,
    `Args: ${shown(field("args"))}`,
  ];
}

function supervisorLines(report: unknown, error: string): string[] {
  const context = textOfAtom(fieldOf(report, "errorContext")) ?? error;
  const words = context.replaceAll("_", " ");
  const lines = [
    `Child ${childOf(fieldOf(report, "offender"))} of Supervisor ${
      shown(fieldOf(report, "supervisor"))
    }: ${words}`,
    reasonLine(fieldOf(report, "reason")),
  ];
  const pid = fieldOf(fieldOf(report, "offender"), "pid");
  if (pid !== undefined) lines.push(`Pid: ${shown(pid)}`);
  return lines;
}

function childOf(child: unknown): string {
  const id = fieldOf(child, "id") ?? fieldOf(child, "pid");
  return inspect(id, { width: Infinity, limit: 10, printableLimit: 200 })
    .slice(0, 500);
}
