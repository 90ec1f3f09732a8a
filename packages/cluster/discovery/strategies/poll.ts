/**
 * Polls a strategy.
 *
 * States: asking, with a time limit; waiting for the next turn. A question without an answer in time counts as failed,
 * and a late answer is dropped. Nothing can end a question that hangs, so questions become rare: from `MAX_UNSETTLED`
 * unanswered questions on, each one doubles the pause, up to `MAX_PAUSE`. So the node notices when the strategy works
 * again, even if old questions never settle.
 *
 * An answer may be an async iterable. Then each of its values is an answer, and the next turn begins after its end. At
 * most one value is read in `MIN_PAUSE`, since an iterable that never waits would keep the node busy.
 */

import { inspect, shorten } from "@otp/processes/values/inspect";
import { ignore } from "@otp/processes/promises/promises";
import type { PollOptions } from "@otp/node/start/topology";
import {
  reasonText,
  type RunningStrategy,
  type StrategyHost,
} from "./strategy.ts";

/** The number of unanswered questions above which pauses grow. */
const MAX_UNSETTLED = 4;

/** The maximum pause of a strategy with unanswered questions, in milliseconds. */
const MAX_PAUSE = 600_000;

/** The minimum time between two values of an async iterable, in milliseconds. */
const MIN_PAUSE = 100;

/** Asks for the addresses; the signal aborts when the time limit is over. */
export type Question = (signal: AbortSignal) => unknown;

/** The addresses, with a note about a fault. */
export class NotedAnswer {
  readonly addresses: unknown;
  readonly note: string;

  constructor(addresses: unknown, note: string) {
    this.addresses = addresses;
    this.note = note;
  }
}

export class Poll implements RunningStrategy {
  readonly #host: StrategyHost;
  readonly #ask: Question;
  readonly #interval: number;
  readonly #timeout: number;
  #next: number | undefined;
  #unsettled = 0;
  #turn: AbortController | undefined;
  #stopTimer: () => void = ignore;
  #stopped = false;

  constructor(host: StrategyHost, options: PollOptions, ask: Question) {
    this.#host = host;
    this.#ask = ask;
    this.#interval = options.interval ?? 5000;
    this.#timeout = options.timeout ?? 10_000;
    host.later(() => this.#begin());
  }

  get next(): number | undefined {
    return this.#next;
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer();
    this.#turn?.abort(new Error("the topology stops"));
  }

  #begin(): void {
    if (this.#stopped) return;
    this.#next = undefined;
    const turn = this.#turn = new AbortController();
    this.#unsettled++;
    this.#stopTimer = this.#host.process.runtime.deadlines.after(
      this.#timeout,
      () => this.#fail(turn, this.#lateReason()),
    );
    this.#run(turn).finally(() => this.#unsettled--);
  }

  #lateReason(): string {
    const reason = `no answer within ${this.#timeout} ms`;
    const earlier = this.#unsettled - 1;
    return earlier < MAX_UNSETTLED
      ? reason
      : `${reason}; ${earlier} earlier questions have not been answered, so the pauses grow`;
  }

  async #run(turn: AbortController): Promise<void> {
    try {
      const answer = await this.#ask(turn.signal);
      if (turn.signal.aborted) return end(answer);
      this.#stopTimer();
      if (!isAsyncIterable(answer)) {
        this.#settle(turn, () => this.#tell(answer));
        return;
      }
      await this.#follow(turn, answer);
      this.#settle(turn, ignore);
    } catch (error) {
      this.#fail(turn, reasonText(error));
    }
  }

  #tell(answer: unknown): void {
    if (answer instanceof NotedAnswer) {
      this.#host.answer(answer.addresses, answer.note);
    } else this.#host.answer(answer);
  }

  /** Reads an async iterable until it ends or the topology stops. */
  async #follow(
    { signal }: AbortController,
    answers: AsyncIterable<unknown>,
  ): Promise<void> {
    const iterator = answers[Symbol.asyncIterator]();
    const aborted = () => end(iterator);
    signal.addEventListener("abort", aborted, { once: true });
    for (;;) {
      const next: unknown = await iterator.next();
      if (signal.aborted) return;
      if (typeof next !== "object" || next === null) {
        throw new TypeError(
          `its iterator returned ${shorten(inspect(next), 100)}`,
        );
      }
      const { done, value } = next as IteratorResult<unknown>;
      if (done) return signal.removeEventListener("abort", aborted);
      this.#host.later(() => signal.aborted || this.#tell(value));
      await this.#pause(signal);
      if (signal.aborted) return;
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#host.process.runtime.deadlines.after(MIN_PAUSE, done);
      signal.addEventListener("abort", done, { once: true });
      function done(): void {
        stop();
        signal.removeEventListener("abort", done);
        resolve();
      }
    });
  }

  #fail(turn: AbortController, reason: string): void {
    this.#settle(turn, () => this.#host.failed(reason));
    turn.abort(new Error(reason));
  }

  /** Ends a turn, unless it has ended, and waits for the next turn. */
  #settle(turn: AbortController, tell: () => void): void {
    if (this.#turn !== turn || turn.signal.aborted) return;
    this.#turn = undefined;
    this.#stopTimer();
    this.#again();
    this.#host.later(() => this.#stopped || tell());
  }

  #again(): void {
    const { runtime } = this.#host.process;
    const chance = runtime.clusterHost?.random() ?? 0.5;
    const delay = this.#pauseNow() * (0.9 + chance / 5);
    this.#next = Date.now() + delay;
    this.#stopTimer = runtime.deadlines.after(
      delay,
      () => this.#host.later(() => this.#begin()),
    );
  }

  #pauseNow(): number {
    const over = this.#unsettled - MAX_UNSETTLED;
    return over < 0 ? this.#interval : Math.max(
      this.#interval,
      Math.min(this.#interval * 2 ** (over + 1), MAX_PAUSE),
    );
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] ===
      "function";
}

/** Ends an iterator whose values are no longer wanted; nobody waits for it. */
async function end(iterator: unknown): Promise<void> {
  try {
    await (iterator as Partial<AsyncIterator<unknown>> | null)?.return?.();
  } catch {
    // Errors of the iterator no longer matter.
  }
}
