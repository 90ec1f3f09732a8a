/**
 * Links, monitors and aliases, as the process at one end keeps them.
 *
 * @module
 */

import { unquotedName } from "../values/beam_names.ts";
import type { MonitoredObject, Target } from "../signals/signal.ts";
import { numberText, type Pid, type Ref } from "../values/pid.ts";

/** A node, from one start to the next. */
export interface NodeIncarnation {
  /** The node's name. */
  readonly node: string;
  /** The node's incarnation. */
  readonly creation: number;
}

/** A key that two pids share when they name the same process. */
export type Key = number | string;

/** The key of a pid or reference, as seen from a node. */
export function keyOf(of: Pid | Ref, from: NodeIncarnation): Key {
  return of.node === from.node && of.creation === from.creation &&
      of.number >= 0
    ? of.number
    : `${numberText(of)}.${of.creation}.${of.node}`;
}

/** A link's state at this end. */
export interface Link {
  /** The other end. */
  pid: Pid;
  /** The id of the unlink whose ack is awaited; 0 while the link is active. */
  unlinking: number;
  /** Whether a peer asked for it, and it counts as the peer's. */
  held: boolean;
  /**
   * Whether an exit signal over it does not end this process: the other end is a task of code outside
   * any process, and unrelated flows of that code share this process.
   */
  spares: boolean;
}

/** A monitor of this process. */
export interface Monitor {
  /** Its reference. */
  ref: Ref;
  /** Its target: a pid, or a name. */
  target: Target;
  /** The node of the target. */
  node: string;
}

/** A monitor's target in the form of a DOWN. */
export function monitoredObject({ target, node }: Monitor): MonitoredObject {
  return typeof target === "string"
    ? { name: unquotedName(target), node }
    : target;
}

/** A monitor on this process. */
export interface Watcher {
  /** The process that watches. */
  pid: Pid;
  /** Its reference. */
  ref: Ref;
  /** The name by which it watches, if it does. */
  name?: string;
  /** Whether it is that of a call, and ends when the reply leaves this node. */
  isCall: boolean;
}

/** The condition under which an alias ends by itself. */
export type AliasMode = "explicit_unalias" | "demonitor" | "reply_demonitor";
