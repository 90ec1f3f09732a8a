/** Handlers for the requests of each workload of Maelstrom. */

import {
  ExitError,
  GenServer,
  type GenServerModule,
  global,
  Node,
  type Pid,
  receive,
  self,
  Supervisor,
} from "@otp/distribution";
import {
  Entities,
  Entity,
  EntityError,
  type EntityReadContext,
  sqliteStore,
} from "@otp/distribution/entities";
import { pg, type PgMessage } from "@otp/distribution/pg";
import {
  type Body,
  CODES,
  failure,
  type Handlers,
  type Reply,
} from "./protocol.ts";

/** A run of Maelstrom, as a node sees it. */
export interface Run {
  /** The names of all nodes. */
  nodes: string[];
  /** The file of the entities. */
  store: string;
}

/** A register; one without a value does not exist. */
interface RegisterState {
  value?: unknown;
}

/** Runs a request on a register. */
function access(register: RegisterState, { type, ...body }: Body): Reply {
  if (type === "write") {
    register.value = body.value;
    return {};
  }
  if (!("value" in register)) return failure(CODES.noKey, "no such key");
  if (type === "read") return { value: register.value };
  const value = JSON.stringify(register.value);
  if (value !== JSON.stringify(body.from)) {
    return failure(CODES.mismatch, `the value is ${value}`);
  }
  register.value = body.to;
  return {};
}

export const Register = Entity.define("register", {
  state: (): RegisterState => ({}),
  reads: {
    read: ({ state }: EntityReadContext<RegisterState>, body: Body) =>
      access(state, body),
  },
  change: ({ state }, body: Body) => access(state, body),
});

type Operation = ["r" | "append", key: unknown, value: unknown];

/** All lists in one entity, since a transaction changes several: a call is atomic for one entity only. */
export const Lists = Entity.define("lists", {
  state: (): Record<string, unknown[]> => ({}),
  run: ({ state }, operations: Operation[]) =>
    operations.map(([kind, key, value]): Operation => {
      const name = JSON.stringify(key);
      if (kind === "r") return [kind, key, state[name]?.slice() ?? null];
      (state[name] ??= []).push(value);
      return [kind, key, value];
    }),
});

/** A sequence of numbers, none of which is given twice. */
export const Sequence = Entity.define("sequence", {
  state: () => ({ last: 0 }),
  next: ({ state }) => ++state.last,
});

async function startEntities({ store }: Run): Promise<void> {
  await Supervisor.startLink([
    Entities.childSpec({
      types: [Register, Lists, Sequence],
      store: sqliteStore(store),
      shards: 32,
      lease: 3000, // A node that is frozen keeps its keys that long.
    }),
  ], { strategy: "one_for_one" });
}

/** Registers in the memory of one server of the cluster, which has a global name. */
const Registers: GenServerModule<{
  state: Map<string, RegisterState>;
  call: [Body, Reply];
}> = {
  init: () => ({ type: "ok", state: new Map() }),
  handleCall(body, _from, registers) {
    const key = JSON.stringify(body.key);
    const register = registers.get(key) ?? {};
    const reply = access(register, body);
    return { type: "reply", reply, state: registers.set(key, register) };
  },
};

async function startRegisters({ nodes }: Run): Promise<void> {
  // Nodes that do not know each other could each start one.
  Node.monitorNodes(true);
  while (Node.list().length < nodes.length - 1) {
    await receive((message) => message?.type === "nodeup");
  }
  await global.sync();
  try {
    await GenServer.start(Registers, undefined, {
      name: { global: "registers" },
    });
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
  }
}

function isAlreadyStarted(error: unknown): boolean {
  return error instanceof ExitError &&
    (error.reason as { type?: string }).type === "already_started";
}

/** Items by their keys. */
type ItemMap = Map<string, unknown>;

/** A set that grows at all nodes: each new item goes to the group, and all items go to a node that joins it. */
const Items: GenServerModule<{
  state: ItemMap;
  call: [["add", string, unknown], "ok"] | ["list", unknown[]];
  cast: [string, unknown][];
  info: PgMessage;
}> = {
  async init() {
    await pg.join("items", self());
    await pg.monitor("items");
    return { type: "ok", state: new Map() };
  },
  handleCall: {
    add([, key, item], _from, items) {
      give(pg.getMembers("items"), [[key, item]]);
      return { type: "reply", reply: "ok", state: items.set(key, item) };
    },
    list: (_list, _from, items) => ({
      type: "reply",
      reply: [...items.values()],
      state: items,
    }),
  },
  handleCast(others, items) {
    for (const [key, item] of others) items.set(key, item);
    return { type: "noreply", state: items };
  },
  handleInfo(message, items) {
    if (message !== "timeout" && message.type === "join") {
      give(message.pids, [...items]);
    }
    return { type: "noreply", state: items };
  },
};

/** Gives items to other servers than this one. */
function give(pids: Pid[], items: [string, unknown][]): void {
  for (const pid of pids) {
    if (!pid.equals(self())) GenServer.cast(pid, items);
  }
}

async function startItems(): Promise<void> {
  await Supervisor.startLink([
    pg.childSpec(),
    GenServer.childSpec(Items, undefined, { name: "Items" }),
  ], { strategy: "rest_for_one" });
}

async function addItem(item: unknown, key = JSON.stringify(item)) {
  await GenServer.call("Items", ["add", key, item]);
  return {};
}

function listItems(): Promise<unknown[]> {
  return GenServer.call("Items", "list");
}

/** The counters of Maelstrom: the sum of what was added. */
const COUNTER: Handlers = {
  add: ({ delta }) => addItem(delta, crypto.randomUUID()),
  async read() {
    const deltas = await listItems() as number[];
    return { value: deltas.reduce((sum, delta) => sum + delta, 0) };
  },
};

/** A workload: what a node starts, and what answers. */
interface Workload {
  start(run: Run): unknown;
  handlers: Handlers;
}

const registerOf = ({ key }: Body) => Register.get(JSON.stringify(key));
const change = (body: Body): Promise<Reply> => registerOf(body).change(body);
const accessNamed = (body: Body): Promise<Reply> =>
  GenServer.call({ global: "registers" }, body);

export const WORKLOADS: Record<string, Workload> = {
  echo: { start() {}, handlers: { echo: ({ echo }) => ({ echo }) } },
  "lin-kv": {
    start: startEntities,
    handlers: {
      read: (body) => registerOf(body).read(body),
      write: change,
      cas: change,
    },
  },
  "lin-kv-global": {
    start: startRegisters,
    handlers: { read: accessNamed, write: accessNamed, cas: accessNamed },
  },
  "txn-list-append": {
    start: startEntities,
    handlers: {
      txn: async ({ txn }) => ({
        txn: await Lists.get("all").run(txn as Operation[]),
      }),
    },
  },
  "unique-ids": {
    start: startEntities,
    handlers: {
      generate: async () => ({ id: await Sequence.get("all").next() }),
    },
  },
  broadcast: {
    start: startItems,
    handlers: {
      topology: () => ({}), // The group knows its members.
      broadcast: ({ message }) => addItem(message),
      read: async () => ({ messages: await listItems() }),
    },
  },
  "g-set": {
    start: startItems,
    handlers: {
      add: ({ element }) => addItem(element),
      read: async () => ({ value: await listItems() }),
    },
  },
  "g-counter": { start: startItems, handlers: COUNTER },
  "pn-counter": { start: startItems, handlers: COUNTER },
};

/** Returns the reply to a request that has failed: whether it may have run decides what Maelstrom makes of it. */
export function failureOf(error: unknown): Reply {
  if (!(error instanceof EntityError) || error.mayHaveRun) {
    return failure(CODES.crash, String(error));
  }
  const { code, message } = error;
  const later = ["timeout", "no_store", "no_host", "parked", "overloaded"];
  return failure(
    later.includes(code) ? CODES.unavailable : CODES.abort,
    message,
  );
}
