/**
 * Runs as callers see them.
 *
 * @module
 */

import { Process } from "@otp/processes/process";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";
import { typeError } from "@otp/processes/values/options";
import { TIME_LIMITS } from "@otp/servers/server/cancellation";
import { askEntity } from "./caller.ts";
import type { EntityRun, RunInfo, RunResultOptions } from "./durable_types.ts";
import { EntityError } from "./entity_error.ts";
import type { EntityTarget } from "./entity_types.ts";
import { isRunId } from "./requests.ts";
import type { RunOutcome } from "./runs.ts";

/** The time after which a caller who waits for a result asks again, in milliseconds. */
const ROUND = 30_000;

/** The codes of a request that may be made again. */
const AGAIN = ["unknown", "timeout", "no_store"];

const RESULT_OPTIONS: OptionChecks<RunResultOptions> = TIME_LIMITS;

/** Returns the runs of an entity. */
export async function runsOf(target: EntityTarget): Promise<RunInfo[]> {
  return await askEntity(target, "runs", ["runs"]) as RunInfo[];
}

/** Returns a run of an entity, which may not exist. */
export function runOf(target: EntityTarget, id: string): EntityRun {
  if (isRunId(id)) return new RunHandle(target, id);
  throw typeError(
    id,
    `Cannot get the run ${
      inspect(id)
    }: give an id that runs() or a call of a durable method has returned`,
  );
}

class RunHandle implements EntityRun {
  readonly id: string;
  readonly #target: EntityTarget;

  constructor(target: EntityTarget, id: string) {
    this.id = id;
    this.#target = target;
  }

  async result(options: RunResultOptions = {}): Promise<unknown> {
    checkOptions(
      options,
      "wait for the result of a run",
      RESULT_OPTIONS,
      "{ timeout: 60_000 }",
    );
    const { signal, deadline, timeout = Infinity } = options;
    const left = deadline === undefined ? Infinity : deadline - Date.now();
    const end = Process.monotonicTime() + Math.min(timeout, left);
    for (;;) {
      const ms = Math.max(
        0,
        Math.min(ROUND, Math.ceil(end - Process.monotonicTime())),
      );
      try {
        const outcome = await askEntity(
          this.#target,
          "the result of a run",
          ["run", this.id, "result", ms],
          { timeout: ms, signal, mayRunTwice: true },
        ) as RunOutcome;
        return this.#resultOf(outcome);
      } catch (error) {
        const isOver = Process.monotonicTime() >= end;
        const isAgain = error instanceof EntityError &&
          AGAIN.includes(error.code) && !isOver;
        if (isAgain) continue;
        if (!(error instanceof EntityError) || !isOver) throw error;
        throw this.#error(
          "timeout",
          `it has not ended in ${timeout} ms; wait for longer, or read info()`,
          { cause: error },
        );
      }
    }
  }

  #resultOf(outcome: RunOutcome): unknown {
    switch (outcome[0]) {
      case "done":
        return outcome[1];
      case "cancelled":
        throw this.#error("cancelled", "it was cancelled");
      case "refused":
        throw this.#error("refused", outcome[1], { data: outcome[2] });
      case "failed":
        throw this.#error("crashed", outcome[1].message, { cause: outcome[1] });
      case "parked":
        throw this.#error("parked", outcome[1]);
      case "no_run":
        throw this.#error(
          "no_run",
          "there is no such run, or it has ended long ago; keep more with the option runs: { keep }",
        );
    }
  }

  #error(
    code: ConstructorParameters<typeof EntityError>[0],
    why: string,
    options: ErrorOptions & { data?: unknown } = {},
  ): EntityError {
    const { definition: { name }, key } = this.#target;
    const what = `the run ${this.id} of the ${name} ${JSON.stringify(key)}`;
    return new EntityError(
      code,
      code !== "no_run",
      why.startsWith("Cannot ")
        ? why
        : `Cannot get the result of ${what}: ${why}`,
      options,
    );
  }

  async info(): Promise<RunInfo | undefined> {
    return (await runsOf(this.#target)).find(({ id }) => id === this.id);
  }

  cancel(): Promise<boolean> {
    return this.#change("cancel");
  }

  retry(): Promise<boolean> {
    return this.#change("retry");
  }

  async #change(what: "cancel" | "retry"): Promise<boolean> {
    // A second one changes nothing.
    const options = {
      ...this.#target.options,
      id: undefined,
      mayRunTwice: true,
    };
    const request = ["run", this.id, what] as ["run", string, typeof what];
    return await askEntity(this.#target, what, request, options) as boolean;
  }
}
