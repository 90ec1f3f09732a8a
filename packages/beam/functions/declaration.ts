/** Declarations of how functions look to Erlang and Elixir nodes. */

import {
  type BeamFieldsOf,
  type BeamType,
  type BeamTypeOf,
  checkBeamType,
} from "@otp/processes/values/beam_types";
import {
  checkFunction,
  checkOptions,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { BeamTypes } from "../terms/conversions.ts";

export type { BeamFieldsOf, BeamType, BeamTypeOf };

// deno-lint-ignore ban-types
const declared = new WeakMap<Function, BeamTypes>();

/** Returns the declared types of a function. */
// deno-lint-ignore ban-types
export function beamTypesOf(fn: Function | undefined): BeamTypes | undefined {
  return fn === undefined ? undefined : declared.get(fn);
}

/**
 * The declaration of a function's types.
 *
 * @typeParam A The function's arguments.
 * @typeParam T Its result.
 */
export interface BeamFunctionTypes<A extends readonly unknown[], T> {
  /**
   * The types of the arguments, in order; missing types are `"term"`.
   *
   * @default {[]}
   */
  readonly args?: { readonly [I in keyof A]?: BeamTypeOf<A[I]> };
  /**
   * The type of the result.
   *
   * @default {"term"}
   */
  readonly returns?: BeamTypeOf<T>;
}

/**
 * Declares how a function looks to nodes of Erlang and Elixir.
 *
 * Without a declaration, the default mapping applies: strings are binaries, arrays are lists, plain objects are maps
 * with binary keys. An argument that does not fit its type is passed as it arrived, so a function must check the
 * arguments of untrusted callers.
 *
 * @typeParam F The function.
 * @param fn The function, which a module of the node exports.
 * @param types The types of its arguments and its result.
 * @returns The same function.
 * @throws {TypeError} If `fn` is not a function, or a type is invalid.
 *
 * @example A function whose first argument and result are atoms
 * ```ts
 * import { beam } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * export const sendMessage = beam(
 *   (recipient: string, message: string) => message === "" ? "empty" : `ok`,
 *   { args: ["atom", "binary"], returns: "atom" },
 * );
 *
 * assertEquals(sendMessage("moebi@localhost", "hi"), "ok");
 * ```
 */
// deno-lint-ignore no-explicit-any
export function beam<F extends (...args: any[]) => unknown>(
  fn: F,
  types: BeamFunctionTypes<Parameters<F>, Awaited<ReturnType<F>>>,
): F {
  checkFunction(fn, "declare the types of");
  checkOptions(
    types as BeamTypes,
    "declare the types of a function",
    { args: true, returns: true },
    "{ args, returns }",
  );
  const { args = [], returns = "term" } = types as BeamTypes;
  if (!Array.isArray(args)) {
    throw new TypeError(
      `Cannot declare the arguments of ${
        fn.name || "a function"
      }: give an array of types, not ${inspect(args)}`,
    );
  }
  for (const type of [...args, returns]) checkBeamType(type);
  declared.set(fn, { args: [...args], returns });
  return fn;
}
