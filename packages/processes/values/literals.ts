/** Literals: strings in quotes, atoms, the names of Erlang's functions. */

/** The maximum number of shown code units of a name of a function or class; an atom has no more. */
export const MAX_SHOWN_NAME = 510;

/**
 * Characters that steer a terminal or are invisible, besides the C0 and C1 controls: controls of direction,
 * separators, zero-width characters, fillers, blanks, tags, joiners and variation selectors. They make two names look
 * the same, or hide text. {@linkcode escapeHidden} keeps joiners and selectors in emojis, where they are visible.
 */
export const HIDDEN: string = [
  "[\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f]",
  "[\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffc]",
  // Controls of hieroglyphs, shorthand and music, and the whole plane of tags.
  "\\ud80d[\\udc30-\\udc3f]|\\ud82f[\\udca0-\\udca3]|\\ud834[\\udd59\\udd73-\\udd7a]|[\\udb40-\\udb43][\\udc00-\\udfff]",
].join("|");

const UNSAFE = new RegExp(`[\\u007f-\\u009f]|${HIDDEN}`, "g");

/** The atom of an Elixir module. */
const MODULE = /^Elixir(?:\.[A-Z]\w*)+$/;

/** Escapes a character, as four hexadecimal digits per code unit. */
export function escapeCharacter(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Like {@linkcode escapeCharacter}, for a match of {@linkcode HIDDEN}; a character that is part of an emoji stays. */
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
 * Whether a character is a joiner between two emojis, or a selector behind an emoji or in a keycap. Deno's V8 does
 * not match `[\p{…}\p{…}]$` for characters of two units, so the properties are alternatives.
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

/** Escapes the characters in JSON text that steer a terminal. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, escapeHidden);
}

/** Cuts a text after `length` characters, but not within a surrogate pair. */
export function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/** Formats a string as a literal, in double quotes; cuts it after `length` characters. */
export function quoteWithin(text: string, length: number): string {
  return text.length <= length
    ? escapeUnsafe(JSON.stringify(text))
    : `${escapeUnsafe(JSON.stringify(cut(text, length)))}...`;
}

/** Formats an atom as a literal: `:ok`, `:"not found"`. */
export function atomText(name: string): string {
  return `:${keywordText(name)}`;
}

/** Formats an atom as the key of a keyword list, without the colon: `ok`, `"not found"`. */
export function keywordText(name: string): string {
  return bare(name, isBareAtom);
}

/** Formats the name of an Erlang or Elixir module as Elixir does: `:lists`, `String`. */
export function moduleText(name: string): string {
  if (name === "Elixir") return name;
  return MODULE.test(name) ? name.slice("Elixir.".length) : atomText(name);
}

/** Formats the name of an Erlang or Elixir function: `length`, `"a b"`. */
export function functionText(name: string): string {
  return bare(name, isBareFunction);
}

// Patterns are inside functions, because few programs need them at their start: Deno parses a pattern on first
// evaluation, in 0.2 ms for one with Unicode properties.

/** Whether an atom needs no quotes: a word, or an operator. */
function isBareAtom(name: string): boolean {
  return /^(?:[\p{L}_][\p{L}\p{N}_@]*[?!]?|[-+*\/%]|\+\+\+?|---?|[=!]==?|=~|[<>]=?|&{1,3}|\|{1,3}|[@^=!]|\*\*|<<<|>>>|<<~|~>>|<~>?|~>|<>|<-|->|\|>|\\\\|\.{1,3}|%?\{\}|<<>>)$/u
    .test(name);
}

function isBareFunction(name: string): boolean {
  return /^(?:(?!\p{Lu})[\p{L}_][\p{L}\p{N}_]*[?!]?|[-+*\/]|\+\+\+?|---?|[=!]==?|=~|[<>]=?|&{1,3}|\|{1,3}|[@^=!]|\*\*|\^\^\^|~~~|<<<|>>>|<<~|~>>|<~>?|~>|<\|>|<>|<-|::|\|>|\\\\)$/u
    .test(name);
}

function bare(name: string, isBare: (name: string) => boolean): string {
  // Fillers count as letters in Unicode.
  return name.length <= MAX_SHOWN_NAME && isBare(name) &&
      escapeUnsafe(name) === name
    ? name
    : quoteWithin(name, MAX_SHOWN_NAME);
}
