/** Floats that are whole. */

import { setShape } from "./term_shape.ts";

/**
 * A whole number that is a float in Erlang, such as `1.0`, which differs from `1`. JavaScript has one number type: a
 * whole number is sent as an integer; any other number, and −0, is sent as a float.
 *
 * In arithmetic, it acts as its value.
 *
 * @example A float that is whole
 * ```ts
 * import { Float } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const one = new Float(1);
 * assertEquals(String(one), "1.0");
 * assertEquals(one.value + 1, 2);
 * assertEquals(Number(one), 1);
 * ```
 */
export class Float {
  /** Its value as a plain number. */
  readonly value: number;

  /**
   * Creates a float.
   *
   * @throws {TypeError} If `value` is not a number.
   * @throws {RangeError} If `value` is not whole, or is −0: such numbers are floats already.
   */
  constructor(value: number) {
    if (typeof value !== "number") {
      throw new TypeError(
        `Cannot make a float of a value of the type ${typeof value}: give a number`,
      );
    }
    if (!Number.isInteger(value) || Object.is(value, -0)) {
      throw new RangeError(
        `Cannot make a float of ${
          Object.is(value, -0) ? "-0" : value
        }: give a whole number; use any other as it is`,
      );
    }
    this.value = value;
  }

  /** Tests whether another value is a `Float` of the same value; false for a number. */
  equals(other: unknown): boolean {
    return other instanceof Float && other.value === this.value;
  }

  /** Returns the number, for arithmetic. */
  valueOf(): number {
    return this.value;
  }

  /** Formats the float as iex does: `1.0`. */
  toString(): string {
    const { value } = this;
    if (Math.abs(value) < 1e16) return `${value}.0`;
    const [digits, exponent] = value.toExponential().split("e+");
    return `${digits.includes(".") ? digits : `${digits}.0`}e${exponent}`;
  }
}

setShape(Float, String);
