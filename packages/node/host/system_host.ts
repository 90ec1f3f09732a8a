/** The host environment of a real machine: sockets, EPMD, its clock and its randomness. */

import { randomBytes, randomInt } from "node:crypto";
import { outside } from "@otp/processes/context/async_context";
import { type Clock, systemClock } from "@otp/processes/host/clock";
import { isLoopback, names } from "@otp/epmd";
import { addressOf, type NodeName } from "../addresses/node_name.ts";
import { connectToPeer, type DialOptions } from "./connect_to_peer.ts";
import { listenForPeers, registerNode } from "./listen_for_peers.ts";
import type { NetworkLog } from "./network_log.ts";
import type { Reach } from "../addresses/peer_place.ts";
import type { Transport } from "../wire.ts";
import type {
  HostEnvironment,
  HostRegistration,
  NodeDescription,
  PeerStream,
  ThreadNodes,
} from "./host_environment.ts";

/** The address of a node, and its TLS. */
export interface SystemHostOptions extends DialOptions {
  /** The port to listen on; 0 takes any. */
  port: number;
}

/** The machine, as a node sees it. */
export class SystemHost implements HostEnvironment {
  readonly clock: Clock = systemClock;
  readonly threads: Set<ThreadNodes> = new Set();
  readonly #options: SystemHostOptions;

  /** Creates the host environment for a node. */
  constructor(options: SystemHostOptions) {
    this.#options = options;
  }

  get findsNames(): boolean {
    return this.#options.epmdPort !== false;
  }

  randomBytes(size: number): Uint8Array {
    return randomBytes(size);
  }

  async register(
    { name, hidden, extra }: NodeDescription,
    accept: (transport: Transport) => void,
    log: NetworkLog,
  ): Promise<HostRegistration> {
    const { host, port, epmdPort, tls } = this.#options;
    await using resources = new AsyncDisposableStack();
    const accepted: Transport[] = [];
    let isRegistered = false;
    const listener = await listenForPeers(
      host,
      port,
      name,
      tls,
      (transport) => {
        if (!isRegistered) accepted.push(transport);
        accept(transport);
      },
      log,
    );
    resources.defer(() => listener.close());
    // The listener closes after its connections, and nothing else ends these.
    resources.defer(() => accepted.forEach((each) => each.destroy()));
    const lease = epmdPort === false
      ? undefined
      : await registerNode(name, listener, epmdPort, { hidden, extra }, log);
    const { address } = listener;
    if (tls === undefined && !isLoopback(address.host)) {
      log(
        "warning",
        `${name.full} listens on ${host} without TLS: anyone on the network can read the traffic between nodes, and take over a connection after its handshake; give --tls-cert, --tls-key and --tls-ca (tls)`,
      );
    }
    resources.move();
    isRegistered = true;
    accepted.length = 0;
    return {
      port: address.port,
      host: ["0.0.0.0", "::"].includes(address.host) ? undefined : address.host,
      creation: lease?.creation ?? randomInt(4, 2 ** 32),
      close: async () => {
        await outside(() => Promise.all([listener.close(), lease?.close()]));
      },
    };
  }

  connect(
    peer: NodeName | undefined,
    address: string | undefined,
    signal: AbortSignal,
    nearest?: Reach,
  ): Promise<PeerStream> {
    if (peer !== undefined) {
      for (const nodes of this.threads) {
        const stream = nodes.connect(peer, signal);
        if (stream !== undefined) return stream;
      }
    }
    return connectToPeer(peer, address, this.#options, signal, nearest);
  }

  async names(host: string, signal: AbortSignal): Promise<string[]> {
    const { epmdPort: port, name } = this.#options;
    if (port === false) {
      throw new Error("this node does not use EPMD (epmdPort: false)");
    }
    const address = addressOf(host);
    // As for a look-up: this machine's name may resolve to an address where its EPMD does not listen.
    const isHere = host === name.host || isLoopback(address);
    const entries = await outside(() =>
      names({ host: isHere ? "127.0.0.1" : address, port, signal })
    );
    return entries.map((entry) => entry.name);
  }
}
