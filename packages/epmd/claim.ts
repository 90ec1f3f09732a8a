/**
 * Holds EPMD's port until its server has started.
 *
 * A thread takes some 30 ms to start. Without a claim, all nodes that lost their registration would start a thread. So
 * the first node listens at once, and keeps clients waiting. When the thread serves, the connections of the clients are
 * closed, and they connect again.
 */

import type { Socket } from "node:net";
import { Listener } from "./listener.ts";
import { pause } from "./exchange.ts";

/** The number of clients that may wait; others are closed at once, and connect again. */
const MAX_WAITING = 1024;

/** The number of attempts to listen, 5 ms apart, as the host may free the port late. */
const ATTEMPTS = 5;

/** A port that is held. */
export class PortClaim {
  readonly #listeners: Listener[] = [];
  readonly #waiting = new Set<Socket>();

  private constructor() {}

  /**
   * Takes a port.
   *
   * Permissions are requested here, as Deno ends a thread that lacks one.
   *
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
          // A socket reports its end only while it is read.
          socket.resume();
        },
      }),
    );
  }

  /**
   * Passes the port on to the server that listens there from now on.
   *
   * @throws {unknown} The error of `listen`.
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
