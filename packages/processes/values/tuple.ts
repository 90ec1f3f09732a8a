/** Tuples: a fixed number of values, as Erlang's processes send them. */

import { equalItems } from "./equality.ts";
import { setShape } from "./term_shape.ts";

/** The number of elements that are also properties of a tuple: `pair[0]`. */
const NUMBERED = 32;

/**
 * The types of a tuple's elements, by position. TypeScript destructures by position only values that can be assigned
 * to an array. So the array methods that a tuple lacks are declared too, as uncallable.
 */
// deno-fmt-ignore
export interface Tuple<T extends readonly unknown[]> extends
  Readonly<Record<Exclude<keyof (readonly unknown[]), number | "length" | typeof Symbol.iterator>, never>> {
  /** @ignore */ readonly 0: T[0];
  /** @ignore */ readonly 1: T[1];
  /** @ignore */ readonly 2: T[2];
  /** @ignore */ readonly 3: T[3];
  /** @ignore */ readonly 4: T[4];
  /** @ignore */ readonly 5: T[5];
  /** @ignore */ readonly 6: T[6];
  /** @ignore */ readonly 7: T[7];
  /** @ignore */ readonly 8: T[8];
  /** @ignore */ readonly 9: T[9];
  /** @ignore */ readonly 10: T[10];
  /** @ignore */ readonly 11: T[11];
  /** @ignore */ readonly [index: number]: T[number];
}

/**
 * An Erlang tuple, such as `{:ok, 1}`: a fixed number of values. An array corresponds to a list instead.
 *
 * Programs call {@linkcode tuple}. A tuple can be iterated and destructured, but has no array methods. Do not change
 * the array `elements`.
 *
 * @typeParam T The types of the elements.
 *
 * @example Take a tuple apart
 * ```ts
 * import { atom, tuple } from "@otp/distribution";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const [status, value] = tuple(atom("ok"), 1);
 * assert(status === atom("ok"));
 * assertEquals(value + 1, 2);
 * ```
 */
// No subclass of Array: it would take five times as long to create, and be taken for a list.
export class Tuple<T extends readonly unknown[] = readonly unknown[]> {
  /** The values in order; they cannot be changed. */
  readonly elements: T;

  /**
   * Creates a tuple that keeps the array `elements`; programs call {@linkcode tuple}.
   *
   * @throws {TypeError} If `elements` is not an array.
   */
  constructor(elements: T) {
    if (!Array.isArray(elements)) {
      throw new TypeError(
        `Cannot make a tuple of a value of the type ${typeof elements}: give an array, or call tuple(…)`,
      );
    }
    this.elements = elements;
  }

  /** The number of elements. */
  get length(): T["length"] {
    return this.elements.length;
  }

  /** Iterates over the elements. */
  [Symbol.iterator](): ArrayIterator<T[number]> {
    return this.elements[Symbol.iterator]();
  }

  /** Tests whether another value is a tuple of equal elements. */
  equals(other: unknown): boolean {
    return other instanceof Tuple &&
      equalItems(this.elements, other.elements);
  }
}

setShape(Tuple, ({ elements }) => ({ open: "{", close: "}", items: elements }));

for (let i = 0; i < NUMBERED; i++) {
  Object.defineProperty(Tuple.prototype, i, {
    get(this: Tuple): unknown {
      return this.elements[i];
    },
  });
}

/**
 * Returns a tuple of the arguments: `tuple(atom("ok"), 1)` is Elixir's `{:ok, 1}`.
 *
 * @typeParam T The types of the elements.
 *
 * @example Usage
 * ```ts
 * import { atom, tuple } from "@otp/distribution";
 * import { assert } from "@std/assert";
 *
 * assert(tuple(atom("ok"), [1]).equals(tuple(atom("ok"), [1])));
 * ```
 */
export function tuple<T extends readonly unknown[]>(...elements: T): Tuple<T> {
  return new Tuple(elements);
}
