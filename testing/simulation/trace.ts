/**
 * What happened in a simulation, to be read and compared.
 *
 * @module
 */

import { printable } from "../../runtime/values/inspect.ts";

/** How much of what was said is shown, in bytes. */
const SHOWN = 400;

interface Entry {
  at: number;
  who: string;
  what: string;
  bytes: Uint8Array | undefined;
}

/** What happened, in order. */
export class Trace {
  readonly #entries: Entry[] = [];
  readonly #now: () => number;

  /** Nothing yet. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Something happened. */
  add(who: string, what: string, bytes?: Uint8Array): void {
    this.#entries.push({ at: this.#now(), who, what, bytes });
  }

  /** All of it, a line each. */
  lines(): string[] {
    return this.#entries.map(({ at, who, what, bytes }) => {
      const said = bytes === undefined ? "" : ` ${shown(bytes)}`;
      return `${at.toFixed(3)} ${who} ${printable(what)}${said}`;
    });
  }
}

/** Bytes as text, and of long ones a sum of what is left out. */
function shown(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, SHOWN));
  const head = `${bytes.length} ${JSON.stringify(text)}`;
  if (bytes.length <= SHOWN) return head;
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
  return `${head}… ${sum.toString(16)}`;
}
