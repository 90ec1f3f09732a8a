/**
 * The partitions of a PartitionSupervisor: their processes, and which of them a key belongs to.
 *
 * The supervisor's process writes the table as it starts children. All processes of its node read the table, so
 * routing sends no message. The table lives as long as its supervisor. Races: an exited partition keeps its pid until
 * the supervisor has restarted it, so requests fail with `noproc` meanwhile, as in Elixir. Calls that resize run one
 * at a time; a partition above the new number leaves the table before it ends.
 */

import { ignore } from "@otp/processes/promises/promises";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Pid } from "@otp/processes/values/pid";
import { termKey } from "@otp/processes/values/term_key";

/** The partitions of one supervisor. */
export class PartitionTable {
  /** The number of partitions that the supervisor started with. */
  readonly max: number;
  /** The number of partitions that keys are routed to. */
  current: number;
  readonly #pids: (Pid | undefined)[];
  #resized: Promise<unknown> = Promise.resolve();

  constructor(max: number) {
    this.max = max;
    this.current = max;
    this.#pids = new Array(max).fill(undefined);
  }

  /** Returns the process of a partition. */
  pidOf(partition: number): Pid | undefined {
    return this.#pids[partition];
  }

  /** Sets the process of a partition. */
  started(partition: number, pid: Pid): void {
    this.#pids[partition] = pid;
  }

  /**
   * Returns the partition of a key: an integer's by its remainder, any other's by a hash of its contents. Throws a
   * `TypeError` if the key is not a value that can be sent.
   */
  partitionOf(key: unknown): number {
    if (typeof key === "bigint") {
      return Number((key < 0n ? -key : key) % BigInt(this.current));
    }
    return (Number.isInteger(key)
      ? Math.abs(key as number)
      : hash(String(termKey(key)))) % this.current;
  }

  /** Runs `fn` after the earlier calls of this function have finished. */
  exclusively<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#resized.then(fn);
    this.#resized = result.then(ignore, ignore);
    return result;
  }
}

/**
 * Hashes a text to 32 bits, by FNV-1a and the last step of MurmurHash3, because pids differ only in their last digits.
 */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  }
  bits = Math.imul(bits ^ bits >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return (bits ^ bits >>> 16) >>> 0;
}

const tables = new WeakMap<LocalProcess, PartitionTable>();

/** Sets the table of a supervisor. */
export function setPartitions(
  supervisor: LocalProcess,
  table: PartitionTable,
): void {
  tables.set(supervisor, table);
}

/** Returns the table of a supervisor; `undefined` if the process is no PartitionSupervisor. */
export function partitionsOf(
  supervisor: LocalProcess,
): PartitionTable | undefined {
  return tables.get(supervisor);
}
