/** Shows how far a run is: a line that is redrawn in a terminal, or one every 20 s. */

import { say } from "../../packages/testing/_announcements.ts";

/** The time between two lines if output is no terminal, in milliseconds. */
const PAUSE = 20_000;

/** The expected seconds of a file that the plan does not list. */
const USUAL = 2;

const CLEAR = "\r\x1b[K";

/** The progress of a run. */
export class Progress implements Disposable {
  /** The known durations of files, in seconds. */
  readonly #seconds: Readonly<Record<string, number>>;
  readonly #atOnce: number;
  readonly #isTerminal = Deno.stdout.isTerminal();
  readonly #started = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #running = new Map<string, number>();
  readonly #left = new Set<string>();
  readonly #total: number;
  #failed = 0;
  /** The expected seconds of the files that have ended. */
  #done = 0;

  constructor(
    names: readonly string[],
    atOnce: number,
    seconds: Readonly<Record<string, number>>,
  ) {
    this.#left = new Set(names);
    this.#total = names.length;
    this.#atOnce = atOnce;
    this.#seconds = seconds;
    this.#timer = setInterval(
      () => this.#show(),
      this.#isTerminal ? 1000 : PAUSE,
    );
  }

  start(name: string): void {
    this.#running.set(name, performance.now());
  }

  end(name: string, hasFailed: boolean): void {
    this.#running.delete(name);
    this.#left.delete(name);
    this.#done += this.#expected(name);
    if (hasFailed) this.#failed++;
    if (this.#isTerminal) this.#show();
  }

  /** Removes the line from a terminal, before other output. */
  clear(): void {
    if (this.#isTerminal) write(CLEAR);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #expected(name: string): number {
    return this.#seconds[name] ?? USUAL;
  }

  #show(): void {
    const done = this.#total - this.#left.size;
    const text =
      `${done} of ${this.#total} files, ${this.#failed} failed, about ${this.#secondsLeft()} s left`;
    if (this.#isTerminal) write(`${CLEAR}${text}`);
    else say(text);
  }

  #secondsLeft(): number {
    const now = performance.now();
    let done = this.#done;
    let left = 0;
    for (const name of this.#left) {
      const expected = this.#expected(name);
      const started = this.#running.get(name);
      const ran = started === undefined ? 0 : (now - started) / 1000;
      done += Math.min(ran, expected);
      left += Math.max(expected - ran, ran / 4);
    }
    const spent = (now - this.#started) / 1000 * this.#atOnce;
    // The ratio of measured to planned time on this machine.
    const pace = done < USUAL * this.#total / 20 ? 1 : spent / done;
    return Math.ceil(left * pace / this.#atOnce);
  }
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
