/**
 * A node among nodes: who is connected, who is being dialled, who is let in.
 *
 * @module
 */

import { outside } from "../runtime/context.ts";
import { printable, quote } from "../runtime/inspect.ts";
import type { RefusedRequest } from "../runtime/peers.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Signals } from "../runtime/signal.ts";
import { Connection } from "./connection.ts";
import { isNodeName, type NodeName, parseNodeName } from "./names.ts";
import { PendingSignals } from "./pending.ts";
import {
  type ConnectionStats,
  LimitedLog,
  newConnectionStats,
} from "./statistics.ts";
import { Door, shake } from "./strangers.ts";
import {
  HandshakeError,
  type Limits,
  type Local,
  type Session,
  type Status,
  type Transport,
  type Wire,
} from "./wire.ts";
import type { World } from "./world.ts";

/** How often a node listens for silence within a tick time. */
const TICK_TURNS = 16;

/** How long a dial that gave way waits for the other side's, in milliseconds. */
const GIVE_WAY = 1000;

/** How often it dials again after that. */
const DIAL_ATTEMPTS = 3;

/** How much of another node's Extra field an error shows, in bytes. */
const MAX_EXTRA_SHOWN = 100;

/** A line for the log. */
export type NetworkLog = (
  level: "debug" | "info" | "warning" | "error",
  message: string,
) => void;

/** How a network is set up. */
export interface NetworkOptions {
  /** The node's processes. */
  runtime: Runtime;
  /** The node's name. */
  name: NodeName;
  /** Whether the node is hidden. */
  hidden: boolean;
  /** Whether visible nodes connect to each other's peers. */
  connectAll: boolean;
  /** The shared secret. */
  cookie: string;
  /** The limits. */
  limits: Limits;
  /** The tick time, in milliseconds. */
  tickTime: number;
  /** The wires that the node speaks, its own first. */
  wires: Wire[];
  /** How it reaches others. */
  world: Pick<World, "randomBytes" | "reach">;
  /** Where lines for the log go. */
  log: NetworkLog;
}

interface Dial {
  pending: PendingSignals;
  promise: Promise<boolean>;
  settle: (connected: boolean) => void;
  stop: AbortController;
}

/** Which nodes are listed. */
export type NodeKind = "visible" | "hidden" | "connected";

/** The nodes around one node. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #local: Local;
  readonly #connections = new Map<string, Connection>();
  readonly #dials = new Map<string, Dial>();
  readonly #stats: ConnectionStats = newConnectionStats();
  readonly #limitedLog: LimitedLog;
  readonly #door: Door;
  #stopped = false;
  readonly #stopTicks: () => void;

  /** A node that nobody is connected to. */
  constructor(options: NetworkOptions) {
    this.#options = options;
    const { runtime, name, hidden, cookie, limits, world } = options;
    this.#local = {
      name: name.full,
      creation: runtime.creation,
      hidden,
      cookie,
      limits,
      randomBytes: (size) => world.randomBytes(size),
      admit: (peer) => this.#admit(peer),
    };
    this.#limitedLog = new LimitedLog(runtime, options.log);
    this.#door = new Door({
      runtime,
      local: this.#local,
      wires: options.wires,
      stats: this.#stats,
      log: this.#limitedLog,
      up: (session, transport) => this.#up(session, transport),
    });
    this.#stopTicks = runtime.every(
      options.tickTime / TICK_TURNS,
      () => this.#tick(),
    );
  }

  /** Where signals for a node go: a connection, or what is kept until there is one. */
  route(node: string, connect: boolean): Signals | undefined {
    const connection = this.#connections.get(node);
    if (connection !== undefined) return connection.signals;
    const dial = this.#dials.get(node);
    if (dial !== undefined || !connect || this.#stopped) return dial?.pending;
    return this.#dial(node, undefined).pending;
  }

  /** The nodes that are connected. */
  list(kind: NodeKind): string[] {
    return [...this.#connections.values()]
      .filter(({ peer }) =>
        kind === "connected" || peer.hidden === (kind === "hidden")
      )
      .map(({ peer }) => peer.name);
  }

  /** Connects to a node; false if it cannot be, and the log says why. */
  connect(node: string, address?: string): Promise<boolean> {
    if (this.#connections.has(node)) return Promise.resolve(true);
    return this.#dial(node, address).promise;
  }

  /** Ends the connection to a node; false if there is none. */
  disconnect(node: string): boolean {
    const connection = this.#connections.get(node);
    if (connection === undefined) return false;
    connection.close("disconnected");
    return true;
  }

  /** Ends all connections and attempts. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTicks();
    for (const dial of this.#dials.values()) {
      dial.stop.abort(new Error("the node stops"));
    }
    this.#door.stop();
    this.#limitedLog.stop();
    const connections = [...this.#connections.values()];
    await Promise.all(connections.map((each) => each.close("the node stops")));
  }

  #tick(): void {
    for (const connection of [...this.#connections.values()]) {
      connection.tick();
    }
  }

  // Dialling.

  #dial(node: string, address: string | undefined): Dial {
    const known = this.#dials.get(node);
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { limits } = this.#options;
    const dial: Dial = {
      pending: new PendingSignals(
        node,
        limits.maxPendingSignals,
        limits.maxDepth,
        promise,
      ),
      promise,
      settle: resolve,
      stop: new AbortController(),
    };
    this.#dials.set(node, dial);
    outside(() => this.#runDial(node, address, dial));
    return dial;
  }

  async #runDial(
    node: string,
    address: string | undefined,
    dial: Dial,
  ): Promise<void> {
    try {
      for (let attempt = 1;; attempt++) {
        try {
          return await this.#dialOnce(node, address, dial);
        } catch (error) {
          const gaveWay = error instanceof HandshakeError &&
            (error.code === "superseded" || error.code === "alive");
          if (!gaveWay || attempt >= DIAL_ATTEMPTS) throw error;
          if (await this.#otherSide(dial)) return;
        }
      }
    } catch (error) {
      this.#dialFailed(node, dial, error as Error);
    }
  }

  async #dialOnce(
    node: string,
    address: string | undefined,
    dial: Dial,
  ): Promise<void> {
    const name = this.#checkDial(node);
    const { runtime, limits, world } = this.#options;
    const attempt = new AbortController();
    const abort = () => attempt.abort(dial.stop.signal.reason);
    dial.stop.signal.addEventListener("abort", abort);
    if (dial.stop.signal.aborted) abort();
    const stopTimer = runtime.after(limits.handshakeTimeout, () => {
      attempt.abort(
        new HandshakeError(
          "timeout",
          `no answer within ${limits.handshakeTimeout} ms`,
        ),
      );
    });
    try {
      const { transport, extra } = await world.reach(
        name,
        address,
        attempt.signal,
      );
      if (!this.#dials.has(node)) return transport.destroy();
      // An unknown wire is found inside: only shake() ends a transport that is not used.
      const session = await shake(
        transport,
        attempt.signal,
        async () =>
          await this.#wireFor(extra, node).dial(transport, node, this.#local),
      );
      this.#up(session, transport);
    } finally {
      stopTimer();
      dial.stop.signal.removeEventListener("abort", abort);
    }
  }

  #checkDial(node: string): NodeName {
    const name = parseNodeName(node);
    const own = this.#options.name;
    if (name.long !== own.long) {
      throw new HandshakeError(
        "refused",
        `${own.full} has a ${own.long ? "long" : "short"} name and ${node} a ${
          name.long ? "long" : "short"
        } one, which do not mix: start both with --sname or both with --name`,
      );
    }
    return name;
  }

  #wireFor(extra: string | undefined, node: string): Wire {
    const [first] = this.#options.wires;
    if (extra === undefined) return first;
    const wire = this.#options.wires.find((each) =>
      extra.split(" ")[0] === each.extra
    );
    if (wire !== undefined) return wire;
    throw new HandshakeError(
      "refused",
      `${node} speaks another wire${
        extra === ""
          ? ", Erlang's own most likely"
          : ` (${quote(extra.slice(0, MAX_EXTRA_SHOWN))})`
      }, and this node speaks ${first.extra}`,
    );
  }

  /** Waits for the connection that the other side dials; false if it does not come. */
  #otherSide(dial: Dial): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stopTimer = this.#options.runtime.after(
      GIVE_WAY,
      () => resolve(false),
    );
    dial.promise.then(() => resolve(true));
    dial.stop.signal.addEventListener("abort", () => resolve(false));
    return promise.finally(stopTimer);
  }

  #dialFailed(node: string, dial: Dial, error: Error): void {
    if (this.#dials.get(node) !== dial) return;
    this.#dials.delete(node);
    this.#stats.failedDials++;
    if (!this.#stopped) {
      this.#limitedLog.tell(
        "warning",
        "nodes that could not be connected to",
        () =>
          `Cannot connect to ${printable(node)}: ${printable(error.message)}`,
      );
    }
    this.#options.runtime.nodeDown(node, false);
    dial.settle(false);
  }

  // Being dialled.

  #admit(name: string): Status {
    const own = this.#options.name;
    if (this.#stopped || name === own.full || !isNodeName(name)) {
      return "not_allowed";
    }
    if (parseNodeName(name).long !== own.long) return "not_allowed";
    if (this.#connections.has(name)) return "alive";
    if (this.#dials.has(name)) {
      return own.full > name ? "ok_simultaneous" : "nok";
    }
    return "ok";
  }

  /** Takes a connection that was accepted. */
  accept(transport: Transport): void {
    this.#door.accept(transport);
  }

  /** A peer was refused something. */
  refused(node: string, what: RefusedRequest, message: string): void {
    this.#stats.refusedRequests[what]++;
    // A name that is misspelt is the peer's business; a limit or a rule is this node's.
    this.#limitedLog.tell(
      what === "undef" || what === "closure" ? "debug" : "warning",
      `requests of peers refused (${what})`,
      () => `Refused a request of ${node} (${what}): ${printable(message)}`,
    );
  }

  /** What was counted, as it is now. */
  stats(): ConnectionStats {
    return {
      ...this.#stats,
      refused: { ...this.#stats.refused },
      refusedRequests: { ...this.#stats.refusedRequests },
      connections: this.#connections.size,
      halfOpen: this.#door.size,
    };
  }

  // Connected.

  #up(session: Session, transport: Transport): void {
    const { name, hidden } = session.peer;
    if (this.#stopped || this.#connections.has(name)) {
      transport.destroy();
      return;
    }
    const { runtime, limits, log } = this.#options;
    const connection: Connection = new Connection(
      transport,
      session,
      limits,
      runtime,
      {
        down: (reason) => this.#down(connection, reason),
        peers: (names) => this.#connectAll(connection, names),
      },
      this.#stats,
    );
    this.#connections.set(name, connection);
    this.#stats.connected++;
    log("debug", `Connected to ${name}`);
    if (!hidden) runtime.nodeUp(name);
    const dial = this.#dials.get(name);
    let lost: Error | undefined;
    if (dial !== undefined) {
      this.#dials.delete(name);
      lost = connection.replay(dial.pending);
      dial.settle(true);
      dial.stop.abort(new Error("connected"));
    }
    if (this.#sharesPeers(connection)) {
      const others = this.list("visible").filter((each) => each !== name);
      if (others.length > 0) connection.announce(others);
    }
    connection.start();
    if (lost !== undefined) {
      // A gap is never silent: all that is across it is told.
      log("warning", `Lost a signal to ${name}: ${printable(lost.message)}`);
      connection.close("a signal to it was lost");
    }
  }

  #down(connection: Connection, reason: string): void {
    const { name, hidden } = connection.peer;
    if (this.#connections.get(name) !== connection) return;
    this.#connections.delete(name);
    this.#options.log(
      "info",
      `The connection to ${name} is down: ${printable(reason)}`,
    );
    this.#options.runtime.nodeDown(name, !hidden);
  }

  #sharesPeers({ peer }: Connection): boolean {
    return this.#options.connectAll && !this.#options.hidden && !peer.hidden;
  }

  #connectAll(connection: Connection, names: string[]): void {
    if (!this.#sharesPeers(connection)) return;
    const own = this.#options.name;
    for (const name of names) {
      if (
        name !== own.full && isNodeName(name) && !this.#connections.has(name)
      ) this.#dial(name, undefined);
    }
  }
}
