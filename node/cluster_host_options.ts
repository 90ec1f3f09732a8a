/** The functions of a node that clusters use. */

import { createHmac } from "node:crypto";
import type { HostEnvironment } from "../net/host_environment.ts";
import type { Network } from "../net/network.ts";
import type { ClusterHost } from "../core/remote/cluster_host.ts";

/** The parts of a node that {@linkcode clusterHostOf} needs. */
export interface ClusterHostOptions {
  network: Network;
  host: Pick<HostEnvironment, "names" | "randomBytes">;
  cookie: string;
  /** The address and port that it listens on. */
  listen: ClusterHost["listen"];
}

/** Returns the functions of a node that clusters use. */
export function clusterHostOf(
  { network, host, cookie, listen }: ClusterHostOptions,
): ClusterHost {
  return {
    listen,
    names: (at, signal) => host.names(at, signal),
    // Clusters never see the cookie. No handshake signs a text that starts with these words.
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
