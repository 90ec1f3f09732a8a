/** OTP's encoding of requests, names, their changes and the lists of nodes: version 8 of `global`'s protocol. */

import { Atom, atom } from "@otp/processes/values/atom";
import { toBeamFunction, toBeamName } from "@otp/processes/values/beam_names";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { isNodeName, Pid } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import {
  type EntryResolver,
  type GlobalEntry,
  type GlobalRequest,
  isKnownResolver,
} from "@otp/cluster/global/global_messages";
import type { GlobalNameConflict } from "@otp/cluster/global/global_resolve";
import { isTyped } from "@otp/servers/server/messages";
import type { ServerProtocol } from "./protocol.ts";

export const GLOBAL_VERSION = 8;

/** The resource of the lock of the names. */
export const NAMES_LOCK: Atom = atom("global");

/** The number of arguments of a resolver: the name and two processes. */
const RESOLVER_ARITY = 3;

/** The module of OTP's own resolvers. */
const MODULE = "global";

/** A change of the names, as nodes of Erlang tell each other. */
export type NameOperation =
  | { type: "insert"; entry: GlobalEntry }
  | { type: "delete"; name: unknown };

export function entryToOtp({ name, pid, resolve }: GlobalEntry): Tuple {
  return tuple(name, pid, resolverToOtp(resolve));
}

function resolverToOtp(resolve: EntryResolver): unknown {
  if (typeof resolve === "string") {
    return new ExternalFunction(MODULE, resolve, RESOLVER_ARITY);
  }
  if (!Array.isArray(resolve)) return resolve;
  const [module, fn] = resolve;
  const name = toBeamFunction(module, fn);
  return new ExternalFunction(toBeamName(module), name, RESOLVER_ARITY);
}

/** A name that the node `by` has sent; `undefined` if the term is invalid. */
export function entryFromOtp(
  term: unknown,
  by: string,
): GlobalEntry | undefined {
  const [name, pid, resolve] = partsOf(term, 3);
  return pid instanceof Pid
    ? { name, pid, resolve: resolverFromOtp(resolve), by }
    : undefined;
}

/** A resolver; one that cannot be called is OTP's default. */
export function resolverFromOtp(term: unknown): EntryResolver {
  const [module, name] = partsOf(term, 2);
  const given = module instanceof Atom && name instanceof Atom
    ? new ExternalFunction(module.name, name.name, RESOLVER_ARITY)
    : term;
  const isFunction = given instanceof ExternalFunction ||
    given instanceof LocalFunction;
  if (!isFunction || given.arity !== RESOLVER_ARITY) return "random_exit_name";
  if (given.module !== MODULE) return given;
  const { function: resolver } = given as { function?: string };
  // OTP names its default by a local function of the module.
  return isKnownResolver(resolver) ? resolver : "random_exit_name";
}

export function nameOperationToOtp(operation: NameOperation): Tuple {
  return operation.type === "insert"
    ? tuple(atom("insert"), entryToOtp(operation.entry))
    : tuple(atom("delete"), operation.name);
}

/** The valid changes of the names that the node `by` has sent. */
export function operationsFromOtp(term: unknown, by: string): NameOperation[] {
  if (!Array.isArray(term)) return [];
  return term.flatMap((each): NameOperation[] => {
    const [type, value] = partsOf(each, 2);
    if (!(type instanceof Atom)) return [];
    if (type.name === "delete") return [{ type: "delete", name: value }];
    const entry = entryFromOtp(value, by);
    return type.name === "insert" && entry !== undefined
      ? [{ type: "insert", entry }]
      : [];
  });
}

export function nodesToOtp(nodes: readonly string[]): Tuple[] {
  return nodes.map((node) => tuple(atom(node), GLOBAL_VERSION));
}

/** The valid names of nodes with the version of their protocol. */
export function nodesFromOtp(term: unknown): string[] {
  if (!Array.isArray(term)) return [];
  return term.map((each) => nodeNameOf(partsOf(each, 2)[0]))
    .filter((node) => node !== undefined);
}

export function nodeNameOf(term: unknown): string | undefined {
  return term instanceof Atom && isNodeName(term.name) ? term.name : undefined;
}

/** The elements of a tuple of that size; none of any other term. */
export function partsOf(term: unknown, size: number): readonly unknown[] {
  return term instanceof Tuple && term.length === size ? term.elements : [];
}

export function inTermOrder(one: Pid, other: Pid): [Pid, Pid] {
  const isFirst = one.number !== other.number
    ? one.number < other.number
    : one.node !== other.node
    ? one.node < other.node
    : one.creation < other.creation;
  return isFirst ? [one, other] : [other, one];
}

/** A cast of a node of Erlang, `origin`, which no other sender can make. */
export class ErlangCast {
  readonly term: unknown;
  readonly origin: string | undefined;

  constructor(term: unknown, origin: string | undefined) {
    this.term = term;
    this.origin = origin;
  }
}

/** A request of a process of Erlang; `undefined` if this server does not serve it. */
function callFromOtp(term: unknown, { pid }: ReplyTo): unknown {
  const [type, ...fields] = term instanceof Tuple ? term.elements : [term];
  if (!(type instanceof Atom)) return undefined;
  switch (type.name) {
    case "set_lock":
    case "del_lock": {
      const [resource, requester] = partsOf(fields[0], 2);
      if (resource !== NAMES_LOCK) {
        return { type: type.name, resource, requester };
      }
      const isSet = type.name === "set_lock";
      return { type: isSet ? "share_lock" : "unlock_names", requester };
    }
    case "register": {
      const entry = entryFromOtp(new Tuple(fields), pid.node);
      return { type: "register", isNew: false, entry };
    }
    case "unregister":
      return { type: "unregister", name: fields[0] };
    case "get_names_ext":
      return { type: "get_names_ext" };
    default:
      return undefined;
  }
}

function replyToOtp(request: unknown, reply: unknown): unknown {
  // The names of programs in C: they have none here.
  if (isTyped(request, "get_names_ext")) return [];
  if (isTyped(request, "register")) return atom(reply === "ok" ? "yes" : "no");
  if (typeof reply === "string") return atom(reply);
  return isTyped(reply, "error") ? tuple(atom("error"), atom("badarg")) : reply;
}

/** The protocol of name servers, with the lock of the names as a request of its own. */
export const GLOBAL_PROTOCOL: ServerProtocol = {
  decodeRequest: (term, _functions, caller, origin) =>
    caller === undefined
      ? new ErlangCast(term, origin)
      : callFromOtp(term, caller),
  encodeReply: replyToOtp,

  encodeRequest(request, _functions, from) {
    const asked = request as GlobalRequest | GlobalNameConflict;
    switch (asked.type) {
      case "lock_names":
        return tuple(atom("set_lock"), tuple(NAMES_LOCK, from));
      case "share_lock":
        return tuple(atom("set_lock"), tuple(NAMES_LOCK, asked.requester));
      case "unlock_names":
        return tuple(
          atom("del_lock"),
          tuple(NAMES_LOCK, asked.requester ?? from),
        );
      case "set_lock":
      case "del_lock":
        return tuple(atom(asked.type), tuple(asked.resource, asked.requester));
      case "register":
        return new Tuple([
          atom("register"),
          ...entryToOtp(asked.entry).elements,
        ]);
      case "unregister":
        return tuple(atom("unregister"), asked.name);
      case "global_name_conflict": {
        const { type, name, pid } = asked;
        return tuple(atom(type), name, ...(pid === undefined ? [] : [pid]));
      }
      default:
        return undefined;
    }
  },
  decodeReply(_request, reply) {
    const name = reply instanceof Atom ? reply.name : undefined;
    return name === "yes" || name === "ok" ? "ok" : reply;
  },
};
