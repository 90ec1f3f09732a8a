/**
 * Writing to standard output and standard error without blocking.
 *
 * A slow or stopped reader, or a closed pipe, must not stop a node: neither output nor the log may block the event
 * loop. In Node, the streams of `node:process` do not block. In Deno they block on a pipe. On Deno, this file writes to
 * a pipe in pieces that the kernel accepts whole or not at all, without waiting, and retries a refused piece later.
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import nodeProcess from "node:process";
import { setTimeout } from "node:timers";
import { outside } from "../context/async_context.ts";
import { ignore } from "../promises/promises.ts";
import { builtin } from "./builtin.ts";

/** The number of bytes that a pipe accepts whole or not at all: PIPE_BUF. */
const PIECE = nodeProcess.platform === "linux" ? 4096 : 512;

/** The delay before a refused piece is retried, in milliseconds, at first and at most. */
const FIRST_RETRY = 1;
const LAST_RETRY = 50;

interface Waiting {
  bytes: Uint8Array;
  resolve(): void;
  reject(error: unknown): void;
}

/** The handle of a pipe: undocumented in Node, but widely used. */
interface PipeHandle {
  setBlocking?(blocking: boolean): unknown;
}

/** The sockets around standard streams' pipes, kept as long as the program runs. */
const sockets = new WeakSet<object>();

/** Whether a handle belongs to a standard stream, which is never closed. */
export function isStandardStream(handle: object): boolean {
  return sockets.has(handle);
}

type HostStream = typeof nodeProcess.stdout | typeof nodeProcess.stderr;

/** Standard output, or standard error. */
export class OutputStream {
  readonly #fd: 1 | 2;
  readonly #queue: Waiting[] = [];
  #waiting = 0;
  #retry = FIRST_RETRY;
  #isKnown = false;
  /** The pipe, if the host would block on it, and its socket, whose collection would close it. */
  #pipe: PipeHandle | undefined;
  #socket: Socket | undefined;
  /** Whether to write to the host's stream, because it does not block or is a terminal. */
  #isHosts = false;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  /** The number of bytes that wait to be written. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when a write has failed because the output has no reader any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Writes text after all earlier text.
   *
   * @returns Nothing if the text is written, else a promise; it rejects if the text cannot be written.
   * @throws {Error} The system's error, if the text cannot be written.
   */
  write(text: string): void | Promise<void> {
    if (text === "") return this.#queue.length === 0 ? undefined : this.flush();
    const stream = this.#stream;
    // A program, such as a test, may redirect the stream by replacing `write`.
    if (this.#usesHosts(stream)) return this.#writeToStream(stream, text);
    const bytes = Buffer.from(text, "utf8");
    const rest = this.#queue.length > 0 ? bytes : this.#writeNow(bytes);
    if (rest === undefined) return undefined;
    return new Promise<void>((resolve, reject) => {
      this.#waiting += rest.length;
      if (this.#queue.push({ bytes: rest, resolve, reject }) === 1) {
        this.#later();
      }
    });
  }

  /** Resolves when all text is written, or has failed. */
  flush(): Promise<void> {
    const last = this.#queue.at(-1);
    if (last === undefined) return Promise.resolve();
    return new Promise((done) => {
      const { resolve, reject } = last;
      last.resolve = () => (resolve(), done());
      last.reject = (error) => (reject(error), done());
    });
  }

  get #stream(): HostStream {
    return this.#fd === 1 ? nodeProcess.stdout : nodeProcess.stderr;
  }

  #usesHosts(stream: HostStream): boolean {
    if (Object.hasOwn(stream, "write")) return true;
    if (!this.#isKnown) this.#look(stream);
    return this.#isHosts;
  }

  /** Detects the kind of the stream. */
  #look(stream: HostStream): void {
    this.#isKnown = true;
    this.#isHosts = stream.isTTY === true || stream instanceof Socket;
    // An error without a listener would end the program.
    stream.on("error", (error: unknown) => this.#failed(error));
    if (this.#isHosts) return;
    try {
      if (!builtin("node:fs").fstatSync(this.#fd).isFIFO()) return;
      const socket = outside(() =>
        new Socket({ fd: this.#fd, readable: false, writable: true })
      );
      socket.on("error", ignore);
      socket.unref();
      this.#socket = socket;
      sockets.add(socket);
      this.#pipe = (socket as unknown as { _handle?: PipeHandle })._handle;
      // Block again, because other writers expect it.
      this.#pipe?.setBlocking?.(true);
    } catch {
      // No usable pipe: the stream is written like a file.
    }
  }

  #writeToStream(stream: HostStream, text: string): void | Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let waiting = text.length;
    this.#waiting += waiting;
    const uncount = () => {
      this.#waiting -= waiting;
      waiting = 0;
    };
    const isTaken = stream.write(text, (error?: Error | null) => {
      uncount();
      if (error === undefined || error === null) return resolve();
      this.#failed(error);
      reject(error);
    });
    promise.catch(ignore);
    if (!isTaken) return promise;
    uncount();
    return undefined;
  }

  /** Writes the bytes that are accepted at once; returns the rest. */
  #writeNow(bytes: Uint8Array): Uint8Array | undefined {
    const { writeSync } = builtin("node:fs");
    const pipe = this.#pipe;
    let at = 0;
    pipe?.setBlocking?.(false);
    try {
      while (at < bytes.length) {
        const piece = pipe === undefined
          ? bytes.subarray(at)
          : bytes.subarray(at, at + PIECE);
        at += writeSync(this.#fd, piece);
      }
      return undefined;
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") {
        return bytes.subarray(at);
      }
      this.#failed(error);
      throw error;
    } finally {
      pipe?.setBlocking?.(true);
    }
  }

  #later(): void {
    outside(() => setTimeout(() => this.#writeOn(), this.#retry));
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }

  /** Continues with waiting text. */
  #writeOn(): void {
    for (let first; (first = this.#queue[0]) !== undefined;) {
      const before = first.bytes.length;
      try {
        const rest = this.#writeNow(first.bytes);
        const left = rest?.length ?? 0;
        this.#waiting -= before - left;
        if (left < before) this.#retry = FIRST_RETRY;
        if (rest !== undefined) {
          first.bytes = rest;
          return this.#later();
        }
        first.resolve();
      } catch (error) {
        this.#waiting -= before;
        first.reject(error);
      }
      this.#queue.shift();
    }
  }

  #failed(error: unknown): void {
    const { code } = error as { code?: string };
    if (code === "EPIPE" || code === "EIO" || code === "EBADF") {
      this.#closed.resolve();
    }
  }
}

export const standardOutput: OutputStream = new OutputStream(1);

export const standardError: OutputStream = new OutputStream(2);
