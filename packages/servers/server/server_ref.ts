/**
 * References to servers: their types, and how a request finds its server.
 *
 * Pids, names on a node, and names in a registry of this node are resolved at once. Other registries return a
 * promise. A request to a known place is sent in the turn of the call, so that it keeps its order among the signals
 * of its sender; that is why nothing here awaits.
 *
 * The registry of `{ global: name }` is a slot: `@otp/cluster` installs its registry when it is loaded, as a node with the part
 * `cluster` does at its start. In programs without a node, `@otp/distribution` loads it when a process first uses such a
 * name.
 */

import { inspect } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { isName } from "@otp/processes/values/check_arguments";
import { remoteNameOf } from "@otp/processes/values/beam_names";
import { never } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { andThen } from "@otp/processes/promises/promises";
import type { Backpressure, Mfa, Place } from "@otp/processes/signals/signal";
import { copyToSend } from "@otp/processes/values/term";
import { ExitError } from "@otp/processes/errors";
import type { NameOnNode } from "@otp/processes/kernel";

export type { NameOnNode };

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
   * @returns Whether the process has the name now; `false` if another process has it.
   */
  registerName(name: unknown, pid: Pid): boolean | Promise<boolean>;
  /** Frees a name that `registerName` has taken. */
  unregisterName(name: unknown): void | Promise<void>;
  /**
   * Looks up a name.
   *
   * @returns The process, or `undefined` if no process has the name.
   */
  whereisName(name: unknown): Pid | undefined | Promise<Pid | undefined>;
}

/**
 * A name for a server: on its node, in a registry (Elixir's `{:via, module, name}`), or in the whole cluster (Elixir's
 * `{:global, name}`).
 */
export type ServerName =
  | string
  | Atom
  | { via: NameRegistry; name: unknown }
  | { global: unknown };

/** A name in a registry, or in the whole cluster. */
export type RegisteredName = Exclude<ServerName, string | Atom>;

/** A reference to a server: its pid, or its name on this node, on another node, in a registry, or in the cluster. */
export type ServerRef =
  | Pid
  | ServerName
  | NameOnNode;

/**
 * A server with a declaration of its Erlang terms. Only the functions of `GenServer` take it.
 *
 * @ignore
 */
export class DeclaredRef {
  readonly server: ServerRef;
  readonly types: object;

  /** Declares the types of a server. */
  constructor(server: ServerRef, types: object) {
    this.server = server;
    this.types = types;
  }
}

/** Whether a value is a name in a registry. */
export function isViaName(
  value: unknown,
): value is Extract<ServerName, { via: unknown }> {
  if (typeof value !== "object" || value === null) return false;
  const { via } = value as { via?: Partial<NameRegistry> | null };
  return via !== undefined && via !== null && "name" in value &&
    typeof via.registerName === "function" &&
    typeof via.unregisterName === "function" &&
    typeof via.whereisName === "function";
}

/** Whether a value is a name in the cluster. */
export function isGlobalName(
  value: unknown,
): value is Extract<ServerName, { global: unknown }> {
  return typeof value === "object" && value !== null && "global" in value;
}

/** Normalises a server's name: atoms become text. Throws a `TypeError` if `name` is invalid. */
export function serverName(name: ServerName): string | RegisteredName {
  if (isName(name)) {
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

/** Installs the registry that looks up `{ global: name }`. */
export function installGlobalRegistry(registry: NameRegistry): void {
  globalRegistry = registry;
}

/** Installs a registry that is loaded when a process first uses a global name, unless a node has loaded one. */
export function loadGlobalRegistry(load: () => Promise<NameRegistry>): void {
  globalRegistry ??= {
    registerName: async (name, pid) => (await load()).registerName(name, pid),
    unregisterName: async (name) => (await load()).unregisterName(name),
    whereisName: async (name) => (await load()).whereisName(name),
  };
}

/** Returns the registry of a name, and the name within it. */
export function registryOf(
  name: RegisteredName,
): [registry: NameRegistry, key: unknown] {
  if ("via" in name) return [name.via, name.name];
  if (globalRegistry !== undefined) return [globalRegistry, name.global];
  throw new TypeError(
    `Cannot use the name ${
      inspect(name)
    }: this program has no names of the whole cluster; import @otp/cluster, or start a node with the part cluster()`,
  );
}

/** Looks a name up in its registry. */
export function whereisName(
  name: RegisteredName,
): Pid | undefined | Promise<Pid | undefined> {
  const [registry, key] = registryOf(name);
  return registry.whereisName(key);
}

/** Describes a server for exit reasons and reports, as a term that can be sent. */
export function describeServer(server: ServerRef | DeclaredRef): unknown {
  const ref = serverRef(server);
  if (!isViaName(ref)) return ref;
  const { via, name } = ref;
  const registry = (via as { name?: unknown }).name;
  return { via: typeof registry === "string" ? registry : "registry", name };
}

/** Formats a server's name as a line of text. */
export function nameText(name: ServerName): string {
  serverName(name);
  return isName(name)
    ? nameOf(name)
    : inspect(describeServer(name), { width: Infinity });
}

/** Normalises a reference: atoms become text, and declarations go. Throws a `TypeError` if it is invalid. */
export function serverRef(server: ServerRef | DeclaredRef): ServerRef {
  if (server instanceof Pid) return server;
  if (isName(server)) return nameOf(server);
  if (isViaName(server) || isGlobalName(server)) return server;
  if (server instanceof DeclaredRef) return serverRef(server.server);
  if (isName(server?.name) && isName(server.node)) {
    return { name: remoteNameOf(server.name), node: nameOf(server.node) };
  }
  throw new TypeError(
    `Cannot reach the server ${
      inspect(server)
    }: give a pid, a name, { name, node }, { via: registry, name } or { global: name }${
      (server as unknown) instanceof Promise ? "; await the start" : ""
    }`,
  );
}

/**
 * Locates a server: at once, unless its registry returns a promise.
 *
 * An unregistered name resolves to a pid that no process has, so requests fail with `noproc`. Throws a `TypeError` if
 * the reference is invalid.
 */
export function locate(
  server: ServerRef | DeclaredRef,
  process: LocalProcess,
): Place | Promise<Place> {
  if (server instanceof Pid) return server;
  const { runtime } = process;
  // A registered name is valid.
  const named = runtime.names.get(server as string);
  if (named !== undefined) return named.pid;
  const ref = serverRef(server);
  if (typeof ref === "string") return pidNamed(ref, runtime);
  if (isViaName(ref) || isGlobalName(ref)) return pidIn(ref, runtime);
  const { node, name } = ref as { node: string; name: string };
  return node === runtime.node ? pidNamed(name, runtime) : { node, name };
}

function pidIn(
  name: RegisteredName,
  { nobody }: Runtime,
): Pid | Promise<Pid> {
  return andThen(whereisName(name), (pid) => pid ?? nobody);
}

function pidNamed(name: string, runtime: Runtime): Pid {
  return runtime.names.find(name)?.pid ?? runtime.nobody;
}

/** Locates a server for a cast; returns a pid that no process has if the registry fails. */
export function locateForCast(
  server: ServerRef | DeclaredRef,
  process: LocalProcess,
): Place | Promise<Place> {
  const ref = serverRef(server);
  const { nobody } = process.runtime;
  try {
    return andThen(locate(ref, process), (place) => place, () => nobody);
  } catch {
    return nobody;
  }
}

/** Returns the term to send once the place is known: a copy, if the lookup takes time. */
export function toSendLater<T>(
  located: unknown,
  process: LocalProcess,
  term: T,
): T {
  return located instanceof Promise
    ? copyToSend(term, process.runtime.maxDepth) as T
    : term;
}

/**
 * Calls `next` with the place of a server, in this turn if the place is known, unless the process exits during the
 * lookup.
 */
export function whenLocated<R>(
  located: Place | Promise<Place>,
  process: LocalProcess,
  next: (place: Place) => R | Promise<R>,
): R | Promise<R> {
  return andThen(
    located,
    (place) => process.alive ? next(place) : never<R>(),
  ) as R | Promise<R>;
}

/** Sends a message to a place. */
export function sendTo(
  process: LocalProcess,
  place: Place,
  message: unknown,
): Backpressure {
  return place instanceof Pid
    ? process.send(place, message)
    : process.sendName(place.name, place.node, message);
}

/** Creates the exit of a caller whose call failed: the reason, and the call. */
export function callExit(reason: unknown, call: Mfa): ExitError {
  return new ExitError({ type: "call", reason, call });
}

/** Formats a timeout as Erlang does. */
export function describeTimeout<T>(timeout: T): T | "infinity" {
  return timeout === Infinity ? "infinity" : timeout;
}

/** Describes a function that is an argument by its name: a function cannot be sent. */
export function describeFunction(fn: unknown): unknown {
  if (typeof fn !== "function") return fn;
  return fn.name === "" ? "(function)" : `(function ${fn.name})`;
}

/** Describes the call of a function that asks a supervisor for a child, without the rest of the request. */
export function describeRequest(
  module: string,
  fn: string,
  server: ServerRef,
  { id, pid }: { type?: unknown; id?: unknown; pid?: unknown },
): Mfa {
  const given = [id, pid].filter((each) => each !== undefined);
  return [module, fn, [describeServer(server), ...given]];
}
