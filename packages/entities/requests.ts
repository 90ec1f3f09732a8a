/**
 * The requests of nodes with entities to each other, and the checks of received ones: another node may send anything.
 *
 * Messages within a node have its token, which no other node knows.
 *
 * @module
 */

import type { StoreShard } from "./store.ts";

/** A request to the server of a node. */
export type HostRequest =
  | ["find", type: string, key: string]
  | ["accept", id: string]
  | ["left", id: string]
  | ["moved", shards: StoreShard[]]
  | ["info"]
  | ["release", type: string, key: string];

/** A request to an entity. */
export type EntityRequest =
  | [
    "call",
    method: string,
    args: unknown[],
    id?: string,
    /** When its caller on another node gives up, by the store's time. */
    until?: number,
  ]
  /** Its broadcasts have that token, so that nobody else can make them up. */
  | ["subscribe", token: string];

/** The maximum length of a key: PostgreSQL's index takes 2704 bytes, and a UTF-16 unit is up to three in UTF-8. */
export const MAX_KEY = 800;

/** Whether a value is a key: a text that is not empty, not too long, well formed and without NUL. */
export function isKey(key: unknown): key is string {
  return typeof key === "string" && key !== "" && key.length <= MAX_KEY &&
    !key.includes("\0") && key.isWellFormed();
}

/** Returns a value as a request to a node's server; `undefined` for any other value. */
export function hostRequestOf(value: unknown): HostRequest | undefined {
  if (!Array.isArray(value)) return undefined;
  const [kind, first, second] = value as unknown[];
  switch (kind) {
    case "info":
      return ["info"];
    case "accept":
    case "left":
      return isNodeId(first) ? [kind, first] : undefined;
    case "find":
    case "release":
      return typeof first === "string" && isKey(second)
        ? [kind, first, second]
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
  return typeof id === "string" && isNodeId(owner) &&
    Number.isSafeInteger(epoch);
}

/** The maximum length of the id of a node in the store: its name, and a random part. Other nodes keep it. */
const MAX_ID = 300;

function isNodeId(id: unknown): id is string {
  return typeof id === "string" && id.length <= MAX_ID;
}

/** The maximum length of the token of a subscription, which the entity keeps. */
const MAX_TOKEN = 64;

/** Whether a value is a request to an entity. */
export function isEntityRequest(value: unknown): value is EntityRequest {
  if (!Array.isArray(value)) return false;
  const [kind, first, args, id, until] = value as unknown[];
  if (typeof first !== "string") return false;
  return kind === "subscribe" && first.length <= MAX_TOKEN ||
    kind === "call" && Array.isArray(args) &&
      (id === undefined || typeof id === "string") &&
      (until === undefined || typeof until === "number");
}

/** The name of the node that has an id in the store. */
export function nodeOf(id: string): string {
  return id.slice(0, id.lastIndexOf("/"));
}
