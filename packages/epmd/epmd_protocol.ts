/**
 * EPMD's messages as bytes: a pure codec, without sockets.
 *
 * A request is a 2-byte length and a body, one per connection. An answer has no length of its own: its decoder
 * returns `undefined` until enough bytes have arrived. `Extra` is kept as one character per byte, since EPMD
 * defines no encoding for it.
 */

import { type NameEntry, nameFault, type Registration } from "./entry.ts";

/** The longest request body that is accepted, in bytes. */
export const MAX_REQUEST = 1024;
const ALIVE2_REQ = 120;
const ALIVE2_RESP = 121;
const ALIVE2_X_RESP = 118;
const PORT_PLEASE2_REQ = 122;
const PORT2_RESP = 119;
const NAMES_REQ = 110;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder();

/** Bytes that are not a message of EPMD. */
export class EpmdFormatError extends Error {
  override readonly name = "EpmdFormatError";
}

export type EpmdRequest =
  | { type: "alive"; registration: Registration }
  | { type: "lookup"; name: string }
  | { type: "names" };

/** EPMD's answer to a registration. */
export interface AliveReply {
  /** Whether the node is registered; if not, another has its name. */
  ok: boolean;
  /** The creation that EPMD gives the node; 0 when it is not registered. */
  creation: number;
}

/**
 * Encodes a request, with its length in front. Throws a `RangeError` if it would be longer than
 * {@linkcode MAX_REQUEST}.
 */
export function encodeRequest(request: EpmdRequest): Uint8Array {
  const body = requestBody(request);
  if (body.length > MAX_REQUEST) {
    throw new RangeError(
      `Cannot encode the request to EPMD: it has ${body.length} bytes, more than ${MAX_REQUEST}`,
    );
  }
  return concat([uint16(body.length), body]);
}

function requestBody(request: EpmdRequest): Uint8Array {
  switch (request.type) {
    case "alive":
      return concat([
        Uint8Array.of(ALIVE2_REQ),
        registrationBytes(request.registration),
      ]);
    case "lookup":
      return concat([
        Uint8Array.of(PORT_PLEASE2_REQ),
        encoder.encode(request.name),
      ]);
    case "names":
      return Uint8Array.of(NAMES_REQ);
  }
}

/** Decodes the body of a request. Throws an `EpmdFormatError` if it is invalid. */
export function decodeRequest(body: Uint8Array): EpmdRequest {
  const rest = body.subarray(1);
  switch (body[0]) {
    case ALIVE2_REQ: {
      const registration = readRegistration(rest);
      if (registration === undefined) throw new EpmdFormatError("cut short");
      checkName(registration.name);
      if (registration.port === 0) throw new EpmdFormatError("port 0");
      return { type: "alive", registration };
    }
    case PORT_PLEASE2_REQ: {
      const name = decodeName(rest);
      checkName(name);
      return { type: "lookup", name };
    }
    // More bytes may follow.
    case NAMES_REQ:
      return { type: "names" };
    default:
      throw new EpmdFormatError(`unknown request ${body[0]}`);
  }
}

/** Assembles one request from the segments that it arrives in. */
export class RequestReader {
  #bytes: Uint8Array = new Uint8Array(0);

  /**
   * Takes a segment. Throws an `EpmdFormatError` if the length is 0 or above the cap, or more than one request came.
   */
  push(segment: Uint8Array): Uint8Array | undefined {
    const bytes = this.#bytes.length === 0
      ? segment
      : concat([this.#bytes, segment]);
    this.#bytes = bytes;
    if (bytes.length < 2) return undefined;
    const length = bytes[0] << 8 | bytes[1];
    if (length === 0 || length > MAX_REQUEST) {
      throw new EpmdFormatError(`a length of ${length}${hint(bytes)}`);
    }
    if (bytes.length < 2 + length) return undefined;
    if (bytes.length > 2 + length) {
      throw new EpmdFormatError("more bytes than one request");
    }
    return bytes.subarray(2);
  }
}

function hint(bytes: Uint8Array): string {
  if (bytes[0] === 0x16 && bytes[1] === 3) return " (a TLS client?)";
  const verb = String.fromCharCode(bytes[0], bytes[1]);
  return /^[A-Z]{2}$/.test(verb) ? " (an HTTP client?)" : "";
}

/** Encodes the answer to a registration. */
export function encodeAliveReply(
  reply: AliveReply,
  highest: number,
): Uint8Array {
  const result = reply.ok ? 0 : 1;
  if (highest >= 6) {
    const bytes = Uint8Array.of(ALIVE2_X_RESP, result, 0, 0, 0, 0);
    new DataView(bytes.buffer).setUint32(2, reply.creation);
    return bytes;
  }
  const creation = reply.ok ? reply.creation % 3 + 1 : 0;
  return concat([Uint8Array.of(ALIVE2_RESP, result), uint16(creation)]);
}

/** Decodes the answer to a registration. Throws an `EpmdFormatError` if it is invalid. */
export function decodeAliveReply(bytes: Uint8Array): AliveReply | undefined {
  if (bytes.length === 0) return undefined;
  const wide = bytes[0] === ALIVE2_X_RESP;
  if (!wide && bytes[0] !== ALIVE2_RESP) throw unexpected(bytes);
  if (bytes.length < 2) return undefined;
  if (bytes[1] !== 0) return { ok: false, creation: 0 };
  if (bytes.length < (wide ? 6 : 4)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { ok: true, creation: wide ? view.getUint32(2) : view.getUint16(2) };
}

/** Encodes the answer to a look-up. */
export function encodeLookupReply(
  registration: Registration | undefined,
): Uint8Array {
  if (registration === undefined) return Uint8Array.of(PORT2_RESP, 1);
  return concat([
    Uint8Array.of(PORT2_RESP, 0),
    registrationBytes(registration),
  ]);
}

/** Decodes the answer to a look-up. Throws an `EpmdFormatError` if it is invalid. */
export function decodeLookupReply(
  bytes: Uint8Array,
): { found: Registration | undefined } | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== PORT2_RESP) throw unexpected(bytes);
  if (bytes.length < 2) return undefined;
  if (bytes[1] !== 0) return { found: undefined };
  const found = readRegistration(bytes.subarray(2));
  return found === undefined ? undefined : { found };
}

/** Encodes the list of names as EPMD's own tool reads it. */
export function encodeNamesReply(
  port: number,
  entries: Iterable<NameEntry>,
): Uint8Array {
  let text = "";
  for (const entry of entries) {
    text += `name ${entry.name} at port ${entry.port}\n`;
  }
  return concat([uint16(0), uint16(port), encoder.encode(text)]);
}

/** Decodes the list of names. Throws an `EpmdFormatError` if it is invalid. */
export function decodeNamesReply(bytes: Uint8Array): NameEntry[] {
  if (bytes.length < 4) throw new EpmdFormatError("cut short");
  if (bytes[0] !== 0 || bytes[1] !== 0) throw unexpected(bytes);
  const text = lenient.decode(bytes.subarray(4));
  const entries: NameEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^name (.*) at port ([0-9]{1,5})$/.exec(line);
    if (match !== null) {
      entries.push({ name: match[1], port: Number(match[2]) });
    } else if (line !== "" && entries.length === 0) {
      throw unexpected(bytes);
    }
  }
  return entries;
}

function registrationBytes(node: Registration): Uint8Array {
  const name = encoder.encode(node.name);
  const extra = Uint8Array.from(node.extra, (char) => char.charCodeAt(0));
  return concat([
    uint16(node.port),
    Uint8Array.of(node.nodeType, node.protocol),
    uint16(node.highest),
    uint16(node.lowest),
    uint16(name.length),
    name,
    uint16(extra.length),
    extra,
  ]);
}

/** Reads the output of {@linkcode registrationBytes}; `undefined` when it is cut short. */
function readRegistration(bytes: Uint8Array): Registration | undefined {
  if (bytes.length < 10) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameEnd = 10 + view.getUint16(8);
  if (bytes.length < nameEnd + 2) return undefined;
  const extraEnd = nameEnd + 2 + view.getUint16(nameEnd);
  if (bytes.length < extraEnd) return undefined;
  if (bytes.length > extraEnd) {
    throw new EpmdFormatError(
      `${bytes.length - extraEnd} bytes after a registration`,
    );
  }
  return {
    port: view.getUint16(0),
    nodeType: bytes[2],
    protocol: bytes[3],
    highest: view.getUint16(4),
    lowest: view.getUint16(6),
    name: decodeName(bytes.subarray(10, nameEnd)),
    extra: String.fromCharCode(...bytes.subarray(nameEnd + 2, extraEnd)),
  };
}

function decodeName(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new EpmdFormatError("a name that is not UTF-8", { cause });
  }
}

function checkName(name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw new EpmdFormatError(fault);
}

function unexpected(bytes: Uint8Array): EpmdFormatError {
  const start = Array.from(
    bytes.subarray(0, 8),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  return new EpmdFormatError(`it answered with bytes ${start.join(" ")}`);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** Joins bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
