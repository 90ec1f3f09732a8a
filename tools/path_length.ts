/**
 * Prints how many files and functions of the library one operation enters, on both ends:
 * `deno run -A tools/path_length.ts`; with the name of an operation, the functions of each file too.
 *
 * V8 counts the calls of every function while one warm operation runs. The smallest of several counts is printed,
 * because timers of the nodes may run at the same time.
 *
 * @module
 */

import { Session } from "node:inspector";
import process from "node:process";
import {
  GenServer,
  type GenServerModule,
  Node,
  type Pid,
  receive,
  self,
  send,
  spawn,
  Task,
  TaskSupervisor,
} from "../mod.ts";
import { Cluster } from "../tests/_nodes.ts";

const ROOT = new URL("../", import.meta.url).href;
/** V8's name for the initializers of a class's fields, which are no function in the source. */
const INITIALIZER = "<instance_members_initializer>";
const WARMUP = 100;
const TRIES = 5;

/** The functions that ran, by file. */
type Entered = Map<string, string[]>;

interface Coverage {
  result: {
    url: string;
    functions: {
      functionName: string;
      ranges: { startOffset: number; count: number }[];
    }[];
  }[];
}

/** V8's counters. */
class Counters {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable", {});
    this.#post("Profiler.startPreciseCoverage", { callCount: true });
  }

  /** Returns the functions of the library that ran since the last call. */
  async take(): Promise<Entered> {
    const { result } = await this.#post("Profiler.takePreciseCoverage", {});
    const entered: Entered = new Map();
    for (const { url, functions } of result) {
      if (!url.startsWith(ROOT) || url === import.meta.url) continue;
      const names = functions.filter(({ functionName, ranges }) =>
        ranges[0].count > 0 && functionName !== INITIALIZER
      ).map(({ functionName, ranges }) =>
        functionName || `(at ${ranges[0].startOffset})`
      );
      if (names.length > 0) entered.set(url.slice(ROOT.length), names);
    }
    return entered;
  }

  #post(method: string, parameters: object): Promise<Coverage> {
    return new Promise((resolve, reject) => {
      this.#session.post(
        method,
        parameters,
        (error: Error | null, result: unknown) =>
          error === null ? resolve(result as Coverage) : reject(error),
      );
    });
  }
}

const echo: GenServerModule = {
  init: () => ({ type: "ok", state: 0 }),
  handleCall: (request, _from, state) => ({
    type: "reply",
    reply: request,
    state,
  }),
};

function double(n: number): number {
  return 2 * n;
}

async function pong(): Promise<never> {
  for (;;) {
    const { from, n } = await receive() as { from: Pid; n: number };
    send(from, n);
  }
}

async function startServers(): Promise<void> {
  await GenServer.startLink(echo, 0, { name: "Echo" });
  await TaskSupervisor.startLink({ name: "Tasks" });
}

/** Runs an operation until it is warm; returns what it enters. */
async function measure(
  counters: Counters,
  operation: () => unknown,
): Promise<Entered> {
  for (let n = 0; n < WARMUP; n++) await operation();
  let least: Entered | undefined;
  for (let n = 0; n < TRIES; n++) {
    await counters.take();
    await operation();
    const entered = await counters.take();
    if (least === undefined || count(entered) < count(least)) least = entered;
  }
  return least!;
}

function count(entered: Entered): number {
  return [...entered.values()].flat().length;
}

/** The operations, from a process of alex. */
async function operations(): Promise<Record<string, () => unknown>> {
  const on = (name: string) => ({ name, node: "kate@localhost" });
  const near = spawn(pong);
  const far = await Node.spawn("kate@localhost", ["PathLength", "pong"], []);
  const ping = (pid: Pid) => {
    send(pid, { from: self(), n: 1 });
    return receive();
  };
  const remote = ["PathLength", "double"] as const;
  return {
    "send": () => ping(near),
    "send, remote": () => ping(far),
    "GenServer.call": () => GenServer.call("Echo", 1),
    "GenServer.call, remote": () => GenServer.call(on("Echo"), 1),
    "Task.async": async () => Task.await(await Task.async(double, [1])),
    "TaskSupervisor.async": async () =>
      Task.await(await TaskSupervisor.async("Tasks", double, [1])),
    "TaskSupervisor.async, remote": async () =>
      Task.await(await TaskSupervisor.async(on("Tasks"), remote, [1])),
  };
}

async function main([wanted]: string[]): Promise<void> {
  await using cluster = new Cluster();
  const modules = { PathLength: { double, pong } };
  const kate = await cluster.start("kate", { modules });
  const alex = await cluster.start("alex");
  await kate.run(async () => {
    await startServers();
    await alex.run(async () => {
      await startServers();
      const counters = new Counters();
      for (const [name, run] of Object.entries(await operations())) {
        if (wanted !== undefined && wanted !== name) continue;
        const entered = await measure(counters, run);
        console.log(
          `${name}: ${entered.size} files, ${count(entered)} functions`,
        );
        if (wanted === undefined) continue;
        for (const [file, names] of entered) {
          console.log(`  ${file}: ${names.join(", ")}`);
        }
      }
    });
  });
}

if (import.meta.main) await main(process.argv.slice(2));
