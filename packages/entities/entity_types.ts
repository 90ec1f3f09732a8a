/**
 * The types of entities: definitions, what methods see, and what callers see.
 *
 * @module
 */

import type { CancelOptions } from "@otp/servers/gen_server/gen_server";
import type { Pid } from "@otp/processes/process";
import type { OptionChecks } from "@otp/processes/values/options";
import { BOUNDS } from "@otp/processes/values/bounds";
import type {
  DurableCalls,
  DurableMethod,
  RunBounds,
  RunsOptions,
} from "./durable_types.ts";
import type { EntityContext } from "./entity_context.ts";
import type { Backoff } from "./backoff.ts";
import type { Remember } from "./remembered_ids.ts";
import { isRequestId } from "./requests.ts";
import type { LogSettings } from "./entity_log.ts";
import type { EntityRead, ReadCalls } from "./reads.ts";
import type { Store } from "./store.ts";
import { TIME_LIMITS } from "@otp/servers/server/cancellation";
import {
  FLAG,
  FUNCTION,
  integerFrom,
  oneOf,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";

/** Handles one kind of call to an entity; may change the state. */
export type EntityMethod<S, E = unknown> = (
  room: EntityContext<S, E>,
  // deno-lint-ignore no-explicit-any
  ...args: any[]
) => unknown;

/**
 * The methods of an entity, and the parts of its definition that are none.
 *
 * `alarm` is called by the alarm only, `durable` has the durable methods, and `reads` has the reads.
 */
export type EntityMethods<S, E = unknown> = Record<
  string,
  EntityMethod<S, E> | object
>;

/** The names that are no methods for callers. */
export type EntityReserved =
  | "state"
  | "alarm"
  | "apply"
  | "durable"
  | "log"
  | "reads"
  | "pid"
  | "subscribe";

/**
 * Options for the log of a type.
 *
 * Cast them, as in `{} as EntityLogOptions<Line>`, to say the type of the events; with `apply`, that says it.
 */
export interface EntityLogOptions<E = unknown> {
  /**
   * The events that are kept at least. Older events are removed when others are appended. Without it, all events are kept.
   *
   * @default {{}}
   */
  keep?: {
    /**
     * The number of events.
     *
     * @default {Infinity}
     */
    events?: number;
    /**
     * The days for which an event is kept, of those that `events` keeps.
     *
     * @default {Infinity}
     */
    days?: number;
  };
  /** Only for its type. */
  readonly event?: E;
}

/** The events of a type of entities. */
export type EntityEvent<M> = M extends // deno-lint-ignore no-explicit-any
{ apply: (state: any, event: infer E) => unknown } ? E
  : M extends { log: EntityLogOptions<infer E> } ? E
  : unknown;

/** An event of a log. */
export interface EntityLogEvent<E = unknown> {
  /** Its number. */
  number: number;
  /** When it was appended, in milliseconds since 1970 of the store's clock. */
  at: number;
  /** The event. */
  event: E;
}

/** A part of a log. */
export interface EntityLogPart<E = unknown> {
  /** The number of the first event that is kept; the one after `last` if none is. */
  first: number;
  /** The number of the last event that was appended; 0 before the first. */
  last: number;
  /** The events, in the order of their numbers. */
  events: EntityLogEvent<E>[];
}

/** Options for reading a log. */
export interface EntityLogReadOptions {
  /**
   * The last event that the reader has, or its number. Without it, the log is read from the first event that is kept.
   *
   * A store that goes back, as a standby takes over that lacked the last writes, gives the numbers of the events that it
   * has lost again. A number alone does not show that; an event does, by its time.
   *
   * @default {undefined}
   */
  after?: number | Pick<EntityLogEvent, "number" | "at">;
  /**
   * The number of events, at most. There are fewer if they are longer than a mebibyte together.
   *
   * @default {1000}
   */
  limit?: number;
}

/** Options for following a log. */
export interface EntityLogFollowOptions
  extends Pick<EntityLogReadOptions, "after"> {
  /** Ends the iterator, which rejects with the reason. */
  signal?: AbortSignal;
}

/** The log of an entity as its readers see it, on any node that has the type. */
export interface EntityLogReader<E = unknown> {
  /**
   * Reads events. It asks the store, not the owner of the entity.
   *
   * @throws {EntityError} With the code `"gap"` if events after `after` are kept no more, or the store has lost that event:
   *   `data.first` is the number of the first that is kept. With `"no_store"` if the store does not answer in the time of the handle.
   */
  read(options?: EntityLogReadOptions): Promise<EntityLogPart<E>>;
  /**
   * Returns an iterator over the events that there are, and then over those that are appended, without a gap and in order,
   * wherever the entity is. It waits for events for as long as it takes. It keeps the entity in memory.
   *
   * The iterator rejects with an `EntityError` with the code `"gap"` if events that it should return are kept no more:
   * the reader was too slow or away for too long, or the store has lost them. Follow again, after `data.first - 1`.
   */
  follow(
    options?: EntityLogFollowOptions,
  ): AsyncIterableIterator<EntityLogEvent<E>>;
}

/**
 * The methods that callers have: each returns a promise of the result.
 *
 * A method whose first parameter is another entity is `never`.
 */
export type EntityCalls<M> = {
  readonly [K in Exclude<keyof M, EntityReserved>]: M[K] extends
    (room: infer C, ...args: infer A) => infer R
    ? EntityContextOf<M> extends C ? (...args: A) => Promise<Awaited<R>>
    : never
    : never;
};

/** An entity as the methods of a type see it. */
export type EntityContextOf<M> = M extends { state: () => infer S }
  ? EntityContext<S, EntityEvent<M>>
  : never;

/** An entity as callers see it. */
export type EntityHandle<M> =
  & EntityCalls<M>
  & DurableCalls<M>
  & ReadCalls<M>
  & {
    /** The log of the entity, for types with `log` or `apply`. */
    readonly log: EntityLogReader<EntityEvent<M>>;
    /** Returns the process of the entity, started if necessary. It is another one after a move, a crash or a stop. */
    pid(): Promise<Pid>;
    /**
     * Has the broadcasts of the entity sent to the calling process, as an {@linkcode EntityMessage} each. The options of the
     * handle are for the start of the subscription.
     *
     * @returns The process that relays them: it ends with the calling process, or by `Process.exit(pid, "shutdown")`.
     */
    subscribe(): Promise<Pid>;
  };

/** A broadcast of an entity, as a subscriber receives it. */
export interface EntityMessage {
  /** Always `"entity"`. */
  type: "entity";
  /** The type of the entity. */
  entity: string;
  /** The key of the entity. */
  key: string;
  /**
   * The number of the broadcast. They have no gaps, and only grow, except after a message with the event `"gap"`: another
   * process of the entity, after a move, a crash or a stop, begins with 1 again.
   */
  number: number;
  /**
   * `"message"`: a broadcast. `"gap"`: broadcasts up to that number, which this subscriber has not received, may have
   * been sent: read the state.
   */
  event: "message" | "gap";
  /** The message of the broadcast. */
  message?: unknown;
}

/** Options for a type of entities. */
export interface EntityOptions {
  /**
   * When changes are stored. `"call"`: before the reply of the call leaves. `{ every: ms }`: at most that long after;
   * replies do not wait, and a crash of the node, or a stop without a drain, loses that much.
   *
   * @default {"call"}
   */
  durability?: "call" | { every: number };
  /**
   * How changes are found. `"auto"`: the state is compared as JSON after each method. `"explicit"`: only `room.save()`
   * stores it.
   *
   * @default {"auto"}
   */
  save?: "auto" | "explicit";
  /**
   * Milliseconds without a call after which the process ends, at most a quarter later; it starts again by the next call.
   *
   * @default {300000}
   */
  idle?: number;
  /**
   * Milliseconds that a method may take. One that takes longer is ended with its process; its caller gets `"unknown"`.
   *
   * @default {60000}
   */
  limit?: number;
  /**
   * The version of the state's form. A stored state of a lower version is passed to `migrate`.
   *
   * @default {1}
   */
  version?: number;
  /**
   * Converts a state of an older version.
   *
   * @param state The stored state.
   * @param version Its version.
   * @returns The state in the form of this version.
   */
  migrate?(state: unknown, version: number): unknown;
  /**
   * The number of crashes within `maxSeconds` after which the key is parked.
   *
   * @default {3}
   */
  maxRestarts?: number;
  /**
   * The period of `maxRestarts`, in seconds.
   *
   * @default {5}
   */
  maxSeconds?: number;
  /**
   * The pauses after which an alarm that has thrown, or taken longer than `limit`, runs again. Once it has failed more
   * often than `attempts`, it is given up.
   *
   * @default {{ min: 1000, max: 300000, attempts: Infinity }}
   */
  retryAlarms?: Backoff;
  /**
   * How long a parked key is parked: each time twice as long as the time before, until it has been well for as long as it
   * was parked. After `attempts` times in a row, only `Entities.release` starts it again; with 0, always.
   *
   * @default {{ min: 10000, max: 600000, attempts: Infinity }}
   */
  retryParked?: Backoff;
  /**
   * How long each entity remembers the id of a request: until `calls` later calls had an id, and `for` milliseconds have
   * passed. A number sets `calls`. With a time, an entity remembers at most 10,000 ids: it refuses a call with another
   * id as `"overloaded"` until the oldest may be forgotten. All of them are written with each change of the state.
   *
   * @default {100}
   */
  remember?: number | { calls?: number; for?: number };
  /** The bounds of the runs of durable methods. */
  runs?: RunsOptions;
}

/** The names of these options. */
export const ENTITY_OPTIONS: OptionChecks<EntityOptions> = {
  durability: true,
  save: oneOf("auto", "explicit"),
  idle: TIMEOUT,
  limit: TIMEOUT,
  version: integerFrom(1),
  migrate: FUNCTION,
  maxRestarts: integerFrom(0),
  maxSeconds: TIMEOUT,
  retryAlarms: true,
  retryParked: true,
  remember: true,
  runs: true,
};

/** Options for the calls of a handle. */
export interface EntityCallOptions extends CancelOptions {
  /**
   * Milliseconds that a call may take, with its wait for an owner.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * Whether a call may run again if its owner was lost before the result was certain.
   *
   * @default {false}
   */
  mayRunTwice?: boolean;
  /**
   * The id of the request: a text of 1 to 255 characters, well formed and without NUL. It is stored with the state, with the reply: a second call with this id does not run, and
   * returns the reply of the first. So the call may be repeated, by this library and by the program. The reply must be JSON.
   *
   * @default {undefined}
   */
  id?: string;
}

/** The names of these options. */
export const CALL_OPTIONS: OptionChecks<EntityCallOptions> = {
  ...TIME_LIMITS,
  mayRunTwice: FLAG,
  id: {
    accepts: isRequestId,
    give:
      `a text of 1 to ${BOUNDS.requestId} characters, well formed and without NUL`,
  },
};

/** A type of entities, as `Entity.define` returns it. */
export interface EntityType<M = unknown> {
  /** The name of the type, in the store too. */
  readonly name: string;
  /**
   * Returns the entity of a key, for calls from any node.
   *
   * @param key The key: a text of 1 to 800 characters.
   * @returns The handle; nothing is sent before a method is called.
   * @throws {TypeError} If the key is not such a text, well formed and without NUL, or an option is unknown.
   */
  get(key: string, options?: EntityCallOptions): EntityHandle<M>;
  /** @ignore */
  readonly _definition: Definition;
}

/** Options for {@linkcode Entities.childSpec}. */
export interface EntitiesOptions {
  /** The types that this node hosts, or calls. */
  // deno-lint-ignore no-explicit-any
  types: readonly EntityType<any>[];
  /** The store: the same database on all nodes. */
  store: Store;
  /**
   * Whether entities run on this node. If not, it only calls entities of other nodes, which it finds by the store.
   *
   * @default {true}
   */
  hosts?: boolean;
  /**
   * The number of parts into which the keys of each type are divided. It is the same on all nodes, and stays: the store
   * refuses another. At most 65,536; each renewal reads all of them.
   *
   * @default {256}
   */
  shards?: number;
  /**
   * How long a node that was killed keeps its keys, in milliseconds. It renews its lease ten times in that time, and stops
   * serving if two thirds of it have passed without an answer of the store.
   *
   * @default {10000}
   */
  lease?: number;
  /**
   * The share of this node, relative to the shares of other nodes.
   *
   * @default {1}
   */
  weight?: number;
  /**
   * The keys that this node should own, by the name of their type, or `true` for all keys of the type. They are here as
   * long as this node is up and does not drain, and elsewhere otherwise. Weights do not matter for them. Each key brings the
   * other keys of its shard along.
   *
   * @default {{}}
   */
  pins?: Record<string, readonly string[] | true>;
  /**
   * The number of entities in memory. Above it, those that are idle leave the memory.
   *
   * @default {100000}
   */
  maxEntities?: number;
  /**
   * The number of calls that wait on this node, for a shard that moves or for the store. Others fail at once.
   *
   * @default {10000}
   */
  maxHeld?: number;
  /**
   * The number of shards that this node hands over at a time to balance the cluster. A drain has no limit.
   *
   * @default {32}
   */
  maxMoves?: number;
  /**
   * The name of the server, the same on all nodes.
   *
   * @default {"Entities"}
   */
  name?: string;
}

/** A definition, as the library uses it. */
export interface Definition {
  readonly name: string;
  readonly state: () => unknown;
  readonly methods: ReadonlyMap<string, EntityMethod<unknown>>;
  readonly alarm: EntityMethod<unknown> | undefined;
  /** The number and the age of the events that the log keeps; `undefined` for a type without a log. */
  readonly log: LogSettings | undefined;
  readonly apply: ((state: unknown, event: unknown) => unknown) | undefined;
  readonly durable: ReadonlyMap<string, DurableMethod<unknown>>;
  readonly reads: ReadonlyMap<string, EntityRead<unknown>>;
  readonly options:
    & Required<
      Omit<
        EntityOptions,
        "migrate" | "remember" | "retryAlarms" | "retryParked" | "runs"
      >
    >
    & {
      migrate: EntityOptions["migrate"];
      retryAlarms: Required<Backoff>;
      retryParked: Required<Backoff>;
      remember: Remember;
      runs: RunBounds;
    };
}

/** The key of an entity, and the options of its calls. */
export interface EntityTarget {
  readonly definition: Definition;
  readonly key: string;
  readonly options: EntityCallOptions;
}
