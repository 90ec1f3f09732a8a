/**
 * Erlang's formats: the text of a format and its arguments, as `io:format/2` documents it, for the directives that
 * programs use most: `~p`, `~w`, `~s`, `~c`, `~b`, `~n` and `~~`, also with the modifiers `t` and `l`.
 *
 * Other directives write their argument as `~p` does. Widths, precisions, paddings and depths have no effect, so the
 * length of the text is proportional to the length of the arguments. `~p` writes a term in one line.
 */

import type { Encoding } from "@otp/node/io/leader_operations";
import { Tuple } from "@otp/processes/values/tuple";
import { bytesOf, byteText, charsOf, textOfAtom } from "./chardata.ts";
import { isInteger, type WriteOptions, writeTerm } from "./erlang_terms.ts";

/** Thrown for a format that does not fit its arguments. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** A directive: `~`, the width, the precision, the padding character, the modifiers and the letter. */
const DIRECTIVE =
  /~(?:-?\d+|-?(\*))?(?:\.(?:\d+|(\*))?(?:\.(.))?)?([tlkK]*)(.)|~/gsu;

/** The arguments of directives that do not take exactly one. The second one changes only how the first is written. */
const ARGUMENTS: Readonly<Record<string, number>> = {
  "~": 0,
  n: 0,
  W: 2,
  P: 2,
  x: 2,
  X: 2,
};

const LETTERS = "~ncpPwWsbBxX+#efgi";

/**
 * Returns the text of a format and its arguments.
 *
 * @param format A binary, an atom or a list of characters.
 * @param args The list of arguments.
 * @throws {FormatError} If the format is invalid or does not fit the arguments.
 */
export function formatText(format: unknown, args: unknown): string {
  // As in Erlang, each byte of a binary is a character.
  const bytes = bytesOf(format);
  const text = textOfAtom(format) ??
    (bytes ? byteText(bytes) : charsOf(format, { encoding: "unicode" }));
  if (text === undefined || !Array.isArray(args)) {
    throw new FormatError("the format is not a text, or has no arguments");
  }
  const left = args.values();
  const shown = text.replace(
    DIRECTIVE,
    (_, width, precision, padding, modifiers = "", letter = "") => {
      if (letter === "" || !LETTERS.includes(letter)) {
        throw new FormatError("an unknown directive");
      }
      for (const each of [width, precision, padding]) {
        if (each === "*") nextOf(left);
      }
      if (modifiers.includes("K")) nextOf(left);
      const count = ARGUMENTS[letter] ?? 1;
      const [arg] = Array.from({ length: count }, () => nextOf(left));
      return write(letter, arg, {
        encoding: modifiers.includes("t") ? "unicode" : "latin1",
        strings: !modifiers.includes("l"),
      });
    },
  );
  if (!left.next().done) {
    throw new FormatError("there are more arguments than directives");
  }
  return shown;
}

function nextOf(args: Iterator<unknown>): unknown {
  const { done, value } = args.next();
  if (done) throw new FormatError("there are fewer arguments than directives");
  return value;
}

function write(letter: string, arg: unknown, options: WriteOptions): string {
  switch (letter) {
    case "~":
      return "~";
    case "n":
      return "\n";
    case "i":
      return "";
    case "w":
    case "W":
      return writeTerm(arg, { ...options, strings: false });
    case "s":
      return stringOf(arg, options.encoding);
    case "c":
      return characterOf(arg, options.encoding);
    case "b":
      if (typeof arg === "bigint" || isInteger(arg)) return String(arg);
      throw new FormatError("not an integer");
    default:
      return writeTerm(arg, options);
  }
}

function stringOf(arg: unknown, encoding: Encoding): string {
  const isNarrow = encoding === "latin1";
  const text = textOfAtom(arg) ??
    charsOf(arg, { encoding, isNarrow, isLenient: true });
  // deno-lint-ignore no-control-regex
  if (text === undefined || isNarrow && /[^\u0000-\u00ff]/.test(text)) {
    throw new FormatError("not a text");
  }
  return text;
}

function characterOf(code: unknown, encoding: Encoding): string {
  const text = Number.isInteger(code)
    ? charsOf([encoding === "unicode" ? code : (code as number) & 255], {
      encoding: "unicode",
    })
    : undefined;
  if (text === undefined) throw new FormatError("not a character");
  return text;
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
