/**
 * Encodes values in Erlang's External Term Format.
 *
 * All bytes of a turn of the event loop go into one buffer, which grows by doubling; `take` returns the bytes. After a
 * small turn, the next turn uses the rest of the buffer.
 *
 * A term has one encoding only, so equal keys of a map have equal bytes. Duplicate keys must be found here: a BEAM closes
 * the connection for a map that has a key twice, and JavaScript's `Map` and `Set` compare pids, tuples and arrays by
 * identity. For the same reason, the entries of a map within a key are sorted.
 */

import { messageToOtp } from "../servers/server_messages.ts";
import { Buffer } from "node:buffer";
import {
  Atom,
  charactersOf,
  isLongName,
  MAX_NAME_LENGTH,
} from "@otp/processes/values/atom";
import { Bitstring } from "@otp/processes/values/bitstring";
import { Float } from "@otp/processes/values/float";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { inspect } from "@otp/processes/values/inspect";
import { ImproperList } from "@otp/processes/values/improper_list";
import { checkNodeOf, Pid, Ref } from "@otp/processes/values/pid";
import { Port } from "@otp/processes/values/port";
import { ReplyTo } from "@otp/processes/values/reply_to";
import { ServerMessage } from "@otp/processes/values/server_message";
import {
  checkBigInt,
  checkHole,
  checkKeys,
  DEFAULT_MAX_DEPTH,
  isPlainObject,
  notSendable,
  tooDeep,
  typedArrayKind,
} from "@otp/processes/values/term";
import { Tuple } from "@otp/processes/values/tuple";
import { LARGE } from "@otp/node/wires/lanes";
import { latin1Text } from "@otp/node/wires/texts";
import * as tag from "./etf_tags.ts";
import { isFunction } from "./etf_decoder.ts";
import type { LargeBinary } from "./fragmented_signal.ts";
import {
  dateTime,
  exception,
  MAP_SET,
  SET_ITEMS,
  STRUCT,
  type Struct,
} from "./structs.ts";

/** The minimum size of a buffer: a usual frame has some hundred bytes, and a new buffer costs 0.5 µs. */
const LEAST = 1 << 14;

/** A buffer with less free room than this is not reused, and one of which more bytes were taken at once. */
const LEFT = 1 << 10;
const MUCH = 1 << 16;

/** Texts up to this length are encoded in a loop: a call of the host costs 85 ns. */
const SHORT = 24;

/** For a longer text, count the size in UTF-8 before the buffer grows to three times the text's length. */
const LONG = 1 << 10;

/** The maximum number of nodes whose encoded atoms are cached. */
const MAX_NODES = 64;

const WORD = 2 ** 32;

const NOTHING = new Uint8Array(0);

const utf8 = new TextEncoder();

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** Writes a sequence of terms, and parts of terms. */
export class TermWriter {
  readonly #maxBytes: number;
  #buffer: Uint8Array = NOTHING;
  /** The beginning of the bytes that have not been taken. */
  #start = 0;
  #at = 0;
  /** The limit for the end of the term that is being written. */
  #end = Infinity;
  /** The maximum nesting of the term that is being written, for the error. */
  #max = DEFAULT_MAX_DEPTH;
  /** The number of enclosing map keys. */
  #keys = 0;
  /** The node of the last pid or reference, and the node's encoded atom. */
  #node = "";
  #nodeAtom: Uint8Array = NOTHING;
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #separates: boolean;
  /** The large binaries that are not among the written bytes. */
  #binaries: LargeBinary[] = [];
  /** The number of their bytes. */
  #binaryBytes = 0;

  /** Writes terms of at most `maxBytes` bytes; with `separates`, separates large binaries from them. */
  constructor(maxBytes = Infinity, separates = false) {
    this.#maxBytes = maxBytes;
    this.#separates = separates;
  }

  /** The number of written bytes that have not been taken. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** The number of bytes of the separate binaries. */
  get binaryBytes(): number {
    return this.#binaryBytes;
  }

  /** Removes all bytes but the first `length`, and all separate binaries. */
  truncate(length: number): void {
    this.#at = this.#start + length;
    if (this.#binaryBytes > 0) this.takeBinaries();
  }

  /** Removes and returns the separate binaries, which are not copied yet. */
  takeBinaries(): LargeBinary[] {
    const binaries = this.#binaries;
    this.#binaries = [];
    this.#binaryBytes = 0;
    return binaries;
  }

  /** Returns a copy of the bytes from `start` on. */
  slice(start: number): Uint8Array {
    return this.#buffer.slice(this.#start + start, this.#at);
  }

  /** Removes and returns the first written bytes, by default all. */
  take(length: number = this.length): Uint8Array {
    const end = this.#start + length;
    const bytes = this.#buffer.subarray(this.#start, end);
    if (end < this.#at) {
      this.#start = end;
      return bytes;
    }
    if (this.#buffer.length - this.#at < LEFT || length > MUCH) {
      this.#buffer = NOTHING;
      this.#at = 0;
    }
    this.#start = this.#at;
    return bytes;
  }

  /** Writes a byte. */
  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  /** Writes a 32-bit number. */
  u32(value: number): void {
    this.#reserve(4);
    this.#word(value);
  }

  /** Writes a 32-bit number over the four bytes that begin at `length`. */
  setU32(length: number, value: number): void {
    const at = this.#start + length;
    const buffer = this.#buffer;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Begins a tuple; its elements follow. */
  tuple(arity: number): void {
    if (arity < 256) {
      this.#reserve(2);
      this.#buffer[this.#at++] = tag.SMALL_TUPLE;
      this.#buffer[this.#at++] = arity;
    } else this.#head(tag.LARGE_TUPLE, arity);
  }

  /** Begins a list: its items follow, then its tail. `list(0)` is the empty list, and the tail of a proper list. */
  list(length: number): void {
    if (length === 0) this.u8(tag.NIL);
    else this.#head(tag.LIST, length);
  }

  /** Writes an atom. The caller must check the length of `name`. */
  atom(name: string): void {
    const { length } = name;
    this.#reserve(3 + 3 * length);
    const buffer = this.#buffer;
    const start = this.#at;
    const at = start + 2;
    for (let i = 0; i < length; i++) {
      const code = name.charCodeAt(i);
      if (code >= 0x80) return this.#longAtom(name);
      buffer[at + i] = code;
    }
    if (length > MAX_NAME_LENGTH) throw longAtom(name);
    buffer[start] = tag.SMALL_ATOM_UTF8;
    buffer[start + 1] = length;
    this.#at = at + length;
  }

  #longAtom(name: string): void {
    checkWellFormed(name, "atom");
    if (isLongName(name)) throw longAtom(name);
    const buffer = this.#buffer;
    const bytes = Buffer.byteLength(name);
    const isShort = bytes <= 0xff;
    let at = this.#at;
    buffer[at++] = isShort ? tag.SMALL_ATOM_UTF8 : tag.ATOM_UTF8;
    if (!isShort) buffer[at++] = bytes >> 8;
    buffer[at++] = bytes;
    utf8.encodeInto(name, buffer.subarray(at));
    this.#at = at + bytes;
  }

  /**
   * Writes an integer. Throws a `TypeError` if a number is not a safe integer, and a `RangeError` if a bigint has too
   * many digits.
   */
  integer(value: number | bigint): void {
    if (typeof value === "bigint") return this.#bigint(value);
    if ((value | 0) === value) return this.#small(value);
    if (!Number.isSafeInteger(value)) {
      throw new TypeError(`Cannot write ${value} as an integer`);
    }
    this.#reserve(10);
    const buffer = this.#buffer;
    const start = this.#at;
    const absolute = Math.abs(value);
    let low = absolute >>> 0;
    let high = (absolute - low) / WORD;
    buffer[start] = tag.SMALL_BIG;
    buffer[start + 2] = value < 0 ? 1 : 0;
    let at = start + 3;
    // All four bytes of the lower word count, as the value does not fit 31 bits.
    for (let i = 0; i < 4; i++, low >>>= 8) buffer[at++] = low;
    for (; high > 0; high >>>= 8) buffer[at++] = high;
    buffer[start + 1] = at - start - 3;
    this.#at = at;
  }

  /** Writes a signed 32-bit integer. */
  #small(value: number): void {
    this.#reserve(5);
    const buffer = this.#buffer;
    const at = this.#at;
    if (value >= 0 && value < 256) {
      buffer[at] = tag.SMALL_INTEGER;
      buffer[at + 1] = value;
      this.#at = at + 2;
      return;
    }
    buffer[at] = tag.INTEGER;
    buffer[at + 1] = value >>> 24;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 8;
    buffer[at + 4] = value;
    this.#at = at + 5;
  }

  #bigint(value: bigint): void {
    if (
      value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ) return this.integer(Number(value));
    checkBigInt(value);
    const hex = (value < 0n ? -value : value).toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex")
      .reverse();
    if (bytes.length < 256) {
      this.#reserve(2);
      this.#buffer[this.#at++] = tag.SMALL_BIG;
      this.#buffer[this.#at++] = bytes.length;
    } else this.#head(tag.LARGE_BIG, bytes.length);
    this.u8(value < 0n ? 1 : 0);
    this.raw(bytes);
  }

  /** Writes a float. */
  float(value: number): void {
    this.#reserve(9);
    const buffer = this.#buffer;
    buffer[this.#at++] = tag.NEW_FLOAT;
    float[0] = value;
    for (let i = 7; i >= 0; i--) buffer[this.#at++] = floatBytes[i];
  }

  /** Writes a binary: the text in UTF-8, or a copy of the bytes. */
  binary(value: string | Uint8Array): void {
    if (typeof value === "string") return this.#text(value);
    this.#head(tag.BINARY, value.length);
    if (value.length > LARGE && this.#separates && this.#keys === 0) {
      this.#binaries.push({ at: this.length, bytes: value });
      this.#binaryBytes += value.length;
    } else this.raw(value);
  }

  /** Writes a pid. Throws a `TypeError` if the pid's node or creation is invalid. */
  pid(pid: Pid): void {
    this.#nodeOf(tag.NEW_PID, pid);
    const { number } = pid;
    // Calling the getters of a pid costs more than this test.
    if (number < WORD) {
      this.#word(number);
      this.#word(0);
    } else {
      this.#word(pid.id);
      this.#word(pid.serial);
    }
    this.#word(pid.creation);
  }

  /** Writes a reference. Throws a `TypeError` if the reference's node or creation is invalid. */
  ref(ref: Ref): void {
    const { number } = ref;
    if (number >= 0) {
      this.#nodeOf(tag.NEWER_REFERENCE, ref, 2);
      this.#word(ref.creation);
      this.#word(number % WORD);
      this.#word(Math.floor(number / WORD));
      return;
    }
    const { words } = ref;
    this.#nodeOf(tag.NEWER_REFERENCE, ref, words.length);
    this.#word(ref.creation);
    for (const word of words) this.#word(word);
  }

  /** Writes the usual tag of a call, `[alias|Ref]`. */
  aliasTag(ref: Ref): void {
    this.#head(tag.LIST, 1);
    this.atom("alias");
    this.ref(ref);
  }

  /** Writes the tag, the number of words of a reference, and the node; reserves room for the rest. */
  #nodeOf(kind: number, of: Pid | Ref | Port, words = 0): void {
    if (of.node !== this.#node) this.#findNode(of);
    if (of.creation >>> 0 !== of.creation) throw badCreation(of);
    const node = this.#nodeAtom;
    this.#reserve(node.length + 28);
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = kind;
    if (words > 0) {
      buffer[at++] = 0;
      buffer[at++] = words;
    }
    // A loop costs less than `set` for few bytes.
    for (let i = 0; i < node.length; i++) buffer[at++] = node[i];
    this.#at = at;
  }

  #findNode(of: Pid | Ref | Port): void {
    const { node } = of;
    let atom = this.#nodes.get(node);
    if (atom === undefined) {
      if (!(of instanceof Port)) checkNodeOf(of);
      // The name of a node is ASCII.
      const name = Buffer.from(node, "latin1");
      atom = Uint8Array.of(tag.SMALL_ATOM_UTF8, name.length, ...name);
      if (this.#nodes.size >= MAX_NODES) this.#nodes.clear();
      this.#nodes.set(node, atom);
    }
    this.#node = node;
    this.#nodeAtom = atom;
  }

  /**
   * Writes a value. If it throws, nothing remains written. Throws a `TypeError` if `value` contains a value that cannot
   * be sent to a BEAM, and a `RangeError` if `value` is nested deeper than `maxDepth`, or has too long a bigint or too
   * many bytes.
   */
  term(value: unknown, maxDepth: number = DEFAULT_MAX_DEPTH): void {
    const { length } = this;
    this.#max = maxDepth;
    this.#end = this.#at + this.#maxBytes;
    try {
      this.#write(value, maxDepth);
      if (this.#at + this.#binaryBytes > this.#end) throw this.#tooLong();
    } catch (error) {
      this.truncate(length);
      this.#keys = 0;
      throw error;
    } finally {
      this.#end = Infinity;
    }
  }

  #tooLong(): RangeError {
    return new RangeError(
      `Cannot send a message of more than ${this.#maxBytes} bytes; send it in pieces, or raise limits.maxMessageBytes`,
    );
  }

  #write(value: unknown, left: number): void {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return (value | 0) === value && (value !== 0 || !Object.is(value, -0))
          ? this.#small(value)
          : this.#number(value);
      case "boolean":
        return this.atom(value ? "true" : "false");
      case "bigint":
        return this.#bigint(value);
      case "undefined":
        return this.atom("undefined");
      case "object":
        return value === null
          ? this.atom("nil")
          : this.#writeObject(value, left);
      default:
        throw notSendable(value);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.integer(value);
    } else if (Number.isFinite(value)) this.float(value);
    else {
      throw new TypeError(
        `Cannot send ${value} to an Erlang node: floats are finite there; send an atom or null`,
      );
    }
  }

  #text(text: string): void {
    const { length } = text;
    if (length > SHORT) return this.#longText(text);
    this.#reserve(5 + length);
    const buffer = this.#buffer;
    const start = this.#at;
    const at = start + 5;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return this.#longText(text);
      buffer[at + i] = code;
    }
    buffer[start] = tag.BINARY;
    buffer[start + 1] = 0;
    buffer[start + 2] = 0;
    buffer[start + 3] = 0;
    buffer[start + 4] = length;
    this.#at = at + length;
  }

  #longText(text: string): void {
    const { length } = text;
    this.#reserve(
      5 + (length < LONG ? 3 * length : Buffer.byteLength(text, "utf8")),
    );
    const { written } = utf8.encodeInto(
      text,
      this.#buffer.subarray(this.#at + 5),
    );
    // A text of as many bytes as characters is ASCII, so it is well formed.
    if (written > length) checkWellFormed(text, "text");
    this.#head(tag.BINARY, written);
    this.#at += written;
  }

  #writeObject(value: object, left: number): void {
    if (Array.isArray(value)) return this.#array(value, left);
    if (isPlainObject(value)) return this.#fields(value, left);
    if (value instanceof Atom) return this.atom(value.name);
    if (value instanceof Tuple) return this.#tuple(value.elements, left);
    if (value instanceof Pid) return this.pid(value);
    if (value instanceof Ref) return this.ref(value);
    if (value instanceof ReplyTo) return this.#replyTo(value, left);
    if (value instanceof Map) return this.#mapOf(value, left);
    if (value instanceof Float) return this.float(value.value);
    if (value instanceof Set) return this.#setOf(value, left);
    if (value instanceof Date) return this.#struct(dateTime(value));
    if (value instanceof ImproperList) return this.#improper(value, left);
    if (value instanceof Error) {
      if (left <= 0) throw tooDeep(this.#max);
      return this.#struct(exception(value));
    }
    if (value instanceof Bitstring) return this.#bitstring(value);
    if (value instanceof ExternalFunction) return this.#external(value);
    if (value instanceof LocalFunction) return this.#function(value);
    if (value instanceof Port) return this.#port(value);
    // Throws for messages that OTP does not have.
    if (value instanceof ServerMessage) {
      return this.#write(messageToOtp(value), left);
    }
    if (value instanceof ArrayBuffer) return this.binary(new Uint8Array(value));
    if (typedArrayKind(value) === undefined) throw notSendable(value);
    const { buffer, byteOffset, byteLength } = value as Uint8Array;
    this.binary(new Uint8Array(buffer, byteOffset, byteLength));
  }

  #array(items: readonly unknown[], left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    if (items.length === 0) return this.u8(tag.NIL);
    this.#items(items, left);
    this.u8(tag.NIL);
  }

  #items(items: readonly unknown[], left: number): void {
    this.#head(tag.LIST, items.length);
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (item === undefined) checkHole(items, i);
      this.#write(item, left - 1);
    }
  }

  #tuple(elements: readonly unknown[], left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    this.tuple(elements.length);
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i];
      if (element === undefined) checkHole(elements, i);
      this.#write(element, left - 1);
    }
  }

  #improper({ items, tail }: ImproperList, left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    this.#items(items, left);
    this.#write(tail, left - 1);
  }

  /** Writes a `From` of OTP's `gen`, `{Pid, Tag}`. The tag is `[alias|Ref]` or another term. */
  #replyTo({ pid, alias, tag: own }: ReplyTo, left: number): void {
    if (left <= (own === undefined ? 1 : 0)) throw tooDeep(this.#max);
    this.tuple(2);
    this.pid(pid);
    if (own !== undefined) this.#write(own, left - 1);
    else if (alias !== undefined) this.aliasTag(alias);
    else throw new TypeError("Cannot send a ReplyTo without an alias or a tag");
  }

  #fields(value: object, left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    if (this.#keys > 0) {
      return this.#entries(Object.entries(value), left, NO_KEYS, false);
    }
    const fields = value as Record<string, unknown>;
    const keys = Object.keys(value);
    this.#head(tag.MAP, keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      this.#text(key);
      this.#write(fields[key], left - 1);
    }
  }

  #mapOf(value: ReadonlyMap<unknown, unknown>, left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    checkKeys(value);
    this.#entries(value, left, value, false);
  }

  #setOf(value: ReadonlySet<unknown>, left: number): void {
    if (left <= 0) throw tooDeep(this.#max);
    checkKeys(value);
    this.#head(tag.MAP, 2);
    this.atom(SET_ITEMS.name);
    this.#entries(value.entries(), left, value, true);
    this.atom(STRUCT.name);
    this.atom(MAP_SET.name);
  }

  #struct(struct: Struct): void {
    this.#head(tag.MAP, struct.size);
    for (const [name, value] of struct) {
      this.atom(name.name);
      // The struct does not count as a level; a field holds one tuple at most.
      this.#write(value, 1);
    }
  }

  /**
   * Writes a map, or a set, whose values are the empty list. Two items of a set that are equal for a BEAM are sent once;
   * a map with two such keys is refused.
   */
  #entries(
    entries: Iterable<[unknown, unknown]>,
    left: number,
    keys: { keys(): Iterable<unknown> },
    isSet: boolean,
  ): void {
    const seen = areDistinct(keys.keys()) ? undefined : new Set<string>();
    const isSorted = this.#keys > 0;
    const order: Entry[] = [];
    const start = this.length;
    this.#head(tag.MAP, 0);
    let size = 0;
    for (const [key, item] of entries) {
      const from = this.length;
      this.#keys++;
      this.#write(key, left - 1);
      this.#keys--;
      if (seen !== undefined || isSorted) {
        const text = this.#latin1(from);
        if (seen?.has(text)) {
          if (!isSet) throw keyTwice(key);
          this.truncate(from);
          continue;
        }
        seen?.add(text);
        if (isSorted) order.push({ key: text, from, to: 0 });
      }
      if (isSet) this.u8(tag.NIL);
      else this.#write(item, left - 1);
      if (isSorted) order[size].to = this.length;
      size++;
    }
    this.setU32(start + 1, size);
    if (isSorted) this.#sort(start + 5, order);
  }

  /** Sorts the written entries of a map, which begin at length `start`, by the bytes of their keys. */
  #sort(start: number, entries: Entry[]): void {
    const at = this.#start + start;
    const bytes = this.#buffer.slice(at, this.#at);
    entries.sort((one, other) => one.key < other.key ? -1 : 1);
    this.#at = at;
    for (const { from, to } of entries) {
      this.raw(bytes.subarray(from - start, to - start));
    }
  }

  /** Returns the bytes from length `from` on, as Latin-1. */
  #latin1(from: number): string {
    return latin1Text(this.#buffer, this.#start + from, this.#at);
  }

  #bitstring({ bytes, bits }: Bitstring): void {
    this.#head(tag.BIT_BINARY, bytes.length);
    this.u8(bits);
    this.raw(bytes);
  }

  #external({ module, function: name, arity }: ExternalFunction): void {
    this.u8(tag.EXPORT);
    this.atom(module);
    this.atom(name);
    this.integer(arity);
  }

  #function({ bytes }: LocalFunction): void {
    // A peer that speaks JSON may have made the bytes up.
    if (!isFunction(bytes)) {
      throw new TypeError(
        "Cannot send the LocalFunction to an Erlang node: its bytes are invalid; send one that came from an Erlang node",
      );
    }
    this.raw(bytes);
  }

  #port(port: Port): void {
    this.#nodeOf(tag.V4_PORT, port);
    const id = BigInt(port.id);
    this.#word(Number(id >> 32n));
    this.#word(Number(id & 0xffff_ffffn));
    this.#word(port.creation);
  }

  /** Writes a tag and a 32-bit number. */
  #head(kind: number, value: number): void {
    this.#reserve(5);
    const buffer = this.#buffer;
    const at = this.#at;
    buffer[at] = kind;
    buffer[at + 1] = value >>> 24;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 8;
    buffer[at + 4] = value;
    this.#at = at + 5;
  }

  #word(value: number): void {
    const buffer = this.#buffer;
    const at = this.#at;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    this.#at = at + 4;
  }

  #reserve(room: number): void {
    if (this.#at + room > this.#buffer.length) this.#grow(room);
  }

  #grow(room: number): void {
    const { length } = this;
    // Check the written bytes and not `room`, which is an upper bound for a text.
    if (this.#at > this.#end) throw this.#tooLong();
    const grown = new Uint8Array(Math.max(LEAST, length + room, 2 * length));
    grown.set(this.#buffer.subarray(this.#start, this.#at));
    this.#end -= this.#start;
    this.#buffer = grown;
    this.#start = 0;
    this.#at = length;
  }
}

interface Entry {
  /** The bytes of the key, as Latin-1. */
  key: string;
  /** The beginning and the end of the entry. */
  from: number;
  to: number;
}

/** Stands for the keys of an object, which are always distinct. */
const NO_KEYS: ReadonlyMap<unknown, unknown> = new Map();

/** Returns whether distinct JavaScript keys are distinct terms: if all are texts, all numbers, or all atoms. */
function areDistinct(keys: Iterable<unknown>): boolean {
  let kind: unknown;
  for (const key of keys) {
    const own = key instanceof Atom ? Atom : typeof key;
    if (kind === undefined) {
      if (own !== "string" && own !== "number" && own !== Atom) return false;
      kind = own;
    } else if (own !== kind) return false;
  }
  return true;
}

function keyTwice(key: unknown): TypeError {
  return new TypeError(
    `Cannot send a Map with the key ${
      inspect(key, { limit: 5 })
    } to an Erlang node: another key of it is the same term there; send one of them`,
  );
}

function checkWellFormed(text: string, what: string): void {
  if (text.isWellFormed()) return;
  throw new TypeError(
    `Cannot send the ${what} ${
      JSON.stringify(text.slice(0, 40))
    } to an Erlang node: it has half a surrogate pair, which UTF-8 lacks; send text.toWellFormed()`,
  );
}

function longAtom(name: string): RangeError {
  return new RangeError(
    `Cannot send an atom of ${
      charactersOf(name)
    } characters: ${MAX_NAME_LENGTH} is the most`,
  );
}

function badCreation({ creation }: Pid | Ref | Port): TypeError {
  return new TypeError(
    `Cannot send the creation ${creation} to an Erlang node: it has 32 bits; send a pid or reference that self(), spawn() or makeRef() returned`,
  );
}
