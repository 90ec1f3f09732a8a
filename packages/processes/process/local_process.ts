/** One process: its state, and the signals that it sends. */

import {
  ExitError,
  NoProcessError,
  ProcessExited,
} from "../values/error_classes.ts";
import {
  outside,
  ProcessContext,
  runInside,
} from "../context/async_context.ts";
import { ProcessSchedule, scheduler } from "../scheduling/scheduler.ts";
import { SmallMap } from "../collections/small_map.ts";
import { LinkTable } from "./link_table.ts";
import { Mailbox } from "./mailbox.ts";
import type { Guard, MailboxHost } from "./receivers.ts";
import type { WatcherList } from "./watchers.ts";
import { Pid, Ref } from "../values/pid.ts";
import type { Runtime } from "./runtime.ts";
import type { Backpressure, Place, Target } from "../signals/signal.ts";
import { type Lineage, lineageOf } from "../values/lineage.ts";
import {
  type AliasMode,
  type Link,
  type Monitor,
  monitoredObject,
  RefEntry,
  type Wait,
  type Watcher,
} from "./links_and_monitors.ts";
import { copyTerm } from "../values/term.ts";
import { formatExit } from "../values/exit_reason.ts";
import { withoutStrayErrors } from "../host/unhandled_errors.ts";
import { termKey } from "../values/term_key.ts";
import type { PendingTimer } from "./timers.ts";
import type { ReplyTarget } from "../values/reply_to.ts";

/** The dictionary key of the label that a process has given itself, as in OTP. */
export const PROCESS_LABEL = "$process_label";

/** Options for the start of a process. */
export interface ProcessOptions {
  /** The group leader; a process without a parent leads itself. */
  groupLeader?: Pid;
  /** The process that started it. */
  parent?: Pid;
  /** The kind of a process whose every abnormal exit is logged: a server, a task, a process of OTP's `proc_lib`. */
  kind?: Lineage["kind"];
  /** For a task: the processes that asked for the work, nearest first, Elixir's `$callers`. */
  callers?: Pid[];
  /** A description of the code that it runs. */
  label?: string;
  /** The node that it is started for. */
  origin?: string;
}

/** An entry in the table of a process's references. */
export type Entry = RefEntry<LocalProcess>;

/** The types of nodes that a process is notified of. */
export type NodeTypes = "visible" | "hidden" | "all";

/** State that few processes have, in an object of its own: it would take 64 bytes of each idle process. */
export class ColdState {
  /** The other node that the process was started for. */
  origin: string | undefined = undefined;
  /** The process of another node of this program as which the code runs; see `stand_in.ts`. */
  standIn: LocalProcess | undefined = undefined;
  /** The process of the unnamed node that this process stands in for. */
  standsFor: LocalProcess | undefined = undefined;
  nodeMonitors: Map<string, number> | undefined = undefined;
  /** The number of its subscriptions to visible nodes that come or go. */
  watchesNodes = 0;
  /** The numbers of its subscriptions, by type of node, to nodes that come or go; their messages state the type. */
  nodeTypes: Map<NodeTypes, number> | undefined = undefined;
  /** Pending timers whose messages go to it. */
  timers: Set<PendingTimer> | undefined = undefined;
  /** Aborted when it exits. */
  abort: AbortController | undefined = undefined;
  /** The number of entries that it keeps for each other node, as a server. */
  entries: Map<string, number> | undefined = undefined;
}

/** The state of one process. It extends {@linkcode ProcessSchedule} to save an object per process. */
export class LocalProcess extends ProcessSchedule implements MailboxHost {
  readonly pid: Pid;
  readonly runtime: Runtime;
  readonly context: ProcessContext;
  /** The process that its output goes to. */
  groupLeader: Pid;
  readonly parent: Pid | undefined;
  /** Its lineage; set if every abnormal exit is logged. */
  readonly lineage: Lineage | undefined;
  readonly label: string | undefined;
  /** Whether exit signals become messages. */
  trapExit = false;
  /** Whether it is a shell: its waits then reject with the exit itself. */
  shell = false;
  /** False once it has exited. */
  alive = true;
  /** The name that it is registered under. */
  name: string | undefined = undefined;
  /** Its mailbox, which it shares with its stand-in. */
  mailbox: Mailbox = new Mailbox();
  /** Its links, by the other end. */
  links: LinkTable | undefined = undefined;
  /** Its monitors, aliases and pending waits, by reference number. */
  entries: SmallMap<number, Entry> | undefined = undefined;
  /** Monitors on its pid by processes of its node, by reference number. */
  watchers: SmallMap<number, Watcher> | undefined = undefined;
  /** Other monitors on it. */
  indexedWatchers: WatcherList<LocalProcess> | undefined = undefined;
  /** Its dictionary, by {@linkcode termKey} of the key. */
  dictionary: Map<unknown, { key: unknown; value: unknown }> | undefined =
    undefined;
  /** The state that few processes have. */
  cold: ColdState | undefined = undefined;

  constructor(
    runtime: Runtime,
    options: ProcessOptions,
    starter?: LocalProcess,
  ) {
    super();
    this.runtime = runtime;
    this.context = new ProcessContext(this, runtime);
    this.pid = runtime.unusedPid();
    this.groupLeader = options.groupLeader ?? this.pid;
    this.parent = options.parent;
    const { kind, parent, callers } = options;
    this.lineage = kind === undefined ? undefined : lineageOf(
      kind,
      parent,
      callers ?? [],
      starter ?? (parent && runtime.find(parent)),
    );
    this.label = options.label;
    const { origin } = options;
    if (origin !== undefined && origin !== runtime.node) {
      this.ownCold().origin = origin;
    }
  }

  /** Returns the state that few processes have, and creates it if necessary. */
  ownCold(): ColdState {
    return this.cold ??= new ColdState();
  }

  /** The label that it has given itself, if any. */
  get ownLabel(): unknown {
    return this.dictionary?.get(termKey(PROCESS_LABEL))?.value;
  }

  get exitReason(): unknown {
    return this.context.exitReason;
  }

  get callers(): Pid[] | undefined {
    return this.lineage?.callers;
  }

  /** @throws {ProcessExited} If the process has exited. */
  assertAlive(): void {
    if (!this.alive) throw new ProcessExited(this.exitReason);
  }

  /** Takes the next message, whatever it is. Rejects with `ProcessExited` if the process exits. */
  async nextMessage(): Promise<unknown> {
    const message = await this.mailbox.receive(undefined, undefined, this);
    this.assertAlive();
    return message;
  }

  test(guard: Guard, message: unknown): boolean {
    return runInside(this, guard, message);
  }

  after(ms: number, fn: () => void): () => void {
    return this.runtime.deadlines.after(ms, fn);
  }

  /**
   * Settles a wait of the process: at once, or when it is its turn.
   *
   * @param wait The wait; it is abandoned instead if the process exits before.
   */
  resume(wait: Pick<Wait, "abandon">, settle: () => void): void {
    if (scheduler.canAnswerNow(this)) settle();
    else this.resumeLater(wait, settle);
  }

  /** Settles a wait of the process in a step of its own. */
  resumeLater(wait: Pick<Wait, "abandon">, settle: () => void): void {
    const step = () => {
      if (this.alive) settle();
      else wait.abandon(() => this.exitError());
    };
    scheduler.enqueue(this, step, undefined);
  }

  /** Counts a step that the process takes by itself; returns a promise if the process must wait for its turn. */
  turn(): Promise<void> | undefined {
    if (scheduler.canStepNow(this)) return undefined;
    return new Promise((resolve) => {
      scheduler.enqueue(this, resolveIfAlive, resolve);
    });
  }

  /** Returns an abort signal that fires when the process exits. */
  abortSignal(): AbortSignal {
    return (this.ownCold().abort ??= new AbortController()).signal;
  }

  /** Counts an entry that the process keeps for a node; returns false if the node's quota refuses it. */
  keepFor(node: string, characters = 0): boolean {
    if (node === this.runtime.node) return true;
    if (!this.alive || !this.runtime.quotas.acquireEntry(node, characters)) {
      return false;
    }
    const entries = this.ownCold().entries ??= new Map();
    entries.set(node, (entries.get(node) ?? 0) + 1);
    return true;
  }

  /** Uncounts an entry for a node. */
  dropFor(node: string): void {
    const count = this.cold?.entries?.get(node);
    if (count === undefined) return;
    if (count > 1) this.cold!.entries!.set(node, count - 1);
    else this.cold!.entries!.delete(node);
    this.runtime.quotas.release(node, "entries");
  }

  dropAll(): void {
    for (const [node, count] of this.cold?.entries ?? []) {
      for (let i = 0; i < count; i++) this.dropFor(node);
    }
  }

  cancelTimers(): void {
    for (const timer of this.cold?.timers ?? []) timer.cancel();
  }

  /** Creates the error that the process's waits reject with. */
  exitError(): Error {
    return this.shell
      ? new ExitError(this.exitReason)
      : new ProcessExited(this.exitReason);
  }

  /** Ends the process's own waits, after the runtime has notified other processes. */
  close(): void {
    this.mailbox.close(this);
    const { entries } = this;
    this.entries = undefined;
    if (entries !== undefined) this.#abandon(entries.values());
    const abort = this.cold?.abort;
    if (abort !== undefined) this.#fireAbort(abort);
  }

  #abandon(entries: Iterable<Entry>): void {
    const error = () => this.exitError();
    for (const { wait } of entries) {
      try {
        wait?.abandon(error);
      } catch (thrown) {
        this.#reportThrown("A wait", thrown);
      }
    }
  }

  #fireAbort(abort: AbortController): void {
    // Run listeners as code of the dead process, not of the process that ended it.
    const fire = () =>
      withoutStrayErrors(
        () => abort.abort(this.exitError()),
        (thrown) =>
          this.#reportThrown("A listener of the abort signal", thrown),
      );
    if (this.shell) outside(fire);
    else runInside(this, fire);
  }

  #reportThrown(what: string, error: unknown): void {
    this.runtime.log.report(
      "error",
      () =>
        `${what} of ${this.pid}, which has exited, threw: ${formatExit(error)}`,
      { what: "errors of processes that have exited", peer: this.cold?.origin },
    );
  }

  /** Sends a message to a pid; a process of this node receives a copy, or the message itself if `isCopy`. */
  send(to: Pid, message: unknown, isCopy = false): Backpressure {
    const runtime = this.runtime;
    if (to.node === runtime.node) {
      return runtime.local.send(
        this.pid,
        to,
        isCopy ? message : copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.signalsTo(to.node, "by_pid").send(this.pid, to, message);
  }

  /** Sends a message to a name of this node or another. */
  sendName(name: string, node: string, message: unknown): Backpressure {
    const runtime = this.runtime;
    if (node === runtime.node) {
      return runtime.local.sendName(
        this.pid,
        name,
        copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.signalsTo(node, "by_name").sendName(this.pid, name, message);
  }

  sendAlias(alias: Ref, message: unknown): Backpressure {
    const runtime = this.runtime;
    if (alias.node === runtime.node) {
      return runtime.local.sendAlias(
        this.pid,
        alias,
        copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.signalsTo(alias.node, "by_pid").sendAlias(
      this.pid,
      alias,
      message,
    );
  }

  /** Answers a call, or sends a task's result. */
  reply(to: ReplyTarget, value: unknown): void {
    const runtime = this.runtime;
    const { node } = to;
    if (node === runtime.node) {
      runtime.local.reply(this.pid, to, copyTerm(value, runtime.maxDepth));
    } else runtime.watchers.reply(runtime.signalsTo(node), this.pid, to, value);
  }

  /** Replies to a call whose caller's node may not be connected, because the call was sent to another node. */
  replyAnywhere(to: ReplyTarget, value: unknown): void {
    const { node } = to;
    const { runtime } = this;
    if (node === runtime.node) return this.reply(to, value);
    runtime.watchers.reply(
      runtime.signalsTo(node, "by_pid"),
      this.pid,
      to,
      value,
    );
  }

  link(to: Pid): void {
    if (to.equals(this.pid)) return;
    const { runtime } = this;
    if (
      to.node === runtime.node && !this.trapExit &&
      runtime.find(to) === undefined
    ) {
      throw new NoProcessError(
        `Cannot link to ${to}: no such process is alive here`,
      );
    }
    const known = this.links?.get(to);
    if (known !== undefined && known.unlinking === 0) return;
    if (known !== undefined) known.unlinking = 0;
    else this.addLink(to);
    runtime.signalsTo(to.node, "by_pid").link(this.pid, to);
  }

  /**
   * Adds a link that the other end has already.
   *
   * @param held Whether the link counts towards the peer's quota.
   * @param awaitsExit Whether the exit of the other process is awaited as well. The shell process, which all code
   *   outside any process shares, then survives that exit.
   */
  addLink(to: Pid, held = false, awaitsExit = false): void {
    const spares = awaitsExit && this.shell;
    this.links ??= new LinkTable(this.runtime);
    this.links.set({ pid: to, unlinking: 0, held, survivesExit: spares });
  }

  /** Removes a link, and sends nothing. */
  dropLink(link: Link): void {
    this.links!.delete(link);
    this.releaseLink(link);
  }

  /** Takes a removed link off the peer's quota. */
  releaseLink({ held, pid }: Link): void {
    if (held) this.runtime.quotas.release(pid.node, "links");
  }

  /** Returns the processes that it is linked to. */
  activeLinks(): Pid[] {
    return [...this.links?.values() ?? []]
      .filter(({ unlinking }) => unlinking === 0).map(({ pid }) => pid);
  }

  /** Sets whether exit signals become messages, also for the process that it stands in for. */
  setTrapExit(on: boolean): void {
    this.trapExit = on;
    const standsFor = this.cold?.standsFor;
    if (standsFor !== undefined) standsFor.trapExit = on;
  }

  /** Ends a link: no signal arrives over it from now on. */
  unlink(to: Pid): void {
    const link = this.links?.get(to);
    if (link === undefined) return this.cold?.standsFor?.unlink(to);
    if (link.unlinking !== 0) return;
    link.unlinking = this.runtime.nextUnlinkId();
    this.runtime.signalsTo(to.node).unlink(this.pid, to, link.unlinking);
  }

  /** Starts a monitor. With `alias`, the reference is an alias too; with `wait`, the reference is awaited. */
  monitor(
    object: Place,
    alias?: AliasMode,
    wait?: Wait,
    ref: Ref = this.runtime.makeRef(),
  ): Ref {
    const { node } = object;
    const target = object instanceof Pid ? object : object.name;
    const isOwn = typeof target === "string"
      ? target === this.name && node === this.runtime.node
      : this.pid.equals(target);
    // As in Erlang, a monitor of the process itself has no effect, and its reference is no alias.
    if (isOwn) return ref;
    this.watch(new RefEntry(this, ref, target, node, alias, wait));
    return ref;
  }

  /** Starts the monitor of a new entry. The monitor of a call ends with the reply, at both ends. */
  watch(entry: Entry, isCall = false): void {
    const { runtime } = this;
    const { node, ref } = entry;
    const target = entry.target!;
    const isNamed = typeof target === "string";
    this.addEntry(entry);
    const watched = isNamed || node !== runtime.node
      ? undefined
      : runtime.find(target);
    if (watched === undefined) {
      runtime.signalsTo(node, isNamed ? "by_name" : "by_pid").monitor(
        this.pid,
        target,
        ref,
        isCall,
      );
    } else (watched.watchers ??= new SmallMap()).set(ref.number, entry);
  }

  /** Adds an entry to its table, in place of an earlier one. */
  addEntry(entry: Entry): void {
    const { number } = entry.ref;
    (this.entries ??= new SmallMap()).set(number, entry);
    if (entry.alias !== undefined) this.runtime.aliases.set(number, entry);
  }

  /** Ends what a reference is: monitor, alias and wait. */
  release(ref: Ref): void {
    const entry = this.entries?.get(ref.number);
    if (entry !== undefined) this.releaseEntry(entry);
  }

  /** Ends what the reference of an entry is; later signals with the reference are dropped. */
  releaseEntry(entry: Entry): void {
    const { ref, target } = entry;
    this.#endAlias(entry);
    entry.target = entry.wait = undefined;
    this.removeIfUnused(entry);
    if (target !== undefined) endMonitor(this, ref, target, entry.node);
  }

  #endAlias(entry: Entry): void {
    if (entry.alias === undefined) return;
    entry.alias = undefined;
    this.runtime.aliases.delete(entry.ref.number);
  }

  /** Removes an entry from the table if its reference is nothing any more. */
  removeIfUnused({ ref, target, alias, wait }: Entry): void {
    if (target === undefined && alias === undefined && wait === undefined) {
      this.entries?.delete(ref.number);
    }
  }

  /** Adds a monitor that the other end has already. */
  addMonitor(ref: Ref, target: Target, node: string): void {
    const entry = this.entries?.get(ref.number);
    if (entry === undefined) {
      this.addEntry(new RefEntry(this, ref, target, node));
    } else {
      entry.target = target;
      entry.node = node;
    }
  }

  monitors(): (Entry & Monitor)[] {
    return [...this.entries?.values() ?? []].filter(isMonitor);
  }

  monitored(): Place[] {
    return this.monitors().map(monitoredObject);
  }

  /**
   * Whether a DOWN with this reference may be genuine, as no monitor with it is active: any process can send such a
   * message.
   */
  isDown(ref: unknown): ref is Ref {
    if (this.#isOfOther(ref)) return this.cold!.standsFor!.isDown(ref);
    return ref instanceof Ref && ref.node === this.runtime.node &&
      ref.creation === this.runtime.creation &&
      this.entries?.get(ref.number)?.target === undefined;
  }

  /** Ends a monitor: no DOWN arrives from now on. */
  demonitor(ref: Ref): boolean {
    if (this.#isOfOther(ref)) return this.cold!.standsFor!.demonitor(ref);
    const entry = this.entries?.get(ref.number);
    if (entry === undefined) return false;
    const { target } = entry;
    entry.target = undefined;
    if (entry.alias !== "explicit_unalias") this.#endAlias(entry);
    this.removeIfUnused(entry);
    if (target === undefined) return false;
    endMonitor(this, entry.ref, target, entry.node);
    return true;
  }

  /** Ends an alias: later messages to it are dropped. */
  unalias(ref: Ref): boolean {
    if (this.#isOfOther(ref)) return this.cold!.standsFor!.unalias(ref);
    const entry = this.entries?.get(ref.number);
    if (entry?.alias === undefined) return false;
    this.#endAlias(entry);
    this.removeIfUnused(entry);
    return true;
  }

  /** Whether a reference was made by the process that this one stands in for. */
  #isOfOther(ref: unknown): boolean {
    return this.cold?.standsFor !== undefined && ref instanceof Ref &&
      ref.node === this.cold?.standsFor.pid.node;
  }

  /** Waits for the answer under a reference, which may be a monitor; with `alias`, it becomes an alias too. */
  await(ref: Ref, wait: Wait, alias?: AliasMode): void {
    const before = this.entries?.get(ref.number);
    const { target, node } = before ?? {};
    // A new entry, because the earlier one may be a call, which holds its request.
    if (before !== undefined) {
      before.target = before.alias = before.wait = undefined;
    }
    this.addEntry(new RefEntry(this, ref, target, node, alias, wait));
  }
}

function isMonitor(entry: Entry): entry is Entry & Monitor {
  return entry.target !== undefined;
}

function resolveIfAlive({ alive }: LocalProcess, resolve: () => void): void {
  if (alive) resolve();
}

/** Ends a monitor at its target; a monitor on the pid of a process of this node is in no index. */
export function endMonitor(
  { runtime, pid }: { runtime: Runtime; pid: Pid },
  ref: Ref,
  target: Target,
  node: string,
): void {
  if (node !== runtime.node || typeof target === "string") {
    runtime.signalsTo(node).demonitor(pid, ref, target);
  } else runtime.find(target)?.watchers?.delete(ref.number);
}
