/**
 * The bounds of the texts that callers and peers give and a node keeps, in UTF-16 units if nothing else is said. A node
 * keeps many of them, some in a database, so a text of the size of a message would be too large.
 *
 * A caller's text that is longer is refused where it is given, and a peer's where it arrives, as the peer may not run
 * these checks. Reasons and log events are cut instead: they must not get lost. docs/security.md lists them for users,
 * and `tests/house/bounds_table_test.ts` gives each place a text that is longer.
 */
export const BOUNDS = {
  /** A name or an atom, in code points, as Erlang counts them. */
  name: 255,
  /** The `label` of a spawned process. */
  label: 255,
  /**
   * A value that stands for something: a global name, a lock, a group, a key of a registry, an own label of a process,
   * the id of a child. The length is that of its `TermKey`, with the stacks of errors.
   */
  key: 1 << 16,
  /** The name of a type of entities. */
  entityType: 100,
  /** The key of an entity: PostgreSQL's index takes 2704 bytes, and a UTF-16 unit is up to three in UTF-8. */
  entityKey: 800,
  /** The id of a call of an entity, which is stored with the state. */
  requestId: 255,
  /** The name of an alarm of an entity, which is stored with the state. */
  alarmName: 100,
  /** The id of a node or of a shard in the store: a name, and a random part or a number. */
  storeId: 300,
  /** The token of an entity's subscriber. */
  token: 64,
  /** The reason why an entity is parked, with the stack. */
  reason: 8192,
  /** A message and the metadata of an event that is kept for observers. */
  eventText: 4096,
  eventMetadata: 2000,
  /** The name of a span, a pool or a supervisor in metrics. */
  metricName: 200,
  /** A label of a process in the answer to an observer. */
  observedLabel: 200,
  /** The name of a health check in an answer. */
  checkName: 100,
} as const;
