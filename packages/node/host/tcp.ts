/** Streams of bytes over TCP, through `node:net`. */

import { connect as netConnect, type LookupFunction, Socket } from "node:net";
import { outside } from "@otp/processes/context/async_context";
import { copyBytes } from "@otp/processes/values/term";
import { nameLookup } from "./host_permissions.ts";
import { Listener, type ListenerOptions } from "@otp/epmd/listener";
import type { Ends, Transport, TransportHandlers } from "../wire.ts";

/** The time in which a peer must read the written bytes before the end, and close its side, in milliseconds. */
const END_TIMEOUT = 1000;

/**
 * The number of bytes that are read at a time: at first, and at most. An idle connection keeps the smaller buffer,
 * 4 kB instead of 66. With 16 KiB at most, sending 1 MiB of bytes costs 12 to 30 % more.
 */
const READ_BYTES = { first: 1 << 12, most: 1 << 16 };

/** The number of reads in a row that fit the smaller buffer after which it is used again. */
const SMALL_READS = 16;

/**
 * The maximum number of accepted connections that a node has open. `maxHalfOpen` limits unauthenticated connections;
 * this also limits sockets that are about to close.
 */
export const MAX_CONNECTIONS = 2048;

const DEAF: TransportHandlers = {
  bytes: () => {},
  drained: () => {},
  closed: () => {},
};

/** The remote end of a socket, for the log. */
export function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

/** The addresses of both ends of a socket; an unknown one is empty. */
export function endsOf(socket: Socket): Ends {
  return {
    localHost: socket.localAddress ?? "",
    remoteHost: socket.remoteAddress ?? "",
    remotePort: socket.remotePort ?? 0,
  };
}

/** A stream over a socket: of TCP, or of a protocol on top of it. */
export class TcpTransport implements Transport {
  readonly remote: string;
  readonly ends: Ends;
  readonly #socket: Socket;
  #handlers = DEAF;
  #early: Uint8Array[] | undefined = [];
  #closed: { error?: Error } | undefined;
  #error: Error | undefined;

  /** Takes a socket that is connected. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = remoteOf(socket);
    this.ends = endsOf(socket);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.take(chunk));
    socket.on("drain", () => this.#handlers.drained());
    socket.on("error", (error) => this.#error = error);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#closed = { error: this.#error };
      this.#handlers.closed(this.#error);
    });
  }

  /** Called when bytes arrive from the socket. */
  take(chunk: Uint8Array): void {
    if (this.#early === undefined) this.#handlers.bytes(chunk);
    else this.#early.push(copyBytes(chunk));
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  get hasSent(): boolean {
    return this.#socket.writableLength === 0;
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) {
      for (const chunk of early) handlers.bytes(chunk);
    }
    if (this.#closed !== undefined) handlers.closed(this.#closed.error);
  }

  write(bytes: Uint8Array): boolean {
    return this.#closed === undefined && this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(drains = false): void {
    if (this.#closed !== undefined) return;
    const timer = outside(() => setTimeout(() => this.destroy(), END_TIMEOUT));
    this.#socket.once("close", () => clearTimeout(timer));
    if (!drains) return void this.#socket.end(() => this.#socket.destroy());
    this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** An address to listen on or to dial. */
export interface Address {
  /** A host name or address. */
  host: string;
  /** A TCP port. */
  port: number;
}

export interface DialAddress extends Address {
  /** Returns the addresses of the host, instead of the system. */
  lookup?: LookupFunction;
}

/** Creates a socket, and a value from it once it is connected; the signal aborts the attempt. */
export function established<S extends Socket, T>(
  make: () => S,
  event: "connect" | "secureConnect",
  use: (socket: S) => T,
  signal: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = make();
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      reject(nameLookup(error));
    };
    socket.once("error", fail);
    socket.once(event, () => {
      try {
        resolve(use(socket));
        signal.removeEventListener("abort", abort);
        // The listener would keep the signal and the data of the dial, 1 kB, as long as the connection.
        socket.off("error", fail);
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** The read callbacks of a socket, whose transport may be made later. */
class Reader {
  /** The receiver of the bytes. */
  transport: TcpTransport | undefined;
  /** The buffer of the next read: it grows when reads fill it. */
  #buffer: Uint8Array = new Uint8Array(READ_BYTES.first);
  /** The number of reads in a row that fit the smaller buffer. */
  #small = 0;

  /**
   * Reads into one buffer. A new buffer for each read would cost a round trip 10 µs at the dialler and 1 µs at the
   * listener. A host without `onread` emits "data".
   */
  readonly onread = {
    buffer: (): Uint8Array => this.#buffer,
    callback: (length: number, buffer: Uint8Array): boolean => {
      this.#chooseBuffer(length);
      this.transport?.take(buffer.subarray(0, length));
      return true;
    },
  };

  /** Chooses the next buffer after a read of `length` bytes. */
  #chooseBuffer(length: number): void {
    const { first, most } = READ_BYTES;
    const size = this.#buffer.length;
    this.#small = length < first ? this.#small + 1 : 0;
    if (length === size && size < most) this.#buffer = new Uint8Array(4 * size);
    else if (this.#small >= SMALL_READS && size > first) {
      this.#buffer = new Uint8Array(first);
    }
  }
}

/** Connects to an address; the signal aborts the attempt. */
export function connectTcp(
  address: DialAddress,
  signal: AbortSignal,
): Promise<TcpTransport> {
  const reader = new Reader();
  const make = () => netConnect({ ...address, onread: reader.onread });
  const use = (socket: Socket) => reader.transport = new TcpTransport(socket);
  return outside(() => established(make, "connect", use, signal));
}

/** The handle of a socket: an internal field, the same in Node.js and Deno. */
interface Handled {
  _handle?: { useUserBuffer?: unknown } | null;
}

/**
 * Takes an accepted socket. A server has no option `onread`, so its handle moves to a socket with one. The
 * server counts the first socket, which therefore ends with the second.
 */
export function acceptTcp(accepted: Socket): TcpTransport {
  const internals = accepted as Handled;
  const handle = internals._handle;
  if (
    typeof handle?.useUserBuffer !== "function" || accepted.destroyed ||
    accepted.readableLength > 0 || accepted.readableEnded
  ) return new TcpTransport(accepted);
  internals._handle = null;
  const reader = new Reader();
  const options = { handle, onread: reader.onread, allowHalfOpen: false };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  socket.once("close", () => accepted.destroy());
  return reader.transport = new TcpTransport(socket);
}

/**
 * Listens on a port, 0 for any; `use` takes the connections.
 *
 * @throws {Error} The system's error, with its `code`, when it cannot listen there.
 */
export function listenTcp(
  address: Address,
  use: Pick<ListenerOptions, "accept" | "over">,
): Promise<Listener> {
  return outside(() =>
    Listener.open({ ...address, ...use, maxConnections: MAX_CONNECTIONS })
  );
}
