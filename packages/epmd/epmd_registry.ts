/**
 * Keeps a node's name registered at EPMD, whichever program serves it.
 *
 * If an `epmd` runs, or another node serves EPMD, the name is registered there. If not, this node serves the protocol
 * and registers with itself. When the connection that holds the registration closes, because the serving node stopped or
 * died, all remaining nodes register again: one of them finds the port free and serves, and the others find it. Each node
 * registers with its existing creation, which distinguishes it from newcomers.
 */

import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import {
  MAX_CREATION,
  MIN_CREATION,
  type NodeEntry,
  toRegistration,
  withWords,
} from "./entry.ts";
import {
  EpmdUnreachableError,
  isClosed,
  isRefused,
  NameInUseError,
} from "./epmd_errors.ts";
import {
  type EpmdAddress,
  type EpmdTarget,
  exchange,
  pause,
  toTarget,
} from "./exchange.ts";
import { decodeAliveReply, encodeRequest } from "./epmd_protocol.ts";
import type { EpmdLog, EpmdServer, EpmdServerLimits } from "./epmd_server.ts";

const ALIVE_REPLY_CAP = 64;
const ATTEMPTS = 8;
/** The upper bound of the random time before a node registers again, in milliseconds. */
export const FIRST_JITTER = 20;
/**
 * The time after which a newcomer looks for EPMD again, in milliseconds: longer than the jitter of registered nodes, so
 * that one of these serves first.
 */
export const NEWCOMER_PAUSE = 40;
const FIRST_BACKOFF = 50;
const LAST_BACKOFF = 2000;

/** Options of {@linkcode register}. */
export interface EpmdOptions extends EpmdAddress {
  /** The address where EPMD listens, besides `host`, if this node comes to serve it. */
  listenHost?: string;
  /** Takes messages: take-overs, a lost and a regained registration, refused connections. */
  log?: EpmdLog;
  /** Limits of EPMD if this node comes to serve it. */
  limits?: EpmdServerLimits;
}

/** A name that is kept registered until it is closed. */
export interface Lease extends AsyncDisposable {
  /** The creation from the first registration, at least 4. It never changes. */
  readonly creation: number;
  /** Whether this node serves EPMD now. */
  readonly serving: boolean;
  /** Releases the name, and stops serving; resolves when all sockets are closed. Later calls join the first. */
  close(): Promise<void>;
}

/**
 * Registers a node's name, and serves EPMD if no other program does.
 *
 * After another node took over from a dead one, a newcomer is answered up to 2 s late; a `timeout` below that is too
 * short. Throws a `NameInUseError` if another node has the name. Throws an `EpmdUnreachableError` if EPMD can be
 * neither reached nor served. Throws an `EpmdProtocolError` if another program listens there. Throws a `RangeError` if
 * EPMD's port is invalid.
 */
export async function register(
  entry: NodeEntry,
  options: EpmdOptions,
): Promise<Lease> {
  const lease = new NameLease({ ...entry }, options);
  try {
    await lease.join();
  } catch (error) {
    await lease.close();
    throw error;
  }
  return lease;
}

class NameLease implements Lease {
  readonly #entry: NodeEntry;
  readonly #target: EpmdTarget;
  readonly #options: EpmdOptions;
  readonly #log: EpmdLog;
  readonly #closing = new AbortController();
  creation = 0;
  #socket: Socket | undefined;
  #server: EpmdServer | undefined;
  #recovery: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(entry: NodeEntry, options: EpmdOptions) {
    this.#entry = entry;
    this.#target = toTarget(options);
    this.#options = options;
    this.#log = options.log ?? (() => {});
  }

  get serving(): boolean {
    return this.#server !== undefined;
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#recovery;
    const server = this.#server;
    this.#server = undefined;
    // Close the server first: when a client's connection closes, the port must be free.
    const closed = server?.close();
    await closeSocket(this.#socket);
    await closed;
  }

  /** Registers at EPMD, and serves it if no other program does. */
  async join(): Promise<void> {
    let yielded = this.creation !== 0;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#register();
      } catch (error) {
        if (this.#closing.signal.aborted || attempt === ATTEMPTS) throw error;
        if (isClosed(error)) {
          // Another node has just begun to serve, so a newcomer gives way once more.
          yielded = this.creation !== 0;
        } else if (!isRefused(error)) {
          throw error;
        } else if (!yielded) {
          yielded = true;
          await this.#pause(NEWCOMER_PAUSE);
          continue;
        } else if (this.#server === undefined && await this.#serve()) {
          continue;
        }
      }
      // Another node is about to serve, or the serving one has just stopped.
      await this.#pause(randomInt(FIRST_JITTER) * attempt);
    }
  }

  async #register(): Promise<void> {
    const again = this.creation !== 0;
    const registration = toRegistration(this.#entry);
    registration.extra = withWords(registration.extra, {
      creation: again ? this.creation : undefined,
    });
    const { answer, socket } = await exchange(this.#target, {
      what: `register ${this.#entry.name}`,
      request: encodeRequest({ type: "alive", registration }),
      parse: decodeAliveReply,
      cap: ALIVE_REPLY_CAP,
      signal: this.#closing.signal,
    });
    if (!answer.ok) {
      socket.destroy();
      throw new NameInUseError(
        `Cannot register ${this.#entry.name}: the name is in use at the EPMD on port ${this.#target.port}; ` +
          "choose another name before the @, or stop the node that has it",
      );
    }
    if (!again) {
      this.creation = answer.creation >= MIN_CREATION
        ? answer.creation
        : randomInt(MIN_CREATION, MAX_CREATION + 1);
    }
    this.#socket = socket;
    socket.on("close", () => this.#lost(socket));
    // A socket reports its end only while it is read.
    socket.resume();
    // The connection may have ended while the answer was under way.
    if (socket.destroyed) this.#lost(socket);
  }

  /** Tries to serve; returns false when another node was faster. */
  async #serve(): Promise<boolean> {
    const { log, limits } = this.#options;
    const { host, port } = this.#target;
    const { listenHost = host } = this.#options;
    // A wildcard address includes the address at which this node looks for EPMD.
    const isAll = listenHost === "0.0.0.0" || listenHost === "::";
    const tookOver = this.creation !== 0;
    try {
      // Most nodes never need the server: another program serves EPMD on their machine.
      const { EpmdServer } = await import("./epmd_server.ts");
      this.#server = await EpmdServer.listen({
        host: isAll ? listenHost : host,
        port,
        alsoAt: [listenHost],
        tookOver,
        log,
        limits,
      });
    } catch (error) {
      const { code = "EUNKNOWN" } = error as { code?: string };
      if (code === "EADDRINUSE") return false;
      throw new EpmdUnreachableError(
        `Cannot register ${this.#entry.name}: no EPMD answers at ${host}:${port}, ` +
          `and it cannot be served at ${listenHost}:${port}: ${code}; choose another --epmd-port`,
        code,
        { cause: error },
      );
    }
    this.#log(
      "info",
      `${this.#entry.name} ${
        tookOver ? "took over" : "serves"
      } EPMD at ${listenHost}:${port}`,
    );
    return true;
  }

  #lost(socket: Socket): void {
    if (this.#closing.signal.aborted || socket !== this.#socket) return;
    this.#socket = undefined;
    this.#recovery ??= this.#recover();
  }

  async #recover(): Promise<void> {
    let wait = 0;
    let warned = false;
    for (;;) {
      await this.#pause(wait + randomInt(FIRST_JITTER));
      if (this.#closing.signal.aborted) return;
      try {
        await this.join();
        if (this.#socket === undefined) continue;
        if (warned) {
          this.#log("info", `${this.#entry.name} is registered again`);
        }
        this.#recovery = undefined;
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!warned) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#log(
            "warning",
            `${this.#entry.name} lost its registration at EPMD and tries again: ${reason}`,
          );
        }
        warned = true;
        wait = Math.min(LAST_BACKOFF, Math.max(FIRST_BACKOFF, wait * 2));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return pause(ms, this.#closing.signal);
  }
}

function closeSocket(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket === undefined || socket.closed) return resolve();
    socket.once("close", () => resolve());
    socket.destroy();
  });
}
