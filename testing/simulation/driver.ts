/**
 * What makes a simulated world go on: as far as somebody waits for, and no further.
 *
 * @module
 */

import { outside } from "../../runtime/context/async_context.ts";
import { quiet } from "./event_loop.ts";
import type { Timeline } from "./timeline.ts";

/** How long the host may still take for what is no part of the simulation, in its own milliseconds. */
const GRACE = 100;

/** Something that is waited for. */
interface Goal {
  /** The moment at which the wait is over, reached or not. */
  until: number;
  /** Whether it is reached. */
  isMet(): boolean;
  /** The moment has come, and it is not reached; an error ends the wait with it. */
  expire(): Error | undefined;
  /** Whether its end depends on what processes do. */
  isOpen: boolean;
  /** What it is, in words. */
  what: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** What a driver needs of its cluster. */
export interface DriverHost {
  /** How long housekeeping can go on before something comes of it, in milliseconds. */
  patience(): number;
  /** Who waits for what, a line each. */
  waiting(): string[];
}

/** Lets time pass for those who wait. */
export class Driver {
  readonly #timeline: Timeline;
  readonly #host: DriverHost;
  readonly #goals = new Set<Goal>();
  #isRunning = false;
  /** Whether the host was given time, and nothing came of it. */
  #wasPatient = false;
  /** Work of the real world, during which this one stands still. */
  #work = 0;

  /** Drives what is on `timeline`. */
  constructor(timeline: Timeline, host: DriverHost) {
    this.#timeline = timeline;
    this.#host = host;
  }

  /** Goes on until a promise settles, so many milliseconds at most. */
  async until<T>(promise: Promise<T>, what: string, most: number): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.#reach(
      most,
      () => isSettled,
      () =>
        new Error(
          `Cannot finish ${what}: it still waits after ${most} ms of the simulation's time\n${this.#waiting()}`,
        ),
      true,
      what,
    );
    return await promise;
  }

  /** Goes on for so many milliseconds. */
  advance(ms: number): Promise<void> {
    return this.#reach(ms, () => false, () => undefined, false);
  }

  /** Goes on until nothing is on its way between nodes. */
  settle(most: number): Promise<void> {
    return this.#reach(
      most,
      () => !this.#timeline.hasTraffic,
      () =>
        new Error(
          `Cannot settle: nodes still talk after ${most} ms of the simulation's time`,
        ),
      false,
    );
  }

  /** The world stands still until work of the real one is done. */
  async standStill<T>(work: Promise<T>): Promise<T> {
    this.#work++;
    try {
      return await work;
    } finally {
      this.#work--;
    }
  }

  #waiting(): string {
    return this.#host.waiting().map((each) => `  - ${each}`).join("\n");
  }

  #reach(
    ms: number,
    isMet: () => boolean,
    expire: () => Error | undefined,
    isOpen: boolean,
    what = "",
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const until = this.#timeline.time + ms;
    this.#timeline.progress = this.#timeline.time;
    this.#goals.add({ until, isMet, expire, isOpen, resolve, reject, what });
    if (!this.#isRunning) outside(() => this.#run());
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#goals.size > 0) {
        await quiet();
        if (this.#work > 0 || this.#conclude()) continue;
        if (!this.#isStuck()) {
          this.#wasPatient = false;
          this.#go();
        } else if (this.#wasPatient) this.#giveUp();
        else {
          this.#wasPatient = true;
          await new Promise((resolve) => setTimeout(resolve, GRACE));
        }
      }
    } catch (error) {
      for (const goal of this.#goals) this.#end(goal, error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Ends the waits that are over; false if there was none. */
  #conclude(): boolean {
    let wasAny = false;
    for (const goal of this.#goals) {
      if (!goal.isMet()) continue;
      wasAny = true;
      this.#end(goal);
    }
    return wasAny;
  }

  #end(goal: Goal, error?: unknown): void {
    this.#goals.delete(goal);
    if (error === undefined) goal.resolve();
    else goal.reject(error);
  }

  /** Whether nothing is to come that could end a wait. */
  #isStuck(): boolean {
    const timeline = this.#timeline;
    return !timeline.hasForeground &&
      [...this.#goals].every(({ isOpen }) => isOpen) &&
      (timeline.nextAt === undefined ||
        timeline.time - timeline.progress > this.#host.patience());
  }

  #giveUp(): void {
    for (const goal of this.#goals) this.#end(goal, this.#stuck(goal));
  }

  /** The next event, or the end of a wait if that is earlier. */
  #go(): void {
    const timeline = this.#timeline;
    const goals = [...this.#goals];
    const horizon = Math.min(...goals.map(({ until }) => until));
    if (timeline.nextAt !== undefined && timeline.nextAt <= horizon) {
      timeline.step();
      return;
    }
    timeline.time = horizon;
    for (const goal of goals) {
      if (goal.until <= horizon) this.#end(goal, goal.expire());
    }
  }

  #stuck({ what }: Goal): Error {
    return new Error(
      `Cannot finish ${what}: nothing is left to happen in the simulation, and these wait:\n${this.#waiting()}\nWhat the host does, as its timers and files, is no part of it: wait by receive(), with a timeout.`,
    );
  }
}
