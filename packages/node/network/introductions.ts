/**
 * Introductions: a visible node names its visible peers to each new one, with their addresses, so that all visible
 * nodes connect to each other.
 *
 * Erlang's wire has no such message. So a new peer on Erlang's wire is named to the peers on the JSON wire that speak
 * both wires, and they dial it; nodes of Erlang learn of each other by `global` (`global_erlang.ts`).
 *
 * @module
 */

import type { Connection } from "../connections/connection.ts";
import type { Dialler } from "./dialler.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import { isNodeName } from "../addresses/node_name.ts";
import {
  addressFor,
  announcedAddress,
  reachOfPeer,
} from "../addresses/peer_place.ts";
import type { Peer } from "../wire.ts";
import type { PeerAddress } from "@otp/processes/remote/peer_address";

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
    if (!this.#isShared(connection.peer)) return;
    const others = [...this.#parts.connections.values()]
      .filter((each) => each !== connection && this.#isShared(each.peer));
    if (connection.wire === "beam") {
      for (const each of others) {
        if (each.peer.beam) each.announce([introduced(connection, each)]);
      }
      return;
    }
    const shown = others
      .filter(({ wire }) => wire !== "beam" || connection.peer.beam);
    if (shown.length > 0) {
      connection.announce(shown.map((each) => introduced(each, connection)));
    }
  }

  /** Called with the nodes that a peer introduces: dials the nodes that are not connected. */
  take(connection: Connection, nodes: readonly PeerAddress[]): void {
    if (!this.#isShared(connection.peer)) return;
    const { local, connections, addresses } = this.#parts;
    // More introductions than connections are useless.
    const left = local.limits.maxConnections - connection.introduced;
    const taken = nodes.slice(0, Math.max(0, left));
    connection.introduced += taken.length;
    const wanted: string[] = [];
    for (const { node, address } of taken) {
      if (!isNodeName(node) || node === local.name || connections.has(node)) {
        continue;
      }
      wanted.push(node);
      const usable = address && announcedAddress(address, connection.ends);
      if (usable) addresses.introduce(node, usable, connection.peer.name);
    }
    this.#dialler.introduce(wanted, connection, reachOfPeer(connection.ends));
  }
}

/** A peer, with the address at which another one can reach it. */
function introduced(
  introduced: Connection,
  { peer: { listen }, ends }: Connection,
): PeerAddress {
  return {
    node: introduced.peer.name,
    address: listen && addressFor(introduced, ends),
  };
}
