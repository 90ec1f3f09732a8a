/**
 * Caches of the atoms and keys that a peer sends most, by their bytes.
 *
 * Each table has a fixed number of slots. A name has two slots, so two alternating names are both kept. New names
 * replace old ones, so a peer can neither fill the memory nor slow a search down.
 */

import { TextMap } from "@otp/processes/values/text_map";
import type { Buffer } from "node:buffer";
import {
  type Atom,
  atom,
  charactersOf,
  isLongName,
  MAX_NAME_LENGTH,
} from "@otp/processes/values/atom";
import { isNodeName } from "@otp/processes/values/pid";
import { ProtocolError } from "@otp/node/wires/over_limit";
import { asciiText, unicodeText } from "@otp/node/wires/texts";

/** The number of slots, a power of 2. */
const SLOTS = 512;

/** Returns the first of a name's two slots. All bytes count: `ping` and `pong` differ in one. */
function slotOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = (hash * 31 + bytes[at + i]) | 0;
  // The low bits depend on the last bytes only: mix the high bits in.
  return ((hash ^ (hash >>> 9) ^ (hash >>> 18)) & (SLOTS - 1)) & ~1;
}

function isSame(
  name: Uint8Array | undefined,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  if (name === undefined || name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name[i] !== bytes[at + i]) return false;
  return true;
}

/** A received atom. */
export interface KnownAtom {
  /** The atom's name in UTF-8. */
  readonly bytes: Uint8Array;
  readonly atom: Atom;
  /** The value that the atom stands for: `true`, `false`, `null`, `undefined`, or the atom itself. */
  readonly value: unknown;
  /** Whether the atom is the name of a node. */
  readonly isNode: boolean;
}

const VALUES: ReadonlyMap<string, unknown> = new TextMap<unknown>([
  ["true", true],
  ["false", false],
  ["nil", null],
  ["undefined", undefined],
]);

/** The values of names, by the names' bytes. */
export class NameTable<T> {
  readonly #names: (Uint8Array | undefined)[] = new Array(SLOTS)
    .fill(undefined);
  readonly #values: T[] = new Array(SLOTS).fill(undefined);
  readonly #valueOf: (bytes: Buffer, at: number, length: number) => T;

  /** Asks `valueOf` for the value of a name that is not in the table. */
  constructor(valueOf: (bytes: Buffer, at: number, length: number) => T) {
    this.#valueOf = valueOf;
  }

  /** Returns the value of a name. */
  find(bytes: Buffer, at: number, length: number): T {
    const slot = slotOf(bytes, at, length);
    const names = this.#names;
    const values = this.#values;
    if (isSame(names[slot], bytes, at, length)) return values[slot];
    if (isSame(names[slot + 1], bytes, at, length)) return values[slot + 1];
    const value = this.#valueOf(bytes, at, length);
    names[slot + 1] = names[slot];
    values[slot + 1] = values[slot];
    names[slot] = new Uint8Array(bytes.subarray(at, at + length));
    return values[slot] = value;
  }
}

/** Returns the atom of a name. Throws a `ProtocolError` if the name is not UTF-8, or too long. */
export function knownAtom(
  bytes: Buffer,
  at: number,
  length: number,
): KnownAtom {
  const name = unicodeText(bytes, at, at + length);
  if (name === undefined) throw new ProtocolError("an atom that is not UTF-8");
  if (isLongName(name)) {
    throw new ProtocolError(
      `an atom of ${
        charactersOf(name)
      } characters, and ${MAX_NAME_LENGTH} is the most`,
    );
  }
  const made = atom(name);
  return {
    bytes: new Uint8Array(bytes.subarray(at, at + length)),
    atom: made,
    value: VALUES.has(name) ? VALUES.get(name) : made,
    isNode: isNodeName(name),
  };
}

/** Returns the text of an ASCII key. Maps find a key faster if it is the same string object each time. */
export function knownKey(bytes: Buffer, at: number, length: number): string {
  return asciiText(bytes, at, at + length);
}
