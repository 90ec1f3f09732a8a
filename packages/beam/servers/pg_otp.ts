/** OTP's encoding of the messages between the processes of a scope, unchanged since OTP 23. */

import { Atom, atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { InternalMessage } from "@otp/servers/server/messages";
import { sendingNode } from "@otp/servers/server/signed_messages";
import type { ScopeMessage } from "@otp/node/pg/pg_peers";
import type { ServerProtocol } from "./protocol.ts";

const GEN_CAST = atom("$gen_cast");

/** The protocol between the processes of a scope. Scopes on Erlang nodes send casts and messages, and no calls. */
export const SCOPE_PROTOCOL: ServerProtocol = {
  encodeRequest(request, _functions, from) {
    const message = request as ScopeMessage;
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
  },

  /** Decodes a message; does not check its parts. */
  decodeRequest(term, _functions, _caller, origin) {
    if (!(term instanceof Tuple)) return undefined;
    const [type, from, first, second] = term.elements;
    if (!(type instanceof Atom) || !(from instanceof Pid)) return undefined;
    // A tuple names its sender, which must be of the sending node.
    if ((origin ?? sendingNode(term)) !== from.node) return undefined;
    const message = messageOf(type.name, term.length, first, second);
    return message && new InternalMessage(from, message);
  },

  encodeReply: () => tuple(atom("error"), atom("badarg")),
};

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
