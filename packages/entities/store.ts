/**
 * The store of entities: a few tables in a database that can say no.
 *
 * Tables:
 *
 * - node(id, name, info, beat): the living. An id is used once: a node that was removed comes back under another.
 * - shard(id, owner, epoch): the owner of each shard. Each change of the owner increments the epoch, so a pair of
 *   owner and epoch never comes back.
 * - state(type, key, shard, epoch, version, body, due): the states. A write needs the owner and the epoch of its shard,
 *   and the version before its own.
 * - log(type, key, stream, number, at, body): the events of each key, in one or more streams. The numbers of a stream are
 *   dense. A write appends events, and needs the number before its first one. A write of events alone leaves the state's
 *   row as it is, so it costs nothing for the size of the state.
 *
 * A deletion is a write with an empty body: a write of before that arrives late finds its version. Once the shard has
 * another epoch, which refuses such writes by itself, `clean` removes the row. A deletion also removes the events of the
 * key. The last row of the stream `""` stays, with an empty body: it has the number that was given last.
 *
 * Each function is one transaction. It may be repeated after its answer was lost: an identical second run has no further
 * effect and the same answer. A stale run, which arrives after a later one, changes nothing. `checkStore` asserts this
 * of a store.
 *
 * No function compares times: a database's clock can be set, and jumps when a replica takes over. `now` is only
 * for alarms.
 *
 * What was answered stays, and numbers only grow. A database can go back nevertheless: a standby takes over that lacks
 * the last transactions, or somebody restores a backup. Nodes notice that by their own beat, by epochs, by versions and
 * by the timeline, close all their entities, and join anew.
 *
 * @module
 */

/** A node, as its row in the store has it. */
export interface StoreNode {
  /** Its id; a restarted node has another one. */
  id: string;
  /** The node's name. Two starts of a node have the same name and different ids. */
  name: string;
  /** Its description, which only nodes read. */
  info: string;
  /** The number of its renewals. */
  beat: number;
}

/** The owner of a shard, as the store has it. */
export interface StoreShard {
  /** Identifies the shard: its type and its number. */
  id: string;
  /** The id of the node that owns it, or did: that node may have been removed. */
  owner: string;
  /** The number of changes of its owner. */
  epoch: number;
}

/** All nodes and shards, at one moment. */
export interface StoreView {
  /** The store's time, in milliseconds since 1970. */
  now: number;
  /** The rows of all nodes that the store has. */
  nodes: StoreNode[];
  /** The shards that have ever had an owner. */
  shards: StoreShard[];
  /**
   * The history that the store is on, if it knows: another one once a standby took over, which may lack the last
   * transactions.
   */
  timeline?: string | null;
}

/** The ownership that a write belongs to: a change of the owner raises the epoch. */
export interface ShardEpoch {
  /** Identifies the shard, as in {@linkcode StoreShard}. */
  shard: string;
  /** Its epoch; 0 for a shard that has never had an owner. */
  epoch: number;
}

/** One entity as its store has it. */
export interface StoredState {
  /** The number of writes. */
  version: number;
  /** The state, as the entity wrote it; empty if the entity was deleted. */
  body: string;
}

/** An event of a stream. */
export interface StoredEvent {
  /** Its number: the first of a stream is 1, and each other one follows the number before. */
  number: number;
  /** When it was appended, in milliseconds since 1970. */
  at: number;
  /** The event, as the entity wrote it; not empty. */
  body: string;
}

/** Events that are appended to one stream of a key. */
export interface StoreAppend {
  /** The name of the stream: up to 64 characters of ASCII. `""` is the log that users see. */
  stream: string;
  /** The events, one or more. */
  events: readonly StoredEvent[];
  /**
   * Removes events with a number lower than `below`, and events before the first event that was appended at `since` or
   * later. The events of this write stay.
   */
  trim?: { below: number; since: number };
}

/** A statement of a user, which runs in the transaction of a write. */
export interface StoreStatement {
  /** The statement: one that reads or changes rows, with parameters `$1`, `$2` and so on. */
  text: string;
  /** The parameters. */
  params: readonly (string | number | null)[];
}

/** A write of one entity: its state, or events, or both. */
export interface StoreWrite extends ShardEpoch {
  /** The type of the entity. */
  type: string;
  /** The key of the entity. */
  key: string;
  /** The number of writes of the state, with this one if it has a state. */
  version: number;
  /** The state, as the entity writes it; empty to delete the entity; `null` to leave the state and its alarm as they are. */
  body: string | null;
  /** When its alarm is due, in milliseconds since 1970. */
  due: number | null;
  /** The events that are appended, each stream once; a deletion has none. */
  appends?: readonly StoreAppend[];
  /** Streams that are removed with their numbers; only in a write with a state, and not `""`. */
  ended?: readonly string[];
  /**
   * Statements that run with this write, in order, once it fits; only in a write with a state that is no deletion. No other
   * write of the entity has the same body.
   */
  statements?: readonly StoreStatement[];
}

/** A part of a stream. */
export interface StreamPart {
  /** The first number that is kept; the one after `last` if no event is. */
  first: number;
  /** The number that was given last; 0 if none was. */
  last: number;
  /** Events in the order of their numbers. */
  events: StoredEvent[];
}

/**
 * The result of a write: it is stored; or another owner or epoch has the shard; or the stored version, or the last number
 * of a stream, is not the one before; or the database refuses one of its statements, and nothing of this write is stored.
 */
export type WriteResult = "stored" | "fenced" | "conflict" | StatementFailure;

/** The failure of a statement of a user. */
export interface StatementFailure {
  /** The database's message. */
  error: string;
}

/** An alarm whose time has come. */
export interface DueAlarm {
  /** The type of the entity. */
  type: string;
  /** The key of the entity. */
  key: string;
  /** Identifies the shard of the entity. */
  shard: string;
  /** When it is due, in milliseconds since 1970. */
  due: number;
}

/**
 * A store of entities. `checkStore` asserts that an implementation keeps this contract.
 *
 * A function that rejects may have had its effect, as may one that never answers. The caller repeats it, or reads
 * what there is.
 */
export interface Store {
  /** Creates or migrates the tables, unless the store was told not to. */
  open(): Promise<void>;
  /** Returns the value of a setting: the first that any node has given, which is stored. */
  setting(name: string, value: string): Promise<string>;
  /** Adds a node, with beat 0. */
  join(node: Omit<StoreNode, "beat">): Promise<void>;
  /**
   * Increments the beat of a node and sets its description. Returns `undefined` if it was removed. The view has the
   * node's beat, before or after that, so that it grows from answer to answer.
   */
  beat(id: string, info: string): Promise<StoreView | undefined>;
  /** Returns all nodes and shards. */
  view(): Promise<StoreView>;
  /** Removes a node, if its beat is still that one; without a beat, in any case. Returns whether it is gone. */
  remove(id: string, beat?: number): Promise<boolean>;
  /**
   * Gives a node that is in the store the shards whose epoch is still that one, and whose owner is not in the
   * store. Returns those that it has afterwards, of the ones that were asked for.
   */
  claim(id: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]>;
  /**
   * Gives shards of one node, whose epoch is still that one, to another node, which must be in the store. Returns
   * the new epochs of those that the receiver has.
   */
  give(
    from: string,
    to: string,
    shards: readonly ShardEpoch[],
  ): Promise<ShardEpoch[]>;
  /** Returns a state, or a deletion that was not removed. */
  load(type: string, key: string): Promise<StoredState | undefined>;
  /**
   * Writes entities, all in one transaction, each on its own condition, and each whole or not at all. No two of them are of
   * one key. The conditions:
   *
   * - The shard has that owner and epoch.
   * - The stored version is the one before, or no state is stored. A write without a state needs a state that is stored
   *   under its version and is no deletion.
   * - The first event of each stream follows the last number of that stream.
   *
   * A state that was stored before, with the same epoch, version and body, is stored, and so are events that are in their
   * stream already, each with the same time and body; its statements do not run again. Returns the results in the order
   * of the writes.
   *
   * Statements run after the changes of their write, and see them. If one fails, that write alone is undone. Rejects if the
   * cause is the database and not the statement, as for a lost connection or a deadlock. A write with statements may be a
   * transaction of its own, and run at the same time as others.
   */
  write(owner: string, writes: readonly StoreWrite[]): Promise<WriteResult[]>;
  /**
   * Returns events of a stream with numbers above `after`, at most `limit` of them, and of those only as many as have
   * `maxBytes` together, but one at least.
   */
  readLog(
    type: string,
    key: string,
    stream: string,
    after: number,
    limit: number,
    maxBytes: number,
  ): Promise<StreamPart>;
  /**
   * Returns the keys of a type that have a state and are not deleted, at most `limit` of them: those that begin with
   * `prefix` and come after `after`, in the order of their bytes in UTF-8.
   */
  keys(
    type: string,
    after: string,
    prefix: string,
    limit: number,
  ): Promise<string[]>;
  /** Removes at most `limit` deletions in some shards, of earlier epochs than the shards have; returns their number. */
  clean(shards: readonly string[], limit: number): Promise<number>;
  /** Returns the earliest alarms of some shards that are due at that moment. */
  due(
    shards: readonly string[],
    before: number,
    limit: number,
  ): Promise<DueAlarm[]>;
  /** Closes the store; nothing is called afterwards. */
  close(): Promise<void>;
}
