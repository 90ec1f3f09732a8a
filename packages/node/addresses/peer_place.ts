/**
 * The address of a peer, for later dials of this node and of other peers.
 *
 * A peer states the port that it listens on, and, unless it listens on all addresses of its machine, the address.
 * A stated address that is nearer than the peer is ignored: a peer on another machine cannot make a node dial this
 * machine (loopback), and a peer beyond a router cannot make it dial a machine of this link (link-local addresses,
 * such as the metadata services of clouds). Such addresses are not passed on to peers that are farther away either,
 * where they mean other machines.
 */

import { isIP } from "node:net";
import type { Ends, Peer } from "../wire.ts";

/** How far an address reaches: on this machine, on this link, or farther. */
export type Reach = 0 | 1 | 2;
const LOOPBACK = 0;
const LINK = 1;
const FAR = 2;

/** The reach of ranges of addresses; addresses of no single machine have none. */
const RANGES: [RegExp, Reach | undefined][] = [
  [/^127\.|^::1$/, LOOPBACK],
  [/^169\.254\.|^fe[89ab][0-9a-f]:/, LINK],
  // Other addresses of the metadata services of Amazon, Google, Alibaba, Azure and Oracle.
  [
    /^fd00:ec2:|^fd20:ce::254$|^100\.100\.100\.200$|^168\.63\.129\.16$|^192\.0\.0\.192$/,
    LINK,
  ],
  // This network, multicast and reserved addresses.
  [/^0\.|^(22[4-9]|2[3-5]\d)\.|^::$|^ff[0-9a-f]{2}:/, undefined],
];

/** IPv6 addresses that contain an IPv4 address, in their shortest form: translated (SIIT, NAT64), compatible, 6to4. */
const EMBEDDED =
  /^(?:::|::ffff:0:|64:ff9b::)([0-9a-f]+):([0-9a-f]+)$|^2002:([0-9a-f]+):([0-9a-f]+):/;

/** A peer, as its address depends on its connection. */
interface Connected {
  readonly peer: Pick<Peer, "listen">;
  /** The addresses of the connection; a connection without them is within this program. */
  readonly ends: Ends | undefined;
  /** The address that was dialled; `undefined` if the peer has dialled. */
  readonly dialled: string | undefined;
}

/** Returns where a peer listens, with the IP address as other nodes see it; `undefined` if it is unknown. */
function listenAddress(
  { peer: { listen }, ends, dialled }: Connected,
): { host: string; port: number } | undefined {
  const remote = ends === undefined ? undefined : plainOf(ends.remoteHost);
  if (listen === undefined) {
    return dialled === undefined || remote === undefined
      ? undefined
      : { host: remote, port: ends!.remotePort };
  }
  const { port } = listen;
  const host = plainOf(listen.host ?? remote ?? "127.0.0.1");
  return port !== undefined && isFrom(host, ends) ? { host, port } : undefined;
}

/** Returns the address at which this node dials a peer again; `undefined` if it is unknown. */
export function redialAddress(connection: Connected): string | undefined {
  if (connection.dialled !== undefined) return connection.dialled;
  const at = listenAddress(connection);
  return at && joinedAddress(at.host, at.port);
}

/** Returns the address of a peer for another peer; `undefined` if the other peer cannot reach it. */
export function addressFor(
  connection: Connected,
  to: Ends | undefined,
): string | undefined {
  const at = listenAddress(connection);
  if (at === undefined) return undefined;
  const { host, port } = at;
  if (isFrom(host, to)) return joinedAddress(host, port);
  // The peer is on this machine, and listens on all its addresses: it has this machine's address.
  const { listen } = connection.peer;
  const isEverywhere = listen !== undefined && listen.host === undefined;
  const own = to === undefined ? undefined : plainOf(to.localHost);
  return isEverywhere && reachOf(host) === LOOPBACK && isFrom(own, to)
    ? joinedAddress(own!, port)
    : undefined;
}

/** Parses the address of another node that a peer states; `undefined` if the peer may not name it. */
export function announcedAddress(
  address: string,
  from: Ends | undefined,
): string | undefined {
  const [, host = "", digits] =
    /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/i
      .exec(address)?.filter((each) => each !== undefined) ?? [];
  const port = Number(digits);
  const plain = plainOf(host);
  // IPv6 addresses have brackets.
  const isWritten = isIP(host) === (address.startsWith("[") ? 6 : 4);
  if (!isWritten || !(port >= 1 && port <= 65535)) return undefined;
  return isFrom(plain, from) ? joinedAddress(plain, port) : undefined;
}

/** Returns the reach of a peer; a connection without addresses is within this program. */
export function reachOfPeer(ends: Ends | undefined): Reach {
  return ends === undefined ? LOOPBACK : reachOf(ends.remoteHost) ?? FAR;
}

/** Whether a text is the address of a single machine, and no nearer than `nearest`. */
export function isReachable(host: string, nearest: Reach | undefined): boolean {
  if (nearest === undefined) return true;
  const reach = reachOf(host);
  return reach !== undefined && reach >= nearest;
}

/** Returns whether a text is the address of a single machine, and no nearer than a peer. */
function isFrom(host: string | undefined, peer: Ends | undefined): boolean {
  return host !== undefined && isReachable(host, reachOfPeer(peer));
}

/** Returns the reach of an address; `undefined` if the text is not the address of a single machine. */
export function reachOf(host: string): Reach | undefined {
  // A zone has a meaning on this machine only.
  if (isIP(host) === 0 || host.includes("%")) return undefined;
  const plain = plainOf(host);
  const [, high, low, high6to4, low6to4] = EMBEDDED.exec(plain) ?? [];
  const given = high ?? high6to4;
  const address = given === undefined ? plain : dotted(given, low ?? low6to4);
  const range = RANGES.find(([pattern]) => pattern.test(address));
  return range === undefined ? FAR : range[1];
}

/** Returns an address in its shortest form, and an IPv4-mapped address as IPv4. Other text stays as it is. */
function plainOf(host: string): string {
  if (isIP(host) !== 6 || host.includes("%")) return host;
  // One address has many forms in IPv6: ::1, 0:0::1, ::ffff:7f00:1.
  const { hostname } = new URL(`http://[${host}]`);
  const plain = hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(plain) ?? [];
  return high === undefined ? plain : dotted(high, low);
}

/** Writes an IPv4 address from two hexadecimal words. */
function dotted(high: string, low: string): string {
  return [high, low].flatMap((word) => {
    const bits = parseInt(word, 16);
    return [bits >> 8, bits & 255];
  }).join(".");
}

export function joinedAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
