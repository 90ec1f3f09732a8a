/**
 * Reads terms that exceed a limit, for people: replaces parts that are too deep, large integers, and functions by `…`.
 *
 * Log events are cut, since the log of a crash matters most when the state is unusual. The bytes are copied without the
 * replaced parts and then read as usual, so that normal reading pays nothing.
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "@otp/node/wires/over_limit";
import {
  TermReader,
  truncated,
  unaccepted,
  unexpected,
} from "./etf_decoder.ts";
import * as tag from "./etf_tags.ts";

/** Replaces a part that is left out. */
const CUT = Buffer.from("…");
const MARK = Buffer.concat([
  Uint8Array.of(tag.BINARY, 0, 0, 0, CUT.length),
  CUT,
]);

/** The terms that count as a level. Dates, which are maps, do not count when read, so they are cut earlier than needed. */
const LEVELS: ReadonlySet<number> = new Set([
  ...[tag.SMALL_TUPLE, tag.LARGE_TUPLE, tag.NIL, tag.STRING, tag.LIST],
  tag.MAP,
]);

/** The terms without items: the number of bytes of their length, and the number of bytes besides that length. */
const LEAVES: Partial<Record<number, [length: number, more: number]>> = {
  [tag.SMALL_INTEGER]: [0, 1],
  [tag.CACHED_ATOM]: [0, 1],
  [tag.INTEGER]: [0, 4],
  [tag.NEW_FLOAT]: [0, 8],
  [tag.NIL]: [0, 0],
  [tag.SMALL_ATOM_UTF8]: [1, 0],
  [tag.ATOM_UTF8]: [2, 0],
  [tag.STRING]: [2, 0],
  [tag.BINARY]: [4, 0],
  [tag.BIT_BINARY]: [4, 1],
  [tag.SMALL_BIG]: [1, 1],
  [tag.LARGE_BIG]: [4, 1],
  // The size of a function includes the bytes of the size.
  [tag.NEW_FUN]: [4, -4],
};

/** The maximum size of a kept integer, in bytes. */
const MAX_INTEGER = 1024;

/** Reads the last term of `reader`, cut to `maxDepth` levels. Throws a `ProtocolError` if the term is invalid. */
export function cutTerm(reader: TermReader, maxDepth: number): unknown {
  const bytes = new Cutter(reader.rest()).cut(maxDepth);
  const cut = new TermReader().open(bytes, 0, bytes.length, reader.atoms);
  const term = cut.term(maxDepth);
  cut.finish();
  return term;
}

class Cutter {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  /** The beginning of the kept bytes that are not copied yet. */
  #from = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  cut(maxDepth: number): Uint8Array {
    this.#copy(maxDepth);
    if (this.#at !== this.#bytes.length) {
      throw new ProtocolError(
        `${this.#bytes.length - this.#at} bytes after a term`,
      );
    }
    this.#parts.push(this.#bytes.subarray(this.#from));
    return Buffer.concat(this.#parts);
  }

  /** Keeps a term to the given number of levels, and cuts its deeper parts. */
  #copy(left: number): void {
    const start = this.#at;
    const kind = this.#kind();
    const items = this.#head();
    const isCut = left <= 0 && LEVELS.has(kind) || kind === tag.NEW_FUN ||
      kind === tag.LARGE_BIG && this.#at - start > MAX_INTEGER;
    if (!isCut) {
      for (let i = 1; i < items; i++) this.#copy(left - 1);
      if (items === 0) return;
      // The empty list at the end of a list is not a level.
      if (kind === tag.LIST && this.#kind() === tag.NIL) this.#at++;
      else this.#copy(left - 1);
      return;
    }
    // Do not recurse: a cut part can have any depth.
    for (let open = items; open > 0; open--) open += this.#head();
    this.#parts.push(this.#bytes.subarray(this.#from, start), MARK);
    this.#from = this.#at;
  }

  #kind(): number {
    if (this.#at < this.#bytes.length) return this.#bytes[this.#at];
    throw truncated();
  }

  /** Skips the head of a term; returns the number of its items, which follow. */
  #head(): number {
    const kind = this.#kind();
    this.#at++;
    const leaf = LEAVES[kind];
    if (leaf !== undefined) return this.#skip(this.#number(leaf[0]) + leaf[1]);
    switch (kind) {
      case tag.SMALL_TUPLE:
        return this.#number(1);
      case tag.LARGE_TUPLE:
        return this.#number(4);
      case tag.LIST:
        return this.#number(4) + 1;
      case tag.MAP:
        return 2 * this.#number(4);
      case tag.NEW_PID:
      case tag.V4_PORT:
        this.#atom();
        return this.#skip(12);
      case tag.NEW_PORT:
        this.#atom();
        return this.#skip(8);
      case tag.NEWER_REFERENCE: {
        const words = this.#number(2);
        this.#atom();
        return this.#skip(4 + 4 * words);
      }
      case tag.EXPORT:
        this.#atom();
        this.#atom();
        return this.#skip(2);
      default:
        throw unaccepted(kind);
    }
  }

  #atom(): void {
    const kind = this.#kind();
    if (
      kind !== tag.SMALL_ATOM_UTF8 && kind !== tag.ATOM_UTF8 &&
      kind !== tag.CACHED_ATOM
    ) throw unexpected("an atom", kind);
    this.#head();
  }

  /** Reads a number; one of no bytes is 0. */
  #number(bytes: number): number {
    this.#skip(bytes);
    return bytes === 0 ? 0 : this.#bytes.readUIntBE(this.#at - bytes, bytes);
  }

  #skip(bytes: number): 0 {
    if (bytes < 0 || this.#bytes.length - this.#at < bytes) throw truncated();
    this.#at += bytes;
    return 0;
  }
}
