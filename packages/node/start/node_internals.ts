/**
 * The parts of started nodes that other modules of the library use. Users of `Node` do not see them.
 *
 * `node.ts` imports this file and fills it. The functions that return nodes take the class `Node`, for its type only.
 */

import type { HostEnvironment } from "../host/host_environment.ts";
import type { TreeEnd } from "@otp/servers/supervisor/tree_end";
import type { NodeOptions } from "./node_options.ts";
import type { StartedNode, startNode } from "./start_node.ts";

/** The parts of a node. */
export interface NodeInternals
  extends Pick<StartedNode, "runtime" | "network" | "host" | "options"> {
  /** Whether the node stops or has stopped. */
  isStopped(): boolean;
  /** The end of the supervision tree that ended the node, if one did. */
  treeEnd(): TreeEnd | undefined;
}

/** The host of a node, or a function that creates it. */
export type HostOf = HostEnvironment | Parameters<typeof startNode>[1];

/** The functions of `node.ts`. */
interface NodeModule {
  started(): readonly object[];
  here(): object | undefined;
  startIn(host: HostOf, options: NodeOptions): Promise<object>;
}

/** The class `Node`, for its type. */
interface NodeClass<N> {
  readonly prototype: N;
}

const internals = new WeakMap<object, NodeInternals>();
let nodeModule: NodeModule;

/** Sets the functions of `node.ts`. */
export function setNodeModule(given: NodeModule): void {
  nodeModule = given;
}

/** Sets the parts of a started node. */
export function setInternals(node: object, parts: NodeInternals): void {
  internals.set(node, parts);
}

/** The parts of a node. */
export function internalsOf(node: object): NodeInternals {
  return internals.get(node)!;
}

/** The parts of the nodes of this program that are started. */
export function allInternals(): NodeInternals[] {
  return nodeModule.started().map(internalsOf);
}

/** The nodes of this program that are started, in the order of their starts. */
export function startedNodes<N>(_type: NodeClass<N>): N[] {
  return [...nodeModule.started()] as N[];
}

/** The node that the calling code runs on, if it is started. */
export function nodeHere<N>(_type: NodeClass<N>): N | undefined {
  return nodeModule.here() as N | undefined;
}

/** Starts a node on another host environment: a simulated one, or the one of a worker thread. */
export function startNodeIn<N>(
  _type: NodeClass<N>,
  host: HostOf,
  options: NodeOptions,
): Promise<N> {
  return nodeModule.startIn(host, options) as Promise<N>;
}
