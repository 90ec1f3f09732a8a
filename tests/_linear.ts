/** Time per byte of what is decoded, against a plain text of the same size that is read in the same run. */

import process from "node:process";
import { DEFAULT_LIMITS, type Port } from "../packages/node/wire.ts";
import type { Signals } from "../packages/processes/signals/signal.ts";
import { Decoder } from "../packages/node/json/json_decoder.ts";
import { ProtocolError } from "../packages/node/wires/over_limit.ts";
import { frameOf } from "./_raw_peer.ts";

/** The ends of a connection. */
export const HERE = { name: "kate@localhost", creation: 5 };
export const THERE = { name: "raw@localhost", creation: 7 };

/** The length of inputs, in bytes. */
export const SIZE: number = 400_000;

export const RANDOM: number = 30;

/**
 * The allowed ratio to the time of a plain text. The slowest linear input, errors of 35 bytes with their
 * stacks, is at 120; quadratic ones are above 10,000 at this size.
 */
export const ALLOWED = 600;

export const PORT: Port = {
  wake() {},
  write() {},
  room: Infinity,
  pressure: () => undefined,
  assertRoom() {},
  // A signal that is refused alone fails the decoding too.
  refused(_signal, why) {
    throw new ProtocolError(why);
  },
  peers() {},
};

export function nothing(): void {}

export const NOWHERE = {
  send: nothing,
  sendName: nothing,
  sendAlias: nothing,
  reply: nothing,
} as unknown as Signals;

export function newDecoder(): Decoder {
  return new Decoder(HERE, THERE, DEFAULT_LIMITS, PORT, NOWHERE);
}

export function decode(text: string): void {
  newDecoder().receive(frameOf(text));
}

/** The time of the processor that this program has used, in milliseconds: other programs do not lengthen it. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The time that it takes, in milliseconds; it may throw. */
export function timeOf(fn: () => void): number {
  const start = processorTime();
  try {
    fn();
  } catch {
    // Refused.
  }
  return processorTime() - start;
}

/** Asserts that it takes no longer than is allowed for that many bytes, in one of three attempts. */
export function assertLinear(
  what: string,
  bytes: number,
  fn: () => void,
  allowed: number = ALLOWED,
): void {
  const plain = `[["send",1,2,"${"x".repeat(bytes)}"]]`;
  let worst = "";
  for (let attempt = 0; attempt < 3; attempt++) {
    const expected = Math.max(timeOf(() => decode(plain)), 0.2);
    const taken = timeOf(fn);
    if (taken <= allowed * expected) return;
    worst = `${taken} ms, and ${expected} ms for a plain text`;
  }
  throw new Error(`${what} takes ${worst}`);
}

/** Integers that V8 keeps in one bucket of a set of that size: its hash, inverted step by step. */
export function integersOfOneHash(): number[] {
  const inverse = (odd: number) => {
    let found = 1;
    for (let i = 0; i < 5; i++) {
      found = Math.imul(found, 2 - Math.imul(odd, found));
    }
    return found;
  };
  const unshift = (hash: number, by: number) => {
    let found = hash;
    for (let i = 0; i < 32; i += by) found = hash ^ (found >>> by);
    return found;
  };
  const [times2057, times5, times32767] = [2057, 5, 32767].map(inverse);
  const found: number[] = [];
  for (let i = 0; found.length < 30_000; i++) {
    let key = unshift((i << 14) | 5, 16);
    key = unshift(Math.imul(key, times2057), 4);
    key = unshift(Math.imul(key, times5), 12);
    key = Math.imul(key + 1, times32767);
    // Larger ones are no small integers, which have another hash.
    if (key >= 0 && key < 2 ** 29) found.push(key);
  }
  return found;
}

/** Floats that V8 keeps in one bucket: its hash, inverted step by step. */
export function floatsOfOneHash(): number[] {
  const mask = (1n << 64n) - 1n;
  const inverse = (odd: bigint) => {
    let found = 1n;
    for (let i = 0; i < 6; i++) found = (found * (2n - odd * found)) & mask;
    return found;
  };
  const unshift = (hash: bigint, by: bigint) => {
    let found = hash;
    for (let i = 0n; i < 64n; i += by) found = hash ^ (found >> by);
    return found;
  };
  const view = new DataView(new ArrayBuffer(8));
  const found: number[] = [];
  for (let i = 1n; found.length < 20_000; i++) {
    let key = unshift(((i * 2654435761n) << 30n) & mask | 5n, 22n);
    key = unshift((key * inverse(65n)) & mask, 11n);
    key = unshift((key * inverse(21n)) & mask, 31n);
    key = ((key + 1n) * inverse((1n << 18n) - 1n)) & mask;
    view.setBigUint64(0, key);
    const value = view.getFloat64(0);
    if (Number.isFinite(value)) found.push(value);
  }
  return found;
}

/** Texts that spell indexes of arrays, which V8 keeps in one bucket of a set of that size. */
export function digitsOfOneHash(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${(i + 1000) * 0x10000}`);
}
