/**
 * Polling: for a moment after traffic, the event loop of a node asks its sockets again and again instead of sleeping.
 *
 * Between two cores, most of a round trip is the wake-up of sleeping threads. A thread that polls reads an answer as soon
 * as the answer arrives. A poll needs a core of its own: on one core it delays the program that would answer.
 *
 * **States.** *Resting*: nothing is scheduled. *Busy*: traffic has passed since the last turn. *Fresh*: the last turn saw
 * the end of the traffic. *Waiting*: a turn has passed without traffic; only this time is a poll. Each state except
 * resting has one `setImmediate` under way, which makes the host ask its sockets without sleeping, after its timers. The
 * host sleeps in the resting state. A poll ends with traffic, or after the longest wait.
 *
 * **Adaptation** is an account of microseconds. Each poll spends its time. A poll that traffic answers in time earns
 * {@linkcode WORTH}. Each time that the system takes the core away costs {@linkcode FINE}: other programs wait for the
 * core. When the account is overdrawn, the next {@linkcode PAUSE} arrivals pass without a poll, then an account with
 * {@linkcode START} opens. Each overdrawn account doubles the pause; a full account resets it. So where no poll is
 * answered in time, as on one core, polls take less than a hundredth of the time. Pauses count arrivals, not time, so an
 * idle node has no timer.
 *
 * Only connections of authenticated peers have a poller. A peer that sends at the worst intervals causes polls of at
 * most `WORTH` microseconds per message on average.
 */

import nodeProcess from "node:process";
import { setImmediate } from "node:timers";
import { outside } from "../context/async_context.ts";

/** The longest poll, in microseconds: longer than a round trip to a node that has to wake up. */
export const LONGEST = 100;

/** What a poll that was answered in time earns, in microseconds: the time that a wake-up takes on a slow machine. */
const WORTH = 100;

/** The amount of a new account, in microseconds: four polls without an answer. */
const START = 4 * LONGEST;

/** The cost of a lost core, in microseconds: the core is gone for some milliseconds, here and for the other program. */
const FINE = 16_000;

/** The most that an account can have, in microseconds. */
const FULL = FINE;

/** The number of polls between two looks at the number of lost cores; a look takes 1 µs. */
const LOOK = 64;

/** The number of arrivals without a poll, at first and at most. */
const PAUSE = { first: 64, most: 1 << 14 };

/** When a node polls: `"auto"`, or the longest poll in microseconds. */
export type Polling = "auto" | number;

/** The counters of a poller. All only grow. */
export interface PollStats {
  /** Polls: waits for traffic without sleep. */
  polls: number;
  /** Polls that traffic has ended in time. */
  answeredPolls: number;
  /** The time of all polls, in microseconds. */
  polledMicroseconds: number;
}

/** The host of a poller. */
export interface PollHost {
  /** Microseconds since some fixed moment. */
  now(): number;
  /** Calls back after the event loop has turned. */
  afterTurn(fn: () => void): void;
  /** The number of times that the system has taken a core away from the program. */
  lostCores(): number;
}

const systemPollHost: PollHost = {
  now: () => performance.now() * 1000,
  afterTurn: (fn) => void setImmediate(fn),
  lostCores: () => nodeProcess.resourceUsage().involuntaryContextSwitches,
};

type State = "resting" | "busy" | "fresh" | "waiting";

/** Decides from the results of polls whether polling pays. */
class Account {
  readonly #host: PollHost;
  #balance = START;
  #pause = PAUSE.first;
  /** The number of arrivals that still pass without a poll. */
  #skipped = 0;
  #sinceLook = 0;
  #lost: number;

  constructor(host: PollHost) {
    this.#host = host;
    this.#lost = host.lostCores();
  }

  /** Counts traffic to a resting poller; returns whether the poller may poll. */
  permits(isArrival: boolean): boolean {
    if (this.#skipped === 0) return true;
    if (isArrival && --this.#skipped === 0) {
      this.#sinceLook = 0;
      this.#lost = this.#host.lostCores();
    }
    return false;
  }

  /** Enters a poll; returns whether the poller may go on. */
  enter(spent: number, isAnswered: boolean): boolean {
    this.#balance += (isAnswered ? WORTH : 0) - spent;
    if (this.#balance >= FULL) {
      this.#balance = FULL;
      this.#pause = PAUSE.first;
    }
    if (++this.#sinceLook === LOOK) {
      this.#sinceLook = 0;
      const lost = this.#host.lostCores();
      this.#balance -= (lost - this.#lost) * FINE;
      this.#lost = lost;
    }
    if (this.#balance >= 0) return true;
    this.#skipped = this.#pause;
    this.#pause = Math.min(2 * this.#pause, PAUSE.most);
    this.#balance = START;
    return false;
  }
}

/** Polls for a node. */
export class Poller {
  readonly stats: PollStats = {
    polls: 0,
    answeredPolls: 0,
    polledMicroseconds: 0,
  };
  readonly #host: PollHost;
  readonly #account: Account | undefined;
  #longest: number;
  #state: State = "resting";
  /** When the traffic ended. */
  #since = 0;
  /** Whether the account is overdrawn, or the node stops. */
  #ends = false;
  readonly #turn = () => this.#turned();

  /** @param polling Whether to adapt, or the longest poll in microseconds, which does not adapt. */
  constructor(polling: Polling, host: PollHost = systemPollHost) {
    this.#host = host;
    this.#longest = polling === "auto" ? LONGEST : polling;
    this.#account = polling === "auto" ? new Account(host) : undefined;
  }

  /** Called when bytes of a peer arrive. */
  arrived(): void {
    if (this.#state === "waiting") this.#enter(this.#host.now());
    this.#poll(true);
  }

  /** Called when bytes leave to a peer, which may answer. */
  left(): void {
    this.#poll(false);
  }

  /** Ends polling, because the node stops. */
  stop(): void {
    this.#longest = 0;
  }

  #poll(isArrival: boolean): void {
    if (this.#state === "resting") {
      if (this.#longest === 0) return;
      if (this.#account?.permits(isArrival) === false) return;
      this.#ends = false;
      outside(() => this.#host.afterTurn(this.#turn));
    }
    this.#state = "busy";
  }

  #turned(): void {
    const now = this.#host.now();
    if (this.#ends) {
      this.#state = "resting";
      return;
    }
    if (this.#state === "busy") {
      this.#state = "fresh";
      this.#since = now;
    } else {
      this.#state = "waiting";
      if (now - this.#since >= this.#longest) {
        this.#enter(now);
        this.#state = "resting";
        return;
      }
    }
    this.#host.afterTurn(this.#turn);
  }

  /** Enters the poll that ends now. */
  #enter(now: number): void {
    const passed = now - this.#since;
    const spent = Math.min(passed, this.#longest);
    const isAnswered = passed < this.#longest;
    this.stats.polls++;
    this.stats.polledMicroseconds += spent;
    if (isAnswered) this.stats.answeredPolls++;
    if (this.#account?.enter(spent, isAnswered) === false) this.#ends = true;
  }
}

/** Creates the poller of a node, if the node polls. On Deno, `"auto"` does not poll, as polls gain little there. */
export function newPoller(polling: Polling = 0): Poller | undefined {
  const isOff = polling === 0 ||
    polling === "auto" && nodeProcess.versions.deno !== undefined;
  return isOff ? undefined : new Poller(polling);
}
