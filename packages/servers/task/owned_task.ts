/**
 * The owner's end of a task: the one wait for all signals under the task's reference.
 *
 * 1. Starting, if the supervisor gets a message (`send`): the reference is a call, so a monitor of the supervisor and
 *    the alias of its reply. The task announces its pid itself (`spawned`), before it runs, so that the pid arrives
 *    before the result. Any other reply, or a DOWN, is the failure of the start (`notStarted`). On a wire with starts in
 *    two steps, the supervisor replies with the pid instead, and then the owner sends the task its work.
 * 2. Running (`started`): the reference is a monitor of the task, and the alias of its result. A task that is started
 *    here without a message begins in this state.
 *
 * Races: the supervisor may die after the task has started; the announced pid counts, as the monitor is on the task by
 * then. If the start fails, the reference is closed, so that a task that starts later has no owner. If the owner
 * cancels the start, the reference stays open until the task has announced itself and is ended, or the call has failed.
 * If the owner exits, the wait is abandoned; the owner's links end a linked task.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type {
  AliasMode,
  Wait,
} from "@otp/processes/process/links_and_monitors";
import type { Place, SpawnResult, Target } from "@otp/processes/signals/signal";
import { Pid, type Ref } from "@otp/processes/values/pid";
import { sendCall } from "../server/call.ts";
import type { CancelOptions } from "../server/cancellation.ts";
import type { ChildShutdown } from "../server/child_spec.ts";
import type { StartTaskRequest } from "./start_task.ts";

/** A start that the supervisor has not answered. */
export interface PendingStart {
  readonly request: StartTaskRequest;
  /** Makes the error for a reply that is no pid. */
  refusal(reply: unknown): unknown;
  /** Makes the error for a call that has failed. */
  failure(reason: unknown): unknown;
}

/** Receives the signals under the reference of a task: its start, its result, its exit. */
export abstract class OwnedTask implements Wait {
  /** The process that started the task, and owns it. */
  readonly process: LocalProcess;
  /** The monitor of the task, and the alias for its result. */
  readonly ref: Ref;
  /** The node on which the task runs. */
  node: string;
  /** The task's process, once it is known. */
  by: Pid | undefined = undefined;
  // A task is its own entry in the table of the owner, like a call.
  target: Target | undefined = undefined;
  alias: AliasMode | undefined = undefined;
  wait: Wait | undefined = this;
  /** Whether the task's end is awaited besides the link to the task. */
  readonly awaitsExit: boolean = false;
  /** The start, while the supervisor has not answered; after a start in two steps also later. */
  #start: PendingStart | undefined = undefined;

  constructor(process: LocalProcess) {
    const { runtime } = process;
    this.process = process;
    this.node = runtime.node;
    this.ref = runtime.makeRef();
  }

  get pid(): Pid {
    return this.process.pid;
  }

  /** Whether the owner has ended the task already, even while it was being started. */
  get isCancelled(): boolean {
    return false;
  }

  /** Ends the task at a signal or a deadline of its owner. */
  cancelBy?(options: CancelOptions, shutdown: ChildShutdown): void;

  /** Makes the reference a monitor and an alias; returns false if the wait has ended at once. */
  #monitor(place: Place, alias: AliasMode, isCall = false): boolean {
    this.node = place.node;
    this.target = place instanceof Pid ? place : place.name;
    this.alias = alias;
    this.wait = this;
    this.process.watch(this, isCall);
    return this.wait !== undefined;
  }

  /** Asks a supervisor for the task. */
  send(place: Place, start: PendingStart): void {
    const { process, ref } = this;
    if (!process.alive) return;
    this.#start = start;
    try {
      if (process.pid.equals(place)) this.#failed("calling_self");
      else if (this.#monitor(place, "reply_demonitor", true)) {
        sendCall(process, place, ref, start.request);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Called when the task has announced its pid. */
  spawned(result: SpawnResult | undefined): void {
    if (this.by !== undefined || result === undefined || "error" in result) {
      return;
    }
    this.alias = "demonitor";
    this.#start = undefined;
    this.started(result.pid);
  }

  reply(value: unknown): void {
    if (this.by !== undefined) this.result(value);
    else this.#answered(value);
  }

  /** Called with a reply or a result that only the request can decode. */
  foreignReply(term: unknown): void {
    const { border } = this.process.runtime;
    const request = this.#start?.request;
    if (this.by === undefined) {
      this.reply(border!.reply(request, term, undefined));
    } else {
      this.result(
        request === undefined
          ? term
          : border!.functions.result(term, request.run),
      );
    }
  }

  #answered(reply: unknown): void {
    const { request, refusal } = this.#start!;
    const { type, pid } = Object(reply) as { type?: unknown; pid?: unknown };
    const { work } = request;
    if (work === undefined || type !== "ok" || !(pid instanceof Pid)) {
      return this.#fail(() => refusal(reply));
    }
    try {
      if (!this.#watch(pid, request.link)) return;
      // The task waits for its work; a cancelled one is ended instead.
      if (!this.isCancelled) this.process.send(pid, work(this.ref));
    } catch (error) {
      return this.#fail(() => error);
    }
    this.started(pid);
  }

  /** Makes a task of this node the owner's, which the task is linked to already. */
  adopt(pid: Pid, link: boolean): void {
    this.#watch(pid, link);
    this.started(pid);
  }

  /** Links and monitors the task's process; returns false if it is gone. */
  #watch(pid: Pid, link: boolean): boolean {
    const { process } = this;
    if (link) {
      process.addLink(pid, false, this.awaitsExit);
      const { runtime } = process;
      if (pid.node !== runtime.node) {
        runtime.signalsTo(pid.node, "by_pid").link(process.pid, pid);
      }
    }
    return this.#monitor(pid, "demonitor");
  }

  down(object: Place, reason: unknown): void {
    if (this.by !== undefined) this.exited(object, reason);
    else {
      const { node } = this;
      this.#failed(
        reason === "noconnection" ? { type: "nodedown", node } : reason,
      );
    }
  }

  /** Called when the wire cannot carry the request. */
  refused(error: Error): void {
    if (this.by !== undefined) return;
    this.process.release(this.ref);
    this.#fail(() => error);
  }

  #failed(reason: unknown): void {
    const { failure } = this.#start!;
    this.#fail(() => failure(reason));
  }

  #fail(make: () => unknown): void {
    // A cancelled start has failed already.
    if (this.isCancelled) return;
    this.close();
    this.notStarted(make);
  }

  /** Called when the task's process is known. */
  started(pid: Pid): void {
    this.by = pid;
  }

  /** Called when the start has failed, with the function that makes the error. The task is closed. */
  abstract notStarted(make: () => unknown): void;
  /** Called with the result. */
  abstract result(value: unknown): void;
  /** Called when the task has exited. */
  abstract exited(object: Place, reason: unknown): void;
  /** Ends the wait for the task: later signals are dropped. */
  abstract close(): void;
  abstract abandon(error: () => unknown): void;
}
