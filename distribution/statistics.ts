/**
 * What a node counts, and how it tells of what happens often.
 *
 * @module
 */

import type { RefusedRequest } from "../runtime/peers.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { NetworkLog } from "./network.ts";
import type { RefusalCause } from "./wire.ts";

/** How many lines of one cause are told in a window. */
const BURST = 10;

/** How long a window is, in milliseconds. */
const WINDOW = 10_000;

/** What a node counts of the connections to it. Numbers only grow, but for the first two. */
export interface ConnectionStats {
  /** Peers that are connected now. */
  connections: number;
  /** Connections that are not in yet, now. */
  halfOpen: number;
  /** Connections that were accepted from dialers, let in or not. */
  accepted: number;
  /** Handshakes that succeeded, of either side. */
  connected: number;
  /** Dialers that were not let in, by cause. */
  refused: Record<RefusalCause, number>;
  /** Dials of this node's that failed. */
  failedDials: number;
  /** Peers that were cut off for what they sent. */
  protocolErrors: number;
  /** Peers that were down as they were silent. */
  silent: number;
  /** Peers that were down as they did not read what was sent to them. */
  unread: number;
  /** What peers that are in were refused, by cause. */
  refusedRequests: Record<RefusedRequest, number>;
  /** Bytes that came from peers that are in. */
  receivedBytes: number;
  /** Bytes that were sent to them. */
  sentBytes: number;
}

/** Counters at zero. */
export function newConnectionStats(): ConnectionStats {
  return {
    connections: 0,
    halfOpen: 0,
    accepted: 0,
    connected: 0,
    refused: {
      cookie: 0,
      name: 0,
      alive: 0,
      full: 0,
      timeout: 0,
      version: 0,
      http: 0,
      tls: 0,
      erlang: 0,
      halfOpen: 0,
      closed: 0,
      protocol: 0,
    },
    failedDials: 0,
    protocolErrors: 0,
    silent: 0,
    unread: 0,
    refusedRequests: {
      undef: 0,
      not_allowed: 0,
      closure: 0,
      limit: 0,
      links: 0,
      monitors: 0,
      entries: 0,
    },
    receivedBytes: 0,
    sentBytes: 0,
  };
}

interface Window {
  level: Parameters<NetworkLog>[0];
  until: number;
  lines: number;
  stop: (() => void) | undefined;
}

/** Lets so many lines of each cause pass, and tells then how many more there were. */
export class LimitedLog {
  readonly #runtime: Runtime;
  readonly #log: NetworkLog;
  readonly #windows = new Map<string, Window>();

  /** Writes to `log`. */
  constructor(runtime: Runtime, log: NetworkLog) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Tells something of a cause; `message` is called only if the line is to be seen. */
  tell(
    level: Parameters<NetworkLog>[0],
    cause: string,
    message: () => string,
  ): void {
    const now = this.#runtime.now();
    let window = this.#windows.get(cause);
    if (window === undefined || now >= window.until) {
      window?.stop?.();
      this.#summarise(cause, window);
      window = { level, until: now + WINDOW, lines: 0, stop: undefined };
      this.#windows.set(cause, window);
    }
    if (++window.lines <= BURST) this.#log(level, message());
    else {
      const full = window;
      window.stop ??= this.#runtime.after(window.until - now, () => {
        this.#windows.delete(cause);
        this.#summarise(cause, full);
      });
    }
  }

  #summarise(cause: string, window: Window | undefined): void {
    if (window === undefined || window.lines <= BURST) return;
    this.#log(
      window.level,
      `${window.lines - BURST} more of these: ${cause}`,
    );
  }

  /** Tells what is still to be told, and ends. */
  stop(): void {
    for (const [cause, window] of this.#windows) {
      window.stop?.();
      this.#summarise(cause, window);
    }
    this.#windows.clear();
  }
}
