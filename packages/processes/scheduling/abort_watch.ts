/**
 * Waits that an `AbortSignal` can end. All waits on one signal share one listener, which the last wait removes. A
 * signal may live as long as the program and serve many waits, and hosts search all listeners to add one.
 */

import type { Deadline } from "./deadlines.ts";

/** Something that an abort signal can end. */
export interface Abortable {
  /** Called with the signal's reason when the signal is aborted. */
  aborted(reason: unknown): void;
}

class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<Abortable>();
  readonly #listener = () => this.#abort();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(each: Abortable): void {
    if (this.#waiting.size === 0) {
      this.#signal.addEventListener("abort", this.#listener);
    }
    this.#waiting.add(each);
  }

  delete(each: Abortable): void {
    if (this.#waiting.delete(each) && this.#waiting.size === 0) {
      this.#signal.removeEventListener("abort", this.#listener);
      watches.delete(this.#signal);
    }
  }

  #abort(): void {
    for (const each of [...this.#waiting]) {
      // The end of one wait may end another wait, whose caller exits with it.
      if (!this.#waiting.has(each)) continue;
      this.delete(each);
      each.aborted(this.#signal.reason);
    }
  }
}

const watches = new WeakMap<AbortSignal, AbortWatch>();

/** Makes a signal, which must not be aborted, end a wait; returns a handle that ends the watch. */
export function watchSignal(signal: AbortSignal, waiting: Abortable): Deadline {
  let watch = watches.get(signal);
  if (watch === undefined) watches.set(signal, watch = new AbortWatch(signal));
  watch.add(waiting);
  return { cancel: () => watch.delete(waiting) };
}

/** Joins two handles of one wait, to cancel both together. */
export function cancelTogether(
  first: Deadline | undefined,
  second: Deadline,
): Deadline {
  if (first === undefined) return second;
  return {
    at: first.at,
    cancel: () => {
      first.cancel();
      second.cancel();
    },
  };
}
