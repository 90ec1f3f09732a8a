/**
 * The data that an observer gets from a node. All data can be sent: values of programs appear as text of bounded length.
 */

import type { LogLevel } from "@otp/processes/log/log_event";
import type { Pid } from "@otp/processes/values/pid";

/** A connection of an observed node. */
export interface ObservedConnection {
  /** The peer's name. */
  node: string;
  /** Whether the connection is hidden. */
  hidden: boolean;
  /** The peer's address, as `host:port`. */
  address: string;
  /** Bytes received from the peer since it connected. */
  receivedBytes: number;
  /** Bytes sent to the peer since it connected. */
  sentBytes: number;
  /** Bytes that wait to be sent to the peer. */
  queuedBytes: number;
}

/** The state of a node. */
export interface ObservedNode {
  /** The node's name. */
  node: string;
  /** The host that it runs on, as `deno 2.9.6`. */
  host: string;
  /** The version of this package. */
  version: string;
  /** Distinguishes this node from earlier ones with its name. */
  creation: number;
  /** Identifies the program: all nodes of one program, on any of its threads, share its memory and CPU time. */
  program: string;
  /** The time since the node started, in milliseconds. */
  uptime: number;
  /** The time of this observation, in milliseconds since the epoch. */
  at: number;
  /** The resident memory of the program, in bytes. */
  memory: number;
  /** The JavaScript heap in use, in bytes. */
  heap: number;
  /** The CPU time of the program since it started, of all its threads, in milliseconds. */
  cpu: number;
  /**
   * The longest delay of the event loop since the last observation, in milliseconds: how late a timer fired.
   * Measured from the second observation in 10 seconds on; 0 before.
   */
  delay: number;
  /** The number of live processes. */
  processes: number;
  /** The number of messages that wait in mailboxes. */
  messages: number;
  /** The node's connections. */
  connections: ObservedConnection[];
  /** The names of the running applications. */
  applications: string[];
  /** The names of the views that packages give of the node, such as `channels`; `Observer.view` returns one. */
  views: string[];
}

/** A process of a node. */
export interface ObservedProcess {
  /** The process. */
  pid: Pid;
  /** The name that it is registered under. */
  name: string | undefined;
  /** The label that it set, as text. */
  label: string | undefined;
  /** The code that it runs. */
  initialCall: string | undefined;
  /** `"supervisor"`, `"server"`, `"task"` or `"process"`. */
  kind: string;
  /** The number of messages in its mailbox. */
  messageQueueLen: number;
  /** The approximate size of these messages, in bytes. */
  queueBytes: number;
  /** The number of messages that have arrived in its mailbox since it started. */
  received: number;
  /**
   * The messages that arrived per second between the last two answers with the order `"rate"`; `undefined` without two
   * such answers.
   */
  rate: number | undefined;
  /** Whether the process waits for a message. */
  waiting: boolean;
  /** The process that has suspended it by `:sys.suspend`, if it is suspended. */
  suspendedBy: Pid | undefined;
  /** The count of all its links; the list of links may be shorter. */
  linkCount: number;
  /** The count of all its monitors; the list may be shorter. */
  monitorCount: number;
}

/** A process of a node, in full. */
export interface ObservedProcessDetails extends ObservedProcess {
  /** The processes that it is linked to; at most 100. */
  links: Pid[];
  /** The targets of its monitors, as text; at most 100. */
  monitors: string[];
  /** The processes that monitor it; at most 100. */
  monitoredBy: Pid[];
  /** The counts of all links and monitors; the lists above may be shorter. */
  counts: { links: number; monitors: number; monitoredBy: number };
  /** Whether the process traps exits. */
  trapExit: boolean;
  /** The process's group leader. */
  groupLeader: Pid;
  /** The process that started it. */
  parent: Pid | undefined;
  /** The process's ancestors, as text, nearest first; at most 20. */
  ancestors: string[];
  /** The oldest messages in its mailbox, as text; at most 10. */
  messages: string[];
  /** The keys and values of its dictionary, as text; at most 20. */
  dictionary: [key: string, value: string][];
  /** The children, if the process is a supervisor. */
  children: ObservedChild[] | undefined;
}

/** A child of a supervisor, with its own children. */
export interface ObservedChild {
  /** Identifies the child within its supervisor; dynamic children have none. */
  id: string | undefined;
  /** The child's pid, if it runs. */
  pid: Pid | undefined;
  /** The child's name, label, or code. */
  name: string;
  /** `"supervisor"`, `"server"`, `"task"` or `"process"`; for a process of another node, the expected kind. */
  kind: string;
  /** Whether its restart has failed and will be tried again. */
  restarting: boolean;
  /** Counts its restarts since it was first started. */
  restarts: number;
  /** The exit reason before the last restart, as text. */
  lastReason: string | undefined;
  /** The time of the last restart, in milliseconds since the epoch. */
  lastRestart: number | undefined;
  /** The number of messages in its mailbox; 0 if it is on another node. */
  messageQueueLen: number;
  /** The process that has suspended it by `:sys.suspend`, if it is suspended. */
  suspendedBy: Pid | undefined;
  /** The child's own children, if it is a supervisor; at most 200. */
  children: ObservedChild[];
  /** The number of omitted children. */
  more: number;
}

/** The supervision trees of a node. */
export interface ObservedTree {
  /** The supervisors that no supervisor of the node has started. */
  roots: ObservedChild[];
  /** The number of supervisors and children that are left out. */
  more: number;
}

/** A name, and the process that has it. */
export interface ObservedName {
  /** The name, as text. */
  name: string;
  /** The process. */
  pid: Pid | undefined;
}

/** A group of `pg`. */
export interface ObservedGroup {
  /** The group, as text. */
  group: string;
  /** The group's processes on all nodes; at most 100. */
  pids: Pid[];
  /** The number of its processes. */
  size: number;
}

/** The names of a node. */
export interface ObservedNames {
  /** Registered names. */
  registered: ObservedName[];
  /** Global names. */
  global: ObservedName[];
  /** The groups of each scope of `pg`. */
  groups: { scope: string; groups: ObservedGroup[] }[];
  /** The keys of each registry, and their total number. */
  registries: { registry: string; keys: ObservedName[]; size: number }[];
  /** The number of entries that are left out. */
  more: number;
}

/** An event of a node's log. */
export interface ObservedEvent {
  /** The event's number: later events have greater numbers. */
  number: number;
  /** The time, in milliseconds since the epoch. */
  at: number;
  /** The event's severity. */
  level: LogLevel;
  /** The node that logged it: the observed node, or one of its worker threads. */
  node: string;
  /** The process that it is about. */
  pid: Pid | undefined;
  /** The label of that process, as text. */
  label: string | undefined;
  /** The trace that the code was part of: 32 hexadecimal digits. */
  traceId: string | undefined;
  /** The kind of report: `"crash"`, `"supervisor"`, `"application"`; `undefined` for a message. */
  report: string | undefined;
  /** The event's text. */
  message: string;
  /** The event's metadata, as `key=value` pairs. */
  metadata: string | undefined;
}

/** A message that a traced process has received or sent. */
export interface TracedMessage {
  /** The time, in milliseconds since the epoch. */
  at: number;
  /** Whether the process received the message, or sent it; `"exit"` is the end of the process. */
  type: "receive" | "send" | "exit";
  /** The receiver of a sent message, as text. */
  to: string | undefined;
  /** The message, as text. */
  message: string;
}
