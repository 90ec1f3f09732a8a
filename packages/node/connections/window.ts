/**
 * Limits the bytes of large messages under way to a peer, so that other messages do not wait behind them.
 *
 * The kernels of both ends take several megabytes before a socket blocks. So after each `PROBE_BYTES` of large messages
 * follows an `unlink` between two pids of the number 0, which no process has; its ack shows that the peer has read
 * everything before it. Once in a round trip the window is doubled, or halved if the ack takes longer than with the least
 * window. So the window is large on a long path, and to a peer whose event loop turns slowly, and small where bytes would
 * only wait. The least window is used again from time to time.
 */

/** A probe follows this many bytes of large messages. */
const PROBE_BYTES = 1 << 16;

/** The least size of the window, in bytes, and the number of times that it may be doubled. */
const LEAST = 1 << 18;
const LEVELS = 8;

/** An ack is late if it takes this many times as long as with the least window, and this many milliseconds more. */
const FACTOR = 1.5;
const LATE = 0.5;

const SLACK = 2;

/** The least window is used in one of this many round trips. */
const ROUNDS = 32;

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
  /** The number of times that the window has been doubled. */
  #level = 0;
  /** The number of bytes that were written. */
  #written = 0;
  /** The number of bytes before the last probe, and before the last one that was acked. */
  #probed = 0;
  #read = 0;
  readonly #probes: Probe[] = [];
  #lastId = 0;
  #isAcked = false;
  /** The times of the last two acks with the least window; at most `SLACK` times a later one with a larger window. */
  #fast: [number, number] = [Infinity, Infinity];
  /** The number of bytes after whose ack the round trip ends. */
  #end = 0;
  /** Whether the window was full in it. */
  #wasFull = false;
  #rounds = 0;
  /** The level before the least window was used again. */
  #before: number | undefined;

  /** Whether the peer has acked a probe. */
  get isAcked(): boolean {
    return this.#isAcked;
  }

  /** The number of bytes that may be written. */
  get room(): number {
    return this.#size - (this.#written - this.#read);
  }

  /** Counts written bytes; returns the id of a probe to write after them, if one is due. */
  add(bytes: number, now: number): number | undefined {
    if (this.#size === Infinity) return undefined;
    if (this.#probes.length === 0) this.#begin();
    this.#written += bytes;
    if (this.room <= 0) this.#wasFull = true;
    if (this.#written - this.#probed < PROBE_BYTES) return undefined;
    this.#probed = this.#written;
    const id = ++this.#lastId;
    this.#probes.push({ id, bytes: this.#written, sentAt: now });
    return id;
  }

  /** Notes the ack of a probe; ignores an id that was not sent, and returns false. */
  confirm(id: number, now: number): boolean {
    const index = this.#probes.findIndex((probe) => probe.id === id);
    if (index === -1) return false;
    const { bytes, sentAt } = this.#probes[index];
    this.#probes.splice(0, index + 1);
    this.#read = bytes;
    this.#isAcked = true;
    // Acks come in bundles: only the first one of a round trip counts.
    if (bytes >= this.#end) {
      if (this.#wasFull) this.#resize(now - sentAt);
      this.#begin();
    }
    return true;
  }

  #begin(): void {
    // With the ack of a later probe, which left when the window was full.
    this.#end = Math.max(this.#written + 1, this.#read + this.#size);
    this.#wasFull = false;
  }

  #resize(time: number): void {
    const level = this.#level;
    const [older, newer] = level === 0 ? [this.#fast[1], time] : this.#fast;
    // The least window may have met a pause of the peer.
    const most = SLACK * time;
    this.#fast = [Math.min(older, most), Math.min(newer, most)];
    if (++this.#rounds % ROUNDS === 0) {
      this.#before = level;
      this.#level = 0;
    } else if (this.#before !== undefined) {
      this.#level = this.#before;
      this.#before = undefined;
    } else {
      const isLate = time > FACTOR * Math.min(...this.#fast) + LATE;
      this.#level = isLate
        ? Math.max(level - 1, 0)
        : Math.min(level + 1, LEVELS);
    }
    this.#size = LEAST * 2 ** this.#level;
  }

  /** Removes the limit. */
  lift(): void {
    this.#size = Infinity;
    this.#probes.length = 0;
  }
}
