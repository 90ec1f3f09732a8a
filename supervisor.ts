/**
 * Supervisors: processes that start others, watch them, and start them again.
 *
 * Follows Elixir's [Supervisor](https://hexdocs.pm/elixir/1.18/Supervisor.html).
 *
 * @example A worker that crashes is started again
 * ```ts
 * import { Process, receive, self, spawnLink } from "@otp/distribution/process";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assert } from "@std/assert";
 *
 * const worker = () => spawnLink(() => {
 *   Process.register(self(), "worker");
 *   return receive();
 * });
 * const sup = await Supervisor.startLink([{ id: "worker", start: worker }], {
 *   strategy: "one_for_one",
 * });
 *
 * const [{ pid }] = await Supervisor.whichChildren(sup);
 * assert(Process.whereis("worker")?.equals(pid));
 * Process.exit(Process.whereis("worker")!, "oops");
 *
 * const [{ pid: next }] = await Supervisor.whichChildren(sup);
 * assert(Process.whereis("worker")?.equals(next));
 * assert(!Process.whereis("worker")?.equals(pid));
 * await Supervisor.stop(sup);
 * ```
 *
 * @module
 */

import {
  type CheckedChild,
  type CheckedChildren,
  type ChildDefinition,
  type ChildModule,
  childSpec as fullChildSpec,
  type ModuleOptions,
  type StartedBy,
} from "./servers/supervisor/child_definition.ts";
import type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
  FullChildSpec,
  Started,
} from "./servers/supervisor/child_spec.ts";
import type { CallbackModule } from "./servers/gen_server/gen_server_process.ts";
import {
  type GlobalName,
  type NameOnNode,
  type NameRegistry,
  nameText,
  type ServerName,
  type ServerRef,
  type ViaName,
} from "./gen/server_names.ts";
import { assertIntensity } from "./servers/supervisor/restart_intensity.ts";
import { serverRef } from "./gen/server.ts";
import { type AlreadyStartedReason, startServer } from "./gen/start.ts";
import { stopServer } from "./gen/stop.ts";
import type {
  ChildCounts,
  Failure,
  Success,
} from "./servers/supervisor/child_lifecycle.ts";
import {
  assertSignificance,
  type AutoShutdown,
  type ChildInfo,
  type Strategy,
  type SupervisionOptions,
  type SupervisorRequest,
  SupervisorServer,
} from "./servers/supervisor/supervisor_server.ts";
import {
  askForSpec,
  askSupervisor,
  askToStart,
  startedOf,
} from "./servers/supervisor/supervisor_client.ts";
import { checkOptions, checkString } from "./runtime/values/check_arguments.ts";
import { promised } from "./runtime/promises/promised.ts";
import { inspect, quote } from "./runtime/values/inspect.ts";
import type { Pid } from "./runtime/values/pid.ts";

export type {
  AlreadyStartedReason,
  AutoShutdown,
  CallbackModule,
  CheckedChild,
  CheckedChildren,
  ChildCounts,
  ChildDefinition,
  ChildInfo,
  ChildModule,
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
  FullChildSpec,
  GlobalName,
  ModuleOptions,
  NameOnNode,
  NameRegistry,
  ServerName,
  ServerRef,
  Started,
  StartedBy,
  Strategy,
  ViaName,
};

/** Options for {@linkcode Supervisor.startLink}. */
export interface SupervisorOptions {
  /**
   * Which children are ended and started again when one has ended: `"one_for_one"` it alone,
   * `"one_for_all"` all, `"rest_for_one"` it and those that were started after it.
   */
  strategy: Strategy;
  /**
   * The name that the supervisor has: on its node, in a registry, or in the cluster.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * How many restarts are made within `maxSeconds`; one more, and the supervisor ends its children and
   * exits.
   *
   * @default {3}
   */
  maxRestarts?: number;
  /**
   * The time within which restarts are counted: whole seconds, 1 or more. As in OTP, the clock is read
   * in whole seconds, so that a restart counts for up to one second more.
   *
   * @default {5}
   */
  maxSeconds?: number;
  /**
   * Whether the supervisor ends when significant children have ended that are not started again: a
   * transient one in order, or a temporary one in whatever way. With `"any_significant"`, when one of
   * them has; with `"all_significant"`, when none of them runs any more; with `"never"`, significant
   * children are refused.
   *
   * @default {"never"}
   */
  autoShutdown?: AutoShutdown;
}

/** Why a supervisor did not start: one of its children did not. Comes within a `ShutdownReason`. */
export interface FailedToStartChildReason {
  /** Always `"failed_to_start_child"`. */
  type: "failed_to_start_child";
  /** The child's id. */
  id: string;
  /** Why the child did not start. */
  reason: unknown;
}

/**
 * The pid of a child that was started; `undefined` where its start may have given `"ignore"`.
 *
 * @typeParam S What the start gives.
 */
export type StartedPid<S> =
  | Extract<S, Pid>
  | ("ignore" extends S ? undefined : never);

const STRATEGIES: readonly unknown[] = [
  "one_for_one",
  "one_for_all",
  "rest_for_one",
];
const AUTO_SHUTDOWNS: readonly unknown[] = [
  "never",
  "any_significant",
  "all_significant",
];

/**
 * Starts supervisors and asks them about their children.
 *
 * A supervisor starts its children in the order given, and ends them in the reverse order: each is sent
 * an exit signal `"shutdown"`, and killed if it takes longer than its `shutdown`. It is itself linked to
 * the process that starts it and traps exits: when that process exits, the supervisor ends its children
 * and exits for the same reason.
 *
 * A child that ends is started again as its `restart` says. If it does not start, it is tried again, and
 * each try counts as a restart; after more than `maxRestarts` within `maxSeconds` the supervisor ends all
 * children and exits with `"shutdown"`, and its own supervisor sees to it. Between two tries it serves
 * what it is asked, a stop for one. A temporary child that is ended with others, by `"one_for_all"` or
 * `"rest_for_one"`, is not started with them again: it is gone.
 *
 * A child whose start gives `"ignore"` has nothing to run, for now: it is kept, with no pid, and
 * {@linkcode Supervisor.restartChild} tries it again; a temporary one is not kept.
 *
 * A supervisor with `autoShutdown` ends by itself when its `significant` children are done, as a process
 * that they serve may be: it ends the other children and exits with `"shutdown"`. If it is a transient
 * child of its own supervisor, that is the end of it; if it is a significant child itself, its supervisor
 * may end too, and so on up the tree. A significant child that is ended by a request, by
 * {@linkcode Supervisor.terminateChild} for one, ends nothing else.
 *
 * The functions take a supervisor of any node; they exit if it is not there or its node is down.
 *
 * @example A tree
 * ```ts
 * import { receive, spawnLink } from "@otp/distribution/process";
 * import { Supervisor } from "@otp/distribution/supervisor";
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
 * import { isExit, Process, receive, send, spawnLink } from "@otp/distribution/process";
 * import { Supervisor } from "@otp/distribution/supervisor";
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
   * Follows [Supervisor.start_link/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#start_link/2). The
   * promise resolves when all children have started. If one does not, those before it are ended, and
   * the supervisor exits with a shutdown that says which: so does the caller then, unless it traps exits.
   *
   * @typeParam C The children; options that a module does not take do not compile.
   * @param children The children, in the order of their start: each a {@linkcode ChildSpec}, something
   *   that makes one (`TaskSupervisor`), or that with its options (`[TaskSupervisor, { name }]`).
   * @param options Strategy, name, how many restarts are too many, and whether it ends by itself.
   * @returns The supervisor's pid.
   * @throws {ExitError} If a child does not start, with the reason
   *   `{ type: "shutdown", reason: { type: "failed_to_start_child", id, reason } }`; if the name is
   *   taken, with `{ type: "already_started", pid }`.
   * @throws {TypeError} If a child, the strategy or `autoShutdown` is not a valid one, two children have
   *   one id, or a child is significant where it may not be.
   * @throws {RangeError} If `maxRestarts` or `maxSeconds` is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assert } from "@std/assert";
   *
   * const pid = await Supervisor.startLink([
   *   { id: "worker", start: () => spawnLink(() => receive()) },
   * ], { strategy: "one_for_one", name: "Chat.Supervisor" });
   * assert(Process.whereis("Chat.Supervisor")?.equals(pid));
   * await Supervisor.stop("Chat.Supervisor");
   * ```
   *
   * @example A child that does not start
   * ```ts
   * import { ExitError } from "@otp/distribution/errors";
   * import { exit } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const error = await assertRejects(
   *   () =>
   *     Supervisor.startLink([
   *       { id: "port", start: () => exit("in_use") },
   *     ], { strategy: "one_for_one" }),
   *   ExitError,
   * );
   * assertEquals(error.reason, {
   *   type: "shutdown",
   *   reason: { type: "failed_to_start_child", id: "port", reason: "in_use" },
   * });
   * ```
   */
  static async startLink<const C extends readonly ChildDefinition[]>(
    children: CheckedChildren<C>,
    options: SupervisorOptions,
  ): Promise<Pid> {
    const supervision = checkSupervision(options);
    if (!Array.isArray(children)) {
      throw new TypeError(
        `Cannot start a supervisor: its children are ${
          inspect(children)
        }; give a list of them, [child]`,
      );
    }
    const specs = children.map((child) =>
      fullChildSpec(child as ChildDefinition)
    );
    assertOwnIds(specs);
    for (const spec of specs) {
      assertSignificance(spec, supervision.autoShutdown);
    }
    const { name } = options;
    const label = name === undefined ? "Supervisor" : nameText(name);
    return await startServer(
      (process) => SupervisorServer.start(process, specs, supervision),
      { name, label },
    );
  }

  /**
   * The full specification of a child, with some of it replaced.
   *
   * Follows [Supervisor.child_spec/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#child_spec/2): for
   * two children of one kind, which need an id each.
   *
   * @typeParam C The child.
   * @param child A specification, something that makes one, or that with its options.
   * @param overrides What to replace.
   * @returns The specification, with nothing left out.
   * @throws {TypeError} If it is not a valid one.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * assertEquals(Supervisor.childSpec(worker, { id: "other" }), {
   *   id: "other",
   *   start: worker.start,
   *   restart: "permanent",
   *   shutdown: 5000,
   *   type: "worker",
   *   significant: false,
   * });
   * ```
   */
  static childSpec<const C extends ChildDefinition>(
    child: CheckedChild<C>,
    overrides: Partial<ChildSpec> = {},
  ): FullChildSpec {
    checkOptions(overrides, "specify a child", '{ restart: "temporary" }');
    return fullChildSpec(child as ChildDefinition, overrides);
  }

  /**
   * All children of a supervisor, running or not; the one that was started last comes first, as in Elixir.
   *
   * Follows
   * [Supervisor.which_children/1](https://hexdocs.pm/elixir/1.18/Supervisor.html#which_children/1).
   *
   * @param supervisor The supervisor.
   * @returns Each child's id, pid and type.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const start = () => spawnLink(() => receive());
   * const sup = await Supervisor.startLink([
   *   { id: "first", start },
   *   { id: "second", start },
   * ], { strategy: "one_for_one" });
   * const children = await Supervisor.whichChildren(sup);
   * assertEquals(children.map((child) => child.id), ["second", "first"]);
   * await Supervisor.stop(sup);
   * ```
   */
  static whichChildren(supervisor: ServerRef): Promise<ChildInfo[]> {
    return ask("whichChildren", supervisor, { type: "which_children" });
  }

  /**
   * How many children a supervisor has.
   *
   * Follows
   * [Supervisor.count_children/1](https://hexdocs.pm/elixir/1.18/Supervisor.html#count_children/1).
   *
   * @param supervisor The supervisor.
   * @returns Specifications, running children, supervisors and workers.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.countChildren(sup), {
   *   specs: 0,
   *   active: 0,
   *   supervisors: 0,
   *   workers: 0,
   * });
   * await Supervisor.stop(sup);
   * ```
   */
  static countChildren(supervisor: ServerRef): Promise<ChildCounts> {
    return ask("countChildren", supervisor, { type: "count_children" });
  }

  /**
   * Adds a child and starts it, after those that are there.
   *
   * Follows [Supervisor.start_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#start_child/2). A
   * child that does not start is not added. For a supervisor of another node, the child's `start` is a
   * function that both nodes export, or `[module, function, args]`.
   *
   * @typeParam C The child, of whose type it is known whether its start may give `"ignore"`.
   * @param supervisor The supervisor.
   * @param child A specification, something that makes one, or that with its options.
   * @returns The child's pid; `undefined` if its start gave `"ignore"`.
   * @throws {ExitError} If it does not start, with its reason; if its id is taken, with
   *   `{ type: "already_started", pid }` or, when that child is not running, `"already_present"`.
   * @throws {TypeError} If the child is not a valid one, or its `start` cannot be sent. A significant
   *   child of a supervisor whose `autoShutdown` is `"never"` is refused with an `ExitError` for such an
   *   error, as only the supervisor knows.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assert } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([], { strategy: "one_for_one" });
   * const pid = await Supervisor.startChild(sup, {
   *   id: "late",
   *   start: () => spawnLink(() => receive()),
   * });
   * assert(Process.alive(pid));
   * await Supervisor.stop(sup);
   * ```
   */
  static async startChild<const C extends ChildDefinition>(
    supervisor: ServerRef,
    child: CheckedChild<C>,
  ): Promise<StartedPid<StartedBy<C>>> {
    const started = await askToStart(
      "Supervisor",
      serverRef(supervisor),
      fullChildSpec(child as ChildDefinition),
    );
    return pidOf(started as StartedBy<C>);
  }

  /**
   * Ends a child, and keeps its specification unless it is temporary.
   *
   * Follows
   * [Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#terminate_child/2). It
   * resolves when the child has ended, and is not started again until {@linkcode Supervisor.restartChild},
   * or until a restart of others takes it along. One that was being tried again is not tried any more.
   *
   * @param supervisor The supervisor.
   * @param id The child's id.
   * @returns `"ok"`, also for one that was not running, or `"not_found"`.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([
   *   { id: "worker", start: () => spawnLink(() => receive()) },
   * ], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.terminateChild(sup, "worker"), "ok");
   * assertEquals(await Supervisor.terminateChild(sup, "nobody"), "not_found");
   * await Supervisor.stop(sup);
   * ```
   */
  static async terminateChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<"ok" | "not_found"> {
    checkString(id, "terminate the child");
    return await textOf(
      ask("terminateChild", supervisor, { type: "terminate_child", id }),
    );
  }

  /**
   * Starts a child again that is not running.
   *
   * Follows [Supervisor.restart_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#restart_child/2).
   * It does not count as a restart.
   *
   * @param supervisor The supervisor.
   * @param id The child's id.
   * @returns The child's new pid; `undefined` if its start gave `"ignore"`.
   * @throws {ExitError} If it does not start, with its reason; else with `"running"`, `"restarting"` or
   *   `"not_found"`.
   *
   * @example Usage
   * ```ts
   * import { Process, receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assert } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([
   *   { id: "worker", start: () => spawnLink(() => receive()) },
   * ], { strategy: "one_for_one" });
   * await Supervisor.terminateChild(sup, "worker");
   * const pid = await Supervisor.restartChild(sup, "worker");
   * assert(pid !== undefined && Process.alive(pid));
   * await Supervisor.stop(sup);
   * ```
   */
  static async restartChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<Pid | undefined> {
    checkString(id, "restart the child");
    return pidOf(startedOf(
      await ask<Success | Failure>("restartChild", supervisor, {
        type: "restart_child",
        id,
      }),
    ));
  }

  /**
   * Takes the specification of a child away that is not running.
   *
   * Follows [Supervisor.delete_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#delete_child/2).
   *
   * @param supervisor The supervisor.
   * @param id The child's id.
   * @returns `"ok"`, or why not.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { receive, spawnLink } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await Supervisor.startLink([
   *   { id: "worker", start: () => spawnLink(() => receive()) },
   * ], { strategy: "one_for_one" });
   * assertEquals(await Supervisor.deleteChild(sup, "worker"), "running");
   * await Supervisor.terminateChild(sup, "worker");
   * assertEquals(await Supervisor.deleteChild(sup, "worker"), "ok");
   * await Supervisor.stop(sup);
   * ```
   */
  static async deleteChild(
    supervisor: ServerRef,
    id: string,
  ): Promise<"ok" | "not_found" | "running" | "restarting"> {
    checkString(id, "delete the child");
    return await textOf(
      ask("deleteChild", supervisor, { type: "delete_child", id }),
    );
  }

  /**
   * The specification of a child, as its supervisor has it.
   *
   * Follows [supervisor:get_childspec/2](https://www.erlang.org/doc/apps/stdlib/supervisor.html#get_childspec/2).
   *
   * @param supervisor The supervisor.
   * @param id The child's id.
   * @returns The specification with nothing left out, or `"not_found"`. From a supervisor of another
   *   node, the start is `[module, function, args]`.
   * @throws {TypeError} If the supervisor is on another node, and the start is a function that that node
   *   does not export.
   * @throws {ExitError} If there is no such supervisor.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { Supervisor } from "@otp/distribution/supervisor";
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
    return await askForSpec(serverRef(supervisor), id);
  }

  /**
   * Stops a supervisor and its children, and waits until they have ended.
   *
   * Follows [Supervisor.stop/3](https://hexdocs.pm/elixir/1.18/Supervisor.html#stop/3): a reason other
   * than `"normal"` and a shutdown is reported as an error, and goes out over the links as well.
   *
   * @param supervisor The supervisor.
   * @param reason The reason with which it exits.
   * @param timeout Milliseconds to wait. A supervisor that takes longer goes on stopping.
   * @returns `"ok"`.
   * @throws {ExitError} If the supervisor is not there, its node is down, it exits for another reason, or
   *   not in time.
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
    return promised(() => stopServer(serverRef(supervisor), reason, timeout));
  }
}

function checkSupervision(options: SupervisorOptions): SupervisionOptions {
  checkOptions(
    // Its strategy is then asked for.
    options ?? {},
    "start a supervisor",
    '{ strategy: "one_for_one" }',
  );
  const { strategy, maxRestarts = 3, maxSeconds = 5, autoShutdown = "never" } =
    options ?? {};
  if (!STRATEGIES.includes(strategy)) {
    throw new TypeError(
      `Cannot start a supervisor: its strategy is ${
        inspect(strategy)
      }; give "one_for_one", "one_for_all" or "rest_for_one"`,
    );
  }
  if (!AUTO_SHUTDOWNS.includes(autoShutdown)) {
    throw new TypeError(
      `Cannot start a supervisor: its autoShutdown is ${
        inspect(autoShutdown)
      }; give "never", "any_significant" or "all_significant"`,
    );
  }
  assertIntensity("supervisor", maxRestarts, maxSeconds);
  return { strategy, maxRestarts, maxSeconds, autoShutdown };
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

function ask<T>(
  fn: string,
  supervisor: ServerRef,
  request: SupervisorRequest,
): Promise<T> {
  return promised(() =>
    askSupervisor("Supervisor", fn, serverRef(supervisor), request)
  );
}

async function textOf<T extends string>(
  reply: Promise<"ok" | Failure>,
): Promise<T> {
  const result = await reply;
  return (result === "ok" ? result : String(result.reason)) as T;
}

function pidOf<S extends Started>(started: S): StartedPid<S> {
  return (started === "ignore" ? undefined : started) as StartedPid<S>;
}
