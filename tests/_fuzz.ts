/** Random mutations of valid bytes and values. */

import { Buffer } from "node:buffer";
import { frameOf } from "./_raw_peer.ts";
import type { Random } from "./_seeds.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** Unusual values. */
export const ODD: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1,
  1.5,
  1e300,
  2 ** 53,
  100,
  101,
  102,
  "",
  "x",
  "noproc",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "\u001b[2J",
  "x".repeat(300),
  [],
  {},
  [[]],
  { $pid: [1, 0, 7] },
  { $pid: [100, 1, "x@localhost"] },
  { $ref: [1, 0, 7] },
  { $bigint: "12" },
  { $bigint: "x" },
  { $bytes: "AAAA" },
  { $bytes: "!" },
  { $text: 0 },
  { $text: 1 },
  { $bytes: ["Uint8Array", 0] },
  { $bytes: 0 },
  { $map: [[1, 2]] },
  { $set: [1] },
  { $date: 8.65e15 },
  { $error: { name: "TypeError", message: "x" } },
  { $error: { name: 1, message: {}, fields: { __proto__: 1 } } },
  { $unknown: 1 },
  { $tuple: [1] },
  { $tuple: 1 },
  { $improper: [[1], 2] },
  { $improper: [[1], []] },
  { $pid: [0, [1, 2 ** 31], 4] },
  { $ref: [0, [1, 2, 3], 4] },
  { $ref: [0, [], 4] },
  { $float: 1 },
  { $float: 1.5 },
  { $bits: [3, "AQ=="] },
  { $fun: ["erlang", "abs", 1] },
  { $opaque_fun: ["chat", 1, 2, 0, "cAA="] },
  { $port: [0, [1, 2], 4] },
  { $number: "Infinity" },
  { toString: 1 },
];

/** The value with one part of it changed: replaced, dropped, doubled or moved. */
export function mutated(random: Random, value: Json): Json {
  if (
    typeof value !== "object" || value === null || random.below(6) === 0
  ) return random.of(ODD);
  const keys = Object.keys(value);
  if (keys.length === 0) return random.of(ODD);
  if (!Array.isArray(value)) {
    const key = random.of(keys);
    const copy = { ...value };
    if (random.below(4) === 0) delete copy[key];
    else copy[key] = mutated(random, value[key]);
    return copy;
  }
  const at = random.below(value.length);
  const copy = [...value];
  switch (random.below(8)) {
    case 0:
      copy.splice(at, 1);
      break;
    case 1:
      copy.splice(at, 0, copy[at]);
      break;
    case 2:
      copy.push(random.of(ODD));
      break;
    default:
      copy[at] = mutated(random, value[at]);
  }
  return copy;
}

/** The bytes with a part of them changed: flipped, cut, doubled, replaced or added to. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = random.below(copy.length);
  switch (random.below(6)) {
    case 0:
      copy[at] ^= 1 << random.below(8);
      return copy;
    case 1:
      copy[at] = random.below(256);
      return copy;
    case 2:
      return copy.subarray(0, at);
    case 3:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at >> 1)]);
    case 4:
      return Buffer.concat([
        copy.subarray(0, at),
        random.bytes(20),
        copy.subarray(at),
      ]);
    default:
      return random.bytes(200);
  }
}

export function mutatedFrame(random: Random, value: Json): Uint8Array {
  if (random.below(2) === 0) {
    return mutatedBytes(random, frameOf(JSON.stringify(value)));
  }
  let changed = value;
  for (let i = random.below(3); i >= 0; i--) changed = mutated(random, changed);
  return frameOf(JSON.stringify(changed) ?? "null");
}

/** The bytes in a few pieces. */
export function* pieces(
  random: Random,
  bytes: Uint8Array,
): Generator<Uint8Array> {
  let at = 0;
  for (let i = random.below(3); i > 0; i--) {
    const next = at + random.below(bytes.length - at + 1);
    yield bytes.subarray(at, next);
    at = next;
  }
  yield bytes.subarray(at);
}
