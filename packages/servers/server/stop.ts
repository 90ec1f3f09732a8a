/** Waits for the exit of processes, and requests to servers to exit. */

import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { builtin } from "@otp/processes/host/builtin";
import { PendingReply } from "@otp/processes/process/pending_answer";
import type { ExitError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { checkValue, TIMEOUT } from "@otp/processes/values/check_arguments";
import type { Lineage, StopWait } from "@otp/processes/values/lineage";
import { Pid } from "@otp/processes/values/pid";
import { ReplyTo } from "@otp/processes/values/reply_to";
import {
  callExit,
  type DeclaredRef,
  describeServer,
  describeTimeout,
  locate,
  sendTo,
  type ServerRef,
  whenLocated,
} from "./server_ref.ts";
import type { Place } from "@otp/processes/signals/signal";
import type { ChildShutdown } from "./child_spec.ts";
import { Stop } from "./messages.ts";
import { takeExit } from "./server.ts";

/** The wait for the exit of a process, which settles with the reason. A process that takes too long is killed. */
class PendingExit extends PendingReply<unknown> {
  readonly #pid: Pid;

  constructor(process: LocalProcess, pid: Pid) {
    super(process, pid.node);
    this.#pid = pid;
    this.target = pid;
    process.watch(this);
  }

  /** Sends the process an exit signal. */
  signal(reason: string): void {
    const { process, node } = this;
    process.runtime.signalsTo(node, "by_pid").exit(
      process.pid,
      this.#pid,
      reason,
    );
  }

  override expire(): void {
    try {
      this.signal("kill");
    } catch (error) {
      this.refused(error as Error);
    }
  }

  override down(_object: unknown, reason: unknown): void {
    this.settle(reason);
  }
}

/** Waits for the exit of a process, and returns the reason. Its DOWN bypasses the mailbox. */
export function awaitExit(process: LocalProcess, pid: Pid): Promise<unknown> {
  return new PendingExit(process, pid).promise;
}

/** Sends a process an exit signal, `"kill"` after `timeout` milliseconds, and returns the reason of its exit. */
export async function endProcess(
  process: LocalProcess,
  pid: Pid,
  timeout: ChildShutdown,
): Promise<unknown> {
  const exit = new PendingExit(process, pid);
  const isBrutal = timeout === "brutal_kill";
  exit.signal(isBrutal ? "kill" : "shutdown");
  // A process of this node may exit within the signal.
  if (exit.wait !== undefined && !isBrutal && timeout !== "infinity") {
    exit.limit(timeout);
  }
  return await exit.promise;
}

/** Ends a linked process like `endProcess`, and takes its EXIT from the mailbox; returns its exit reason. */
export async function shutdownChild(
  process: LocalProcess,
  pid: Pid,
  shutdown: ChildShutdown,
): Promise<unknown> {
  process.assertAlive();
  const reason = await endProcess(process, pid, shutdown);
  process.unlink(pid);
  const exit = takeExit(process, pid);
  return exit === undefined ? reason : exit.reason;
}

/**
 * Stops a server and waits for its end, as `proc_lib:stop` does. Throws an `ExitError` if the server does not exist,
 * exits for another reason, or does not exit in time.
 */
export function stopServer(
  server: ServerRef | DeclaredRef,
  reason: unknown,
  timeout: number,
): Promise<"ok"> {
  try {
    checkValue(timeout, "stop a server", "the timeout", TIMEOUT);
    const process = waitingProcess();
    if (process === undefined) return never();
    const place = locate(server, process);
    const request = { server, reason, timeout };
    return place instanceof Promise
      ? stopLater(process, place, request)
      : stopAt(process, place, request);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A request to stop a server. */
interface StopRequest {
  server: ServerRef | DeclaredRef;
  reason: unknown;
  timeout: number;
}

function stopLater(
  process: LocalProcess,
  place: Promise<Place>,
  request: StopRequest,
): Promise<"ok"> {
  return whenLocated(
    place,
    process,
    (place) => stopAt(process, place, request),
  ) as Promise<"ok">;
}

function stopAt(
  process: LocalProcess,
  place: Place,
  request: StopRequest,
): Promise<"ok"> {
  const pending = new PendingStop(process, place.node, request);
  if (process.pid.equals(place)) return pending.failedFor("calling_self");
  const { ref } = pending;
  try {
    const here = place instanceof Pid && process.runtime.find(place)?.lineage;
    if (here && here.stopping === undefined) pending.watch(here);
    else pending.monitor(place, "demonitor");
    if (pending.wait !== undefined) pending.limit(request.timeout);
    const replyTo = new ReplyTo(process.pid, ref);
    sendTo(process, place, new Stop(replyTo, request.reason));
  } catch (error) {
    pending.cancel();
    pending.fail(() => error);
  }
  return pending.promise;
}

/** The wait for the exit of a server, which first answers that it will exit. */
class PendingStop extends PendingReply<"ok"> implements StopWait {
  readonly #request: StopRequest;
  /** The lineage of a server of this node. */
  #stopped: Lineage | undefined = undefined;
  #isTold = false;

  constructor(process: LocalProcess, node: string, request: StopRequest) {
    super(process, node);
    this.#request = request;
  }

  /** Waits for a server of this node, which then needs neither a monitor nor an alias. */
  watch(stopped: Lineage): void {
    this.#stopped = stopped;
    stopped.stopping = this;
    this.process.addEntry(this);
  }

  override cancel(): void {
    super.cancel();
    if (this.#stopped !== undefined) this.#stopped.stopping = undefined;
  }

  override expire(): void {
    this.cancel();
    this.failedFor("timeout");
  }

  /** Fails the stop, and returns its promise. */
  failedFor(why: unknown): Promise<"ok"> {
    this.settleFailed(() => stopExit(why, this.#request));
    return this.promise;
  }

  override reply(): void {
    this.#isTold = true;
  }

  override down(_object: unknown, actual: unknown): void {
    this.exited(actual);
  }

  exited(actual: unknown): void {
    // A link to the server has ended the process, which abandons its waits.
    if (!this.process.alive) return;
    const { reason } = this.#request;
    this.cancel();
    if (this.#isTold && isSame(actual, reason)) this.settle("ok");
    else this.settleFailed(() => this.#failure(actual));
  }

  #failure(actual: unknown): ExitError {
    const request = this.#request;
    if (this.#isTold || actual === "noproc") return stopExit(actual, request);
    // As in OTP, a server that exits before it answers fails the inner call, `sys:terminate`.
    const why = actual === "noconnection"
      ? { type: "nodedown", node: this.node }
      : actual;
    const server = describeServer(request.server);
    const args = [server, request.reason, "infinity"];
    const { reason } = callExit(why, ["sys", "terminate", args]);
    return stopExit(reason, request);
  }
}

function stopExit(
  why: unknown,
  { server, reason, timeout }: StopRequest,
): ExitError {
  const args = [describeServer(server), reason, describeTimeout(timeout)];
  return callExit(why, ["GenServer", "stop", args]);
}

function isSame(actual: unknown, reason: unknown): boolean {
  return actual === reason ||
    builtin("node:util").isDeepStrictEqual(actual, reason);
}
