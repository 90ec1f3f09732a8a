/** One node's copy of the names of the cluster. */

import { LocalFunction } from "@otp/processes/values/functions";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  keptLength,
  type TermKey,
  termKey,
} from "@otp/processes/values/term_key";
import type { EntryResolver, GlobalEntry } from "./global_messages.ts";

interface NamedProcess extends GlobalEntry {
  ref: Ref;
  /** The node for which it is kept. */
  holder: string;
}

/** Names, each with its process. A process that exits loses its names. */
export class GlobalTable {
  readonly #process: LocalProcess;
  readonly #names = new Map<TermKey, NamedProcess>();
  /** The names, by the number of the monitor. */
  readonly #monitored = new Map<number, TermKey>();
  /** The number of names of each process that has any. */
  readonly #counts = new Map<string, number>();
  /** The sum of a number for each name and its process: the same for the same names. */
  digest = 0;

  /** Starts without names; the process, the node's server, monitors their holders. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  entries(): GlobalEntry[] {
    return [...this.#names.values()].map(toEntry);
  }

  lookup(name: unknown): Pid | undefined {
    const pid = this.#names.get(this.#keyOf(name))?.pid;
    const { runtime } = this.#process;
    // The monitor's message may still be on its way.
    return pid?.node === runtime.node ? runtime.find(pid)?.pid : pid;
  }

  entry(name: unknown): GlobalEntry | undefined {
    const known = this.#names.get(this.#keyOf(name));
    return known && toEntry(known);
  }

  count(pid: Pid): number {
    return this.#counts.get(holderKey(pid)) ?? 0;
  }

  nameOf(pid: Pid): unknown {
    return this.entries().find((entry) => entry.pid.equals(pid))?.name;
  }

  /**
   * Registers a name, replacing any holder; returns false if there are too many names already. One of another
   * node's process counts as that node's, and one that another node registers for a process of this one as the
   * other's.
   */
  insert({ name, pid, resolve, by }: GlobalEntry): boolean {
    const key = this.#keyOf(name);
    const known = this.#names.get(key);
    if (known?.pid.equals(pid)) {
      if (`${known.resolve}` !== `${resolve}`) known.by = by;
      known.resolve = resolve;
      return true;
    }
    if (known !== undefined) this.#drop(key, known);
    const { node } = this.#process.runtime;
    const holder = pid.node === node ? by ?? node : pid.node;
    const characters = keptLength(name, key) + lengthOf(resolve);
    if (!this.#process.keepFor(holder, characters)) return false;
    const ref = this.#process.monitor(pid);
    this.#names.set(key, { name, pid, resolve, by, ref, holder });
    this.#monitored.set(ref.number, key);
    this.#counts.set(holderKey(pid), this.count(pid) + 1);
    this.digest = (this.digest + hashOf(key, pid)) >>> 0;
    return true;
  }

  remove(name: unknown): void {
    const key = this.#keyOf(name);
    const known = this.#names.get(key);
    if (known !== undefined) this.#drop(key, known);
  }

  /** Called when a monitored process has exited; returns whether the monitor was that of a name. */
  down(ref: Ref): boolean {
    if (!this.#monitored.has(ref.number)) return false;
    const key = this.#monitored.get(ref.number);
    this.#drop(key, this.#names.get(key)!);
    return true;
  }

  #drop(key: TermKey, { pid, ref, holder }: NamedProcess): void {
    this.#process.demonitor(ref);
    this.#process.dropFor(holder);
    this.#names.delete(key);
    this.#monitored.delete(ref.number);
    const count = this.count(pid);
    if (count > 1) this.#counts.set(holderKey(pid), count - 1);
    else this.#counts.delete(holderKey(pid));
    this.digest = (this.digest - hashOf(key, pid)) >>> 0;
  }

  #keyOf(name: unknown): TermKey {
    return termKey(name, this.#process.runtime.maxDepth);
  }
}

function toEntry({ name, pid, resolve, by }: NamedProcess): GlobalEntry {
  return { name, pid, resolve, by };
}

function holderKey({ node, number, creation }: Pid): string {
  return `${number} ${creation} ${node}`;
}

function lengthOf(resolve: EntryResolver): number {
  return resolve instanceof LocalFunction
    ? resolve.bytes.length
    : `${resolve}`.length;
}

/** A hash of a name and its holder: FNV-1a. */
function hashOf(key: TermKey, { node, number, creation }: Pid): number {
  let hash = 0x811c9dc5;
  for (
    const character of `${typeof key}${key} ${node} ${number} ${creation}`
  ) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  }
  return hash >>> 0;
}
