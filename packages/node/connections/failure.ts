/** The reports of nodes that could not be connected to. */

import { printableLine, printableWithin } from "@otp/processes/values/inspect";
import type { NetworkLog } from "../host/network_log.ts";
import { HandshakeError } from "../wire.ts";

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

/** A failure to connect. */
export interface DialFailure {
  /** The report of the failure. */
  readonly reason: string;
  /** Whether the other side has answered, and refuses this node or is no node that it can speak with. */
  readonly isRefused: boolean;
}

/** Whether an error means that another attempt fails too, until someone changes one of the nodes. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof HandshakeError)) return false;
  const { code, counted } = error;
  return (code === "refused" || code === "protocol") && counted !== "full";
}

/** Logs such a report. */
export function logFailure(log: NetworkLog, report: string): void {
  log("warning", report, { what: "nodes that could not be connected to" });
}
