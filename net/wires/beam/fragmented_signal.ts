/** Cuts a large signal into fragments as it leaves; `fragments.ts` has the form of a fragment. */

import { RAW_BUFFER, takeRawBuffer } from "../frame_buffers.ts";
import { FIRST_FRAGMENT, NEXT_FRAGMENT } from "./control.ts";
import { ETF_VERSION } from "./etf_tags.ts";

/** The number of bytes before a signal: the length of the frame, two tags, and the two ids. */
const HEAD = 4 + 2 + 16;

/** The bytes of the signal in a fragment of a whole buffer. */
const MOST = RAW_BUFFER - HEAD;

/** A signal that leaves in fragments. */
export class FragmentedSignal {
  readonly #bytes: Uint8Array;
  readonly #sequence: number;
  /** The number of the next fragment; the last one is 1. */
  #number: number;
  #at = 0;

  /** Creates a signal of the bytes after the tags of its frame, beginning with the atoms of the header. */
  constructor(sequence: number, bytes: Uint8Array) {
    this.#sequence = sequence;
    this.#bytes = bytes;
    this.#number = Math.ceil(bytes.length / MOST);
  }

  /** The number of bytes that wait. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Returns the frame of the next fragment, in a pooled buffer. */
  nextFrame(): Uint8Array {
    const start = this.#at;
    this.#at = Math.min(start + MOST, this.#bytes.length);
    const frame = takeRawBuffer().subarray(0, HEAD + this.#at - start);
    const view = new DataView(frame.buffer);
    view.setUint32(0, frame.length - 4);
    frame[4] = ETF_VERSION;
    frame[5] = start === 0 ? FIRST_FRAGMENT : NEXT_FRAGMENT;
    view.setBigUint64(6, BigInt(this.#sequence));
    view.setBigUint64(14, BigInt(this.#number--));
    frame.set(this.#bytes.subarray(start, this.#at), HEAD);
    return frame;
  }
}
