/**
 * Supervisors that start several partitions of one child, and route requests to them by a key.
 *
 * Each function follows the function of the same name in Elixir's
 * [PartitionSupervisor](https://hexdocs.pm/elixir/1.18/PartitionSupervisor.html): `startLink` is `start_link`.
 *
 * @module
 */

import { CANCEL_OPTIONS, type CancelOptions } from "../server/cancellation.ts";
import {
  callExit,
  describeServer,
  isViaName,
  nameText,
  whereisName,
} from "../server/server_ref.ts";
import { stopServer } from "../server/stop.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { andThen } from "@otp/processes/promises/promises";
import { nameOf } from "@otp/processes/values/atom";
import {
  checkList,
  checkOptions,
  checkValue,
  FUNCTION,
  integerFrom,
  isName,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { childSpec as fullChildSpec } from "./child_definition.ts";
import { runStart } from "./child_start.ts";
import { STRATEGY } from "./check_supervision.ts";
import {
  partitionsOf,
  PartitionTable,
  setPartitions,
} from "./partition_table.ts";
import {
  type ChildCounts,
  type ChildDefinition,
  type ChildSpec,
  type ChildType,
  type FullChildSpec,
  type ServerName,
  type ServerRef,
  type Started,
  type Strategy,
  Supervisor,
} from "./supervisor.ts";
import type { OptionCheck, OptionChecks } from "@otp/processes/values/options";
import { INTENSITY, type RestartLimits } from "./restart_intensity.ts";
import type { ServerStartOptions } from "../server/start.ts";

export type { ServerStartOptions } from "../server/start.ts";

export type { RestartLimits } from "./restart_intensity.ts";

export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";

export type {
  CallbackModule,
  ChildModule,
  ChildRestart,
  ChildShutdown,
  ChildStart,
  NameOnNode,
  NameRegistry,
  ServerName,
} from "./supervisor.ts";
export type {
  CancelOptions,
  ChildCounts,
  ChildDefinition,
  ChildSpec,
  ChildType,
  ServerRef,
  Strategy,
};

/** The name of a PartitionSupervisor: on its node, or in a registry. */
export type PartitionSupervisorName = Exclude<ServerName, { global: unknown }>;

/** Options for {@linkcode PartitionSupervisor.startLink}. */
export interface PartitionSupervisorOptions
  extends Pick<ServerStartOptions, "timeout">, RestartLimits {
  /** The name of the supervisor, by which its partitions are found. */
  name: PartitionSupervisorName;
  /** The child of which there are several: a specification, a module, or a module with its options. */
  childSpec: ChildDefinition;
  /**
   * The number of partitions.
   *
   * @default {the number of processors}
   */
  partitions?: number;
  /**
   * Which partitions are restarted when one exits, as for `Supervisor`.
   *
   * @default {"one_for_one"}
   */
  strategy?: Strategy;
  /**
   * Returns the arguments with which a partition is started, so that the partition learns its number. `args` are the
   * arguments of the child: `[options]` for `[module, options]`, the `args` of `[module, function, args]`, none for a
   * function, which receives the arguments that are returned.
   *
   * @param args The arguments of the child.
   * @param partition The number of the partition, from 0.
   * @returns The arguments for this partition.
   *
   * @default {(args) => args}
   */
  withArguments?: (
    // deno-lint-ignore no-explicit-any
    args: any[],
    partition: number,
  ) => unknown[];
}

const EXAMPLE = '{ name: "Counters", childSpec: [Agent, () => 0] }';

const NAME: OptionCheck = {
  accepts: (name) => isName(name) && nameOf(name) !== "" || isViaName(name),
  give: "a string, an atom, or { via: registry, name }",
  isRequired: true,
};

const PARTITION_SUPERVISOR_OPTIONS: OptionChecks<PartitionSupervisorOptions> = {
  name: NAME,
  timeout: TIMEOUT,
  childSpec: {
    accepts: (child) => child !== undefined && child !== null,
    give: `the child, as in ${EXAMPLE}`,
    isRequired: true,
  },
  partitions: integerFrom(1),
  strategy: STRATEGY,
  ...INTENSITY,
  withArguments: FUNCTION,
};

const START_OPTIONS: OptionChecks<PartitionSupervisorOptions & CancelOptions> =
  {
    ...PARTITION_SUPERVISOR_OPTIONS,
    ...CANCEL_OPTIONS,
  };

/** A partition, as {@linkcode PartitionSupervisor.whichChildren} returns it. */
export interface PartitionInfo {
  /** The number of the partition, from 0. */
  id: number;
  /** Its pid; `"restarting"` while it is waiting to be restarted, `undefined` if it is not running. */
  pid: Pid | "restarting" | undefined;
  /** Whether it is a supervisor itself. */
  type: ChildType;
}

/**
 * Starts supervisors of partitions.
 *
 * A process handles one message at a time. If its state can be divided, several processes of the same kind share the
 * work: each holds a part, and a key decides which process a request goes to. Wherever this library takes a server's
 * name, `{ via: PartitionSupervisor, name: [supervisor, key] }` names the partition of a key.
 *
 * An integer is routed by its remainder, the absolute value divided by the number of partitions; any other key by a
 * hash of its contents. Equal keys go to the same partition as long as the number of partitions does not change.
 * The sender of a key can choose the partition. Do not rely on a particular partition: it may change between
 * versions. A request to a partition that has exited and is not restarted yet fails with `noproc`. Only
 * processes of the supervisor's own node can use such names.
 *
 * All partitions run on one thread. They help where callbacks wait, or where the crash of one partition must not
 * affect the others; they do not speed up computation.
 *
 * Functions that ask the supervisor throw an `ExitError` if it does not exist.
 *
 * @example One counter for each group of keys
 * ```ts
 * import { GenServer, type GenServerModule } from "@otp/distribution";
 * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const Collector: GenServerModule<{ arg: string; state: string[]; call: [{ collect: string }, string[]] }> = {
 *   name: "Collector",
 *   init: (first) => ({ type: "ok", state: [first] }),
 *   handleCall: ({ collect }, _from, state) => ({
 *     type: "reply",
 *     reply: [collect, ...state],
 *     state: [collect, ...state],
 *   }),
 * };
 * const collect = (key: unknown, message: string) =>
 *   GenServer.call({ via: PartitionSupervisor, name: ["Collectors", key] }, { collect: message });
 *
 * await PartitionSupervisor.startLink({ name: "Collectors", childSpec: [Collector, "first"], partitions: 4 });
 * assertEquals(await collect(1, "hi"), ["hi", "first"]);
 * assertEquals(await collect(1, "ho"), ["ho", "hi", "first"]);
 * assertEquals(await collect(2, "a"), ["a", "first"]);
 * await PartitionSupervisor.stop("Collectors");
 * ```
 */
export class PartitionSupervisor {
  private constructor() {}

  /**
   * Starts a supervisor with its partitions, linked to the caller.
   *
   * It resolves when all partitions have started, in the order of their numbers.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`; if a partition fails to start:
   *   `{ type: "shutdown", reason: { type: "failed_to_start_child", id, reason } }`.
   * @throws {TypeError} If the name or the child is missing or invalid.
   * @throws {RangeError} If the number of partitions is not at least 1.
   * @throws {ExitError} If the start takes too long, with `"timeout"`.
   * @throws The signal's reason, if the signal is aborted.
   *
   * @example Tell each partition its number
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({
   *   name: "Numbers",
   *   childSpec: { id: "number", start: (n: number) => Agent.startLink(() => n) },
   *   withArguments: (_args, partition) => [partition],
   *   partitions: 3,
   * });
   * const number = { via: PartitionSupervisor, name: ["Numbers", 5] };
   * assertEquals(await Agent.get(number, (n) => n), 2);
   * ```
   */
  static async startLink(
    options: PartitionSupervisorOptions & CancelOptions,
  ): Promise<Pid> {
    checkStart(options, START_OPTIONS);
    const {
      childSpec,
      partitions: count = navigator.hardwareConcurrency,
      strategy = "one_for_one",
      withArguments = argumentsOnly,
      ...rest
    } = options;
    const table = new PartitionTable(count);
    const children: FullChildSpec[] = [];
    for (let partition = 0; partition < count; partition++) {
      const spec = specOf(childSpec, withArguments, partition);
      children.push({
        ...spec,
        id: String(partition),
        start: () => startPartition(spec, table, partition),
      });
    }
    return await Supervisor.startLink(children, { strategy, ...rest });
  }

  /**
   * Returns the child specification of a PartitionSupervisor; `[PartitionSupervisor, options]` is a shorthand.
   *
   * @param options As for {@linkcode PartitionSupervisor.startLink}. The id is the name.
   * @throws {TypeError} If an option is missing or invalid.
   *
   * @example Task supervisors under a supervisor
   * ```ts
   * import { Supervisor, Task, TaskSupervisor } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await Supervisor.startLink(
   *   [PartitionSupervisor.childSpec({ name: "Tasks", childSpec: TaskSupervisor })],
   *   { strategy: "one_for_one" },
   * );
   * const tasks = { via: PartitionSupervisor, name: ["Tasks", "some key"] };
   * const task = await TaskSupervisor.async(tasks, () => "done");
   * assertEquals(await Task.await(task), "done");
   * ```
   */
  static childSpec(
    options: PartitionSupervisorOptions,
  ): ChildSpec<() => Promise<Pid>> {
    checkStart(options, PARTITION_SUPERVISOR_OPTIONS);
    return {
      id: nameText(options.name),
      start: () => PartitionSupervisor.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Returns the number of partitions that keys are routed to.
   *
   * It reads a table of this node, and sends no message.
   *
   * @returns The number; as a promise if the supervisor's registry returns a promise.
   * @throws {ExitError} If there is no such PartitionSupervisor on this node, with `"noproc"`.
   * @throws {TypeError} If the name is invalid.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0], partitions: 2 });
   * assertEquals(PartitionSupervisor.partitions("Counters"), 2);
   * ```
   */
  static partitions(name: PartitionSupervisorName): number | Promise<number> {
    return withTable(name, "partitions", ({ table }) => table.current);
  }

  /**
   * Changes the number of partitions: ends the partitions with the highest numbers, or starts them again.
   *
   * Keys are then routed by the new number, so a key may belong to another partition. With 0 partitions, requests
   * throw.
   *
   * @param partitions The number of partitions, from 0 to the number that the supervisor started with.
   * @returns The number before.
   * @throws {ExitError} If there is no such PartitionSupervisor on this node, with `"noproc"`; if a partition fails to
   *   start, with the reason.
   * @throws {RangeError} If the number is out of bounds.
   * @throws {TypeError} If the name is invalid, or the number is not a number.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0], partitions: 4 });
   * assertEquals(await PartitionSupervisor.resize("Counters", 2), 4);
   * assertEquals((await PartitionSupervisor.countChildren("Counters")).active, 2);
   * ```
   */
  static async resize(
    name: PartitionSupervisorName,
    partitions: number,
  ): Promise<number> {
    if (waitingProcess() === undefined) return never();
    checkValue(
      partitions,
      "resize a PartitionSupervisor",
      "the number",
      integerFrom(0),
    );
    const found = await withTable(name, "resize", (found) => found);
    const { table, pid } = found;
    if (partitions > table.max) {
      throw new RangeError(
        `Cannot resize a PartitionSupervisor to ${partitions} partitions: it started with ${table.max}; give a number from 0 to ${table.max}`,
      );
    }
    return await table.exclusively(() => resizeTo(pid, table, partitions));
  }

  /**
   * Returns the partitions, with their processes.
   *
   * @returns The partitions, in the order in which `Supervisor.whichChildren` returns children.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0], partitions: 2 });
   * const partitions = await PartitionSupervisor.whichChildren("Counters");
   * assertEquals(partitions.map(({ id }) => id).sort(), [0, 1]);
   * ```
   */
  static async whichChildren(supervisor: ServerRef): Promise<PartitionInfo[]> {
    const children = await Supervisor.whichChildren(supervisor);
    return children.map(({ id, pid, type }) => ({ id: Number(id), pid, type }));
  }

  /**
   * Counts the partitions, as `Supervisor.countChildren` counts children.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0], partitions: 2 });
   * assertEquals((await PartitionSupervisor.countChildren("Counters")).active, 2);
   * ```
   */
  static countChildren(supervisor: ServerRef): Promise<ChildCounts> {
    return Supervisor.countChildren(supervisor);
  }

  /**
   * Stops a supervisor and its partitions.
   *
   * @param timeout The timeout in milliseconds; `Infinity` by default.
   * @throws {ExitError} If the supervisor does not exist, or does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0] });
   * assertEquals(await PartitionSupervisor.stop("Counters"), "ok");
   * ```
   */
  static stop(
    supervisor: ServerRef,
    reason: unknown = "normal",
    timeout: number = Infinity,
  ): Promise<"ok"> {
    return stopServer(supervisor, reason, timeout);
  }

  /**
   * Returns the partition that a key belongs to. Names `{ via: PartitionSupervisor, name }` use it.
   *
   * @param name The name of the supervisor, and the key: `[supervisor, key]`.
   * @returns The process; as a promise if the supervisor's registry returns a promise.
   * @throws {ExitError} If there is no such PartitionSupervisor on this node, with `"noproc"`.
   * @throws {RangeError} If the supervisor has no partitions.
   * @throws {TypeError} If the name is not such a pair, or the key is not a value that can be sent.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * await PartitionSupervisor.startLink({ name: "Counters", childSpec: [Agent, () => 0], partitions: 2 });
   * assertEquals(
   *   PartitionSupervisor.whereisName(["Counters", 0]),
   *   PartitionSupervisor.whereisName(["Counters", -4]),
   * );
   * ```
   */
  static whereisName(
    name: unknown,
  ): Pid | undefined | Promise<Pid | undefined> {
    const [supervisor, key] = parts(name);
    return withTable(supervisor, "partitions", ({ table }) => {
      if (table.current > 0) return table.pidOf(table.partitionOf(key));
      throw new RangeError(
        `Cannot find a partition of ${
          inspect(describeServer(supervisor))
        }: it has none; give it some by PartitionSupervisor.resize`,
      );
    });
  }

  /**
   * Fails: only the supervisor registers its partitions. Names `{ via: PartitionSupervisor, name }` use it.
   *
   * @throws {TypeError} Always.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution";
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertRejects } from "@std/assert";
   *
   * const name = { via: PartitionSupervisor, name: ["Counters", 1] };
   * await assertRejects(() => Agent.start(() => 0, { name }));
   * ```
   */
  static registerName(name: unknown, pid: Pid): never {
    throw new TypeError(
      `Cannot register ${inspect(pid)} as the partition ${
        inspect(name)
      }: only its PartitionSupervisor starts partitions`,
    );
  }

  /**
   * Fails: only the supervisor unregisters its partitions. Names `{ via: PartitionSupervisor, name }` use it.
   *
   * @throws {TypeError} Always.
   *
   * @example Usage
   * ```ts
   * import { PartitionSupervisor } from "@otp/distribution/partition-supervisor";
   * import { assertThrows } from "@std/assert";
   *
   * assertThrows(() => PartitionSupervisor.unregisterName(["Counters", 1]), TypeError);
   * ```
   */
  static unregisterName(name: unknown): never {
    throw new TypeError(
      `Cannot unregister the partition ${
        inspect(name)
      }: only its PartitionSupervisor ends partitions`,
    );
  }
}

/** A PartitionSupervisor of this node. */
interface Found {
  pid: Pid;
  table: PartitionTable;
}

function checkStart<O extends PartitionSupervisorOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): void {
  checkOptions(options, "start a PartitionSupervisor", checks, EXAMPLE);
  // Rejects an invalid child before anything is started.
  fullChildSpec(options.childSpec);
}

function argumentsOnly(args: unknown[]): unknown[] {
  return args;
}

/** Returns the specification of one partition. */
function specOf(
  child: ChildDefinition,
  withArguments: (args: unknown[], partition: number) => unknown[],
  partition: number,
): FullChildSpec {
  const argumentsOf = (args: unknown[]): unknown[] => {
    const given = withArguments(args, partition);
    checkList(given, `start partition ${partition} with the arguments`);
    return given;
  };
  const known = moduleOf(child);
  if (known !== undefined) {
    const [module, options] = known;
    return fullChildSpec(
      [module, argumentsOf([options])[0]] as ChildDefinition,
    );
  }
  const spec = fullChildSpec(child);
  const { start } = spec;
  if (typeof start === "function") {
    const args = argumentsOf([]);
    return { ...spec, start: () => start(...args) };
  }
  const [module, name, args = []] = start;
  return { ...spec, start: [module, name, argumentsOf([...args])] };
}

/** Returns a module with its options, if any; `undefined` for a specification. */
function moduleOf(
  child: ChildDefinition,
): readonly [module: unknown, options: unknown] | undefined {
  if (Array.isArray(child)) return [child[0], child[1]];
  if ("childSpec" in child) return [child, {}];
  return "init" in child ? [child, undefined] : undefined;
}

/** Starts a partition, in the supervisor's process. */
async function startPartition(
  spec: FullChildSpec,
  table: PartitionTable,
  partition: number,
): Promise<Started> {
  const supervisor = currentProcess();
  // Set early, because partitions may look for each other as soon as the first partition starts.
  setPartitions(supervisor, table);
  const started = await runStart(spec, supervisor.runtime) as Started;
  if (started instanceof Pid) table.started(partition, started);
  return started;
}

async function resizeTo(
  pid: Pid,
  table: PartitionTable,
  partitions: number,
): Promise<number> {
  const before = table.current;
  for (let id = before; id < partitions; id++) {
    await Supervisor.restartChild(pid, String(id));
  }
  table.current = partitions;
  for (let id = partitions; id < before; id++) {
    await Supervisor.terminateChild(pid, String(id));
  }
  return before;
}

/** Calls `next` with the table of a PartitionSupervisor of this node, at once unless its registry returns a promise. */
function withTable<R>(
  name: PartitionSupervisorName,
  fn: string,
  next: (found: Found) => R,
): R | Promise<Awaited<R>> {
  checkValue(name, "find a PartitionSupervisor", "its name", NAME);
  const { runtime } = currentProcess();
  const pid = isViaName(name)
    ? whereisName(name)
    : runtime.names.get(nameOf(name))?.pid;
  return andThen(pid, (pid) => {
    const process = pid && runtime.find(pid);
    const table = process && partitionsOf(process);
    if (table !== undefined) return next({ pid: pid!, table });
    throw callExit("noproc", [
      "PartitionSupervisor",
      fn,
      [describeServer(name)],
    ]);
  });
}

function parts(name: unknown): [PartitionSupervisorName, key: unknown] {
  if (Array.isArray(name) && name.length === 2) {
    return name as [string, unknown];
  }
  throw new TypeError(
    `Cannot use ${
      inspect(name)
    } as the name of a partition: give [supervisor, key]`,
  );
}
