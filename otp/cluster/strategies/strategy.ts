/**
 * The contract between a topology and its strategy.
 *
 * @module
 */

import type { LocalProcess } from "../../../core/processes/local_process.ts";
import { inspectArgument } from "../../../core/values/inspect.ts";
import type { GossipCounts } from "../cluster_info.ts";

/** A topology, as its strategy sees it. */
export interface StrategyHost {
  /** The topology's process. */
  readonly process: LocalProcess;
  /** The topology's name. */
  readonly topology: string;
  /** The number of addresses that are of use. */
  readonly maxAddresses: number;
  /** Runs code as the topology's process, after the messages that it has already received. */
  later(fn: () => void): void;
  /** Takes the current set of addresses, which may be anything; `note` says what is odd about it. */
  answer(addresses: unknown, note?: string): void;
  /** Takes a failure: the set stays. */
  failed(reason: string): void;
}

/** A strategy at work. */
export interface RunningStrategy {
  /** When it is asked next, in milliseconds since 1970, if that is known. */
  readonly next: number | undefined;
  /** The numbers of packets, if it receives any. */
  readonly packets?: GossipCounts;
  /** Ends it; it calls nothing any more. */
  stop(): void;
}

/** The reason of a failure, of any thrown value; never throws. */
export function reasonText(error: unknown): string {
  if (typeof error === "string") return error;
  try {
    const { message } = error as { message?: unknown };
    if (typeof message === "string" && message !== "") return message;
  } catch {
    // It has no message that can be read.
  }
  return inspectArgument(error);
}
