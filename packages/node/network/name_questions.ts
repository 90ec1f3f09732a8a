/**
 * Asks the node at an address for its name.
 *
 * A handshake proves that both sides know the cookie for two given names, so a dialler has to know the name
 * first. It asks over a connection of its own, before any proof. The answer is not trusted: the dial that
 * follows fails unless a node of that name is there.
 */

import { outside } from "@otp/processes/context/async_context";
import { REPEATS } from "../connections/dial_limiter.ts";
import { runHandshake } from "../connections/handshake.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import { HandshakeError, type Peer, type Wire } from "../wire.ts";

/** Asks nodes for their names. */
export class NameQuestions {
  readonly #parts: NetworkParts;
  readonly #stop = new AbortController();
  /** The questions that wait for an answer, by address. */
  readonly #asked = new Map<string, Promise<Peer>>();

  /** Starts without questions. */
  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /**
   * Asks the node at an address for its name. Concurrent callers share a question. Throws an `Error` if there is no
   * answer.
   */
  ask(address: string): Promise<Peer> {
    const asked = this.#asked.get(address);
    if (asked !== undefined) return asked;
    const answer = outside(() => this.#ask(address))
      .finally(() => this.#asked.delete(address));
    this.#asked.set(address, answer);
    return answer;
  }

  /** Ends all questions. */
  stop(): void {
    this.#stop.abort(new Error("the node stops"));
  }

  async #ask(address: string): Promise<Peer> {
    const { local, wires, limiter } = this.#parts;
    const { maxConnections } = local.limits;
    if (this.#asked.size >= maxConnections) {
      throw new Error(
        `${maxConnections} nodes are being asked for their names already (limits.maxConnections)`,
      );
    }
    const wire = wires.find((each) => each.ask !== undefined);
    if (wire === undefined) {
      throw new Error(
        `this node speaks only Erlang's wire, over which it cannot ask for a name: ${GIVE_NAME}`,
      );
    }
    for (let repeats = 0;; repeats++) {
      try {
        return await limiter.inTurn(() => this.#attempt(address, wire));
      } catch (error) {
        if (!(error instanceof HandshakeError) || error.code !== "closed") {
          throw error;
        }
        if (repeats >= REPEATS) {
          throw new HandshakeError(
            "closed",
            `it closed the connection when it was asked for its name, as a node does that speaks only Erlang's wire: ${GIVE_NAME}`,
          );
        }
      }
      await limiter.pause(limiter.repeatAfter(repeats), this.#stop.signal);
    }
  }

  #attempt(address: string, wire: Wire): Promise<Peer> {
    const { local, host, limiter } = this.#parts;
    return limiter.inTime(this.#stop.signal, async (signal) => {
      const { transport } = await host.connect(undefined, address, signal);
      const answer = await runHandshake(
        transport,
        signal,
        () => wire.ask!(transport, local),
      );
      transport.end();
      return answer;
    });
  }
}

const GIVE_NAME = "give the node's name too";
