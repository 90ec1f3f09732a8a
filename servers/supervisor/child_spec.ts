/**
 * Children of supervisors: their specifications, and how they are started and shut down.
 *
 * @module
 */

import { UndefinedFunctionError } from "../../errors.ts";
import { misfit } from "../../runtime/values/check_arguments.ts";
import { inspect, quote } from "../../runtime/values/inspect.ts";
import { spawnError } from "../../runtime/spawning/modules.ts";
import { Pid } from "../../runtime/values/pid.ts";
import type { Process } from "../../runtime/processes/process.ts";
import { isOrderly, isReason } from "../../runtime/values/exit_reason.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Runnable } from "../../runtime/signals/signal.ts";
import { copyTerm } from "../../runtime/values/term.ts";
import {
  type CallbackModule,
  genServerChild,
  isCallbackModule,
} from "../gen_server/gen_server_process.ts";
import { takeExit } from "../../gen/server.ts";
import { Ending, LATE } from "../../gen/stop.ts";

/**
 * When a child that has ended is started again: always, unless it ended normally or by a shutdown, or
 * never.
 */
export type ChildRestart = "permanent" | "transient" | "temporary";

/**
 * How a child is ended: it is told to exit with `"shutdown"` and killed after so many milliseconds, or
 * never (`"infinity"`, or `Infinity`), or it is killed at once.
 */
export type ChildShutdown = number | "brutal_kill" | "infinity";

/** Whether a child is a supervisor itself. */
export type ChildType = "worker" | "supervisor";

/** What a child's start gives: the child's pid, or that there is nothing to run (`"ignore"`). */
export type Started = Pid | "ignore";

/**
 * What starts a child and gives its pid: a function, or the name of one that the supervisor's node
 * exports, with its arguments. It runs as code of the supervisor, so that what it links, it links to
 * the supervisor. It throws, or exits, where the child does not start; and it may give `"ignore"`, for
 * a child that has nothing to do, which is no failure.
 */
export type ChildStart =
  // deno-lint-ignore no-explicit-any
  | ((...extra: any[]) => Started | Promise<Started>)
  | readonly [
    module: string,
    function: string,
    args?: readonly unknown[],
  ];

/**
 * What a supervisor knows of a child.
 *
 * @typeParam S What starts it.
 */
export interface ChildSpec<S extends ChildStart = ChildStart> {
  /** Names the child within its supervisor. */
  id: string;
  /** Starts the child, linked to the supervisor, and gives its pid. */
  start: S;
  /**
   * When it is started again.
   *
   * @default {"permanent"}
   */
  restart?: ChildRestart;
  /**
   * How it is ended.
   *
   * @default {5000, or "infinity" for a supervisor}
   */
  shutdown?: ChildShutdown;
  /**
   * Whether it is a supervisor itself.
   *
   * @default {"worker"}
   */
  type?: ChildType;
  /**
   * Whether its end, when it is not started again, can end its supervisor, as that one's
   * `autoShutdown` says. Not for permanent children.
   *
   * @default {false}
   */
  significant?: boolean;
}

/**
 * What makes the specification of a child of its kind: a class or module of servers.
 *
 * @typeParam O The options that it takes.
 */
// deno-lint-ignore no-explicit-any
export interface ChildModule<O = any> {
  /**
   * Makes a child's specification.
   *
   * @param options How the child is to be started.
   * @returns The specification.
   */
  childSpec(options: O): ChildSpec;
}

/**
 * What a child's start gives, as far as its type says so: the start of a specification that is known, of a
 * class whose `childSpec` gives a known one, or of that with its options.
 *
 * @typeParam C The child as it is given to a supervisor.
 */
export type StartedBy<C> = 0 extends 1 & C ? Started
  : C extends { start: (...extra: never) => infer S } ? Awaited<S>
  : C extends { childSpec(options: never): infer S } ? StartedBy<S>
  : C extends readonly [infer M, unknown] ? StartedBy<M>
  : Started;

/**
 * A child as it is given to a supervisor: a specification, what makes one, or that with its options.
 */
export type ChildDefinition =
  | ChildSpec
  | ChildModule
  | CallbackModule
  | readonly [module: ChildModule | CallbackModule, options: unknown];

/**
 * What a module takes beside it in the list of children: the options of its `childSpec`, or what its `init`
 * gets.
 *
 * @typeParam M The module.
 */
export type ModuleOptions<M> = M extends
  { childSpec(options: infer O, ...rest: never): unknown } ? O
  : M extends { init(arg: infer A): unknown } ? A
  : unknown;

/**
 * A child, so that one with options that its module does not take does not compile, nor a module alone that
 * cannot do without.
 *
 * @typeParam C The child as it is given to a supervisor.
 */
export type CheckedChild<C> = C extends readonly [infer M, unknown]
  ? readonly [M, ModuleOptions<M>]
  : C extends { childSpec(options: infer O, ...rest: never): unknown }
    ? object extends O ? C : readonly [NoInfer<C>, O]
  : C extends { init(arg: infer A): unknown }
    ? undefined extends A ? C : readonly [NoInfer<C>, A]
  : C;

/**
 * A list of children, each a {@linkcode CheckedChild}.
 *
 * @typeParam C The children as they are given to a supervisor.
 */
export type CheckedChildren<C extends readonly unknown[]> = {
  [I in keyof C]: CheckedChild<C[I]>;
};

/** A specification with nothing left out. */
export type FullChildSpec = Required<ChildSpec>;

const RESTARTS: readonly unknown[] = ["permanent", "transient", "temporary"];
const TYPES: readonly unknown[] = ["worker", "supervisor"];

/** The full specification of a child, in whatever way it was given. */
export function childSpec(
  child: ChildDefinition,
  overrides: Partial<ChildSpec> = {},
): FullChildSpec {
  const spec = expand(child);
  // What is spread is an object, whatever it was.
  return checkChild(
    typeof spec === "object" ? { ...spec, ...overrides } : spec,
  );
}

function expand(child: ChildDefinition): ChildSpec {
  if (Array.isArray(child)) return expandModule(child[0], child[1]);
  if (isModule(child)) return expandModule(child, {});
  return isCallbackModule(child)
    ? genServerChild(child, undefined)
    : child as ChildSpec;
}

function expandModule(module: unknown, options: unknown): ChildSpec {
  if (isModule(module)) return module.childSpec(options);
  if (isCallbackModule(module)) return genServerChild(module, options);
  throw new TypeError(
    `Cannot use ${
      inspect(module)
    } as a child: it has neither childSpec(options) nor the init(arg) of a GenServer; give { id, start }`,
  );
}

function isModule(value: unknown): value is ChildModule {
  return value !== null && ["object", "function"].includes(typeof value) &&
    typeof (value as { childSpec?: unknown }).childSpec === "function";
}

/**
 * Checks a specification, and fills in what it leaves out.
 *
 * @throws {TypeError} If it is invalid.
 * @throws {RangeError} If `shutdown` is a number out of bounds.
 */
export function checkChild(given: ChildSpec): FullChildSpec {
  const spec = given ?? {} as ChildSpec;
  const { id, start, restart = "permanent", type = "worker" } = spec;
  const { shutdown = type === "supervisor" ? "infinity" : 5000 } = spec;
  const { significant = false } = spec;
  if (typeof id !== "string") {
    throw new TypeError(
      `Cannot use ${
        inspect(given)
      } as a child: a child has an id, a string, and a start`,
    );
  }
  const invalid = (what: string, value: unknown, wanted: string) =>
    new TypeError(
      `Cannot use the child ${quote(id)}: its ${what} is ${
        inspect(value)
      }; give ${wanted}`,
    );
  if (typeof start !== "function" && !isNamed(start)) {
    throw invalid("start", start, "a function, or [module, function, args]");
  }
  if (!isRestart(restart)) {
    throw invalid(
      "restart",
      restart,
      `"permanent", "transient" or "temporary"`,
    );
  }
  if (!TYPES.includes(type)) {
    throw invalid("type", type, `"worker" or "supervisor"`);
  }
  if (!isChildShutdown(shutdown)) {
    const wanted = `milliseconds, "brutal_kill" or "infinity"`;
    throw misfit(shutdown, invalid("shutdown", shutdown, wanted).message);
  }
  if (typeof significant !== "boolean") {
    throw invalid("significant", significant, "true or false");
  }
  if (significant && restart === "permanent") {
    throw new TypeError(
      `Cannot use the child ${
        quote(id)
      }: it is significant and permanent, and what is always started again ends no supervisor; give restart "transient" or "temporary"`,
    );
  }
  return { id, start, restart, shutdown, type, significant };
}

function isNamed(start: unknown): boolean {
  return Array.isArray(start) && typeof start[0] === "string" &&
    typeof start[1] === "string" &&
    (start[2] === undefined || Array.isArray(start[2]));
}

/** Whether a value is a child's `restart`. */
export function isRestart(restart: unknown): restart is ChildRestart {
  return RESTARTS.includes(restart);
}

/** Whether a value is a child's `shutdown`. */
export function isChildShutdown(shutdown: unknown): shutdown is ChildShutdown {
  return shutdown === "brutal_kill" || shutdown === "infinity" ||
    (typeof shutdown === "number" && shutdown >= 0);
}

/** A child's start as it is sent to a supervisor of this node or another. */
export function startRunnable(
  { id, start }: FullChildSpec,
  runtime: Runtime,
  node: string,
): Runnable {
  if (typeof start !== "function") {
    const [module, name, args = []] = start;
    return { module, function: name, args: [...args] };
  }
  if (node === runtime.node) {
    return { parked: runtime.modules.park(start), args: [] };
  }
  const named = runtime.modules.nameOf(start);
  if (named === undefined) {
    throw new TypeError(
      `Cannot start the child ${
        quote(id)
      } on ${node}: functions do not travel; give its start as [module, function, args], of a module that ${node} exports`,
    );
  }
  return { module: named[0], function: named[1], args: [] };
}

/**
 * Asks, for another node, whether what it names may be run here.
 *
 * @throws {UndefinedFunctionError} If this node does not export it.
 * @throws {SpawnRefusedError} If this node refuses it.
 */
export function assertMayStart(
  run: Runnable,
  runtime: Runtime,
  node: string,
): void {
  if (node === runtime.node) return;
  const found = runtime.resolve(run, node);
  if ("error" in found) {
    throw spawnError(runtime.node, found, "start the child");
  }
}

/** A start that was sent, as a specification has it. */
export function receivedStart(run: Runnable, runtime: Runtime): ChildStart {
  if ("module" in run) return [run.module, run.function, run.args];
  if ("source" in run) return () => runNamed(run, runtime);
  const fn = runtime.modules.unpark(run.parked);
  if (fn === undefined) {
    throw new UndefinedFunctionError(
      "Cannot start the child: the function is no longer there",
    );
  }
  const { args } = run;
  return args.length === 0 ? fn as () => Started : () => fn(...args);
}

function runNamed(
  run: Runnable,
  runtime: Runtime,
): Started | Promise<Started> {
  const args = copyTerm(run.args, runtime.maxDepth) as unknown[];
  return resolve({ ...run, args }, runtime)();
}

function resolve(
  run: Runnable,
  runtime: Runtime,
): () => Started | Promise<Started> {
  const found = runtime.modules.resolve(run);
  if ("fn" in found) return found.fn as () => Started;
  throw new UndefinedFunctionError(`Cannot start the child: ${found.message}`);
}

/** Runs a child's start, as code of its supervisor; {@linkcode checkStarted} is for its result. */
export function runStart(
  { start }: Pick<FullChildSpec, "start">,
  runtime: Runtime,
): unknown {
  return typeof start === "function" ? start() : runNamed(
    { module: start[0], function: start[1], args: [...start[2] ?? []] },
    runtime,
  );
}

/**
 * The result of a child's start.
 *
 * @throws {TypeError} If it is neither a pid nor `"ignore"`.
 */
export function checkStarted(
  started: unknown,
  { id }: Pick<FullChildSpec, "id">,
): Started {
  if (started instanceof Pid || started === "ignore") return started;
  throw new TypeError(
    `Cannot start the child ${quote(id)}: its start gave ${
      inspect(started)
    }, which is not a pid`,
  );
}

/** Ends a linked process and waits for it; gives the reason with which it exited. */
export async function shutdownChild(
  process: Process,
  pid: Pid,
  shutdown: ChildShutdown,
): Promise<unknown> {
  process.assertAlive();
  const signals = process.runtime.route(pid.node);
  const ending = new Ending(process, pid, pid.node);
  const isBrutal = shutdown === "brutal_kill";
  signals.exit(process.pid, pid, isBrutal ? "kill" : "shutdown");
  const limit = isBrutal || shutdown === "infinity" ? Infinity : shutdown;
  let reason = await ending.within(limit);
  if (reason === LATE) {
    signals.exit(process.pid, pid, "kill");
    reason = await ending.within(Infinity);
  }
  process.unlink(pid);
  const exit = takeExit(process, pid);
  return exit === undefined ? reason : exit.reason;
}

/** Whether a child that was shut down exited as it should: a permanent one only as it was told. */
export function isCleanShutdown(
  { restart, shutdown }: Pick<FullChildSpec, "restart" | "shutdown">,
  reason: unknown,
): boolean {
  const told = shutdown === "brutal_kill" ? "killed" : "shutdown";
  return isReason(reason, told) ||
    (restart !== "permanent" && isOrderly(reason));
}
