/**
 * Streams of bytes between two threads of this program, over a `MessagePort`.
 *
 * Each write is one message, a copy whose memory moves to the other thread. A port has no back-pressure: posted
 * messages wait in memory until the other thread's event loop turns. So the receiver acknowledges the bytes that it
 * has passed on, and the sender is blocked while more than `WINDOW` bytes are not acknowledged.
 *
 * **Messages.** Bytes, or the number of received bytes that are acknowledged. There is no message for
 * the end: when a port is closed, or its thread ends for any reason, the other end gets the messages that were
 * posted before, then the event `close`. (A host may report the end of a terminated thread late, so the threads'
 * owner closes the ports of such a thread itself; see `packages/workers/thread_ports.ts`.)
 *
 * **Races.** A paused receiver keeps what arrives, `WINDOW` and one batch at most, and acknowledges nothing. If
 * the other end closes meanwhile, `closed` follows when all has been read, as with a socket.
 */

import nodeProcess from "node:process";
import { Fifo } from "@otp/processes/collections/fifo";
import { outside } from "@otp/processes/context/async_context";
import { copyBytes } from "@otp/processes/values/term";
import type { Transport, TransportHandlers } from "@otp/node/wire";

/** The bytes that may be under way before the sender is blocked. */
const WINDOW = 1 << 18;

/** The number of bytes that are acknowledged together, so that few messages cost an answer. */
const ACKNOWLEDGED = WINDOW / 4;

/** One end of a stream over a `MessagePort`. */
export class PortTransport implements Transport {
  readonly remote: string;
  readonly isThread = true;
  /** Written bytes are copied at once. */
  readonly hasSent = true;
  /** Resolves when it is closed at this end, and its handlers are notified. */
  readonly ended: Promise<void>;
  readonly #resolveEnded: () => void;
  readonly #port: MessagePort;
  readonly #waiting = new Fifo<Uint8Array>();
  #handlers: TransportHandlers | undefined;
  /** The written bytes that are not acknowledged. */
  #underWay = 0;
  #isBlocked = false;
  /** The bytes that were passed on and not acknowledged. */
  #read = 0;
  #isPaused = false;
  #isDelivering = false;
  /** Whether the other end is closed. */
  #hasEnded = false;
  #closed: { error: Error | undefined } | undefined;
  /** Whether the handlers were notified of the end; handlers that start later are notified at once. */
  #isReported = false;

  /** Takes a port. */
  constructor(port: MessagePort, remote: string) {
    this.#port = port;
    this.remote = remote;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    outside(() => {
      port.addEventListener("close", () => this.#ended());
      port.addEventListener(
        "messageerror",
        () => this.#close(new Error("a message of the thread is unreadable")),
      );
      // The assignment starts the port.
      port.onmessage = ({ data }) => this.#take(data);
    });
  }

  get buffered(): number {
    return Math.max(0, this.#underWay - WINDOW);
  }

  /** Whether this end is closed. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.#deliver();
    if (this.#isReported) handlers.closed(this.#closed?.error);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return false;
    const copy = copyBytes(bytes);
    this.#underWay += copy.length;
    this.#port.postMessage(copy, [copy.buffer]);
    if (this.#underWay > WINDOW) this.#isBlocked = true;
    return !this.#isBlocked;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.#close(undefined);
  }

  /** Closes at once; `closed` reports the error. */
  destroy(error?: Error): void {
    this.#close(error);
  }

  #take(message: unknown): void {
    if (this.#closed !== undefined) return;
    if (message instanceof Uint8Array) {
      this.#waiting.push(message);
      this.#deliver();
    } else if (
      Number.isInteger(message) && message as number >= 0 &&
      message as number <= this.#underWay
    ) this.#acknowledged(message as number);
    else this.#close(new Error("the thread sent something else than bytes"));
  }

  #acknowledged(bytes: number): void {
    this.#underWay -= bytes;
    if (!this.#isBlocked || this.#underWay > WINDOW) return;
    this.#isBlocked = false;
    this.#handlers?.drained();
  }

  /** Passes on the bytes that have arrived, unless it is paused. */
  #deliver(): void {
    // The handler may pause and resume while it is called.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (!this.#isPaused && this.#handlers !== undefined) {
        const bytes = this.#waiting.shift();
        if (bytes === undefined) break;
        this.#handlers.bytes(bytes);
        this.#acknowledge(bytes.length);
      }
    } finally {
      this.#isDelivering = false;
    }
    if (this.#hasEnded && this.#waiting.length === 0) this.#close(undefined);
  }

  #acknowledge(bytes: number): void {
    this.#read += bytes;
    if (this.#read < ACKNOWLEDGED || this.#closed !== undefined) return;
    this.#port.postMessage(this.#read);
    this.#read = 0;
  }

  #ended(): void {
    this.#hasEnded = true;
    if (this.#waiting.length === 0) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    while (this.#waiting.shift() !== undefined);
    this.#port.onmessage = null;
    // Messages that were posted still arrive.
    this.#port.close();
    // As with a socket, the owner is notified later.
    outside(() => nodeProcess.nextTick(() => this.#report()));
  }

  #report(): void {
    this.#isReported = true;
    this.#handlers?.closed(this.#closed?.error);
    this.#resolveEnded();
  }
}
