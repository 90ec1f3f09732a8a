/**
 * Terms as Erlang lays them out in lines: `~p`, that is `io_lib_pretty`.
 *
 * A term becomes a tree of texts with their lengths. A part that fits into the rest of its line is written there;
 * others are broken after their items, and indented. The indentation of tagged tuples and of the values of maps
 * is that of the tag, unless that leaves too little room: then it is 4, or else 1.
 *
 * @module
 */

import { ImproperList } from "../../runtime/values/improper_list.ts";
import { inspectArgument } from "../../runtime/values/inspect.ts";
import { Tuple } from "../../runtime/values/tuple.ts";
import { byteText, type Encoding, textOfAtom } from "./chardata.ts";
import {
  type Bits,
  bitsOf,
  type OutputBudget,
  pairsOf,
  writeBytes,
  writeLeaf,
  type WriteOptions,
  writeString,
} from "./io_lib_write.ts";
import { lengthOf } from "./io_lib_text.ts";

/** How terms are laid out. */
export interface PrettyOptions extends WriteOptions {
  /** The column of the first character, from 1. */
  column: number;
  /** The number of columns. */
  lineLength: number;
  /** Whether lists and binaries of printable characters are written as strings. */
  strings: boolean;
}

/** A part of the text, in one line. */
type Part =
  | { kind: "leaf"; text: string; length: number }
  | { kind: "binary"; parts: string[]; text: string; length: number }
  | {
    kind: "list" | "tuple" | "tagged";
    items: Part[];
    tail: Part | undefined;
    length: number;
  }
  | { kind: "map"; items: Part[]; tail: Part | undefined; length: number }
  | { kind: "pair"; key: Part; value: Part; length: number };

type Group = Extract<Part, { items: Part[] }>;
type Pair = Extract<Part, { kind: "pair" }>;

const DOTS: Part = { kind: "leaf", text: "...", length: 3 };

/** A term over as many lines as it takes. */
export function prettyTerm(term: unknown, options: PrettyOptions): string {
  const { column, lineLength, depth } = options;
  if (depth === 0) return "...";
  const part = new Tree(options).part(term, depth);
  const col = Math.max(column, 1);
  if (lineLength === 0 || part.length < lineLength - col) return flat(part);
  return new Layout(part.length, lineLength).print(part, col);
}

// The tree.

class Tree {
  readonly #options: PrettyOptions;
  readonly #budget: OutputBudget;

  constructor(options: PrettyOptions) {
    this.#options = options;
    this.#budget = options.budget;
  }

  part(term: unknown, depth: number): Part {
    const { encoding } = this.#options;
    const leaf = writeLeaf(term, encoding);
    if (leaf !== undefined) return this.#leaf(leaf);
    const bits = bitsOf(term);
    if (bits !== undefined) return this.#binary(bits, depth);
    if (Array.isArray(term) || term instanceof ImproperList) {
      return this.#list(term, depth);
    }
    if (term instanceof Tuple) return this.#tuple(term.elements, depth);
    const pairs = pairsOf(term, this.#options);
    if (pairs === undefined) return this.#leaf(inspectArgument(term));
    return this.#map(pairs, depth);
  }

  #leaf(text: string): Part {
    return {
      kind: "leaf",
      text: this.#budget.spend(text),
      length: lengthOf(text),
    };
  }

  #list(list: readonly unknown[] | ImproperList, depth: number): Part {
    if (Array.isArray(list)) {
      if (list.length === 0) return this.#leaf("[]");
      const { strings, encoding } = this.#options;
      const text = strings && depth !== 1
        ? printableText(list, encoding)
        : undefined;
      if (text !== undefined) {
        return this.#leaf(writeString(text, '"', encoding));
      }
      return this.#group("list", list, depth, undefined);
    }
    const { items, tail } = list as ImproperList;
    return this.#group("list", items, depth, { value: tail });
  }

  #tuple(elements: readonly unknown[], depth: number): Part {
    if (elements.length === 0) return this.#leaf("{}");
    if (depth === 1) return this.#leaf("{...}");
    const isTagged = elements.length > 1 &&
      textOfAtom(elements[0]) !== undefined;
    return this.#group(
      isTagged ? "tagged" : "tuple",
      elements,
      depth,
      undefined,
    );
  }

  #group(
    kind: "list" | "tuple" | "tagged",
    items: readonly unknown[],
    depth: number,
    last: { value: unknown } | undefined,
  ): Part {
    const parts: Part[] = [];
    let tail: Part | undefined;
    let left = depth;
    for (const item of items) {
      if (left === 1) {
        tail = DOTS;
        break;
      }
      left--;
      this.#budget.spend(",");
      parts.push(this.part(item, left));
    }
    if (tail === undefined && last !== undefined) {
      tail = left === 1 ? DOTS : this.part(last.value, left - 1);
    }
    return { kind, items: parts, tail, length: 2 + lengthOfAll(parts, tail) };
  }

  #map(pairs: readonly [unknown, unknown][], depth: number): Part {
    if (pairs.length === 0) return this.#leaf("#{}");
    if (depth === 1) return this.#leaf("#{...}");
    const items: Part[] = [];
    let tail: Part | undefined;
    let left = depth;
    for (const [key, value] of pairs) {
      if (left === 1) {
        tail = DOTS;
        break;
      }
      left--;
      this.#budget.spend(" => ,");
      const one = this.part(key, depth - 1);
      const other = this.part(value, depth - 1);
      const length = one.length + 4 + other.length;
      items.push({ kind: "pair", key: one, value: other, length });
    }
    const length = 3 + lengthOfAll(items, tail);
    return { kind: "map", items, tail, length };
  }

  #binary(bits: Bits, depth: number): Part {
    if (bits.bytes.length === 0) return this.#leaf("<<>>");
    if (depth === 1) return this.#leaf("<<...>>");
    const { strings, encoding } = this.#options;
    const text = strings && bits.last === 8
      ? printableBinary(bits.bytes, depth - 1, encoding)
      : undefined;
    if (text !== undefined) return this.#leaf(text);
    const parts = writeBytes(bits, depth);
    const whole = this.#budget.spend(`<<${parts.join("")}>>`);
    return { kind: "binary", parts, text: whole, length: whole.length };
  }
}

function lengthOfAll(items: readonly Part[], tail: Part | undefined): number {
  let length = Math.max(items.length - 1, 0);
  for (const item of items) length += item.length;
  if (tail === undefined) return length;
  return length + tail.length + (items.length > 0 ? 1 : 0);
}

/** The text of a list of printable characters. */
function printableText(
  list: readonly unknown[],
  encoding: Encoding,
): string | undefined {
  for (const each of list) {
    if (typeof each !== "number" || !isPrintable(each, encoding)) {
      return undefined;
    }
  }
  const parts: string[] = [];
  for (let i = 0; i < list.length; i += 4096) {
    parts.push(String.fromCodePoint(...list.slice(i, i + 4096) as number[]));
  }
  return parts.join("");
}

function isPrintable(code: number, encoding: Encoding): boolean {
  if (!Number.isInteger(code)) return false;
  if (code < 32) return code >= 8 && code <= 13 || code === 27;
  if (code <= 126) return true;
  if (code < 160) return false;
  if (code <= 255) return true;
  return encoding === "unicode" &&
    (code < 0xd800 || code > 0xdfff && code < 0xfffe ||
      code > 0xffff && code <= 0x10ffff);
}

/** A binary of printable characters as a string, or its beginning; `undefined` of others. */
function printableBinary(
  bytes: Uint8Array,
  depth: number,
  encoding: Encoding,
): string | undefined {
  const most = depth < 0 ? bytes.length : Math.min(4 * depth, bytes.length);
  if (most === 0) return undefined;
  if (encoding === "unicode") {
    const text = utf8Text(bytes);
    if (text !== undefined) return printableUtf8(text, most, depth);
  }
  let count = 0;
  while (count < most && isPrintable(bytes[count], "latin1")) count++;
  if (count < most && !(depth > 0 && count >= depth)) return undefined;
  const text = writeString(
    byteText(bytes.subarray(0, count)),
    '"',
    "unicode",
  );
  return count === bytes.length ? `<<${text}>>` : `<<${text}...>>`;
}

function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return undefined;
  }
}

function printableUtf8(
  text: string,
  most: number,
  depth: number,
): string | undefined {
  let count = 0;
  let end = 0;
  for (const character of text) {
    if (count === most || !isPrintable(character.codePointAt(0)!, "unicode")) {
      break;
    }
    count++;
    end += character.length;
  }
  if (end < text.length && !(depth > 0 && count >= depth)) return undefined;
  const shown = text.slice(0, end);
  // deno-lint-ignore no-control-regex
  const type = /^[\u0000-\u007f]*$/.test(shown) ? "" : "/utf8";
  return `<<${writeString(shown, '"', "unicode")}${type}${
    end < text.length ? "..." : ""
  }>>`;
}

// One line.

function flat(part: Part): string {
  switch (part.kind) {
    case "leaf":
    case "binary":
      return part.text;
    case "pair":
      return `${flat(part.key)} => ${flat(part.value)}`;
    case "list":
      return `[${flatItems(part, "|")}]`;
    case "map":
      return `#{${flatItems(part, ",")}}`;
    default:
      return `{${flatItems(part, ",")}}`;
  }
}

function flatItems({ items, tail }: Group, separator: string): string {
  const text = items.map(flat).join(",");
  if (tail === undefined) return text;
  return text + (items.length > 0 ? separator : "") + flat(tail);
}

// Several lines.

/** Thrown if an indentation leaves too little room. */
const NO_GOOD: unique symbol = Symbol("no good");

/** Lays out a tree. In the names: `col` a column, `ind` an indentation, `ld` the brackets that close at the end. */
class Layout {
  /** The length of the whole in one line. */
  readonly #most: number;
  readonly #lineLength: number;
  /** The indentation of tagged tuples; not positive if it is that of the tag. */
  #step = -1;

  constructor(most: number, lineLength: number) {
    this.#most = most;
    this.#lineLength = lineLength;
  }

  print(part: Part, col: number): string {
    this.#step = this.#stepFor(part, col);
    return this.#part(part, col, " ".repeat(col - 1), 0, 0);
  }

  #fits(length: number, col: number, ld: number, written: number): boolean {
    return length < this.#lineLength - col - ld &&
      length + written + ld <= this.#most;
  }

  /** Whether an item fits behind those before it, with its comma. */
  #fitsBehind(length: number, col: number, ld: number, written: number) {
    return ld === 0
      ? length + 1 < this.#lineLength - col &&
        written + length + 1 <= this.#most
      : length < this.#lineLength - col - ld &&
        written + length + ld <= this.#most;
  }

  #part(
    part: Part,
    col: number,
    ind: string,
    ld: number,
    written: number,
  ): string {
    if (this.#fits(part.length, col, ld, written)) return flat(part);
    switch (part.kind) {
      case "list":
        return `[${
          this.#items(part, 0, col + 1, `${ind} `, ld, "|", written + 1)
        }]`;
      case "tuple":
        return `{${
          this.#items(part, 0, col + 1, `${ind} `, ld, ",", written + 1)
        }}`;
      case "tagged":
        return `{${this.#tagged(part, col, ind, ld, written + 1)}}`;
      case "map":
        return `#{${this.#pairs(part, col + 2, `${ind}  `, ld, written + 1)}}`;
      case "binary":
        return this.#binary(part.parts, col + 2, `${ind}  `, ld, written);
      case "leaf":
        return part.text;
      case "pair":
        return flat(part);
    }
  }

  #tagged(
    part: Group,
    col: number,
    ind: string,
    ld: number,
    written: number,
  ): string {
    const tag = part.items[0];
    const width = tag.length + 2;
    const step = this.#step;
    if (step > 0 && width > step) {
      return flat(tag) +
        this.#rest(
          part,
          1,
          col + step,
          col + width,
          " ".repeat(step) + ind,
          ld,
          ",",
          written + tag.length,
        );
    }
    return `${flat(tag)},${
      this.#items(
        part,
        1,
        col + width,
        " ".repeat(width) + ind,
        ld,
        ",",
        written + tag.length + 1,
      )
    }`;
  }

  /** The items from an index, the first one in this line. */
  #items(
    part: Group,
    from: number,
    col: number,
    ind: string,
    ld: number,
    separator: string,
    written: number,
  ): string {
    if (from === part.items.length) return "...";
    const [text, width] = this.#item(
      part.items[from],
      col,
      ind,
      lastDepth(part, from, ld),
      written,
    );
    return text +
      this.#rest(
        part,
        from + 1,
        col,
        col + width,
        ind,
        ld,
        separator,
        written + width,
      );
  }

  /** The items behind the first one. */
  #rest(
    part: Group,
    from: number,
    col0: number,
    col: number,
    ind: string,
    ld: number,
    separator: string,
    written: number,
  ): string {
    const { items, tail } = part;
    const texts: string[] = [];
    for (let i = from; i < items.length; i++) {
      const item = items[i];
      const depth = lastDepth(part, i, ld);
      const length = 1 + item.length;
      if (
        item.kind === "leaf" && this.#fitsBehind(length, col, depth, written)
      ) {
        texts.push(",", item.text);
        col += length;
        written += length;
      } else {
        const [text, width] = this.#item(item, col0, ind, depth, 0);
        texts.push(",\n", ind, text);
        col = col0 + width;
        written = width;
      }
    }
    if (tail === undefined) return texts.join("");
    if (tail === DOTS) return `${texts.join("")}${separator}...`;
    const isBehind = tail.kind === "leaf" &&
      this.#fits(tail.length + 1, col, ld + 1, written);
    texts.push(
      isBehind
        ? `${separator}${tail.text}`
        : `${separator}\n${ind}${this.#part(tail, col0, ind, ld + 1, 0)}`,
    );
    return texts.join("");
  }

  /** An item, and the columns that it takes: all, if others cannot follow in its line. */
  #item(
    part: Part,
    col: number,
    ind: string,
    ld: number,
    written: number,
  ): [string, number] {
    return part.kind === "leaf" && this.#fits(part.length, col, ld, written)
      ? [part.text, part.length]
      : [this.#part(part, col, ind, ld, written), this.#lineLength];
  }

  #pairs(
    part: Group,
    col0: number,
    ind: string,
    ld: number,
    written: number,
  ): string {
    const { items, tail } = part;
    let [text, width] = this.#pair(
      items[0] as Pair,
      col0,
      ind,
      lastDepth(part, 0, ld),
      written,
    );
    const texts = [text];
    let col = col0 + width;
    written = width;
    for (let i = 1; i < items.length; i++) {
      const pair = items[i] as Pair;
      const depth = lastDepth(part, i, ld);
      const length = 1 + pair.length;
      if (isSimple(pair) && this.#fitsBehind(length, col, depth, written)) {
        texts.push(",", flat(pair));
        col += length;
        written += length;
      } else {
        [text, width] = this.#pair(pair, col0, ind, depth, 0);
        texts.push(",\n", ind, text);
        col = col0 + width;
        written = width;
      }
    }
    if (tail !== undefined) texts.push(",...");
    return texts.join("");
  }

  #pair(
    pair: Pair,
    col: number,
    ind: string,
    ld: number,
    written: number,
  ): [string, number] {
    if (this.#fits(pair.length, col, ld, written)) {
      return [flat(pair), isSimple(pair) ? pair.length : this.#lineLength];
    }
    const step = this.#valueStep();
    const inner = " ".repeat(step) + ind;
    const key = this.#part(pair.key, col, ind, ld, written);
    const value = this.#part(pair.value, col + step, inner, ld, 0);
    return [`${key} =>\n${inner}${value}`, this.#lineLength];
  }

  #valueStep(): number {
    return this.#step > 0 ? this.#step : 4;
  }

  #binary(
    parts: readonly string[],
    col: number,
    ind: string,
    ld: number,
    written: number,
  ): string {
    const room = Math.max(
      8,
      Math.min(this.#lineLength - col, this.#most - 4 - written) - ld,
    );
    const texts = ["<<"];
    let left = room;
    let i = 0;
    for (; parts[i + 1] === ","; i += 2) {
      const length = parts[i].length + 1;
      left -= length;
      if (left < 0) {
        texts.push("\n", ind);
        left = room - length;
      }
      texts.push(parts[i], ",");
    }
    const last = parts.slice(i).join("");
    if (last.length > left) texts.push("\n", ind);
    texts.push(last, ">>");
    return texts.join("");
  }

  // The choice of the indentation: the same walk, which only counts columns.

  #stepFor(part: Part, col: number): number {
    for (const step of [-1, 4]) {
      this.#step = step;
      try {
        this.#tryPart(part, col, 0, 0);
        return step;
      } catch (error) {
        if (error !== NO_GOOD) throw error;
      }
    }
    return 1;
  }

  #tryPart(part: Part, col: number, ld: number, written: number): void {
    if (this.#fits(part.length, col, ld, written)) return;
    switch (part.kind) {
      case "list":
      case "tuple":
        return this.#tryItems(part, 0, col + 1, ld, written + 1);
      case "tagged":
        return this.#tryTagged(part, col, ld, written + 1);
      case "map":
        return this.#tryPairs(part, col + 2, ld, written + 2);
    }
  }

  #tryTagged(part: Group, col: number, ld: number, written: number): void {
    const tag = part.items[0];
    const width = tag.length + 2;
    const step = this.#step;
    const half = Math.floor(this.#lineLength / 2);
    if (step > 0 && width > step) {
      const col1 = col + step;
      if (this.#most + col1 > this.#lineLength && col1 > half) throw NO_GOOD;
      this.#tryRest(part, 1, col1, col + width, ld, written + tag.length);
    } else {
      const inner = col + width;
      if (this.#most + inner >= this.#lineLength && inner >= half) {
        throw NO_GOOD;
      }
      this.#tryItems(part, 1, inner, ld, written + tag.length + 1);
    }
  }

  #tryItems(
    part: Group,
    from: number,
    col: number,
    ld: number,
    written: number,
  ): void {
    if (from === part.items.length) return;
    const depth = lastDepth(part, from, ld);
    const width = this.#tryItem(part.items[from], col, depth, written);
    this.#tryRest(part, from + 1, col, col + width, ld, written + width);
  }

  #tryRest(
    part: Group,
    from: number,
    col0: number,
    col: number,
    ld: number,
    written: number,
  ): void {
    const { items, tail } = part;
    for (let i = from; i < items.length; i++) {
      const item = items[i];
      const depth = lastDepth(part, i, ld);
      const length = 1 + item.length;
      if (
        item.kind === "leaf" && this.#fitsBehind(length, col, depth, written)
      ) {
        col += length;
        written += length;
      } else {
        const width = this.#tryItem(item, col0, depth, 0);
        col = col0 + width;
        written = width;
      }
    }
    if (tail === undefined || tail === DOTS) return;
    if (
      tail.kind === "leaf" && this.#fits(tail.length + 1, col, ld + 1, written)
    ) return;
    this.#tryPart(tail, col, ld + 1, 0);
  }

  #tryItem(part: Part, col: number, ld: number, written: number): number {
    if (part.kind === "leaf" && this.#fits(part.length, col, ld, written)) {
      return part.length;
    }
    this.#tryPart(part, col, ld, written);
    return this.#lineLength;
  }

  #tryPairs(part: Group, col0: number, ld: number, written: number): void {
    const { items } = part;
    const first = lastDepth(part, 0, ld);
    let width = this.#tryPair(items[0] as Pair, col0, first, written);
    let col = col0 + width;
    written += width;
    for (let i = 1; i < items.length; i++) {
      const pair = items[i] as Pair;
      const depth = lastDepth(part, i, ld);
      const length = 1 + pair.length;
      if (isSimple(pair) && this.#fitsBehind(length, col, depth, written)) {
        col += length;
        written += length;
      } else {
        width = this.#tryPair(pair, col0, depth, 0);
        col = col0 + width;
        written = width;
      }
    }
  }

  #tryPair(pair: Pair, col: number, ld: number, written: number): number {
    if (this.#fits(pair.length, col, ld, written)) {
      return isSimple(pair) ? pair.length : this.#lineLength;
    }
    this.#tryPart(pair.key, col, ld, written);
    this.#tryPart(pair.value, col + this.#valueStep(), ld, 0);
    return this.#lineLength;
  }
}

/** Whether neither key nor value has parts. */
function isSimple({ key, value }: Pair): boolean {
  return key.kind === "leaf" && value.kind === "leaf";
}

/** The brackets that close behind an item: none, if another item follows. */
function lastDepth({ items }: Group, index: number, ld: number): number {
  return index < items.length - 1 ? 0 : ld + 1;
}
