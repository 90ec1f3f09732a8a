/**
 * The surroundings of a node, as its processes see them.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type { HostEnvironment } from "../net/host_environment.ts";
import type { Network } from "../net/network.ts";
import type { Discovery } from "../core/remote/discovery.ts";

/** The parts of a node that its processes use to find others. */
export interface DiscoveryOptions {
  /** Its connections. */
  network: Network;
  /** Its host environment. */
  host: Pick<HostEnvironment, "names" | "randomBytes">;
  /** The shared secret. */
  cookie: string;
  /** The address and port that it listens on. */
  listen: Discovery["listen"];
}

/** Returns the surroundings of a node. */
export function discoveryOf(
  { network, host, cookie, listen }: DiscoveryOptions,
): Discovery {
  return {
    listen,
    names: (at, signal) => host.names(at, signal),
    // The cookie itself stays here. What starts with these words is signed by no handshake.
    key: (purpose) =>
      createHmac("sha256", cookie)
        .update(`otp-distribution key for ${purpose}`).digest(),
    isConnected: (node) => network.list("connected").includes(node),
    disconnect: (node) => network.disconnect(node),
    random: () => {
      const [one, other, third] = host.randomBytes(3);
      return (one * 65536 + other * 256 + third) / 2 ** 24;
    },
  };
}
