// Offline stand-in for the parts of `@std/testing/types` that this repository
// uses, so that a clone works without JSR; the published package depends on the
// genuine one.

/**
 * Asserts, when it is compiled, that a type is `true` (or `false`).
 *
 * @param _expectTrue The value of that type.
 */
export function assertType<T extends boolean>(_expectTrue: T): void {}

/** Whether two types are one and the same, for the compiler too. */
export type IsExact<T, U> = (<X>() => X extends T ? 1 : 2) extends
  (<X>() => X extends U ? 1 : 2) ? true : false;
