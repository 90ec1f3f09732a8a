/**
 * A listening socket that outlives a shortage of file descriptors.
 *
 * If a connection comes while the program has no free descriptor, the socket's handle on Deno 2.9 stops accepting, for
 * good and without an event. The connections wait in the kernel. Asking the handle to listen again makes it accept all
 * of them. This costs 5 µs, loses nothing, and changes nothing at a handle that still accepts, so each listener asks at
 * an interval.
 */

import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { versions } from "node:process";
import { clearInterval, setInterval } from "node:timers";

/** The interval at which a handle is asked to listen again, in milliseconds. */
export const REARM_INTERVAL = 1000;

/** The number of connections that wait in the kernel, as Node.js has it by default. */
const BACKLOG = 511;

/** The options of a {@linkcode Listener}. */
export interface ListenerOptions {
  /** The address to listen on. */
  host: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /** The number of connections that the kernel keeps before they are accepted. */
  backlog?: number;
  /** The maximum number of open connections; one more is closed at once. */
  maxConnections: number;
  /** Takes a connection. */
  accept: (socket: Socket) => void;
  /** Called when a connection was closed at once, as there were too many. */
  over?: () => void;
}

/** A listening socket. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  readonly #ended: Promise<void>;
  readonly #rearming: ReturnType<typeof setInterval> | undefined;
  #closed: Promise<void> | undefined;
  /** The address that it listens on. */
  readonly address: { readonly host: string; readonly port: number };

  private constructor(
    options: ListenerOptions,
    { server, early, keep }: Listening,
  ) {
    this.#options = options;
    this.#server = server;
    const { address, port } = server.address() as AddressInfo;
    this.address = { host: address, port };
    this.#ended = new Promise((resolve) => server.once("close", resolve));
    server.on("error", ignore);
    server.off("connection", keep);
    server.on("connection", (socket) => this.#take(socket));
    this.#rearming = rearmer(server, options.backlog ?? BACKLOG);
    for (const socket of early) this.#take(socket);
  }

  /**
   * Starts listening.
   *
   * @throws {Error} The system's error, with its `code`, when it cannot listen there.
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    return new Listener(options, await listen(options));
  }

  /** Stops listening. Accepted connections stay open; resolves when these have closed too. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#rearming);
    this.#server.close();
    await this.#ended;
  }

  #take(socket: Socket): void {
    const { maxConnections, accept, over } = this.#options;
    socket.on("error", ignore);
    if (this.#closed !== undefined) return void socket.destroy();
    if (this.#open.size >= maxConnections) {
      socket.destroy();
      return over?.();
    }
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    accept(socket);
  }
}

/** Asks a server's handle to listen again and again, on Deno; Node.js and Bun accept after a shortage by themselves. */
function rearmer(
  server: Server,
  backlog: number,
): ReturnType<typeof setInterval> | undefined {
  if (versions.deno === undefined) return undefined;
  const internals = server as Server & {
    _handle?: { listen?: (backlog: number) => unknown } | null;
  };
  const timer = setInterval(
    () => void internals._handle?.listen?.(backlog),
    REARM_INTERVAL,
  );
  timer.unref();
  return timer;
}

/** A listening server, and the connections that it accepted before it reported so: Bun's servers do that. */
interface Listening {
  readonly server: Server;
  readonly early: readonly Socket[];
  /** The event listener that collects `early`. */
  readonly keep: (socket: Socket) => void;
}

function listen({ host, port, backlog }: ListenerOptions): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    const early: Socket[] = [];
    const keep = (socket: Socket) => void early.push(socket);
    server.on("connection", keep);
    tellRefusal(server);
    server.once("error", reject);
    server.listen({ host, port, backlog, exclusive: true }, () => {
      server.off("error", reject);
      resolve({ server, early, keep });
    });
  });
}

/**
 * Turns a refused permission into an event, as for other errors: Deno throws it in a later tick, where it
 * cannot be caught, and it ends the program. Node.js and Bun throw nothing there.
 */
function tellRefusal(server: Server): void {
  const internals = server as Server & {
    _listen2?: (...args: unknown[]) => unknown;
  };
  const listen2 = internals._listen2;
  if (typeof listen2 !== "function") return;
  internals._listen2 = (...args) => {
    try {
      return listen2.apply(server, args);
    } catch (error) {
      server.emit("error", error);
    }
  };
}

function ignore(): void {}
