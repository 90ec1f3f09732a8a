/**
 * Supervisors of children that are started on demand.
 *
 * Follows Elixir's [DynamicSupervisor](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html).
 *
 * @example A child for each guest
 * ```ts
 * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
 * import { receive, spawnLink } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const guest = { id: "guest", start: () => spawnLink(() => receive()) };
 * await DynamicSupervisor.startLink({ name: "Chat.Guests" });
 * await DynamicSupervisor.startChild("Chat.Guests", guest);
 * await DynamicSupervisor.startChild("Chat.Guests", guest);
 * assertEquals((await DynamicSupervisor.countChildren("Chat.Guests")).active, 2);
 * await DynamicSupervisor.stop("Chat.Guests");
 * ```
 *
 * @module
 */

import {
  childSpec as fullChildSpec,
  type StartedBy,
} from "./servers/supervisor/child_definition.ts";
import {
  type DynamicLimits,
  dynamicLimits,
} from "./servers/supervisor/dynamic_children.ts";
import {
  type DynamicChildInfo,
  type DynamicSupervisorRequest,
  DynamicSupervisorServer,
} from "./servers/supervisor/dynamic_supervisor_server.ts";
import { nameText, type ServerName } from "./gen/server_names.ts";
import { serverRef } from "./gen/server.ts";
import { startServer } from "./gen/start.ts";
import { stopServer } from "./gen/stop.ts";
import type {
  ChildCounts,
  Failure,
} from "./servers/supervisor/child_lifecycle.ts";
import {
  askSupervisor,
  askToStart,
} from "./servers/supervisor/supervisor_client.ts";
import {
  checkList,
  checkOptions,
  checkPid,
} from "./runtime/values/check_arguments.ts";
import { promised } from "./runtime/promises/promised.ts";
import type { Pid } from "./runtime/values/pid.ts";
import type {
  CheckedChild,
  ChildDefinition,
  ChildSpec,
  ServerRef,
} from "./supervisor.ts";

export type { DynamicChildInfo };

/** Options for {@linkcode DynamicSupervisor.startLink}. */
export interface DynamicSupervisorOptions {
  /**
   * The name that the supervisor has: on its node, in a registry, or in the cluster.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * How many children there may be at a time, those that are tried again among them.
   *
   * @default {Infinity}
   */
  maxChildren?: number;
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
   * Arguments that the start of every child gets, before its own. Functions get these values themselves,
   * not copies.
   *
   * Follows `:extra_arguments` of
   * [DynamicSupervisor.start_link/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_link/1).
   *
   * @default {[]}
   */
  extraArguments?: readonly unknown[];
}

/**
 * Starts supervisors whose children come and go, and children under them.
 *
 * A DynamicSupervisor starts with no children. Each is started by {@linkcode DynamicSupervisor.startChild},
 * is known by its pid, and is on its own: there is one strategy, `"one_for_one"`, and no order. A child has
 * a specification as that of a `Supervisor` has; its `id` need not be its own, as it is not used, and
 * `significant` means nothing.
 *
 * A child that ends is started again as its `restart` says, with another pid; one that is not, is
 * forgotten. If it does not start, it is tried again, and each try counts as a restart; after more than
 * `maxRestarts` within `maxSeconds` the supervisor ends all children and exits with `"shutdown"`.
 *
 * When it ends, it tells all children at once to exit with `"shutdown"`, and kills each that takes longer
 * than its `shutdown`: it takes as long as the slowest, not as all together. As a `Supervisor`, it is
 * linked to the process that starts it, traps exits, and exits with that process for the same reason.
 *
 * The functions take a supervisor of any node; they exit if it is not there or its node is down.
 *
 * @example Under a supervisor
 * ```ts
 * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
 * import { receive, spawnLink } from "@otp/distribution/process";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const sup = await Supervisor.startLink([
 *   [DynamicSupervisor, { name: "Chat.Rooms", maxChildren: 100 }],
 * ], { strategy: "one_for_one" });
 * await DynamicSupervisor.startChild("Chat.Rooms", {
 *   id: "room",
 *   start: () => spawnLink(() => receive()),
 *   restart: "transient",
 * });
 * assertEquals(await DynamicSupervisor.countChildren("Chat.Rooms"), {
 *   specs: 1,
 *   active: 1,
 *   supervisors: 0,
 *   workers: 1,
 * });
 * await Supervisor.stop(sup);
 * ```
 */
export class DynamicSupervisor {
  private constructor() {}

  /**
   * Starts a DynamicSupervisor, linked to the caller.
   *
   * Follows
   * [DynamicSupervisor.start_link/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_link/1).
   *
   * @param options Name, and how many children and restarts are too many.
   * @returns The supervisor's pid.
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   * @throws {RangeError} If a limit is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   *
   * const sup = await DynamicSupervisor.startLink({ maxChildren: 10 });
   * await DynamicSupervisor.stop(sup);
   * ```
   */
  static async startLink(options: DynamicSupervisorOptions = {}): Promise<Pid> {
    const limits = checkLimits(options);
    const { name, extraArguments = [] } = options;
    const extra = [...extraArguments];
    const label = name === undefined ? "DynamicSupervisor" : nameText(name);
    return await startServer(
      (process) => new DynamicSupervisorServer(process, limits, extra),
      { name, label },
    );
  }

  /**
   * A DynamicSupervisor as the child of a supervisor: `[DynamicSupervisor, { name }]`.
   *
   * @param options Name and limits.
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
    checkLimits(options);
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
   * Follows
   * [DynamicSupervisor.start_child/2](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_child/2).
   * The child is started by the supervisor, one at a time: a start that takes its time keeps the others
   * waiting. For a supervisor of another node, the child's `start` is a function that both nodes export, or
   * `[module, function, args]`.
   *
   * @typeParam C The child, of whose type it is known whether its start may give `"ignore"`.
   * @param supervisor The supervisor.
   * @param child A specification, something that makes one, or that with its options.
   * @returns The child's pid; or `"ignore"`, if its start gave that, and there is no child then.
   * @throws {ExitError} If it does not start, with its reason; if there are as many children as there may
   *   be, with `"max_children"`; if the supervisor is not there or its node is down, with what was called.
   * @throws {TypeError} If the child is not a valid one, or its `start` cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { ExitError } from "@otp/distribution/errors";
   * import { Process, receive, spawnLink } from "@otp/distribution/process";
   * import { assert, assertEquals, assertRejects } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink({ maxChildren: 1 });
   * const worker = { id: "worker", start: () => spawnLink(() => receive()) };
   * assert(Process.alive(await DynamicSupervisor.startChild(sup, worker)));
   *
   * const error = await assertRejects(
   *   () => DynamicSupervisor.startChild(sup, worker),
   *   ExitError,
   * );
   * assertEquals(error.reason, "max_children");
   * await DynamicSupervisor.stop(sup);
   * ```
   */
  static async startChild<const C extends ChildDefinition>(
    supervisor: ServerRef,
    child: CheckedChild<C>,
  ): Promise<StartedBy<C>> {
    const started = await askToStart(
      "DynamicSupervisor",
      serverRef(supervisor),
      fullChildSpec(child as ChildDefinition),
    );
    return started as StartedBy<C>;
  }

  /**
   * Ends a child for good, and waits for its end.
   *
   * Follows
   * [DynamicSupervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#terminate_child/2).
   * A child that is being tried again still goes by the pid that it had.
   *
   * @param supervisor The supervisor.
   * @param pid The child.
   * @returns `"ok"`, or `"not_found"` for what is not a child.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { receive, self, spawnLink } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * const pid = await DynamicSupervisor.startChild(sup, {
   *   id: "worker",
   *   start: () => spawnLink(() => receive()),
   * });
   * assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "ok");
   * assertEquals(await DynamicSupervisor.terminateChild(sup, self()), "not_found");
   * await DynamicSupervisor.stop(sup);
   * ```
   */
  static async terminateChild(
    supervisor: ServerRef,
    pid: Pid,
  ): Promise<"ok" | "not_found"> {
    checkPid(pid, "terminate the child");
    const request: DynamicSupervisorRequest = { type: "terminate_child", pid };
    const result = await ask<"ok" | Failure>(
      "terminateChild",
      supervisor,
      request,
    );
    return result === "ok" ? result : "not_found";
  }

  /**
   * All children of a supervisor, in the order of their start.
   *
   * Follows
   * [DynamicSupervisor.which_children/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#which_children/1).
   *
   * @param supervisor The supervisor.
   * @returns Each child's pid and type.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { receive, spawnLink } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * const pid = await DynamicSupervisor.startChild(sup, {
   *   id: "worker",
   *   start: () => spawnLink(() => receive()),
   * });
   * assertEquals(await DynamicSupervisor.whichChildren(sup), [{ pid, type: "worker" }]);
   * await DynamicSupervisor.stop(sup);
   * ```
   */
  static whichChildren(supervisor: ServerRef): Promise<DynamicChildInfo[]> {
    return ask("whichChildren", supervisor, { type: "which_children" });
  }

  /**
   * How many children a supervisor has.
   *
   * Follows
   * [DynamicSupervisor.count_children/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#count_children/1).
   *
   * @param supervisor The supervisor.
   * @returns All children, those that run, supervisors and workers.
   * @throws {ExitError} If the supervisor is not there or its node is down.
   *
   * @example Usage
   * ```ts
   * import { DynamicSupervisor } from "@otp/distribution/dynamic-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await DynamicSupervisor.startLink();
   * assertEquals((await DynamicSupervisor.countChildren(sup)).specs, 0);
   * await DynamicSupervisor.stop(sup);
   * ```
   */
  static countChildren(supervisor: ServerRef): Promise<ChildCounts> {
    return ask("countChildren", supervisor, { type: "count_children" });
  }

  /**
   * Stops a supervisor and its children, and waits until they have ended.
   *
   * Follows [DynamicSupervisor.stop/3](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#stop/3): a
   * reason other than `"normal"` and a shutdown is reported as an error, and goes out over the links as
   * well.
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
    return promised(() => stopServer(serverRef(supervisor), reason, timeout));
  }
}

function checkLimits(options: DynamicSupervisorOptions): DynamicLimits {
  checkOptions(options, "start a DynamicSupervisor", "{ maxChildren: 10 }");
  if (options.extraArguments !== undefined) {
    checkList(
      options.extraArguments,
      "start a DynamicSupervisor with the extraArguments",
    );
  }
  return dynamicLimits("DynamicSupervisor", options);
}

function ask<T>(
  fn: string,
  supervisor: ServerRef,
  request: DynamicSupervisorRequest,
): Promise<T> {
  return promised(() =>
    askSupervisor("DynamicSupervisor", fn, serverRef(supervisor), request)
  );
}
