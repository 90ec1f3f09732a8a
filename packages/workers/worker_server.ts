/**
 * The process of a worker: it owns the worker's thread, and its supervisor restarts it.
 *
 * States: *starting*, until the thread sends `up` and the main node is connected to its node; *up*; *failed*, when a
 * reason is known and the thread is being ended; *ended*. The process exits with the first known reason once the
 * thread has ended and its name and connections are free for the restart.
 *
 * **Heartbeat.** Each turn, a sixteenth of `answerTimeout`, sends a `ping`, unless the last one is unanswered.
 * Any message of the thread counts as an answer. The process counts turns, not time, because a main thread that was
 * itself busy or suspended has read no answers.
 *
 * **Races.** The process may be killed at any time, also while it starts: its abort signal ends the thread, and the
 * next start of the worker waits for the thread's end (`WorkerSlot.free`). Messages of an ended thread are dropped.
 */

import type { Lease } from "@otp/epmd";
import { defaultEpmdPort, registerNode } from "@otp/node/host/listen_for_peers";
import { parseNodeName } from "@otp/node/addresses/node_name";
import { ExitError } from "@otp/processes/errors";
import { tell } from "@otp/servers/server/call";
import { fromSelf } from "@otp/servers/server/messages";
import type { Server } from "@otp/servers/server/server";
import type { Node } from "@otp/node/node";
import { outside } from "@otp/processes/context/async_context";
import { programId } from "@otp/processes/host/program_id";
import { ignore } from "@otp/processes/promises/promises";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { standardIo } from "@otp/node/io/io_device";
import type {
  FromWorker,
  ThreadNodeOptions,
  ToWorker,
  WorkerFailure,
} from "./worker_messages.ts";
import { ThreadPorts } from "./thread_ports.ts";
import { WorkerThread } from "./worker_thread.ts";
import { addThread, type MetricSample } from "@otp/observe/measures/measures";
import { internalsOf } from "@otp/node/start/node_internals";

/** The number of heartbeats in an `answerTimeout`. */
const TURNS = 16;

/** The fraction of `shutdown` in which a thread's node may stop; the rest is for the end of the thread. */
const NODE_STOPS = 0.8;

/** How long a collection of metrics waits for a thread, in milliseconds. */
const MEASURE_TIMEOUT = 1000;

/** The default time limit for the drain of a worker's node, in milliseconds. */
const DRAIN_TIMEOUT = 20_000;

/** The default time after which a thread that does not answer is ended, in milliseconds. */
export const ANSWER_TIMEOUT = 60_000;

/** The default time in which a worker's node stops, in milliseconds. */
export const SHUTDOWN = 5000;

/** A request to a worker's process for its state. */
export const WORKER_INFO = "worker_info";

/** A worker's process sends this to itself when its thread has ended. */
const ENDED = "thread_ended";

/** The reason with which a worker's process exits when its thread fails. */
export interface WorkerReason {
  /** Always `"worker"`. */
  type: "worker";
  /** The name of the worker's node. */
  node: string;
  /** The kind of failure. */
  code: WorkerFailure;
  /** The reason, as a sentence. */
  reason: string;
}

/** The answer to {@linkcode WORKER_INFO}: fields of `WorkerInfo`. */
export interface WorkerState {
  restarts: number;
  upSince: number;
  answerTime: number;
}

/** The data of a worker that outlive a restart. */
export interface WorkerSlot {
  readonly node: ThreadNodeOptions;
  /** The thread of the first start, which loads this package while earlier workers start. */
  loading: WorkerThread | undefined;
  starts: number;
  /** Resolves when the last thread has ended and its node's name is free. */
  free: Promise<void>;
}

/** The options of a worker's process; see `WorkersOptions`. */
export interface WorkerOptions {
  main: Node;
  module: string;
  moduleName: string;
  answerTimeout: number;
  startTimeout: number;
  shutdown: number;
  /** The workers of the same supervisor that are up. */
  siblings: Set<WorkerServer>;
}

export class WorkerServer implements Server {
  readonly #process: LocalProcess;
  readonly #slot: WorkerSlot;
  readonly #options: WorkerOptions;
  readonly #ports: ThreadPorts;
  readonly #up = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #thread: WorkerThread | undefined;
  #failure: WorkerReason | undefined;
  #isUp = false;
  #isStopping = false;
  #hasEnded = false;
  #upSince = 0;
  #silentTurns = 0;
  #pingedAt: number | undefined;
  #answerTime = 0;
  #stopHeartbeat: () => void = () => {};
  #stopDeadline: () => void = () => {};
  #stopMetrics: () => void = () => {};
  #measuring: PromiseWithResolvers<MetricSample[]> | undefined;
  #lease: Promise<Pick<Lease, "creation" | "close"> | undefined> | undefined;

  private constructor(
    process: LocalProcess,
    slot: WorkerSlot,
    options: WorkerOptions,
  ) {
    this.#process = process;
    this.#slot = slot;
    this.#options = options;
    this.#ports = ThreadPorts.of(options.main)!;
    this.#up.promise.catch(ignore);
  }

  /**
   * Starts a worker; resolves when the main node is connected to its node.
   *
   * @throws {ExitError} With a {@linkcode WorkerReason}.
   */
  static async start(
    process: LocalProcess,
    slot: WorkerSlot,
    options: WorkerOptions,
  ): Promise<WorkerServer> {
    await slot.free;
    const server = new WorkerServer(process, slot, options);
    await server.#start();
    return server;
  }

  async #start(): Promise<void> {
    const process = this.#process;
    const { node: { name } } = this.#slot;
    if (this.#ports.has(name)) {
      throw new ExitError(
        this.#reason(
          "node",
          `another worker of this program has its name; give the workers another nodeName`,
        ),
      );
    }
    this.#open();
    const stopTimer = process.runtime.deadlines.after(
      this.#options.startTimeout,
      () =>
        this.#fail(
          "start_timeout",
          `it was not up within ${this.#options.startTimeout} ms (startTimeout)`,
        ),
    );
    try {
      await this.#up.promise;
      const reached = await process.runtime.connectTo({ node: name }, "none");
      if (!reached.connected) {
        this.#fail("not_connected", reached.reason);
        await this.#ended.promise;
      }
      if (this.#failure !== undefined) throw new ExitError(this.#failure);
    } finally {
      stopTimer();
    }
    // From now on, an exit signal of the supervisor stops the worker in order.
    process.trapExit = true;
    this.#upSince = Date.now();
    this.#beginHeartbeat();
    if (this.#hasEnded) return;
    this.#options.siblings.add(this);
    this.#stopMetrics = addThread(() => this.#measure());
  }

  #open(): void {
    const { node } = this.#slot;
    const { module, moduleName } = this.#options;
    try {
      this.#thread = this.#slot.loading ?? new WorkerThread(node.name);
    } catch (error) {
      throw new ExitError(
        this.#reason(
          "thread",
          `the host allows no thread: ${(error as Error).message}`,
        ),
      );
    }
    this.#slot.loading = undefined;
    this.#process.abortSignal().addEventListener("abort", () => {
      this.#endMetrics();
      void this.#thread?.terminate();
    });
    this.#slot.starts++;
    const { promise: ended } = this.#ended;
    this.#slot.free = ended;
    this.#ports.add(node.name, {
      ended,
      post: (message, ports) => this.#post(message, ports),
    });
    this.#post({
      type: "start",
      node,
      module,
      moduleName,
      nodes: this.#ports.around(node.name),
      program: programId(),
    });
    this.#thread.use({
      message: (message) => this.#take(message),
      ended: (error, hasBegun) =>
        outside(() => this.#threadEnded(error, hasBegun)),
    });
  }

  #post(message: ToWorker, ports?: MessagePort[]): void {
    this.#thread?.post(message, ports);
  }

  #reason(code: WorkerFailure, reason: string): WorkerReason {
    const { name } = this.#slot.node;
    const what = this.#isUp
      ? `The worker ${name} has failed`
      : `Cannot start the worker ${name}`;
    return { type: "worker", node: name, code, reason: `${what}: ${reason}` };
  }

  /** Records the reason of a failure, and ends the thread. */
  #fail(code: WorkerFailure, reason: string): void {
    if (this.#hasEnded) return;
    this.#failure ??= this.#reason(code, reason);
    void this.#thread?.terminate();
  }

  async #threadEnded(
    error: string | undefined,
    hasBegun: boolean,
  ): Promise<void> {
    this.#hasEnded = true;
    this.#options.siblings.delete(this);
    this.#stopHeartbeat();
    this.#stopDeadline();
    this.#endMetrics();
    this.#failure ??= error === undefined
      ? this.#reason("ended", "its thread has ended")
      : hasBegun
      ? this.#reason("crashed", error)
      : this.#reason("thread", `its thread cannot load this package: ${error}`);
    await this.#ports.remove(this.#slot.node.name);
    await (await this.#lease)?.close();
    this.#ended.resolve();
    this.#up.reject(new ExitError(this.#failure));
    if (this.#process.alive) tell(this.#process, this.#process.pid, ENDED);
  }

  #take(message: FromWorker): void {
    this.#answered();
    const { name } = this.#slot.node;
    switch (message.type) {
      case "up":
        this.#isUp = true;
        this.#ports.up(name);
        return this.#up.resolve();
      case "failed":
        return this.#fail(message.code, message.reason);
      case "register":
        return this.#register(message);
      case "dial":
        return void this.#ports.dial(name, message.id, message.to);
      case "measured":
        return this.#measuring?.resolve(message.samples);
      case "output":
        return void this.#write(message.id, message.text);
      case "log":
        this.#process.runtime.log.forward(message.event);
        return this.#post({ type: "logged" });
    }
  }

  #register(
    { host, port, hidden, extra }: Extract<FromWorker, { type: "register" }>,
  ): void {
    const { runtime: { log } } = this.#process;
    const { name, epmdPort = defaultEpmdPort() } = this.#slot.node;
    if (epmdPort === false) return;
    this.#lease = outside(async () => {
      try {
        const lease = await registerNode(
          parseNodeName(name),
          { address: { host, port } },
          epmdPort,
          { hidden, extra },
          (level, message, cause) => log.line(level, message, cause),
        );
        this.#post({ type: "registered", creation: lease.creation });
        return lease;
      } catch (error) {
        this.#fail("node", (error as Error).message);
      }
    });
  }

  /** Writes output of the worker's node to the main node's output. */
  async #write(id: number, text: string): Promise<void> {
    const { io = standardIo() } = internalsOf(this.#options.main).options;
    try {
      await io.write(text);
    } catch {
      // The error cannot be reported: the output itself has failed.
    }
    this.#post({ type: "written", id });
  }

  #beginHeartbeat(): void {
    const { answerTimeout } = this.#options;
    if (answerTimeout === Infinity) return;
    const { runtime } = this.#process;
    this.#stopHeartbeat = runtime.deadlines.every(answerTimeout / TURNS, () => {
      if (++this.#silentTurns > TURNS) {
        return this.#fail(
          "no_answer",
          `its thread has not answered for ${answerTimeout} ms (answerTimeout)`,
        );
      }
      if (this.#pingedAt !== undefined) return;
      this.#pingedAt = performance.now();
      this.#post({ type: "ping" });
    });
  }

  /** Returns the metrics of the thread's node; those that need the thread are missing if it does not answer. */
  async #measure(): Promise<MetricSample[]> {
    const { name: node } = this.#slot.node;
    const { answerTime, restarts } = this.#state();
    let waiting = this.#measuring;
    if (waiting === undefined) {
      waiting = this.#measuring = Promise.withResolvers();
      this.#post({ type: "measure" });
    }
    const { runtime } = this.#process;
    const stopTimer = runtime.deadlines.after(
      MEASURE_TIMEOUT,
      () => waiting.resolve([]),
    );
    const samples = await waiting.promise;
    stopTimer();
    if (this.#measuring === waiting) this.#measuring = undefined;
    return [
      ["otp_worker_answer_seconds", { node }, answerTime / 1000],
      ["otp_worker_restarts_total", { node }, restarts],
      ...samples,
    ];
  }

  #endMetrics(): void {
    this.#stopMetrics();
    this.#measuring?.resolve([]);
  }

  #answered(): void {
    this.#silentTurns = 0;
    if (this.#pingedAt === undefined) return;
    this.#answerTime = performance.now() - this.#pingedAt;
    this.#pingedAt = undefined;
  }

  call(request: unknown): WorkerState | { type: "error"; reason: "badarg" } {
    return request === WORKER_INFO
      ? this.#state()
      : { type: "error", reason: "badarg" };
  }

  #state(): WorkerState {
    return {
      restarts: this.#slot.starts - 1,
      upSince: this.#upSince,
      answerTime: this.#pingedAt === undefined
        ? this.#answerTime
        : performance.now() - this.#pingedAt,
    };
  }

  info(message: unknown): void {
    if (fromSelf(message, this.#process) !== ENDED || this.#isStopping) return;
    throw new ExitError(this.#failure);
  }

  /**
   * Stops the worker's node in order, and ends the thread.
   *
   * When the main node stops, all workers begin to stop with the first one. The supervisor stops its children one after
   * the other, so the rest would take new work until their turn.
   */
  async terminate(): Promise<void> {
    this.#beginStop();
    if (this.#process.runtime.isStopping && !this.#hasEnded) {
      for (const each of this.#options.siblings) each.#beginStop();
    }
    await this.#ended.promise;
  }

  /** Asks the thread's node to stop. If the main node drains, the thread's node drains first. */
  #beginStop(): void {
    if (this.#hasEnded || this.#isStopping) return;
    this.#isStopping = true;
    this.#stopHeartbeat();
    const { runtime } = this.#process;
    const { shutdown, main } = this.#options;
    const { drainTimeout = DRAIN_TIMEOUT } = internalsOf(main).options;
    const drains = runtime.isDraining ? drainTimeout : undefined;
    const timeout = shutdown * NODE_STOPS;
    this.#post({ type: "stop", timeout, drainTimeout: drains });
    this.#stopDeadline = runtime.deadlines.after(
      shutdown + (drains ?? 0),
      () => void this.#thread?.terminate(),
    );
  }
}
