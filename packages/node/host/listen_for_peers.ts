/** Listens for other nodes, and registers with EPMD, with errors that suggest a remedy. */

import nodeProcess from "node:process";
import { NodeStartError } from "@otp/processes/errors";
import { outside } from "@otp/processes/context/async_context";
import { isGranted } from "@otp/processes/host/permissions";
import { openSignalPipe } from "@otp/processes/host/stop_signals";
import { quote } from "@otp/processes/values/inspect";
import type { Credentials } from "./credentials.ts";
import {
  EpmdError,
  isLoopback,
  type Lease,
  lookup,
  NameInUseError,
  type NodeEntry,
  register,
  withWords,
} from "@otp/epmd";
import { isPermissionDenied } from "./host_permissions.ts";
import type { Listener } from "@otp/epmd/listener";
import type { NetworkLog } from "./network_log.ts";
import type { NodeName } from "../addresses/node_name.ts";
import { acceptTcp, listenTcp, MAX_CONNECTIONS } from "./tcp.ts";
import type { Transport } from "../wire.ts";

/** EPMD's default port, if `ERL_EPMD_PORT` is not set. */
export const EPMD_PORT = 4369;

/** The default address of a node, and of the EPMD on its machine. */
const LOOPBACK = "127.0.0.1";

/** Limits the log lines about EPMD, as other users of the machine can make it change hands at any rate. */
const OF_EPMD = { what: "messages about EPMD", most: 50 };

/** Returns EPMD's port, as the environment states it. Throws a `NodeStartError` if the variable is not a port. */
export function defaultEpmdPort(): number {
  const variable = "ERL_EPMD_PORT";
  // Without the permission to read it, the port is the default.
  const text = isGranted({ name: "env", variable })
    ? nodeProcess.env[variable]
    : undefined;
  if (text === undefined || text === "") return EPMD_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new NodeStartError(
    "name",
    `Cannot start a node: ERL_EPMD_PORT is ${quote(text)}, and not a port`,
  );
}

/** Listens for peers. Throws a `NodeStartError` if the port is in use or not available. */
export async function listenForPeers(
  host: string,
  port: number,
  name: NodeName,
  tls: Credentials | undefined,
  accept: (transport: Transport) => void,
  log: NetworkLog,
): Promise<Listener> {
  const acceptor = tls && new (await import("./tls.ts")).TlsAcceptor(tls);
  openSignalPipe();
  try {
    return await listenTcp({ host, port }, {
      accept: (socket) => {
        accept(acceptor?.accept(socket) ?? acceptTcp(socket));
      },
      over: () =>
        log(
          "warning",
          `${name.full} closes new connections at once: ${MAX_CONNECTIONS} are open`,
          { what: "new connections closed at once", most: 1 },
        ),
    });
  } catch (error) {
    if (isPermissionDenied(error)) {
      throw new NodeStartError(
        "permission",
        `Cannot start ${name.full}: the program may not listen on ${host}:${port}; run it with --allow-net=${
          bracketed(host)
        }${port === 0 ? "" : `:${port}`}, or choose another --listen or --port`,
        { cause: error },
      );
    }
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
 * Registers a node with EPMD, and serves EPMD if no other program does. Throws a `NodeStartError` if the name is in
 * use, or EPMD can be neither reached nor served.
 */
export async function registerNode(
  name: NodeName,
  listener: Pick<Listener, "address">,
  port: number,
  entry: Pick<NodeEntry, "hidden" | "extra">,
  log: NetworkLog,
): Promise<Lease> {
  const { host, port: own } = listener.address;
  const isUsual = [LOOPBACK, "0.0.0.0", "::"].includes(host);
  const node = {
    ...entry,
    extra: withWords(entry.extra, { listen: isUsual ? undefined : host }),
    name: name.name,
    port: own,
  };
  try {
    const lease = await outside(() =>
      register(node, {
        port,
        listenHost: host,
        log: (level, message) => log(level, message, OF_EPMD),
      })
    );
    if (!isUsual && !lease.serving) await checkEpmd(name, host, port, log);
    return lease;
  } catch (error) {
    if (error instanceof NameInUseError) {
      throw new NodeStartError(
        "in_use",
        `Cannot start ${name.full}: the name is in use at the EPMD on port ${port}; choose another name before the @, or stop the node that has it`,
        { cause: error },
      );
    }
    if (isPermissionDenied(error)) {
      const own = bracketed(listener.address.host);
      throw new NodeStartError(
        "permission",
        `Cannot start ${name.full}: the program may not reach EPMD, or serve it, on port ${port}; run it with --allow-net=127.0.0.1:${port}${
          own === "127.0.0.1" ? "" : `,${own}:${port}`
        }, or choose another --epmd-port`,
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

/** Warns if other nodes do not find a node at its address: another node serves EPMD, on loopback only. */
async function checkEpmd(
  name: NodeName,
  host: string,
  port: number,
  log: NetworkLog,
): Promise<void> {
  if (isLoopback(host)) return;
  try {
    await outside(() => lookup(name.name, { host, port, timeout: 1000 }));
  } catch (error) {
    log(
      "warning",
      `${name.full} cannot be found from other machines: EPMD does not answer at ${host}:${port} (${
        (error as { code?: string }).code ?? "no answer"
      }), as a node that listens elsewhere serves it; start this node first, or run epmd`,
    );
  }
}

/** Writes a host as in permissions and URLs. */
function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
