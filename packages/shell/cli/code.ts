/** The code of `--eval`. */

import { IO } from "@otp/node/io/io";
import {
  type DownMessage,
  receive,
  spawnMonitor,
} from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { runsTyped } from "@otp/processes/runtime/typed_code";
import { evaluate, type Scope } from "./evaluate.ts";
import { hintForError } from "./hints.ts";
import { complain } from "./output.ts";
import {
  codeOfThrown,
  EXIT,
  formatExitSignal,
  formatThrown,
} from "./report.ts";
import type { StrayErrors } from "./stray_errors.ts";

/** Runs pieces of code in order, in a separate process. Returns the exit code, if the code failed or asked to end. */
export async function runCode(
  code: readonly string[],
  scope: Scope,
  strays: StrayErrors,
): Promise<number | undefined> {
  let thrown: { error: unknown; hint: string | undefined } | undefined;
  const { pid, ref } = spawnMonitor(
    async () => {
      runsTyped(currentProcess());
      try {
        await strays.during(evaluateAll(code, scope));
      } catch (error) {
        thrown = { error, hint: hintForError(error, code.join("\n"), scope) };
      }
      // Wait for all output of this process, even if the code did not.
      await IO.write("");
    },
    [],
    { label: "eval" },
  );
  const { reason } = await receive<DownMessage>((m) => ref.equals(m?.ref));
  if (reason !== "normal") {
    complain(formatExitSignal(pid, reason));
    return EXIT.FAILED;
  }
  if (thrown === undefined) return undefined;
  const exitCode = codeOfThrown(thrown.error);
  if (exitCode === EXIT.FAILED) {
    complain(formatThrown(thrown.error));
    if (thrown.hint !== undefined) complain(`    ${thrown.hint}`);
  }
  return exitCode;
}

async function evaluateAll(
  code: readonly string[],
  scope: Scope,
): Promise<void> {
  for (const each of code) await (await evaluate(each, scope)).value;
}
