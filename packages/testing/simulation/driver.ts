/** Drives a simulation only as far as a wait needs. */

import { outside } from "@otp/processes/context/async_context";
import { quiet } from "./simulated_event_loop.ts";
import type { Timeline } from "./timeline.ts";

/** The real time that the host may take for work outside the simulation, in milliseconds. */
const GRACE = 100;

/** The default limit of a wait, in milliseconds: an hour. */
const LIMIT = 3_600_000;

/** A wait. */
interface Goal {
  /** The moment at which the wait ends, reached or not. */
  until: number;
  /** Returns whether the goal is reached. */
  isMet(): boolean;
  /** Called at `until` if the goal is not reached; a returned error rejects the wait. */
  expire(): Error | undefined;
  /** Whether its end depends on processes. */
  isOpen: boolean;
  /** A description for errors. */
  what: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** The part of the cluster that a driver needs. */
export interface DriverHost {
  /** The time limit for background events without any effect, in milliseconds. */
  patience(): number;
  /** The waiting processes, one per line. */
  waiting(): string[];
}

/** Lets virtual time pass while there are waits. */
export class Driver {
  readonly #timeline: Timeline;
  readonly #host: DriverHost;
  readonly #goals = new Set<Goal>();
  #isRunning = false;
  /** Whether the host had its real time, to no effect. */
  #wasPatient = false;
  /** Work of the host, during which virtual time stands still. */
  #work = 0;

  constructor(timeline: Timeline, host: DriverHost) {
    this.#timeline = timeline;
    this.#host = host;
  }

  /** Lets time pass until a promise settles, for at most `most` milliseconds. */
  async until<T>(
    promise: Promise<T>,
    what: string,
    most: number = LIMIT,
  ): Promise<T> {
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

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): Promise<void> {
    return this.#reach(ms, () => false, () => undefined, false);
  }

  /** Lets time pass until nothing is under way between nodes. */
  settle(most: number = LIMIT): Promise<void> {
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

  /** Stops virtual time while the host works. */
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

  /** Ends the waits that are over; returns whether there were any. */
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

  /** Whether no pending event could end a wait. */
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

  /** Advances to the next event, or to the end of a wait if that is earlier. */
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
