/**
 * The requests of nodes with entities to each other, and the checks of received ones: another node may send anything.
 *
 * Messages within a node have its token, which no other node knows.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import { LOG_BOUNDS } from "./entity_log.ts";
import type { StoredEvent, StoreShard } from "./store.ts";

/** A request to the server of a node that owns a key: a read of the key. */
export type ReadRequest = [
  "read",
  type: string,
  key: string,
  method: string,
  args: unknown[],
];

/** A request to the server of a node. */
export type HostRequest =
  | ["find", type: string, key: string]
  | ["accept", id: string]
  | ["left", id: string]
  | ["moved", shards: StoreShard[]]
  | ["info"]
  | ["release", type: string, key: string]
  | ReadRequest;

export type EntityRequest =
  | [
    "call",
    method: string,
    args: unknown[],
    id?: string,
    /** When its caller on another node gives up, by the store's time. */
    until?: number,
  ]
  /** Its broadcasts, or the events of its log, have that token, so that nobody else can make them up. */
  | ["subscribe", token: string]
  | ["follow", token: string]
  /** The runs of the entity. */
  | ["runs"]
  /** The result of a run; the answer may take `ms` milliseconds. */
  | ["run", id: string, what: "result", ms: number]
  | ["run", id: string, what: "cancel" | "retry"];

/** The answer of an entity. */
export type EntityReply =
  | ["ok", value: unknown]
  | ["moved"]
  | ["no_store"]
  | ["no_method"]
  | ["unknown", why: string]
  | ["overloaded", why: string]
  | ["refused", message: string, data: unknown]
  | ["sql", message: string]
  | ["crashed", error: unknown];

/** Whether a value is a key: a text that is not empty, not too long, well formed and without NUL. */
export function isKey(key: unknown): key is string {
  return isStored(key, BOUNDS.entityKey);
}

/** Whether a value is the id of a call: a text as keys are. It is stored with the state. */
export function isRequestId(id: unknown): id is string {
  return isStored(id, BOUNDS.requestId);
}

function isStored(text: unknown, most: number): text is string {
  return typeof text === "string" && text !== "" && text.length <= most &&
    !text.includes("\0") && text.isWellFormed();
}

/** Whether a value is the id of a run. */
export function isRunId(id: unknown): id is string {
  return typeof id === "string" && id.length === 36;
}

/** Returns a value as a request to a node's server; `undefined` for any other value. */
export function hostRequestOf(value: unknown): HostRequest | undefined {
  if (!Array.isArray(value)) return undefined;
  const [kind, first, second, method, args] = value as unknown[];
  switch (kind) {
    case "info":
      return ["info"];
    case "accept":
    case "left":
      return isStoreId(first) ? [kind, first] : undefined;
    case "find":
    case "release":
      return isType(first) && isKey(second) ? [kind, first, second] : undefined;
    case "read":
      return isType(first) && isKey(second) && typeof method === "string" &&
          Array.isArray(args)
        ? [kind, first, second, method, args]
        : undefined;
    case "moved":
      return Array.isArray(first) && first.every(isShard)
        ? [kind, first]
        : undefined;
  }
}

function isShard(value: unknown): value is StoreShard {
  if (typeof value !== "object" || value === null) return false;
  const { id, owner, epoch } = value as Record<keyof StoreShard, unknown>;
  return isStoreId(id) && isStoreId(owner) &&
    Number.isSafeInteger(epoch);
}

function isType(type: unknown): type is string {
  return typeof type === "string" && type.length <= BOUNDS.entityType;
}

/** Whether a value can be the id of a node or a shard in the store. Other nodes keep it. */
function isStoreId(id: unknown): id is string {
  return typeof id === "string" && id.length <= BOUNDS.storeId;
}

export function isEntityRequest(value: unknown): value is EntityRequest {
  if (!Array.isArray(value)) return false;
  const [kind, first, args, id, until] = value as unknown[];
  if (kind === "runs") return true;
  if (typeof first !== "string") return false;
  if (kind === "run") {
    return isRunId(first) &&
      (args === "cancel" || args === "retry" ||
        args === "result" && typeof id === "number");
  }
  return (kind === "subscribe" || kind === "follow") &&
      first.length <= BOUNDS.token ||
    kind === "call" && Array.isArray(args) &&
      (id === undefined || isRequestId(id)) &&
      (until === undefined || typeof until === "number");
}

/** Whether a value of another node is events of a log, in the order of their numbers and without a gap. */
export function areStoredEvents(events: unknown): events is StoredEvent[] {
  return Array.isArray(events) && events.length > 0 &&
    // A write has the events of one call, and fewer events of the calls before it.
    events.length <= 2 * LOG_BOUNDS.events &&
    events.every((event, i) => {
      const { number, at, body } = (event ?? {}) as Record<
        keyof StoredEvent,
        unknown
      >;
      return Number.isSafeInteger(number) && number === events[0].number + i &&
        typeof at === "number" && typeof body === "string" && body !== "" &&
        body.length <= LOG_BOUNDS.event;
    });
}

/** The name of the node that has an id in the store. */
export function nodeOf(id: string): string {
  return id.slice(0, id.lastIndexOf("/"));
}
