/**
 * Calls of functions as Erlang's `erpc` makes them: a spawn request for `erpc:execute_call(Ref, M, F, A)`, whose
 * process exits with the result as its reason, `{Ref, return, Value}`. A cast is a spawn request for
 * `erpc:execute_cast(M, F, A)`.
 */

import { beamFunctionsOf } from "../functions/beam_functions.ts";
import { ExitError } from "@otp/processes/errors";
import { resolveOtpFunction } from "../functions/otp_function.ts";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { andThen } from "@otp/processes/promises/promises";
import { Atom, atom } from "@otp/processes/values/atom";
import { reasonFromBeam, reasonToBeam } from "../terms/beam_reasons.ts";
import { Ref } from "@otp/processes/values/pid";
import { describeExit } from "@otp/processes/values/exit_reason";
import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import type { Runtime } from "@otp/processes/process/runtime";
import {
  type Resolved,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import { NODE_DRAINS } from "@otp/processes/spawning/spawn_requests";
import {
  type EndedCall,
  inSpan,
  RPC_ENDS,
  RPC_SERVICE,
  type RpcAnswer,
} from "@otp/node/rpc/rpc_call";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { terminate } from "@otp/processes/process/deaths";

/** The service that runs functions for `erpc` on other nodes. */
const SERVICE = "$erpc";

const RETURN = atom("return");
const THROW = atom("throw");
const EXIT = atom("exit");
const ERROR = atom("error");
const UNDEF = atom("undef");

/** Has a node call functions of Erlang nodes, and run functions for `erpc` on these. */
export function serveErpc(runtime: Runtime): void {
  const { modules } = runtime;
  const functions = beamFunctionsOf(runtime);
  functions.encode(
    RPC_SERVICE,
    ({ args: [run, ref] }) =>
      requestToOtp(functions.called(run as Runnable), ref),
  );
  RPC_ENDS.fill(runtime, {
    answerOf: (reason, call) => answerOf(runtime, reason, call),
  });
  modules.services.set(
    SERVICE,
    ({ args }, node) => resolve(runtime, args, node),
  );
  functions.serve(
    "erpc:execute_call/4",
    (args) => ({ module: SERVICE, function: "execute_call", args }),
  );
  functions.serve(
    "erpc:execute_cast/3",
    (args) => functions.requested(["erlang", "apply", args]),
  );
}

/** Returns the function, with arguments, that runs a call or a cast on a BEAM. */
function requestToOtp([module, name, args]: Mfa, ref: unknown): Mfa {
  const named = [atom(module), atom(name), args];
  return ref instanceof Ref
    ? ["erpc", "execute_call", [ref, ...named]]
    : ["erpc", "execute_cast", named];
}

/** Decodes the answer to a call from the exit reason of its process; `undefined` for any other reason. */
function answerOf(
  runtime: Runtime,
  reason: unknown,
  call: EndedCall,
): RpcAnswer | undefined {
  if (!(reason instanceof Tuple) || !call.ref.equals(reason.elements[0])) {
    return undefined;
  }
  const [, type, value, stack] = reason.elements;
  switch (type) {
    case RETURN:
      return {
        type: "return",
        value: beamFunctionsOf(runtime).result(value, call.run!),
      };
    case THROW:
      return { type: "throw", value };
    case EXIT:
      return { type: "exit", reason: reasonFromBeam(value) };
    case ERROR: {
      const failure = value === UNDEF || stack === undefined
        ? value
        : reasonFromBeam(tuple(value, stack));
      return { type: "error", error: errorOf(failure, call) };
    }
    default:
      return undefined;
  }
}

function errorOf(reason: unknown, { node, doing }: EndedCall): Error {
  if (reason instanceof Error) return reason;
  if (reason === UNDEF) {
    const message = "it has no such function";
    return spawnError(node, { error: "undef", message }, doing);
  }
  const { message } = describeExit(reason);
  return new Error(
    `Cannot ${doing} on ${node}: the function failed: ${message}`,
    { cause: reason },
  );
}

function resolve(
  runtime: Runtime,
  [ref, module, name, args]: unknown[],
  node: string | undefined,
): Resolved {
  if (runtime.isDraining && node !== runtime.node) return NODE_DRAINS;
  return ref instanceof Ref && ref.node === node && module instanceof Atom &&
      name instanceof Atom && Array.isArray(args)
    ? {
      fn: () => executeCall(node, ref, [module.name, name.name, args]),
      label: "rpc",
    }
    : { error: "undef", message: "an invalid request of erpc" };
}

/** Runs a function for a call of a BEAM in the current process, which then exits with the result. */
function executeCall(
  node: string,
  ref: Ref,
  mfa: Mfa,
): unknown {
  const process = currentProcess();
  const [module, name, args] = mfa;
  const functions = beamFunctionsOf(process.runtime);
  if (!functions.has(mfa)) {
    const frame = tuple(atom(module), atom(name), args, []);
    return end(process, tuple(ref, ERROR, UNDEF, [frame]));
  }
  let result: unknown;
  try {
    const { fn, label } = resolveOtpFunction(process.runtime, node, mfa);
    result = inSpan(label, fn);
  } catch (error) {
    return end(process, failure(ref, error));
  }
  return andThen(
    result,
    (value) => end(process, tuple(ref, RETURN, value)),
    (error) => end(process, failure(ref, error)),
  );
}

function failure(ref: Ref, thrown: unknown): Tuple {
  if (thrown instanceof ExitError) {
    return tuple(ref, EXIT, reasonToBeam(thrown.reason));
  }
  if (!(thrown instanceof Error)) return tuple(ref, THROW, thrown);
  const reason = reasonToBeam(thrown) as Tuple;
  return new Tuple([ref, ERROR, ...reason.elements]);
}

function end(process: LocalProcess, reason: Tuple): void {
  if (process.alive) terminate(process, reason);
}
