/** A worker's process with a thread of the test, in virtual time: its limits, and what waits for what. */

import { assertEquals, assertRejects } from "@std/assert";
import { ExitError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import { measureProgram } from "../../packages/observe/measures/measures.ts";
import { NodeRuntime } from "../../packages/processes/runtime/node_runtime.ts";
import type { LocalProcess } from "../../packages/processes/process/local_process.ts";
import { Timeline } from "../../packages/testing/simulation/timeline.ts";
import { test } from "../../packages/testing/tags.ts";
import type {
  FromWorker,
  ToWorker,
} from "../../packages/workers/worker_messages.ts";
import {
  WORKER_INFO,
  type WorkerOptions,
  type WorkerReason,
  WorkerServer,
  type WorkerSlot,
  type WorkerState,
} from "../../packages/workers/worker_server.ts";
import type {
  WorkerThread,
  WorkerThreadHandlers,
} from "../../packages/workers/worker_thread.ts";
import { passQuietly, quiet } from "../_processes.ts";
import {
  type NodeInternals,
  setInternals,
} from "../../packages/node/start/node_internals.ts";
import { terminate } from "../../packages/processes/process/deaths.ts";
import { spawnProcess } from "../../packages/processes/spawning/spawn_process.ts";

const NAME = "worker@localhost";
const OTHER = "other@localhost";

/** A thread that does what the test says. */
class Thread {
  readonly got: ToWorker[] = [];
  /** How often it was to end at once. */
  terminated = 0;
  #handlers: WorkerThreadHandlers | undefined;

  /** Whether a worker's process uses it. */
  get isUsed(): boolean {
    return this.#handlers !== undefined;
  }

  use(handlers: WorkerThreadHandlers): void {
    this.#handlers = handlers;
  }

  post(message: ToWorker): void {
    this.got.push(message);
  }

  terminate(): Promise<void> {
    this.terminated++;
    return Promise.resolve();
  }

  /** The messages of a type that it got. */
  gotOf<T extends ToWorker["type"]>(type: T): Extract<ToWorker, { type: T }>[] {
    return this.got.filter((each): each is Extract<ToWorker, { type: T }> =>
      each.type === type
    );
  }

  /** Sends a message to the main thread. */
  async send(message: FromWorker): Promise<void> {
    this.#handlers!.message(message);
    await quiet();
  }

  async end(error?: string, hasBegun = true): Promise<void> {
    this.#handlers!.ended(error, hasBegun);
    await quiet();
  }
}

/** A main node with a place for a worker. */
class Scene implements Disposable {
  readonly timeline = new Timeline();
  /** Whether the main node reaches the worker's node. */
  isReachable = true;
  readonly runtime: NodeRuntime;
  /** The place of the next worker. */
  slot: WorkerSlot = {
    node: { name: NAME, cookie: "c", epmdPort: false },
    loading: undefined,
    starts: 0,
    free: Promise.resolve(),
  };
  readonly options: WorkerOptions;

  constructor(
    options: Partial<WorkerOptions> & { drainTimeout?: number } = {},
  ) {
    const { drainTimeout, ...rest } = options;
    this.runtime = new NodeRuntime({
      node: "alex@localhost",
      creation: 1,
      clock: this.timeline,
      report: () => {},
      connectTo: ({ node }) =>
        Promise.resolve(
          this.isReachable ? { node: node!, connected: true, isNew: true } : {
            node,
            connected: false,
            reason: "no route",
            isSelf: false,
            isRefused: false,
          },
        ),
    });
    const home = { host: { threads: new Set() }, options: { drainTimeout } };
    const main = { name: "alex@localhost" };
    setInternals(main, home as unknown as NodeInternals);
    this.options = {
      main: main as unknown as Node,
      module: "file:///work.ts",
      moduleName: "Work",
      answerTimeout: Infinity,
      startTimeout: 10_000,
      shutdown: 1000,
      siblings: new Set(),
      ...rest,
    };
  }

  /** Starts a worker in its place, on a thread of the test. */
  async start(): Promise<
    { thread: Thread; process: LocalProcess; start: Start }
  > {
    const thread = new Thread();
    const process = spawnProcess(this.runtime, () => new Promise(() => {}), {});
    this.slot.loading = thread as unknown as WorkerThread;
    const start = new Start(
      WorkerServer.start(process, this.slot, this.options),
    );
    await quiet();
    return { thread, process, start };
  }

  /** Starts a worker that is up. */
  async up(): Promise<{
    thread: Thread;
    process: LocalProcess;
    server: WorkerServer;
  }> {
    const { thread, process, start } = await this.start();
    await thread.send({ type: "up" });
    return { thread, process, server: await start.promise };
  }

  /** Lets virtual time pass. */
  pass(ms: number): Promise<void> {
    return passQuietly(this.timeline, ms);
  }

  [Symbol.dispose](): void {
    this.runtime.stop("shutdown");
  }
}

/** The start of a worker: whether it is over, and how. */
class Start {
  outcome: unknown = "pending";
  readonly promise: Promise<WorkerServer>;

  constructor(promise: Promise<WorkerServer>) {
    this.promise = promise;
    promise.then(
      () => this.outcome = "up",
      (error) => {
        const { code, reason } = (error as ExitError).reason as WorkerReason;
        this.outcome = `${code}: ${reason}`;
      },
    );
  }
}

const stateOf = (server: WorkerServer) =>
  server.call(WORKER_INFO) as WorkerState;

test("the metrics of a worker wait a second for its thread, and go without the thread then", async () => {
  assertEquals(Node.self(), "nonode@nohost");
  using scene = new Scene();
  const { thread } = await scene.up();
  const labels = { node: NAME };
  const own = ["otp_worker_answer_seconds", "otp_worker_restarts_total"];
  const names = async (samples: ReturnType<typeof measureProgram>) =>
    (await samples).map(([name]) => name);
  const both = Promise.all([names(measureProgram()), names(measureProgram())]);
  await quiet();
  assertEquals(thread.gotOf("measure").length, 1);
  const samples = [["otp_processes", labels, 7]] as const;
  await thread.send({ type: "measured", samples: [...samples] });
  const all = [...own, "otp_processes"];
  assertEquals(await both, [all, all]);
  const late = names(measureProgram());
  await quiet();
  await scene.pass(1000);
  assertEquals(await late, own);
  const ending = names(measureProgram());
  await quiet();
  await thread.end();
  assertEquals(await ending, own);
  assertEquals(await measureProgram(), []);
});

// The start.

test("a worker has startTimeout to be up; it fails when its thread has ended", async () => {
  using scene = new Scene({ startTimeout: 5000 });
  const { thread, start } = await scene.start();
  await scene.pass(4999);
  assertEquals([thread.terminated, start.outcome], [0, "pending"]);
  await scene.pass(1);
  assertEquals([thread.terminated, start.outcome], [1, "pending"]);
  // It was about to be up.
  await thread.send({ type: "failed", code: "start", reason: "late" });
  assertEquals(start.outcome, "pending");
  await thread.end();
  assertEquals(
    start.outcome,
    `start_timeout: Cannot start the worker ${NAME}: it was not up within 5000 ms (startTimeout)`,
  );
});

test("a worker that is up when its time is over fails all the same", async () => {
  using scene = new Scene({ startTimeout: 5000 });
  const { thread, start } = await scene.start();
  await scene.pass(5000);
  await thread.send({ type: "up" });
  assertEquals(String(start.outcome).split(":")[0], "start_timeout");
});

test("a worker that is up in time is not ended for its start", async () => {
  using scene = new Scene({ startTimeout: 5000 });
  const { thread, start } = await scene.start();
  await scene.pass(4999);
  assertEquals(start.outcome, "pending");
  await thread.send({ type: "up" });
  assertEquals(start.outcome, "up");
  await scene.pass(60_000);
  assertEquals(thread.terminated, 0);
});

test("a worker whose node the main node does not reach fails when its thread has ended", async () => {
  using scene = new Scene();
  scene.isReachable = false;
  const { thread, start } = await scene.start();
  await thread.send({ type: "up" });
  assertEquals([thread.terminated, start.outcome], [1, "pending"]);
  await thread.end();
  assertEquals(
    start.outcome,
    `not_connected: The worker ${NAME} has failed: no route`,
  );
});

/** The ends of a thread that starts: its error, whether it had begun, and the failure. */
const ENDS: [error: string | undefined, hasBegun: boolean, says: string][] = [
  [
    undefined,
    true,
    "ended: Cannot start the worker NAME: its thread has ended",
  ],
  ["boom", true, "crashed: Cannot start the worker NAME: boom"],
  [
    "boom",
    false,
    "thread: Cannot start the worker NAME: its thread cannot load this package: boom",
  ],
];

for (const [error, hasBegun, says] of ENDS) {
  test(`a worker whose thread ends fails: ${says}`, async () => {
    using scene = new Scene();
    const { thread, start } = await scene.start();
    await thread.end(error, hasBegun);
    assertEquals(start.outcome, says.replace("NAME", NAME));
  });
}

test("the first reason of a failure counts", async () => {
  using scene = new Scene();
  const { thread, start } = await scene.start();
  await thread.send({ type: "failed", code: "module", reason: "no such file" });
  await thread.send({ type: "failed", code: "start", reason: "later" });
  assertEquals(thread.terminated, 2);
  await thread.end("boom");
  assertEquals(
    start.outcome,
    `module: Cannot start the worker ${NAME}: no such file`,
  );
});

// Its place.

test("a start waits until the thread before it has ended", async () => {
  using scene = new Scene();
  const first = await scene.up();
  terminate(first.process, "kill");
  await quiet();
  assertEquals(first.thread.terminated, 1);
  const second = await scene.start();
  await scene.pass(100_000);
  assertEquals([second.thread.isUsed, scene.slot.starts], [false, 1]);
  await first.thread.end();
  assertEquals([second.thread.isUsed, scene.slot.starts], [true, 2]);
  assertEquals(second.thread.got.map(({ type }) => type), ["nodes", "start"]);
  await second.thread.send({ type: "up" });
  assertEquals(second.start.outcome, "up");
  assertEquals(stateOf(await second.start.promise).restarts, 1);
});

test("a process that is killed while it starts ends its thread, and frees its place", async () => {
  using scene = new Scene();
  const first = await scene.start();
  terminate(first.process, "kill");
  assertEquals(first.thread.terminated, 1);
  const second = await scene.start();
  assertEquals(second.thread.isUsed, false);
  await first.thread.end();
  assertEquals(second.thread.isUsed, true);
});

test("a worker whose name is taken does not start, and takes no thread", async () => {
  using scene = new Scene();
  const first = await scene.up();
  scene.slot.free = Promise.resolve();
  const { thread, start } = await scene.start();
  assertEquals(
    start.outcome,
    `node: Cannot start the worker ${NAME}: another worker of this program has its name; give the workers another nodeName`,
  );
  assertEquals([thread.isUsed, first.thread.terminated], [false, 0]);
});

// The heartbeat.

test("a thread is asked each sixteenth of answerTimeout, unless it has not answered", async () => {
  using scene = new Scene({ answerTimeout: 1600 });
  const { thread } = await scene.up();
  const pings = () => thread.gotOf("ping").length;
  await scene.pass(99);
  assertEquals(pings(), 0);
  await scene.pass(1);
  assertEquals(pings(), 1);
  await scene.pass(100);
  assertEquals(pings(), 1);
  await thread.send({ type: "pong" });
  await scene.pass(100);
  assertEquals(pings(), 2);
});

test("a thread that is silent for sixteen turns is ended in the next one", async () => {
  using scene = new Scene({ answerTimeout: 1600 });
  const { thread, process } = await scene.up();
  await scene.pass(1600);
  assertEquals(thread.terminated, 0);
  // Any message is an answer.
  await thread.send({
    type: "log",
    event: { level: "debug", node: NAME, message: "x" },
  });
  assertEquals(thread.gotOf("logged").length, 1);
  await scene.pass(1600);
  assertEquals(thread.terminated, 0);
  await scene.pass(99);
  assertEquals(thread.terminated, 0);
  await scene.pass(1);
  assertEquals([thread.terminated, process.alive], [1, true]);
  await thread.end();
  assertEquals(process.mailbox.length, 1, "its thread has ended");
});

test("a worker with an answerTimeout of Infinity asks nothing", async () => {
  using scene = new Scene();
  const { thread, server } = await scene.up();
  await scene.pass(1e9);
  assertEquals([thread.gotOf("ping").length, thread.terminated], [0, 0]);
  const { upSince, answerTime, restarts } = stateOf(server);
  assertEquals([answerTime, restarts, upSince > 0], [0, 0, true]);
});

// The stop.

/** A stop: the time of the thread's node, its drain, and the time after which the thread is ended. */
const STOPS: [
  options: { shutdown: number; drainTimeout?: number },
  isDraining: boolean,
  timeout: number,
  drains: number | undefined,
  ended: number,
][] = [
  [{ shutdown: 1000 }, false, 800, undefined, 1000],
  [{ shutdown: 5000, drainTimeout: 500 }, false, 4000, undefined, 5000],
  [{ shutdown: 1000 }, true, 800, 20_000, 21_000],
  [{ shutdown: 1000, drainTimeout: 500 }, true, 800, 500, 1500],
  [{ shutdown: 0 }, false, 0, undefined, 0],
];

for (const [options, isDraining, timeout, drains, ended] of STOPS) {
  test(
    `a worker stops within ${ended} ms: ${JSON.stringify(options)}${
      isDraining ? ", and its node drains" : ""
    }`,
    async () => {
      for (const isInTime of [true, false]) {
        using scene = new Scene(options);
        const { thread, server } = await scene.up();
        if (isDraining) scene.runtime.isDraining = true;
        let isOver = false;
        const over = server.terminate().then(() => isOver = true);
        assertEquals(thread.gotOf("stop"), [
          { type: "stop", timeout, drainTimeout: drains },
        ]);
        if (ended > 0) await scene.pass(ended - 1);
        assertEquals([thread.terminated, isOver], [0, false]);
        if (!isInTime) {
          await scene.pass(1);
          assertEquals([thread.terminated, isOver], [1, false]);
        }
        await thread.end();
        await over;
        await scene.pass(100_000);
        assertEquals(
          thread.terminated,
          isInTime ? 0 : 1,
          "the timer is stopped",
        );
      }
    },
  );
}

test("a worker whose thread has ended stops at once, and is asked nothing while it stops", async () => {
  using scene = new Scene({ answerTimeout: 1600, shutdown: 100_000 });
  const { thread, server } = await scene.up();
  void server.terminate();
  await scene.pass(50_000);
  assertEquals([thread.gotOf("ping").length, thread.terminated], [0, 0]);
  await thread.end();
  await server.terminate();
  assertEquals(thread.gotOf("stop").length, 1);
});

test("workers of a stopping node stop at once; another stop is one worker's own", async () => {
  for (const isStopping of [true, false]) {
    using scene = new Scene();
    const first = await scene.up();
    const node = { ...scene.slot.node, name: OTHER };
    scene.slot = { ...scene.slot, node, free: Promise.resolve() };
    const second = await scene.up();
    scene.runtime.isStopping = isStopping;
    const over = first.server.terminate();
    const stops = () => second.thread.gotOf("stop").length;
    assertEquals([first.thread.gotOf("stop").length, stops()], [
      1,
      Number(isStopping),
    ]);
    if (isStopping) {
      // Its supervisor has not come to it yet: the end of its thread is no failure.
      await second.thread.end();
      second.server.info(second.process.mailbox.at(0));
      await second.server.terminate();
      assertEquals(stops(), 1);
    }
    await first.thread.end();
    await over;
  }
});

test("a process takes only its own word for the end of its thread", async () => {
  using scene = new Scene();
  const { server, thread, process } = await scene.up();
  server.info("thread_ended");
  assertEquals(server.call("x"), { type: "error", reason: "badarg" });
  await thread.end("boom");
  const error = await assertRejects(
    // deno-lint-ignore require-await
    async () => server.info(process.mailbox.at(0)),
    ExitError,
  );
  assertEquals((error.reason as WorkerReason).code, "crashed");
});
