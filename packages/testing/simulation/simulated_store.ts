/**
 * A database in a simulation: its answers are late, get lost, or say no.
 *
 * @module
 */

import { outside } from "@otp/processes/context/async_context";
import type { Store } from "@otp/entities/store";
import { storeThrough } from "@otp/entities/store_calls";
import { SeededRandom } from "./random.ts";
import type { SimulatedNetwork } from "./simulated_network.ts";

/** The probabilities of faults, from 0 to 1, for each question to a store. */
export interface StoreFaults {
  /** The question is refused, without an effect. */
  refuses?: number;
  /** The question is lost, and never answered. */
  losesQuestion?: number;
  /** The answer is lost, after the effect. */
  losesAnswer?: number;
  /** The answer is an error, after the effect. */
  failsAfter?: number;
  lateQuestion?: number;
  /** The answer is late, after the effect. */
  lateAnswer?: number;
  /** The longest delay of what is late, in milliseconds. */
  lateBy?: number;
}

/** A point of a write: the store is about to have it, has it, or the node has its answer. */
export type WritePoint = "sent" | "stored" | "answered";

/** The delay of questions and answers that are not late, in milliseconds. */
const DELAY = { min: 1, max: 5 };

/** A store between nodes of a simulation, with faults. */
export class SimulatedStore {
  /** The faults; they may be changed at any time. */
  faults: StoreFaults = {};
  /** The milliseconds by which the store's clock is off. */
  clockOffset = 0;
  /** The nodes that cannot reach the store. */
  readonly parted = new Set<string>();
  /** When the store answers again; questions wait until then. */
  stalledUntil = 0;
  /** When the last question arrives: one of a node that was killed may prolong its lease. */
  busyUntil = 0;
  /** Counts the restarts: questions and answers under way fail. */
  restarts = 0;
  /** Notes that a write of a node is at some point; returns whether the node has ended there. */
  strike: (node: string, point: WritePoint) => boolean = () => false;
  readonly #inner: Store;
  readonly #network: SimulatedNetwork;
  readonly #random: SeededRandom;

  constructor(inner: Store, network: SimulatedNetwork, seed: number) {
    this.#inner = inner;
    this.#network = network;
    this.#random = new SeededRandom(seed * 31 + 7);
  }

  /** The store as one node reaches it. */
  client(node: string): Store {
    return {
      ...storeThrough(this.#inner, (name, call) => this.#ask(node, name, call)),
      close: () => Promise.resolve(),
    };
  }

  #ask<T>(node: string, name: string, fn: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { timeline, trace } = this.#network;
    const { faults } = this;
    const { restarts } = this;
    const isChosen = (chance = 0) => this.#random.between(0, 1) < chance;
    const refuses = isChosen(faults.refuses);
    const losesQuestion = isChosen(faults.losesQuestion);
    const losesAnswer = isChosen(faults.losesAnswer);
    const failsAfter = isChosen(faults.failsAfter);
    const there = this.#delay(isChosen(faults.lateQuestion));
    const back = this.#delay(isChosen(faults.lateAnswer));
    const strikes = (point: WritePoint) =>
      name === "write" && this.strike(node, point);
    const fail = (reason: string) => () => reject(new Error(reason));
    const answer = (settle: () => void) => {
      timeline.schedule(timeline.time + back, "network", () => {
        if (this.parted.has(node)) return;
        const wasRestarted = this.restarts !== restarts;
        this.#network.atNode(node, () => {
          if (wasRestarted) return reject(new Error("the store was restarted"));
          settle();
          strikes("answered");
        });
      });
    };
    const arrive = () => {
      if (timeline.time < this.stalledUntil) {
        timeline.schedule(this.stalledUntil, "network", arrive);
        return;
      }
      if (this.parted.has(node) || losesQuestion) return;
      if (this.restarts !== restarts) {
        return answer(fail("the store was restarted"));
      }
      if (refuses) return answer(fail("the store has refused"));
      if (strikes("sent")) return;
      outside(fn).then((value) => {
        trace.add(node, `${name} at the store`);
        if (losesAnswer || strikes("stored")) return;
        answer(
          failsAfter ? fail("the connection was reset") : () => resolve(value),
        );
      }, (error) => answer(() => reject(error)));
    };
    const arrival = timeline.time + there;
    this.busyUntil = Math.max(this.busyUntil, arrival);
    timeline.schedule(arrival, "network", arrive);
    return promise;
  }

  /** The delay of a question or an answer, in whole microseconds. */
  #delay(isLate: boolean): number {
    const { min, max } = DELAY;
    const ms = this.#random.between(min, max) +
      (isLate ? this.#random.between(0, this.faults.lateBy ?? 0) : 0);
    return Math.round(ms * 1000) / 1000;
  }
}
