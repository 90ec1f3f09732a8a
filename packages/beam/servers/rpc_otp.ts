/**
 * Calls of functions as Erlang's `erpc` makes them: a spawn request for `erpc:execute_call(Ref, M, F, A)`, whose
 * process exits with the result as its reason, `{Ref, return, Value}`.
 */

import { ExitError } from "@otp/processes/errors";
import { resolveOtpFunction } from "../functions/otp_function.ts";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { andThen } from "@otp/processes/promises/promises";
import type { Mfa } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import { reasonFromBeam, reasonToBeam } from "../terms/beam_reasons.ts";
import { Ref } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";

const RETURN = atom("return");
const THROW = atom("throw");
const EXIT = atom("exit");
const ERROR = atom("error");
const UNDEF = atom("undef");

/** The end of a called function, as `erpc` reports it. */
export type ErpcEnd =
  | { type: "return"; value: unknown }
  | { type: "throw"; value: unknown }
  | { type: "exit"; reason: unknown }
  /** `reason` is the error of a function that does not exist, an error, or any other term. */
  | { type: "error"; reason: unknown };

/** Returns the function, with arguments, that runs a call or a cast on a BEAM. */
export function erpcToOtp([module, name, args]: Mfa, ref: unknown): Mfa {
  const named = [atom(module), atom(name), args];
  return ref instanceof Ref
    ? ["erpc", "execute_call", [ref, ...named]]
    : ["erpc", "execute_cast", named];
}

/** Decodes the end of the call with reference `ref` from an exit reason; `undefined` for any other reason. */
export function endFromOtp(reason: unknown, ref: Ref): ErpcEnd | undefined {
  if (!(reason instanceof Tuple) || !ref.equals(reason.elements[0])) {
    return undefined;
  }
  const [, type, value, stack] = reason.elements;
  switch (type) {
    case RETURN:
      return { type: "return", value };
    case THROW:
      return { type: "throw", value };
    case EXIT:
      return { type: "exit", reason: reasonFromBeam(value) };
    case ERROR:
      return {
        type: "error",
        reason: value === UNDEF || stack === undefined
          ? value
          : reasonFromBeam(tuple(value, stack)),
      };
    default:
      return undefined;
  }
}

/** Returns whether an error of `erpc` means that the function does not exist. */
export function isUndef(reason: unknown): boolean {
  return reason instanceof Atom && reason.name === "undef";
}

/** Runs a function for a call of a BEAM in the current process, which then exits with the result. */
export function executeCall(
  node: string,
  ref: Ref,
  mfa: Mfa,
  around: (label: string, fn: () => unknown) => unknown,
): unknown {
  const process = currentProcess();
  const [module, name, args] = mfa;
  const { functions } = process.runtime;
  if (!functions.has(mfa)) {
    const frame = tuple(atom(module), atom(name), args, []);
    return end(process, tuple(ref, ERROR, UNDEF, [frame]));
  }
  let result: unknown;
  try {
    const { fn, label } = resolveOtpFunction(process.runtime, node, mfa);
    result = around(label, fn);
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
  if (process.alive) process.runtime.terminate(process, reason);
}
