/**
 * Values in JSON and back.
 *
 * What JSON has is written as it is. The rest is an object with one key that begins with `$`;
 * a signal says whether its values hold such tags, so that most are never looked through.
 *
 * @module
 */

import { isReserved, ServerMessage } from "../../protocol/messages.ts";
import { Atom, atom, Pid, Ref } from "../../runtime/pid.ts";
import {
  defineProto,
  type ErrorTerm,
  errorTerm,
  isPlainObject,
  notSendable,
  rebuildError,
  tooDeep,
  TYPED_ARRAYS,
  typedArrayKind,
} from "../../runtime/term.ts";

/** A node as a wire's end sees it: values name it by a number. */
export interface End {
  /** The node's name. */
  name: string;
  /** Its incarnation. */
  creation: number;
}

/** From how many bytes on a byte array travels raw. */
const RAW_BYTES = 4096;

/** How many characters say at most why something was not spawned. */
export const MAX_REFUSAL = 4096;

/** The most peers that a signal names. */
export const MAX_PEERS = 1024;

/** A peer sent what it may not send. */
export class ProtocolError extends Error {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
}

const MAX_KEYS = 1000;

/**
 * From how many items on a plain collection is left to `JSON.stringify`. Fewer are written here, in
 * one pass: a call of the host costs more than the writing.
 */
const MANY = 16;

/** Up to how many characters a string is looked at here. */
const SHORT = 40;

/** A string's JSON. */
function quoted(text: string): string {
  if (text.length > SHORT) return JSON.stringify(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
      return JSON.stringify(text);
    }
  }
  return `"${text}"`;
}

/** Writes values as JSON. */
export class ValueEncoder {
  /** Whether the last value has tags. */
  tagged = false;
  /** The byte arrays of the last value that travel raw, copied, in order. */
  raw: Uint8Array[] = [];
  readonly #self: End;
  readonly #peer: End;
  readonly #maxDepth: number;
  readonly #nextRaw: () => number;
  readonly #keys = new Map<string, string>();

  /** Writes for a peer; `nextRaw` gives the number of the next raw byte array. */
  constructor(
    self: End,
    peer: End,
    maxDepth: number,
    nextRaw: () => number,
  ) {
    this.#self = self;
    this.#peer = peer;
    this.#maxDepth = maxDepth;
    this.#nextRaw = nextRaw;
  }

  /** The value's JSON; `tagged` and `raw` tell more of it. */
  encode(value: unknown): string {
    this.tagged = false;
    if (this.raw.length > 0) this.raw = [];
    return this.#write(value, this.#maxDepth);
  }

  /**
   * The JSON of a whole message.
   *
   * A reserved type makes it a server's message at the other end, so that data with such a type is written as
   * an `$object`.
   */
  encodeMessage(value: unknown): string {
    if (
      typeof value !== "object" || value === null ||
      !isReserved((value as { type?: unknown }).type) ||
      !isPlainObject(value)
    ) return this.encode(value);
    this.encode(undefined);
    return this.#writeTaggedFields(value, Object.keys(value), this.#maxDepth);
  }

  #isPlain(value: object, left: number): boolean {
    if (left <= 0) throw tooDeep(this.#maxDepth);
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        if (!this.#isPlainItem(value[i], left)) return false;
      }
      return true;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    for (const key in value) {
      if (
        key.charCodeAt(0) === 36 ||
        !this.#isPlainItem((value as Record<string, unknown>)[key], left)
      ) return false;
    }
    return true;
  }

  #isPlainItem(value: unknown, left: number): boolean {
    switch (typeof value) {
      case "string":
      case "boolean":
        return true;
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0);
      case "object":
        return value === null || this.#isPlain(value, left - 1);
      default:
        return false;
    }
  }

  #write(value: unknown, left: number): string {
    switch (typeof value) {
      case "string":
        return quoted(value);
      case "boolean":
        return value ? "true" : "false";
      case "number":
        if (Object.is(value, -0)) return this.#tag("$number", '"-0"', left);
        return Number.isFinite(value)
          ? `${value}`
          : this.#tag("$number", `"${value}"`, left);
      case "bigint":
        return this.#tag("$bigint", `"${value}"`, left);
      case "undefined":
        return this.#tag("$undefined", "true", left);
      case "object":
        return value === null ? "null" : this.#writeObject(value, left);
      default:
        throw notSendable(value);
    }
  }

  #tag(name: string, json: string, left: number, levels = 1): string {
    if (left < levels) throw tooDeep(this.#maxDepth);
    this.tagged = true;
    return `{"${name}":${json}}`;
  }

  #writeObject(value: object, left: number): string {
    if (left <= 0) throw tooDeep(this.#maxDepth);
    if (Array.isArray(value)) {
      return value.length > MANY && this.#isPlain(value, left)
        ? JSON.stringify(value)
        : this.#writeItems(value, left - 1);
    }
    if (isPlainObject(value) || value instanceof ServerMessage) {
      return this.#writeFields(value, left);
    }
    if (value instanceof Pid) {
      return this.#tag("$pid", this.#name(value), left, 2);
    }
    if (value instanceof Ref) {
      return this.#tag("$ref", this.#name(value), left, 2);
    }
    if (value instanceof Atom) {
      return this.#tag("$atom", JSON.stringify(value.name), left);
    }
    if (value instanceof Date) {
      const time = value.getTime();
      return this.#tag("$date", Number.isNaN(time) ? "null" : `${time}`, left);
    }
    if (value instanceof Map) {
      return this.#tag("$map", this.#writeEntries(value, left - 2), left);
    }
    if (value instanceof Set) {
      return this.#tag("$set", this.#writeItems([...value], left - 2), left);
    }
    if (value instanceof Error) {
      return this.#tag(
        "$error",
        this.#write(errorTerm(value), left - 1),
        left,
      );
    }
    return this.#writeBytes(value, left);
  }

  #writeItems(items: unknown[], left: number): string {
    let text = "[";
    for (let i = 0; i < items.length; i++) {
      if (i > 0) text += ",";
      text += this.#write(items[i], left);
    }
    return text + "]";
  }

  #writeEntries(entries: Iterable<[unknown, unknown]>, left: number): string {
    let text = "[";
    for (const [key, item] of entries) {
      if (text.length > 1) text += ",";
      text += `[${this.#write(key, left - 1)},${this.#write(item, left - 1)}]`;
    }
    return text + "]";
  }

  #writeFields(value: object, left: number): string {
    const keys = Object.keys(value);
    if (keys.length > MANY && this.#isPlain(value, left)) {
      return JSON.stringify(value);
    }
    const fields = value as Record<string, unknown>;
    let text = "{";
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key.charCodeAt(0) === 36) {
        return this.#writeTaggedFields(value, keys, left);
      }
      text += (i > 0 ? "," : "") + this.#key(key) +
        this.#write(fields[key], left - 1);
    }
    return text + "}";
  }

  #writeTaggedFields(value: object, keys: string[], left: number): string {
    const fields = value as Record<string, unknown>;
    const entries = keys.map((key): [string, unknown] => [key, fields[key]]);
    const json = this.#writeEntries(entries, left - 2);
    return this.#tag("$object", json, left);
  }

  #key(key: string): string {
    let json = this.#keys.get(key);
    if (json === undefined) {
      json = quoted(key) + ":";
      if (this.#keys.size < MAX_KEYS && key.length <= 64) {
        this.#keys.set(key, json);
      }
    }
    return json;
  }

  #name(of: Pid | Ref): string {
    const { node, number, creation } = of;
    if (creation === this.#self.creation && node === this.#self.name) {
      return `[0,${number}]`;
    }
    if (creation === this.#peer.creation && node === this.#peer.name) {
      return `[1,${number}]`;
    }
    return `[${JSON.stringify(node)},${number},${creation}]`;
  }

  #writeBytes(value: object, left: number): string {
    let kind = "ArrayBuffer";
    let bytes: Uint8Array;
    if (value instanceof ArrayBuffer) bytes = new Uint8Array(value);
    else {
      const found = typedArrayKind(value);
      if (found === undefined) throw notSendable(value);
      kind = found;
      const view = value as Uint8Array;
      bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    }
    if (bytes.length >= RAW_BYTES) {
      this.raw.push(bytes.slice());
      return this.#tag("$raw", `["${kind}",${this.#nextRaw()}]`, left, 2);
    }
    return this.#tag("$bytes", `["${kind}","${toBase64(bytes)}"]`, left, 2);
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new ProtocolError("a byte array is not base64");
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Reads values: what `JSON.parse` gave, with the tags replaced by what they stand for. */
export class ValueDecoder {
  readonly #self: End;
  readonly #peer: End;
  readonly #takeRaw: (id: number) => Uint8Array<ArrayBuffer> | undefined;

  /** Reads for this end; `takeRaw` gives a raw byte array that has come. */
  constructor(
    self: End,
    peer: End,
    takeRaw: (id: number) => Uint8Array<ArrayBuffer> | undefined,
  ) {
    this.#self = self;
    this.#peer = peer;
    this.#takeRaw = takeRaw;
  }

  /** The value; parsed objects are changed and used again. */
  decode(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const item = value[i];
        if (typeof item === "object" && item !== null) {
          value[i] = this.decode(item);
        }
      }
      return value;
    }
    const fields = value as Record<string, unknown>;
    for (const key in fields) {
      if (key.charCodeAt(0) === 36) return this.#untag(key, fields);
      const field = fields[key];
      // A field named __proto__ is an own one here, so that this writes it.
      if (typeof field === "object" && field !== null) {
        fields[key] = this.decode(field);
      }
    }
    return fields;
  }

  #untag(tag: string, fields: Record<string, unknown>): unknown {
    const content = fields[tag];
    if (Object.keys(fields).length !== 1) {
      throw new ProtocolError(
        `an object has the key ${JSON.stringify(tag)} beside others`,
      );
    }
    switch (tag) {
      case "$pid": {
        const [node, number, creation] = this.#name(content);
        return new Pid(node, number, creation);
      }
      case "$ref": {
        const [node, number, creation] = this.#name(content);
        return new Ref(node, number, creation);
      }
      case "$atom":
        return atom(checkText(content, 255));
      case "$number":
        return toNumber(content);
      case "$bigint":
        return toBigInt(content);
      case "$undefined":
        return undefined;
      case "$date":
        return new Date(content === null ? NaN : checkNumber(content));
      case "$map":
        return new Map(this.#entries(content));
      case "$set":
        return new Set(this.decode(checkArray(content)) as unknown[]);
      case "$object":
        return this.#object(content);
      case "$error":
        return this.#error(content);
      case "$bytes":
      case "$raw":
        return this.#bytes(tag, content);
      default:
        throw new ProtocolError(`unknown tag ${JSON.stringify(tag)}`);
    }
  }

  #name(content: unknown): [string, number, number] {
    const [node, number, creation] = checkArray(content);
    checkNatural(number);
    if (node === 0) return [this.#peer.name, number, this.#peer.creation];
    if (node === 1) return [this.#self.name, number, this.#self.creation];
    return [checkText(node, 255), number, checkNatural(creation)];
  }

  #entries(content: unknown): [unknown, unknown][] {
    const entries = checkArray(content);
    for (const entry of entries) {
      if (!Array.isArray(entry) || entry.length !== 2) {
        throw new ProtocolError("an entry is not a pair");
      }
      this.decode(entry);
    }
    return entries as [unknown, unknown][];
  }

  #object(content: unknown): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const [key, value] of this.#entries(content)) {
      const name = checkText(key, Infinity);
      if (name === "__proto__") defineProto(object, value);
      else object[name] = value;
    }
    return object;
  }

  #error(content: unknown): Error {
    const term = this.decode(content) as ErrorTerm;
    if (
      typeof term !== "object" || term === null ||
      typeof term.name !== "string" || typeof term.message !== "string" ||
      (term.stack !== undefined && typeof term.stack !== "string") ||
      (term.fields !== undefined &&
        (typeof term.fields !== "object" || term.fields === null))
    ) throw new ProtocolError("an error lacks its name or message");
    return rebuildError(term);
  }

  #bytes(tag: string, content: unknown): unknown {
    const [kind, where] = checkArray(content);
    const bytes = tag === "$bytes"
      ? fromBase64(checkText(where, Infinity))
      : this.#takeRaw(checkNatural(where));
    if (bytes === undefined) {
      throw new ProtocolError(`no raw bytes of number ${where} have come`);
    }
    if (kind === "Uint8Array") return bytes;
    if (kind === "ArrayBuffer") return bytes.buffer;
    const type = TYPED_ARRAYS.get(kind as string);
    if (type === undefined) {
      throw new ProtocolError(`unknown kind of bytes ${JSON.stringify(kind)}`);
    }
    try {
      return new type(bytes.buffer);
    } catch {
      throw new ProtocolError(`${bytes.length} bytes are no ${kind}`);
    }
  }
}

function toNumber(content: unknown): number {
  switch (content) {
    case "-0":
      return -0;
    case "NaN":
    case "Infinity":
    case "-Infinity":
      return Number(content);
    default:
      throw new ProtocolError("unknown $number");
  }
}

function toBigInt(content: unknown): bigint {
  const text = checkText(content, 100_000);
  if (!/^-?\d+$/.test(text)) throw new ProtocolError("a $bigint is no number");
  return BigInt(text);
}

/** @throws {ProtocolError} If it is no text of at most so many characters. */
export function checkText(value: unknown, max: number): string {
  if (typeof value !== "string" || value.length > max) {
    throw new ProtocolError(
      `expected a text of at most ${max} characters, got ${typeof value}`,
    );
  }
  return value;
}

/** @throws {ProtocolError} If it is no natural number. */
export function checkNatural(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new ProtocolError(`expected a natural number, got ${typeof value}`);
  }
  return value as number;
}

function checkNumber(value: unknown): number {
  if (typeof value !== "number") {
    throw new ProtocolError(`expected a number, got ${typeof value}`);
  }
  return value;
}

/** @throws {ProtocolError} If it is no array. */
// deno-lint-ignore no-explicit-any
export function checkArray(value: unknown): any[] {
  if (!Array.isArray(value)) {
    throw new ProtocolError(`expected an array, got ${typeof value}`);
  }
  return value;
}
