/** Simulated clusters: each run is the same, and nodes behave under faults as documented. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { IO } from "../../packages/node/io/io.ts";
import { ExitError, NodeStartError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import {
  type DownMessage,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import {
  SimulatedCluster,
  type SimulationOptions,
} from "../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../packages/testing/tags.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const EAR = { name: "ear", node: KATE };

const Worker = {
  twice: (n: number) => 2 * n,
  say: (text: string) => IO.puts(text),
  sleep: () => receive(() => false),
  async echo(): Promise<never> {
    for (;;) {
      const { from, message } = await receive();
      send(from, message);
    }
  },
};

/** A test of a cluster of alex and kate. */
function simulationTest(
  name: string,
  fn: (cluster: SimulatedCluster) => Promise<void>,
  options: Partial<SimulationOptions> = {},
  tags: readonly string[] = [],
): void {
  test(name, { timeout: 60_000, tags }, async () => {
    await using cluster = await SimulatedCluster.start({
      nodes: ["alex", "kate"],
      modules: { Worker },
      ...options,
    });
    await fn(cluster);
  });
}

/** Waits in the calling process for the DOWN of a monitor. */
function downOf(ref: ReturnType<typeof Process.monitor>): Promise<DownMessage> {
  return receive((m) => ref.equals(m?.ref));
}

/** Waits in the calling process until its node reports another one down. */
async function nodeDown(node: string): Promise<void> {
  Node.monitor(node);
  await receive((m) => m?.type === "nodedown");
}

/** Makes a process of kate record all its messages, as `ear`. */
function listen(cluster: SimulatedCluster): unknown[] {
  const heard: unknown[] = [];
  cluster.spawn("kate", async () => {
    Process.register(self(), "ear");
    for (;;) heard.push(await receive());
  });
  return heard;
}

// Determinism.

/** A life with all kinds of events; returns its trace. */
async function eventful(seed: number): Promise<string[]> {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate", "moebi"],
    seed,
    tickTime: 1000,
    modules: { Worker },
  });
  await cluster.run("alex", async () => {
    await Promise.all([
      Node.spawn(KATE, Worker.say, ["hi"]),
      Node.spawn("moebi@localhost", Worker.say, ["ho"]),
    ]);
    // Beyond so many steps the event loop turns between them.
    const echo = spawn(Worker.echo);
    for (let i = 0; i < 5000; i++) {
      send(echo, { from: self(), message: i });
      await receive();
    }
  });
  cluster.partition(["alex"], ["kate"]);
  await cluster.advance(1500);
  cluster.heal();
  const answer = await cluster.run("alex", async () => {
    send({ name: "nobody", node: KATE }, new Uint8Array(100_000));
    const { ref } = await Node.spawnMonitor(KATE, Worker.sleep);
    await cluster.kill("kate");
    return (await downOf(ref)).reason;
  });
  await cluster.restart("kate");
  await cluster.run("moebi", () => Node.ping(KATE));
  return [...cluster.trace(), `${answer} at ${cluster.now()}`];
}

test("SimulatedCluster repeats the trace of a seed, byte for byte, and of no other", async () => {
  const trace = await eventful(7);
  assert(trace.length > 100);
  assertEquals(await eventful(7), trace);
  assertNotEquals(await eventful(8), trace);
});

simulationTest("trace() records signals and logs", async (cluster) => {
  await cluster.run("alex", () => Node.ping(KATE));
  await cluster.kill("kate");
  await cluster.settle();
  const trace = cluster.trace();
  for (
    const expected of [
      /^0\.000 alex@localhost starts as 2$/,
      /alex@localhost > kate@localhost \(1\) says \d+ .*versions/,
      /kate@localhost > alex@localhost \(1\) hears \d+$/,
      /alex@localhost info: Connected to kate@localhost$/,
      /kate@localhost is killed$/,
      /alex@localhost info: The connection to kate@localhost is down/,
    ]
  ) assert(trace.some((line) => expected.test(line)), String(expected));
});

// Time.

simulationTest("run() skips the time without events", async (cluster) => {
  const hour = 3_600_000;
  const started = cluster.now();
  await cluster.run("alex", async () => {
    await receive(null, { timeout: hour, after: "late" });
  }, { within: 2 * hour });
  assertEquals(cluster.now() - started, hour);
});

simulationTest("advance() stops at the given time", async (cluster) => {
  const order: number[] = [];
  const waiting = cluster.node("alex").run(() =>
    Promise.all([100, 200, 300].map(async (timeout) => {
      await receive(() => false, { timeout, after: null });
      order.push(timeout);
    }))
  );
  await cluster.advance(200);
  assertEquals([order, cluster.now()], [[100, 200], 200]);
  await cluster.advance(100);
  assertEquals(order, [100, 200, 300]);
  await waiting;
});

simulationTest("advance() and concurrent runs keep time", async (cluster) => {
  const at: [string, number][] = [];
  await Promise.all([
    cluster.run("alex", async () => {
      await cluster.advance(500);
      at.push(["alex", cluster.now()]);
    }),
    cluster.run("kate", async () => {
      await receive(null, { timeout: 200, after: null });
      at.push(["kate", cluster.now()]);
      await cluster.advance(1000);
      at.push(["kate", cluster.now()]);
    }),
  ]);
  assertEquals(at, [["kate", 200], ["alex", 500], ["kate", 1200]]);
});

test("settle() leaves timers, and signals that a partition holds up", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    delay: { min: 50, max: 50 },
  });
  const heard = listen(cluster);
  await cluster.run("alex", () => Node.ping(KATE));
  await cluster.settle();
  const from = cluster.now();
  await cluster.run("alex", () => void send(EAR, 1));
  await cluster.settle();
  assertEquals([heard, cluster.now() - from], [[1], 50]);
  await cluster.run("alex", () => void send(EAR, 2));
  cluster.partition(["alex"], ["kate"]);
  await cluster.settle();
  assertEquals(heard, [1]);
});

// Waits that cannot end.

simulationTest("run() names the waiting processes", async (cluster) => {
  const error = await assertRejects(() =>
    cluster.run("alex", async () => {
      const busy = await Node.spawn(KATE, Worker.sleep);
      await Task.await(Task.async(() => receive((m) => m === busy)), Infinity);
    }), Error);
  assertMatch(error.message, /^Cannot finish what runs on alex@localhost/);
  assertMatch(error.message, /nothing is left to happen/);
  assertMatch(
    error.message,
    /- alex@localhost: #PID<[\d.]+> \(run\) waits for an answer from alex@localhost\n/,
  );
  assertMatch(
    error.message,
    /- kate@localhost: #PID<[\d.]+> \(Worker\.sleep\/0\) waits for a message\n/,
  );
});

simulationTest("run() rejects a wait for the host only", async (cluster) => {
  const { promise } = Promise.withResolvers<void>();
  await assertRejects(
    () => cluster.run("alex", () => promise),
    Error,
    "(run) waits for nothing of the simulation",
  );
});

simulationTest("run() gives the host a moment", async (cluster) => {
  await cluster.run("alex", async () => {
    // safe: a timer of the host, however late it is
    await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(await Node.ping(KATE), "pong");
  });
});

simulationTest("run() ends within its time limit", async (cluster) => {
  cluster.spawn("kate", async () => {
    for (;;) await receive(null, { timeout: 1000, after: null });
  });
  await assertRejects(
    () => cluster.run("alex", () => receive(), { within: 60_000 }),
    Error,
    "it still waits after 60000 ms",
  );
  assertEquals(cluster.now(), 60_000);
});

simulationTest(
  "processes busy for ever are an error",
  async (cluster) => {
    await assertRejects(
      () =>
        cluster.run("alex", async () => {
          const echo = spawn(Worker.echo);
          for (;;) {
            send(echo, { from: self(), message: 1 });
            await receive();
          }
        }),
      Error,
      "processes keep each other busy for ever",
    );
  },
  {},
  ["slow"],
);

simulationTest("run() rejects with its function's error", async (cluster) => {
  await assertRejects(
    () => cluster.run("alex", () => Promise.reject(new RangeError("no"))),
    RangeError,
    "no",
  );
});

// The network.

simulationTest("messages of all sizes arrive in order", async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", async () => {
    for (let i = 0; i < 300; i++) {
      await send(EAR, i % 50 === 49 ? { i, body: "x".repeat(300_000) } : { i });
      if (i % 10 === 0) await cluster.advance(i % 7);
    }
  });
  await cluster.settle();
  assertEquals(
    heard.map((m) => (m as { i: number }).i),
    Array.from({ length: 300 }, (_, i) => i),
  );
}, { delay: { min: 0, max: 100 } });

simulationTest("partition() that heals loses nothing", async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", () => Node.ping(KATE));
  cluster.partition(["alex"], ["kate"]);
  await cluster.run("alex", () => {
    for (let i = 0; i < 100; i++) send(EAR, i);
  });
  await cluster.advance(40_000);
  assertEquals(heard, []);
  cluster.heal();
  await cluster.settle();
  assertEquals(heard, Array.from({ length: 100 }, (_, i) => i));
  assertEquals(await cluster.run("kate", () => Node.list()), [ALEX]);
});

simulationTest("a silent partition() is noticed in time", async (cluster) => {
  await cluster.run("alex", () => Node.ping(KATE));
  const from = cluster.now();
  cluster.partition(["kate"], ["alex"]);
  const times = await Promise.all([["alex", KATE], ["kate", ALEX]].map(
    ([name, other]) =>
      cluster.run(name, async () => {
        await nodeDown(other);
        return cluster.now() - from;
      }),
  ));
  for (const time of times) {
    assert(time >= 7500 && time <= 12_500, `it took ${time} ms`);
  }
  const stats = await cluster.run("alex", () => Node.stats());
  assertEquals(stats?.silent, 1);
}, { tickTime: 10_000 });

simulationTest("partition() with oneWay blocks one way", async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", () => Node.ping(KATE));
  cluster.partition(["kate"], ["alex"], { oneWay: true });
  await cluster.run("alex", () => void send(EAR, "passes"));
  await cluster.settle();
  assertEquals(heard, ["passes"]);
  const from = cluster.now();
  // Alex receives nothing and gives up; kate receives ticks until then, and the end of the connection.
  await cluster.run("kate", () => nodeDown(ALEX));
  const time = cluster.now() - from;
  assert(time >= 7500 && time <= 12_500, `it took ${time} ms`);
  assertEquals(await cluster.run("alex", () => Node.ping(KATE)), "pang");
  assertEquals(await cluster.run("kate", () => Node.ping(ALEX)), "pang");
  cluster.heal();
  assertEquals(await cluster.run("kate", () => Node.ping(ALEX)), "pong");
}, { tickTime: 10_000 });

simulationTest('partition() with "cut" and oneWay', async (cluster) => {
  await cluster.run("alex", () => Node.ping(KATE));
  cluster.partition(["alex"], ["kate"], { mode: "cut", oneWay: true });
  await cluster.settle();
  assertEquals(await cluster.run("alex", () => Node.list()), []);
  assertEquals(await cluster.run("kate", () => Node.list()), [ALEX]);
  await cluster.advance(12_500);
  assertEquals(await cluster.run("kate", () => Node.list()), []);
}, { tickTime: 10_000 });

simulationTest(
  "a connection that was cut on one side is reset by what the other side sends",
  async (cluster) => {
    for (const healsFirst of [true, false]) {
      await cluster.run("alex", () => Node.ping(KATE));
      cluster.partition(["alex"], ["kate"], { mode: "cut", oneWay: true });
      await cluster.settle();
      if (healsFirst) cluster.heal();
      const from = cluster.now();
      const down = cluster.run("kate", async () => {
        const isDown = nodeDown(ALEX);
        send({ name: "nobody", node: ALEX }, "a reset is the answer");
        await isDown;
      });
      await cluster.advance(50);
      cluster.heal();
      await down;
      const time = cluster.now() - from;
      assert(healsFirst ? time <= 50 : time < 1100, `it took ${time} ms`);
    }
  },
);

simulationTest("slow() limits what a node reads", async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", () => Node.ping(KATE));
  cluster.slow("kate", 100);
  const from = cluster.now();
  await cluster.run("alex", async () => {
    for (let i = 0; i < 40; i++) await send(EAR, new Uint8Array(100_000));
  });
  const waited = cluster.now() - from;
  assert(waited > 10_000 && waited < 40_000, `it took ${waited} ms`);
  await cluster.settle();
  const took = cluster.now() - from;
  assert(took >= 40_000 && took < 44_000, `it took ${took} ms`);
  assertEquals(heard.length, 40);
  cluster.slow("kate", Infinity);
  assertThrows(
    () => cluster.slow("kate", 0),
    RangeError,
    "Cannot have kate@localhost read 0 bytes",
  );
});

simulationTest('partition() with "cut" ends all', async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", async () => {
    const pid = await Node.spawn(KATE, Worker.sleep);
    const ref = Process.monitor(pid);
    send(EAR, "lost");
    const from = cluster.now();
    await cluster.advance(0);
    cluster.partition(["alex"], ["kate"], { mode: "cut" });
    assertEquals((await downOf(ref)).reason, "noconnection");
    assertEquals(cluster.now(), from);
    assertEquals(await Node.ping(KATE), "pang");
  });
  cluster.heal();
  // A message does not dial again so soon after a failed dial.
  await cluster.advance(100);
  await cluster.run("alex", () => void send(EAR, "found"));
  await cluster.settle();
  assertEquals(heard, ["found"]);
});

test("partition() affects only the named nodes", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate", "moebi"],
    connectAll: false,
  });
  const reaches = (from: string, to: string) =>
    cluster.run(from, () => Node.ping(`${to}@localhost`));
  cluster.partition(["alex"], ["moebi"]);
  cluster.partition(["alex"], ["kate"], { mode: "cut" });
  assertEquals(await reaches("kate", "moebi"), "pong");
  assertEquals(await reaches("alex", "moebi"), "pang");
  assertEquals(await reaches("moebi", "alex"), "pang");
  assertEquals(await reaches("alex", "kate"), "pang");
  cluster.heal();
  assertEquals(await reaches("alex", "moebi"), "pong");
  assertEquals(await reaches("alex", "kate"), "pong");
});

simulationTest("a dial into a partition ends in time", async (cluster) => {
  cluster.partition(["alex"], ["kate"]);
  assertEquals(await cluster.run("alex", () => Node.ping(KATE)), "pang");
  assertEquals(cluster.now(), 5000);
  assert(
    cluster.trace().some((line) =>
      /Cannot connect to kate@localhost: no answer within 5000 ms/.test(line)
    ),
  );
});

simulationTest("send() asks to wait in a partition", async (cluster) => {
  await cluster.run("alex", async () => {
    await Node.ping(KATE);
    cluster.partition(["alex"], ["kate"]);
    let wait: Promise<void> | undefined;
    let sent = 0;
    while (wait === undefined && sent < 100) {
      wait = send(EAR, new Uint8Array(100_000));
      sent++;
      await cluster.advance(0);
    }
    assert(wait !== undefined, "it never asked to wait");
    let isOver = false;
    wait.then(() => {
      isOver = true;
    });
    await cluster.advance(10_000);
    assertEquals(isOver, false);
    cluster.heal();
    await wait;
  });
});

simulationTest("connect() finds a node by its address", async (cluster) => {
  const address = `127.0.0.1:${cluster.node("kate").port}`;
  assertEquals(
    await cluster.run("alex", () => Node.connect(KATE, { address })),
    true,
  );
  assertEquals(
    await cluster.run(
      "alex",
      () => Node.connect("moebi@localhost", { address: "127.0.0.1:1" }),
    ),
    false,
  );
});

simulationTest("nodes of two cookies do not connect", async (cluster) => {
  assertEquals(await cluster.run("alex", () => Node.ping(KATE)), "pang");
}, { nodes: ["alex", { name: "kate", cookie: "another" }] });

// Nodes that end.

simulationTest("kill() delivers what was sent before", async (cluster) => {
  const heard = listen(cluster);
  const { promise, resolve } = Promise.withResolvers<Pid>();
  const killed = assertRejects(() =>
    cluster.run("alex", async () => {
      await Node.ping(KATE);
      resolve(self());
      try {
        for (let i = 0;; i++) {
          send(EAR, i);
          await receive(null, { timeout: 10, after: null });
        }
      } finally {
        assertThrows(() => send(EAR, "after"));
      }
    }), ExitError);
  const down = cluster.run("kate", async () => {
    const ref = Process.monitor(await promise);
    return (await downOf(ref)).reason;
  });
  await cluster.advance(100);
  const sent = heard.length;
  await cluster.kill("alex");
  await killed;
  assertEquals(await down, "noconnection");
  assert(sent > 0 && heard.length > sent, "nothing was on its way");
  assertEquals(heard, Array.from({ length: heard.length }, (_, i) => i));
});

simulationTest("stop() delivers everything sent before", async (cluster) => {
  const heard = listen(cluster);
  await cluster.run("alex", async () => {
    await Node.ping(KATE);
    send(EAR, "last");
  });
  await cluster.stop("alex");
  await cluster.settle();
  assertEquals(heard, ["last"]);
});

simulationTest("restart() leaves old messages behind", async (cluster) => {
  const first = cluster.node("kate");
  const old = await cluster.run("kate", () => spawn(Worker.sleep));
  const kate = await cluster.restart("kate");
  assert(cluster.node("kate") === kate);
  assertNotEquals(kate.creation, first.creation);
  const heard = listen(cluster);
  const news = await cluster.run("kate", () => spawn(Worker.sleep));
  await cluster.run("alex", async () => {
    send(old, "stale");
    send(EAR, "hi");
    assertEquals((await downOf(Process.monitor(old))).reason, "noproc");
  });
  await cluster.settle();
  assertEquals(heard, ["hi"]);
  assertEquals(
    internalsOf(cluster.node("kate")).runtime.find(news)?.mailbox.length,
    0,
  );
});

simulationTest("restart() returns a usable node", async (cluster) => {
  await cluster.run("alex", async () => {
    assertEquals(await Node.ping(KATE), "pong");
    Node.monitor(KATE);
    await cluster.restart("kate");
    await receive((m) => m?.type === "nodedown");
    assertEquals(await Node.ping(KATE), "pong");
  });
}, { allowClosures: true });

// Higher layers.

simulationTest("tasks and output work as on sockets", async (cluster) => {
  cluster.spawn("kate", async () => {
    await TaskSupervisor.startLink({ name: "Tasks" });
    await receive();
  });
  await cluster.advance(0);
  const result = await cluster.run("alex", async () => {
    const supervisor = { name: "Tasks", node: KATE };
    const task = await TaskSupervisor.async(supervisor, Worker.twice, [21]);
    await Node.spawn(KATE, Worker.say, ["from kate"]);
    return await Task.await(task);
  });
  await cluster.settle();
  assertEquals([result, cluster.output("alex")], [42, "from kate\n"]);
  assertEquals(cluster.output("kate"), "");
  const failed = assertRejects(() =>
    cluster.run("alex", async () => {
      const supervisor = { name: "Tasks", node: KATE };
      const task = await TaskSupervisor.asyncNolink(
        supervisor,
        Worker.sleep,
        [],
      );
      return await Task.yield(task, 60_000);
    }), ExitError);
  await cluster.advance(1000);
  await cluster.kill("kate");

  assertEquals(
    ((await failed).reason as { reason: unknown }).reason,
    { type: "nodedown", node: KATE },
  );
});

simulationTest("spawnMonitor() leaves no monitor", async (cluster) => {
  cluster.spawn("alex", () => {
    Node.spawnMonitor(KATE, Worker.sleep).catch(() => {});
  });
  await cluster.settle();
  const stats = await cluster.run("kate", () => Node.stats());
  assertEquals(stats?.held, { processes: 1, links: 0, monitors: 0 });
});

// Invalid arguments.

test("start() names the invalid option", async () => {
  await assertRejects(
    () => SimulatedCluster.start({ nodes: [], delay: { min: 5, max: 1 } }),
    RangeError,
    "Cannot simulate a delay of 5 to 1 ms",
  );
  await assertRejects(
    () => SimulatedCluster.start({ nodes: ["alex", "alex"] }),
    NodeStartError,
    "the name is in use",
  );
  await assertRejects(
    () => SimulatedCluster.start({ nodes: ["not a name"] }),
    TypeError,
    "is not a node name",
  );
});

simulationTest("an unknown name lists the nodes", async (cluster) => {
  assertThrows(
    () => cluster.node("moebi"),
    RangeError,
    'Cannot find the node "moebi": there are alex@localhost, kate@localhost',
  );
  assertThrows(() => cluster.partition(["alex"], ["moebi"]), RangeError);
  assertThrows(
    () => cluster.advance(-1),
    RangeError,
    "Cannot advance by -1 ms",
  );
  await cluster.advance(0);
});

simulationTest("run() and spawn() reject a dead node", async (cluster) => {
  const text = "Cannot run a function on kate@localhost: it is dead";
  for (const end of [() => cluster.kill("kate"), () => cluster.stop("kate")]) {
    await end();
    const never = () => assert(false);
    assertThrows(() => cluster.run("kate", never), Error, text);
    assertThrows(() => cluster.spawn("kate", never), Error, text);
    await cluster.restart("kate");
    assertEquals(await cluster.run("kate", () => Node.self()), KATE);
  }
});
