/**
 * Keys of maps and sets that would take more than linear time.
 *
 * Engines hash strings with a secret, but numbers and bigints without one. V8 hashes only the lowest 64 bits of a
 * bigint, and a string that spells an array index (`"4294901760"`) has that number as its hash. So an attacker can
 * choose keys that share one bucket, where each insertion passes all others: 1 MB of bigints blocked a node for 6 s.
 * Keys are therefore counted by bucket first, with V8's hashes (`ComputeUnseededHash` and `ComputeLongHash` in
 * `src/utils/utils.h`, `MakeArrayIndexHash` in `src/strings/string-hasher-inl.h`). Other engines hash differently,
 * and are not covered.
 */

/** The number of keys up to which no count is needed: even in one bucket they cost only milliseconds. */
export const FEW_KEYS = 1024;

/** The maximum average number of comparisons per key; random keys need about 3. */
const MAX_STEPS = 32;

/** The digits of an index; 9999999999 matches too, beyond the largest index. */
const INDEX = /^[1-9][0-9]*$/;

const word = new DataView(new ArrayBuffer(8));

/** Whether `count` keys would cost far more than their number. */
export function isCrowded(count: number, keys: Iterable<unknown>): boolean {
  const mask = (1 << (31 - Math.clz32(count))) - 1;
  const buckets = new Uint32Array(mask + 1);
  let steps = 0;
  for (const key of keys) {
    if (typeof key === "string" ? !isIndex(key) : !isNumeric(key)) continue;
    steps += buckets[hashOf(key as string | number | bigint) & mask]++;
  }
  return steps > MAX_STEPS * count;
}

/** Whether a string spells an array index, so that its hash can be chosen. */
export function isIndex(text: string): boolean {
  return text.length <= 10 && INDEX.test(text);
}

function isNumeric(key: unknown): boolean {
  return typeof key === "number" || typeof key === "bigint";
}

function hashOf(key: string | number | bigint): number {
  // The string's length is in bits above the bits that select a bucket.
  if (typeof key === "string") return Number(key) | 0;
  if (typeof key === "bigint") {
    // The lowest 64 bits of the absolute value.
    return hash64(BigInt.asUintN(64, key < 0n ? -key : key));
  }
  if (key === (key | 0)) return hash32(key | 0);
  word.setFloat64(0, key);
  return hash64(word.getBigUint64(0));
}

function hash32(value: number): number {
  let hash = (~value + (value << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ (hash >>> 16);
}

function hash64(value: bigint): number {
  let hash = BigInt.asUintN(64, ~value + (value << 18n));
  hash ^= hash >> 31n;
  hash = BigInt.asUintN(64, hash * 21n);
  hash ^= hash >> 11n;
  hash = BigInt.asUintN(64, hash + (hash << 6n));
  hash ^= hash >> 22n;
  return Number(BigInt.asUintN(30, hash));
}
