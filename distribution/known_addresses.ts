/**
 * Addresses of nodes that are not connected: where they were, and where peers say that they are.
 *
 * Both are bounded. A node that was connected replaces the one that was lost first. A node that a peer has
 * introduced replaces one of the peer that has introduced most, so that no peer displaces the others'.
 *
 * @module
 */

import type { WireName } from "./wire.ts";

/** The address of a node. */
export interface KnownAddress {
  /** `host:port`. */
  readonly address: string;
  /** The wire that the node speaks there. */
  readonly wire: WireName;
}

interface Introduction {
  readonly address: string;
  readonly by: string;
}

/** The known addresses of nodes that are not connected. */
export class KnownAddresses {
  readonly #max: number;
  /** In the order in which the nodes were lost. */
  readonly #lost = new Map<string, KnownAddress>();
  readonly #introduced = new Map<string, Introduction>();
  /** The nodes that each peer has introduced, in their order. */
  readonly #introducers = new Map<string, Set<string>>();

  /** Keeps at most that many addresses of each kind. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of addresses. */
  get size(): number {
    return this.#lost.size + this.#introduced.size;
  }

  /** The addresses of a node, in the order in which to try them. */
  of(node: string): KnownAddress[] {
    const introduced = this.#introduced.get(node);
    const lost = this.#lost.get(node);
    const known: KnownAddress[] = [];
    // A connection drops the introductions before it, so that this one is newer.
    if (introduced !== undefined) {
      known.push({ address: introduced.address, wire: "json" });
    }
    if (lost !== undefined && lost.address !== introduced?.address) {
      known.push(lost);
    }
    return known;
  }

  /** Notes where a node was whose connection is lost. */
  lost(node: string, known: KnownAddress): void {
    if (this.#lost.size >= this.#max && !this.#lost.has(node)) {
      for (const first of this.#lost.keys()) {
        this.#lost.delete(first);
        break;
      }
    }
    this.#lost.delete(node);
    this.#lost.set(node, known);
  }

  /** Notes where a peer says that a node is. */
  introduce(node: string, address: string, by: string): void {
    this.#drop(node);
    if (this.#introduced.size >= this.#max) this.#makeRoom();
    this.#introduced.set(node, { address, by });
    const others = this.#introducers.get(by);
    if (others === undefined) this.#introducers.set(by, new Set([node]));
    else others.add(node);
  }

  /** Takes out the addresses of a node that is connected; returns the one where it was. */
  take(node: string): KnownAddress | undefined {
    this.#drop(node);
    const lost = this.#lost.get(node);
    this.#lost.delete(node);
    return lost;
  }

  #makeRoom(): void {
    let most = new Set<string>();
    for (const nodes of this.#introducers.values()) {
      if (nodes.size > most.size) most = nodes;
    }
    for (const first of most) {
      this.#drop(first);
      return;
    }
  }

  #drop(node: string): void {
    const introduction = this.#introduced.get(node);
    if (introduction === undefined) return;
    this.#introduced.delete(node);
    const { by } = introduction;
    const nodes = this.#introducers.get(by)!;
    nodes.delete(node);
    if (nodes.size === 0) this.#introducers.delete(by);
  }
}
