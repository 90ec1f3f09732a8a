/** The reports of nodes that cannot be connected to, and of the end of that. */

import type { Clock } from "@otp/processes/host/clock";
import { Repeats } from "@otp/processes/log/repeats";
import type { DialReport } from "@otp/processes/remote/peer_address";
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

/** Logs failures to connect: of each node its first one, each new refusal, and repeats at growing intervals. */
export class DialReports {
  readonly #log: NetworkLog;
  readonly #away: Repeats;

  /** Creates reports without failures. Knows those of up to `most` nodes. */
  constructor(log: NetworkLog, clock: Pick<Clock, "now">, most: number) {
    this.#log = log;
    this.#away = new Repeats(clock, most);
  }

  /** Logs a failure to connect to a name or an address, as `report` says. */
  failed(
    target: string,
    { reason, isRefused }: DialFailure,
    report: DialReport,
  ): void {
    if (report === "all") return this.#line("warning", reason);
    if (report === "none" || report === "refusals" && !isRefused) return;
    const more = this.#away.take(target, isRefused ? reason : undefined);
    if (more === undefined) this.#line("debug", reason);
    else this.#line("warning", reason + more);
  }

  /** Logs that a node is connected whose failures were logged. The node may have been known by its address alone. */
  connected(node: string, address?: string): void {
    const ends = [node, address].map((each) => each && this.#away.end(each));
    const since = ends.find((each) => each !== undefined);
    if (since === undefined) return;
    this.#line("warning", `Connected to ${node}, which was away for ${since}`);
  }

  #line(level: "debug" | "warning", message: string): void {
    // Repeats are counted apart, so that they hold back no news.
    const again = level === "debug" ? " again" : "";
    this.#log(level, message, {
      what: `nodes that could not be connected to${again}`,
    });
  }
}
