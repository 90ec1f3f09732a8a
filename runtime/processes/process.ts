/**
 * One process: its state, and the signals that it sends.
 *
 * @module
 */

import { ExitError, NoProcessError, ProcessExited } from "../values/errors.ts";
import { outside, runInside } from "../context/async_context.ts";
import { answersNow, goesOn, later, Pace } from "../scheduling/scheduler.ts";
import { FewMap } from "../collections/small_map.ts";
import { type Guard, Mailbox, type MailboxHost } from "./mailbox.ts";
import { Pid, Ref } from "../values/pid.ts";
import type { Runtime } from "../runtime.ts";
import type {
  Backpressure,
  MonitoredObject,
  SpawnResult,
  Target,
} from "../signals/signal.ts";
import { copyTerm } from "../values/term.ts";
import { formatExit } from "../values/exit_reason.ts";
import { withoutStrayErrors } from "../host/unhandled_errors.ts";
import { termKey } from "../values/term_key.ts";
import type { Timer } from "./timers.ts";

/** A key that two pids share when they name the same process. */
export type Key = number | string;

/** The key of a pid or reference, as seen from a node. */
export function keyOf(of: Pid | Ref, runtime: Runtime): Key {
  return of.node === runtime.node && of.creation === runtime.creation
    ? of.number
    : `${of.number}.${of.creation}.${of.node}`;
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

/** A monitor of this process's. */
export interface Monitor {
  /** Its reference. */
  ref: Ref;
  /** What it watches, and where. */
  target: Target;
  /** The node of the target. */
  node: string;
}

/** A monitor's target as a DOWN has it. */
export function monitoredObject({ target, node }: Monitor): MonitoredObject {
  return typeof target === "string" ? { name: target, node } : target;
}

/** Somebody's monitor on this process. */
export interface Watcher {
  /** Who watches. */
  pid: Pid;
  /** Under which reference. */
  ref: Ref;
}

/** Where the dictionary keeps the label that a process has given itself, as in OTP. */
export const PROCESS_LABEL = "$process_label";

/** When an alias ends by itself. */
export type AliasMode = "explicit_unalias" | "demonitor" | "reply_demonitor";

/** Something that a process waits for by reference: a reply, a DOWN, a spawn's result. */
export interface Wait {
  /** The node that it is awaited from. */
  readonly node: string;
  /** Whether the reply may come from another node: who is asked may leave the answer to others. */
  readonly isOpen?: boolean;
  /** The one process that the reply may come from, where it is known. */
  readonly by?: Pid;
  /** Whether it learns of the end of the spawned process by itself, so that the link need not tell. */
  readonly tellsEnd?: boolean;
  /** A reply came to the alias. */
  reply(value: unknown, ref: Ref): void;
  /** What the reference monitors has ended. */
  down(object: MonitoredObject, reason: unknown, ref: Ref): void;
  /** The spawn request of that reference was answered, or its node is down (`undefined`). */
  spawned?(result: SpawnResult | undefined): void;
  /** The waiting process has exited. */
  abandon(error: () => unknown): void;
}

/** A process as another one's ancestor: its name, where it had one, or its pid. */
export type Ancestor = Pid | string;

/** What a server was at when it failed. */
export interface CrashContext {
  /** The message that it was dealing with. */
  lastMessage?: unknown;
  /** Who sent it, if it was a call. */
  client?: Pid;
  /** Its state before that message. */
  state?: unknown;
}

/** What is known of a server or a task besides what every process has: OTP's `proc_lib` notes it so. */
export interface Lineage {
  /** Which of the two it is. */
  readonly kind: "server" | "task";
  /** Who started it, who started that one, and so on: nearest first. */
  readonly ancestors: readonly Ancestor[];
  /** On whose behalf it runs, nearest first. */
  readonly callers: Pid[];
  /** Whether it is being started: of an exit its starter learns then, and not the log. */
  starting?: boolean;
  /** What it was at when it failed; noted by a server as it ends. */
  context?: CrashContext;
}

/** How a process is started. */
export interface ProcessOptions {
  /** The group leader; a process without a parent leads itself. */
  groupLeader?: Pid;
  /** Who started it. */
  parent?: Pid;
  /** Set for a server or task, whose every abnormal end is told. */
  kind?: Lineage["kind"];
  /** Of a task: the processes that asked for the work, nearest first, Elixir's `$callers`. */
  callers?: Pid[];
  /** What it runs, in words. */
  label?: string;
  /** The node that it is started for. */
  origin?: string;
}

/** The state of one process. */
export class Process implements MailboxHost {
  /** The process's name among all nodes. */
  readonly pid: Pid;
  /** The node that it is on. */
  readonly runtime: Runtime;
  /** Where its output goes. */
  groupLeader: Pid;
  /** Who started it. */
  readonly parent: Pid | undefined;
  /** What is known of it if it is a server or a task. */
  readonly lineage: Lineage | undefined;
  /** What it runs, in words. */
  readonly label: string | undefined;
  /** The other node that it was started for, if it was. */
  readonly origin: string | undefined;
  /** Whether exit signals become messages. */
  trapExit = false;
  /** Whether it is a shell: its waits then end with the exit itself. */
  shell = false;
  /** False from the moment that it exits. */
  alive = true;
  /** Why it exited. */
  exitReason: unknown = undefined;
  /** The name that it is registered under. */
  name: string | undefined = undefined;
  /** Its mail, which it shares with its stand-in. */
  mailbox: Mailbox = new Mailbox();
  /** How its steps are paced. */
  readonly pace: Pace = new Pace();
  /** The process of another node of this program that its code runs as; see `stand_in.ts`. */
  standIn: Process | undefined = undefined;
  /** The process of the node that is not started that it stands in for. */
  standsFor: Process | undefined = undefined;
  /** Its links, by the other end. */
  links: FewMap<Key, Link> | undefined = undefined;
  /** Its monitors, by reference number. */
  monitors: FewMap<number, Monitor> | undefined = undefined;
  /** Monitors on it, by reference. */
  watchers: FewMap<Key, Watcher> | undefined = undefined;
  /** Its active aliases, by reference number. */
  aliases: FewMap<number, AliasMode> | undefined = undefined;
  /** How often it monitors each node. */
  nodeMonitors: Map<string, number> | undefined = undefined;
  /** How many times it is told of each visible node that comes or goes. */
  watchesNodes = 0;
  /** What it awaits, by reference number. */
  waits: FewMap<number, Wait> | undefined = undefined;
  /** What it keeps for itself, by the key's key: its dictionary. */
  dictionary: Map<unknown, { key: unknown; value: unknown }> | undefined =
    undefined;
  /** Messages that are to be sent to it. */
  timers: Set<Timer> | undefined = undefined;
  #abort: AbortController | undefined = undefined;

  /** Made by `Runtime.spawn`. */
  constructor(runtime: Runtime, number: number, options: ProcessOptions) {
    this.runtime = runtime;
    this.pid = new Pid(runtime.node, number, runtime.creation);
    this.groupLeader = options.groupLeader ?? this.pid;
    this.parent = options.parent;
    this.lineage = options.kind === undefined
      ? undefined
      : lineageOf(options.kind, options, runtime);
    this.label = options.label;
    this.origin = options.origin === runtime.node ? undefined : options.origin;
  }

  /** The label that it has given itself. */
  get ownLabel(): unknown {
    return this.dictionary?.get(termKey(PROCESS_LABEL))?.value;
  }

  /** On whose behalf it runs, nearest first. */
  get callers(): Pid[] | undefined {
    return this.lineage?.callers;
  }

  /** @throws {ProcessExited} If the process has exited. */
  assertAlive(): void {
    if (!this.alive) throw new ProcessExited(this.exitReason);
  }

  test(guard: Guard, message: unknown): boolean {
    return runInside(this, guard, message);
  }

  after(ms: number, fn: () => void): () => void {
    return this.runtime.after(ms, fn);
  }

  /**
   * Settles what the process awaits: at once, or when it is its turn.
   *
   * @param wait It is abandoned instead, if the process exits before that.
   */
  resume(wait: Pick<Wait, "abandon">, settle: () => void): void {
    if (answersNow(this.pace)) return settle();
    later(this.pace, () => {
      if (this.alive) settle();
      else wait.abandon(() => this.exitError());
    });
  }

  /** Counts a step that the process makes by itself; a promise, if it is not its turn yet. */
  turn(): Promise<void> | undefined {
    if (goesOn(this.pace)) return undefined;
    return new Promise((resolve) => {
      later(this.pace, () => {
        if (this.alive) resolve();
      });
    });
  }

  /** An abort signal that fires when the process exits. */
  abortSignal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** What it keeps for other nodes, as a server: how many entries for each. */
  entries: Map<string, number> | undefined;

  /** Keeps something more for a node, under a key; false if it may not, and that has been refused. */
  keepFor(node: string, characters = 0): boolean {
    if (node === this.runtime.node) return true;
    if (!this.alive || !this.runtime.holdEntry(node, characters)) return false;
    this.entries ??= new Map();
    this.entries.set(node, (this.entries.get(node) ?? 0) + 1);
    return true;
  }

  /** Keeps something less for a node. */
  dropFor(node: string): void {
    const kept = this.entries?.get(node);
    if (kept === undefined) return;
    if (kept > 1) this.entries!.set(node, kept - 1);
    else this.entries!.delete(node);
    this.runtime.holdings.release(node, "entries");
  }

  /** Keeps nothing any more. */
  dropAll(): void {
    for (const [node, kept] of this.entries ?? []) {
      for (let i = 0; i < kept; i++) this.dropFor(node);
    }
  }

  /** The error that the process's waits end with. */
  exitError(): Error {
    return this.shell
      ? new ExitError(this.exitReason)
      : new ProcessExited(this.exitReason);
  }

  /** Ends what the process itself waits for; the runtime has told the others. */
  close(): void {
    const error = () => this.exitError();
    this.mailbox.close(error);
    const waits = this.waits;
    this.waits = undefined;
    if (waits !== undefined) {
      for (const wait of waits.values()) {
        try {
          wait.abandon(error);
        } catch (thrown) {
          this.#reportThrown("A wait", thrown);
        }
      }
    }
    const abort = this.#abort;
    if (abort === undefined) return;
    // Listeners are the dead process's code, not that of whoever ended it.
    const fire = () =>
      withoutStrayErrors(
        () => abort.abort(error()),
        (thrown) =>
          this.#reportThrown("A listener of the abort signal", thrown),
      );
    if (this.shell) outside(fire);
    else runInside(this, fire);
  }

  #reportThrown(what: string, error: unknown): void {
    this.runtime.report(
      "error",
      () =>
        `${what} of ${this.pid}, which has exited, threw: ${formatExit(error)}`,
      { what: "errors of processes that have exited", peer: this.origin },
    );
  }

  /** Sends a message to a pid; to this node's processes goes a copy. */
  send(to: Pid, message: unknown): Backpressure {
    const runtime = this.runtime;
    if (to.node === runtime.node) {
      return runtime.send(
        this.pid,
        to,
        copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.route(to.node).send(this.pid, to, message);
  }

  /** Sends a message to a name of this node or another. */
  sendName(name: string, node: string, message: unknown): Backpressure {
    const runtime = this.runtime;
    if (node === runtime.node) {
      return runtime.sendName(
        this.pid,
        name,
        copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.route(node).sendName(this.pid, name, message);
  }

  /** Sends a message to an alias. */
  sendAlias(alias: Ref, message: unknown): Backpressure {
    const runtime = this.runtime;
    if (alias.node === runtime.node) {
      return runtime.sendAlias(
        this.pid,
        alias,
        copyTerm(message, runtime.maxDepth),
      );
    }
    return runtime.route(alias.node).sendAlias(this.pid, alias, message);
  }

  /** Answers a call, or gives a task's result. */
  reply(alias: Ref, value: unknown): void {
    const runtime = this.runtime;
    if (alias.node === runtime.node) {
      runtime.reply(this.pid, alias, copyTerm(value, runtime.maxDepth));
    } else runtime.back(alias.node).reply(this.pid, alias, value);
  }

  /** Links this process to another. */
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
    const key = keyOf(to, runtime);
    const known = this.links?.get(key);
    if (known !== undefined && known.unlinking === 0) return;
    if (known !== undefined) known.unlinking = 0;
    else this.addLink(to);
    runtime.route(to.node).link(this.pid, to);
  }

  /**
   * Notes a link that the other end knows of already.
   *
   * @param held Whether it counts as a peer's.
   * @param tellsEnd Whether the end of the other one is awaited as well: the shell process, which all
   *   code outside any process shares, then survives it.
   */
  addLink(to: Pid, held = false, tellsEnd = false): void {
    const spares = tellsEnd && this.shell;
    this.links ??= new FewMap();
    this.links.set(keyOf(to, this.runtime), {
      pid: to,
      unlinking: 0,
      held,
      spares,
    });
  }

  /** What it is linked to. */
  activeLinks(): Pid[] {
    return [...this.links?.values() ?? []]
      .filter(({ unlinking }) => unlinking === 0).map(({ pid }) => pid);
  }

  /** Sets whether exit signals become messages, also those that come to the process it stands in for. */
  setTrapExit(on: boolean): void {
    this.trapExit = on;
    if (this.standsFor !== undefined) this.standsFor.trapExit = on;
  }

  /** Ends a link: from here on nothing comes over it. */
  unlink(to: Pid): void {
    const link = this.links?.get(keyOf(to, this.runtime));
    if (link === undefined) return this.standsFor?.unlink(to);
    if (link.unlinking !== 0) return;
    link.unlinking = this.runtime.nextUnlinkId();
    this.runtime.back(to.node).unlink(this.pid, to, link.unlinking);
  }

  /** Starts a monitor; with a mode, its reference is an alias too, and with a wait, awaited. */
  monitor(
    target: Target,
    node: string,
    mode?: AliasMode,
    wait?: Wait,
    ref: Ref = this.runtime.makeRef(),
  ): Ref {
    const isOwn = typeof target === "string"
      ? target === this.name && node === this.runtime.node
      : this.pid.equals(target);
    // As in Erlang, a monitor of oneself is none, and its reference no alias.
    if (isOwn) return ref;
    if (mode !== undefined) this.addAlias(ref, mode);
    if (wait !== undefined) this.await(ref, wait);
    this.addMonitor(ref, target, node);
    this.runtime.route(node).monitor(this.pid, target, ref);
    return ref;
  }

  /** Notes a monitor that the other end knows of already. */
  addMonitor(ref: Ref, target: Target, node: string): void {
    this.monitors ??= new FewMap();
    this.monitors.set(ref.number, { ref, target, node });
  }

  /** What it monitors. */
  monitored(): MonitoredObject[] {
    return [...this.monitors?.values() ?? []].map(monitoredObject);
  }

  /** Whether what looks like the DOWN of a monitor of its own may be that: anybody can send such a message. */
  isDown(ref: unknown): ref is Ref {
    if (this.#isOfOther(ref)) return this.standsFor!.isDown(ref);
    return ref instanceof Ref && ref.node === this.runtime.node &&
      ref.creation === this.runtime.creation &&
      !this.monitors?.has(ref.number);
  }

  /** Ends a monitor; a DOWN that has not come will not come. */
  demonitor(ref: Ref): boolean {
    if (this.#isOfOther(ref)) return this.standsFor!.demonitor(ref);
    const monitor = this.monitors?.get(ref.number);
    const mode = this.aliases?.get(ref.number);
    if (mode !== undefined && mode !== "explicit_unalias") this.unalias(ref);
    if (monitor === undefined) return false;
    this.monitors!.delete(ref.number);
    this.runtime.endMonitor(this.pid, monitor);
    return true;
  }

  /** Makes a reference an alias of this process. */
  addAlias(ref: Ref, mode: AliasMode): void {
    this.aliases ??= new FewMap();
    this.aliases.set(ref.number, mode);
    this.runtime.aliases.set(ref.number, this);
  }

  /** Ends an alias: what is sent to it from now on is dropped. */
  unalias(ref: Ref): boolean {
    if (this.#isOfOther(ref)) return this.standsFor!.unalias(ref);
    if (!this.aliases?.delete(ref.number)) return false;
    this.runtime.aliases.delete(ref.number);
    return true;
  }

  /** Whether a reference was made by the process that it stands in for. */
  #isOfOther(ref: unknown): boolean {
    return this.standsFor !== undefined && ref instanceof Ref &&
      ref.node === this.standsFor.pid.node;
  }

  /** Waits for what comes under a reference. */
  await(ref: Ref, wait: Wait): void {
    this.waits ??= new FewMap();
    this.waits.set(ref.number, wait);
  }

  /** Stops waiting; gives back whether anything was awaited. */
  unawait(ref: Ref): boolean {
    return this.waits?.delete(ref.number) ?? false;
  }
}

function lineageOf(
  kind: Lineage["kind"],
  { parent, callers = [] }: ProcessOptions,
  runtime: Runtime,
): Lineage {
  const starter = parent && runtime.find(parent);
  // As in Elixir, a task knows who started it by pid, and a server by name.
  const name = kind === "task" ? undefined : starter?.name;
  const ancestors: Ancestor[] = parent === undefined ? [] : [name ?? parent];
  const before = starter?.lineage?.ancestors;
  // A spread leaves room for more, in each process.
  return {
    kind,
    ancestors: before === undefined ? ancestors : ancestors.concat(before),
    callers,
  };
}
