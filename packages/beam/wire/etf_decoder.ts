/**
 * Decodes Erlang's External Term Format into values.
 *
 * Every length and count is checked against the remaining bytes before memory is allocated, and nesting is bounded. So
 * time and memory are linear in the number of bytes. Levels are counted as in `copyTerm`: a set is one level, although
 * its struct is two maps, and a date is no level.
 */

import { Buffer, isAscii } from "node:buffer";
import type { Atom } from "@otp/processes/values/atom";
import { Bitstring } from "@otp/processes/values/bitstring";
import { Float } from "@otp/processes/values/float";
import {
  ExternalFunction,
  LocalFunction,
  MAX_FUNCTION_BYTES,
} from "@otp/processes/values/functions";
import { FEW_KEYS } from "@otp/processes/values/hash_collisions";
import { ImproperList } from "@otp/processes/values/improper_list";
import { Pid, pidOf, receivedRef, type Ref } from "@otp/processes/values/pid";
import { Port } from "@otp/processes/values/port";
import {
  areCrowded,
  DEFAULT_MAX_DEPTH,
  defineProto,
  isPlainObject,
  MAX_BIGINT_DIGITS,
} from "@otp/processes/values/term";
import { Tuple } from "@otp/processes/values/tuple";
import { OverLimit, ProtocolError } from "@otp/node/wires/over_limit";
import { asciiText, bufferOf, unicodeText } from "@otp/node/wires/texts";
import { type KnownAtom, knownAtom, knownKey, NameTable } from "./atoms.ts";
import * as tag from "./etf_tags.ts";
import {
  DATE_TIME_FIELDS,
  fromStruct,
  MAP_SET,
  SET_ITEMS,
  STRUCT,
} from "./structs.ts";

/** Binaries up to this size are decoded in a loop: the host takes two calls, of 35 ns each. */
const SHORT = 48;

/**
 * Arrays up to this length are allocated at once, which takes half the time. Longer arrays grow, as a peer can announce
 * at each level as many items as bytes are left.
 */
const MANY = 4096;

/** The maximum size of a cached key, in bytes. */
const SHORT_KEY = 32;

/** The maximum size of an integer with the allowed number of digits, in bytes. */
const MAX_BIG_BYTES = Math.ceil(MAX_BIGINT_DIGITS * Math.log2(10) / 8);

const BIG_END = 10n ** BigInt(MAX_BIGINT_DIGITS);

const WORD = 2 ** 32;

/** The upper word of a 53-bit number is below this. */
const UPPER_END = 2 ** 21;

const NOTHING = Buffer.alloc(0);

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** An atom, and its encoding in a frame whose header does not have it. */
interface EncodedAtom {
  readonly atom: Atom;
  readonly bytes: Uint8Array;
}

/** The atoms of a `MapSet`: it begins with the key `map` since OTP 26, and with the name when keys are sorted. */
const [ITEMS_KEY, STRUCT_KEY, SET_NAME] = [SET_ITEMS, STRUCT, MAP_SET].map(
  (atom): EncodedAtom => ({
    atom,
    bytes: Buffer.from([
      tag.SMALL_ATOM_UTF8,
      atom.name.length,
      ...Buffer.from(atom.name),
    ]),
  }),
);

/** The atoms of a frame without a header. */
const NO_ATOMS: readonly KnownAtom[] = [];

/** Returns the number of bytes that an atom takes, besides the two bytes of its number in a header. */
function growthOf({ bytes: { length } }: KnownAtom): number {
  return length > 0xff ? length + 1 : length;
}

/** Reads a sequence of terms, and parts of terms. One reader serves all frames of a connection. */
export class TermReader {
  readonly #known = new NameTable(knownAtom);
  readonly #keys = new NameTable(knownKey);
  readonly #maxGrowth: number;
  /** The atoms of the header of the frame. */
  #atoms = NO_ATOMS;
  /** The number of bytes that the term would be longer without its header. */
  #growth = 0;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  /** The maximum nesting of the term that is being read. */
  #max = DEFAULT_MAX_DEPTH;
  /** The smallest number of levels left at any place so far. */
  #lowest = Infinity;
  /** Whether the variables of a function are being read, whose values are discarded. */
  #inFunction = false;
  /** The growth before that function, and its places that change when the header's atoms are written out in it. */
  #outerGrowth = 0;
  #references: number[] = [];
  #sizes: FunctionSize[] = [];
  /** The number of enclosing maps that must be dates, as they are too deep otherwise. */
  #dates = 0;
  #givesViews = false;
  /** Whether a binary is a view of the bytes. */
  hasGivenView = false;

  /**
   * Creates a reader.
   *
   * @param maxGrowth The number of bytes that a term may be longer without its header. The header stands for atoms of
   * 1,020 bytes in two, so that a term of a legal size could become 500 times as large when it is sent on.
   */
  constructor(maxGrowth = Infinity) {
    this.#maxGrowth = maxGrowth;
  }

  /**
   * Starts reading `bytes` from `start` to `end`, with the atoms of a header. Values are copies of the bytes. With
   * `givesViews`, a binary of more than half of the bytes is a view of them: a copy would be fresh memory.
   */
  open(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
    atoms: readonly KnownAtom[] = NO_ATOMS,
    givesViews = false,
  ): this {
    this.#givesViews = givesViews;
    this.hasGivenView = false;
    this.#bytes = bufferOf(bytes);
    this.#at = start;
    this.#end = end;
    this.#atoms = atoms;
    this.#growth = 0;
    this.#inFunction = false;
    this.#dates = 0;
    return this;
  }

  /** Whether all bytes have been read. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** The current position. */
  get at(): number {
    return this.#at;
  }

  /** The atoms of the header. */
  get atoms(): readonly KnownAtom[] {
    return this.#atoms;
  }

  /** Returns the remaining bytes. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** Goes back to an earlier position. */
  rewind(at: number): void {
    this.#at = at;
    this.#inFunction = false;
    this.#dates = 0;
  }

  /** The tag of the next term; does not advance. */
  get tag(): number {
    this.#need(1);
    return this.#bytes[this.#at];
  }

  /** @throws {ProtocolError} If bytes remain. */
  finish(): void {
    if (this.#at !== this.#end) {
      throw new ProtocolError(`${this.#end - this.#at} bytes after a term`);
    }
  }

  /** Reads a byte. */
  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++];
  }

  /** Reads a 32-bit number. */
  u32(): number {
    this.#need(4);
    return this.#word();
  }

  /** Reads the version byte before a term. */
  version(): void {
    const version = this.u8();
    if (version !== tag.ETF_VERSION) {
      throw new ProtocolError(`a term of version ${version}`);
    }
  }

  /** Reads the beginning of a tuple; returns its arity. Its elements follow. */
  tuple(): number {
    const kind = this.u8();
    if (kind === tag.SMALL_TUPLE) return this.u8();
    if (kind === tag.LARGE_TUPLE) return this.#count(1);
    throw unexpected("a tuple", kind);
  }

  /** Reads an atom; `true`, `false`, `nil` and `undefined` are atoms, too. */
  atom(): Atom {
    return this.#atomOf(this.u8()).atom;
  }

  /** Reads an integer. */
  integer(): number | bigint {
    const kind = this.u8();
    switch (kind) {
      case tag.SMALL_INTEGER:
        return this.u8();
      case tag.INTEGER:
        return this.u32() | 0;
      case tag.SMALL_BIG:
        return this.#big(this.u8());
      case tag.LARGE_BIG:
        return this.#big(this.u32());
      default:
        throw unexpected("an integer", kind);
    }
  }

  /** Reads an integer from 0 to 2⁵³ - 1. */
  natural(): number {
    const value = this.integer();
    if (typeof value === "number" && value >= 0) return value;
    throw new ProtocolError("expected a natural number below 2^53");
  }

  /** Reads a pid. */
  pid(): Pid {
    const kind = this.u8();
    if (kind !== tag.NEW_PID) throw unexpected("a pid", kind);
    return this.#pid();
  }

  /** Reads a reference. */
  ref(): Ref {
    const kind = this.u8();
    if (kind !== tag.NEWER_REFERENCE) throw unexpected("a reference", kind);
    return this.#ref();
  }

  /**
   * Reads a term. Throws a `ProtocolError` if the term is invalid, and an `OverLimit` if the term is nested deeper than
   * `maxDepth`, or exceeds another limit.
   */
  term(maxDepth: number = DEFAULT_MAX_DEPTH): unknown {
    this.#max = maxDepth;
    this.#lowest = Infinity;
    this.#growth = 0;
    return this.#read(maxDepth);
  }

  #read(left: number): unknown {
    if (this.#at >= this.#end) throw truncated();
    const kind = this.#bytes[this.#at++];
    switch (kind) {
      case tag.SMALL_INTEGER:
        this.#need(1);
        return this.#bytes[this.#at++];
      case tag.INTEGER:
        this.#need(4);
        return this.#word() | 0;
      case tag.BINARY:
        return this.#binary();
      case tag.SMALL_ATOM_UTF8:
      case tag.ATOM_UTF8:
      case tag.CACHED_ATOM:
        return this.#atomOf(kind).value;
      case tag.SMALL_TUPLE:
        return this.#tuple(this.u8(), left);
      case tag.LARGE_TUPLE:
        return this.#tuple(this.#count(1), left);
      case tag.NIL:
        this.#checkDepth(left);
        return [];
      case tag.STRING:
        return this.#string(left);
      case tag.LIST:
        return this.#list(left);
      case tag.MAP:
        return this.#map(left);
      case tag.NEW_FLOAT:
        return this.#float();
      case tag.NEW_PID:
        return this.#pid();
      case tag.NEWER_REFERENCE:
        return this.#ref();
      case tag.SMALL_BIG:
        return this.#big(this.u8());
      case tag.LARGE_BIG:
        return this.#big(this.u32());
      case tag.BIT_BINARY:
        return this.#bitstring();
      case tag.EXPORT:
        return this.#external();
      case tag.NEW_FUN:
        return this.#function(left);
      case tag.V4_PORT:
      case tag.NEW_PORT:
        return this.#port(kind);
      default:
        throw unaccepted(kind);
    }
  }

  #need(bytes: number): void {
    if (this.#end - this.#at < bytes) throw truncated();
  }

  #word(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 4;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) |
      bytes[at + 3]) >>> 0;
  }

  /** Reads a number of items; each item takes at least `size` bytes. */
  #count(size: number): number {
    const count = this.u32();
    this.#need(count * size);
    return count;
  }

  /** Begins a level; `left` counts the levels left, with this one. */
  #checkDepth(left: number): void {
    if (left >= this.#lowest) return;
    if (left <= 0) throw this.#tooDeep();
    this.#lowest = left;
  }

  #tooDeep(): OverLimit {
    return new OverLimit(
      `a term nested deeper than ${this.#max} levels (limits.maxDepth)`,
    );
  }

  #atomOf(kind: number): KnownAtom {
    let length;
    if (kind === tag.CACHED_ATOM) return this.#atomOfHeader();
    if (kind === tag.SMALL_ATOM_UTF8) length = this.u8();
    else if (kind === tag.ATOM_UTF8) {
      this.#need(2);
      length = (this.#bytes[this.#at++] << 8) | this.#bytes[this.#at++];
    } else throw unexpected("an atom", kind);
    this.#need(length);
    const at = this.#at;
    this.#at = at + length;
    return this.#known.find(this.#bytes, at, length);
  }

  #atomOfHeader(): KnownAtom {
    const number = this.u8();
    if (number >= this.#atoms.length) {
      throw new ProtocolError(
        `the atom ${number} of a header with ${this.#atoms.length}`,
      );
    }
    const known = this.#atoms[number];
    this.#growth += growthOf(known);
    if (this.#growth > this.#maxGrowth) {
      throw new OverLimit(
        `a term that is over ${this.#maxGrowth} bytes longer with the atoms of its header (limits.maxMessageBytes)`,
      );
    }
    if (this.#inFunction) this.#references.push(this.#at - 2);
    return known;
  }

  #node(): string {
    const { atom, isNode } = this.#atomOf(this.u8());
    if (!isNode) throw new ProtocolError("expected a node's name");
    return atom.name;
  }

  #pid(): Pid {
    const node = this.#node();
    this.#need(12);
    const id = this.#word();
    const serial = this.#word();
    const creation = this.#word();
    return serial < UPPER_END
      ? new Pid(node, serial * WORD + id, creation)
      : pidOf(node, id, serial, creation);
  }

  #ref(): Ref {
    this.#need(2);
    const count = (this.#bytes[this.#at++] << 8) | this.#bytes[this.#at++];
    if (count === 0 || count > tag.MAX_REFERENCE_WORDS) {
      throw new ProtocolError(`a reference of ${count} words`);
    }
    const node = this.#node();
    this.#need(4 + 4 * count);
    const creation = this.#word();
    const words: number[] = new Array(count);
    for (let i = 0; i < count; i++) words[i] = this.#word();
    return receivedRef(node, words, creation);
  }

  #port(kind: number): Port {
    const node = this.#node();
    this.#need(kind === tag.V4_PORT ? 12 : 8);
    const upper = kind === tag.V4_PORT ? this.#word() : 0;
    const lower = this.#word();
    const id = upper < UPPER_END
      ? upper * WORD + lower
      : (BigInt(upper) << 32n) | BigInt(lower);
    return new Port(node, id, this.#word());
  }

  #float(): unknown {
    this.#need(8);
    for (let i = 7; i >= 0; i--) floatBytes[i] = this.#bytes[this.#at++];
    const [value] = float;
    if (!Number.isFinite(value)) {
      throw new ProtocolError("a float that is not finite");
    }
    // Safe integers except -0 are sent as integers, so such a float needs a `Float`.
    return Number.isSafeInteger(value) && !Object.is(value, -0)
      ? new Float(value)
      : value;
  }

  #big(length: number): number | bigint {
    this.#need(1 + length);
    const bytes = this.#bytes;
    const isNegative = bytes[this.#at++];
    if (isNegative > 1) throw new ProtocolError("an integer without a sign");
    const start = this.#at;
    this.#at = start + length;
    if (length <= 6 || (length === 7 && bytes[start + 6] < 0x20)) {
      let value = 0;
      for (let i = length - 1; i >= 0; i--) {
        value = value * 256 + bytes[start + i];
      }
      // `0 - value` avoids -0.
      return isNegative === 1 ? 0 - value : value;
    }
    if (length > MAX_BIG_BYTES) throw tooManyDigits();
    const digits = Buffer.from(bytes.subarray(start, start + length)).reverse();
    const absolute = BigInt(`0x${digits.toString("hex")}`);
    if (length === MAX_BIG_BYTES && absolute >= BIG_END) throw tooManyDigits();
    const value = isNegative === 1 ? -absolute : absolute;
    // Leading zeros can make a small integer long.
    return absolute <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  #binary(): string | Uint8Array {
    return this.#bytesOf(this.#count(1));
  }

  /** Reads the bytes of a binary; returns a text if they are UTF-8. */
  #bytesOf(length: number): string | Uint8Array {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    this.#at = end;
    if (length <= SHORT) {
      let at = start;
      while (at < end && bytes[at] < 0x80) at++;
      if (at === end) return asciiText(bytes, start, end);
    } else if (isAscii(bytes.subarray(start, end))) {
      return asciiText(bytes, start, end);
    }
    return unicodeText(bytes, start, end) ?? this.#copy(start, end);
  }

  #copy(start: number, end: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    if (this.#givesViews && 2 * (end - start) > bytes.length) {
      this.hasGivenView = true;
      return new Uint8Array(
        bytes.buffer as ArrayBuffer,
        bytes.byteOffset + start,
        end - start,
      );
    }
    // `slice` of a Buffer would share its memory.
    if (end - start > SHORT) return new Uint8Array(bytes.subarray(start, end));
    const copy = new Uint8Array(end - start);
    for (let i = start; i < end; i++) copy[i - start] = bytes[i];
    return copy;
  }

  #bitstring(): unknown {
    const length = this.#count(1);
    const bits = this.u8();
    this.#need(length);
    // As in OTP, a bitstring without bits must be a binary.
    if (length === 0 || bits === 0 || bits > 8) {
      throw new ProtocolError(`a bitstring with ${bits} bits in its last byte`);
    }
    if (bits === 8) return this.#bytesOf(length);
    const start = this.#at;
    this.#at = start + length;
    return new Bitstring(this.#copy(start, this.#at), bits);
  }

  #external(): ExternalFunction {
    const module = this.atom();
    const name = this.atom();
    const kind = this.u8();
    if (kind !== tag.SMALL_INTEGER) throw unexpected("an arity", kind);
    return new ExternalFunction(module.name, name.name, this.u8());
  }

  /** Reads a function with its environment: checks the bytes and keeps them unchanged. */
  #function(left: number): object {
    const start = this.#at - 1;
    const size = this.u32();
    const end = start + 1 + size;
    if (end > this.#end) throw new ProtocolError(`a function of ${size} bytes`);
    if (size > MAX_FUNCTION_BYTES) throw tooLongFunction(size);
    // A function is not a level of a term. A function within a function is one, so that nesting is bounded.
    const isInner = this.#inFunction;
    if (isInner && left <= 0) throw this.#tooDeep();
    const growth = this.#growth;
    if (!isInner) this.#beginFunction();
    const arity = this.u8();
    // Skip the hash of the module's code.
    this.#need(16);
    this.#at += 16;
    const index = this.u32();
    const variables = this.#count(1);
    const module = this.atom();
    this.natural();
    const uniq = this.natural();
    if (uniq >= WORD) throw new ProtocolError(`a function of the hash ${uniq}`);
    this.pid();
    const lowest = this.#lowest;
    this.#lowest = Infinity;
    for (let i = 0; i < variables; i++) {
      this.#read(isInner ? left - 1 : this.#max);
    }
    this.#inFunction = isInner;
    this.#lowest = lowest;
    if (this.#at !== end) {
      throw new ProtocolError(
        `a function that does not have its ${size} bytes`,
      );
    }
    if (this.#growth > growth) {
      this.#sizes.push({
        at: start + 1 + growth - this.#outerGrowth,
        size: size + this.#growth - growth,
      });
    }
    // A function within a function is discarded, but it may be a map key, which must be unique.
    if (isInner) return {};
    const bytes = this.#functionBytes(start, end);
    return new LocalFunction(module.name, index, uniq, arity, bytes);
  }

  #beginFunction(): void {
    this.#inFunction = true;
    this.#outerGrowth = this.#growth;
    this.#references = [];
    this.#sizes = [];
  }

  /** Returns the bytes of a function, which stay valid without the header: its atoms are written out. */
  #functionBytes(start: number, end: number): Uint8Array {
    if (this.#references.length === 0) return this.#bytes.subarray(start, end);
    const length = end - start + this.#growth - this.#outerGrowth;
    if (length > MAX_FUNCTION_BYTES) throw tooLongFunction(length);
    const whole = Buffer.alloc(length);
    let from = start;
    let to = 0;
    for (const at of this.#references) {
      whole.set(this.#bytes.subarray(from, at), to);
      to += at - from;
      from = at + 2;
      const { bytes } = this.#atoms[this.#bytes[at + 1]];
      const isShort = bytes.length <= 0xff;
      whole[to++] = isShort ? tag.SMALL_ATOM_UTF8 : tag.ATOM_UTF8;
      if (!isShort) whole[to++] = bytes.length >> 8;
      whole[to++] = bytes.length;
      whole.set(bytes, to);
      to += bytes.length;
    }
    whole.set(this.#bytes.subarray(from, end), to);
    for (const { at, size } of this.#sizes) {
      whole.writeUInt32BE(size, at - start);
    }
    return whole;
  }

  #tuple(arity: number, left: number): Tuple {
    this.#checkDepth(left);
    this.#need(arity);
    return new Tuple(this.#items(arity, left - 1));
  }

  #items(length: number, left: number): unknown[] {
    const isMany = length > MANY;
    const items = isMany ? [] : new Array(length);
    if (isMany) {
      for (let i = 0; i < length; i++) items.push(this.#read(left));
    } else for (let i = 0; i < length; i++) items[i] = this.#read(left);
    return items;
  }

  #string(left: number): number[] {
    this.#checkDepth(left);
    this.#need(2);
    const length = (this.#bytes[this.#at++] << 8) | this.#bytes[this.#at++];
    this.#need(length);
    const bytes = this.#bytes;
    const start = this.#at;
    this.#at = start + length;
    const items = new Array(length);
    for (let i = 0; i < length; i++) items[i] = bytes[start + i];
    return items;
  }

  #list(left: number): unknown {
    this.#checkDepth(left);
    const length = this.#count(1);
    const items = this.#items(length, left - 1);
    if (this.tag === tag.NIL) {
      this.#at++;
      return items;
    }
    const tail = this.#read(left - 1);
    if (
      length === 0 || Array.isArray(tail) || tail instanceof ImproperList
    ) throw new ProtocolError("a list whose tail is a list");
    return new ImproperList(items, tail);
  }

  #map(left: number): unknown {
    const size = this.#count(2);
    if (size === DATE_TIME_FIELDS) return this.#maybeDate(left);
    this.#checkDepth(left);
    if (size === 2) {
      const named = this.#afterSetName(this.#at);
      const items = this.#after(named < 0 ? this.#at : named, ITEMS_KEY);
      if (items >= 0 && this.#mayBeSet(items)) {
        this.#at = items + 1;
        return this.#maybeSet(named >= 0, left);
      }
    }
    return this.#entries(size, left);
  }

  #entries(size: number, left: number): unknown {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < size; i++) {
      const key = this.#key(left - 1);
      if (typeof key !== "string") {
        return this.#mixed(object, key, size, i, left);
      }
      const value = this.#read(left - 1);
      if (key === "__proto__") defineProto(object, value);
      else object[key] = value;
    }
    return object;
  }

  /** Reads a key of a map. */
  #key(left: number): unknown {
    const bytes = this.#bytes;
    const start = this.#at + 5;
    // Most keys are short texts.
    if (
      start <= this.#end && bytes[start - 5] === tag.BINARY &&
      bytes[start - 4] === 0 && bytes[start - 3] === 0 && bytes[start - 2] === 0
    ) {
      const length = bytes[start - 1];
      const end = start + length;
      if (length > 0 && length <= SHORT_KEY && end <= this.#end) {
        let at = start;
        while (at < end && bytes[at] < 0x80) at++;
        if (at === end) {
          this.#at = end;
          return this.#keys.find(bytes, start, length);
        }
      }
    }
    return this.#read(left);
  }

  /** Reads the rest of a map after `count` text keys and `first`, the first key of another type. */
  #mixed(
    object: Record<string, unknown>,
    first: unknown,
    size: number,
    count: number,
    left: number,
  ): unknown {
    if (size > FEW_KEYS) {
      return this.#mixedMany(object, first, size, count, left);
    }
    const map = new Map<unknown, unknown>(Object.entries(object));
    map.set(first, this.#read(left - 1));
    for (let i = count + 1; i < size; i++) {
      map.set(this.#key(left - 1), this.#read(left - 1));
    }
    checkSize(map, size);
    return fromStruct(map);
  }

  /** Like {@linkcode #mixed}, for many keys: checks them for colliding hashes before making the map. */
  #mixedMany(
    object: Record<string, unknown>,
    first: unknown,
    size: number,
    count: number,
    left: number,
  ): unknown {
    const keys = [...Object.keys(object), first];
    if (keys.length <= count) throw receivedTwice();
    const values = [...Object.values(object), this.#read(left - 1)];
    for (let i = count + 1; i < size; i++) {
      keys.push(this.#key(left - 1));
      values.push(this.#read(left - 1));
    }
    return fromStruct(mapOf(keys, values));
  }

  /** Returns the position after an atom, if it is at `at`; otherwise -1. */
  #after(at: number, { atom, bytes }: EncodedAtom): number {
    const own = this.#bytes;
    if (at < 0 || this.#end - at < 2) return -1;
    if (own[at] === tag.CACHED_ATOM) {
      return this.#atoms[own[at + 1]]?.atom === atom ? at + 2 : -1;
    }
    if (this.#end - at < bytes.length) return -1;
    for (let i = 0; i < bytes.length; i++) {
      if (own[at + i] !== bytes[i]) return -1;
    }
    return at + bytes.length;
  }

  /** Returns the position after the key and the value that name a set; otherwise -1. */
  #afterSetName(at: number): number {
    return this.#after(this.#after(at, STRUCT_KEY), SET_NAME);
  }

  /** Returns whether the map at `at` may be a set's items: in a struct, the first key is an atom and has a value. */
  #mayBeSet(at: number): boolean {
    const bytes = this.#bytes;
    const key = at + 5;
    if (bytes[at] !== tag.MAP || key > this.#end) return false;
    const isEmpty = bytes.readUInt32BE(key - 4) === 0;
    const isCached = bytes[key] === tag.CACHED_ATOM;
    const value = key + 2 + (isCached ? 0 : bytes[key + 1]);
    return isEmpty || !isCached && bytes[key] !== tag.SMALL_ATOM_UTF8 ||
      value >= this.#end ||
      bytes[value] === tag.NIL;
  }

  /**
   * Reads a map that begins like a set. Only the bytes after the keys show whether it is a set. So the keys are read as
   * items of a set, which are one level higher than keys of a map in a map.
   */
  #maybeSet(isNamed: boolean, left: number): unknown {
    const size = this.#count(2);
    const keys: unknown[] = [];
    const values: unknown[] = [];
    const outer = this.#lowest;
    let ofKeys = left;
    let ofValues = left;
    let isSet = true;
    for (let i = 0; i < size; i++) {
      this.#lowest = ofKeys;
      keys.push(this.#key(left - 1));
      ofKeys = this.#lowest;
      if (this.tag === tag.NIL) {
        this.#at++;
        ofValues = Math.min(ofValues, left - 2);
        values.push([]);
        continue;
      }
      isSet = false;
      this.#lowest = ofValues;
      values.push(this.#read(left - 2));
      ofValues = this.#lowest;
    }
    const end = isNamed ? this.#at : this.#afterSetName(this.#at);
    if (isSet && end >= 0) {
      this.#at = end;
      this.#lowest = Math.min(outer, ofKeys);
      return setOf(keys);
    }
    // Not a set: a map in a map.
    const lowest = Math.min(left - 1, ofKeys - 1, ofValues);
    if (lowest <= 0) throw this.#tooDeep();
    this.#lowest = Math.min(outer, lowest);
    const inner = withoutMap(mapOf(keys, values));
    const map = new Map<unknown, unknown>([[SET_ITEMS, inner]]);
    if (isNamed) map.set(STRUCT, MAP_SET);
    else map.set(this.#key(left - 1), this.#read(left - 1));
    if (map.size !== 2) throw receivedTwice();
    return fromStruct(map);
  }

  /** Reads a map that may be a date. A date is no level, although it consists of two. */
  #maybeDate(left: number): unknown {
    const lowest = this.#lowest;
    const value = left > 1 ? this.#mapOfFields(left) : this.#deepDate(left);
    if (value instanceof Date) this.#lowest = lowest;
    return value;
  }

  #mapOfFields(left: number): unknown {
    this.#checkDepth(left);
    return this.#entries(DATE_TIME_FIELDS, left);
  }

  /** Reads a map that is either a date or too deep. */
  #deepDate(left: number): unknown {
    // If a date holds a date, the outer one is an ordinary map, which is too deep.
    if (this.#dates === 2) throw this.#tooDeep();
    this.#dates++;
    const value = this.#entries(DATE_TIME_FIELDS, 2);
    this.#dates--;
    if (!fits(value, left)) throw this.#tooDeep();
    if (!(value instanceof Date)) this.#checkDepth(left);
    return value;
  }
}

/** The size of a function with the header's atoms written out, and its position with those before it written out. */
interface FunctionSize {
  readonly at: number;
  readonly size: number;
}

/** Returns whether bytes are a valid function of an Erlang node. */
export function isFunction(bytes: Uint8Array): boolean {
  try {
    const reader = new TermReader().open(bytes);
    return reader.term() instanceof LocalFunction && reader.done;
  } catch {
    return false;
  }
}

/** Returns whether a decoded value has at most `left` levels. */
function fits(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  const inner = itemsOf(value);
  return inner === undefined ||
    left > 0 && inner.every((each) => fits(each, left - 1));
}

/** Returns the values in a level; `undefined` if the value is not a level. */
function itemsOf(value: object): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof Tuple) return value.elements;
  if (value instanceof ImproperList) return [...value.items, value.tail];
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return [];
  return isPlainObject(value) ? Object.values(value) : undefined;
}

/** Converts a map whose keys are all texts to an object. */
function withoutMap(map: Map<unknown, unknown>): unknown {
  for (const key of map.keys()) if (typeof key !== "string") return map;
  const object: Record<string, unknown> = {};
  for (const [key, value] of map as Map<string, unknown>) {
    if (key === "__proto__") defineProto(object, value);
    else object[key] = value;
  }
  return object;
}

function mapOf(keys: unknown[], values: unknown[]): Map<unknown, unknown> {
  if (areCrowded(keys.length, () => keys)) {
    throw new OverLimit("a map whose keys have the same hash");
  }
  const map = new Map();
  for (let i = 0; i < keys.length; i++) map.set(keys[i], values[i]);
  checkSize(map, keys.length);
  return map;
}

function setOf(items: unknown[]): Set<unknown> {
  if (areCrowded(items.length, () => items)) {
    throw new OverLimit("a set whose items have the same hash");
  }
  const set = new Set(items);
  checkSize(set, items.length);
  return set;
}

/** @throws {ProtocolError} If a key was received twice. 0 and -0.0 are one key in JavaScript, so they are allowed. */
function checkSize(
  of: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>,
  size: number,
): void {
  if (of.size !== size && !of.has(0)) throw receivedTwice();
}

function receivedTwice(): ProtocolError {
  return new ProtocolError("a map that has a key twice");
}

/** Returns the error for a term of another type than expected. */
export function unexpected(what: string, kind: number): ProtocolError {
  return new ProtocolError(`expected ${what}, got a term of the tag ${kind}`);
}

/** Returns the error for a term whose end is missing. */
export function truncated(): ProtocolError {
  return new ProtocolError("a term that goes beyond its frame");
}

function tooLongFunction(size: number): OverLimit {
  return new OverLimit(
    `a function of ${size} bytes, and ${MAX_FUNCTION_BYTES} is the most`,
  );
}

function tooManyDigits(): OverLimit {
  return new OverLimit(
    `an integer of more than ${MAX_BIGINT_DIGITS} digits`,
  );
}

/** Returns the error for a term that this library does not read; a term of a later OTP is refused alone. */
export function unaccepted(kind: number): ProtocolError {
  return kind < tag.FIRST_TAG || tag.OLD_TAGS.has(kind)
    ? new ProtocolError(`a term of the tag ${kind}, which is not accepted`)
    : new OverLimit(
      `a term of the tag ${kind}, which this node does not know: a native record of OTP 29, or newer; send a map or a tuple`,
    );
}
