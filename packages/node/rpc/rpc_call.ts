/**
 * Calls of functions on nodes: the service of the node that runs them, and the wait of the caller.
 *
 * A call is a spawn request for a service of the node (`$rpc`). Each call has its own process, which the caller monitors
 * from the start, and which answers to the alias of the request.
 *
 * Races: the pid (`spawned`) comes before the answer, and the answer before the DOWN. The deadline removes alias and
 * monitor, so a late answer is dropped; the function may still run. A DOWN without an answer means that the function
 * exited, or that the connection was lost. Nodes of another kind may answer by the reason of the DOWN (`RPC_ENDS`).
 */

import { Slot } from "@otp/processes/collections/slot";
import { tracing } from "@otp/processes/context/tracing";
import {
  ExitError,
  RpcError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "@otp/processes/errors";
import { andThen, atAwait } from "@otp/processes/promises/promises";
import { currentProcess, never } from "@otp/processes/runtime/current_process";
import { inspect, printable } from "@otp/processes/values/inspect";
import {
  type RemoteFunction,
  type Resolved,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import { type Pid, Ref } from "@otp/processes/values/pid";
import { PendingReply } from "@otp/processes/process/pending_answer";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { isReason } from "@otp/processes/values/exit_reason";
import { sendableReason } from "@otp/processes/values/sendable_reason";
import type { Runtime } from "@otp/processes/process/runtime";
import type {
  Runnable,
  SpawnFailure,
  SpawnResult,
} from "@otp/processes/signals/signal";
import { type CancelOptions, isOver } from "@otp/servers/server/cancellation";
import { isRunnable, isTyped } from "@otp/servers/server/messages";
import { requestOf } from "@otp/processes/runtime/spawn_on_node";
import {
  NODE_DRAINS,
  resolveFor,
} from "@otp/processes/spawning/spawn_requests";
import { terminate } from "@otp/processes/process/deaths";

/** The service of a node that runs functions for other nodes. */
export const RPC_SERVICE = "$rpc";

/** The levels of an answer around its value. */
const ENVELOPE = 8;

/** The levels of a request around the arguments, which count as depth on other nodes. */
const REQUEST_LEVELS = 2;

export type RpcAnswer =
  | { type: "return"; value: unknown }
  | { type: "throw"; value: unknown }
  | { type: "exit"; reason: unknown }
  | { type: "error"; error: Error }
  | { type: "refused"; error: SpawnFailure; message: string };

/** The outcome of one call of {@linkcode rpc.multicall}. */
export type RpcResult<T> =
  | { type: "ok"; value: T }
  | { type: "throw"; value: unknown }
  | {
    type: "exit";
    reason: {
      /** `"exception"` if the function called `exit(reason)`, `"signal"` if an exit signal ended its process. */
      type: "exception" | "signal";
      /** The exit reason. */
      reason: unknown;
    };
  }
  | { type: "error"; error: Error };

export type RpcOutcome = RpcResult<unknown>;

/** A call whose process has exited. */
export interface EndedCall {
  readonly ref: Ref;
  readonly node: string;
  /** The requested function. */
  readonly run: Runnable | undefined;
  /** Describes the call in errors, as in `call Kate.sayName/0`. */
  readonly doing: string;
}

/** How the nodes of another kind answer calls: by the exit reason of the process that ran the function. */
export interface RpcEnds {
  /** Returns the answer in an exit reason; `undefined` for any other reason. */
  answerOf(reason: unknown, call: EndedCall): RpcAnswer | undefined;
}

/** The place for that in a node. */
export const RPC_ENDS: Slot<RpcEnds> = new Slot();

/** The node where each error of a failed call was thrown. */
const origins = new WeakMap<Error, string>();

/** Returns the node where a called function threw an error. */
export function originOf(error: unknown): string | undefined {
  return error instanceof Error ? origins.get(error) : undefined;
}

export function serveRpc(runtime: Runtime): void {
  runtime.modules.services.set(
    RPC_SERVICE,
    (run, node) => resolve(runtime, run, node),
  );
}

function resolve(
  runtime: Runtime,
  { function: kind, args }: { function: string; args: unknown[] },
  node: string | undefined,
): Resolved {
  const refusal = runtime.isDraining && (node ?? runtime.node) !== runtime.node
    ? NODE_DRAINS
    : undefined;
  const [run, ref] = args;
  if (!isRunnable(run)) return unknownRequest(kind);
  if (kind === "cast") return refusal ?? runtime.modules.resolve(run, node);
  if (
    kind !== "call" || !(ref instanceof Ref) ||
    ref.node !== (node ?? runtime.node)
  ) return unknownRequest(kind);
  // Count the refusal here, since the spawn request itself is not refused.
  const found = resolveFor(runtime, run, node ?? runtime.node, "resolve");
  if (!("error" in found)) {
    const { fn, label } = found;
    return { fn: () => inSpan(label, () => answerWith(fn, ref)), label };
  }
  // A process reports the refusal, so that the caller can distinguish it from a node that serves no calls.
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
 * Answers, and ends the process. As in Erlang, the exit is not normal, so that linked processes exit as well.
 */
function answer(process: LocalProcess, ref: Ref, told: RpcAnswer): void {
  if (!process.alive) return;
  try {
    process.reply(ref, told);
  } catch (error) {
    // The result cannot be sent.
    process.reply(ref, failure(process, error));
  }
  terminate(process, { type: told.type });
}

/** The wait for the outcome of a call; a failure is an outcome too. */
class PendingRpc extends PendingReply<RpcOutcome> implements EndedCall {
  by: Pid | undefined;
  /** The requested function. */
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

  get doing(): string {
    return `call ${this.#what}`;
  }

  /** Returns whether the call ends before it begins, by its signal or deadline. */
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
      this.#raise(spawnError(this.node, result, this.doing));
    } else {
      this.#fail(
        "notsup",
        `the node does not serve calls: ${printable(result.message)}`,
      );
    }
  }

  override reply(value: unknown): void {
    const told = value as RpcAnswer;
    if (isTyped(told, "return")) {
      this.settle({ type: "ok", value: told.value });
    } else if (isTyped(told, "throw")) {
      this.settle({ type: "throw", value: told.value });
    } else if (isTyped(told, "exit")) this.#exited(told.reason);
    else if (isTyped(told, "error") && told.error instanceof Error) {
      this.#raise(told.error);
    } else if (isTyped(told, "refused")) {
      const error = textOf(told.error) as SpawnFailure;
      const message = textOf(told.message);
      if (error === "limit") this.#limited(message);
      else this.#raise(spawnError(this.node, { error, message }));
    } else this.#fail("notsup", "its answer cannot be understood");
  }

  override down(_object: unknown, reason: unknown): void {
    const told = RPC_ENDS.of(this.process.runtime)?.answerOf(reason, this);
    if (told !== undefined) this.reply(told);
    else if (isReason(reason, "noconnection")) this.#lost();
    else this.settle({ type: "exit", reason: { type: "signal", reason } });
  }

  #exited(reason: unknown): void {
    this.settle({ type: "exit", reason: { type: "exception", reason } });
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
      `Cannot ${this.doing} on ${this.node}: ${why}`,
    );
    this.settle({ type: "error", error });
  }
}

/** Returns a text unchanged, and the inspected form of any other value. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

/** Calls a function on a node, for a process; copies the arguments at once. */
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
  pending.alias = "reply_demonitor";
  process.addEntry(pending);
  pending.limit(timeout, signal);
  try {
    pending.run = requestRpc(process, node, fn, args, pending.ref);
  } catch (error) {
    pending.cancel();
    throw error;
  }
  return pending.promise;
}

/** Sends the request of a call, or of a cast, which has no reference; copies the arguments at once. */
export function requestRpc(
  process: LocalProcess,
  node: string,
  fn: RemoteFunction,
  args: unknown[],
  ref?: Ref,
): Runnable {
  const { runtime } = process;
  if (node === runtime.node) serveRpc(runtime);
  const maxDepth = runtime.maxDepth - REQUEST_LEVELS;
  const described = requestOf(runtime, node, fn, args, maxDepth);
  const run: Runnable = ref === undefined
    ? { module: RPC_SERVICE, function: "cast", args: [described] }
    : { module: RPC_SERVICE, function: "call", args: [described, ref] };
  runtime.signalsTo(node, "by_name").spawnRequest(process.pid, {
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

/** Returns whether an error was created here because nothing was called. */
function isOwn(error: Error): boolean {
  return error instanceof RpcError || error instanceof SpawnRefusedError ||
    error instanceof UndefinedFunctionError;
}

export function raise(outcome: Exclude<RpcOutcome, { type: "ok" }>): never {
  switch (outcome.type) {
    case "throw":
      throw outcome.value;
    case "exit":
      throw new ExitError(outcome.reason);
    case "error":
      // An error of the function keeps its stack from the other node.
      throw isOwn(outcome.error)
        ? atAwait(outcome.error, raise)
        : outcome.error;
  }
}
