/**
 * One attempt to dial a node, over one route after the other.
 *
 * A given address is the only route. Otherwise the name comes first: EPMD on its host knows the port, and names the
 * wires that the node speaks. Then come the addresses that this node knows: where the node was reached before, and
 * where peers say that it listens. The routes share the time limit of one handshake, so that one silent address leaves
 * time for the next. An address says nothing of wires: they are tried in turn until one is answered. The attempt ends
 * early if the node has answered and its refusal holds at each of its addresses, or if the node's own dial of this
 * node has connected the two meanwhile.
 */

import { quote } from "@otp/processes/values/inspect";
import { isRefusal } from "../connections/failure.ts";
import { runHandshake } from "../connections/handshake.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import type { TakenRoute } from "../addresses/known_addresses.ts";
import { type NodeName, parseNodeName } from "../addresses/node_name.ts";
import { joinedAddress, type Reach } from "../addresses/peer_place.ts";
import {
  HandshakeError,
  type Session,
  type Transport,
  type Wire,
} from "../wire.ts";

/** The number of bytes of another node's Extra field that an error shows. */
const MAX_EXTRA_SHOWN = 100;

/** Called with a node that was reached, or that has dialled; returns false if it gets no connection. */
export type UpHandler = (
  session: Session,
  transport: Transport,
  route: TakenRoute,
) => boolean;

/** A node to dial. */
export interface Dial {
  /** The node's name. */
  readonly node: string;
  /** The given address, if any. */
  readonly address: string | undefined;
  /** The nearest reach that the host of its name may have; `undefined` if the program names the node. */
  readonly nearest: Reach | undefined;
  /** Ends the dial. */
  readonly stop: AbortController;
  /** Aborted when the other side's connection has settled the dial, or the dial has failed. */
  readonly over: AbortController;
}

/** One route to a node. */
interface Route {
  /** The address; without it, EPMD is asked. */
  readonly address: string | undefined;
  /** The wires to try there. */
  readonly wires: readonly Wire[];
  /** Whether this node knows the address by itself. */
  readonly isKnown: boolean;
}

/** The time limits of an attempt, in milliseconds. */
interface TimeLimits {
  /** Until the end of the attempt. */
  readonly left?: number;
  /** Until there is a connection. */
  readonly share?: number;
}

/** The dial routes of one node. */
export class DialRoutes {
  readonly #parts: NetworkParts;
  readonly #up: UpHandler;

  /** Creates the dial routes for one node. */
  constructor(parts: NetworkParts, up: UpHandler) {
    this.#parts = parts;
    this.#up = up;
  }

  /** Makes one attempt to dial a node: by the node's name, then at each known address. */
  async attempt(dial: Dial): Promise<void> {
    const { runtime, local: { limits } } = this.#parts;
    const name = this.#check(dial.node);
    const routes = this.#routesTo(dial);
    if (routes.length === 1 && !routes[0].isKnown) {
      return await this.#attemptBy(dial, name, routes[0]);
    }
    // The routes share the time of one handshake: a node that dials this one waits for no longer.
    const end = runtime.clock.now() + limits.handshakeTimeout;
    const failures: string[] = [];
    let refusal: unknown;
    for (const [at, route] of routes.entries()) {
      const rest = end - runtime.clock.now();
      const share = rest / (routes.length - at);
      // The address that a peer has stated may be wrong: leave time for other routes even if a listener accepts.
      const left = route.isKnown ? share : rest;
      try {
        return await this.#attemptBy(dial, name, route, { left, share });
      } catch (error) {
        if (
          isDialOver(dial) || dial.stop.signal.aborted || isFinalRefusal(error)
        ) throw error;
        if (isRefusal(error)) refusal ??= error;
        const { message, code } = error as Error & { code?: string };
        if (!route.isKnown) failures.push(message);
        // A refused old address adds nothing to "not registered".
        else if (code !== "ECONNREFUSED" || failures.length === 0) {
          failures.push(`at ${route.address}: ${message}`);
        }
        if (at < routes.length - 1) continue;
        throw joinedFailure(refusal ?? error, failures);
      }
    }
  }

  /** Returns the routes to a node: the given address, or EPMD and the known addresses. */
  #routesTo({ node, address }: Dial): Route[] {
    const { wires, host, addresses } = this.#parts;
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
   * Tries the wires of a route one after the other. An address says nothing of the wires that are spoken there, and a
   * node that does not speak the first one closes the connection without an answer.
   */
  async #attemptBy(
    dial: Dial,
    name: NodeName,
    { address, wires }: Route,
    time?: TimeLimits,
  ): Promise<void> {
    for (let at = 0;; at++) {
      try {
        return await this.#attemptOver(dial, name, address, wires[at], time);
      } catch (error) {
        if (at === wires.length - 1 || !closedUnanswered(error)) throw error;
      }
    }
  }

  /**
   * Dials over the wire that EPMD names, or over `other` if EPMD is not asked. If the other side's connection comes up
   * meanwhile, the handshake goes on until the listener answers, which would count a dialler that disconnects without
   * bytes as unauthenticated.
   */
  async #attemptOver(
    dial: Dial,
    name: NodeName,
    address: string | undefined,
    other: Wire,
    { left, share }: TimeLimits = {},
  ): Promise<void> {
    const { node, stop } = dial;
    const { host, local, limiter } = this.#parts;
    await limiter.inTime(stop.signal, async (signal, restart) => {
      const { transport, extra } = await limiter.inTime(
        signal,
        (soon) => host.connect(name, address, soon, dial.nearest),
        share,
      );
      // As in Erlang, the handshake has a time limit of its own, if no other route needs the time.
      if (left === undefined) restart();
      let wire = other;
      // Choose the wire inside: only runHandshake() closes an unused transport.
      const session = await runHandshake(transport, signal, async () => {
        if (extra !== undefined) wire = this.#wireFor(extra, node);
        return await wire.dial(transport, node, local, dial.over.signal);
      });
      const route: TakenRoute = {
        wire: wire.name,
        address: address ?? remoteOf(transport),
      };
      if (!this.#up(session, transport, route) && !isDialOver(dial)) {
        throw new HandshakeError(
          "refused",
          `there are ${local.limits.maxConnections} connections already (limits.maxConnections)`,
        );
      }
    }, left);
  }

  #check(node: string): NodeName {
    const name = parseNodeName(node);
    const own = this.#parts.name;
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

  /** Returns the first of this node's wires that EPMD's Extra field names; if it names none, Erlang's own. */
  #wireFor(extra: string, node: string): Wire {
    const { wires } = this.#parts;
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
export function isDialOver({ over }: Dial): boolean {
  return over.signal.aborted;
}

/** Whether the other side closed the connection without an answer. */
function closedUnanswered(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "closed" || error.counted === "tls");
}

/** Whether the node answered, and its refusal holds at each of its addresses. */
function isFinalRefusal(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "superseded" || error.code === "alive");
}

/** Returns an error like the one of a route, with the messages of all routes. */
function joinedFailure(one: unknown, messages: readonly string[]): Error {
  const message = messages.join("; ");
  return one instanceof HandshakeError
    ? new HandshakeError(one.code, message, one.counted)
    : new Error(message, { cause: one });
}

/** The address at the other end. */
function remoteOf({ ends }: Transport): string | undefined {
  return ends && joinedAddress(ends.remoteHost, ends.remotePort);
}
