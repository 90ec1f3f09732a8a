/**
 * Remote procedure calls: run functions on other nodes and return their results.
 *
 * Follows Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html), which Elixir programs use as
 * `:erpc`: callers can distinguish an error that the function throws, its exit, the death of its process, and
 * a failure of the call itself.
 *
 * @module
 */

import type { RemoteFunction } from "@otp/processes/remote/exported_modules";
import { timeoutOf } from "@otp/servers/server/call";
import { TIME_LIMITS, type TimeLimits } from "@otp/servers/server/cancellation";
import {
  originOf,
  raise,
  requestRpc,
  type RpcOutcome,
  type RpcResult,
  startRpc,
} from "./rpc_call.ts";
import { tracing } from "@otp/processes/context/tracing";
import { checkArgs, checkList } from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { type Atom, nameOf } from "@otp/processes/values/atom";

export type { ModuleFunction } from "@otp/processes/remote/exported_modules";
export type { Atom } from "@otp/processes/values/atom";

export { RpcError } from "@otp/processes/errors";
export type {
  CancelOptions,
  TimeLimits,
} from "@otp/servers/server/cancellation";
export type { RemoteFunction, RpcResult };

/** The exit of a called function: by its own `exit`, or by an exit signal. */
export type RpcExit = Extract<RpcResult<unknown>, { type: "exit" }>["reason"];

/**
 * Remote procedure calls: run functions on other nodes and return their results.
 *
 * Each function follows the function of the same name in Erlang's
 * [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html). The arguments of the called function are copied at once.
 *
 * | what happened                           | a call rejects with                                                      |
 * | --------------------------------------- | ------------------------------------------------------------------------ |
 * | the function threw an `Error`           | that error; {@linkcode rpc.raisedOn} returns the node                    |
 * | it threw anything else                  | that value                                                               |
 * | it called `exit(reason)`                | `ExitError` with `{ type: "exception", reason }`, an {@linkcode RpcExit} |
 * | its process was ended by an exit signal | `ExitError` with `{ type: "signal", reason }`, an {@linkcode RpcExit}    |
 * | the node does not export it             | `UndefinedFunctionError`                                                 |
 * | the node refuses to run it              | `SpawnRefusedError` with a `code`                                        |
 * | no connection, no answer in time, …     | `RpcError` with a `code`                                                 |
 */
export class rpc {
  private constructor() {}

  /**
   * Calls a function on a node, and waits for its result.
   *
   * The function runs in a process of its own on that node, with the caller's group leader, so its output appears on
   * the caller's node. Calls run concurrently, in no particular order. After the function has returned, its process
   * exits with a reason other than `"normal"`, so processes linked to it exit too. The caller is not linked to it: if
   * the caller exits, the function continues, and its result is dropped.
   *
   * After a timeout, an aborted signal or a lost connection, the caller cannot know whether the function has run or is
   * still running; a later result is dropped.
   *
   * @param node The node's name; this node is allowed.
   * @param fn The function: one that the node exports, or, for a node that allows closures, a function that
   *   refers only to names that are exported there.
   * @throws Any value that the function throws, not only an `Error`; for the other errors, see {@linkcode rpc}.
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
    options: TimeLimits = {},
  ): Promise<Awaited<T>> {
    const process = waitingProcess();
    if (process === undefined) return await never();
    checkArgs(args);
    const timeout = timeoutIn(options);
    const start = () =>
      startRpc(process, nameOf(node), fn, args ?? [], timeout, options);
    const outcome =
      await (tracing === undefined
        ? start()
        : tracedCall(nameOf(node), fn, start));
    // Raise here, so that the stack of an error begins at the caller.
    if (outcome.type !== "ok") raise(outcome);
    return outcome.value as Awaited<T>;
  }

  /**
   * Runs a function on a node without waiting for it.
   *
   * The caller is not notified of the outcome, not even if the node cannot be reached. If the function throws, its
   * node logs a crash.
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
    requestRpc(currentProcess(), nameOf(node), fn, args ?? []);
    return "ok";
  }

  /**
   * Calls a function on several nodes at once, and waits for all results.
   *
   * A node that is listed twice is called twice. The timeout applies to all calls together: the result of a node that
   * has not replied by then is an `RpcError` with the code `"timeout"`.
   *
   * @returns The outcome of each call, in the order of the nodes: the returned value, or, by class, the error
   *   with which {@linkcode rpc.call} would have rejected. The promise rejects only if the signal is aborted.
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
    options: TimeLimits = {},
  ): Promise<RpcResult<Awaited<T>>[]> {
    const process = waitingProcess();
    if (process === undefined) return await never();
    const timeout = timeoutIn(options);
    checkArgs(args);
    const outcomes = namesOf(nodes).map((node) =>
      startRpc(process, node, fn, args ?? [], timeout, options)
    );
    return await Promise.all(outcomes) as RpcResult<Awaited<T>>[];
  }

  /**
   * Runs a function on several nodes without waiting for it, by {@linkcode rpc.cast} to each node.
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
   * Returns the node on which the error of a failed call was thrown.
   *
   * @param error The caught value.
   * @returns The node's name; `undefined` if no called function threw the error: if the call itself failed,
   *   or the process's own code threw it.
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

function timeoutIn(options: TimeLimits): number {
  return timeoutOf(options, Infinity, "call a function", TIME_LIMITS);
}

function namesOf(nodes: readonly (string | Atom)[]): string[] {
  checkList(nodes, "call a function on the nodes");
  return nodes.map(nameOf);
}

/** Traces a call as a span, which fails if the outcome is not `"ok"`. */
async function tracedCall(
  node: string,
  fn: unknown,
  start: () => Promise<RpcOutcome>,
): Promise<RpcOutcome> {
  let outcome: RpcOutcome | undefined;
  const call = async () => {
    outcome = await start();
    if (outcome.type !== "ok") raise(outcome);
  };
  const span = {
    name: `rpc.call ${functionText(fn)}`,
    kind: "client",
    attributes: { "otp.node": node },
  } as const;
  try {
    await tracing!.run(span, undefined, call);
  } catch (error) {
    if (outcome === undefined) throw error;
  }
  return outcome!;
}

/** Returns the name of a called function, such as `Chat.receiveMessage`. */
function functionText(fn: unknown): string {
  return Array.isArray(fn)
    ? fn.map((each) => nameOf(each)).join(".")
    : (fn as { name?: string }).name || "(function)";
}
