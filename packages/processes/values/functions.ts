/** Functions of Erlang's nodes, as values. */

import { isLongName, MAX_NAME_LENGTH } from "./atom.ts";
import { setShape } from "./term_shape.ts";
import { functionText, moduleText } from "./literals.ts";
import { equalItems } from "./equality.ts";
import { isWord } from "./pid.ts";

/** The maximum number of a function's arguments. */
const MAX_ARITY = 255;

/** The maximum number of bytes of a local function, which contains its captured variables. */
export const MAX_FUNCTION_BYTES: number = 1 << 24;

/**
 * An Erlang function that is named by its module, name and number of arguments, such as `&String.length/1`.
 * It can be received, compared and sent.
 *
 * @example A function prints as in iex
 * ```ts
 * import { ExternalFunction } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(String(new ExternalFunction("Elixir.String", "length", 1)), "&String.length/1");
 * assertEquals(String(new ExternalFunction("erlang", "abs", 1)), "&:erlang.abs/1");
 * ```
 */
export class ExternalFunction {
  /** The text of the module's atom; an Elixir module's begins with `Elixir.`. */
  readonly module: string;
  /** The text of the function's atom. */
  readonly function: string;
  /** The number of arguments. */
  readonly arity: number;

  /**
   * Creates the name of a function.
   *
   * @param module The text of the module's atom, verbatim.
   * @param name The text of the function's atom, verbatim.
   * @param arity The number of arguments: 0 to 255.
   * @throws {TypeError} If a name is not a string.
   * @throws {RangeError} If a name is longer than 255 characters, or the arity is out of range.
   */
  constructor(module: string, name: string, arity: number) {
    checkNameText("module", module);
    checkNameText("name", name);
    checkArity(arity);
    this.module = module;
    this.function = name;
    this.arity = arity;
  }

  /** Tests whether another value is a function of the same module, name and number of arguments. */
  equals(other: unknown): boolean {
    return other instanceof ExternalFunction && other.arity === this.arity &&
      other.function === this.function && other.module === this.module;
  }

  /** Formats the function as iex does: `&String.length/1`. */
  toString(): string {
    return `&${moduleText(this.module)}.${
      functionText(this.function)
    }/${this.arity}`;
  }
}

setShape(ExternalFunction, String);

/**
 * A local function of an Erlang node: `fn x -> x end`. Only a node with its module can run it; this library stores,
 * compares and sends it back.
 */
export class LocalFunction {
  /** The text of the module's atom. */
  readonly module: string;
  /** Its number in the module. */
  readonly index: number;
  /** The hash by which versions of the module differ. */
  readonly uniq: number;
  /** The number of arguments. */
  readonly arity: number;
  /** The function in Erlang's external term format, verbatim. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /**
   * Creates a function with a copy of its bytes; used by wires. Throws a `TypeError` if the module is not a string, or
   * the bytes are not a `Uint8Array`, and a `RangeError` if a number or the number of bytes is out of range.
   */
  constructor(
    module: string,
    index: number,
    uniq: number,
    arity: number,
    bytes: Uint8Array,
  ) {
    checkNameText("module", module);
    checkArity(arity);
    if (!isWord(index) || !isWord(uniq)) {
      throw new RangeError(
        `Cannot make a function of index ${index} and uniq ${uniq}: give integers from 0 to 2^32 - 1`,
      );
    }
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot make a function of bytes of the type ${typeof bytes}: give a Uint8Array`,
      );
    }
    if (bytes.length === 0 || bytes.length > MAX_FUNCTION_BYTES) {
      throw new RangeError(
        `Cannot make a function of ${bytes.length} bytes: give 1 to ${MAX_FUNCTION_BYTES}`,
      );
    }
    this.module = module;
    this.index = index;
    this.uniq = uniq;
    this.arity = arity;
    this.bytes = new Uint8Array(bytes);
  }

  /** Tests whether another value is the same function with the same variables: of the same bytes. */
  equals(other: unknown): boolean {
    return other instanceof LocalFunction && other.module === this.module &&
      equalItems(other.bytes, this.bytes);
  }

  /** Formats the function as iex does: `#Function<43.81571850/0 in Chat>`. */
  toString(): string {
    return `#Function<${this.index}.${this.uniq}/${this.arity} in ${
      moduleText(this.module)
    }>`;
  }
}

setShape(LocalFunction, String);

function checkNameText(what: string, text: unknown): void {
  if (typeof text !== "string") {
    throw new TypeError(
      `Cannot make a function whose ${what} is of the type ${typeof text}: give a string`,
    );
  }
  if (isLongName(text)) {
    throw new RangeError(
      `Cannot make a function whose ${what} is longer than ${MAX_NAME_LENGTH} characters`,
    );
  }
}

function checkArity(arity: unknown): void {
  if (
    !Number.isInteger(arity) || (arity as number) < 0 ||
    (arity as number) > MAX_ARITY
  ) {
    throw new RangeError(
      `Cannot make a function of ${
        String(arity)
      } arguments: give an integer from 0 to ${MAX_ARITY}`,
    );
  }
}
