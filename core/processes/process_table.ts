/** The tables of a node: its processes by number, by name and by alias. */

import { NumberMap } from "../collections/number_map.ts";
import { unquotedName } from "../values/beam_names.ts";
import type { Pid } from "../values/pid.ts";
import type { NodeIncarnation } from "./links_and_monitors.ts";
import type { Entry, LocalProcess } from "./local_process.ts";

/** Numbers up to here stay free, because the first processes of an Erlang node are its own. */
const LAST_RESERVED = 99;

/** Returns the process of a name for code of other processes; starts the process if it is lazy. */
export function processNamed(
  name: string,
  { names, lazyProcesses }: {
    names: ReadonlyMap<string, LocalProcess>;
    lazyProcesses: ReadonlyMap<string, () => LocalProcess>;
  },
): LocalProcess | undefined {
  return names.get(name) ?? names.get(unquotedName(name)) ??
    lazyProcesses.get(name)?.();
}

/** The processes of a node. */
export class ProcessTable {
  /** The processes, by number. */
  readonly processes: NumberMap<LocalProcess> = new NumberMap();
  /** The registered names. */
  readonly names: Map<string, LocalProcess> = new Map();
  /** The active aliases, by reference number. */
  readonly aliases: NumberMap<Entry> = new NumberMap();
  readonly #node: NodeIncarnation;
  #lastNumber = LAST_RESERVED;

  constructor(node: NodeIncarnation) {
    this.#node = node;
  }

  /** Returns a number that no process has had. */
  nextNumber(): number {
    return ++this.#lastNumber;
  }

  /** Adds a process. */
  add(process: LocalProcess): void {
    this.processes.set(process.pid.number, process);
  }

  /** Returns the process of a pid, if it is alive and of this incarnation. */
  find(pid: Pid): LocalProcess | undefined {
    return pid.creation === this.#node.creation && pid.node === this.#node.node
      ? this.processes.get(pid.number)
      : undefined;
  }

  /** Registers a name for a process; returns false if the name is taken or the process has one. */
  register(name: string, process: LocalProcess): boolean {
    if (this.names.has(name) || process.name !== undefined) return false;
    process.name = name;
    this.names.set(name, process);
    return true;
  }

  /** Unregisters a name; returns false if no process has it. */
  unregister(name: string): boolean {
    const process = this.names.get(name);
    if (process === undefined) return false;
    process.name = undefined;
    return this.names.delete(name);
  }

  /** Removes a process, and frees its name and aliases. */
  remove(process: LocalProcess): void {
    this.processes.delete(process.pid.number);
    if (process.name !== undefined) this.names.delete(process.name);
    for (const entry of process.entries?.values() ?? []) {
      if (entry.alias !== undefined) this.aliases.delete(entry.ref.number);
      entry.alias = undefined;
    }
  }
}
