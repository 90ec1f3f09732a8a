/** The frames that sockets write in one turn of the event loop. */

import { Buffer } from "node:buffer";

/** Frames that a socket writes in one turn, in order. Sockets with the same frames share it. */
export class FrameBatch {
  readonly #before: FrameBatch | undefined;
  readonly #frame: Uint8Array;
  /** The batch of these frames and one more, as the last socket had it. */
  #next: FrameBatch | undefined;
  #bytes: Uint8Array | undefined;
  /** The number of bytes. */
  readonly length: number;

  constructor(frame: Uint8Array, before?: FrameBatch) {
    this.#frame = frame;
    this.#before = before;
    this.length = frame.length + (before?.length ?? 0);
  }

  /** Returns the batch with the frame of another one after it. */
  and(batch: FrameBatch): FrameBatch {
    const frame = batch.#frame;
    const next = this.#next;
    if (next !== undefined && next.#frame === frame) return next;
    return this.#next = new FrameBatch(frame, this);
  }

  get bytes(): Uint8Array {
    if (this.#before === undefined) return this.#frame;
    if (this.#bytes !== undefined) return this.#bytes;
    const bytes = this.#bytes = Buffer.allocUnsafe(this.length);
    bytes.set(this.#frame, this.#before.length);
    let before: FrameBatch | undefined = this.#before;
    while (before !== undefined) {
      bytes.set(before.#frame, before.length - before.#frame.length);
      before = before.#before;
    }
    return bytes;
  }
}
