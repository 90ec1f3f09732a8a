/**
 * Observes nodes: their processes, supervision trees, names, connections and logs, here and on other nodes that
 * allow it.
 *
 * Elixir has [observer](https://www.erlang.org/doc/apps/observer/observer_ug.html) and
 * [recon](https://ferd.github.io/recon/) for this.
 *
 * Another node answers only if it was started with `allowObserve: true` (`--allow-observe`). Answers are bounded in
 * size, and never wait for a process of the observed node.
 *
 * @module
 */

import { UndefinedFunctionError } from "@otp/processes/errors";
import { Node } from "@otp/node/node";
import {
  isDown,
  makeRef,
  Process,
  receive,
  self,
  spawnMonitor,
} from "@otp/processes/process";
import { rpc } from "@otp/node/rpc/rpc";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import {
  checkOptions,
  checkPid,
  checkString,
  oneOf,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { NodeObserver, TraceMessage } from "./observer/node_observer.ts";
import {
  PROCESS_ORDERS,
  type ProcessOrder,
} from "./observer/observed_processes.ts";
import type {
  ObservedEvent,
  ObservedNames,
  ObservedNode,
  ObservedProcess,
  ObservedProcessDetails,
  ObservedTree,
  TracedMessage,
} from "./observer/observed_terms.ts";
import type { ObservedEntities, ObservedEntity } from "./observed_entities.ts";
import type { ObservedView } from "./observed_views.ts";
import { OBSERVER, observerOf } from "./observer/serve_observer.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export type * from "./observer/observed_terms.ts";
export type {
  ObservedEntities,
  ObservedEntity,
  ObservedEntityType,
  ObservedLateAlarm,
  ObservedMove,
  ObservedParked,
  ObservedShard,
} from "./observed_entities.ts";
export type {
  ObservedCell,
  ObservedColumn,
  ObservedTable,
  ObservedView,
} from "./observed_views.ts";
export type { LogLevel } from "@otp/processes/log/log_event";
export type { Pid } from "@otp/processes/values/pid";
export type { ProcessOrder };

/** Options for observing a node. */
export interface ObserveOptions {
  /**
   * The node to observe.
   *
   * @default {the node that the calling code runs on}
   */
  node?: string;
  /**
   * How long to wait for another node, in milliseconds.
   *
   * @default {5000}
   */
  timeout?: number;
}

const OBSERVE_OPTIONS: OptionChecks<ObserveOptions> = {
  node: true,
  timeout: TIMEOUT,
};

const OBSERVE_PROCESS_OPTIONS: OptionChecks<Omit<ObserveOptions, "node">> = {
  timeout: TIMEOUT,
};

/** Options for {@linkcode Observer.processes}. */
export interface ObserveProcessesOptions extends ObserveOptions {
  /**
   * The key to sort by, the greatest value first: `"messages"` in the mailbox, `"memory"` of the mailbox,
   * `"received"` since the start, `"rate"` of messages since the previous answer, `"links"`, or `"started"`, the newest
   * first.
   *
   * @default {"messages"}
   */
  order?: ProcessOrder;
  /**
   * The number of processes; at most 500.
   *
   * @default {50}
   */
  limit?: number;
  /**
   * A text that the name, label, call or pid contains, in any case.
   *
   * @default {""}
   */
  search?: string;
}

const OBSERVE_PROCESSES_OPTIONS: OptionChecks<ObserveProcessesOptions> = {
  ...OBSERVE_OPTIONS,
  order: oneOf(...PROCESS_ORDERS),
  limit: true,
  search: true,
};

/** Options for {@linkcode Observer.view}. */
export interface ObserveViewOptions extends ObserveOptions {
  /**
   * The number of rows of each table; at most 500.
   *
   * @default {50}
   */
  limit?: number;
}

const OBSERVE_VIEW_OPTIONS: OptionChecks<ObserveViewOptions> = {
  ...OBSERVE_OPTIONS,
  limit: true,
};

/** Options for {@linkcode Observer.log}. */
export interface ObserveLogOptions extends ObserveOptions {
  /**
   * Only events with a greater number.
   *
   * @default {0}
   */
  after?: number;
}

const OBSERVE_LOG_OPTIONS: OptionChecks<ObserveLogOptions> = {
  ...OBSERVE_OPTIONS,
  after: true,
};

/** Options for {@linkcode Observer.trace}. */
export interface TraceOptions {
  /**
   * The number of messages after which the trace ends; at most 1000.
   *
   * @default {100}
   */
  limit?: number;
  /**
   * The time after which the trace ends, in milliseconds; at most 600,000.
   *
   * @default {60_000}
   */
  timeout?: number;
}

const TRACE_OPTIONS: OptionChecks<TraceOptions> = {
  limit: TIMEOUT,
  timeout: TIMEOUT,
};

/** The time for which the end of a trace waits for another node, in milliseconds. */
const END_TIMEOUT = 1000;

/**
 * Observes nodes.
 *
 * Each function rejects with an `Error` if the node does not allow it, or cannot be reached.
 */
export class Observer {
  /**
   * Returns the state of a node: memory, CPU time, event-loop delay, connections.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { assert } from "@std/assert";
   *
   * const { node, memory, processes } = await Observer.node();
   * assert(memory > 0 && processes >= 0 && node === "nonode@nohost");
   * ```
   */
  static node(options: ObserveOptions = {}): Promise<ObservedNode> {
    return observe("node", [], options);
  }

  /**
   * Returns the processes of a node with the greatest values of a key.
   *
   * `received` counts the messages that have arrived in the mailbox: two answers give a rate. `queueBytes` is an
   * estimate from some of the messages.
   *
   * @returns The processes, and the number of all that match the search.
   * @throws {TypeError} If the key is unknown.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { Process, receive, spawn } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = spawn(() => receive(), [], { label: "waiter" });
   * const { processes } = await Observer.processes({ search: "WAITER" });
   * assertEquals(processes.map(({ initialCall }) => initialCall), ["waiter"]);
   * Process.exit(pid, "kill");
   * ```
   */
  static processes(
    options: ObserveProcessesOptions = {},
  ): Promise<{ processes: ObservedProcess[]; total: number }> {
    checkOptions(
      options,
      "observe processes",
      OBSERVE_PROCESSES_OPTIONS,
      '{ order: "messages" }',
    );
    const { order = "messages", limit = 50, search = "" } = options;
    const { node, timeout } = options;
    return observe("processes", [{ order, limit, search }], { node, timeout });
  }

  /**
   * Returns the state of a process, on this node or another: mailbox, links, monitors, dictionary.
   *
   * @returns The process; `undefined` if it is not alive.
   * @throws {TypeError} If `pid` is not a pid.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { self, send } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * send(self(), { order: 17 });
   * assertEquals((await Observer.process(self()))?.messages, ["{ order: 17 }"]);
   * ```
   */
  static process(
    pid: Pid,
    options: Omit<ObserveOptions, "node"> = {},
  ): Promise<ObservedProcessDetails | undefined> {
    checkPid(pid, "observe the process");
    checkOptions(options, "observe a process", OBSERVE_PROCESS_OPTIONS);
    return observe("process", [pid], { ...options, node: pid.node });
  }

  /**
   * Returns the supervision trees of a node, with the restarts of each child.
   *
   * @returns The node's top supervisors with their children; at most 2000 entries.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await Supervisor.startLink([], { strategy: "one_for_one", name: "Top" });
   * const { roots } = await Observer.tree();
   * assertEquals(roots.map(({ name }) => name), ["Top"]);
   * await Supervisor.stop(pid);
   * ```
   */
  static tree(options: ObserveOptions = {}): Promise<ObservedTree> {
    return observe("tree", [], options);
  }

  /**
   * Returns the names of a node: registered and global names, groups of `pg`, and the keys of registries.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { Process, self } from "@otp/distribution";
   * import { assert } from "@std/assert";
   *
   * Process.register(self(), "me");
   * assert((await Observer.names()).registered.some(({ name }) => name === "me"));
   * Process.unregister("me");
   * ```
   */
  static names(options: ObserveOptions = {}): Promise<ObservedNames> {
    return observe("names", [], options);
  }

  /**
   * Returns the entities of a node: their types, the owners of their shards, moves, and parked keys.
   *
   * @returns The entities of each server of the node; an empty list if the node has none.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { Observer } from "@otp/distribution/observer";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", { state: () => 0, read: (counter) => counter.state });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore(), shards: 8 });
   * await Counter.get("visits").read();
   * const [{ types: [{ type, shards, entities }] }] = await Observer.entities();
   * assertEquals([type, shards, entities], ["counter", 8, 1]);
   * await GenServer.stop(pid);
   * ```
   */
  static entities(options: ObserveOptions = {}): Promise<ObservedEntities[]> {
    return observe("entities", [], options);
  }

  /**
   * Finds an entity, and returns its state: of its process, or else the stored one. If its owner is another node that is
   * connected and allows it, that node is asked too.
   *
   * @param options The node that is asked first.
   * @returns The entity; `undefined` if the node has no such type.
   * @throws {TypeError} If the type or the key is not a text.
   *
   * @example Usage
   * ```ts
   * import { Entities, Entity, memoryStore } from "@otp/distribution/entities";
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { Observer } from "@otp/distribution/observer";
   * import { assertEquals } from "@std/assert";
   *
   * const Counter = Entity.define("counter", {
   *   state: () => ({ n: 0 }),
   *   add: (counter, n: number) => counter.state.n += n,
   * });
   * const pid = await Entities.startLink({ types: [Counter], store: memoryStore() });
   * await Counter.get("visits").add(42);
   * assertEquals((await Observer.entity("counter", "visits"))?.state, "{ n: 42 }");
   * await GenServer.stop(pid);
   * ```
   */
  static async entity(
    type: string,
    key: string,
    options: ObserveOptions = {},
  ): Promise<ObservedEntity | undefined> {
    checkString(type, "observe an entity of the type");
    checkString(key, "observe an entity with the key");
    const ask = (options: ObserveOptions) =>
      observe<ObservedEntity | undefined>("entity", [type, key], options);
    const found = await ask(options);
    const { owner } = found ?? {};
    if (owner === undefined || owner === (options.node ?? Node.self())) {
      return found;
    }
    if (owner !== Node.self() && !Node.list("connected").includes(owner)) {
      return found;
    }
    return await ask({ ...options, node: owner }).catch(() => found) ?? found;
  }

  /**
   * Returns the view that a package gives of a node: its numbers, and tables of its parts, the most notable ones first.
   *
   * `channels` has the sockets of clients and the topics; a node has this view from the first use of its sockets or its
   * PubSub on. `streams` has the streams that are followed on the node, from the first request to a stream on. A view has
   * names and addresses, and no content of messages and streams.
   *
   * @param name The name of the view, as in {@linkcode ObservedNode.views}.
   * @returns The view; `undefined` if the node does not have it.
   * @throws {TypeError} If the name is not a text.
   *
   * @example Usage
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   * import { Observer } from "@otp/distribution/observer";
   * import { assertEquals } from "@std/assert";
   *
   * await PubSub.subscribe("news");
   * const view = await Observer.view("channels");
   * assertEquals(view?.counts.topics, 1);
   * assertEquals(view?.tables.map(({ title }) => title), ["Sockets", "Topics"]);
   * PubSub.unsubscribe("news");
   * ```
   */
  static view(
    name: string,
    options: ObserveViewOptions = {},
  ): Promise<ObservedView | undefined> {
    checkString(name, "observe the view");
    checkOptions(
      options,
      "observe a view",
      OBSERVE_VIEW_OPTIONS,
      "{ limit: 100 }",
    );
    const { limit = 50, ...rest } = options;
    return observe("view", [name, limit], rest);
  }

  /**
   * Returns the last events of a node's log, at most 200. A node with `allowObserve` keeps events from its start, other
   * nodes from the first observation.
   *
   * @returns The events, the oldest first.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * const before = await Observer.log();
   * Logger.warning("the disk is almost full");
   * const events = await Observer.log({ after: before.at(-1)?.number ?? 0 });
   * assertEquals(events.map(({ message }) => message), ["the disk is almost full"]);
   * ```
   */
  static log(options: ObserveLogOptions = {}): Promise<ObservedEvent[]> {
    checkOptions(
      options,
      "observe the log",
      OBSERVE_LOG_OPTIONS,
      "{ after: 17 }",
    );
    const { after = 0, ...rest } = options;
    return observe("log", [after], rest);
  }

  /**
   * Ends a process by an exit signal, on this node or another node that allows it with `allowObserve: "write"`.
   *
   * @param reason The exit reason; `"kill"` cannot be trapped.
   * @returns `"ok"` when the signal was sent; `"not_allowed"` if the node does not allow it.
   * @throws {TypeError} If `pid` is not a pid.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { receive, spawn } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Observer.end(spawn(() => receive()), "kill"), "ok");
   * ```
   */
  static end(
    pid: Pid,
    reason: unknown = "shutdown",
  ): Promise<"ok" | "not_allowed"> {
    checkPid(pid, "end the process");
    if (pid.node === Node.self()) {
      Process.exit(pid, reason);
      return Promise.resolve("ok");
    }
    return observe("end", [pid, reason], { node: pid.node });
  }

  /**
   * Traces a process: the messages that it receives and sends, as text, as they arrive and leave.
   *
   * When the promise resolves, the trace is on. It ends at its limit or time, with the process, and when the loop over
   * the messages ends or `return` is called; it then leaves no message in the caller's mailbox. Messages that links,
   * monitors and exit signals cause are not traced. A node runs at most 8 traces at a time.
   *
   * @returns The messages; if the process exits, the last one reports its exit.
   * @throws {TypeError} If `pid` is not a pid.
   * @throws {RangeError} If a limit is negative.
   * @throws {Error} If the process does not exist, is already being traced, or its node does not allow it.
   *
   * @example Usage
   * ```ts
   * import { Observer } from "@otp/distribution/observer";
   * import { receive, send, spawn } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = spawn(() => receive((message) => message === "stop"));
   * const seen: string[] = [];
   * const trace = await Observer.trace(pid, { limit: 2 });
   * send(pid, "hi");
   * send(pid, "stop");
   * for await (const { message } of trace) seen.push(message);
   * assertEquals(seen, ['"hi"', '"stop"']);
   * ```
   */
  static async trace(
    pid: Pid,
    options: TraceOptions = {},
  ): Promise<AsyncGenerator<TracedMessage, void, undefined>> {
    checkPid(pid, "trace the process");
    checkOptions(options, "trace a process", TRACE_OPTIONS, "{ limit: 100 }");
    const { limit = 100, timeout = 60_000 } = options;
    const ref = makeRef();
    const local = pid.node === Node.self();
    const args = [pid, self(), ref, { limit, timeout }] as const;
    const tracer = local
      ? await startHere(args)
      : await Node.spawnMonitor(pid.node, [OBSERVER, "trace"], [...args]).catch(
        (error) => {
          throw explained(error, pid.node);
        },
      );
    const messages = traceMessages(ref, tracer);
    const first = await messages.next();
    if (first?.type === "trace_started") return messages.all();
    await messages.end();
    throw refusal(pid, first?.type === "trace_refused" ? first.reason : "down");
  }
}

type TraceEvent = TraceMessage | { type: "DOWN"; ref: Ref };

/** Receives the messages of a trace in the process that started the trace. */
function traceMessages(trace: Ref, tracer: { pid: Pid; ref: Ref }) {
  const ended = new AbortController();
  const { signal } = ended;
  let hasExited = false;
  let ending: Promise<void> | undefined;

  const isOwn = (message: unknown): message is TraceEvent => {
    const { ref } = (message ?? {}) as { ref?: unknown };
    return trace.equals(ref) || (isDown(message) && tracer.ref.equals(ref));
  };

  function taken(event: TraceEvent): TraceMessage | undefined {
    if (event.type !== "DOWN") return event;
    hasExited = true;
    return undefined;
  }

  /** The next message; `undefined` if the trace has ended. */
  async function next(): Promise<TraceMessage | undefined> {
    if (hasExited || signal.aborted) return undefined;
    try {
      return taken(await receive(isOwn, { signal }));
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** Ends the tracer, and receives until its DOWN, which is its last message. */
  async function finish(): Promise<void> {
    ended.abort();
    const { pid, ref } = tracer;
    Process.exit(pid, "kill");
    while (!hasExited) {
      const event = await receive(isOwn, {
        timeout: END_TIMEOUT,
        after: { type: "DOWN", ref } as const,
      });
      taken(event);
    }
    Process.demonitor(ref, { flush: true });
  }

  /** Ends the trace, and removes its messages from the mailbox. */
  const end = () => ending ??= finish();

  async function* yieldAll(): AsyncGenerator<TracedMessage, void, undefined> {
    try {
      for (;;) {
        const event = await next();
        if (event?.type !== "traced") return;
        yield event.message;
      }
    } finally {
      await end();
    }
  }

  /** Returns the traced messages; leaving the loop ends the trace. */
  function all(): AsyncGenerator<TracedMessage, void, undefined> {
    const messages = yieldAll();
    const { return: leave } = messages;
    // Without this override, `return` has no effect on a generator that waits or has not begun.
    messages.return = async () => {
      await end();
      return await leave.call(messages);
    };
    return messages;
  }

  return { next, all, end };
}

function refusal(pid: Pid, reason: string): Error {
  const text = reason === "noproc"
    ? "there is no such process"
    : reason === "down"
    ? "its node is down, or ended the trace"
    : reason === "too_many"
    ? "its node runs as many traces as it may"
    : "it is being traced already, or is part of the trace";
  return new Error(`Cannot trace ${pid}: ${text}`);
}

async function startHere(
  args: readonly [Pid, Pid, Ref, object],
): Promise<{ pid: Pid; ref: Ref }> {
  const observer = await observerOf(currentRuntime());
  return spawnMonitor(() => observer.trace(...args));
}

/** Calls the observer of this node or of another node. */
async function observe<T>(
  fn: Exclude<keyof NodeObserver, "trace">,
  args: unknown[],
  options: ObserveOptions,
): Promise<T> {
  checkOptions(
    options,
    "observe a node",
    OBSERVE_OPTIONS,
    '{ node: "alex@localhost" }',
  );
  const { node = Node.self(), timeout = 5000 } = options;
  if (node === Node.self()) {
    const observer: NodeObserver = await observerOf(currentRuntime());
    const method = observer[fn] as (...args: unknown[]) => unknown;
    return method.apply(observer, args) as T;
  }
  try {
    return await rpc.call<unknown[], T>(node, [OBSERVER, fn], args, {
      timeout,
    }) as T;
  } catch (error) {
    throw explained(error, node);
  }
}

/** Replaces the error of a node that exports no observer by an error that says how to allow observation. */
function explained(error: unknown, node: string): unknown {
  if (!(error instanceof UndefinedFunctionError)) return error;
  return new Error(
    `Cannot observe ${node}: it does not allow that; start it with --allow-observe (allowObserve: true)`,
    { cause: error },
  );
}
