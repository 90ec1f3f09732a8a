/**
 * Children that are started on demand, are known by their pids, and end all at once: the children of a
 * DynamicSupervisor, and the tasks of a Task.Supervisor.
 *
 * A child whose restart failed keeps its old pid as its key. The supervisor retries by a message to itself
 * (`try_again_restart`), so that it serves requests in between. Races: if a request terminates the child meanwhile,
 * the retry finds no child. The child's EXIT has been handled, so another EXIT in its name is ignored.
 */

import { ExitError } from "@otp/processes/errors";
import type { SupervisorError } from "@otp/processes/log/log_event";
import { isExitSignal } from "@otp/processes/values/exit_message";
import { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { tell } from "../server/call.ts";
import type { FullChildSpec } from "../server/child_spec.ts";
import {
  countRestart,
  reasonLine,
  type Restarts,
  type SupervisedChild,
} from "./supervision.ts";
import { noteGivingUp } from "./tree_end.ts";
import { fromSelf } from "../server/messages.ts";
import {
  INTENSITY,
  RestartIntensity,
  type RestartLimits,
} from "./restart_intensity.ts";
import { countFrom } from "@otp/processes/values/check_arguments";
import {
  type ChildCounts,
  type ChildState,
  countChildren,
  endChild,
  failed,
  type Failure,
  ignoreMovedName,
  isFinished,
  reportChild,
  reportUnexpected,
  type Success,
} from "./child_lifecycle.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/** The part of a specification that all dynamic children share, with the child's id for reports. */
export type DynamicSpec =
  & Pick<FullChildSpec, "restart" | "shutdown" | "type">
  & Partial<Pick<FullChildSpec, "id" | "start">>
  & { label?: string };

/** The limits of children and restarts. */
export interface DynamicLimits extends Required<RestartLimits> {
  maxChildren: number;
}

export const DYNAMIC_LIMITS: OptionChecks<DynamicLimits> = {
  maxChildren: countFrom(0),
  ...INTENSITY,
};

/** Returns the limits, with the defaults filled in. */
export function dynamicLimits(
  { maxChildren = Infinity, maxRestarts = 3, maxSeconds = 5 }: Partial<
    DynamicLimits
  >,
): DynamicLimits {
  return { maxChildren, maxRestarts, maxSeconds };
}

/** Sent by a supervisor to itself, to retry a child that did not start. */
interface TryAgain {
  type: "try_again_restart";
  pid: Pid;
  /** Why the restart failed, as text. */
  reason: string;
}

interface DynamicChild<S> extends ChildState<S> {
  pid: Pid;
}

/** The children of one supervisor. */
export class DynamicChildren<S extends DynamicSpec> {
  readonly #process: LocalProcess;
  readonly #start: (spec: S) => Success | Failure | Promise<Success | Failure>;
  readonly #maxChildren: number;
  readonly #intensity: RestartIntensity;
  /** By pid, in the order of their start; a child that waits for another attempt keeps its old pid. */
  readonly #children = new Map<number | string, DynamicChild<S>>();

  constructor(
    process: LocalProcess,
    start: (spec: S) => Success | Failure | Promise<Success | Failure>,
    { maxChildren, maxRestarts, maxSeconds }: DynamicLimits,
  ) {
    this.#process = process;
    this.#start = start;
    this.#maxChildren = maxChildren;
    this.#intensity = new RestartIntensity(maxRestarts, maxSeconds);
  }

  /** Whether the maximum number of children is reached. */
  get full(): boolean {
    return this.#children.size >= this.#maxChildren;
  }

  /** The number of children, including those that are being restarted. */
  get size(): number {
    return this.#children.size;
  }

  /** Returns the condition for a child's restart; `undefined` if no child has the pid. */
  restartOf(pid: unknown): S["restart"] | undefined {
    return this.#find(pid)?.spec.restart;
  }

  /** Adds a started child. */
  add(spec: S, pid: Pid, holder?: string, restarts?: Restarts): void {
    const child: DynamicChild<S> = { spec, pid, restarting: false, holder };
    if (restarts !== undefined) child.restarts = restarts;
    this.#children.set(this.#key(pid), child);
  }

  /** The children, for observers. */
  *supervised(): Iterable<SupervisedChild> {
    for (
      const { spec: { type }, pid, restarting, restarts } of this.#children
        .values()
    ) {
      yield {
        id: undefined,
        type,
        pid: restarting ? undefined : pid,
        restarting,
        restarts,
      };
    }
  }

  /** Returns all children, oldest first. */
  list(): DynamicChild<S>[] {
    return [...this.#children.values()];
  }

  /** Counts the children by kind. */
  count(): ChildCounts {
    return countChildren(this.#children.values(), this.#process.runtime);
  }

  /** Handles the EXIT of a child, ignores EXITs of other processes, and logs other messages. */
  info(message: unknown): Promise<void> | undefined {
    const told = fromSelf(message, this.#process) as TryAgain | undefined;
    if (told !== undefined) return this.#tryAgain(told);
    if (!isExitSignal(message)) {
      reportUnexpected(this.#process, message);
      return;
    }
    const { from, reason } = message;
    if (this.exited(from, reason)) return;
    const child = this.#find(from);
    if (child === undefined || child.restarting) return;
    this.#report(child, "child_terminated", reason);
    if (child.spec.restart === "temporary") this.#remove(child);
    else {
      countRestart(this.#process, child, reason);
      return this.#restart(child, reasonLine(reason));
    }
  }

  /** Removes a child whose exit needs neither a report nor a restart; returns false for any other exit. */
  exited(pid: Pid, reason: unknown): boolean {
    const child = this.#find(pid);
    if (
      child === undefined || child.restarting ||
      !isFinished(child.spec, reason, this.#process)
    ) return false;
    this.#remove(child);
    return true;
  }

  /** Retries the restart of a child, unless the child has been terminated since. */
  async #tryAgain({ pid, reason }: TryAgain): Promise<void> {
    const child = this.#find(pid);
    if (child?.restarting) await this.#restart(child, reason);
  }

  /** Ends a child permanently. */
  async terminate(pid: unknown): Promise<"ok" | Failure> {
    const child = this.#find(pid);
    if (child === undefined) return failed("not_found");
    this.#remove(child);
    await this.#end(child);
    return "ok";
  }

  /** Ends all children at once; each has the time of its `shutdown`. */
  async terminateAll(): Promise<void> {
    await Promise.all(this.list().map((child) => this.#end(child)));
  }

  async #restart(child: DynamicChild<S>, reason: string): Promise<void> {
    const process = this.#process;
    const { spec, pid } = child;
    if (!this.#intensity.add(process.runtime.clock.now())) {
      this.#report(child, "shutdown", "reached_max_restart_intensity");
      noteGivingUp(process, undefined, pid, reason);
      this.#remove(child);
      throw new ExitError("shutdown");
    }
    const result = ignoreMovedName(await this.#start(spec), process, {});
    if (result.type === "ok") {
      const { holder } = child;
      if (result.started === "ignore") {
        if (result.moved) this.#intensity.uncount();
        this.#remove(child);
      } else {
        this.#children.delete(this.#key(child.pid));
        this.add(spec, result.started, holder, child.restarts);
      }
      return;
    }
    this.#report(child, "start_error", result.reason);
    child.restarting = true;
    // Retries by a message, so that earlier requests are served first.
    const again: TryAgain = {
      type: "try_again_restart",
      pid,
      reason: reasonLine(result.reason),
    };
    tell(process, process.pid, again);
  }

  async #end({ spec, pid, restarting }: DynamicChild<S>): Promise<void> {
    if (restarting) return;
    await endChild(spec, pid, this.#process);
  }

  #report(
    { spec, pid }: DynamicChild<S>,
    error: SupervisorError,
    reason: unknown,
  ): void {
    reportChild(this.#process, { ...spec, pid }, error, reason);
  }

  #find(pid: unknown): DynamicChild<S> | undefined {
    if (!(pid instanceof Pid)) return undefined;
    const child = this.#children.get(this.#key(pid));
    return child?.pid.equals(pid) ? child : undefined;
  }

  #remove({ pid, holder }: DynamicChild<S>): void {
    this.#children.delete(this.#key(pid));
    if (holder !== undefined) this.#process.dropFor(holder);
  }

  #key({ node, number, creation }: Pid): number | string {
    return node === this.#process.runtime.node
      ? number
      : `${number} ${creation} ${node}`;
  }
}
