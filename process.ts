/**
 * Processes: spawn, send and receive, links and monitors, names, exits.
 *
 * Follows Elixir's [Process](https://hexdocs.pm/elixir/1.18/Process.html) and
 * [Kernel](https://hexdocs.pm/elixir/1.18/Kernel.html), and the
 * [reference manual](https://www.erlang.org/doc/system/ref_man_processes.html). Code in a process
 * finds its process by itself; code outside any process is in the shell process of the default
 * node, like the prompt of iex.
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

import { ExitError, NoProcessError } from "./errors.ts";
import { IO } from "./io.ts";
import {
  checkArgs,
  checkBoolean,
  checkFlags,
  checkOptions,
  checkPid,
  checkRef,
  checkSignal,
  checkString,
  checkTimeout,
} from "./runtime/values/check_arguments.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/context/current_process.ts";
import { inspect, quote } from "./runtime/values/inspect.ts";
import type { WaitOptions } from "./runtime/processes/mailbox.ts";
import { assertFunction } from "./runtime/spawning/modules.ts";
import { Atom, type Message, nameOf, Pid, Ref } from "./runtime/values/pid.ts";
import type { AliasMode, Process } from "./runtime/processes/process.ts";
import { isFull, type MonitoredObject } from "./runtime/signals/signal.ts";
import { copyTerm, REASON_LEVELS } from "./runtime/values/term.ts";

export { type Message, Pid, Ref };
export * from "./process_dictionary.ts";
export * from "./process_info.ts";
export * from "./timers.ts";

/** A name on a node: what `{name, node}` is in Elixir. */
export interface NameOnNode {
  /** The registered name. */
  name: string | Atom;
  /** The node's name. */
  node: string | Atom;
}

/** What a message can be sent to: a process, a local name, a name on a node, or an alias. */
export type Destination<M = unknown> =
  | Pid<M>
  | string
  | Atom
  | NameOnNode
  | Ref;

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

/** What {@linkcode send} with options returns: whether the message was sent. */
export type SendResult = "ok" | "noconnect" | "nosuspend";

/** What a process with `trapExit` gets when a linked process ends. */
export interface ExitMessage {
  /** Always `"EXIT"`. */
  type: "EXIT";
  /** Who ended, or who sent the exit signal. */
  from: Pid;
  /** The exit reason. */
  reason: unknown;
}

/** What a monitor gives when the monitored process ends, once. */
export interface DownMessage {
  /** Always `"DOWN"`. */
  type: "DOWN";
  /** The monitor's reference. */
  ref: Ref;
  /** What was monitored: the pid, or the name and its node. */
  object: MonitoredObject;
  /** The exit reason; `"noproc"` if there was none, `"noconnection"` if its node is gone. */
  reason: unknown;
}

/** A reply that nobody waited for when it came: a task's result, for one. */
export interface ReplyMessage {
  /** Always `"reply"`. */
  type: "reply";
  /** The reference that it answers. */
  ref: Ref;
  /** The value. */
  value: unknown;
}

/** Options for {@linkcode receive}. */
export interface ReceiveOptions<A = never> {
  /**
   * Milliseconds to wait; 0 takes only what is there already.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * What to give at the timeout, instead of rejecting with `ReceiveTimeout`.
   *
   * @default {undefined}
   */
  after?: A;
  /**
   * Ends the wait with the signal's reason.
   *
   * @default {undefined}
   */
  signal?: AbortSignal;
}

/** Options for {@linkcode monitor}. */
export interface MonitorOptions {
  /**
   * Makes the reference an alias as well: until `unalias`, until the monitor ends, or until the
   * first reply.
   *
   * @default {undefined}
   */
  alias?: AliasMode;
}

export type { AliasMode, MonitoredObject };

/**
 * The pid of the calling process; outside any process, the shell's.
 *
 * @typeParam M The messages that the process takes.
 * @returns The pid.
 * @throws {ProcessExited} If the calling process has exited.
 *
 * @example Usage
 * ```ts
 * import { self } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(self().equals(self()));
 * ```
 */
// deno-lint-ignore no-explicit-any
export function self<M = any>(): Pid<M> {
  return currentProcess().pid;
}

/**
 * Sends a message: a copy, made now.
 *
 * Never throws for a receiver that is dead or cannot be reached; the message is dropped then, as
 * in Erlang. Between one sender and one receiver messages keep their order, and none is delivered
 * twice. A first message to a node connects to it.
 *
 * @typeParam M The messages that the receiver takes.
 * @typeParam T The type of the message.
 * @param to A pid, a local name, `{ name, node }`, or an alias.
 * @param message Plain data, and `undefined`, `bigint`, `Date`, `Map`, `Set`, byte arrays,
 *   errors, pids, references and atoms.
 * @returns `undefined` while the connection's buffer has room; else a promise that resolves when
 *   it has drained or the node is down, and never rejects: `await send(…)` is Erlang's suspending
 *   send.
 * @throws {TypeError} If the message holds what cannot be sent, a function for one.
 * @throws {RangeError} If it is nested too deeply or too large.
 * @throws {NoProcessError} If `to` is a local name that nobody has.
 * @throws {QueueFullError} If the node's queue is at its hard cap; the message is not sent.
 *
 * @example Usage
 * ```ts
 * import { receive, self, send } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), { type: "hi" });
 * assertEquals(await receive(), { type: "hi" });
 * ```
 */
export function send<M, T>(
  to: Destination<M>,
  message: Message<NoInfer<M>, T>,
): Promise<void> | undefined;
/**
 * Sends a message, unless that would need a connection or have to wait.
 *
 * Follows [Process.send/3](https://hexdocs.pm/elixir/1.18/Process.html#send/3).
 *
 * @typeParam M The messages that the receiver takes.
 * @typeParam T The type of the message.
 * @param to A pid, a local name, `{ name, node }`, or an alias.
 * @param message As above.
 * @param options When not to send.
 * @returns `"ok"` if the message was sent, else why not. Without `nosuspend`, a promise of `"ok"`
 *   while the connection's buffer is full; the message is sent, and the promise never rejects.
 *
 * @example Only where a connection is already there
 * ```ts
 * import { send } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const far = { name: "printer", node: "kate@localhost" };
 * assertEquals(send(far, "hi", { noconnect: true }), "noconnect");
 * ```
 */
export function send<M, T>(
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
export function send<M, T>(
  to: Destination<M>,
  message: Message<NoInfer<M>, T>,
  options: SendOptions,
): SendResult | Promise<"ok">;
export function send<M, T>(
  to: Destination<M>,
  message: Message<NoInfer<M>, T>,
  options?: SendOptions,
): Promise<void> | undefined | SendResult | Promise<"ok"> {
  if (options !== undefined) return sendIf(to, message, options);
  const process = currentProcess();
  if (to instanceof Pid) return process.send(to, message);
  if (to instanceof Ref) return process.sendAlias(to, message);
  if (typeof to === "string" || to instanceof Atom) {
    const name = nameOf(to);
    if (!process.runtime.names.has(name)) {
      throw new NoProcessError(
        `Cannot send to ${
          quote(name)
        }: no process is registered under that name on ${process.runtime.node}; register it first, or name its node: { name, node }`,
      );
    }
    return process.sendName(name, process.runtime.node, message);
  }
  if (!isName(to?.name) || !isName(to.node)) {
    throw new TypeError(
      `Cannot send to ${
        inspect(to)
      }: the receiver is a pid, a name, { name, node }, or an alias`,
    );
  }
  return process.sendName(nameOf(to.name), nameOf(to.node), message);
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

function isName(value: unknown): value is string | Atom {
  return typeof value === "string" || value instanceof Atom;
}

/**
 * Takes the oldest message that the guard wants, or waits for one.
 *
 * Several waits in one process are served in order, each with its own guard.
 *
 * @typeParam T The message's type.
 * @typeParam A The type of `after`.
 * @param guard Tells whether a message is wanted; without one, every message is.
 * @param options Timeout, value after it, abort signal.
 * @returns The message, or `after` at the timeout.
 * @throws {ReceiveTimeout} If no message came in time and no `after` is given.
 * @throws {TypeError} If the guard is no function.
 * @throws {ProcessExited} If the process exits while it waits; in the shell, `ExitError`.
 *
 * @example Wait for one kind, and not for ever
 * ```ts
 * import { receive, self, send } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), { type: "other" });
 * send(self(), { type: "answer", value: 42 });
 * const answer = await receive((m): m is { type: "answer"; value: number } => m.type === "answer");
 * assertEquals(answer.value, 42);
 * assertEquals(await receive((m) => m.type === "no", { timeout: 5, after: "none" }), "none");
 * assertEquals(await receive(), { type: "other" });
 * ```
 */
// deno-lint-ignore no-explicit-any
export function receive<T = any, A = never>(
  // deno-lint-ignore no-explicit-any
  guard?: ((message: any) => message is T) | ((message: any) => boolean) | null,
  options?: ReceiveOptions<A>,
): Promise<T | A> {
  if (typeof guard !== "function" && guard !== undefined && guard !== null) {
    throw new TypeError(
      `Cannot receive: the guard is ${
        inspect(guard)
      }, and not a function; give options as the second argument: receive(null, options)`,
    );
  }
  const process = waitingProcess();
  if (process === undefined) return never();
  return process.mailbox.receive(
    guard ?? undefined,
    options === undefined ? undefined : waitOptions(options),
    process,
  ) as Promise<T | A>;
}

function waitOptions(options: ReceiveOptions<unknown>): WaitOptions {
  checkOptions(options, "receive");
  const { timeout, after, signal } = options;
  if (timeout !== undefined) checkTimeout(timeout, "receive");
  if (signal !== undefined) checkSignal(signal, "receive");
  return { timeout, after, hasAfter: Object.hasOwn(options, "after"), signal };
}

/**
 * Prints and throws away all messages that wait, as in iex.
 *
 * @returns `"ok"`.
 *
 * @example Usage
 * ```ts
 * import { flush, self, send } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), "sup?");
 * assertEquals(await flush(), "ok"); // prints "sup?"
 * ```
 */
export async function flush(): Promise<"ok"> {
  const process = waitingProcess();
  if (process === undefined) return never();
  for (
    let mail = process.mailbox.take(undefined);
    mail !== undefined;
    mail = process.mailbox.take(undefined)
  ) await IO.inspect(mail.message);
  return "ok";
}

/** Options for {@linkcode spawn}, {@linkcode spawnLink} and {@linkcode spawnMonitor}. */
export interface SpawnOptions {
  /**
   * What the process is called in crash reports.
   *
   * @default {the function's name}
   */
  label?: string;
}

/**
 * Starts a process.
 *
 * It begins after the caller has given way, runs until its function returns (or the promise that
 * it returns settles), and inherits the caller's group leader. On another node:
 * `Node.spawn(node, …)`.
 *
 * @typeParam A The function's arguments.
 * @param fn What the process runs.
 * @param args The function's arguments; they are copied.
 * @param options A label.
 * @returns The new process's pid.
 * @throws {ProcessExited} If the calling process has exited.
 *
 * @example Usage
 * ```ts
 * import { receive, self, send, spawn } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const parent = self();
 * spawn((n: number) => send(parent, n + 1), [1]);
 * assertEquals(await receive(), 2);
 * ```
 */
export function spawn<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args?: A,
  options: SpawnOptions = {},
): Pid {
  checkSpawn(options);
  return start(currentProcess(), fn, args, options).pid;
}

/**
 * Starts a process that is linked to the caller from its first moment.
 *
 * When one of the two ends otherwise than normally, so does the other, unless it traps exits.
 *
 * @typeParam A The function's arguments.
 * @param fn What the process runs.
 * @param args The function's arguments; they are copied.
 * @param options A label.
 * @returns The new process's pid.
 *
 * @example Usage
 * ```ts
 * import { exit, receive, spawnLink, trapExit } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * trapExit(true);
 * spawnLink(() => exit("oops"));
 * assertEquals((await receive()).reason, "oops");
 * trapExit(false);
 * ```
 */
export function spawnLink<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args?: A,
  options: SpawnOptions = {},
): Pid {
  checkSpawn(options);
  const parent = currentProcess();
  return start(parent, fn, args, { ...options, linkParent: parent }).pid;
}

/**
 * Starts a process that the caller monitors from its first moment.
 *
 * @typeParam A The function's arguments.
 * @param fn What the process runs.
 * @param args The function's arguments; they are copied.
 * @param options A label.
 * @returns The new process's pid and the monitor's reference.
 *
 * @example Usage
 * ```ts
 * import { receive, spawnMonitor } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const { ref } = spawnMonitor(() => {});
 * assertEquals((await receive((m) => ref.equals(m.ref))).reason, "normal");
 * ```
 */
export function spawnMonitor<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args?: A,
  options: SpawnOptions = {},
): { pid: Pid; ref: Ref } {
  checkSpawn(options);
  const parent = currentProcess();
  const ref = parent.runtime.makeRef();
  const { pid } = start(parent, fn, args, {
    ...options,
    monitor: { pid: parent.pid, ref },
  });
  parent.addMonitor(ref, pid, pid.node);
  return { pid, ref };
}

function checkSpawn(options: SpawnOptions): void {
  checkOptions(options, "spawn", '{ label: "worker" }');
  if (options.label !== undefined) {
    checkString(options.label, "spawn with the label");
  }
}

function start<A extends unknown[]>(
  parent: Process,
  fn: (...args: A) => unknown,
  args: A | undefined,
  options: SpawnOptions & {
    linkParent?: Process;
    monitor?: { pid: Pid; ref: Ref };
  },
): Process {
  assertFunction(fn);
  checkArgs(args);
  const { runtime } = parent;
  const copy = args === undefined
    ? undefined
    : copyTerm(args, runtime.maxDepth) as A;
  return runtime.spawn(
    copy === undefined ? fn as () => unknown : () => fn(...copy),
    {
      label: options.label ?? fn.name,
      parent: parent.pid,
      groupLeader: parent.groupLeader,
      linkParent: options.linkParent,
      monitor: options.monitor,
    },
  );
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
 * import { link, receive, spawn, unlink } from "@otp/distribution/process";
 *
 * const pid = spawn(() => receive());
 * link(pid);
 * unlink(pid);
 * ```
 */
export function link(pid: Pid): true {
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
 * import { receive, spawnLink, unlink } from "@otp/distribution/process";
 *
 * unlink(spawnLink(() => receive()));
 * ```
 */
export function unlink(pid: Pid): true {
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
 * import { monitor, receive } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const ref = monitor("nobody");
 * assertEquals((await receive((m) => ref.equals(m.ref))).reason, "noproc");
 * ```
 */
export function monitor(
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

const ALIAS_MODES: readonly unknown[] = [
  "explicit_unalias",
  "demonitor",
  "reply_demonitor",
];

/** Options for {@linkcode demonitor}. */
export interface DemonitorOptions {
  /**
   * Also takes out a DOWN that has come already.
   *
   * @default {false}
   */
  flush?: boolean;
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
 * import { demonitor, monitor, receive, spawn } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * const pid = spawn(() => receive());
 * assert(demonitor(monitor(pid), { flush: true }));
 * ```
 */
export function demonitor(ref: Ref, options: DemonitorOptions = {}): boolean {
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
 * Exits: the calling process, by throwing, or another one, by an exit signal.
 *
 * `exit(reason)` throws an `ExitError`, which ends the process unless it is caught.
 * `exit(pid, reason)` sends a signal: `"kill"` cannot be trapped, and the process ends with
 * `"killed"`; `"normal"` is ignored unless it is trapped or sent to oneself; any other ends a
 * process that does not trap exits.
 *
 * @param reason The exit reason.
 * @throws {ExitError} With the reason.
 *
 * @example Usage
 * ```ts
 * import { exit, receive, spawnMonitor } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const { pid } = spawnMonitor(() => receive());
 * exit(pid, "kill");
 * assertEquals((await receive()).reason, "killed");
 * ```
 */
export function exit(reason: unknown): never;
/**
 * Sends an exit signal.
 *
 * @param pid Who is told to exit.
 * @param reason The exit reason.
 * @returns True, whether or not the process is there.
 * @throws {ProcessExited} If the caller has ended by it.
 * @throws {RangeError} If the reason is nested deeper than 56 levels: it becomes part of messages, which may have 64.
 */
export function exit(pid: Pid, reason: unknown): true;
export function exit(...args: [unknown] | [Pid, unknown]): true {
  const process = currentProcess();
  if (args.length < 2) throw new ExitError(args[0]);
  const [pid, reason] = args as [Pid, unknown];
  if (!(pid instanceof Pid)) {
    throw new TypeError(
      `Cannot exit: the first of two arguments is the pid of the process that is to exit, and not ${
        inspect(pid)
      }`,
    );
  }
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
 * Sets whether exit signals become {@linkcode ExitMessage}s of the calling process.
 *
 * @param on Whether to trap.
 * @returns What it was before.
 *
 * @example Usage
 * ```ts
 * import { trapExit } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(trapExit(true), false);
 * assertEquals(trapExit(false), true);
 * ```
 */
export function trapExit(on: boolean): boolean {
  const process = currentProcess();
  checkBoolean(on, "set trapExit to");
  const before = process.trapExit;
  process.setTrapExit(on);
  return before;
}

/**
 * Gives the calling process, or another one of this node, a name on this node.
 *
 * @param name The name; not `undefined`.
 * @param pid The process; the caller if it is left out.
 * @returns True.
 * @throws {NoProcessError} If the process is not alive here.
 * @throws {TypeError} If the name is taken, empty or `"undefined"`, or the process has a name
 *   already.
 *
 * @example Usage
 * ```ts
 * import { receive, register, self, send, unregister } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * register("me", self());
 * send("me", 1);
 * assertEquals(await receive(), 1);
 * unregister("me");
 * ```
 */
export function register(name: string | Atom, pid?: Pid): true {
  const process = currentProcess();
  const { runtime } = process;
  const text = nameOf(name);
  if (text === "undefined" || text === "") {
    throw new TypeError(
      `Cannot register ${quote(text)}: it is not a name; choose another`,
    );
  }
  if (pid !== undefined) checkPid(pid, `register ${quote(text)} for`);
  const target = pid === undefined ? process : runtime.find(pid);
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
 * import { register, self, unregister, whereis } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * register("here", self());
 * unregister("here");
 * assertEquals(whereis("here"), undefined);
 * ```
 */
export function unregister(name: string | Atom): true {
  if (!currentProcess().runtime.unregister(nameOf(name))) {
    throw new NoProcessError(
      `Cannot unregister ${quote(nameOf(name))}: no process has that name`,
    );
  }
  return true;
}

/**
 * Who has a name on this node.
 *
 * @param name The name.
 * @returns The pid, or `undefined`.
 *
 * @example Usage
 * ```ts
 * import { whereis } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(whereis("nobody"), undefined);
 * ```
 */
export function whereis(name: string | Atom): Pid | undefined {
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
 * import { alive, self } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(alive(self()));
 * ```
 */
export function alive(pid: Pid): boolean {
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
 * A new reference, different from every other.
 *
 * @returns The reference.
 *
 * @example Usage
 * ```ts
 * import { makeRef } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(!makeRef().equals(makeRef()));
 * ```
 */
export function makeRef(): Ref {
  return currentProcess().runtime.makeRef();
}

/** Options for {@linkcode alias}. */
export interface AliasOptions {
  /**
   * Ends the alias at the first reply.
   *
   * @default {false}
   */
  reply?: boolean;
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
 * import { alias, receive, send, unalias } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const address = alias();
 * send(address, 1);
 * assertEquals(await receive(), 1);
 * unalias(address);
 * send(address, 2); // dropped
 * ```
 */
export function alias(options: AliasOptions = {}): Ref {
  const process = currentProcess();
  checkOptions(options, "make an alias", "{ reply: true }");
  checkFlags(options, "make an alias", "reply");
  const ref = process.runtime.makeRef();
  process.addAlias(ref, options.reply ? "reply_demonitor" : "explicit_unalias");
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
 * import { alias, unalias } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(unalias(alias()));
 * ```
 */
export function unalias(ref: Ref): boolean {
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
 * import { receive, reply, spawn } from "@otp/distribution/process";
 * import { IO } from "@otp/distribution/io";
 * import { assertEquals } from "@std/assert";
 *
 * const printed: string[] = [];
 * const leader = spawn(async () => {
 *   for (;;) {
 *     const { replyAs, request } = await receive();
 *     printed.push(request.chars);
 *     reply(replyAs, "ok");
 *   }
 * });
 * await IO.puts("hi", { device: leader });
 * assertEquals(printed, ["hi\n"]);
 * ```
 */
export function reply(to: Ref, value: unknown): void {
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
 * import { signal } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(signal().aborted, false);
 * ```
 */
export function signal(): AbortSignal {
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
 * import { sleep } from "@otp/distribution/process";
 *
 * await sleep(1);
 * ```
 */
export function sleep(ms: number): Promise<"ok"> {
  checkTimeout(ms, "sleep");
  const process = waitingProcess();
  if (process === undefined) return never();
  return process.mailbox.sleep(ms, "ok" as const, process);
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
 * import { groupLeader } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(groupLeader(groupLeader()).equals(groupLeader()));
 * ```
 */
export function groupLeader(leader?: Pid): Pid;
/**
 * Sets the group leader of another process, here or on another node.
 *
 * Follows [Process.group_leader/2](https://hexdocs.pm/elixir/1.18/Process.html#group_leader/2). It is
 * a signal: it keeps its order with what the caller sends to the process. One for a process of another
 * node that is dead or cannot be reached is dropped. What the leader of a process of this node is,
 * {@linkcode info} tells.
 *
 * @param pid The process.
 * @param leader Its new group leader.
 * @returns The new group leader.
 * @throws {NoProcessError} If the process is of this node and not alive.
 * @throws {TypeError} If what is given is no pid.
 */
export function groupLeader(pid: Pid, leader: Pid): Pid;
export function groupLeader(...args: [Pid?] | [Pid, Pid]): Pid {
  const process = currentProcess();
  const { runtime } = process;
  const [pid, leader] = args.length < 2 ? [process.pid, args[0]] : args;
  if (args.length < 2 && leader === undefined) return process.groupLeader;
  if (!(leader instanceof Pid)) {
    throw new TypeError(
      `Cannot make ${inspect(leader)} the group leader: it is no pid`,
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
 * Whether a message is an {@linkcode ExitMessage}.
 *
 * @param message Any message.
 * @returns True for an exit signal that was trapped.
 *
 * @example Usage
 * ```ts
 * import { isExit } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(!isExit("EXIT"));
 * ```
 */
export function isExit(message: unknown): message is ExitMessage {
  return typed(message, "EXIT");
}

/**
 * Whether a message is a {@linkcode DownMessage}.
 *
 * @param message Any message.
 * @returns True for a monitor's DOWN.
 *
 * @example Usage
 * ```ts
 * import { isDown } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(!isDown({ type: "hi" }));
 * ```
 */
export function isDown(message: unknown): message is DownMessage {
  return typed(message, "DOWN");
}

/**
 * Whether a message is a {@linkcode ReplyMessage}.
 *
 * @param message Any message.
 * @returns True for a reply that nobody waited for.
 *
 * @example Usage
 * ```ts
 * import { isReply } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(!isReply(undefined));
 * ```
 */
export function isReply(message: unknown): message is ReplyMessage {
  return typed(message, "reply");
}

function typed(message: unknown, type: string): boolean {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === type;
}
