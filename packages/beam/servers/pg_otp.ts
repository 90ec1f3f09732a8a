/** OTP's encoding of the messages between the processes of a scope, unchanged since OTP 23. */

import { Atom, atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import type { GroupMembers } from "@otp/node/pg/pg_groups";

/** A message between the processes of a scope. */
export type ScopeMessage =
  | { type: "discover" }
  | { type: "sync"; groups: GroupMembers[] }
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; groups: unknown[]; pids: Pid[] };

const GEN_CAST = atom("$gen_cast");

/** A message to the process of a scope on another node. */
export class ScopeRequest extends OwnRequest {
  constructor(message: ScopeMessage) {
    super(message);
  }

  override toOtp(from: Pid): unknown {
    const message = this as ScopeMessage;
    const type = atom(message.type);
    switch (message.type) {
      case "discover":
        return tuple(type, from);
      case "sync": {
        const groups = message.groups.map(({ group, pids }) =>
          tuple(group, pids)
        );
        return tuple(GEN_CAST, tuple(type, from, groups));
      }
      case "join":
        return tuple(type, from, message.group, message.pids);
      case "leave":
        return tuple(type, from, message.pids, message.groups);
    }
  }
}

/** Decodes the message of a scope on an Erlang node, and its sender; does not check the parts. */
export function scopeMessageFromOtp(
  term: unknown,
): { from: Pid; message: unknown } | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [type, from, first, second] = term.elements;
  if (!(type instanceof Atom) || !(from instanceof Pid)) return undefined;
  const message = messageOf(type.name, term.length, first, second);
  return message && { from, message };
}

function messageOf(
  type: string,
  length: number,
  first: unknown,
  second: unknown,
): object | undefined {
  switch (`${type}/${length}`) {
    // Later versions of the protocol add items.
    case "discover/2":
    case "discover/3":
      return { type };
    case "sync/3":
      return { type, groups: Array.isArray(first) ? first.map(groupOf) : [] };
    case "join/4":
      return { type, group: first, pids: listOf(second) };
    case "leave/4":
      return { type, pids: listOf(first), groups: second };
    default:
      return undefined;
  }
}

function groupOf(term: unknown): unknown {
  if (!(term instanceof Tuple) || term.length !== 2) return undefined;
  const [group, pids] = term.elements;
  return { group, pids };
}

/** Returns a list of one process or several. */
function listOf(pids: unknown): unknown {
  return pids instanceof Pid ? [pids] : pids;
}
