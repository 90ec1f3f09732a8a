/**
 * The messages between the main thread and a worker's thread. They are the program's own: no other node can
 * send one.
 *
 * @module
 */

import type { NodeOptions } from "../node.ts";
import type { LogEvent } from "../core/log/log_event.ts";

/** The part of a node's options that a thread's node has as well: values that can be copied to a thread. */
export type ThreadNodeOptions =
  & Pick<
    NodeOptions,
    | "advertise"
    | "allowClosures"
    | "allowObserve"
    | "allowRemsh"
    | "connectAll"
    | "drainTimeout"
    | "epmdPort"
    | "hidden"
    | "limits"
    | "listen"
    | "logLevel"
    | "port"
    | "stopTimeout"
    | "tickTime"
    | "tls"
    | "wires"
  >
  & { name: string; cookie: string };

/** The start of a thread's node. */
export interface ThreadStart {
  /** Always `"start"`. */
  type: "start";
  node: ThreadNodeOptions;
  /** The URL of the user's module. */
  module: string;
  /** The name under which the module is exported. */
  moduleName: string;
  /** The program's other nodes, which are reached without the network. */
  nodes: string[];
}

export type ToWorker =
  | ThreadStart
  /** Another thread connects. */
  | { type: "connected"; from: string; port: MessagePort }
  /** The answer to a dial. */
  | { type: "dialled"; id: number; port?: MessagePort; reason?: string }
  /** Its node is registered with EPMD. */
  | { type: "registered"; creation: number }
  /** The program's nodes on other threads, as they are now. */
  | { type: "nodes"; nodes: string[] }
  /** A thread has ended. */
  | { type: "gone"; node: string }
  | { type: "ping" }
  /** Output has been written. */
  | { type: "written"; id: number }
  /** A log event has been passed on. */
  | { type: "logged" }
  /** Its node drains first, if it is to, and then stops in that many milliseconds. */
  | { type: "stop"; timeout: number; drainTimeout: number | undefined };

/** The part of a log event that passes between threads. */
export type ThreadLogEvent = Pick<LogEvent, "level" | "node" | "message">;

export type FromWorker =
  /** It takes messages. */
  | { type: "listens" }
  /** Its node is up, and the children of its module have started. */
  | { type: "up" }
  /** It did not start, or it will end now. */
  | { type: "failed"; code: WorkerFailure; reason: string }
  /** It listens, and needs a registration with EPMD. */
  | {
    type: "register";
    host: string;
    port: number;
    hidden: boolean;
    extra: string;
  }
  | { type: "dial"; id: number; to: string }
  | { type: "pong" }
  | { type: "output"; id: number; text: string }
  | { type: "log"; event: ThreadLogEvent };

/**
 * Why a worker failed: its module did not load, its node did not start, its `start` threw or one of its
 * children did not start; later, an error that no code handled, the end of its children's supervisor, or of its
 * thread; or it was too slow to start, or to answer.
 */
export type WorkerFailure =
  | "module"
  | "node"
  | "start"
  | "crashed"
  | "children"
  | "ended"
  | "start_timeout"
  | "no_answer"
  | "not_connected"
  | "thread";
