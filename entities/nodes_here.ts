/**
 * The entities of the nodes in this program: which part of a node a call belongs to.
 *
 * @module
 */

import { currentRuntime } from "../core/runtime/current_process.ts";
import type { Runtime } from "../core/processes/runtime.ts";
import type { EntityNode } from "./entity_node.ts";

/** By runtime and type; a type whose server is restarted has no node for a moment. */
const nodes = new WeakMap<Runtime, Map<string, EntityNode | undefined>>();

/** Adds a node's part: its types can be called on that node. */
export function addNode(node: EntityNode): void {
  let byType = nodes.get(node.runtime);
  if (byType === undefined) nodes.set(node.runtime, byType = new Map());
  for (const { name } of node.settings.types) byType.set(name, node);
}

/** Removes a node's part. */
export function removeNode(node: EntityNode): void {
  const byType = nodes.get(node.runtime);
  for (const { name } of node.settings.types) {
    if (byType?.get(name) === node) byType.set(name, undefined);
  }
}

/**
 * The part of the calling process's node that has a type: `undefined` if it is being restarted, `null` if there never
 * was one.
 */
export function nodeOf(type: string): EntityNode | undefined | null {
  const byType = nodes.get(currentRuntime());
  return byType?.has(type) ? byType.get(type) : null;
}

/** The parts of a node, for a simulation that watches them. */
export function partsHere(runtime: Runtime): EntityNode[] {
  const parts = [...nodes.get(runtime)?.values() ?? []];
  return [...new Set(parts.filter((part) => part !== undefined))];
}
