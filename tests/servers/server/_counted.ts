/** Counts what a cancelled wait leaves: listeners of its signal, and entries of its process. */

import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";

/** A signal that counts its listeners. */
export class Counted {
  readonly controller = new AbortController();
  listeners = 0;
  most = 0;

  constructor() {
    const { signal } = this;
    const add = signal.addEventListener;
    const remove = signal.removeEventListener;
    signal.addEventListener = (...args: unknown[]) => {
      this.most = Math.max(this.most, ++this.listeners);
      return (add as (...args: unknown[]) => void).apply(signal, args);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      this.listeners--;
      return (remove as (...args: unknown[]) => void).apply(signal, args);
    };
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }
}

/** The number of waits, monitors and aliases of the calling process. */
export function held(): number {
  return currentProcess().entries?.size ?? 0;
}
