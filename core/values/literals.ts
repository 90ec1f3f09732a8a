/**
 * Texts as literals: strings in quotes, atoms, the names of Erlang's functions.
 *
 * @module
 */

/** The maximum number of shown code units of a name of a function or class; an atom has no more. */
export const MAX_SHOWN_NAME = 510;

/**
 * Characters that steer a terminal or that nobody sees, after the C0 and C1 controls: controls of direction, separators,
 * characters of no width, fillers, blanks, tags, joiners and variation selectors. With them, two names look the same, and
 * a text hides another one. {@linkcode escapeHidden} leaves joiners and selectors in emojis, where they show.
 */
export const HIDDEN: string = [
  "[\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f]",
  "[\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffc]",
  // Controls of hieroglyphs, shorthand, music, and all of the plane of tags.
  "\\ud80d[\\udc30-\\udc3f]|\\ud82f[\\udca0-\\udca3]|\\ud834[\\udd59\\udd73-\\udd7a]|[\\udb40-\\udb43][\\udc00-\\udfff]",
].join("|");

const UNSAFE = new RegExp(`[\\u007f-\\u009f]|${HIDDEN}`, "g");

/** The atom of a module of Elixir's. */
const MODULE = /^Elixir(?:\.[A-Z]\w*)+$/;

/** A character as escapes of four hexadecimal digits. */
export function escapeCharacter(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** As {@linkcode escapeCharacter}, for a match of {@linkcode HIDDEN} in a text: it stays if it is part of an emoji. */
export function escapeHidden(
  character: string,
  at: number,
  text: string,
): string {
  return isOfEmoji(
      character,
      text.slice(Math.max(0, at - 3), at),
      text.slice(at + 1, at + 3),
    )
    ? character
    : escapeCharacter(character);
}

/**
 * Whether a character is a joiner between two emojis, or a selector behind one or in a keycap. Deno's V8 does not find
 * `[\p{…}\p{…}]$` for characters of two units, so the properties are alternatives.
 */
function isOfEmoji(character: string, before: string, after: string): boolean {
  switch (character) {
    case "\u200d":
      return /(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})\ufe0f?$/u
        .test(before) && /^\p{Extended_Pictographic}/u.test(after);
    case "\ufe0e":
    case "\ufe0f":
      return /(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})$/u
        .test(before) ||
        /[#*0-9]$/.test(before) && after.startsWith("\u20e3");
    default:
      return false;
  }
}

/** JSON's text, whose strings may have characters that steer a terminal: these are escaped. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, escapeHidden);
}

/** The beginning of a text that is longer than that many characters, cut between two characters. */
export function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/** A string as a literal, in double quotes; one that is longer than that many characters is cut. */
export function quoteWithin(text: string, length: number): string {
  return text.length <= length
    ? escapeUnsafe(JSON.stringify(text))
    : `${escapeUnsafe(JSON.stringify(cut(text, length)))}...`;
}

/** An atom as a literal: `:ok`, `:"not found"`. */
export function atomText(name: string): string {
  return `:${keywordText(name)}`;
}

/** An atom as a key of a keyword list, without the colon behind it: `ok`, `"not found"`. */
export function keywordText(name: string): string {
  return bare(name, isBareAtom);
}

/** The name of a module of Erlang or Elixir as Elixir shows it: `:lists`, `String`. */
export function moduleText(name: string): string {
  if (name === "Elixir") return name;
  return MODULE.test(name) ? name.slice("Elixir.".length) : atomText(name);
}

/** The name of a function of Erlang or Elixir, as it is written after the module's: `length`, `"a b"`. */
export function functionText(name: string): string {
  return bare(name, isBareFunction);
}

// Deno parses a pattern when it is first evaluated: 0.2 ms for one with properties of Unicode. Few programs need
// these when they start.

/** Whether an atom needs no quotes: a word, or an operator. */
function isBareAtom(name: string): boolean {
  return /^(?:[\p{L}_][\p{L}\p{N}_@]*[?!]?|[-+*\/%]|\+\+\+?|---?|[=!]==?|=~|[<>]=?|&{1,3}|\|{1,3}|[@^=!]|\*\*|<<<|>>>|<<~|~>>|<~>?|~>|<>|<-|->|\|>|\\\\|\.{1,3}|%?\{\}|<<>>)$/u
    .test(name);
}

/** Whether the name of a function needs none. */
function isBareFunction(name: string): boolean {
  return /^(?:(?!\p{Lu})[\p{L}_][\p{L}\p{N}_]*[?!]?|[-+*\/]|\+\+\+?|---?|[=!]==?|=~|[<>]=?|&{1,3}|\|{1,3}|[@^=!]|\*\*|\^\^\^|~~~|<<<|>>>|<<~|~>>|<~>?|~>|<\|>|<>|<-|::|\|>|\\\\)$/u
    .test(name);
}

function bare(name: string, isBare: (name: string) => boolean): string {
  // Fillers are letters of Unicode.
  return name.length <= MAX_SHOWN_NAME && isBare(name) &&
      escapeUnsafe(name) === name
    ? name
    : quoteWithin(name, MAX_SHOWN_NAME);
}
