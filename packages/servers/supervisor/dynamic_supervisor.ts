/**
 * Supervisors whose children are started on demand.
 *
 * Each function follows the function of the same name in Elixir's
 * [DynamicSupervisor](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html): `startChild` is `start_child`.
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
  childSpec as fullChildSpec,
  type StartedBy,
} from "./child_definition.ts";
import { DYNAMIC_LIMITS, dynamicLimits } from "./dynamic_children.ts";
import {
  type DynamicChildInfo,
  DynamicSupervisorServer,
} from "./dynamic_supervisor_server.ts";
import { nameText, serverRef } from "../server/server_ref.ts";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
  startServer,
} from "../server/start.ts";
import { stopServer } from "../server/stop.ts";
import type { ChildCounts } from "./child_lifecycle.ts";
import {
  askSupervisor,
  askToStart,
  askToTerminate,
} from "./supervisor_client.ts";
import { ARRAY, checkOptions } from "@otp/processes/values/check_arguments";
import type { Pid } from "@otp/processes/values/pid";
import type {
  CheckedChild,
  ChildDefinition,
  ChildSpec,
  ServerRef,
} from "./supervisor.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import type { RestartLimits } from "./restart_intensity.ts";

export type { ServerStartOptions } from "../server/start.ts";

export type { RestartLimits } from "./restart_intensity.ts";

export type { NameRegistry, ServerName } from "../server/server_ref.ts";
export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";

export type { CancelOptions, DynamicChildInfo, TimeLimits };

/** Options for {@linkcode DynamicSupervisor.startLink}. */
export interface DynamicSupervisorOptions
  extends ServerStartOptions, RestartLimits {
  /**
   * The maximum number of children, including those that are waiting to be restarted.
   *
   * @default {Infinity}
   */
  maxChildren?: number;
  /**
   * Arguments that are passed to the start function of every child, before its own. Functions receive the
   * values themselves, not copies.
   *
   * Follows `:extra_arguments` of
   * [DynamicSupervisor.start_link/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_link/1).
   *
   * @default {[]}
   */
  extraArguments?: readonly unknown[];
}

const DYNAMIC_SUPERVISOR_OPTIONS: OptionChecks<DynamicSupervisorOptions> = {
  ...SERVER_START_OPTIONS,
  ...DYNAMIC_LIMITS,
  extraArguments: ARRAY,
};

const START_OPTIONS: OptionChecks<DynamicSupervisorOptions & CancelOptions> = {
  ...DYNAMIC_SUPERVISOR_OPTIONS,
  ...CANCEL_OPTIONS,
};

/**
 * Starts supervisors whose children come and go, and starts children under them.
 *
 * A DynamicSupervisor starts without children. Each child is started by
 * {@linkcode DynamicSupervisor.startChild} and identified by its pid. Children are independent: the only
 * strategy is `"one_for_one"`, and they have no order. A child has the same specification as a child of a
 * `Supervisor`, but its `id` need not be unique, as it is not used, and `significant` has no effect.
 *
 * A child that exits is restarted according to its `restart`, with a new pid; a child that is not restarted
 * is removed. If the restart fails, it is tried again, and each attempt counts as a restart. After more than
 * `maxRestarts` within `maxSeconds` the supervisor ends all children and exits with `"shutdown"`.
 *
 * When the supervisor exits, it sends `"shutdown"` to all children at once, and kills each child that takes longer than
 * its `shutdown`: this takes as long as the slowest child, not the sum of all. Like a `Supervisor`, it is linked to the
 * process that starts it, traps exits, and exits with the same reason as that process.
 *
 * The functions accept a supervisor on any node. They exit if the supervisor does not exist or its node is down.
 *
 * @example Under a supervisor
 * ```ts
 * import { DynamicSupervisor, receive, spawnLink, Supervisor } from "@otp/distribution";
 *
 * const sup = await Supervisor.startLink([
 *   [DynamicSupervisor, { name: "Chat.Rooms", maxChildren: 100 }],
 * ], { strategy: "one_for_one" });
 * await DynamicSupervisor.startChild("Chat.Rooms", { id: "room", start: () => spawnLink(() => receive()) });
 * await Supervisor.stop(sup);
 * ```
 */
export class DynamicSupervisor {
  private constructor() {}

  /**
   * Starts a DynamicSupervisor, linked to the caller.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`; if the start takes too long:
   *   `"timeout"`.
   * @throws {RangeError} If a limit is out of bounds.
   * @throws The signal's reason, if the signal is aborted.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   *
   * await DynamicSupervisor.startLink({ maxChildren: 10 });
   * ```
   */
  static async startLink(
    options: DynamicSupervisorOptions & CancelOptions = {},
  ): Promise<Pid> {
    checkStart(options, START_OPTIONS);
    const limits = dynamicLimits(options);
    const { name, extraArguments = [] } = options;
    const extra = [...extraArguments];
    const label = name === undefined ? "DynamicSupervisor" : nameText(name);
    return await startServer(
      (process) => new DynamicSupervisorServer(process, limits, extra),
      { ...options, label },
    );
  }

  /**
   * Returns the child specification of a DynamicSupervisor; `[DynamicSupervisor, { name }]` is a shorthand.
   *
   * @returns The specification; its id is the name.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const { id, type } = DynamicSupervisor.childSpec({ name: "Chat.Rooms" });
   * assertEquals([id, type], ["Chat.Rooms", "supervisor"]);
   * ```
   */
  static childSpec(
    options: DynamicSupervisorOptions = {},
  ): ChildSpec<() => Promise<Pid>> {
    checkStart(options, DYNAMIC_SUPERVISOR_OPTIONS);
    const { name } = options;
    return {
      id: name === undefined ? "DynamicSupervisor" : nameText(name),
      start: () => DynamicSupervisor.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Starts a child.
   *
   * The supervisor starts one child at a time: a slow start delays the others. For a supervisor on another node, the
   * child's `start` must be a function that both nodes export, or `[module, function, args]`.
   *
   * @param options A time limit, a signal or a deadline; without one, the caller waits for the child's start.
   * @returns The child's pid, or `"ignore"` if its start returned that; then no child is added.
   * @throws {ExitError} If the child does not start, with its reason; if `maxChildren` is reached, with
   *   `"max_children"`; if the supervisor does not exist or its node is down, with the call.
   * @throws {TypeError} If the child is invalid, or its `start` cannot be sent.
   * @throws {ExitError} If a limit is reached first, with the call and `"timeout"`. The supervisor may still start
   *   the child; `whichChildren` then lists it.
   * @throws The signal's reason, if the signal is aborted; the supervisor may still start the child.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor, ExitError, Process, receive, spawnLink } from "@otp/distribution";
   * import { assert, assertEquals, assertRejects } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink({ maxChildren: 1 });
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * assert(Process.alive(await DynamicSupervisor.startChild(sup, worker)));
   * const error = await assertRejects(() => DynamicSupervisor.startChild(sup, worker), ExitError);
   * assertEquals(error.reason, "max_children");
   * ```
   */
  static async startChild<const C extends ChildDefinition>(
    supervisor: ServerRef,
    child: CheckedChild<C>,
    options: TimeLimits = {},
  ): Promise<StartedBy<C>> {
    checkOptions(options, "start a child", TIME_LIMITS);
    const started = await askToStart(
      "DynamicSupervisor",
      serverRef(supervisor),
      fullChildSpec(child as ChildDefinition),
      options,
    );
    return started as StartedBy<C>;
  }

  /**
   * Ends a child permanently, and waits until it has exited.
   *
   * A child that is waiting to be restarted is identified by its previous pid.
   *
   * @returns `"ok"`, or `"not_found"` if the pid is not a child.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor, receive, self, spawnLink } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * const pid = await DynamicSupervisor.startChild(sup, { id: "worker", start: () => spawnLink(() => receive()) });
   * assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "ok");
   * assertEquals(await DynamicSupervisor.terminateChild(sup, self()), "not_found");
   * ```
   */
  static terminateChild(
    supervisor: ServerRef,
    pid: Pid,
  ): Promise<"ok" | "not_found"> {
    return askToTerminate("DynamicSupervisor", supervisor, pid);
  }

  /**
   * Returns the children of a supervisor, in the order of their start.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor, receive, spawnLink } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * const pid = await DynamicSupervisor.startChild(sup, { id: "worker", start: () => spawnLink(() => receive()) });
   * assertEquals(await DynamicSupervisor.whichChildren(sup), [{ pid, type: "worker" }]);
   * ```
   */
  static whichChildren(supervisor: ServerRef): Promise<DynamicChildInfo[]> {
    return askSupervisor("DynamicSupervisor", "whichChildren", supervisor, {
      type: "which_children",
    });
  }

  /**
   * Counts the children of a supervisor.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * assertEquals((await DynamicSupervisor.countChildren(sup)).specs, 0);
   * ```
   */
  static countChildren(supervisor: ServerRef): Promise<ChildCounts> {
    return askSupervisor("DynamicSupervisor", "countChildren", supervisor, {
      type: "count_children",
    });
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
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await DynamicSupervisor.stop(await DynamicSupervisor.startLink()), "ok");
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

function checkStart<O extends DynamicSupervisorOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): void {
  const doing = "start a DynamicSupervisor";
  checkOptions(options, doing, checks, "{ maxChildren: 10 }");
}
