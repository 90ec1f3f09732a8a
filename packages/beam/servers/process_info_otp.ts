/** Converts the information that Erlang's `process_info/1` returns to the form of this library. */

import { Atom } from "@otp/processes/values/atom";
import { fromBeamName } from "@otp/processes/values/beam_names";
import { Pid } from "@otp/processes/values/pid";
import { moduleText } from "@otp/processes/values/literals";
import { Tuple } from "@otp/processes/values/tuple";
import type { Ancestor } from "@otp/processes/values/lineage";
import type { ProcessInfo } from "@otp/processes/process/process_info";

/** Converts a list of pairs; returns `undefined` for any other value, as for a process that is not alive. */
export function infoFromOtp(pid: Pid, items: unknown): ProcessInfo | undefined {
  if (!Array.isArray(items)) return undefined;
  const info = fieldsOf(items);
  const dictionary = fieldsOf(info.get("dictionary"));
  const name = info.get("registered_name");
  const status = info.get("status");
  const count = info.get("message_queue_len");
  const leader = info.get("group_leader");
  const ancestors = listOf(dictionary.get("$ancestors"));
  const [parent] = ancestors;
  const label = dictionary.get("$process_label");
  return {
    pid,
    registeredName: name instanceof Atom ? fromBeamName(name.name) : undefined,
    initialCall: callText(dictionary.get("$initial_call")) ??
      callText(info.get("initial_call")),
    ...(label === undefined ? {} : { label }),
    status: status instanceof Atom && status.name === "running"
      ? "running"
      : "waiting",
    messageQueueLen: typeof count === "number" ? count : 0,
    links: listOf(info.get("links")).filter(isPid),
    // Erlang returns monitors only on request.
    monitors: [],
    monitoredBy: [],
    trapExit: info.get("trap_exit") === true,
    groupLeader: isPid(leader) ? leader : pid,
    parent: isPid(parent) ? parent : undefined,
    ancestors: ancestors.flatMap((each): Ancestor[] =>
      isPid(each)
        ? [each]
        : each instanceof Atom
        ? [fromBeamName(each.name)]
        : []
    ),
    callers: listOf(dictionary.get("$callers")).filter(isPid),
  };
}

function isPid(value: unknown): value is Pid {
  return value instanceof Pid;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(items: unknown): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const each of listOf(items)) {
    if (!(each instanceof Tuple) || each.length !== 2) continue;
    const [key, value] = each.elements;
    if (key instanceof Atom) fields.set(key.name, value);
  }
  return fields;
}

/** Formats a module, function and number of arguments, as in `Kate.run/1`. */
function callText(call: unknown): string | undefined {
  if (!(call instanceof Tuple) || call.length !== 3) return undefined;
  const [module, name, arity] = call.elements;
  return module instanceof Atom && name instanceof Atom
    ? `${moduleText(module.name)}.${name.name}/${arity}`
    : undefined;
}
