/**
 * The answers to queries of Erlang's tools (`otp_queries.ts`), as terms of Erlang.
 *
 * A value that only a BEAM has is 0 or empty. `reductions` are the messages that a process has received, and `memory` is
 * the estimated size of its mailbox: one heap holds all processes here.
 */

import { beamFunctionsOf } from "../functions/beam_functions.ts";
import nodeProcess from "node:process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { infoOf } from "@otp/processes/process/process_info";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Place } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import {
  fromBeamName,
  toBeamFunction,
  toBeamName,
} from "@otp/processes/values/beam_names";
import { inspectArgument } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { applicationsOf } from "@otp/servers/application/application_controller";
import type { NodeObserver } from "@otp/observe/observer/node_observer";
import { labelOf, valueText } from "@otp/observe/observer/observed_texts";
import type { ObserverShare } from "@otp/observe/observer/observer_share";
import { charlist, OtpCollectors } from "./otp_collectors.ts";
import type { OtpQuery, OtpQueryOptions } from "./otp_query_names.ts";
import { mailboxBytes } from "@otp/observe/observer/value_size";

/** The release of OTP whose protocols this library speaks. */
const OTP_RELEASE = "27";

/** The maximum number of processes, and of entries of a process, in an answer. */
const MAX_PROCESSES = 10_000;
const MAX_ENTRIES = 100;

const UNDEFINED = atom("undefined");
const OK = atom("ok");
/** A process that runs no exported function. */
const OTHER_CALL = tuple(atom("typescript"), atom("process"), 0);

type Item = (process: LocalProcess) => unknown;

/** The items of `erlang:process_info/1`, in OTP's order. */
const ITEMS: Record<string, Item> = {
  registered_name: ({ name }) => name === undefined ? [] : atomOf(name),
  current_function: callOf,
  initial_call: callOf,
  status: (process) =>
    atom(process === currentProcess() ? "running" : "waiting"),
  message_queue_len: ({ mailbox }) => mailbox.length,
  links: (process) => process.activeLinks().slice(0, MAX_ENTRIES),
  dictionary: dictionaryOf,
  trap_exit: ({ trapExit }) => trapExit,
  error_handler: () => atom("error_handler"),
  priority: () => atom("normal"),
  group_leader: ({ groupLeader }) => groupLeader,
  total_heap_size: () => 0,
  heap_size: () => 0,
  stack_size: () => 0,
  reductions: ({ mailbox }) => mailbox.received,
  garbage_collection: () => [],
  suspending: () => [],
};

/** The further items of `erlang:process_info/2`. */
const MORE_ITEMS: Record<string, Item> = {
  current_location: (process) => new Tuple([...callOf(process).elements, []]),
  current_stacktrace: () => [],
  label: (process) => labelOf(process) ?? UNDEFINED,
  memory: ({ mailbox }) => mailboxBytes(mailbox),
  messages: ({ mailbox }) =>
    mailbox.messages().slice(0, MAX_ENTRIES).map((message) =>
      valueText(message)
    ),
  monitors: (process) => process.monitored().slice(0, MAX_ENTRIES).map(monitor),
  monitored_by: (process) =>
    infoOf(process, undefined, {}).monitoredBy.slice(0, MAX_ENTRIES),
  parent: ({ parent }) => parent ?? UNDEFINED,
};

export class OtpAnswers {
  readonly #runtime: Runtime;
  readonly #options: OtpQueryOptions;
  readonly #observer: NodeObserver;
  readonly #collectors: OtpCollectors;

  constructor(
    runtime: Runtime,
    options: OtpQueryOptions,
    observer: NodeObserver,
    share: ObserverShare,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#observer = observer;
    this.#collectors = new OtpCollectors(runtime, share);
  }

  /** Answers a query of the node `asker`. Throws an `Error` if there is no such value, as OTP raises `badarg`. */
  answer(query: OtpQuery, args: unknown[], asker: string | undefined): unknown {
    const runtime = this.#runtime;
    const [first, second, third] = args;
    switch (query) {
      case "appmon_info:start_link2/3":
        return tuple(
          OK,
          this.#collectors.appmon(clientOf(query, second, asker)),
        );
      case "application:get_env/2":
        return this.#setting(first, second);
      case "application:get_env/3": {
        const found = this.#setting(first, second);
        return found instanceof Tuple ? found.elements[1] : third;
      }
      case "application:which_applications/0":
      case "application:loaded_applications/0":
        return this.#applications();
      case "code:which/1":
        return atom("non_existing");
      case "erlang:function_exported/3":
        return first instanceof Atom && second instanceof Atom &&
          typeof third === "number" && third >= 0 && third < 256 &&
          beamFunctionsOf(runtime).has([first.name, second.name, Array(third)]);
      case "erlang:is_process_alive/1":
        return this.#find(first) !== undefined;
      case "erlang:memory/0":
        return Object.entries(this.#memory()).map(pair);
      case "erlang:memory/1":
        return valueOf(this.#memory(), first, query);
      case "erlang:node/0":
        return atom(runtime.node);
      case "erlang:process_info/1":
      case "Elixir.Process:info/1":
        return this.#info(first, Object.keys(ITEMS)) ??
          (query === "erlang:process_info/1" ? UNDEFINED : null);
      case "erlang:process_info/2":
      case "Elixir.Process:info/2":
        return this.#infoItems(first, second) ??
          (query === "erlang:process_info/2" ? UNDEFINED : null);
      case "erlang:processes/0":
      case "Elixir.Process:list/0":
        return this.#processes().map(({ pid }) => pid);
      case "erlang:registered/0":
        return [...runtime.names.keys()].slice(0, MAX_PROCESSES).map(atomOf);
      case "erlang:statistics/1":
        return valueOf(this.#statistics(), first, query);
      case "erlang:system_info/1":
        return valueOf(this.#systemInfo(), first, query);
      case "erlang:whereis/1": {
        const name = first instanceof Atom ? fromBeamName(first.name) : "";
        return runtime.names.get(name)?.pid ?? UNDEFINED;
      }
      case "net_kernel:get_net_ticktime/0":
        return Math.ceil(this.#options.tickTime / 1000);
      case "observer_backend:etop_collect/1":
        return this.#send(
          first,
          asker,
          () => tuple(currentProcess().pid, this.#etopInfo()),
        );
      case "observer_backend:fetch_stats/2":
        return this.#collectors.fetchStats(
          clientOf(query, first, asker),
          second,
          () => this.#stats(),
        );
      case "observer_backend:get_port_list/0":
      case "observer_backend:get_socket_list/0":
      case "observer_backend:get_table_list/2":
        return [];
      case "observer_backend:procs_info/1":
        return this.#send(first, asker, () =>
          tuple(
            atom("procs_info"),
            currentProcess().pid,
            this.#processes().map(etopInfo),
          ));
      case "observer_backend:sys_info/0":
        return this.#sysInfo();
      case "observer_backend:vsn/0":
        return tuple(OK, charlist("2.1.1"));
    }
  }

  #find(pid: unknown): LocalProcess | undefined {
    return pid instanceof Pid ? this.#runtime.find(pid) : undefined;
  }

  #processes(): LocalProcess[] {
    return this.#runtime.processes.unordered().slice(0, MAX_PROCESSES);
  }

  /** Sends a message to a process of the asking node: nobody can make this node send to others. */
  #send(to: unknown, asker: string | undefined, message: () => unknown): Atom {
    if (to instanceof Pid && to.node === asker) {
      currentProcess().send(to, message());
    }
    return OK;
  }

  #info(pid: unknown, names: readonly string[]): unknown[] | undefined {
    const process = this.#find(pid);
    if (process === undefined) return undefined;
    return names.filter((name) =>
      name !== "registered_name" || process.name !== undefined
    ).map((name) => pair([name, ITEMS[name](process)]));
  }

  #infoItems(pid: unknown, asked: unknown): unknown {
    const names = Array.isArray(asked) ? asked : [asked];
    if (names.length > MAX_ENTRIES) {
      throw new RangeError(
        `Cannot answer erlang:process_info/2: ${names.length} items are asked for, and ${MAX_ENTRIES} is the most`,
      );
    }
    const process = this.#find(pid);
    const items = names.map((name) => {
      const key = name instanceof Atom ? name.name : "";
      const item = own(ITEMS, key) ?? own(MORE_ITEMS, key);
      if (item === undefined) throw noValue("erlang:process_info/2", name);
      return process && pair([key, item(process)]);
    });
    if (process === undefined) return undefined;
    if (Array.isArray(asked)) return items;
    const isNameless = asked instanceof Atom &&
      asked.name === "registered_name" && process.name === undefined;
    return isNameless ? [] : items[0];
  }

  #setting(app: unknown, key: unknown): unknown {
    if (!(app instanceof Atom) || !(key instanceof Atom)) return UNDEFINED;
    const settings = applicationsOf(this.#runtime).env.of(
      fromBeamName(app.name),
    );
    return settings?.has(key.name)
      ? tuple(OK, settings.get(key.name))
      : UNDEFINED;
  }

  #applications(): unknown[] {
    const applications = applicationsOf(this.#runtime);
    return applications.running().map((name) => {
      const { description = "", vsn = "" } = applications.loaded(name) ?? {};
      return tuple(atomOf(name), charlist(description), charlist(vsn));
    });
  }

  #memory(): Record<string, number> {
    const { rss, heapUsed, external } = nodeProcess.memoryUsage();
    return {
      total: rss,
      processes: heapUsed,
      processes_used: heapUsed,
      system: Math.max(0, rss - heapUsed),
      atom: 0,
      atom_used: 0,
      binary: external,
      code: 0,
      ets: 0,
    };
  }

  #statistics(): Record<string, unknown> {
    const { uptime, cpu } = this.#observer.node();
    const { input, output } = this.#bytes();
    let received = 0;
    for (const { mailbox } of this.#runtime.processes.unordered()) {
      received += mailbox.received;
    }
    return {
      context_switches: tuple(received, 0),
      exact_reductions: tuple(received, 0),
      garbage_collection: tuple(0, 0, 0),
      io: tuple(pair(["input", input]), pair(["output", output])),
      reductions: tuple(received, 0),
      run_queue: 0,
      run_queue_lengths: [0],
      runtime: tuple(cpu, 0),
      total_active_tasks: 0,
      total_run_queue_lengths: 0,
      wall_clock: tuple(uptime, 0),
    };
  }

  #bytes(): { input: number; output: number } {
    let input = 0;
    let output = 0;
    for (const each of this.#observer.node().connections) {
      input += each.receivedBytes;
      output += each.sentBytes;
    }
    return { input, output };
  }

  /** Returns the load, which Erlang's tools compute from the difference of two answers. */
  #schedulerTime(): Tuple[] {
    const { uptime, cpu } = this.#observer.node();
    return [tuple(1, Math.round(cpu * 1000), Math.round(uptime * 1000))];
  }

  #stats(): Tuple {
    const { io } = this.#statistics();
    const memory = Object.entries(this.#memory()).map(pair);
    return tuple(atom("stats"), 1, this.#schedulerTime(), io, memory);
  }

  #etopInfo(): Tuple {
    const { total, processes, ets, atom: atoms, code, binary } = this.#memory();
    const memory = { total, processes, ets, atom: atoms, code, binary };
    const now = Date.now();
    return tuple(
      atom("etop_info"),
      tuple(
        Math.floor(now / 1e9),
        Math.floor(now / 1e3) % 1e6,
        now % 1e3 * 1e3,
      ),
      this.#runtime.processes.size,
      UNDEFINED,
      this.#schedulerTime(),
      0,
      [],
      Object.entries(memory).map(pair),
      this.#processes().map(etopInfo),
    );
  }

  #systemInfo(): Record<string, unknown> {
    const { host } = this.#observer.node();
    const { arch, platform } = nodeProcess;
    return {
      system_version: charlist(
        `TypeScript on ${host}, for OTP ${OTP_RELEASE}\n`,
      ),
      otp_release: charlist(OTP_RELEASE),
      version: charlist(host.split(" ").at(-1)!),
      system_architecture: charlist(`${arch}-${platform}`),
      process_count: this.#runtime.processes.size,
      process_limit: Number.MAX_SAFE_INTEGER,
      atom_count: 0,
      atom_limit: Number.MAX_SAFE_INTEGER,
      ets_count: 0,
      ets_limit: Number.MAX_SAFE_INTEGER,
      port_count: 0,
      port_limit: Number.MAX_SAFE_INTEGER,
      logical_processors: 1,
      logical_processors_available: 1,
      logical_processors_online: 1,
      schedulers: 1,
      schedulers_online: 1,
      dirty_cpu_schedulers: 0,
      kernel_poll: true,
      smp_support: false,
      threads: true,
      thread_pool_size: 0,
      wordsize: 8,
    };
  }

  #sysInfo(): unknown[] {
    const system = this.#systemInfo();
    const { wordsize, ...shown } = system;
    const { input, output } = this.#bytes();
    return Object.entries({
      uptime: this.#observer.node().uptime,
      run_queue: 0,
      io_input: input,
      io_output: output,
      ...shown,
      schedulers_available: 1,
      wordsize_internal: wordsize,
      wordsize_external: wordsize,
      alloc_info: [],
      ...this.#memory(),
    }).map(pair);
  }
}

/** Erlang's record of a process in the list of `observer` and `etop`. */
function etopInfo(process: LocalProcess): Tuple {
  const { pid, name, mailbox } = process;
  const call = callOf(process);
  return tuple(
    atom("etop_proc_info"),
    pid,
    mailboxBytes(mailbox),
    mailbox.received,
    name === undefined ? call : atomOf(name),
    0,
    call,
    mailbox.length,
  );
}

/** Names the exported function that a process runs; other texts make no atoms, which a BEAM never frees. */
function callOf({ label, runtime }: LocalProcess): Tuple {
  const [, module, name, arity] =
    /^([\w.]+)\.(\w+)\/(\d+)$/.exec(label ?? "") ??
      [];
  return module !== undefined && runtime.modules.lookup(module, name)
    ? tuple(
      atom(toBeamName(module)),
      atom(toBeamFunction(module, name)),
      Number(arity),
    )
    : OTHER_CALL;
}

/** The dictionary has the label, because OTP has no other place for it; values are texts. */
function dictionaryOf(process: LocalProcess): unknown[] {
  const label = labelOf(process) ?? process.label;
  const own = [...process.dictionary?.values() ?? []].slice(0, MAX_ENTRIES)
    .map(({ key, value }) => tuple(valueText(key), valueText(value)));
  return label ? [pair(["$process_label", label]), ...own] : own;
}

function monitor(object: Place): Tuple {
  const { name, node } = object as { name?: unknown; node?: string };
  return object instanceof Pid
    ? pair(["process", object])
    : pair(["process", tuple(atomOf(String(name)), atom(String(node)))]);
}

function pair([key, value]: [string, unknown]): Tuple {
  return tuple(atom(key), value);
}

function atomOf(name: string): Atom {
  return atom(toBeamName(name));
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function valueOf(
  values: Record<string, unknown>,
  key: unknown,
  query: string,
): unknown {
  const value = key instanceof Atom ? own(values, key.name) : undefined;
  if (value === undefined) throw noValue(query, key);
  return value;
}

function noValue(query: string, key: unknown): Error {
  return new TypeError(
    `Cannot answer ${query}: a TypeScript node has no ${
      inspectArgument(key)
    }; ask for another item`,
  );
}

/** Returns the client of a collector. */
function clientOf(query: string, pid: unknown, asker: string | undefined): Pid {
  if (pid instanceof Pid && pid.node === asker) return pid;
  throw new TypeError(
    `Cannot answer ${query}: ${
      inspectArgument(pid)
    } is not a process of the asking node; give the pid of one`,
  );
}
