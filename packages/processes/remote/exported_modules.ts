/** The functions of exported modules, which other nodes may run by name. */

import { TextMap } from "../values/text_map.ts";
import {
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../values/error_classes.ts";
import { inspect, printable, quote } from "../values/inspect.ts";
import { Atom, nameOf } from "../values/atom.ts";
import {
  functionOfAtom,
  remoteNameOf,
  unquotedName,
} from "../values/beam_names.ts";
import type { Lineage } from "../values/lineage.ts";
import { OwnFunction } from "../values/own_function.ts";
import { checkString, isName } from "../values/check_arguments.ts";
import type { Runnable, SpawnFailure } from "../signals/signal.ts";

/** The exports of a module: functions by name. Other values are ignored. */
// deno-lint-ignore no-explicit-any
export type ModuleExports = Record<string, any>;

/**
 * The key of a property that only types have: completion does not show it.
 *
 * @ignore
 */
declare const signature: unique symbol;

/**
 * The name of an exported function, with its module's name; also with its types, if {@linkcode remote} has made it.
 *
 * @typeParam A The function's arguments.
 * @typeParam T Its result.
 */
// deno-lint-ignore no-explicit-any
export interface ModuleFunction<A extends unknown[] = any[], T = unknown>
  extends Readonly<[module: string | Atom, function: string | Atom]> {
  /**
   * For the type checker only; never set.
   *
   * @ignore
   */
  readonly [signature]?: (...args: A) => T;
}

/**
 * The names of the functions of a module.
 *
 * @ignore
 */
export type FunctionNames<M> = {
  // deno-lint-ignore no-explicit-any
  [K in keyof M & string]: M[K] extends (...args: any[]) => unknown ? K : never;
}[keyof M & string];

/**
 * Names the functions of one module: see {@linkcode remote}.
 *
 * @ignore
 */
export type RemoteModule<M> = <K extends FunctionNames<M>>(
  name: K,
  // deno-lint-ignore no-explicit-any
) => M[K] extends (...args: infer A extends any[]) => infer T
  ? ModuleFunction<A, T>
  : never;

/**
 * Names the functions of a module that another node exports, with their types.
 *
 * The result is called with the name of a function. It returns `[module, function]`, so calls, tasks, pools and spawns
 * check the arguments and know the result. Only the type of the module is imported here: its code need not be there.
 *
 * @typeParam M The module's type.
 * @param module The name under which the other node exports the module.
 * @throws {TypeError} If a name is not a text, or is empty.
 *
 * @example Usage
 * ```ts
 * import { Node, remote, rpc } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const Jobs = { area: (width: number, height: number) => width * height };
 * await using kate = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369, modules: { Jobs } });
 *
 * // In a program of its own: import type * as Jobs from "./jobs.ts"
 * const jobs = remote<typeof Jobs>("Jobs");
 * const area = await rpc.call(kate.name, jobs("area"), [3, 4]); // number
 * assertEquals(area, 12);
 * const texts: [string, string] = ["3", "4"];
 * // @ts-expect-error: a width is a number
 * const wrong = () => rpc.call(kate.name, jobs("area"), texts);
 * // @ts-expect-error: Jobs has no such function
 * const none = () => jobs("volume");
 * ```
 */
export function remote<M extends object>(module: string): RemoteModule<M> {
  checkString(module, "name functions of the module");
  return ((name: string) => {
    checkString(name, `name a function of the module ${module}:`);
    return [module, name];
  }) as unknown as RemoteModule<M>;
}

/**
 * A function that may run on another node: a function that both nodes export under the same name, the name under
 * which the other node exports a function, or, for a node that allows closures, a function that refers only to
 * exported names of that node.
 *
 * @typeParam A Its arguments.
 * @typeParam T Its result.
 */
// deno-lint-ignore no-explicit-any
export type RemoteFunction<A extends unknown[] = any[], T = unknown> =
  | ((...args: A) => T)
  | ModuleFunction<A, T>;

/** Returns whether a node may run an exported function of a module. */
export type Allow = (node: string, module: string, fn: string) => boolean;

/**
 * Resolves a request for a service: from the node itself, or from the node `node`. No module has the name of a service.
 */
export type Service = (
  run: { function: string; args: unknown[] },
  node: string | undefined,
) => Resolved;

/** The result of {@linkcode Modules.resolve}. */
export type Resolved =
  | { fn: () => unknown; label: string; kind?: Lineage["kind"] }
  | { error: SpawnFailure; message: string };

/** A function with its arguments, ready to run, and its name for reports. */
export type Code = Extract<Resolved, { fn: unknown }>;

// deno-lint-ignore ban-types
type AnyFunction = Function;

/**
 * The maximum number of arguments of a call. Each takes room on the stack; a request that overflowed the stack would
 * end the server that runs the function.
 */
const MAX_ARGUMENTS = 10_000;

export class Modules {
  readonly #modules = new TextMap<ModuleExports>();
  /** The functions of each module, read at export: a getter must not run because another node asks. */
  readonly #functions = new TextMap<Map<string, AnyFunction>>();
  readonly #named = new Map<AnyFunction, [module: string, name: string]>();
  /**
   * Services of the node, by name. Only spawn requests reach services, because `allow` is checked for the function
   * that a service runs, and not for the service.
   */
  readonly services: Map<string, Service> = new TextMap();
  /**
   * Functions of the library that every node exports, by module and function. `allow` applies to them, and a user's
   * module of the same name takes precedence.
   */
  readonly library: Map<string, AnyFunction> = new TextMap();
  /** Compiles closures, if they are allowed. */
  compile: ((source: string) => (...args: unknown[]) => unknown) | undefined;
  /** The node's rule; without it, every node may run every exported function. */
  allow: Allow | undefined;
  /** Whether other nodes may read servers' states by OTP's `sys`, and with `"write"` suspend servers. */
  allowObserve: boolean | "write" = false;

  /**
   * Exports the functions that a module has now under a name, and replaces an earlier module of the name. Throws a
   * `TypeError` if a getter of the module throws; the message says that `what` is impossible.
   */
  add(name: string, module: ModuleExports, what = "export a module"): void {
    const functions = new TextMap<AnyFunction>();
    // Static functions of a class are not enumerable.
    for (const key of Object.getOwnPropertyNames(module)) {
      const value = read(name, module, key, what);
      if (typeof value !== "function") continue;
      functions.set(key, value);
      if (!this.#named.has(value)) this.#named.set(value, [name, key]);
    }
    this.#modules.set(name, module);
    this.#functions.set(name, functions);
  }

  entries(): Iterable<[string, ModuleExports]> {
    return this.#modules;
  }

  nameOf(fn: AnyFunction): [module: string, name: string] | undefined {
    return this.#named.get(fn);
  }

  /** Finds a function, with the names under which the node exports it. */
  lookup(
    module: string,
    name: string,
  ): { fn: AnyFunction; module: string; name: string } | undefined {
    module = unquotedName(module);
    name = unquotedName(name);
    const functions = this.#functions.get(module);
    const fn = functions === undefined
      ? this.library.get(`${module}.${name}`)
      : functions.get(name);
    return fn && { fn, module, name };
  }

  /**
   * Describes a function for a request: by its exported name, else within the node as it is, else by its source. Throws a `TypeError` if the function's source cannot be sent.
   */
  describe(
    fn: AnyFunction | ModuleFunction,
    args: unknown[],
    local: boolean,
  ): Runnable {
    const run = this.#namedRun(fn, args);
    if (run !== undefined) return run;
    if (local) return { local: new OwnFunction(fn as AnyFunction), args };
    return { source: closureSource(fn as AnyFunction), args };
  }

  /** Describes and resolves a function of this node in one. */
  ownFunction(fn: AnyFunction | ModuleFunction, args: unknown[]): Resolved {
    return this.resolve(this.describe(fn, args, true));
  }

  #namedRun(
    fn: AnyFunction | ModuleFunction,
    args: unknown[],
  ): Extract<Runnable, { module: string }> | undefined {
    const named = typeof fn === "function"
      ? this.#named.get(fn)
      : checkName(fn);
    return named && { module: named[0], function: named[1], args };
  }

  /** Like {@linkcode Modules.resolve}, for a spawn request, which can also name a service. */
  resolveSpawn(run: Runnable, node?: string): Resolved {
    const service = "module" in run ? this.services.get(run.module) : undefined;
    return service === undefined
      ? this.resolve(run, node)
      : service(run as Runnable & { module: string; function: string }, node);
  }

  /**
   * Returns the requested function, ready to run, or the reason of a refusal. `node` is the requesting node, unless
   * it is this one.
   */
  resolve(run: Runnable, node?: string): Resolved {
    const { args } = run;
    if (args.length > MAX_ARGUMENTS) return tooMany(args);
    if ("source" in run) return this.#closure(run.source, args);
    if ("local" in run) return ready(run.local, args);
    const { module, function: name } = run;
    if (node !== undefined && this.services.has(module)) {
      return {
        error: "not_allowed",
        message:
          `${module} is a service of the node, which is reached by spawn requests only`,
      };
    }
    const found = this.lookup(module, name);
    if (found === undefined) {
      return { error: "undef", message: this.#undefined(module, name, args) };
    }
    // A request may quote names; the rule and the label get the exported name.
    const label = `${found.module}.${found.name}/${args.length}`;
    if (node !== undefined && !this.isAllowed(node, found)) {
      return { error: "not_allowed", message: notAllowed(node, label) };
    }
    return { fn: () => found.fn.apply(undefined, args), label };
  }

  /** Whether the node's rule lets a node run a function. */
  isAllowed(
    node: string,
    { module, name }: { module: string; name: string },
  ): boolean {
    try {
      return this.allow === undefined ||
        this.allow(node, module, name) === true;
    } catch {
      // A rule that throws allows nothing.
      return false;
    }
  }

  #closure(source: string, args: unknown[]): Resolved {
    if (this.compile === undefined) {
      return {
        error: "closure",
        message:
          "the node does not run closures; start it with --allow-closures (allowClosures: true), or export the function from a module",
      };
    }
    try {
      const fn = this.compile(source);
      return { fn: () => fn(...args), label: "closure" };
    } catch (error) {
      return {
        error: "closure",
        message: `the closure's source does not compile: ${
          printable(String(error))
        }`,
      };
    }
  }

  #undefined(module: string, name: string, args: unknown[]): string {
    const what = `${printable(module)}.${printable(name)}/${args.length}`;
    const exports = this.#modules.get(module);
    if (exports === undefined) {
      const known = [...this.#modules.keys()];
      return `function ${what} is not exported: the node exports no module ${
        quote(module)
      }${
        known.length === 0
          ? ""
          : ` (it exports ${known.map(printable).join(", ")})`
      }; start it with --module ${printable(module)}=./file.ts (modules: { ${
        printable(module)
      } })`;
    }
    return `function ${what} is not exported: module ${
      quote(module)
    } has no function ${quote(name)}`;
  }
}

function ready({ fn, label }: OwnFunction, args: unknown[]): Resolved {
  return { fn: () => fn.apply(undefined, args), label };
}

function tooMany({ length }: unknown[]): Resolved {
  return {
    error: "undef",
    message:
      `no function takes ${length} arguments: ${MAX_ARGUMENTS} is the most; send an array as one of them`,
  };
}

/** Returns the text of a refusal by the node's rule. */
export function notAllowed(node: string, what: string): string {
  return `the node does not let ${node} run ${what}: its \`allow\` option says no`;
}

/** Creates the error for a refused request. */
export function spawnError(
  node: string,
  { error, message }: { error: SpawnFailure; message: string },
  what = "spawn",
): Error {
  const text = `Cannot ${what} on ${node}: ${message}`;
  return error === "undef"
    ? new UndefinedFunctionError(text)
    : new SpawnRefusedError(error, text);
}

function read(
  name: string,
  module: ModuleExports,
  key: string,
  what: string,
): unknown {
  try {
    return module[key];
  } catch (cause) {
    throw new TypeError(
      `Cannot ${what}: the export ${quote(key)} of the module ${
        quote(name)
      } throws ${inspect(cause)}; give a function in place of a getter`,
      { cause },
    );
  }
}

/** Checks the name of a function at the caller, because the other node's error would say less. */
export function checkName(
  fn: unknown,
): readonly [module: string, name: string] {
  const [given, name] = Array.isArray(fn) ? fn : [];
  if (isName(given) && isName(name)) {
    const module = remoteNameOf(given);
    return name instanceof Atom
      ? [module, nameOf(functionOfAtom(module, name.name))]
      : [module, nameOf(name)];
  }
  throw new TypeError(
    `Cannot run ${
      inspect(fn)
    }: give a function, or [module, function] as in ["Chat", "receiveMessage"]`,
  );
}

/** Rejects a value that is no function before a process is started for it. */
export function assertFunction(fn: unknown): void {
  if (typeof fn === "function") return;
  throw new TypeError(
    `Cannot run ${
      inspect(fn)
    }: give a function; names, as [module, function], are for Node.spawn and TaskSupervisor`,
  );
}

/** Returns the source of a function that is an expression which another node can evaluate on its own. */
function closureSource(fn: AnyFunction): string {
  const source = Function.prototype.toString.call(fn);
  const isNative = /\{\s*\[native code\]\s*\}$/.test(source);
  if (
    !isNative && (/^(async\s+)?function\b/.test(source) ||
      /^(async\s+)?(\(|[\w$]+\s*=>)/.test(source))
  ) return source;
  throw new TypeError(
    `Cannot send the function ${
      fn.name || "(anonymous)"
    } to another node: it is not exported, and its source is not a function expression; export it from a module (modules: { … }, --module) or give an arrow function`,
  );
}
