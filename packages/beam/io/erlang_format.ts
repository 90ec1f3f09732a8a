/**
 * Erlang's formats: the text of a format and its arguments, as `io:format/2` documents it.
 *
 * The output is bounded, because a few characters of a format can ask for any number of characters. `~p` breaks no
 * lines: it writes the term in one.
 */

import { Float } from "@otp/processes/values/float";
import { Tuple } from "@otp/processes/values/tuple";
import {
  bytesOf,
  byteText,
  charsOf,
  type Encoding,
  textOfAtom,
} from "./chardata.ts";
import {
  FormatError,
  integerText,
  isInteger,
  OutputBudget,
  type WriteOptions,
  writeTerm,
} from "./erlang_terms.ts";

export const MAX_FORMATTED: number = 4 << 20;

/** A directive: `~`, the width, the precision, the padding character, the modifiers and the letter. */
const DIRECTIVE = /~(-?)(\d+|\*)?(?:\.(\d+|\*)?(?:\.(.))?)?([tlkK]*)(.)|~/gsu;

/** The number of arguments of directives that do not take exactly one. */
const ARGUMENTS: Readonly<Record<string, number>> = {
  "~": 0,
  n: 0,
  W: 2,
  P: 2,
  x: 2,
  X: 2,
};

interface Directive extends WriteOptions {
  letter: string;
  width: number | undefined;
  isLeft: boolean;
  precision: number | undefined;
  pad: string;
}

/**
 * Returns the text of a format and its arguments.
 *
 * @param format A binary, an atom or a list of characters.
 * @param args The list of arguments.
 * @param most The maximum number of characters.
 * @throws {FormatError} If the format is invalid, does not fit the arguments, or produces too long a text.
 */
export function formatText(
  format: unknown,
  args: unknown,
  most: number = MAX_FORMATTED,
): string {
  // As in Erlang, each byte of a binary is a character.
  const bytes = bytesOf(format);
  const text = textOfAtom(format) ??
    (bytes ? byteText(bytes) : charsOf(format, { encoding: "unicode" }));
  if (text === undefined || !Array.isArray(args)) {
    throw new FormatError("the format is not a text, or has no arguments");
  }
  const left = args.values();
  const budget = new OutputBudget(most);
  const parts: string[] = [];
  let end = 0;
  for (const match of text.matchAll(DIRECTIVE)) {
    parts.push(budget.spend(text.slice(end, match.index)));
    const directive = directiveOf(match, left, budget);
    const count = ARGUMENTS[directive.letter] ?? 1;
    const values = Array.from({ length: count }, () => nextOf(left));
    parts.push(budget.spend(write(directive, values[0], values[1])));
    end = match.index + match[0].length;
  }
  parts.push(budget.spend(text.slice(end)));
  if (!left.next().done) {
    throw new FormatError("there are more arguments than directives");
  }
  return parts.join("");
}

function nextOf(args: Iterator<unknown>): unknown {
  const { done, value } = args.next();
  if (done) throw new FormatError("there are fewer arguments than directives");
  return value;
}

function directiveOf(
  [, sign, width, precision, pad, modifiers, letter]: RegExpMatchArray,
  args: Iterator<unknown>,
  budget: OutputBudget,
): Directive {
  const given = numberOf(width, args);
  if (sign && given === undefined) throw new FormatError("- without a width");
  const signed = sign ? -given! : given;
  const directive: Directive = {
    letter,
    width: signed === undefined ? undefined : Math.abs(signed),
    isLeft: signed !== undefined && signed < 0,
    precision: numberOf(precision, args),
    pad: pad === "*" ? characterOf(nextOf(args)) : pad ?? " ",
    encoding: modifiers?.includes("t") ? "unicode" : "latin1",
    strings: !modifiers?.includes("l"),
    mapsOrder: "undefined",
    // A copy: the caller spends the whole text of the directive.
    budget: budget.copy(),
  };
  if (directive.precision !== undefined && directive.precision < 0) {
    throw new FormatError("a negative precision");
  }
  for (const modifier of modifiers ?? "") {
    if (modifier === "k") directive.mapsOrder = "ordered";
    if (modifier === "K") directive.mapsOrder = mapsOrderOf(nextOf(args));
  }
  return directive;
}

function numberOf(
  text: string | undefined,
  args: Iterator<unknown>,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text === "*" ? nextOf(args) : Number(text);
  if (!Number.isInteger(value)) throw new FormatError("not an integer");
  return value as number;
}

function write(directive: Directive, arg: unknown, second: unknown): string {
  const { letter, precision, width } = directive;
  switch (letter) {
    case "w":
    case "W": {
      const depth = letter === "w" ? -1 : depthOf(second);
      return field(
        writeTerm(arg, depth, { ...directive, strings: false }),
        directive,
      );
    }
    case "p":
    case "P":
      if (directive.isLeft) throw new FormatError("~p is not adjusted");
      return writeTerm(arg, letter === "p" ? -1 : depthOf(second), directive);
    case "s":
      return inColumns(stringOf(arg, directive), directive);
    case "c":
    case "~": {
      const character = letter === "~" ? "~" : codeOf(arg, directive);
      checkPrecision(directive);
      const count = precision ?? width ?? 1;
      const text = repeat(character, count, directive);
      return adjust(text, count, width ?? 0, directive);
    }
    case "e":
    case "f":
    case "g": {
      const text = floatText(floatOf(arg), directive);
      return field(text, { ...directive, precision: undefined });
    }
    case "b":
    case "B":
      return integerField(arg, "", directive);
    case "x":
    case "X":
      return integerField(arg, prefixOf(second), directive);
    case "+":
    case "#":
      return integerField(arg, `${precision ?? 10}#`, directive);
    case "n":
      if (directive.isLeft) throw new FormatError("~n is not adjusted");
      return repeat("\n", width ?? 1, directive);
    case "i":
      return "";
    default:
      throw new FormatError("an unknown directive");
  }
}

function repeat(text: string, count: number, { budget }: Directive): string {
  budget.check(count * text.length);
  return text.repeat(count);
}

/** Fills a text of `length` columns up to `width`. */
function adjust(
  text: string,
  length: number,
  width: number,
  directive: Directive,
): string {
  const filling = repeat(directive.pad, Math.max(width - length, 0), directive);
  return directive.isLeft ? text + filling : filling + text;
}

/** Writes a term or a number in its field; asterisks replace a text that is too long. */
function field(text: string, directive: Directive): string {
  const { precision, width = precision } = directive;
  if (width === undefined) return text;
  const room = Math.min(width, precision ?? width);
  const length = lengthOf(text);
  return length > room
    ? adjust(repeat("*", room, directive), room, width, directive)
    : adjust(text, length, width, directive);
}

/** Cuts a text at the precision, and fills it up to the width. */
function inColumns(text: string, directive: Directive): string {
  const { width, precision } = directive;
  checkPrecision(directive);
  const most = precision ?? width;
  if (most === undefined) return text;
  const cut = firstOf(text, most);
  const length = lengthOf(cut);
  if (precision === undefined || precision === width) {
    return adjust(cut, length, most, directive);
  }
  // A precision other than the width is a field of its own, filled on the right.
  const block = adjust(cut, length, precision, { ...directive, isLeft: true });
  return adjust(block, precision, width ?? 0, directive);
}

function checkPrecision({ width, precision }: Directive): void {
  if (width !== undefined && precision !== undefined && precision > width) {
    throw new FormatError("the precision exceeds the width");
  }
}

function stringOf(arg: unknown, { encoding, budget }: Directive): string {
  const isNarrow = encoding === "latin1";
  const text = textOfAtom(arg) ??
    charsOf(arg, { encoding, isNarrow, isLenient: true });
  // deno-lint-ignore no-control-regex
  if (text === undefined || isNarrow && /[^\u0000-\u00ff]/.test(text)) {
    throw new FormatError("not a text");
  }
  budget.check(text.length);
  return text;
}

function integerField(
  arg: unknown,
  prefix: string,
  directive: Directive,
): string {
  const { precision: base = 10, letter } = directive;
  if (typeof arg !== "bigint" && !isInteger(arg) || base < 2 || base > 36) {
    throw new FormatError("not an integer, or an invalid base");
  }
  const [sign, digits] = integerText(BigInt(arg), base)
    .match(/^(-?)(.*)$/)!.slice(1);
  const isUpper = letter === "B" || letter === "X" || letter === "#";
  const text = sign + prefix + (isUpper ? digits.toUpperCase() : digits);
  return field(text, { ...directive, precision: undefined });
}

/** Erlang converts a float with 21 digits; the digits after these are zeros. */
const FLOAT_DIGITS = 21;

function floatText(value: number, directive: Directive): string {
  const { letter, precision: digits = 6 } = directive;
  if (digits < (letter === "e" ? 2 : 1)) {
    throw new FormatError("too small a precision");
  }
  directive.budget.check(digits);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (letter === "f") return sign + fixed(size, digits);
  if (letter === "e") return sign + exponential(size, digits);
  // ~g: as ~f from 0.1 up to 10000, if the significant digits leave one behind the point.
  const decimals = digits - 1 - exponentOf(size);
  return sign +
    (size >= 0.1 && size < 10_000 && decimals > 0
      ? fixed(size, decimals)
      : exponential(size, Math.max(digits, 2)));
}

function exponentOf(size: number): number {
  return Number(size.toExponential().split("e")[1]);
}

function exponential(size: number, digits: number): string {
  const [mantissa, power] = size
    .toExponential(Math.min(digits, FLOAT_DIGITS) - 1).split("e");
  return `${mantissa.padEnd(digits + 1, "0")}e${power}`;
}

function fixed(size: number, decimals: number): string {
  const exponent = exponentOf(size);
  if (size < 1e21 && decimals <= 100 && exponent + decimals < FLOAT_DIGITS) {
    return size.toFixed(decimals);
  }
  const digits = "0".repeat(Math.max(-exponent, 0)) +
    size.toExponential(FLOAT_DIGITS - 1).split("e")[0].replace(".", "");
  const point = Math.max(exponent, 0) + 1;
  const padded = digits.slice(0, point + decimals)
    .padEnd(point + decimals, "0");
  return `${padded.slice(0, point)}.${padded.slice(point)}`;
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

function mapsOrderOf(order: unknown): WriteOptions["mapsOrder"] {
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
  return characterOf(encoding === "unicode" ? code : (code as number) & 255);
}

// Erlang counts columns in graphemes, which may be several code points each.

let segmenter: Intl.Segmenter | undefined;

// deno-lint-ignore no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/** The index of each character; `undefined` if every code unit is one. */
function indexesOf(text: string): number[] | undefined {
  // In ASCII, only a carriage return joins with another character.
  if (ASCII.test(text) && !text.includes("\r")) return undefined;
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ index }) => index);
}

function lengthOf(text: string): number {
  return indexesOf(text)?.length ?? text.length;
}

function firstOf(text: string, count: number): string {
  const indexes = indexesOf(text);
  return text.slice(0, indexes ? indexes[count] : count);
}

/** The text of a prompt; a long one is cut, and an invalid one is `???`, as in Erlang. */
export function promptText(
  prompt: unknown,
  encoding: Encoding,
  most: number,
): string {
  const isFormat = prompt instanceof Tuple && prompt.length === 3 &&
    textOfAtom(prompt.elements[0]) === "format";
  const isText = Array.isArray(prompt) || bytesOf(prompt) !== undefined ||
    textOfAtom(prompt) !== undefined;
  const [format, args] = isFormat ? prompt.elements.slice(1) : [
    `~${encoding === "latin1" ? "" : "t"}${isText ? "s" : "p"}`,
    [prompt],
  ];
  try {
    return formatText(format, args).slice(0, most);
  } catch (error) {
    if (error instanceof FormatError) return "???";
    throw error;
  }
}
