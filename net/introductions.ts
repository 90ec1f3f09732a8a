/**
 * Introductions: a visible node names its visible peers to each new one, with their addresses, so that all visible
 * nodes connect to each other.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Dialler } from "./dialler.ts";
import type { NetworkParts } from "./network_parts.ts";
import { isNodeName } from "./node_name.ts";
import { addressFor, announcedAddress, reachOfPeer } from "./peer_place.ts";
import type { IntroducedNode, Peer } from "./wire.ts";

/** The introductions of one node. */
export class Introductions {
  readonly #parts: NetworkParts;
  readonly #dialler: Pick<Dialler, "introduce">;
  readonly #isShared: (peer: Peer) => boolean;

  /** Creates introductions; `isShared` returns whether a peer is introduced, and may introduce others. */
  constructor(
    parts: NetworkParts,
    dialler: Pick<Dialler, "introduce">,
    isShared: (peer: Peer) => boolean,
  ) {
    this.#parts = parts;
    this.#dialler = dialler;
    this.#isShared = isShared;
  }

  /** Introduces all visible peers to a new peer, with the addresses at which the new peer can reach them. */
  make(connection: Connection): void {
    const { peer, ends } = connection;
    if (!this.#isShared(peer)) return;
    const others = [...this.#parts.connections.values()]
      .filter((each) => each !== connection && this.#isShared(each.peer))
      .map(({ peer: { name }, place }) => ({
        name,
        address: peer.listen && addressFor(place, ends),
      }));
    if (others.length > 0) connection.announce(others);
  }

  /** Called with the nodes that a peer introduces: dials the nodes that are not connected. */
  take(connection: Connection, nodes: readonly IntroducedNode[]): void {
    if (!this.#isShared(connection.peer)) return;
    const { local, connections, addresses } = this.#parts;
    // More introductions than connections are useless.
    const left = local.limits.maxConnections - connection.introduced;
    const taken = nodes.slice(0, Math.max(0, left));
    connection.introduced += taken.length;
    const wanted = taken.filter(({ name }) =>
      name !== local.name && isNodeName(name) && !connections.has(name)
    );
    for (const { name, address } of wanted) {
      const usable = address && announcedAddress(address, connection.ends);
      if (usable) addresses.introduce(name, usable, connection.peer.name);
    }
    this.#dialler.introduce(
      wanted.map(({ name }) => name),
      connection,
      reachOfPeer(connection.ends),
    );
  }
}
