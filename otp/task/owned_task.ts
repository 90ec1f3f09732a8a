/** The owner's end of a task: the common part of an awaited task (`TaskState`) and a stream's task (`StreamTask`). */

import type { CancelOptions } from "../gen/cancellation.ts";
import type { ChildShutdown } from "../gen/child_spec.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Wait } from "../../core/processes/links_and_monitors.ts";
import type {
  MonitoredObject,
  Runnable,
  SpawnResult,
} from "../../core/signals/signal.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";

/** How a task ended. */
export type TaskEnd =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** How a task ended for its owner, who may have aborted it. */
export type TaskOutcome =
  | TaskEnd
  /** The owner's signal ended the task: waits reject with the signal's reason itself. */
  | { type: "aborted"; reason: unknown };

/** Receives the signals under the reference of a task: its pid, its result, its exit. */
export abstract class OwnedTask implements Wait {
  /** The node on which the task runs. */
  node: string;
  /** The task's process, once it is known. */
  by: Pid | undefined = undefined;
  /** The monitor of the task, and the alias for its result. */
  readonly ref: Ref;
  /** The process that started the task. */
  readonly owner: LocalProcess;
  /** Whether the task's end is awaited besides the link to the task. */
  readonly tellsEnd: boolean = false;
  /** Whether the owner waits until the task has started. */
  readonly awaitsStart: boolean = false;
  /** The function of a task on a BEAM. */
  run: Runnable | undefined = undefined;

  constructor(owner: LocalProcess) {
    const { runtime } = owner;
    this.owner = owner;
    this.node = runtime.node;
    this.ref = runtime.makeRef();
  }

  /** Whether the owner has ended the task already, even while it was being started. */
  get isCancelled(): boolean {
    return false;
  }

  /** Ends the task at a signal or a deadline of its owner. */
  cancelBy?(
    options: CancelOptions,
    shutdown: ChildShutdown,
    onStart?: (outcome: TaskOutcome) => void,
  ): void;

  /** Accepts signals under the task's reference, from the node on which the task is started. */
  open(node: string): void {
    this.node = node;
    this.owner.addAlias(this.ref, "demonitor");
    this.owner.await(this.ref, this);
  }

  /** Called when the task's process is known. */
  started(pid: Pid): void {
    this.by = pid;
  }

  /** Called when the task's process on a BEAM is known: links and monitors it. */
  adopt(pid: Pid, link: boolean): void {
    const { owner, ref } = this;
    const signals = owner.runtime.route(pid.node);
    if (link) {
      owner.addLink(pid, false, this.tellsEnd);
      signals.link(owner.pid, pid);
    }
    owner.addMonitor(ref, pid, pid.node);
    signals.monitor(owner.pid, pid, ref);
    this.started(pid);
  }

  /** Called with the result from a BEAM. */
  otpReply(term: unknown): void {
    const { functions } = this.owner.runtime;
    this.reply(
      this.run === undefined ? term : functions.result(term, this.run),
    );
  }

  spawned(result: SpawnResult | undefined): void {
    if (result === undefined || !("pid" in result)) return;
    this.started(result.pid);
  }

  /** Ends the wait for the task: later signals are dropped. */
  abstract close(): void;
  abstract reply(value: unknown): void;
  abstract down(object: MonitoredObject, reason: unknown): void;
  abstract abandon(error: () => unknown): void;
}
