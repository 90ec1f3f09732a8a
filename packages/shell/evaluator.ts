/** The process that runs typed code: one process for all lines, until it exits. */

import { evaluate, type Scope } from "./cli/evaluate.ts";
import { hintForError, hintForValue } from "./cli/hints.ts";
import { formatThrown } from "./cli/report.ts";
import { IO } from "@otp/node/io/io";
import { type Pid, type Ref, spawnMonitor } from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { runsTyped } from "@otp/processes/runtime/typed_code";
import { inspect } from "@otp/processes/values/inspect";

import { PRINTED } from "./printed.ts";
import type { LineValues } from "./line_values.ts";

export interface EvaluationOutcome {
  ok: boolean;
  /** The value, or the error. */
  text: string;
}

export class Evaluator {
  readonly pid: Pid;
  /** The owner's monitor on the process. */
  readonly ref: Ref;
  readonly #scope: Scope;
  readonly #values: LineValues;
  #next = Promise.withResolvers<() => Promise<void>>();

  /** Starts the process, monitored by the caller. */
  constructor(scope: Scope, values: LineValues) {
    this.#scope = scope;
    this.#values = values;
    const { pid, ref } = spawnMonitor(() => this.#run(), [], {
      label: "shell",
    });
    this.pid = pid;
    this.ref = ref;
  }

  /** Runs code; does not settle if the process exits in the meantime. */
  evaluate(source: string, width: number): Promise<EvaluationOutcome> {
    return new Promise((resolve) => {
      this.#next.resolve(async () =>
        resolve(await perform(source, this.#scope, this.#values, width))
      );
    });
  }

  async #run(): Promise<never> {
    runsTyped(currentProcess());
    for (;;) {
      const work = await this.#next.promise;
      this.#next = Promise.withResolvers();
      await work();
    }
  }
}

async function perform(
  source: string,
  scope: Scope,
  values: LineValues,
  width: number,
): Promise<EvaluationOutcome> {
  let outcome: EvaluationOutcome = { ok: true, text: "" };
  const line = ++values.line;
  values.width = width;
  try {
    const value = await (await evaluate(source, scope)).value;
    if (value !== PRINTED) {
      const hint = hintForValue(value, source, scope);
      keepLast(scope, value);
      values.keep(line, value);
      outcome = { ok: true, text: withHint(inspect(value, { width }), hint) };
    }
  } catch (error) {
    values.error = error;
    const hint = hintForError(error, source, scope);
    outcome = { ok: false, text: withHint(formatThrown(error), hint) };
  }
  await written();
  return outcome;
}

/** Waits for all output of this process, even if the code did not. */
async function written(): Promise<void> {
  try {
    await IO.write("");
  } catch {
    // The output has no reader.
  }
}

function withHint(text: string, hint: string | undefined): string {
  return hint === undefined ? text : `${text}\n    ${hint}`;
}

/** Stores a value as `_`, unless the user has declared `_`. */
function keepLast(scope: Scope, value: unknown): void {
  if (value === undefined) return;
  const own = Object.getOwnPropertyDescriptor(scope, "_");
  if (own !== undefined && own.get === undefined) return;
  Object.defineProperty(scope, "_", {
    configurable: true,
    get: () => value,
    set(theirs: unknown) {
      Object.defineProperty(scope, "_", {
        configurable: true,
        enumerable: true,
        writable: true,
        value: theirs,
      });
    },
  });
}
