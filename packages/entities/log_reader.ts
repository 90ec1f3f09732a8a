/**
 * Logs as their readers see them: from any node that has the type.
 *
 * Events are read from the store. A follower is only the number of the last event that it has. A node keeps the last
 * few events of each key that is followed there ({@linkcode Feed}), and a follower that is further behind reads the store.
 * So a follower that does not read costs nothing, and many followers of one key cost one subscription, and each event
 * comes to their node once.
 *
 * No event is missing: the feed knows the number of the last event that the store has, from the owner's answer to a
 * subscription and from each message of the owner; a follower that is not there yet reads what the feed does not have.
 *
 * A store that goes back gives numbers again, for other events. A reader that has one of the lost events must not go on
 * with the others as if they followed. So a place in a log is a number and the time of its event ({@linkcode Place}): a read
 * of the store begins with the reader's last event, and compares. The feed compares its own last event whenever it has
 * subscribed again, as entities start anew then; if it is another one, each follower compares too ({@linkcode
 * Feed.series}).
 *
 * @module
 */

import { Process, spawn } from "@otp/processes/process";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import type { Runtime } from "@otp/processes/process/runtime";
import {
  checkOptions,
  integerFrom,
  SIGNAL,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { callTimeout } from "./caller.ts";
import { EntityError, type EntityErrorCode } from "./entity_error.ts";
import { LOG_BOUNDS } from "./entity_log.ts";
import type { LogNews, Subscription } from "./entity_server.ts";
import type {
  EntityLogEvent,
  EntityLogFollowOptions,
  EntityLogPart,
  EntityLogReader,
  EntityLogReadOptions,
  EntityTarget,
} from "./entity_types.ts";
import { Changes } from "./lease.ts";
import { typeHere } from "./nodes_here.ts";
import { areStoredEvents } from "./requests.ts";
import type { StoredEvent, StreamPart } from "./store.ts";
import { EntityFollower } from "./subscription.ts";

const NUMBER = integerFrom(0);

const AFTER = {
  accepts: (after: unknown) => {
    const { number, at } = Object(after) as Partial<Place>;
    return NUMBER.accepts(after) ||
      NUMBER.accepts(number) && Number.isFinite(at);
  },
  give: "a number from 0 on, or the last event that you have",
  isNumber: true,
};

const FOLLOW_OPTIONS: OptionChecks<EntityLogFollowOptions> = {
  after: AFTER,
  signal: SIGNAL,
};

const READ_OPTIONS: OptionChecks<EntityLogReadOptions> = {
  after: AFTER,
  limit: integerFrom(0, LOG_BOUNDS.read),
};

/** The bounds of the pause after a failed read, in milliseconds. */
const PAUSE = { min: 20, max: 1000 };

/** Returns the log of an entity for its readers. */
export function logReader(target: EntityTarget): EntityLogReader {
  return {
    read: (options) => read(target, options),
    follow: (options) => follow(target, options),
  };
}

async function read(
  target: EntityTarget,
  options: EntityLogReadOptions = {},
): Promise<EntityLogPart> {
  const doing = doingTo("read", target);
  checkOptions(options, doing, READ_OPTIONS, "{ after: 17, limit: 100 }");
  const { after, limit = 1000 } = options;
  const part = after === undefined
    ? await readPart(target, 0, limit)
    : await readAfter(target, placeOf(after), limit);
  return { ...part, events: part.events.map(eventOf) };
}

async function* follow(
  target: EntityTarget,
  options: EntityLogFollowOptions = {},
): AsyncIterableIterator<EntityLogEvent> {
  for await (const events of followParts(target, options)) {
    for (const event of events) yield eventOf(event);
  }
}

/** Returns the events of a log as they are stored, several at a time; they are shared with other followers. */
export async function* followParts(
  target: EntityTarget,
  options: EntityLogFollowOptions = {},
): AsyncIterableIterator<readonly StoredEvent[]> {
  const doing = doingTo("follow", target);
  checkOptions(options, doing, FOLLOW_OPTIONS, "{ after: 17 }");
  const { after, signal } = options;
  const signals = signal ? [signal, Process.signal()] : [Process.signal()];
  const feed = Feed.of(target);
  try {
    let last = after === undefined ? undefined : placeOf(after);
    // Without a time, there is nothing to compare.
    let comparedIn = last?.at === undefined ? feed.series : undefined;
    for (;;) {
      for (const signal of signals) signal.throwIfAborted();
      const { changes, series } = feed;
      const recent = last === undefined || comparedIn !== series
        ? undefined
        : feed.after(last.number);
      if (recent !== undefined && recent.length > 0) {
        yield recent;
        last = recent.at(-1)!;
        continue;
      }
      if (recent === undefined) {
        const { read } = LOG_BOUNDS;
        const reading = last === undefined
          ? readPart(target, 0, read, signals)
          : readAfter(target, last, read, signals);
        const part = await aborted(reading, signals);
        comparedIn = series;
        last ??= { number: part.first - 1 };
        if (part.events.length > 0) {
          yield part.events;
          last = part.events.at(-1)!;
          continue;
        }
      }
      if (feed.error !== undefined) throw feed.error;
      if (feed.changes === changes) await aborted(feed.changed.wait(), signals);
    }
  } finally {
    feed.release();
  }
}

/** Settles as a promise does, or rejects with the reason of the signal that is aborted first, or was before. */
async function aborted<T>(
  promise: Promise<T>,
  signals: readonly AbortSignal[],
): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>();
  const abort = ({ target }: Event) => reject((target as AbortSignal).reason);
  for (const signal of signals) {
    signal.addEventListener("abort", abort);
    if (signal.aborted) reject(signal.reason);
  }
  try {
    return await Promise.race([end, promise]);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", abort);
  }
}

/** The feeds of each node, by type and key. */
const feeds = new WeakMap<Runtime, Map<string, Feed>>();

/** The number of followers of each node. */
const followers = new WeakMap<Runtime, number>();

/** The last events of one key on one node, for all of its followers there. */
class Feed extends EntityFollower {
  /** Counts the news. */
  changes = 0;
  readonly changed: Changes = new Changes();
  /** Why the feed has ended before the first answer of the entity. */
  error: unknown;
  /** Another number means that the events of before may have been lost by the store, and may be others now. */
  series = 0;
  /** The number of the last event that the store has, once the entity has said it. */
  #last: number | undefined;
  /** The last event that was taken. */
  #place: Place | undefined;
  /** The last events, without a gap. */
  #recent: StoredEvent[] = [];
  #length = 0;
  #followers = 0;
  readonly #runtime: Runtime;
  readonly #stop: () => void;

  private constructor(target: EntityTarget, runtime: Runtime) {
    super(target, "follow");
    this.#runtime = runtime;
    const pid = spawn(() =>
      this.run().catch((error) => {
        this.error = error;
        this.#remove();
        this.#notify();
      })
    );
    this.#stop = () => Process.exit(pid, "shutdown");
  }

  /** Returns the feed of a key on this node, for one more follower. */
  static of(target: EntityTarget): Feed {
    const runtime = currentRuntime();
    const count = followers.get(runtime) ?? 0;
    if (count >= LOG_BOUNDS.followers) {
      throw errorOf(
        target,
        "follow",
        "overloaded",
        `${count} followers are on this node already, the most that a node has; end some`,
      );
    }
    let byKey = feeds.get(runtime);
    if (byKey === undefined) feeds.set(runtime, byKey = new Map());
    const id = idOf(target);
    let feed = byKey.get(id);
    if (feed === undefined) byKey.set(id, feed = new Feed(target, runtime));
    feed.#followers++;
    followers.set(runtime, count + 1);
    return feed;
  }

  /** Ends one follower; after the last, the feed ends. */
  release(): void {
    followers.set(this.#runtime, followers.get(this.#runtime)! - 1);
    if (--this.#followers > 0) return;
    this.#remove();
    this.#stop();
  }

  #remove(): void {
    const byKey = feeds.get(this.#runtime)!;
    const id = idOf(this.target);
    if (byKey.get(id) === this) byKey.delete(id);
  }

  /** The events after a number; `undefined` if there may be others, which the store has. */
  after(number: number): readonly StoredEvent[] | undefined {
    if (this.#last === undefined || number > this.#last) return undefined;
    const first = this.#last - this.#recent.length + 1;
    return number + 1 < first
      ? undefined
      : this.#recent.slice(number + 1 - first);
  }

  protected override async begin([last]: Subscription): Promise<void> {
    if (!await this.#isKept()) {
      this.series++;
      this.#place = undefined;
      this.#forget(last);
    } else if (last !== this.#last) this.#forget(last);
    this.#notify();
  }

  /** Whether it is certain that the store has the last event that was taken. */
  async #isKept(): Promise<boolean> {
    if (this.#place === undefined) return false;
    try {
      await readAfter(this.target, this.#place, 0, [Process.signal()]);
      return true;
    } catch {
      return false;
    }
  }

  protected override take(news: { type?: unknown }): void {
    const { type, events } = news as LogNews;
    if (type !== "$entity_log" || !areStoredEvents(events)) return;
    const [{ number: first }] = events;
    if (first !== this.#last! + 1) this.#forget(first - 1);
    for (const event of events) {
      this.#recent.push(event);
      this.#length += event.body.length;
      this.#last = event.number;
    }
    const { number, at } = events.at(-1)!;
    this.#place = { number, at };
    let old = 0;
    while (
      this.#recent.length - old > LOG_BOUNDS.recent ||
      this.#length > LOG_BOUNDS.recentLength
    ) this.#length -= this.#recent[old++].body.length;
    this.#recent.splice(0, old);
    this.#notify();
  }

  /** Forgets all events up to a number: the store has them. */
  #forget(last: number): void {
    this.#last = last;
    this.#recent = [];
    this.#length = 0;
  }

  #notify(): void {
    this.changes++;
    this.changed.notify();
  }
}

// Reading.

/** Where a reader is in a log: the last event that it has. Without a time, only its number is known. */
interface Place {
  readonly number: number;
  readonly at?: number;
}

function placeOf(after: number | Place): Place {
  return typeof after === "number" ? { number: after } : after;
}

/** Reads the events after a place; throws if events are missing there, or the event of that number is another one. */
async function readAfter(
  target: EntityTarget,
  place: Place,
  limit: number,
  signals?: readonly AbortSignal[],
): Promise<StreamPart> {
  const { number, at } = place;
  const own = at !== undefined && number > 0 ? 1 : 0;
  const part = await readPart(target, number - own, limit + own, signals);
  // A number may leave before its event is stored, if the type says so; an event does not.
  const isBeyond = number > part.last &&
    (own === 1 || target.definition.options.durability === "call");
  const isOther = own === 1 && number >= part.first && number <= part.last &&
    part.events[0]?.at !== at;
  if (number + 1 < part.first || isBeyond || isOther) {
    throw gapError(target, number, part);
  }
  const events = part.events.filter((event) => event.number > number);
  return events.length === 0 && limit > 0 && part.last > number
    ? await readPart(target, number, limit, signals) // The event of the place is as long as a part may be.
    : { ...part, events };
}

/** Reads a part of a log from the store: for the time of the handle, or with `signals` until one of them is aborted. */
async function readPart(
  target: EntityTarget,
  after: number,
  limit: number,
  signals?: readonly AbortSignal[],
): Promise<StreamPart> {
  const { definition: { name }, key, options } = target;
  const timeout = callTimeout(options);
  const end = Process.monotonicTime() + timeout;
  for (let pause = PAUSE.min;; pause = Math.min(2 * pause, PAUSE.max)) {
    const { signal } = options;
    for (const each of signals ?? (signal ? [signal] : [])) {
      each.throwIfAborted();
    }
    const type = typeHere(name);
    if (type === null) {
      throw errorOf(
        target,
        "read",
        "no_host",
        "this node has no entities of that type; start Entities.childSpec() with it, with hosts: false to call only",
      );
    }
    try {
      const { readBytes } = LOG_BOUNDS;
      const part = await type?.node.ask(() =>
        type.node.store.readLog(name, key, "", after, limit, readBytes)
      );
      if (part !== undefined) return part;
    } catch {
      // It is asked again.
    }
    const left = end - Process.monotonicTime();
    if (signals === undefined && left <= 0) {
      throw errorOf(
        target,
        "read",
        "no_store",
        `the time was up after ${timeout} ms, without an answer of the store`,
      );
    }
    await Process.sleep(signals ? pause : Math.min(pause, Math.ceil(left)));
  }
}

function eventOf({ number, at, body }: StoredEvent): EntityLogEvent {
  return { number, at, event: JSON.parse(body) };
}

function idOf({ definition: { name }, key }: EntityTarget): string {
  return `${name} ${key}`;
}

/** Says what is done to the log of an entity; throws if its type keeps none. */
function doingTo(what: string, target: EntityTarget): string {
  const { definition: { name, log }, key } = target;
  const doing = `${what} the log of the ${name} ${JSON.stringify(key)}`;
  if (log !== undefined) return doing;
  throw new TypeError(
    `Cannot ${doing}: its type keeps none; add log: {} to its definition`,
  );
}

function errorOf(
  target: EntityTarget,
  what: string,
  code: EntityErrorCode,
  why: string,
  data?: unknown,
): EntityError {
  return new EntityError(
    code,
    false,
    `Cannot ${doingTo(what, target)}: ${why}`,
    { data },
  );
}

function gapError(
  target: EntityTarget,
  after: number,
  { first, last }: StreamPart,
): EntityError {
  const [why, next] = after > last
    ? [`it ends at ${last}, as the store has lost events`, last]
    : after + 1 < first
    ? [`the first event that is kept is ${first}`, first - 1]
    : [
      `event ${after} is another one, as the store has lost events`,
      first - 1,
    ];
  return errorOf(
    target,
    `read event ${after + 1} of`,
    "gap",
    `${why}; read the state, and then the log after ${next}`,
    { first, last },
  );
}
