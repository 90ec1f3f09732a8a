/**
 * Processes: spawn, send and receive, links and monitors, names, exits.
 *
 * Functions of Elixir's [Kernel](https://hexdocs.pm/elixir/1.18/Kernel.html) are plain functions here:
 * `self`, `send`, `receive`, `spawn`, `spawnLink`, `spawnMonitor`, `exit`, `makeRef`. Functions of its
 * [Process](https://hexdocs.pm/elixir/1.18/Process.html) are static methods of {@linkcode Process}.
 *
 * @module
 */

import { NoProcessError } from "./errors.ts";
import {
  type Destination,
  type DownMessage,
  type NameOnNode,
  send,
} from "./kernel.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/current_process.ts";
import { type LocalProcess, PROCESS_LABEL } from "./process/local_process.ts";
import { RefEntry } from "./process/links_and_monitors.ts";
import { askInfo, infoOf, type ProcessInfo } from "./process/process_info.ts";
import { isFull } from "./signals/signal.ts";
import {
  awaiting,
  checkOptions,
  checkPid,
  checkRef,
  checkValue,
  FLAG,
  isName,
  oneOf,
  TIMEOUT,
} from "./values/check_arguments.ts";
import { type OptionChecks, typeError } from "./values/options.ts";
import { promised } from "./promises/promises.ts";
import { inspect, quote } from "./values/inspect.ts";
import { type Message, Pid, Ref } from "./values/pid.ts";
import { type Atom, nameOf } from "./values/atom.ts";
import { remoteNameOf } from "./values/beam_names.ts";
import { ReplyTo } from "./values/reply_to.ts";
import { copyTerm, REASON_LEVELS } from "./values/term.ts";
import { keyToKeep, termKey } from "./values/term_key.ts";

export * from "./kernel.ts";

export type { Atom } from "./values/atom.ts";
export type { AliasMode } from "./process/links_and_monitors.ts";
export type { Ancestor } from "./values/lineage.ts";
export type { ProcessInfo, ReplyTo };

/** Options for {@linkcode send}. */
export interface SendOptions {
  /**
   * Does not send if that would need a new connection; the result is then `"noconnect"`.
   *
   * @default {false}
   */
  noconnect?: boolean;
  /**
   * Does not send if the connection's buffer is full and the sender would have to wait; the result is then
   * `"nosuspend"`.
   *
   * @default {false}
   */
  nosuspend?: boolean;
}

const SEND_OPTIONS: OptionChecks<SendOptions> = {
  noconnect: FLAG,
  nosuspend: FLAG,
};

/** The result of {@linkcode Process.send}: whether the message was sent. */
export type SendResult = "ok" | "noconnect" | "nosuspend";

/** Options for {@linkcode Process.monitor}. */
export interface MonitorOptions {
  /**
   * Makes the reference an alias as well: until `unalias`, until the monitor ends, or until the first reply.
   *
   * @default {undefined}
   */
  alias?: "explicit_unalias" | "demonitor" | "reply_demonitor";
}

const MONITOR_OPTIONS: OptionChecks<MonitorOptions> = {
  alias: oneOf("explicit_unalias", "demonitor", "reply_demonitor"),
};

/** Options for {@linkcode Process.demonitor}. */
export interface DemonitorOptions {
  /**
   * Also removes a DOWN that has already arrived.
   *
   * @default {false}
   */
  flush?: boolean;
}

const DEMONITOR_OPTIONS: OptionChecks<DemonitorOptions> = { flush: FLAG };

/** Options for {@linkcode Process.alias}. */
export interface AliasOptions {
  /**
   * Ends the alias at the first reply.
   *
   * @default {false}
   */
  reply?: boolean;
}

const ALIAS_OPTIONS: OptionChecks<AliasOptions> = { reply: FLAG };

/** A value in the dictionary of a process. */
export interface DictionaryEntry {
  /** The argument of `Process.put` that identifies the entry. */
  key: unknown;
  /** The value under the key. */
  value: unknown;
}

/** Options for {@linkcode Process.getKeys}. */
export interface GetKeysOptions {
  /**
   * Returns only the keys with this value. Values are compared by their contents, as messages are.
   *
   * @default {undefined}
   */
  value?: unknown;
}

const GET_KEYS_OPTIONS: OptionChecks<GetKeysOptions> = { value: true };

/** Options for {@linkcode Process.info}. */
export interface ProcessInfoOptions {
  /**
   * Whether to copy the messages in the mailbox as well, which takes time in proportion to their number.
   *
   * @default {false}
   */
  messages?: boolean;
}

/** Options for {@linkcode Process.info} of a process of any node. */
export interface RemoteProcessInfoOptions {
  /** Asks the process's node if that is another node. */
  remote: true;
  /**
   * The timeout for the other node's answer, in milliseconds.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * Not available for other nodes: messages are not copied between nodes.
   *
   * @default {undefined}
   */
  messages?: undefined;
}

const INFO_OPTIONS: OptionChecks<
  ProcessInfoOptions & RemoteProcessInfoOptions
> = { messages: FLAG, remote: FLAG, timeout: TIMEOUT };

/** Options for {@linkcode Process.list}. */
export interface ProcessListOptions {
  /**
   * Whether to return the information of {@linkcode Process.info} for each process.
   *
   * @default {false}
   */
  info?: boolean;
}

const LIST_OPTIONS: OptionChecks<ProcessListOptions> = { info: FLAG };

/** Options for {@linkcode Process.sendAfter}. */
export interface SendAfterOptions {
  /**
   * Whether the time is a point in time on the clock of {@linkcode Process.monotonicTime}, and not a delay.
   * If it has passed, the message is sent at once.
   *
   * @default {false}
   */
  abs?: boolean;
}

const SEND_AFTER_OPTIONS: OptionChecks<SendAfterOptions> = { abs: FLAG };

/** Options for {@linkcode Process.cancelTimer}. */
export interface CancelTimerOptions {
  /**
   * Whether to reply by a message, a {@linkcode CancelTimerMessage}, instead of by the return value.
   *
   * @default {false}
   */
  async?: boolean;
  /**
   * Whether to report the remaining time.
   *
   * @default {true}
   */
  info?: boolean;
}

const CANCEL_TIMER_OPTIONS: OptionChecks<CancelTimerOptions> = {
  async: FLAG,
  info: FLAG,
};

/** The message that {@linkcode Process.cancelTimer} with `async` sends to its caller. */
export interface CancelTimerMessage {
  /** Always `"cancel_timer"`. */
  type: "cancel_timer";
  /** The timer's reference. */
  ref: Ref;
  /** The whole milliseconds that were left, or false if there was no such timer. */
  result: number | false;
}

/**
 * Processes: links and monitors, names, exit signals, timers, aliases, the process dictionary.
 *
 * Each function follows the function of the same name in Elixir's
 * [Process](https://hexdocs.pm/elixir/1.18/Process.html): `setLabel` is `Process.set_label/1`. See also the
 * [reference manual](https://www.erlang.org/doc/system/ref_man_processes.html). Code in a process needs no handle on it:
 * the functions apply to the calling process. Code outside any process runs in the shell process of the default node,
 * like the prompt of iex.
 */
export class Process {
  private constructor() {}

  /**
   * Sends a message as the function `send` does, unless that would need a new connection or a wait.
   *
   * @returns `"ok"` if the message was sent, otherwise the reason. Without `nosuspend`, a promise of `"ok"`
   *   while the connection's buffer is full; the message is sent, and the promise never rejects.
   *
   * @example Only where a connection is already there
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const far = { name: "printer", node: "kate@localhost" };
   * assertEquals(Process.send(far, "hi", { noconnect: true }), "noconnect");
   * ```
   */
  static send<M, T>(
    to: Destination<M>,
    message: Message<NoInfer<M>, T>,
    options: SendOptions & { nosuspend: true },
  ): SendResult;
  /**
   * Sends a message unless that would need a new connection.
   *
   * @returns `"ok"` if the message was sent, otherwise the reason; a promise while the connection's buffer is full.
   */
  static send<M, T>(
    to: Destination<M>,
    message: Message<NoInfer<M>, T>,
    options: SendOptions,
  ): SendResult | Promise<"ok">;
  static send(
    to: Destination,
    message: unknown,
    options: SendOptions,
  ): SendResult | Promise<"ok"> {
    checkOptions(options, "send", SEND_OPTIONS, "{ noconnect: true }");
    const { runtime, pid } = currentProcess();
    const node = nodeOf(to) ?? runtime.node;
    if (node !== runtime.node) {
      // Throws the same errors whether or not the message is sent.
      copyTerm(message, runtime.maxDepth);
      if (options.noconnect && !runtime.hasChannelTo(node)) return "noconnect";
      const isLearnt = to instanceof Pid || to instanceof Ref;
      const signals = runtime.signalsTo(node, isLearnt ? "by_pid" : "by_name");
      if (options.nosuspend && isFull(signals, pid)) return "nosuspend";
    }
    return send(to, message)?.then(() => "ok" as const) ?? "ok";
  }

  /**
   * Sends an exit signal to a process.
   *
   * `"kill"` cannot be trapped, and the process exits with `"killed"`. `"normal"` is ignored unless the process traps
   * exits or sends it to itself. Any other reason ends a process that does not trap exits.
   *
   * @returns True, whether or not the process exists.
   * @throws {TypeError} If the pid is invalid.
   * @throws {ProcessExited} If the signal ends the caller itself.
   * @throws {RangeError} If the reason is nested deeper than 56 levels: it becomes part of messages, which may have 64.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnMonitor } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const { pid } = spawnMonitor(() => receive());
   * Process.exit(pid, "kill");
   * assertEquals((await receive()).reason, "killed");
   * ```
   */
  static exit(pid: Pid, reason: unknown): true {
    const process = currentProcess();
    checkPid(pid, "send an exit signal to");
    process.runtime.signalsTo(pid.node, "by_pid").exit(
      process.pid,
      pid,
      copyTerm(reason, process.runtime.maxDepth - REASON_LEVELS),
    );
    // As in Erlang, a process that has ended itself by the signal does not continue.
    if (!process.shell) process.assertAlive();
    return true;
  }

  /**
   * Links the caller to a process: when one exits, the other receives an exit signal. Two processes have at
   * most one link.
   *
   * Linking to a dead process of another node results in an exit signal `"noproc"`; if the node cannot be
   * reached, in `"noconnection"`.
   *
   * @throws {NoProcessError} If the process is of this node and dead, and the caller does not trap exits.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawn } from "@otp/distribution/process";
   *
   * const pid = spawn(() => receive());
   * Process.link(pid);
   * Process.unlink(pid);
   * ```
   */
  static link(pid: Pid): true {
    checkPid(pid, "link to");
    currentProcess().link(pid);
    return true;
  }

  /**
   * Removes the link between the caller and a process: no exit signal is received over it from then on.
   *
   * @returns True, even if there was no link.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink } from "@otp/distribution/process";
   *
   * Process.unlink(spawnLink(() => receive()));
   * ```
   */
  static unlink(pid: Pid): true {
    checkPid(pid, "unlink from");
    currentProcess().unlink(pid);
    return true;
  }

  /**
   * Monitors a process or a name: when it exits, the caller receives one {@linkcode DownMessage}.
   *
   * Several monitors of one process are independent, each with its own message. The reason is `"noproc"` if
   * the process does not exist, and `"noconnection"` if its node is down or goes down. A process that
   * monitors itself receives no message, and the reference is not an alias.
   *
   * @example Usage
   * ```ts
   * import { Process, receive } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const ref = Process.monitor("nobody");
   * assertEquals((await receive((m) => ref.equals(m.ref))).reason, "noproc");
   * ```
   */
  static monitor(
    target: Pid | string | Atom | NameOnNode,
    options: MonitorOptions = {},
  ): Ref {
    const process = currentProcess();
    checkOptions(options, "monitor", MONITOR_OPTIONS, '{ alias: "demonitor" }');
    const { alias } = options;
    if (target instanceof Pid) return process.monitor(target, alias);
    if (isName(target)) {
      const { node } = process.runtime;
      return process.monitor({ name: nameOf(target), node }, alias);
    }
    if (!isName(target?.name) || !isName(target.node)) {
      throw new TypeError(
        `Cannot monitor ${
          inspect(target)
        }: give a pid, a name, or { name, node }${awaiting(target)}`,
      );
    }
    return process.monitor(
      { name: remoteNameOf(target.name), node: nameOf(target.node) },
      alias,
    );
  }

  /**
   * Ends a monitor: no DOWN arrives from then on.
   *
   * @returns Whether the monitor was active.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawn } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * const pid = spawn(() => receive());
   * assert(Process.demonitor(Process.monitor(pid), { flush: true }));
   * ```
   */
  static demonitor(ref: Ref, options: DemonitorOptions = {}): boolean {
    const process = currentProcess();
    checkRef(ref, "demonitor", "monitor returned");
    checkOptions(options, "demonitor", DEMONITOR_OPTIONS, "{ flush: true }");
    const found = process.demonitor(ref);
    if (options.flush) {
      process.mailbox.take((message) => {
        const down = message as DownMessage | null;
        return down?.type === "DOWN" && ref.equals(down.ref);
      });
    }
    return found;
  }

  /**
   * Sets whether exit signals become {@linkcode ExitMessage}s of the calling process.
   *
   * @returns The previous value.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Process.trapExit(true), false);
   * assertEquals(Process.trapExit(false), true);
   * ```
   */
  static trapExit(on: boolean): boolean {
    const process = currentProcess();
    checkValue(on, "set the flag", "trapExit", FLAG);
    const before = process.trapExit;
    process.setTrapExit(on);
    return before;
  }

  /**
   * Registers a process of this node under a name.
   *
   * @throws {NoProcessError} If the process is not alive here.
   * @throws {TypeError} If the name is taken, empty or `"undefined"`, or the process already has a name.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, self, send } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * Process.register(self(), "me");
   * send("me", 1);
   * assertEquals(await receive(), 1);
   * Process.unregister("me");
   * ```
   */
  static register(pid: Pid, name: string | Atom): true {
    const { runtime } = currentProcess();
    const text = nameOf(name);
    if (text === "undefined" || text === "") {
      throw new TypeError(
        `Cannot register ${quote(text)}: it is not a name; choose another`,
      );
    }
    checkPid(pid, `register ${quote(text)} for`);
    const target = runtime.find(pid);
    if (target === undefined) {
      throw new NoProcessError(
        `Cannot register ${
          quote(text)
        }: ${pid} is not a living process of ${runtime.node}`,
      );
    }
    if (!runtime.names.register(text, target)) {
      throw new TypeError(
        target.name === undefined
          ? `Cannot register ${quote(text)}: the name is taken by ${
            runtime.names.get(text)!.pid
          }`
          : `Cannot register ${quote(text)}: ${target.pid} is registered as ${
            quote(target.name)
          } already`,
      );
    }
    return true;
  }

  /**
   * Unregisters a name of this node.
   *
   * @throws {NoProcessError} If no process has the name.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * Process.register(self(), "here");
   * Process.unregister("here");
   * assertEquals(Process.whereis("here"), undefined);
   * ```
   */
  static unregister(name: string | Atom): true {
    if (!currentProcess().runtime.names.unregister(nameOf(name))) {
      throw new NoProcessError(
        `Cannot unregister ${quote(nameOf(name))}: no process has that name`,
      );
    }
    return true;
  }

  /**
   * Returns the process that has a name on this node.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Process.whereis("nobody"), undefined);
   * ```
   */
  static whereis(name: string | Atom): Pid | undefined {
    return currentProcess().runtime.names.get(nameOf(name))?.pid;
  }

  /**
   * Returns whether a process of this node is alive.
   *
   * @param pid A pid of this node.
   * @returns True from its spawn until it exits.
   * @throws {TypeError} If it is a pid of another node; monitor that process instead.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * assert(Process.alive(self()));
   * ```
   */
  static alive(pid: Pid): boolean {
    const { runtime } = currentProcess();
    checkPid(pid, "look for the process");
    if (pid.node !== runtime.node) {
      throw new TypeError(
        `Cannot tell whether ${pid} is alive: it is a process of ${pid.node}; monitor it instead`,
      );
    }
    return runtime.find(pid) !== undefined;
  }

  /**
   * Creates an alias of the calling process: an address that can be deactivated.
   *
   * A message to an inactive alias is dropped.
   *
   * @returns The alias, a destination for `send`.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, send } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const address = Process.alias();
   * send(address, 1);
   * assertEquals(await receive(), 1);
   * Process.unalias(address);
   * send(address, 2); // dropped
   * ```
   */
  static alias(options: AliasOptions = {}): Ref {
    const process = currentProcess();
    checkOptions(options, "make an alias", ALIAS_OPTIONS, "{ reply: true }");
    const ref = process.runtime.makeRef();
    const alias = options.reply ? "reply_demonitor" : "explicit_unalias";
    process.addEntry(new RefEntry(process, ref, undefined, "", alias));
    return ref;
  }

  /**
   * Deactivates an alias of the calling process.
   *
   * @returns Whether the alias was active.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * assert(Process.unalias(Process.alias()));
   * ```
   */
  static unalias(ref: Ref): boolean {
    checkRef(ref, "unalias", "alias or monitor returned");
    return currentProcess().unalias(ref);
  }

  /**
   * Replies to a request: the process that awaits the reference receives the value.
   *
   * Calls and requests to a group leader contain the reference for the reply, and from an Erlang node a tag as well.
   * A late or second reply is dropped. If the reference is an alias that its process does not await, the process
   * receives a `ReplyMessage`, or `{alias, value}` on an Elixir node.
   *
   * @param to The reference that came with the request, or the caller of a call.
   * @param value The reply; a copy is sent.
   * @throws {TypeError} If the value contains something that cannot be sent.
   *
   * @example A group leader that stores the output
   * ```ts
   * import { Process, receive, spawn } from "@otp/distribution/process";
   * import { IO } from "@otp/distribution/io";
   * import { assertEquals } from "@std/assert";
   *
   * const printed: string[] = [];
   * const leader = spawn(async () => {
   *   for (;;) {
   *     const { replyAs, request } = await receive();
   *     printed.push(request.chars);
   *     Process.reply(replyAs, "ok");
   *   }
   * });
   * await IO.puts("hi", { device: leader });
   * assertEquals(printed, ["hi\n"]);
   * ```
   */
  static reply(to: Ref | ReplyTo, value: unknown): void {
    if (!(to instanceof ReplyTo)) {
      checkRef(to, "reply to", "came with the request");
    }
    currentProcess().replyAnywhere(to, value);
  }

  /**
   * Returns an AbortSignal that is aborted when the calling process exits, for APIs that are unaware of processes.
   *
   * @returns The signal; its reason is the exit.
   *
   * @example Stop a request with its process
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Process.signal().aborted, false);
   * ```
   */
  static signal(): AbortSignal {
    return currentProcess().abortSignal();
  }

  /**
   * Suspends the calling process for a time, in milliseconds.
   *
   * @throws {ProcessExited} If the process exits during the wait.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   *
   * await Process.sleep(1);
   * ```
   */
  static sleep(ms: number): Promise<"ok"> {
    return promised(() => {
      checkValue(ms, "sleep", "the time", TIMEOUT);
      const process = waitingProcess();
      if (process === undefined) return never();
      return process.mailbox.sleep(ms, "ok" as const, process);
    });
  }

  /**
   * Returns the calling process's group leader, or, given a pid, sets it.
   *
   * The output of a process goes to its group leader, which may be on another node. Processes that it starts afterwards
   * inherit the group leader.
   *
   * @throws {TypeError} If the argument is not a pid.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * assert(Process.groupLeader(Process.groupLeader()).equals(Process.groupLeader()));
   * ```
   */
  static groupLeader(leader?: Pid): Pid;
  /**
   * Sets the group leader of another process, on this node or another.
   *
   * This is a signal, in order with the messages from the caller to the process. It is dropped if the process is on
   * another node and is dead or cannot be reached. {@linkcode Process.info} contains the group leader of a process of
   * this node.
   *
   * @throws {NoProcessError} If the process is on this node and is not alive.
   * @throws {TypeError} If an argument is not a pid.
   */
  static groupLeader(pid: Pid, leader: Pid): Pid;
  static groupLeader(...args: [Pid?] | [Pid, Pid]): Pid {
    const process = currentProcess();
    const { runtime } = process;
    const [pid, leader] = args.length < 2 ? [process.pid, args[0]] : args;
    if (args.length < 2 && leader === undefined) return process.groupLeader;
    if (!(leader instanceof Pid)) {
      throw new TypeError(
        `Cannot make ${inspect(leader)} the group leader: it is not a pid`,
      );
    }
    if (!(pid instanceof Pid)) {
      throw new TypeError(
        `Cannot set the group leader of ${
          inspect(pid)
        }: the first of two arguments is the pid of the process that is to have it`,
      );
    }
    if (pid.node === runtime.node && runtime.find(pid) === undefined) {
      throw new NoProcessError(
        `Cannot set the group leader of ${pid}: no such process is alive here`,
      );
    }
    runtime.signalsTo(pid.node, "by_pid").groupLeader(process.pid, pid, leader);
    return leader;
  }

  /**
   * Stores a value in the dictionary of the calling process, under a key; returns the previous value.
   *
   * The dictionary is private to the process and disappears with it. The value is stored as is, not copied, so it can
   * be one that cannot be sent.
   *
   * @param key Any value that can be sent; equal values are the same key.
   * @throws {TypeError} If the key contains something that cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Process.put("count", 1), undefined);
   * assertEquals(Process.put("count", 2), 1);
   * assertEquals(Process.get("count"), 2);
   * ```
   */
  static put(key: unknown, value: unknown): unknown {
    const process = currentProcess();
    const id = termKey(key, process.runtime.maxDepth);
    const dictionary = process.dictionary ??= new Map();
    const before = dictionary.get(id)?.value;
    dictionary.set(id, { key: copyTerm(key, process.runtime.maxDepth), value });
    return before;
  }

  /**
   * Returns all entries of the calling process's dictionary.
   *
   * @returns The entries, in the order in which their keys were first put.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * Process.put("colour", "red");
   * assertEquals(Process.get("colour"), "red");
   * assertEquals(Process.get("size", "none"), "none");
   * assertEquals(Process.get(), [{ key: "colour", value: "red" }]);
   * ```
   */
  static get(): DictionaryEntry[];
  /**
   * Returns a value of the calling process's dictionary.
   *
   * @typeParam T The value's type, which is not checked.
   * @param otherwise The result if the key is not present.
   * @throws {TypeError} If the key contains something that cannot be sent.
   */
  // deno-lint-ignore no-explicit-any
  static get<T = any>(key: unknown, otherwise?: T): T;
  static get(...args: [unknown?, unknown?]): unknown {
    const { dictionary, runtime } = currentProcess();
    if (args.length === 0) {
      return [...dictionary?.values() ?? []].map((entry) => ({ ...entry }));
    }
    const [key, otherwise] = args;
    const found = dictionary?.get(termKey(key, runtime.maxDepth));
    return found === undefined ? otherwise : found.value;
  }

  /**
   * Returns the keys of the calling process's dictionary.
   *
   * @returns The keys, in the order in which they were first put.
   * @throws {TypeError} If the value contains something that cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * Process.put("a", 1);
   * Process.put("b", 2);
   * assertEquals(Process.getKeys(), ["a", "b"]);
   * assertEquals(Process.getKeys({ value: 2 }), ["b"]);
   * ```
   */
  static getKeys(options: GetKeysOptions = {}): unknown[] {
    const { dictionary, runtime } = currentProcess();
    checkOptions(options, "get keys", GET_KEYS_OPTIONS, "{ value: 1 }");
    const entries = [...dictionary?.values() ?? []];
    if (!("value" in options)) return entries.map(({ key }) => key);
    const { maxDepth } = runtime;
    const wanted = termKey(options.value, maxDepth);
    return entries.filter(({ value }) => isEqual(value, wanted, maxDepth))
      .map(({ key }) => key);
  }

  /**
   * Deletes a key from the dictionary of the calling process; returns its value.
   *
   * @throws {TypeError} If the key contains something that cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * Process.put("colour", "red");
   * assertEquals(Process.delete("colour"), "red");
   * assertEquals(Process.delete("colour"), undefined);
   * ```
   */
  static delete(key: unknown): unknown {
    const { dictionary, runtime } = currentProcess();
    const id = termKey(key, runtime.maxDepth);
    const before = dictionary?.get(id)?.value;
    dictionary?.delete(id);
    return before;
  }

  /**
   * Labels the calling process, to distinguish it from others that run the same code.
   *
   * `info` and crash reports contain the label. Unlike a name, a label can be shared by any number of processes, and
   * cannot be used to find a process. As in Elixir, it is stored in the dictionary under `"$process_label"`.
   *
   * @param label Any value that can be sent; it is copied.
   * @throws {TypeError} If the label contains something that cannot be sent.
   * @throws {RangeError} If the label has more than 65,536 characters.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * Process.setLabel({ room: "lobby" });
   * assertEquals(Process.info()?.label, { room: "lobby" });
   * ```
   */
  static setLabel(label: unknown): "ok" {
    const { maxDepth } = currentProcess().runtime;
    keyToKeep(label, "label a process", maxDepth);
    Process.put(PROCESS_LABEL, copyTerm(label, maxDepth));
    return "ok";
  }

  /**
   * Returns information about a process of this node, for debugging.
   *
   * Pending waits are included: a pending call appears as a monitor. As in Elixir, it throws for a process of another
   * node; with `remote: true` it asks that node.
   *
   * @param pid The process; the caller by default.
   * @returns The current information, or `undefined` if the process is not alive.
   * @throws {TypeError} If `pid` is not a pid of this node.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, self, spawnLink } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = spawnLink(() => receive(), [], { label: "worker" });
   * const found = Process.info(pid);
   * assertEquals(found?.initialCall, "worker");
   * assertEquals(found?.links, [self()]);
   * ```
   */
  static info(pid?: Pid, options?: ProcessInfoOptions): ProcessInfo | undefined;
  /**
   * Returns information about a process of any node, as a call of `rpc.call` to that node.
   *
   * Every node answers unless its option `allow` refuses: `allow("alex@localhost", "Process", "info")`. The
   * answer contains no messages, and from a node of Erlang no monitors.
   *
   * @returns A promise of the information, or of `undefined` if the process is not alive. Rejects with `RpcError` if
   *   the node cannot be reached or does not answer, and with `SpawnRefusedError` if it refuses.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const found = await Process.info(self(), { remote: true });
   * assertEquals(found?.pid, self());
   * ```
   */
  static info(
    pid: Pid,
    options: RemoteProcessInfoOptions,
  ): Promise<ProcessInfo | undefined>;
  static info(
    pid?: Pid,
    options: ProcessInfoOptions | RemoteProcessInfoOptions = {},
  ): ProcessInfo | undefined | Promise<ProcessInfo | undefined> {
    const caller = currentProcess();
    const { runtime } = caller;
    checkOptions<ProcessInfoOptions | RemoteProcessInfoOptions>(
      options,
      "describe a process",
      INFO_OPTIONS,
      "{ messages: true }",
    );
    if ("remote" in options && options.remote) {
      return infoAnywhere(pid, options, caller);
    }
    if (pid === undefined) return infoOf(caller, caller, options);
    if (!(pid instanceof Pid) || pid.node !== runtime.node) {
      throw new TypeError(
        `Cannot describe ${
          inspect(pid)
        }: it is not a process of ${runtime.node}; ask on its own node, by await Process.info(pid, { remote: true })`,
      );
    }
    const process = runtime.find(pid);
    return process && infoOf(process, caller, options);
  }

  /**
   * Returns the live processes of this node, in the order of their start.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * assert(Process.list().some((pid) => pid.equals(self())));
   * ```
   */
  static list(): Pid[];
  /**
   * Returns information about each process of this node, in the order of their start.
   *
   * @example Usage
   * ```ts
   * import { Process, self, send } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * send(self(), "hi");
   * const full = Process.list({ info: true }).filter(({ messageQueueLen }) => messageQueueLen > 0);
   * assertEquals(full.map(({ pid }) => pid), [self()]);
   * ```
   */
  static list(options: ProcessListOptions & { info: true }): ProcessInfo[];
  /**
   * Returns the processes of this node, as pids or with information about each.
   */
  static list(options: ProcessListOptions): Pid[] | ProcessInfo[];
  static list(options: ProcessListOptions = {}): Pid[] | ProcessInfo[] {
    const caller = currentProcess();
    checkOptions(options, "list the processes", LIST_OPTIONS, "{ info: true }");
    const processes = [...caller.runtime.processes.values()];
    return options.info
      ? processes.map((process) => infoOf(process, caller, {}))
      : processes.map(({ pid }) => pid);
  }

  /**
   * Returns the registered names of this node.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * Process.register(self(), "me");
   * assert(Process.registered().includes("me"));
   * Process.unregister("me");
   * ```
   */
  static registered(): string[] {
    return [...currentProcess().runtime.names.keys()];
  }

  /**
   * Returns the processes on whose behalf the calling process runs: the caller that started this task, the
   * caller that started that one, and so on, nearest first.
   *
   * Elixir stores them as [`$callers`](https://hexdocs.pm/elixir/1.18/Task.html#module-ancestor-and-caller-tracking).
   * Ancestors are the processes that spawned this one; callers, in contrast, are also known across a `TaskSupervisor`
   * and across nodes.
   *
   * @returns The pids; empty in a process that is not a task.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Task.await(Task.async(() => Process.callers())), [self()]);
   * ```
   */
  static callers(): Pid[] {
    return [...currentProcess().callers ?? []];
  }

  /**
   * Sends a message after a delay, to a process of this node or to a name.
   *
   * The message is copied immediately, so later changes of it have no effect. A name is resolved when the timer
   * expires; if no process has it then, the message is dropped. A timer for a pid is cancelled when that process exits,
   * and is not started if the process is already dead. The message is sent even if the caller exits before. When the
   * node stops, its timers are cancelled.
   *
   * The message has no sender, so it is not ordered with the messages of the caller. Messages that are due at
   * the same time are sent in the order in which their timers were started. Like `setTimeout`, a timer keeps the
   * program running.
   *
   * @typeParam M The messages that the receiver accepts.
   * @param to A pid of this node, or a local name.
   * @param ms The delay in milliseconds, 0 or more; with `abs`, the point in time.
   * @returns The timer's reference, for {@linkcode Process.cancelTimer} and {@linkcode Process.readTimer}.
   * @throws {TypeError} If `to` is neither a name nor a pid of this node, the time is not a number, or the
   *   message contains something that cannot be sent.
   * @throws {RangeError} If the time is out of bounds.
   *
   * @example A reminder to oneself
   * ```ts
   * import { Process, receive, self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * Process.sendAfter(self(), { type: "tick" }, 10);
   * assertEquals(await receive(), { type: "tick" });
   * ```
   */
  static sendAfter<M, T>(
    to: Pid<M> | string | Atom,
    message: Message<NoInfer<M>, T>,
    ms: number,
    options: SendAfterOptions = {},
  ): Ref {
    const { runtime } = currentProcess();
    checkOptions(options, "send later", SEND_AFTER_OPTIONS, "{ abs: true }");
    if (to instanceof Pid ? to.node !== runtime.node : !isName(to)) {
      throw new TypeError(
        `Cannot send to ${
          inspect(to)
        } later: it is neither a process of ${runtime.node} nor a name; send to a process of this node, which can pass it on`,
      );
    }
    const isMoment = options.abs ?? false;
    if (!Number.isFinite(ms) || (ms < 0 && !isMoment)) {
      throw typeError(
        ms,
        `Cannot send ${isMoment ? "at" : "after"} ${inspect(ms)} ms: give ${
          isMoment
            ? "a moment, such as Process.monotonicTime() + 1000"
            : "milliseconds, 0 or more"
        }`,
      );
    }
    return runtime.timers.start(
      to instanceof Pid ? to : nameOf(to),
      copyTerm(message, runtime.maxDepth),
      isMoment ? Math.max(ms - runtime.clock.now(), 0) : ms,
    );
  }

  /**
   * Cancels a timer: its message is not sent.
   *
   * Any process of the node can cancel it, not only the one that started it. A message that has already been sent can
   * still be in the receiver's mailbox.
   *
   * @returns The whole milliseconds that were left, or false if there is no such timer: its message was sent,
   *   it was cancelled, or its process has exited.
   * @throws {TypeError} If `timer` is not a reference.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const timer = Process.sendAfter(self(), "never", 60_000);
   * assert(Number(Process.cancelTimer(timer)) > 59_000);
   * assertEquals(Process.cancelTimer(timer), false);
   * ```
   */
  static cancelTimer(timer: Ref): number | false;
  /**
   * Cancels a timer, and replies by a message or not at all.
   *
   * @param options With `async`, the caller receives the reply as a message; with `info: false`, there is no reply.
   * @returns `"ok"` with `async` or `info: false`; otherwise the whole milliseconds that were left, or false.
   * @throws {TypeError} If `timer` is not a reference.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, self } from "@otp/distribution/process";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const timer = Process.sendAfter(self(), "never", 60_000);
   * assertEquals(Process.cancelTimer(timer, { async: true }), "ok");
   * const { type, ref, result } = await receive();
   * assertEquals([type, ref], ["cancel_timer", timer]);
   * assert(result > 59_000);
   * ```
   */
  static cancelTimer(
    timer: Ref,
    options: CancelTimerOptions,
  ): number | false | "ok";
  static cancelTimer(
    timer: Ref,
    options: CancelTimerOptions = {},
  ): number | false | "ok" {
    checkRef(timer, "cancel the timer", "sendAfter returned");
    checkOptions(
      options,
      "cancel a timer",
      CANCEL_TIMER_OPTIONS,
      "{ async: true }",
    );
    const { async = false, info = true } = options;
    const left = Process.readTimer(timer);
    const process = currentProcess();
    const result = process.runtime.timers.cancel(timer) && left;
    if (!info) return "ok";
    if (!async) return result;
    const message: CancelTimerMessage = {
      type: "cancel_timer",
      ref: timer,
      result,
    };
    process.send(process.pid, message);
    return "ok";
  }

  /**
   * Returns the remaining time of a timer.
   *
   * @returns The whole milliseconds that are left, or false if there is no such timer.
   * @throws {TypeError} If `timer` is not a reference.
   *
   * @example Usage
   * ```ts
   * import { Process, self } from "@otp/distribution/process";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const timer = Process.sendAfter(self(), "never", 60_000);
   * assert(Number(Process.readTimer(timer)) > 59_000);
   * Process.cancelTimer(timer);
   * assertEquals(Process.readTimer(timer), false);
   * ```
   */
  static readTimer(timer: Ref): number | false {
    checkRef(timer, "look for the timer", "sendAfter returned");
    const left = currentProcess().runtime.timers.left(timer);
    return left === undefined ? false : Math.ceil(left);
  }

  /**
   * Returns the time of the node's monotonic clock, for points in time passed to {@linkcode Process.sendAfter}.
   *
   * Follows [System.monotonic_time/1](https://hexdocs.pm/elixir/1.18/System.html#monotonic_time/1). The
   * clock's origin differs between nodes, so the value has no meaning on another node.
   *
   * @returns Milliseconds since a fixed but unspecified point in time, with fractions.
   *
   * @example Every 5 ms, without drift
   * ```ts
   * import { Process, receive, self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const started = Process.monotonicTime();
   * for (let tick = 1; tick <= 3; tick++) {
   *   Process.sendAfter(self(), tick, started + tick * 5, { abs: true });
   *   assertEquals(await receive(), tick);
   * }
   * ```
   */
  static monotonicTime(): number {
    return currentProcess().runtime.clock.now();
  }
}

/** Returns the node that a destination names, if any. */
function nodeOf(to: Destination): string | undefined {
  if (to instanceof Pid || to instanceof Ref) return to.node;
  if (isName(to) || !isName(to?.node)) return undefined;
  return nameOf(to.node);
}

/** Compares a value with a key by contents; false for a value that cannot be sent. */
function isEqual(value: unknown, wanted: unknown, maxDepth: number): boolean {
  try {
    return termKey(value, maxDepth) === wanted;
  } catch {
    return false;
  }
}

async function infoAnywhere(
  pid: unknown,
  { messages, timeout = 5000 }: RemoteProcessInfoOptions,
  caller: LocalProcess,
): Promise<ProcessInfo | undefined> {
  if (!(pid instanceof Pid)) {
    throw new TypeError(`Cannot describe ${inspect(pid)}: it is not a pid`);
  }
  if (pid.node === caller.runtime.node) return Process.info(pid, { messages });
  if (messages) {
    throw new TypeError(
      `Cannot tell the messages of ${pid}: they are told of processes of this node only`,
    );
  }
  return await askInfo(caller, pid, timeout);
}
