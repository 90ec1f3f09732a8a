/**
 * A listening socket that outlives a shortage of file descriptors.
 *
 * Deno 2.9 accepts nothing more, for good and without an event, once a connection came while the program had no
 * file descriptor left. The socket still listens, so connections to it are made and stay silent. Only a
 * connection of its own shows a listener that it is dead: it makes one every two seconds, and listens anew on
 * the same port when that one is not accepted. A probe that cannot be made, as descriptors are still short,
 * proves nothing.
 *
 * @module
 */

import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { clearInterval, setInterval } from "node:timers";

/**
 * A probe has so many turns to be accepted, each of so many milliseconds or more. Turns are counted, not time: in a
 * program that computes, a turn of the event loop may take a second, and accepting takes some turns.
 */
const PROBE_TURNS = 20;
const PROBE_TURN = 25;

/** Errors of a probe that only a dead listener causes. */
const GONE = ["ECONNREFUSED", "ECONNRESET", "EPIPE"];

/** The options of a {@linkcode Listener}. */
export interface ListenerOptions {
  /** The address to listen on. */
  host: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /**
   * The number of connections that the kernel keeps before they are accepted.
   *
   * @default 511
   */
  backlog?: number;
  /** The maximum number of open connections; one more is closed at once. */
  maxConnections: number;
  /**
   * Whether the listener keeps the JavaScript process alive.
   *
   * @default true
   */
  ref?: boolean;
  /**
   * The interval of probes, in milliseconds. Each takes 0.14 ms of processor time.
   *
   * @default 2000
   */
  probeInterval?: number;
  /** Takes a connection. */
  accept: (socket: Socket) => void;
  /** Called when a connection was closed at once, as there were too many. */
  over?: () => void;
  /** Called when the listener was dead, and listens again. */
  revived?: () => void;
}

/** A connection of a listener to itself. */
interface Probe {
  readonly socket: Socket;
  /** Accepted before the probe's own port was known. */
  readonly early: Socket[];
  isConnected: boolean;
  settle: (isAlive: boolean | undefined) => void;
}

/** A listening socket. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #open = new Set<Socket>();
  readonly #ended: Promise<void>[] = [];
  readonly #watch: ReturnType<typeof setInterval>;
  #server: Server;
  #address: { host: string; port: number };
  #accepted = 0;
  #probe: Probe | undefined;
  #checking: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: ListenerOptions, listening: Listening) {
    const { server } = listening;
    this.#options = options;
    this.#server = server;
    const { address, port } = server.address() as AddressInfo;
    this.#address = { host: address, port };
    this.#adopt(listening);
    this.#watch = setInterval(() => {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
    }, options.probeInterval ?? 2000);
    this.#watch.unref();
  }

  /**
   * Starts listening.
   *
   * @param options The address, and the callbacks.
   * @returns The listener.
   * @throws {Error} The system's error, with its `code`, when it cannot listen there.
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    return new Listener(options, await listen(options));
  }

  /** Its address. */
  get address(): { host: string; port: number } {
    return this.#address;
  }

  /**
   * Stops listening; accepted connections stay open.
   *
   * @returns A promise that resolves when these have closed, too.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    this.#server.close();
    this.#probe?.settle(undefined);
    await this.#checking;
    await Promise.all(this.#ended);
  }

  #adopt({ server, early, keep }: Listening): void {
    this.#server = server;
    this.#ended.push(new Promise((resolve) => server.once("close", resolve)));
    server.on("error", ignore);
    server.off("connection", keep);
    server.on("connection", (socket) => this.#take(socket));
    if (!(this.#options.ref ?? true)) server.unref();
    for (const socket of early) this.#take(socket);
  }

  #take(socket: Socket): void {
    this.#accepted++;
    socket.on("error", ignore);
    const probe = this.#probe;
    if (probe === undefined) return this.#pass(socket);
    if (!probe.isConnected) return void probe.early.push(socket);
    if (!isOther(probe.socket, socket)) return this.#pass(socket);
    socket.destroy();
    probe.settle(true);
  }

  #pass(socket: Socket): void {
    const { maxConnections, accept, over } = this.#options;
    if (this.#closed !== undefined) return void socket.destroy();
    if (this.#open.size >= maxConnections) {
      socket.destroy();
      return over?.();
    }
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    accept(socket);
  }

  async #check(): Promise<void> {
    const before = this.#accepted;
    const isAlive = await this.#isAlive();
    if (isAlive !== false || this.#closed !== undefined) return;
    if (this.#accepted === before) await this.#revive();
  }

  /** Returns whether a connection of its own is accepted; `undefined` when it cannot be made. */
  #isAlive(): Promise<boolean | undefined> {
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    const { host, port } = this.#address;
    const socket = connect({ host, port });
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === PROBE_TURNS) probe.settle(false);
    }, PROBE_TURN);
    socket.unref();
    timer.unref();
    const probe: Probe = {
      socket,
      early: [],
      isConnected: false,
      settle: (isAlive) => {
        if (this.#probe !== probe) return;
        this.#probe = undefined;
        clearInterval(timer);
        for (const each of probe.early) {
          if (!isOther(socket, each)) this.#pass(each);
          else each.destroy();
        }
        socket.destroy();
        resolve(isAlive);
      },
    };
    this.#probe = probe;
    socket.on("error", (error: Error & { code?: string }) => {
      probe.settle(GONE.includes(error.code ?? "") ? false : undefined);
    });
    socket.on("connect", () => {
      // A connection to a port of the ephemeral range without a listener may connect to itself.
      if (socket.localPort === port && isOther(socket, socket)) {
        return probe.settle(false);
      }
      probe.isConnected = true;
      const own = probe.early.find((each) => isOther(socket, each));
      if (own !== undefined) return probe.settle(true);
      for (const each of probe.early.splice(0)) this.#pass(each);
    });
    return promise;
  }

  async #revive(): Promise<void> {
    this.#server.close();
    try {
      this.#adopt(await listen({ ...this.#options, ...this.#address }));
    } catch {
      // The next probe fails, and so retries this.
      return;
    }
    if (this.#closed !== undefined) return void this.#server.close();
    this.#options.revived?.();
  }
}

/** Whether a socket is the other end of one. */
function isOther(one: Socket, other: Socket): boolean {
  return one.localPort === other.remotePort &&
    one.localAddress === other.remoteAddress;
}

/** A server that listens, and the connections that it accepted before it said so, as Bun's servers do. */
interface Listening {
  readonly server: Server;
  readonly early: readonly Socket[];
  /** The listener that keeps them. */
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
