/** The address at which others reach a node, as its user states it. */

import { reachOf } from "./peer_place.ts";

/** An address that a node advertises. */
export interface AdvertisedAddress {
  /** The IP address. */
  readonly host: string;
  /** The port, unless it is the one that the node listens on. */
  readonly port: number | undefined;
}

/** Reads `host`, `host:port` or `[host]:port`; `undefined` if the host is not the IP address of a single machine. */
export function advertisedAddress(text: string): AdvertisedAddress | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([^\[\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(text) ??
      [undefined, text];
  const host = bracketed ?? plain ?? "";
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && !(port >= 1 && port <= 65535)) return undefined;
  return reachOf(host) === undefined ? undefined : { host, port };
}
