/**
 * The ways to a node: EPMD, the address that was given, and those that this node knows.
 *
 * @module
 */

import { quote } from "../core/values/inspect.ts";
import type { Runtime } from "../core/processes/runtime.ts";
import type { Attempts } from "./attempts.ts";
import { runHandshake } from "./handshake.ts";
import type { HostEnvironment } from "./host_environment.ts";
import type { KnownAddresses } from "./known_addresses.ts";
import { type NodeName, parseNodeName } from "./node_name.ts";
import { joinedAddress, type Reach } from "./peer_place.ts";
import {
  HandshakeError,
  type Local,
  type Session,
  type Transport,
  type Wire,
  type WireName,
} from "./wire.ts";

/** The number of bytes of another node's Extra field that an error shows. */
const MAX_EXTRA_SHOWN = 100;

/** The parts of a node that the ways to others need. */
export interface WaysOptions {
  /** The node's processes. */
  runtime: Runtime;
  /** The data of the node that a handshake needs. */
  local: Local;
  /** The node's name. */
  name: NodeName;
  /** The attempts to reach other nodes. */
  attempts: Attempts;
  /** The wires that the node speaks, its own first. */
  wires: Wire[];
  /** Connects to other nodes. */
  host: Pick<HostEnvironment, "connect" | "findsNames">;
  /** The known addresses of nodes. */
  addresses: KnownAddresses;
  /** Called when a node was reached at an address; returns false if the limit of connections is reached. */
  up(
    session: Session,
    transport: Transport,
    way: { wire: WireName; address: string | undefined },
  ): boolean;
}

/** A node to dial. */
export interface DialTarget {
  /** Its name. */
  readonly node: string;
  /** Its address, if it was given. */
  readonly address: string | undefined;
  /** How near the host of its name may be; `undefined` if the program names it. */
  readonly nearest: Reach | undefined;
  /** Ends the dial. */
  readonly stop: AbortController;
  /** Aborted when the other side's connection has settled the dial, or it has failed. */
  readonly over: AbortController;
}

/** One way to a node. */
interface Way {
  /** The address; without it, EPMD is asked. */
  readonly address: string | undefined;
  /** The wires to try there. */
  readonly wires: readonly Wire[];
  /** Whether this node knows the address by itself. */
  readonly isKnown: boolean;
}

/** The limits of an attempt, in milliseconds. */
interface Time {
  /** Until it is over. */
  readonly left?: number;
  /** Until there is a connection. */
  readonly share?: number;
}

/** The ways to other nodes. */
export class Ways {
  readonly #options: WaysOptions;

  /** Knows the ways of one node. */
  constructor(options: WaysOptions) {
    this.#options = options;
  }

  /** Makes one attempt to dial a node: by the node's name, then at the addresses that are known, one after the other. */
  async attempt(dial: DialTarget): Promise<void> {
    const { runtime, local: { limits } } = this.#options;
    const name = this.#check(dial.node);
    const ways = this.#waysTo(dial);
    if (ways.length === 1 && !ways[0].isKnown) {
      return await this.#attemptBy(dial, name, ways[0]);
    }
    // All together have the time of one handshake: a node that dials this one waits for no longer.
    const end = runtime.now() + limits.handshakeTimeout;
    const failures: string[] = [];
    for (const [at, way] of ways.entries()) {
      const rest = end - runtime.now();
      const share = rest / (ways.length - at);
      // The address that a peer has stated may be wrong: time is left for the others even if it accepts a connection.
      const left = way.isKnown ? share : rest;
      try {
        return await this.#attemptBy(dial, name, way, { left, share });
      } catch (error) {
        if (
          isDialOver(dial) || dial.stop.signal.aborted || isFinalRefusal(error)
        ) {
          throw error;
        }
        const { message, code } = error as Error & { code?: string };
        if (!way.isKnown) failures.push(message);
        // Nobody listens there any more, which says no more than that its name is not registered.
        else if (code !== "ECONNREFUSED" || failures.length === 0) {
          failures.push(`at ${way.address}: ${message}`);
        }
        if (at === ways.length - 1) {
          throw joinedFailure(error, failures);
        }
      }
    }
  }

  /** The ways to a node: the given address, or EPMD and the known addresses. */
  #waysTo({ node, address }: DialTarget): Way[] {
    const { wires, host, addresses } = this.#options;
    if (address !== undefined) return [{ address, wires, isKnown: false }];
    const known = addresses.of(node).map(({ address, wire }) => ({
      address,
      wires: wires.filter(({ name }) => name === wire),
      isKnown: true,
    })).filter(({ wires }) => wires.length > 0);
    if (host.findsNames === false && known.length > 0) return known;
    const byName = { address, wires: wires.slice(0, 1), isKnown: false };
    return [byName, ...known];
  }

  /**
   * Tries the wires of an address one after the other, as it says nothing of the wires that are spoken there: a
   * node that does not speak the first one closes the connection without a word.
   */
  async #attemptBy(
    dial: DialTarget,
    name: NodeName,
    way: Way,
    time?: Time,
  ): Promise<void> {
    const last = way.wires.length - 1;
    for (let at = 0;; at++) {
      try {
        const wire = way.wires[at];
        return await this.#attemptOver(dial, name, way.address, wire, time);
      } catch (error) {
        if (at === last || !isWordless(error)) throw error;
      }
    }
  }

  /**
   * Dials over the wire that EPMD names, or over `other` if EPMD is not asked. When the other side's connection
   * comes up meanwhile, the handshake goes on until its answer: the listener would count a dialler that
   * disconnects without bytes as unauthenticated.
   */
  async #attemptOver(
    dial: DialTarget,
    name: NodeName,
    address: string | undefined,
    other: Wire,
    { left, share }: Time = {},
  ): Promise<void> {
    const { node, stop } = dial;
    const { host, local, up, attempts } = this.#options;
    await attempts.inTime(stop.signal, async (signal, restart) => {
      const { transport, extra } = await attempts.inTime(
        signal,
        (soon) => host.connect(name, address, soon, dial.nearest),
        share,
      );
      // The node is there. As in Erlang, the handshake has its own time, if no other way needs it.
      if (left === undefined) restart();
      let wire = other;
      // An unknown wire is found inside: only runHandshake() closes an unused transport.
      const session = await runHandshake(transport, signal, async () => {
        if (extra !== undefined) wire = this.#wireFor(extra, node);
        return await wire.dial(transport, node, local, dial.over.signal);
      });
      const way = { address: address ?? remoteOf(transport), wire: wire.name };
      if (!up(session, transport, way) && !isDialOver(dial)) {
        throw new HandshakeError(
          "refused",
          `there are ${local.limits.maxConnections} connections already (limits.maxConnections)`,
        );
      }
    }, left);
  }

  #check(node: string): NodeName {
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

  /** The first of this node's wires that a node speaks, by EPMD's Extra field: Erlang's own if that names none. */
  #wireFor(extra: string, node: string): Wire {
    const { wires } = this.#options;
    const named = extra.split(" ")
      .filter((word) => word !== "" && !word.includes("="));
    const wire = wires.find((each) =>
      named.length === 0 ? each.name === "beam" : named.includes(each.extra)
    );
    if (wire !== undefined) return wire;
    throw new HandshakeError(
      "refused",
      `${node} speaks another wire${
        named.length === 0
          ? ", Erlang's own most likely"
          : ` (${quote(named.join(" ").slice(0, MAX_EXTRA_SHOWN))})`
      }, and this node speaks ${wires.map((each) => each.extra).join(" and ")}`,
    );
  }
}

/** Whether a dial is settled by the other side's connection, or has failed. */
export function isDialOver({ over }: DialTarget): boolean {
  return over.signal.aborted;
}

/** Whether the other side closed the connection without an answer. */
function isWordless(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "closed" || error.counted === "tls");
}

/** Whether the node answered, and its refusal holds at each of its addresses. */
function isFinalRefusal(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "superseded" || error.code === "alive");
}

/** An error as the last one, with the messages of all. */
function joinedFailure(last: unknown, messages: readonly string[]): Error {
  const message = messages.join("; ");
  return last instanceof HandshakeError
    ? new HandshakeError(last.code, message, last.counted)
    : new Error(message, { cause: last });
}

/** The address at the other end. */
function remoteOf({ ends }: Transport): string | undefined {
  return ends && joinedAddress(ends.remoteHost, ends.remotePort);
}
