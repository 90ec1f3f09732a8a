/**
 * Introductions: a visible node names its visible peers to each new one, with their addresses, so that all visible
 * nodes connect to each other.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Dialler } from "./dialler.ts";
import type { KnownAddresses } from "./known_addresses.ts";
import { isNodeName } from "./node_name.ts";
import { addressFor, announcedAddress, reachOfPeer } from "./peer_place.ts";
import type { IntroducedNode, Peer } from "./wire.ts";

/** The parts of a node that introductions need. */
export interface IntroductionsOptions {
  /** The node's own name. */
  own: string;
  /** Whether visible nodes connect to each other's peers. */
  connectAll: boolean;
  /** The number of introduced nodes that are taken from one connection: more are useless. */
  most: number;
  /** The connections, by node. */
  connections: ReadonlyMap<string, Connection>;
  /** The known addresses of nodes. */
  addresses: KnownAddresses;
  /** Dials introduced nodes. */
  dialler: Pick<Dialler, "introduce">;
  /** Returns whether a connection is hidden. */
  isHidden(peer: Peer): boolean;
}

/** The introductions of one node. */
export class Introductions {
  readonly #options: IntroductionsOptions;

  /** Starts without introductions. */
  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /** Introduces all visible peers to a new one, with the addresses at which it can reach them. */
  make(connection: Connection): void {
    const { connections, isHidden } = this.#options;
    if (!this.#areShared(connection)) return;
    const { peer, ends } = connection;
    const others = [...connections.values()]
      .filter((each) => each !== connection && !isHidden(each.peer))
      .map(({ peer: { name }, place }) => ({
        name,
        address: peer.listen && addressFor(place, ends),
      }));
    if (others.length > 0) connection.announce(others);
  }

  /** Called with the peers of a peer: dials those that are not connected. */
  take(connection: Connection, nodes: readonly IntroducedNode[]): void {
    if (!this.#areShared(connection)) return;
    const { own, most, connections, addresses, dialler } = this.#options;
    const left = most - connection.introduced;
    const taken = nodes.slice(0, Math.max(0, left));
    connection.introduced += taken.length;
    const wanted = taken.filter(({ name }) =>
      name !== own && isNodeName(name) && !connections.has(name)
    );
    for (const { name, address } of wanted) {
      const usable = address && announcedAddress(address, connection.ends);
      if (usable) addresses.introduce(name, usable, connection.peer.name);
    }
    dialler.introduce(
      wanted.map(({ name }) => name),
      connection,
      reachOfPeer(connection.ends),
    );
  }

  #areShared({ peer }: Connection): boolean {
    return this.#options.connectAll && !this.#options.isHidden(peer);
  }
}
