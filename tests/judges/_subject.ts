/**
 * The functions by which a judge drives a node of this library, as `subject.erl` has them for a node of Erlang, and the
 * actor: a server that does what a model says, and keeps all signals and messages that reach it.
 */

import {
  GenServer,
  type GenServerModule,
} from "../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import {
  exit,
  Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
} from "../../packages/processes/process.ts";
import { Atom, atom } from "../../packages/processes/values/atom.ts";
import { Tuple, tuple } from "../../packages/processes/values/tuple.ts";
import { Registry } from "../../packages/servers/registry/registry.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";

const OK = atom("ok");

/** The state of an actor. */
interface Box {
  messages: Tuple[];
  monitors: { ref: Ref; object: Pid | Tuple }[];
}

// deno-lint-ignore no-explicit-any
type Acts = Record<string, (box: Box, ...args: any[]) => unknown>;

/** The acts of an actor, by the name of a request. */
const ACTS: Acts = {
  link: (_box, pid: Pid) => Process.link(pid) && OK,
  unlink: (_box, pid: Pid) => Process.unlink(pid) && OK,
  monitor(box, object: Pid | Tuple) {
    const [name, node] = object instanceof Pid ? [] : object.elements;
    const ref = Process.monitor(
      object instanceof Pid ? object : { name: `${name}`, node: `${node}` },
    );
    box.monitors.push({ ref, object });
    return OK;
  },
  demonitor(box, objects: (Pid | Tuple)[]) {
    const isGone = ({ object }: { object: Pid | Tuple }) =>
      objects.some((each) => each.equals(object));
    for (const { ref } of box.monitors.filter(isGone)) Process.demonitor(ref);
    box.monitors = box.monitors.filter((each) => !isGone(each));
    return OK;
  },
  signal: (_box, pid: Pid, reason) => Process.exit(pid, native(reason)) && OK,
  say(_box, pid: Pid, value: unknown) {
    send(pid, tuple(atom("said"), self(), value));
    return OK;
  },
  take: (box) => box.messages.splice(0),
  join: async (_box, group) => atom(await pg.join(group, self())),
  leave: async (_box, group) => atom(await pg.leave(group, self())),
  claim: async (_box, name) =>
    atom(await global.registerName(name, self()) ? "yes" : "no"),
  async release(_box, name) {
    await global.unregisterName(name);
    return OK;
  },
  enter: (_box, key) =>
    atom(Registry.register("keys", key).type === "ok" ? "ok" : "taken"),
  quit: (_box, key) => atom(Registry.unregister("keys", key)),
};

/** A reason of Erlang's as programs here write it. */
function native(reason: unknown): unknown {
  if (reason instanceof Atom) return reason.name;
  const [type, why] = (reason as Tuple).elements;
  return { type: `${type}`, reason: native(why) };
}

/** A reason as a term. */
function term(reason: unknown): unknown {
  if (typeof reason === "string") return atom(reason);
  const { type, reason: why } = reason as { type: string; reason: unknown };
  return tuple(atom(type), term(why));
}

/** The module of actors. */
function actorOf(acts: Acts): GenServerModule {
  const boxes = new Map<string, Box>();
  const box = () => boxes.get(`${self()}`)!;
  const keep = (state: number, ...message: unknown[]) => {
    box().messages.push(new Tuple(message));
    return { type: "noreply" as const, state };
  };
  return {
    init() {
      Process.trapExit(true);
      boxes.set(`${self()}`, { messages: [], monitors: [] });
      return { type: "ok", state: 0 };
    },
    async handleCall(request, _from, state) {
      const [name, ...args] = request instanceof Tuple
        ? request.elements
        : [request];
      switch (`${name}`) {
        case "get":
          return { type: "reply", reply: state, state };
        case "put":
          return { type: "reply", reply: state, state: args[0] };
        case "stop":
          return { type: "stop", reason: native(args[0]), reply: OK, state };
      }
      return {
        type: "reply",
        reply: await acts[`${name}`](box(), ...args),
        state,
      };
    },
    handleCast: (request, state) => ({
      type: "noreply",
      state: state + request.elements[1],
    }),
    handleInfo(message, state) {
      if (message instanceof Tuple) return keep(state, ...message.elements);
      if (message.type === "EXIT") {
        return keep(state, atom("exit"), message.from, term(message.reason));
      }
      const { ref, object, reason } = message;
      box().monitors = box().monitors.filter((each) => !each.ref.equals(ref));
      const named = object instanceof Pid
        ? object
        : tuple(atom(object.name), atom(object.node));
      return keep(state, atom("down"), named, term(reason));
    },
  };
}

/** Starts what the functions need, linked to the caller. */
export async function serve(): Promise<void> {
  await pg.startLink();
  await Registry.startLink({ keys: "unique", name: "keys" });
  await TaskSupervisor.startLink({ name: "tasks" });
}

/**
 * The functions.
 *
 * @param errors Acts that do something else, so that a judge has something to find.
 */
export function subject(errors: Acts = {}) {
  const actor = actorOf({ ...ACTS, ...errors });
  return {
    /** Starts an actor; returns its pid, or `taken` if another process has the name. */
    async start(name: Atom): Promise<Pid | Atom> {
      try {
        return await GenServer.start(actor, undefined, {
          name: name.name,
        }) as Pid;
      } catch (error) {
        const { reason } = error as { reason?: { type?: string } };
        if (reason?.type === "already_started") return atom("taken");
        throw error;
      }
    },
    whereis: (name: Atom) => Process.whereis(name.name),
    members: (group: unknown) => pg.getMembers(group),
    local_members: (group: unknown) => pg.getLocalMembers(group),
    owner: (name: unknown) => global.whereisName(name),
    lookup: (key: unknown) =>
      Registry.lookup("keys", key).map(({ pid }) => pid),
    /** A task: does what it is told. */
    async work(): Promise<unknown> {
      const what = await receive();
      if (!(what instanceof Tuple)) throw new Error("oops");
      const [kind, value] = what.elements;
      return kind === atom("return") ? value : exit(native(value));
    },
  };
}
