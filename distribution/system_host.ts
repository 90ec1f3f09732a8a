/**
 * The world as it is: sockets, EPMD, and the clock and the randomness of the machine.
 *
 * @module
 */

import { randomBytes, randomInt } from "node:crypto";
import { type Clock, systemClock } from "../runtime/host/clock.ts";
import type { Credentials } from "./credentials.ts";
import { isLoopback } from "./epmd/mod.ts";
import type { NodeName } from "./node_name.ts";
import type { NetworkLog } from "./network.ts";
import { listenForPeers, reachNode, registerNode } from "./reach.ts";
import type { Transport } from "./wire.ts";
import type { Entry, Presence, Reached, World } from "./host_environment.ts";

/** Where a node listens, and how it speaks. */
export interface HostWorldOptions {
  /** The node's name. */
  name: NodeName;
  /** The address to listen on. */
  host: string;
  /** The port to listen on; 0 takes any. */
  port: number;
  /** EPMD's port; false does without. */
  epmdPort: number | false;
  /** TLS for all connections, if there is to be any. */
  tls: Credentials | undefined;
}

/** The machine, as a node sees it. */
export class HostWorld implements World {
  readonly clock: Clock = systemClock;
  readonly #options: HostWorldOptions;

  /** The machine, with what a node was told of it. */
  constructor(options: HostWorldOptions) {
    this.#options = options;
  }

  randomBytes(size: number): Uint8Array {
    return randomBytes(size);
  }

  async enter(
    { name, hidden, extra }: Entry,
    accept: (transport: Transport) => void,
    log: NetworkLog,
  ): Promise<Presence> {
    const { host, port, epmdPort, tls } = this.#options;
    await using resources = new AsyncDisposableStack();
    const accepted: Transport[] = [];
    let entered = false;
    const listener = await listenForPeers(
      host,
      port,
      name,
      tls,
      (transport) => {
        if (!entered) accepted.push(transport);
        accept(transport);
      },
      log,
    );
    resources.defer(() => listener.close());
    // The listener closes when its connections have, and nobody else ends these.
    resources.defer(() => accepted.forEach((each) => each.destroy()));
    const lease = epmdPort === false
      ? undefined
      : await registerNode(name, listener, epmdPort, { hidden, extra }, log);
    if (tls === undefined && !isLoopback(listener.address.host)) {
      log(
        "warning",
        `${name.full} listens on ${host} without TLS: whoever is on the network can read what nodes say to each other, and take over a connection after its handshake; give --tls-cert, --tls-key and --tls-ca (tls)`,
      );
    }
    resources.move();
    entered = true;
    accepted.length = 0;
    return {
      port: listener.address.port,
      creation: lease?.creation ?? randomInt(4, 2 ** 32),
      leave: async () => {
        await Promise.all([listener.close(), lease?.close()]);
      },
    };
  }

  reach(
    peer: NodeName,
    address: string | undefined,
    signal: AbortSignal,
  ): Promise<Reached> {
    return reachNode(peer, address, this.#options, signal);
  }
}
