/**
 * Questions for the name of the node at an address.
 *
 * A handshake proves that both sides know the cookie for two given names, so a dialler has to know the name
 * first. It asks over a connection of its own, before any proof. The answer is not trusted: the dial that
 * follows fails unless a node of that name is there.
 *
 * @module
 */

import { outside } from "../core/context/async_context.ts";
import { type Attempts, REPEATS } from "./attempts.ts";
import { runHandshake } from "./handshake.ts";
import type { HostEnvironment } from "./host_environment.ts";
import {
  HandshakeError,
  type Local,
  type PeerName,
  type Wire,
} from "./wire.ts";
import type { Runtime } from "../core/processes/runtime.ts";

/** The parts of a node that its questions need. */
export interface NameQuestionsOptions {
  /** The node's processes. */
  runtime: Runtime;
  /** The data of the node that a handshake needs. */
  local: Local;
  /** The wires that the node speaks, its own first. */
  wires: Wire[];
  /** Connects to other nodes. */
  host: Pick<HostEnvironment, "connect">;
  /** The attempts to reach other nodes. */
  attempts: Attempts;
}

/** Asks nodes for their names. */
export class NameQuestions {
  readonly #options: NameQuestionsOptions;
  readonly #stop = new AbortController();
  /** The questions that wait for an answer, by address. */
  readonly #asked = new Map<string, Promise<PeerName>>();

  /** Starts without questions. */
  constructor(options: NameQuestionsOptions) {
    this.#options = options;
  }

  /**
   * Asks the node at an address for its name; one question at a time for each address.
   *
   * @throws {Error} If there is no answer.
   */
  ask(address: string): Promise<PeerName> {
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

  async #ask(address: string): Promise<PeerName> {
    const { local, wires, attempts } = this.#options;
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
        return await attempts.inTurn(() => this.#attempt(address, wire));
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
      await this.#pause(attempts.repeatAfter(repeats));
    }
  }

  #attempt(address: string, wire: Wire): Promise<PeerName> {
    const { local, host, attempts } = this.#options;
    return attempts.inTime(this.#stop.signal, async (signal) => {
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

  /** Waits, though no longer than until the node stops. */
  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#options.runtime.after(ms, resolve);
    const { signal } = this.#stop;
    const proceed = () => resolve();
    signal.addEventListener("abort", proceed);
    if (signal.aborted) proceed();
    return promise.finally(() => {
      stopTimer();
      signal.removeEventListener("abort", proceed);
    });
  }
}

const GIVE_NAME = "give the node's name too";
