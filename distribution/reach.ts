/**
 * How nodes reach each other: listening, EPMD, and the errors that say what to do.
 *
 * @module
 */

import nodeProcess from "node:process";
import { NodeStartError } from "../errors.ts";
import { outside } from "../runtime/context.ts";
import { quote } from "../runtime/inspect.ts";
import {
  EpmdError,
  type Lease,
  lookup,
  NameInUseError,
  type NodeEntry,
  register,
} from "./epmd/mod.ts";
import { addressOf, type NodeName } from "./names.ts";
import type { NetworkLog } from "./network.ts";
import type { Credentials } from "./credentials.ts";
import type { Listener } from "./listener.ts";
import { type Address, connectTcp, listenTcp, TcpTransport } from "./tcp.ts";
import { connectTls, TlsAcceptor } from "./tls.ts";
import type { Transport } from "./wire.ts";

/** EPMD's port, unless `ERL_EPMD_PORT` says another. */
const EPMD_PORT = 4369;

/** How long a look-up goes on while EPMD changes hands, in milliseconds. */
const TAKE_OVER = 1000;

/**
 * EPMD's port, as the environment says.
 *
 * @throws {NodeStartError} If it says no port.
 */
export function defaultEpmdPort(): number {
  let text: string | undefined;
  try {
    text = nodeProcess.env.ERL_EPMD_PORT;
  } catch {
    // Not allowed to look: the port is the usual one.
  }
  if (text === undefined || text === "") return EPMD_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new NodeStartError(
    "name",
    `Cannot start a node: ERL_EPMD_PORT is ${quote(text)}, and not a port`,
  );
}

/**
 * Listens for peers.
 *
 * @throws {NodeStartError} If the port is in use or cannot be had.
 */
export async function listenForPeers(
  host: string,
  port: number,
  name: NodeName,
  tls: Credentials | undefined,
  accept: (transport: Transport) => void,
  log: NetworkLog,
): Promise<Listener> {
  const acceptor = tls && new TlsAcceptor(tls);
  try {
    return await listenTcp({ host, port }, (socket) => {
      accept(acceptor?.accept(socket) ?? new TcpTransport(socket));
    }, () => {
      log(
        "warning",
        `${name.full} accepted no connections for a while and listens again; it was out of file descriptors, as it seems: raise ulimit -n`,
      );
    });
  } catch (error) {
    const inUse = (error as { code?: string }).code === "EADDRINUSE";
    throw new NodeStartError(
      inUse ? "in_use" : "network",
      `Cannot start ${name.full}: ${
        inUse
          ? `port ${port} of ${host} is in use; choose another --port, or leave it out to take any`
          : `cannot listen on ${host}:${port}: ${(error as Error).message}`
      }`,
      { cause: error },
    );
  }
}

/**
 * Registers a node with EPMD, which is served here if nobody does.
 *
 * @throws {NodeStartError} If the name is in use, or EPMD can be neither reached nor served.
 */
export async function registerNode(
  name: NodeName,
  listener: Listener,
  port: number,
  entry: Pick<NodeEntry, "hidden" | "extra">,
  log: NetworkLog,
): Promise<Lease> {
  const node = { ...entry, name: name.name, port: listener.address.port };
  try {
    return await register(node, {
      port,
      listenHost: listener.address.host,
      outside,
      log,
    });
  } catch (error) {
    if (error instanceof NameInUseError) {
      throw new NodeStartError(
        "in_use",
        `Cannot start ${name.full}: the name is in use at the EPMD on port ${port}; choose another --sname, or stop the node that has it`,
        { cause: error },
      );
    }
    if (error instanceof EpmdError) {
      throw new NodeStartError(
        "network",
        `Cannot start ${name.full}: ${error.message}`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** Connects to a node, at an address or where EPMD says; gives what EPMD says of its wire. */
export async function reachNode(
  peer: NodeName,
  address: string | undefined,
  epmdPort: number | false,
  tls: Credentials | undefined,
  signal: AbortSignal,
): Promise<{ transport: Transport; extra: string | undefined }> {
  const connect = (to: Address): Promise<Transport> =>
    tls === undefined
      ? connectTcp(to, signal)
      : connectTls(to, peer.full, tls, signal);
  if (address !== undefined) {
    const to = parseAddress(address);
    return { transport: await connect(to), extra: undefined };
  }
  const host = addressOf(peer.host);
  if (epmdPort === false) {
    throw new Error(
      `this node does without EPMD; give the node's address: Node.connect(${
        quote(peer.full)
      }, { address: "host:port" })`,
    );
  }
  const entry = await lookup(peer.name, {
    host,
    port: epmdPort,
    outside,
    signal,
    retryFor: host === "127.0.0.1" ? TAKE_OVER : 0,
  });
  if (entry === undefined) {
    throw new Error(
      `no node named ${peer.full} is registered; \`deno task chat --sname ${peer.full}\` starts one`,
    );
  }
  return {
    transport: await connect({ host, port: entry.port }),
    extra: entry.extra,
  };
}

function parseAddress(address: string): Address {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(at + 1));
  if (at <= 0 || !Number.isInteger(port) || port < 1 || port > 65535) {
    throw new TypeError(
      `${quote(address)} is no address: write host:port, as in 127.0.0.1:4370`,
    );
  }
  return { host: addressOf(host), port };
}
