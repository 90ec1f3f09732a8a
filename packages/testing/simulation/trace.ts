/** The trace of a simulation, to be read and compared. */

import { printable } from "@otp/processes/values/inspect";

/** The number of bytes of a frame that are shown. */
const SHOWN = 400;

interface Entry {
  at: number;
  who: string;
  what: string;
  bytes: Uint8Array | undefined;
}

/** The events, in order. */
export class Trace {
  readonly #entries: Entry[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(who: string, what: string, bytes?: Uint8Array): void {
    this.#entries.push({ at: this.#now(), who, what, bytes });
  }

  /** Returns the events, one per line. */
  lines(): string[] {
    return this.#entries.map(({ at, who, what, bytes }) => {
      const said = bytes === undefined ? "" : ` ${shown(bytes)}`;
      return `${at.toFixed(3)} ${who} ${printable(what)}${said}`;
    });
  }
}

/** Bytes as text; after SHOWN bytes, a hash of the rest. */
function shown(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, SHOWN));
  const head = `${bytes.length} ${JSON.stringify(text)}`;
  if (bytes.length <= SHOWN) return head;
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
  return `${head}… ${sum.toString(16)}`;
}
