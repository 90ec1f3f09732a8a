/**
 * A simulated life of entities, as its programs and checks see it, and its options.
 *
 * @module
 */

import type {
  EntityCallOptions,
  EntityHandle,
  EntityType,
} from "@otp/entities/entity_types";
import type { StoreStatement } from "@otp/entities/store";
import type { SimulatedCall } from "./linearizable.ts";

/**
 * A fault of {@linkcode simulate}:
 *
 * - `"kill"`: a node is killed, and starts again later.
 * - `"deploy"`: a node drains, stops and starts again. Where a drain is not the only fault, some nodes are killed before
 *   their drain is over.
 * - `"pause"`: a node freezes, and goes on.
 * - `"suspend"`: a node freezes, and its monotonic clock with it, as in a virtual machine that is suspended.
 * - `"partition"`: a node is parted from all others: silently or with a cut, in both directions or in one.
 * - `"store partition"`: a node is parted from the store.
 * - `"store stall"`: the store answers nothing for some time.
 * - `"store restart"`: all questions and answers under way fail.
 * - `"store errors"`: questions are refused, lost or late; answers are lost, late, or an error after the effect.
 * - `"clock"`: the clock of the store or of a node is set, by up to ten leases.
 * - `"entity kill"`: the process of an entity is killed.
 * - `"write kill"`: a node is killed with one of its next writes: before the store has it, after that and before the answer,
 *   right after the answer, or soon after. It starts again later.
 * - `"stopped clocks"`: a node freezes with all its clocks, so that it cannot know. Not among the defaults: such a node
 *   may answer reads from an old state, or begin a method with a log that is newer than its state, until it asks the store.
 *   Its writes are refused.
 * - `"store goes back"`: the store loses its last changes, as when a standby takes over that lacked them. Not among the
 *   defaults: accepted writes are lost.
 */
export type SimulatedFault =
  | "kill"
  | "deploy"
  | "pause"
  | "suspend"
  | "partition"
  | "store partition"
  | "store stall"
  | "store restart"
  | "store errors"
  | "clock"
  | "entity kill"
  | "write kill"
  | "stopped clocks"
  | "store goes back";

/** One program of a simulated life, which calls entities from one node. */
export interface SimulatedClient {
  /** The name of its node. */
  readonly node: string;
  /** Returns a random integer from 0, below `end`; the seed of the life determines it. */
  random(end: number): number;
  /** Returns a random item of a list. */
  pick<T>(list: readonly T[]): T;
  /** Returns an entity, as its type does. Its calls become part of the story, and of `life.calls`. */
  get<M>(
    type: EntityType<M>,
    key: string,
    options?: EntityCallOptions,
  ): EntityHandle<M>;
}

/** A life of {@linkcode simulate}, as its checks see it. */
export interface SimulatedLife {
  /** The seed that repeats this life. */
  readonly seed: number;
  /** The virtual time, in milliseconds since the start of the life. */
  readonly now: number;
  /**
   * When all nodes had noticed, at the latest, that the store has gone back the last time, in milliseconds since the start
   * of the life; 0 if it has not. A call that begins later is of what the store has.
   */
  readonly noticedBy: number;
  /** All calls so far, in the order of their beginnings. */
  readonly calls: readonly SimulatedCall[];
  /** The statements of `room.sql` that the store has accepted, in order. The simulated store only notes them. */
  readonly statements: readonly StoreStatement[];
  /** Returns the stored state of an entity, which must not be changed: `undefined` if none is stored. */
  // deno-lint-ignore no-explicit-any
  stored(type: EntityType<any>, key: string): Promise<unknown>;
  /** Runs a function in a process of the first node: in `finally`, when all is well. */
  run<T>(fn: (client: SimulatedClient) => T | Promise<T>): Promise<T>;
}

/** Options for {@linkcode simulate}. */
export interface SimulateOptions {
  /** The types of entities. */
  // deno-lint-ignore no-explicit-any
  types: readonly EntityType<any>[];
  /**
   * The nodes that host entities.
   *
   * @default {["alex", "kate", "moebi"]}
   */
  nodes?: readonly string[];
  /**
   * The nodes that only call entities.
   *
   * @default {[]}
   */
  callers?: readonly string[];
  /**
   * The seeds of the lives: their number, from 1 on, or a list.
   *
   * @default {20}
   */
  seeds?: number | readonly number[];
  /**
   * The faults to choose from.
   *
   * @default all but `"stopped clocks"` and `"store goes back"`
   */
  faults?: readonly SimulatedFault[];
  /**
   * The number of faults in a life.
   *
   * @default {12}
   */
  strikes?: number;
  /**
   * The number of times that `work` is done in a life.
   *
   * @default {150}
   */
  works?: number;
  /**
   * The number of shards of each type.
   *
   * @default {8}
   */
  shards?: number;
  /**
   * The lease of the nodes, in milliseconds. A life lasts eight leases.
   *
   * @default {3000}
   */
  lease?: number;
  /**
   * Whether the story of a failure is shortened, which runs the life many times.
   *
   * @default {true}
   */
  shrinks?: boolean;
  /**
   * The work of one program, on a random node at a random time; many run at once. An `EntityError` that it throws is
   * ignored, as calls may fail under faults. Any other error is a failure.
   */
  work(client: SimulatedClient): unknown;
  /** Checks an invariant every 50 ms; throws if it is violated. */
  always?(life: SimulatedLife): unknown;
  /**
   * Checks the end, when all faults are over, all keys are served, all nodes know where, and all calls have ended. A
   * call can still end with `unknown`, as a node may not have noticed yet that a fault has closed a connection at its other
   * end: give `mayRunTwice` to reads.
   */
  finally?(life: SimulatedLife): unknown;
}
