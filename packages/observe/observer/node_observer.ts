/**
 * The observer of a node. It answers code on this node and, with `allowObserve`, other nodes, which call its functions in
 * the exported module `Observer`.
 *
 * The observer is created when it is first asked. Until then it costs a counter in each mailbox and two in each connection.
 *
 * The size and the time of every answer are bounded, whatever processes hold. No answer depends on another process, so a
 * stuck process does not block the observer.
 */

import { currentProcess } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { Pid, Ref } from "@otp/processes/values/pid";
import { checkPid } from "@otp/processes/values/check_arguments";
import { onDown } from "@otp/servers/server/on_exit";
import {
  type TraceLimits,
  traceMessages,
  type TraceStart,
} from "./message_trace.ts";
import { MessageRates } from "./message_rates.ts";
import {
  entitiesOf,
  type ObservedEntities,
  type ObservedEntity,
} from "../observed_entities.ts";
import { type ObservedView, viewsOf } from "../observed_views.ts";
import { observeNames } from "./observed_names.ts";
import { HostObservation } from "./observed_host.ts";
import {
  MAX_PROCESSES,
  observeProcess,
  PROCESS_ORDERS,
  type ProcessSelection,
  selectProcesses,
} from "./observed_processes.ts";
import type {
  ObservedConnection,
  ObservedEvent,
  ObservedNames,
  ObservedNode,
  ObservedProcess,
  ObservedProcessDetails,
  ObservedTree,
  TracedMessage,
} from "./observed_terms.ts";
import { RecentLog } from "./recent_log.ts";
import { observeTree } from "./supervision_tree.ts";

/** The maximum number of messages of a trace, and its maximum time in milliseconds. */
const MAX_TRACED = 1000;
const MAX_TRACE_TIME = 600_000;

/** The maximum number of rows of a table of a view. */
const MAX_ROWS = 500;

/** A message from a trace to the process that has started it. */
export type TraceMessage =
  | { type: "trace_started"; ref: Ref }
  | { type: "trace_refused"; ref: Ref; reason: string }
  | { type: "traced"; ref: Ref; message: TracedMessage }
  | { type: "trace_ended"; ref: Ref };

export class NodeObserver {
  readonly #runtime: Runtime;
  readonly #host: HostObservation;
  readonly #rates: MessageRates;
  readonly #log = new RecentLog();
  readonly #mayEnd: boolean;

  /** Keeps the events of the node's log from now on. */
  constructor(
    runtime: Runtime,
    connections: () => ObservedConnection[],
    startedAt: number,
    mayEnd: boolean,
  ) {
    this.#runtime = runtime;
    this.#rates = new MessageRates(runtime);
    this.#mayEnd = mayEnd;
    this.#host = new HostObservation(runtime, connections, startedAt);
    runtime.log.tap = (event) => this.#log.add(event);
  }

  node(): ObservedNode {
    return this.#host.observe();
  }

  processes(
    selection: unknown,
  ): { processes: ObservedProcess[]; total: number } {
    return selectProcesses(this.#runtime, selectionOf(selection), this.#rates);
  }

  process(pid: unknown): ObservedProcessDetails | undefined {
    return observeProcess(this.#runtime, pid, this.#rates);
  }

  tree(): ObservedTree {
    return observeTree(this.#runtime);
  }

  names(): ObservedNames {
    return observeNames(this.#runtime);
  }

  entities(): ObservedEntities[] {
    return entitiesOf(this.#runtime).map((each) => each.observe());
  }

  /** Finds an entity; `undefined` if no server of the node knows its type. */
  async entity(
    type: unknown,
    key: unknown,
  ): Promise<ObservedEntity | undefined> {
    if (typeof type !== "string" || typeof key !== "string") return;
    for (const each of entitiesOf(this.#runtime)) {
      const found = await each.find(type, key);
      if (found !== undefined) return found;
    }
  }

  /** Returns the view that a package gives of the node; `undefined` if no package has the name. */
  view(name: unknown, limit: unknown): ObservedView | undefined {
    const source = viewsOf(this.#runtime).get(name as string);
    return source?.observe(within(limit, 50, MAX_ROWS));
  }

  /** Returns the last events of the log after a number. */
  log(after: unknown): ObservedEvent[] {
    return this.#log.after(typeof after === "number" ? after : 0);
  }

  end(pid: unknown, reason: unknown): "ok" | "not_allowed" {
    if (!this.#mayEnd) return "not_allowed";
    checkPid(pid, "end the process");
    this.#runtime.local.exit(currentProcess().pid, pid, reason);
    return "ok";
  }

  /**
   * Traces a process for `to`, until the trace or `to` ends. Runs in a process that `to` has started, so that nobody can
   * make a node send messages to another process.
   */
  async trace(
    pid: unknown,
    to: unknown,
    ref: unknown,
    limits: unknown,
  ): Promise<void> {
    if (!(to instanceof Pid) || !(ref instanceof Ref)) return;
    const tracer = currentProcess();
    if (tracer.parent?.equals(to) !== true) return;
    const target = pid instanceof Pid ? this.#runtime.find(pid) : undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const tell = (message: TraceMessage) => void tracer.send(to, message);
    const start: (() => void) | TraceStart = target === undefined
      ? "noproc"
      : isOwn(target, tracer, to)
      ? "already_traced"
      : traceMessages(
        target,
        limitsOf(limits),
        (message) => {
          if (tracer.alive) tell({ type: "traced", ref, message });
        },
        resolve,
      );
    if (typeof start === "string") {
      return tell({ type: "trace_refused", ref, reason: start });
    }
    tell({ type: "trace_started", ref });
    const signal = tracer.abortSignal();
    signal.addEventListener("abort", start);
    // End the trace when its receiver exits, since a dead receiver cannot.
    onDown(tracer, to, () => resolve());
    await promise;
    signal.removeEventListener("abort", start);
    (start as () => void)();
    tell({ type: "trace_ended", ref });
  }
}

/** Returns whether a trace would trace its own messages. */
function isOwn(target: LocalProcess, tracer: LocalProcess, to: Pid): boolean {
  return target === tracer || target.pid.equals(to);
}

function limitsOf(given: unknown): TraceLimits {
  const { limit, timeout } = (given ?? {}) as Partial<TraceLimits>;
  return {
    limit: within(limit, 100, MAX_TRACED),
    timeout: within(timeout, 60_000, MAX_TRACE_TIME),
  };
}

function within(value: unknown, usual: number, most: number): number {
  return typeof value === "number" && value >= 0
    ? Math.min(Math.floor(value), most)
    : usual;
}

function selectionOf(given: unknown): ProcessSelection {
  const { order, limit, search } = (given ?? {}) as Partial<ProcessSelection>;
  return {
    order: PROCESS_ORDERS.find((each) => each === order) ?? "messages",
    limit: within(limit, 50, MAX_PROCESSES),
    search: typeof search === "string" ? search.slice(0, 200) : "",
  };
}
