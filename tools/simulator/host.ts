/**
 * The modules of Node that the page needs, in one file.
 *
 * Simulated nodes have no sockets, files or secrets. Functions that only real nodes call throw.
 *
 * @module
 */

import { Buffer } from "./buffer.ts";
import { kept } from "./async_hooks.ts";

export { AsyncLocalStorage } from "./async_hooks.ts";
export { Buffer, isUtf8 } from "./buffer.ts";

// node:timers

const turns: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => turns.shift()!();

export function setImmediate(fn: () => void): void {
  turns.push(kept(fn));
  port2.postMessage(undefined);
}

export const { clearInterval, clearTimeout, setInterval, setTimeout } =
  globalThis;

// node:process

export const versions = { node: "24.0.0" };

export function nextTick<A extends unknown[]>(
  fn: (...args: A) => void,
  ...args: A
): void {
  queueMicrotask(() => fn(...args));
}

export default {
  argv: [],
  env: {},
  platform: "linux",
  versions,
  cwd: (): string => "/",
  nextTick,
  listenerCount: (): number => 0,
  on(): void {},
  off(): void {},
  // Its properties are looked at, to know where output goes.
  stdout: {},
  stderr: {},
  stdin: {},
};

// node:crypto

export function randomBytes(size: number): Buffer {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(size)));
}

export function randomUUID(): string {
  return Buffer.concat([randomBytes(16)]).toString("hex");
}

export function timingSafeEqual(one: Buffer, other: Buffer): boolean {
  return one.equals(other);
}

/** A digest of 32 bytes that is the same for the same texts. It is no secret: no stranger is in the page. */
class Digest {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  update(text: string): this {
    this.#text += ` ${text}`;
    return this;
  }

  digest(): Buffer;
  digest(encoding: string): string;
  digest(encoding?: string): Buffer | string {
    const bytes = Buffer.alloc(32);
    for (let at = 0; at < 32; at += 4) {
      let sum = 0x811c9dc5 ^ at;
      for (let i = 0; i < this.#text.length; i++) {
        sum = Math.imul(sum ^ this.#text.charCodeAt(i), 0x01000193);
      }
      bytes.writeUInt32BE(sum >>> 0, at);
    }
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }
}

export function createHash(): Digest {
  return new Digest("");
}

export function createHmac(_algorithm: string, key: string): Digest {
  return new Digest(key);
}

// node:net, node:os, node:path

export function isIP(text: string): number {
  return /^\d+(\.\d+){3}$/.test(text) ? 4 : text.includes(":") ? 6 : 0;
}

export function hostname(): string {
  return "localhost";
}

export function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Stands for a function or a class that a page cannot have. */
function missing(): never {
  throw new Error(
    "Cannot use sockets, files or certificates: a page has none; simulate them",
  );
}

export {
  missing as connect,
  missing as createPrivateKey,
  missing as createServer,
  missing as homedir,
  missing as isAbsolute,
  missing as join,
  missing as randomInt,
  missing as Socket,
  missing as X509Certificate,
};
