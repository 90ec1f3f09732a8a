/**
 * Serves EPMD on a thread of its own, so that a node that computes, or is stopped by a debugger, does not keep
 * others from starting and finding each other.
 *
 * The thread's code is a text in this program, `worker_source.ts`. Starting a thread from a file needs a
 * permission to read it on Deno, for which it would prompt the user, and a bundler or `deno compile` that knows
 * of the file. If there can be no thread, the node's own thread serves EPMD.
 */

import { connect } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { PortClaim } from "./claim.ts";
import {
  type EpmdLog,
  EpmdServer,
  type EpmdServerOptions,
} from "./epmd_server.ts";
import { type HostThread, startThread } from "./host_thread.ts";
import { WORKER_ENTRY, WORKER_SOURCE } from "./worker_source.ts";

/** The time limit for the start of a thread, in milliseconds. A start takes 15 to 40 ms of processor time. */
const START_TIMEOUT = 2000;

/** The time limit for a thread to close all connections, in milliseconds. */
const CLOSE_TIMEOUT = 2000;

/**
 * The number of file descriptors that must be free before a thread is started. Deno takes 8 for it; the listener
 * and the node's registration take 3, and a look-up of this program takes 2. Some are left for others.
 */
const DESCRIPTORS = 16;

/** The messages to the thread. */
export type ToThread =
  | { type: "listen"; options: Omit<EpmdServerOptions, "log"> }
  | { type: "close" };

/** The messages from the thread. */
export type FromThread =
  | { type: "ready" | "listening" | "closed" }
  | { type: "failed"; code: string | undefined; text: string }
  | { type: "log"; level: Parameters<EpmdLog>[0]; text: string };

/** An EPMD that is served by this program. */
export interface EpmdService {
  /** Resolves when it no longer serves, for any reason. */
  readonly ended: Promise<void>;
  /** Stops serving; resolves when the port is free and all connections are closed. */
  close(): Promise<void>;
}

/** A thread that serves EPMD, or is about to. */
export class EpmdThread implements EpmdService {
  readonly ended: Promise<void>;
  /** Resolves to whether the thread has started and can listen. */
  readonly ready: Promise<boolean>;
  readonly #thread: HostThread;
  readonly #log: EpmdLog;
  readonly #waiting = new Set<(message: FromThread | undefined) => void>();
  #hasEnded = false;
  #closed: Promise<void> | undefined;

  private constructor(log: EpmdLog) {
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#thread = startThread(WORKER_SOURCE, WORKER_ENTRY, {
      message: (message) => this.#take(message as FromThread),
      ended: () => {
        this.#hasEnded = true;
        this.#tell(undefined);
        resolve();
      },
    });
    this.ready = this.#next(START_TIMEOUT)
      .then((message) => message?.type === "ready");
  }

  /** Starts a thread that is to serve at an address; returns `undefined` if the host allows no thread. */
  static async start(
    log: EpmdLog,
    target: { host: string; port: number },
  ): Promise<EpmdThread | undefined> {
    if (!await hasDescriptors(target)) return undefined;
    try {
      return new EpmdThread(log);
    } catch {
      return undefined;
    }
  }

  /**
   * Starts serving; a caller can retry after an error.
   *
   * @throws {Error} The system's error, with its `code`, if it cannot listen there.
   */
  async listen(options: EpmdServerOptions): Promise<void> {
    const { log: _, ...rest } = options;
    this.#say({ type: "listen", options: rest });
    const answer = await this.#next();
    if (answer?.type === "listening") return;
    const { code, text } = answer?.type === "failed"
      ? answer
      : { code: "ECANCELED", text: "its thread ended" };
    throw Object.assign(new Error(text), { code });
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    if (!this.#hasEnded && await this.ready) {
      const closed = this.#next(CLOSE_TIMEOUT);
      this.#say({ type: "close" });
      await closed;
    }
    await this.#thread.terminate();
  }

  #say(message: ToThread): void {
    this.#thread.post(message);
  }

  #take(message: FromThread): void {
    if (message.type === "log") this.#log(message.level, message.text);
    else this.#tell(message);
  }

  #tell(message: FromThread | undefined): void {
    for (const resolve of this.#waiting) resolve(message);
    this.#waiting.clear();
  }

  /** Returns the next message; `undefined` if the thread ends first, or after the time limit. */
  #next(timeout?: number): Promise<FromThread | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<
      FromThread | undefined
    >();
    this.#waiting.add(resolve);
    if (timeout === undefined) return promise;
    const timer = setTimeout(() => {
      this.#waiting.delete(resolve);
      resolve(undefined);
    }, timeout);
    return promise.finally(() => clearTimeout(timer));
  }
}

/**
 * Serves EPMD, on the thread that `start` returns, if possible. `start` is called when the port is reserved.
 *
 * @throws {Error} The system's error, with its `code`, if it cannot listen there.
 */
export async function serveEpmd(
  start: () => Promise<EpmdThread | undefined>,
  options: EpmdServerOptions,
): Promise<EpmdService> {
  const { host, alsoAt = host, port } = options;
  const claim = await PortClaim.take(host, alsoAt, port);
  const thread = await start();
  const isReady = thread !== undefined && await thread.ready;
  return await claim.give(async () => {
    if (isReady) {
      await thread.listen(options);
      return thread;
    }
    const server = await EpmdServer.listen(options);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    return { ended, close: () => server.close().then(resolve) };
  });
}

/**
 * Returns whether enough file descriptors are free: Deno 2.9 ends the program if a thread gets no descriptor. The test
 * opens connections, which take one descriptor each, and need no other permission than EPMD does.
 */
async function hasDescriptors(
  target: { host: string; port: number },
): Promise<boolean> {
  const results = Array.from({ length: DESCRIPTORS }, () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect({ host: target.host, port: target.port });
    let isFree = true;
    socket.once("connect", () => socket.destroy());
    socket.on("error", ({ code }: Error & { code?: string }) => {
      isFree = code !== undefined && !["EMFILE", "ENFILE"].includes(code);
    });
    socket.once("close", () => resolve(isFree));
    return promise;
  });
  return (await Promise.all(results)).every((isFree) => isFree);
}
