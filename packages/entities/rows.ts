/**
 * The rows of a store, read as input: anybody with its password can write them, and a newer version of this library may.
 *
 * A row that cannot be read costs itself only: a node gets no shards, and a shard no owner, until the row is right again.
 *
 * @module
 */

import type { StoreNode, StoreShard } from "./store.ts";

/** The description of a node that others read in the store. */
export interface NodeInfo {
  types: string[];
  weight: number;
  /** The shards and the types that are pinned to it. */
  pins?: string[];
  isDraining: boolean;
  /** The length of its lease, in milliseconds. */
  lease: number;
}

/** Reads the description of a node; `undefined` if it is of another form. */
export function readNodeInfo(
  text: string,
  usualLease: number,
): NodeInfo | undefined {
  let info: unknown;
  try {
    info = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { types, weight, pins, isDraining, lease = usualLease } =
    (info ?? {}) as Record<keyof NodeInfo, unknown>;
  return isTexts(types) && isPositive(weight) &&
      (pins === undefined || isTexts(pins)) &&
      typeof isDraining === "boolean" && isPositive(lease)
    ? { types, weight, pins, isDraining, lease }
    : undefined;
}

/** The description of a node whose own cannot be read: it gets no shards. */
export function unknownInfo(lease: number): NodeInfo {
  return { types: [], weight: 1, isDraining: true, lease };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) &&
    value.every((each) => typeof each === "string");
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value < Infinity;
}

/** Whether a row is one of a node. Its beat may be too large to count. */
export function isNodeRow({ id, name, info, beat }: StoreNode): boolean {
  return typeof id === "string" && typeof name === "string" &&
    typeof info === "string" && typeof beat === "number";
}

/** Whether a row is one of a shard, whose epoch can still grow. */
export function isShardRow({ id, owner, epoch }: StoreShard): boolean {
  return typeof id === "string" && typeof owner === "string" &&
    Number.isSafeInteger(epoch) && epoch >= 0 &&
    epoch < Number.MAX_SAFE_INTEGER;
}
