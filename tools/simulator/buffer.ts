/**
 * `Buffer` for browsers, as far as simulated nodes use it.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Decodes one byte per character; `TextDecoder` takes "latin1" for Windows-1252. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export class Buffer extends Uint8Array {
  static override from(
    value: string | ArrayBufferLike | ArrayLike<number> | Iterable<number>,
    offset?: unknown,
    length?: unknown,
  ): Buffer {
    if (typeof value === "string") {
      const bytes = offset === "base64"
        ? Uint8Array.from(atob(value), (each) => each.charCodeAt(0))
        : encoder.encode(value);
      return new Buffer(bytes.buffer, 0, bytes.length);
    }
    if (value instanceof ArrayBuffer) {
      return new Buffer(value, offset as number, length as number);
    }
    return new Buffer(value as ArrayLike<number>);
  }

  static alloc(size: number): Buffer {
    return new Buffer(size);
  }

  static allocUnsafe(size: number): Buffer {
    return new Buffer(size);
  }

  static allocUnsafeSlow(size: number): Buffer {
    return new Buffer(size);
  }

  static isBuffer(value: unknown): value is Buffer {
    return value instanceof Buffer;
  }

  static byteLength(text: string): number {
    return encoder.encode(text).length;
  }

  static concat(list: readonly Uint8Array[]): Buffer {
    const all = new Buffer(list.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const bytes of list) {
      all.set(bytes, at);
      at += bytes.length;
    }
    return all;
  }

  static compare(one: Uint8Array, other: Uint8Array): number {
    const length = Math.min(one.length, other.length);
    for (let i = 0; i < length; i++) {
      if (one[i] !== other[i]) return one[i] < other[i] ? -1 : 1;
    }
    return Math.sign(one.length - other.length);
  }

  latin1Slice(start?: number, end?: number): string {
    return latin1(this.subarray(start, end));
  }

  utf8Slice(start?: number, end?: number): string {
    return new TextDecoder("utf-8", { ignoreBOM: true })
      .decode(this.subarray(start, end));
  }

  equals(other: Uint8Array): boolean {
    return Buffer.compare(this, other) === 0;
  }

  override toString(encoding = "utf8", start?: number, end?: number): string {
    const bytes = this.subarray(start, end);
    switch (encoding) {
      case "utf8":
        return this.utf8Slice(start, end);
      case "latin1":
        return latin1(bytes);
      case "hex":
        return bytes.reduce(
          (text, byte) => text + byte.toString(16).padStart(2, "0"),
          "",
        );
      case "base64":
        return btoa(latin1(bytes));
    }
    throw new RangeError(`Cannot write bytes as ${encoding}: add it here`);
  }

  readUIntBE(offset: number, length: number): number {
    return this.subarray(offset, offset + length)
      .reduce((sum, byte) => sum * 256 + byte, 0);
  }

  readUInt16BE(offset = 0): number {
    return this.readUIntBE(offset, 2);
  }

  readUInt32BE(offset = 0): number {
    return this.readUIntBE(offset, 4);
  }

  readBigUInt64BE(offset = 0): bigint {
    return BigInt(`0x${this.toString("hex", offset, offset + 8)}`);
  }

  writeUIntBE(value: number, offset: number, length: number): number {
    for (let i = offset + length; i-- > offset;) {
      this[i] = value % 256;
      value = Math.floor(value / 256);
    }
    return offset + length;
  }

  writeUInt16BE(value: number, offset = 0): number {
    return this.writeUIntBE(value, offset, 2);
  }

  writeUInt32BE(value: number, offset = 0): number {
    return this.writeUIntBE(value, offset, 4);
  }
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
