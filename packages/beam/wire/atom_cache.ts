/**
 * The distribution header of a peer, which has the atoms of the terms behind it.
 *
 * The terms refer to an atom by its number in the header, from 0 on. The header refers to an entry of the cache, or fills
 * it. Both ends keep a cache of 2,048 entries in 8 segments, one for each direction of the connection.
 *
 * ```text
 * u8 count | flags | references
 * flags: half a byte for each atom, the lower half first: 8 for a new entry, and the segment;
 *        then another half: 1 if lengths have two bytes. None for a count of 0.
 * reference: u8 entry in the segment, and for a new entry its length and its text in UTF-8
 * ```
 */

import { type KnownAtom, knownAtom } from "./atoms.ts";
import { ProtocolError } from "@otp/node/wires/over_limit";
import { bufferOf } from "@otp/node/wires/texts";

/** The number of entries. */
export const ENTRIES = 2048;

const NEW = 8;
const SEGMENT = 7;
const LONG = 1;

const NO_ATOMS: readonly KnownAtom[] = [];

/** The atoms that a peer has put into its headers. */
export class AtomCache {
  /** Allocated for the first atom, as peers can leave the cache unused. */
  #entries: (KnownAtom | undefined)[] = [];
  /** The atoms of the last header. */
  atoms: readonly KnownAtom[] = NO_ATOMS;

  /**
   * Reads a header, without its first two bytes; returns the position after it. Throws a `ProtocolError` if the header
   * is invalid, or refers to an empty entry.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (start >= end) throw truncated();
    const count = bytes[start];
    this.atoms = NO_ATOMS;
    if (count === 0) return start + 1;
    const flags = start + 1;
    let at = flags + (count >> 1) + 1;
    if (at + count > end) throw truncated();
    if (this.#entries.length === 0) this.#entries = new Array(ENTRIES);
    const isLong = (halfByte(bytes, flags, count) & LONG) !== 0;
    const atoms: KnownAtom[] = new Array(count);
    for (let i = 0; i < count; i++) {
      const flag = halfByte(bytes, flags, i);
      if (at >= end) throw truncated();
      const entry = ((flag & SEGMENT) << 8) | bytes[at++];
      let known = this.#entries[entry];
      if ((flag & NEW) !== 0) {
        if (at + 2 > end) throw truncated();
        let length = bytes[at++];
        if (isLong) length = (length << 8) | bytes[at++];
        if (at + length > end) throw truncated();
        known = knownAtom(bufferOf(bytes), at, length);
        this.#entries[entry] = known;
        at += length;
      }
      if (known === undefined) {
        throw new ProtocolError(
          `a header with the entry ${entry} of the cache of atoms, which is empty`,
        );
      }
      atoms[i] = known;
    }
    this.atoms = atoms;
    return at;
  }
}

function halfByte(bytes: Uint8Array, start: number, index: number): number {
  const both = bytes[start + (index >> 1)];
  return (index & 1) === 0 ? both & 15 : both >> 4;
}

function truncated(): ProtocolError {
  return new ProtocolError("a header that goes beyond its frame");
}
