/** The tables of registries: registrations by key and by process. */

import { NoProcessError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { copyTerm } from "@otp/processes/values/term";
import {
  keyToKeep,
  type TermKey,
  termKey,
} from "@otp/processes/values/term_key";

/** Whether a key has at most one process, or any number. */
export type RegistryKeys = "unique" | "duplicate";

/** A process that is registered under a key, with its value. */
export interface RegistryEntry<V = unknown> {
  /** The process. */
  pid: Pid;
  /** The registered value. */
  value: V;
}

/** Returns whether to include a registration with this value. */
export type ValuePredicate = (value: unknown) => boolean;

interface Entry {
  readonly id: TermKey;
  /** The key, a copy: later changes by the caller have no effect. */
  readonly key: unknown;
  readonly process: LocalProcess;
  value: unknown;
}

const NONE: ReadonlySet<Entry> = new Set();

const tables = new WeakMap<Runtime, Map<string, RegistryTable>>();

/** Returns the table of a registry. Throws a `NoProcessError` if no such registry runs. */
export function registryTable(
  runtime: Runtime,
  name: string,
  action: string,
): RegistryTable {
  const table = tables.get(runtime)?.get(name);
  if (table?.isRunning) return table;
  tables.get(runtime)?.delete(name);
  throw new NoProcessError(
    `Cannot ${action}: no registry ${
      quote(name)
    } runs on ${runtime.node}; start it by Registry.startLink({ keys, name })`,
  );
}

/** Returns the registries that run on a node. */
export function registryTables(runtime: Runtime): RegistryTable[] {
  return [...tables.get(runtime)?.values() ?? []]
    .filter((table) => table.isRunning);
}

/** The registrations of one registry, by key and by process. */
export class RegistryTable {
  /** Settings of the registry's users. */
  readonly meta: Map<TermKey, unknown> = new Map();
  readonly name: string;
  readonly keys: RegistryKeys;
  readonly #listeners: readonly string[];
  #partition: LocalProcess | undefined;
  #byKey = new Map<TermKey, Set<Entry>>();
  #byProcess = new Map<number, Set<Entry>>();

  /** Creates a table for `Registry.startLink`, which opens it. */
  constructor(name: string, keys: RegistryKeys, listeners: readonly string[]) {
    this.name = name;
    this.keys = keys;
    this.#listeners = listeners;
  }

  /** Empties the table for a partition that has just started, and makes it available. */
  open(partition: LocalProcess): void {
    const { runtime } = partition;
    this.#partition = partition;
    this.#byKey = new Map();
    this.#byProcess = new Map();
    let known = tables.get(runtime);
    if (known === undefined) tables.set(runtime, known = new Map());
    known.set(this.name, this);
  }

  /** Whether the registry's supervisor is alive. */
  get isRunning(): boolean {
    const { parent, runtime } = this.#partition!;
    return runtime.find(parent!) !== undefined;
  }

  /** The partition's pid, which registered processes are linked to. */
  get owner(): Pid {
    return this.#partition!.pid;
  }

  /** Registers a process; returns the process with the key, if it is taken. */
  register(
    process: LocalProcess,
    key: unknown,
    value: unknown,
  ): Pid | undefined {
    const { maxDepth } = process.runtime;
    // Checked first, because a listener that cannot be notified must not leave half a registration.
    if (this.#listeners.length > 0) copyTerm(value, maxDepth);
    const id = keyToKeep(key, "register", maxDepth);
    if (this.keys === "unique") {
      for (const entry of this.#under(id)) {
        if (entry.process.alive) return entry.process.pid;
        this.#drop(entry);
      }
    }
    if (!this.#partition!.alive) {
      throw new NoProcessError(
        `Cannot register: the registry ${
          quote(this.name)
        } has crashed, and is not up again yet`,
      );
    }
    process.link(this.owner);
    const entry: Entry = { id, key: copyTerm(key, maxDepth), process, value };
    add(this.#byKey, id, entry);
    add(this.#byProcess, process.pid.number, entry);
    const { name: registry } = this;
    const { pid } = process;
    this.#tell(process, { type: "register", registry, key, pid, value });
    return undefined;
  }

  /** Removes a process's registrations under a key. */
  unregister(
    process: LocalProcess,
    key: unknown,
    isMeant?: ValuePredicate,
  ): void {
    const all = this.#of(process, termKey(key, process.runtime.maxDepth));
    const meant = isMeant === undefined
      ? all
      : all.filter(({ value }) => isMeant(value));
    for (const entry of meant) this.#drop(entry);
    if (meant.length < all.length) return;
    if (!this.#byProcess.has(process.pid.number)) process.unlink(this.owner);
    const { name: registry } = this;
    this.#tell(process, {
      type: "unregister",
      registry,
      key,
      pid: process.pid,
    });
  }

  /** Removes all registrations of a process that has exited. */
  removeExited(pid: unknown): void {
    const { runtime } = this.#partition!;
    // Any process can send a message that looks like an EXIT.
    if (
      !(pid instanceof Pid) || pid.node !== runtime.node ||
      runtime.find(pid) !== undefined
    ) return;
    for (const entry of [...this.#byProcess.get(pid.number) ?? []]) {
      this.#drop(entry);
    }
  }

  lookup(key: unknown): RegistryEntry[] {
    const found: RegistryEntry[] = [];
    for (const { process, value } of this.#under(this.#id(key))) {
      if (process.alive) found.push({ pid: process.pid, value });
    }
    return found;
  }

  values(key: unknown, pid: Pid): unknown[] {
    const process = this.#partition!.runtime.find(pid);
    return process === undefined
      ? []
      : this.#of(process, this.#id(key)).map(({ value }) => value);
  }

  keysOf(pid: Pid): unknown[] {
    const { runtime } = this.#partition!;
    if (runtime.find(pid) === undefined) return [];
    return [...this.#entries(this.#byProcess, pid.number)]
      .map(({ key }) => copyTerm(key, runtime.maxDepth));
  }

  /** Replaces the value of a process's only registration under a key; returns both values. */
  update(
    process: LocalProcess,
    key: unknown,
    fn: (value: unknown) => unknown,
  ): { newValue: unknown; oldValue: unknown } | undefined {
    const [entry] = this.#of(process, this.#id(key));
    if (entry === undefined) return undefined;
    const oldValue = entry.value;
    const newValue = entry.value = fn(oldValue);
    return { newValue, oldValue };
  }

  *all(): Iterable<{ key: unknown; pid: Pid; value: unknown }> {
    const { alive, runtime: { maxDepth } } = this.#partition!;
    if (!alive) return;
    for (const entries of this.#byKey.values()) {
      for (const { key, process, value } of entries) {
        if (!process.alive) continue;
        yield { key: copyTerm(key, maxDepth), pid: process.pid, value };
      }
    }
  }

  count(): number {
    if (!this.#partition!.alive) return 0;
    let count = 0;
    for (const entries of this.#byProcess.values()) {
      const [{ process }] = entries;
      if (process.alive) count += entries.size;
    }
    return count;
  }

  #id(key: unknown): TermKey {
    return termKey(key, this.#partition!.runtime.maxDepth);
  }

  #under(id: TermKey): ReadonlySet<Entry> {
    return this.#entries(this.#byKey, id);
  }

  #entries<K>(map: Map<K, Set<Entry>>, of: K): ReadonlySet<Entry> {
    return this.#partition!.alive ? map.get(of) ?? NONE : NONE;
  }

  #of(process: LocalProcess, id: TermKey): Entry[] {
    const under = this.#under(id);
    const own = this.#entries(this.#byProcess, process.pid.number);
    // Search the smaller set: a key may have many processes, and a process many keys.
    return [...under.size < own.size ? under : own].filter((entry) =>
      entry.process === process && entry.id === id
    );
  }

  #drop(entry: Entry): void {
    remove(this.#byKey, entry.id, entry);
    remove(this.#byProcess, entry.process.pid.number, entry);
  }

  #tell(process: LocalProcess, message: unknown): void {
    for (const listener of this.#listeners) {
      process.sendName(listener, process.runtime.node, message);
    }
  }
}

function add<K>(map: Map<K, Set<Entry>>, key: K, entry: Entry): void {
  const entries = map.get(key);
  if (entries === undefined) map.set(key, new Set([entry]));
  else entries.add(entry);
}

function remove<K>(map: Map<K, Set<Entry>>, key: K, entry: Entry): void {
  const entries = map.get(key);
  entries?.delete(entry);
  if (entries?.size === 0) map.delete(key);
}
