/**
 * The parts of a global name server that its helpers use, and the place for nodes of another kind: their name servers
 * speak another protocol, which a package above this one knows.
 */

import { Slot } from "@otp/processes/collections/slot";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import type { Pid } from "@otp/processes/values/pid";
import type { Server } from "@otp/servers/server/server";
import type { GlobalTable } from "./global_table.ts";
import type { NamesLock } from "./names_lock.ts";

/** The view that the helpers have of their node's server. */
export interface GlobalView {
  /** The servers of this library that have the same names, this node's among them. */
  servers(): Pid[];
  /** The nodes of another kind. */
  readonly foreign: ForeignPeers | undefined;
  readonly names: GlobalTable;
  readonly lock: NamesLock;
  /** Whether a server's part of the cluster must still be joined. */
  isPending(server: Pid): boolean;
  /** The servers whose parts of the cluster must still be joined. */
  pending(): Pid[];
  /** Calls back after `ms` milliseconds, unless the server has exited; returns a function that stops it. */
  afterPatience(fn: () => void, ms?: number): () => void;
}

/** The parts of a server that its nodes of another kind use. */
export interface ForeignHost extends GlobalView {
  /** The server's process. */
  readonly process: LocalProcess;
  /** Called when requests need not wait for a node any more. */
  settled(node: string): void;
  /** Starts a process that lives as long as the server, and is linked to it. */
  startHelper(serverOf: (process: LocalProcess) => Server): LocalProcess;
}

/** The nodes of another kind around a node. */
export interface ForeignPeers {
  /** Starts the helpers; called once, when the server begins. */
  start(): void;
  /** Whether a visible node is of this kind. */
  has(node: string): boolean;
  /** The nodes that have the same names. */
  known(): string[];
  /** Whether requests of this node wait for a node. */
  isOpen(node: string): boolean;
  /** Called when a node of this kind has connected. */
  up(node: string): void;
  /** Called when a node has gone. */
  down(node: string): void;
  /** Called when a node of any kind has connected, as a message says. */
  seen(node: string): void;
  /** Called when a node of any kind has gone, as a message says. */
  lost(node: string): void;
  /** Closes the connection to a node that asks for it. */
  removed(node: string): void;
  /** Handles a message that no node of this library sends. */
  hear(message: unknown): void;
  /** Handles a cast. */
  take(request: unknown): void;
}

/** The protocol of nodes of another kind. */
export interface ForeignGlobal {
  /** Creates the view that a node's server has of these nodes; `undefined` before the first of them connects. */
  peersOf(host: ForeignHost): ForeignPeers | undefined;
  /** Returns the exported function, with its arguments, that runs a resolver of such a node. */
  resolverCall(
    resolve: ExternalFunction | LocalFunction,
    args: unknown[],
  ): [fn: [module: string, name: string], args: unknown[]];
}

/** The place for that protocol in a node. */
export const FOREIGN_GLOBAL: Slot<ForeignGlobal> = new Slot();
