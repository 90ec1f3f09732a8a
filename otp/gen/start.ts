/** Starting processes whose starters wait until they are ready, as OTP's `proc_lib:start_link` does. */

import { ExitError } from "../../core/errors.ts";
import { andThen } from "../../core/promises/promises.ts";
import { never, waitingProcess } from "../../core/runtime/current_process.ts";
import { isOver, remaining, type TimeLimits, within } from "./cancellation.ts";
import type { Atom } from "../../core/values/atom.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import { PendingReply } from "../../core/processes/pending_answer.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import {
  type GlobalName,
  registerName,
  type ServerName,
  serverName,
  unregisterName,
  type ViaName,
  whereisName,
} from "./server_ref.ts";
import { serve, type Server, takeExit } from "./server.ts";

/** The reason when nothing was started because the name is registered: `{already_started, pid}`. */
export interface AlreadyStartedReason {
  /** Always `"already_started"`. */
  type: "already_started";
  /** The process with the name; `undefined` if the name was released in the meantime. */
  pid: Pid | undefined;
}

/**
 * Options for the start of a process. When a limit is reached or the signal is aborted, the process is killed, and
 * the starter receives no EXIT.
 */
export interface StartOptions extends TimeLimits {
  /** Its name. */
  name?: ServerName;
  /** A name for its code, for reports. */
  label: string;
  /**
   * Whether it is linked to its starter; if not, its parent is no process.
   *
   * @default {true}
   */
  link?: boolean;
}

/** The result of a start, which the started process reports. */
export interface Start {
  /** Reports that it is ready. */
  ready(): void;
  /** Exits normally. The starter gets `outcome` instead of the pid, or fails with it if it is an `ExitError`. */
  refuse(outcome: unknown): never;
}

/**
 * Starts a server, linked to the caller by default, and waits for its initialisation.
 *
 * Follows `gen_server:start_link`. If `init` fails, nothing is left behind: the process has exited, and its name is
 * free. A caller that traps exits receives no EXIT; any other caller exits too.
 *
 * @throws {ExitError} With the reason with which the initialisation failed, or with an
 *   {@linkcode AlreadyStartedReason}.
 */
export function startServer(
  init: (process: LocalProcess, start: Start) => Server | Promise<Server>,
  options: StartOptions,
): Promise<Pid> {
  const orphan = options.link === false;
  // serve() runs as long as the process, and would retain the start as long.
  return startLinked(
    (process, start) =>
      serve(process, readied(init(process, start), start), orphan),
    options,
  );
}

/** Notifies the starter that the server is ready. */
function readied(
  server: Server | Promise<Server>,
  start: Start,
): Server | Promise<Server> {
  return andThen(server, (server) => {
    start.ready();
    return server;
  });
}

/** Starts a process, linked to the caller, and waits until it reports that it is ready. */
function startLinked(
  body: (process: LocalProcess, start: Start) => unknown,
  options: StartOptions,
): Promise<Pid> {
  const starter = waitingProcess();
  if (starter === undefined) return never();
  const name = options.name === undefined
    ? undefined
    : serverName(options.name);
  const { signal, deadline } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (isOver(deadline)) return Promise.reject(late());
  const timeout = remaining(options.timeout ?? Infinity, deadline);
  const taken = name === undefined ? undefined : whereisOwn(name, starter);
  if (taken instanceof Promise) {
    return startLater(starter, taken, name, body, options, timeout);
  }
  return taken === undefined
    ? startUnder(starter, name, body, options, timeout)
    : Promise.reject(alreadyStarted(taken));
}

/** Starts a process when the registry of its name has answered. */
async function startLater(
  starter: LocalProcess,
  lookup: Promise<Pid | undefined>,
  name: Exclude<ServerName, Atom> | undefined,
  body: (process: LocalProcess, start: Start) => unknown,
  options: StartOptions,
  timeout: number,
): Promise<Pid> {
  const { runtime } = starter;
  const end = runtime.now() + timeout;
  const taken = await within(starter, lookup, timeout, options.signal, late);
  if (!starter.alive) return await never();
  if (taken !== undefined) throw alreadyStarted(taken);
  const left = Math.max(0, end - runtime.now());
  return await startUnder(starter, name, body, options, left);
}

function late(): ExitError {
  return new ExitError("timeout");
}

function whereisOwn(
  name: Exclude<ServerName, Atom>,
  { runtime }: LocalProcess,
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
  starter: LocalProcess,
  name: Exclude<ServerName, Atom> | undefined,
  body: (process: LocalProcess, start: Start) => unknown,
  { label, link = true, signal }: StartOptions,
  timeout: number,
): Promise<Pid> {
  const { runtime } = starter;
  const ref = runtime.makeRef();
  const process: LocalProcess = runtime.spawn(
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
  const start = new PendingStart(starter, process, ref);
  starter.addMonitor(ref, process.pid, runtime.node);
  starter.addAlias(ref, "reply_demonitor");
  starter.await(ref, start);
  start.limit(timeout, signal);
  return start.promise;
}

/** Runs a process under a name in a registry: it registers the name before anything else. */
async function runUnder(
  process: LocalProcess,
  name: ViaName | GlobalName,
  start: PendingStart,
  body: (process: LocalProcess, start: Start) => unknown,
): Promise<void> {
  if (!(await registerName(name, process.pid))) {
    start.refuse(alreadyStarted(await whereisName(name)));
  }
  process.assertAlive();
  try {
    await body(process, start);
  } catch (error) {
    if (process.alive && !start.isReady) await unregisterName(name);
    throw error;
  }
}

/** The wait for a process to be ready. */
class PendingStart extends PendingReply<Pid> implements Start {
  readonly by: Pid;
  readonly #started: LocalProcess;
  #isReady = false;
  #outcome: { value: unknown } | undefined;

  constructor(starter: LocalProcess, started: LocalProcess, ref: Ref) {
    super(starter, started.pid.node, false, ref);
    this.by = started.pid;
    this.#started = started;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  override expire(): void {
    this.cancel();
    this.#kill();
    this.settleFailed(late);
  }

  override aborted(reason: unknown): void {
    this.cancel();
    this.#kill();
    super.aborted(reason);
  }

  /** Kills the process because the start was not finished in time. */
  #kill(): void {
    const starter = this.process;
    starter.unlink(this.by);
    starter.runtime.local.exit(starter.pid, this.by, "kill");
  }

  ready(): void {
    if (!this.#started.alive) return;
    this.#isReady = true;
    this.#started.lineage!.starting = false;
    this.#started.reply(this.ref, undefined);
  }

  refuse(outcome: unknown): never {
    // Delivered after the process has exited, so that nothing is left of it by then.
    this.#outcome = { value: outcome };
    throw new ExitError("normal");
  }

  override reply(): void {
    this.close();
    this.settle(this.by);
  }

  override down(_object: unknown, reason: unknown): void {
    this.close();
    takeExit(this.process, this.by);
    const outcome = this.#outcome?.value;
    if (outcome instanceof ExitError) this.settleFailed(() => outcome);
    else if (this.#outcome !== undefined) this.settle(outcome as Pid);
    else {
      const options = reason instanceof Error ? { cause: reason } : undefined;
      this.settleFailed(() => new ExitError(reason, options));
    }
  }
}
