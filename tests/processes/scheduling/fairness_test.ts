import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest } from "../../_nodes.ts";
import { quiet } from "../../_processes.ts";
import { compute } from "../../_remote.ts";
import { until } from "../../_until.ts";

/** Waits for a timer; only what keeps the event loop from its turn can delay it. */
function timer(): Promise<void> {
  // safe: the test is that the timer fires at all.
  return new Promise((resolve) => setTimeout(resolve, 20));
}

async function volley(): Promise<never> {
  for (;;) {
    const from = await receive();
    send(from, self());
  }
}

test("two processes that message each other for ever let timers run", async () => {
  const one = spawn(volley);
  const other = spawn(volley);
  send(one, other);
  await timer();
  Process.exit(one, "kill");
  Process.exit(other, "kill");
});

test("a process that prints for ever lets timers run", async () => {
  let lines = 0;
  const device = spawn(async () => {
    for (;;) {
      const { replyAs } = await receive();
      lines++;
      Process.reply(replyAs, "ok");
    }
  });
  const printer = spawn(async () => {
    Process.groupLeader(device);
    for (;;) await IO.puts("x");
  });
  await timer();
  // The lines go on while timers fire.
  await until(() => lines > 0);
  Process.exit(printer, "kill");
  Process.exit(device, "kill");
});

test("a process that spawns its successor for ever lets timers run", async () => {
  let isStopped = false;
  const successor = () => {
    if (!isStopped) spawn(successor);
  };
  spawn(successor);
  await timer();
  isStopped = true;
});

test("messages keep their order when a wait is postponed", async () => {
  const parent = self();
  const total = 200_000;
  const counter = spawn(async () => {
    let last = -1;
    for (let n = 0; n < total; n++) {
      const next = await receive();
      if (next !== last + 1) break;
      last = next;
    }
    send(parent, { type: "last", last });
  });
  for (let n = 0; n < total; n++) send(counter, n);
  assertEquals(
    await receive((m) => m.type === "last"),
    { type: "last", last: total - 1 },
  );
});

/** The highest number of steps that processes made between two turns of the event loop. */
class Steps {
  #sinceTurn = 0;
  #most = 0;
  #isOver = false;
  readonly #stopped = Promise.withResolvers<void>();

  constructor() {
    const turned = () => {
      this.#sinceTurn = 0;
      if (this.#isOver) return this.#stopped.resolve();
      // A timer: it is not enough that immediates run.
      setTimeout(turned, 0);
    };
    turned();
  }

  /** A step that computes for that many milliseconds. */
  make(ms: number): void {
    this.#most = Math.max(this.#most, ++this.#sinceTurn);
    compute(ms);
  }

  async most(): Promise<number> {
    this.#isOver = true;
    await this.#stopped.promise;
    return this.#most;
  }
}

/** Makes `total` steps, besides its own work. */
type Load = (total: number, step: () => void) => Promise<void>;

/** Starts a server that makes a step for each cast. */
function startCounter(step: () => void): Promise<Pid> {
  const Counter: GenServerModule = {
    init: () => ({ type: "ok", state: 0 }),
    handleCast(_request, state) {
      step();
      return { type: "noreply", state };
    },
    handleCall: (_request, _from, state) => (
      { type: "reply", reply: "ok", state }
    ),
  };
  return GenServer.start(Counter, undefined) as Promise<Pid>;
}

/** Casts to a server that has answered `calls` calls before. */
async function castTimes(
  total: number,
  step: () => void,
  calls: number,
): Promise<void> {
  const server = await startCounter(step);
  for (let i = 0; i < calls; i++) await GenServer.call(server, i);
  for (let i = 0; i < total; i++) GenServer.cast(server, i);
  await GenServer.call(server, "all", { timeout: Infinity });
  await GenServer.stop(server);
}

async function received(total: number): Promise<void> {
  for (let i = 0; i < total; i++) await receive((m) => m === "done");
}

/** Starts processes that wait by `wait`, and then make a step. */
function spawnWaiting(
  total: number,
  step: () => void,
  wait: () => Promise<unknown>,
) {
  const parent = self();
  return Array.from({ length: total }, () =>
    spawn(async () => {
      await wait();
      step();
      send(parent, "done");
    }));
}

const LOADS: Record<string, Load> = {
  "casts to a server": (total, step) => castTimes(total, step, 0),
  "casts to a server that was quick before": (total, step) =>
    castTimes(total, step, 300),
  async "the messages of one mailbox"(total, step) {
    const parent = self();
    const pid = spawn(async () => {
      for (let i = 0; i < total; i++) {
        await receive();
        step();
      }
      send(parent, "done");
    });
    for (let i = 0; i < total; i++) send(pid, i);
    await received(1);
  },
  async "processes with a message each"(total, step) {
    const pids = spawnWaiting(total, step, () => receive());
    await quiet();
    for (const pid of pids) send(pid, "go");
    await received(total);
  },
  async "starts of processes"(total, step) {
    const parent = self();
    for (let i = 0; i < total; i++) {
      spawn(() => {
        step();
        send(parent, "done");
      });
    }
    await received(total);
  },
  async "processes that message each other"(total, step) {
    const parent = self();
    const half = async () => {
      for (let i = 0; i < total / 2; i++) {
        const other = await receive();
        send(other, self());
        step();
      }
      send(parent, "done");
    };
    const one = spawn(half);
    send(one, spawn(half));
    await received(2);
  },
  async "processes that sleep as long"(total, step) {
    // safe: sleeping processes are the subject; how long they sleep decides nothing.
    spawnWaiting(total, step, () => Process.sleep(5));
    await received(total);
  },
  async "timeouts of receive"(total, step) {
    let ms = 0;
    spawnWaiting(
      total,
      step,
      () => receive(null, { timeout: 2 + ms++ / total, after: "none" }),
    );
    await received(total);
  },
  async "processes that monitor one"(total, step) {
    const victim = spawn(() => receive());
    spawnWaiting(total, step, () => {
      Process.monitor(victim);
      return receive();
    });
    await quiet();
    Process.exit(victim, "kill");
    await received(total);
  },
  async "callers of a server"(total, step) {
    const server = await startCounter(() => {});
    spawnWaiting(total, step, () => GenServer.call(server, 1));
    await received(total);
    await GenServer.stop(server);
  },
  async "tasks"(total, step) {
    await Task.awaitMany(
      Array.from({ length: total }, () => Task.async(step)),
      Infinity,
    );
  },
  async "awaiting tasks that are done"(total, step) {
    const tasks = Array.from({ length: total }, () => Task.async(() => 1));
    await quiet();
    for (const task of tasks) {
      await Task.await(task);
      step();
    }
  },
  async "a stream of tasks"(total, step) {
    const numbers = Array.from({ length: total }, (_, i) => i);
    const options = { maxConcurrency: 4, timeout: Infinity };
    for await (const _ of Task.asyncStream(numbers, step, options));
  },
  async "what iterates over a stream of tasks"(total, step) {
    const numbers = Array.from({ length: total }, (_, i) => i);
    const options = { maxConcurrency: total };
    for await (const _ of Task.asyncStream(numbers, () => 1, options)) step();
  },
};

for (const [index, [name, load]] of Object.entries(LOADS).entries()) {
  // A newcomer's run has the first three.
  const tags = index < 3 ? [] : ["slow"];
  test(`timers run between long steps: ${name}`, { tags }, async () => {
    // The best of three: the machine may stop the program between a step and the look at the clock.
    let least = Infinity;
    for (let turn = 0; turn < 3 && least > 1; turn++) {
      const steps = new Steps();
      // Longer than a slice, so that only a check of the clock after each step is enough.
      await load(10, () => steps.make(20));
      least = Math.min(least, await steps.most());
    }
    assertEquals(least, 1);
  });

  test(`timers run among short steps: ${name}`, async () => {
    const steps = new Steps();
    await load(40, () => steps.make(1));
    // A slice has room for eight; the host's own pauses are long.
    assert(await steps.most() <= 14, `${await steps.most()} steps`);
  });
}

clusterTest("timers run between long steps of one frame", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const steps = new Steps();
  await kate.run(async () => {
    const pids = spawnWaiting(10, () => steps.make(20), () => receive());
    await alex.run(async () => {
      await Node.connect(kate.name);
      for (const pid of pids) send(pid, "go");
    });
    await received(10);
  });
  assertEquals(await steps.most(), 1);
});

/** Computes for longer than a slice; tests count how often it does. */
function computeSlice(): void {
  compute(9);
}

clusterTest("sockets are read between computing processes", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const idle = await kate.run(() => startCounter(() => {}));
  const between: number[] = [];
  await alex.run(async () => {
    await GenServer.call(idle, "connect");
    let steps = 0;
    const burn = async () => {
      for (;; steps++) {
        computeSlice();
        // safe: it yields; the test counts the steps.
        await Process.sleep(0);
      }
    };
    const burners = [spawn(burn), spawn(burn)];
    for (let call = 0; call < 5; call++) {
      const before = steps;
      await GenServer.call(idle, "ping");
      between.push(steps - before);
    }
    for (const pid of burners) Process.exit(pid, "kill");
  });
  // A step of each process before the request leaves, before it is read, and before the answer is. While other
  // programs have the processors, a slice may end at each step of a call: then it takes up to 20. When the sockets
  // of a busy program were read in every thirtieth turn, it took more than 60.
  assert(Math.min(...between) <= 20, `${between} steps`);
});

test("callbacks that compute do not postpone the steps of processes", async () => {
  let callbacks = 0;
  let isOver = false;
  const callback = () => {
    callbacks++;
    computeSlice();
    if (!isOver) setImmediate(callback);
  };
  setImmediate(callback);
  const between: number[] = [];
  for (let step = 0; step < 4; step++) {
    computeSlice();
    const before = callbacks;
    // safe: it yields; the test counts the callbacks.
    await Process.sleep(0);
    between.push(callbacks - before);
  }
  isOver = true;
  assert(Math.max(...between) <= 3, `${between} callbacks`);
});

test("a process that polls its mailbox lets timers run", async () => {
  let isOver = false;
  setTimeout(() => isOver = true, 1);
  while (!isOver) {
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  }
});

test("a process that sleeps for 0 ms lets timers run", async () => {
  let isOver = false;
  setTimeout(() => isOver = true, 1);
  // safe: only a timer ends the loop.
  while (!isOver) await Process.sleep(0);
});
