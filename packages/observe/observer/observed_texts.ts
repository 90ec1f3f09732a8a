/** The texts by which an observer shows processes and values. Their length is bounded. */

import { BOUNDS } from "@otp/processes/values/bounds";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { inspectWithin } from "@otp/processes/values/inspect";
import { supervisionOf } from "@otp/servers/supervisor/supervision";

export const MAX_TEXT: number = BOUNDS.observedLabel;

/** The maximum length of a message or value of a process. */
const MAX_VALUE = 500;

export function valueText(value: unknown, most: number = MAX_VALUE): string {
  return inspectWithin(value, most, { width: Infinity });
}

export function shortText(text: string | undefined): string | undefined {
  return text?.slice(0, MAX_TEXT);
}

/** Returns the label that a process has set, as text. */
export function labelOf({ ownLabel }: LocalProcess): string | undefined {
  return labelText(ownLabel);
}

export function labelText(label: unknown): string | undefined {
  if (label === undefined) return undefined;
  return shortText(
    typeof label === "string" ? label : valueText(label, MAX_TEXT),
  );
}

export function kindOf(process: LocalProcess): string {
  return supervisionOf(process) === undefined
    ? process.lineage?.kind ?? "process"
    : "supervisor";
}
