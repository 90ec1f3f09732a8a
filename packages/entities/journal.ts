/**
 * The journal of a run: a stream of the key's log, which has all that the run may not do, ask or see anew.
 *
 * A durable method is a sequence of *segments*: its code between two awaits of its operations (steps, sleeps and waits). An
 * operation that has ended resumes the code, which runs until it awaits again, or ends. Each segment is a unit, as a method
 * is, and one write: the record of what has resumed it, with the changes of the state, in one transaction.
 *
 * A run that begins again is *replayed*: its code runs from the start, and its operations end at once, as the records say,
 * in their order. For that, a record also has what its segment has seen:
 *
 * - the time of its beginning, which `now()` returns;
 * - the state, if the code has read it, and it is not the one that the replay has left there itself;
 * - the numbers that calls such as `broadcast` have returned.
 *
 * The changes of replayed segments are in the stored state already, so they are dropped.
 *
 * A record is never changed. One of a retry says how many of the ones before it still count.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import { errorTerm, rebuildError } from "@otp/processes/values/error_term";
import { inspect } from "@otp/processes/values/inspect";
import { assertJson } from "./json_value.ts";
import type { StoredEvent } from "./store.ts";

/** The kinds of operations. */
export type OpKind = "step" | "sleep" | "wait";

/** The stored form of an error. */
export interface StoredError {
  name: string;
  message: string;
  /** Its other fields that are JSON, such as a code. */
  fields?: Record<string, unknown>;
}

/** The values that a segment has read, besides the result of the operation that has resumed it. */
export interface Seen {
  /** The state. */
  s?: unknown;
  /** The results of calls. */
  r?: unknown[];
}

/** The call that has begun a run. */
export interface CallRecord extends Seen {
  m: string;
  a: unknown[];
  /** The last number of the key's log at the call. */
  l: number;
}

/** The end of an operation. */
export interface OpRecord extends Seen {
  /** The number of the operation, from 0 on, in the order in which the code has called them. */
  o: number;
  k: OpKind;
  n: string;
  /** The result; without one, and without an error, it is `undefined`. */
  v?: unknown;
  e?: StoredError;
  /** The number of the event that a wait has got. */
  w?: number;
  /** 1 if the segment after the operation has thrown: no change of the segment counts. */
  u?: 1;
}

/** A retry. */
export interface RetryRecord extends Seen {
  /** The number of records that still count. */
  b: number;
  /** Whether the segment after the last of them has run again, and counts: this record has what it has seen. */
  g?: 1;
}

/** A record, and when its segment began. */
export type JournalRecord = (CallRecord | OpRecord) & { at: number };

/** The journal of a run, as it is read and continued. */
export class Journal {
  /** The records that count; the first is the call's. */
  readonly records: JournalRecord[] = [];
  /** The number of stored records. */
  count = 0;
  /** The size of the stored records, in UTF-16 units. */
  size = 0;

  /** The call. */
  get call(): CallRecord {
    return this.records[0] as JournalRecord & CallRecord;
  }

  /** The records after the call's. */
  get ends(): (OpRecord & { at: number })[] {
    return this.records.slice(1) as (OpRecord & { at: number })[];
  }

  /** Returns a record as the next event of the stream. */
  next(record: CallRecord | OpRecord | RetryRecord, at: number): StoredEvent {
    return { number: this.count + 1, at, body: JSON.stringify(record) };
  }

  /** Adds a stored event as the last record. Throws an `Error` if its number does not follow, or it is not JSON. */
  add({ number, at, body }: StoredEvent): void {
    const record = JSON.parse(body) as CallRecord | OpRecord | RetryRecord;
    if (number !== this.count + 1) {
      throw new Error(`record ${number} of its journal follows ${this.count}`);
    }
    this.count++;
    this.size += body.length;
    if (!("b" in record)) {
      this.records.push({ ...record, at });
      return;
    }
    this.records.length = record.b;
    if (record.g === undefined) return;
    const { s, r } = record;
    const { u: _, s: _s, r: _r, ...last } = this.records[record.b - 1] as
      & OpRecord
      & { at: number };
    this.records[record.b - 1] = { ...last, at, ...seen({ s, r }) };
  }

  /** The number of records that count when the run is tried again: not the last step that has failed, nor those after it. */
  get retriesFrom(): number {
    const failed = this.records.findLastIndex((record) =>
      "e" in record && record.e !== undefined
    );
    return failed === -1 ? this.records.length : failed;
  }
}

/** Returns what a segment has seen, without fields that are empty. */
export function seen({ s, r }: Seen): Seen {
  return {
    ...s === undefined ? {} : { s },
    ...r === undefined || r.length === 0 ? {} : { r },
  };
}

/** Returns an error in its stored form. */
export function storedError(error: unknown): StoredError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: inspect(error).slice(0, BOUNDS.reason) };
  }
  const { name, message, fields = {} } = errorTerm(error);
  const kept = Object.entries(fields).filter(([, value]) => isJson(value));
  return {
    name,
    message: message.slice(0, BOUNDS.reason),
    ...kept.length === 0 ? {} : { fields: Object.fromEntries(kept) },
  };
}

/** Returns a stored error as an error. */
export function errorOf({ name, message, fields }: StoredError): Error {
  return rebuildError({ name, message, fields });
}

/** The text of a stored error, for people. */
export function errorText({ name, message }: StoredError): string {
  return `${name}: ${message}`;
}

function isJson(value: unknown): boolean {
  try {
    assertJson(value, "a field");
    return true;
  } catch {
    return false;
  }
}
