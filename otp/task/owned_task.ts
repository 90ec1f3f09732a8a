/**
 * The owner's end of a task: what is common to one that is awaited (`TaskState`) and one of a stream
 * (`StreamTask`).
 *
 * @module
 */

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

/** How a task ended for its owner. */
export type TaskOutcome =
  | TaskEnd
  /** Its owner's signal has ended it: waits reject with the signal's reason as it is. */
  | { type: "aborted"; reason: unknown };

/** Receives the signals under the reference of a task: its pid, its result, its exit. */
export abstract class OwnedTask implements Wait {
  /** The node that it runs on. */
  node: string;
  /** Its process, once that is known. */
  by: Pid | undefined = undefined;
  /** Its monitor, and the alias of its result. */
  readonly ref: Ref;
  /** The process that started it. */
  readonly owner: LocalProcess;
  /** Whether its end is awaited besides the link to it. */
  readonly tellsEnd: boolean = false;
  /** Whether its owner awaits that it has been started. */
  readonly awaitsStart: boolean = false;
  /** The function that it runs, if that is on a BEAM. */
  run: Runnable | undefined = undefined;

  /** A task of `owner` that is not started yet. */
  constructor(owner: LocalProcess) {
    const { runtime } = owner;
    this.owner = owner;
    this.node = runtime.node;
    this.ref = runtime.makeRef();
  }

  /** Whether its owner has ended it already, while it was being started too. */
  get isCancelled(): boolean {
    return false;
  }

  /** Has a signal or a deadline of its owner end it. */
  cancelBy?(
    options: CancelOptions,
    shutdown: ChildShutdown,
    onStart?: (outcome: TaskOutcome) => void,
  ): void;

  /** Accepts signals under its reference, from the node on which it is started. */
  open(node: string): void {
    this.node = node;
    this.owner.addAlias(this.ref, "demonitor");
    this.owner.await(this.ref, this);
  }

  /** Its process is known. */
  started(pid: Pid): void {
    this.by = pid;
  }

  /** Its process, on a BEAM, is known, and not linked and monitored yet. */
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

  /** The result, from a BEAM. */
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

  /** Ends the wait for it: later signals are dropped. */
  abstract close(): void;
  abstract reply(value: unknown): void;
  abstract down(object: MonitoredObject, reason: unknown): void;
  abstract abandon(error: () => unknown): void;
}
