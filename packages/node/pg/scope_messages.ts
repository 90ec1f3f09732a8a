/** The messages between the processes of a scope on several nodes, and the place for their forms on other nodes. */

import { Slot } from "@otp/processes/collections/slot";
import type { Pid } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import type { OtpEncoding } from "@otp/servers/server/server";
import type { GroupMembers } from "./pg_groups.ts";

/** A message between the processes of a scope. */
export type ScopeMessage =
  | { type: "discover" }
  | { type: "sync"; groups: GroupMembers[] }
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; groups: unknown[]; pids: Pid[] };

/** A message to the process of a scope on another node. */
export class ScopeRequest extends OwnRequest {
  constructor(message: ScopeMessage) {
    super(message);
  }
}

/** How a scope understands the processes of the same scope on nodes of another kind. */
export interface ForeignScopes {
  /** Decodes a message of such a process, and its sender, whom the wire has checked; `undefined` for other messages. */
  hear(message: unknown): { from: Pid; message: unknown } | undefined;
  /** The form of their calls and casts. */
  readonly encoding: OtpEncoding;
}

/** The place for that in a node. */
export const FOREIGN_SCOPES: Slot<ForeignScopes> = new Slot();
