/**
 * The program of a worker's thread: it loads the user's module, and starts the worker's node.
 *
 * The thread ends when its node is stopped, at an unhandled error, and when the supervisor of the children that the
 * module's `start` returned exits. The worker then restarts the whole thread.
 */

import nodeProcess from "node:process";
import { parentPort } from "node:worker_threads";
import { ExitError, formatExit } from "../core/errors.ts";
import { Node, type NodeOptions } from "../node.ts";
import { isExit, Process, receive } from "../otp/process/process.ts";
import { ignore } from "../core/promises/promises.ts";
import type { LogEvent } from "../core/log/log_event.ts";
import {
  type CheckedChild,
  type ChildDefinition,
  Supervisor,
} from "../otp/supervisor/supervisor.ts";
import type {
  FromWorker,
  ThreadStart,
  ToWorker,
  WorkerFailure,
} from "./worker_messages.ts";
import { ProgramNodes } from "./program_nodes.ts";
import { ThreadHost, type ThreadRegistration } from "./thread_host.ts";
import { DurationHistogram, measureNodes } from "../node/measures.ts";
import { internalsOf, startNodeIn } from "../node/node_internals.ts";

/** The maximum number of log events that wait for a busy main thread. */
const MAX_EVENTS = 1000;

/** The exports of a module that other nodes cannot call. */
const RESERVED = ["start", "options"];

const main = parentPort!;

const written = new Map<number, () => void>();
let lastOutput = 0;
let events = 0;
let dropped = 0;
let nodes: ProgramNodes | undefined;
let node: Node | undefined;
/** Connections that arrived before the node was up. */
let early: { from: string; port: MessagePort }[] = [];
let isStopping = false;
/** The durations since the first collection of metrics. */
let durations: DurationHistogram | undefined;
let registered: (creation: number) => void = () => {};

function say(message: FromWorker): void {
  main.postMessage(message);
}

/** Reports a failure; the main thread then ends this thread. */
function fail(code: WorkerFailure, reason: string): void {
  if (!isStopping) say({ type: "failed", code, reason });
}

function textOf(error: unknown): string {
  if (error instanceof ExitError) return formatExit(error.reason);
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : String(error);
}

/** Writes to the main node's output; the promise slows down a process that prints too fast. */
function write(text: string): Promise<void> {
  const id = ++lastOutput;
  const { promise, resolve } = Promise.withResolvers<void>();
  written.set(id, resolve);
  say({ type: "output", id, text });
  return promise;
}

/** Passes a log event to the main node's log; drops events beyond MAX_EVENTS while the main thread is busy. */
function log({ level, node, message }: LogEvent): void {
  if (events >= MAX_EVENTS) {
    dropped++;
    return;
  }
  events++;
  say({ type: "log", event: { level, node, message } });
}

function logged(): void {
  events--;
  if (dropped === 0 || node === undefined) return;
  const message = `${dropped} events were dropped, as the main thread was busy`;
  dropped = 0;
  log({ level: "warning", node: node.name, message });
}

const register: ThreadRegistration = (node) => {
  const { promise, resolve } = Promise.withResolvers<number>();
  registered = resolve;
  say(node);
  return promise;
};

async function start(message: ThreadStart): Promise<void> {
  const { module, moduleName } = message;
  nodes = new ProgramNodes(message.nodes, say);
  let user: Record<string, unknown>;
  try {
    user = await import(module);
  } catch (error) {
    return fail(
      "module",
      `its module ${module} does not load: ${textOf(error)}`,
    );
  }
  try {
    node = await startNode(message, user, nodes);
  } catch (error) {
    return fail("node", textOf(error));
  }
  for (const { from, port } of early) {
    internalsOf(node).network.accept(nodes.accept(from, port));
  }
  early = [];
  const { start } = user;
  if (start === undefined) return say({ type: "up" });
  if (typeof start !== "function") {
    return fail(
      "start",
      `the export start of ${module} is no function; it returns the children of ${moduleName}`,
    );
  }
  // The process ends when the node stops.
  await node.run(() => supervise(module, start as StartFunction)).catch(ignore);
}

type StartFunction = () =>
  | readonly ChildDefinition[]
  | Promise<readonly ChildDefinition[]>;

/** Starts the children of the module, and waits until their supervisor exits. */
async function supervise(module: string, start: StartFunction): Promise<void> {
  Process.trapExit(true);
  let supervisor;
  try {
    const children = await start();
    if (!Array.isArray(children)) {
      throw new TypeError("it returns no list of children");
    }
    supervisor = await Supervisor.startLink(
      children as readonly CheckedChild<ChildDefinition>[],
      { strategy: "one_for_one" },
    );
  } catch (error) {
    return fail("start", `the start of ${module} failed: ${textOf(error)}`);
  }
  say({ type: "up" });
  const { reason } = await receive((m) =>
    isExit(m) && supervisor.equals(m.from)
  );
  fail(
    "children",
    `the supervisor of its children exited: ${formatExit(reason)}`,
  );
}

async function startNode(
  { node: given, moduleName }: ThreadStart,
  user: Record<string, unknown>,
  threads: ProgramNodes,
): Promise<Node> {
  const own = (user.options ?? {}) as Partial<NodeOptions>;
  const functions = Object.entries(user).filter(([name]) =>
    !RESERVED.includes(name)
  );
  const options: NodeOptions = {
    io: { write },
    log,
    // The failure ends the thread, so the worker is restarted.
    onTreeEnd: ({ message }) => fail("children", message),
    ...given,
    ...own,
    name: given.name,
    cookie: given.cookie,
    modules: { ...own.modules, [moduleName]: Object.fromEntries(functions) },
  };
  return await startNodeIn(Node, async (options, name) => {
    const host = await ThreadHost.of(options, name, register);
    host.threads?.add(threads);
    return host;
  }, options);
}

function measure(): void {
  durations ??= new DurationHistogram();
  const samples = [...measureNodes(), ...durations.samples()];
  say({ type: "measured", samples });
}

async function stop(
  timeout: number,
  drainTimeout: number | undefined,
): Promise<void> {
  isStopping = true;
  if (drainTimeout === undefined) await node?.stop({ timeout });
  else await node?.drain({ timeout: drainTimeout });
  nodeProcess.exit(0);
}

function take(message: ToWorker): void {
  switch (message.type) {
    case "start":
      return void start(message);
    case "stop":
      return void stop(message.timeout, message.drainTimeout);
    case "ping":
      return say({ type: "pong" });
    case "measure":
      return measure();
    case "registered":
      return registered(message.creation);
    case "written":
      written.get(message.id)?.();
      return void written.delete(message.id);
    case "logged":
      return logged();
    case "connected": {
      const { from, port } = message;
      if (node === undefined || nodes === undefined) early.push({ from, port });
      else internalsOf(node).network.accept(nodes.accept(from, port));
      return;
    }
    default:
      nodes?.take(message);
  }
}

/**
 * Reports unhandled errors on Deno, which would print the error and end the thread. Node.js and Bun only pass it to the
 * main thread.
 */
function reportStrayErrors(): void {
  if (nodeProcess.versions.deno === undefined) return;
  const report = (event: Event, error: unknown) => {
    // The exit of a process, or an error that is logged.
    if (event.defaultPrevented) return;
    event.preventDefault();
    fail("crashed", textOf(error));
  };
  addEventListener("error", (event) => report(event, event.error));
  addEventListener(
    "unhandledrejection",
    (event) => report(event, event.reason),
  );
}

reportStrayErrors();
main.on("message", take);
say({ type: "listens" });
