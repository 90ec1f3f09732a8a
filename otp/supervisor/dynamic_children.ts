/**
 * Children that are started on demand, known by their pids and ended all at once: those of a DynamicSupervisor,
 * and the tasks of a Task.Supervisor.
 *
 * A child that did not start again keeps its old pid as its key, and is retried by a message to itself
 * (`try_again_restart`), so that requests are served in between. Races: a request may terminate it meanwhile; the
 * retry then finds no child. Its EXIT has been handled, so one in its name is ignored.
 *
 * @module
 */

import { ExitError } from "../../core/errors.ts";
import type { SupervisorError } from "../../core/log/log_event.ts";
import { isExitSignal } from "../../core/values/exit_message.ts";
import { Pid } from "../../core/values/pid.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { tell } from "../gen/call.ts";
import type { FullChildSpec } from "../gen/child_spec.ts";
import {
  countRestart,
  reasonLine,
  type Restarts,
  type SupervisedChild,
} from "./supervision.ts";
import { noteGivingUp } from "./tree_end.ts";
import { fromSelf } from "../gen/messages.ts";
import { assertIntensity, RestartIntensity } from "./restart_intensity.ts";
import { checkCount } from "../../core/values/check_arguments.ts";
import {
  type ChildCounts,
  type ChildState,
  countChildren,
  endChild,
  failed,
  type Failure,
  isFinished,
  reportChild,
  reportUnexpected,
  type Success,
  withoutMoved,
} from "./child_lifecycle.ts";

/** The part of a specification that such children share, and which child it is: for reports only. */
export type DynamicSpec =
  & Pick<FullChildSpec, "restart" | "shutdown" | "type">
  & Partial<Pick<FullChildSpec, "id" | "start">>
  & { label?: string };

/** The limits of children and restarts. */
export interface DynamicLimits {
  maxChildren: number;
  maxRestarts: number;
  maxSeconds: number;
}

/**
 * The limits given, and the defaults of those that are left out.
 *
 * @throws {TypeError} If one is not a number.
 * @throws {RangeError} If one is out of bounds.
 */
export function dynamicLimits(
  what: string,
  { maxChildren = Infinity, maxRestarts = 3, maxSeconds = 5 }: Partial<
    DynamicLimits
  >,
): DynamicLimits {
  checkCount(maxChildren, `start a ${what}`, "maxChildren");
  assertIntensity(what, maxRestarts, maxSeconds);
  return { maxChildren, maxRestarts, maxSeconds };
}

/** Sent by a supervisor to itself, to retry a child that did not start. */
interface TryAgain {
  type: "try_again_restart";
  pid: Pid;
  /** Why it did not start, as text. */
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
  /** In the order of their start; one that is tried again still has the pid that it had. */
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

  /** Whether there are as many as there may be. */
  get full(): boolean {
    return this.#children.size >= this.#maxChildren;
  }

  /** The number of children, those that are being restarted included. */
  get size(): number {
    return this.#children.size;
  }

  /** When a child is restarted; `undefined` if it is no child. */
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

  /** All children, the oldest first. */
  list(): DynamicChild<S>[] {
    return [...this.#children.values()];
  }

  /** The numbers of children, by kind. */
  count(): ChildCounts {
    return countChildren(this.#children.values(), this.#process.runtime);
  }

  /** Handles the EXIT of a child. EXITs of other processes are ignored, and other messages are logged. */
  info(message: unknown): Promise<void> | undefined {
    const told = fromSelf(message, this.#process) as TryAgain | undefined;
    if (told !== undefined) return this.#tryAgain(told);
    if (!isExitSignal(message)) {
      reportUnexpected(this.#process, message);
      return;
    }
    const { from, reason } = message;
    const child = this.#find(from);
    if (child === undefined || child.restarting) return;
    const finished = isFinished(child.spec, reason, this.#process);
    if (!finished) {
      this.#report(child, "child_terminated", reason);
    }
    if (!finished && child.spec.restart !== "temporary") {
      countRestart(this.#process, child, reason);
      return this.#restart(child, reasonLine(reason));
    }
    this.#remove(child);
  }

  /** Tries a child again that did not start, unless it has been terminated since. */
  async #tryAgain({ pid, reason }: TryAgain): Promise<void> {
    const child = this.#find(pid);
    if (child?.restarting) await this.#restart(child, reason);
  }

  /** Ends a child for good. */
  async terminate(pid: unknown): Promise<"ok" | Failure> {
    const child = this.#find(pid);
    if (child === undefined) return failed("not_found");
    this.#remove(child);
    await this.#end(child);
    return "ok";
  }

  /** Ends all children at once, each within its time. */
  async terminateAll(): Promise<void> {
    await Promise.all(this.list().map((child) => this.#end(child)));
  }

  async #restart(child: DynamicChild<S>, reason: string): Promise<void> {
    const process = this.#process;
    const { spec, pid } = child;
    if (!this.#intensity.add(process.runtime.now())) {
      this.#report(child, "shutdown", "reached_max_restart_intensity");
      noteGivingUp(process, undefined, pid, reason);
      this.#remove(child);
      throw new ExitError("shutdown");
    }
    const result = withoutMoved(await this.#start(spec), process, {});
    if (result.type === "ok") {
      const { holder } = child;
      if (result.started === "ignore") {
        this.#intensity.takeBack();
        this.#remove(child);
      } else {
        this.#children.delete(this.#key(child.pid));
        this.add(spec, result.started, holder, child.restarts);
      }
      return;
    }
    this.#report(child, "start_error", result.reason);
    child.restarting = true;
    // By a message, so that earlier requests are served first.
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
