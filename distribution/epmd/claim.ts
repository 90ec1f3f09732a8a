/**
 * Holds EPMD's port until what serves it has started.
 *
 * A thread takes some 30 ms to start. Nodes that lost their registration would all start one, and a
 * newcomer could serve before those who know whose the names are. The first of them therefore
 * listens at once, and keeps waiting who comes. When the thread serves, these are cut off, and come
 * again.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Listener } from "../listener.ts";
import { pause } from "./exchange.ts";

/** How many may wait; others are cut off at once, and come again. */
const MAX_WAITING = 1024;

/** How often the port is tried, 5 ms apart, as a host may free it late. */
const ATTEMPTS = 5;

/** A port that is held. */
export class PortClaim {
  readonly #listener: Listener;
  readonly #waiting: Set<Socket>;

  private constructor(listener: Listener, waiting: Set<Socket>) {
    this.#listener = listener;
    this.#waiting = waiting;
  }

  /**
   * Takes a port.
   *
   * @param host The address to listen on.
   * @param port The port.
   * @returns The claim.
   * @throws {Error} The system's error, with its `code`, when it cannot listen there.
   */
  static async take(host: string, port: number): Promise<PortClaim> {
    const waiting = new Set<Socket>();
    const listener = await Listener.open({
      host,
      port,
      maxConnections: MAX_WAITING,
      accept(socket) {
        waiting.add(socket);
        socket.once("close", () => waiting.delete(socket));
        // Only one that is read shows that it was closed.
        socket.resume();
      },
    });
    return new PortClaim(listener, waiting);
  }

  /**
   * Gives the port to what listens there from now on.
   *
   * @param listen Listens at the same address and port.
   * @returns What `listen` returns.
   * @throws {unknown} What `listen` throws.
   */
  async give<T>(listen: () => Promise<T>): Promise<T> {
    const closed = this.#listener.close();
    try {
      for (let attempt = 1;; attempt++) {
        try {
          return await listen();
        } catch (error) {
          const { code } = error as { code?: string };
          if (code !== "EADDRINUSE" || attempt === ATTEMPTS) throw error;
          await pause(5);
        }
      }
    } finally {
      for (const socket of this.#waiting) socket.destroy();
      await closed;
    }
  }
}
