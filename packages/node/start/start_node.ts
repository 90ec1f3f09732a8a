/** Starts a node. */

import { advertisedAddress } from "../addresses/advertised_address.ts";
import { checkCookie } from "../host/cookie.ts";
import type {
  HostEnvironment,
  HostRegistration,
} from "../host/host_environment.ts";
import { defaultEpmdPort } from "../host/listen_for_peers.ts";
import { newPoller } from "@otp/processes/host/poll";
import { Network } from "../network/network.ts";
import type { NetworkLog } from "../host/network_log.ts";
import {
  type NodeName,
  ownHost,
  parseNodeName,
} from "../addresses/node_name.ts";
import { SystemHost } from "../host/system_host.ts";
import {
  DEFAULT_LIMITS,
  type Limits,
  type Listening,
  type Wire,
} from "../wire.ts";
import { NodeStartError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import { NO_NODE, unnamedLoopback } from "@otp/processes/runtime/default_node";
import { textLog } from "@otp/processes/log/log_event";
import { NodeLog } from "@otp/processes/log/node_log";
import { systemClock } from "@otp/processes/host/clock";
import { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import { serveInfo, setAskInfo } from "@otp/processes/process/process_info";
import { remoteInfo } from "../rpc/remote_info.ts";
import { serveRpc } from "../rpc/rpc_call.ts";
import { startGroupLeader } from "../io/group_leader.ts";
import { standardIo } from "../io/io_device.ts";
import { jsonWire } from "../json/json_wire.ts";
import type { NodeOptions } from "./node_options.ts";
import { defaultParts, type NodePart, type PartNode } from "./parts.ts";
import { checkPartOptions } from "./check_options.ts";
import { createHmac } from "node:crypto";
import type { ClusterHost } from "@otp/processes/remote/cluster_host";

/** The default tick time, in milliseconds. */
export const TICK_TIME = 60_000;

// Most programs need no code for TLS, files or a terminal. Loading the host's modules for them took 5 of the 80 ms of
// CPU time until a node can be reached, so they are imported when they are needed.

/** Returns the machine's sockets, EPMD and clock, according to a node's options. */
export async function systemHost(
  options: NodeOptions,
  name: NodeName,
): Promise<HostEnvironment> {
  const { tls } = options;
  return new SystemHost({
    name,
    host: options.listen ?? "127.0.0.1",
    port: options.port ?? 0,
    epmdPort: options.epmdPort ?? defaultEpmdPort(),
    tls: tls && (await import("../host/credentials.ts"))
      .loadCredentials(tls, name.full),
  });
}

/** The parts of a node, and what they see of it. */
export interface AttachedParts {
  all: readonly NodePart[];
  node: PartNode;
}

/** A node that was started. */
export interface StartedNode {
  runtime: NodeRuntime;
  network: Network;
  registration: HostRegistration;
  host: HostEnvironment;
  parts: AttachedParts;
  options: NodeOptions & { cookie: string };
  /** Starts accepting connections, including those that have already arrived. */
  accept(): void;
}

/**
 * Starts a node: registers it with its host environment, and connects its runtime, its connections and its servers.
 *
 * @param options The options of `Node.start`.
 * @param hostOf Creates the host environment of the node.
 * @param names Names that closures can use besides those of the library.
 * @throws {NodeStartError} If the node cannot be started.
 */
export async function startNode(
  options: NodeOptions,
  hostOf: (
    options: NodeOptions,
    name: NodeName,
  ) => HostEnvironment | Promise<HostEnvironment>,
  names: Record<string, unknown>,
): Promise<StartedNode> {
  const parts = options?.use ?? defaultParts();
  await checkPartOptions(options, parts);
  const wires = wiresOf(options, parts);
  const name = nodeName(options.name);
  const cookie = options.cookie !== undefined
    ? checkCookie(options.cookie, "the cookie option")
    : await cookieOf(options.cookieFile);
  const limits = limitsOf(options);
  const hidden = options.hidden ?? false;
  const host = await hostOf(options, name);
  await using resources = new AsyncDisposableStack();
  const nodeLog = new NodeLog({
    node: name.full,
    hook: options.log ?? textLog,
    clock: host.clock,
    level: options.logLevel ??
      (options.log === undefined ? "warning" : "debug"),
    filter: options.logFilter,
  });
  resources.defer(() => nodeLog.stop());
  const log: NetworkLog = (level, message, cause) =>
    nodeLog.line(level, message, cause);
  const ready = Promise.withResolvers<Network>();
  ready.promise.catch(() => {});
  const registration = await host.register(
    { name, hidden, extra: wires.map(({ extra }) => extra).join(" ") },
    (transport) => {
      ready.promise.then(
        (network) => network.accept(transport),
        () => transport.destroy(),
      );
    },
    log,
  );
  resources.defer(() => registration.close());
  resources.defer(() => ready.reject(new Error("not started")));
  const runtime: NodeRuntime = new NodeRuntime({
    node: name.full,
    creation: registration.creation,
    clock: host.clock,
    maxDepth: limits.maxDepth,
    signalsTo: (node, connect) =>
      node === NO_NODE ? unnamedLoopback() : network.signalsTo(node, connect),
    connectTo: (to, report) => network.connectTo(to, report),
    log: nodeLog,
    peerLimits: limits,
    refused: (node, what, message) => network.refused(node, what, message),
  });
  runtime.disconnect = (node) => void network.disconnect(node);
  if (options.connectAll ?? true) {
    runtime.introduce = (by, nodes) => network.introduce(by, nodes);
  }
  runtime.modules.allow = options.allow;
  for (const [key, module] of Object.entries(options.modules ?? {})) {
    runtime.modules.add(key, module, `start ${name.full}`);
  }
  if (options.allowClosures) {
    const { compileClosure } = await import("./scope.ts");
    const ofParts = await Promise.all(parts.map((part) => part.names?.()));
    const all = Object.assign({}, ...ofParts, names);
    runtime.modules.compile = (source) =>
      compileClosure(source, runtime.modules, all);
  }
  startGroupLeader(runtime, options.io ?? standardIo());
  serveRpc(runtime);
  serveInfo(runtime);
  setAskInfo(remoteInfo);
  const network: Network = new Network({
    runtime,
    name,
    hidden,
    cookie,
    limits,
    log,
    host,
    connectAll: options.connectAll ?? true,
    tickTime: options.tickTime ?? TICK_TIME,
    wires,
    listen: listeningOf(registration, options.advertise),
    // In a simulation, nothing waits for a thread that sleeps.
    poller: host.clock === systemClock ? newPoller(options.poll) : undefined,
  });
  const { cookie: _, ...shown } = options;
  const partNode: PartNode = {
    runtime,
    options: shown,
    connections: () => network.connections(),
    wireOf: (node) => network.wireOf(node),
  };
  for (const part of parts) part.attach?.(partNode);
  const listen = {
    host: options.listen ?? "127.0.0.1",
    port: registration.port,
  };
  runtime.clusterHost = clusterHostOf(network, host, cookie, listen);
  resources.move();
  // Simulated clocks stay without timers: a simulation ends when no timer is left.
  if (host.clock === systemClock) runtime.deadlines.keepTimers();
  return {
    runtime,
    network,
    registration,
    host,
    parts: { all: parts, node: partNode },
    options: { ...options, cookie },
    accept: () => ready.resolve(network),
  };
}

/** The address at which peers reach a node: the advertised or the listen address. */
function listeningOf(
  { port, host }: HostRegistration,
  advertise: string | undefined,
): Listening {
  if (port === 0) return {};
  const advertised = advertisedAddress(advertise ?? "");
  return { port: advertised?.port ?? port, host: advertised?.host ?? host };
}

/** Creates a node's wires, JSON first in any case: nodes that speak several wires use it. */
function wiresOf(
  { name, wires: wanted }: NodeOptions,
  parts: readonly NodePart[],
): Wire[] {
  const known = [jsonWire, ...parts.flatMap((part) => part.wire?.() ?? [])];
  for (const wire of wanted ?? []) {
    if (known.some((each) => each.name === wire)) continue;
    throw new TypeError(
      `Cannot start ${
        quote(name)
      }: none of its parts has the wire "${wire}"; add ${wire}() of @otp/${wire}/part to use`,
    );
  }
  return known.filter(({ name }) => wanted?.includes(name) ?? true);
}

async function cookieOf(file: string | undefined): Promise<string> {
  const { readCookieFile, userCookie } = await import("../host/cookie_file.ts");
  return file === undefined ? await userCookie() : readCookieFile(file);
}

/** Returns the limits, with the defaults for limits that are missing or `undefined`. */
function limitsOf({ limits = {} }: NodeOptions): Limits {
  const given = Object.entries(limits)
    .filter(([, value]) => value !== undefined);
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(given) };
}

function nodeName(given: string): NodeName {
  if (given === NO_NODE) {
    throw new TypeError(
      `Cannot start a node: ${NO_NODE} is the name of a node that is not started; choose another, as in alex@localhost`,
    );
  }
  try {
    return parseNodeName(
      given.includes("@") ? given : `${given}@${ownHost(false)}`,
    );
  } catch (error) {
    if (error instanceof NodeStartError) throw error;
    throw new TypeError(`Cannot start a node: ${(error as Error).message}`);
  }
}

/** Returns the functions of a node that clusters use; `listen` is the address and port that it listens on. */
function clusterHostOf(
  network: Network,
  host: HostEnvironment,
  cookie: string,
  listen: ClusterHost["listen"],
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
