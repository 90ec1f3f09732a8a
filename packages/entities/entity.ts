/**
 * Definitions of entities: a state, and methods that run one at a time for each key.
 *
 * @module
 */

import {
  checkOptions,
  checkRecord,
  integerFrom,
  RECORD,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import type { Pid } from "@otp/processes/process";
import { BOUNDS } from "@otp/processes/values/bounds";
import { BACKOFF, type Backoff } from "./backoff.ts";
import { isKey } from "./requests.ts";
import type { LogSettings } from "./entity_log.ts";
import { logReader } from "./log_reader.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import { callEntity, findEntity, readEntity } from "./caller.ts";
import type { EntityReads } from "./reads.ts";
import { subscribeTo } from "./subscription.ts";
import {
  type DurableMethods,
  type EntityRun,
  type EntityRuns,
  runBounds,
  type RunInfo,
} from "./durable_types.ts";
import { runOf, runsOf } from "./run_handle.ts";
import {
  CALL_OPTIONS,
  type Definition,
  ENTITY_OPTIONS,
  type EntityCallOptions,
  type EntityHandle,
  type EntityLogOptions,
  type EntityLogReader,
  type EntityMethod,
  type EntityMethods,
  type EntityOptions,
  type EntityTarget,
  type EntityType,
} from "./entity_types.ts";

/** Entities: a process for each key, on one node of the cluster at a time, with a stored state. */
export class Entity {
  private constructor() {}

  /**
   * Defines a type of entities.
   *
   * Every method gets the entity first; callers give the other arguments. Methods of one key run one at a time: a method
   * that awaits holds up the next call. Arguments and results are values that can be sent.
   *
   * A method that throws ends the process of the entity: its changes are dropped, and the next call starts from the
   * stored state. `room.refuse()` is for errors that callers expect.
   *
   * With `log`, each key has a log of numbered events, to which methods append (`room.log.append`), and which any node
   * reads and follows (`Room.get(key).log`). With `apply`, the state is made of these events: each is applied when it is
   * appended, and again when the entity starts, to the last state that was stored. So it must do the same each time: it
   * reads no clock, and has no effect but on the state. It changes the state or returns another.
   *
   * `reads` has methods that run at once, also while a method of the key waits, on the last accepted state, which they
   * cannot change: it is frozen. A read that throws ends nothing.
   *
   * @typeParam S The state.
   * @typeParam M The methods.
   * @typeParam E The type of the log's events, from the second parameter of `apply` or from `log`.
   * @param name The name of the type: the same on all nodes, and in the store.
   * @param definition `state`, which returns the first state of a key; `log` and `apply`, before the methods; `reads` and `durable`; the methods.
   * @param options The durability, the limits, and the migration of older states.
   * @returns The type, for {@linkcode Entities.childSpec} and for calls.
   * @throws {TypeError} If a name is invalid, a method is not a function, or an option is unknown.
   * @throws {RangeError} If a number is out of bounds.
   *
   * @example Rooms
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const Room = Entity.define("room", {
   *   state: () => ({ members: [] as string[] }),
   *   join(room, user: string) {
   *     room.state.members.push(user);
   *     return room.state.members.length;
   *   },
   * });
   *
   * const tree = await Supervisor.startLink([
   *   Entities.childSpec({ types: [Room], store: memoryStore() }),
   * ], { strategy: "one_for_one" });
   * assertEquals(await Room.get("r1").join("moebi"), 1);
   * assertEquals(await Room.get("r1").join("kate"), 2);
   * // @ts-expect-error: a room has no such method
   * const wrong = () => Room.get("r1").leave("kate");
   * await Supervisor.stop(tree);
   * ```
   *
   * @example An account that is made of its events
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const Account = Entity.define("account", {
   *   state: () => ({ cents: 0 }),
   *   log: { keep: { days: 3650 } },
   *   apply: (account, event: { paid: number }) => void (account.cents += event.paid),
   *   pay: (account, cents: number) => account.log.append({ paid: cents }),
   *   balance: (account) => account.state.cents,
   * });
   *
   * const tree = await Supervisor.startLink([
   *   Entities.childSpec({ types: [Account], store: memoryStore() }),
   * ], { strategy: "one_for_one" });
   * const kate = Account.get("kate");
   * assertEquals([await kate.pay(500), await kate.pay(70)], [1, 2]);
   * assertEquals(await kate.balance(), 570);
   * const { events } = await kate.log.read({ after: 1 });
   * assertEquals(events.map(({ event }) => event.paid), [70]);
   * await Supervisor.stop(tree);
   * ```
   */
  static define<S, M extends EntityMethods<S, E>, E = unknown>(
    name: string,
    definition: {
      state: () => S;
      log?: EntityLogOptions<E>;
      apply?: (state: S, event: E) => unknown;
      durable?: DurableMethods<S, E>;
      reads?: EntityReads<S>;
    } & M,
    options: EntityOptions = {},
  ): EntityType<M> {
    const doing = `define the entity ${inspect(name)}`;
    if (typeof name !== "string" || !/^[\w.-]{1,100}$/.test(name)) {
      throw typeError(
        name,
        `Cannot ${doing}: give up to 100 letters, digits, "_", "." and "-"`,
      );
    }
    checkRecord(definition, doing, "{ state: () => 0 }");
    const { state, alarm, log, apply, durable = {}, reads = {}, ...others } =
      definition as
        & { state: () => unknown; durable?: DurableMethods<unknown> }
        & { reads?: EntityReads<unknown> }
        & { log?: EntityLogOptions; apply?: Definition["apply"] }
        & Record<string, EntityMethod<unknown>>;
    checkRecord(durable, `${doing} with such durable methods`);
    checkRecord(reads, `${doing} with such reads`);
    const methods = new Map(Object.entries(others));
    const named = [...Object.entries(durable), ...Object.entries(reads)];
    const functions: [string, unknown][] = [
      ["state", state],
      ["apply", apply ?? state],
      ...methods,
      ...named,
    ];
    for (const [method, fn] of functions) {
      if (typeof fn === "function") continue;
      throw new TypeError(
        `Cannot ${doing}: ${method} is ${
          inspect(fn)
        }; give a function, and options as the third argument`,
      );
    }
    const hasRuns = Object.keys(durable).length > 0;
    for (const reserved of hasRuns ? DURABLE_RESERVED : RESERVED) {
      if (!functions.some(([method]) => method === reserved)) continue;
      throw new TypeError(
        `Cannot ${doing}: a method cannot be named ${reserved}, as handles use that name; choose another`,
      );
    }
    const taken = new Set([...methods.keys(), "alarm", "state"]);
    for (const [method] of named) {
      if (!taken.has(method)) {
        taken.add(method);
        continue;
      }
      throw new TypeError(
        `Cannot ${doing}: there is another method ${method} than the durable one or the read; choose another name`,
      );
    }
    const known: Definition = {
      name,
      state,
      methods,
      durable: new Map(Object.entries(durable)),
      reads: new Map(Object.entries(reads)),
      alarm: alarm as EntityMethod<unknown> | undefined,
      log: checkedLog(log ?? (apply && {}), doing),
      apply,
      options: checkedOptions(options, doing),
    };
    if (apply !== undefined && known.options.save === "explicit") {
      throw new TypeError(
        `Cannot ${doing} with apply and save: "explicit": its state changes by events; leave save out`,
      );
    }
    const TypedHandle = handleClass(known);
    return {
      name,
      get: (key, options) =>
        new TypedHandle(
          checkedTarget(known, key, options),
        ) as unknown as EntityHandle<M>,
      _definition: known,
    };
  }
}

/** Names that handles use. */
const RESERVED = ["pid", "subscribe", "then"];
const DURABLE_RESERVED = [...RESERVED, "runs", "run"];

const TARGET = Symbol("target");

/** An entity for calls, without the methods of its type. */
class Handle {
  readonly [TARGET]: EntityTarget;

  constructor(target: EntityTarget) {
    this[TARGET] = target;
  }

  pid(): Promise<Pid> {
    return findEntity(this[TARGET]);
  }

  subscribe(): Promise<Pid> {
    return subscribeTo(this[TARGET]);
  }

  get log(): EntityLogReader {
    return logReader(this[TARGET]);
  }
}

/** An entity with runs. */
class DurableHandle extends Handle implements EntityRuns {
  runs(): Promise<RunInfo[]> {
    return runsOf(this[TARGET]);
  }

  run(id: string): EntityRun {
    return runOf(this[TARGET], id);
  }
}

/** The class of a type's handles. */
function handleClass({ methods, durable, reads }: Definition): typeof Handle {
  class TypedHandle extends (durable.size > 0 ? DurableHandle : Handle) {}
  const prototype = TypedHandle.prototype as unknown as Record<string, unknown>;
  for (const method of methods.keys()) {
    prototype[method] = function (this: Handle, ...args: unknown[]) {
      return callEntity(this[TARGET], method, args);
    };
  }
  for (const method of durable.keys()) {
    prototype[method] = async function (this: Handle, ...args: unknown[]) {
      const id = await callEntity(this[TARGET], method, args);
      return runOf(this[TARGET], id as string);
    };
  }
  for (const method of reads.keys()) {
    prototype[method] = function (this: Handle, ...args: unknown[]) {
      return readEntity(this[TARGET], method, args);
    };
  }
  return TypedHandle;
}

const NO_OPTIONS: EntityCallOptions = {};

function checkedTarget(
  definition: Definition,
  key: string,
  options: EntityCallOptions = NO_OPTIONS,
): EntityTarget {
  const { name } = definition;
  if (!isKey(key)) {
    throw typeError(
      key,
      `Cannot get the ${name} with the key ${
        inspect(key)
      }: give a text of 1 to ${BOUNDS.entityKey} characters, well formed and without NUL`,
    );
  }
  if (options === NO_OPTIONS) return { definition, key, options };
  checkOptions(options, `get the ${name}`, CALL_OPTIONS, '{ id: "7" }');
  return { definition, key, options };
}

const LOG_OPTIONS: OptionChecks<EntityLogOptions> = {
  keep: RECORD,
  event: true,
};

const KEEP_OPTIONS: OptionChecks<NonNullable<EntityLogOptions["keep"]>> = {
  events: {
    accepts: (events) =>
      events === Infinity ||
      Number(events) >= 1 && Number.isSafeInteger(events),
    give: "an integer above 0, or Infinity",
    isNumber: true,
  },
  days: {
    accepts: (days) => typeof days === "number" && days > 0,
    give: "a number above 0",
    isNumber: true,
  },
};

const DAY = 86_400_000;

function checkedLog(
  log: EntityLogOptions | undefined,
  doing: string,
): LogSettings | undefined {
  if (log === undefined) return undefined;
  checkOptions(
    log,
    `${doing} with such a log`,
    LOG_OPTIONS,
    "{ keep: { events: 1000 } }",
  );
  const { keep = {} } = log;
  checkOptions(
    keep,
    `${doing} with such a log`,
    KEEP_OPTIONS,
    "{ events: 1000, days: 30 }",
  );
  const { events = Infinity, days = Infinity } = keep;
  return { events, time: days * DAY };
}

const EVERY = { every: { ...TIMEOUT, isRequired: true } };

const REMEMBER = { calls: integerFrom(0), for: TIMEOUT };

function checkedOptions(
  options: EntityOptions,
  doing: string,
): Definition["options"] {
  checkOptions(options, doing, ENTITY_OPTIONS, '{ durability: "call" }');
  const {
    durability = "call",
    save = "auto",
    idle = 300_000,
    limit = 60_000,
    version = 1,
    migrate,
    maxRestarts = 3,
    maxSeconds = 5,
    remember = 100,
  } = options;
  if (durability !== "call") {
    checkOptions(durability, doing, EVERY, "{ every: 1000 }");
  }
  const remembers = typeof remember === "number"
    ? { calls: remember }
    : remember;
  checkOptions(remembers, doing, REMEMBER, "{ calls: 100, for: 60_000 }");
  const { calls = 100, for: time = 0 } = remembers;
  return {
    ...{ durability, save, idle, limit, version, migrate },
    ...{ maxRestarts, maxSeconds },
    retryAlarms: checkedBackoff(options.retryAlarms, doing, 1000, 300_000),
    retryParked: checkedBackoff(options.retryParked, doing, 10_000, 600_000),
    remember: { calls, for: time },
    runs: runBounds(options.runs ?? {}, doing),
  };
}

function checkedBackoff(
  backoff: Backoff = {},
  doing: string,
  usualMin: number,
  usualMax: number,
): Required<Backoff> {
  checkOptions(backoff, doing, BACKOFF, `{ min: ${usualMin} }`);
  const { min = usualMin, attempts = Infinity } = backoff;
  const { max = Math.max(min, usualMax) } = backoff;
  if (min <= max) return { min, max, attempts };
  throw new RangeError(
    `Cannot ${doing} with pauses from ${min} to ${max} ms: give a max that is not below min`,
  );
}
