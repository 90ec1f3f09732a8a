/**
 * Servers: how one is started, serves, and is stopped. What OTP's `proc_lib` and `gen_server` are to
 * each other, this is to supervisors, task supervisors and application controllers.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { ExitError } from "../errors.ts";
import { never, waitingProcess } from "../runtime/current.ts";
import { Atom, nameOf, Pid, Ref } from "../runtime/pid.ts";
import type { Process, Wait } from "../runtime/process.ts";
import type { Target } from "../runtime/signal.ts";
import { isSelf, locate, sendTo } from "./call.ts";
import { type Call, type Cast, isTyped, type ServerRef } from "./messages.ts";

/** The reason with which nothing was started, as the name was taken: `{already_started, pid}`. */
export interface AlreadyStartedReason {
  /** Always `"already_started"`. */
  type: "already_started";
  /** Who has the name. */
  pid: Pid;
}

/** Asks a server to end: OTP's system message `{terminate, reason}`. The answer is its DOWN. */
export interface Stop {
  /** Always `"$stop"`. */
  type: "$stop";
  /** Who asks. */
  from: Pid;
  /** The monitor that waits for the end. */
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
}

/** How a process is started and linked to its starter. */
export interface StartOptions {
  /** Its registered name. */
  name?: string;
  /** What it runs, in words. */
  label: string;
}

/** A server as `ServerRef`, whatever way it was named. */
export function serverRef(
  server: Pid | string | Atom | { name: string | Atom; node: string | Atom },
): ServerRef {
  if (server instanceof Pid) return server;
  if (typeof server === "string" || server instanceof Atom) {
    return nameOf(server);
  }
  return { name: nameOf(server.name), node: nameOf(server.node) };
}

/** Why a process that threw `error` exits. */
export function reasonOf(error: unknown): unknown {
  if (error instanceof ExitError) return error.reason;
  return error instanceof Error ? error : { type: "nocatch", value: error };
}

/**
 * Starts a server that is linked to the caller, and waits for its initialisation.
 *
 * Follows `gen_server:start_link`. If `init` fails, nothing is left behind: the process has ended, its
 * name is free, and a caller that traps exits gets no EXIT; one that does not trap exits with it.
 *
 * @throws {ExitError} With the reason with which the initialisation failed, or with an
 *   {@linkcode AlreadyStartedReason}.
 */
export function startServer(
  init: (process: Process) => Server | Promise<Server>,
  options: StartOptions,
): Promise<Pid> {
  return startLinked(async (process, ready) => {
    const server = await init(process);
    ready();
    await serve(process, server);
  }, options);
}

/** Starts a process that is linked to the caller, and waits until it says that it is ready. */
export function startLinked(
  body: (process: Process, ready: () => void) => unknown,
  options: StartOptions,
): Promise<Pid> {
  const starter = waitingProcess();
  if (starter === undefined) return never();
  const { runtime } = starter;
  const { name, label } = options;
  const taken = name === undefined ? undefined : runtime.names.get(name);
  if (taken !== undefined) {
    const reason: AlreadyStartedReason = {
      type: "already_started",
      pid: taken.pid,
    };
    return Promise.reject(new ExitError(reason));
  }
  const ref = runtime.makeRef();
  const process: Process = runtime.spawn(
    () =>
      body(process, () => {
        if (process.alive) process.reply(ref, undefined);
      }),
    {
      label,
      parent: starter.pid,
      groupLeader: starter.groupLeader,
      linkParent: starter,
      monitor: { pid: starter.pid, ref },
    },
  );
  if (name !== undefined) runtime.register(name, process);
  const start = new Starting(starter, process.pid);
  starter.addMonitor(ref, process.pid, runtime.node);
  starter.addAlias(ref, "reply_demonitor");
  starter.await(ref, start);
  return start.pid;
}

/** Waits for a process to be ready. */
class Starting implements Wait {
  readonly node: string;
  readonly pid: Promise<Pid>;
  readonly #starter: Process;
  readonly #started: Pid;
  #resolve!: (pid: Pid) => void;
  #reject!: (error: unknown) => void;

  constructor(starter: Process, started: Pid) {
    this.node = started.node;
    this.#starter = starter;
    this.#started = started;
    this.pid = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  reply(_value: unknown, ref: Ref): void {
    this.#starter.unawait(ref);
    this.#resolve(this.#started);
  }

  down(_object: unknown, reason: unknown, ref: Ref): void {
    this.#starter.unawait(ref);
    takeExit(this.#starter, this.#started);
    this.#reject(
      new ExitError(
        reason,
        reason instanceof Error ? { cause: reason } : undefined,
      ),
    );
  }

  abandon(error: () => unknown): void {
    this.pid.catch(ignore);
    this.#reject(error());
  }
}

/** Serves until the server is stopped, its parent exits, or what it does throws. */
export async function serve(process: Process, server: Server): Promise<never> {
  const { mailbox, parent } = process;
  try {
    for (;;) {
      const message = await mailbox.receive(undefined, undefined, process);
      const result = dispatch(process, server, message, parent);
      if (result !== undefined) await result;
    }
  } catch (error) {
    if (process.alive) await server.terminate?.(reasonOf(error));
    throw error;
  }
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
    throw new ExitError((message as unknown as Stop).reason);
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
  readonly #process: Process;
  #resolve!: (reason: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(process: Process, target: Target, node: string) {
    this.node = node;
    this.#process = process;
    this.reason = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ref = process.runtime.makeRef();
    process.monitor(target, node, undefined, this, this.ref);
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

  reply(): void {}

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
      call: ["GenServer", "stop", [server, reason, limit]],
    });
  };
  const place = locate(server, process);
  if (isSelf(process, place)) throw fail("calling_self");
  const ending = new Ending(process, place.target, place.node);
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
  if (actual === "noconnection") {
    throw fail({ type: "nodedown", node: place.node });
  }
  if (!isDeepStrictEqual(actual, reason)) throw fail(actual);
  return "ok";
}

function ignore(): void {}
