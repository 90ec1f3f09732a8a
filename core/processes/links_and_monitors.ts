/**
 * Links, monitors, aliases and waits, as the process at one end keeps them.
 *
 * @module
 */

import { unquotedName } from "../values/beam_names.ts";
import type {
  MonitoredObject,
  SpawnResult,
  Target,
} from "../signals/signal.ts";
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

/** A wait of a process by reference: for a reply, a DOWN, or a spawn's result. */
export interface Wait {
  /** The node that it is awaited from. */
  readonly node: string;
  /** Whether the reply may come from another node: the asked process may leave the answer to others. */
  readonly acceptsAnySender?: boolean;
  /** The only process that the reply may come from, if it is known. */
  readonly by?: Pid;
  /** Whether it learns of the exit of the spawned process by itself, so that the link need not report it. */
  readonly tellsEnd?: boolean;
  /** Called when a reply arrives at the alias. */
  reply(value: unknown, ref: Ref): void;
  /** Called when a BEAM's reply arrives, in its encoding; without it, `reply` is. */
  otpReply?(term: unknown, ref: Ref): void;
  /** Called when the target of the monitor with that reference has exited. */
  down(object: MonitoredObject, reason: unknown, ref: Ref): void;
  /** Called when the spawn request with that reference was answered, or its node is down (`undefined`). */
  spawned?(result: SpawnResult | undefined): void;
  /** Called when the request could not be sent, as the wire to its node cannot carry it. */
  refused?(error: Error): void;
  /** Called when the waiting process has exited. */
  abandon(error: () => unknown): void;
}

/** A watcher in the index, with its place in the list of its process. */
export class IndexedWatcher<P> implements Watcher {
  readonly pid: Pid;
  readonly ref: Ref;
  readonly name: string | undefined;
  readonly isCall: boolean;
  /** The process that it watches. */
  readonly process: P;
  /** The one before it in the list. */
  before: IndexedWatcher<P> | undefined = undefined;
  /** The one after it in the list. */
  after: IndexedWatcher<P> | undefined = undefined;

  /** A watcher that is in no list yet. */
  constructor(
    process: P,
    pid: Pid,
    ref: Ref,
    name: string | undefined,
    isCall: boolean,
  ) {
    this.process = process;
    this.pid = pid;
    this.ref = ref;
    this.name = name;
    this.isCall = isCall;
  }
}

/** The indexed watchers of one process, the oldest first. */
export class WatcherList<P> {
  #first: IndexedWatcher<P> | undefined = undefined;
  #last: IndexedWatcher<P> | undefined = undefined;

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Adds one. */
  add(watcher: IndexedWatcher<P>): void {
    const last = this.#last;
    watcher.before = last;
    if (last === undefined) this.#first = watcher;
    else last.after = watcher;
    this.#last = watcher;
  }

  /** Removes one that is in the list. */
  remove(watcher: IndexedWatcher<P>): void {
    const { before, after } = watcher;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    watcher.before = watcher.after = undefined;
  }

  /** All of them; they may be removed meanwhile. */
  *[Symbol.iterator](): Generator<IndexedWatcher<P>> {
    let next = this.#first;
    while (next !== undefined) {
      const watcher = next;
      next = watcher.after;
      yield watcher;
    }
  }
}
