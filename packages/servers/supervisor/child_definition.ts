/**
 * The forms in which users list children for a supervisor: a specification, a module that makes one, or a module with
 * its options. This file turns every form into a full specification.
 */

import { inspect } from "@otp/processes/values/inspect";
import {
  type CallbackModule,
  genServerChild,
  isCallbackModule,
} from "../gen_server/gen_server_process.ts";
import {
  checkChild,
  type ChildSpec,
  type FullChildSpec,
  type Started,
} from "../server/child_spec.ts";

/** A class or module that returns the specification of a child. */
// deno-lint-ignore no-explicit-any
export interface ChildModule<O = any> {
  /**
   * Returns a child's specification.
   *
   * @param options The options for the child.
   */
  childSpec(options: O): ChildSpec;
}

/**
 * The result of a child's start, as far as the type of the definition declares it: the start in a specification, or
 * in the specification that `childSpec` of a class returns, with or without options.
 */
export type StartedBy<C> = 0 extends 1 & C ? Started
  : C extends { start: (...extra: never) => infer S } ? Awaited<S>
  : C extends { childSpec(options: never): infer S } ? StartedBy<S>
  : C extends readonly [infer M, unknown] ? StartedBy<M>
  : Started;

/** A child in a supervisor's list: a specification, a module that makes one, or such a module with its options. */
export type ChildDefinition =
  | ChildSpec
  | ChildModule
  | CallbackModule
  | readonly [module: ChildModule | CallbackModule, options: unknown];

/**
 * The value that accompanies a module in the list of children: the options of its `childSpec`, or the argument
 * of its `init`.
 */
export type ModuleOptions<M> = M extends
  { childSpec(options: infer O, ...rest: never): unknown } ? O
  : M extends { init(arg: infer A): unknown } ? A
  : unknown;

/**
 * A child, checked by its type: options that its module does not accept, or missing options that it requires,
 * are a type error.
 */
export type CheckedChild<C> = C extends readonly [infer M, unknown]
  ? readonly [M, ModuleOptions<M>]
  : C extends { childSpec(options: infer O, ...rest: never): unknown }
    ? object extends O ? C : readonly [NoInfer<C>, O]
  : C extends { init(arg: infer A): unknown }
    ? undefined extends A ? C : readonly [NoInfer<C>, A]
  : C;

/** A list of children, each a {@linkcode CheckedChild}. */
export type CheckedChildren<C extends readonly unknown[]> = {
  [I in keyof C]: CheckedChild<C[I]>;
};

/** Returns the full specification of a child, from any form. */
export function childSpec(
  child: ChildDefinition,
  overrides?: Partial<ChildSpec>,
): FullChildSpec {
  const spec = expand(child);
  // Spreading would turn a value that is no object into an empty specification.
  return checkChild(
    typeof spec === "object" && overrides !== undefined
      ? { ...spec, ...overrides }
      : spec,
  );
}

function expand(child: ChildDefinition): ChildSpec {
  if (Array.isArray(child)) {
    if (child.length <= 2) return expandModule(child[0], child[1]);
    throw new TypeError(
      `Cannot use ${
        inspect(child)
      } as a child: [module, options] has no third item; give Supervisor.childSpec([module, options], { restart: "temporary" }) to change its specification`,
    );
  }
  if (isModule(child)) return expandModule(child, {});
  return isCallbackModule(child)
    ? genServerChild(child, undefined, { servesForeign: true })
    : child as ChildSpec;
}

function expandModule(module: unknown, options: unknown): ChildSpec {
  if (isModule(module)) return module.childSpec(options);
  if (isCallbackModule(module)) {
    return genServerChild(module, options, { servesForeign: true });
  }
  throw new TypeError(
    `Cannot use ${
      inspect(module)
    } as a child: it has neither childSpec(options) nor the init(arg) of a GenServer; give { id, start }`,
  );
}

function isModule(value: unknown): value is ChildModule {
  return value !== null && ["object", "function"].includes(typeof value) &&
    typeof (value as { childSpec?: unknown }).childSpec === "function";
}
