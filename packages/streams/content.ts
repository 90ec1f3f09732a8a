/**
 * The bytes of a stream as events of its log.
 *
 * A log has JSON texts. Text is stored as it is, also the messages of a JSON stream: they are never parsed and written
 * again, so each number keeps its digits. Other bytes are stored in base64.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** The bytes of one event: UTF-8, or base64. */
export type Chunk = { d: string } | { b: string };

/** The most bytes of one event: its JSON text is at most a mebibyte, also in base64. */
const CHUNK = 760 << 10;

/** The most characters of a JSON text per byte: what base64 costs. */
const WORST = 4 / 3;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** A body that is not what its content type says. */
export class ContentError extends Error {}

/** Whether a stream of this content type has messages instead of bytes. */
export function isJson(type: string): boolean {
  return essenceOf(type) === "application/json";
}

/** Whether server-sent events can carry the bytes as text. */
export function isText(type: string): boolean {
  return isJson(type) || essenceOf(type).startsWith("text/");
}

/** The content type without its parameters, in lower case: the part that must match. */
export function essenceOf(type: string): string {
  return type.split(";", 1)[0].trim().toLowerCase();
}

/** Returns the events for a body; none for an empty one, or for an empty array of messages. */
export function chunksOf(bytes: Uint8Array, type: string): Chunk[] {
  if (bytes.length === 0) return [];
  return isJson(type) ? messageChunks(bytes) : byteChunks(bytes);
}

/** The bytes of an event. */
function chunkBytes(chunk: Chunk): Uint8Array {
  return "d" in chunk
    ? ENCODER.encode(chunk.d)
    : Buffer.from(chunk.b, "base64");
}

/** The text of an event. */
function textOf(chunk: Chunk): string {
  return "d" in chunk ? chunk.d : Buffer.from(chunk.b, "base64").toString();
}

/** The body of a response with these events. */
export function bodyOf(chunks: readonly Chunk[], type: string): Uint8Array {
  return isJson(type) || chunks.every((chunk) => "d" in chunk)
    ? ENCODER.encode(textOfAll(chunks, type))
    : Buffer.concat(chunks.map(chunkBytes));
}

function textOfAll(chunks: readonly Chunk[], type: string): string {
  return isJson(type)
    ? `[${chunks.map(textOf).join()}]`
    : chunks.map(textOf).join("");
}

/** The body as an event of server-sent events. */
export function dataFrame(chunks: readonly Chunk[], type: string): string {
  const bytes = isText(type)
    ? undefined
    : Buffer.concat(chunks.map(chunkBytes)).toString("base64");
  const text = bytes ?? textOfAll(chunks, type);
  // A reader removes one space at the start of a line.
  const lines = text.split(/\r\n|[\r\n]/).map((line) =>
    `data:${line.startsWith(" ") ? " " : ""}${line}\n`
  );
  return `event: data\n${lines.join("")}\n`;
}

/**
 * Returns the first bytes, or the first messages, of an event.
 *
 * @returns The event; `undefined` if it has fewer.
 */
export function prefixOf(
  chunk: Chunk,
  count: number,
  type: string,
): Chunk | undefined {
  if (isJson(type)) {
    const messages = messagesOf(textOf(chunk));
    return count > messages.length
      ? undefined
      : chunkOf(ENCODER.encode(messages.slice(0, count).join()));
  }
  const bytes = chunkBytes(chunk);
  return count > bytes.length ? undefined : chunkOf(bytes.subarray(0, count));
}

function byteChunks(bytes: Uint8Array): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0; from < bytes.length;) {
    let to = Math.min(from + CHUNK, bytes.length);
    // Keep the bytes of a character together: half of one would be stored in base64.
    for (let n = 0; n < 3 && to < bytes.length && isInside(bytes[to]); n++) {
      to--;
    }
    chunks.push(chunkOf(bytes.subarray(from, to)));
    from = to;
  }
  return chunks;
}

/** Whether a byte of UTF-8 continues a character. */
function isInside(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function chunkOf(bytes: Uint8Array): Chunk {
  try {
    const d = UTF8.decode(bytes);
    if (JSON.stringify(d).length <= WORST * bytes.length + 2) return { d };
  } catch {
    // The bytes are no text.
  }
  return { b: Buffer.from(bytes).toString("base64") };
}

function messageChunks(bytes: Uint8Array): Chunk[] {
  let text: string;
  let value: unknown;
  try {
    text = UTF8.decode(bytes).trim();
    value = JSON.parse(text);
  } catch {
    throw new ContentError("the body is no JSON");
  }
  if (Array.isArray(value)) {
    text = text.slice(1, -1).trim();
    if (text === "") return [];
  }
  if (bytes.length <= CHUNK) return [chunkOf(ENCODER.encode(text))];
  const chunks: Chunk[] = [];
  let batch: string[] = [];
  let length = 0;
  const end = () => {
    if (batch.length > 0) chunks.push(chunkOf(ENCODER.encode(batch.join())));
    batch = [];
    length = 0;
  };
  for (const message of Array.isArray(value) ? messagesOf(text) : [text]) {
    const size = Buffer.byteLength(message) + 1;
    if (size > CHUNK) {
      throw new RangeError(
        `a message has ${size} bytes, and ${CHUNK} is the most`,
      );
    }
    if (length + size > CHUNK) end();
    batch.push(message);
    length += size;
  }
  end();
  return chunks;
}

/** Splits messages with commas between them, of valid JSON. */
function messagesOf(text: string): string[] {
  const messages: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        while (text[++at] !== '"') if (text[at] === "\\") at++;
        break;
      case "[":
      case "{":
        depth++;
        break;
      case "]":
      case "}":
        depth--;
        break;
      case ",":
        if (depth > 0) break;
        messages.push(text.slice(from, at).trim());
        from = at + 1;
    }
  }
  messages.push(text.slice(from).trim());
  return messages;
}
