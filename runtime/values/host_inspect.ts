/**
 * How hosts print values of this library, in `console.log` and the messages of assertions.
 *
 * @module
 */

/** The method that Node's `util.inspect` calls, with the remaining depth, options, and itself. */
export const CUSTOM_INSPECT: unique symbol = Symbol.for(
  "nodejs.util.inspect.custom",
) as typeof CUSTOM_INSPECT;

/** The method that `Deno.inspect` calls, with itself and options. */
export const DENO_INSPECT: unique symbol = Symbol.for(
  "Deno.customInspect",
) as typeof DENO_INSPECT;

/** A host's function that shows a value. */
export type HostInspect = (value: unknown, options?: object) => string;
