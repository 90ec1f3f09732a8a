/** Types of servers and agents, checked by the compiler. */

import { assert } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  type From,
  GenServer,
  type GenServerBeamTypes,
  type GenServerModule,
  type GenServerPid,
  type MultiCallResult,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { type Pid, send } from "../../../packages/processes/process.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import {
  type ChildDefinition,
  type ChildSpec,
  Supervisor,
} from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";

interface BankTypes {
  arg: { limit: number };
  state: Map<string, number>;
  call:
    | ["total", number]
    | [{ type: "put"; name: string; amounts: number[] }, "ok" | "refused"]
    | [["get", string], number | undefined];
  cast: { type: "forget"; name: string };
  info: { type: "tick" };
  continue: "load";
}

type Put = Extract<BankTypes["call"][0], { type: "put" }>;

/** Never called. */
export async function calls(
  pid: GenServerPid<BankTypes>,
  put: Put,
  either: "total" | Put,
): Promise<void> {
  const total = await GenServer.call(pid, "total");
  assertType<IsExact<typeof total, number>>(true);
  const done = await GenServer.call(pid, {
    type: "put",
    name: "a",
    amounts: [],
  });
  assertType<IsExact<typeof done, "ok" | "refused">>(true);
  const same = await GenServer.call(pid, put, { timeout: Infinity });
  assertType<IsExact<typeof same, "ok" | "refused">>(true);
  const found = await GenServer.call(pid, ["get", "a"]);
  assertType<IsExact<typeof found, number | undefined>>(true);
  const any = await GenServer.call(pid, either);
  assertType<IsExact<typeof any, number | "ok" | "refused">>(true);
  // @ts-expect-error: no such request
  await GenServer.call(pid, "sum");
  // @ts-expect-error: a field of another type
  await GenServer.call(pid, { type: "put", name: 1, amounts: [] });
  // @ts-expect-error: a cast is no call
  await GenServer.call(pid, { type: "forget", name: "a" });
}

/** Never called. */
export function castsAndMessages(pid: GenServerPid<BankTypes>): void {
  GenServer.cast(pid, { type: "forget", name: "a" });
  // @ts-expect-error: no such cast
  GenServer.cast(pid, { type: "forget" });
  // @ts-expect-error: a call is no cast
  GenServer.cast(pid, "total");
  send(pid, { type: "tick" });
  // @ts-expect-error: no such message
  send(pid, "tick");
}

/** Never called. */
export async function names(): Promise<void> {
  const bank = GenServer.ref<BankTypes>("Bank");
  const there = GenServer.ref<BankTypes>({
    name: "Bank",
    node: "kate@localhost",
  });
  const global = GenServer.ref<BankTypes>({ global: "Bank" });
  for (const server of [bank, there, global]) {
    const total = await GenServer.call(server, "total");
    assertType<IsExact<typeof total, number>>(true);
    // @ts-expect-error: no such request
    await GenServer.call(server, "sum");
  }
  const totals = await GenServer.multiCall(bank, "total");
  assertType<IsExact<typeof totals, MultiCallResult<number>>>(true);
  // @ts-expect-error: no such request
  await GenServer.multiCall(bank, "sum");
  // @ts-expect-error: the servers of many nodes have a name
  await GenServer.multiCall(there, "total");
  GenServer.abcast(bank, { type: "forget", name: "a" }, { nodes: [] });
  // @ts-expect-error: no such cast
  GenServer.abcast(bank, "forget");
  // With the types given, the reply is that of any request.
  const reply = await GenServer.call<BankTypes>("Bank", ["get", "a"]);
  assertType<IsExact<typeof reply, number | undefined | "ok" | "refused">>(
    true,
  );
  // @ts-expect-error: no such request
  await GenServer.call<BankTypes>("Bank", "sum");
}

/** Never called. */
export async function untyped(pid: Pid): Promise<void> {
  (await GenServer.call(pid, { any: "request" })).gives.anything;
  (await GenServer.call("Bank", ["get", 1])).gives.anything;
  GenServer.cast({ name: "Bank", node: "kate@localhost" }, 1);
  const { replies } = await GenServer.multiCall("Bank", 1);
  replies[0].reply.anything;
}

const Bank: GenServerModule<BankTypes> = {
  init({ limit }) {
    assert(limit > 0);
    return { type: "ok", state: new Map(), continue: "load" };
  },
  handleCall: {
    total: (_total, _from, state) => ({ type: "reply", reply: 1, state }),
    put({ name }, from, state) {
      assertType<IsExact<typeof name, string>>(true);
      GenServer.reply(from, "ok");
      // @ts-expect-error: no reply of this server
      GenServer.reply(from, "done");
      // @ts-expect-error: the reply to another request
      GenServer.reply(from, 1);
      return { type: "noreply", state, timeout: 60_000 };
    },
    get: ([, name], _from, state) => ({
      type: "stop",
      reason: "normal",
      reply: state.get(name),
      state,
    }),
  },
  handleInfo(message, state) {
    if (message === "timeout") return { type: "noreply", state };
    switch (message.type) {
      case "tick":
        return { type: "noreply", state };
      case "DOWN":
        state.delete(String(message.ref));
        return { type: "noreply", state };
      default:
        return { type: "stop", reason: message, state };
    }
  },
  handleContinue(value, state) {
    assertType<IsExact<typeof value, "load">>(true);
    return { type: "noreply", state };
  },
};

/** Replies that the requests do not declare. */
export const misreplying: GenServerModule<BankTypes>["handleCall"] = {
  // @ts-expect-error: the reply to another request
  total: (_total, _from, state) => ({ type: "reply", reply: "ok", state }),
  // @ts-expect-error: no request declares it
  put: (_put, _from, state) => ({ type: "reply", reply: "done", state }),
  // @ts-expect-error: not a result
  get: (_get, _from, state) => state,
};

/** One function for requests that declare different replies. */
// @ts-expect-error: it could reply to one with the reply of another
export const single: GenServerModule<BankTypes>["handleCall"] = (
  request: BankTypes["call"][0],
  _from: unknown,
  state: BankTypes["state"],
) => ({ type: "reply", reply: request === "total" ? "ok" : 1, state });

// @ts-expect-error: a request has no handler
export const partial: GenServerModule<BankTypes>["handleCall"] = {
  total: (_total, _from, state) => ({ type: "reply", reply: 1, state }),
};

interface SwitchTypes {
  state: boolean;
  call: ["on", "ok"] | ["off", "ok"];
}

/** One function for requests that declare the same reply. */
export const Switch: GenServerModule<SwitchTypes> = {
  init: () => ({ type: "ok", state: false }),
  handleCall: (request) => ({
    type: "reply",
    reply: "ok",
    state: request === "on",
  }),
};

/** Never called. */
export async function starts(): Promise<void> {
  const pid = await GenServer.startLink(Bank, { limit: 1 }, { name: "Bank" });
  assertType<IsExact<typeof pid, GenServerPid<BankTypes>>>(true);
  // @ts-expect-error: an argument of another type
  await GenServer.start(Bank, { limit: "1" });
  // @ts-expect-error: an argument of another type
  GenServer.childSpec(Bank, 1);
  // @ts-expect-error: an invalid name
  await GenServer.start(Bank, { limit: 1 }, { name: 1 });
  const sup = await Supervisor.startLink([
    [Bank, { limit: 1 }],
    GenServer.childSpec(Bank, { limit: 1 }, { id: "other" }),
  ], { strategy: "one_for_one" });
  await Supervisor.startChild(sup, [Bank, { limit: 2 }]);
  const plain: Pid = pid;
  await GenServer.stop(plain);
}

/** Never called. */
export async function children(sup: Pid): Promise<void> {
  const options = { strategy: "one_for_one" } as const;
  const some: ChildDefinition[] = [];
  const Pool = { childSpec: (_: { size?: number }) => some[0] as ChildSpec };
  await Supervisor.startLink([
    ...some,
    [Bank, { limit: 1 }],
    [Registry, { keys: "unique", name: "Banks" }],
    [Agent, async () => await Agent.get("Other", ["Other", "copy"])],
    [Task, () => {}],
    Pool,
    [Pool, { size: 1 }],
    TaskSupervisor,
    pg,
    { id: "named", start: ["Module", "fn"] },
  ], options);
  await Supervisor.startLink(some, options);
  const made = await Supervisor.startChild(sup, [TaskSupervisor, {}]);
  assertType<IsExact<typeof made, Pid>>(true);
  // deno-lint-ignore no-explicit-any
  const loose: any = Bank;
  const one = await Supervisor.startChild(sup, [loose, 1]);
  assertType<IsExact<typeof one, Pid | undefined>>(true);
  // @ts-expect-error: an argument of another type
  await Supervisor.startLink([[Bank, { limit: "1" }]], options);
  // @ts-expect-error: an option of another type
  await Supervisor.startLink([pg, [Registry, { keys: 1, name: "a" }]], options);
  // @ts-expect-error: no such option
  await Supervisor.startLink([[TaskSupervisor, { nam: "a" }]], options);
  // @ts-expect-error: it needs its argument
  await Supervisor.startLink([Bank], options);
  // @ts-expect-error: it needs its options
  await Supervisor.startLink([pg, Registry], options);
  // @ts-expect-error: an agent begins with a function
  await Supervisor.startChild(sup, [Agent, 1]);
  // @ts-expect-error: an argument of another type
  await DynamicSupervisor.startChild(sup, [Bank, 1]);
  // @ts-expect-error: an argument of another type
  Supervisor.childSpec([Bank, 1], { id: "other" });
}

/** Never called. */
export async function ignores(): Promise<void> {
  const Lazy: GenServerModule<{ ignore: true }> = { init: () => "ignore" };
  const started = await GenServer.startLink(Lazy, undefined);
  // @ts-expect-error: it may be "ignore"
  send(started, 1);
  if (started !== "ignore") await GenServer.stop(started);
}

/** Never called. */
export function wrongModules(): GenServerModule<BankTypes>[] {
  return [
    // @ts-expect-error: a state of another type
    { init: () => ({ type: "ok", state: 1 }) },
    // @ts-expect-error: its types do not declare that it may be ignored
    { init: () => "ignore" },
    // @ts-expect-error: it is required
    {},
    {
      ...Bank,
      // @ts-expect-error: a reply of another type
      handleCall: (_request, _from, state) => ({
        type: "reply",
        reply: [],
        state,
      }),
    },
    {
      ...Bank,
      // @ts-expect-error: it continues with an undeclared value
      handleCast: (_cast, state) => ({ type: "noreply", state, continue: 1 }),
    },
  ];
}

/** Never called. */
export function lateReplies(
  wide: From<string | number>,
  narrow: From<string>,
): void {
  const less: From<string> = wide;
  // @ts-expect-error: a From of strings accepts no numbers
  const more: From<string | number> = narrow;
  GenServer.reply(less, "a");
  GenServer.reply(more, 1);
  // @ts-expect-error: a reply of another type
  GenServer.reply(narrow, 1);
}

/** Never called. */
export async function agents(): Promise<void> {
  const agent = await Agent.startLink(() => ({ count: 1, name: "a" }));
  const count = await Agent.get(agent, (state) => state.count);
  assertType<IsExact<typeof count, number>>(true);
  const later = await Agent.get(agent, (state) => Promise.resolve(state.name));
  assertType<IsExact<typeof later, string>>(true);
  const taken = await Agent.getAndUpdate(agent, (state) => [state.name, state]);
  assertType<IsExact<typeof taken, string>>(true);
  // @ts-expect-error: the state has no such field
  await Agent.get(agent, (state) => state.size);
  // @ts-expect-error: a state of another type
  await Agent.update(agent, () => 1);
  // @ts-expect-error: a state of another type
  Agent.cast(agent, () => 1);
  // @ts-expect-error: no pair
  await Agent.getAndUpdate(agent, (state) => state);
  (await Agent.get("Name", (state) => state.anything)).anything;
  const known = Agent.ref<{ count: number }>("Name");
  const size = await Agent.get(known, (state) => state.count);
  assertType<IsExact<typeof size, number>>(true);
  // @ts-expect-error: a state of another type
  await Agent.update(known, ({ count }) => count + 1);
  // @ts-expect-error: the state has no such field
  Agent.cast(Agent.ref<{ count: number }>({ global: "Name" }), (s) => s.size);
  const named = await Agent.get(agent, ["Module", "fn", [1]]);
  named.anything;
}

test("the compiler checks calls, casts, messages, replies and states of servers", () => {
  assert(Bank.handleCall !== undefined);
});

test("GenServerModule: a declaration for a BEAM has the names and fields of the messages", () => {
  const declare = (beam: GenServerBeamTypes<BankTypes>) => beam;
  declare({
    call: {
      tagged: {
        total: [],
        put: { name: "atom", amounts: { list: "float" } },
        get: ["binary"],
      },
    },
    replies: { total: "float", put: "atom", get: "term" },
    cast: { tagged: { forget: { name: "atom" } } },
    info: { tagged: { tick: {} } },
  });
  // @ts-expect-error: there is no such call
  declare({ call: { tagged: { pop: [] } } });
  // @ts-expect-error: a field is left out
  declare({ call: { tagged: { put: { name: "atom" } } } });
  // @ts-expect-error: it is an object here
  declare({ call: { tagged: { put: ["atom", "term"] } } });
  // @ts-expect-error: it is a tuple here
  declare({ call: { tagged: { get: { key: "binary" } } } });
  // @ts-expect-error: a number is no atom
  declare({ replies: { total: "atom" } });
  // @ts-expect-error: there is no such cast
  declare({ cast: { tagged: { put: {} } } });
  const bank = GenServer.ref<BankTypes>("Bank", {
    beam: { replies: { put: "atom" } },
  });
  const ask = () => GenServer.call(bank, "total");
  assertType<IsExact<Awaited<ReturnType<typeof ask>>, number>>(true);
  // @ts-expect-error: there is no such call
  const wrong = () => GenServer.call(bank, "nothing");
  // @ts-expect-error: only the functions of GenServer take it
  const sent = () => send(bank, { type: "tick" });
  void [wrong, sent];
});

test("GenServerModule: a class declares its types for a BEAM as a static field", () => {
  class Bank {
    static beam = {
      call: { tagged: { total: [], get: ["atom"] } },
      replies: { total: "float" },
    } as const;
    static init(_arg: BankTypes["arg"]) {
      return { type: "ok" as const, state: new Map<string, number>() };
    }
  }
  const module: GenServerModule<BankTypes> = Bank;
  assert(module.beam === Bank.beam);
});
