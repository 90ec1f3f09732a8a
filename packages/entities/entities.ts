/**
 * The entities of a node: the server under a supervisor.
 *
 * @module
 */

import { GenServer } from "@otp/servers/gen_server/gen_server";
import { startGenServer } from "@otp/servers/gen_server/gen_server_process";
import type { Pid } from "@otp/processes/process";
import type { ChildSpec } from "@otp/servers/supervisor/supervisor";
import {
  checkList,
  checkOptions,
  countFrom,
  FLAG,
  integerFrom,
  RECORD,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import { BOUNDS } from "@otp/processes/values/bounds";
import { EntityError } from "./entity_error.ts";
import { isKey } from "./requests.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import type { EntitySettings } from "./entity_node.ts";
import type { EntityRun, RunInfo } from "./durable_types.ts";
import type {
  EntitiesOptions,
  EntityTarget,
  EntityType,
} from "./entity_types.ts";
import { typeHere } from "./nodes_here.ts";
import { runOf, runsOf } from "./run_handle.ts";
import { type EntitiesInfo, HostServer } from "./host_server.ts";
import type { Store } from "./store.ts";

/** The shortest lease, in milliseconds: ten renewals must fit in it. */
const MIN_LEASE = 100;

/** The maximum number of shards of a type: each node keeps all of them in memory, and reads them with each renewal. */
const MAX_SHARDS = 65_536;

const ENTITIES_OPTIONS: OptionChecks<EntitiesOptions> = {
  types: {
    accepts: (types) =>
      Array.isArray(types) && types.length > 0 &&
      types.every((type) => type?._definition !== undefined) &&
      new Set(types.map(({ _definition: { name } }) => name)).size ===
        types.length,
    give:
      "a list of what Entity.define() returns, each with a name of its own; one at least",
    isRequired: true,
  },
  store: {
    accepts: (store) => typeof (store as Store | null)?.beat === "function",
    give: "sqliteStore(file), postgresStore(query) or memoryStore()",
    isRequired: true,
  },
  hosts: FLAG,
  shards: integerFrom(1, MAX_SHARDS),
  lease: {
    accepts: (lease) =>
      typeof lease === "number" && lease >= MIN_LEASE && lease < Infinity,
    give: `${MIN_LEASE} milliseconds or more`,
    isNumber: true,
  },
  weight: {
    accepts: (weight) =>
      typeof weight === "number" && weight > 0 && weight < Infinity,
    give: "a number above 0",
    isNumber: true,
  },
  pins: RECORD,
  maxEntities: integerFrom(1),
  maxHeld: countFrom(0),
  maxMoves: integerFrom(1),
  name: {
    accepts: (name) => typeof name === "string" && name !== "",
    give: "a text that is not empty",
  },
};

/** Options for {@linkcode Entities.keys}. */
export interface EntityKeysOptions {
  /**
   * The last key of the page before.
   *
   * @default {""}
   */
  after?: string;
  /**
   * What the keys begin with.
   *
   * @default {""}
   */
  prefix?: string;
  /**
   * The number of keys, from 1 to 10,000.
   *
   * @default {1000}
   */
  limit?: number;
}

const PART_OF_KEY = {
  accepts: (text: unknown) => text === "" || isKey(text),
  give:
    `a text of at most ${BOUNDS.entityKey} characters, well formed and without NUL`,
};

const KEYS_OPTIONS: OptionChecks<EntityKeysOptions> = {
  after: PART_OF_KEY,
  prefix: PART_OF_KEY,
  limit: integerFrom(1, 10_000),
};

/** The entities of a node. */
export class Entities {
  private constructor() {}

  /**
   * Returns the child specification of a node's entities.
   *
   * The child starts at once, and joins when the store answers. Calls wait for that. When the node drains
   * ({@linkcode Node.drain}), its entities are handed over to other nodes, and no call fails.
   *
   * @returns The specification; its id is the name.
   * @throws {TypeError} If an option is unknown or invalid.
   * @throws {RangeError} If a number is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", { state: () => 0, add: (it, n: number) => it.state += n });
   * const spec = Entities.childSpec({ types: [Counter], store: memoryStore() });
   * assertEquals(spec.id, "Entities");
   * ```
   */
  static childSpec(options: EntitiesOptions): ChildSpec<() => Promise<Pid>> {
    const settings = settingsOf(options);
    return {
      id: settings.name,
      start: () =>
        startGenServer(new HostServer(settings), undefined, {
          name: settings.name,
        }),
    };
  }

  /**
   * Starts a node's entities, linked to the caller.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   * @throws {TypeError} If an option is unknown or invalid.
   * @throws {RangeError} If a number is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", {
   *   state: () => ({ n: 0 }),
   *   add: (counter, n: number) => counter.state.n += n,
   * });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore() });
   * await Counter.get("visits").add(40);
   * assertEquals(await Counter.get("visits").add(2), 42);
   * await GenServer.stop(pid);
   * ```
   */
  static startLink(options: EntitiesOptions): Promise<Pid> {
    return Entities.childSpec(options).start();
  }

  /**
   * Returns the state of a node's entities.
   *
   * @param node The node; the caller's by default.
   * @param name The name of the server.
   * @returns The shards, the number of entities in memory, the parked keys, and the nodes in the store.
   * @throws {ExitError} If no such server runs there.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", { state: () => 0, read: (counter) => counter.state });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore(), shards: 8 });
   * await Counter.get("visits").read();
   * const { entities, shards } = await Entities.info();
   * assertEquals([entities, shards.length], [1, 8]);
   * await GenServer.stop(pid);
   * ```
   */
  static async info(node?: string, name = "Entities"): Promise<EntitiesInfo> {
    return await GenServer.call(
      node === undefined ? name : { name, node },
      ["info"],
    ) as EntitiesInfo;
  }

  /**
   * Lets a parked entity start again, on whichever node of the cluster it is parked.
   *
   * @param type The type, or its name.
   * @param name The name of the servers.
   * @returns Whether it was parked.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", { state: () => 0 });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore() });
   * assertEquals(await Entities.release(Counter, "visits"), false);
   * await GenServer.stop(pid);
   * ```
   */
  static async release(
    // deno-lint-ignore no-explicit-any
    type: EntityType<any> | string,
    key: string,
    name = "Entities",
  ): Promise<boolean> {
    const { replies } = await GenServer.multiCall(name, [
      "release",
      typeof type === "string" ? type : type.name,
      key,
    ]);
    return replies.some(({ reply }) => reply === true);
  }

  /**
   * Returns keys of a type that have a stored state, a page at a time, in the order of their bytes in UTF-8. It asks the
   * store, from any node that has the type; entities do not start.
   *
   * A key is stored when a call has changed its entity. Keys that are stored or deleted between two pages may be missing.
   *
   * @param type The type, or its name.
   * @returns The keys; fewer than `limit` if no others follow.
   * @throws {TypeError} If this node has no such type, or an option is unknown or invalid.
   * @throws {EntityError} With the code `"no_store"` if the store does not answer in a third of the lease.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", { state: () => 0, add: (it) => ++it.state });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore() });
   * for (const key of ["eu/1", "us/2", "us/1"]) await Counter.get(key).add();
   * assertEquals(await Entities.keys(Counter, { prefix: "us/" }), ["us/1", "us/2"]);
   * assertEquals(await Entities.keys("counter", { after: "eu/1", limit: 1 }), ["us/1"]);
   * await GenServer.stop(pid);
   * ```
   */
  static async keys(
    // deno-lint-ignore no-explicit-any
    type: EntityType<any> | string,
    options: EntityKeysOptions = {},
  ): Promise<string[]> {
    const name = typeof type === "string" ? type : type.name;
    const doing = `list the keys of ${inspect(name)}`;
    checkOptions(options, doing, KEYS_OPTIONS, '{ after: "r1", limit: 100 }');
    const { after = "", prefix = "", limit = 1000 } = options;
    const node = typeHere(name)?.node;
    if (node === undefined) {
      throw new TypeError(
        `Cannot ${doing}: this node has no such type; ask on a node that hosts or calls it`,
      );
    }
    try {
      return await node.ask(() => node.store.keys(name, after, prefix, limit));
    } catch (cause) {
      throw new EntityError(
        "no_store",
        false,
        `Cannot ${doing}: ${(cause as Error).message}; try again later`,
        { cause },
      );
    }
  }

  /**
   * Returns the runs of a key by the name of its type, as `runs()` of its handle does.
   *
   * @param type The type, or its name.
   * @returns The runs that have not ended, and then the last ones that have.
   * @throws {TypeError} If this node has no such type, or the key is invalid.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Tea = Entity.define("tea", { state: () => 0, durable: { brew: (tea) => tea.sleep("3 min") } });
   * const pid = await Entities.startLink({ types: [Tea], store: memoryStore() });
   * const { id } = await Tea.get("green").brew();
   * const [run] = await Entities.runs("tea", "green");
   * assertEquals([run.id, run.method, run.state], [id, "brew", "waiting"]);
   * assertEquals(await Entities.run("tea", "green", id).cancel(), true);
   * await GenServer.stop(pid);
   * ```
   */
  static runs(
    // deno-lint-ignore no-explicit-any
    type: EntityType<any> | string,
    key: string,
  ): Promise<RunInfo[]> {
    return runsOf(targetOf(type, key));
  }

  /**
   * Returns a run by the name of its type, as `run(id)` of its handle does; nothing is sent.
   *
   * @param type The type, or its name.
   * @param id Identifies the run.
   * @throws {TypeError} If this node has no such type, or the key or the id is invalid.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Tea = Entity.define("tea", { state: () => 0, durable: { brew: async () => "tea" } });
   * const pid = await Entities.startLink({ types: [Tea], store: memoryStore() });
   * const { id } = await Tea.get("green").brew();
   * assertEquals(await Entities.run("tea", "green", id).result(), "tea");
   * await GenServer.stop(pid);
   * ```
   */
  static run(
    // deno-lint-ignore no-explicit-any
    type: EntityType<any> | string,
    key: string,
    id: string,
  ): EntityRun {
    return runOf(targetOf(type, key), id);
  }
}

function targetOf(
  // deno-lint-ignore no-explicit-any
  type: EntityType<any> | string,
  key: string,
): EntityTarget {
  const name = typeof type === "string" ? type : type.name;
  const definition = typeHere(name)?.definition;
  if (definition !== undefined && isKey(key)) {
    return { definition, key, options: {} };
  }
  throw new TypeError(
    `Cannot look at the runs of ${inspect(name)} ${inspect(key)}: ${
      definition === undefined
        ? "this node has no such type; ask on a node that hosts or calls it"
        : "that is no key"
    }`,
  );
}

function settingsOf(options: EntitiesOptions): EntitySettings {
  const doing = "start entities";
  checkOptions(options, doing, ENTITIES_OPTIONS, "{ types, store }");
  const {
    types,
    store,
    hosts = true,
    shards = 256,
    lease = 10_000,
    weight = 1,
    pins = {},
    maxEntities = 100_000,
    maxHeld = 10_000,
    maxMoves = 32,
    name = "Entities",
  } = options;
  for (const [name, keys] of Object.entries(pins)) {
    if (!types.some((type) => type.name === name)) {
      throw new TypeError(
        `Cannot ${doing} with pins of the type ${
          inspect(name)
        }: it is not one of the types`,
      );
    }
    if (keys === true) continue;
    checkList(keys, `${doing} with pins of ${name}`);
    for (const key of keys) {
      if (isKey(key)) continue;
      throw typeError(
        key,
        `Cannot ${doing} with ${
          inspect(key)
        } among the pins of ${name}: it is not a key`,
      );
    }
  }
  return {
    types: types.map(({ _definition }) => _definition),
    ...{ store, hosts, shards, lease, weight, maxEntities, maxHeld },
    ...{ pins: new Map(Object.entries(pins)), maxMoves, name },
  };
}
