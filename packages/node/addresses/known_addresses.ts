/**
 * Addresses of nodes that are not connected: where they were, and where peers say that they are.
 *
 * Both kinds are bounded. A node that was connected replaces the node that was lost first. An introduced node replaces
 * a node of the peer that has introduced most nodes, so that no peer displaces the introductions of others.
 */

import type { WireName } from "../wire.ts";

/**
 * The number of addresses that are kept of a node that was connected: the last ones. The address that the node stated
 * may differ from the address at which this node reached it.
 */
const MOST = 2;

/** The route on which a node was reached. */
export interface TakenRoute {
  /** The address, `host:port`; `undefined` if it is unknown, as for a node that has dialled. */
  readonly address: string | undefined;
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
  readonly #lost = new Map<string, readonly TakenRoute[]>();
  readonly #introduced = new Map<string, Introduction>();
  /** The nodes that each peer has introduced, in their order. */
  readonly #introducers = new Map<string, Set<string>>();

  /** Creates a store for at most `max` nodes of each kind. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of nodes of both kinds together. */
  get size(): number {
    return this.#lost.size + this.#introduced.size;
  }

  /** The addresses of a node, in the order in which to try them. */
  of(node: string): TakenRoute[] {
    const lost = this.#lost.get(node) ?? [];
    const introduced = this.#introduced.get(node);
    if (introduced === undefined) return [...lost];
    // A connection drops earlier introductions, so the introduction is newer than the lost addresses.
    const { address } = introduced;
    const others = lost.filter((each) => each.address !== address);
    return [{ address, wire: "json" }, ...others];
  }

  /** Stores the routes to a node whose connection is lost, the last route first. */
  lost(node: string, known: readonly TakenRoute[]): void {
    const routes = known.filter(({ address }, i) =>
      address !== undefined &&
      known.findIndex((each) => each.address === address) === i
    ).slice(0, MOST);
    if (routes.length === 0) return;
    if (this.#lost.size >= this.#max && !this.#lost.has(node)) {
      const [first] = this.#lost.keys();
      this.#lost.delete(first);
    }
    this.#lost.delete(node);
    this.#lost.set(node, routes);
  }

  /** Stores the address that a peer states for a node. */
  introduce(node: string, address: string, by: string): void {
    this.#drop(node);
    if (this.#introduced.size >= this.#max) this.#makeRoom();
    this.#introduced.set(node, { address, by });
    const others = this.#introducers.get(by);
    if (others === undefined) this.#introducers.set(by, new Set([node]));
    else others.add(node);
  }

  /** Removes the addresses of a node that is connected now; returns its lost addresses. */
  take(node: string): TakenRoute[] {
    this.#drop(node);
    const lost = this.#lost.get(node) ?? [];
    this.#lost.delete(node);
    return [...lost];
  }

  #makeRoom(): void {
    let most = new Set<string>();
    for (const nodes of this.#introducers.values()) {
      if (nodes.size > most.size) most = nodes;
    }
    const [first] = most;
    this.#drop(first);
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
