/**
 * The messages between a client and a socket, in both versions of Phoenix's format.
 *
 * Version 1.0.0 writes each message as a JSON object, and has no binary payloads. Version 2.0.0 writes a JSON array,
 * `[join_ref, ref, topic, event, payload]`, and frames of bytes for binary payloads. Such a frame begins with its kind
 * and the length of each text, one byte each: a push of a client is `00 01 02 06 04`, then `6`, `17`, `room:a`, `echo`,
 * then the payload.
 */

import { Buffer } from "node:buffer";
import type { FrameBatch } from "./frame_batch.ts";

/** A message of a client. */
export interface ClientMessage {
  /** The `ref` of the join that the message belongs to. */
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  /** Any value of JSON, or the bytes of a binary push. */
  payload: unknown;
}

/** A frame for clients. It is made once, however many sockets send it. */
export class Frame {
  readonly data: string | Uint8Array<ArrayBuffer>;
  /** The frame as the transports of `node_upgrade.ts` write it. */
  wire: FrameBatch | undefined = undefined;

  constructor(data: string | Uint8Array<ArrayBuffer>) {
    this.data = data;
  }
}

/** The kinds of frames of bytes. */
const PUSH = 0;
const REPLY = 1;
const BROADCAST = 2;
/** A broadcast of a client of Supabase that is sent, and that is received. */
const USER_PUSH = 3;
const USER_BROADCAST = 4;

const MAX_TEXT = 255;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A payload that is JSON already. */
export class EncodedPayload {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  decoded(): unknown {
    return JSON.parse(this.json);
  }
}

/** Returns a payload as JSON. Throws a `TypeError` if the payload has no form in JSON. */
export function payloadJson(payload: unknown): string {
  const json = payload instanceof EncodedPayload
    ? payload.json
    : JSON.stringify(payload);
  if (json !== undefined) return json;
  throw new TypeError(
    `Cannot send a payload of the type ${typeof payload}: it has no form in JSON; give an object`,
  );
}

/** Reads and writes the messages of one version. */
export class ClientFormat {
  readonly version: string;
  readonly #isFirst: boolean;

  constructor(version: 1 | 2) {
    this.version = `${version}.0.0`;
    this.#isFirst = version === 1;
  }

  /** @throws {SyntaxError} If the frame is malformed. */
  decode(data: string | Uint8Array): ClientMessage {
    if (typeof data !== "string") {
      return this.#isFirst ? malformed() : decodeBytes(data);
    }
    const read = JSON.parse(data);
    const isValid = this.#isFirst
      ? typeof read === "object" && read !== null
      : Array.isArray(read) && read.length === 5;
    if (!isValid) malformed();
    const [joinRef = null, ref = null, topic, event, payload] = this.#isFirst
      ? [read.join_ref, read.ref, read.topic, read.event, read.payload]
      : read;
    if (
      !isRef(joinRef) || !isRef(ref) || typeof topic !== "string" ||
      typeof event !== "string"
    ) malformed();
    return { joinRef, ref, topic, event, payload };
  }

  /** Encodes an event for one client. */
  push(
    joinRef: string | null,
    ref: string | null,
    topic: string,
    event: string,
    payload: unknown,
  ): Frame {
    return payload instanceof Uint8Array
      ? this.#bytes(PUSH, [joinRef ?? "", topic, event], payload)
      : this.#text(joinRef, ref, topic, event, payloadJson(payload));
  }

  /** Encodes the reply to a message. */
  reply(
    { joinRef, ref, topic }: Pick<ClientMessage, "joinRef" | "ref" | "topic">,
    status: "ok" | "error",
    response: unknown,
  ): Frame {
    if (response instanceof Uint8Array) {
      const texts = [joinRef ?? "", ref ?? "", topic, status];
      return this.#bytes(REPLY, texts, response);
    }
    const payload = `{"status":"${status}","response":${
      payloadJson(response)
    }}`;
    return this.#text(joinRef, ref, topic, "phx_reply", payload);
  }

  /** Encodes a broadcast of JSON or bytes; returns `undefined` if this version has no form for it. */
  broadcast(
    topic: string,
    event: string,
    payload: string | Uint8Array<ArrayBuffer>,
  ): Frame | undefined {
    if (typeof payload === "string") {
      return this.#text(null, null, topic, event, payload);
    }
    if (this.#isFirst) return undefined;
    if (event === "broadcast" && isUserBroadcast(topic, payload)) {
      return new Frame(payload);
    }
    return this.#bytes(BROADCAST, [topic, event], payload);
  }

  #text(
    joinRef: string | null,
    ref: string | null,
    topic: string,
    event: string,
    payload: string,
  ): Frame {
    const [r, t, e] = [ref, topic, event].map((each) => JSON.stringify(each));
    return new Frame(
      this.#isFirst
        ? `{"topic":${t},"event":${e},"ref":${r},"payload":${payload}}`
        : `[${JSON.stringify(joinRef)},${r},${t},${e},${payload}]`,
    );
  }

  #bytes(kind: number, texts: string[], payload: Uint8Array): Frame {
    if (!this.#isFirst) return new Frame(bytesOf(kind, texts, payload));
    throw new TypeError(
      "Cannot send bytes to a client of version 1.0.0, which has no binary payloads; send an object",
    );
  }
}

/** Version 1.0.0: JSON objects. */
export const FORMAT_1: ClientFormat = new ClientFormat(1);

/** Version 2.0.0: JSON arrays, and frames of bytes. */
export const FORMAT_2: ClientFormat = new ClientFormat(2);

function isRef(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function malformed(): never {
  throw new SyntaxError(
    "Cannot read a frame: it is no message; send what the client of Phoenix sends",
  );
}

/** Reads a push, or a broadcast of a client of Supabase, which is a push of the event `broadcast`. */
function decodeBytes(data: Uint8Array): ClientMessage {
  const isPush = data[0] === PUSH;
  const texts = isPush ? 4 : 5;
  // The latter has a text more, the meta data, and a byte: whether its payload is JSON.
  let at = isPush ? 5 : 7;
  if ((!isPush && data[0] !== USER_PUSH) || data.length < at) malformed();
  const [joinRef, ref, topic, event, meta] = Array.from(
    data.subarray(1, 1 + texts),
    (length) => {
      if (at + length > data.length) malformed();
      return utf8.decode(data.subarray(at, at += length));
    },
  );
  const bytes = new Uint8Array(data.subarray(at));
  const message = { joinRef: joinRef || null, ref: ref || null, topic };
  if (isPush) return { ...message, event, payload: bytes };
  const payload = {
    ...{ type: "broadcast", event },
    payload: data[6] === 0 ? bytes : JSON.parse(utf8.decode(bytes)),
    ...meta ? { meta: JSON.parse(meta) } : {},
  };
  return { ...message, event: "broadcast", payload };
}

/**
 * Returns a broadcast of bytes as the clients of Supabase receive it. It is itself the payload of the broadcast, so that
 * nodes of Elixir pass it on as bytes: they crash for bytes within an object.
 */
export function userBroadcast(
  topic: string,
  event: string,
  payload: Uint8Array,
): Uint8Array {
  return bytesOf(USER_BROADCAST, [topic, event, ""], payload, 0);
}

function isUserBroadcast(topic: string, bytes: Uint8Array): boolean {
  const own = Buffer.from(topic);
  return bytes[0] === USER_BROADCAST && bytes[1] === own.length &&
    own.equals(bytes.subarray(5, 5 + own.length));
}

/** Writes a frame of bytes: its kind, the lengths of its texts, further bytes, the texts, and the payload. */
function bytesOf(
  kind: number,
  texts: string[],
  payload: Uint8Array,
  ...further: number[]
): Uint8Array<ArrayBuffer> {
  const encoded = texts.map((text) => Buffer.from(text));
  const lengths = encoded.map(({ length }) => length);
  const longest = Math.max(...lengths);
  if (longest > MAX_TEXT) {
    throw new RangeError(
      `Cannot send bytes with a text of ${longest} bytes: ${MAX_TEXT} is the most for topics, events and references`,
    );
  }
  const head = Uint8Array.of(kind, ...lengths, ...further);
  return new Uint8Array(Buffer.concat([head, ...encoded, payload]));
}
