/**
 * The functions of Elixir's [Kernel](https://hexdocs.pm/elixir/1.18/Kernel.html) for processes: start one,
 * send and receive, exit. `process.ts` exports them together with `Process`.
 */

import { ExitError, NoProcessError } from "./errors.ts";
import { BOUNDS } from "./values/bounds.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/current_process.ts";
import type { WaitOptions } from "./process/receivers.ts";
import type { LocalProcess } from "./process/local_process.ts";
import { assertFunction } from "./remote/exported_modules.ts";
import {
  awaiting,
  checkArgs,
  checkOptions,
  isName,
  SIGNAL,
  TIMEOUT,
} from "./values/check_arguments.ts";
import type { ExitMessage } from "./values/exit_message.ts";
import { inspect, quote } from "./values/inspect.ts";
import { type Message, Pid, Ref } from "./values/pid.ts";
import { type Atom, nameOf } from "./values/atom.ts";
import { remoteNameOf } from "./values/beam_names.ts";
import { copyTerm, isTyped } from "./values/term.ts";
import type { OptionChecks } from "./values/options.ts";
import { spawnProcess } from "./spawning/spawn_process.ts";

export type { ExitMessage } from "./values/exit_message.ts";
export { type Message, Pid, Ref } from "./values/pid.ts";

/** A name on a node: Elixir's `{name, node}`. */
export interface NameOnNode {
  /** The registered name. */
  name: string | Atom;
  /** The node's name. */
  node: string | Atom;
}

/** A receiver of messages: a process, a local name, a name on a node, or an alias. */
export type Destination<M = unknown> =
  | Pid<M>
  | string
  | Atom
  | NameOnNode
  | Ref;

/** The message of a monitor, sent once, when the monitored process exits. */
export interface DownMessage {
  /** Always `"DOWN"`. */
  type: "DOWN";
  /** The monitor's reference. */
  ref: Ref;
  /** The monitored pid, or the name and its node. */
  object: Pid | { name: string; node: string };
  /** The exit reason; `"noproc"` if the process did not exist, `"noconnection"` if its node is down. */
  reason: unknown;
}

/** A reply that arrived when no call was waiting for it, such as a task's result. */
export interface ReplyMessage {
  /** Always `"reply"`. */
  type: "reply";
  /** The reference of the request. */
  ref: Ref;
  /** The reply: a result of a task, or the answer to a call that had timed out. */
  value: unknown;
}

/** Options for {@linkcode receive}. */
export interface ReceiveOptions<A = never> {
  /**
   * How long to wait, in milliseconds; 0 takes only a message that is already in the mailbox.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * The result when the time limit expires. Without it, the promise rejects with `ReceiveTimeout`.
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

/**
 * A schema for messages: an object of Zod, Valibot, ArkType and others that implement Standard Schema 1. It must
 * validate without waiting.
 *
 * @typeParam T The message that it accepts, as it returns it.
 */
export interface MessageSchema<T> {
  /** The part that Standard Schema defines. */
  readonly "~standard": {
    /** Returns the message, or why it is refused. A promise is refused. */
    readonly validate: (message: unknown) =>
      | { readonly value: T; readonly issues?: undefined }
      | { readonly issues: readonly unknown[] }
      | Promise<unknown>;
  };
}

const RECEIVE_OPTIONS: OptionChecks<ReceiveOptions<unknown>> = {
  timeout: TIMEOUT,
  after: true,
  signal: SIGNAL,
};

/**
 * Returns the pid of the calling process; outside any process, the shell's pid.
 *
 * @typeParam M The messages that the process accepts.
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
 * Sends a copy of a message. The copy is made immediately.
 *
 * Never throws for a receiver that is dead or cannot be reached; as in Erlang, the message is then dropped.
 * Messages between one sender and one receiver keep their order, and none is delivered twice. The first
 * message to a node connects to it.
 *
 * @typeParam M The messages that the receiver accepts.
 * @param message Plain data, and `undefined`, `bigint`, `Date`, `Map`, `Set`, byte arrays,
 *   errors, pids, references and atoms.
 * @returns `undefined` while the connection's buffer has room; otherwise a promise that resolves when the buffer has
 *   drained or the node is down. It never rejects. `await send(…)` corresponds to Erlang's suspending send.
 * @throws {TypeError} If the message contains a value that cannot be sent, such as a function.
 * @throws {RangeError} If it is nested too deeply or too large.
 * @throws {NoProcessError} If `to` is a local name that is not registered.
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
export function send<M, T>(
  to: Destination<M>,
  message: Message<NoInfer<M>, T>,
  options?: undefined,
): Promise<void> | undefined {
  if (options !== undefined) {
    throw new TypeError(
      `Cannot send with the options ${
        inspect(options)
      }: send takes none; call Process.send(to, message, options)`,
    );
  }
  const process = currentProcess();
  if (to instanceof Pid) return process.send(to, message);
  if (to instanceof Ref) return process.sendAlias(to, message);
  if (isName(to)) {
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
      }: the receiver is a pid, a name, { name, node }, or an alias${
        awaiting(to)
      }`,
    );
  }
  return process.sendName(remoteNameOf(to.name), nameOf(to.node), message);
}

/**
 * Takes the oldest message that the guard accepts out of the mailbox, or waits for one.
 *
 * Several concurrent waits in one process are served in order, each with its own guard.
 *
 * @param guard Returns whether to accept a message; without a guard, every message is accepted.
 * @returns The message, or `after` when the time limit expires.
 * @throws {ReceiveTimeout} If no message arrives in time and `after` is not given.
 * @throws {TypeError} If the guard is not a function.
 * @throws {ProcessExited} If the process exits during the wait; in the shell, `ExitError`.
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
): Promise<T | A>;
/**
 * Takes the oldest message that a schema accepts out of the mailbox, or waits for one. Other messages stay.
 *
 * @returns The value that the schema returns for the message, or `after` when the time limit expires.
 * @throws {TypeError} If the schema validates asynchronously; and as {@linkcode receive} with a guard.
 */
export function receive<T, A = never>(
  schema: MessageSchema<T>,
  options?: ReceiveOptions<A>,
): Promise<T | A>;
export function receive(
  // deno-lint-ignore no-explicit-any
  guard?: ((message: any) => boolean) | MessageSchema<unknown> | null,
  options?: ReceiveOptions<unknown>,
): Promise<unknown> {
  // Inlines promised(), which would create a closure for each message.
  try {
    if (isSchema(guard)) return receiveBySchema(guard, options);
    checkGuard(guard);
    const process = waitingProcess();
    if (process === undefined) return never();
    return process.mailbox.receive(
      guard ?? undefined,
      options === undefined ? undefined : waitOptions(options),
      process,
    );
  } catch (error) {
    return Promise.reject(error);
  }
}

function isSchema(guard: unknown): guard is MessageSchema<unknown> {
  return guard !== undefined && guard !== null &&
    // Schemas of some libraries are functions.
    typeof (guard as Partial<MessageSchema<unknown>>)["~standard"]
        ?.validate === "function";
}

const WAITS =
  "Cannot receive: the schema validates asynchronously; receive the message without it, and validate it then";

async function receiveBySchema(
  schema: MessageSchema<unknown>,
  options: ReceiveOptions<unknown> = {},
): Promise<unknown> {
  let accepted: { value: unknown } | undefined;
  checkOptions(options, "receive", RECEIVE_OPTIONS);
  // A guard that throws only refuses the message, so the wait is ended by a signal.
  const unusable = new AbortController();
  const { signal } = options;
  const message = await receive((message: unknown) => {
    const result = schema["~standard"].validate(message);
    if (result instanceof Promise) {
      result.catch(() => {});
      // Abort later, because messages already in the mailbox are tested before the wait begins.
      queueMicrotask(() => unusable.abort(new TypeError(WAITS)));
      return false;
    }
    if (result.issues !== undefined) return false;
    accepted = result;
    return true;
  }, {
    ...options,
    signal: signal === undefined
      ? unusable.signal
      : AbortSignal.any([signal, unusable.signal]),
  });
  return accepted === undefined ? message : accepted.value;
}

function checkGuard(guard: unknown): void {
  if (typeof guard === "function" || guard === undefined || guard === null) {
    return;
  }
  throw new TypeError(
    `Cannot receive: the guard is ${
      inspect(guard)
    }, and not a function; give options as the second argument: receive(null, options)`,
  );
}

function waitOptions(options: ReceiveOptions<unknown>): WaitOptions {
  checkOptions(options, "receive", RECEIVE_OPTIONS);
  const { timeout, after, signal } = options;
  return { timeout, after, hasAfter: Object.hasOwn(options, "after"), signal };
}

/** Options for {@linkcode spawn}, {@linkcode spawnLink} and {@linkcode spawnMonitor}. */
export interface SpawnOptions {
  /**
   * The name of the process in crash reports: at most 255 characters.
   *
   * @default {the function's name}
   */
  label?: string;
}

const SPAWN_OPTIONS: OptionChecks<SpawnOptions> = {
  label: {
    accepts: (label) =>
      typeof label === "string" && label.length <= BOUNDS.label,
    give: `a string of at most ${BOUNDS.label} characters`,
  },
};

/**
 * Starts a process.
 *
 * The process begins after the caller has yielded to the event loop, runs until its function returns (or the returned
 * promise settles), and inherits the caller's group leader. The arguments of the function are copied. To spawn on
 * another node, use `Node.spawn(node, …)`.
 *
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
  options: SpawnOptions = NO_OPTIONS,
): Pid {
  checkSpawn(options);
  return start(currentProcess(), fn, args, options).pid;
}

/**
 * Starts a process that is linked to the caller from the start.
 *
 * When one of the two processes exits with a reason other than `"normal"`, the other exits too, unless it traps exits.
 *
 * @example Usage
 * ```ts
 * import { exit, Process, receive, spawnLink } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * Process.trapExit(true);
 * spawnLink(() => exit("oops"));
 * assertEquals((await receive()).reason, "oops");
 * Process.trapExit(false);
 * ```
 */
export function spawnLink<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args?: A,
  options: SpawnOptions = NO_OPTIONS,
): Pid {
  checkSpawn(options);
  const parent = currentProcess();
  return start(parent, fn, args, options, parent).pid;
}

/**
 * Starts a process that the caller monitors from the start.
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
  options: SpawnOptions = NO_OPTIONS,
): { pid: Pid; ref: Ref } {
  checkSpawn(options);
  const parent = currentProcess();
  const ref = parent.runtime.makeRef();
  const monitor = { pid: parent.pid, ref };
  const { pid } = start(parent, fn, args, options, undefined, monitor);
  parent.addMonitor(ref, pid, pid.node);
  return { pid, ref };
}

/** Shared, because a new object costs 56 of the 1,200 bytes of a process that exits at once. */
const NO_OPTIONS: SpawnOptions = {};

function checkSpawn(options: SpawnOptions): void {
  if (options === NO_OPTIONS) return;
  checkOptions(options, "spawn", SPAWN_OPTIONS, '{ label: "worker" }');
}

function start<A extends unknown[]>(
  parent: LocalProcess,
  fn: (...args: A) => unknown,
  args: A | undefined,
  options: SpawnOptions,
  linkParent?: LocalProcess,
  monitor?: { pid: Pid; ref: Ref },
): LocalProcess {
  assertFunction(fn);
  checkArgs(args);
  const { runtime } = parent;
  const copy = args === undefined
    ? undefined
    : copyTerm(args, runtime.maxDepth) as A;
  return spawnProcess(
    runtime,
    copy === undefined ? fn as () => unknown : () => fn(...copy),
    {
      label: options.label ?? fn.name,
      parent: parent.pid,
      groupLeader: parent.groupLeader,
      linkParent,
      monitor,
    },
  );
}

/**
 * Exits the calling process: throws an `ExitError`, which ends the process if it is not caught.
 *
 * `Process.exit` sends an exit signal to another process.
 *
 * @throws {ExitError} With the reason.
 * @throws {TypeError} If a second argument is given: `Process.exit` takes a pid and a reason.
 *
 * @example Usage
 * ```ts
 * import { exit, receive, spawnMonitor } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * spawnMonitor(() => exit("oops"));
 * assertEquals((await receive()).reason, "oops");
 * ```
 */
export function exit(reason: unknown): never;
export function exit(...args: unknown[]): never {
  if (args.length > 1) {
    throw new TypeError(
      `Cannot exit with ${args.length} arguments: exit takes a reason; call Process.exit(pid, reason) for another process`,
    );
  }
  currentProcess();
  throw new ExitError(args[0]);
}

/**
 * Returns a new unique reference.
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

/**
 * Tests whether a message is an {@linkcode ExitMessage}.
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
  return isTyped(message, "EXIT");
}

/**
 * Tests whether a message is a {@linkcode DownMessage}.
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
  return isTyped(message, "DOWN");
}

/**
 * Tests whether a message is a {@linkcode ReplyMessage}.
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
  return isTyped(message, "reply");
}
