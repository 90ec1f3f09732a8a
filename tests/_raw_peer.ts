/** A peer that writes the JSON wire by hand: scripted, and as hostile as a test needs. */

import { createHmac, randomBytes } from "node:crypto";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { Buffer } from "node:buffer";
import type { Node } from "../node.ts";
import { Pid, type Ref } from "../packages/processes/process.ts";
import { type Cluster, clusterTest, COOKIE } from "./_nodes.ts";
import { quiet } from "./_processes.ts";

/** The introduction of a node in a handshake. */
export interface Hello {
  name: string;
  creation: number;
  hidden: boolean;
  nonce: string;
  maxMessageBytes: number;
  status?: string;
  [key: string]: unknown;
}

/** A received frame: JSON, with attachments or without, raw bytes, or neither for a tick. */
export interface Frame {
  json?: unknown;
  attachments?: Uint8Array;
  raw?: Uint8Array;
}

/** Bytes of a frame with a JSON text. */
export function jsonFrame(value: unknown): Uint8Array {
  return frameOf(JSON.stringify(value));
}

export function frameOf(text: string): Uint8Array {
  const body = Buffer.from(text, "utf8");
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Bytes of an attachment; a text is written as UTF-8. */
export function attachmentOf(content: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(content as string);
  const head = Buffer.alloc(4);
  const utf8 = typeof content === "string" ? 0x8000_0000 : 0;
  head.writeUInt32BE(utf8 + bytes.length);
  return Buffer.concat([head, bytes]);
}

/** Bytes of a frame with a JSON text and attachments. */
export function attachedFrameOf(
  text: string,
  attachments: (string | Uint8Array)[],
): Uint8Array {
  const attached = Buffer.concat(attachments.map(attachmentOf));
  const json = Buffer.from(text, "utf8");
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x4000_0000 + 4 + attached.length + json.length);
  head.writeUInt32BE(attached.length, 4);
  return Buffer.concat([head, attached, json]);
}

/** The JSON of a frame with signals, and the bytes of its attachments. */
export function partsOf(
  frame: Uint8Array,
): { json: string; attachments: Uint8Array } {
  const bytes = Buffer.from(frame);
  const size = bytes[0] >>> 6 === 1 ? 4 + bytes.readUInt32BE(4) : 0;
  return {
    json: bytes.toString("utf8", 4 + size),
    attachments: bytes.subarray(size === 0 ? 4 : 8, 4 + size),
  };
}

/** JSON with attached texts in the place of their tags. */
function withTexts(json: unknown, attachments: Uint8Array): unknown {
  const bytes = Buffer.from(attachments);
  const texts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = bytes.readUInt32BE(at);
    const end = at + 4 + (head & 0x7fff_ffff);
    const encoding = head >= 0x8000_0000 ? "utf8" : "latin1";
    texts.push(bytes.toString(encoding, at + 4, end));
    at = end;
  }
  if (texts.length === 0) return json;
  return JSON.parse(
    JSON.stringify(json),
    (_, value) => typeof value?.$text === "number" ? texts[value.$text] : value,
  );
}

/** Bytes of a frame with a part of JSON, which may be its last, or of attachments. */
export function rawFrameOf(
  id: number,
  bytes: Uint8Array,
  kind: boolean | "attachments",
): Uint8Array {
  const head = Buffer.alloc(9);
  head.writeUInt32BE((0x8000_0000 + 5 + bytes.length) >>> 0);
  head.writeUInt32BE(id, 4);
  head[8] = kind === "attachments" ? 2 : Number(kind);
  return Buffer.concat([head, bytes]);
}

/** A process of the raw peer, as it writes it. */
export function theirs(number: number): unknown {
  return { $pid: [0, number, 7] };
}

/** A reference of the raw peer, as it writes it. */
export function theirRef(number: number): unknown {
  return { $ref: [0, number, 7] };
}

/** A process of the node that the raw peer is connected to, as it writes it. */
export function ours({ number, creation }: Pid): unknown {
  return { $pid: [1, number, creation] };
}

/** A reference of the node that the raw peer is connected to, as it writes it. */
export function ourRef({ number, creation }: Ref): unknown {
  return { $ref: [1, number, creation] };
}

/** A request to a server by process 100 of the raw peer. */
export function callOf(request: unknown, ref = 1): object {
  return { type: "$call", from: theirs(100), ref: theirRef(ref), request };
}

/** A message between servers of one kind, by process 100 of the raw peer. */
export function told(message: unknown): object {
  return { type: "$tell", from: theirs(100), message };
}

/** An introduction. */
export function hello(name: string, rest: Partial<Hello> = {}): Hello {
  return {
    name,
    creation: 7,
    hidden: false,
    nonce: randomBytes(32).toString("hex"),
    maxMessageBytes: 1 << 25,
    ...rest,
  };
}

/** The proof of knowing the cookie. */
export function proofOf(
  role: "dialler" | "listener",
  dialler: Hello,
  listener: Hello,
  cookie: string = COOKIE,
  binding: string[] = [],
): string {
  const text = [
    "otp-json/1",
    role,
    ...[dialler, listener].flatMap((
      { name, creation, nonce },
    ) => [name, creation, nonce]),
    ...binding,
  ].join("\n");
  return createHmac("sha256", cookie).update(text).digest("hex");
}

/** One end of a connection to a node. */
export class RawPeer implements AsyncDisposable {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #bytes: Uint8Array = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};
  /** Whether it answers the `unlink` that follows each part of a large message. */
  isAcking = true;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on("end", () => socket.destroy());
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      })
    );
  }

  /** Connects to a port of this machine. */
  static dial(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawPeer(socket)));
    });
  }

  /** Connects to a node, and performs the handshake. */
  static async entered(
    node: Node,
    name: string,
    options: Parameters<RawPeer["enter"]>[2] = {},
  ): Promise<RawPeer> {
    const peer = await RawPeer.dial(node.port);
    await peer.enter(name, node.name, options);
    return peer;
  }

  /** Sends bytes; resolves when they have left. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  say(value: unknown): Promise<void> {
    return this.write(jsonFrame(value));
  }

  /** Ends its side, as a half-close. */
  end(): void {
    this.#socket.end();
  }

  /** Ends with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Stops reading from the socket. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The received bytes that are not taken yet. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Takes the next frame; `undefined` when the connection is closed. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#cut();
      if (frame !== undefined && this.#isProbe(frame)) continue;
      if (frame !== undefined) return frame;
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Answers the `unlink` after a part of a large message; returns whether the frame is one. */
  #isProbe({ json }: Frame): boolean {
    const [kind, from, to, , id] = (json as unknown[][] | undefined)?.[0] ?? [];
    if (kind !== "unlink" || from !== 0) return false;
    if (this.isAcking) void this.say([["unlink_ack", to, from, id]]);
    return true;
  }

  #cut(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 4) return undefined;
    const head = Buffer.from(bytes.subarray(0, 4)).readUInt32BE();
    const length = head & 0x3fff_ffff;
    if (bytes.length < 4 + length) return undefined;
    const frame = bytes.subarray(0, 4 + length);
    this.#bytes = bytes.subarray(4 + length);
    if (length === 0) return {};
    if (head >= 0x8000_0000) return { raw: frame.subarray(4) };
    const { json, attachments } = partsOf(frame);
    return { json: withTexts(JSON.parse(json), attachments), attachments };
  }

  /** Takes the body of the next frame whose length has that many bytes; `undefined` when it is closed. */
  async body(lengthBytes: 2 | 4): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = Buffer.from(this.#bytes);
      if (bytes.length >= lengthBytes) {
        const end = lengthBytes + bytes.readUIntBE(0, lengthBytes);
        if (bytes.length >= end) {
          this.#bytes = bytes.subarray(end);
          return bytes.subarray(lengthBytes, end);
        }
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Takes the next JSON frame. */
  // deno-lint-ignore no-explicit-any
  async hear(): Promise<any> {
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) {
        throw new Error("the node closed the connection");
      }
      if (frame.json !== undefined) return frame.json;
    }
  }

  /** Takes signals until there is one of that kind; returns it. */
  async signal(kind: string): Promise<unknown[]> {
    for (;;) {
      for (const signal of await this.hear()) {
        if (signal[0] === kind) return signal;
      }
    }
  }

  /** Sends a message to a process or a name, as process 100. */
  sayTo(to: Pid | string, message: unknown): Promise<void> {
    return this.say([
      typeof to === "string"
        ? ["send_name*", 100, to, message]
        : ["send*", 100, to.number, message],
    ]);
  }

  /** Takes signals until there is an answer or a reply to that reference; returns its value. */
  async answerTo(asked: number): Promise<unknown> {
    for (;;) {
      for (const [kind, , ref, value] of await this.hear()) {
        if (/^(answer|reply)/.test(kind) && ref === asked) return value;
      }
    }
  }

  /** Sends a server a request, as process 100; returns the answer. */
  async ask(to: Pid | string, request: unknown, ref = 7): Promise<unknown> {
    await this.sayTo(to, callOf(request, ref));
    return await this.answerTo(ref);
  }

  /**
   * Waits until the node has handled the earlier signals, and the processes that got them have acted on them; takes the
   * signals that arrive meanwhile.
   */
  async takenIn(): Promise<unknown[][]> {
    await this.say([["monitor_name", 100, "nobody at all", 999]]);
    const heard: unknown[][] = [];
    for (;;) {
      for (const signal of await this.hear()) {
        if (signal[0] === "down" && signal[3] === 999) {
          await quiet();
          return heard;
        }
        heard.push(signal);
      }
    }
  }

  /** Performs the handshake as a dialler; returns both introductions. */
  async enter(
    name: string,
    to: string,
    options: Partial<Hello> & {
      cookie?: string;
      binding?: string[];
      knows?: unknown;
    } = {},
  ): Promise<{ mine: Hello; theirs: Hello; proof: string; knows?: string }> {
    const { cookie = COOKIE, binding, knows, ...rest } = options;
    const mine = hello(name, rest);
    await this.say({ versions: [1], to, ...mine });
    const theirs = await this.hear() as Hello;
    // The listener's introduction lets the dialler go on.
    if (!theirs.nonce) throw new Error(`refused: ${theirs.status}`);
    const proof = proofOf("dialler", mine, theirs, cookie, binding);
    await this.say({ proof, knows });
    const answer = await this.hear();
    if (answer.status) throw new Error(`refused: ${answer.status}`);
    if (answer.proof !== proofOf("listener", mine, theirs, cookie, binding)) {
      throw new Error("the node does not know the cookie");
    }
    return { mine, theirs, proof, knows: answer.knows };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }
}

/** Listens as a node would, and leaves everything else to the test. */
export class RawListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];

  private constructor() {
    this.#server = createServer((socket) => {
      const peer = new RawPeer(socket);
      const next = this.#waiting.shift();
      if (next === undefined) this.#peers.push(peer);
      else next(peer);
    });
  }

  static listen(): Promise<RawListener> {
    const listener = new RawListener();
    return new Promise((resolve) =>
      listener.#server.listen(
        { host: "127.0.0.1", port: 0 },
        () => resolve(listener),
      )
    );
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next connection. */
  accept(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    return peer !== undefined
      ? Promise.resolve(peer)
      : new Promise((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export const THEIRS = new Pid("raw@localhost", 1, 7);

/** Runs `fn` in a process of alex, with a raw peer that has completed the handshake. */
export async function withRaw(
  cluster: Cluster,
  options: Parameters<Cluster["start"]>[1],
  fn: (peer: RawPeer, alex: Node, cluster: Cluster) => Promise<void>,
): Promise<void> {
  const alex = await cluster.start("alex", options);
  await using peer = await RawPeer.entered(alex, "raw@localhost");
  await alex.run(() => fn(peer, alex, cluster));
}

/** A test of a raw peer that has entered alex; its body is a process of alex. */
export function rawTest(
  name: string,
  fn: Parameters<typeof withRaw>[2],
  options: Parameters<typeof withRaw>[1] = {},
): void {
  clusterTest(name, (cluster) => withRaw(cluster, options, fn));
}
