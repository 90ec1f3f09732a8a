/**
 * The types of durable methods: what their code sees, and what callers see of a run.
 *
 * @module
 */

import {
  checkOptions,
  FUNCTION,
  integerFrom,
  RECORD,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";
import { typeError } from "@otp/processes/values/options";
import type { CancelOptions } from "@otp/servers/gen_server/gen_server";
import { BACKOFF, type Backoff } from "./backoff.ts";
import type { EntityContext } from "./entity_context.ts";

/** A length of time: milliseconds, or a text such as `"90 s"`, `"5 min"`, `"12 h"` or `"3 days"`. */
export type Duration = number | `${number} ${DurationUnit}`;

/** A unit of a {@linkcode Duration}. */
export type DurationUnit = "ms" | "s" | "min" | "h" | "day" | "days";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
};

/** Returns a length of time in milliseconds. */
export function millisecondsOf(duration: Duration, doing: string): number {
  const [, count, unit] = typeof duration === "string"
    ? /^(\d+(?:\.\d+)?) ([a-z]+)$/.exec(duration) ?? []
    : [duration, duration, "ms"];
  const ms = Number(count) * (UNITS[String(unit)] ?? NaN);
  if (typeof duration !== "boolean" && ms >= 0) return ms;
  throw typeError(
    duration,
    `Cannot ${doing}: the time is ${
      inspect(duration)
    }; give milliseconds, or a text such as "90 s" or "3 days"`,
  );
}

/** The argument of a step's function. */
export interface StepContext {
  /**
   * Aborted when the result of this attempt does not count any more: its time is up, the run was cancelled, or the entity
   * ends here.
   */
  readonly signal: AbortSignal;
  /**
   * Identifies this step of this run: the same for each attempt, and for no other step. It fits as the idempotency key of a
   * payment service.
   */
  readonly id: string;
  /** The epoch of the entity's owner, as in {@linkcode EntityContext}. */
  readonly fence: number;
  /** The number of this attempt, from 1 on. */
  readonly attempt: number;
}

/** How a step is tried again. */
export interface StepRetry extends Backoff {
  /**
   * Whether an error is final: the step has failed, and is not tried again.
   *
   * @default no error is
   */
  final?(error: unknown): boolean;
}

/** Options for a step. */
export interface StepOptions {
  /**
   * How it is tried again after an error.
   *
   * @default {{ min: 1000, max: 300000, attempts: Infinity }}
   */
  retry?: StepRetry;
  /**
   * Milliseconds that an attempt may take: then its signal is aborted, and it has failed.
   *
   * @default the option `limit` of the type
   */
  timeout?: number;
}

/** Options for {@linkcode DurableContext.waitFor}. */
export interface WaitForOptions {
  /**
   * The longest wait.
   *
   * @default {Infinity}
   */
  timeout?: Duration;
}

const RETRY_OPTIONS: OptionChecks<StepRetry> = { ...BACKOFF, final: FUNCTION };

const STEP_OPTIONS: OptionChecks<StepOptions> = {
  retry: RECORD,
  timeout: TIMEOUT,
};

const WAIT_OPTIONS: OptionChecks<WaitForOptions> = { timeout: true };

/** The options of a step, complete. */
export interface StepPlan {
  readonly backoff: Required<Backoff>;
  readonly final: (error: unknown) => boolean;
  readonly timeout: number;
}

/** Checks the options of a step. */
export function stepPlan(
  options: StepOptions,
  limit: number,
  doing: string,
): StepPlan {
  checkOptions(options, doing, STEP_OPTIONS, "{ timeout: 10_000 }");
  const { retry = {}, timeout = limit } = options;
  checkOptions(retry, doing, RETRY_OPTIONS, "{ attempts: 5 }");
  const { min = 1000, attempts = Infinity } = retry;
  const { max = Math.max(min, 300_000) } = retry;
  const final = (error: unknown) => retry.final?.(error) ?? false;
  return { backoff: { min, max, attempts }, final, timeout };
}

/** Checks the options of a wait; returns the longest one in milliseconds. */
export function longestWait(options: WaitForOptions, doing: string): number {
  checkOptions(options, doing, WAIT_OPTIONS, '{ timeout: "3 days" }');
  return millisecondsOf(options.timeout ?? Infinity, doing);
}

/**
 * An entity as a durable method sees it. Its code between two awaits is a unit, as a method is: no other call runs
 * meanwhile, and its changes are stored together.
 */
export interface DurableContext<S, E = unknown>
  extends Omit<EntityContext<S, E>, "delete" | "stop"> {
  /** Identifies the run: a text of 36 characters. */
  readonly id: string;
  /**
   * Runs a function once that counts: its result is stored before the run goes on, and a run that begins again gets the
   * stored one. The function itself may run several times: its owner may be lost before the result is stored.
   *
   * The result is a JSON value or `undefined`. An error is tried again as `retry` says; the last one rejects the promise.
   *
   * @param name The name of the step, for people, and to find out whether the code has changed under a run.
   * @param fn The function. It must not use the entity's state; give it what it needs.
   */
  step<T>(
    name: string,
    fn: (step: StepContext) => T | Promise<T>,
    options?: StepOptions,
  ): Promise<Awaited<T>>;
  /**
   * Waits for some time, which goes on while no node is up. For the run, that time has passed then, also if the store's clock
   * was set back: `now()` is later by it.
   */
  sleep(duration: Duration): Promise<void>;
  /**
   * Waits for an event of the key's log with that `type`: the first one after the run was called that no other wait of the
   * run has got. It may have been appended before the wait began.
   *
   * @returns The event; `undefined` if the time is up.
   */
  waitFor<E = unknown>(
    type: string,
    options?: WaitForOptions,
  ): Promise<E | undefined>;
}

/** A method that goes on after a crash of its owner. */
export type DurableMethod<S, E = unknown> = (
  entity: DurableContext<S, E>,
  // deno-lint-ignore no-explicit-any
  ...args: any[]
) => Promise<unknown>;

/** The durable methods of an entity. */
export type DurableMethods<S, E = unknown> = Record<
  string,
  DurableMethod<S, E>
>;

/** The durable methods as callers have them: each returns its run, once the call is stored. */
export type DurableCalls<M> = M extends { durable: infer D } ?
    & {
      readonly [K in keyof D]: D[K] extends // deno-lint-ignore no-explicit-any
      (entity: any, ...args: infer A) => infer R
        ? (...args: A) => Promise<EntityRun<Awaited<R>>>
        : never;
    }
    & EntityRuns
  : unknown;

/** The runs of an entity, of a type with durable methods. */
export interface EntityRuns {
  /** Returns its runs: those that have not ended, and then the last ones that have. */
  runs(): Promise<RunInfo[]>;
  /**
   * Returns a run by its id; nothing is sent.
   *
   * @throws {TypeError} If the id is not one.
   */
  run(id: string): EntityRun;
}

/** Options for {@linkcode EntityRun.result}. */
export interface RunResultOptions extends CancelOptions {
  /**
   * Milliseconds to wait for the end of the run.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** A call of a durable method, which goes on by itself. */
export interface EntityRun<R = unknown> {
  /** Identifies the run: a text of 36 characters. */
  readonly id: string;
  /**
   * Waits for the result.
   *
   * @throws {EntityError} If it has failed: `"crashed"` with its error as `cause`, or `"refused"`; it was cancelled:
   * `"cancelled"`; its journal does not fit the code: `"parked"`; there is no such run: `"no_run"`.
   */
  result(options?: RunResultOptions): Promise<R>;
  /** Returns its state; `undefined` if there is no such run, or it ended too long ago. */
  info(): Promise<RunInfo | undefined>;
  /** Ends it: its steps get an abort, and nothing that it does counts any more. Returns whether it had not ended. */
  cancel(): Promise<boolean>;
  /**
   * Has it go on now: after it has failed, from the last step that failed; if its journal did not fit the code, with the
   * code of now; while it waits to try a step again, at once. Returns whether it was in one of these states.
   */
  retry(): Promise<boolean>;
}

/**
 * The state of a run.
 *
 * `"active"`: its code or a step runs. `"waiting"`: it sleeps, or waits for an event. `"failing"`: a step has failed, and
 * is tried again. `"failed"`: it has thrown an error. `"parked"`: its journal does not fit the code. `"done"` and
 * `"cancelled"`: it has ended.
 */
export type RunState =
  | "active"
  | "waiting"
  | "failing"
  | "failed"
  | "parked"
  | "done"
  | "cancelled";

/** A run: its method, its state and its progress. */
export interface RunInfo {
  /** Identifies the run. */
  id: string;
  /** The name of the durable method. */
  method: string;
  /** Its state. */
  state: RunState;
  /** When it was called, in milliseconds since 1970. */
  since: number;
  /** When it ended or failed. */
  ended?: number;
  /** The number of records in its journal: each step, sleep and wait that is over. */
  steps: number;
  /** The steps, sleeps and waits that are not over. */
  waits: RunWait[];
  /** Its last error. */
  error?: string;
}

/** A step, a sleep or a wait that is not over. */
export interface RunWait {
  /** The kind of operation. */
  kind: "step" | "sleep" | "wait";
  /** The name of the step, or the type of the event. */
  name: string;
  /** When it ends, its time is up, or it is tried again, in milliseconds since 1970. */
  until?: number;
  /** The number of attempts that have failed. */
  failures: number;
  /** The error of the last attempt. */
  error?: string;
}

/** Options for the runs of a key. */
export interface RunsOptions {
  /**
   * The number of runs of a key that have not ended, those that have failed included. Another call is refused with the code
   * `"overloaded"`.
   *
   * @default {100}
   */
  open?: number;
  /**
   * The number of steps, sleeps and waits of a run. With more, it fails.
   *
   * @default {1000}
   */
  steps?: number;
  /**
   * The size of a run's journal, in bytes: its arguments, the results of its steps, and the states that it has read. With
   * more, it fails.
   *
   * @default {1048576}
   */
  bytes?: number;
  /** How many ended runs of a key are kept with their results, and for how many days. */
  keep?: {
    /**
     * The number of runs.
     *
     * @default {100}
     */
    runs?: number;
    /**
     * Days since the end.
     *
     * @default {7}
     */
    days?: number;
  };
}

/** The bounds of the runs of a key. */
export interface RunBounds {
  readonly open: number;
  readonly steps: number;
  readonly bytes: number;
  readonly keepRuns: number;
  readonly keepDays: number;
}

const RUNS_OPTIONS: OptionChecks<RunsOptions> = {
  open: integerFrom(1),
  steps: integerFrom(1),
  bytes: integerFrom(1000),
  keep: RECORD,
};

const KEEP_OPTIONS: OptionChecks<NonNullable<RunsOptions["keep"]>> = {
  runs: integerFrom(1),
  days: TIMEOUT,
};

/** Checks the option `runs` of a type. */
export function runBounds(options: RunsOptions, doing: string): RunBounds {
  checkOptions(options, doing, RUNS_OPTIONS, "{ steps: 10_000 }");
  const { open = 100, steps = 1000, bytes = 2 ** 20, keep = {} } = options;
  checkOptions(keep, doing, KEEP_OPTIONS, "{ days: 30 }");
  const { runs: keepRuns = 100, days: keepDays = 7 } = keep;
  return { open, steps, bytes, keepRuns, keepDays };
}
