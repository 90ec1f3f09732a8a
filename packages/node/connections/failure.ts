/** The reports of nodes that could not be connected to. */

import { printableLine, printableWithin } from "@otp/processes/values/inspect";
import type { NetworkLog } from "../host/network_log.ts";

/** The number of characters of the reason of a failure that are reported: it may be another node's text. */
const MAX_REASON = 1024;

/** The number of characters of a name or an address that are reported. */
const MAX_TARGET = 512;

/** The report of a failure to connect to a name or an address. */
export function cannotConnect(target: string, reason: string): string {
  return `Cannot connect to ${printableWithin(target, MAX_TARGET)}: ${
    printableLine(reason, MAX_REASON)
  }`;
}

/** Logs such a report. */
export function logFailure(log: NetworkLog, report: string): void {
  log("warning", report, { what: "nodes that could not be connected to" });
}
