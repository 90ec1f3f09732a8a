/** Frames of an open connection: a big-endian u32 with the length, then the payload. Length zero is a tick. */

import type { ByteBudget } from "@otp/node/wire";
import {
  giveFrameBuffer,
  RAW_BUFFER,
  takeRawBuffer,
} from "@otp/node/wires/frame_buffers";
import { OverLimit, ProtocolError } from "@otp/node/wires/over_limit";

/** The bytes of a tick. */
export const EMPTY_FRAME: Uint8Array = new Uint8Array(4);

/** An incomplete frame of at most this many bytes does not count towards the budget of all peers. */
const UNCOUNTED = 1 << 16;

/** The beginning of a fragment of fewer bytes is kept in an array of its own. */
const POOLED = 1 << 12;

/**
 * Of a frame that is too long, this many bytes are read: its control message, and the beginning of its message. The
 * rest is discarded as it arrives, so the frame costs neither memory nor the connection.
 */
const HEAD = 1 << 14;

/** No BEAM sends a longer frame, so a greater length was read at the wrong position. */
const MAX_LENGTH = 2 ** 31 - 1;

const NOTHING = new Uint8Array(0);

/**
 * Takes a frame, from `start` to `end`; a tick is empty. `bytes` is valid only during the call. With `tooLong`, takes
 * only the beginning of a frame.
 */
export type TakeFrame = (
  bytes: Uint8Array,
  start: number,
  end: number,
  tooLong?: OverLimit,
) => void;

/** Cuts a stream of bytes into frames. */
export class FrameCutter {
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  readonly #take: TakeFrame;
  /** The beginning of an incomplete frame, in an array that doubles when it is full. */
  #buffer: Uint8Array = NOTHING;
  #length = 0;
  /** The size of the incomplete frame, with its length field; 4 while the length is not known. */
  #wanted = 4;
  /** The bytes of the incomplete frame that the budget counts. */
  #counted = 0;
  /** Of a frame that is too long: the number of bytes after its beginning, and the number still to discard. */
  #excess = 0;
  #discarded = 0;
  #closed = false;

  /** Passes frames to `take`, and only the beginning of frames above `maxBytes`. Counts incomplete frames in `budget`. */
  constructor(maxBytes: number, budget: ByteBudget, take: TakeFrame) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#take = take;
  }

  /**
   * Reads bytes and passes complete frames on. Throws a `ProtocolError` if incomplete frames of all peers have too many
   * bytes.
   */
  read(chunk: Uint8Array): void {
    let at = this.#discard(chunk, 0);
    if (this.#length > 0) at = this.#complete(chunk);
    while (!this.#closed) {
      const left = chunk.length - at;
      if (left < 4) return this.#keep(chunk, at, 4);
      const wanted = this.#frameBytes(chunk, at);
      if (left < wanted) return this.#keep(chunk, at, wanted);
      this.#pass(chunk, at + 4, at + wanted);
      at = this.#discard(chunk, at + wanted);
    }
  }

  /** Passes on a frame, or the beginning of a frame that is too long. */
  #pass(bytes: Uint8Array, start: number, end: number): void {
    this.#discarded = this.#excess;
    this.#excess = 0;
    if (this.#discarded === 0) return this.#take(bytes, start, end);
    const length = end - start + this.#discarded;
    const tooLong = new OverLimit(
      `a frame of ${length} bytes, and ${this.#maxBytes} is the most (limits.maxMessageBytes)`,
    );
    this.#take(bytes, start, end, tooLong);
  }

  /** Discards bytes of a frame that is too long; returns the position of the next frame. */
  #discard(chunk: Uint8Array, at: number): number {
    if (this.#discarded === 0) return at;
    const bytes = Math.min(this.#discarded, chunk.length - at);
    this.#discarded -= bytes;
    return at + bytes;
  }

  /** Discards the incomplete frame. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  /** Continues the incomplete frame with bytes of the chunk; returns the number of bytes used. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      const end = Math.min(
        at + this.#wanted - this.#length,
        chunk.length,
      );
      this.#append(chunk.subarray(at, end));
      at = end;
      if (this.#length < this.#wanted) return at;
      if (this.#wanted === 4) {
        this.#wanted = this.#frameBytes(this.#buffer, 0);
        if (this.#wanted > 4) continue;
      }
      const frame = this.#buffer;
      const wanted = this.#wanted;
      this.#buffer = NOTHING;
      this.#release();
      this.#pass(frame, 4, wanted);
      giveFrameBuffer(frame);
      return this.#discard(chunk, at);
    }
  }

  #release(): void {
    giveFrameBuffer(this.#buffer);
    this.#buffer = NOTHING;
    this.#length = 0;
    this.#budget.add(-this.#counted);
    this.#counted = 0;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const full = this.#buffer;
      this.#buffer = this.#larger(length);
      this.#buffer.set(full.subarray(0, this.#length));
      giveFrameBuffer(full);
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    if (length > UNCOUNTED) this.#count(length);
  }

  /** Returns an array of at least `length` bytes, a pooled one for a fragment. */
  #larger(length: number): Uint8Array {
    const wanted = this.#wanted;
    if (length >= POOLED && wanted <= RAW_BUFFER) return takeRawBuffer();
    // Do not allocate the announced length: a peer could announce much and send little.
    const room = Math.min(wanted, 2 * this.#buffer.length);
    return new Uint8Array(Math.max(length, room));
  }

  #count(length: number): void {
    this.#budget.add(length - this.#counted);
    this.#counted = length;
    if (this.#budget.used <= this.#budget.max) return;
    throw new ProtocolError(
      `parts of messages that make more than ${this.#budget.max} bytes with those of others (limits.maxTotalMessageBytes)`,
    );
  }

  #keep(chunk: Uint8Array, at: number, wanted: number): void {
    if (at === chunk.length) return;
    this.#wanted = wanted;
    this.#append(chunk.subarray(at));
  }

  /** Returns the number of bytes to read of the frame that begins at `at`, with its length field. */
  #frameBytes(bytes: Uint8Array, at: number): number {
    const length = ((bytes[at] << 24) | (bytes[at + 1] << 16) |
      (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
    if (length <= this.#maxBytes) return 4 + length;
    if (length > MAX_LENGTH) {
      throw new ProtocolError(`a frame of ${length} bytes`);
    }
    const head = Math.min(HEAD, this.#maxBytes);
    this.#excess = length - head;
    return 4 + head;
  }
}
