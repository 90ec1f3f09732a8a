/**
 * Names of servers beyond the registered names of a node: those that a registry keeps (`via`), and those of
 * the whole cluster (`global`).
 *
 * This folder knows no server, so the folder of `global` installs its registry here when it is loaded.
 *
 * @module
 */

import { inspect } from "../runtime/values/inspect.ts";
import type { Pid } from "../runtime/values/pid.ts";
import { Atom, nameOf } from "../runtime/values/atom.ts";

/**
 * A registry of names: the counterpart of the module in Elixir's `{:via, module, name}`.
 *
 * Its functions run in the process that registers or looks up a name. If one returns a promise, calls and
 * casts to that name wait for it, and a cast is then not ordered with messages that its sender sends by pid.
 */
export interface NameRegistry {
  /**
   * Registers a process under a name.
   *
   * @param name The name.
   * @param pid The process.
   * @returns Whether the process has the name now; `false` if another process has it.
   */
  registerName(name: unknown, pid: Pid): boolean | Promise<boolean>;
  /**
   * Unregisters a name.
   *
   * @param name The name.
   */
  unregisterName(name: unknown): void | Promise<void>;
  /**
   * Looks up a name.
   *
   * @param name The name.
   * @returns The process, or `undefined` if no process has the name.
   */
  whereisName(name: unknown): Pid | undefined | Promise<Pid | undefined>;
}

/** A name on a node: Elixir's `{name, node}`. */
export interface NameOnNode {
  /** The registered name. */
  name: string | Atom;
  /** The node's name. */
  node: string | Atom;
}

/** A name in a registry: Elixir's `{:via, module, name}`. */
export interface ViaName {
  /** The registry. */
  via: NameRegistry;
  /** The name in the registry. */
  name: unknown;
}

/** A name in the whole cluster: Elixir's `{:global, name}`. */
export interface GlobalName {
  /** The name. */
  global: unknown;
}

/** A name for a server: on its node, in a registry, or in the cluster. */
export type ServerName = string | Atom | ViaName | GlobalName;

/**
 * A reference to a server: its pid, or its name on this node, on another node, in a registry, or in the
 * cluster.
 */
export type ServerRef =
  | Pid
  | ServerName
  | NameOnNode;

/** A server with the declaration of its types, which only calls and casts of a GenServer use. */
export class DeclaredRef {
  /** The server. */
  readonly server: ServerRef;
  /** The declaration. */
  readonly types: object;

  /** Declares the types of a server. */
  constructor(server: ServerRef, types: object) {
    this.server = server;
    this.types = types;
  }
}

/** Whether a value is a name in a registry. */
export function isViaName(value: unknown): value is ViaName {
  if (typeof value !== "object" || value === null) return false;
  const { via } = value as { via?: Partial<NameRegistry> | null };
  return via !== undefined && via !== null && "name" in value &&
    typeof via.registerName === "function" &&
    typeof via.unregisterName === "function" &&
    typeof via.whereisName === "function";
}

/** Whether a value is a name in the cluster. */
export function isGlobalName(value: unknown): value is GlobalName {
  return typeof value === "object" && value !== null && "global" in value;
}

/**
 * A server's name as it is used here: atoms as their text.
 *
 * @throws {TypeError} If it is not a name.
 */
export function serverName(
  name: ServerName,
): string | ViaName | GlobalName {
  if (typeof name === "string" || name instanceof Atom) {
    const text = nameOf(name);
    if (text !== "" && text !== "undefined") return text;
  }
  if (isViaName(name) || isGlobalName(name)) return name;
  throw new TypeError(
    `Cannot use ${
      inspect(name)
    } as the name of a server: give a string, an atom, { via: registry, name } or { global: name }`,
  );
}

let globalRegistry: NameRegistry | undefined;

/** Installs the registry of the names of the cluster: `{ global: name }` is looked up there. */
export function installGlobalRegistry(registry: NameRegistry): void {
  globalRegistry = registry;
}

function registryOf(name: ViaName | GlobalName): [NameRegistry, unknown] {
  return "via" in name ? [name.via, name.name] : [globalRegistry!, name.global];
}

/** Registers the process under a name in its registry; returns false if another process has the name. */
export function registerName(
  name: ViaName | GlobalName,
  pid: Pid,
): boolean | Promise<boolean> {
  const [registry, key] = registryOf(name);
  return registry.registerName(key, pid);
}

/** Removes a name from its registry. */
export function unregisterName(
  name: ViaName | GlobalName,
): void | Promise<void> {
  const [registry, key] = registryOf(name);
  return registry.unregisterName(key);
}

/** Looks a name up in its registry. */
export function whereisName(
  name: ViaName | GlobalName,
): Pid | undefined | Promise<Pid | undefined> {
  const [registry, key] = registryOf(name);
  return registry.whereisName(key);
}

/** A server as exit reasons and reports describe it: a term that can be sent. */
export function describeServer(server: ServerRef): unknown {
  if (!isViaName(server)) return server;
  const { via, name } = server;
  const registry = (via as { name?: unknown }).name;
  return { via: typeof registry === "string" ? registry : "registry", name };
}

/** A server's name as a line of text. */
export function nameText(name: ServerName): string {
  serverName(name);
  return typeof name === "string" || name instanceof Atom
    ? nameOf(name)
    : inspect(describeServer(name), { width: Infinity });
}
