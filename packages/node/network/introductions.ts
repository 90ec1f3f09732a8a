/**
 * Introductions: a visible node names its visible peers to each new one, with their addresses, so that all visible
 * nodes connect to each other.
 *
 * **Nodes that the peer knows.** In a mesh of n nodes, a node that starts would be told the same names by each of
 * them. So each side ends the handshake with a digest of the nodes that it is connected to or is about to dial. A node
 * introduces none if the peer's digest is that of the nodes that it would introduce, or of all that it knows itself.
 * A dial that has failed does not count, so its node is introduced as before. The peer may lose the introducer from
 * which it knows the nodes before it has dialled them: then others that have left out their introductions take its place
 * (`Dialler.dropLostIntroductions`).
 *
 * Erlang's wire has no such message. So a new peer on Erlang's wire is named to the peers on the JSON wire that speak
 * both wires, and they dial it; nodes of Erlang learn of each other by `global` (`global_erlang.ts`).
 *
 * @module
 */

import { createHash } from "node:crypto";
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
  readonly #dialler: Pick<Dialler, "introduce" | "introduced">;
  readonly #isShared: (peer: Peer) => boolean;
  /** The hashes of names, which each handshake needs. */
  readonly #hashes = new Map<string, bigint>();

  /** Creates introductions; `isShared` returns whether a peer is introduced, and may introduce others. */
  constructor(
    parts: NetworkParts,
    dialler: Pick<Dialler, "introduce" | "introduced">,
    isShared: (peer: Peer) => boolean,
  ) {
    this.#parts = parts;
    this.#dialler = dialler;
    this.#isShared = isShared;
  }

  /** Introduces all visible peers to a new peer, with the addresses at which the new peer can reach them. */
  make(connection: Connection): void {
    if (!this.#isShared(connection.peer)) return;
    const others = this.#shared()
      .filter((each) => each !== connection);
    if (connection.wire === "beam") {
      for (const each of others) {
        if (each.peer.beam) each.announce([introduced(connection, each)]);
      }
      return;
    }
    const shown = others
      .filter(({ wire }) => wire !== "beam" || connection.peer.beam);
    const { name, knows } = connection.peer;
    const isKnown = knows !== undefined &&
      (knows === this.#digest(shown.map(({ peer }) => peer.name)) ||
        knows === this.known(name));
    if (shown.length > 0 && !isKnown) {
      connection.announce(shown.map((each) => introduced(each, connection)));
    }
  }

  /** The digest of all visible nodes that this node is connected to or is about to dial, except a peer. */
  known(peer: string): string | undefined {
    const { host, addresses } = this.#parts;
    const names = new Set(this.#shared().map((each) => each.peer.name));
    for (const name of this.#dialler.introduced()) {
      // Without an address, the peer's introduction may be the one that has it.
      if (host.findsNames || addresses.of(name).length > 0) names.add(name);
    }
    names.delete(peer);
    return this.#digest(names);
  }

  #shared(): Connection[] {
    return [...this.#parts.connections.values()]
      .filter(({ peer }) => this.#isShared(peer));
  }

  /** Combines the hashes of names, in any order; `undefined` without names. */
  #digest(names: Iterable<string>): string | undefined {
    let all: bigint | undefined;
    for (const name of names) all = (all ?? 0n) ^ this.#hash(name);
    return all?.toString(16).padStart(16, "0");
  }

  #hash(name: string): bigint {
    let hash = this.#hashes.get(name);
    if (hash === undefined) {
      if (this.#hashes.size > 2 * this.#parts.local.limits.maxConnections) {
        this.#hashes.clear();
      }
      hash = createHash("sha256").update(name).digest().readBigUInt64BE();
      this.#hashes.set(name, hash);
    }
    return hash;
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
