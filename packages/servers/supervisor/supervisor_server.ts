/**
 * The server of a Supervisor: its ordered children, and how it reacts when one exits.
 *
 * States of a child: running (`pid`), restarting (`restarting`: it did not start again, and a retry is due), or
 * stopped (neither). Messages: EXITs of children, requests of users, and `try_again_restart` to itself.
 *
 * A restart counts towards the intensity (`restart_intensity.ts`). When the maximum is exceeded, the supervisor exits
 * with `shutdown`. Otherwise it ends the children that the strategy selects (`affected`), in reverse order of their
 * start, and restarts them in order.
 *
 * Races: a child that the supervisor ends also sends an EXIT, which `shutdownChild` takes out of the mailbox. While a
 * restart is retried, requests must be served, a stop above all: so a retry is a message to itself, behind the
 * messages that have arrived. If a request ends or deletes the child meanwhile, the retry finds it no longer
 * restarting. The EXIT of a child that exits while others restart is handled afterwards.
 */

import { ExitError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { ChildStart, FullChildSpec } from "../server/child_spec.ts";
import { OwnFunction } from "@otp/processes/values/own_function";
import { ChildTable, type OrderedChild } from "./child_table.ts";
import { fromSelf } from "../server/messages.ts";
import {
  countRestart,
  noteSupervision,
  reasonLine,
  type SupervisedChild,
  type Supervision,
} from "./supervision.ts";
import { noteGivingUp } from "./tree_end.ts";
import { RestartIntensity, type RestartLimits } from "./restart_intensity.ts";
import { isExitSignal } from "@otp/processes/values/exit_message";
import { tell } from "../server/call.ts";
import type { Server } from "../server/server.ts";
import {
  countChildren,
  endChild,
  failed,
  type Failure,
  ignoreMovedName,
  isFinished,
  receiveSpec,
  reportChild,
  reportUnexpected,
  type SentChildSpec,
  startChild,
  type Success,
} from "./child_lifecycle.ts";

/** Which children are restarted when one has exited: only that child, all, or that child and those started after it. */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** Whether the exit of significant children ends their supervisor: never, of any, or of all. */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

export type SupervisorRequest =
  | { type: "which_children" }
  | { type: "count_children" }
  | { type: "start_child"; spec: SentChildSpec }
  | { type: "terminate_child"; id: string }
  | { type: "restart_child"; id: string }
  | { type: "delete_child"; id: string }
  | { type: "get_childspec"; id: string };

/** The reply to a request for a specification. */
export interface ChildSpecReply {
  /** Always `"ok"`. */
  type: "ok";
  /** The specification. Only a process of the same node gets a function. */
  spec: Omit<FullChildSpec, "start"> & { start: ChildStart | OwnFunction };
}

/** A child in the list of a supervisor. */
export interface ChildInfo {
  /** Identifies the child within its supervisor. */
  id: string;
  /** Its pid; `"restarting"` while it is waiting to be restarted, `undefined` if it is not running. */
  pid: Pid | "restarting" | undefined;
  /** Whether it is a supervisor itself. */
  type: "worker" | "supervisor";
}

/** The restart limits of a supervisor, and when it ends by itself. */
export interface SupervisionOptions extends Required<RestartLimits> {
  strategy: Strategy;
  autoShutdown: AutoShutdown;
}

/** Sent by a supervisor to itself, to retry a child that did not start. */
interface TryAgain {
  type: "try_again_restart";
  id: string;
  /** Why the restart failed, as text. */
  reason: string;
}

/** Rejects a significant child of a supervisor that does not end by itself. */
export function assertSignificance(
  { id, significant }: FullChildSpec,
  autoShutdown: AutoShutdown,
): void {
  if (!significant || autoShutdown !== "never") return;
  throw new TypeError(
    `Cannot start the child ${
      quote(id)
    }: it is significant, and its supervisor's autoShutdown is "never"; start the supervisor with autoShutdown "any_significant" or "all_significant"`,
  );
}

/** A supervisor's server; its process traps exits. */
export class SupervisorServer implements Server, Supervision {
  readonly #process: LocalProcess;
  readonly #options: SupervisionOptions;
  /** Set at the first restart. */
  #intensity: RestartIntensity | undefined;
  readonly #children: ChildTable;

  private constructor(
    process: LocalProcess,
    specs: FullChildSpec[],
    options: SupervisionOptions,
  ) {
    this.#process = process;
    this.#options = options;
    this.#children = new ChildTable(process.runtime, specs);
    noteSupervision(process, this);
  }

  get kind(): string {
    return "Supervisor";
  }

  size(): number {
    return this.#children.size;
  }

  *supervised(): Iterable<SupervisedChild> {
    for (
      const { spec: { id, type }, pid, restarting, restarts } of this.#children
    ) yield { id, type, pid, restarting, restarts };
  }

  /** Starts the children in order; if a child does not start, ends the children before it. */
  static start(
    process: LocalProcess,
    specs: FullChildSpec[],
    options: SupervisionOptions,
  ): SupervisorServer | Promise<SupervisorServer> {
    process.trapExit = true;
    const server = new SupervisorServer(process, specs, options);
    return specs.length === 0 ? server : server.#startFirst();
  }

  async #startFirst(): Promise<this> {
    const failure = await this.#startAll(this.#children);
    if (failure !== undefined) {
      await this.terminate();
      const { child: { spec: { id } }, reason } = failure;
      throw new ExitError({
        type: "shutdown",
        reason: { type: "failed_to_start_child", id, reason },
      });
    }
    return this;
  }

  get protocol(): string {
    return "Supervisor";
  }

  call(request: unknown, { pid: { node } }: ReplyTo): unknown {
    const asked = request as SupervisorRequest | null;
    if (isIncomplete(asked)) return failed("badarg");
    switch (asked?.type) {
      case "which_children":
        // In reverse order of the start, as in Elixir.
        return Array.from(this.#children, infoOf).reverse();
      case "count_children":
        return countChildren(this.#children, this.#process.runtime);
      case "start_child":
        return this.#add(asked.spec, node);
      case "terminate_child":
        return this.#terminateChild(asked.id);
      case "restart_child":
        return this.#restartChild(asked.id);
      case "delete_child":
        return this.#deleteChild(asked.id);
      case "get_childspec":
        return this.#specReply(asked.id, node);
      default:
        return failed("badarg");
    }
  }

  info(message: unknown): Promise<void> | undefined {
    if (isExitSignal(message)) {
      const child = this.#children.withPid(message.from);
      return child && this.#exited(child, message.reason);
    }
    const told = fromSelf(message, this.#process) as TryAgain | undefined;
    if (told !== undefined) return this.#tryAgain(told);
    reportUnexpected(this.#process, message);
  }

  async #tryAgain({ id, reason }: TryAgain): Promise<void> {
    const child = this.#children.get(id);
    if (child?.restarting) await this.#restart(child, undefined, reason);
  }

  /** Ends the children in reverse order. */
  terminate(): Promise<void> | undefined {
    return this.#children.size === 0 ? undefined : this.#endAll(this.#children);
  }

  async #add(sent: SentChildSpec, from: string): Promise<unknown> {
    const spec = receiveSpec(sent, this.#process, from, (spec) => {
      assertSignificance(spec, this.#options.autoShutdown);
    });
    if ("reason" in spec) return spec;
    const known = this.#children.get(spec.id);
    if (known?.pid !== undefined) {
      return failed({ type: "already_started", pid: known.pid });
    }
    if (known !== undefined) return failed("already_present");
    if (!this.#process.keepFor(from)) {
      return failed("system_limit");
    }
    const child: OrderedChild = {
      spec,
      pid: undefined,
      restarting: false,
      holder: from,
    };
    this.#children.add(child);
    const result = await this.#start(child);
    if (result.type === "error") this.#remove(child);
    return result;
  }

  async #terminateChild(id: string): Promise<unknown> {
    const child = this.#children.get(id);
    if (child === undefined) return failed("not_found");
    const { spec, pid } = child;
    if (pid !== undefined) await endChild(spec, pid, this.#process);
    this.#noteStopped(child);
    return "ok";
  }

  #restartChild(id: string): unknown {
    const child = this.#children.get(id);
    if (child === undefined) return failed("not_found");
    if (child.restarting) return failed("restarting");
    if (child.pid !== undefined) return failed("running");
    return this.#start(child);
  }

  #deleteChild(id: string): unknown {
    const child = this.#children.get(id);
    if (child === undefined) return failed("not_found");
    if (child.restarting) return failed("restarting");
    if (child.pid !== undefined) return failed("running");
    this.#remove(child);
    return "ok";
  }

  #specReply(id: string, node: string): ChildSpecReply | Failure {
    const child = this.#children.get(id);
    if (child === undefined) return failed("not_found");
    const { start, ...spec } = child.spec;
    if (typeof start !== "function") {
      return { type: "ok", spec: { ...spec, start } };
    }
    const { modules, node: own } = this.#process.runtime;
    if (node === own) {
      return { type: "ok", spec: { ...spec, start: new OwnFunction(start) } };
    }
    const named = modules.nameOf(start);
    if (named === undefined) return failed("not_exported");
    return { type: "ok", spec: { ...spec, start: named } };
  }

  #remove(child: OrderedChild): void {
    if (!this.#children.remove(child)) return;
    if (child.holder !== undefined) this.#process.dropFor(child.holder);
  }

  /** Handles a child that is not restarted: a temporary child is removed. */
  #noteStopped(child: OrderedChild): void {
    this.#children.setPid(child, undefined);
    child.restarting = false;
    if (child.spec.restart === "temporary") this.#remove(child);
  }

  async #exited(child: OrderedChild, reason: unknown): Promise<void> {
    const { spec: { restart }, pid } = child;
    const finished = isFinished(child.spec, reason, this.#process);
    this.#children.setPid(child, undefined);
    if (!finished) {
      reportChild(
        this.#process,
        { ...child.spec, pid },
        "child_terminated",
        reason,
      );
    }
    if (!finished && restart !== "temporary") {
      countRestart(this.#process, child, reason);
      return await this.#restart(child, pid, reasonLine(reason));
    }
    this.#noteStopped(child);
    if (this.#endsWith(child)) throw new ExitError("shutdown");
  }

  /** Whether the supervisor exits because a significant child has exited for good. */
  #endsWith({ spec }: OrderedChild): boolean {
    const { autoShutdown } = this.#options;
    if (!spec.significant || autoShutdown === "never") return false;
    return autoShutdown === "any_significant" ||
      !this.#children.hasSignificant;
  }

  /** Restarts a child; `pid` and `reason` belong to its exit, or to its failed start. */
  async #restart(
    child: OrderedChild,
    pid: Pid | undefined,
    reason: string,
  ): Promise<void> {
    const process = this.#process;
    const { strategy, maxRestarts, maxSeconds } = this.#options;
    const intensity = this.#intensity ??= new RestartIntensity(
      maxRestarts,
      maxSeconds,
    );
    if (!intensity.add(process.runtime.clock.now())) {
      reportChild(
        process,
        child.spec,
        "shutdown",
        "reached_max_restart_intensity",
      );
      noteGivingUp(process, child.spec.id, pid, reason);
      this.#noteStopped(child);
      throw new ExitError("shutdown");
    }
    child.restarting = false;
    const group = affected(strategy, this.#children, child);
    await this.#endAll(group);
    const moved: OrderedChild[] = [];
    const failure = await this.#startAll(
      group.filter((each) => this.#children.has(each)),
      moved,
    );
    if (failure === undefined) {
      const isEmpty = group.every(({ pid }) => pid === undefined);
      if (moved.length > 0 && isEmpty) intensity.uncount();
      return;
    }
    failure.child.restarting = true;
    // Retries by a message, so that earlier requests, for example a stop, are served first.
    const { id } = failure.child.spec;
    const again: TryAgain = {
      type: "try_again_restart",
      id,
      reason: reasonLine(failure.reason),
    };
    tell(process, process.pid, again);
  }

  async #startAll(
    children: Iterable<OrderedChild>,
    moved?: OrderedChild[],
  ): Promise<{ child: OrderedChild; reason: unknown } | undefined> {
    const process = this.#process;
    for (const child of children) {
      let result = await startChild(child.spec, process);
      if (moved) result = ignoreMovedName(result, process, child.spec);
      this.#started(child, result);
      if (result.type === "ok") {
        if (result.moved) moved?.push(child);
        continue;
      }
      const { reason } = result;
      reportChild(this.#process, child.spec, "start_error", reason);
      return { child, reason };
    }
  }

  async #start(child: OrderedChild): Promise<Success | Failure> {
    return this.#started(child, await startChild(child.spec, this.#process));
  }

  #started(child: OrderedChild, result: Success | Failure): Success | Failure {
    if (result.type === "error") return result;
    child.restarting = false;
    if (result.started === "ignore") this.#noteStopped(child);
    else this.#children.setPid(child, result.started);
    return result;
  }

  async #endAll(children: Iterable<OrderedChild>): Promise<void> {
    const all = [...children];
    for (let child = all.pop(); child !== undefined; child = all.pop()) {
      const { spec, pid } = child;
      if (pid !== undefined) await endChild(spec, pid, this.#process);
      this.#noteStopped(child);
    }
  }
}

/** Returns the children to end and restart when one has exited. */
function affected(
  strategy: Strategy,
  children: ChildTable,
  child: OrderedChild,
): OrderedChild[] {
  switch (strategy) {
    case "one_for_one":
      return [child];
    case "rest_for_one": {
      const all = [...children];
      return all.slice(all.indexOf(child));
    }
    case "one_for_all":
      return [...children];
  }
}

/** The requests that name a child, by the id in its specification. */
const NAMING: ReadonlySet<unknown> = new Set([
  "terminate_child",
  "restart_child",
  "delete_child",
  "get_childspec",
]);

/** Whether a request of any origin names no child, and must. */
function isIncomplete(asked: object | null): boolean {
  return NAMING.has((asked as { type?: unknown } | null)?.type) &&
    !("id" in asked!);
}

function infoOf(
  { spec: { id, type }, pid, restarting }: OrderedChild,
): ChildInfo {
  return { id, pid: restarting ? "restarting" : pid, type };
}
