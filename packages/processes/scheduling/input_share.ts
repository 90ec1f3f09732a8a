/**
 * Input of connections: how long they read without a pause, and when all input is handled.
 *
 * A host reads 32 times 64 KiB from one socket without a microtask between, and no process handles a message
 * meanwhile. So a connection that has read for {@linkcode SHARE} pauses until the microtasks have run, or the event
 * loop has turned. The length of mailboxes does not matter: a full mailbox stops no connection.
 */

/**
 * The time in which connections read before processes run, in milliseconds. Without this limit, 127,000 of 800,000
 * objects waited in one mailbox, and took 220 MB instead of 115.
 */
const SHARE = 2;

/**
 * The number of bytes above which connections ask the clock: fewer bytes take a small part of a share. Asking for
 * each small frame took 0.3 of the 24 µs of a round trip.
 */
const UNTIMED = 1 << 13;

/**
 * The number of turns without input after which input counts as handled: the host may need several to empty a socket.
 */
const SILENT_TURNS = 8;

/** The maximum delay of a deadline by a peer that sends continuously, in milliseconds. */
const MAX_INPUT = 100;

// Captured at load because tests replace Date.now.
const hostNow = Date.now;

/** The parts of a scheduler that its input needs. */
export interface InputHost {
  now(): number;
  /** Calls back when the host has turned its event loop and polled its sockets. */
  afterPoll(fn: () => void): void;
  /** Whether steps wait for a turn of the event loop. */
  isTurning(): boolean;
  hasSteps(): boolean;
}

/** The share of the event loop that connections have. */
export class InputShare {
  readonly #host: InputHost;
  /** The number of times that bytes arrived. */
  #inputs = 0;
  /** Bytes received since the last turn. Above {@linkcode UNTIMED} the share is timed. */
  #bytes = 0;
  #isTimed = false;
  #began = 0;
  /** The continuations of paused connections. */
  #paused: (() => void)[] = [];

  constructor(host: InputHost) {
    this.#host = host;
  }

  /** Counts bytes from a peer, before they are delivered. */
  note(bytes: number): void {
    this.#inputs++;
    if (this.#isTimed) return;
    this.#bytes += bytes;
    if (this.#bytes < UNTIMED) return;
    this.#isTimed = true;
    this.#began = this.#host.now();
    if (!this.#host.isTurning()) queueMicrotask(this.#afterMicrotask);
  }

  /** Returns whether a connection can read on at once; otherwise `readOn` is called after the pause. */
  canReadOn(readOn: () => void): boolean {
    if (!this.#isTimed) return true;
    const elapsed = this.#host.now() - this.#began;
    // The host's clock may be set back.
    if (elapsed >= 0 && elapsed < SHARE) return true;
    this.#paused.push(readOn);
    return false;
  }

  readonly #afterMicrotask = (): void => {
    // The end of a turn ends the share as well.
    if (!this.#host.isTurning()) this.endShare();
  };

  /** Begins a new share, after steps have run. */
  endShare(): void {
    this.#isTimed = false;
    this.#bytes = 0;
    if (this.#paused.length === 0) return;
    const paused = this.#paused;
    this.#paused = [];
    for (const readOn of paused) {
      try {
        readOn();
      } catch (error) {
        throwLater(error);
      }
    }
  }

  /** Forgets the untimed bytes, because the program was idle since. */
  reset(): void {
    this.#bytes = 0;
  }

  /**
   * Calls back when the program has handled all its input, in sockets and in waiting steps. Only real time and real
   * turns count, because nothing is late in a simulation.
   *
   * @param ms The time without input, in milliseconds.
   * @returns A function that cancels the call.
   */
  whenHandled(ms: number, fn: () => void): () => void {
    let isStopped = false;
    let before = this.#inputs;
    let silentTurns = 0;
    const began = hostNow();
    let silentSince = began;
    const turn = () => {
      if (isStopped) return;
      const now = hostNow();
      if (this.#inputs !== before || this.#host.hasSteps()) {
        before = this.#inputs;
        silentTurns = 0;
        silentSince = now;
      }
      const isSilent = ++silentTurns > SILENT_TURNS && now - silentSince >= ms;
      if (isSilent || now - began >= MAX_INPUT) fn();
      else this.#host.afterPoll(turn);
    };
    this.#host.afterPoll(turn);
    return () => isStopped = true;
  }
}

/** Throws a callback's error to the host, so that the callbacks after it still run. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
