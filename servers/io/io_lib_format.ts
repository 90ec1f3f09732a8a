/**
 * Texts of a format and its arguments: `io_lib:format/2`.
 *
 * Each directive is `~`, a width, a precision, a padding character, modifiers and a letter. The output is bounded:
 * a few characters of a format can ask for any number.
 *
 * @module
 */

import { Float } from "../../runtime/values/float.ts";
import { Tuple } from "../../runtime/values/tuple.ts";
import {
  bytesOf,
  byteText,
  charsOf,
  type Encoding,
  textOfAtom,
} from "./chardata.ts";
import { lengthOf, slice } from "./io_lib_text.ts";
import {
  FormatError,
  integerText,
  isInteger,
  type MapsOrder,
  OutputBudget,
  writeTerm,
} from "./io_lib_write.ts";
import { prettyTerm } from "./io_lib_pretty.ts";

/** The maximum number of characters of a text. */
export const MAX_FORMATTED: number = 4 << 20;

/** The columns of a line. */
const LINE_LENGTH = 80;

/** A directive of a format. */
interface Directive {
  letter: string;
  width: number | undefined;
  isLeft: boolean;
  precision: number | undefined;
  pad: string;
  encoding: Encoding;
  strings: boolean;
  mapsOrder: MapsOrder;
  args: unknown[];
}

/** The number of arguments of each directive. */
const ARGUMENTS: Readonly<Record<string, number>> = {
  "w": 1,
  "p": 1,
  "W": 2,
  "P": 2,
  "s": 1,
  "e": 1,
  "f": 1,
  "g": 1,
  "b": 1,
  "B": 1,
  "x": 2,
  "X": 2,
  "+": 1,
  "#": 1,
  "c": 1,
  "~": 0,
  "n": 0,
  "i": 1,
};

/**
 * The text of a format.
 *
 * @param format A binary, an atom or a list of characters.
 * @param args The list of arguments.
 * @param most The maximum number of characters.
 * @throws {FormatError} If the format is invalid, does not fit the arguments, or makes too long a text.
 */
export function formatText(
  format: unknown,
  args: unknown,
  most: number = MAX_FORMATTED,
): string {
  // As in Erlang, a binary has a character in each byte.
  const bytes = bytesOf(format);
  const text = textOfAtom(format) ??
    (bytes ? byteText(bytes) : charsOf(format, { encoding: "unicode" }));
  if (text === undefined || !Array.isArray(args)) {
    throw new FormatError("the format is not a text, or has no arguments");
  }
  return new Formatter([...text], args, most).run();
}

class Formatter {
  readonly #format: string[];
  readonly #args: readonly unknown[];
  readonly #budget: OutputBudget;
  #at = 0;
  #next = 0;
  /** The column of the next character, from 0. */
  #column = 0;

  constructor(format: string[], args: readonly unknown[], most: number) {
    this.#format = format;
    this.#args = args;
    this.#budget = new OutputBudget(most);
  }

  run(): string {
    const parts: string[] = [];
    const format = this.#format;
    while (this.#at < format.length) {
      const character = format[this.#at++];
      const part = character === "~"
        ? this.#control(this.#directive())
        : character;
      this.#budget.spend(part);
      this.#advance(part);
      parts.push(part);
    }
    if (this.#next !== this.#args.length) {
      throw new FormatError("there are more arguments than directives");
    }
    return parts.join("");
  }

  #advance(part: string): void {
    for (const character of part) {
      if (character === "\n") this.#column = 0;
      else if (character === "\t") {
        this.#column = (Math.floor(this.#column / 8) + 1) * 8;
      } else this.#column++;
    }
  }

  // The parts of a directive.

  #take(): string | undefined {
    return this.#format[this.#at++];
  }

  #isNext(character: string): boolean {
    if (this.#format[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #argument(): unknown {
    if (this.#next === this.#args.length) {
      throw new FormatError("there are fewer arguments than directives");
    }
    return this.#args[this.#next++];
  }

  #number(): number | undefined {
    if (this.#isNext("*")) {
      const value = this.#argument();
      if (!Number.isInteger(value)) throw new FormatError("not an integer");
      return value as number;
    }
    let digits = "";
    while (/^[0-9]$/.test(this.#format[this.#at] ?? "")) {
      digits += this.#take();
    }
    return digits === "" ? undefined : Number(digits);
  }

  #directive(): Directive {
    const isNegative = this.#isNext("-");
    let width = this.#number();
    if (isNegative) {
      if (width === undefined) throw new FormatError("- without a width");
      width = -width;
    }
    const isLeft = width !== undefined && width < 0;
    if (width !== undefined) width = Math.abs(width);
    const precision = this.#isNext(".") ? this.#number() : undefined;
    const pad = this.#isNext(".") ? this.#pad() : " ";
    let encoding: Encoding = "latin1";
    let strings = true;
    let mapsOrder: MapsOrder = "undefined";
    for (;;) {
      if (this.#isNext("t")) encoding = "unicode";
      else if (this.#isNext("l")) strings = false;
      else if (this.#isNext("k")) mapsOrder = "ordered";
      else if (this.#isNext("K")) mapsOrder = mapsOrderOf(this.#argument());
      else break;
    }
    const letter = this.#take() ?? "";
    const count = Object.hasOwn(ARGUMENTS, letter)
      ? ARGUMENTS[letter]
      : undefined;
    if (count === undefined) throw new FormatError("an unknown directive");
    const args: unknown[] = [];
    for (let i = 0; i < count; i++) args.push(this.#argument());
    return {
      letter,
      width,
      isLeft,
      precision,
      pad,
      encoding,
      strings,
      mapsOrder,
      args,
    };
  }

  #pad(): string {
    if (this.#isNext("*")) return characterOf(this.#argument());
    const pad = this.#take();
    if (pad === undefined) throw new FormatError("no padding character");
    return pad;
  }

  // Directives.

  #control(directive: Directive): string {
    const { letter, args: [arg, second], precision, width } = directive;
    switch (letter) {
      case "s":
        return this.#string(arg, directive);
      case "w":
        return this.#field(this.#write(arg, -1, directive), directive);
      case "W":
        return this.#field(this.#write(arg, second, directive), directive);
      case "p":
        return this.#print(arg, -1, directive);
      case "P":
        return this.#print(arg, second, directive);
      case "e":
      case "f":
      case "g":
        return this.#float(letter, floatOf(arg), directive);
      case "b":
      case "B":
        return this.#integer(arg, "", directive);
      case "x":
      case "X":
        return this.#integer(arg, prefixOf(second), directive);
      case "+":
      case "#":
        return this.#integer(arg, `${precision ?? 10}#`, directive);
      case "c":
        return this.#characters(codeOf(arg, directive), directive);
      case "~":
        return this.#characters("~", directive);
      case "n":
        if (directive.isLeft) throw new FormatError("~n is not adjusted");
        return this.#repeat("\n", width ?? 1);
      default:
        return "";
    }
  }

  #repeat(text: string, count: number): string {
    if (count < 0) throw new FormatError("a negative number of characters");
    this.#budget.check(count * text.length);
    return text.repeat(count);
  }

  #adjust(text: string, padding: number, { isLeft, pad }: Directive): string {
    const filled = this.#repeat(pad, padding);
    return isLeft ? text + filled : filled + text;
  }

  /** A text in a field; asterisks, if it is longer. */
  #field(text: string, directive: Directive): string {
    const { precision } = directive;
    const width = directive.width ?? precision;
    if (width === undefined) return text;
    if (width < 0) throw new FormatError("a negative width");
    const length = lengthOf(text);
    const most = Math.min(length, precision ?? width, width);
    return length > most
      ? this.#adjust(this.#repeat("*", most), width - most, directive)
      : this.#adjust(text, width - length, directive);
  }

  #write(
    term: unknown,
    depth: unknown,
    { encoding, mapsOrder }: Directive,
  ): string {
    return writeTerm(term, {
      encoding,
      mapsOrder,
      depth: depthOf(depth),
      budget: this.#budget.part(),
    });
  }

  #print(term: unknown, depth: unknown, directive: Directive): string {
    const { width, precision, isLeft, encoding, strings, mapsOrder } =
      directive;
    if (isLeft) throw new FormatError("~p is not adjusted");
    return prettyTerm(term, {
      encoding,
      mapsOrder,
      strings,
      depth: depthOf(depth),
      lineLength: width ?? LINE_LENGTH,
      column: precision ?? this.#column + 1,
      budget: this.#budget.part(),
    });
  }

  #string(arg: unknown, directive: Directive): string {
    const { width, precision, encoding } = directive;
    const isNarrow = encoding === "latin1";
    const text = isNarrow && textOfAtom(arg) === undefined
      ? charsOf(arg, { encoding, isNarrow })
      : textOfAtom(arg) ??
        charsOf(arg, { encoding: "unicode", isLenient: true });
    // deno-lint-ignore no-control-regex
    if (text === undefined || isNarrow && /[^\u0000-\u00ff]/.test(text)) {
      throw new FormatError("not a text");
    }
    this.#budget.check(text.length);
    const length = lengthOf(text);
    if (width === undefined || precision === undefined) {
      const field = width ?? precision;
      if (field === undefined) return text;
      const isLeft = width === undefined || directive.isLeft;
      return this.#stringField(text, length, field, { ...directive, isLeft });
    }
    if (precision > width || precision < 0) {
      throw new FormatError("the precision exceeds the width");
    }
    if (width === precision) {
      return this.#stringField(text, length, width, directive);
    }
    if (length > precision) {
      return this.#adjust(slice(text, precision), width - precision, directive);
    }
    const filled = text + this.#repeat(directive.pad, precision - length);
    return this.#adjust(filled, width - precision, directive);
  }

  #stringField(
    text: string,
    length: number,
    field: number,
    directive: Directive,
  ): string {
    if (field < 0) throw new FormatError("a negative width");
    if (length > field) return slice(text, field);
    return this.#adjust(text, field - length, directive);
  }

  #characters(character: string, directive: Directive): string {
    const { width, precision } = directive;
    if (width === undefined || precision === undefined) {
      return this.#repeat(character, width ?? precision ?? 1);
    }
    if (precision > width) {
      throw new FormatError("the precision exceeds the width");
    }
    const text = this.#repeat(character, precision);
    return this.#adjust(text, width - precision, directive);
  }

  #integer(arg: unknown, prefix: string, directive: Directive): string {
    const { precision: base = 10, letter } = directive;
    if (
      typeof arg !== "bigint" && !isInteger(arg) || base < 2 || base > 36
    ) {
      throw new FormatError("not an integer, or a base that does not exist");
    }
    const value = BigInt(arg);
    const digits = integerText(value < 0n ? -value : value, base);
    const isLower = letter === "b" || letter === "x" || letter === "+";
    const text = prefix + (isLower ? digits : digits.toUpperCase());
    return this.#field(value < 0n ? `-${text}` : text, {
      ...directive,
      precision: undefined,
    });
  }

  #float(letter: string, value: number, directive: Directive): string {
    const { width, precision: digits = 6 } = directive;
    let text: string;
    if (letter === "g") text = this.#general(value, digits);
    else {
      text = letter === "e"
        ? this.#exponential(value, digits)
        : this.#fixed(value, digits);
    }
    return width === undefined
      ? text
      : this.#field(text, { ...directive, precision: width });
  }

  #general(value: number, digits: number): string {
    if (digits < 1) throw new FormatError("too small a precision");
    const size = Math.abs(value);
    const exponent =
      [0.1, 1, 10, 100, 1e3, 1e4].findIndex((each) => size < each) - 2;
    const isFixed = exponent >= -1 && digits - 1 > exponent ||
      digits <= 1 && exponent === -1;
    // Beyond the table, the exponent is -3.
    if (isFixed && size < 1e4) return this.#fixed(value, digits - 1 - exponent);
    return this.#exponential(value, Math.max(digits, 2));
  }

  #exponential(value: number, digits: number): string {
    if (digits < 2) throw new FormatError("too small a precision");
    this.#budget.check(digits);
    const { sign, whole, exponent } = decimalsOf(value);
    const { text, isCarried } = rounded(whole, digits);
    const power = isCarried ? exponent + 1 : exponent;
    const kept = text.slice(1, digits);
    return `${sign}${text[0]}.${kept}e${power < 0 ? "" : "+"}${power}`;
  }

  #fixed(value: number, digits: number): string {
    if (digits < 1) throw new FormatError("too small a precision");
    this.#budget.check(digits);
    const { sign, whole, exponent } = decimalsOf(value);
    const padded = exponent < 0 ? "0".repeat(-exponent) + whole : whole;
    const before = Math.max(exponent, 0) + 1;
    const { text, isCarried } = rounded(padded, before + digits);
    const point = isCarried ? before + 1 : before;
    return `${sign}${text.slice(0, point)}.${text.slice(point)}`;
  }
}

/** The digits of a float that `float_to_list/1` knows: 21 of them. */
function decimalsOf(
  value: number,
): { sign: string; whole: string; exponent: number } {
  const [mantissa, power] = Math.abs(value).toExponential(20).split("e");
  return {
    sign: value < 0 || Object.is(value, -0) ? "-" : "",
    whole: mantissa.replace(".", ""),
    exponent: Number(power),
  };
}

/** Digits rounded to so many; a carry makes one more, whose first digit is 1. */
function rounded(
  digits: string,
  count: number,
): { text: string; isCarried: boolean } {
  if (count >= digits.length) {
    return { text: digits.padEnd(count, "0"), isCarried: false };
  }
  const kept = digits.slice(0, count);
  if (digits[count] < "5") return { text: kept, isCarried: false };
  const next = String(BigInt(kept) + 1n).padStart(count, "0");
  return { text: next, isCarried: next.length > count };
}

function floatOf(arg: unknown): number {
  if (arg instanceof Float) return arg.value;
  if (typeof arg === "number" && !isInteger(arg)) return arg;
  throw new FormatError("not a float");
}

function depthOf(depth: unknown): number {
  if (!Number.isInteger(depth)) throw new FormatError("not a depth");
  return depth as number;
}

function mapsOrderOf(order: unknown): MapsOrder {
  const name = textOfAtom(order);
  if (name === "undefined" || name === "ordered" || name === "reversed") {
    return name;
  }
  throw new FormatError("an order that only its own node can use");
}

function prefixOf(prefix: unknown): string {
  const text = textOfAtom(prefix) ??
    (Array.isArray(prefix)
      ? charsOf(prefix, { encoding: "unicode" })
      : undefined);
  if (text === undefined) throw new FormatError("an invalid prefix");
  return text;
}

function characterOf(code: unknown): string {
  const text = charsOf([code], { encoding: "unicode" });
  if (typeof code !== "number" || text === undefined) {
    throw new FormatError("not a character");
  }
  return text;
}

function codeOf(code: unknown, { encoding }: Directive): string {
  if (!Number.isInteger(code)) throw new FormatError("not a character");
  return characterOf(
    encoding === "unicode" ? code : (code as number) & 255,
  );
}

/** The text of a prompt, as `io_lib:format_prompt/2` makes it; a long one is cut. */
export function promptText(
  prompt: unknown,
  encoding: Encoding,
  most: number,
): string {
  const [format, args] = promptFormat(prompt, encoding);
  try {
    return formatText(format, args).slice(0, most);
  } catch (error) {
    if (error instanceof FormatError) return "???";
    throw error;
  }
}

function promptFormat(
  prompt: unknown,
  encoding: Encoding,
): [unknown, unknown] {
  if (
    prompt instanceof Tuple && prompt.length === 3 &&
    textOfAtom(prompt.elements[0]) === "format"
  ) return [prompt.elements[1], prompt.elements[2]];
  const isText = Array.isArray(prompt) || bytesOf(prompt) !== undefined ||
    textOfAtom(prompt) !== undefined;
  const modifier = encoding === "latin1" ? "" : "t";
  return [`~${modifier}${isText ? "s" : "p"}`, [prompt]];
}
