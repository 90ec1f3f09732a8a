/** Bitstrings whose number of bits is not a multiple of eight. */

import { equalItems } from "./equality.ts";
import { setShape } from "./term_shape.ts";

/**
 * An Erlang bitstring that ends within a byte, such as `<<5, 1::size(3)>>`. A `Uint8Array` represents whole bytes.
 *
 * @example The bits of the last byte are its upper ones
 * ```ts
 * import { Bitstring } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const three = new Bitstring(new Uint8Array([0b0010_0000]), 3);
 * assertEquals(three.bits, 3);
 * assertEquals(String(three), "<<1::size(3)>>");
 * ```
 */
export class Bitstring {
  /** The bytes; the unused bits of the last byte are 0. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of used bits of the last byte, its upper ones: 1 to 7. */
  readonly bits: number;

  /**
   * Creates a bitstring of a copy of bytes.
   *
   * @throws {TypeError} If the bytes are not a `Uint8Array`.
   * @throws {RangeError} If there are no bytes, or the number of bits is out of range.
   */
  constructor(bytes: Uint8Array, bits: number) {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot make a bitstring of a value of the type ${typeof bytes}: give a Uint8Array`,
      );
    }
    if (bytes.length === 0) {
      throw new RangeError("Cannot make a bitstring of no bytes");
    }
    if (!Number.isInteger(bits) || bits < 1 || bits > 7) {
      throw new RangeError(
        `Cannot make a bitstring with ${bits} bits in its last byte: give 1 to 7; whole bytes are a Uint8Array`,
      );
    }
    this.bytes = new Uint8Array(bytes);
    this.bytes[bytes.length - 1] &= 0xff << (8 - bits);
    this.bits = bits;
  }

  /** Tests whether another value is a bitstring of the same bits. */
  equals(other: unknown): boolean {
    return other instanceof Bitstring && other.bits === this.bits &&
      equalItems(other.bytes, this.bytes);
  }

  /** Formats the bitstring as iex does, in full: `<<5, 1::size(3)>>`. */
  toString(): string {
    return `<<${[...bitsOf(this)].join(", ")}>>`;
  }
}

setShape(Bitstring, (term) => ({
  open: "<<",
  close: ">>",
  items: bitsOf(term),
  areTexts: true,
}));

/** Yields the parts of a bitstring one by one, because there may be many. */
function* bitsOf({ bytes, bits }: Bitstring): Generator<string> {
  const last = bytes.length - 1;
  for (let i = 0; i < last; i++) yield String(bytes[i]);
  yield `${bytes[last] >> (8 - bits)}::size(${bits})`;
}
