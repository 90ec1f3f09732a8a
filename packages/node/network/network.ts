/** The network of one node: its connections, dials and unauthenticated connections. */

import type { NetworkLog } from "../host/network_log.ts";
import { Recent } from "@otp/processes/host/recent";
import type { RefusedRequest } from "@otp/processes/remote/peer_quotas";
import type {
  ConnectOutcome,
  DialReport,
  PeerAddress,
} from "@otp/processes/remote/peer_address";
import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import type { AutoConnect, Signals } from "@otp/processes/signals/signal";
import { Budget } from "../connections/budget.ts";
import { connectTo } from "./connect_to.ts";
import { Connection } from "../connections/connection.ts";
import type { Poller } from "@otp/processes/host/poll";
import { DialReports } from "../connections/failure.ts";
import { DialLimiter } from "../connections/dial_limiter.ts";
import { DialRoutes, type UpHandler } from "./dial_routes.ts";
import { Dialler } from "./dialler.ts";
import { Introductions } from "./introductions.ts";
import {
  KnownAddresses,
  type TakenRoute,
} from "../addresses/known_addresses.ts";
import {
  type Reach,
  reachOfPeer,
  redialAddress,
} from "../addresses/peer_place.ts";
import { NameQuestions } from "./name_questions.ts";
import {
  isNodeName,
  type NodeName,
  parseNodeName,
} from "../addresses/node_name.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import {
  type ConnectionInfo,
  type ConnectionStats,
  newConnectionStats,
} from "../connections/statistics.ts";
import { Acceptor } from "./acceptor.ts";
import type {
  Admission,
  CrossingRule,
  Limits,
  Listening,
  Local,
  Peer,
  Session,
  Status,
  Transport,
  Wire,
  WireName,
} from "../wire.ts";
import type { HostEnvironment } from "../host/host_environment.ts";

/** The number of checks for silence in a tick time. */
export const TICK_TURNS = 16;

/** Refusals that need no attention at this node: logged as debug messages. */
const EXPECTED: readonly RefusedRequest[] = ["undef", "closure", "draining"];

export interface NetworkOptions {
  /** The node's processes. */
  runtime: NodeRuntime;
  /** The node's name. */
  name: NodeName;
  /** Whether the node is hidden. */
  hidden: boolean;
  /** Whether visible nodes connect to each other's peers. */
  connectAll: boolean;
  /** The shared secret. */
  cookie: string;
  limits: Limits;
  /** The tick time, in milliseconds. */
  tickTime: number;
  /** The wires that the node speaks, its own first. */
  wires: Wire[];
  /** Where the node listens. */
  listen?: Listening;
  /** Connects to other nodes. */
  host: Pick<HostEnvironment, "randomBytes" | "connect" | "findsNames">;
  /** Takes lines for the log. */
  log: NetworkLog;
  /** Polls after traffic, if the node polls. */
  poller?: Poller;
}

/** The kinds of listed nodes. */
export type NodeKind = "visible" | "hidden" | "connected";

/** The network of one node. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #parts: NetworkParts;
  readonly #connections = new Map<string, Connection>();
  /** When nodes connected, within the last handshake timeout. */
  readonly #cameUp: Recent<number>;
  readonly #dialler: Dialler;
  readonly #introductions: Introductions;
  readonly #questions: NameQuestions;
  readonly #stats: ConnectionStats = newConnectionStats();
  readonly #acceptor: Acceptor;
  /** The farthest reach of all peers so far: any of them may have sent a pid that is used now. */
  #farthest: Reach | undefined;
  #stopped = false;
  readonly #stopTicks: () => void;

  /** Creates a network without connections. */
  constructor(options: NetworkOptions) {
    this.#options = options;
    const { runtime, name, hidden, cookie, limits, host, listen, log } =
      options;
    this.#cameUp = new Recent(runtime.clock, limits.handshakeTimeout);
    const local: Local = {
      name: name.full,
      creation: runtime.creation,
      hidden,
      beam: options.wires.some((wire) => wire.name === "beam") || undefined,
      listen,
      cookie,
      limits,
      randomBytes: (size) => host.randomBytes(size),
      parts: new Budget(limits.maxTotalMessageBytes),
      // A part opens the border after this.
      get functions() {
        return runtime.border?.functions;
      },
      knows: (peer) => this.#introductions.known(peer),
      admit: (peer, rule) => this.#admit(peer, rule),
    };
    this.#parts = {
      runtime,
      local,
      name,
      wires: options.wires,
      host,
      connections: this.#connections,
      addresses: new KnownAddresses(limits.maxConnections),
      limiter: new DialLimiter(runtime, local),
      queued: new Budget(limits.maxTotalQueueBytes),
      stats: this.#stats,
      log,
      reports: new DialReports(log, runtime.clock, limits.maxConnections),
    };
    const up: UpHandler = (session, transport, route) =>
      this.#up(session, transport, route);
    this.#acceptor = new Acceptor(this.#parts, up);
    this.#questions = new NameQuestions(this.#parts);
    this.#dialler = new Dialler(this.#parts, new DialRoutes(this.#parts, up));
    this.#introductions = new Introductions(
      this.#parts,
      this.#dialler,
      (peer) => options.connectAll && !this.#isHidden(peer),
    );
    this.#stopTicks = runtime.deadlines.every(
      options.tickTime / TICK_TURNS,
      () => this.#tick(),
    );
  }

  /** Returns the channel for signals to a node: a connection, or a queue until there is one. */
  signalsTo(node: string, connect?: AutoConnect): Signals | undefined {
    const connection = this.#connections.get(node);
    if (connection !== undefined) return connection.signals;
    return this.#dialler.pending(
      node,
      connect !== undefined,
      connect === "by_name" ? undefined : this.#farthest,
    );
  }

  /** The connected nodes. */
  list(kind: NodeKind): string[] {
    return [...this.#connections.values()]
      .filter(({ peer }) =>
        kind === "connected" || this.#isHidden(peer) === (kind === "hidden")
      )
      .map(({ peer }) => peer.name);
  }

  /** Whether a connection is hidden: as in Erlang, it is if either end is a hidden node. */
  #isHidden(peer: Peer): boolean {
    return this.#options.hidden || peer.hidden === true;
  }

  #isFull(): boolean {
    return this.#connections.size >= this.#options.limits.maxConnections;
  }

  /** Connects to a node; returns false if it fails, and logs the reason as `report` says. */
  async connect(
    node: string,
    address?: string,
    report: DialReport = "all",
  ): Promise<boolean> {
    if (this.#connections.has(node)) return true;
    const options = { report, isWanted: true };
    return await this.#dialler.dial(node, address, options) === undefined;
  }

  /** Connects to a node by its name, its address, or both; returns the reason if that fails. */
  connectTo(
    to: PeerAddress,
    report: DialReport = "all",
  ): Promise<ConnectOutcome> {
    return connectTo(to, report, this.#parts, this.#questions, this.#dialler);
  }

  /** Closes the connection to a node; returns false if the node is not connected. */
  disconnect(node: string): boolean {
    const connection = this.#connections.get(node);
    if (connection === undefined) return false;
    connection.close("disconnected");
    return true;
  }

  /** Dials nodes that a peer introduces by other means than the wire's. */
  introduce(by: string, nodes: readonly string[]): void {
    const connection = this.#connections.get(by);
    if (connection === undefined) return;
    this.#introductions.take(connection, nodes.map((name) => ({ node: name })));
  }

  /** Closes all connections, and ends all dials. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.poller?.stop();
    this.#stopTicks();
    this.#dialler.stop();
    this.#questions.stop();
    this.#parts.limiter.stop();
    this.#acceptor.stop();
    const connections = [...this.#connections.values()];
    await Promise.all(connections.map((each) => each.close("the node stops")));
  }

  #tick(): void {
    for (const connection of [...this.#connections.values()]) connection.tick();
  }

  // Diallers.

  #admit(name: string, rule: CrossingRule): Admission {
    const known = this.#connections.get(name);
    const since = this.#options.runtime.clock.now();
    return {
      isElsewhere: () =>
        this.#dialler.isDialling(name) ||
        (this.#cameUp.get(name) ?? -Infinity) >= since,
      status: this.#statusOf(name, undefined, rule),
      confirm: async () => {
        for (;;) {
          const status = this.#statusOf(name, known, rule);
          if (status === "ok_simultaneous") return "ok";
          if (status !== "nok" || rule.refusesLate) return status;
          await this.#dialler.attempted(name);
        }
      },
    };
  }

  /** The status of a dialler whose node may have a stale connection. */
  #statusOf(
    name: string,
    stale: Connection | undefined,
    { goesOn }: CrossingRule,
  ): Status {
    const own = this.#options.name;
    if (this.#stopped || name === own.full || !isNodeName(name)) {
      return "not_allowed";
    }
    if (parseNodeName(name).long !== own.long) return "not_allowed";
    const connection = this.#connections.get(name);
    if (connection !== stale && connection !== undefined) return "alive";
    if (this.#dialler.isDialling(name)) {
      const isSmaller = own.full < name;
      return isSmaller === (goesOn === "smaller") ? "nok" : "ok_simultaneous";
    }
    return connection === undefined && this.#isFull() ? "full" : "ok";
  }

  /** Accepts a connection. */
  accept(transport: Transport): void {
    this.#acceptor.accept(transport);
  }

  /** Called when a peer's request was refused. */
  refused(node: string, what: RefusedRequest, message: string): void {
    this.#stats.refusedRequests[what]++;
    // A misspelt name concerns the peer, a limit or a rule concerns this node, and a drain is intended.
    this.#options.log(
      EXPECTED.includes(what) ? "debug" : "warning",
      () => `Refused a request of ${node} (${what}): ${message}`,
      { what: `requests of peers refused (${what})`, peer: node },
    );
  }

  /** The current connections. */
  connections(): ConnectionInfo[] {
    return [...this.#connections.values()].map((connection) => ({
      node: connection.peer.name,
      hidden: this.#isHidden(connection.peer),
      address: connection.remote,
      receivedBytes: connection.receivedBytes,
      sentBytes: connection.sentBytes,
      queuedBytes: connection.queuedBytes,
    }));
  }

  /** The wire that is spoken with a connected node. */
  wireOf(node: string): WireName | undefined {
    return this.#connections.get(node)?.wire;
  }

  /** The current counters. */
  stats(): ConnectionStats {
    return {
      ...this.#stats,
      ...this.#options.poller?.stats,
      refused: { ...this.#stats.refused },
      refusedRequests: { ...this.#stats.refusedRequests },
      connections: this.#connections.size,
      halfOpen: this.#acceptor.size,
    };
  }

  // Connections.

  /** Takes a new connection. Only a node that this node has dialled has an address. */
  #up(
    session: Session,
    transport: Transport,
    { wire, address }: TakenRoute,
  ): boolean {
    const { peer, replaces } = session;
    const { name } = peer;
    const before = this.#connections.get(name);
    if (
      this.#stopped ||
      (before === undefined ? this.#isFull() : !replaces)
    ) {
      transport.destroy();
      return false;
    }
    before?.drop(
      before.peer.creation === peer.creation
        ? "its other end is closed, and the node has connected again"
        : "the node was started again, and has connected",
    );
    const { runtime, limits, log, poller } = this.#options;
    const { ends } = transport;
    const reach = reachOfPeer(ends);
    this.#farthest = Math.max(this.#farthest ?? reach, reach) as Reach;
    const known = this.#parts.addresses.take(name);
    const connection: Connection = new Connection({
      transport,
      session,
      dialled: address,
      known,
      wire,
      limits,
      runtime,
      queued: this.#parts.queued,
      stats: this.#stats,
      poller,
      handlers: {
        down: (reason) => this.#down(connection, reason),
        refused: (signal, why) =>
          log("warning", () => `Refused ${signal} of ${name}: ${why}`, {
            what: "signals of peers refused",
            peer: name,
          }),
        peers: (nodes) => this.#introductions.take(connection, nodes),
      },
    });
    this.#connections.set(name, connection);
    this.#cameUp.note(name, runtime.clock.now());
    this.#stats.connected++;
    log("info", `Connected to ${name}`, { what: "connections", peer: name });
    const isHidden = this.#isHidden(peer);
    runtime.nodes.up(name, isHidden);
    const dial = this.#dialler.connected(name);
    let lost: Error | undefined;
    if (dial !== undefined) {
      lost = connection.replay(dial.pending);
      dial.settle(undefined);
    }
    this.#introductions.make(connection);
    connection.start();
    if (lost !== undefined) {
      // A gap is never silent: all links and monitors across it are notified.
      log("warning", `Lost a signal to ${name}: ${lost.message}`, {
        what: "signals lost",
        peer: name,
      });
      connection.close("a signal to it was lost");
    }
    return true;
  }

  #down(connection: Connection, reason: string): void {
    const { peer } = connection;
    const { name } = peer;
    if (this.#connections.get(name) !== connection) return;
    this.#connections.delete(name);
    this.#dialler.dropLostIntroductions();
    const { wire, known } = connection;
    const last = { address: redialAddress(connection), wire };
    this.#parts.addresses.lost(name, [last, ...known]);
    this.#options.log(
      "info",
      `The connection to ${name} is down: ${reason}`,
      { what: "connections lost", peer: name },
    );
    this.#options.runtime.nodes.down(name, true, this.#isHidden(peer));
  }
}
