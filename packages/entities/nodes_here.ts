/**
 * The entities of the nodes in this program: which part of a node a call belongs to.
 *
 * @module
 */

import { currentRuntime } from "@otp/processes/runtime/current_process";
import type { Runtime } from "@otp/processes/process/runtime";
import type { EntityNode, KnownType } from "./entity_node.ts";

type Parts = Map<string, KnownType | undefined>;

/** By runtime and type; a type whose server is restarted has no node for a moment. */
const nodes = new WeakMap<Runtime, Parts>();

/** The last pair that was looked up: most programs have one node. */
let last: { runtime: Runtime; parts: Parts } | undefined;

function partsOf(runtime: Runtime): Parts | undefined {
  if (last?.runtime === runtime) return last.parts;
  const parts = nodes.get(runtime);
  last = parts && { runtime, parts };
  return parts;
}

/** Adds a node's part: its types can be called on that node. */
export function addNode(node: EntityNode): void {
  let byType = nodes.get(node.runtime);
  if (byType === undefined) nodes.set(node.runtime, byType = new Map());
  for (const { name } of node.settings.types) {
    byType.set(name, node.knownType(name));
  }
}

/** Removes a node's part. */
export function removeNode(node: EntityNode): void {
  const byType = nodes.get(node.runtime);
  for (const { name } of node.settings.types) {
    if (byType?.get(name)?.node === node) byType.set(name, undefined);
  }
  last = undefined;
}

/**
 * A type on a node, the caller's by default: `undefined` if its server is being restarted, `null` if there never was
 * one.
 */
export function typeHere(
  name: string,
  runtime: Runtime = currentRuntime(),
): KnownType | undefined | null {
  const parts = partsOf(runtime);
  const type = parts?.get(name);
  return type !== undefined || parts?.has(name) ? type : null;
}

/** The parts of a node, for a simulation that watches them. */
export function partsHere(runtime: Runtime): EntityNode[] {
  const types = [...nodes.get(runtime)?.values() ?? []];
  return [...new Set(types.flatMap((type) => type?.node ?? []))];
}
