/**
 * Placement: which shard a key is in, and which node should own a shard.
 *
 * Each node computes both alone, from the same rows. Rendezvous hashing moves as few shards as possible: when a node
 * leaves, only its shards move; when one joins, it gets its share from all others.
 *
 * @module
 */

/** A hash of 32 bits: FNV-1a over the text's UTF-16 units, then mixed, as FNV's high bits are weak. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The number of the shard of a key. */
export function shardNumber(key: string, shards: number): number {
  return hashOf(key) % shards;
}

/** A node that can own a shard. */
export interface Candidate {
  name: string;
  weight: number;
}

/** The node that should own a shard: each wins in proportion to its weight. */
export function winnerOf<C extends Candidate>(
  shard: string,
  candidates: Iterable<C>,
): C | undefined {
  let winner: C | undefined;
  let best = -Infinity;
  for (const candidate of candidates) {
    const { name, weight } = candidate;
    const score = weight /
      -Math.log((hashOf(`${shard} ${name}`) + 0.5) / 2 ** 32);
    if (score < best) continue;
    if (score === best && winner !== undefined && winner.name < name) continue;
    best = score;
    winner = candidate;
  }
  return winner;
}
