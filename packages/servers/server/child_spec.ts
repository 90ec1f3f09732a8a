/** Child specifications, and their checks. */

import {
  checkOptions,
  FLAG,
  oneOf,
} from "@otp/processes/values/check_arguments";
import {
  areValid,
  type OptionCheck,
  type OptionChecks,
} from "@otp/processes/values/options";
import { BOUNDS } from "@otp/processes/values/bounds";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { Mfa } from "@otp/processes/signals/signal";

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

const RESTARTS: readonly unknown[] = ["permanent", "transient", "temporary"];

/** Whether a value is a child's `restart`. */
export function isRestart(restart: unknown): restart is ChildRestart {
  return RESTARTS.includes(restart);
}

/** Whether a value is a child's `shutdown`. */
export function isChildShutdown(shutdown: unknown): shutdown is ChildShutdown {
  return shutdown === "brutal_kill" || shutdown === "infinity" ||
    (typeof shutdown === "number" && shutdown >= 0);
}

export const CHILD_RESTART: OptionCheck = {
  accepts: isRestart,
  give: '"permanent", "transient" or "temporary"',
};

export const CHILD_SHUTDOWN: OptionCheck = {
  accepts: isChildShutdown,
  give: 'milliseconds, 0 or more, "brutal_kill" or "infinity"',
  isNumber: true,
};

/** The fields of a specification, except for its start. */
export const CHILD_OPTIONS: OptionChecks<Omit<ChildSpec, "start">> = {
  id: true,
  restart: CHILD_RESTART,
  shutdown: CHILD_SHUTDOWN,
  type: oneOf("worker", "supervisor"),
  significant: FLAG,
};

const START: OptionCheck = {
  accepts: (start) => typeof start === "function" || isNamed(start),
  give: "a function, or [module, function, args]",
};

/** The fields of a specification. */
export const CHILD_FIELDS: OptionChecks<ChildSpec> = {
  ...CHILD_OPTIONS,
  start: { ...START, isRequired: true },
};

/** The fields of a specification that are given in place of its own. */
export const CHILD_OVERRIDES: OptionChecks<Partial<ChildSpec>> = {
  ...CHILD_OPTIONS,
  start: START,
};

/** A specification with all defaults filled in. */
export type FullChildSpec = Required<ChildSpec>;

/**
 * Checks a specification, and fills in its missing fields. Throws a `TypeError` if it is invalid, and a `RangeError` if
 * `shutdown` is a number out of bounds, or the id is too long.
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
  if (id.length > BOUNDS.key) {
    throw new RangeError(
      `Cannot use a child whose id has ${id.length} characters: ${BOUNDS.key} is the most`,
    );
  }
  // Creates error texts only on failure, because supervisors check thousands of children.
  if (start === undefined || !areValid(spec, CHILD_FIELDS)) {
    checkOptions(spec, `use the child ${quote(id)}`, CHILD_FIELDS);
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

function isNamed(start: unknown): boolean {
  return Array.isArray(start) && start.length <= 3 &&
    typeof start[0] === "string" && typeof start[1] === "string" &&
    (start[2] === undefined || Array.isArray(start[2]));
}
