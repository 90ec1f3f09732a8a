/**
 * The parts of a node: what other packages add to it.
 *
 * A node by itself speaks JSON. A part can add a wire, servers, services and exported modules, the names that closures
 * use, and the checks of the options that only the part reads. `@otp/distribution` sets the parts of nodes that are
 * started without the option `use`.
 */

import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import type { OptionCheck } from "@otp/processes/values/options";
import type { ConnectionInfo } from "../connections/statistics.ts";
import type { Wire, WireName } from "../wire.ts";
import type { NodeOptions } from "./node_options.ts";

/** The view that a part has of its node. */
export interface PartNode {
  /**
   * The node's processes, names and services.
   *
   * @ignore
   */
  readonly runtime: NodeRuntime;
  /** The options of `Node.start`, without the cookie. */
  readonly options: Omit<NodeOptions, "cookie">;
  /** Returns the connections to other nodes. */
  connections(): ConnectionInfo[];
  /** Returns the wire of a connected node. */
  wireOf(node: string): WireName | undefined;
}

/** An addition of another package to a node: wires, servers, options and hooks. */
export interface NodePart {
  /** The name of the function that creates it, for errors. */
  readonly name: string;
  /**
   * The checks of the options that only this part reads; `true` for an option that `check` checks.
   *
   * @ignore
   */
  readonly options?: {
    readonly [Name in keyof NodeOptions]?: OptionCheck | true;
  };
  /**
   * Checks what a table cannot, before any socket or file is opened.
   *
   * @param options The options of `Node.start`.
   * @param doing The first words of an error after "Cannot", as in `start "alex@localhost"`.
   * @throws {TypeError} If an option has the wrong shape.
   * @throws {RangeError} If a number is out of bounds.
   */
  check?(options: NodeOptions, doing: string): void | Promise<void>;
  /**
   * Creates a wire that the node speaks besides JSON.
   *
   * @ignore
   */
  wire?(): Wire;
  /** Returns names that closures of other nodes can use; called if the node has `allowClosures`. */
  names?(): Promise<Record<string, unknown>>;
  /** Adds servers, services and modules to the node, before other nodes can reach it. */
  attach?(node: PartNode): void;
  /** Starts what needs a node that others can reach; `Node.start` waits for it. */
  started?(node: PartNode): Promise<void>;
  /** Finishes the part's work. A drain of the node calls it, and waits for it. */
  drain?(node: PartNode): void | Promise<void>;
  /** Releases what the part has, after all processes of the node have exited; must not reject. */
  stop?(node: PartNode): void | Promise<void>;
}

let defaults: readonly NodePart[] = [];
let url: string | undefined;

/**
 * Sets the parts of nodes that are started without the option `use`.
 *
 * @param parts The parts.
 * @param module The URL of the module that calls this function when it is loaded. Threads and programs that this
 *   program starts load it too.
 */
export function useByDefault(parts: readonly NodePart[], module: string): void {
  defaults = parts;
  url = module;
}

/** Returns the parts of a node that is started without the option `use`. */
export function defaultParts(): readonly NodePart[] {
  return defaults;
}

/** Returns the URL of the module that has set the default parts, if one has. */
export function defaultPartsModule(): string | undefined {
  return url;
}
