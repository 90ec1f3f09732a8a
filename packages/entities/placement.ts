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

export function shardNumber(key: string, shards: number): number {
  return hashOf(key) % shards;
}

export function typeOf(shard: string): string {
  return shard.slice(0, shard.lastIndexOf("/"));
}

/** A node that can own a shard. */
export interface Candidate {
  name: string;
  weight: number;
  /** The shards, and the types, that are pinned to it. */
  pins?: ReadonlySet<string>;
}

/** The node that should own a shard: one that it is pinned to, if there is any. Each wins in proportion to its weight. */
export function winnerOf<C extends Candidate>(
  shard: string,
  candidates: Iterable<C>,
): C | undefined {
  let winner: C | undefined;
  let best = -Infinity;
  let isPinned = false;
  for (const candidate of candidates) {
    const { name, weight, pins } = candidate;
    const pinned = pins !== undefined &&
      (pins.has(shard) || pins.has(typeOf(shard)));
    if (isPinned && !pinned) continue;
    const score = weight /
      -Math.log((hashOf(`${shard} ${name}`) + 0.5) / 2 ** 32);
    if (isPinned === pinned) {
      if (score < best) continue;
      if (score === best && winner && winner.name < name) continue;
    }
    isPinned = pinned;
    best = score;
    winner = candidate;
  }
  return winner;
}
