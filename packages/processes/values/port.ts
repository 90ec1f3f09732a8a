/** Ports of Erlang's nodes. */

import { MAX_NAME_LENGTH } from "./atom.ts";
import { setShape } from "./term_shape.ts";
import { isNodeName, isWord, numberOfNode } from "./pid.ts";

const END = 1n << 64n;

/**
 * The identifier of a port of an Erlang node, such as a socket. It can be received, compared and sent.
 *
 * @example A port prints as in iex
 * ```ts
 * import { Port } from "@otp/distribution";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(String(new Port("moebi@localhost", 5, 1)), /^#Port<\d+\.5>$/);
 * ```
 */
export class Port {
  /** The name of the node that has the port. */
  readonly node: string;
  /** Its 64-bit number on that node: a bigint if it is more than 2^53 - 1. */
  readonly id: number | bigint;
  /** The node's incarnation: a 32-bit number. */
  readonly creation: number;

  /**
   * Creates the identifier of a port; used by wires.
   *
   * @throws {TypeError} If the name is not a node's name.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(node: string, id: number | bigint, creation: number) {
    if (!isNodeName(node)) {
      throw new TypeError(
        `Cannot make a port of the node ${
          JSON.stringify(`${node}`.slice(0, MAX_NAME_LENGTH))
        }: that is not a node name`,
      );
    }
    if (
      typeof id === "bigint"
        ? id < 0n || id >= END
        : !Number.isSafeInteger(id) || id < 0
    ) {
      throw new RangeError(
        `Cannot make a port of number ${id}: give an integer from 0 to 2^64 - 1, as a bigint if it is not safe`,
      );
    }
    if (!isWord(creation)) {
      throw new RangeError(
        `Cannot make a port of creation ${creation}: give an integer from 0 to 2^32 - 1`,
      );
    }
    this.node = node;
    this.id = id <= Number.MAX_SAFE_INTEGER ? Number(id) : id;
    this.creation = creation;
  }

  /** Tests whether another value is the same port of the same incarnation of the node. */
  equals(other: unknown): boolean {
    return other instanceof Port && other.id === this.id &&
      other.creation === this.creation && other.node === this.node;
  }

  /** Formats the port as iex does: `#Port<0.5>`; the first number is the node's, as in pids. */
  toString(): string {
    return `#Port<${numberOfNode(this.node)}.${this.id}>`;
  }
}

setShape(Port, String);
