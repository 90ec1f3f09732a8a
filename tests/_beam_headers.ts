/** Frames with a distribution header, and fragments, as a BEAM writes them: made of frames without a header. */

import { Buffer } from "node:buffer";
import { ENTRIES } from "../packages/beam/wire/atom_cache.ts";
import type { Random } from "./_seeds.ts";

/** The tags of terms that have a fixed size without their tag. */
const SIZES: Record<number, number> = { 70: 8, 97: 1, 98: 4, 106: 0 };

/** The tags of terms that begin with their length, and the number of bytes of the length and of other fields. */
const LENGTHS: Record<number, [bytes: number, more: number]> = {
  77: [4, 1],
  107: [2, 0],
  109: [4, 0],
  110: [1, 1],
  111: [4, 1],
};

/** Returns the frame of a payload. */
export function framed(...payload: (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(payload.map((each) => Buffer.from(each)));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Returns a fragment; `begin` has the header and the beginning of the terms of a first one. */
export function fragment(
  kind: 69 | 70,
  sequence: number | bigint,
  number: number,
  bytes: Uint8Array = Buffer.alloc(0),
): Buffer {
  const ids = Buffer.alloc(16);
  ids.writeBigUInt64BE(BigInt(sequence));
  ids.writeBigUInt64BE(BigInt(number), 8);
  return framed([131, kind], ids, bytes);
}

/** Writes the frames of one peer, with its cache of atoms. */
export class HeaderWriter {
  readonly #random: Random;
  readonly #entries = new Map<number, string>();
  #atoms: string[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Returns the header, without its first two bytes, and the terms of a frame that has none. */
  split(frame: Uint8Array): { header: Buffer; terms: Buffer } {
    this.#atoms = [];
    const bytes = Buffer.from(frame);
    const parts: Uint8Array[] = [];
    // Each term begins with the version byte.
    for (let at = 5; at < bytes.length;) {
      at = this.#term(bytes, at + 1, parts);
    }
    return { header: this.#header(), terms: Buffer.concat(parts) };
  }

  frame(frame: Uint8Array): Buffer {
    const { header, terms } = this.split(frame);
    return framed([131, 68], header, terms);
  }

  /** Returns the fragments of a frame, the first one with at least `least` bytes. */
  fragments(
    frame: Uint8Array,
    sequence: number | bigint,
    count: number,
    least: number,
  ): Buffer[] {
    const { header, terms } = this.split(frame);
    const ends = Array.from(
      { length: count - 1 },
      () => least + this.#random.below(Math.max(1, terms.length - least)),
    ).sort((a, b) => a - b);
    const starts = [0, ...ends];
    return starts.map((start, i) => {
      const part = terms.subarray(start, ends[i]);
      return i === 0
        ? fragment(69, sequence, count, Buffer.concat([header, part]))
        : fragment(70, sequence, count - i, part);
    });
  }

  #header(): Buffer {
    const count = this.#atoms.length;
    if (count === 0) return Buffer.of(0);
    const halves: number[] = [];
    const references: Uint8Array[] = [];
    const isLong = this.#atoms.some((name) => Buffer.byteLength(name) > 255) ||
      this.#random.below(4) === 0;
    const used = new Set<number>();
    for (const name of this.#atoms) {
      const text = Buffer.from(name);
      const known = [...this.#entries].find(([entry, known]) =>
        known === name && !used.has(entry)
      );
      let entry = known?.[0];
      const isNew = entry === undefined || this.#random.below(8) === 0;
      // Few entries, so that they are filled again.
      while (entry === undefined || isNew && used.has(entry)) {
        entry = this.#random.below(40) * 51 % ENTRIES;
      }
      used.add(entry);
      if (isNew) this.#entries.set(entry, name);
      halves.push(entry >> 8 | (isNew ? 8 : 0));
      const length = isLong
        ? [text.length >> 8, text.length & 255]
        : [text.length];
      references.push(
        isNew
          ? Buffer.from([entry & 255, ...length, ...text])
          : Buffer.of(entry & 255),
      );
    }
    halves.push(isLong ? 1 : 0);
    const flags = Buffer.alloc((count >> 1) + 1);
    halves.forEach((half, i) => flags[i >> 1] |= half << (i % 2 * 4));
    return Buffer.concat([Buffer.of(count), flags, ...references]);
  }

  /** Writes the term at `at`, with numbers of most atoms; returns the position after it. */
  #term(bytes: Buffer, at: number, parts: Uint8Array[]): number {
    const kind = bytes[at];
    const copy = (length: number) => {
      parts.push(bytes.subarray(at, at + length));
      at += length;
    };
    const terms = (count: number) => {
      for (let i = 0; i < count; i++) at = this.#term(bytes, at, parts);
    };
    if (kind in SIZES) copy(1 + SIZES[kind]);
    else if (kind in LENGTHS) {
      const [size, more] = LENGTHS[kind];
      copy(1 + size + more + bytes.readUIntBE(at + 1, size));
    } else {
      switch (kind) {
        case 118:
        case 119: {
          const size = kind === 118 ? 2 : 1;
          const end = at + 1 + size + bytes.readUIntBE(at + 1, size);
          const number = this.#numberOf(
            bytes.toString("utf8", at + 1 + size, end),
          );
          if (number === undefined) copy(end - at);
          else parts.push(Buffer.of(82, number));
          return end;
        }
        case 104: {
          const items = bytes[at + 1];
          copy(2);
          terms(items);
          break;
        }
        case 105:
        case 108:
        case 116: {
          const items = bytes.readUInt32BE(at + 1);
          copy(5);
          terms(kind === 116 ? 2 * items : kind === 108 ? items + 1 : items);
          break;
        }
        case 88:
        case 89:
        case 120:
          copy(1);
          terms(1);
          copy(kind === 89 ? 8 : 12);
          break;
        case 90: {
          const words = bytes.readUInt16BE(at + 1);
          copy(3);
          terms(1);
          copy(4 + 4 * words);
          break;
        }
        case 113:
          copy(1);
          terms(3);
          break;
        case 112:
          return this.#function(bytes, at, parts);
        default:
          throw new Error(`a term of the tag ${kind}`);
      }
    }
    return at;
  }

  #function(bytes: Buffer, start: number, parts: Uint8Array[]): number {
    const inner: Uint8Array[] = [];
    // The size, the arity, the hash, the index and the number of variables.
    let at = start + 1 + 4 + 1 + 16 + 4 + 4;
    const variables = bytes.readUInt32BE(at - 4);
    for (let i = 0; i < 4 + variables; i++) at = this.#term(bytes, at, inner);
    const head = Buffer.from(bytes.subarray(start, start + 30));
    const body = Buffer.concat(inner);
    head.writeUInt32BE(head.length - 1 + body.length, 1);
    parts.push(head, body);
    return at;
  }

  /** Returns the number of an atom in the header; `undefined` if the term has the atom itself. */
  #numberOf(name: string): number | undefined {
    const known = this.#atoms.indexOf(name);
    if (known >= 0) return known;
    if (this.#atoms.length === 30 || this.#random.below(4) === 0) {
      return undefined;
    }
    return this.#atoms.push(name) - 1;
  }
}
