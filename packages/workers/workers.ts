/**
 * Workers: nodes on threads of this program, so that it uses all cores.
 *
 * Erlang's runtime uses all cores by itself. Here each worker is a thread with a node of its own, which works like
 * any other node of the cluster.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { ExitError } from "@otp/processes/errors";
import {
  nameText,
  type ServerName,
  type ServerRef,
} from "@otp/servers/server/server_ref";
import { startServer } from "@otp/servers/server/start";
import { GenServer } from "@otp/servers/gen_server/gen_server";
import { Node } from "@otp/node/node";
import { advertisedAddress } from "@otp/node/addresses/advertised_address";
import { isNodeName } from "@otp/node/addresses/node_name";
import { currentProcess } from "@otp/processes/runtime/current_process";
import {
  checkOptions,
  integerFrom,
  TEXT,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";
import { Pid } from "@otp/processes/values/pid";
import { INTENSITY } from "@otp/servers/supervisor/restart_intensity";
import { type ChildSpec, Supervisor } from "@otp/servers/supervisor/supervisor";
import type { ThreadNodeOptions } from "./worker_messages.ts";
import { ThreadPorts } from "./thread_ports.ts";
import {
  ANSWER_TIMEOUT,
  SHUTDOWN,
  WORKER_INFO,
  type WorkerOptions,
  WorkerServer,
  type WorkerSlot,
  type WorkerState,
} from "./worker_server.ts";
import { WorkerThread } from "./worker_thread.ts";
import { internalsOf, nodeHere } from "@otp/node/start/node_internals";

export type { NameRegistry, ServerName } from "@otp/servers/server/server_ref";
export type { Pid } from "@otp/processes/values/pid";
export type { Atom } from "@otp/processes/values/atom";

export type { WorkerFailure } from "./worker_messages.ts";
export type { WorkerReason } from "./worker_server.ts";

/**
 * Options for {@linkcode Workers.startLink}. A value of the wrong type throws a `TypeError`, a number out of bounds a
 * `RangeError`.
 */
export interface WorkersOptions {
  /**
   * The module that each worker's thread loads, as a URL: `new URL("./thumbs.ts", import.meta.url)`, or one of
   * `file:`, `https:`, `data:`, and on Deno `jsr:` and `npm:`. The worker's node exports the functions of the module to
   * other nodes, except for two exports, which are for the thread:
   *
   * - `start()` returns children, as `Supervisor.startLink` takes them, or a promise of them. They run on the
   *   worker's node, under a supervisor; when that exits, the worker is restarted.
   * - `options` are further options for the worker's node, such as `allow` and `log`: functions cannot be copied to a
   *   thread.
   */
  module: string | URL;
  /**
   * The name under which the worker's node exports the module, as in `["Worker", "resize"]`.
   *
   * @default {"Worker"}
   */
  moduleName?: string;
  /**
   * The number of threads.
   *
   * @default {the number of threads that the machine runs at the same time}
   */
  count?: number;
  /**
   * The part before the `@` of the nodes' names, to which their numbers are appended: with `"thumbs"`, they are
   * `thumbs-1@host`, `thumbs-2@host` and so on.
   *
   * @default {the first part of this node's name}
   */
  nodeName?: string;
  /**
   * The port on which the first worker's node listens; each further node takes the next port. With 0, each node takes a
   * free port.
   *
   * @default {0}
   */
  port?: number;
  /**
   * The name of the workers' supervisor: on its node, in a registry, or in the cluster.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * How long a thread may stay silent, in milliseconds, before its worker is restarted; the actual time is up to
   * a sixteenth longer. A thread answers whenever its event loop turns, so a function that computes for longer
   * than `answerTimeout` without awaiting anything is ended. `Infinity` switches the limit off.
   *
   * @default {60_000}
   */
  answerTimeout?: number;
  /**
   * How long a worker may take to start, in milliseconds: to load its module, to start its node and the children
   * of `start`. `deno test` type-checks the modules that a thread loads, which takes some seconds the first time.
   *
   * @default {60_000}
   */
  startTimeout?: number;
  /**
   * How long a worker's node may take to stop, in milliseconds, before its thread is ended.
   *
   * @default {5000}
   */
  shutdown?: number;
  /**
   * The maximum number of restarts of all workers together within `maxSeconds`. At one more, all workers end,
   * and their supervisor exits.
   *
   * @default {3, or `count` if that is more}
   */
  maxRestarts?: number;
  /**
   * The time window for counting restarts, in whole seconds, at least 1.
   *
   * @default {5}
   */
  maxSeconds?: number;
}

const WORKERS_OPTIONS: OptionChecks<WorkersOptions> = {
  module: true,
  moduleName: TEXT,
  count: integerFrom(1),
  nodeName: {
    // With a number appended, every other name is valid.
    accepts: (name) =>
      typeof name === "string" && name !== "" &&
      isNodeName(`${name}-1@localhost`),
    give: 'the part of a node\'s name before the @, as in "thumbs"',
  },
  port: integerFrom(0, 65535),
  name: true,
  answerTimeout: {
    accepts: (time) => typeof time === "number" && time > 0,
    give: "milliseconds, more than 0, or Infinity",
    isNumber: true,
  },
  startTimeout: TIMEOUT,
  shutdown: TIMEOUT,
  ...INTENSITY,
};

/** A worker, as {@linkcode Workers.info} describes it. */
export interface WorkerInfo {
  /** The name of its node. */
  node: string;
  /** `"up"` if its node is up, `"restarting"` while its thread is being restarted. */
  state: "up" | "restarting";
  /** The number of times that it was restarted; `undefined` while it is being restarted. */
  restarts: number | undefined;
  /** When its node came up, in milliseconds since the epoch; `undefined` while it is being restarted. */
  upSince: number | undefined;
  /**
   * How long the thread took to answer the last heartbeat, or how long the answer has been missing, in milliseconds: a
   * large number means that the thread computes without a pause. `undefined` while it is being restarted.
   */
  answerTime: number | undefined;
}

/** The options that the workers' nodes inherit from their program's node. */
const INHERITED = [
  "allowClosures",
  "allowObserve",
  "allowRemsh",
  "connectAll",
  "drainTimeout",
  "epmdPort",
  "hidden",
  "limits",
  "listen",
  "poll",
  "stopTimeout",
  "tickTime",
  "tls",
  "wires",
] as const;

/**
 * Starts nodes on threads of this program, and keeps them running.
 *
 * Each worker is a thread, of Deno, Node.js or Bun, that runs a node of its own: named after this node, with its
 * cookie and its other options, in the same cluster. A worker's node works like any other node: `rpc.call`,
 * `Node.spawn`, `TaskSupervisor.async`, `pg` and global names work as between programs, and messages are copied.
 *
 * The nodes of one program connect to each other over a `MessagePort`, not over the network. Other programs
 * connect to a worker's node over TCP, as to this one.
 *
 * **Failures.** A worker whose thread crashes, ends, or does not answer for `answerTimeout` is restarted under the
 * same node name, by a supervisor with the strategy `"one_for_one"`. When a thread ends, for any reason, its
 * processes are gone: links and monitors report `"noconnection"`, as when a node goes down, and messages to it are
 * lost. A thread that computes, and so does not read, is not down: messages to it wait, and above the limits of a
 * connection `send` waits or throws. If a worker's first start fails, the start of all workers fails; a restart that
 * fails is repeated, and each attempt counts as a restart.
 *
 * **Stop.** `Workers.stop`, the stop of their supervisor's parent, and `Node.stop` stop the workers' nodes in order,
 * and end their threads. A thread that is still computing after `shutdown` milliseconds is ended at once. After
 * `Node.drain`, the workers' nodes drain as well, all at once, before they stop.
 *
 * **Output and log** of a worker's node go where this node's go, unless its module exports other `options`.
 *
 * On Deno, a thread has the permissions of the program. It needs `--allow-read` for the files of the module and,
 * if it is installed as files, of this package.
 *
 * @example Under a supervisor
 * ```ts
 * import { Node, Supervisor } from "@otp/distribution";
 * import { Workers } from "@otp/distribution/workers";
 * import { assertEquals } from "@std/assert";
 *
 * // In a program: new URL("./thumbs.ts", import.meta.url)
 * const module = "data:text/javascript,export const make = (name) => `small ${name}`;";
 * await using node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369 });
 * await node.run(async () => {
 *   await Supervisor.startLink([
 *     [Workers, { module, moduleName: "Thumbs", count: 1, name: "Thumbs.Workers" }],
 *   ], { strategy: "one_for_one" });
 *   assertEquals(await Workers.nodes("Thumbs.Workers"), ["web-1@localhost"]);
 * });
 * ```
 */
export class Workers {
  private constructor() {}

  /**
   * Starts workers, linked to the caller, and waits until all their nodes are up and connected to this node.
   *
   * @returns The pid of the workers' supervisor.
   * @throws {TypeError} If this node is not started, or its host has no threads.
   * @throws {ExitError} If a worker does not start: the reason contains a {@linkcode WorkerReason}, in
   *   `{ type: "shutdown", reason: { type: "failed_to_start_child", id, reason } }`. If the name is taken:
   *   `{ type: "already_started", pid }`.
   *
   * @example A module that does not load
   * ```ts
   * import { ExitError, Node, Process } from "@otp/distribution";
   * import { Workers } from "@otp/distribution/workers";
   * import { assertRejects } from "@std/assert";
   *
   * await using node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369, log() {} });
   * await node.run(async () => {
   *   Process.trapExit(true);
   *   await assertRejects(
   *     () => Workers.startLink({ count: 1, module: "data:text/javascript,nonsense(" }),
   *     ExitError,
   *     "does not load",
   *   );
   * });
   * ```
   */
  static async startLink(options: WorkersOptions): Promise<Pid> {
    const { count, intensity, ...checked } = checkWorkers(options);
    const main = nodeHere(Node);
    if (main === undefined) {
      throw new TypeError(
        "Cannot start workers: this node is not started; start it by Node.start({ name })",
      );
    }
    if (ThreadPorts.of(main) === undefined) {
      throw new TypeError(
        `Cannot start workers: ${main.name} is a simulated node, which has no threads`,
      );
    }
    const slots = slotsOf(main, options, count);
    const siblings = new Set<WorkerServer>();
    const all: WorkerOptions = { main, ...checked, siblings };
    using _loading = loadThreads(slots);
    return await Supervisor.startLink(
      slots.map((slot) => ({
        id: slot.node.name,
        start: () =>
          startServer(
            (process) => WorkerServer.start(process, slot, all),
            { label: `Worker ${slot.node.name}` },
          ),
        // The worker limits the end of its thread by itself.
        shutdown: "infinity",
      })),
      { strategy: "one_for_one", name: options.name, ...intensity },
    );
  }

  /**
   * Returns the child specification of workers; `[Workers, { module }]` is a shorthand.
   *
   * @returns The specification; its id is the name, or `"Workers"`.
   *
   * @example Usage
   * ```ts
   * import { Workers } from "@otp/distribution/workers";
   * import { assertEquals } from "@std/assert";
   *
   * const { id, type } = Workers.childSpec({ module: "file:///app/thumbs.js", count: 2 });
   * assertEquals([id, type], ["Workers", "supervisor"]);
   * ```
   */
  static childSpec(options: WorkersOptions): ChildSpec<() => Promise<Pid>> {
    checkWorkers(options);
    const { name } = options;
    return {
      id: name === undefined ? "Workers" : nameText(name),
      start: () => Workers.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Returns the names of the nodes of workers that are up, in the order of their numbers.
   *
   * @param workers The workers' supervisor, on any node.
   * @throws {ExitError} If the supervisor does not exist, or its node is down.
   *
   * @example A call to each worker
   * ```ts
   * import { Node, rpc } from "@otp/distribution";
   * import { Workers } from "@otp/distribution/workers";
   * import { assertEquals } from "@std/assert";
   *
   * const module = "data:text/javascript,export const double = (n) => 2 * n;";
   * await using node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369 });
   * await node.run(async () => {
   *   const workers = await Workers.startLink({ count: 2, module });
   *   const nodes = await Workers.nodes(workers);
   *   assertEquals(nodes, ["alex-1@localhost", "alex-2@localhost"]);
   *   assertEquals(await rpc.multicall(nodes, ["Worker", "double"], [21]), [
   *     { type: "ok", value: 42 },
   *     { type: "ok", value: 42 },
   *   ]);
   * });
   * ```
   */
  static async nodes(workers: ServerRef): Promise<string[]> {
    const children = await childrenOf(workers);
    return children.filter(({ pid }) => pid instanceof Pid).map(({ id }) => id);
  }

  /**
   * Describes workers, in the order of their numbers.
   *
   * @param workers The workers' supervisor, on any node.
   * @throws {ExitError} If the supervisor does not exist, or its node is down.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution/node";
   * import { Workers } from "@otp/distribution/workers";
   * import { assertEquals } from "@std/assert";
   *
   * const module = "data:text/javascript,export const double = (n) => 2 * n;";
   * await using node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369 });
   * await node.run(async () => {
   *   const workers = await Workers.startLink({ count: 1, module });
   *   const [{ node, state, restarts }] = await Workers.info(workers);
   *   assertEquals([node, state, restarts], ["alex-1@localhost", "up", 0]);
   * });
   * ```
   */
  static async info(workers: ServerRef): Promise<WorkerInfo[]> {
    const children = await childrenOf(workers);
    return await Promise.all(children.map(({ id, pid }) => infoOf(id, pid)));
  }

  /**
   * Stops workers: their nodes stop in order, and their threads end.
   *
   * @returns A promise that resolves with `"ok"` when the threads have ended.
   * @throws {ExitError} If the supervisor does not exist, or its node is down.
   */
  static stop(workers: ServerRef): Promise<"ok"> {
    return Supervisor.stop(workers);
  }
}

/** Checks options, and returns them with their defaults. */
function checkWorkers(options: WorkersOptions) {
  const what = "start workers";
  checkOptions(
    options,
    what,
    WORKERS_OPTIONS,
    '{ module: new URL("./thumbs.ts", import.meta.url) }',
  );
  const {
    moduleName = "Worker",
    count = availableParallelism(),
    port = 0,
    answerTimeout = ANSWER_TIMEOUT,
    startTimeout = 60_000,
    shutdown = SHUTDOWN,
  } = options;
  const module = moduleUrl(options.module);
  const { maxRestarts = Math.max(3, count), maxSeconds = 5 } = options;
  if (port + count - 1 > 65535) {
    throw new RangeError(
      `Cannot ${what}: port is ${port}; give 0, or the first of ${count} ports up to 65535`,
    );
  }
  return {
    count,
    intensity: { maxRestarts, maxSeconds },
    module,
    moduleName,
    answerTimeout,
    startTimeout,
    shutdown,
  };
}

/** The URL of a module; a relative path would be relative to this package. */
function moduleUrl(module: unknown): string {
  const text = module instanceof URL ? module.href : module;
  if (typeof text === "string" && URL.canParse(text)) return text;
  throw new TypeError(
    `Cannot start workers with the module ${
      inspect(module)
    }: give its URL, as in new URL("./thumbs.ts", import.meta.url)`,
  );
}

/**
 * Starts all threads at once, since the workers start one after the other and a thread's start consists mostly of
 * loading this package. Disposing of the result, or the exit of the caller, ends threads that no worker has taken.
 */
function loadThreads(slots: readonly WorkerSlot[]): Disposable {
  const end = () => {
    for (const slot of slots) {
      void slot.loading?.terminate();
      slot.loading = undefined;
    }
  };
  const signal = currentProcess().abortSignal();
  signal.addEventListener("abort", end);
  try {
    for (const slot of slots) slot.loading = new WorkerThread(slot.node.name);
  } catch {
    // The worker's own start tries again, and reports the error.
  }
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", end);
      end();
    },
  };
}

function slotsOf(
  main: Node,
  { nodeName, port = 0 }: WorkersOptions,
  count: number,
): WorkerSlot[] {
  const [own, host] = main.name.split("@");
  const given = internalsOf(main).options;
  if (typeof given.tls?.verify === "function") {
    throw new TypeError(
      `Cannot start workers: tls.verify of ${main.name} is a function, which cannot be copied to a thread; give "host", "name" or "none"`,
    );
  }
  const inherited: Record<string, unknown> = {};
  for (const option of INHERITED) {
    if (given[option] !== undefined) inherited[option] = given[option];
  }
  if (given.advertise !== undefined) {
    // Drop the port, which belongs to the main node; each worker has its own.
    inherited.advertise = advertisedAddress(given.advertise)?.host;
  }
  return Array.from({ length: count }, (_, i) => ({
    node: {
      ...inherited,
      logLevel: given.logLevel ??
        (given.log === undefined ? "warning" : "debug"),
      port: port === 0 ? 0 : port + i,
      name: `${nodeName ?? own}-${i + 1}@${host}`,
      cookie: given.cookie,
    } as ThreadNodeOptions,
    loading: undefined,
    starts: 0,
    free: Promise.resolve(),
  }));
}

async function childrenOf(workers: ServerRef) {
  return (await Supervisor.whichChildren(workers)).reverse();
}

async function infoOf(
  node: string,
  pid: Pid | "restarting" | undefined,
): Promise<WorkerInfo> {
  if (pid instanceof Pid) {
    try {
      const state = await GenServer.call(pid, WORKER_INFO) as WorkerState;
      return { node, state: "up", ...state };
    } catch (error) {
      // The worker has failed meanwhile.
      if (!(error instanceof ExitError)) throw error;
    }
  }
  return {
    node,
    state: "restarting",
    restarts: undefined,
    upSince: undefined,
    answerTime: undefined,
  };
}
