/**
 * Parses the JSON of one signal while its parts arrive, so that a large value does not hold up the event loop.
 *
 * When CHUNK bytes have come, everything that is complete is parsed, and the rest stays. Of an array or object that is not
 * complete (it is *open*), the complete items are parsed as one JSON text, a *run*, and added to the array or object that
 * the receiver will get:
 *
 *     ["send",1,2,[{"n":1},{"n":2},{"n":
 *
 * The signal and the list are open; the runs are `"send",1,2` and `{"n":1},{"n":2}`. An incomplete item stays as bytes
 * while it is short, and is opened when it is long. When an open array or object ends, it becomes an item of the one
 * around it. `JSON.parse` or JsonReader checks the grammar of each run, and this class that of the rest: the brackets,
 * keys and commas between runs.
 *
 * Tags are decoded when the signal is complete, which takes a fifth of the time. An item of the signal with too many levels
 * becomes a {@linkcode RefusedItem}, and its other bytes are skipped.
 */

import { defineProto } from "@otp/processes/values/term";
import type { OverLimit } from "../wires/over_limit.ts";
import {
  GrowingBytes,
  type Hold,
} from "@otp/processes/collections/growing_bytes";
import { JsonReader, UNREAD } from "./json_reader.ts";
import {
  CLOSE,
  HIGH,
  INDEX,
  maySpellIndex,
  NOT_ASCII,
  notJson,
  OPEN,
  parseScanned,
  PLAIN_BYTE,
  QUOTE,
  SORTS,
  TEXT_SORTS,
  tooManyLevels,
} from "./parse_json.ts";

/** The number of bytes that are parsed at a time: about a millisecond. */
export const CHUNK: number = 1 << 16;

/** The estimated memory of an array or object, in bytes. */
const COST = 64;

/** At most this many levels are opened at a time, as the bytes that stay are scanned again for each. */
const MOST_OPENED = 16;

/** After JsonReader was tried in vain, it is not tried for this many runs. */
const BLIND = 16;

/** The number of bytes that stay before those that have not been parsed: room for a bracket. */
const BEFORE = 1;

const COMMA = 0x2c;
const ARRAY = 0x5b;
const END_OF_ARRAY = 0x5d;
const END_OF_OBJECT = 0x7d;

/** An item of a signal that has too many levels. */
export class RefusedItem {
  readonly error: OverLimit;

  constructor(error: OverLimit) {
    this.error = error;
  }
}

/** A parsed signal. */
export interface ArrivedSignal {
  /** The items, with {@linkcode RefusedItem} in place of some. */
  items: unknown[];
  /** The number of levels of the JSON. */
  levels: number;
}

/** An array or object that is not complete. */
class Open {
  /** The items of an array; `undefined` for an object. */
  readonly items: unknown[] | undefined;
  readonly fields: Record<string, unknown> = {};
  isEmpty = true;
  /** The key of the field that is open. */
  key = "";

  constructor(isArray: boolean) {
    this.items = isArray ? [] : undefined;
  }

  /** Adds the open item. */
  add(value: unknown): void {
    this.isEmpty = false;
    if (this.items !== undefined) this.items.push(value);
    else this.#set(this.key, value);
  }

  /** Adds complete items. */
  addRun(run: unknown): void {
    this.isEmpty = false;
    if (this.items !== undefined) {
      for (const item of run as unknown[]) this.items.push(item);
      return;
    }
    const fields = run as Record<string, unknown>;
    for (const key in fields) this.#set(key, fields[key]);
  }

  #set(key: string, value: unknown): void {
    if (key === "__proto__") defineProto(this.fields, value);
    else this.fields[key] = value;
  }
}

/** Parses one signal. */
export class ArrivingJson {
  readonly #maxLevels: number;
  readonly #hold: Hold;
  readonly #chunk: number;
  readonly #reader: JsonReader;
  readonly #buffer: GrowingBytes;
  /** The number of bytes from which on they are parsed. */
  #enough: number;
  /** The open arrays and objects, the signal first. */
  readonly #open: Open[] = [];
  #signal: unknown[] | undefined;
  #levels = 1;
  /** The number of arrays and objects that were parsed. */
  #count = 0;
  /** The start of the bytes that have not been parsed. */
  #start = 0;
  /** The bracket of the item that has begun there, or -1; and the last string before it. */
  #bracket = -1;
  #key = -1;
  /** The properties of these bytes, for `parseScanned`. */
  #found = 0;
  /** The number of levels that are open in an item that was refused. */
  #skipped = 0;
  #blind = 0;

  /**
   * Parses JSON of at most `maxLevels` levels, about `chunk` bytes at a time. Calls `hold` before memory is allocated, and
   * for the memory of the values that were parsed ahead.
   */
  constructor(maxLevels: number, hold: Hold = () => {}, chunk: number = CHUNK) {
    this.#maxLevels = maxLevels;
    this.#hold = hold;
    this.#enough = this.#chunk = chunk;
    this.#reader = new JsonReader(maxLevels);
    this.#buffer = new GrowingBytes(hold);
    this.#buffer.append(new Uint8Array(BEFORE));
  }

  /** Adds bytes, which are not parsed yet. */
  add(bytes: Uint8Array): void {
    this.#buffer.append(bytes);
  }

  /** The most memory that the values of the waiting bytes can take: `{}` has three bytes. */
  get mostCost(): number {
    return this.#buffer.end * (1 + COST / 3);
  }

  /** Parses what is complete, if there are enough bytes. */
  readAhead(): void {
    const { end } = this.#buffer;
    if (end < this.#enough) return;
    this.#count = 0;
    this.#read();
    const left = this.#buffer.end;
    this.#hold(end - left + this.#count * COST);
    // An item that stays is scanned only as often as its length doubles.
    this.#enough = Math.max(this.#chunk, 2 * left);
  }

  /** Parses the rest. Throws a `ProtocolError` if the bytes are not the JSON of a signal. */
  finish(): ArrivedSignal {
    this.#read();
    if (this.#signal === undefined) throw notJson();
    return { items: this.#signal, levels: this.#levels };
  }

  #read(): void {
    this.#start = BEFORE;
    for (let opened = 0; opened < MOST_OPENED;) {
      if (this.#skipped > 0 && !this.#skip()) break;
      const open = this.#open.at(-1);
      if (open === undefined) {
        if (!this.#begin()) break;
        continue;
      }
      if (this.#readRun(open)) continue;
      if (!this.#openItem(open)) break;
      opened++;
    }
    this.#buffer.drop(this.#start - BEFORE);
  }

  /** Opens the signal; returns false if its bracket has not come. After the signal, only spaces may come. */
  #begin(): boolean {
    const { bytes, end } = this.#buffer;
    this.#start = this.#afterSpaces(this.#start, end);
    if (this.#start === end) return false;
    if (this.#signal !== undefined || bytes[this.#start] !== ARRAY) {
      throw notJson();
    }
    this.#open.push(new Open(true));
    this.#start++;
    return true;
  }

  /** Parses the complete items of an array or object; returns false if it has not ended. */
  #readRun(open: Open): boolean {
    const { bytes, end } = this.#buffer;
    const around = this.#open.length;
    let depth = 0;
    let found = 0;
    let key = -1;
    let last = this.#start;
    let i = last;
    while (i < end) {
      let sort = SORTS[bytes[i++]];
      while (sort === PLAIN_BYTE && i < end) sort = SORTS[bytes[i++]];
      if (sort === QUOTE) {
        key = i - 1;
        let inside = PLAIN_BYTE;
        while (i < end) {
          inside = TEXT_SORTS[bytes[i++]];
          if (inside === PLAIN_BYTE) continue;
          if (inside === QUOTE) break;
          if (inside === HIGH || bytes[i++] > 0x7f) found |= NOT_ASCII;
        }
        if (inside !== QUOTE) {
          i = key;
          break;
        }
        if (maySpellIndex(bytes, key + 1, i - 1)) found |= INDEX;
      } else if (sort === OPEN) {
        this.#count++;
        if (depth++ === 0) {
          this.#bracket = i - 1;
          this.#key = key;
        }
        this.#found = found;
        this.#levels = Math.max(this.#levels, around + depth);
        if (around + depth > this.#maxLevels) return this.#refuse(i, depth);
      } else if (sort === CLOSE) {
        this.#found = found;
        if (depth === 0) return this.#close(open, i - 1);
        if (--depth === 0) last = i;
      } else if (sort === HIGH) found |= NOT_ASCII;
    }
    this.#found = found;
    if (depth > 0) this.#addBefore(open);
    else {
      this.#bracket = -1;
      this.#addRun(open, this.#lastComma(last, i));
    }
    return false;
  }

  /** Returns the position of the last comma outside of strings, or `start`. */
  #lastComma(start: number, end: number): number {
    const { bytes } = this.#buffer;
    let last = start;
    for (let i = start; i < end; i++) {
      if (bytes[i] === COMMA) last = i;
      else if (bytes[i] === 0x22) i = this.#stringEnd(i + 1, end) - 1;
    }
    return last;
  }

  /** Returns the position after the string whose content begins at `start`; 0 if it has not ended. */
  #stringEnd(start: number, end: number): number {
    const { bytes } = this.#buffer;
    for (let i = start; i < end; i++) {
      if (bytes[i] === 0x22) return i + 1;
      if (bytes[i] === 0x5c) i++;
    }
    return 0;
  }

  /** Parses the items before the one that has begun; what stays begins with the comma before this. */
  #addBefore(open: Open): void {
    const { bytes } = this.#buffer;
    const start = open.items === undefined ? this.#key : this.#bracket;
    if (start < this.#start) throw notJson();
    let at = start;
    while (at > this.#start && isSpace(bytes[at - 1])) at--;
    const isFirst = at === this.#start;
    if (!isFirst && bytes[--at] !== COMMA) throw notJson();
    this.#addRun(open, at);
    if (isFirst !== open.isEmpty) throw notJson();
  }

  /** Parses the items up to `end`, which are complete. */
  #addRun(open: Open, end: number): void {
    const { bytes } = this.#buffer;
    let at = this.#afterSpaces(this.#start, end);
    this.#start = end;
    if (at === end) return;
    if (!open.isEmpty) {
      if (bytes[at] !== COMMA) throw notJson();
      at = this.#afterSpaces(at + 1, end);
      if (at === end) throw notJson();
    }
    const items = open.items === undefined ? UNREAD : this.#readItems(at, end);
    if (items !== UNREAD) return open.addRun(items);
    const [before, after] = open.items === undefined ? "{}" : "[]";
    open.addRun(parseScanned(this.#found, bytes, at, end, before, after));
  }

  /** Reads items with JsonReader: a list of 10 MB takes 55 ms of the processor then, and 110 with JSON.parse. */
  #readItems(start: number, end: number): unknown {
    const { bytes } = this.#buffer;
    if (this.#blind-- > 0 || end === bytes.length) return UNREAD;
    const [before, after] = [bytes[start - BEFORE], bytes[end]];
    bytes[start - BEFORE] = ARRAY;
    bytes[end] = END_OF_ARRAY;
    const items = this.#reader.read(bytes, start - BEFORE, end + 1);
    bytes[start - BEFORE] = before;
    bytes[end] = after;
    this.#blind = items === UNREAD ? BLIND : 0;
    return items;
  }

  /** Opens the item that has begun; returns false if there is none, or it is short. */
  #openItem(open: Open): boolean {
    const { bytes, end } = this.#buffer;
    const bracket = this.#bracket;
    if (bracket < 0 || end - this.#start < this.#chunk / 4) return false;
    if (open.items === undefined) {
      const found = this.#found;
      const field = parseScanned(found, bytes, this.#key, bracket, "{", "[]}");
      open.key = Object.keys(field as object)[0];
    }
    this.#open.push(new Open(bytes[bracket] === ARRAY));
    this.#start = bracket + 1;
    return true;
  }

  /** Completes the last open array or object, whose bracket is at `at`. */
  #close(open: Open, at: number): true {
    const { items, fields } = open;
    const bracket = items === undefined ? END_OF_OBJECT : END_OF_ARRAY;
    if (this.#buffer.bytes[at] !== bracket) throw notJson();
    this.#addRun(open, at);
    this.#start = at + 1;
    this.#open.pop();
    const around = this.#open.at(-1);
    if (around === undefined) this.#signal = items;
    else around.add(items ?? fields);
    return true;
  }

  /** Refuses the current item of the signal, of which `depth` levels are open in the bytes before `at`. */
  #refuse(at: number, depth: number): true {
    const signal = this.#open[0];
    if (this.#open.length === 1) this.#addBefore(signal);
    this.#skipped = this.#open.length - 1 + depth;
    this.#open.length = 1;
    signal.add(new RefusedItem(tooManyLevels(this.#maxLevels)));
    this.#start = at;
    return true;
  }

  /** Skips the rest of a refused item; returns false if it has not ended. */
  #skip(): boolean {
    const { bytes, end } = this.#buffer;
    for (let i = this.#start; i < end;) {
      const sort = SORTS[bytes[i++]];
      this.#start = sort === QUOTE ? i - 1 : i;
      if (sort === QUOTE) {
        i = this.#stringEnd(i, end);
        if (i === 0) return false;
      } else if (sort === OPEN) this.#skipped++;
      else if (sort === CLOSE && --this.#skipped === 0) return true;
    }
    this.#start = end;
    return false;
  }

  #afterSpaces(start: number, end: number): number {
    let at = start;
    while (at < end && isSpace(this.#buffer.bytes[at])) at++;
    return at;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
