/**
 * Assembles signals that arrive in fragments.
 *
 * A BEAM sends a signal above 64 kB as a sequence of fragments, and fragments of several processes, and other signals,
 * between them. Fragments are numbered down to 1. The first one has the header, the control message and the beginning of
 * the message.
 *
 * ```text
 * 131, 69 | sequence, 8 bytes | number of fragments, 8 bytes | header | control message, begin of the message
 * 131, 70 | sequence, 8 bytes | number of the fragment, 8 bytes | next bytes of the message
 * ```
 *
 * **Limits.** A signal above the limit of a message is refused alone, as soon as it exceeds the limit: its first fragment
 * shows who waits for it. If all incomplete signals take too much memory, the signal is refused whose last fragment came
 * first: its sender may have forgotten it. Of a refused signal only the number of its last fragment is kept, and its
 * other fragments are skipped. A fragment out of order, or of no open sequence, closes the connection: nobody can tell
 * which signal is lost.
 */

import type { ByteBudget } from "@otp/node/wire";
import { OverLimit, ProtocolError } from "@otp/node/wires/over_limit";
import { asciiText, bufferOf } from "@otp/node/wires/texts";
import type { AtomCache } from "./atom_cache.ts";
import type { KnownAtom } from "./atoms.ts";

/** The maximum number of incomplete signals of a peer, refused ones included. */
export const MAX_SEQUENCES: number = 1 << 14;

/**
 * The budget counts at least this many bytes for an incomplete signal, in addition to its bytes; more for a header of many
 * atoms, which the cache may drop while the signal needs them.
 */
const OWN_BYTES = 1 << 12;

/** An atom of a header takes this many bytes, and this many times its own. */
const ATOM_BYTES = 256;
const ATOM_FACTOR = 4;

/** The incomplete signals of one peer may take this fraction of the budget of all peers, and always one message. */
const SHARE = 2;

/** An array grows by doubling until 1/AHEAD of the expected bytes have arrived, then takes the expected length. */
const AHEAD = 32;

/**
 * The last large array of a complete signal, for the next one: fresh memory makes the system clear each page of it. The
 * garbage collector may take it.
 */
let spare: WeakRef<Uint8Array> | undefined;

/** A smaller array is not kept. */
const SPARE = 1 << 20;

/** Returns an array of at least `size` and at most `most` bytes, with undefined content. */
function takeArray(size: number, most: number): Uint8Array {
  const reused = size < SPARE ? undefined : spare?.deref();
  if (reused === undefined || reused.length < size || reused.length > most) {
    return new Uint8Array(size);
  }
  spare = undefined;
  return reused;
}

/** The size of the ids of a fragment. */
const IDS = 16;

const WORD = 2 ** 32;

/**
 * Takes a signal, from `start` to `end`, with the atoms of its header; with `tooLong`, only its beginning. Of `isOwn`
 * bytes the signal may have a view; returns whether it has one.
 */
export type TakeSignal = (
  bytes: Uint8Array,
  start: number,
  end: number,
  atoms: readonly KnownAtom[],
  tooLong?: OverLimit,
  isOwn?: boolean,
) => boolean;

/** An incomplete signal. */
interface Sequence {
  readonly id: string;
  /** The number of the last fragment that arrived. */
  fragment: number;
  readonly atoms: readonly KnownAtom[];
  /** The bytes that have arrived, in an array that grows; `length` counts them. */
  bytes: Uint8Array;
  length: number;
  /** The bytes that the budget counts. */
  held: number;
}

/** The incomplete signals of one peer. */
export class Fragments {
  readonly #maxBytes: number;
  readonly #maxHeld: number;
  readonly #budget: ByteBudget;
  readonly #cache: AtomCache;
  readonly #take: TakeSignal;
  /** The signals by the id of their sequence; the signal of the most recent fragment is the last. */
  readonly #open = new Map<string, Sequence>();
  /** Refused signals: the number of the last fragment. */
  readonly #refused = new Map<string, number>();
  #held = 0;

  /** Passes signals to `take`. Refuses signals above `maxBytes`, and counts incomplete signals in `budget`. */
  constructor(
    maxBytes: number,
    budget: ByteBudget,
    cache: AtomCache,
    take: TakeSignal,
  ) {
    this.#maxBytes = maxBytes;
    this.#maxHeld = Math.max(maxBytes + OWN_BYTES, budget.max / SHARE);
    this.#budget = budget;
    this.#cache = cache;
    this.#take = take;
  }

  /**
   * Reads the first fragment of a signal, without its first two bytes. With `tooLong`, the end of the fragment is
   * missing, and the signal is refused. Throws a `ProtocolError` if the fragment is invalid, or its sequence is open.
   */
  begin(
    bytes: Uint8Array,
    start: number,
    end: number,
    tooLong?: OverLimit,
  ): void {
    const { id, fragment } = readIds(bytes, start, end);
    if (this.#open.has(id) || this.#refused.has(id)) {
      throw new ProtocolError("a signal that begins again before its end");
    }
    const at = this.#cache.read(bytes, start + IDS, end);
    const { atoms } = this.#cache;
    if (fragment === 1) return void this.#take(bytes, at, end, atoms, tooLong);
    if (this.#open.size + this.#refused.size >= MAX_SEQUENCES) {
      throw new ProtocolError(
        `more than ${MAX_SEQUENCES} incomplete signals at once`,
      );
    }
    const length = end - at;
    const sequence: Sequence = {
      id,
      fragment,
      atoms,
      bytes: bytes.subarray(at, end),
      length,
      held: 0,
    };
    this.#open.set(id, sequence);
    if (tooLong !== undefined) return this.#refuse(sequence, tooLong);
    const own = Math.max(OWN_BYTES, memoryOf(atoms));
    if (!this.#hold(sequence, own + length)) return;
    // The frame is valid during this call only.
    sequence.bytes = new Uint8Array(sequence.bytes);
  }

  /**
   * Reads another fragment, without its first two bytes. Throws a `ProtocolError` if it is not the next fragment of an
   * open sequence.
   */
  continue(
    bytes: Uint8Array,
    start: number,
    end: number,
    tooLong?: OverLimit,
  ): void {
    const { id, fragment } = readIds(bytes, start, end);
    const sequence = this.#open.get(id);
    const last = sequence?.fragment ?? this.#refused.get(id);
    if (last === undefined) {
      throw new ProtocolError("a fragment of a signal that has not begun");
    }
    if (fragment !== last - 1) {
      throw new ProtocolError(`the fragment ${fragment} after ${last}`);
    }
    if (sequence === undefined) {
      if (fragment === 1) this.#refused.delete(id);
      else this.#refused.set(id, fragment);
      return;
    }
    sequence.fragment = fragment;
    this.#open.delete(id);
    this.#open.set(id, sequence);
    if (tooLong !== undefined) return this.#refuse(sequence, tooLong);
    if (!this.#append(sequence, bytes.subarray(start + IDS, end))) return;
    if (fragment > 1) return;
    this.#release(sequence);
    const { bytes: own, length, atoms } = sequence;
    const hasView = this.#take(own, 0, length, atoms, undefined, true);
    // The rest may be of a message of another peer.
    if (hasView) own.fill(0, length);
    else if (own.length >= SPARE) spare = new WeakRef(own);
  }

  /** Discards the incomplete signals. */
  close(): void {
    this.#open.clear();
    this.#refused.clear();
    this.#budget.add(-this.#held);
    this.#held = 0;
  }

  /** Returns false if the signal is refused. */
  #append(sequence: Sequence, bytes: Uint8Array): boolean {
    const length = sequence.length + bytes.length;
    if (length > this.#maxBytes) {
      const why =
        `a signal of over ${this.#maxBytes} bytes (limits.maxMessageBytes)`;
      this.#refuse(sequence, new OverLimit(why));
      return false;
    }
    const room = sequence.bytes.length;
    if (length > room) {
      // All further fragments may be as long as this one.
      const more = (sequence.fragment - 1) * bytes.length;
      const expected = Math.min(length + more, this.#maxBytes);
      // Do not allocate the expected length at once: a peer could announce much and send little.
      const size = AHEAD * length >= expected
        ? expected
        : Math.max(length, 2 * room);
      const most = Math.min(AHEAD * length, 2 * size, room + this.#free);
      const grown = takeArray(size, most);
      if (!this.#hold(sequence, grown.length - room)) return false;
      grown.set(sequence.bytes.subarray(0, sequence.length));
      sequence.bytes = grown;
    }
    sequence.bytes.set(bytes, sequence.length);
    sequence.length = length;
    return true;
  }

  /** The number of bytes that may be held without refusing a signal. */
  get #free(): number {
    const { used, max } = this.#budget;
    return Math.min(this.#maxHeld - this.#held, max - used);
  }

  /** Counts bytes before they are allocated, and refuses signals until they fit; returns false if it refuses this one. */
  #hold(sequence: Sequence, bytes: number): boolean {
    sequence.held += bytes;
    this.#count(bytes);
    while (
      this.#held > this.#maxHeld || this.#budget.used > this.#budget.max
    ) {
      // The signal that is being read is the last one of all.
      const [oldest] = this.#open.values();
      const why = `parts of signals that make more than ${
        Math.min(this.#maxHeld, this.#budget.max)
      } bytes with those of others (limits.maxTotalMessageBytes)`;
      this.#refuse(oldest, new OverLimit(why));
      if (oldest === sequence) return false;
    }
    return true;
  }

  #refuse(sequence: Sequence, why: OverLimit): void {
    const { id, fragment, bytes, length, atoms } = sequence;
    this.#release(sequence);
    if (fragment > 1) this.#refused.set(id, fragment);
    this.#take(bytes, 0, length, atoms, why);
  }

  #release({ id, held }: Sequence): void {
    this.#open.delete(id);
    this.#count(-held);
  }

  #count(bytes: number): void {
    this.#held += bytes;
    this.#budget.add(bytes);
  }
}

function memoryOf(atoms: readonly KnownAtom[]): number {
  return atoms.reduce(
    (sum, { bytes }) => sum + ATOM_BYTES + ATOM_FACTOR * bytes.length,
    0,
  );
}

/** Reads the ids of a fragment: of its sequence, which is the pid of the sender at a BEAM, and its own number. */
function readIds(
  bytes: Uint8Array,
  start: number,
  end: number,
): { id: string; fragment: number } {
  if (end - start < IDS) {
    throw new ProtocolError("a fragment that goes beyond its frame");
  }
  const buffer = bufferOf(bytes);
  const fragment = buffer.readUInt32BE(start + 8) * WORD +
    buffer.readUInt32BE(start + 12);
  if (fragment === 0 || fragment >= WORD) {
    throw new ProtocolError(`a fragment of the number ${fragment}`);
  }
  // A text, because a peer can choose numbers that a map stores in one bucket.
  return { id: asciiText(buffer, start, start + 8), fragment };
}
