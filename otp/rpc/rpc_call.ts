/**
 * Calls of functions on nodes: the service of the node that runs them, and the wait of the caller.
 *
 * As with Erlang's `erpc`, a call is a spawn request for a service of the node (`$rpc`): one process for each
 * call, which the caller monitors from its first moment, and which answers to the alias of the request.
 *
 * Races: the pid (`spawned`) comes before the answer, and the answer before the DOWN. After the deadline alias
 * and monitor are gone, so a late answer is dropped; the function may still run. A DOWN without an answer is the
 * exit of the function, or the loss of the connection.
 *
 * @module
 */

import { tracing } from "../../core/context/tracing.ts";
import {
  ExitError,
  RpcError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../../core/errors.ts";
import { andThen, atAwait } from "../../core/promises/promises.ts";
import { currentProcess, never } from "../../core/runtime/current_process.ts";
import { Atom } from "../../core/values/atom.ts";
import { inspect, printable } from "../../core/values/inspect.ts";
import {
  type RemoteFunction,
  type Resolved,
  spawnError,
} from "../../core/remote/exported_modules.ts";
import { type Pid, Ref } from "../../core/values/pid.ts";
import { PendingReply } from "../../core/processes/pending_answer.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { describeExit, isReason } from "../../core/values/exit_reason.ts";
import { sendableReason } from "../../core/values/sendable_reason.ts";
import type { Runtime } from "../../core/processes/runtime.ts";
import type {
  Runnable,
  SpawnFailure,
  SpawnResult,
} from "../../core/signals/signal.ts";
import { type CancelOptions, isOver } from "../gen/cancellation.ts";
import { isRunnable, isTyped } from "../gen/messages.ts";
import {
  endFromOtp,
  type ErpcEnd,
  erpcToOtp,
  executeCall,
  isUndef,
} from "./rpc_otp.ts";
import { requestOf } from "../../core/runtime/spawn_on_node.ts";
import { NODE_DRAINS } from "../../core/spawning/spawn_requests.ts";

/** The name of the service. */
const SERVICE = "$rpc";

/** Levels of a value that go with an answer around it. */
const ENVELOPE = 8;

/** Levels of a request around the arguments of its function: they count on other nodes. */
const REQUEST_LEVELS = 2;

/** The answer of the process of a call. */
export type RpcAnswer =
  | { type: "return"; value: unknown }
  | { type: "throw"; value: unknown }
  | { type: "exit"; reason: unknown }
  | { type: "error"; error: Error }
  | { type: "refused"; error: SpawnFailure; message: string };

/** How a call ended. */
export type RpcOutcome =
  | { type: "ok"; value: unknown }
  | { type: "throw"; value: unknown }
  | { type: "exit"; reason: { type: "exception" | "signal"; reason: unknown } }
  | { type: "error"; error: Error };

/** On which node errors were thrown that calls rejected with. */
const origins = new WeakMap<Error, string>();

/** The node on which a called function threw the error. */
export function originOf(error: unknown): string | undefined {
  return error instanceof Error ? origins.get(error) : undefined;
}

/** Has a node serve calls. */
export function serveRpc(runtime: Runtime): void {
  runtime.modules.services.set(
    SERVICE,
    (run, node) => resolve(runtime, run, node),
  );
  const { functions } = runtime;
  functions.encode(SERVICE, ({ args: [run, ref] }) => {
    return erpcToOtp(functions.called(run as Runnable), ref);
  });
  functions.serve("erpc:execute_call/4", (args) => ({
    module: SERVICE,
    function: "execute_call",
    args,
  }));
  functions.serve(
    "erpc:execute_cast/3",
    (args) => functions.requested(["erlang", "apply", args]),
  );
}

/** A request of Erlang's `erpc`. */
function resolveOtp(args: unknown[], node: string): Resolved {
  const [ref, module, name, given] = args;
  return ref instanceof Ref && ref.node === node && module instanceof Atom &&
      name instanceof Atom && Array.isArray(given)
    ? {
      fn: () => executeCall(node, ref, [module.name, name.name, given], inSpan),
      label: "rpc",
    }
    : unknownRequest("execute_call");
}

function resolve(
  runtime: Runtime,
  { function: kind, args }: { function: string; args: unknown[] },
  node: string | undefined,
): Resolved {
  const refusal = runtime.isDraining && (node ?? runtime.node) !== runtime.node
    ? NODE_DRAINS
    : undefined;
  if (kind === "execute_call" && node !== undefined) {
    return refusal ?? resolveOtp(args, node);
  }
  const [run, ref] = args;
  if (!isRunnable(run)) return unknownRequest(kind);
  if (kind === "cast") return refusal ?? runtime.modules.resolve(run, node);
  if (
    kind !== "call" || !(ref instanceof Ref) ||
    ref.node !== (node ?? runtime.node)
  ) return unknownRequest(kind);
  // The refusal is counted here, as the request itself is not refused.
  const found = runtime.resolve(run, node ?? runtime.node);
  if (!("error" in found)) {
    const { fn, label } = found;
    return { fn: () => inSpan(label, () => answerWith(fn, ref)), label };
  }
  // Reported by a process, so that the caller can distinguish it from a node that serves no calls.
  const { error, message } = found;
  return {
    fn: () =>
      answer(currentProcess(), ref, { type: "refused", error, message }),
    label: "rpc",
  };
}

function unknownRequest(kind: string): Resolved {
  return {
    error: "undef",
    message: `the node knows no request ${printable(kind)} of rpc`,
  };
}

/** Runs a called function as a span of its caller's trace, if tracing is on. */
export function inSpan<T>(label: string, fn: () => T): T {
  if (tracing === undefined) return fn();
  const span = {
    name: `rpc ${label}`,
    kind: "server",
    attributes: {},
  } as const;
  return tracing.run(span, undefined, fn);
}

function answerWith(fn: () => unknown, ref: Ref): unknown {
  const process = currentProcess();
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    return answer(process, ref, failure(process, error));
  }
  return andThen(
    result,
    (value) => answer(process, ref, { type: "return", value }),
    (error) => answer(process, ref, failure(process, error)),
  );
}

function failure({ runtime }: LocalProcess, thrown: unknown): RpcAnswer {
  const sendable = (value: unknown) =>
    sendableReason(value, runtime.maxDepth - ENVELOPE);
  if (thrown instanceof ExitError) {
    return { type: "exit", reason: sendable(thrown.reason) };
  }
  return thrown instanceof Error
    ? { type: "error", error: sendable(thrown) as Error }
    : { type: "throw", value: sendable(thrown) };
}

/**
 * Answers, and ends the process.
 *
 * It does not exit normally, as in Erlang: processes that the function has linked to it exit as well.
 */
function answer(process: LocalProcess, ref: Ref, told: RpcAnswer): void {
  if (!process.alive) return;
  try {
    process.reply(ref, told);
  } catch (error) {
    // Its result cannot be sent.
    process.reply(ref, failure(process, error));
  }
  process.runtime.terminate(process, { type: told.type });
}

/** The wait for the end of a call; how it failed is an outcome too. */
class PendingRpc extends PendingReply<RpcOutcome> {
  by: Pid | undefined;
  /** The function that was requested. */
  run: Runnable | undefined;
  readonly #what: string;
  readonly #timeout: number;

  constructor(
    process: LocalProcess,
    node: string,
    what: string,
    timeout: number,
  ) {
    super(process, node);
    this.#what = what;
    this.#timeout = timeout;
  }

  /** Whether the call ends before it has begun. */
  endsNow(
    signal: AbortSignal | undefined,
    deadline: number | undefined,
  ): boolean {
    if (signal?.aborted) this.aborted(signal.reason);
    else if (isOver(deadline)) {
      this.#fail("timeout", "the deadline has passed, so it was not called");
    } else return false;
    return true;
  }

  override expire(): void {
    this.cancel();
    this.#fail(
      "timeout",
      `no answer within ${this.#timeout} ms; it may still run`,
    );
  }

  spawned(result: SpawnResult | undefined): void {
    if (result !== undefined && "pid" in result) {
      this.by = result.pid;
      return;
    }
    this.cancel();
    if (result === undefined) this.#lost();
    else if (result.error === "limit") this.#limited(result.message);
    else if (result.error === "draining") {
      this.#raise(spawnError(this.node, result, `call ${this.#what}`));
    } else {
      this.#fail(
        "notsup",
        `the node does not serve calls: ${printable(result.message)}`,
      );
    }
  }

  override reply(value: unknown): void {
    this.cancel();
    const told = value as RpcAnswer;
    if (isTyped(told, "return")) {
      this.settle({ type: "ok", value: told.value });
    } else if (isTyped(told, "throw")) {
      this.settle({ type: "throw", value: told.value });
    } else if (isTyped(told, "exit")) {
      const { reason } = told;
      this.settle({ type: "exit", reason: { type: "exception", reason } });
    } else if (isTyped(told, "error") && told.error instanceof Error) {
      this.#raise(told.error);
    } else if (isTyped(told, "refused")) {
      const error = textOf(told.error) as SpawnFailure;
      const message = textOf(told.message);
      if (error === "limit") this.#limited(message);
      else this.#raise(spawnError(this.node, { error, message }));
    } else this.#fail("notsup", "its answer cannot be understood");
  }

  override down(_object: unknown, reason: unknown): void {
    this.cancel();
    const end = endFromOtp(reason, this.ref);
    if (end !== undefined) this.#ended(end);
    else if (isReason(reason, "noconnection")) this.#lost();
    else this.settle({ type: "exit", reason: { type: "signal", reason } });
  }

  /** The function has ended on a BEAM. */
  #ended(end: ErpcEnd): void {
    switch (end.type) {
      case "return":
        return this.settle({
          type: "ok",
          value: this.process.runtime.functions.result(end.value, this.run!),
        });
      case "throw":
        return this.settle({ type: "throw", value: end.value });
      case "exit": {
        const { reason } = end;
        return this.settle({
          type: "exit",
          reason: { type: "exception", reason },
        });
      }
      case "error":
        return this.#raise(this.#errorOf(end.reason));
    }
  }

  #errorOf(reason: unknown): Error {
    if (reason instanceof Error) return reason;
    const message = isUndef(reason)
      ? "it has no such function"
      : `the function failed: ${describeExit(reason).message}`;
    return isUndef(reason)
      ? spawnError(this.node, { error: "undef", message }, `call ${this.#what}`)
      : new Error(`Cannot call ${this.#what} on ${this.node}: ${message}`, {
        cause: reason,
      });
  }

  #lost(): void {
    this.#fail(
      "noconnection",
      "there is no connection to it, or it was lost; the function may have run",
    );
  }

  #limited(message: string): void {
    this.#fail("system_limit", printable(message));
  }

  #raise(error: Error): void {
    origins.set(error, this.node);
    this.settle({ type: "error", error });
  }

  #fail(code: RpcError["code"], why: string): void {
    const error = new RpcError(
      code,
      this.node,
      `Cannot call ${this.#what} on ${this.node}: ${why}`,
    );
    this.settle({ type: "error", error });
  }
}

/** A value that should be a text, as a text. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

/** Calls a function on a node, for a process; its arguments are copied now. */
export function startRpc(
  process: LocalProcess,
  node: string,
  fn: RemoteFunction,
  args: unknown[],
  timeout: number,
  { signal, deadline }: CancelOptions = {},
): Promise<RpcOutcome> {
  if (!process.alive) return never();
  const pending = new PendingRpc(process, node, nameIn(fn, args), timeout);
  if (pending.endsNow(signal, deadline)) return pending.promise;
  process.await(pending.ref, pending);
  process.addAlias(pending.ref, "reply_demonitor");
  pending.limit(timeout, signal);
  try {
    pending.run = request(process, node, fn, args, pending.ref);
  } catch (error) {
    pending.cancel();
    throw error;
  }
  return pending.promise;
}

/** Makes a node run a function, without an answer; its arguments are copied now. */
export function castRpc(
  process: LocalProcess,
  node: string,
  fn: RemoteFunction,
  args: unknown[],
): void {
  request(process, node, fn, args, undefined);
}

/** Sends the request of a call, or of a cast, which has no reference. */
function request(
  process: LocalProcess,
  node: string,
  fn: RemoteFunction,
  args: unknown[],
  ref: Ref | undefined,
): Runnable {
  const { runtime } = process;
  if (node === runtime.node) serveRpc(runtime);
  const maxDepth = runtime.maxDepth - REQUEST_LEVELS;
  const described = requestOf(runtime, node, fn, args, maxDepth);
  const run: Runnable = ref === undefined
    ? { module: SERVICE, function: "cast", args: [described] }
    : { module: SERVICE, function: "call", args: [described, ref] };
  runtime.route(node, true).spawnRequest(process.pid, {
    ref: ref ?? runtime.makeRef(),
    run,
    link: false,
    monitor: ref !== undefined,
    groupLeader: process.groupLeader,
  });
  return described;
}

function nameIn(fn: RemoteFunction, args: unknown[]): string {
  const name = typeof fn === "function"
    ? fn.name || "a function"
    : Array.isArray(fn)
    ? fn.join(".")
    : inspect(fn);
  return `${printable(name)}/${args.length}`;
}

/** Whether an error is the reason why nothing was called, and was created here. */
function isOwn(error: Error): boolean {
  return error instanceof RpcError || error instanceof SpawnRefusedError ||
    error instanceof UndefinedFunctionError;
}

/** The failure of a call as it is thrown. */
export function raise(outcome: Exclude<RpcOutcome, { type: "ok" }>): never {
  switch (outcome.type) {
    case "throw":
      throw outcome.value;
    case "exit":
      throw new ExitError(outcome.reason);
    case "error":
      // An error of the function keeps the stack that it has on its node.
      throw isOwn(outcome.error)
        ? atAwait(outcome.error, raise)
        : outcome.error;
  }
}
