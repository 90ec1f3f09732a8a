/** The contract between a topology and its strategy. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import { inspectArgument } from "@otp/processes/values/inspect";
import type { GossipCounts } from "../cluster_info.ts";

/** A topology, as its strategy sees it. */
export interface StrategyHost {
  readonly process: LocalProcess;
  readonly topology: string;
  /** The maximum number of addresses; more are ignored. */
  readonly maxAddresses: number;
  /** Runs `fn` in the topology's process, after the messages that the process has already received. */
  later(fn: () => void): void;
  /** Takes the current set of addresses, which may be anything; `note` names a fault. */
  answer(addresses: unknown, note?: string): void;
  /** Takes a failure; the set of addresses stays. */
  failed(reason: string): void;
}

export interface RunningStrategy {
  /** When the strategy is asked next, in milliseconds since 1970, if known. */
  readonly next: number | undefined;
  /** The numbers of received packets, for the strategy `"gossip"`. */
  readonly packets?: GossipCounts;
  /** Ends the strategy, which then makes no further calls. */
  stop(): void;
}

/** Returns the text of any thrown value; never throws. */
export function reasonText(error: unknown): string {
  if (typeof error === "string") return error;
  try {
    const { message } = error as { message?: unknown };
    if (typeof message === "string" && message !== "") return message;
  } catch {
    // Reading the message has thrown.
  }
  return inspectArgument(error);
}
