/** Workers: nodes on threads of this program. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { lookup } from "../../packages/epmd/mod.ts";
import {
  ExitError,
  QueueFullError,
  UndefinedFunctionError,
} from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnMonitor,
} from "../../packages/processes/process.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { metrics } from "../../packages/observe/metrics.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { test, type TestOptions } from "../../packages/testing/tags.ts";
import {
  type WorkerInfo,
  type WorkerReason,
  Workers,
  type WorkersOptions,
} from "../../packages/workers/workers.ts";
import { Cluster, COOKIE, freePort, nodeDown, reasonOf } from "../_nodes.ts";
import { RawPeer } from "../_raw_peer.ts";
import { withFolder } from "../_cli.ts";
import { tlsOf } from "../_tls.ts";
import { until } from "../_until.ts";

const MODULE = new URL("./_worker.ts", import.meta.url);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ALEX = "alex@localhost";
const ONE = "alex-1@localhost";
const TWO = "alex-2@localhost";

/** Threads start slowly while other tests run. */
const PATIENT: TestOptions = { timeout: 120_000 };
const SLOW: TestOptions = { ...PATIENT, tags: ["slow"] };

/** A test whose body is a process of alex. */
function workersTest(
  name: string,
  fn: (cluster: Cluster, alex: Node) => Promise<void>,
  options: Parameters<Cluster["start"]>[1] = {},
  tags: string[] = [],
): void {
  test(name, { ...PATIENT, tags }, async () => {
    await using cluster = new Cluster();
    const alex = await cluster.start("alex", options);
    await alex.run(() => fn(cluster, alex));
  });
}

/** One that a newcomer's run leaves out: each starts threads, and a similar one is left in. */
function slowTest(...[name, fn, options]: Parameters<typeof workersTest>) {
  workersTest(name, fn, options, ["slow"]);
}

function start(options: Partial<WorkersOptions> = {}): Promise<Pid> {
  return Workers.startLink({
    count: 1,
    module: MODULE,
    startTimeout: 100_000,
    ...options,
  });
}

/** A module of these lines. */
function module(...lines: string[]): string {
  return `data:text/javascript,${encodeURIComponent(lines.join("\n"))}`;
}

function call<T>(node: string, fn: string, ...args: unknown[]): Promise<T> {
  return rpc.call(node, ["Worker", fn], args) as Promise<T>;
}

/** Waits until the first worker was restarted that often. */
async function restarted(workers: Pid, times: number): Promise<WorkerInfo> {
  let info: WorkerInfo;
  await until(async () => {
    [info] = await Workers.info(workers);
    return info.restarts === times;
  });
  return info!;
}

/** Starts workers of a node in a process of its own, which lives until the node ends it. */
async function hold(node: Node, options?: Partial<WorkersOptions>) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  node.run(async () => {
    await start(options);
    resolve();
    await receive(() => false);
  }).catch(reject);
  await promise;
}

workersTest("startLink() starts connected nodes", async () => {
  const workers = await start({ count: 3 });
  const nodes = [ONE, TWO, "alex-3@localhost"];
  // They have their places in order, in whichever order they came up.
  assertEquals(await Workers.nodes(workers), nodes);
  for (const { state, restarts } of await Workers.info(workers)) {
    assertEquals([state, restarts], ["up", 0]);
  }
  assertEquals(Node.list().toSorted(), nodes);
  assertEquals(await call(ONE, "add", 1, 2), 3);
  assertEquals(await call(TWO, "seven"), 7);
  // Observers know them as nodes of one program.
  const { program } = await Observer.node();
  assertEquals((await Observer.node({ node: ONE })).program, program);
  assertEquals(await Workers.stop(workers), "ok");
  assertEquals(Node.list(), []);
  assertEquals(await Node.ping(ONE), "pang");
}, { allowObserve: true });

slowTest("an event of a thread has its node and metadata", async () => {
  await Observer.log();
  await start();
  await call(ONE, "note");
  await until(async () =>
    (await Observer.log()).some(({ node, message, metadata }) =>
      node === ONE && message === "noted" &&
      metadata === 'order=17 item="{ price: 1 }"'
    )
  );
});

slowTest("metrics() has the nodes of workers", async () => {
  const handler = metrics();
  const scrape = async () =>
    await (await handler(new Request("http://localhost/metrics")))!.text();
  try {
    await start();
    await scrape();
    await call(ONE, "add", 1, 2);
    const text = await scrape();
    for (
      const line of [
        /^otp_processes\{node="alex-1@localhost"\} \d+$/m,
        /^otp_heap_bytes\{node="alex-1@localhost"\} \d+$/m,
        /^otp_worker_restarts_total\{node="alex-1@localhost"\} 0$/m,
        /count\{node="alex-1@localhost",span="rpc Worker.add\/2",kind="server",failed="false"\} 1$/m,
      ]
    ) assertMatch(text, line);
  } finally {
    handler.stop();
  }
});

slowTest("nodes meet without EPMD and the network", async () => {
  await start({ count: 2 });
  assertEquals(await call(ONE, "ping", TWO), "pong");
  assertEquals(await call(ONE, "peers"), [TWO, ALEX]);
  assertEquals(await call(TWO, "peers"), [ONE, ALEX]);
}, { epmdPort: false });

workersTest("other programs reach a worker's node", async (cluster) => {
  const kate = await cluster.start("kate");
  const workers = await start();
  assertEquals(await kate.run(() => call(ONE, "add", 1, 2)), 3);
  assertEquals(await call(ONE, "ping", kate.name), "pong");
  await kate.run(async () => {
    const none = { name: "none", node: ALEX };
    await assertRejects(() => Workers.nodes(none), ExitError);
    assertEquals(await Workers.nodes(workers), [ONE]);
    assertEquals((await Workers.info(workers))[0].state, "up");
  });
});

workersTest("a worker exports its functions only", async () => {
  await start({ moduleName: "Sums" });
  assertEquals(await rpc.call(ONE, ["Sums", "add"], [1, 2]), 3);
  const sums = (fn: string) => rpc.call(ONE, ["Sums", fn], []);
  for (const fn of ["start", "options"]) {
    await assertRejects(() => sums(fn), UndefinedFunctionError);
  }
  await assertRejects(() => sums("forbidden"), Error, "allow");
});

const printed: string[] = [];

workersTest("output and log go where the program's go", async (cluster) => {
  await start();
  await call(ONE, "print", "from a thread");
  assertEquals(printed, ["from a thread\n"]);
  const pid = await Node.spawn(ONE, ["Worker", "add"], []);
  await reasonOf(pid);
  await Node.spawn(ONE, ["Worker", "echo"], ["no pid"]);
  assertMatch(await cluster.logged(/^alex-1 error/), /alex-1 error: .*send/s);
}, { io: { write: (text) => void printed.push(text) } });

workersTest("the cookie is in no argument or variable", async () => {
  await start();
  assertFalse((await call<string>(ONE, "visible")).includes(COOKIE));
});

test("workers with TLS use TLS with others", SLOW, async () => {
  await using cluster = new Cluster();
  const tls = await tlsOf({ hosts: ["localhost"] });
  const alex = await cluster.start("alex", { tls });
  const kate = await cluster.start("kate", { tls });
  const pat = await cluster.start("pat");
  await alex.run(async () => {
    await start();
    assertEquals(await call(ONE, "add", 1, 2), 3);
    assertEquals(await kate.run(() => call(ONE, "add", 1, 2)), 3);
    assertEquals(await pat.run(() => Node.ping(ONE)), "pang");
  });
  const verify = () => true;
  const sophie = await cluster.start("sophie", { tls: { ...tls, verify } });
  const says = "tls.verify of sophie@localhost is a function";
  await sophie.run(() => assertRejects(() => start(), TypeError, says));
});

slowTest("workers listen on following ports", async (cluster) => {
  const port = freePort();
  const workers = await start({ port });
  const kate = await cluster.start("kate", { epmdPort: freePort() });
  const address = `127.0.0.1:${port}`;
  assert(await kate.run(() => Node.connect(ONE, { address })));
  await Workers.stop(workers);
});

// Busy threads.

workersTest("a computing thread stays connected", async () => {
  const workers = await start({ count: 2 });
  Node.monitor(ONE);
  assertEquals(await call(TWO, "ping", ONE), "pong");
  const watching = await Node.spawn(ONE, ["Worker", "wait"]);
  await Node.spawn(TWO, ["Worker", "watch"], [watching, self()]);
  assertEquals(await receive(), "watches");
  const computed = call(ONE, "compute", 1500);
  // Meanwhile this node and the other worker serve.
  for (let i = 0; i < 20; i++) {
    assertEquals(await call(TWO, "add", i, 1), i + 1);
  }
  assertEquals(await computed, "computed");
  assertEquals((await Workers.info(workers))[0].restarts, 0);
  send(self(), "last");
  assertEquals(await receive(), "last");
}, { tickTime: 200 });

slowTest("a thread with many tasks listens on", async (cluster) => {
  await start();
  for (let i = 0; i < 12; i++) await call(ONE, "compute", 550);
  assertEquals(cluster.lines(), []);
});

slowTest("a thread that hangs is restarted", async (cluster) => {
  const workers = await start({ answerTimeout: 1500 });
  const pid = await Node.spawn(ONE, ["Worker", "wait"]);
  const down = reasonOf(pid);
  await Node.spawn(ONE, ["Worker", "hang"], [self()]);
  assertEquals(await receive((m) => m === "hangs"), "hangs");
  assertEquals(await down, "noconnection");
  const { node, upSince } = await restarted(workers, 1);
  assertEquals(node, ONE);
  assertGreater(upSince!, 0);
  assertEquals(await call(ONE, "add", 1, 2), 3);
  assertMatch(
    await cluster.logged(/no_answer/),
    /has not answered for 1500 ms/,
  );
});

slowTest("a busy main thread keeps its workers", async () => {
  const workers = await start({ answerTimeout: 400 });
  const end = performance.now() + 1000;
  // safe: it computes for at least as long as a silent worker is waited for.
  while (performance.now() < end);
  assertEquals(await call(ONE, "add", 1, 2), 3);
  assertEquals((await Workers.info(workers))[0].restarts, 0);
});

slowTest("Workers.info() shows a silent thread", async () => {
  const workers = await start({ answerTimeout: 60_000 / 4 });
  const computed = call(ONE, "compute", 3000);
  await until(async () => {
    const [{ answerTime }] = await Workers.info(workers);
    return answerTime! > 500;
  });
  await computed;
});

// Failures.

for (
  const [fn, code, text] of [
    ["crash", "crashed", /nobody catches this/],
    ["reject", "crashed", /nobody awaits this/],
    ["leave", "ended", /its thread has ended/],
    [
      "endAgents",
      "children",
      /the supervisor of its children exited: shutdown/,
    ],
  ] as const
) {
  const restartTest = fn === "crash" ? workersTest : slowTest;
  restartTest(`a worker is restarted after ${fn}()`, async (cluster) => {
    const workers = await start({ count: 2 });
    Process.trapExit(true);
    Node.monitor(ONE);
    const linked = await Node.spawnLink(ONE, ["Worker", "wait"]);
    await Node.spawn(TWO, ["Worker", "watch"], [linked, self()]);
    await receive((m) => m === "watches");
    await Node.spawn(ONE, ["Worker", fn]);
    assertEquals(await receive((m) => m?.type === "EXIT"), {
      type: "EXIT",
      from: linked,
      reason: "noconnection",
    });
    assertEquals(await receive((m) => m?.watched !== undefined), {
      watched: "noconnection",
    });
    await nodeDown(ONE);
    await restarted(workers, 1);
    assertEquals(await call(ONE, "seven"), 7);
    assertEquals(await call(TWO, "ping", ONE), "pong");
    const line = await cluster.logged(
      new RegExp(`type: "worker".*${code}`, "s"),
    );
    assertMatch(line, text);
    assertEquals((await Workers.info(workers))[1].restarts, 0);
  });
}

for (
  const [what, lines, code, text] of [
    [
      "does not parse",
      ["export function ("],
      "module",
      /does not load: .*SyntaxError/,
    ],
    [
      "throws",
      ["throw new RangeError('at load');"],
      "module",
      /does not load: RangeError: at load/,
    ],
    [
      "has a start that throws",
      ["export function start() { throw new Error('no port'); }"],
      "start",
      /the start of data:.* failed: Error: no port/,
    ],
    [
      "has a start without children",
      ["export const start = () => 1;"],
      "start",
      /returns no list/,
    ],
    [
      "has a start that is no function",
      ["export const start = [];"],
      "start",
      /is no function/,
    ],
    [
      "has options that are invalid",
      ["export const options = { tickTime: -1 };"],
      "node",
      /tickTime is -1/,
    ],
    [
      "ends its thread",
      ["import p from 'node:process'; p.exit(1);"],
      "ended",
      /its thread has ended/,
    ],
  ] as const
) {
  const rejectTest = what === "throws" ? workersTest : slowTest;
  rejectTest(`startLink() rejects if the module ${what}`, async (cluster) => {
    Process.trapExit(true);
    const failing = module(...lines);
    const error = await assertRejects(
      () => start({ module: failing, count: 2 }),
      ExitError,
    );
    const { reason } = error.reason as unknown as {
      reason: { id: string; reason: WorkerReason };
    };
    const { node, reason: says } = reason.reason;
    assertEquals([reason.id, node, reason.reason.code], [ONE, ONE, code]);
    assertMatch(says, /^Cannot start the worker alex-1@localhost: /);
    assertMatch(says, text);
    assertEquals(Node.list(), []);
    assertMatch(cluster.lines().join(), /start/);
  });
}

slowTest("startLink() ends a worker that is late", async () => {
  Process.trapExit(true);
  const late = module("await new Promise(() => setInterval(() => {}, 1000));");
  await assertRejects(
    () => start({ module: late, startTimeout: 1500 }),
    ExitError,
    "it was not up within 1500 ms (startTimeout)",
  );
});

slowTest("a worker that fails is not started for ever", async (cluster) => {
  Process.trapExit(true);
  await withFolder(async (folder) => {
    const failing = module(
      "import p from 'node:process';",
      "import { writeFileSync, existsSync } from 'node:fs';",
      `const file = ${JSON.stringify(`${folder}/started`)};`,
      "if (existsSync(file)) throw new Error('not again');",
      "writeFileSync(file, '');",
      "export const leave = () => void setTimeout(() => p.exit(0), 1);",
    );
    const options = { module: failing, maxRestarts: 2, maxSeconds: 1000 };
    const workers = await start(options);
    await Node.spawn(ONE, ["Worker", "leave"]);
    const { reason } = await receive((m) =>
      m?.type === "EXIT" && workers.equals(m.from)
    );
    assertEquals(reason, "shutdown");
    const failed = cluster.lines().filter((line) => line.includes("not again"));
    assertEquals(failed.length, 2);
  });
});

slowTest("workers of one node have names of their own", async (cluster) => {
  Process.trapExit(true);
  await start();
  const says = "another worker of this program has its name";
  await assertRejects(() => start(), ExitError, says);
  const others = await start({ nodeName: "thumbs", moduleName: "Thumbs" });
  assertEquals(await Workers.nodes(others), ["thumbs-1@localhost"]);
  await cluster.start("pdf-1");
  const pdf = () => start({ nodeName: "pdf" });
  await assertRejects(pdf, ExitError, "the name is in use");
});

// The end.

workersTest("Node.stop() stops workers and their threads", async (cluster) => {
  const kate = await cluster.start("kate");
  await hold(kate, { nodeName: "sums", count: 2 });
  const names = ["sums-1@localhost", "sums-2@localhost"];
  for (const name of names) {
    assertEquals(await Node.ping(name), "pong");
    Node.monitor(name);
  }
  // They run until kate stops.
  await kate.run(async () => {
    for (const name of names) {
      assertEquals(await rpc.call(name, ["Worker", "add"], [1, 2]), 3);
    }
  });
  await kate.stop();
  for (const name of names) {
    await nodeDown(name);
    assertEquals(await Node.ping(name), "pang");
  }
});

test("Node.stop({ timeout: 0 }) ends all threads", SLOW, async () => {
  await using cluster = new Cluster();
  const alex = await cluster.start("alex");
  await hold(alex);
  await alex.run(async () => {
    await Node.spawn(ONE, ["Worker", "hang"], [self()]);
    await receive((m) => m === "hangs");
  });
  await alex.stop({ timeout: 0 });
  const kate = await cluster.start("kate");
  assertEquals(await kate.run(() => Node.ping(ONE)), "pang");
});

workersTest("stop() ends a thread that computes", async () => {
  const workers = await start({ shutdown: 300 });
  await Node.spawn(ONE, ["Worker", "hang"], [self()]);
  await receive((m) => m === "hangs");
  assertEquals(await Workers.stop(workers), "ok");
  assertEquals(Node.list(), []);
});

test("Node.drain() finishes what others started", PATIENT, async () => {
  await using cluster = new Cluster();
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  await hold(alex);
  const begun = Promise.withResolvers<void>();
  const slow = kate.run(async () => {
    const result = call(ONE, "slow", self(), 1000);
    await receive((m) => m === "begins");
    begun.resolve();
    return await result;
  });
  await begun.promise;
  assertEquals(await alex.drain(), "drained");
  assertEquals(await slow, "done");
  assertEquals(await kate.run(() => Node.ping(ONE)), "pang");
});

test("Node.drain() drains all workers at once", PATIENT, async () => {
  await using cluster = new Cluster();
  const [alex, kate] = await cluster.startAll(["alex", "kate"], {
    drainTimeout: 600_000,
  });
  await hold(alex, { count: 2 });
  await kate.run(async () => {
    await Node.connect(ONE);
    Node.monitor(ONE);
    const work = await Node.spawn(TWO, ["Worker", "echo"], [self()]);
    await receive((m) => m?.echo !== undefined);
    const drained = alex.drain();
    // The first worker is free, and leaves; the last one, which a supervisor stops first, still works.
    await receive((m) => m?.type === "nodedown");
    assertEquals(await Node.ping(TWO), "pong");
    Process.exit(work, "kill");
    assertEquals(await drained, "drained");
  });
});

for (
  const [what, permission, text] of [
    ["this package", [], /its thread cannot load this package: .*--allow-read/],
    [
      "the module",
      [`--allow-read=${ROOT}`],
      /its module file:.* does not load: .*--allow-read/,
    ],
  ] as const
) {
  test(`startLink() names the permission for ${what}`, SLOW, async () => {
    await withFolder(async (folder) => {
      const sums = "export const add = (a, b) => a + b;";
      await Deno.writeTextFile(`${folder}/sums.js`, sums);
      await Deno.writeTextFile(
        `${folder}/main.js`,
        `import { Node } from "${ROOT}mod.ts";
import { Workers } from "${ROOT}packages/workers/workers.ts";
const node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: false, log() {} });
const module = new URL("./sums.js", import.meta.url);
await node.run(() => Workers.startLink({ count: 1, module }))
  .catch(({ message }) => console.log(message));
await node.stop();`,
      );
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--quiet",
          `--config=${ROOT}deno.json`,
          "--allow-net=127.0.0.1",
          ...permission,
          `${folder}/main.js`,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      const output = new TextDecoder().decode(stdout);
      assertEquals(code, 0, output);
      assertMatch(output, text);
    });
  });
}

slowTest("a supervisor stops and restarts workers as a whole", async () => {
  const options = { module: MODULE, count: 1, startTimeout: 100_000 };
  const supervisor = await Supervisor.startLink(
    [[Workers, { ...options, name: "Threads" }]],
    { strategy: "one_for_one" },
  );
  assertEquals(await Workers.nodes("Threads"), [ONE]);
  assertEquals(await Supervisor.terminateChild(supervisor, "Threads"), "ok");
  assertEquals(Node.list(), []);
  await Supervisor.restartChild(supervisor, "Threads");
  assertEquals(await call(ONE, "add", 1, 2), 3);
});

slowTest("workers end with their starter", async () => {
  for (const when of ["starts", "up"]) {
    const { pid, ref } = spawnMonitor(startAndWait, [self()]);
    await receive((m) => m === when);
    Process.exit(pid, "kill");
    await receive((m) => ref.equals(m?.ref));
    // The name is free as soon as the thread has ended.
    let workers: Pid | undefined;
    Process.trapExit(true);
    while (workers === undefined) {
      workers = await start().catch(() => undefined);
    }
    await Workers.stop(workers);
    await receive((m) => m?.type === "EXIT" && workers.equals(m.from));
    Process.trapExit(false);
  }
});

async function startAndWait(to: Pid): Promise<void> {
  send(to, "starts");
  await start();
  send(to, "up");
  await receive(() => false);
}

// Messages.

slowTest("large messages pass between threads whole", async () => {
  await start();
  await Node.spawn(ONE, ["Worker", "echo"], [self()]);
  const { echo } = await receive();
  for (const size of [0, 1, 65_535, 65_536, 300_000, 5_000_000]) {
    const bytes = new Uint8Array(size).map((_, i) => i * 31);
    const text = "é".repeat(size / 2);
    await send(echo, { from: self(), value: { bytes, text } });
    const { value } = await receive();
    assertEquals(value.bytes.length, size);
    assert(value.bytes.every((byte: number, i: number) => byte === bytes[i]));
    assert(value.text === text);
  }
});

workersTest("many messages pass between threads in order", async () => {
  await start();
  await Node.spawn(ONE, ["Worker", "flood"], [self(), 20_000, 200]);
  for (let i = 0; i < 20_000; i++) {
    const message = await receive();
    assertEquals([message.i, message.text.length], [i, 200]);
  }
});

slowTest("messages for a busy thread wait up to limits", async () => {
  await start();
  await Node.spawn(ONE, ["Worker", "echo"], [self()]);
  const { echo } = await receive();
  await Node.spawn(ONE, ["Worker", "compute"], [4000]);
  const text = "x".repeat(50_000);
  let sent = 0;
  assertThrows(() => {
    for (;; sent++) send(echo, { from: self(), value: { sent, text } });
  }, QueueFullError);
  // 4 MB, and a window.
  assertGreater(sent, 70);
  assert(sent < 200, `${sent} messages of 50 kB`);
  for (let i = 0; i < sent; i++) {
    const { value } = await receive((m) => m?.value !== undefined);
    assertEquals(value.sent, i);
  }
}, { limits: { maxQueueBytes: 4_000_000 } });

// Misuse.

test("Workers.startLink() rejects when no node is started", async () => {
  await assertRejects(() => start(), TypeError, "this node is not started");
});

test("Workers.startLink() rejects on a simulated node", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  const rejects = () =>
    assertRejects(() => start(), TypeError, "a simulated node");
  await cluster.run("alex", rejects);
});

test("Workers.startLink() rejects options that are invalid", async () => {
  for (
    const [options, text] of [
      [{ module: "./thumbs.ts" }, 'new URL("./thumbs.ts", import.meta.url)'],
      [{ module: undefined }, "give its URL"],
      [{ count: 0 }, "count is 0"],
      [{ count: 1.5 }, "count is 1.5"],
      [{ count: 3, port: 65_534 }, "the first of 3 ports"],
      [{ answerTimeout: 0 }, "answerTimeout is 0"],
      [{ startTimeout: -1 }, "startTimeout is -1"],
      [{ shutdown: NaN }, "shutdown is NaN"],
      [{ moduleName: 1 }, "give a string"],
      [{ nodeName: 1 }, "give the part"],
    ] as [Partial<WorkersOptions>, string][]
  ) {
    const error = await assertRejects(() => start(options), Error);
    assert(error instanceof TypeError || error instanceof RangeError);
    assertStringIncludes(error.message, "Cannot st");
    assertStringIncludes(error.message, text);
  }
});

slowTest("a node without EPMD reaches workers", async (cluster, alex) => {
  await start();
  const kate = await cluster.start("kate", { epmdPort: false });
  await kate.run(async () => {
    Node.monitorNodes(true);
    const address = `127.0.0.1:${alex.port}`;
    assertEquals(await Node.connect({ address }), true);
    for (let i = 0; i < 2; i++) await receive((m) => m?.type === "nodeup");
    assertEquals(Node.list().toSorted(), [ONE, ALEX].toSorted());
    Node.monitor(ONE);
    Node.disconnect(ONE);
    await nodeDown(ONE);
    assertEquals(await Node.connect(ONE), true);
  });
  assertEquals(cluster.lines(), []);
}, { epmdPort: false });

for (
  const [what, options, host, hidden] of [
    ["the address that it listens on, as any node", {}, "127.0.0.1", false],
    [
      "the host that its program advertises, with its own port, and is hidden as its program",
      { advertise: "203.0.113.5:14370", hidden: true },
      "203.0.113.5",
      true,
    ],
  ] as const
) {
  slowTest(`a worker states ${what}`, async ({ epmdPort }) => {
    await start();
    const epmd = { host: "127.0.0.1", port: epmdPort };
    const { port } = (await lookup("alex-1", epmd))!;
    await using peer = await RawPeer.dial(port);
    const { theirs } = await peer.enter("raw@localhost", ONE);
    assertEquals(theirs.listen, { port, host });
    assertEquals(theirs.hidden, hidden);
  }, options);
}
