/**
 * Servers: how one is started, serves, and is stopped. What OTP's `proc_lib` and `gen_server` are to
 * each other, this is to supervisors, task supervisors and application controllers.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { ExitError } from "../errors.ts";
import { never, waitingProcess } from "../runtime/current.ts";
import { inspect } from "../runtime/inspect.ts";
import { Atom, nameOf, Pid, Ref } from "../runtime/pid.ts";
import { reasonOf } from "../runtime/errors.ts";
import type { AliasMode, Process, Wait } from "../runtime/process.ts";
import type { Target } from "../runtime/signal.ts";
import { isSelf, locate, sendTo } from "./call.ts";
import { type Call, type Cast, isTyped, type ServerRef } from "./messages.ts";
import {
  type GlobalName,
  isGlobalName,
  isViaName,
  registerName,
  type ServerAddress,
  serverInWords,
  type ServerName,
  serverName,
  unregisterName,
  type ViaName,
  whereisName,
} from "./names.ts";

export { reasonOf };

/** The reason with which nothing was started, as the name was taken: `{already_started, pid}`. */
export interface AlreadyStartedReason {
  /** Always `"already_started"`. */
  type: "already_started";
  /** Who has the name; `undefined` if it was given up at the very moment. */
  pid: Pid | undefined;
}

/** Asks a server to end: OTP's system message `{terminate, reason}`. It says that it does; then comes its DOWN. */
export interface Stop {
  /** Always `"$stop"`. */
  type: "$stop";
  /** Who asks. */
  from: Pid;
  /** The monitor that waits for the end, and alias of the answer. */
  ref: Ref;
  /** With which reason it is to exit. */
  reason: unknown;
}

/** Whom a reply goes to. */
export interface Caller {
  /** Who calls. */
  pid: Pid;
  /** The alias that the reply goes to. */
  ref: Ref;
}

/** What `call` gives when the reply is sent later, by `process.reply(caller.ref, value)`. */
export const NO_REPLY: unique symbol = Symbol("no reply");

/**
 * What a server does with its messages, one at a time. What throws, or rejects, ends the server with
 * that reason, an `ExitError` with the reason that it carries.
 */
export interface Server {
  /** Answers a call with what it gives, or with nothing yet ({@linkcode NO_REPLY}). */
  call(request: unknown, caller: Caller): unknown;
  /** Takes a request that is not answered. */
  cast?(request: unknown): unknown;
  /** Takes any other message: an EXIT that is not its parent's, a DOWN, a plain message. */
  info?(message: unknown): unknown;
  /** Cleans up before the server exits for a reason of its own, a stop or its parent's exit. */
  terminate?(reason: unknown): unknown;
  /** What it knows, for the report of its crash. */
  readonly state?: unknown;
  /** Is called before the first message. */
  begin?(): unknown;
  /** Milliseconds to wait for the next message; if none comes, `info` gets `"timeout"`. */
  readonly timeout?: number;
}

/** How a process is started. */
export interface StartOptions {
  /** Its name. */
  name?: ServerName;
  /** What it runs, in words. */
  label: string;
  /**
   * Whether it is linked to its starter; its parent is nobody otherwise.
   *
   * @default {true}
   */
  link?: boolean;
  /**
   * Milliseconds that it may take to be ready; it is killed then.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** Whether a process that is being started is ready, or ends as it does not want to go on. */
export interface Start {
  /** It is ready. */
  ready(): void;
  /** It ends normally, and its starter gets `outcome` instead of its pid; or an exit, if it is one. */
  refuse(outcome: unknown): never;
}

/**
 * A server as `ServerRef`, whatever way it was named.
 *
 * @throws {TypeError} If it is none.
 */
export function serverRef(server: ServerAddress): ServerRef {
  if (server instanceof Pid) return server;
  if (typeof server === "string" || server instanceof Atom) {
    return nameOf(server);
  }
  if (isViaName(server) || isGlobalName(server)) return server;
  if (isText(server?.name) && isText(server.node)) {
    return { name: nameOf(server.name), node: nameOf(server.node) };
  }
  throw new TypeError(
    `Cannot reach the server ${
      inspect(server)
    }: give a pid, a name, { name, node }, { via: registry, name } or { global: name }${
      (server as unknown) instanceof Promise ? "; await the start" : ""
    }`,
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" || value instanceof Atom;
}

/**
 * Starts a server, linked to the caller unless it is told otherwise, and waits for its initialisation.
 *
 * Follows `gen_server:start_link`. If `init` fails, nothing is left behind: the process has ended, its
 * name is free, and a caller that traps exits gets no EXIT; one that does not trap exits with it.
 *
 * @throws {ExitError} With the reason with which the initialisation failed, or with an
 *   {@linkcode AlreadyStartedReason}.
 */
export function startServer(
  init: (process: Process, start: Start) => Server | Promise<Server>,
  options: StartOptions,
): Promise<Pid> {
  return startLinked(async (process, start) => {
    const server = await init(process, start);
    start.ready();
    await serve(process, server, options.link === false);
  }, options);
}

/** Starts a process, linked to the caller, and waits until it says that it is ready. */
export function startLinked(
  body: (process: Process, start: Start) => unknown,
  options: StartOptions,
): Promise<Pid> {
  const starter = waitingProcess();
  if (starter === undefined) return never();
  const name = options.name === undefined
    ? undefined
    : serverName(options.name);
  const begin = (taken: Pid | undefined) =>
    taken === undefined
      ? startUnder(starter, name, body, options)
      : Promise.reject(alreadyStarted(taken));
  const taken = name === undefined ? undefined : whoHas(name, starter);
  if (!(taken instanceof Promise)) return begin(taken);
  return taken.then((taken) => starter.alive ? begin(taken) : never());
}

type OwnName = string | ViaName | GlobalName;

function whoHas(
  name: OwnName,
  { runtime }: Process,
): Pid | undefined | Promise<Pid | undefined> {
  return typeof name === "string"
    ? runtime.names.get(name)?.pid
    : whereisName(name);
}

function alreadyStarted(pid: Pid | undefined): ExitError {
  const reason: AlreadyStartedReason = { type: "already_started", pid };
  return new ExitError(reason);
}

function startUnder(
  starter: Process,
  name: OwnName | undefined,
  body: (process: Process, start: Start) => unknown,
  { label, link = true, timeout = Infinity }: StartOptions,
): Promise<Pid> {
  const { runtime } = starter;
  const ref = runtime.makeRef();
  const process: Process = runtime.spawn(
    () =>
      name === undefined || typeof name === "string"
        ? body(process, start)
        : runUnder(process, name, start, body),
    {
      label,
      kind: "server",
      parent: starter.pid,
      groupLeader: starter.groupLeader,
      linkParent: link ? starter : undefined,
      monitor: { pid: starter.pid, ref },
    },
  );
  process.lineage!.starting = true;
  if (typeof name === "string") runtime.register(name, process);
  const start = new Starting(starter, process, ref);
  starter.addMonitor(ref, process.pid, runtime.node);
  starter.addAlias(ref, "reply_demonitor");
  starter.await(ref, start);
  start.limit(timeout);
  return start.pid;
}

/** Runs a process under a name that a registry keeps: it has it before it does anything else. */
async function runUnder(
  process: Process,
  name: ViaName | GlobalName,
  start: Starting,
  body: (process: Process, start: Start) => unknown,
): Promise<void> {
  if (!(await registerName(name, process.pid))) {
    start.refuse(alreadyStarted(await whereisName(name)));
  }
  try {
    await body(process, start);
  } catch (error) {
    if (process.alive && !start.isReady) await unregisterName(name);
    throw error;
  }
}

/** Waits for a process to be ready. */
class Starting implements Start, Wait {
  readonly node: string;
  readonly pid: Promise<Pid>;
  readonly #starter: Process;
  readonly #started: Process;
  readonly #ref: Ref;
  #isReady = false;
  #outcome: { value: unknown } | undefined;
  #stopTimer: (() => void) | undefined;
  #resolve!: (pid: Pid) => void;
  #reject!: (error: unknown) => void;

  constructor(starter: Process, started: Process, ref: Ref) {
    this.node = started.pid.node;
    this.#starter = starter;
    this.#started = started;
    this.#ref = ref;
    this.pid = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether the process was ready once. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Kills the process if it is not ready in time. */
  limit(timeout: number): void {
    if (timeout === Infinity) return;
    const starter = this.#starter;
    const { pid } = this.#started;
    this.#stopTimer = starter.runtime.after(timeout, () => {
      starter.unawait(this.#ref);
      starter.demonitor(this.#ref);
      starter.unlink(pid);
      starter.runtime.exit(starter.pid, pid, "kill");
      this.#reject(new ExitError("timeout"));
    });
  }

  ready(): void {
    if (!this.#started.alive) return;
    this.#isReady = true;
    this.#started.lineage!.starting = false;
    this.#started.reply(this.#ref, undefined);
  }

  refuse(outcome: unknown): never {
    // It is told when the process has ended, so that nothing of it is left then.
    this.#outcome = { value: outcome };
    throw new ExitError("normal");
  }

  reply(): void {
    this.#settle();
    this.#resolve(this.#started.pid);
  }

  down(_object: unknown, reason: unknown): void {
    this.#settle();
    takeExit(this.#starter, this.#started.pid);
    const outcome = this.#outcome?.value;
    if (outcome instanceof ExitError) this.#reject(outcome);
    else if (this.#outcome !== undefined) this.#resolve(outcome as Pid);
    else {
      this.#reject(
        new ExitError(
          reason,
          reason instanceof Error ? { cause: reason } : undefined,
        ),
      );
    }
  }

  #settle(): void {
    this.#stopTimer?.();
    this.#starter.unawait(this.#ref);
  }

  abandon(error: () => unknown): void {
    this.#stopTimer?.();
    this.pid.catch(ignore);
    this.#reject(error());
  }
}

/**
 * Serves until the server is stopped, its parent exits, or what it does throws.
 *
 * @param orphan Whether the process that started it is nobody to it: its EXIT is a message as others.
 */
export async function serve(
  process: Process,
  server: Server,
  orphan = false,
): Promise<never> {
  const { mailbox } = process;
  const parent = orphan ? undefined : process.parent;
  let message: unknown;
  try {
    await server.begin?.();
    for (;;) {
      const { timeout } = server;
      message = await mailbox.receive(
        undefined,
        timeout === undefined
          ? undefined
          : { timeout, after: "timeout", hasAfter: true },
        process,
      );
      // It may have been killed since it was given the message.
      process.assertAlive();
      const result = dispatch(process, server, message, parent);
      if (result !== undefined) await result;
    }
  } catch (error) {
    if (process.alive) {
      noteFailure(process, server, message);
      await server.terminate?.(reasonOf(error));
    }
    throw error;
  }
}

/** Keeps what a server was at when it failed, for the report of its crash. */
function noteFailure(
  { lineage }: Process,
  server: Server,
  message: unknown,
): void {
  if (lineage === undefined) return;
  if (isCall(message)) {
    const { request: lastMessage, from: client } = message;
    lineage.context = { lastMessage, client };
  } else {lineage.context = message === undefined
      ? {}
      : { lastMessage: message };}
  if ("state" in server) lineage.context.state = server.state;
}

function dispatch(
  process: Process,
  server: Server,
  message: unknown,
  parent: Pid | undefined,
): Promise<unknown> | undefined {
  if (isCall(message)) {
    const { from, ref, request } = message;
    const value = server.call(request, { pid: from, ref });
    if (value instanceof Promise) {
      return value.then((value) => answer(process, ref, value));
    }
    answer(process, ref, value);
    return undefined;
  }
  if (isTyped(message, "$cast")) {
    return pending(server.cast?.((message as Cast).request));
  }
  if (isTyped(message, "$stop")) {
    const { ref, reason } = message as unknown as Stop;
    if (ref instanceof Ref) process.reply(ref, "ok");
    throw new ExitError(reason);
  }
  if (isExitFrom(message, parent)) throw new ExitError(message.reason);
  return pending(server.info?.(message));
}

function isCall(message: unknown): message is Call {
  return isTyped(message, "$call") &&
    (message as Partial<Call>).from instanceof Pid &&
    (message as Partial<Call>).ref instanceof Ref;
}

function answer(process: Process, ref: Ref, value: unknown): void {
  if (value !== NO_REPLY) process.reply(ref, value);
}

function pending(result: unknown): Promise<unknown> | undefined {
  return result instanceof Promise ? result : undefined;
}

/** Whether a message is the EXIT of a process. */
export function isExitFrom(
  message: unknown,
  pid: Pid | undefined,
): message is { type: "EXIT"; from: Pid; reason: unknown } {
  return pid !== undefined && isTyped(message, "EXIT") &&
    pid.equals((message as { from?: unknown }).from);
}

/** Takes the EXIT of a process out of the mail, if it has come. */
export function takeExit(
  process: Process,
  pid: Pid,
): { reason: unknown } | undefined {
  const mail = process.mailbox.take((message) => isExitFrom(message, pid));
  return mail?.message as { reason: unknown } | undefined;
}

/** Waits for the end of a process under a monitor of its own: nothing goes through the mail. */
export class Ending implements Wait {
  readonly node: string;
  /** The monitor. */
  readonly ref: Ref;
  /** Resolves with the exit reason. */
  readonly reason: Promise<unknown>;
  /** Whether what is awaited has said that it ends. */
  isTold = false;
  readonly #process: Process;
  #resolve!: (reason: unknown) => void;
  #reject!: (error: unknown) => void;

  /** With a mode, the monitor is an alias too. */
  constructor(
    process: Process,
    target: Target,
    node: string,
    mode?: AliasMode,
  ) {
    this.node = node;
    this.#process = process;
    this.reason = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ref = process.runtime.makeRef();
    process.monitor(target, node, mode, this, this.ref);
  }

  /** Whether it comes within so many milliseconds; the monitor stays if it does not. */
  within(ms: number): Promise<boolean> {
    if (ms === Infinity) return this.reason.then(() => true);
    const { runtime } = this.#process;
    return new Promise((resolve, reject) => {
      const stopTimer = runtime.after(ms, () => resolve(false));
      this.reason.then(
        () => {
          stopTimer();
          resolve(true);
        },
        (error) => {
          stopTimer();
          reject(error);
        },
      );
    });
  }

  /** No longer waits. */
  cancel(): void {
    this.#process.unawait(this.ref);
    this.#process.demonitor(this.ref);
  }

  reply(): void {
    this.isTold = true;
  }

  down(_object: unknown, reason: unknown): void {
    this.#process.unawait(this.ref);
    this.#resolve(reason);
  }

  abandon(error: () => unknown): void {
    this.reason.catch(ignore);
    this.#reject(error());
  }
}

/**
 * Stops a server and waits for its end, as `proc_lib:stop` does.
 *
 * @throws {ExitError} If it was not there, ended for another reason, or not in time.
 */
export async function stopServer(
  server: ServerRef,
  reason: unknown,
  timeout: number,
): Promise<"ok"> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const fail = (why: unknown) => {
    const limit = timeout === Infinity ? "infinity" : timeout;
    return new ExitError({
      type: "call",
      reason: why,
      call: ["GenServer", "stop", [serverInWords(server), reason, limit]],
    });
  };
  const located = locate(server, process);
  const place = located instanceof Promise ? await located : located;
  if (isSelf(process, place)) throw fail("calling_self");
  const ending = new Ending(process, place.target, place.node, "demonitor");
  try {
    const stop: Stop = {
      type: "$stop",
      from: process.pid,
      ref: ending.ref,
      reason,
    };
    sendTo(process, place, stop);
    if (!(await ending.within(timeout))) throw fail("timeout");
  } finally {
    ending.cancel();
  }
  const actual = await ending.reason;
  if (ending.isTold && isDeepStrictEqual(actual, reason)) return "ok";
  // As in OTP, one that has ended before it took the request has failed a call of its own.
  throw fail(
    ending.isTold || actual === "noproc" ? actual : {
      type: "call",
      reason: actual === "noconnection"
        ? { type: "nodedown", node: place.node }
        : actual,
      call: ["sys", "terminate", [serverInWords(server), reason, "infinity"]],
    },
  );
}

function ignore(): void {}
