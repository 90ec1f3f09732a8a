/**
 * Limits the bytes of large messages under way to a peer, so that other messages do not wait behind them.
 *
 * The kernels of both ends take several megabytes before a socket blocks. So after each `PROBE_BYTES` of large messages
 * follows an `unlink` between two pids of the number 0, which no process has; its ack shows that the peer has read
 * everything before it. The window grows while acks come fast, so that a long path is used fully, and shrinks when bytes
 * wait on the way.
 */

/** A probe follows this many bytes of large messages. */
const PROBE_BYTES = 1 << 16;

/** The limits of the window, in bytes. */
const LEAST = 1 << 18;
const MOST = 1 << 26;

/** An ack is late after this time more than twice the shortest, in milliseconds. */
const LATE = 2;

/** An `unlink` whose ack is expected. */
interface Probe {
  readonly id: number;
  /** The number of bytes before it. */
  readonly bytes: number;
  readonly sentAt: number;
}

/** The window of one connection. */
export class Window {
  #size = LEAST;
  /** The number of bytes that were written. */
  #written = 0;
  /** The number of bytes before the last probe, and before the last one that was acked. */
  #probed = 0;
  #read = 0;
  /** The next ack that changes the size is of a probe after more bytes. */
  #next = 0;
  readonly #probes: Probe[] = [];
  #lastId = 0;
  /** The shortest time of an ack. */
  #shortest = Infinity;

  /** Whether the peer has acked a probe. */
  get isAcked(): boolean {
    return this.#shortest < Infinity;
  }

  /** The number of bytes that may be written. */
  get room(): number {
    return this.#size - (this.#written - this.#read);
  }

  /** Counts written bytes; returns the id of a probe to write after them, if one is due. */
  add(bytes: number, now: number): number | undefined {
    if (this.#size === Infinity) return undefined;
    this.#written += bytes;
    if (this.#written - this.#probed < PROBE_BYTES) return undefined;
    this.#probed = this.#written;
    const id = ++this.#lastId;
    this.#probes.push({ id, bytes: this.#written, sentAt: now });
    return id;
  }

  /** Notes the ack of a probe; ignores an id that was not sent. */
  confirm(id: number, now: number): void {
    const index = this.#probes.findIndex((probe) => probe.id === id);
    if (index === -1) return;
    const { bytes, sentAt } = this.#probes[index];
    this.#probes.splice(0, index + 1);
    this.#read = bytes;
    const time = now - sentAt;
    this.#shortest = Math.min(this.#shortest, time);
    // Acks come in bundles: only the first one of a round trip counts.
    if (bytes <= this.#next) return;
    this.#next = this.#written;
    this.#size = time > 2 * this.#shortest + LATE
      ? Math.max(LEAST, this.#size / 2)
      : Math.min(MOST, 2 * this.#size);
  }

  /** Removes the limit. */
  lift(): void {
    this.#size = Infinity;
    this.#probes.length = 0;
  }
}
