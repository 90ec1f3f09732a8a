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
  readonly #listeners: Listener[] = [];
  readonly #waiting = new Set<Socket>();

  private constructor() {}

  /**
   * Takes a port.
   *
   * Permissions are asked for here: on a thread, Deno ends it for one that is missing.
   *
   * @param host The address to listen on.
   * @param alsoAt Another address, where the port may be in use.
   * @param port The port.
   * @returns The claim.
   * @throws {Error} The system's error, with its `code`, when it cannot listen there.
   */
  static async take(
    host: string,
    alsoAt: string,
    port: number,
  ): Promise<PortClaim> {
    const claim = new PortClaim();
    await claim.#listen(host, port);
    try {
      if (alsoAt !== host) await claim.#listen(alsoAt, port);
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") {
        await claim.give(() => Promise.reject(error));
      }
    }
    return claim;
  }

  async #listen(host: string, port: number): Promise<void> {
    const waiting = this.#waiting;
    this.#listeners.push(
      await Listener.open({
        host,
        port,
        maxConnections: MAX_WAITING,
        accept(socket) {
          waiting.add(socket);
          socket.once("close", () => waiting.delete(socket));
          // Only one that is read shows that it was closed.
          socket.resume();
        },
      }),
    );
  }

  /**
   * Gives the port to what listens there from now on.
   *
   * @param listen Listens at the same address and port.
   * @returns What `listen` returns.
   * @throws {unknown} What `listen` throws.
   */
  async give<T>(listen: () => Promise<T>): Promise<T> {
    const closed = this.#listeners.map((listener) => listener.close());
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
      await Promise.all(closed);
    }
  }
}
