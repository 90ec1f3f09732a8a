/**
 * The tables of registries, and the process that the processes registered in one are linked to.
 *
 * As in Elixir, a registry is a supervisor of that process, its partition: if this one crashes, so do the
 * processes registered, and another one takes over with an empty table.
 *
 * @module
 */

import { NoProcessError } from "../errors.ts";
import { quote } from "../runtime/inspect.ts";
import { Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { copyTerm } from "../runtime/term.ts";
import { type TermKey, termKey } from "../runtime/term_key.ts";
import { isTyped } from "./messages.ts";
import { type Caller, NO_REPLY, type Server } from "./server.ts";

/** Whether a key has one process at most, or as many as register under it. */
export type RegistryKeys = "unique" | "duplicate";

/** A process that is registered under a key, and the value that it gave. */
export interface RegistryEntry<V = unknown> {
  /** The process. */
  pid: Pid;
  /** The value that it registered with. */
  value: V;
}

/** Whether a registration, or one of its value, is meant. */
export type ValuePredicate = (value: unknown) => boolean;

/** A registration. */
interface Entry {
  readonly id: TermKey;
  /** The key, a copy: what the caller does with its own later has no effect. */
  readonly key: unknown;
  readonly process: Process;
  value: unknown;
}

const NONE: ReadonlySet<Entry> = new Set();

const tables = new WeakMap<Runtime, Map<string, RegistryTable>>();

/**
 * The table of a registry.
 *
 * @throws {NoProcessError} If no such registry runs.
 */
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

/** What is registered in one registry, by key and by process. */
export class RegistryTable {
  /** Settings of the registry's users. */
  readonly meta: Map<TermKey, unknown> = new Map();
  readonly name: string;
  readonly keys: RegistryKeys;
  readonly #listeners: readonly string[];
  #partition: Process | undefined;
  #byKey = new Map<TermKey, Set<Entry>>();
  #byProcess = new Map<number, Set<Entry>>();

  /** Made by `Registry.startLink`. */
  constructor(
    name: string,
    keys: RegistryKeys,
    listeners: readonly string[],
  ) {
    this.name = name;
    this.keys = keys;
    this.#listeners = listeners;
  }

  /** Begins to be used, empty, by a partition that has just started. */
  open(partition: Process): void {
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

  /** The partition's pid, which those registered are linked to. */
  get owner(): Pid {
    return this.#partition!.pid;
  }

  /** Registers a process; gives who has the key, if it is taken. */
  register(
    process: Process,
    key: unknown,
    value: unknown,
  ): Pid | undefined {
    const { maxDepth } = process.runtime;
    // A listener that cannot be told must not leave half a registration.
    if (this.#listeners.length > 0) copyTerm(value, maxDepth);
    const id = termKey(key, maxDepth);
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

  /** Takes a process's registrations under a key away. */
  unregister(process: Process, key: unknown, isMeant?: ValuePredicate): void {
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

  /** Takes all away that a process had; it has exited. */
  forget(pid: unknown): void {
    const { runtime } = this.#partition!;
    if (!(pid instanceof Pid) || pid.node !== runtime.node) return;
    for (const entry of [...this.#byProcess.get(pid.number) ?? []]) {
      this.#drop(entry);
    }
  }

  /** Who is registered under a key. */
  lookup(key: unknown): RegistryEntry[] {
    const found: RegistryEntry[] = [];
    for (const { process, value } of this.#under(this.#id(key))) {
      if (process.alive) found.push({ pid: process.pid, value });
    }
    return found;
  }

  /** What a process is registered with under a key. */
  values(key: unknown, pid: Pid): unknown[] {
    const process = this.#partition!.runtime.find(pid);
    return process === undefined
      ? []
      : this.#of(process, this.#id(key)).map(({ value }) => value);
  }

  /** The keys that a process is registered under. */
  keysOf(pid: Pid): unknown[] {
    const { runtime } = this.#partition!;
    if (runtime.find(pid) === undefined) return [];
    return [...this.#entries(this.#byProcess, pid.number)]
      .map(({ key }) => copyTerm(key, runtime.maxDepth));
  }

  /** Replaces the value of a process's only registration under a key; gives both. */
  update(
    process: Process,
    key: unknown,
    fn: (value: unknown) => unknown,
  ): { newValue: unknown; oldValue: unknown } | undefined {
    const [entry] = this.#of(process, this.#id(key));
    if (entry === undefined) return undefined;
    const oldValue = entry.value;
    const newValue = entry.value = fn(oldValue);
    return { newValue, oldValue };
  }

  /** Every registration. */
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

  /** How many registrations there are. */
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

  #of(process: Process, id: TermKey): Entry[] {
    const under = this.#under(id);
    const own = this.#entries(this.#byProcess, process.pid.number);
    // A key may have many processes, and a process many keys.
    return [...under.size < own.size ? under : own].filter((entry) =>
      entry.process === process && entry.id === id
    );
  }

  #drop(entry: Entry): void {
    remove(this.#byKey, entry.id, entry);
    remove(this.#byProcess, entry.process.pid.number, entry);
  }

  #tell(process: Process, message: unknown): void {
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

/** Asks a partition for a lock; the answer, a reference, comes when the caller has it. */
export interface LockRequest {
  /** Always `"lock"`. */
  type: "lock";
  /** What is locked. */
  key: unknown;
}

/** Gives a lock back. */
export interface Unlock {
  /** Always `"unlock"`. */
  type: "unlock";
  /** What the partition answered. */
  ref: Ref;
}

/** The process that those registered are linked to. */
export class RegistryPartition implements Server {
  readonly #process: Process;
  readonly #table: RegistryTable;
  /** Who waits for each lock that is held. */
  readonly #waiting = new Map<TermKey, Caller[]>();
  /** Which lock is held, by the monitor of its holder. */
  readonly #held = new Map<number, TermKey>();

  /** Opens the table. */
  constructor(process: Process, table: RegistryTable) {
    this.#process = process;
    this.#table = table;
    process.trapExit = true;
    table.open(process);
  }

  call(request: unknown, caller: Caller): unknown {
    if (!isTyped(request, "lock")) return { type: "error", reason: "badarg" };
    const { maxDepth } = this.#process.runtime;
    const id = termKey((request as LockRequest).key, maxDepth);
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.push(caller);
    else {
      this.#waiting.set(id, []);
      this.#grant(id, caller);
    }
    return NO_REPLY;
  }

  info(message: unknown): void {
    if (isTyped(message, "EXIT")) {
      this.#table.forget((message as { from?: unknown }).from);
    } else if (isTyped(message, "unlock") || isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (ref instanceof Ref) this.#unlock(ref);
    }
  }

  #grant(id: TermKey, { pid, ref }: Caller): void {
    const process = this.#process;
    const held = process.monitor(pid, pid.node);
    this.#held.set(held.number, id);
    process.reply(ref, held);
  }

  #unlock(ref: Ref): void {
    if (!this.#held.has(ref.number)) return;
    const id = this.#held.get(ref.number);
    this.#held.delete(ref.number);
    this.#process.demonitor(ref);
    const next = this.#waiting.get(id)!.shift();
    // One that has exited meanwhile gives it back by the DOWN of its monitor.
    if (next === undefined) this.#waiting.delete(id);
    else this.#grant(id, next);
  }
}
