/**
 * Shared by all measured programs: the job, its payloads, and how a run becomes one line of JSON.
 *
 * @module
 */

import nodeProcess from "node:process";

/** A row, as a measured program receives it. */
export interface Job {
  row: string;
  /** The number of rounds that count. */
  rounds: number;
  /** The number of rounds before, which do not count. */
  warmup: number;
  /** The number of processes that work at the same time. */
  callers: number;
  peers: string[];
  /** The operating-system pid of the first peer. */
  peerProcess: number;
}

/** The result of a latency row, in microseconds. */
export interface Latencies {
  /** Half of the rounds took at most this. */
  median: number;
  /** All rounds together, divided by their number. */
  mean: number;
  /** 99 of 100 rounds took at most this. */
  p99: number;
  max: number;
  /** Given if the rounds are of two kinds, and the median could be of either by chance. */
  states?: States;
}

/** Rounds of two kinds. */
export interface States {
  /** The median of the fast rounds. */
  fast: number;
  /** The median of the slow rounds. */
  slow: number;
  /** The part of all rounds that are slow, up to 1. */
  slowShare: number;
}

/** The result of a throughput row. */
export interface Rate {
  /** Rounds per second, from the first one to the confirmation of the last. */
  rate: number;
}

/** The result of rounds that are too short to be timed one by one. */
export interface Cost {
  /** Microseconds per round, averaged over all rounds. */
  cost: number;
}

/** The result of a row that measures memory. */
export interface Size {
  /** Bytes per item. */
  bytes: number;
}

/** The result of one run. */
export type Sample = Latencies | Rate | Cost | Size;

/** The length of a text in characters, and of a byte array in bytes. */
export const TEXT_SIZE = 1000;

/** The number of different texts and byte arrays that are sent in turn, so that no cache of one helps. */
const VARIANTS = 16;

/** The number of users in a large object: about 10 kB as JSON. */
const LARGE_SIZE = 100;

const TEXTS = Array.from(
  { length: VARIANTS },
  (_, i) => String.fromCharCode(97 + i).repeat(TEXT_SIZE),
);
const BYTES = Array.from(
  { length: VARIANTS },
  (_, i) => new Uint8Array(TEXT_SIZE).fill(i),
);

/** A nested object of about 100 bytes as JSON. */
export interface User {
  /** A short text. */
  name: string;
  /** A short list. */
  tags: string[];
  /** A nested object. */
  at: { lat: number; lon: number };
}

function user(): User {
  return { name: "alex", tags: ["cat", "dog"], at: { lat: 52.5, lon: 13.25 } };
}

/** The messages of the one-way rows. */
export type Payload =
  | { type: "msg"; n: number }
  | { type: "text"; n: number; text: string }
  | { type: "bytes"; n: number; data: Uint8Array }
  | { type: "object"; n: number; user: User }
  | { type: "large"; n: number; list: User[] };

/** Makes the message number `n` of a row. */
export function payload(row: string, n: number): Payload {
  switch (row) {
    case "one_way_text":
      return { type: "text", n, text: TEXTS[n % VARIANTS] };
    case "one_way_bytes":
      return { type: "bytes", n, data: BYTES[n % VARIANTS] };
    case "one_way_object":
      return { type: "object", n, user: user() };
    case "one_way_large":
      return {
        type: "large",
        n,
        list: Array.from({ length: LARGE_SIZE }, user),
      };
    default:
      return { type: "msg", n };
  }
}

/**
 * Checks a message of {@linkcode payload}.
 *
 * @throws {Error} If it differs from the message that was sent, or is not message number `n`.
 */
export function checkPayload(message: Payload, n: number): void {
  if (message.n !== n || !isWhole(message)) {
    throw new Error(`Cannot go on: message ${n} arrived changed`);
  }
}

function isWhole(message: Payload): boolean {
  const variant = message.n % VARIANTS;
  switch (message.type) {
    case "msg":
      return true;
    case "text":
      return message.text.length === TEXT_SIZE &&
        message.text.charCodeAt(TEXT_SIZE - 1) === 97 + variant;
    case "bytes":
      return message.data.length === TEXT_SIZE &&
        message.data[TEXT_SIZE - 1] === variant;
    case "object":
      return isUser(message.user);
    case "large":
      return message.list.length === LARGE_SIZE &&
        isUser(message.list[LARGE_SIZE - 1]);
  }
}

function isUser({ tags, at }: User): boolean {
  return tags[1] === "dog" && at.lon === 13.25;
}

/** A large message: bytes, or a list of objects. */
export type Large = Uint8Array | User[];

const HUGE_BYTES = 100_000_000;
const HUGE_LIST = 100_000;

/** The large messages of a row: 100 MB of bytes in one or four, or 100,000 objects, which are 10 MB as JSON. */
export function large(row: string): Large[] {
  switch (row) {
    case "beside_bytes":
      return [new Uint8Array(HUGE_BYTES).fill(7)];
    case "beside_parts":
      return Array.from(
        { length: 4 },
        () => new Uint8Array(HUGE_BYTES / 4).fill(7),
      );
    default:
      return [Array.from({ length: HUGE_LIST }, user)];
  }
}

/**
 * Checks a message of {@linkcode large}.
 *
 * @throws {Error} If it differs from the message that was sent.
 */
export function checkLarge(data: Large | string): void {
  const { length } = data;
  // Bytes that are UTF-8 arrive as a text from a BEAM.
  const byteAt = (at: number) =>
    typeof data === "string" ? data.charCodeAt(at) : data[at];
  const isWhole = data instanceof Uint8Array || typeof data === "string"
    ? [HUGE_BYTES, HUGE_BYTES / 4].includes(length) &&
      byteAt(length / 2) === 7 && byteAt(length - 1) === 7
    : length === HUGE_LIST && isUser(data[HUGE_LIST - 1]);
  if (!isWhole) throw new Error("Cannot go on: a large message changed");
}

/** Summarises the rounds of one run, in milliseconds. */
export function latencies(times: Float64Array): Latencies {
  const sorted = times.toSorted();
  const at = (part: number): number =>
    sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)] * 1000;
  const total = sorted.reduce((sum, time) => sum + time, 0);
  return {
    median: at(0.5),
    mean: total / sorted.length * 1000,
    p99: at(0.99),
    max: at(1),
  };
}

/** Times requests one by one. `ask` answers with the number that it received. */
export async function timed(
  { rounds, warmup }: Job,
  ask: (n: number) => Promise<number>,
): Promise<Latencies> {
  const times = new Float64Array(rounds);
  for (let n = -warmup; n < rounds; n++) {
    const started = performance.now();
    const answer = await ask(n);
    if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
    if (n >= 0) times[n] = performance.now() - started;
  }
  return latencies(times);
}

export function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Measures the rate of some work, after a warm-up. */
export async function rated(
  { rounds, warmup }: Job,
  work: (rounds: number) => Promise<void>,
): Promise<Rate> {
  if (warmup > 0) await work(warmup);
  const started = performance.now();
  await work(rounds);
  return { rate: rounds / (performance.now() - started) * 1000 };
}

/** Collects garbage, as far as the host lets a program do so. */
export function collectGarbage(): void {
  const host = globalThis as unknown as {
    gc?: () => void;
    Bun?: { gc(isSynchronous: boolean): void };
  };
  // Twice: finalizers of the first time free more.
  for (let time = 0; time < 2; time++) {
    host.gc?.();
    host.Bun?.gc(true);
  }
}

/** Prints a result, and ends the program. */
export function report(result: Sample): never {
  nodeProcess.stdout.write(`${JSON.stringify(result)}\n`);
  nodeProcess.exit(0);
}

/**
 * Prints that a peer is ready, with its pid, and exits when standard input ends: no peer outlives the runner.
 */
export async function serve(text = ""): Promise<never> {
  nodeProcess.stdout.write(`READY ${nodeProcess.pid} ${text}\n`);
  for await (const _ of nodeProcess.stdin);
  nodeProcess.exit(0);
}
