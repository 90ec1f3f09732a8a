/**
 * Supervisors: processes that start, monitor and restart other processes.
 *
 * Each function follows the function of the same name in Elixir's
 * [Supervisor](https://hexdocs.pm/elixir/1.18/Supervisor.html): `startChild` is `start_child`.
 *
 * @module
 */

import {
  CANCEL_OPTIONS,
  type CancelOptions,
  TIME_LIMITS,
  type TimeLimits,
} from "../server/cancellation.ts";
import {
  type CheckedChild,
  type CheckedChildren,
  type ChildDefinition,
  childSpec as fullChildSpec,
  type StartedBy,
} from "./child_definition.ts";
import {
  CHILD_OVERRIDES,
  type ChildSpec,
  type FullChildSpec,
  type Started,
} from "../server/child_spec.ts";
import {
  nameText,
  type ServerName,
  type ServerRef,
  serverRef,
} from "../server/server_ref.ts";
import { SUPERVISION, supervisionOptions } from "./check_supervision.ts";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
  startServer,
} from "../server/start.ts";
import { stopServer } from "../server/stop.ts";
import type { ChildCounts, Failure } from "./child_lifecycle.ts";
import {
  assertSignificance,
  type ChildInfo,
  type Strategy,
  type SupervisionOptions,
  type SupervisorRequest,
  SupervisorServer,
} from "./supervisor_server.ts";
import {
  askForSpec,
  askSupervisor,
  askToStart,
  startedOf,
} from "./supervisor_client.ts";
import {
  checkOptions,
  checkString,
} from "@otp/processes/values/check_arguments";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { OptionChecks } from "@otp/processes/values/options";
import type { RestartLimits } from "./restart_intensity.ts";

export type { RestartLimits } from "./restart_intensity.ts";

export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";

export type {
  AlreadyStartedReason,
  ServerStartOptions,
} from "../server/start.ts";
export type { CallbackModule } from "../gen_server/gen_server_process.ts";
export type { ChildModule, ModuleOptions } from "./child_definition.ts";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
  ChildType,
} from "../server/child_spec.ts";
export type { NameOnNode, NameRegistry } from "../server/server_ref.ts";
export type {
  CancelOptions,
  CheckedChild,
  CheckedChildren,
  ChildCounts,
  ChildDefinition,
  ChildInfo,
  ChildSpec,
  FullChildSpec,
  ServerName,
  ServerRef,
  Started,
  StartedBy,
  Strategy,
  TimeLimits,
};

/** Options for {@linkcode Supervisor.startLink}. */
export interface SupervisorOptions extends ServerStartOptions, RestartLimits {
  /**
   * Which children are restarted when one exits: with `"one_for_one"` only that child, with `"one_for_all"`
   * all children, with `"rest_for_one"` that child and those started after it.
   */
  strategy: Strategy;
  /**
   * Whether the supervisor exits when significant children exit and are not restarted: a transient child that exits
   * normally, or a temporary child that exits for any reason. With `"any_significant"`, the first such exit ends the
   * supervisor; with `"all_significant"`, the last one does. With `"never"`, significant children are rejected.
   *
   * @default {"never"}
   */
  autoShutdown?: "never" | "any_significant" | "all_significant";
}

const SUPERVISOR_OPTIONS: OptionChecks<SupervisorOptions> = {
  ...SERVER_START_OPTIONS,
  ...SUPERVISION,
};

const START_OPTIONS: OptionChecks<SupervisorOptions & CancelOptions> = {
  ...SUPERVISOR_OPTIONS,
  ...CANCEL_OPTIONS,
};

/** The reason why a supervisor did not start: one of its children failed to start. It is part of a `ShutdownReason`. */
export interface FailedToStartChildReason {
  /** Always `"failed_to_start_child"`. */
  type: "failed_to_start_child";
  /** The child's id. */
  id: string;
  /** The reason why the child did not start. */
  reason: unknown;
}

/** The pid of a started child; it can be `undefined` if the start function may return `"ignore"`. */
export type StartedPid<S> =
  | Extract<S, Pid>
  | ("ignore" extends S ? undefined : never);

/**
 * Starts supervisors and manages their children.
 *
 * A supervisor starts its children in the given order, and ends them in reverse order: each child receives an
 * exit signal `"shutdown"`, and is killed if it takes longer than its `shutdown`. The supervisor is linked to
 * the process that starts it and traps exits: when that process exits, the supervisor ends its children and
 * exits with the same reason.
 *
 * A child that exits is restarted according to its `restart`. If the restart fails, it is tried again, and
 * each attempt counts as a restart. After more than `maxRestarts` within `maxSeconds` the supervisor ends all
 * children and exits with `"shutdown"`; its own supervisor then handles the exit. Between two attempts the
 * supervisor serves requests, such as a stop. A temporary child that is ended together with others, by
 * `"one_for_all"` or `"rest_for_one"`, is not restarted with them but removed.
 *
 * A child whose start returns `"ignore"` is kept without a pid, and {@linkcode Supervisor.restartChild} can
 * start it later. A temporary child is removed instead.
 *
 * A supervisor with `autoShutdown` exits by itself when its `significant` children have finished: it ends the other
 * children and exits with `"shutdown"`. If the supervisor is a transient child, its own supervisor does not restart it;
 * if it is a significant child, its supervisor may exit as well, and so on up the tree. A significant child that is
 * ended on request, for example by {@linkcode Supervisor.terminateChild}, does not end its supervisor.
 *
 * The functions accept a supervisor on any node. They exit if the supervisor does not exist or its node is down.
 *
 * @example A tree
 * ```ts
 * import { receive, spawnLink, Supervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const worker = () => spawnLink(() => receive());
 * const top = await Supervisor.startLink([
 *   { id: "store", start: worker },
 *   {
 *     id: "pool",
 *     type: "supervisor",
 *     start: () =>
 *       Supervisor.startLink([
 *         { id: "one", start: worker },
 *         { id: "two", start: worker, restart: "transient" },
 *       ], { strategy: "one_for_all" }),
 *   },
 * ], { strategy: "rest_for_one" });
 *
 * assertEquals(await Supervisor.countChildren(top), {
 *   specs: 2,
 *   active: 2,
 *   supervisors: 1,
 *   workers: 1,
 * });
 * await Supervisor.stop(top);
 * ```
 *
 * @example A supervisor that ends with the work of its children
 * ```ts
 * import { isExit, Process, receive, send, spawnLink, Supervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const job = (name: string) => () => spawnLink(() => receive((m) => m === name));
 * const sup = await Supervisor.startLink([
 *   { id: "log", start: () => spawnLink(() => receive()) },
 *   { id: "one", start: job("one"), restart: "transient", significant: true },
 *   { id: "two", start: job("two"), restart: "transient", significant: true },
 * ], { strategy: "one_for_one", autoShutdown: "all_significant" });
 *
 * Process.trapExit(true);
 * const [two, one] = await Supervisor.whichChildren(sup);
 * if (typeof one.pid === "object") send(one.pid, "one");
 * if (typeof two.pid === "object") send(two.pid, "two");
 * assertEquals((await receive(isExit)).reason, "shutdown");
 * ```
 */
export class Supervisor {
  private constructor() {}

  /**
   * Starts a supervisor, linked to the caller, and its children.
   *
   * The promise resolves when all children have started. If one fails to start, those started before it are ended, and
   * the supervisor exits with a shutdown reason that names the child. The caller then exits as well, unless it traps
   * exits.
   *
   * @param children The children, in the order of their start: each a {@linkcode ChildSpec}, a module that
   *   has one (`TaskSupervisor`), or such a module with its options (`[TaskSupervisor, { name }]`).
   * @throws {ExitError} If a child does not start, with the reason
   *   `{ type: "shutdown", reason: { type: "failed_to_start_child", id, reason } }`; if the name is taken,
   *   with `{ type: "already_started", pid }`; if the start takes too long, with `"timeout"`.
   * @throws {TypeError} If a child, the strategy or `autoShutdown` is invalid, two children have the same id,
   *   or a child must not be significant but is.
   * @throws {RangeError} If `maxRestarts` or `maxSeconds` is out of bounds.
   * @throws The signal's reason, if the signal is aborted.
   *
   * @example A child that does not start
   * ```ts
   * import { exit, ExitError, Supervisor } from "@otp/distribution";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const port = { id: "port", start: () => exit("in_use") };
   * const error = await assertRejects(() => Supervisor.startLink([port], { strategy: "one_for_one" }), ExitError);
   * assertEquals(error.reason, {
   *   type: "shutdown",
   *   reason: { type: "failed_to_start_child", id: "port", reason: "in_use" },
   * });
   * ```
   */
  static startLink<const C extends readonly ChildDefinition[]>(
    children: CheckedChildren<C>,
    options: SupervisorOptions & CancelOptions,
  ): Promise<Pid> {
    return startSupervisor(children, options);
  }

  /**
   * Returns the full specification of a child, with overrides.
   *
   * Use it for several children of the same kind, as each needs its own id.
   *
   * @returns The specification, with all defaults filled in.
   * @throws {TypeError} If the specification is invalid.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * const { id, restart, shutdown } = Supervisor.childSpec(worker, { id: "other" });
   * assertEquals([id, restart, shutdown], ["other", "permanent", 5000]);
   * ```
   */
  static childSpec<const C extends ChildDefinition>(
    child: CheckedChild<C>,
    overrides: Partial<ChildSpec> = {},
  ): FullChildSpec {
    checkOptions(
      overrides,
      "specify a child",
      CHILD_OVERRIDES,
      '{ restart: "temporary" }',
    );
    return fullChildSpec(child as ChildDefinition, overrides);
  }

  /**
   * Returns all children of a supervisor, running or not, last started first, as in Elixir.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const start = () => spawnLink(() => receive());
   * const children = [{ id: "first", start }, { id: "second", start }];
   * const sup = await Supervisor.startLink(children, { strategy: "one_for_one" });
   * assertEquals((await Supervisor.whichChildren(sup)).map(({ id }) => id), ["second", "first"]);
   * ```
   */
  static whichChildren(supervisor: ServerRef): Promise<ChildInfo[]> {
    return askSupervisor("Supervisor", "whichChildren", supervisor, {
      type: "which_children",
    });
  }

  /**
   * Counts the children of a supervisor.
   *
   * @example Usage
   * ```ts
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([], { strategy: "one_for_one" });
   * assertEquals((await Supervisor.countChildren(sup)).active, 0);
   * ```
   */
  static countChildren(supervisor: ServerRef): Promise<ChildCounts> {
    return askSupervisor("Supervisor", "countChildren", supervisor, {
      type: "count_children",
    });
  }

  /**
   * Adds a child after the existing ones, and starts it.
   *
   * A child that fails to start is not added. For a supervisor on another node, the child's `start` must be a function
   * that both nodes export, or `[module, function, args]`.
   *
   * @param options A time limit, a signal or a deadline; without one, the caller waits for the child's start.
   * @returns The child's pid; `undefined` if its start returned `"ignore"`.
   * @throws {ExitError} If the child does not start, with its reason; if its id is taken, with
   *   `{ type: "already_started", pid }` or, if that child is not running, with `"already_present"`.
   * @throws {TypeError} If the child is invalid, or its `start` cannot be sent. Only the supervisor can
   *   reject a significant child because its `autoShutdown` is `"never"`: this results in an `ExitError` with
   *   such an error as its reason.
   * @throws {ExitError} If a limit is reached first, with the call and `"timeout"`. The supervisor may still start
   *   the child; `whichChildren` then lists it, and a second start of the id exits with `already_started`.
   * @throws The signal's reason, if the signal is aborted; the supervisor may still start the child.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assert } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([], { strategy: "one_for_one" });
   * const pid = await Supervisor.startChild(sup, { id: "late", start: () => spawnLink(() => receive()) });
   * assert(Process.alive(pid));
   * ```
   */
  static async startChild<const C extends ChildDefinition>(
    supervisor: ServerRef,
    child: CheckedChild<C>,
    options: TimeLimits = {},
  ): Promise<StartedPid<StartedBy<C>>> {
    checkOptions(options, "start a child", TIME_LIMITS);
    const started = await askToStart(
      "Supervisor",
      serverRef(supervisor),
      fullChildSpec(child as ChildDefinition),
      options,
    );
    return pidOf(started as StartedBy<C>);
  }

  /**
   * Ends a child, and keeps its specification unless it is temporary.
   *
   * The promise resolves when the child has exited. The child is not restarted until
   * {@linkcode Supervisor.restartChild} is called, or a restart of other children includes it. A pending restart of the
   * child is cancelled.
   *
   * @returns `"ok"`, even if the child was not running, or `"not_found"`.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * const sup = await Supervisor.startLink([worker], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.terminateChild(sup, "worker"), "ok");
   * assertEquals(await Supervisor.terminateChild(sup, "nobody"), "not_found");
   * ```
   */
  static async terminateChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<"ok" | "not_found"> {
    checkString(id, "terminate the child");
    return await askForText("terminateChild", supervisor, {
      type: "terminate_child",
      id,
    });
  }

  /**
   * Restarts a child that is not running.
   *
   * This does not count towards `maxRestarts`.
   *
   * @returns The child's new pid; `undefined` if its start returned `"ignore"`.
   * @throws {ExitError} If the child does not start, with its reason; otherwise with `"running"`,
   *   `"restarting"` or `"not_found"`.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assert } from "@std/assert";
   *
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * const sup = await Supervisor.startLink([worker], { strategy: "one_for_one" });
   * await Supervisor.terminateChild(sup, "worker");
   * const pid = await Supervisor.restartChild(sup, "worker");
   * assert(pid !== undefined && Process.alive(pid));
   * ```
   */
  static async restartChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<Pid | undefined> {
    checkString(id, "restart the child");
    const request = { type: "restart_child", id } as const;
    return pidOf(startedOf(
      await askSupervisor("Supervisor", "restartChild", supervisor, request),
    ));
  }

  /**
   * Deletes the specification of a child that is not running.
   *
   * @returns `"ok"`, or the reason why it was not deleted.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * const sup = await Supervisor.startLink([worker], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.deleteChild(sup, "worker"), "running");
   * await Supervisor.terminateChild(sup, "worker");
   * assertEquals(await Supervisor.deleteChild(sup, "worker"), "ok");
   * ```
   */
  static async deleteChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<"ok" | "not_found" | "running" | "restarting"> {
    checkString(id, "delete the child");
    return await askForText("deleteChild", supervisor, {
      type: "delete_child",
      id,
    });
  }

  /**
   * Returns the specification of a child.
   *
   * Follows [supervisor:get_childspec/2](https://www.erlang.org/doc/apps/stdlib/supervisor.html#get_childspec/2).
   *
   * @returns The specification, with all defaults filled in, or `"not_found"`. From a supervisor on another
   *   node, the start is `[module, function, args]`.
   * @throws {TypeError} If the supervisor is on another node, and the start is a function that the node does
   *   not export.
   *
   * @example Usage
   * ```ts
   * import { Agent, Supervisor } from "@otp/distribution";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const child = Agent.childSpec(() => 0, { id: "counter", shutdown: 100 });
   * const supervisor = await Supervisor.startLink([child], { strategy: "one_for_one" });
   * const spec = await Supervisor.getChildspec(supervisor, "counter");
   * assert(spec !== "not_found");
   * assertEquals([spec.restart, spec.shutdown], ["permanent", 100]);
   * assertEquals(await Supervisor.getChildspec(supervisor, "nobody"), "not_found");
   * ```
   */
  static async getChildspec(
    supervisor: ServerRef,
    id: string,
  ): Promise<FullChildSpec | "not_found"> {
    checkString(id, "get the specification of the child");
    return await askForSpec(supervisor, id);
  }

  /**
   * Stops a supervisor and its children, and waits until they have exited.
   *
   * A reason other than `"normal"` and a shutdown is logged as an error, and is sent over the supervisor's links.
   *
   * @param timeout The timeout in milliseconds. A supervisor that takes longer continues to stop.
   * @throws {ExitError} If the supervisor does not exist, its node is down, it exits for another reason, or
   *   it does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.stop(sup), "ok");
   * ```
   */
  static stop(
    supervisor: ServerRef,
    reason: unknown = "normal",
    timeout: number = Infinity,
  ): Promise<"ok"> {
    return stopServer(supervisor, reason, timeout);
  }
}

function startSupervisor(
  children: unknown,
  options: SupervisorOptions & CancelOptions,
): Promise<Pid> {
  let specs: FullChildSpec[];
  let supervision: SupervisionOptions;
  let label = "Supervisor";
  try {
    // Without options, the check fails because the strategy is missing.
    checkOptions(
      options ??= {} as SupervisorOptions,
      "start a supervisor",
      START_OPTIONS,
      '{ strategy: "one_for_one" }',
    );
    supervision = supervisionOptions(options);
    specs = checkChildren(children, supervision);
    if (options.name !== undefined) label = nameText(options.name);
  } catch (error) {
    return Promise.reject(error);
  }
  return startServer(
    (process) => SupervisorServer.start(process, specs, supervision),
    { ...options, label },
  );
}

function checkChildren(
  children: unknown,
  { autoShutdown }: SupervisionOptions,
): FullChildSpec[] {
  if (!Array.isArray(children)) {
    throw new TypeError(
      `Cannot start a supervisor: its children are ${
        inspect(children)
      }; give a list of them, [child]`,
    );
  }
  const specs = children.map(specOf);
  assertOwnIds(specs);
  for (const spec of specs) assertSignificance(spec, autoShutdown);
  return specs;
}

function specOf(child: unknown): FullChildSpec {
  return fullChildSpec(child as ChildDefinition);
}

function assertOwnIds(specs: FullChildSpec[]): void {
  if (specs.length < 2) return;
  const ids = new Set<string>();
  for (const { id } of specs) {
    if (ids.has(id)) {
      throw new TypeError(
        `Cannot start a supervisor: two children have the id ${
          quote(id)
        }; give one another id: Supervisor.childSpec(child, { id })`,
      );
    }
    ids.add(id);
  }
}

async function askForText<T extends string>(
  fn: string,
  supervisor: ServerRef,
  request: SupervisorRequest,
): Promise<T> {
  const result = await askSupervisor<"ok" | Failure>(
    "Supervisor",
    fn,
    supervisor,
    request,
  );
  return (result === "ok" ? result : String(result.reason)) as T;
}

function pidOf<S extends Started>(started: S): StartedPid<S> {
  return (started === "ignore" ? undefined : started) as StartedPid<S>;
}
