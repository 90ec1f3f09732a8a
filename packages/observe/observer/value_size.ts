/** Estimates the memory of messages in bounded time, since an observer must not slow a slow node down further. */

import type { Mailbox } from "@otp/processes/process/mailbox";
import { valueBytes } from "@otp/processes/values/value_bytes";

/** The maximum number of measured messages of a mailbox, and of visited values in all of them. */
const SAMPLES = 32;
const MAX_VALUES = 2000;

/** Results that took at least this time are kept, in milliseconds. */
const SLOW = 2;

/**
 * Caches results for values that nobody changes, such as messages in a mailbox.
 *
 * To return the first key of an object, the host collects all keys: 0.25 s for a million. So without the cache, a few such
 * messages in a mailbox would slow the node down at each observation.
 */
export class SlowValues<T> {
  readonly #known: WeakMap<object, T> = new WeakMap();

  /** Returns the result for a value; computes it only once if that takes long. */
  of(value: unknown, find: () => T): T {
    if (typeof value !== "object" || value === null) return find();
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const started = performance.now();
    const found = find();
    if (performance.now() - started >= SLOW) this.#known.set(value, found);
    return found;
  }
}

const sizes = new SlowValues<number>();

/** Returns the approximate bytes of the messages in a mailbox: measures some messages and extrapolates. */
export function mailboxBytes(mailbox: Mailbox): number {
  const { length } = mailbox;
  if (length === 0) return 0;
  const step = Math.max(1, Math.floor(length / SAMPLES));
  const budget = { left: MAX_VALUES };
  let bytes = 0;
  let count = 0;
  for (let i = 0; i < length && budget.left > 0; i += step) {
    const message = mailbox.at(i);
    bytes += sizes.of(message, () => valueBytes(message, budget, MAX_VALUES));
    count++;
  }
  return Math.round(bytes / count * length);
}
