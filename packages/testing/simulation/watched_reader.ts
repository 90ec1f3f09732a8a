/**
 * A reader of a log that checks what it gets: accepted events, in order and without a hole, and a gap only if something is
 * missing.
 *
 * @module
 */

import { EntityError } from "@otp/entities/entity_error";
import type {
  EntityLogEvent,
  EntityLogReader,
} from "@otp/entities/entity_types";

/** The questions of a watched reader to the simulation. */
export interface ReaderWatch {
  /** The key, for people. */
  readonly whose: string;
  /** Whether the store has ever accepted an event. */
  has(event: EntityLogEvent): boolean;
  /** Whether events can be missing, as the store has gone back. */
  mayMiss(): boolean;
  /** Notes a violation. */
  broken(what: string): void;
}

/** Returns a reader that passes on what another one gets, and checks it. */
export function watchedReader<E>(
  reader: EntityLogReader<E>,
  { whose, has, mayMiss, broken }: ReaderWatch,
): EntityLogReader<E> {
  const checked = (event: EntityLogEvent<E>, last: number | undefined) => {
    const { number } = event;
    if (number !== (last ?? number - 1) + 1) {
      broken(`a reader ${whose} gets event ${number} after ${last}`);
    }
    if (!has(event)) {
      broken(
        `a reader ${whose} gets event ${number}, which the store has never had`,
      );
    }
    return number;
  };
  const checkGap = (error: unknown, last: number | undefined) => {
    const isGap = error instanceof EntityError && error.code === "gap";
    if (!isGap || mayMiss() || last === undefined) return;
    const { first } = error.data as { first: number };
    if (first > last + 1) return;
    broken(`a reader ${whose} has a gap after ${last}, from ${first} on`);
  };
  return {
    async read(options) {
      let last = numberOf(options?.after);
      try {
        const part = await reader.read(options);
        for (const event of part.events) last = checked(event, last);
        return part;
      } catch (error) {
        checkGap(error, last);
        throw error;
      }
    },
    async *follow(options) {
      let last = numberOf(options?.after);
      try {
        for await (const event of reader.follow(options)) {
          last = checked(event, last);
          yield event;
        }
      } catch (error) {
        checkGap(error, last);
        throw error;
      }
    },
  };
}

function numberOf(
  after: number | { number: number } | undefined,
): number | undefined {
  return typeof after === "object" ? after.number : after;
}
