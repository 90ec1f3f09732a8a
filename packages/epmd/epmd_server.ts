/** Serves EPMD's protocol: inside a node, if no `epmd` runs, or in the program of `main.ts`. */

import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { Listener } from "./listener.ts";
import {
  isLoopback,
  MAX_CREATION,
  MIN_CREATION,
  type NameEntry,
  parseExtra,
  type Registration,
} from "./entry.ts";
import {
  decodeRequest,
  encodeAliveReply,
  encodeLookupReply,
  encodeNamesReply,
  EpmdFormatError,
  type EpmdRequest,
  RequestReader,
} from "./epmd_protocol.ts";

const LOG_INTERVAL = 5000;
/** The number of connections that wait in the kernel. Beyond it, a client's kernel tries again only after a second. */
const BACKLOG = 1024;
/** The number of further connections that may be open, as their sockets are about to close. */
export const CLOSING = 256;

/** The answer to a node whose name is in use. */
const REFUSAL = { ok: false, creation: 0 };

/** Reports a message. */
export type EpmdLog = (
  level: "info" | "warning" | "error",
  message: string,
) => void;

/** Limits of a served EPMD. */
export interface EpmdServerLimits {
  /** The time in which a connection must send its request, and then read its answer, in milliseconds. */
  requestTimeout?: number;
  /**
   * The number of open connections without a registered node. One more closes the oldest, so that a flood of
   * silent connections does not keep a node out.
   */
  maxConnections?: number;
  /** The maximum number of registered nodes. */
  maxNodes?: number;
  /**
   * After a take-over, the time that a newcomer waits for its answer, so that the earlier owner of the name
   * registers again first; in milliseconds.
   */
  holdTime?: number;
  /**
   * After a take-over, the time that the look-up of an unknown name waits for its node to register again, in
   * milliseconds.
   */
  lookupGrace?: number;
}

/** The default limits. */
export const EPMD_LIMITS: Required<EpmdServerLimits> = {
  requestTimeout: 5000,
  maxConnections: 256,
  maxNodes: 1024,
  holdTime: 2000,
  lookupGrace: 500,
};

/** Options of {@linkcode EpmdServer.listen}. */
export interface EpmdServerOptions {
  /** The address to listen on. */
  host: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /** Other addresses to listen on, at the same port. One that is in use is only logged. */
  alsoAt?: readonly string[];
  /** Whether another node served before, so that nodes are about to register again. */
  tookOver?: boolean;
  /** Takes messages. */
  log?: EpmdLog;
  limits?: EpmdServerLimits;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: RequestReader;
  timer: ReturnType<typeof setTimeout> | undefined;
  request: EpmdRequest | undefined;
}

interface Holder {
  readonly connection: Connection;
  readonly registration: Registration;
}

/** An EPMD inside this JavaScript process. */
export class EpmdServer {
  /** The listeners by address, in the order of their start. */
  readonly #listeners = new Map<string, Listener>();
  readonly #limits: Required<EpmdServerLimits>;
  readonly #log: EpmdLog;
  readonly #names = new Map<string, Holder>();
  /** Connections without a registered node, oldest first. */
  readonly #passing = new Set<Connection>();
  /** Answered connections, which their clients are about to close, oldest first. */
  readonly #answered = new Set<Connection>();
  /** Nodes that were not registered before, and wait for the end of the hold. */
  readonly #held = new Map<Connection, Registration>();
  /** Look-ups that wait for their node to register again. */
  readonly #waiting = new Map<Connection, string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** The number of connections that were closed because of invalid or missing requests. */
  refused = 0;
  #holding = false;
  #grace = false;
  #young = true;
  #unlogged = 0;
  #logFrom = -Infinity;
  #closed: Promise<void> | undefined;

  private constructor(options: EpmdServerOptions) {
    this.#log = options.log ?? (() => {});
    this.#limits = { ...EPMD_LIMITS, ...options.limits };
  }

  /**
   * Starts serving.
   *
   * @throws {Error} The system's error, with its `code`, when it cannot listen there.
   */
  static async listen(options: EpmdServerOptions): Promise<EpmdServer> {
    const { host, port, alsoAt = [], tookOver = false } = options;
    const server = new EpmdServer(options);
    await server.#listen(host, port);
    for (const other of alsoAt) {
      try {
        await server.#listen(other, server.port);
      } catch (error) {
        if ((error as { code?: string }).code !== "EADDRINUSE") {
          await server.close();
          throw error;
        }
        server.#log(
          "warning",
          `EPMD does not answer at ${other}, where port ${server.port} is in use`,
        );
      }
    }
    if (tookOver) server.#tookOver();
    else server.#after(server.#limits.holdTime, () => server.#young = false);
    return server;
  }

  /** Listens at an address, unless the server already does. */
  async #listen(host: string, port: number): Promise<void> {
    if ([host, "0.0.0.0", "::"].some((each) => this.#listeners.has(each))) {
      return;
    }
    const { maxConnections, maxNodes } = this.#limits;
    const listener = await Listener.open({
      host,
      port,
      backlog: BACKLOG,
      maxConnections: maxConnections + maxNodes + CLOSING,
      accept: (socket) => this.#accept(socket),
      over: () => this.#count("too many connections are open"),
    });
    this.#listeners.set(host, listener);
  }

  /** The port of the listener. */
  get port(): number {
    const [listener] = this.#listeners.values();
    return listener?.address.port ?? 0;
  }

  /** The nodes that are registered. */
  get entries(): NameEntry[] {
    return Array.from(
      this.#names.values(),
      ({ registration: { name, port } }) => ({ name, port }),
    );
  }

  /** Stops listening and closes all connections, so that registered nodes notice at once. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const closed = Array.from(
      this.#listeners.values(),
      (listener) => listener.close(),
    );
    for (const connection of this.#passing) connection.socket.destroy();
    for (const connection of this.#answered) connection.socket.destroy();
    for (const holder of this.#names.values()) {
      holder.connection.socket.destroy();
    }
    await Promise.all(closed);
  }

  #tookOver(): void {
    this.#young = false;
    this.#grace = true;
    this.#holding = true;
    this.#after(this.#limits.lookupGrace, () => {
      this.#grace = false;
      for (const connection of this.#waiting.keys()) {
        this.#answer(connection, encodeLookupReply(undefined));
      }
      this.#waiting.clear();
    });
    this.#after(this.#limits.holdTime, () => {
      this.#holding = false;
      const held = [...this.#held];
      this.#held.clear();
      for (const [connection, registration] of held) {
        this.#register(connection, registration);
      }
    });
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      socket,
      reader: new RequestReader(),
      timer: undefined,
      request: undefined,
    };
    socket.on("close", () => this.#remove(connection));
    socket.on("data", (chunk: Uint8Array) => this.#receive(connection, chunk));
    if (this.#closed !== undefined) return void socket.destroy();
    this.#passing.add(connection);
    this.#expect(connection);
    const open = this.#passing.size + this.#answered.size;
    if (open > this.#limits.maxConnections) this.#closeOne();
  }

  /** Closes an answered connection, or the oldest connection. */
  #closeOne(): void {
    for (const answered of this.#answered) {
      // Nothing is lost, as the host has all bytes of the answer.
      if (!answered.socket.writableFinished) continue;
      answered.socket.destroy();
      return this.#remove(answered);
    }
    // The newest connection without an answer has just been accepted: keep it.
    const [oldest] = this.#passing.size > 1 ? this.#passing : this.#answered;
    this.#refuse(oldest, "too many connections are open");
  }

  #receive(connection: Connection, chunk: Uint8Array): void {
    try {
      if (connection.request !== undefined) {
        throw new EpmdFormatError("more bytes than one request");
      }
      const body = connection.reader.push(chunk);
      if (body === undefined) return;
      connection.request = decodeRequest(body);
      this.#expect(connection);
      this.#handle(connection, connection.request);
    } catch (error) {
      this.#refuse(
        connection,
        error instanceof EpmdFormatError ? error.message : String(error),
      );
    }
  }

  #handle(connection: Connection, request: EpmdRequest): void {
    switch (request.type) {
      case "alive":
        return this.#alive(connection, request.registration);
      case "lookup": {
        const holder = this.#names.get(request.name);
        if (holder === undefined && this.#grace) {
          this.#waiting.set(connection, request.name);
          return;
        }
        const reply = encodeLookupReply(holder?.registration);
        return this.#answer(connection, reply);
      }
      case "names":
        return this.#answer(
          connection,
          encodeNamesReply(this.port, this.entries),
        );
    }
  }

  #alive(connection: Connection, registration: Registration): void {
    if (!isLocal(connection.socket)) {
      const reason = "a node of another host asks to be registered";
      return this.#refuse(connection, reason);
    }
    const isNew = parseExtra(registration.extra).creation === undefined;
    // A registration with a creation shows that another node served before, and that its end went unnoticed here.
    if (!isNew && this.#young) this.#tookOver();
    if (isNew && this.#holding && !this.#names.has(registration.name)) {
      this.#held.set(connection, registration);
    } else this.#register(connection, registration);
  }

  #register(connection: Connection, registration: Registration): void {
    const { name, highest } = registration;
    if (this.#names.has(name)) {
      return this.#answer(connection, encodeAliveReply(REFUSAL, highest));
    }
    if (this.#names.size >= this.#limits.maxNodes) {
      return this.#refuse(connection, "too many nodes are registered");
    }
    const creation = parseExtra(registration.extra).creation ??
      randomInt(MIN_CREATION, MAX_CREATION + 1);
    this.#names.set(name, { connection, registration });
    this.#passing.delete(connection);
    clearTimeout(connection.timer);
    connection.socket.write(encodeAliveReply({ ok: true, creation }, highest));
    this.#settleWaiting(registration);
  }

  /** Answers the look-ups that waited for a name that is registered now. */
  #settleWaiting(registration: Registration): void {
    for (const [connection, name] of this.#waiting) {
      if (name !== registration.name) continue;
      this.#waiting.delete(connection);
      this.#answer(connection, encodeLookupReply(registration));
    }
    for (const [connection, newcomer] of this.#held) {
      if (newcomer.name !== registration.name) continue;
      this.#held.delete(connection);
      this.#answer(connection, encodeAliveReply(REFUSAL, newcomer.highest));
    }
  }

  #answer(connection: Connection, bytes: Uint8Array): void {
    this.#passing.delete(connection);
    this.#answered.add(connection);
    connection.socket.end(bytes);
  }

  #refuse(connection: Connection, reason: string): void {
    const { remoteAddress, remotePort } = connection.socket;
    connection.socket.destroy();
    // Release the name now: the event "close" comes later, and a name must not outlive its connection.
    this.#remove(connection);
    this.#count(reason, ` from ${remoteAddress}:${remotePort}`);
  }

  #count(reason: string, from = ""): void {
    this.refused++;
    this.#unlogged++;
    const now = performance.now();
    if (now - this.#logFrom < LOG_INTERVAL) return;
    const others = this.#unlogged > 1
      ? ` (and ${this.#unlogged - 1} more)`
      : "";
    this.#logFrom = now;
    this.#unlogged = 0;
    this.#log(
      "warning",
      `EPMD closed a connection${from}: ${reason}${others}`,
    );
  }

  #expect(connection: Connection): void {
    const { requestTimeout } = this.#limits;
    clearTimeout(connection.timer);
    connection.timer = setTimeout(() => {
      const what = connection.request === undefined
        ? "no request"
        : "its answer was not taken";
      this.#refuse(connection, `${what} within ${requestTimeout} ms`);
    }, requestTimeout);
  }

  #remove(connection: Connection): void {
    clearTimeout(connection.timer);
    this.#passing.delete(connection);
    this.#answered.delete(connection);
    this.#held.delete(connection);
    this.#waiting.delete(connection);
    if (connection.request?.type !== "alive") return;
    const { name } = connection.request.registration;
    if (this.#names.get(name)?.connection === connection) {
      this.#names.delete(name);
    }
  }

  #after(ms: number, fn: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      fn();
    }, ms);
    this.#timers.add(timer);
  }
}

/** Whether a client is on this machine; both ends of a connection spell the address alike. */
function isLocal({ remoteAddress, localAddress }: Socket): boolean {
  return isLoopback(remoteAddress ?? "") || remoteAddress === localAddress;
}
