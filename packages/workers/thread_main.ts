/**
 * The program of a worker's thread: it loads the user's module, and starts the worker's node.
 *
 * The thread ends when its node is stopped, at an unhandled error, and when the supervisor of the children that the
 * module's `start` returned exits. The worker then restarts the whole thread.
 */

import nodeProcess from "node:process";
import { parentPort } from "node:worker_threads";
import { ExitError, formatExit } from "@otp/processes/errors";
import { joinProgram } from "@otp/processes/host/program_id";
import { Node, type NodeOptions } from "@otp/node/node";
import { isExit, Process, receive } from "@otp/processes/process";
import { ignore } from "@otp/processes/promises/promises";
import type { LogEvent } from "@otp/processes/log/log_event";
import { inspectWithin } from "@otp/processes/values/inspect";
import {
  type CheckedChild,
  type ChildDefinition,
  Supervisor,
} from "@otp/servers/supervisor/supervisor";
import type {
  FromWorker,
  ThreadStart,
  ToWorker,
  WorkerFailure,
} from "./worker_messages.ts";
import {
  DurationHistogram,
  measureNodes,
} from "@otp/observe/measures/measures";
import { internalsOf, startNodeIn } from "@otp/node/start/node_internals";
import { PortTransport } from "./port_transport.ts";
import type {
  HostEnvironment,
  PeerStream,
  ThreadNodes,
} from "@otp/node/host/host_environment";
import type { NodeName } from "@otp/node/addresses/node_name";
import { threadLabel, unlessAborted } from "./thread_ports.ts";
import { systemHost } from "@otp/node/start/start_node";

/** The maximum number of log events that wait for a busy main thread. */
const MAX_EVENTS = 1000;

const MAX_VALUE = 1024;

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
function log({ level, node, message, metadata }: LogEvent): void {
  if (events >= MAX_EVENTS) {
    dropped++;
    return;
  }
  events++;
  const values = metadata && Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, plainValue(value)]),
  );
  say({ type: "log", event: { level, node, message, metadata: values } });
}

/** Returns a value of metadata that can be copied to another thread: text instead of an object. */
function plainValue(value: unknown): unknown {
  return ["object", "function", "symbol"].includes(typeof value)
    ? inspectWithin(value, MAX_VALUE, { width: Infinity })
    : value;
}

function logged(): void {
  events--;
  if (dropped === 0 || node === undefined) return;
  const message = `${dropped} events were dropped, as the main thread was busy`;
  dropped = 0;
  log({ level: "warning", node: node.name, message });
}

async function start(message: ThreadStart): Promise<void> {
  const { module, moduleName } = message;
  nodes = new ProgramNodes(message.nodes);
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
    const host = await threadHost(options, name);
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
      joinProgram(message.program);
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

class ProgramNodes implements ThreadNodes {
  readonly #dials = new Map<number, PromiseWithResolvers<MessagePort>>();
  readonly #transports = new Map<string, Set<PortTransport>>();
  #names: Set<string>;
  #last = 0;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  connect(
    { full }: NodeName,
    signal: AbortSignal,
  ): Promise<PeerStream> | undefined {
    return this.#names.has(full) ? this.#dial(full, signal) : undefined;
  }

  async #dial(to: string, signal: AbortSignal): Promise<PeerStream> {
    signal.throwIfAborted();
    const id = ++this.#last;
    const dial = Promise.withResolvers<MessagePort>();
    this.#dials.set(id, dial);
    say({ type: "dial", id, to });
    try {
      const port = await unlessAborted(dial.promise, signal);
      return { transport: this.accept(to, port), extra: undefined };
    } finally {
      this.#dials.delete(id);
    }
  }

  take(
    message: Extract<ToWorker, { type: "dialled" | "nodes" | "gone" }>,
  ): void {
    switch (message.type) {
      case "nodes":
        this.#names = new Set(message.nodes);
        break;
      case "gone":
        for (const transport of this.#transports.get(message.node) ?? []) {
          transport.destroy(new Error("its thread has ended"));
        }
        this.#transports.delete(message.node);
        break;
      case "dialled": {
        const { id, port, reason } = message;
        const dial = this.#dials.get(id);
        // The dial may have ended meanwhile.
        if (dial === undefined) port?.close();
        else if (port !== undefined) dial.resolve(port);
        else dial.reject(new Error(reason));
      }
    }
  }

  /** Creates a connection to another thread's node over a port. */
  accept(node: string, port: MessagePort): PortTransport {
    const transport = new PortTransport(port, threadLabel(node));
    const others = this.#transports.get(node) ?? [];
    const open = [...others].filter(({ isClosed }) => !isClosed);
    this.#transports.set(node, new Set([...open, transport]));
    return transport;
  }
}

/**
 * The host environment of a worker's node: its thread listens and connects, but the main thread registers the node
 * with EPMD. EPMD frees a name when the registering connection ends, and a host may be unable to end a computing
 * thread and its sockets, like Deno 2.9 (https://github.com/denoland/deno/pull/35657).
 */
async function threadHost(
  options: NodeOptions,
  name: NodeName,
): Promise<HostEnvironment> {
  const listening = await systemHost({ ...options, epmdPort: false }, name);
  const connecting = await systemHost(options, name);
  const { clock, threads, findsNames } = connecting;
  return {
    clock,
    threads,
    findsNames,
    randomBytes: (size) => connecting.randomBytes(size),
    connect: (...args) => connecting.connect(...args),
    names: (...args) => connecting.names(...args),
    async register(node, accept, log) {
      const listener = await listening.register(node, accept, log);
      if (options.epmdPort === false) return listener;
      const { promise: creation, resolve } = Promise.withResolvers<number>();
      registered = resolve;
      const { hidden, extra } = node;
      const host = options.listen ?? "127.0.0.1";
      // If the registration fails, the main thread ends this thread.
      say({ type: "register", host, port: listener.port, hidden, extra });
      return { ...listener, creation: await creation };
    },
  };
}
