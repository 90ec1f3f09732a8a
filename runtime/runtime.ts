/**
 * One node's processes: the tables, and the door by which every signal enters.
 *
 * @module
 */

import { isExitError, reasonOf } from "./values/errors.ts";
import { outside } from "./context/async_context.ts";
import { type Clock, systemClock } from "./host/clock.ts";
import { Deadlines } from "./scheduling/deadlines.ts";
import {
  crashEvent,
  type LogLevel,
  type RuntimeEvent,
  sharedExitEvent,
  standardLog,
} from "./log/events.ts";
import { exitMessage } from "./values/exit_message.ts";
import { FewMap } from "./collections/small_map.ts";
import { Fifo } from "./collections/fifo.ts";
import { type LogCause, NodeLog } from "./log/node_log.ts";
import { Modules, type Resolved } from "./spawning/modules.ts";
import { Nowhere } from "./signals/unreachable_node.ts";
import {
  type HoldingLimits,
  Holdings,
  type RefusedRequest,
} from "./holdings.ts";
import { Pid, Ref } from "./values/pid.ts";
import {
  type Key,
  keyOf,
  type Link,
  type Monitor,
  monitoredObject,
  Process,
  type ProcessOptions,
  type Wait,
  type Watcher,
} from "./processes/process.ts";
import {
  isOrderly,
  isReason,
  sendableReason,
  sendReason,
} from "./values/exit_reason.ts";
import type {
  Backpressure,
  Runnable,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
} from "./signals/signal.ts";
import { endBoth } from "./context/stand_in.ts";
import { startSoon } from "./spawning/start_process.ts";
import { ignoreStrayExits } from "./host/unhandled_errors.ts";
import { DEFAULT_MAX_DEPTH } from "./values/term.ts";
import { isThenable } from "./promises/thenable.ts";
import { Timers } from "./processes/timers.ts";

/** The largest name, lock or group of a peer, in characters: there may be many. */
const MAX_ENTRY = 1 << 16;

/** What a runtime is made of. */
export interface RuntimeOptions {
  /** The node's name. */
  node: string;
  /** The node's incarnation. */
  creation: number;
  /** Its clock. */
  clock?: Clock;
  /** Where signals for another node go, if it is connected or to be; without it there is none. */
  route?: (node: string, connect: boolean) => Signals | undefined;
  /** Gets reports of crashes, and of what supervisors and applications do about them; standard error if it is left out. */
  report?: (event: RuntimeEvent) => void;
  /** The node's log, if it reports more than its processes do: `report` is left out then. */
  log?: NodeLog;
  /** How deep a message may be nested. */
  maxDepth?: number;
  /** What one peer may hold here; as much as it likes if it is left out. */
  peerLimits?: HoldingLimits;
  /** Is told what peers were refused. */
  refused?: (node: string, what: RefusedRequest, message: string) => void;
}

/** How a process is started, and who knows of it from its first moment. */
export interface SpawnOptions extends ProcessOptions {
  /** Is linked to it, besides the parent. */
  link?: Pid;
  /** Whether the parent, a process of this node, is linked to it. */
  linkParent?: Process;
  /** Whether the parent also awaits its end; see `Process.addLink`. */
  tellsEnd?: boolean;
  /** Monitors it. */
  monitor?: { pid: Pid; ref: Ref };
  /** Is told its pid, under that reference, before anything else that it sends. */
  replyTo?: { pid: Pid; ref: Ref };
}

/** One node's processes. */
export class Runtime implements Signals {
  /** The node's name. */
  readonly node: string;
  /** The node's incarnation. */
  readonly creation: number;
  /** How deep a message may be nested. */
  readonly maxDepth: number;
  /** The node's log. */
  readonly log: NodeLog;
  /** Signs what the node itself says: the pid of no process. */
  readonly nobody: Pid;
  /** What others may run here. */
  readonly modules: Modules = new Modules();
  /** What is over at some time. */
  readonly deadlines: Deadlines = new Deadlines({
    now: () => this.#clock.now(),
    timer: (ms, fn) => outside(() => this.#clock.after(ms, fn)),
  });
  /** What peers hold here. */
  readonly holdings: Holdings;
  /** The processes, by number. */
  readonly processes: Map<number, Process> = new Map();
  /** The registered names. */
  readonly names: Map<string, Process> = new Map();
  /** The active aliases, by reference number. */
  readonly aliases: Map<number, Process> = new Map();
  /** The nodes that are connected and visible. */
  readonly visible: Set<string> = new Set();
  /** Messages that are to be sent. */
  readonly timers: Timers = new Timers(this);
  /** Who is watched by name or from another node, by the monitor: its end names nothing but the reference. */
  readonly #watches = new Map<Key, Process>();
  readonly #clock: Clock;
  readonly #route:
    | ((node: string, connect: boolean) => Signals | undefined)
    | undefined;
  readonly #refused: NonNullable<RuntimeOptions["refused"]>;
  readonly #ended = new Fifo<Process>();
  #ending = false;
  #stopped = false;
  #lastPid = 99;
  #lastRef = 0;
  #lastUnlinkId = 0;
  #shell: Process | undefined;

  /** Makes a node without processes. */
  constructor(options: RuntimeOptions) {
    this.node = options.node;
    this.creation = options.creation;
    ignoreStrayExits();
    this.nobody = new Pid(this.node, 0, this.creation);
    this.maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#clock = options.clock ?? systemClock;
    this.#route = options.route;
    this.holdings = new Holdings(options.peerLimits);
    this.#refused = options.refused ?? (() => {});
    this.log = options.log ?? new NodeLog({
      node: this.node,
      hook: options.report ?? standardLog,
      clock: this.#clock,
    });
  }

  /** Reports what happened, to the node's log; never throws. */
  report(
    level: LogLevel,
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void {
    this.log.report(level, event, cause);
  }

  /** Where signals for a node go: here, or a connection, which is made if there is none. */
  route(node: string): Signals {
    if (node === this.node) return this;
    return this.#route?.(node, true) ?? new Nowhere(this, node);
  }

  /**
   * Where signals go that speak of what is between two processes already: links, monitors and
   * calls end with their connection, so that none is made for the news of it.
   */
  back(node: string): Signals {
    if (node === this.node) return this;
    return this.#route?.(node, false) ?? new Nowhere(this, node);
  }

  /** Where signals for a node go if it is connected, or about to be; no connection is made. */
  connected(node: string): Signals | undefined {
    return node === this.node ? this : this.#route?.(node, false);
  }

  /** Milliseconds since some fixed moment. */
  now(): number {
    return this.#clock.now();
  }

  /** Calls back after so many milliseconds, as code of no process; gives what stops it. */
  after(ms: number, fn: () => void): () => void {
    const deadline = this.deadlines.add(ms, { expire: fn });
    return () => deadline.lift();
  }

  /** Calls back every so many milliseconds, as code of no process; gives what stops it. */
  every(ms: number, fn: () => void): () => void {
    return outside(() => this.#clock.every(ms, fn));
  }

  /** A pid of this node that no process has or will have. */
  unusedPid(): Pid {
    return new Pid(this.node, ++this.#lastPid, this.creation);
  }

  /** A new reference of this node. */
  makeRef(): Ref {
    return new Ref(this.node, ++this.#lastRef, this.creation);
  }

  /** An id for an unlink. */
  nextUnlinkId(): number {
    return ++this.#lastUnlinkId;
  }

  /** The process of a pid, if it is of this incarnation and alive. */
  find(pid: Pid): Process | undefined {
    return pid.creation === this.creation && pid.node === this.node
      ? this.processes.get(pid.number)
      : undefined;
  }

  /** The process that code outside any process is in; a new one when the last has exited. */
  shell(): Process {
    if (this.#shell === undefined || !this.#shell.alive) {
      this.#shell = this.#make({ label: "shell" });
      this.#shell.shell = true;
      const user = this.names.get("user");
      if (user !== undefined) this.#shell.groupLeader = user.pid;
    }
    return this.#shell;
  }

  #make(options: ProcessOptions): Process {
    const process = new Process(this, ++this.#lastPid, options);
    this.processes.set(process.pid.number, process);
    if (process.origin !== undefined) {
      this.holdings.take(process.origin, "processes");
    }
    return process;
  }

  /** Makes the process that code of a process of another node of this program runs as from now on. */
  makeStandIn(label: string | undefined): Process {
    return this.#make({ label, groupLeader: this.names.get("user")?.pid });
  }

  /** Starts a process; its code begins after the current one has given way. */
  spawn(fn: () => unknown, options: SpawnOptions): Process {
    const process = this.#make(options);
    const { link, linkParent, tellsEnd, monitor, replyTo } = options;
    if (linkParent !== undefined) {
      process.addLink(linkParent.pid);
      linkParent.addLink(process.pid, false, tellsEnd);
    }
    if (link !== undefined) process.addLink(link);
    if (monitor !== undefined) {
      this.#watch(process, monitor.pid, monitor.ref, false);
    }
    if (replyTo !== undefined) {
      this.back(replyTo.pid.node).spawnReply(
        process.pid,
        replyTo.pid,
        replyTo.ref,
        {
          pid: process.pid,
          link: link !== undefined,
          monitor: monitor !== undefined,
        },
      );
    }
    startSoon(process, fn, run);
    return process;
  }

  /** Gives a process a name. */
  register(name: string, process: Process): boolean {
    if (this.names.has(name) || process.name !== undefined) return false;
    process.name = name;
    this.names.set(name, process);
    return true;
  }

  /** Takes a name away. */
  unregister(name: string): boolean {
    const process = this.names.get(name);
    if (process === undefined) return false;
    process.name = undefined;
    return this.names.delete(name);
  }

  /** Ends a process: it is dead to others from here on. */
  terminate(process: Process, reason: unknown): void {
    if (!process.alive) return;
    process.alive = false;
    // No step of a death may keep others from being notified of it, or of the deaths after it.
    process.exitReason = sendableReason(reason, this.maxDepth);
    this.processes.delete(process.pid.number);
    if (process.origin !== undefined) {
      this.holdings.release(process.origin, "processes");
    }
    if (process.entries !== undefined) process.dropAll();
    if (process.name !== undefined) this.names.delete(process.name);
    if (process.aliases !== undefined) {
      for (const number of process.aliases.keys()) this.aliases.delete(number);
      process.aliases = undefined;
    }
    if (process.timers !== undefined) this.timers.cancelFor(process);
    endBoth(process);
    if (isAlone(process) && !this.#ending) return process.close();
    // A death causes others: a queue, as a chain of links is longer than a stack.
    if (this.#ending) return this.#ended.push(process);
    this.#ending = true;
    try {
      for (
        let next: Process | undefined = process;
        next !== undefined;
        next = this.#ended.shift()
      ) {
        this.#announce(next);
        next.close();
      }
    } finally {
      this.#ending = false;
    }
  }

  #announce(process: Process): void {
    const { pid, exitReason: reason, links, watchers, monitors } = process;
    process.links = process.watchers = process.monitors = undefined;
    // A server mostly has some of them that are empty by now.
    if (links !== undefined && links.size > 0) {
      for (const link of links.values()) {
        this.#releaseLink(link);
        if (link.unlinking === 0) {
          sendReason(
            reason,
            (reason) =>
              this.back(link.pid.node).exitLink(pid, link.pid, reason),
          );
        }
      }
    }
    if (watchers !== undefined && watchers.size > 0) {
      for (const [key, watcher] of watchers) {
        this.#watches.delete(key);
        this.#releaseWatcher(watcher);
        this.#down(process, watcher, reason);
      }
    }
    if (monitors !== undefined && monitors.size > 0) {
      for (const monitor of monitors.values()) {
        try {
          this.endMonitor(pid, monitor);
        } catch {
          // The monitor ends with the connection then.
        }
      }
    }
  }

  #down({ pid }: Process, watcher: Watcher, reason: unknown): void {
    sendReason(
      reason,
      (reason) =>
        this.back(watcher.pid.node).down(pid, watcher.pid, watcher.ref, reason),
    );
  }

  /** Tells who watches a process of its end, though it goes on: it cannot do what is waited for. */
  endWatch(process: Process, ref: Ref, reason: unknown): void {
    const key = keyOf(ref, this);
    const watcher = process.watchers?.get(key);
    if (watcher === undefined) return;
    this.#dropWatcher(process, key);
    this.#down(process, watcher, sendableReason(reason, this.maxDepth));
  }

  /** Ends a process whose code threw or rejected. */
  crash(process: Process, error: unknown): void {
    if (isExitError(error)) this.leave(process, reasonOf(error));
    else if (process.alive) {
      const reason = reasonOf(error);
      this.#reportCrash(process, reason);
      this.terminate(process, reason);
    }
  }

  /** Ends a process that exits by itself. */
  leave(process: Process, reason: unknown): void {
    if (!process.alive) return;
    if (this.#tellsExit(process, reason)) this.#reportCrash(process, reason);
    this.terminate(process, reason);
  }

  #reportCrash(process: Process, reason: unknown): void {
    const { origin } = process;
    this.report(
      "error",
      () => crashEvent(process, reason),
      origin === undefined
        ? undefined
        : { what: "crashes of processes started", peer: origin },
    );
  }

  /** As in Erlang, an exit is no crash; but the log is told if it is a server or task that exits. */
  #tellsExit({ lineage }: Process, reason: unknown): boolean {
    return lineage !== undefined && !lineage.starting &&
      !isOrderly(sendableReason(reason, this.maxDepth));
  }

  // Signals that are delivered to this node's processes.

  send(_from: Pid, to: Pid, message: unknown): Backpressure {
    const process = this.processes.get(to.number);
    if (process !== undefined && to.creation === this.creation) {
      process.mailbox.push(message, process);
    }
    return undefined;
  }

  sendName(_from: Pid, name: string, message: unknown): Backpressure {
    const process = this.names.get(name);
    if (process !== undefined) process.mailbox.push(message, process);
    return undefined;
  }

  sendAlias(_from: Pid, alias: Ref, message: unknown): Backpressure {
    // One that is awaited takes an answer, and nothing else: a guess must not use it up.
    const { number } = alias;
    if (this.aliases.get(number)?.waits?.has(number)) return undefined;
    const process = this.#openAlias(alias);
    if (process !== undefined) process.mailbox.push(message, process);
    return undefined;
  }

  reply(from: Pid, alias: Ref, value: unknown): void {
    const awaited = this.aliases.get(alias.number)?.waits?.get(alias.number);
    // References can be guessed.
    if (awaited !== undefined && !awaited.isOpen && !mayReply(from, awaited)) {
      return;
    }
    const process = this.#openAlias(alias);
    if (process === undefined) return;
    const wait = process.waits?.get(alias.number);
    if (wait !== undefined) wait.reply(value, alias);
    else {
      process.mailbox.push({ type: "reply", ref: alias, value }, process);
    }
  }

  #openAlias(alias: Ref): Process | undefined {
    const process = this.aliases.get(alias.number);
    if (
      process === undefined || alias.creation !== this.creation ||
      alias.node !== this.node
    ) return undefined;
    if (process.aliases!.get(alias.number) === "reply_demonitor") {
      process.demonitor(alias);
      process.unalias(alias);
    }
    return process;
  }

  link(from: Pid, to: Pid): void {
    const process = this.find(to);
    if (process === undefined) {
      this.back(from.node).exitLink(to, from, "noproc");
    } else if (!process.links?.has(keyOf(from, this))) {
      if (from.node === this.node) process.addLink(from);
      else if (this.#isFull(from.node, "links")) {
        this.back(from.node).exitLink(to, from, "system_limit");
      } else {
        this.holdings.take(from.node, "links");
        process.addLink(from, true);
      }
    }
  }

  /** Whether a peer may hold no more of a kind; it is told then, as it was refused one. */
  #isFull(node: string, kind: "links" | "monitors" | "entries"): boolean {
    const refusal = this.holdings.refusal(node, kind);
    if (refusal === undefined) return false;
    this.#refused(node, kind, refusal);
    return true;
  }

  /** Has a peer hold one entry more, of so many characters; false if it may not, and has been refused. */
  holdEntry(node: string, characters: number): boolean {
    if (characters > MAX_ENTRY) {
      const message =
        `a name, lock or group of ${characters} characters is too large: ${MAX_ENTRY} is the most`;
      this.#refused(node, "entries", message);
      return false;
    }
    if (this.#isFull(node, "entries")) return false;
    this.holdings.take(node, "entries");
    return true;
  }

  #releaseLink({ held, pid }: Link): void {
    if (held) this.holdings.release(pid.node, "links");
  }

  #dropLink(process: Process, key: Key, link: Link): void {
    process.links!.delete(key);
    this.#releaseLink(link);
  }

  #releaseWatcher({ pid }: Watcher): void {
    if (pid.node !== this.node) this.holdings.release(pid.node, "monitors");
  }

  #dropWatcher(process: Process | undefined, key: Key): void {
    const watcher = process?.watchers?.get(key);
    if (watcher === undefined) return;
    process!.watchers!.delete(key);
    this.#watches.delete(key);
    this.#releaseWatcher(watcher);
  }

  unlink(from: Pid, to: Pid, id: number): void {
    const process = this.find(to);
    const key = keyOf(from, this);
    const link = process?.links?.get(key);
    if (link?.unlinking === 0) this.#dropLink(process!, key, link);
    this.back(from.node).unlinkAck(to, from, id);
  }

  unlinkAck(from: Pid, to: Pid, id: number): void {
    const process = this.find(to);
    const key = keyOf(from, this);
    const link = process?.links?.get(key);
    // No unlink has the id 0: an ack that nobody asked for ends no link.
    if (link !== undefined && id !== 0 && link.unlinking === id) {
      this.#dropLink(process!, key, link);
    }
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    const process = this.find(to);
    if (process === undefined) return;
    if (isReason(reason, "kill")) this.terminate(process, "killed");
    else this.#signalExit(process, from, reason);
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    const process = this.find(to);
    const key = keyOf(from, this);
    const link = process?.links?.get(key);
    if (process === undefined || link === undefined) return;
    this.#dropLink(process, key, link);
    if (link.unlinking !== 0) return;
    if (!process.shell || process.trapExit) {
      this.#signalExit(process, from, reason);
    } else if (!link.spares && !isReason(reason, "normal")) {
      this.report("warning", () => sharedExitEvent(process, from, reason));
      this.terminate(process, reason);
    }
  }

  #signalExit(process: Process, from: Pid, reason: unknown): void {
    if (process.trapExit) {
      process.mailbox.push(exitMessage(from, reason), process);
    } else if (!isReason(reason, "normal") || from.equals(process.pid)) {
      this.terminate(process, reason);
    }
  }

  monitor(from: Pid, target: Target, ref: Ref): void {
    const byName = typeof target === "string";
    const process = byName ? this.names.get(target) : this.find(target);
    if (process === undefined) {
      this.back(from.node).down(this.nobody, from, ref, "noproc");
    } else if (
      from.node !== this.node && this.#isFull(from.node, "monitors")
    ) {
      this.back(from.node).down(this.nobody, from, ref, "system_limit");
    } else this.#watch(process, from, ref, byName);
  }

  #watch(process: Process, pid: Pid, ref: Ref, byName: boolean): void {
    const key = keyOf(ref, this);
    const isOwn = pid.node === this.node;
    // Each reference is of one monitor: a second one would not be found again.
    const before = isOwn ? undefined : this.#watches.get(key);
    if (before !== undefined) this.#dropWatcher(before, key);
    if (!isOwn) this.holdings.take(pid.node, "monitors");
    process.watchers ??= new FewMap();
    process.watchers.set(key, { pid, ref });
    if (!isOwn || byName) this.#watches.set(key, process);
  }

  demonitor(_from: Pid, ref: Ref): void {
    const key = keyOf(ref, this);
    this.#dropWatcher(this.#watches.get(key), key);
  }

  /** Ends a monitor of one of this node's processes; one of another one here, by its pid, is in no index. */
  endMonitor(from: Pid, { target, node, ref }: Monitor): void {
    if (node !== this.node || typeof target === "string") {
      this.back(node).demonitor(from, ref);
    } else this.find(target)?.watchers?.delete(ref.number);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown): void {
    const process = this.find(to);
    const monitor = process?.monitors?.get(ref.number);
    if (process === undefined || monitor?.node !== from.node) return;
    process.monitors!.delete(ref.number);
    const mode = process.aliases?.get(ref.number);
    if (mode !== undefined && mode !== "explicit_unalias") {
      process.unalias(ref);
    }
    const object = monitoredObject(monitor);
    const wait = process.waits?.get(ref.number);
    if (wait !== undefined) wait.down(object, reason, ref);
    else {
      process.mailbox.push(
        { type: "DOWN", ref: monitor.ref, object, reason },
        process,
      );
    }
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { ref, run, link, monitor, groupLeader } = request;
    const found = this.#resolve(run, from.node, "resolveSpawn");
    if ("error" in found) {
      this.back(from.node).spawnReply(this.nobody, from, ref, found);
      return;
    }
    this.spawn(found.fn, {
      parent: from,
      groupLeader,
      label: found.label,
      link: link ? from : undefined,
      monitor: monitor ? { pid: from, ref } : undefined,
      replyTo: { pid: from, ref },
      origin: from.node,
    });
  }

  /** What a node asks to run, ready to run, or why it is refused. */
  resolve(run: Runnable, node: string): Resolved {
    return this.#resolve(run, node, "resolve");
  }

  #resolve(
    run: Runnable,
    node: string,
    by: "resolve" | "resolveSpawn",
  ): Resolved {
    if (node === this.node) return this.modules[by](run);
    const limit = this.holdings.refusal(node, "processes");
    const found: Resolved = limit === undefined
      ? this.modules[by](run, node)
      : { error: "limit", message: limit };
    if ("error" in found) this.#refused(node, found.error, found.message);
    return found;
  }

  spawnReply(
    from: Pid,
    to: Pid,
    ref: Ref,
    result: SpawnResult,
  ): void {
    const process = this.find(to);
    const wait = process?.waits?.get(ref.number);
    if (
      process === undefined || wait?.spawned === undefined ||
      wait.node !== from.node
    ) {
      // Who asked has ended, or another node was asked: the new process is linked to nobody, and watched by nobody.
      if ("pid" in result) {
        const back = this.back(from.node);
        if (result.link) back.exitLink(to, from, "noproc");
        if (result.monitor) {
          this.endMonitor(to, { ref, target: from, node: from.node });
        }
      }
      return;
    }
    if ("pid" in result) {
      // It may have heard of the process from others, and linked and unlinked it by now.
      if (result.link && !process.links?.has(keyOf(result.pid, this))) {
        process.addLink(result.pid, false, wait.tellsEnd);
      }
      if (result.monitor) process.addMonitor(ref, result.pid, from.node);
    }
    wait.spawned(result);
  }

  groupLeader(_from: Pid, to: Pid, leader: Pid): void {
    const process = this.find(to);
    if (process !== undefined) process.groupLeader = leader;
  }

  /** Tells those who watch nodes that one is connected; called before its first signal. */
  nodeUp(node: string): void {
    this.visible.add(node);
    for (const process of [...this.processes.values()]) {
      const times = process.watchesNodes;
      for (let i = 0; i < times && process.alive; i++) {
        process.mailbox.push({ type: "nodeup", node }, process);
      }
    }
  }

  /**
   * Tells every process that a node is gone or cannot be reached.
   *
   * @param node The node.
   * @param wasUp Whether it was connected and visible.
   */
  nodeDown(node: string, wasUp: boolean): void {
    this.visible.delete(node);
    const processes = [...this.processes.values()];
    for (const process of processes) {
      this.#loseLinks(process, node);
      this.#loseMonitors(process, node);
      this.#loseWatchers(process, node);
      this.#loseWaits(process, node);
    }
    for (const process of processes) {
      const times = (process.nodeMonitors?.get(node) ?? 0) +
        (wasUp ? process.watchesNodes : 0);
      process.nodeMonitors?.delete(node);
      for (let i = 0; i < times && process.alive; i++) {
        process.mailbox.push({ type: "nodedown", node }, process);
      }
    }
  }

  #loseLinks(process: Process, node: string): void {
    if (process.links === undefined) return;
    const lost: Link[] = [];
    for (const [key, link] of process.links) {
      if (link.pid.node !== node) continue;
      if (link.unlinking === 0) lost.push(link);
      else this.#dropLink(process, key, link);
    }
    for (const { pid } of lost) {
      this.exitLink(pid, process.pid, "noconnection");
    }
  }

  #loseMonitors(process: Process, node: string): void {
    if (process.monitors === undefined) return;
    for (const { ref, node: at } of [...process.monitors.values()]) {
      if (at !== node) continue;
      this.down(new Pid(node, 0, 0), process.pid, ref, "noconnection");
    }
  }

  #loseWatchers(process: Process, node: string): void {
    if (process.watchers === undefined) return;
    for (const [key, { pid }] of process.watchers) {
      if (pid.node !== node) continue;
      this.#dropWatcher(process, key);
    }
  }

  #loseWaits(process: Process, node: string): void {
    if (process.waits === undefined) return;
    for (const wait of [...process.waits.values()]) {
      if (wait.node === node) wait.spawned?.(undefined);
    }
  }

  /** How much there is of what processes make, for those who look for what was left behind. */
  sizes(): Record<string, number> {
    const { processes, links, monitors, entries } = this.holdings.totals();
    const sizes: Record<string, number> = {
      processes: this.processes.size,
      names: this.names.size,
      aliases: this.aliases.size,
      "watches by reference": this.#watches.size,
      "processes held": processes,
      "links held": links,
      "monitors held": monitors,
      "entries held": entries,
      links: 0,
      monitors: 0,
      watchers: 0,
      waits: 0,
    };
    for (const process of this.processes.values()) {
      sizes.links += process.links?.size ?? 0;
      sizes.monitors += process.monitors?.size ?? 0;
      sizes.watchers += process.watchers?.size ?? 0;
      sizes.waits += process.waits?.size ?? 0;
    }
    return sizes;
  }

  /** Whether its processes were ended for good. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends every process, as a node does that stops. */
  stop(reason: unknown): void {
    this.#stopped = true;
    for (const process of [...this.processes.values()]) {
      this.terminate(process, reason);
    }
    this.timers.stop();
  }
}

function run(process: Process, fn: () => unknown): void {
  const { runtime } = process;
  try {
    const result = fn();
    if (isThenable(result)) {
      result.then(
        () => runtime.terminate(process, "normal"),
        (error) => runtime.crash(process, error),
      );
      return;
    }
  } catch (error) {
    // It may be `then` that throws, of a result that is anything.
    runtime.crash(process, error);
    return;
  }
  runtime.terminate(process, "normal");
}

function mayReply(from: Pid, { node, by }: Wait): boolean {
  return by === undefined ? from.node === node : by.equals(from);
}

/** Whether nobody has to be told of a process's end. */
function isAlone({ links, watchers, monitors }: Process): boolean {
  return isEmpty(links) && isEmpty(watchers) && isEmpty(monitors);
}

function isEmpty<K, V>(map: FewMap<K, V> | undefined): boolean {
  return map === undefined || map.size === 0;
}
