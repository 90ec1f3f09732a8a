/**
 * Lengths of texts in characters as people see them, by which Erlang fills columns.
 *
 * @module
 */

// deno-lint-ignore no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

let segmenter: Intl.Segmenter | undefined;

function segments(text: string): Iterable<{ segment: string; index: number }> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** The number of characters, of which one may be several code points. */
export function lengthOf(text: string): number {
  // Only a carriage return before a line feed joins with another character of ASCII.
  if (ASCII.test(text) && !text.includes("\r")) return text.length;
  let length = 0;
  for (const _ of segments(text)) length++;
  return length;
}

/** The first characters of a text. */
export function slice(text: string, length: number): string {
  if (ASCII.test(text) && !text.includes("\r")) return text.slice(0, length);
  let count = 0;
  for (const { index } of segments(text)) {
    if (count++ === length) return text.slice(0, index);
  }
  return text;
}
