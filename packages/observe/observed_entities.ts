/**
 * A node's entities, as observers and metrics see them. `packages/entities/` is above this package, so each of its servers adds
 * itself here.
 */

import type { Runtime } from "@otp/processes/process/runtime";
import type { Pid } from "@otp/processes/values/pid";

/** The entities of a node. */
export interface ObservedEntities {
  /** The name of the node's server of entities. */
  name: string;
  /** Whether the node's lease is valid: its entities answer. */
  isServing: boolean;
  /** Whether the store answered the node's last question. */
  isStoreUp: boolean;
  /** The number of calls that wait on the node. */
  held: number;
  /** The types that the node hosts or calls. */
  types: ObservedEntityType[];
  /** The shards of these types; at most 2000. */
  shards: ObservedShard[];
  /** The number of shards that are left out. */
  more: number;
  /** The last changes of owners that the node has seen; at most 50, the newest first. */
  moves: ObservedMove[];
  /** The entities that have crashed too often on the node; at most 100. */
  parked: ObservedParked[];
  /** The alarms that have failed and run again later, and those that were due a lease ago; at most 100. */
  late: ObservedLateAlarm[];
}

/** A type of entities on a node. */
export interface ObservedEntityType {
  /** The name of the type. */
  type: string;
  /** The number of shards that the node owns. */
  shards: number;
  /** The number of entities in the node's memory. */
  entities: number;
  /** The number of entities that are parked on the node. */
  parked: number;
  /** The runs of durable methods that have not ended, of the entities in memory, by state. */
  runs: Record<string, number>;
  /** The number of keys whose runs should go on, and do not. */
  lateRuns: number;
  /** The number of alarms that have failed, or were due a lease ago. */
  lateAlarms: number;
}

/** A shard, as a node knows it. */
export interface ObservedShard {
  /** The type and the number of the shard, as `room/17`. */
  id: string;
  /** The node that owns the shard; `undefined` if no live node does. */
  owner: string | undefined;
  /** The number of changes of its owner. */
  epoch: number;
  /** Whether the observed node hands the shard over now. */
  isMoving: boolean;
}

/** A change of a shard's owner. */
export interface ObservedMove {
  /** Identifies it: its type and its number. */
  shard: string;
  /** The owner before. */
  from: string;
  /** The new owner. */
  to: string;
  /** The time, in milliseconds since 1970. */
  at: number;
}

/** An alarm that should have run. */
export interface ObservedLateAlarm {
  /** The name under which its type is defined. */
  type: string;
  /** Identifies the entity within its type. */
  key: string;
  /** The name of the alarm; `undefined` if the store says only that one is due. */
  name: string | undefined;
  /** When it was due, in milliseconds since 1970. */
  at: number;
  /** The number of its failures. */
  failures: number;
  /** When it runs next, in milliseconds since 1970; `undefined` if it waits for its key. */
  next: number | undefined;
  /** The last error as text, or why it waits. */
  reason: string;
}

/** An entity that has crashed too often. */
export interface ObservedParked {
  /** The name under which its type is defined. */
  type: string;
  /** Identifies the entity within its type. */
  key: string;
  /** The last error, as text. */
  reason: string;
  /** When it may start again, in milliseconds since 1970; `null` if only `Entities.release` starts it. */
  until: number | null;
}

/** An entity in the memory of a node. */
export interface ObservedEntity {
  /** The name under which its type is defined. */
  type: string;
  /** Identifies the entity within its type. */
  key: string;
  /** The shard of the key. */
  shard: string;
  /** The node that owns the shard; `undefined` if no live node does. */
  owner: string | undefined;
  /** The number of changes of the shard's owner. */
  epoch: number;
  /** The process of the entity, if it runs on the observed node. */
  pid: Pid | undefined;
  /** The state as text, cut at 2000 characters; `undefined` if the entity has none. */
  state: string | undefined;
  /** Whether the state is the one in the store, as the entity does not run on the observed node. */
  isStored: boolean;
  /** The last error as text, if the entity is parked on the observed node. */
  parked: string | undefined;
}

/** The sums of the calls of one function of a store. */
export interface StoreTime {
  calls: number;
  failures: number;
  /** Milliseconds. */
  time: number;
}

/** The entities of one server. */
export interface EntitiesSource {
  observe(): ObservedEntities;
  /** Finds an entity; `undefined` if the node does not know the type. */
  find(type: string, key: string): Promise<ObservedEntity | undefined>;
  /** The number of calls from this node by type and outcome, as `room ok`. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** The number of runs that have ended or failed here, by type and state, as `order done`. */
  readonly endedRuns: ReadonlyMap<string, number>;
  /** The number of shards that have come to this node. */
  readonly taken: number;
  /** The times of the store, by function. */
  readonly storeTimes: ReadonlyMap<string, StoreTime>;
}

const sources = new WeakMap<Runtime, Set<EntitiesSource>>();

/** Adds a server's entities; returns a function that removes them. */
export function addEntities(
  runtime: Runtime,
  source: EntitiesSource,
): () => void {
  const all = sources.get(runtime) ?? new Set();
  sources.set(runtime, all.add(source));
  return () => void all.delete(source);
}

/** The entities of a node's servers. */
export function entitiesOf(runtime: Runtime): EntitiesSource[] {
  return [...sources.get(runtime) ?? []];
}
