/** Estimates the memory of messages in bounded time, since an observer must not slow a slow node down further. */

import type { Mailbox } from "../../core/processes/mailbox.ts";
import { valueBytes } from "../../core/values/value_bytes.ts";
import { SlowValues } from "./slow_values.ts";

/** The maximum number of measured messages of a mailbox, and of visited values in all of them. */
const SAMPLES = 32;
const MAX_VALUES = 2000;

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
