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

const FOLLOW_OPTIONS: OptionChecks<EntityLogFollowOptions> = {
  after: integerFrom(0),
  signal: SIGNAL,
};

const READ_OPTIONS: OptionChecks<EntityLogReadOptions> = {
  after: integerFrom(0),
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
  const part = await readPart(target, after ?? 0, limit);
  if (after !== undefined && after + 1 < part.first) {
    throw gapError(target, after, part);
  }
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
    let last = after;
    for (;;) {
      for (const signal of signals) signal.throwIfAborted();
      const { changes } = feed;
      const recent = last === undefined ? undefined : feed.after(last);
      if (recent !== undefined && recent.length > 0) {
        yield recent;
        last = recent.at(-1)!.number;
        continue;
      }
      if (recent === undefined) {
        const part = await readPart(target, last ?? 0, LOG_BOUNDS.read, true);
        last ??= part.first - 1;
        if (last + 1 < part.first || last > part.last) {
          throw gapError(target, last, part);
        }
        if (part.events.length > 0) {
          yield part.events;
          last = part.events.at(-1)!.number;
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

/** Resolves as a promise does, or rejects with the reason of the signal that is aborted first. */
async function aborted(
  promise: Promise<void>,
  signals: readonly AbortSignal[],
): Promise<void> {
  const { promise: end, reject } = Promise.withResolvers<void>();
  const abort = ({ target }: Event) => reject((target as AbortSignal).reason);
  for (const signal of signals) signal.addEventListener("abort", abort);
  try {
    await Promise.race([promise, end]);
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
  /** The number of the last event that the store has, once the entity has said it. */
  #last: number | undefined;
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

  protected override begin([last]: Subscription): void {
    if (last !== this.#last) this.#forget(last);
    this.#notify();
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

/** Reads a part of a log from the store; `forEver`, or for the time of the handle. */
async function readPart(
  target: EntityTarget,
  after: number,
  limit: number,
  forEver = false,
): Promise<StreamPart> {
  const { definition: { name }, key, options } = target;
  const timeout = callTimeout(options);
  const end = Process.monotonicTime() + timeout;
  for (let pause = PAUSE.min;; pause = Math.min(2 * pause, PAUSE.max)) {
    if (!forEver) options.signal?.throwIfAborted();
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
    if (!forEver && left <= 0) {
      throw errorOf(
        target,
        "read",
        "no_store",
        `the time was up after ${timeout} ms, without an answer of the store`,
      );
    }
    await Process.sleep(forEver ? pause : Math.min(pause, Math.ceil(left)));
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
  const why = after > last
    ? `it ends at ${last}, as the store has lost events`
    : `the first event that is kept is ${first}`;
  return errorOf(
    target,
    `read event ${after + 1} of`,
    "gap",
    `${why}; read the state, and then the log after ${
      Math.max(first - 1, Math.min(after, last))
    }`,
    { first, last },
  );
}
