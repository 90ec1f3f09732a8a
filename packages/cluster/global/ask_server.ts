/** Requests to the global name server of a node, of this library or of another kind. */

import { startCall } from "@otp/servers/server/call";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Pid } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import { GLOBAL_SERVER, type GlobalRequest } from "./global_messages.ts";

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
  return process.runtime.hasChannelTo(memberNode(member))
    ? await askServer(process, member, request, timeout)
    : undefined;
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
  const sent = new OwnRequest(request, GLOBAL_SERVER);
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
