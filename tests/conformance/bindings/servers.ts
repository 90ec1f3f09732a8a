/** Servers: `GenServer`, `Agent`, the supervisors, `Registry` and `Application`. */

import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import {
  type Bindings,
  type Fn,
  functionOf,
  type Module,
  moduleOf,
} from "../interpreter/modules.ts";
import {
  compare,
  elementsOf,
  error,
  isAtom,
  isEqual,
  ok,
  tuple,
} from "../interpreter/values.ts";
import {
  Agent,
  DynamicSupervisor,
  GenServer,
  PartitionSupervisor,
  Registry,
  Supervisor,
  Task,
  TaskSupervisor,
} from "./_api.ts";
import {
  type Any,
  atoms,
  destination,
  limit,
  nameOf,
  options,
  reason,
  remote,
  started,
  startedPid,
  status,
  then,
} from "./_terms.ts";

// Callback modules.

/** What comes after a callback: `{:continue, value}`, or a time limit. */
function next(action: unknown): object {
  if (action === undefined) return {};
  const [tag, value] = elementsOf(action) ?? [];
  return isAtom(tag, "continue")
    ? { continue: value }
    : { timeout: limit(action) };
}

/** The result of a callback, as an object; a value that is none stays. */
function resultOf(value: unknown): unknown {
  const [tag, ...rest] = elementsOf(value) ?? [];
  switch (tag instanceof Atom ? tag.name : "") {
    case "ok":
      return { type: "ok", state: rest[0], ...next(rest[1]) };
    case "noreply":
      return { type: "noreply", state: rest[0], ...next(rest[1]) };
    case "reply":
      return {
        type: "reply",
        reply: rest[0],
        state: rest[1],
        ...next(rest[2]),
      };
    case "stop": {
      const [why, ...others] = rest;
      const state = others.at(-1);
      if (others.length === 0) return { type: "stop", reason: reason(why) };
      return others.length === 1
        ? { type: "stop", reason: reason(why), state }
        : { type: "stop", reason: reason(why), reply: others[0], state };
    }
  }
  return isAtom(value, "ignore") ? "ignore" : value;
}

/** The result of a callback, which it may throw. */
async function results(callback: () => unknown): Promise<unknown> {
  try {
    return resultOf(await callback());
  } catch (thrown) {
    throw thrown instanceof Tuple ? resultOf(thrown) : thrown;
  }
}

/** The callback module of an Elixir module. */
function server(name: unknown): Any {
  const module = moduleOf(name)!;
  const callback = (name: string, arity: number) =>
    module.has(name, arity)
      ? (...args: unknown[]) => results(() => module.fn(name)(...args))
      : undefined;
  const terminate = module.has("terminate", 2)
    ? module.fn("terminate")
    : undefined;
  return Object.fromEntries(
    Object.entries({
      name: module.name,
      init: callback("init", 1),
      handleCall: callback("handle_call", 3),
      handleCast: callback("handle_cast", 2),
      handleInfo: callback("handle_info", 2),
      handleContinue: callback("handle_continue", 2),
      terminate,
    }).filter(([, value]) => value !== undefined),
  );
}

// Child specifications.

/** A start: here a function; for a supervisor on another node a function that nodes export. */
function startOf(start: unknown, isRemote: boolean): unknown {
  const [module, name, args] = elementsOf(start)! as [
    unknown,
    unknown,
    unknown[],
  ];
  if (isRemote) return [...remote(module, name), args];
  const fn = functionOf(module, name);
  return (...extra: unknown[]) => then(fn(...extra, ...args), startedPid);
}

/** The built-in children: `{Agent, fun}` and others. */
const CHILDREN: Record<string, (arg: Any) => unknown> = {
  Agent: (fn) => Agent.childSpec(fn),
  DynamicSupervisor: (list) => DynamicSupervisor.childSpec(options(list)),
  PartitionSupervisor: (list) =>
    PartitionSupervisor.childSpec(partitionOptions(list)),
  Registry: (list) => Registry.childSpec(options(list)),
  Task: (fn) => Task.childSpec(fn),
  "Task.Supervisor": (list) => TaskSupervisor.childSpec(options(list)),
};

function ownSpec(module: Module, arg: unknown): unknown {
  if (!module.has("start_link", 1)) return [server(module.name), arg];
  const start = (given: unknown) =>
    then(module.fn("start_link")(given), startedPid);
  return [{ ...server(module.name), startLink: start }, arg];
}

export function childOf(spec: Any, isRemote = false): Any {
  if (spec instanceof Atom) return childOf(tuple(spec, []), isRemote);
  if (spec instanceof Tuple) {
    const [name, arg] = spec.elements;
    const own = moduleOf(name);
    return own === undefined ? CHILDREN[nameOf(name)](arg) : ownSpec(own, arg);
  }
  if (!(spec instanceof Map)) return spec;
  const { start, id, ...rest } = options(
    [...spec].map(([key, value]) => tuple(key, value)),
  );
  return { id: nameOf(id), start: startOf(start, isRemote), ...rest };
}

function childrenOf(specs: Any): Any {
  return specs.map((each: unknown) => childOf(each));
}

function partitionOptions(list: unknown): Any {
  const { childSpec, ...rest } = options(list);
  const given = (list as Tuple[]).find((each) =>
    isAtom(each.elements[0], "child_spec")
  )?.elements[1];
  return childSpec === undefined
    ? rest
    : { childSpec: childOf(given), ...rest };
}

/** Whether a supervisor may be on another node. */
function isRemote(to: unknown): boolean {
  return to instanceof Tuple && !isAtom(to.elements[0], "via");
}

/** A child of `which_children`: id, pid, type and modules. */
function listed({ id, pid, type }: Any): Tuple {
  return tuple(
    id ?? "undefined",
    pid ?? "undefined",
    type,
    [],
  );
}

async function which(children: Promise<unknown[]>): Promise<Tuple[]> {
  return (await children).map(listed);
}

/** `{:ok, pid}` of a restart; its failures are atoms. */
async function restarted(restart: Promise<unknown>): Promise<unknown> {
  return await started(() => restart);
}

async function said(answer: Promise<string>): Promise<unknown> {
  return status(await answer);
}

/** The requests of supervisors, as OTP's messages name them. */
const REQUESTS: Record<
  string,
  (to: Any, api: Any, arg: Any) => Promise<unknown>
> = {
  count_children: (to, api) => api.countChildren(to),
  delete_child: (to, _, id) => said(Supervisor.deleteChild(to, nameOf(id))),
  restart_child: (to, _, id) =>
    restarted(Supervisor.restartChild(to, nameOf(id))),
  start_child: (to, api, spec) =>
    started(() => api.startChild(to, childOf(spec))),
  terminate_child: (to, api, id) => said(api.terminateChild(to, nameOf(id))),
  which_children: (to, api) => which(api.whichChildren(to)),
};

/** The supervisors that are dynamic, by pid: their requests are the same messages in OTP. */
const dynamic = new Set<string>();

async function request(to: Any, asked: unknown): Promise<unknown> {
  const [name, arg] = asked instanceof Tuple ? asked.elements : [asked];
  const api = dynamic.has(String(to)) ? DynamicSupervisor : Supervisor;
  return tuple(atom("reply"), await REQUESTS[nameOf(name)](to, api, arg));
}

/** The function that stops a server of a kind. */
function stopOf(
  { stop }: { stop(to: Any, reason?: unknown, timeout?: number): unknown },
): Fn {
  return (to, ...[why, timeout]) =>
    stop(destination(to), why && reason(why), timeout && limit(timeout));
}

const SUPERVISORS: Bindings = {
  "Supervisor.child_spec": (child, list) =>
    Supervisor.childSpec(childOf(child), options(list)),
  "Supervisor.count_children": (to) =>
    Supervisor.countChildren(destination(to)),
  "Supervisor.delete_child": (to, id) =>
    said(Supervisor.deleteChild(destination(to), nameOf(id))),
  "Supervisor.restart_child": (to, id) =>
    restarted(Supervisor.restartChild(destination(to), nameOf(id))),
  "Supervisor.start_child": (to, child) =>
    started(() =>
      Supervisor.startChild(destination(to), childOf(child, isRemote(to)))
    ),
  "Supervisor.start_link": (children, list) =>
    started(() => Supervisor.startLink(childrenOf(children), options(list))),
  "Supervisor.stop": stopOf(Supervisor),
  "Supervisor.terminate_child": (to, id) =>
    said(Supervisor.terminateChild(destination(to), nameOf(id))),
  "Supervisor.which_children": (to) =>
    which(Supervisor.whichChildren(destination(to))),
  async "supervisor.get_childspec"(to, id) {
    const spec = await Supervisor.getChildspec(destination(to), nameOf(id));
    if (spec === "not_found") return error(atom(spec));
    return ok(
      new Map(
        Object.entries(spec).map(([key, value]) => [atom(key), value]),
      ),
    );
  },
  "DynamicSupervisor.count_children": (to) =>
    DynamicSupervisor.countChildren(destination(to)),
  "DynamicSupervisor.start_child": (to, child) =>
    started(() =>
      DynamicSupervisor.startChild(
        destination(to),
        childOf(child, isRemote(to)),
      )
    ),
  async "DynamicSupervisor.start_link"(list) {
    const result = await started(() =>
      DynamicSupervisor.startLink(options(list))
    );
    dynamic.add(String(elementsOf(result)?.[1]));
    return result;
  },
  "DynamicSupervisor.stop": stopOf(DynamicSupervisor),
  "DynamicSupervisor.terminate_child": (to, pid) =>
    said(DynamicSupervisor.terminateChild(destination(to), pid)),
  "DynamicSupervisor.which_children": (to) =>
    which(DynamicSupervisor.whichChildren(destination(to))),
  "PartitionSupervisor.count_children": (name) =>
    PartitionSupervisor.countChildren(destination(name)),
  "PartitionSupervisor.partitions": (name) =>
    PartitionSupervisor.partitions(destination(name)),
  "PartitionSupervisor.resize!": (name, count) =>
    PartitionSupervisor.resize(destination(name), count),
  "PartitionSupervisor.start_link": (list) =>
    started(() => PartitionSupervisor.startLink(partitionOptions(list))),
  "PartitionSupervisor.stop": stopOf(PartitionSupervisor as Any),
  "PartitionSupervisor.which_children": (name) =>
    which(PartitionSupervisor.whichChildren(destination(name)) as Any),
  "gen_server.send_request": (to, asked) => [request(to, asked)],
  "gen_server.receive_response": ([answer], _timeout) => answer,
};

const GEN_SERVERS: Bindings = {
  "GenServer.abcast"(...args) {
    const [nodes, name, request] = args.length === 2
      ? [undefined, ...args]
      : args;
    return GenServer.abcast(
      nameOf(name),
      request,
      nodes && { nodes: nodes.map(nameOf) },
    );
  },
  "GenServer.call": (to, request, timeout) =>
    GenServer.call(
      destination(to),
      request,
      timeout === undefined ? {} : { timeout: limit(timeout) },
    ),
  "GenServer.cast": (to, request) => GenServer.cast(destination(to), request),
  async "GenServer.multi_call"(...args) {
    const [nodes, name, request, timeout] = args.length === 2
      ? [undefined, ...args]
      : args;
    const given = {
      ...nodes && { nodes: nodes.map(nameOf) },
      ...timeout !== undefined && { timeout: limit(timeout) },
    };
    const { replies, badNodes } = await GenServer.multiCall(
      nameOf(name),
      request,
      given,
    );
    return tuple(
      replies.map(({ node, reply }) => tuple(atom(node), reply)),
      atoms(badNodes),
    );
  },
  "GenServer.reply": (from, reply) => GenServer.reply(from, reply),
  "GenServer.start": (module, arg, list) =>
    started(() => GenServer.start(server(module), arg, options(list))),
  "GenServer.start_link": (module, arg, list) =>
    started(() => GenServer.startLink(server(module), arg, options(list))),
  "GenServer.stop": stopOf(GenServer),
  "GenServer.whereis": (name) => GenServer.whereis(destination(name)),
};

// Agents.

/** A function of an agent's state; that of an update returns two values, which are an array here. */
function agentFn(fn: Any, [name, args]: unknown[], isPair = false): Any {
  if (typeof fn !== "function") return [...remote(fn, name), args];
  return isPair
    ? (state: unknown) =>
      then(
        fn(state),
        (value) => value instanceof Tuple ? value.elements : value,
      )
    : fn;
}

/** The arguments of a call: a function or a module with a name and arguments, and a timeout. */
function agentArgs(fn: unknown, rest: unknown[], isPair = false): [Any, Any] {
  const timeout = typeof fn === "function" ? rest[0] : rest[2];
  return [
    agentFn(fn, rest, isPair),
    timeout === undefined ? {} : { timeout: limit(timeout) },
  ];
}

const AGENTS: Bindings = {
  "Agent.cast": (agent, fn, ...rest) =>
    Agent.cast(destination(agent), agentFn(fn, rest)),
  "Agent.get": (agent, fn, ...rest) =>
    Agent.get(destination(agent), ...agentArgs(fn, rest)),
  "Agent.get_and_update": (agent, fn, ...rest) =>
    Agent.getAndUpdate(destination(agent), ...agentArgs(fn, rest, true)),
  "Agent.start": (fn, list) => started(() => Agent.start(fn, options(list))),
  "Agent.start_link": (fn, list) =>
    started(() => Agent.startLink(fn, options(list))),
  "Agent.stop": stopOf(Agent),
  "Agent.update": (agent, fn, ...rest) =>
    Agent.update(destination(agent), ...agentArgs(fn, rest)),
};

// Registries.

const COMPARISONS: Record<string, (order: number) => boolean> = {
  ">": (order) => order > 0,
  "==": (order) => order === 0,
};

/** Whether values match the pattern of a match specification: `_` or `$1` match any, by its guards. */
function matchesSpec(
  pattern: unknown,
  guards: unknown[],
  value: unknown,
): boolean {
  const bound = new Map<string, unknown>();
  const isMatch = (pattern: unknown, value: unknown): boolean => {
    if (pattern instanceof Tuple) {
      const elements = elementsOf(value)!;
      return pattern.elements.every((each: unknown, at: number) =>
        isMatch(each, elements[at])
      );
    }
    const name = pattern instanceof Atom ? pattern.name : "";
    if (!/^(_|\$\d+)$/.test(name)) return isEqual(pattern, value);
    bound.set(name, value);
    return true;
  };
  const valueOf = (term: unknown) =>
    term instanceof Atom && bound.has(term.name) ? bound.get(term.name) : term;
  return isMatch(pattern, value) &&
    (guards as Tuple[]).every(({ elements: [name, left, right] }) =>
      COMPARISONS[nameOf(name)](compare(valueOf(left), valueOf(right)))
    );
}

function record({ key, pid, value }: Any): Tuple {
  return tuple(key, pid, value);
}

function entries(list: Any[]): Tuple[] {
  return list.map(({ pid, value }) => tuple(pid, value));
}

const REGISTRIES: Bindings = {
  "Registry.count": (registry) => Registry.count(nameOf(registry)),
  "Registry.count_match": (registry, key, pattern, guards = []) =>
    Registry.countMatch(
      nameOf(registry),
      key,
      (value) => matchesSpec(pattern, guards, value),
    ),
  "Registry.count_select": (registry, [spec]) =>
    Registry.countSelect(
      nameOf(registry),
      (each) => matchesSpec(spec[0], spec[1], record(each)),
    ),
  "Registry.delete_meta": (registry, key) =>
    Registry.deleteMeta(nameOf(registry), nameOf(key)),
  "Registry.dispatch": (registry, key, fn) =>
    Registry.dispatch(nameOf(registry), key, (list) => fn(entries(list))),
  "Registry.keys": (registry, pid) => Registry.keys(nameOf(registry), pid),
  "Registry.lock": (registry, key, fn) =>
    Registry.lock(nameOf(registry), key, fn),
  "Registry.lookup": (registry, key) =>
    entries(Registry.lookup(nameOf(registry), key)),
  "Registry.match": (registry, key, pattern, guards = []) =>
    entries(
      Registry.match(nameOf(registry), key, (value) =>
        matchesSpec(pattern, guards, value)),
    ),
  "Registry.meta": (registry, key) =>
    Registry.meta(nameOf(registry), nameOf(key)),
  "Registry.put_meta": (registry, key, value) =>
    Registry.putMeta(nameOf(registry), nameOf(key), value),
  "Registry.register": (registry, key, value) =>
    Registry.register(nameOf(registry), key, value),
  // Selections return the key and the value of each entry.
  "Registry.select": (registry, [spec]) =>
    Registry.select(
      nameOf(registry),
      (each) => matchesSpec(spec[0], spec[1], record(each)),
    ).map(({ key, value }) => [key, value]),
  "Registry.start_link": (list) =>
    started(() => Registry.startLink(options(list))),
  "Registry.unregister": (registry, key) =>
    Registry.unregister(nameOf(registry), key),
  "Registry.unregister_match": (registry, key, pattern) =>
    Registry.unregisterMatch(
      nameOf(registry),
      key,
      (value) => matchesSpec(pattern, [], value),
    ),
  "Registry.update_value"(registry, key, fn) {
    const updated = Registry.updateValue(nameOf(registry), key, fn);
    return updated === "error"
      ? atom(updated)
      : tuple(updated.newValue, updated.oldValue);
  },
  "Registry.values": (registry, key, pid) =>
    Registry.values(nameOf(registry), key, pid),
};

export const SERVERS: Bindings = {
  ...GEN_SERVERS,
  ...SUPERVISORS,
  ...AGENTS,
  ...REGISTRIES,
};
