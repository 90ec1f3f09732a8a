/**
 * Processes: spawn, send and receive, links and monitors, names, exits.
 *
 * Functions of Elixir's [Kernel](https://hexdocs.pm/elixir/1.18/Kernel.html) are plain functions here: `self`,
 * `send`, `receive`, `spawn`, `spawnLink`, `spawnMonitor`, `exit`, `makeRef`. Those of its
 * [Process](https://hexdocs.pm/elixir/1.18/Process.html) are static functions of {@linkcode Process}.
 *
 * @example A process that answers
 * ```ts
 * import { receive, self, send, spawn } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const pid = spawn(async () => {
 *   const message = await receive();
 *   send(message.from, "sup?");
 * });
 * send(pid, { type: "hi", from: self() });
 * assertEquals(await receive(), "sup?");
 * ```
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
} from "./runtime/context/current_process.ts";
import {
  type LocalProcess,
  PROCESS_LABEL,
} from "./runtime/processes/local_process.ts";
import type { Ancestor } from "./runtime/processes/lineage.ts";
import type { AliasMode } from "./runtime/processes/links_and_monitors.ts";
import { infoOf, type ProcessInfo } from "./runtime/processes/process_info.ts";
import { isFull } from "./runtime/signals/signal.ts";
import {
  checkBoolean,
  checkFlags,
  checkOptions,
  checkPid,
  checkRef,
  checkTimeout,
  isName,
} from "./runtime/values/check_arguments.ts";
import { misfit } from "./runtime/values/options.ts";
import { promised } from "./runtime/promises/promised.ts";
import { inspect, quote } from "./runtime/values/inspect.ts";
import { type Message, Pid, Ref } from "./runtime/values/pid.ts";
import { type Atom, nameOf } from "./runtime/values/atom.ts";
import { copyTerm, REASON_LEVELS } from "./runtime/values/term.ts";
import { termKey } from "./runtime/values/term_key.ts";
import { raise, startRpc } from "./servers/rpc/rpc_call.ts";

export * from "./kernel.ts";
export type { AliasMode, Ancestor, ProcessInfo };

/** Options for {@linkcode send}. */
export interface SendOptions {
  /**
   * Does not send if that would need a new connection: `send` then returns `"noconnect"`.
   *
   * @default {false}
   */
  noconnect?: boolean;
  /**
   * Does not send if the connection's buffer is full, so that the sender would have to wait: `send`
   * then returns `"nosuspend"`.
   *
   * @default {false}
   */
  nosuspend?: boolean;
}

/** The result of {@linkcode Process.send}: whether the message was sent. */
export type SendResult = "ok" | "noconnect" | "nosuspend";

/** Options for {@linkcode Process.monitor}. */
export interface MonitorOptions {
  /**
   * Makes the reference an alias as well: until `unalias`, until the monitor ends, or until the
   * first reply.
   *
   * @default {undefined}
   */
  alias?: AliasMode;
}

/** Options for {@linkcode Process.demonitor}. */
export interface DemonitorOptions {
  /**
   * Also takes out a DOWN that has come already.
   *
   * @default {false}
   */
  flush?: boolean;
}

/** Options for {@linkcode Process.alias}. */
export interface AliasOptions {
  /**
   * Ends the alias at the first reply.
   *
   * @default {false}
   */
  reply?: boolean;
}

/** A value in the dictionary of a process. */
export interface DictionaryEntry {
  /** The key. */
  key: unknown;
  /** The value. */
  value: unknown;
}

/** Options for {@linkcode Process.getKeys}. */
export interface GetKeysOptions {
  /**
   * Only the keys that hold this value; values are compared as messages are, by their contents.
   *
   * @default {undefined}
   */
  value?: unknown;
}

/** Options for {@linkcode Process.info}. */
export interface ProcessInfoOptions {
  /**
   * Whether the messages that wait are copied too, which takes as long as there are many.
   *
   * @default {false}
   */
  messages?: boolean;
}

/** Options for {@linkcode Process.info} of a process of any node. */
export interface RemoteProcessInfoOptions {
  /** Asks the process's node, if that is another one. */
  remote: true;
  /**
   * How many milliseconds the other node has to answer.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * Messages are not copied to other nodes.
   *
   * @default {undefined}
   */
  messages?: undefined;
}

/** Options for {@linkcode Process.list}. */
export interface ProcessListOptions {
  /**
   * Whether to tell of each process what {@linkcode Process.info} tells.
   *
   * @default {false}
   */
  info?: boolean;
}

/** Options for {@linkcode Process.sendAfter}. */
export interface SendAfterOptions {
  /**
   * Whether the time is a moment, by {@linkcode Process.monotonicTime}, and not how long to wait. A moment
   * that has passed sends at once.
   *
   * @default {false}
   */
  abs?: boolean;
}

/** Options for {@linkcode Process.cancelTimer}. */
export interface CancelTimerOptions {
  /**
   * Whether to answer by a message, a {@linkcode CancelTimerMessage}, instead of by what is returned.
   *
   * @default {false}
   */
  async?: boolean;
  /**
   * Whether to tell how much time was left.
   *
   * @default {true}
   */
  info?: boolean;
}

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
 * Follows Elixir's [Process](https://hexdocs.pm/elixir/1.18/Process.html) and the
 * [reference manual](https://www.erlang.org/doc/system/ref_man_processes.html). Code in a process finds its
 * process by itself; code outside any process runs in the shell process of the default node, like the
 * prompt of iex.
 *
 * @example A process that is monitored
 * ```ts
 * import { exit, Process, receive, spawn } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const pid = spawn(() => exit("done"));
 * const ref = Process.monitor(pid);
 * assertEquals((await receive((m) => ref.equals(m.ref))).reason, "done");
 * ```
 */
export class Process {
  private constructor() {}

  /**
   * Sends a message, unless that would need a connection or have to wait.
   *
   * Follows [Process.send/3](https://hexdocs.pm/elixir/1.18/Process.html#send/3).
   *
   * @typeParam M The messages that the receiver takes.
   * @typeParam T The type of the message.
   * @param to A pid, a local name, `{ name, node }`, or an alias.
   * @param message The message; see `send`.
   * @param options When not to send.
   * @returns `"ok"` if the message was sent, else why not. Without `nosuspend`, a promise of `"ok"`
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
   * Sends a message, unless that would need a connection.
   *
   * @typeParam M The messages that the receiver takes.
   * @typeParam T The type of the message.
   * @param to A pid, a local name, `{ name, node }`, or an alias.
   * @param message As above.
   * @param options When not to send.
   * @returns As above.
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
    return sendIf(to, message, options);
  }

  /**
   * Sends an exit signal to a process.
   *
   * Follows [Process.exit/2](https://hexdocs.pm/elixir/1.18/Process.html#exit/2). `"kill"` cannot be trapped,
   * and the process ends with `"killed"`; `"normal"` is ignored unless it is trapped or sent to oneself; any
   * other reason ends a process that does not trap exits.
   *
   * @param pid The process that gets the signal.
   * @param reason The exit reason.
   * @returns True, whether or not the process is there.
   * @throws {TypeError} If the pid is invalid.
   * @throws {ProcessExited} If the caller has ended by it.
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
    process.runtime.route(pid.node).exit(
      process.pid,
      pid,
      copyTerm(reason, process.runtime.maxDepth - REASON_LEVELS),
    );
    // As in Erlang, a process that has just told itself to exit does not go on.
    if (!process.shell) process.assertAlive();
    return true;
  }

  /**
   * Links the caller to a process: when one ends, the other gets an exit signal. One link a pair.
   *
   * Linking to a dead process of another node gives an exit signal `"noproc"`, to one of a node
   * that cannot be reached `"noconnection"`.
   *
   * @param pid The process to link to.
   * @returns True.
   * @throws {NoProcessError} If it is of this node, dead, and the caller does not trap exits.
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
   * Ends the link between the caller and a process: from here on no exit signal comes over it.
   *
   * @param pid The linked process.
   * @returns True, also if there was no link.
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
   * Watches a process or a name: when it ends, the caller gets one {@linkcode DownMessage}.
   *
   * Monitors stack, each with its own message. A process that is not there gives `"noproc"`, a node
   * that is down or goes down `"noconnection"`. A process that monitors itself gets nothing, and the
   * reference is no alias.
   *
   * @param target A pid, a local name, or `{ name, node }`.
   * @param options Whether the reference is an alias as well.
   * @returns The monitor's reference.
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
    checkOptions(options, "monitor", '{ alias: "demonitor" }');
    const { alias } = options;
    if (alias !== undefined && !ALIAS_MODES.includes(alias)) {
      throw new TypeError(
        `Cannot monitor: the option alias is ${
          inspect(alias)
        }; give "explicit_unalias", "demonitor" or "reply_demonitor"`,
      );
    }
    if (target instanceof Pid) {
      return process.monitor(target, target.node, alias);
    }
    if (isName(target)) {
      return process.monitor(nameOf(target), process.runtime.node, alias);
    }
    if (!isName(target?.name) || !isName(target.node)) {
      throw new TypeError(
        `Cannot monitor ${
          inspect(target)
        }: give a pid, a name, or { name, node }`,
      );
    }
    return process.monitor(nameOf(target.name), nameOf(target.node), alias);
  }

  /**
   * Ends a monitor: a DOWN that has not come will not come.
   *
   * @param ref The monitor's reference.
   * @param options Whether a DOWN that has come already is taken out too.
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
    checkOptions(options, "demonitor", "{ flush: true }");
    checkFlags(options, "demonitor", "flush");
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
   * @param on Whether to trap.
   * @returns What it was before.
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
    checkBoolean(on, "set trapExit to");
    const before = process.trapExit;
    process.setTrapExit(on);
    return before;
  }

  /**
   * Gives a process of this node a name.
   *
   * Follows [Process.register/2](https://hexdocs.pm/elixir/1.18/Process.html#register/2).
   *
   * @param pid The process.
   * @param name The name; not `undefined`.
   * @returns True.
   * @throws {NoProcessError} If the process is not alive here.
   * @throws {TypeError} If the name is taken, empty or `"undefined"`, or the process has a name
   *   already.
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
    if (!runtime.register(text, target)) {
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
   * Takes a name of this node away.
   *
   * @param name The name.
   * @returns True.
   * @throws {NoProcessError} If nobody has the name.
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
    if (!currentProcess().runtime.unregister(nameOf(name))) {
      throw new NoProcessError(
        `Cannot unregister ${quote(nameOf(name))}: no process has that name`,
      );
    }
    return true;
  }

  /**
   * The process that has a name on this node.
   *
   * @param name The name.
   * @returns The pid, or `undefined`.
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
   * Whether a process of this node is alive.
   *
   * @param pid A pid of this node.
   * @returns True from its spawn until it exits.
   * @throws {TypeError} If it is a pid of another node: monitor it instead.
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
   * Makes an alias of the calling process: an address that can be taken back.
   *
   * Follows [Process.alias/1](https://hexdocs.pm/elixir/1.18/Process.html#alias/1). What is sent to
   * an alias that is no longer active is dropped.
   *
   * @param options Whether it ends at the first message.
   * @returns The alias, to `send` to.
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
    checkOptions(options, "make an alias", "{ reply: true }");
    checkFlags(options, "make an alias", "reply");
    const ref = process.runtime.makeRef();
    process.addAlias(
      ref,
      options.reply ? "reply_demonitor" : "explicit_unalias",
    );
    return ref;
  }

  /**
   * Ends an alias of the calling process.
   *
   * @param ref The alias.
   * @returns Whether it was active.
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
   * Answers a request: what awaits the reference gets the value.
   *
   * Calls and requests to a group leader carry the reference that their answer goes to. An answer
   * that comes too late, or a second one, is dropped.
   *
   * @param to The reference that came with the request.
   * @param value The answer; a copy is sent.
   * @throws {TypeError} If the value holds what cannot be sent.
   *
   * @example A group leader that keeps what is printed
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
  static reply(to: Ref, value: unknown): void {
    checkRef(to, "reply to", "came with the request");
    currentProcess().reply(to, value);
  }

  /**
   * A signal that is aborted when the calling process exits, for what knows nothing of processes.
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
   * Waits.
   *
   * @param ms Milliseconds.
   * @returns `"ok"`.
   * @throws {ProcessExited} If the process exits while it waits.
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
      checkTimeout(ms, "sleep");
      const process = waitingProcess();
      if (process === undefined) return never();
      return process.mailbox.sleep(ms, "ok" as const, process);
    });
  }

  /**
   * The calling process's group leader, or, with a pid, sets it.
   *
   * Follows [Process.group_leader/0](https://hexdocs.pm/elixir/1.18/Process.html#group_leader/0). What a
   * process prints goes to its group leader, which may be on another node; those that it starts from
   * then on inherit it.
   *
   * @param leader The new group leader.
   * @returns The group leader as it is now.
   * @throws {TypeError} If what is given is no pid.
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
   * Sets the group leader of another process, here or on another node.
   *
   * Follows [Process.group_leader/2](https://hexdocs.pm/elixir/1.18/Process.html#group_leader/2). It is
   * a signal: it keeps its order with what the caller sends to the process. One for a process of another
   * node that is dead or cannot be reached is dropped. What the leader of a process of this node is,
   * {@linkcode Process.info} tells.
   *
   * @param pid The process.
   * @param leader Its new group leader.
   * @returns The new group leader.
   * @throws {NoProcessError} If the process is of this node and not alive.
   * @throws {TypeError} If what is given is no pid.
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
    runtime.route(pid.node).groupLeader(process.pid, pid, leader);
    return leader;
  }

  /**
   * Puts a value into the dictionary of the calling process, under a key.
   *
   * Follows [Process.put/2](https://hexdocs.pm/elixir/1.18/Process.html#put/2). Nobody but the process
   * sees its dictionary, and it ends with the process. The value is kept as it is, not copied: it need
   * not be one that can be sent.
   *
   * @param key Any value that can be sent; equal ones are one key.
   * @param value Any value.
   * @returns The value that the key had before, or `undefined`.
   * @throws {TypeError} If the key holds what cannot be sent.
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
   * All that the dictionary of the calling process holds.
   *
   * Follows [Process.get/0](https://hexdocs.pm/elixir/1.18/Process.html#get/0).
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
   * Reads a value of the calling process's dictionary.
   *
   * Follows [Process.get/2](https://hexdocs.pm/elixir/1.18/Process.html#get/2).
   *
   * @typeParam T The value's type, which is not checked.
   * @param key The key.
   * @param otherwise The value if the key is not there.
   * @returns The value, or `otherwise`.
   * @throws {TypeError} If the key holds what cannot be sent.
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
   * The keys of the dictionary of the calling process.
   *
   * Follows [Process.get_keys/0](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/0) and
   * [Process.get_keys/1](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/1).
   *
   * @param options Which value the keys are to have.
   * @returns The keys, in the order in which they were first put.
   * @throws {TypeError} If the value wanted holds what cannot be sent.
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
    checkOptions(options, "get keys", "{ value: 1 }");
    const entries = [...dictionary?.values() ?? []];
    if (!("value" in options)) return entries.map(({ key }) => key);
    const { maxDepth } = runtime;
    const wanted = termKey(options.value, maxDepth);
    return entries.filter(({ value }) => isEqual(value, wanted, maxDepth))
      .map(({ key }) => key);
  }

  /**
   * Deletes a key from the dictionary of the calling process.
   *
   * Follows [Process.delete/1](https://hexdocs.pm/elixir/1.18/Process.html#delete/1).
   *
   * @param key The key.
   * @returns The value that it had, or `undefined`.
   * @throws {TypeError} If the key holds what cannot be sent.
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
   * Labels the calling process, to tell it from others that run the same code.
   *
   * Follows [Process.set_label/1](https://hexdocs.pm/elixir/1.18/Process.html#set_label/1). `info` has the
   * label, and so has a crash report. Unlike a name, any number of processes can have the same, and
   * nothing finds a process by it. As in Elixir, the dictionary keeps it, under `"$process_label"`.
   *
   * @param label Any value that can be sent; a copy is kept.
   * @returns `"ok"`.
   * @throws {TypeError} If the label holds what cannot be sent.
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
    Process.put(PROCESS_LABEL, copyTerm(label, maxDepth));
    return "ok";
  }

  /**
   * Information on a process of this node, for debugging.
   *
   * Follows [Process.info/1](https://hexdocs.pm/elixir/1.18/Process.html#info/1), which warns that it is
   * for debugging only. Waits by reference count too: a pending call is a monitor. As in Elixir, it
   * throws for a process of another node; with `remote: true` it asks that node.
   *
   * @param pid The process; the caller if it is left out.
   * @param options Whether to copy its messages too.
   * @returns The information, as it is now, or `undefined` if the process is not alive.
   * @throws {TypeError} If it is no pid of this node.
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
  static info(
    pid?: Pid,
    options?: ProcessInfoOptions,
  ): ProcessInfo | undefined;
  /**
   * Asks the node of a process what that is and does, as `rpc.call` asks.
   *
   * Every node tells it, unless its `allow` option says no: `allow("alex@localhost", "Process", "info")`.
   * It does not tell the messages.
   *
   * @param pid The process.
   * @param options `{ remote: true }`, and how long to wait.
   * @returns A promise of the information, or of `undefined` if the process is not alive. Rejects with
   *   `RpcError` if the node cannot be reached or does not answer, and with `SpawnRefusedError` if it does
   *   not allow it.
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
    checkOptions(options, "describe a process", "{ messages: true }");
    const flags: { messages?: boolean; remote?: boolean } = options;
    checkFlags(flags, "describe a process", "messages", "remote");
    if ("remote" in options && options.remote) {
      return askInfo(pid, options, caller);
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
   * The processes of this node that are alive, in the order of their start.
   *
   * Follows [Process.list/0](https://hexdocs.pm/elixir/1.18/Process.html#list/0).
   *
   * @returns Their pids.
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
   * Information on each process of this node, in the order of their start.
   *
   * @param options `{ info: true }`.
   * @returns What {@linkcode Process.info} tells of each.
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
  static list(
    options: ProcessListOptions & { info: true },
  ): ProcessInfo[];
  /**
   * The processes of this node, as pids or with what each is and does.
   *
   * @param options Whether to tell what each is and does.
   * @returns Pids, or what {@linkcode Process.info} tells of each.
   */
  static list(options: ProcessListOptions): Pid[] | ProcessInfo[];
  static list(options: ProcessListOptions = {}): Pid[] | ProcessInfo[] {
    const caller = currentProcess();
    checkOptions(options, "list the processes", "{ info: true }");
    checkFlags(options, "list the processes", "info");
    const processes = [...caller.runtime.processes.values()];
    return options.info
      ? processes.map((process) => infoOf(process, caller, {}))
      : processes.map(({ pid }) => pid);
  }

  /**
   * The names of this node that processes have.
   *
   * Follows [Process.registered/0](https://hexdocs.pm/elixir/1.18/Process.html#registered/0).
   *
   * @returns The names.
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
   * On whose behalf the calling process runs: who asked for the task, who asked for that one's, and so
   * on, nearest first.
   *
   * It is what Elixir keeps as [`$callers`](https://hexdocs.pm/elixir/1.18/Task.html#module-ancestor-and-caller-tracking).
   * Unlike its ancestors, who are those that started it, they are found through a `TaskSupervisor` and
   * across nodes.
   *
   * @returns The pids; none in a process that is no task.
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
   * Sends a message later, to a process of this node or to a name.
   *
   * Follows [Process.send_after/4](https://hexdocs.pm/elixir/1.18/Process.html#send_after/4). The
   * message is copied now: a later change of it changes nothing. A name is looked up when the time has
   * come, and if nobody has it then, the message is dropped. A timer for a pid ends when that process
   * does: it is not started if the process is dead already. The caller may end meanwhile: the message is
   * sent all the same. When the node stops, its timers end.
   *
   * The message comes from no process, so it has no order with what the caller sends. Messages that are
   * due at the same time come in the order in which they were asked for. A timer keeps the program
   * running, as one of `setTimeout` does.
   *
   * @typeParam M The messages that the receiver takes.
   * @typeParam T The type of the message.
   * @param to A pid of this node, or a local name.
   * @param message What is sent; see `send`.
   * @param ms Milliseconds to wait, 0 or more; with `abs`, the moment.
   * @param options Whether the time is a moment.
   * @returns The timer's reference, for {@linkcode Process.cancelTimer} and {@linkcode Process.readTimer}.
   * @throws {TypeError} If `to` is no name and no pid of this node, the time is not a number, or the
   *   message holds what cannot be sent.
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
    checkOptions(options, "send later", "{ abs: true }");
    checkFlags(options, "send later", "abs");
    if (to instanceof Pid ? to.node !== runtime.node : !isName(to)) {
      throw new TypeError(
        `Cannot send to ${
          inspect(to)
        } later: it is neither a process of ${runtime.node} nor a name; send to a process of this node, which can pass it on`,
      );
    }
    const isMoment = options.abs ?? false;
    if (!Number.isFinite(ms) || (ms < 0 && !isMoment)) {
      throw misfit(
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
      isMoment ? Math.max(ms - runtime.now(), 0) : ms,
    );
  }

  /**
   * Ends a timer: its message is not sent.
   *
   * Follows [Process.cancel_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2). Any
   * process of the node can end it, not only the one that started it. A message that was sent already
   * may still wait in the receiver's mailbox.
   *
   * @param timer The reference that {@linkcode Process.sendAfter} gave.
   * @returns The whole milliseconds that were left, or false if there is no such timer: its message was
   *   sent, it was ended, or its process has exited.
   * @throws {TypeError} If it is no reference.
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
   * Ends a timer, and answers by a message, or not at all.
   *
   * Follows [Process.cancel_timer/2](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2).
   *
   * @param timer The reference that {@linkcode Process.sendAfter} gave.
   * @param options How to answer: with `async`, by a message to the caller; with `info: false`, not.
   * @returns `"ok"` with `async` or `info: false`, else as above.
   * @throws {TypeError} If it is no reference.
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
    checkOptions(options, "cancel a timer", "{ async: true }");
    checkFlags(options, "cancel a timer", "async", "info");
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
   * How long it is until a timer's message is sent.
   *
   * Follows [Process.read_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#read_timer/1).
   *
   * @param timer The reference that {@linkcode Process.sendAfter} gave.
   * @returns The whole milliseconds that are left, or false if there is no such timer: its message was
   *   sent, it was ended, or its process has exited.
   * @throws {TypeError} If it is no reference.
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
   * The time by the node's clock, which is never set back: for moments given to {@linkcode Process.sendAfter}.
   *
   * Follows [System.monotonic_time/1](https://hexdocs.pm/elixir/1.18/System.html#monotonic_time/1). Where
   * it begins is different from node to node: it means nothing elsewhere.
   *
   * @returns Milliseconds since some fixed moment, with fractions.
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
    return currentProcess().runtime.now();
  }
}

function sendIf(
  to: Destination,
  message: unknown,
  options: SendOptions,
): SendResult | Promise<"ok"> {
  checkOptions(options, "send", "{ noconnect: true }");
  checkFlags(options, "send", "noconnect", "nosuspend");
  const { runtime } = currentProcess();
  const node = nodeOf(to) ?? runtime.node;
  if (node !== runtime.node) {
    // The same errors, whether or not it is sent.
    copyTerm(message, runtime.maxDepth);
    const signals = options.noconnect
      ? runtime.connected(node)
      : runtime.route(node);
    if (signals === undefined) return "noconnect";
    if (options.nosuspend && isFull(signals)) return "nosuspend";
  }
  return send(to, message)?.then(() => "ok" as const) ?? "ok";
}

/** The node that a message goes to, if it is named. */
function nodeOf(to: Destination): string | undefined {
  if (to instanceof Pid || to instanceof Ref) return to.node;
  if (isName(to) || !isName(to?.node)) return undefined;
  return nameOf(to.node);
}

const ALIAS_MODES: readonly unknown[] = [
  "explicit_unalias",
  "demonitor",
  "reply_demonitor",
];

/** Whether a value, of whatever kind, has a key: one that cannot be sent has none. */
function isEqual(value: unknown, wanted: unknown, maxDepth: number): boolean {
  try {
    return termKey(value, maxDepth) === wanted;
  } catch {
    return false;
  }
}

async function askInfo(
  pid: unknown,
  { messages, timeout = 5000 }: RemoteProcessInfoOptions,
  caller: LocalProcess,
): Promise<ProcessInfo | undefined> {
  if (!(pid instanceof Pid)) {
    throw new TypeError(`Cannot describe ${inspect(pid)}: it is not a pid`);
  }
  checkTimeout(timeout, "describe a process");
  if (pid.node === caller.runtime.node) return Process.info(pid, { messages });
  if (messages) {
    throw new TypeError(
      `Cannot tell the messages of ${pid}: they are told of processes of this node only`,
    );
  }
  const outcome = await startRpc(
    caller,
    pid.node,
    ["Process", "info"],
    [pid],
    timeout,
  );
  return outcome.type === "ok"
    ? outcome.value as ProcessInfo | undefined
    : raise(outcome);
}
