/**
 * Numbers of the pages, each read from its sentence and met by the library exactly: at the number, and one beyond.
 *
 * Most limits have their tests where their subject has, and these read the page, too (`numbersIn`). Here are the
 * others: in virtual time, or on a part of a node without its network.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path/posix";
import {
  DialLimiter,
  REPEATS,
} from "../../packages/node/connections/dial_limiter.ts";
import { CLOSING, EPMD_LIMITS } from "../../packages/epmd/epmd_server.ts";
import { global } from "../../packages/cluster/global/global.ts";
import {
  PageServer,
  REQUEST_TIME,
} from "../../packages/observe/dashboard/page_server.ts";
import { refusalOfRequest } from "../../packages/observe/dashboard/request_checks.ts";
import { NodeRuntime } from "../../packages/processes/runtime/node_runtime.ts";
import type { LocalProcess } from "../../packages/processes/process/local_process.ts";
import { askDnsSrv } from "../../packages/cluster/discovery/strategies/dns.ts";
import { TaskLoad } from "../../packages/cluster/task_pool/task_load.ts";
import { beamWire } from "../../packages/beam/wire/beam_wire.ts";
import {
  MAX_DEPTH as MAX_HANDSHAKE_DEPTH,
  MAX_HANDSHAKE_BYTES,
} from "../../packages/node/json/json_handshake.ts";
import { jsonWire } from "../../packages/node/json/json_wire.ts";
import { localOf } from "../_raw_beam.ts";
import { GIVE_WAY } from "../../packages/node/network/dialler.ts";
import { REARM_INTERVAL } from "../../packages/epmd/listener.ts";
import { MAX_WAITING } from "../../packages/processes/host/standard_streams.ts";
import {
  GROUP,
  PORT as GROUP_PORT,
} from "../../packages/cluster/discovery/strategies/gossip.ts";
import {
  ANSWER_TIMEOUT,
  SHUTDOWN,
} from "../../packages/workers/worker_server.ts";
import { Connection } from "../../packages/node/connections/connection.ts";
import { Budget } from "../../packages/node/connections/budget.ts";
import { newConnectionStats } from "../../packages/node/connections/statistics.ts";
import { MAX_CONNECTIONS } from "../../packages/node/host/tcp.ts";
import {
  DEFAULT_LIMITS,
  type Local,
  type Port,
  type Session,
  type Transport,
  type TransportHandlers,
  type Wire,
} from "../../packages/node/wire.ts";
import { ExitError } from "../../packages/processes/errors.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../node.ts";
import { TICK_TIME } from "../../packages/node/start/start_node.ts";
import { DashboardAccess } from "../../packages/observe/dashboard/access.ts";
import { health } from "../../packages/observe/health.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  send,
  spawnLink,
} from "../../packages/processes/process.ts";
import type { Runtime } from "../../packages/processes/process/runtime.ts";
import { checkTopologies } from "../../packages/cluster/discovery/check_topologies.ts";
import { MAX_FUNCTION_BYTES } from "../../packages/processes/values/functions.ts";
import { PendingWrites } from "../../packages/node/io/group_leader.ts";
import { makeToken } from "../../packages/shell/shell_messages.ts";
import { LineValues } from "../../packages/shell/line_values.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../packages/servers/task/task.ts";
import {
  PoolError,
  TaskPool,
} from "../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import {
  SimulatedCluster,
  type SimulationOptions,
} from "../../packages/testing/simulation/simulated_cluster.ts";
import { Timeline } from "../../packages/testing/simulation/timeline.ts";
import { test } from "../../packages/testing/tags.ts";
import { numbersIn, readPage } from "../_pages.ts";
import { quiet } from "../_processes.ts";
import { spawnProcess } from "../../packages/processes/spawning/spawn_process.ts";
import { limitTests } from "../_limits.ts";

const CLUSTER = "docs/cluster.md";
const DEPLOY = "docs/deploy.md";
const DIFFERENCES = "docs/differences.md";
const OTP = "docs/otp.md";
const PLACEMENT = "docs/placement.md";
const PROTOCOL = "docs/protocol.md";
const SECURITY = "docs/security.md";
const SHELL = "docs/shell.md";
const WEB = "docs/web.md";

const KATE = "kate@localhost";

/** A test of the numbers of a sentence. */
function states(
  page: string,
  sentence: string,
  check: (...numbers: number[]) => void | Promise<void>,
): void {
  test(`${page}: ${sentence}`, () => check(...numbersIn(page, sentence)));
}

function twoNodes(
  options: Omit<SimulationOptions, "nodes"> = {},
): Promise<SimulatedCluster> {
  return SimulatedCluster.start({ nodes: ["alex", "kate"], ...options });
}

/** The time limits that a function has set, each of which has ended at once if it `isOver`. */
async function timersOf(
  fn: () => Promise<void>,
  isOver = false,
): Promise<number[]> {
  const timers: number[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((fn: () => void, ms: number) => {
    timers.push(ms);
    return setTimeout(fn, isOver ? 0 : ms);
  }) as typeof setTimeout;
  try {
    await fn();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return timers;
}

// Limits of nodes.

/** The options in a page's tables whose second column is a number. */
async function optionsOf(page: string): Promise<Record<string, number>> {
  const rows = (await readPage(page)).matchAll(
    /^\| `(\w+)` +(?:\(no limit\) +)?\| ([\d,]+)(?: MiB)? /gm,
  );
  return Object.fromEntries(
    [...rows].map(([row, option, digits]) => [
      option,
      Number(digits.replaceAll(",", "")) * (row.includes("MiB") ? 1 << 20 : 1),
    ]),
  );
}

test(`${SECURITY}: the table of caps has all default limits`, async () => {
  const { tickTime, ...limits } = await optionsOf(SECURITY);
  assertEquals<unknown>(limits, DEFAULT_LIMITS);
  assertEquals(tickTime, TICK_TIME);
});

/** The limits of the dashboard's page. */
const PAGE = numbersIn(
  SECURITY,
  "**Limits.** # connections, # requests at a time, heads of #, bodies of #, URLs of # characters; # to send a request and # to read an answer; answers of at most #",
);

// Limits that are filled, and exceeded by one.

/** Whether a wire goes on reading when the length of the first frame has arrived. */
async function readsOn(wire: Wire, length: Uint8Array): Promise<boolean> {
  const started = Promise.withResolvers<TransportHandlers>();
  const transport: Partial<Transport> = {
    remote: "127.0.0.1:1",
    start: started.resolve,
    pause: () => {},
    resume: () => {},
    write: () => true,
    end: () => {},
    destroy: () => {},
  };
  const accepted = wire.accept(
    transport as Transport,
    () => new Uint8Array(),
    localOf(KATE, 1),
  );
  (await started.promise).bytes(length);
  let isPending = true;
  accepted.catch(() => {}).then(() => isPending = false);
  await quiet();
  return isPending;
}

/** The bytes of a first frame's length. */
function lengthOf(bytes: number, size: 2 | 4): Uint8Array {
  return Uint8Array.of(0, 0, bytes >> 8, bytes).slice(-size);
}

limitTests([
  {
    what: "bytes of a first message of the JSON wire",
    stated: [SECURITY, "at most #, and the node"],
    takes: (bytes) => readsOn(jsonWire, lengthOf(bytes, 4)),
  },
  {
    what: "bytes of a first message of Erlang's wire",
    stated: [SECURITY, "(the first message has at most # bytes)"],
    takes: (bytes) => readsOn(beamWire(), lengthOf(bytes, 2)),
  },
  {
    what: "links to a dashboard",
    stated: [SECURITY, "At most # links and 8 sessions are valid"],
    takes(links) {
      const access = new DashboardAccess("c");
      const issued = Array.from({ length: links }, () => access.issue());
      return access.redeem(issued[0]) !== undefined;
    },
  },
  {
    what: "sessions of a dashboard",
    stated: [SECURITY, "At most 8 links and # sessions are valid"],
    takes(sessions) {
      const access = new DashboardAccess("c");
      const redeemed = Array.from(
        { length: sessions },
        () => access.redeem(access.issue()),
      );
      assert(access.admits(`c=${redeemed[1]}`));
      return access.admits(`c=${redeemed[0]}`);
    },
  },
  {
    what: "characters of a dashboard's URL",
    most: PAGE[4],
    takes: (length) =>
      refusalOfRequest("GET", "/".padEnd(length, "x"), { host: "127.0.0.1" })
        ?.status !== 414,
  },
  {
    what: "digits of a bigint that is sent",
    stated: [SECURITY, "more than # digits, fails at"],
    async give(digits) {
      await using cluster = await twoNodes();
      await cluster.run("alex", async () => {
        await Node.connect(KATE);
        send({ name: "nobody", node: KATE }, 10n ** BigInt(digits) - 1n);
      });
    },
  },
  {
    what: "values of a shell's lines",
    stated: [SHELL, "the last one; # are kept"],
    takes(lines) {
      const values = new LineValues();
      for (let line = 1; line <= lines; line++) values.keep(line, line);
      assertEquals(values.at(2), 2);
      try {
        return values.at(1) === 1;
      } catch (error) {
        assertInstanceOf(error, RangeError);
        return false;
      }
    },
  },
  {
    what: "topologies",
    stated: [CLUSTER, "| topologies | # |"],
    give: (count) =>
      checkTopologies(
        Object.fromEntries(
          Array.from(
            { length: count },
            (_, i) => [`t${i}`, { strategy: "static", nodes: [] }],
          ),
        ),
        "test",
      ),
  },
]);

states(
  SECURITY,
  "its EPMD # (# without a name, # nodes, # that are closing)",
  (all, unnamed, nodes, closing) => {
    const { maxConnections, maxNodes } = EPMD_LIMITS;
    assertEquals([maxConnections, maxNodes, CLOSING], [
      unnamed,
      nodes,
      closing,
    ]);
    assertEquals(maxConnections + maxNodes + CLOSING, all);
  },
);

states(
  PROTOCOL,
  "at most # bytes with at most # levels of nesting",
  (...most) => {
    assertEquals([MAX_HANDSHAKE_BYTES, MAX_HANDSHAKE_DEPTH], most);
  },
);

states(
  PROTOCOL,
  "dials again: # times, first after # to # ms, then after # the previous delay",
  (times, least, most, factor) => {
    assertEquals(REPEATS, times);
    for (const [chance, first] of [[0, least], [256, most]]) {
      const limiter = new DialLimiter(
        {} as Runtime,
        { randomBytes: () => [chance] } as unknown as Local,
      );
      const delays = [0, 1, 2].map((repeats) => limiter.repeatAfter(repeats));
      assertEquals(delays, [first, factor * first, factor ** 2 * first]);
    }
  },
);

// A connection whose peer does not read.

const PIECE = 1 << 14;

/** A connection without a network, to a peer that reads when a test says so. */
class Line {
  readonly timeline = new Timeline();
  readonly stats = newConnectionStats();
  readonly connection: Connection;
  isPaused = false;
  down: string | undefined;
  /** The bytes that the transport has, and the peer has not read. */
  taken = 0;
  /** The ticks that were sent. */
  ticks = 0;
  readonly #reads: boolean;
  #port!: Port;
  #handlers!: TransportHandlers;

  /** Connects; the peer reads all at once, or nothing. */
  constructor({ limits = DEFAULT_LIMITS, reads = false } = {}) {
    this.#reads = reads;
    const transport: Transport = {
      remote: "127.0.0.1:1",
      buffered: 0,
      start: (handlers) => void (this.#handlers = handlers),
      write: (bytes) => {
        this.taken += bytes.length;
        return this.#reads;
      },
      pause: () => this.isPaused = true,
      resume: () => this.isPaused = false,
      end: () => {},
      destroy: () => {},
    };
    const session = {
      peer: { name: KATE, creation: 1 },
      replaces: false,
      rest: new Uint8Array(),
      open: (port: Port) => {
        this.#port = port;
        return {
          outgoing: {
            pending: 0,
            flush() {},
            tick: () => {
              this.ticks++;
              this.queue(4);
            },
          },
          incoming: { receive() {}, close() {} },
        };
      },
    };
    this.connection = new Connection({
      transport,
      session: session as unknown as Session,
      dialled: undefined,
      known: [],
      wire: "json",
      limits,
      runtime: {
        deadlines: {
          after: (ms: number, fn: () => void) => this.timeline.after(ms, fn),
        },
        local: {},
      } as unknown as Runtime,
      queued: new Budget(Infinity),
      stats: this.stats,
      handlers: {
        down: (reason) => this.down = reason,
        peers() {},
        refused() {},
      },
    });
    this.connection.start();
  }

  /** Queues bytes for the peer. */
  queue(bytes: number): void {
    this.#port.write(new Uint8Array(bytes));
  }

  /** Receives bytes of the peer until it is held back; returns their number. */
  async read(): Promise<number> {
    let bytes = 0;
    while (!this.isPaused && bytes < 1 << 30) {
      this.#handlers.bytes(new Uint8Array(PIECE));
      bytes += PIECE;
      // It also pauses until the event loop has turned.
      if (this.isPaused) await quiet();
    }
    return bytes;
  }

  /** The peer reads all that the transport has; returns the number of bytes that follow. */
  drain(): number {
    this.taken = 0;
    this.#handlers.drained();
    return this.taken;
  }
}

states(
  SECURITY,
  "For each # that the peer then reads, the node reads #; if the peer reads nothing, the node reads # every # ms",
  async (batch, credit, probed, ms) => {
    const limit = 1 << 24;
    const line = new Line({
      limits: { ...DEFAULT_LIMITS, maxQueueBytes: limit },
    });
    for (let bytes = 0; bytes <= 2 * limit - limit / 8; bytes += PIECE) {
      line.queue(PIECE);
    }
    await line.read();
    // Frames leave whole.
    assertEquals(line.drain(), batch);
    assertEquals(await line.read(), credit);
    assertEquals(line.timeline.nextAt, ms);
    line.timeline.step();
    assertEquals(await line.read(), probed);
    assertEquals(line.timeline.nextAt, 2 * ms);
  },
);

states(
  SECURITY,
  "peer at # the limit, or when the peer has read nothing for # tick times",
  (times, tickTimes) => {
    const limit = 1 << 20;
    const blocked = new Line({
      limits: { ...DEFAULT_LIMITS, maxQueueBytes: limit },
    });
    blocked.queue(1);
    blocked.queue(times * limit - 1);
    blocked.connection.flush();
    assertEquals(blocked.down, undefined);
    blocked.queue(1);
    blocked.connection.flush();
    assertMatch(blocked.down!, /asks more than it reads/);

    const stuck = new Line();
    stuck.queue(1);
    let sixteenths = 0;
    while (stuck.down === undefined) {
      stuck.connection.tick();
      sixteenths++;
    }
    assertEquals((sixteenths / 16).toFixed(2), tickTimes.toFixed(2));
    assertMatch(stuck.down, /has read nothing/);
  },
);

/** The time between ticks to an idle peer, in milliseconds. */
function tickInterval(tickTime: number): number {
  const idle = new Line({ reads: true });
  for (let i = 0; i < 16; i++) idle.connection.tick();
  return tickTime / idle.ticks;
}

states(
  SECURITY,
  "limit) | # ms | a peer that is silent, or reads nothing from its queue, is down | one tick every # |",
  (tickTime, ms) => assertEquals(tickInterval(tickTime), ms),
);

states(DEPLOY, "tick every #, an eighth of", (ms) => {
  assertEquals(tickInterval(TICK_TIME), ms);
});

// Secrets.

/** The bits of secrets of one form, if each of their characters varies. */
function bitsOf(secrets: string[], bitsOfCharacter: number): number {
  const varying = Array.from(
    secrets[0],
    (_, i) => new Set(secrets.map((each) => each[i])).size > 1,
  ).filter(Boolean).length;
  return varying * bitsOfCharacter;
}

states(SECURITY, "carry a token of # random bits", (bits) => {
  const tokens = Array.from({ length: 100 }, makeToken);
  for (const token of tokens) assertMatch(token, /^[\da-f]+$/);
  assertEquals(bitsOf(tokens, 4), bits);
});

states(SECURITY, "a token of # random bits.", (bits) => {
  const access = new DashboardAccess("c");
  const tokens = Array.from({ length: 100 }, () => access.issue());
  for (const token of tokens) assertMatch(token, /^[\w-]+$/);
  assertEquals(Math.floor(bitsOf(tokens, 6) / 8) * 8, bits);
});

states(SECURITY, "The session is another # random bits", (bits) => {
  const access = new DashboardAccess("c");
  const sessions = Array.from(
    { length: 100 },
    () => access.redeem(access.issue())!,
  );
  for (const session of sessions) assertMatch(session, /^[\w-]+$/);
  assertEquals(Math.floor(bitsOf(sessions, 6) / 8) * 8, bits);
});

// The dashboard's server.

/** Runs a test with a dashboard's server, and what its requests answer. */
async function withPage(
  state: () => Promise<unknown>,
  fn: (
    ask: (path: string, options?: RequestInit) => Promise<Response>,
  ) => Promise<void>,
): Promise<void> {
  const server = new PageServer({
    state,
    end: () => Promise.resolve({ status: 200, result: "ok" }),
  });
  await server.listen(0, "127.0.0.1");
  try {
    const link = server.url();
    const entered = await fetch(link);
    const [, folder] = /url=(\/[0-9a-f]{16}\/)"/.exec(await entered.text())!;
    const [cookie] = entered.headers.get("set-cookie")!.split(";");
    await fn((path, options = {}) =>
      fetch(new URL(folder + path, link), {
        ...options,
        headers: {
          cookie,
          "x-otp-dashboard": "1",
          "content-type": "application/json",
          ...options.headers,
        },
      })
    );
  } finally {
    await server.close();
  }
}

/** The status of an answer, whose body is dropped. */
async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

test(`${SECURITY}: the dashboard answers requests up to its limit at a time, and reads as much of each`, async () => {
  const [, atATime, , body] = PAGE;
  const { promise, resolve } = Promise.withResolvers<void>();
  let running = 0;
  const full = Promise.withResolvers<void>();
  const state = async () => {
    if (++running === atATime) full.resolve();
    await promise;
    return {};
  };
  await withPage(state, async (ask) => {
    const post = (length: number) =>
      statusOf(ask("api/end", {
        method: "POST",
        body: JSON.stringify("x".repeat(length - 2)),
      }));
    assertEquals([await post(body), await post(body + 1)], [200, 413]);
    const answers = Array.from(
      { length: atATime },
      () => statusOf(ask("api/state")),
    );
    await full.promise;
    assertEquals(await statusOf(ask("api/state")), 503);
    resolve();
    assertEquals(new Set(await Promise.all(answers)), new Set([200]));
  });
});

test(`${SECURITY}: the dashboard's answers have a largest size, and a time in which they are read`, async () => {
  const [, , , , , , ms, size] = PAGE;
  let length = size;
  const state = () => Promise.resolve("x".repeat(length - 2));
  const timers = await timersOf(() =>
    withPage(state, async (ask) => {
      assertEquals(await statusOf(ask("api/state")), 200);
      length++;
      assertEquals(await statusOf(ask("api/state")), 502);
    })
  );
  assert(timers.includes(ms), `${timers}`);
});

states(SECURITY, "is closed # after its last", async (ms) => {
  await withPage(() => Promise.resolve({}), async (ask) => {
    const { headers, body } = await ask("api/state");
    await body?.cancel();
    assertEquals(headers.get("keep-alive"), `timeout=${ms / 1000}`);
  });
});

test(`${SECURITY}: the dashboard closes a connection that does not send its request in time`, async () => {
  const [, , , , , ms] = PAGE;
  assertEquals(REQUEST_TIME, ms);
  const answers = {
    state: () => Promise.resolve({}),
    end: () => Promise.resolve({ status: 200, result: "ok" }),
  };
  // Far less than the 30 s after which a host looks by default.
  const server = new PageServer(answers, ms / 100);
  await server.listen(0, "127.0.0.1");
  const start = performance.now();
  await Promise.all(["", "GET / HTTP/1.1\r\nHost: 127."].map((bytes) => {
    const socket = connect(Number(new URL(server.url()).port), "127.0.0.1");
    socket.write(bytes);
    return once(socket, "close");
  }));
  // safe: 29 s are for the load of the machine
  assert(performance.now() - start < 29_000);
  await server.close();
});

// Texts and values.

states(SECURITY, "at most # characters of output", async (characters) => {
  const pending = new PendingWrites();
  const { promise, resolve } = Promise.withResolvers<void>();
  const add = (length: number) =>
    pending.add({
      request: { chars: "x".repeat(length) } as never,
      node: KATE,
      perform: () => promise,
    });
  // A request counts as 256 characters besides its text.
  assert(add(characters / 2 - 256));
  assertEquals(add(characters / 2 - 255), false);
  assert(add(characters / 2 - 256));
  assertEquals(add(0), false);
  resolve();
  await pending.settled;
});

states(PROTOCOL, "arguments, and # to # bytes, which are", (_, most) => {
  assertEquals(MAX_FUNCTION_BYTES, most);
});

// Constants whose effect has its tests elsewhere, or takes real time or another program: only compared.

const CONSTANTS: Record<string, Record<string, number>> = {
  [DEPLOY]: {
    "A node keeps at most # peers (`maxConnections`)":
      DEFAULT_LIMITS.maxConnections,
    "`LimitNOFILE`: a node keeps at most # connections": MAX_CONNECTIONS,
  },
  [DIFFERENCES]: {
    "(`limits.maxQueueBytes`, #) it throws `QueueFullError`":
      DEFAULT_LIMITS.maxQueueBytes,
    "A message has at most # levels": DEFAULT_LIMITS.maxDepth,
    "at most # messages are kept": DEFAULT_LIMITS.maxPendingSignals,
    "There are at most # connections": DEFAULT_LIMITS.maxConnections,
  },
  [OTP]: { "silent for its tick time (#": TICK_TIME },
  [PROTOCOL]: {
    "The handshake must complete within #.": DEFAULT_LIMITS.handshakeTimeout,
    "at most # connections in the": DEFAULT_LIMITS.maxHalfOpen,
    "a frame has at most # bytes,": DEFAULT_LIMITS.maxFrameBytes,
    "its tick time (# by default)": TICK_TIME,
    "up to # for the other": GIVE_WAY,
  },
  [SECURITY]: {
    "A node keeps at most # connections open": MAX_CONNECTIONS,
    "For #, names of nodes that": EPMD_LIMITS.holdTime,
    "Stay open for # in total (`handshakeTimeout`)":
      DEFAULT_LIMITS.handshakeTimeout,
    "At most # after a descriptor": REARM_INTERVAL,
    "Beyond # of pending log lines": MAX_WAITING,
  },
  "docs/workers.md": {
    "The thread does not answer for `answerTimeout` (#)": ANSWER_TIMEOUT,
    "node in order, within `shutdown` milliseconds (#)": SHUTDOWN,
  },
};

for (const [page, values] of Object.entries(CONSTANTS)) {
  for (const [sentence, value] of Object.entries(values)) {
    states(page, sentence, (stated) => assertEquals(value, stated));
  }
}

test(`${CLUSTER}: gossip's default group and port`, async () => {
  assertStringIncludes(
    await readPage(CLUSTER),
    `\`0.0.0.0:${GROUP_PORT}\` and \`${GROUP}:${GROUP_PORT}\``,
  );
});

// Time limits, in virtual time.

/** How often `Remote.doomed` has started. */
let starts = 0;

const Remote = {
  doomed: () => {
    starts++;
    exit("shutdown");
  },
  echo: (value: unknown) => value,
  never: () => receive(() => false),
  stubborn: () => {
    Process.trapExit(true);
    return receive(() => false);
  },
};

/** Runs a function as a process of alex, in a cluster of two nodes; returns its virtual time, in milliseconds. */
async function timeOf(fn: () => unknown, prepare?: () => unknown) {
  const delay = { min: 1, max: 1 };
  await using cluster = await twoNodes({ modules: { Remote }, delay });
  return await cluster.run("alex", async () => {
    await prepare?.();
    const start = cluster.now();
    await fn();
    return cluster.now() - start;
  });
}

/** Starts a server that never answers; returns a function that calls it until the default time limit. */
async function unanswered(): Promise<() => Promise<unknown>> {
  const server = await GenServer.startLink({
    init: () => ({ type: "ok", state: 0 }),
    handleCall: () => ({ type: "noreply", state: 0 }),
  }, undefined);
  return () => assertRejects(() => GenServer.call(server, 1), ExitError);
}

/** Starts a pool of tasks, and a supervisor that runs them. */
async function startPool(): Promise<Pid> {
  await pg.startLink();
  await TaskSupervisor.startLink({ group: "g" });
  return await TaskPool.startLink({ group: "g" });
}

/** Starts a task that never ends; returns a function that awaits it until the default time limit. */
function awaitedForEver(): Promise<() => Promise<unknown>> {
  const task = Task.async(Remote.never);
  return Promise.resolve(() =>
    assertRejects(() => Task.await(task), ExitError)
  );
}

/** Starts a pool; returns a function that runs a task that never ends in it, until the default time limit. */
async function endlessRun(): Promise<() => Promise<unknown>> {
  const pool = await startPool();
  const run = () => TaskPool.run(pool, ["Remote", "never"], []);
  return () => assertRejects(run, PoolError, "time is up");
}

/** The cases whose time limit is a default: what is asked, and the error. */
const DEFAULTS: [
  page: string,
  sentence: string,
  ask: () => Promise<unknown>,
][] = [
  [
    OTP,
    '| `GenServer.call`, `Agent.get` | exits, `"noproc"` | exits, its reason | exits, `"timeout"`, after # ms;',
    unanswered,
  ],
  [
    OTP,
    'the exit signal ends the caller | exits, `"timeout"`, after # ms; the task continues',
    awaitedForEver,
  ],
  [OTP, "long**: `Task.await` exits after # ms", awaitedForEver],
  [
    OTP,
    "after its `shutdown` time (# ms)",
    async () => {
      const supervisor = await TaskSupervisor.startLink();
      await TaskSupervisor.startChild(supervisor, Remote.stubborn);
      return () => Supervisor.stop(supervisor);
    },
  ],
  [
    OTP,
    'throws `PoolError`, `"deadline"`, after # ms; the task is ended',
    endlessRun,
  ],
  [
    PLACEMENT,
    'code `"deadline"`: `timeout` (# ms) or `deadline` is over',
    endlessRun,
  ],
  [
    PLACEMENT,
    "member, runs wait for `waitForNode` (#)",
    async () => {
      await pg.startLink();
      const pool = await TaskPool.startLink({ group: "g" });
      return () =>
        assertRejects(
          () => TaskPool.run(pool, ["Remote", "echo"], [1], { timeout: 1e9 }),
          PoolError,
        );
    },
  ],
];

for (const [page, sentence, prepare] of DEFAULTS) {
  states(page, sentence, async (ms) => {
    let ask!: () => unknown;
    const took = await timeOf(
      () => ask(),
      async () => ask = await prepare() as () => unknown,
    );
    assertEquals(took, ms);
  });
}

states(
  OTP,
  "than `maxRestarts` (#) within `maxSeconds` (#), the supervisor stops",
  async (restarts, seconds) => {
    /** Whether a supervisor survives crashes of its child: one after each pause. */
    const survives = async (pauses: number[]) => {
      let isAlive = true;
      await timeOf(async () => {
        Process.trapExit(true);
        const supervisor = await Supervisor.startLink([
          { id: "a", start: () => spawnLink(Remote.never) },
        ], { strategy: "one_for_one" });
        for (const pause of pauses) {
          await Process.sleep(pause);
          const [{ pid }] = await Supervisor.whichChildren(supervisor);
          Process.exit(pid as Pid, "kill");
        }
        // safe: virtual time
        await Process.sleep(1);
        isAlive = Process.alive(supervisor);
      });
      return isAlive;
    };
    const most = Array(restarts).fill(1);
    const window = 1000 * seconds;
    assertEquals(await survives(most), true);
    assertEquals(await survives([...most, 1]), false);
    assertEquals(await survives([...most, window - 100]), false);
    // Whole seconds count, as in OTP.
    assertEquals(await survives([...most, window + 1000]), true);
  },
);

states(
  OTP,
  "Stopping takes at most # (`stopTimeout`",
  async (ms) => {
    await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
    cluster.spawn("alex", () =>
      GenServer.start({
        init() {
          Process.trapExit(true);
          return { type: "ok", state: 0 };
        },
        terminate: () => Remote.never(),
      }, undefined));
    await cluster.settle();
    const node = cluster.node("alex");
    let isStopped = false;
    void cluster.stop("alex").then(() => isStopped = true);
    await cluster.advance(ms - 1);
    assertEquals([isStopped, node.status], [false, "stopping"]);
    await cluster.advance(1);
    assertEquals([isStopped, node.status], [true, "stopped"]);
  },
);

states(
  OTP,
  "started, for at most # (`drainTimeout`",
  async (ms) => {
    await using cluster = await twoNodes({ modules: { Remote } });
    await cluster.run("alex", () => Node.spawn(KATE, Remote.never));
    await cluster.settle();
    const kate = cluster.node("kate");
    const drained = kate.drain();
    await cluster.advance(ms - 100);
    assertEquals(kate.status, "draining");
    await cluster.advance(200);
    assertEquals(kate.status === "draining", false);
    await cluster.settle();
    await drained;
  },
);

states(DIFFERENCES, "For # ms after a dial", async (ms) => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    const dials = () => Node.stats()!.failedDials;
    const to = { name: "x", node: KATE };
    assertEquals(await Node.connect(KATE), false);
    const before = dials();
    await Process.sleep(ms - 1);
    send(to, 1);
    // A dial takes no longer.
    await Process.sleep(50);
    assertEquals(dials(), before);
    send(to, 1);
    await Process.sleep(50);
    assertEquals(dials(), before + 1);
  });
});

states(
  WEB,
  "or takes longer than `timeout` (#)",
  async (ms) => {
    await using node = await Node.start({
      name: "alex@localhost",
      cookie: "c",
      epmdPort: false,
      log: () => {},
    });
    const timers = await timersOf(async () => {
      const ready = { never: () => new Promise<never>(() => {}) };
      const probe = health({ node, ready });
      const response = await probe(new Request("http://localhost/readyz"));
      assertEquals(response!.status, 503);
    }, true);
    assert(timers.includes(ms), `${timers}`);
  },
);

states(SECURITY, "It can delay a lookup by #;", async (ms) => {
  await using cluster = await twoNodes();
  await cluster.run("alex", () => Node.connect(KATE));
  cluster.partition(["alex"], ["kate"]);
  await cluster.run("alex", async () => {
    const start = cluster.now();
    assertEquals(await global.whereisName("x"), undefined);
    assertEquals(cluster.now() - start, ms);
  });
});

/** The load of a supervisor with one place, and a pool that is told it, in virtual time. */
class Load implements Disposable {
  readonly timeline = new Timeline();
  readonly occupancy = { tasks: 1, max: 1, draining: false };
  readonly #runtime = new NodeRuntime({
    node: "alex@localhost",
    creation: 1,
    clock: this.timeline,
    report: () => {},
  });
  readonly pool: LocalProcess = this.#idle();
  readonly other: LocalProcess = this.#idle();
  readonly load: TaskLoad = new TaskLoad(this.#idle(), () => this.occupancy);

  constructor() {
    this.load.subscribe(this.pool.pid);
  }

  #idle(): LocalProcess {
    return spawnProcess(this.#runtime, () => new Promise(() => {}), {});
  }

  change(tasks: number): void {
    this.occupancy.tasks = tasks;
    this.load.changed();
  }

  [Symbol.dispose](): void {
    this.#runtime.stop("shutdown");
  }
}

states(SECURITY, "the peer, # a second at", (seconds) => {
  using scene = new Load();
  const { load, pool, other } = scene;
  assertEquals(load.admits(pool.pid), false);
  scene.change(0);
  scene.timeline.pass(1000 * seconds - 1);
  assertEquals(load.admits(other.pid), false);
  scene.timeline.pass(1);
  assertEquals(load.admits(other.pid), true);
});

states(PLACEMENT, "at most # times a second", (times) => {
  using scene = new Load();
  for (let ms = 0; ms < 1000; ms++) {
    scene.change(ms);
    scene.timeline.pass(1);
  }
  assertEquals(scene.pool.mailbox.length, times);
});

states(
  PLACEMENT,
  "was started at most `maxRuns` times (#).",
  async (most) => {
    await using cluster = await twoNodes({ modules: { Remote } });
    starts = 0;
    await cluster.run("alex", async () => {
      const pool = await startPool();
      const options = { mayRunTwice: true, timeout: 1e9 };
      const error = await assertRejects(
        () => TaskPool.run(pool, ["Remote", "doomed"], [], options),
        PoolError,
      );
      assertEquals([error.code, starts], ["lost", most]);
    });
  },
);

states(CLUSTER, "are looked up, # at once |", async (atOnce) => {
  const pending: (() => void)[] = [];
  const ask = askDnsSrv({
    strategy: "dnsSrv",
    query: "q",
    resolver: {
      resolveSrv: () =>
        Promise.resolve(
          Array.from({ length: 100 }, (_, i) => ({
            name: `h${i}`,
            port: 1,
            priority: 1,
            weight: 1,
          })),
        ),
      resolve4: () =>
        new Promise<string[]>((resolve) => pending.push(() => resolve([]))),
      resolve6: () => Promise.resolve([]),
    },
  }, 1000);
  const asked = ask(new AbortController().signal);
  await quiet();
  assertEquals(pending.length, atOnce);
  while (pending.length > 0) {
    pending.shift()!();
    await quiet();
    assert(pending.length <= atOnce);
  }
  await asked;
});

/** The numbers that a field of that name has as its default in a public module: documented, and in the code. */
function defaultsIn(source: string): Map<string, [string[], string[]]> {
  const fields = new Map<string, [string[], string[]]>();
  const documented =
    /@default \{([\d_]+)\}\n(?: {3}\*.*\n)*? {3}\*\/\n {2}(?:readonly )?(\w+)\?:/g;
  for (const [, value, name] of source.matchAll(documented)) {
    const inCode = [
      ...source.matchAll(new RegExp(`\\b${name}(?:: \\w+)? = ([\\d_]+)`, "g")),
    ].map(([, number]) => number);
    if (inCode.length === 0) continue;
    const [values] = fields.get(name) ?? [[]];
    fields.set(name, [[...new Set([...values, value])], [...new Set(inCode)]]);
  }
  return fields;
}

/** The files of the packages whose names the entry points export. */
async function publicFiles(): Promise<string[]> {
  const { exports } = JSON.parse(await readPage("deno.json"));
  const files: string[] = [];
  for (const entry of new Set<string>(Object.values(exports))) {
    const [, name, path = ""] =
      /^export \* from "@otp\/(\w+)(?:\/(.+))?";$/m.exec(
        await readPage(entry),
      ) ?? [];
    if (name === undefined) continue;
    const folder = `packages/${name}`;
    const { exports } = JSON.parse(await readPage(`${folder}/deno.json`));
    files.push(join(folder, exports[path === "" ? "." : `./${path}`]));
  }
  return files;
}

test("the documented default of an option is the one in the code", async () => {
  let count = 0;
  for (const file of await publicFiles()) {
    for (const [name, both] of defaultsIn(await readPage(file))) {
      const [documented, inCode] = both.map((each) => each.toSorted());
      assertEquals(inCode, documented, `${file}: ${name}`);
      count++;
    }
  }
  assert(count >= 14, `${count}`);
});
