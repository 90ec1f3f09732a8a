/** Cuts a large signal into fragments as it leaves; `fragments.ts` has the form of a fragment. */

import { copyInBuffers, RAW_BYTES } from "@otp/node/wires/frame_buffers";
import { FIRST_FRAGMENT, NEXT_FRAGMENT } from "./control.ts";
import { ETF_VERSION } from "./etf_tags.ts";

/** The number of bytes before a signal: the length of the frame, two tags, and the two ids. */
const HEAD = 4 + 2 + 16;

/** A large binary of a signal, which is not among the signal's other bytes. */
export interface LargeBinary {
  /** The number of other bytes before it. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A signal that leaves in fragments. */
export class FragmentedSignal {
  readonly #sequence: number;
  /** Bytes, and frames, in the order of the signal. */
  readonly #parts: (Uint8Array | readonly Uint8Array[])[] = [];
  /** The number of the next fragment; the last one is 1. */
  #number = 0;
  #isBegun = false;
  /** The position in the first part. */
  #at = 0;
  /** The number of bytes that wait. */
  left = 0;

  /**
   * Creates a signal of the bytes after the tags of its frame, beginning with the atoms of the header, and of copies of the
   * binaries between them.
   */
  constructor(
    sequence: number,
    bytes: Uint8Array,
    binaries: readonly LargeBinary[],
  ) {
    this.#sequence = sequence;
    let start = 0;
    for (const binary of binaries) {
      this.#addBytes(bytes.subarray(start, binary.at));
      const frames = copyInBuffers(binary.bytes, HEAD);
      this.#parts.push(frames);
      this.#number += frames.length;
      this.left += binary.bytes.length;
      start = binary.at;
    }
    this.#addBytes(bytes.subarray(start));
  }

  #addBytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#number += Math.ceil(bytes.length / RAW_BYTES);
    this.left += bytes.length;
  }

  /** Returns the frame of the next fragment, in a pooled buffer. */
  nextFrame(): Uint8Array {
    const frame = this.#take();
    const view = new DataView(frame.buffer);
    view.setUint32(0, frame.length - 4);
    frame[4] = ETF_VERSION;
    frame[5] = this.#isBegun ? NEXT_FRAGMENT : FIRST_FRAGMENT;
    view.setBigUint64(6, BigInt(this.#sequence));
    view.setBigUint64(14, BigInt(this.#number--));
    this.#isBegun = true;
    this.left -= frame.length - HEAD;
    return frame;
  }

  /** Takes a frame, without its head, from the first part. */
  #take(): Uint8Array {
    const [part] = this.#parts;
    const isBytes = part instanceof Uint8Array;
    const frame = isBytes
      ? copyInBuffers(part.subarray(this.#at, this.#at + RAW_BYTES), HEAD)[0]
      : part[this.#at];
    this.#at += isBytes ? RAW_BYTES : 1;
    if (this.#at >= part.length) {
      this.#parts.shift();
      this.#at = 0;
    }
    return frame;
  }
}
