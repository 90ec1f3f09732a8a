/**
 * A database in a simulation: its answers are late, get lost, or say no.
 *
 * @module
 */

import { outside } from "../../core/context/async_context.ts";
import type { Store } from "../../entities/store.ts";
import type { SimulatedNetwork } from "../../testing/simulation/simulated_network.ts";
import { SeededRandom } from "../../testing/simulation/random.ts";
import type { Delay } from "../../testing/simulation/simulated_transport.ts";

/** The faults of a simulated store: probabilities from 0 to 1, for each question. */
export interface StoreFaults {
  /**
   * The delay of a question and of its answer, in milliseconds.
   *
   * @default {{ min: 1, max: 5 }}
   */
  delay?: Delay;
  /**
   * The question is refused, without an effect.
   *
   * @default {0}
   */
  refuses?: number;
  /**
   * The question is lost, and never answered.
   *
   * @default {0}
   */
  losesQuestion?: number;
  /**
   * The answer is lost, after the effect.
   *
   * @default {0}
   */
  losesAnswer?: number;
  /**
   * The answer is an error, after the effect.
   *
   * @default {0}
   */
  failsAfter?: number;
  /**
   * The question takes up to `lateBy` to arrive.
   *
   * @default {0}
   */
  late?: number;
  /**
   * The longest delay of a late question, in milliseconds.
   *
   * @default {10000}
   */
  lateBy?: number;
}

/** A store between nodes of a simulation, with faults. */
export class SimulatedStore {
  /** The faults; they may be changed at any time. */
  faults: StoreFaults;
  /** The milliseconds by which the store's clock is off. */
  clockOffset = 0;
  readonly #inner: Store;
  readonly #network: SimulatedNetwork;
  readonly #random: SeededRandom;
  /** The nodes that cannot reach the store. */
  readonly #parted = new Set<string>();
  #stalledUntil = 0;
  /** Counts the restarts: answers under way get lost. */
  #restarts = 0;

  /** @ignore */
  constructor(
    inner: Store,
    network: SimulatedNetwork,
    seed: number,
    faults: StoreFaults = {},
  ) {
    this.#inner = inner;
    this.#network = network;
    this.#random = new SeededRandom(seed * 31 + 7);
    this.faults = faults;
  }

  /** Partitions a node from the store. */
  part(node: string): void {
    this.#parted.add(node);
  }

  /** Ends the partitions. */
  heal(): void {
    this.#parted.clear();
  }

  /** Makes the store answer nothing for some milliseconds; questions wait. */
  stall(ms: number): void {
    this.#stalledUntil = this.#network.timeline.time + ms;
  }

  /** Restarts the store: questions and answers under way fail. */
  restart(): void {
    this.#restarts++;
  }

  /** The store as one node reaches it. */
  client(node: string): Store {
    const ask = <T>(name: string, fn: () => Promise<T>) =>
      this.#ask(node, name, fn);
    const inner = this.#inner;
    return {
      open: () => ask("open", () => inner.open()),
      setting: (name, value) =>
        ask("setting", () => inner.setting(name, value)),
      join: (row) => ask("join", () => inner.join(row)),
      beat: (id, info) => ask("beat", () => inner.beat(id, info)),
      view: () => ask("view", () => inner.view()),
      remove: (id, beat) => ask("remove", () => inner.remove(id, beat)),
      claim: (id, shards) => ask("claim", () => inner.claim(id, shards)),
      give: (from, to, shards) =>
        ask("give", () => inner.give(from, to, shards)),
      load: (type, key) => ask("load", () => inner.load(type, key)),
      write: (owner, writes) => ask("write", () => inner.write(owner, writes)),
      due: (shards, before, limit) =>
        ask("due", () => inner.due(shards, before, limit)),
      close: () => Promise.resolve(),
    };
  }

  #ask<T>(node: string, name: string, fn: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { timeline, trace } = this.#network;
    const faults = this.faults;
    const restarts = this.#restarts;
    const isChosen = (chance = 0) => this.#random.between(0, 1) < chance;
    const fate = {
      refuses: isChosen(faults.refuses),
      losesQuestion: isChosen(faults.losesQuestion),
      losesAnswer: isChosen(faults.losesAnswer),
      failsAfter: isChosen(faults.failsAfter),
    };
    let way = this.#delay();
    if (isChosen(faults.late)) {
      way += this.#random.between(0, faults.lateBy ?? 10_000);
    }
    const back = this.#delay();
    const answer = (settle: () => void) => {
      timeline.schedule(timeline.time + back, "network", () => {
        if (this.#parted.has(node)) return;
        if (this.#restarts !== restarts) {
          settle = () => reject(new Error("the store was restarted"));
        }
        this.#network.atNode(node, settle);
      });
    };
    const arrive = () => {
      if (timeline.time < this.#stalledUntil) {
        timeline.schedule(this.#stalledUntil, "network", arrive);
        return;
      }
      if (this.#parted.has(node) || fate.losesQuestion) return;
      if (this.#restarts !== restarts) {
        return answer(() => reject(new Error("the store was restarted")));
      }
      if (fate.refuses) {
        return answer(() => reject(new Error("the store has refused")));
      }
      outside(fn).then((value) => {
        trace.add(node, `${name} at the store`);
        if (fate.losesAnswer) return;
        answer(
          fate.failsAfter
            ? () => reject(new Error("the connection was reset"))
            : () => resolve(value),
        );
      }, (error) => answer(() => reject(error)));
    };
    timeline.schedule(timeline.time + way, "network", arrive);
    return promise;
  }

  #delay(): number {
    const { min, max } = this.faults.delay ?? { min: 1, max: 5 };
    return Math.round(this.#random.between(min, max) * 1000) / 1000;
  }
}
