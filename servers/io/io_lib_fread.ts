/**
 * Input that is read by a format: `io:fread/2`.
 *
 * @module
 */

import { atom } from "../../runtime/values/atom.ts";
import { Float } from "../../runtime/values/float.ts";
import { type Tuple, tuple } from "../../runtime/values/tuple.ts";

/** The result of a line: values and the rest of the line, or the need of another line. */
export type Fread =
  | { type: "done"; term: Tuple; rest: string }
  | { type: "error"; reason: Tuple }
  | { type: "more" };

const WHITE = /^[ \t\r\n]*/;

/** Reads lines by a format, one after the other. */
export class FormatReader {
  readonly #format: string[];
  #at = 0;
  /** The number of characters that were read. */
  #count = 0;
  readonly #values: unknown[] = [];
  #line = "";

  /** Begins with a format. */
  constructor(format: string) {
    this.#format = [...format];
  }

  /** Reads a line without its line feed. */
  read(line: string, newline: string): Fread {
    this.#line = line;
    for (;;) {
      const start = this.#at;
      const step = this.#step();
      if (step === "more") {
        this.#at = start;
        this.#count += newline.length;
        return { type: "more" };
      }
      if (step !== undefined) {
        return { type: "error", reason: tuple(atom("fread"), atom(step)) };
      }
      if (this.#at === this.#format.length) {
        const rest = this.#line === "" ? "" : this.#line + newline;
        return { type: "done", term: tuple(atom("ok"), this.#values), rest };
      }
    }
  }

  /** Ends the input: `eof` if nothing was read, or an error. */
  end(): "eof" | Tuple {
    return this.#count === 0 && this.#values.length === 0
      ? "eof"
      : tuple(atom("fread"), atom("input"));
  }

  #skip(): void {
    const [white] = WHITE.exec(this.#line)!;
    this.#drop(white.length);
  }

  #drop(length: number): string {
    const text = this.#line.slice(0, length);
    this.#line = this.#line.slice(length);
    this.#count += length;
    return text;
  }

  #match(pattern: RegExp): string {
    return this.#drop(pattern.exec(this.#line)?.[0].length ?? 0);
  }

  /** Performs one item of the format; returns `"more"`, or an error. */
  #step(): string | undefined {
    const character = this.#format[this.#at];
    if (character === undefined) return undefined;
    if (/^[ \t\r\n]$/.test(character)) {
      this.#at++;
      this.#skip();
      return undefined;
    }
    if (character !== "~") {
      if (this.#line === "") return "more";
      if (!this.#line.startsWith(character)) return "input";
      this.#at++;
      this.#drop(character.length);
      return undefined;
    }
    this.#at++;
    return this.#directive();
  }

  #directive(): string | undefined {
    const isSuppressed = this.#isNext("*");
    let digits = "";
    while (/^[0-9]$/.test(this.#format[this.#at] ?? "")) {
      digits += this.#format[this.#at++];
    }
    const isWide = this.#isNext("t");
    const letter = this.#format[this.#at++] ?? "";
    if (letter === "l") {
      if (!isSuppressed) this.#values.push(this.#count);
      return undefined;
    }
    if (this.#line === "") return "more";
    const width = digits === "" ? undefined : Number(digits);
    const value = this.#value(letter, width, isWide);
    if (value instanceof Failure) return value.reason;
    if (!isSuppressed && value !== undefined) this.#values.push(value);
    return undefined;
  }

  #isNext(character: string): boolean {
    if (this.#format[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #value(
    letter: string,
    width: number | undefined,
    isWide: boolean,
  ): unknown {
    switch (
      isWide && !(width === undefined ? "sac~" : "sc~").includes(letter)
        ? ""
        : letter
    ) {
      case "~":
        if (!this.#line.startsWith("~")) return new Failure("format");
        this.#drop(1);
        return undefined;
      case "-": {
        const sign = this.#match(/^[-+]/);
        return sign === "-" ? -1 : 1;
      }
      case "d": {
        const text = width === undefined
          ? this.#signed(/^[0-9]*/)
          : this.#characters(width, false);
        return integerOf(text, 10) ?? new Failure("integer");
      }
      case "u": {
        const base = width ?? 10;
        if (base < 2 || base > 36) return new Failure("format");
        const text = this.#match(digitsOf(base));
        return integerOf(text, base) ?? new Failure("unsigned");
      }
      case "#":
        return this.#based(width) ?? new Failure("based");
      case "f": {
        const text = width === undefined
          ? this.#signed(/^[0-9]*(\.[0-9]*([eE][-+]?[0-9]*)?)?/)
          : this.#characters(width, false);
        return floatOf(text) ?? new Failure("float");
      }
      case "s":
      case "a": {
        const name = letter === "s" ? "string" : "atom";
        const text = this.#word(width, isWide);
        if (text === undefined) return new Failure(name);
        const trimmed = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
        if (letter === "s") return codesOf(trimmed);
        return [...trimmed].length > 255 ? new Failure(name) : atom(trimmed);
      }
      case "c": {
        const text = this.#characters(width ?? 1, isWide);
        return text === undefined ? new Failure("character") : codesOf(text);
      }
      default:
        return new Failure("format");
    }
  }

  #signed(digits: RegExp): string {
    this.#skip();
    return this.#match(/^[-+]/) + this.#match(digits);
  }

  #word(width: number | undefined, isWide: boolean): string | undefined {
    if (width !== undefined) return this.#characters(width, isWide);
    this.#skip();
    if (isWide) return this.#match(/^[^ \t\r\n]*/);
    const text = this.#match(/^[^ \t\r\n\u0100-\uffff]*/);
    return text === "" && this.#line !== "" ? undefined : text;
  }

  #characters(count: number, isWide: boolean): string | undefined {
    let length = 0;
    for (let i = 0; i < count; i++) {
      const code = this.#line.codePointAt(length);
      if (code === undefined || code === 10 || !isWide && code > 255) {
        this.#drop(length);
        return undefined;
      }
      length += code > 0xffff ? 2 : 1;
    }
    return this.#drop(length);
  }

  #based(width: number | undefined): unknown {
    if (width !== undefined) {
      const text = this.#characters(width, false);
      const [, base, digits] = text?.match(/^\s*([-+]?[0-9]+)#(.*)$/) ?? [];
      return integerOf(digits, Number(base));
    }
    const text = this.#signed(/^[0-9]*/);
    if (!this.#line.startsWith("#")) return undefined;
    this.#drop(1);
    const base = Number(text);
    const size = Math.abs(base);
    if (!(size >= 2 && size <= 36)) return undefined;
    const digits = this.#match(digitsOf(size));
    return integerOf(base < 0 ? `-${digits}` : digits, size);
  }
}

/** Why a directive failed. */
class Failure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

function digitsOf(base: number): RegExp {
  const digits = "0123456789".slice(0, 10);
  const letters = "abcdefghijklmnopqrstuvwxyz".slice(0, Math.max(base - 10, 0));
  return new RegExp(`^[${digits}${letters}${letters.toUpperCase()}]*`);
}

/** The most digits of an integer that is read: it comes from a person. */
const MAX_DIGITS = 10_000;

function integerOf(text: string | undefined, base: number): unknown {
  const trimmed = text?.replace(/^[ \t\r\n]+/, "");
  if (
    trimmed === undefined || trimmed.length > MAX_DIGITS ||
    !(base >= 2 && base <= 36)
  ) return undefined;
  const [, sign, digits] = trimmed.match(/^([-+]?)([0-9a-zA-Z]+)$/) ?? [];
  if (digits === undefined) return undefined;
  let value = 0n;
  for (const digit of digits) {
    const number = parseInt(digit, 36);
    if (number >= base) return undefined;
    value = value * BigInt(base) + BigInt(number);
  }
  if (sign === "-") value = -value;
  return value > -(2n ** 53n) && value < 2n ** 53n ? Number(value) : value;
}

function floatOf(text: string | undefined): unknown {
  const trimmed = text?.replace(/^[ \t\r\n]+/, "") ?? "";
  // As Erlang's list_to_float, with a comma too.
  if (!/^[-+]?[0-9]+[.,][0-9]+([eE][-+]?[0-9]+)?$/.test(trimmed)) {
    return undefined;
  }
  const value = Number(trimmed.replace(",", "."));
  if (!Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Object.is(value, -0)
    ? new Float(value)
    : value;
}

/** A list of code points, as strings are in Erlang. */
function codesOf(text: string): number[] {
  return [...text].map((character) => character.codePointAt(0)!);
}
