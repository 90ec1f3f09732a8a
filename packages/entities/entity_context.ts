/**
 * The type of an entity as its methods see it.
 *
 * @module
 */

/** An entity as its methods see it. It is valid while a method runs. */
export interface EntityContext<S, E = unknown> {
  /** The state: a JSON value. Change it, or assign another. */
  state: S;
  /** Identifies the entity within its type. */
  readonly key: string;
  /**
   * The epoch of the entity's owner. It grows with each change of the owner: a system that remembers the highest and
   * refuses lower ones accepts nothing from an owner that was replaced.
   */
  readonly fence: number;
  /** Returns the store's time, in milliseconds since 1970: the clock of alarms. */
  now(): number;
  /**
   * Sets the alarm, in place of the one before: the method `alarm` is called with that data at that moment or later,
   * wherever the entity is then, and again if its owner is lost before its changes are stored. If it throws, its changes
   * are dropped, and it runs again after a pause that grows (`retryAlarms`).
   *
   * @param at Milliseconds since 1970, or `null` to clear the alarm.
   * @param data The second argument of `alarm`: a JSON value.
   * @throws {TypeError} If the type has no method `alarm`.
   */
  alarm(at: number | null, data?: unknown): void;
  /**
   * Sets an alarm with a name, and replaces the alarm that has the name already. An entity can have 100 alarms.
   *
   * @param name The third argument of `alarm`: a text of 1 to 100 characters. It is `""` for the alarm without a name.
   * @throws {TypeError} If the type has no method `alarm`, or the name is not such a text.
   * @throws {RangeError} If there are 100 others.
   */
  alarm(name: string, at: number | null, data?: unknown): void;
  /** The log of the entity, for types with `log` or `apply`. */
  readonly log: {
    /**
     * Appends an event to the log. It is stored when the method has ended, with the changes of the state; if the method
     * throws or refuses, it is not. A type with `apply` applies it to the state at once.
     *
     * @param event The event: a JSON value of at most 1,048,576 characters. A call can append 10,000 of them.
     * @returns Its number. Numbers begin with 1, have no gaps, and are not given again, also not after a deletion, unless
     *   the database itself goes back.
     * @throws {TypeError} If the type keeps no log, or the event is no JSON value.
     * @throws {RangeError} If the event is too long, or there are too many.
     */
    append(event: E): number;
    /** The number of the last event, appended by this call or before; 0 before the first, and in a type without a log. */
    readonly last: number;
  };
  /**
   * Runs a statement of your own in the transaction that stores the changes of this call, such as one for an outbox or an
   * index. It runs once, when the method has ended; if the method throws or refuses, or another node owns the entity by
   * then, it does not. It has no result. If the database refuses it, nothing of the call is stored: the caller gets an
   * `EntityError` with the code `"sql"` and the database's message, and the entity starts again from its stored state.
   *
   * @param text One statement that begins with `INSERT`, `UPDATE`, `DELETE`, `SELECT`, `WITH`, `REPLACE`, `MERGE` or
   * `VALUES`: at most 100,000 characters. The tables are in the database of the store.
   * @param params The values of `$1`, `$2` and so on: at most 100 texts, finite numbers and `null`. A call can have 100
   * statements, with 1,048,576 characters of texts and values together.
   * @throws {TypeError} If these are no such statement and values, or the type has `durability: { every }`.
   * @throws {RangeError} If something is too long, or there are too many.
   */
  sql(text: string, params?: readonly (string | number | null)[]): void;
  /**
   * Sends a message to all subscribers, once the changes of this call are stored. The message itself is not stored: who
   * must miss none follows the log.
   *
   * @param message The message: a value that can be sent.
   * @returns Its number, with which subscribers get it. Each process of the entity counts from 1.
   */
  broadcast(message: unknown): number;
  /**
   * Stores the state when the method has ended. Needed only for types with `save: "explicit"`; other types are stored
   * whenever their state differs.
   */
  save(): void;
  /** Ends the process of the entity when the method has ended; the next call starts it from its stored state. */
  stop(): void;
  /**
   * Deletes the entity when the method has ended: its state, its alarm, and the ids of its requests. The result leaves
   * once that is stored, and the process ends; the next call starts the entity with its first state, and its subscribers
   * get an event `"gap"`.
   *
   * @throws {TypeError} In a call with an id: the id would be deleted too, and the call could run again.
   */
  delete(): void;
  /**
   * Ends the method: its changes are undone, and the caller gets an `EntityError` with the code `"refused"`.
   *
   * @param message The reason, for people.
   * @param data The reason, for the caller's code.
   */
  refuse(message: string, data?: unknown): never;
}
