/**
 * Links, monitors, aliases and waits, as each end keeps them.
 *
 * A link is the same at both ends: each process has a {@linkcode Link} to the other, and either exit reaches the other
 * process. A link that a process ends stays in its table until the other end has confirmed the unlink, so that a late
 * exit signal does not pass for the signal of a new link. A monitor has two sides: an entry at the process that monitors, and a
 * {@linkcode Watcher} at the process that is monitored. An alias is a second address of its process, and a
 * {@linkcode Wait} takes the answer to a reference in place of the mailbox. One reference can be all of them, as for
 * a call: it monitors the server, the server replies to it as an alias, and the caller waits for it. So a process has
 * one {@linkcode RefEntry} for each reference.
 */

import { unquotedName } from "../values/beam_names.ts";
import type { Place, SpawnResult, Target } from "../signals/signal.ts";
import { numberText, type Pid, type Ref } from "../values/pid.ts";

/** A node, from one start to the next. */
export interface NodeIncarnation {
  readonly node: string;
  readonly creation: number;
}

/** A key that equal pids share. */
export type Key = number | string;

/** Returns the key of a pid or reference, for code of the node `from`. */
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
  /** Whether a peer requested the link, so that it counts towards the peer's quota. */
  held: boolean;
  /**
   * Whether this process survives an exit signal over the link. The other end is then a task of code outside any
   * process, and unrelated code shares this process.
   */
  survivesExit: boolean;
}

export interface Monitor {
  ref: Ref;
  /** Its target: a pid, or a name. */
  target: Target;
  /** The node of the target. */
  node: string;
}

/** Returns a monitor's target in the form of a DOWN. */
export function monitoredObject({ target, node }: Monitor): Place {
  return typeof target === "string"
    ? { name: unquotedName(target), node }
    : target;
}

export interface Watcher {
  /** The process that watches. */
  readonly pid: Pid;
  readonly ref: Ref;
  /** The name by which the process is monitored, if any. */
  readonly name?: string;
}

/** The condition under which an alias ends by itself. */
export type AliasMode = "explicit_unalias" | "demonitor" | "reply_demonitor";

/** A wait of a process by reference: for a reply, a DOWN, or a spawn's result. */
export interface Wait {
  /** The node that the answer comes from. */
  readonly node: string;
  /** Whether the reply may come from any node, because the receiver may delegate the request. */
  readonly acceptsAnySender?: boolean;
  /** The only process that may reply, if known. */
  readonly by?: Pid;
  /** Whether the wait learns of the spawned process's exit by itself, so that the link need not report it. */
  readonly awaitsExit?: boolean;
  /** Called when a reply arrives at the alias. */
  reply(value: unknown, ref: Ref): void;
  /** Called when a reply arrives in another library's encoding; without this method, `reply` is called. */
  foreignReply?(term: unknown, ref: Ref): void;
  /** Called when the target of the monitor has exited. */
  down(object: Place, reason: unknown, ref: Ref): void;
  /** Called when the spawn request was answered; with `undefined`, the node is down. */
  spawned?(result: SpawnResult | undefined): void;
  /** Called when the wire cannot carry the request. */
  refused?(error: Error): void;
  /** Called when the waiting process has exited. */
  abandon(error: () => unknown): void;
}

/**
 * The entry of a reference in the table of its process: the reference is a monitor, an alias, the reference of an
 * awaited answer, or several of these. An entry whose reference is nothing any more leaves the table. The entry of a
 * monitor on a process of the same node is also the watcher of that process.
 */
export class RefEntry<P extends { readonly pid: Pid }> implements Watcher {
  readonly process: P;
  readonly ref: Ref;
  /** The target of the monitor, if it is one. */
  target: Target | undefined;
  /** The node of the target. */
  node: string;
  /** When the alias ends, if it is one. */
  alias: AliasMode | undefined;
  wait: Wait | undefined;

  constructor(
    process: P,
    ref: Ref,
    target?: Target,
    node = "",
    alias?: AliasMode,
    wait?: Wait,
  ) {
    this.process = process;
    this.ref = ref;
    this.target = target;
    this.node = node;
    this.alias = alias;
    this.wait = wait;
  }

  get pid(): Pid {
    return this.process.pid;
  }
}
