/** Improper lists: lists that do not end with the empty list. */

import { equalItems, equalTerms } from "./equality.ts";
import { setShape } from "./term_shape.ts";

/**
 * An Erlang list whose last tail is not a list, such as `[1, 2 | 3]`. Proper lists are arrays.
 *
 * Programs call {@linkcode improperList}.
 *
 * @example Its parts
 * ```ts
 * import { improperList } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const { items, tail } = improperList([1, 2], 3);
 * assertEquals(items, [1, 2]);
 * assertEquals(tail, 3);
 * ```
 */
export class ImproperList {
  /** The items before the tail: one or more. */
  readonly items: readonly unknown[];
  /** The tail, which is not a list. */
  readonly tail: unknown;

  /**
   * Creates an improper list of the items of an array, which it keeps.
   *
   * @throws {TypeError} If `items` is not an array, or `tail` is a list (the list would be proper).
   * @throws {RangeError} If there are no items.
   */
  constructor(items: readonly unknown[], tail: unknown) {
    if (!Array.isArray(items)) {
      throw new TypeError(
        `Cannot make an improper list of items of the type ${typeof items}: give an array`,
      );
    }
    if (items.length === 0) {
      throw new RangeError(
        "Cannot make an improper list without items: give one or more, or send the tail itself",
      );
    }
    if (Array.isArray(tail) || tail instanceof ImproperList) {
      throw new TypeError(
        "Cannot make an improper list whose tail is a list: give all items at once",
      );
    }
    this.items = items;
    this.tail = tail;
  }

  /** Tests whether another value is an improper list of equal items and tail. */
  equals(other: unknown): boolean {
    return other instanceof ImproperList &&
      equalItems(this.items, other.items) && equalTerms(this.tail, other.tail);
  }
}

setShape(ImproperList, ({ items, tail }) => ({
  open: "[",
  close: "]",
  items,
  tail: [tail],
}));

/**
 * Returns an improper list: `improperList([1, 2], 3)` is Elixir's `[1, 2 | 3]`.
 *
 * @param items The items before the tail: one or more.
 * @param tail The tail, which is not a list.
 * @throws {TypeError} If the items are not an array, or the tail is a list.
 * @throws {RangeError} If there are no items.
 *
 * @example Usage
 * ```ts
 * import { improperList } from "@otp/distribution";
 * import { assert } from "@std/assert";
 *
 * assert(improperList([1], 2).equals(improperList([1], 2)));
 * ```
 */
export function improperList(
  items: readonly unknown[],
  tail: unknown,
): ImproperList {
  return new ImproperList(items, tail);
}
