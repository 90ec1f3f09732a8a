/** Requests to the global name server of a node, of this library or of Erlang. */

import { startCall } from "@otp/servers/server/call";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { Atom, atom } from "@otp/processes/values/atom";
import type { Pid } from "@otp/processes/values/pid";
import {
  type CopyField,
  OwnRequest,
} from "@otp/processes/values/server_message";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { GLOBAL_SERVER, type GlobalRequest } from "./global_messages.ts";
import { entryToOtp, NAMES_LOCK } from "@otp/beam/servers/global_otp";

/** A request to a server, which a server of Erlang gets in OTP's encoding. */
class GlobalServerRequest extends OwnRequest {
  readonly #request: GlobalRequest;
  readonly #from: Pid;

  constructor(request: GlobalRequest, from: Pid) {
    super(request);
    this.#request = request;
    this.#from = from;
  }

  override toOtp(): unknown {
    const asked = this.#request;
    switch (asked.type) {
      case "lock_names":
        return tuple(atom("set_lock"), tuple(NAMES_LOCK, this.#from));
      case "share_lock":
        return tuple(atom("set_lock"), tuple(NAMES_LOCK, asked.requester));
      case "unlock_names":
        return tuple(
          atom("del_lock"),
          tuple(NAMES_LOCK, asked.requester ?? this.#from),
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
      default:
        return super.toOtp();
    }
  }

  override fromOtp(reply: unknown): unknown {
    const name = reply instanceof Atom ? reply.name : undefined;
    return name === "yes" || name === "ok" ? "ok" : reply;
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const request = copy({ ...this.#request }, left + 1, max) as GlobalRequest;
    return new GlobalServerRequest(request, this.#from) as this;
  }
}

/** A server, or its node. */
export type Member = Pid | string;

/** Asks servers, each as {@linkcode askConnected} does. */
export function askMembers(
  process: LocalProcess,
  members: readonly Member[],
  request: GlobalRequest,
  timeout?: number,
): Promise<unknown[]> {
  return Promise.all(
    members.map((member) => askConnected(process, member, request, timeout)),
  );
}

/** Like {@linkcode askServer}, but makes no connection. */
export async function askConnected(
  process: LocalProcess,
  member: Member,
  request: GlobalRequest,
  timeout?: number,
): Promise<unknown> {
  return process.runtime.connected(memberNode(member)) === undefined
    ? undefined
    : await askServer(process, member, request, timeout);
}

export function memberNode(member: Member): string {
  return typeof member === "string" ? member : member.node;
}

/** Asks a server; nothing if it is gone, or does not answer in time. */
export async function askServer(
  process: LocalProcess,
  member: Member,
  request: GlobalRequest,
  timeout = Infinity,
): Promise<unknown> {
  const place = typeof member === "string"
    ? { node: member, name: GLOBAL_SERVER }
    : member;
  const sent = new GlobalServerRequest(request, process.pid);
  const { promise } = startCall(process, place, sent, {
    timeout,
    as: () => ["global", request.type, []],
  });
  try {
    const answer = await promise;
    process.assertAlive();
    return answer;
  } catch {
    process.assertAlive();
    return undefined;
  }
}
