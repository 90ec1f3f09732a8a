/**
 * The process of one entity: a GenServer that loads the state, runs one method at a time, and lets nothing leave before the
 * write that it depends on was accepted.
 *
 * A call ends in one of these ways:
 *
 * - The method has not begun: the answer is `moved` or `no_store`, and the caller tries again elsewhere or later. A call
 *   whose time is up does not begin either.
 * - It has changed nothing: the result leaves at once if the lease is valid. Otherwise it waits for that: a node whose
 *   lease is over cannot know whether another has written.
 * - It has changed something: the result leaves when the write is accepted and the lease is valid. The calls that wait in
 *   the mailbox run meanwhile, one after the other, and share one write; their results, also refusals, are held until
 *   then. A method that awaits, throws, deletes, stops, or has a statement shares no write: its changes are in the next
 *   one, and the write of the calls before it happens while it awaits, or before it ends.
 * - The write was refused: another node owns the shard. The process ends; the caller gets `unknown`.
 * - It threw: the process ends with its memory, and the caller gets the error. `room.refuse` only undoes the changes.
 *
 * Calls that wait in the mailbox when the process ends have not run, and the reason of its exit says so ({@linkcode
 * EntityEnd}), unless it was killed.
 *
 * @module
 */

import {
  type DownMessage,
  isDown,
  type Pid,
  Process,
  type Ref,
  self,
  send,
} from "@otp/processes/process";
import {
  type CallResult,
  type CastResult,
  type From,
  GenServer,
} from "@otp/servers/gen_server/gen_server";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { inspect } from "@otp/processes/values/inspect";
import { copyTerm } from "@otp/processes/values/term";
import { typeError } from "@otp/processes/values/options";
import {
  type Alarm,
  type AlarmArguments,
  type Alarms,
  checkAlarmName,
  failedAlarm,
  nextAlarm,
  NO_ALARMS,
  readAlarms,
  type StoredAlarm,
  storedAlarms,
  withAlarm,
} from "./alarms.ts";
import { EntityError, Refusal } from "./entity_error.ts";
import { EntityLog, LOG_BOUNDS } from "./entity_log.ts";
import type { EntityNode } from "./entity_node.ts";
import type { EntityContext } from "./entity_context.ts";
import type { Definition, EntityMethod } from "./entity_types.ts";
import {
  assertJson,
  type Fields,
  fieldsOf,
  hasFields,
  jsonOf,
} from "./json_value.ts";
import { HeldAnswers, type PendingBroadcast } from "./held_answers.ts";
import { endedWithin } from "./lease.ts";
import type { LiveEntity, OwnedShard } from "./owned_shard.ts";
import { AcceptedState, runRead } from "./reads.ts";
import {
  MAX_IDS,
  RememberedIds,
  rememberedReply,
  type StoredId,
} from "./remembered_ids.ts";
import { Runs, type RunsHome, type RunWrite, type StoredRun } from "./runs.ts";
import {
  type EntityReply,
  type EntityRequest,
  isEntityRequest,
} from "./requests.ts";
import { StatementError, withStatement } from "./statements.ts";
import type { StoredEvent, StoreStatement, StoreWrite } from "./store.ts";

/**
 * A part of the exit reason of an entity that ends itself, of a shutdown or an `EntityError`: it has answered what it
 * began, and calls in its mailbox have not run. It names the process, as links pass reasons on to others. It is a list, as
 * Erlang's wire makes a `Map` of an object there.
 */
export type EntityEnd = [
  mark: "entity_ended",
  entity: Pid,
  /** Whether it has loaded its state. */
  hasStarted: boolean,
];

/** The answer to a subscription: the number of the last broadcast or stored event, and the process of the entity. */
export type Subscription = [number: number, pid: Pid];

/** A broadcast, as a relay receives it. */
export interface Broadcast {
  type: "$entity_broadcast";
  /** The token of the subscription. */
  token: string;
  /** Each process of the entity counts from 1. */
  number: number;
  message: unknown;
}

/** Events of a log that were stored, as a follower's node receives them. */
export interface LogNews {
  type: "$entity_log";
  /** The token of the subscription. */
  token: string;
  events: StoredEvent[];
}

/** The stored form of an entity. */
interface Envelope {
  /** The version of the state's form. */
  v: number;
  /** The state. */
  s: unknown;
  /** The alarms; once, only the time and the data of one. */
  a?: StoredAlarm[] | [at: number, data: unknown];
  /** The number of the last event of the log that the state has, of types with `apply`. */
  l?: number;
  /** The ids of requests, and their replies. */
  r?: StoredId[];
  /** The number of runs that have ended, and the open ones. */
  j?: [ended: number, ...open: StoredRun[]];
  /** Random, if it was stored with statements: no other state of the key is the same. */
  q?: string;
}

/** A message of a timer of the entity. */
interface TimerMessage {
  type: "$entity_leave" | "$entity_moment";
  token: string;
}

type Answer = CallResult<unknown, EntityReply>;
type Next = CastResult<unknown>;
type Stop = Extract<Next, { type: "stop" }>;
/** The end of the process, and the answer to a call that it ends. */
type LastAnswer = Stop & { reply: EntityReply };

/** The parts of an entity that methods change. */
interface Draft {
  state: unknown;
  alarms: Alarms;
  /** The number of broadcasts of this process. */
  number: number;
  /** Whether anything but the state has changed. */
  isDirty: boolean;
  /** Whether the process ends after the method. */
  isStopping: boolean;
  /** Whether the entity is deleted after the method. */
  isDeleting: boolean;
  /** The id of the request that runs. */
  id: string | undefined;
  /** The broadcasts of the method that runs. */
  outbox: PendingBroadcast[];
  /** The statements of the method that runs. */
  statements: StoreStatement[];
}

/** The parts of an entity that a write stores, without its replies and runs. */
interface Row extends Pick<Draft, "alarms"> {
  /** The state. */
  text: string;
  /** The number of the last event. */
  last: number;
  hasStatements: boolean;
}

/** An entity as its methods see it. */
class Room implements EntityContext<unknown> {
  readonly key: string;
  readonly fence: number;
  readonly log: EntityContext<unknown>["log"];
  readonly #draft: Draft;
  readonly #home: EntityNode;
  readonly #hasAlarm: boolean;
  readonly #storesLate: boolean;

  constructor(
    key: string,
    { epoch, definition }: OwnedShard,
    draft: Draft,
    home: EntityNode,
    log: EntityContext<unknown>["log"],
  ) {
    this.key = key;
    this.fence = epoch;
    this.log = log;
    this.#draft = draft;
    this.#home = home;
    this.#hasAlarm = definition.alarm !== undefined;
    this.#storesLate = definition.options.durability !== "call";
  }

  get state(): unknown {
    return this.#draft.state;
  }

  set state(state: unknown) {
    this.#draft.state = state;
  }

  now(): number {
    return this.#home.now();
  }

  alarm(...args: AlarmArguments): void {
    const isNamed = typeof args[0] === "string";
    const name = isNamed ? args[0] as string : "";
    const [at, data = null] = (isNamed ? args.slice(1) : args) as [
      number | null,
      unknown,
    ];
    if (isNamed) checkAlarmName(name, this.key);
    if (at !== null && !Number.isFinite(at)) {
      throw typeError(
        at,
        `Cannot set the alarm of ${this.key} to ${
          inspect(at)
        }: give milliseconds since 1970, such as room.now() + 60_000, or null`,
      );
    }
    if (at !== null && !this.#hasAlarm) {
      throw new TypeError(
        `Cannot set the alarm of ${this.key}: its type has no method alarm`,
      );
    }
    assertJson(data, "the data of the alarm");
    // A copy: the caller may change it.
    const alarm = at === null ? undefined : {
      ...{ at, next: at, failures: 0, reason: "" },
      data: structuredClone(data),
    };
    this.#draft.alarms = withAlarm(this.#draft.alarms, name, alarm);
    this.#draft.isDirty = true;
  }

  sql(text: string, params: readonly (string | number | null)[] = []): void {
    if (this.#storesLate) {
      throw new TypeError(
        `Cannot run a statement for ${this.key}: its type stores its changes later than its replies leave; define it without durability: { every }`,
      );
    }
    const { statements } = this.#draft;
    this.#draft.statements = withStatement(statements, text, params, this.key);
    this.#draft.isDirty = true;
  }

  broadcast(message: unknown): number {
    const { maxDepth } = this.#home.runtime;
    // A copy: the caller may change it. Two levels are around it.
    const copy = copyTerm(message, maxDepth - 2, maxDepth);
    const number = ++this.#draft.number;
    this.#draft.outbox.push({ number, message: copy });
    return number;
  }

  save(): void {
    this.#draft.isDirty = true;
  }

  stop(): void {
    this.#draft.isStopping = true;
  }

  delete(): void {
    if (this.#draft.id !== undefined) {
      throw new TypeError(
        `Cannot delete ${this.key} in a call with the id ${
          inspect(this.#draft.id)
        }: the id would be deleted too, and the call could run again; call without an id`,
      );
    }
    this.#draft.isDeleting = true;
    this.#draft.isStopping = true;
  }

  refuse(message: string, data?: unknown): never {
    throw new Refusal(message, data);
  }
}

const FULL =
  `it remembers ${MAX_IDS} ids, the most for a time, and may forget none of them yet; lower remember.for, or spread the calls over more keys`;

/** The bounds of the pause after a failed load, in milliseconds. */
const PAUSE = { min: 20, max: 1000 };

/** The callback module and the state of one entity. */
export class EntityServer {
  /** The type: spans have few names, so they have no keys. */
  readonly name: string;
  /** The label of its process. */
  readonly #label: string;
  readonly #home: EntityNode;
  readonly #shard: OwnedShard;
  readonly #definition: Definition;
  readonly #key: string;
  readonly #room: Room;
  readonly #draft: Draft = {
    state: undefined,
    alarms: NO_ALARMS,
    number: 0,
    isDirty: false,
    isStopping: false,
    isDeleting: false,
    id: undefined,
    outbox: [],
    statements: [],
  };
  readonly #subscribers = new Map<
    string,
    { pid: Pid; ref: Ref; token: string; isFollower: boolean }
  >();
  /** The subscribers by the number of the monitor: thousands can be lost with one node. */
  readonly #monitored = new Map<number, string>();
  readonly #requests: RememberedIds;
  #live: LiveEntity | undefined;
  #me: LocalProcess | undefined;
  /** The state as JSON, before the method that runs. */
  #text = "";
  /** The fields of a small state as they are in `#text`, once a method has not changed them. */
  #fields: Fields | undefined;
  /** The rest of the draft before the method that runs. */
  readonly #before: Pick<
    Draft,
    "alarms" | "number" | "isDirty" | "isStopping"
  > = { alarms: NO_ALARMS, number: 0, isDirty: false, isStopping: false };
  /** `#text` before the method that runs. */
  #textBefore = "";
  readonly #log: EntityLog | undefined;
  /** Answers that wait for the next write, which has what their calls have changed. */
  readonly #held = new HeldAnswers();
  /** Whether a message in the mailbox says that they wait no longer. */
  #isReleasing = false;
  /** Whether the store has a state of this entity. */
  #isStored = false;
  #version = 0;
  /** Whether a change is not stored yet, as the type stores at intervals, and whether one of the state is not. */
  #isBehind = false;
  #isStateBehind = false;
  /** What reads see, of types with reads. */
  readonly #accepted: AcceptedState | undefined;
  /** The runs: of types with durable methods, and of others that had some when the state was stored. */
  #runs: Runs | undefined;
  /** The moment at which runs go on, if it is near. */
  #moment: { at: number; timer: Ref | undefined } | undefined;
  /** Whether the process ends once no step runs. */
  #isClosing = false;

  constructor(home: EntityNode, shard: OwnedShard, key: string) {
    this.name = shard.definition.name;
    this.#label = `${this.name} ${key}`;
    this.#home = home;
    this.#shard = shard;
    this.#definition = shard.definition;
    this.#key = key;
    const { log } = this.#definition;
    this.#log = log && new EntityLog(log);
    this.#room = new Room(key, shard, this.#draft, home, this.#logOfRoom());
    this.#requests = new RememberedIds(this.#definition.options.remember);
    if (this.#definition.reads.size > 0) this.#accepted = new AcceptedState();
    if (this.#definition.durable.size > 0) {
      this.#runs = new Runs(this.#runsHome());
    }
  }

  /** Notes its entry among the entities in memory. */
  setLive(live: LiveEntity): void {
    this.#live = live;
  }

  /** The state now, for observers. */
  get state(): unknown {
    return this.#draft.state;
  }

  /** Runs a read, as code of the calling process, once the state is loaded. */
  async read(method: string, args: unknown[]): Promise<EntityReply> {
    const read = this.#definition.reads.get(method);
    if (read === undefined) return ["no_method"];
    const refusal = await this.#accepted!.loaded() ?? this.#refusal();
    if (refusal !== undefined) return refusal;
    const { runtime } = this.#home;
    this.#live!.usedAt = runtime.clock.now();
    const room = {
      key: this.#key,
      fence: this.#shard.epoch,
      now: () => this.#home.now(),
      state: this.#accepted!.state,
    };
    const { limit } = this.#definition.options;
    return await runRead(runtime, read, room, args, limit);
  }

  /** Ends the reads that wait for the state: the process has ended. */
  endReads(reply: EntityReply = ["moved"]): void {
    this.#accepted?.end(reply);
  }

  init(): { type: "ok"; state: unknown; continue: "load" } {
    Process.setLabel(this.#label);
    this.#me = currentProcess();
    return { type: "ok", state: undefined, continue: "load" };
  }

  async handleContinue(): Promise<Next> {
    try {
      if (!await this.#load()) return this.#stop();
    } catch (error) {
      return this.#crash(error, false);
    }
    this.#live!.usedAt = this.#home.runtime.clock.now();
    return this.#idle();
  }

  terminate(): void {
    if (this.#live !== undefined) {
      this.#shard.removeEnded(this.#key, this.#live);
    }
  }

  // Requests.

  handleCall(
    request: unknown,
    from: From,
  ): Answer | Promise<Answer> {
    if (!isEntityRequest(request)) return this.#reply(["no_method"]);
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#reply(refusal);
    const isMethod = request[0] === "call" &&
      this.#definition.methods.has(request[1]);
    if (!isMethod && this.#held.size > 0) {
      return this.#release().then((end) =>
        end === undefined
          ? this.handleCall(request, from)
          : { ...end, reply: ["moved"] }
      );
    }
    if (request[0] === "subscribe" || request[0] === "follow") {
      const [kind, token] = request;
      const isFollower = kind === "follow";
      if (isFollower && this.#log === undefined) {
        return this.#reply(["no_method"]);
      }
      if (!this.#subscribe(from.pid, token, isFollower)) {
        return this.#reply(["moved"]);
      }
      const subscription: Subscription = [
        isFollower ? this.#log!.stored : this.#draft.number,
        self(),
      ];
      return this.#reply(["ok", subscription]);
    }
    if (request[0] !== "call") return this.#askRuns(request, from);
    const [, method, args, id, until] = request;
    // Its caller has given up: a queue of such calls would only delay the others.
    if (this.#isAbandoned(from, until)) return this.#reply(["moved"]);
    if (id !== undefined) {
      if (this.#requests.has(id)) {
        return this.#replyTo(from, ["ok", this.#requests.reply(id)]);
      }
      if (this.#requests.isFull(this.#home.now())) {
        return this.#reply(["overloaded", FULL]);
      }
    }
    const fn = this.#definition.methods.get(method);
    if (fn !== undefined) return this.#run(fn, args, id, from);
    return this.#definition.durable.has(method)
      ? this.#startRun(method, args, id)
      : this.#reply(["no_method"]);
  }

  async handleCast(request: unknown): Promise<Next> {
    const [what, token, about] = Array.isArray(request) ? request : [];
    // Any node can send to this process.
    if (token !== this.#home.token) return this.#idle();
    const end = await this.#release();
    if (end !== undefined) return end;
    if (what === "close") return await this.#close();
    if (what === "run") return await this.#goOn(about as string);
    if (what === "idle") {
      const { idle } = this.#definition.options;
      const isIdle = this.#subscribers.size === 0 && !this.#live!.isBusy &&
        this.#runs?.isAwaited !== true &&
        this.#home.runtime.clock.now() - this.#live!.usedAt >= idle;
      return isIdle ? await this.#leave() : this.#idle();
    }
    this.#live!.isAlarmed = false;
    this.#runs?.atMoment();
    const due = this.#dueAlarm();
    return due === undefined || this.#refusal() !== undefined
      ? this.#idle()
      : await this.#ring(...due);
  }

  async handleInfo(
    message: "flush" | DownMessage | TimerMessage,
  ): Promise<Next> {
    if (message === "flush") {
      this.#isReleasing = false;
      return await this.#release() ?? await this.#flush() ?? this.#idle();
    }
    if ((message as TimerMessage | null)?.token === this.#home.token) {
      if (message.type === "$entity_leave") return await this.#leave();
      this.#moment = undefined;
      this.#runs!.atMoment();
      return this.#idle();
    }
    // Any process can send a DOWN.
    if (isDown(message) && currentProcess().isDown(message.ref)) {
      this.#unsubscribe(message.ref);
    }
    return this.#idle();
  }

  /** Why no method may begin. */
  #refusal(): EntityReply | undefined {
    if (this.#shard.state !== "open") return ["moved"];
    return this.#home.lease.isValid ? undefined : ["no_store"];
  }

  /** Whether the caller does not wait any more. */
  #isAbandoned(
    { pid, alias }: From,
    until: number | undefined,
  ): boolean {
    const { runtime } = this.#home;
    return pid.node === runtime.node
      ? alias !== undefined && runtime.aliases.get(alias.number) === undefined
      : until !== undefined && this.#home.now() > until;
  }

  /** Adds a subscriber, unless its node has too many entries here. */
  #subscribe(pid: Pid, token: string, isFollower: boolean): boolean {
    const id = String(pid);
    const known = this.#subscribers.get(id);
    if (known === undefined && !currentProcess().keepFor(pid.node)) {
      return false;
    }
    const ref = known?.ref ?? Process.monitor(pid);
    this.#subscribers.set(id, { pid, ref, token, isFollower });
    this.#monitored.set(ref.number, id);
    return true;
  }

  #unsubscribe({ number }: Ref): void {
    const id = this.#monitored.get(number);
    if (id === undefined) return;
    currentProcess().dropFor(this.#subscribers.get(id)!.pid.node);
    this.#subscribers.delete(id);
    this.#monitored.delete(number);
  }

  // Alarms.

  #dueAlarm(): [name: string, alarm: Alarm] | undefined {
    const due = nextAlarm(this.#draft.alarms);
    return due !== undefined && due[1].next <= this.#home.now()
      ? due
      : undefined;
  }

  async #ring(name: string, alarm: Alarm): Promise<Next> {
    const draft = this.#draft;
    const { alarm: fn, options: { limit } } = this.#definition;
    const { runtime } = this.#home;
    draft.alarms = withAlarm(draft.alarms, name, undefined);
    draft.isDirty = true;
    let result = await this.#run(
      (room, ...args) => endedWithin(runtime, limit, fn?.(room, ...args)),
      [alarm.data, name],
      undefined,
      undefined,
      Infinity,
    );
    const [outcome, error] = (result as { reply?: EntityReply }).reply ?? [];
    if (outcome === "crashed" || outcome === "sql") {
      await this.#failAlarm(name, alarm, error);
    }
    // A refusal undoes the changes of the alarm, but the alarm has run.
    if (outcome === "refused") {
      result = await this.#finish(undefined, undefined);
    }
    if (result.type === "stop") {
      return { ...this.#stop(), reason: result.reason };
    }
    if (this.#dueAlarm() !== undefined) {
      this.#live!.isAlarmed = true;
      this.#home.tell(self(), "alarm");
    }
    return this.#idle();
  }

  /** Stores when an alarm that has thrown runs again. If that fails, the alarm is still due in the store. */
  async #failAlarm(name: string, alarm: Alarm, error: unknown): Promise<void> {
    const { retryAlarms } = this.#definition.options;
    const failed = failedAlarm(alarm, error, this.#home.now(), retryAlarms);
    this.#undo();
    this.#draft.alarms = withAlarm(this.#draft.alarms, name, failed);
    try {
      this.#live!.isForgiven = await this.#store();
    } catch {
      return;
    }
    if (failed !== undefined) return;
    this.#home.runtime.log.report(
      "error",
      () =>
        `Entities: the alarm ${
          inspect(name)
        } of the ${this.#label} has failed ${
          alarm.failures + 1
        } times, and is given up`,
      { what: "alarms that were given up" },
    );
  }

  // A method.

  #run(
    fn: EntityMethod<unknown>,
    args: unknown[],
    id: string | undefined,
    from: From | undefined,
    limit = this.#definition.options.limit,
  ): Answer | Promise<Answer> {
    this.#begin(id);
    let value: unknown;
    try {
      value = fn(this.#room, ...args);
      if (
        !(value instanceof Promise) && (this.#held.size === 0 || this.#joins)
      ) return this.#finish(value, id, from, true);
    } catch (error) {
      if (this.#held.size === 0 || error instanceof Refusal) {
        return this.#failed(error, from);
      }
      return this.#runOn(Promise.reject(error), id, Infinity);
    }
    return value instanceof Promise
      ? this.#runOn(value, id, limit)
      : this.#runOn(Promise.resolve(value), id, Infinity);
  }

  /** Begins a unit, whose changes may be undone. */
  #begin(id?: string): void {
    const live = this.#live!;
    live.isBusy = true;
    live.usedAt = this.#home.lease.readAt;
    const before = this.#before;
    const draft = this.#draft;
    before.alarms = draft.alarms;
    before.number = draft.number;
    before.isDirty = draft.isDirty;
    before.isStopping = draft.isStopping;
    this.#textBefore = this.#text;
    this.#log?.begin();
    draft.id = id;
  }

  /** Ends a method later: once it has ended, and the answers of before it have left. */
  async #runOn(
    promise: Promise<unknown>,
    id: string | undefined,
    limit: number,
  ): Promise<Answer> {
    const { warden, token } = this.#home;
    const timer = limit === Infinity ? undefined : Process.sendAfter(
      warden,
      { type: "$entity_limit", token, pid: self(), name: this.#label, limit },
      limit,
    );
    const released = this.#held.size > 0 ? this.#settle(true, true) : undefined;
    try {
      const value = await promise;
      return await released ?? await this.#finish(value, id);
    } catch (error) {
      return await released ?? this.#failed(error);
    } finally {
      if (timer !== undefined) Process.cancelTimer(timer);
      this.#live!.usedAt = this.#home.runtime.clock.now();
    }
  }

  /** Whether what the method that runs has done may be in one write with other calls. */
  get #joins(): boolean {
    const { statements, isStopping, isDeleting } = this.#draft;
    return statements.length === 0 && !isStopping && !isDeleting;
  }

  /** Ends a method. One that has run `isAtOnce` has not awaited anything since the lease was valid. */
  #finish(
    value: unknown,
    id: string | undefined,
    from?: From,
    isAtOnce = false,
  ): Answer | Promise<Answer> {
    if (this.#draft.isDeleting) {
      this.#isBehind = this.#isStateBehind = true;
      return this.#finishLater(value, true);
    }
    const answer = id === undefined ? undefined : rememberedReply(id, value);
    if (id !== undefined) this.#draft.isDirty = true;
    const hasNewState = this.#noteUnit();
    // From here on, the call has ended well.
    if (id !== undefined) this.#requests.add(id, answer, this.#home.now());
    const isChanged = hasNewState || this.#log?.news.length! > 0;
    this.#isStateBehind ||= hasNewState;
    const { durability } = this.#definition.options;
    if (durability === "call") this.#isBehind ||= isChanged;
    else this.#noteBehind(isChanged, durability.every);
    const waits = this.#isBehind &&
      (durability === "call" || this.#log?.isFull === true);
    const isShared = this.#held.size > 0 || this.#me!.mailbox.length > 0;
    if (
      waits && durability === "call" && from !== undefined && this.#joins &&
      isShared
    ) return this.#hold(from, ["ok", value]);
    // Such a method has read the state when the lease was valid, which was during its call.
    const isRead = isAtOnce && !isChanged;
    if (
      !waits && this.#draft.outbox.length === 0 && (isRead || this.#mayLeave)
    ) return this.#done(value);
    return this.#finishLater(value, waits);
  }

  async #finishLater(
    value: unknown,
    waits: boolean,
  ): Promise<Answer> {
    const end = await this.#settle(waits);
    if (end !== undefined) return end;
    this.#sendBroadcasts(this.#draft.outbox.splice(0));
    return await this.#done(value);
  }

  /** Answers a call, after the calls of before that wait for their write. */
  #replyTo(
    from: From | undefined,
    reply: EntityReply,
  ): Answer | Promise<Answer> {
    return this.#held.size > 0 && from !== undefined
      ? this.#hold(from, reply)
      : this.#reply(reply);
  }

  /** Holds the answer to a call until the calls that wait in the mailbox have run too, and all of them are stored. */
  #hold(from: From, reply: EntityReply): Answer | Promise<Answer> {
    const outbox = this.#draft.outbox.splice(0);
    const isFull = this.#held.add(
      { from, reply: this.#copyOf(reply), outbox },
      this.#home.runtime.clock.now(),
    );
    if (isFull || this.#log?.isFull || this.#me!.mailbox.length === 0) {
      return this.#release().then((end) => {
        if (end === undefined) return this.#idle();
        // This call has its answer.
        const { type, reason, state } = end;
        return { type, reason, state };
      });
    }
    if (!this.#isReleasing) {
      this.#isReleasing = true;
      send(self(), "flush");
    }
    return this.#idle();
  }

  /** A copy of an answer, as later calls may change what it has of the state. */
  #copyOf(reply: EntityReply): EntityReply {
    try {
      return copyTerm(reply, this.#home.runtime.maxDepth) as EntityReply;
    } catch (error) {
      return notSent(error);
    }
  }

  /** Stores what the held answers wait for, and lets them leave; returns how the process ends then, if it does. */
  async #release(): Promise<LastAnswer | Stop | undefined> {
    if (this.#held.size === 0) return undefined;
    const end = await this.#settle(true);
    if (end !== undefined) return end;
    this.#rest();
    return this.#draft.isStopping ? await this.#leave() : undefined;
  }

  /**
   * Stores what is not stored yet if the answers wait for that, and lets held answers leave; with `isBefore`, without the changes of
   * the unit that runs. Returns how the process ends if they never may.
   */
  async #settle(
    waits: boolean,
    isBefore = false,
  ): Promise<LastAnswer | undefined> {
    const held = this.#held.take();
    let end: LastAnswer | undefined;
    try {
      if (waits && !await this.#store(this.#isStateBehind, {}, isBefore)) {
        end = this.#lost(
          "its write was refused, as its shard has another owner",
        );
      } else if (!await this.#untilItMayLeave()) {
        end = this.#lost("its shard was lost before the result could leave");
      }
    } catch (error) {
      end = error instanceof StatementError ? this.#stopFor(error) : {
        // A write that was given up may still have happened.
        ...this.#crash(error),
        reply: ["unknown", (error as Error).message],
      };
    }
    for (const { from, reply, outbox } of held) {
      if (end === undefined) this.#sendBroadcasts(outbox);
      try {
        GenServer.reply(from, end?.reply ?? reply);
      } catch (error) {
        // It is longer than the caller's node reads, for example. Other callers have their answers.
        GenServer.reply(from, notSent(error));
      }
    }
    return end;
  }

  /** Waits until an answer would count; returns false if the shard is lost. */
  async #untilItMayLeave(): Promise<boolean> {
    while (!this.#mayLeave) {
      if (this.#shard.state === "closed") return false;
      await this.#home.changes.wait();
    }
    return true;
  }

  /** Whether an answer would count now. */
  get #mayLeave(): boolean {
    return this.#shard.state !== "closed" && this.#home.lease.isValid;
  }

  #done(value: unknown): Answer | Promise<Answer> {
    this.#rest();
    return this.#draft.isStopping
      ? this.#doneAndStop(["ok", value])
      : this.#reply(["ok", value]);
  }

  async #doneAndStop(reply: EntityReply): Promise<Answer> {
    const end = await this.#flush() ?? this.#stop();
    return { ...end, reply };
  }

  /** Ends in order: what the call has changed in memory is not stored, and the next call starts from what is. */
  #stopFor({ message }: StatementError): LastAnswer {
    this.#runs?.stop(new Error(message));
    return { ...this.#stop(), reply: ["sql", message] };
  }

  #lost(why: string): LastAnswer {
    return { ...this.#stop(), reply: ["unknown", why] };
  }

  #failed(error: unknown, from?: From): Answer | Promise<Answer> {
    if (!(error instanceof Refusal)) {
      return { ...this.#crash(error), reply: ["crashed", error] };
    }
    this.#undo();
    if (this.#held.size === 0) this.#rest();
    return this.#replyTo(from, ["refused", error.message, error.data]);
  }

  // The state.

  async #load(): Promise<boolean> {
    await this.#shard.writes.get(this.#key);
    const { store } = this.#home;
    const found = await this.#answer(async () => [
      await store.load(this.#definition.name, this.#key),
    ]);
    if (found === undefined) return false;
    const [{ version, body } = { version: 0, body: "" }] = found;
    this.#version = version;
    this.#isStored = body !== "";
    this.#adopt(this.#isStored ? JSON.parse(body) : undefined);
    if (this.#log !== undefined && !await this.#loadLog(this.#log)) {
      return false;
    }
    await this.#runs?.findEvents();
    this.#rest();
    return true;
  }

  /** Reads where the log ends, and the events that the stored state does not have. */
  async #loadLog(log: EntityLog): Promise<boolean> {
    const { apply } = this.#definition;
    const { store } = this.#home;
    const { read, readBytes } = LOG_BOUNDS;
    for (;;) {
      const [after, limit] = apply === undefined
        ? [Number.MAX_SAFE_INTEGER, 0]
        : [log.saved, read];
      const part = await this.#answer(() =>
        store.readLog(this.name, this.#key, "", after, limit, readBytes)
      );
      if (part === undefined) return false;
      // The events of a deleted entity are removed; their numbers are not given again.
      if (!this.#isStored && part.events.length === 0) log.saved = part.last;
      log.adopt(part, apply && ((event) => this.#apply(event)));
      if (part.events.length > 0) continue;
      if (apply !== undefined) {
        this.#text = jsonOf(this.#draft.state, "the state");
      }
      return true;
    }
  }

  /** Asks the store until it answers; returns `undefined` if the shard is lost before. */
  async #answer<T>(question: () => Promise<T>): Promise<T | undefined> {
    let pause = PAUSE.min;
    while (this.#shard.state !== "closed") {
      try {
        return await this.#home.ask(question);
      } catch {
        await Process.sleep(pause);
        pause = Math.min(2 * pause, PAUSE.max);
      }
    }
  }

  // The log.

  /** Returns the log as the methods see it. */
  #logOfRoom(): EntityContext<unknown>["log"] {
    const log = this.#log;
    return {
      append: (event) => this.#append(event),
      get last() {
        return log?.last ?? 0;
      },
    };
  }

  #append(event: unknown): number {
    if (this.#log === undefined) {
      throw new TypeError(
        `Cannot append to the log of ${this.#key}: its type keeps none; add log: {} to its definition`,
      );
    }
    // Changes that the method itself has made are not in the log, so the state must be stored.
    if (this.#definition.apply !== undefined && this.#noteChanges()) {
      this.#draft.isDirty = true;
    }
    const [number, copy] = this.#log.append(
      event,
      this.#home.now(),
      this.#label,
    );
    if (this.#definition.apply !== undefined) {
      this.#apply(copy);
      assertJson(this.#draft.state, "the state");
      this.#text = jsonOf(this.#draft.state, "the state");
      this.#fields = undefined;
    }
    return number;
  }

  #apply(event: unknown): void {
    const state = this.#definition.apply!(this.#draft.state, event);
    if (state !== undefined) this.#draft.state = state;
  }

  /** Whether the events since the last stored state are long enough to store the state again with the next write. */
  get #needsSnapshot(): boolean {
    return this.#definition.apply !== undefined &&
      this.#log!.needsState(this.#text.length);
  }

  /** Takes a stored form as the entity, or begins with the first state. */
  #adopt(envelope: Envelope | undefined): void {
    const { state, options } = this.#definition;
    const draft = this.#draft;
    if (envelope === undefined) {
      const first = state();
      assertJson(first, "the first state");
      // A copy: the function may return the same object for each key.
      draft.state = structuredClone(first);
    } else {
      const { v, s, a, l = 0, r = [], j } = envelope;
      if (this.#log !== undefined) this.#log.saved = l;
      draft.state = v === options.version ? s : this.#migrated(envelope);
      draft.alarms = readAlarms(a);
      this.#requests.adopt(r);
      if (j !== undefined) {
        const [ended, ...open] = j;
        this.#runs ??= new Runs(this.#runsHome());
        this.#runs.load(open, ended);
      }
    }
    this.#text = jsonOf(draft.state, "the state");
    this.#home.noteAlarms(this.#shard, this.#key, draft.alarms);
  }

  #migrated({ v, s }: Envelope): unknown {
    const { migrate, version } = this.#definition.options;
    if (v > version || migrate === undefined) {
      throw new Error(
        `its state has version ${v}, and this code has ${version}${
          v > version ? "" : " and no migrate"
        }; deploy code that reads it`,
      );
    }
    const state = migrate(s, v);
    assertJson(state, "the migrated state");
    return state;
  }

  /** Ends a unit; returns whether it has changed anything that is stored with the state. */
  #noteUnit(): boolean {
    if (this.#needsSnapshot) this.#draft.isDirty = true;
    // This throws if the state cannot be stored; runs must not go on for events of such a unit.
    const isChanged = this.#noteChanges();
    const events = this.#log?.news ?? [];
    const hasNews = events.length > 0 &&
      this.#runs?.appended(events.map(({ number, body }) => ({
          number,
          event: JSON.parse(body),
        })
        )) === true;
    return isChanged || hasNews;
  }

  /** Whether the method has changed anything that is stored. */
  #noteChanges(): boolean {
    const { state, isDirty } = this.#draft;
    let isChanged = isDirty;
    this.#draft.isDirty = false;
    if (this.#definition.options.save === "explicit" && !isChanged) {
      return false;
    }
    if (hasFields(state, this.#fields)) return isChanged;
    const text = jsonOf(state, "the state");
    if (text !== this.#text) {
      assertJson(state, "the state");
      this.#text = text;
      isChanged = true;
    }
    this.#fields = isChanged ? undefined : fieldsOf(state);
    return isChanged;
  }

  /** Notes a change that is stored later; no answer waits for that. */
  #noteBehind(isChanged: boolean, every: number): void {
    if (!isChanged || this.#isBehind) return;
    this.#isBehind = true;
    Process.sendAfter(self(), "flush", every);
  }

  #undo(): void {
    this.#log?.undo();
    this.#text = this.#textBefore;
    Object.assign(this.#draft, this.#before, {
      state: JSON.parse(this.#text),
      isDeleting: false,
      outbox: [],
      statements: [],
    });
  }

  /**
   * Stores the entity, its events only if the state may stay as it is; with `isBefore`, as it was before the unit that runs, which has
   * no deletion and no statements. Returns false if another node owns the shard.
   */
  async #store(
    hasState = true,
    { appends: records = [], ended }: Partial<RunWrite> = {},
    isBefore = false,
  ): Promise<boolean> {
    const { id: shard, epoch, definition: { name: type } } = this.#shard;
    const draft = this.#draft;
    const statements = isBefore ? [] : draft.statements;
    if (!isBefore) draft.statements = [];
    const isDeleting = !isBefore && draft.isDeleting;
    const { alarms } = isBefore ? this.#before : draft;
    const text = isBefore ? this.#textBefore : this.#text;
    const hasStatements = statements.length > 0;
    hasState ||= !this.#isStored;
    const version = this.#version + (hasState ? 1 : 0);
    const events = this.#log?.appends(
      this.#home.now(),
      hasState,
      this.#definition.apply !== undefined,
      isBefore,
    ) ?? [];
    // Store pending events before the deletion, which has none, so that no number is given twice. Nor has a deletion
    // statements, as all deletions have the same body.
    const isLast = isDeleting && events.length === 0 && !hasStatements;
    const appends = [...events, ...records];
    this.#isBehind = this.#isStateBehind = false;
    const last = events[0]?.events.at(-1)?.number ?? this.#log?.stored ?? 0;
    const result = await this.#home.writer.write(this.#shard, {
      type,
      key: this.#key,
      shard,
      epoch,
      version,
      ...hasState
        ? this.#content(isLast, { text, alarms, last, hasStatements })
        : { body: null, due: null },
      ...appends.length > 0 ? { appends } : undefined,
      ...ended?.length ? { ended } : undefined,
      ...hasStatements ? { statements } : undefined,
    });
    if (typeof result === "object") {
      throw new StatementError(
        `the database has refused a statement of the ${this.#label}: ${result.error}`,
      );
    }
    if (result === "conflict") {
      await this.#findRegress();
      throw new Error(
        `Cannot store the ${this.#label}: the store refuses version ${version}; it starts again from the stored state`,
      );
    }
    if (result !== "stored") return false;
    this.#version = version;
    this.#home.noteAlarms(
      this.#shard,
      this.#key,
      isDeleting ? NO_ALARMS : alarms,
    );
    this.#isStored = !isLast;
    if (!isDeleting) this.#accepted?.accept(text);
    this.#sendEvents(this.#log?.noteStored(events, hasState) ?? []);
    return isLast || !isDeleting || await this.#store();
  }

  /** Tells the keeper if the store has an earlier version than the one that it had accepted. */
  async #findRegress(): Promise<void> {
    try {
      const stored = await this.#home.ask(() =>
        this.#home.store.load(this.#definition.name, this.#key)
      );
      const found = stored?.version ?? 0;
      const last = await this.#lastStored();
      if (this.#shard.state === "closed") return;
      if (found < this.#version) {
        this.#home.regress ??=
          `version ${found} of the ${this.#label} follows ${this.#version}`;
      }
      if (last < (this.#log?.stored ?? 0)) {
        this.#home.regress ??= `event ${last} of the ${this.#label} follows ${
          this.#log!.stored
        }`;
      }
    } catch {
      // The store does not answer: its next beat says more.
    }
  }

  /** The number of the last event in the store. */
  async #lastStored(): Promise<number> {
    if (this.#log === undefined) return 0;
    const part = await this.#home.ask(() =>
      this.#home.store.readLog(this.name, this.#key, "", 0, 0, 0)
    );
    return part.last;
  }

  #content(
    isLast: boolean,
    row: Row,
  ): Pick<StoreWrite, "body" | "due"> {
    if (isLast) return { body: "", due: null };
    const body = this.#body(row);
    const moments = [nextAlarm(row.alarms)?.[1].next, this.#runs?.due]
      .filter((at) => at !== undefined);
    return { body, due: moments.length === 0 ? null : Math.min(...moments) };
  }

  #body({ text, alarms, last, hasStatements }: Row): string {
    const { version } = this.#definition.options;
    const parts = [`"v":${version}`, `"s":${text}`];
    if (alarms.size > 0) {
      parts.push(`"a":${jsonOf(storedAlarms(alarms), "the alarms")}`);
    }
    if (this.#definition.apply !== undefined) {
      parts.push(`"l":${last}`);
    }
    const replies = this.#requests.stored();
    if (replies) parts.push(`"r":${jsonOf(replies, "the replies")}`);
    const runs = this.#runs?.row();
    if (runs !== undefined) parts.push(`"j":${runs}`);
    if (hasStatements) parts.push(`"q":"${crypto.randomUUID()}"`);
    return `{${parts.join()}}`;
  }

  /** Stores what is not stored yet; returns how the process ends if it cannot. */
  async #flush(): Promise<LastAnswer | undefined> {
    return this.#isBehind ? await this.#settle(true) : undefined;
  }

  async #leave(): Promise<Stop> {
    const end = await this.#flush();
    this.#runs?.stop(new Error("the entity goes on elsewhere"));
    return end ?? this.#stop();
  }

  /** Leaves once no step runs, but not later than a method would end. */
  async #close(): Promise<Next> {
    const isOver = this.#shard.state === "closed" || !this.#runs?.close();
    if (isOver) return await this.#leave();
    this.#isClosing = true;
    this.#after(this.#definition.options.limit, "leave");
    return this.#idle();
  }

  /** Has itself told something after some milliseconds. */
  #after(ms: number, what: "leave" | "moment"): Ref | undefined {
    const { token } = this.#home;
    return ms === Infinity
      ? undefined
      : Process.sendAfter(self(), { type: `$entity_${what}`, token }, ms);
  }

  // Runs.

  /** Notes that nothing runs now but runs of durable methods: the state is one that replies may show. */
  #rest(): void {
    const live = this.#live!;
    this.#accepted?.accept(this.#text);
    if (this.#runs === undefined) {
      live.isBusy = false;
      return;
    }
    live.isBusy = live.goesOn = this.#runs.isActive;
    if (live.goesOn) this.#home.goingOn.add(live);
    else this.#home.goingOn.delete(live);
    if (this.#runs.size === 0) this.#home.withRuns.delete(live);
    else if (!this.#home.withRuns.has(live)) {
      const open = () => this.#runs!.openInfo();
      this.#home.withRuns.set(live, { type: this.name, key: this.#key, open });
    }
  }

  async #startRun(
    method: string,
    args: unknown[],
    id: string | undefined,
  ): Promise<Answer> {
    try {
      const started = await this.#runs!.start(method, args, (run) => {
        if (id === undefined) return;
        this.#requests.add(id, run, this.#home.now());
        this.#draft.isDirty = true;
      });
      if (started === "lost") {
        return this.#lost("its shard was lost before the call was stored");
      }
      if ("id" in started) return await this.#done(started.id);
      this.#rest();
      if ("tooMany" in started) {
        return this.#reply(["overloaded", started.tooMany]);
      }
      const { error } = started;
      return this.#reply(
        error instanceof Refusal
          ? ["refused", error.message, error.data]
          : ["crashed", error],
      );
    } catch (error) {
      if (error instanceof StatementError) return this.#stopFor(error);
      return {
        ...this.#crash(error),
        reply: ["unknown", (error as Error).message],
      };
    }
  }

  async #goOn(run: string): Promise<Next> {
    try {
      if (!await this.#runs!.handle(run)) return this.#stop();
    } catch (error) {
      return this.#crash(error);
    }
    if (this.#draft.isStopping) return await this.#leave();
    this.#rest();
    return this.#isClosing && !this.#runs!.close()
      ? await this.#leave()
      : this.#idle();
  }

  async #askRuns(
    request: Extract<EntityRequest, ["run" | "runs", ...unknown[]]>,
    from: From,
  ): Promise<Answer> {
    const runs = this.#runs;
    if (runs === undefined) return this.#reply(["no_method"]);
    try {
      if (request[0] === "runs") return this.#reply(["ok", await runs.info()]);
      const [, id, what] = request;
      if (what === "result") {
        const outcome = await runs.result(id, request[3], from);
        return outcome === undefined
          ? this.#idle()
          : this.#reply(["ok", outcome]);
      }
      const isDone = await runs[what](id);
      if (isDone === undefined) {
        return this.#lost(`its shard was lost before the ${what} was stored`);
      }
      return await this.#done(isDone);
    } catch (error) {
      return {
        ...this.#crash(error),
        reply: ["unknown", (error as Error).message],
      };
    }
  }

  #runsHome(): RunsHome {
    const { store, runtime } = this.#home;
    const { options, durable } = this.#definition;
    return {
      label: this.#label,
      room: this.#room,
      limit: options.limit,
      hasLog: this.#log !== undefined,
      bounds: options.runs,
      methods: durable,
      process: () => this.#me!,
      stateText: () =>
        options.save === "explicit"
          ? jsonOf(this.#draft.state, "the state")
          : this.#text,
      after: (ms, fn) => runtime.deadlines.after(ms, fn),
      now: () => this.#home.now(),
      lastEvent: () => this.#log?.last ?? 0,
      pendingEvents: () => this.#log?.pending ?? [],
      readLog: async (...args) => {
        const part = await this.#answer(() =>
          store.readLog(this.#definition.name, this.#key, ...args)
        );
        if (part === undefined) throw new Error("its shard was lost");
        return part;
      },
      begin: () => this.#begin(),
      undo: () => this.#undo(),
      commit: (write) => this.#commit(write),
      wake: (run) => this.#home.tell(this.#me!.pid, "run", run),
      wakeAt: (at) => this.#wakeAt(at),
      count: (state) => this.#home.countRun(this.name, state),
      refusalOf: (error) => error instanceof Refusal ? error : undefined,
    };
  }

  /** Stores the changes of a unit of a run; returns false if the shard is lost. */
  async #commit(write: RunWrite): Promise<boolean> {
    const isChanged = this.#noteUnit();
    const hasState = isChanged || write.isRow || this.#isBehind;
    if (!await this.#store(hasState, write)) return false;
    if (!await this.#untilItMayLeave()) return false;
    this.#sendBroadcasts(this.#draft.outbox.splice(0));
    return true;
  }

  #wakeAt(at: number): void {
    const left = at - this.#home.now();
    // The keeper finds later ones.
    if (left > 2 * this.#home.lease.interval || this.#moment?.at! <= at) return;
    if (this.#moment?.timer) Process.cancelTimer(this.#moment.timer);
    const timer = this.#after(Math.max(0, Math.ceil(left)), "moment");
    this.#moment = { at, timer };
  }

  #sendEvents(events: StoredEvent[]): void {
    if (events.length === 0) return;
    for (const { pid, token, isFollower } of this.#subscribers.values()) {
      if (!isFollower) continue;
      const news: LogNews = { type: "$entity_log", token, events };
      this.#sendTo(pid, news);
    }
  }

  #sendTo(pid: Pid, message: Broadcast | LogNews): void {
    try {
      send(pid, message);
    } catch {
      // Its node does not read. It learns by the end of this process that something is missing.
      this.#draft.isStopping = this.#before.isStopping = true;
    }
  }

  #sendBroadcasts(outbox: readonly PendingBroadcast[]): void {
    for (const { number, message } of outbox) {
      const broadcast: Broadcast = {
        type: "$entity_broadcast",
        token: "",
        number,
        message,
      };
      for (const { pid, token, isFollower } of this.#subscribers.values()) {
        if (!isFollower) this.#sendTo(pid, { ...broadcast, token });
      }
    }
  }

  // Results.

  #reply(reply: EntityReply): Answer {
    return { type: "reply", reply, state: this.#draft.state };
  }

  #idle(): Next {
    return { type: "noreply", state: this.#draft.state };
  }

  /** Ends in order. */
  #stop(): Stop {
    this.endReads();
    const reason = { type: "shutdown", reason: this.#end(true) };
    return { type: "stop", reason, state: this.#draft.state };
  }

  #crash(error: unknown, hasStarted = true): Stop {
    this.endReads(hasStarted ? ["moved"] : ["crashed", error]);
    const what = hasStarted ? "A method has ended" : "Cannot start";
    const reason = new EntityError(
      "crashed",
      false,
      `${what} the ${this.#label}: ${
        error instanceof Error ? error.message : inspect(error)
      }`,
      { cause: error, data: this.#end(hasStarted) },
    );
    return { type: "stop", reason, state: this.#draft.state };
  }

  #end(hasStarted: boolean): EntityEnd {
    return ["entity_ended", self(), hasStarted];
  }
}

/** The answer to a call whose own answer cannot be sent: callers of servers see the same. */
function notSent(error: unknown): EntityReply {
  const why = error instanceof Error ? error.message : inspect(error);
  return ["unknown", `${self().node} could not answer: ${why}`];
}
