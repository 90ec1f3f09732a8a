/** The messages between the main thread and a worker's thread. No other node can send one. */

import type { NodeOptions } from "@otp/node/node";
import type { LogEvent } from "@otp/processes/log/log_event";
import type { MetricSample } from "@otp/observe/measures/measures";

/** The options that a thread's node shares with the main node: values that can be copied to a thread. */
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
    | "poll"
    | "port"
    | "stopTimeout"
    | "tickTime"
    | "tls"
    | "wires"
  >
  & { name: string; cookie: string };

export interface ThreadStart {
  type: "start";
  node: ThreadNodeOptions;
  module: string;
  moduleName: string;
  /** The program's other nodes, which are reached without the network. */
  nodes: string[];
  /** Identifies the program. */
  program: string;
}

export type ToWorker =
  | ThreadStart
  | { type: "connected"; from: string; port: MessagePort }
  | { type: "dialled"; id: number; port?: MessagePort; reason?: string }
  /** The thread's node is registered with EPMD. */
  | { type: "registered"; creation: number }
  | { type: "nodes"; nodes: string[] }
  /** A thread has ended. */
  | { type: "gone"; node: string }
  | { type: "ping" }
  | { type: "measure" }
  /** Output has been written. */
  | { type: "written"; id: number }
  /** A log event has been passed on. */
  | { type: "logged" }
  /** The thread's node drains, if `drainTimeout` is set, and then stops within `timeout` milliseconds. */
  | { type: "stop"; timeout: number; drainTimeout: number | undefined };

/** The part of a log event that passes between threads: its metadata have only texts and other primitive values. */
export type ThreadLogEvent = Pick<
  LogEvent,
  "level" | "node" | "message" | "metadata"
>;

export type FromWorker =
  /** The thread takes messages. */
  | { type: "listens" }
  /** The thread's node is up, and the children of the module have started. */
  | { type: "up" }
  /** The thread did not start, or will end now. */
  | { type: "failed"; code: WorkerFailure; reason: string }
  /** The thread listens, and needs a registration with EPMD. */
  | {
    type: "register";
    host: string;
    port: number;
    hidden: boolean;
    extra: string;
  }
  | { type: "dial"; id: number; to: string }
  | { type: "pong" }
  | { type: "measured"; samples: MetricSample[] }
  | { type: "output"; id: number; text: string }
  | { type: "log"; event: ThreadLogEvent };

/**
 * The reason of a worker's failure: its module did not load, its node did not start, its `start` threw, or one of its
 * children did not start; later, an unhandled error, the end of its children's supervisor or of its thread; or it was
 * too slow to start or to answer.
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
