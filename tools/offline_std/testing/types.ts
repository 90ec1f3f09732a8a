// Offline stand-in for `@std/testing/types`, so that a clone works without
// JSR; the published package depends on the genuine one.

export type {
  Assert,
  AssertFalse,
  AssertTrue,
  Has,
  IsAny,
  IsNever,
  IsNullable,
  IsUnknown,
  NotHas,
} from "conditional-type-checks";

/**
 * Asserts, when it is compiled, that a type is `true` (or `false`).
 *
 * @param _expectTrue The value of that type.
 */
export function assertType<T extends boolean>(_expectTrue: T): void {}

/** Whether two types are one and the same, for the compiler too. */
export type IsExact<T, U> = (<X>() => X extends T ? 1 : 2) extends
  (<X>() => X extends U ? 1 : 2) ? true : false;
