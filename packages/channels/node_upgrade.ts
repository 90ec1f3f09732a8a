/**
 * WebSockets (RFC 6455) over the `upgrade` event of `node:http`, without a package.
 *
 * A frame for many clients is written to bytes once, and all sockets send the same bytes. The frames of one turn of the
 * event loop leave in one write, and sockets with the same frames share its bytes. A frame of a client is refused by the
 * length in its header, before the frame is kept.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { outside } from "@otp/processes/context/async_context";
import { scheduler } from "@otp/processes/scheduling/scheduler";
import type { NodeSocketRequest } from "./host_upgrade.ts";
import type { ClientSocket, Opened, SocketTransport } from "./client_socket.ts";
import type { Frame } from "./client_format.ts";
import { FrameBatch } from "./frame_batch.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** The kinds of frames. */
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
/** The codes of a close. */
const [NORMAL, PROTOCOL_ERROR, INVALID, TOO_BIG] = [1000, 1002, 1007, 1009];
/** How long the client may take to answer a close, in milliseconds. */
const PATIENCE = 5000;
/** The longest reason of a close, in bytes. */
const MAX_REASON = 123;
/** The bytes of a batch of several frames: longer frames are not copied. */
const MAX_BATCH = 1 << 16;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Answers a request with a status, and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, text: string) {
  const length = Buffer.byteLength(text);
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${text}`,
  );
}

/** Accepts a WebSocket; returns false if the request asks for none as the standard says. */
export function nodeUpgrade(
  { method, headers }: NodeSocketRequest,
  socket: Duplex,
  head: Uint8Array,
  protocol: string | undefined,
  maxMessage: number,
  opened: Opened,
): boolean {
  const key = String(headers["sec-websocket-key"]);
  if (
    socket.destroyed || method !== "GET" ||
    headers["sec-websocket-version"] !== "13" ||
    !/^[+/0-9A-Za-z]{22}==$/.test(key)
  ) return false;
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  const agreed = protocol === undefined
    ? ""
    : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  outside(() => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${agreed}\r\n`,
    );
    new NodeWebSocket(socket as Socket, maxMessage, opened).read(head);
  });
  return true;
}

/** The sockets that write at the end of the turn. */
let writing: NodeWebSocket[] = [];

function writeAll(): void {
  const sockets = writing;
  writing = [];
  for (const socket of sockets) socket.flush();
}

class NodeWebSocket implements SocketTransport {
  readonly #socket: Socket;
  readonly #max: number;
  readonly #client: ClientSocket;
  /** Bytes that are not yet read, their number, and the number from which on a part of them can be read. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  #needed = 2;
  /** The parts of a message, their length, and its kind. */
  #parts: Uint8Array[] = [];
  #partsLength = 0;
  #kind = CONTINUATION;
  #isClosing = false;
  /** The frames of this turn. */
  #batch: FrameBatch | undefined;

  constructor(socket: Socket, maxMessage: number, opened: Opened) {
    this.#socket = socket;
    this.#max = maxMessage;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    this.#client = opened(this);
    socket.on("data", (data: Uint8Array) => this.read(data));
    // A client whose program is killed; servers of HTTP leave their side open.
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      this.#isClosing = true;
      this.#client.closed();
    });
  }

  get unread(): number {
    return this.#socket.writableLength + (this.#batch?.length ?? 0);
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    const { data } = frame;
    frame.wire ??= typeof data === "string"
      ? encode(TEXT, Buffer.from(data))
      : encode(BINARY, data);
    this.#write(frame.wire);
  }

  /** Writes the frames of this turn. */
  flush(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) this.#socket.write(batch.bytes);
  }

  close(code: number, reason = ""): void {
    if (this.#isClosing) return;
    const body = Buffer.from(`  ${reason}`).subarray(0, MAX_REASON + 2);
    body.writeUInt16BE(code);
    this.#write(encode(CLOSE, body));
    // The program may exit before the turn ends.
    this.flush();
    this.#isClosing = true;
    const socket = this.#socket;
    const timer = outside(() => setTimeout(() => socket.destroy(), PATIENCE));
    socket.once("close", () => clearTimeout(timer));
  }

  /** Writes together with all that this turn writes. */
  #write(frame: FrameBatch): void {
    if ((this.#batch?.length ?? 0) + frame.length > MAX_BATCH) this.flush();
    if (this.#batch !== undefined) this.#batch = this.#batch.and(frame);
    else {
      this.#batch = frame;
      if (writing.push(this) === 1) scheduler.afterTurn(writeAll);
    }
  }

  /** Reads the frames that have arrived whole. */
  read(data: Uint8Array): void {
    this.#chunks.push(data);
    this.#length += data.length;
    if (this.#length < this.#needed) return;
    const bytes = this.#chunks.length === 1
      ? Buffer.from(data.buffer, data.byteOffset, data.length)
      : Buffer.concat(this.#chunks);
    let at = 0;
    while (bytes.length - at >= 2) {
      const taken = this.#readFrame(bytes.subarray(at));
      if (taken === 0) break;
      at += taken;
      this.#needed = 2;
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  /** Reads the first frame; returns its length, or 0 if more bytes are needed. */
  #readFrame(bytes: Buffer): number {
    const [first, second] = bytes;
    const isLast = (first & 0x80) !== 0;
    const kind = first & 0x0f;
    const isControl = kind >= CLOSE;
    const short = second & 0x7f;
    // No extension is agreed on; clients mask each frame; a frame of control is short and whole.
    if (
      (first & 0x70) !== 0 || (second & 0x80) === 0 ||
      (isControl && (!isLast || short > 125))
    ) return this.#fail(PROTOCOL_ERROR, bytes);
    const head = short < 126 ? 6 : short === 126 ? 8 : 14;
    if (bytes.length < head) return this.#needs(head);
    const length = short < 126
      ? short
      : short === 126
      ? bytes.readUInt16BE(2)
      : Number(bytes.readBigUInt64BE(2));
    if (!isControl && this.#partsLength + length > this.#max) {
      return this.#fail(TOO_BIG, bytes);
    }
    const end = head + length;
    if (bytes.length < end) return this.#needs(end);
    const body = bytes.subarray(head, end);
    for (let i = 0; i < length; i++) body[i] ^= bytes[head - 4 + (i & 3)];
    const failure = isControl
      ? this.#control(kind, body)
      : this.#part(kind, isLast, body);
    return failure === undefined ? end : this.#fail(failure, bytes);
  }

  #needs(length: number): 0 {
    this.#needed = length;
    return 0;
  }

  /** Closes the connection, and drops all that has arrived. */
  #fail(code: number, { length }: Uint8Array): number {
    this.close(code);
    this.#socket.end();
    if (code === TOO_BIG) this.#client.closed("size");
    else if (code !== NORMAL) this.#client.closed("malformed");
    return length;
  }

  #control(kind: number, body: Uint8Array): number | undefined {
    if (kind === PING) this.#write(encode(PONG, body));
    // Phoenix's servers answer a close with this code, whatever the client's is.
    else if (kind === CLOSE) return NORMAL;
    else if (kind !== PONG) return PROTOCOL_ERROR;
  }

  #part(kind: number, isLast: boolean, body: Uint8Array): number | undefined {
    // The first part states the kind, and only it.
    const isFirst = this.#kind === CONTINUATION;
    if (kind > BINARY || isFirst !== (kind !== CONTINUATION)) {
      return PROTOCOL_ERROR;
    }
    if (isFirst) this.#kind = kind;
    this.#parts.push(body);
    this.#partsLength += body.length;
    if (!isLast) return;
    const whole = this.#parts.length === 1 ? body : Buffer.concat(this.#parts);
    const isText = this.#kind === TEXT;
    this.#parts = [];
    this.#partsLength = 0;
    this.#kind = CONTINUATION;
    if (this.#isClosing) return;
    let message: string | Uint8Array = whole;
    try {
      if (isText) message = utf8.decode(whole);
    } catch {
      return INVALID;
    }
    this.#client.receive(message);
  }
}

/** Writes a frame of a server, which is not masked. */
function encode(kind: number, body: Uint8Array): FrameBatch {
  const { length } = body;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x80 | kind;
  frame[1] = head === 2 ? length : head === 4 ? 126 : 127;
  if (head === 4) frame.writeUInt16BE(length, 2);
  else if (head === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(body, head);
  return new FrameBatch(frame);
}
