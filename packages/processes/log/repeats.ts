/** Reports that are repeated for as long as their cause lasts, such as a node that is away for a day. */

import type { Clock } from "../host/clock.ts";

/** The time for which repeats are held back, in milliseconds. After each repeat that is reported, it doubles. */
const FIRST_PAUSE = 60_000;

const LONGEST_PAUSE = 3_600_000;

interface Reported {
  readonly since: number;
  readonly kind: string | undefined;
  readonly pause: number;
  readonly until: number;
  held: number;
}

/** Holds repeated reports back, and counts them. */
export class Repeats {
  readonly #clock: Pick<Clock, "now">;
  readonly #most: number;
  /** By cause, the oldest report first. */
  readonly #reported = new Map<string, Reported>();

  /** Knows up to `most` causes; forgets the one that was reported longest ago. */
  constructor(clock: Pick<Clock, "now">, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /**
   * Returns the end of a report, which counts the repeats that were held back; `undefined` if this report is to be held
   * back. A report of another `kind` is not.
   */
  take(cause: string, kind?: string): string | undefined {
    const now = this.#clock.now();
    const last = this.#reported.get(cause);
    const isRepeat = last !== undefined &&
      (kind === undefined || kind === last.kind) &&
      now < last.until + LONGEST_PAUSE;
    if (isRepeat && now < last.until) {
      last.held++;
      return undefined;
    }
    const held = last?.held ?? 0;
    const pause = isRepeat
      ? Math.min(2 * last.pause, LONGEST_PAUSE)
      : FIRST_PAUSE;
    this.#reported.delete(cause);
    for (const [oldest] of this.#reported) {
      if (this.#reported.size < this.#most) break;
      this.#reported.delete(oldest);
    }
    this.#reported.set(cause, {
      since: last?.since ?? now,
      kind: kind ?? last?.kind,
      pause,
      until: now + pause,
      held: 0,
    });
    return held === 0 ? "" : ` (and ${held} times since the last report)`;
  }

  /** Forgets a cause; returns for how long it lasted, unless it is unknown. */
  end(cause: string): string | undefined {
    const last = this.#reported.get(cause);
    if (last === undefined) return undefined;
    this.#reported.delete(cause);
    return `${Math.ceil((this.#clock.now() - last.since) / 1000)} s`;
  }
}
