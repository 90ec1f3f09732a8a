/**
 * What a supervisor does: the ordered list of its children, and what befalls it.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import type { RuntimeEvent } from "../runtime/events.ts";
import { printable, quote } from "../runtime/inspect.ts";
import type { Pid } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import { formatExit, isOrderly } from "../runtime/reason.ts";
import { sendableReason } from "../runtime/runtime.ts";
import type { Runnable } from "../runtime/signal.ts";
import {
  type ChildSpec,
  childSpec,
  type ChildType,
  type FullChildSpec,
  isCleanShutdown,
  RestartIntensity,
  runnableStart,
  runStart,
  shutdownChild,
} from "./child.ts";
import type { Cast } from "./messages.ts";
import { isExitFrom, reasonOf, type Server } from "./server.ts";

/** Which children are ended and started again when one has ended: it alone, all, or it and those started after it. */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** A child's specification as it is sent. */
export type SentChildSpec = Omit<FullChildSpec, "start"> & { start: Runnable };

/** What a supervisor is asked. */
export type SupervisorRequest =
  | { type: "which_children" }
  | { type: "count_children" }
  | { type: "start_child"; spec: SentChildSpec }
  | { type: "terminate_child"; id: string }
  | { type: "restart_child"; id: string }
  | { type: "delete_child"; id: string };

/** What a supervisor answers when something cannot be done. */
export interface Failure {
  /** Always `"error"`. */
  type: "error";
  /** Why. */
  reason: unknown;
}

/** One child, as a supervisor tells of it. */
export interface ChildInfo {
  /** Names the child within its supervisor. */
  id: string;
  /** Its pid; `"restarting"` while it is tried again, `undefined` when it is not running. */
  pid: Pid | "restarting" | undefined;
  /** Whether it is a supervisor itself. */
  type: ChildType;
}

/** How many children a supervisor has. */
export interface ChildCounts {
  /** Specifications, running or not. */
  specs: number;
  /** Children that run. */
  active: number;
  /** Supervisors among the specifications. */
  supervisors: number;
  /** Workers among the specifications. */
  workers: number;
}

interface Child {
  readonly spec: FullChildSpec;
  pid: Pid | undefined;
  restarting: boolean;
}

/** How a supervisor restarts. */
export interface SupervisionOptions {
  strategy: Strategy;
  maxRestarts: number;
  maxSeconds: number;
}

/** A supervisor's server; its process traps exits. */
export class SupervisorServer implements Server {
  readonly #process: Process;
  readonly #strategy: Strategy;
  readonly #intensity: RestartIntensity;
  /** In the order of their start. */
  #children: Child[];

  private constructor(
    process: Process,
    specs: FullChildSpec[],
    options: SupervisionOptions,
  ) {
    this.#process = process;
    this.#strategy = options.strategy;
    this.#intensity = new RestartIntensity(
      options.maxRestarts,
      options.maxSeconds,
    );
    this.#children = specs.map((spec) => (
      { spec, pid: undefined, restarting: false }
    ));
  }

  /** Starts the children in order; if one does not start, ends those before it. */
  static async start(
    process: Process,
    specs: FullChildSpec[],
    options: SupervisionOptions,
  ): Promise<SupervisorServer> {
    process.trapExit = true;
    const server = new SupervisorServer(process, specs, options);
    const failure = await server.#startAll(server.#children);
    if (failure !== undefined) {
      await server.terminate();
      const { child: { spec: { id } }, reason } = failure;
      throw new ExitError({
        type: "shutdown",
        reason: { type: "failed_to_start_child", id, reason },
      });
    }
    return server;
  }

  call(request: unknown): unknown {
    const asked = request as SupervisorRequest | null;
    switch (asked?.type) {
      case "which_children":
        // The one that was started last comes first, as in Elixir.
        return this.#children.map(tell).reverse();
      case "count_children":
        return this.#count();
      case "start_child":
        return this.#add(asked.spec);
      case "terminate_child":
        return this.#terminateChild(asked.id);
      case "restart_child":
        return this.#restartChild(asked.id);
      case "delete_child":
        return this.#deleteChild(asked.id);
      default:
        return failed("badarg");
    }
  }

  async cast(request: unknown): Promise<void> {
    const asked = request as { type?: unknown; id?: unknown } | null;
    if (asked?.type !== "try_again_restart") return;
    const child = this.#find(asked.id);
    if (child?.restarting) await this.#restart(child);
  }

  info(message: unknown): Promise<void> | undefined {
    const child = this.#children.find(({ pid }) => isExitFrom(message, pid));
    return child === undefined
      ? undefined
      : this.#exited(child, (message as { reason: unknown }).reason);
  }

  /** Ends the children, the last one first. */
  async terminate(): Promise<void> {
    await this.#endAll(this.#children);
  }

  #count(): ChildCounts {
    const children = this.#children;
    const count = (wanted: (child: Child) => boolean) =>
      children.filter(wanted).length;
    return {
      specs: children.length,
      active: count(({ pid }) => pid !== undefined),
      supervisors: count(({ spec }) => spec.type === "supervisor"),
      workers: count(({ spec }) => spec.type === "worker"),
    };
  }

  #find(id: unknown): Child | undefined {
    return this.#children.find(({ spec }) => spec.id === id);
  }

  async #add(sent: SentChildSpec): Promise<unknown> {
    const { runtime } = this.#process;
    let spec: FullChildSpec;
    try {
      const start = runnableStart(sent.start, runtime);
      spec = childSpec({ ...sent, start } as ChildSpec);
    } catch (error) {
      return this.#failed(error);
    }
    const known = this.#find(spec.id);
    if (known?.pid !== undefined) {
      return failed({ type: "already_started", pid: known.pid });
    }
    if (known !== undefined) return failed("already_present");
    const child: Child = { spec, pid: undefined, restarting: false };
    const failure = await this.#start(child);
    if (failure !== undefined) return failed(failure.reason);
    this.#children.push(child);
    return { type: "ok", pid: child.pid };
  }

  async #terminateChild(id: string): Promise<unknown> {
    const child = this.#find(id);
    if (child === undefined) return failed("not_found");
    await this.#end(child);
    this.#forget(child);
    return "ok";
  }

  async #restartChild(id: string): Promise<unknown> {
    const child = this.#find(id);
    if (child === undefined) return failed("not_found");
    if (child.restarting) return failed("restarting");
    if (child.pid !== undefined) return failed("running");
    const failure = await this.#start(child);
    return failure === undefined
      ? { type: "ok", pid: child.pid }
      : failed(failure.reason);
  }

  #deleteChild(id: string): unknown {
    const child = this.#find(id);
    if (child === undefined) return failed("not_found");
    if (child.restarting) return failed("restarting");
    if (child.pid !== undefined) return failed("running");
    this.#remove(child);
    return "ok";
  }

  #remove(child: Child): void {
    this.#children = this.#children.filter((other) => other !== child);
  }

  /** A child that is not started again: a temporary one is not even known any more. */
  #forget(child: Child): void {
    child.pid = undefined;
    child.restarting = false;
    if (child.spec.restart === "temporary") this.#remove(child);
  }

  async #exited(child: Child, reason: unknown): Promise<void> {
    const { restart } = child.spec;
    child.pid = undefined;
    if (restart !== "permanent" && isOrderly(reason)) {
      return this.#forget(child);
    }
    // The crash itself has been reported by the process that crashed.
    this.#report("info", `child ${nameOf(child)} ended: ${formatExit(reason)}`);
    if (restart === "temporary") return this.#forget(child);
    await this.#restart(child);
  }

  async #restart(child: Child): Promise<void> {
    const process = this.#process;
    if (!this.#intensity.add(process.runtime.now())) {
      this.#report(
        "error",
        `child ${nameOf(child)} has to be restarted too often: shutting down`,
      );
      this.#forget(child);
      throw new ExitError("shutdown");
    }
    child.restarting = false;
    const group = affected(this.#strategy, this.#children, child);
    await this.#endAll(group);
    const failure = await this.#startAll(
      group.filter((each) => this.#children.includes(each)),
    );
    if (failure === undefined) return;
    this.#report(
      "error",
      `child ${nameOf(failure.child)} did not start: ${
        formatExit(failure.reason)
      }`,
    );
    failure.child.restarting = true;
    // By a message, so that a request that has come meanwhile, a stop for one, is served first.
    const again: Cast = {
      type: "$cast",
      request: { type: "try_again_restart", id: failure.child.spec.id },
    };
    process.send(process.pid, again);
  }

  async #startAll(
    children: Child[],
  ): Promise<{ child: Child; reason: unknown } | undefined> {
    for (const child of children) {
      const failure = await this.#start(child);
      if (failure !== undefined) return { child, reason: failure.reason };
    }
  }

  async #start(child: Child): Promise<{ reason: unknown } | undefined> {
    try {
      this.#process.assertAlive();
      child.pid = await runStart(child.spec, this.#process.runtime);
      child.restarting = false;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): Failure {
    // A supervisor that was killed while it started a child has nobody to tell.
    if (!this.#process.alive) throw error;
    return failed(
      sendableReason(reasonOf(error), this.#process.runtime.maxDepth),
    );
  }

  async #endAll(children: Child[]): Promise<void> {
    for (const child of children.toReversed()) {
      await this.#end(child);
      this.#forget(child);
    }
  }

  async #end({ spec, pid }: Child): Promise<void> {
    if (pid === undefined) return;
    const reason = await shutdownChild(this.#process, pid, spec.shutdown);
    if (!isCleanShutdown(spec.shutdown, reason)) {
      this.#report(
        "warning",
        `child ${quote(spec.id)} did not shut down as told: ${
          formatExit(reason)
        }`,
      );
    }
  }

  #report(level: RuntimeEvent["level"], message: string): void {
    const { name, pid, runtime } = this.#process;
    runtime.report({
      level,
      message: `Supervisor ${name ?? pid}: ${printable(message)}`,
    });
  }
}

/** Which children are ended and started again when one has ended. */
function affected(
  strategy: Strategy,
  children: Child[],
  child: Child,
): Child[] {
  switch (strategy) {
    case "one_for_one":
      return [child];
    case "rest_for_one":
      return children.slice(children.indexOf(child));
    case "one_for_all":
      return children;
  }
}

function nameOf({ spec }: Child): string {
  return quote(spec.id);
}

function tell({ spec: { id, type }, pid, restarting }: Child): ChildInfo {
  return { id, pid: restarting ? "restarting" : pid, type };
}

function failed(reason: unknown): Failure {
  return { type: "error", reason };
}
