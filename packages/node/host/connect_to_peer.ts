/** Connects to another node: asks EPMD for its address and opens a socket, with errors that suggest a remedy. */

import { outside } from "@otp/processes/context/async_context";
import { howToStart } from "@otp/processes/host/start_command";
import { quote } from "@otp/processes/values/inspect";
import type { Credentials } from "./credentials.ts";
import { EpmdError, isLoopback, lookup, parseExtra } from "@otp/epmd";
import { HostLookup, type Resolve } from "./host_lookup.ts";
import type { PeerStream } from "./host_environment.ts";
import { addressOf, type NodeName } from "../addresses/node_name.ts";
import type { Reach } from "../addresses/peer_place.ts";
import { type Address, connectTcp } from "./tcp.ts";
import type { Transport } from "../wire.ts";

/** The default address of a node, and of the EPMD on its machine. */
const LOOPBACK = "127.0.0.1";

/** The time for which a look-up is retried while another node takes EPMD over, in milliseconds. */
const TAKE_OVER = 1000;

/** No time limit for a look-up, as the signal of the dial ends it: the longest time of a timer, in milliseconds. */
const NO_LIMIT = 2 ** 31 - 1;

/** How often a look-up is repeated that EPMD closed because it had too many clients. */
const REPEATS = 5;

/** The parts of a node that connects to another one. */
export interface DialOptions {
  /** The node's name. */
  name: NodeName;
  /** The address that it listens on. */
  host: string;
  /** EPMD's port; false does without. */
  epmdPort: number | false;
  /** TLS for all connections, if it is enabled. */
  tls: Credentials | undefined;
  /** Returns the addresses of a host, instead of the system. */
  resolve?: Resolve;
}

/**
 * Connects to a node at the given address, or else at the address from EPMD, or to any node at an address. Returns
 * EPMD's information about the node's wire. With `nearest`, connects to no nearer address, unless the node's name has
 * the host of this node.
 */
export async function connectToPeer(
  peer: NodeName | undefined,
  address: string | undefined,
  own: DialOptions,
  signal: AbortSignal,
  nearest?: Reach,
): Promise<PeerStream> {
  const { epmdPort, tls } = own;
  const connect = async (
    { host, port }: Address,
    find?: HostLookup,
  ): Promise<Transport> => {
    find?.check(host);
    const to = { host, port, lookup: find?.option };
    if (tls === undefined) return await connectTcp(to, signal);
    const { connectTls } = await import("./tls.ts");
    return await connectTls(to, peer?.full, tls, signal);
  };
  if (address !== undefined) {
    const to = parseAddress(address);
    return { transport: await connect(to), extra: undefined };
  }
  if (peer === undefined) throw new TypeError("neither a name nor an address");
  if (epmdPort === false) {
    throw new Error(
      `this node does not use EPMD; give the node's address: Node.connect(${
        quote(peer.full)
      }, { address: "host:port" })`,
    );
  }
  const host = addressOf(peer.host);
  const isOwnHost = peer.host === own.name.host;
  const isHere = isOwnHost || isLoopback(host);
  const find = new HostLookup(
    peer.host,
    isOwnHost ? undefined : nearest,
    own.resolve,
  );
  find.check(host);
  const { value: entry, host: asked } = await onEither(
    isHere ? LOOPBACK : host,
    isHere ? undefined : LOOPBACK,
    (host) =>
      outside(() =>
        lookup(peer.name, {
          host,
          port: epmdPort,
          signal,
          timeout: NO_LIMIT,
          retryFor: host === LOOPBACK ? TAKE_OVER : 0,
          repeats: REPEATS,
          find: find.option,
          answered: host === LOOPBACK ? undefined : (at) => find.keep(at),
        })
      ),
  );
  if (entry === undefined) {
    throw new Error(
      `no node named ${peer.full} is registered; ${howToStart(peer.full)}`,
    );
  }
  const { port, extra } = entry;
  const near = nearAddress(extra, host, own);
  const { value: transport } = await onEither(
    asked === LOOPBACK ? near : host,
    asked === LOOPBACK ? host : near,
    (host) => connect({ host, port }, find),
  );
  return { transport, extra };
}

/**
 * Returns where a node of this machine listens. The name of a host may resolve to another address: on Debian, the
 * machine's own name resolves to 127.0.1.1. An address of another machine in EPMD's answer is ignored.
 */
function nearAddress(extra: string, host: string, own: DialOptions): string {
  const { listen } = parseExtra(extra);
  if (listen === undefined) return LOOPBACK;
  return isLoopback(listen) || listen === own.host ? listen : host;
}

/** Tries one address of this machine, and another one if the first refuses the connection. */
async function onEither<T>(
  first: string,
  second: string | undefined,
  attempt: (host: string) => Promise<T>,
): Promise<{ value: T; host: string }> {
  try {
    return { value: await attempt(first), host: first };
  } catch (error) {
    if (second === undefined || second === first || !isRefusedHere(error)) {
      throw error;
    }
    try {
      return { value: await attempt(second), host: second };
    } catch (again) {
      // If neither address has a listener, the error for the resolved address is more helpful.
      throw isRefusedHere(again) ? error : again;
    }
  }
}

/** Whether an error means that this machine refused the connection. */
function isRefusedHere(error: unknown): boolean {
  const { errors, cause, code, address } = error as {
    errors?: unknown[];
    cause?: unknown;
    code?: string;
    address?: string;
  };
  if (errors !== undefined) {
    return errors.length > 0 && errors.every(isRefusedHere);
  }
  if (error instanceof EpmdError) return isRefusedHere(cause ?? {});
  return code === "ECONNREFUSED" && address !== undefined &&
    isLoopback(address);
}

function parseAddress(address: string): Address {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(at + 1));
  if (at <= 0 || !Number.isInteger(port) || port < 1 || port > 65535) {
    throw new TypeError(
      `${
        quote(address)
      } is not an address: write host:port, as in 127.0.0.1:4370`,
    );
  }
  return { host: addressOf(host), port };
}
