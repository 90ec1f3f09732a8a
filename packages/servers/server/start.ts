/** Starting processes whose starters wait until they are ready, as OTP's `proc_lib:start_link` does. */

import { ExitError } from "@otp/processes/errors";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import {
  type CancelOptions,
  isOver,
  remaining,
  within,
} from "./cancellation.ts";
import type { Atom } from "@otp/processes/values/atom";
import type { StartWait } from "@otp/processes/values/lineage";
import type { Pid } from "@otp/processes/values/pid";
import { PendingReply } from "@otp/processes/process/pending_answer";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  ENDS_ITSELF,
  spawnProcess,
} from "@otp/processes/spawning/spawn_process";
import {
  type RegisteredName,
  registryOf,
  type ServerName,
  serverName,
  whereisName,
} from "./server_ref.ts";
import { serve, type Server, takeExit } from "./server.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import { TIMEOUT } from "@otp/processes/values/check_arguments";
import { crash } from "@otp/processes/process/deaths";

/** The reason when nothing was started because the name is registered: `{already_started, pid}`. */
export interface AlreadyStartedReason {
  /** Always `"already_started"`. */
  type: "already_started";
  /** The process with the name; `undefined` if the name was released in the meantime. */
  pid: Pid | undefined;
}

/** Options for the start of a server of any kind. */
export interface ServerStartOptions {
  /**
   * The name of the server: on its node, in a registry, or in the cluster. It is registered before the server is
   * initialised.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * The time limit for the start, in milliseconds: the look-up of the name, its registration, and the initialisation,
   * such as `init`, the first state, or the start of children. When it expires, the start fails with `"timeout"`. The
   * server is then killed, as when the signal is aborted, and its name is released; a name in the cluster is released
   * as soon as the nodes that have it answer.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** The checks of {@linkcode ServerStartOptions}, for interfaces that extend it. */
export const SERVER_START_OPTIONS: OptionChecks<ServerStartOptions> = {
  name: true,
  timeout: TIMEOUT,
};

/**
 * Options for the start of a process. When a limit is reached or the signal is aborted, the process is killed, and
 * the starter receives no EXIT.
 */
export interface StartOptions extends ServerStartOptions, CancelOptions {
  /** A name for its code, for reports. */
  label: string;
  /**
   * Whether it is linked to its starter; if not, its parent is no process.
   *
   * @default {true}
   */
  link?: boolean;
}

/** The end of a start, which the started process reports. */
export interface Start {
  /** Exits normally. The starter gets `outcome` instead of the pid, or fails with it if it is an `ExitError`. */
  refuse(outcome: unknown): never;
}

/** Creates the server of a new process, which is ready when this returns or resolves. */
type ServerInit = (
  process: LocalProcess,
  start: Start,
) => Server | Promise<Server>;

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
  init: ServerInit,
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
  const taken = name === undefined
    ? undefined
    : typeof name === "string"
    ? starter.runtime.names.get(name)?.pid
    : whereisName(name);
  if (taken instanceof Promise) {
    return startLater(starter, taken, name, init, options, timeout);
  }
  return taken === undefined
    ? startUnder(starter, name, init, options, timeout)
    : Promise.reject(alreadyStarted(taken));
}

/** Starts a process when the registry of its name has answered. */
async function startLater(
  starter: LocalProcess,
  lookup: Promise<Pid | undefined>,
  name: Exclude<ServerName, Atom> | undefined,
  init: ServerInit,
  options: StartOptions,
  timeout: number,
): Promise<Pid> {
  const { runtime } = starter;
  const end = runtime.clock.now() + timeout;
  const taken = await within(starter, lookup, timeout, options.signal, late);
  if (!starter.alive) return await never();
  if (taken !== undefined) throw alreadyStarted(taken);
  const left = Math.max(0, end - runtime.clock.now());
  return await startUnder(starter, name, init, options, left);
}

function late(): ExitError {
  return new ExitError("timeout");
}

function alreadyStarted(pid: Pid | undefined): ExitError {
  const reason: AlreadyStartedReason = { type: "already_started", pid };
  return new ExitError(reason);
}

function startUnder(
  starter: LocalProcess,
  name: Exclude<ServerName, Atom> | undefined,
  init: ServerInit,
  { label, link = true, signal }: StartOptions,
  timeout: number,
): Promise<Pid> {
  const start = new PendingStart(starter, init, name, !link);
  const process = spawnProcess(starter.runtime, () => start.run(), {
    label,
    kind: "server",
    parent: starter.pid,
    groupLeader: starter.groupLeader,
    linkParent: link ? starter : undefined,
  });
  start.begin(process);
  if (typeof name === "string") starter.runtime.names.register(name, process);
  start.limit(timeout, signal);
  return start.promise;
}

/**
 * The wait for a process to be ready. Both ends are on one node, so the process and the wait know each other, and no
 * monitor or alias is between them.
 */
class PendingStart extends PendingReply<Pid> implements Start, StartWait {
  readonly #init: ServerInit;
  readonly #name: Exclude<ServerName, Atom> | undefined;
  readonly #isOrphan: boolean;
  #started: LocalProcess | undefined;
  #outcome: { value: unknown } | undefined;

  constructor(
    starter: LocalProcess,
    init: ServerInit,
    name: Exclude<ServerName, Atom> | undefined,
    isOrphan: boolean,
  ) {
    super(starter, starter.runtime.node);
    this.#init = init;
    this.#name = name;
    this.#isOrphan = isOrphan;
  }

  /** Waits for a process that runs {@linkcode PendingStart.run}. */
  begin(started: LocalProcess): void {
    this.#started = started;
    started.lineage!.starting = this;
    this.process.addEntry(this);
  }

  /** The code of the process: initialises the server, and serves. */
  run(): typeof ENDS_ITSELF {
    const name = this.#name;
    if (name !== undefined && typeof name !== "string") this.#runUnder(name);
    else {
      const server = this.#init(this.#started!, this);
      if (server instanceof Promise) this.#runLater(server);
      else this.#serve(server);
    }
    return ENDS_ITSELF;
  }

  #serve(server: Server): void {
    this.ready();
    serve(this.#started!, server, this.#isOrphan);
  }

  async #runLater(server: Promise<Server>): Promise<void> {
    try {
      this.#serve(await server);
    } catch (error) {
      this.#crash(error);
    }
  }

  /** Runs under a name in a registry: registers the name before anything else. */
  async #runUnder(name: RegisteredName): Promise<void> {
    const process = this.#started!;
    const [registry, key] = registryOf(name);
    try {
      if (!(await registry.registerName(key, process.pid))) {
        this.refuse(alreadyStarted(await registry.whereisName(key)));
      }
    } catch (error) {
      return this.#crash(error);
    }
    if (!process.alive) return;
    try {
      this.#serve(await this.#init(process, this));
    } catch (error) {
      if (process.alive) await registry.unregisterName(key);
      this.#crash(error);
    }
  }

  #crash(error: unknown): void {
    const started = this.#started!;
    crash(started, error);
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
    const { process: starter } = this;
    const { pid } = this.#started!;
    starter.unlink(pid);
    starter.runtime.local.exit(starter.pid, pid, "kill");
  }

  ready(): void {
    const { alive, lineage, pid } = this.#started!;
    // The start may have been late.
    if (!alive || lineage!.starting !== this) return;
    this.cancel();
    this.settle(pid);
  }

  refuse(outcome: unknown): never {
    // Delivered after the process has exited, so that nothing is left of it by then.
    this.#outcome = { value: outcome };
    throw new ExitError("normal");
  }

  override cancel(): void {
    super.cancel();
    this.#started!.lineage!.starting = undefined;
  }

  exited(reason: unknown): void {
    // A link to the server has ended the process, which abandons its waits.
    if (!this.process.alive) return;
    this.cancel();
    takeExit(this.process, this.#started!.pid);
    const outcome = this.#outcome?.value;
    if (outcome instanceof ExitError) this.settleFailed(() => outcome);
    else if (this.#outcome !== undefined) this.settle(outcome as Pid);
    else {
      const options = reason instanceof Error ? { cause: reason } : undefined;
      this.settleFailed(() => new ExitError(reason, options));
    }
  }
}
