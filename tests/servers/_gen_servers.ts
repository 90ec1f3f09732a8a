/** Helpers of the tests of servers: scripted callback modules. */

import { assertRejects } from "@std/assert";
import { ExitError } from "../../packages/processes/errors.ts";
import {
  type From,
  GenServer,
  type GenServerModule,
} from "../../packages/servers/gen_server/gen_server.ts";
import type { Node } from "../../node.ts";
import {
  exit,
  type Pid,
  Process,
  send,
} from "../../packages/processes/process.ts";
import { type Cluster, clusterTest } from "../_nodes.ts";

/** The types of {@linkcode Stack}. */
export interface StackTypes {
  arg: string[];
  state: string[];
  call: ["pop", string | undefined] | ["all", string[]];
  cast: { type: "push"; item: string };
}

export const Stack: GenServerModule<StackTypes> = {
  name: "Stack",
  init: (items) => ({ type: "ok", state: items }),
  handleCall: {
    all: (_all, _from, items) => ({
      type: "reply",
      reply: items,
      state: items,
    }),
    pop: (_pop, _from, [head, ...tail]) => ({
      type: "reply",
      reply: head,
      state: tail,
    }),
  },
  handleCast: ({ item }, items) => ({
    type: "noreply",
    state: [item, ...items],
  }),
};

/** Types of a server that reports every callback to the process in its argument. */
interface ProbeTypes {
  arg: { to: Pid; trap?: boolean };
  state: { to: Pid; said: unknown[] };
  call:
    | [{ type: "say"; what: unknown }, unknown]
    | ["who", Pid]
    | ["nothing", never]
    | ["crash", never]
    | [{ type: "exit"; reason: unknown }, never]
    | [{ type: "stop"; reason: unknown; reply?: unknown }, unknown]
    | [{ type: "throw"; value: unknown }, unknown];
  cast: unknown;
  info: unknown;
}

/** A server that reports every callback to the process in its argument. */
export const Probe: GenServerModule<ProbeTypes> = {
  name: "Probe",
  init({ to, trap }) {
    if (trap) Process.trapExit(true);
    return { type: "ok", state: { to, said: [] } };
  },
  handleCall: {
    nothing(_nothing, from, state) {
      send(state.to, { type: "from", from });
      return { type: "noreply", state };
    },
    who: (_who, { pid }, state) => ({ type: "reply", reply: pid, state }),
    crash() {
      throw new Error("boom");
    },
    say: ({ what }, _from, state) => ({
      type: "reply",
      reply: what,
      state: { ...state, said: [...state.said, what] },
    }),
    exit: ({ reason }) => exit(reason),
    stop: (request, _from, state) => ({ state, ...request }),
    throw({ value }) {
      throw value;
    },
  },
  handleCast(cast, state) {
    send(state.to, { type: "cast", cast });
    return { type: "noreply", state };
  },
  handleInfo(info, state) {
    send(state.to, { type: "info", info });
    return { type: "noreply", state };
  },
  terminate(reason, { to, said }) {
    send(to, { type: "terminate", reason, said });
  },
};

/** A test on a node of its own, whose log is `cluster.lines()`; the body is a process of the node. */
export function nodeTest(
  name: string,
  fn: (cluster: Cluster, alex: Node) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(() => fn(cluster, alex));
  });
}

/** The reason for which a wait fails. */
// deno-lint-ignore no-explicit-any
export async function exitOf(promise: Promise<unknown>): Promise<any> {
  return (await assertRejects(() => promise, ExitError)).reason;
}

/** The functions that nodes export: they start servers. */
export const Servers = {
  /** Starts a stack under a name, without a link. */
  stack: async (name: string, items: string[], to: Pid): Promise<void> => {
    send(to, await GenServer.start(Stack, items, { name }));
  },
  /** Starts a probe under a name, without a link. */
  probe: async (name: string, to: Pid): Promise<void> => {
    send(to, await GenServer.start(Probe, { to }, { name }));
  },
  /** Replies on behalf of another process. */
  reply: (from: From, value: unknown): void => {
    GenServer.reply(from, value);
  },
};
