/**
 * Calls of functions on nodes: run one there, and have what it returns here.
 *
 * Follows Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html), which Elixir programs use as
 * `:erpc`: what the function throws, its exit, its death and the failure of the call itself are told
 * apart.
 *
 * @example What another node knows
 * ```ts
 * import { Node, rpc } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "c";
 * const Weather = { at: (place: string) => `sunny in ${place}` };
 * await using kate = await Node.start({ name: "kate@localhost", cookie, modules: { Weather }, epmdPort: 14369 });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await alex.run(async () => {
 *   assertEquals(await rpc.call(kate.name, ["Weather", "at"], ["Bern"]), "sunny in Bern");
 * });
 * ```
 *
 * @module
 */

import { RpcError } from "./errors.ts";
import type {
  ModuleFunction,
  RemoteFunction,
} from "./runtime/spawning/exported_modules.ts";
import { timeoutOf } from "./gen/call.ts";
import {
  castRpc,
  originOf,
  raise,
  type RpcOutcome,
  startRpc,
} from "./servers/rpc/rpc_call.ts";
import { checkArgs, checkList } from "./runtime/values/check_arguments.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/context/current_process.ts";
import { type Atom, nameOf } from "./runtime/values/atom.ts";

export { type ModuleFunction, type RemoteFunction, RpcError };

/** Options for {@linkcode rpc.call} and {@linkcode rpc.multicall}. */
export interface RpcOptions {
  /**
   * Milliseconds to wait for the answer, or `Infinity`.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** The exit that a call failed with: of the function's own will, or by a signal. */
export interface RpcExit {
  /** `"exception"` where the function called `exit(reason)`, `"signal"` where it was told to exit. */
  type: "exception" | "signal";
  /** The exit reason. */
  reason: unknown;
}

/** How one call of {@linkcode rpc.multicall} ended. */
export type RpcResult<T> =
  | { type: "ok"; value: T }
  | { type: "throw"; value: unknown }
  | { type: "exit"; reason: RpcExit }
  | { type: "error"; error: Error };

/**
 * Calls of functions on nodes: run one there, and have what it returns here.
 *
 * Follows Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html), which Elixir programs use as
 * `:erpc`: what the function throws, its exit, its death and the failure of the call itself are told
 * apart.
 *
 * | what happened                              | a call rejects with                                              |
 * | ------------------------------------------ | ---------------------------------------------------------------- |
 * | the function threw an `Error`              | that error; {@linkcode rpc.raisedOn} gives the node                   |
 * | it threw anything else                     | that value                                                       |
 * | it called `exit(reason)`                   | `ExitError` with `{ type: "exception", reason }`                  |
 * | its process was ended by an exit signal    | `ExitError` with `{ type: "signal", reason }`                     |
 * | the node does not export it                | `UndefinedFunctionError`                                         |
 * | the node does not let this one run it      | `SpawnRefusedError`                                              |
 * | no connection, no answer in time, …        | `RpcError` with a `code`                                         |
 */
export class rpc {
  private constructor() {}

  /**
   * Calls a function on a node, and waits for what it returns.
   *
   * Follows [erpc:call/5](https://www.erlang.org/doc/apps/kernel/erpc.html#call/5). The function runs in a
   * process of its own there, whose group leader is the caller's, so what it prints comes out here. It
   * waits behind nothing: calls run beside each other, in no order. When the function has ended, its
   * process does not end normally: what it has linked to itself ends as well. The caller is not linked
   * to it: if the caller exits, the function runs on, and its result is dropped.
   *
   * When the timeout has passed or the connection is lost, nobody knows whether the function has run or
   * still runs; a result that comes later is dropped.
   *
   * @typeParam A The function's arguments.
   * @typeParam T What it returns.
   * @param node The node's name; this node's own is fine.
   * @param fn What is called: exported by that node, or, to a node that allows closures, a function that
   *   uses nothing but what is exported there.
   * @param args Its arguments; they are copied.
   * @param options How long to wait.
   * @returns What it returns.
   * @throws What it throws, if it is no `Error` as well.
   * @throws {ExitError} If it exits or is told to exit, with a reason that is an {@linkcode RpcExit}.
   * @throws {RpcError} If the call itself fails; `code` says why.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node does not let this one run it.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Node, rpc, RpcError } from "@otp/distribution";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * assertEquals(await rpc.call(Node.self(), (a: number, b: number) => a + b, [1, 2]), 3);
   * await assertRejects(() => rpc.call("nobody@localhost", ["M", "f"]), RpcError, "no connection");
   * ```
   */
  static async call<A extends unknown[], T>(
    node: string | Atom,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: RpcOptions = {},
  ): Promise<Awaited<T>> {
    const process = waitingProcess();
    if (process === undefined) return await never();
    checkArgs(args);
    const timeout = timeoutOf(options, Infinity, "call a function");
    const outcome = await startRpc(
      process,
      nameOf(node),
      fn,
      args ?? [],
      timeout,
    );
    if (outcome.type !== "ok") raise(outcome);
    return outcome.value as Awaited<T>;
  }

  /**
   * Has a node run a function, and does not wait.
   *
   * Follows [erpc:cast/4](https://www.erlang.org/doc/apps/kernel/erpc.html#cast/4). What becomes of it is
   * not told, a node that cannot be reached among that; if the function throws, its node reports a crash.
   *
   * @typeParam A The function's arguments.
   * @param node The node's name.
   * @param fn What is run.
   * @param args Its arguments; they are copied.
   * @returns `"ok"`.
   *
   * @example Usage
   * ```ts
   * import { Node, receive, rpc, self, send } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const me = self();
   * rpc.cast(Node.self(), () => void send(me, "hi"));
   * assertEquals(await receive(), "hi");
   * ```
   */
  static cast<A extends unknown[]>(
    node: string | Atom,
    fn: RemoteFunction<A, unknown>,
    args?: NoInfer<A>,
  ): "ok" {
    checkArgs(args);
    castRpc(currentProcess(), nameOf(node), fn, args ?? []);
    return "ok";
  }

  /**
   * Calls a function on several nodes at once, and waits for all of them.
   *
   * Follows [erpc:multicall/5](https://www.erlang.org/doc/apps/kernel/erpc.html#multicall/5). A node can be
   * named twice, and is called twice then. One timeout is for all: those that have not answered by then
   * give an `RpcError` of the code `"timeout"`, and the others their results.
   *
   * @typeParam A The function's arguments.
   * @typeParam T What it returns.
   * @param nodes The nodes' names.
   * @param fn What is called.
   * @param args Its arguments; they are copied.
   * @param options How long to wait.
   * @returns How each call ended, in the order of the nodes: its value, or what {@linkcode rpc.call} would have
   *   rejected with, by class. It does not reject for what happens on a node.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Node, rpc, RpcError } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const [here, there] = await rpc.multicall([Node.self(), "nobody@localhost"], ["Math", "cube"]);
   * assertEquals([here.type, there.type], ["error", "error"]);
   * assertEquals(there.type === "error" && there.error instanceof RpcError && there.error.code, "noconnection");
   * ```
   */
  static async multicall<A extends unknown[], T>(
    nodes: readonly (string | Atom)[],
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: RpcOptions = {},
  ): Promise<RpcResult<Awaited<T>>[]> {
    const process = waitingProcess();
    if (process === undefined) return await never();
    const timeout = timeoutOf(options, Infinity, "call a function");
    checkArgs(args);
    const names = namesOf(nodes);
    const outcomes: Promise<RpcOutcome>[] = names.map((node) =>
      startRpc(process, node, fn, args ?? [], timeout)
    );
    return await Promise.all(outcomes) as RpcResult<Awaited<T>>[];
  }

  /**
   * Has several nodes run a function, and does not wait.
   *
   * Follows [erpc:multicast/4](https://www.erlang.org/doc/apps/kernel/erpc.html#multicast/4): a
   * {@linkcode rpc.cast} to each.
   *
   * @typeParam A The function's arguments.
   * @param nodes The nodes' names.
   * @param fn What is run.
   * @param args Its arguments; they are copied.
   * @returns `"ok"`.
   *
   * @example Usage
   * ```ts
   * import { Node, rpc } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(rpc.multicast([Node.self(), ...Node.list()], () => {}), "ok");
   * ```
   */
  static multicast<A extends unknown[]>(
    nodes: readonly (string | Atom)[],
    fn: RemoteFunction<A, unknown>,
    args?: NoInfer<A>,
  ): "ok" {
    for (const node of namesOf(nodes)) rpc.cast(node, fn, args);
    return "ok";
  }

  /**
   * On which node an error was thrown that a call rejected with.
   *
   * @param error What was caught.
   * @returns The node's name; `undefined` if it is not the error of a called function: a failure of the
   *   call itself, or an error of this process's own code.
   *
   * @example Usage
   * ```ts
   * import { Node, rpc } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const fail = () => {
   *   throw new TypeError("no");
   * };
   * try {
   *   await rpc.call(Node.self(), fail);
   * } catch (error) {
   *   assertEquals(rpc.raisedOn(error), Node.self());
   * }
   * ```
   */
  static raisedOn(error: unknown): string | undefined {
    return originOf(error);
  }
}

function namesOf(nodes: readonly (string | Atom)[]): string[] {
  checkList(nodes, "call a function on the nodes");
  return nodes.map(nameOf);
}
