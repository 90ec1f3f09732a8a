/**
 * The approximate memory of messages, found in bounded time: an observer must not make a node slow that is slow
 * already.
 *
 * @module
 */

import type { Mailbox } from "../../runtime/processes/mailbox.ts";
import { SlowValues } from "./slow_values.ts";

/** The number of messages of a mailbox that are measured, and of values that are visited in all of them. */
const SAMPLES = 32;
const MAX_VALUES = 2000;

const sizes = new SlowValues<number>();

const VALUE = 8;
const OBJECT = 32;

/** The approximate bytes of the messages in a mailbox: some are measured, and the others count as these. */
export function mailboxBytes(mailbox: Mailbox): number {
  const { length } = mailbox;
  if (length === 0) return 0;
  const step = Math.max(1, Math.floor(length / SAMPLES));
  const budget = { left: MAX_VALUES };
  let bytes = 0;
  let count = 0;
  for (let i = 0; i < length && budget.left > 0; i += step) {
    const message = mailbox.at(i);
    bytes += sizes.of(message, () => sizeOf(message, budget));
    count++;
  }
  return Math.round(bytes / count * length);
}

/** The approximate bytes of a value; those beyond the budget do not count. */
function sizeOf(value: unknown, budget: { left: number }): number {
  const pending: unknown[] = [value];
  let bytes = 0;
  while (pending.length > 0 && budget.left-- > 0) {
    const next = pending.pop();
    if (typeof next === "string") bytes += VALUE + next.length;
    else if (typeof next !== "object" || next === null) bytes += VALUE;
    else if (ArrayBuffer.isView(next) || next instanceof ArrayBuffer) {
      bytes += OBJECT + next.byteLength;
    } else bytes += OBJECT + pushContents(next, pending);
  }
  return bytes;
}

/** Adds the contents of an object, as many as can be visited; returns the bytes of its keys. */
function pushContents(value: object, pending: unknown[]): number {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && i < MAX_VALUES; i++) {
      pending.push(value[i]);
    }
    return 0;
  }
  if (value instanceof Map || value instanceof Set) {
    let left = MAX_VALUES;
    for (const each of value.entries()) {
      pending.push(each[0], each[1]);
      if (--left === 0) break;
    }
    return 0;
  }
  let bytes = 0;
  let left = MAX_VALUES;
  for (const key in value) {
    bytes += key.length;
    pending.push((value as Record<string, unknown>)[key]);
    if (--left === 0) break;
  }
  return bytes;
}
