/** Child specifications, and their checks. */

import {
  hasUnknown,
  type OptionNames,
  refuseUnknown,
  typeError,
} from "../../core/values/options.ts";
import { inspect, quote } from "../../core/values/inspect.ts";
import type { Pid } from "../../core/values/pid.ts";
import type { Mfa } from "../../core/signals/signal.ts";

/**
 * When a child that has exited is restarted: always (`"permanent"`), after any exit that is neither normal
 * nor a shutdown (`"transient"`), or never (`"temporary"`).
 */
export type ChildRestart = "permanent" | "transient" | "temporary";

/**
 * How a child is ended: it receives an exit signal `"shutdown"` and is killed after this many milliseconds,
 * or never (`"infinity"`, or `Infinity`); or it is killed at once (`"brutal_kill"`).
 */
export type ChildShutdown = number | "brutal_kill" | "infinity";

/** The result of a child's start: its pid, or `"ignore"` if there is nothing to run. */
export type Started = Pid | "ignore";

/**
 * The start of a child, which returns the child's pid: a function, or the name and arguments of a function that the
 * supervisor's node exports. It runs in the supervisor's process, so links that it creates are the supervisor's. It
 * throws or exits if the child fails to start, and may return `"ignore"` if the child has nothing to do.
 */
export type ChildStart =
  // deno-lint-ignore no-explicit-any
  | ((...extra: any[]) => Pid | "ignore" | Promise<Pid | "ignore">)
  | readonly [module: string, function: string, args?: readonly unknown[]];

/** The key, on a start function, of the call that reports show instead. */
export const START_CALL: unique symbol = Symbol("startCall");

/** A start function with the call that reports show instead. */
export interface DescribedStart {
  /** The call; its arguments are the program's own values, not copies. */
  [START_CALL]?: Mfa;
}

/** The specification of a child. */
export interface ChildSpec<S extends ChildStart = ChildStart> {
  /** Identifies the child within its supervisor. */
  id: string;
  /** Starts the child, linked to the supervisor, and returns its pid. */
  start: S;
  /**
   * When it is restarted.
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
  type?: "worker" | "supervisor";
  /**
   * Whether its exit, if it is not restarted, can end its supervisor, according to the supervisor's
   * `autoShutdown`. A permanent child cannot be significant.
   *
   * @default {false}
   */
  significant?: boolean;
}

/** Whether a child is a supervisor itself. */
export type ChildType = "worker" | "supervisor";

/** The fields of a specification, except for its start. */
export const CHILD_OPTIONS: OptionNames<Omit<ChildSpec, "start">> = {
  id: true,
  restart: true,
  shutdown: true,
  type: true,
  significant: true,
};

/** The fields of a specification. */
export const CHILD_FIELDS: OptionNames<ChildSpec> = {
  ...CHILD_OPTIONS,
  start: true,
};

/** A specification with all defaults filled in. */
export type FullChildSpec = Required<ChildSpec>;

const RESTARTS: readonly unknown[] = ["permanent", "transient", "temporary"];
const TYPES: readonly unknown[] = ["worker", "supervisor"];

/**
 * Checks a specification, and fills in its missing fields.
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
  // Creates error texts only on failure, because supervisors check thousands of children.
  if (hasUnknown(spec, CHILD_FIELDS)) {
    refuseUnknown(spec, `use the child ${quote(id)}`, CHILD_FIELDS);
  }
  if (typeof start !== "function" && !isNamed(start)) {
    const wanted = "a function, or [module, function, args]";
    throw invalidField(id, "start", start, wanted);
  }
  if (!isRestart(restart)) checkRestart(restart, `use the child ${quote(id)}`);
  if (!TYPES.includes(type)) {
    throw invalidField(id, "type", type, `"worker" or "supervisor"`);
  }
  if (!isChildShutdown(shutdown)) {
    checkShutdown(shutdown, `use the child ${quote(id)}`);
  }
  if (typeof significant !== "boolean") {
    throw invalidField(id, "significant", significant, "true or false");
  }
  if (significant && restart === "permanent") {
    throw new TypeError(
      `Cannot use the child ${
        quote(id)
      }: a significant child cannot be permanent, because a permanent child is always restarted; give restart "transient" or "temporary"`,
    );
  }
  return { id, start, restart, shutdown, type, significant };
}

function invalidField(
  id: string,
  field: string,
  value: unknown,
  wanted: string,
): TypeError {
  return new TypeError(
    `Cannot use the child ${quote(id)}: its ${field} is ${
      inspect(value)
    }; give ${wanted}`,
  );
}

function isNamed(start: unknown): boolean {
  return Array.isArray(start) && start.length <= 3 &&
    typeof start[0] === "string" && typeof start[1] === "string" &&
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

/** @throws {TypeError} If a value is not a child's `restart`. */
export function checkRestart(
  restart: unknown,
  doing: string,
): asserts restart is ChildRestart {
  if (isRestart(restart)) return;
  throw new TypeError(
    `Cannot ${doing}: its restart is ${
      inspect(restart)
    }; give "permanent", "transient" or "temporary"`,
  );
}

/**
 * @throws {TypeError} If a value is not a child's `shutdown`.
 * @throws {RangeError} If it is a number out of bounds.
 */
export function checkShutdown(
  shutdown: unknown,
  doing: string,
): asserts shutdown is ChildShutdown {
  if (isChildShutdown(shutdown)) return;
  throw typeError(
    shutdown,
    `Cannot ${doing}: its shutdown is ${
      inspect(shutdown)
    }; give milliseconds, 0 or more, "brutal_kill" or "infinity"`,
  );
}
