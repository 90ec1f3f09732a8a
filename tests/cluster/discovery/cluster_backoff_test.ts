/**
 * When a topology dials, asks and reports: exact times, in virtual time, on a node without a network. The test
 * says which nodes answer, and what chance decides.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Cluster,
  type ClusterAddressInfo,
  type ClusterMessage,
  type ResolverContext,
  type Topology,
  type TopologyInfo,
} from "../../../packages/cluster/discovery/cluster.ts";
import { type Pid, receive } from "../../../packages/processes/process.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { ConnectOutcome } from "../../../packages/processes/remote/peer_address.ts";
import { DialReports } from "../../../packages/node/connections/failure.ts";
import type { NetworkLog } from "../../../packages/node/host/network_log.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";
import { passQuietly, quiet } from "../../_processes.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";

/** The greatest chance, for delays without fractions; a node's is always a little less. */
const MOST = 1;

const CLUSTER = "docs/cluster.md";
const [MIN_DELAY, TIMES, MAX_DELAY] = numbersIn(
  CLUSTER,
  "between `minDelay` (# ms) and # times the last one, up to `maxDelay` (#)",
);
const [DIALS] = numbersIn(CLUSTER, "most `maxDials` (#) of a topology");
const [INTERVAL] = numbersIn(CLUSTER, "ask again every `interval` (#).");
const [TIMEOUT, QUESTIONS, LONGEST_PAUSE] = numbersIn(
  CLUSTER,
  "| `timeout` (#); from # questions without an answer on, each doubles the pause, up to # |",
);
const [PAUSE] = numbersIn(CLUSTER, "iterable | one value in # ms |");
const [FAILURES] = numbersIn(CLUSTER, "a strategy | # in a second |");
const [ADDRESSES, READ] = numbersIn(
  CLUSTER,
  "| `maxAddresses` (#), the same ones in any order of the answer; # are read |",
);

/** The documented delays, when chance makes each the longest. */
const LONGEST: number[] = [2 * MIN_DELAY];
while (LONGEST.at(-2) !== MAX_DELAY) {
  LONGEST.push(Math.min(TIMES * LONGEST.at(-1)!, MAX_DELAY));
}

/** A node, alex, with a cluster of one topology, `own`. */
class Scene implements Disposable {
  readonly timeline: Timeline;
  /** The virtual times of the dials, and the nodes that were dialled. */
  readonly dials: { at: number; node: string }[] = [];
  readonly events: (ClusterMessage & { at: number })[] = [];
  /** The virtual times of the warnings. */
  readonly warnings: number[] = [];
  /** The nodes that answer. */
  readonly up = new Set<string>();
  /** Whether the others answer too, and refuse. */
  isRefused = false;
  /** The dials that nobody has answered; only with `isSilent`. */
  readonly unanswered: (() => void)[] = [];
  readonly #runtime: NodeRuntime;
  readonly #connected = new Set<string>();
  #topology: Pid | undefined;

  private constructor(
    timeline: Timeline,
    chance: number | undefined,
    isSilent: boolean,
  ) {
    this.timeline = timeline;
    const log: NetworkLog = (level) => {
      if (level === "warning") this.warnings.push(timeline.now());
    };
    const reports = new DialReports(log, timeline, 100);
    this.#runtime = new NodeRuntime({
      node: "alex@localhost",
      creation: 1,
      clock: timeline,
      connectTo: async ({ node }, report) => {
        this.dials.push({ at: timeline.now(), node: node! });
        if (isSilent) {
          await new Promise<void>((resolve) => this.unanswered.push(resolve));
        }
        const outcome = this.#answer(node!);
        if (outcome.connected) reports.connected(node!);
        else reports.failed(node!, outcome, report!);
        return outcome;
      },
    });
    if (chance === undefined) return;
    this.#runtime.clusterHost = {
      listen: { host: "127.0.0.1", port: 1 },
      names: () => Promise.resolve([]),
      key: () => new Uint8Array(32),
      isConnected: (node) => this.#connected.has(node),
      disconnect: (node) => this.#connected.delete(node),
      random: () => chance,
    };
  }

  static async start(
    own: Topology,
    options: { timeline?: Timeline; chance?: number; isSilent?: boolean } = {},
  ): Promise<Scene> {
    const { timeline = new Timeline(), isSilent = false } = options;
    const chance = "chance" in options ? options.chance : MOST;
    const scene = new Scene(timeline, chance, isSilent);
    spawnProcess(scene.#runtime, async () => {
      await Cluster.startLink({ topologies: { own } });
      const children = await Supervisor.whichChildren("Cluster");
      scene.#topology = children.find(({ id }) => id === "topology own")!
        .pid as Pid;
      await Cluster.subscribe();
      for (;;) {
        const event = await receive<ClusterMessage>();
        scene.events.push({ ...event, at: scene.timeline.now() });
      }
    }, {});
    await quiet();
    return scene;
  }

  #answer(node: string): ConnectOutcome {
    if (!this.up.has(node)) {
      const { isRefused } = this;
      const reason = "nobody";
      return { node, connected: false, reason, isSelf: false, isRefused };
    }
    this.#connected.add(node);
    return { node, connected: true, isNew: true };
  }

  /** Lets that much virtual time pass. */
  pass(ms: number): Promise<void> {
    return passQuietly(this.timeline, ms);
  }

  /** A node goes down. */
  async lose(node: string): Promise<void> {
    this.#connected.delete(node);
    await this.#tell({ type: "nodedown", node });
  }

  async connect(node: string): Promise<void> {
    this.#connected.add(node);
    await this.#tell({ type: "nodeup", node });
  }

  async #tell(message: unknown): Promise<void> {
    this.#runtime.local.send(this.#runtime.nobody, this.#topology!, message);
    await quiet();
  }

  async info(): Promise<TopologyInfo> {
    let info: TopologyInfo | undefined;
    spawnProcess(this.#runtime, async () => {
      info = (await Cluster.info()).topologies[0];
    }, {});
    await quiet();
    return info!;
  }

  /** The state of the only address. */
  async address(): Promise<ClusterAddressInfo> {
    return (await this.info()).addresses[0];
  }

  /** The times between dials. */
  delays(): number[] {
    return this.dials.slice(1).map(({ at }, i) =>
      Math.round((at - this.dials[i].at) * 100) / 100
    );
  }

  [Symbol.dispose](): void {
    this.#runtime.stop("shutdown");
  }
}

const KATE = "kate@localhost";
const OWN = { strategy: "static", nodes: [KATE] } as const;
const OFTEN = { ...OWN, minDelay: 100, maxDelay: 1000 };

function nodesUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${i}@localhost`);
}

test("a topology warns of a node once, when it has been missing for 10 seconds", async () => {
  using scene = await Scene.start(OWN, { chance: 0 });
  const began = scene.timeline.now();
  await scene.pass(9_900);
  assertEquals(scene.warnings, []);
  await scene.pass(50_000);
  assertEquals(scene.warnings.map((at) => at - began), [10_000]);
});

test("a topology warns of a node that refuses at once, and then less and less often", async () => {
  using scene = await Scene.start(OWN, { chance: 0 });
  await scene.pass(1000);
  assertEquals(scene.warnings, []);
  scene.isRefused = true;
  await scene.pass(200);
  assertEquals(scene.warnings.length, 1);
  await scene.pass(900_000);
  const [first, ...later] = scene.warnings;
  const MINUTES = later.map((at) => Math.round((at - first) / 60_000));
  assertEquals(MINUTES, [1, 3, 7, 15]);
});

test("a topology warns of a lost node when it is back, if it has warned of its absence", async () => {
  using scene = await Scene.start(OWN, { chance: 0 });
  await scene.pass(5000);
  scene.up.add(KATE);
  await scene.pass(1000);
  assertEquals(scene.warnings, []);
  scene.up.delete(KATE);
  await scene.lose(KATE);
  await scene.pass(20_000);
  assertEquals(scene.warnings.length, 1);
  scene.up.add(KATE);
  await scene.pass(1000);
  assertEquals(scene.warnings.length, 2);
});

/** The delays between dials of a node that is down. */
const GROWTH: [
  chance: number | undefined,
  options: object,
  delays: number[],
][] = [
  // On a node that is not started, which has no source of chance.
  [undefined, { minDelay: 100, maxDelay: 1000 }, [150, 275, 462.5]],
  [0, { minDelay: 100, maxDelay: 1000 }, [100, 100, 100, 100]],
  [0.25, { minDelay: 100, maxDelay: 300 }, [125, 168.75, 201.56, 226.17]],
  [0.5, { minDelay: 100, maxDelay: 1000 }, [150, 275, 462.5, 743.75, 1000]],
  [MOST, { minDelay: 100, maxDelay: 1000 }, [200, 600, 1000, 1000]],
  [MOST, { minDelay: 7, maxDelay: 7 }, [7, 7, 7]],
  [0, {}, [MIN_DELAY, MIN_DELAY, MIN_DELAY]],
  [MOST, {}, LONGEST],
];

for (const [chance, options, delays] of GROWTH) {
  test(
    `a topology dials after delays that grow: ${
      JSON.stringify(options)
    } with a chance of ${chance}`,
    async () => {
      using scene = await Scene.start({ ...OWN, ...options }, { chance });
      for (const delay of delays) {
        const before = Date.now();
        const { attempts, next, state } = await scene.address();
        assertEquals([state, attempts], ["waiting", scene.dials.length]);
        // Users see the moment of the next attempt by the host's clock, which has gone on since.
        assert(next! <= before + delay + 1, `${next! - before} for ${delay}`);
        assert(next! > before + delay - 60_000, `${next! - before}`);
        await scene.pass(delay + 0.01);
      }
      assertEquals(scene.delays(), delays);
    },
  );
}

/** The delay before a lost node is dialled, by how long it was connected; before, its delay was 600 ms. */
const LOST: [connected: number, delay: number][] = [
  [0, 1000],
  [999, 1000],
  [1000, 200],
  [60_000, 200],
];

for (const [connected, delay] of LOST) {
  test(
    `a node that was connected for ${connected} ms is dialled again after ${delay} ms`,
    async () => {
      using scene = await Scene.start(OFTEN);
      await scene.pass(200);
      scene.up.add(KATE);
      await scene.pass(600);
      assertEquals(scene.delays(), [200, 600]);
      const address = await scene.address();
      assertEquals([address.state, address.attempts], ["connected", 0]);
      await scene.pass(connected);
      scene.up.delete(KATE);
      await scene.lose(KATE);
      const lost = await scene.address();
      assertEquals([lost.state, lost.attempts], ["waiting", 0]);
      await scene.pass(delay - 1);
      assertEquals(scene.dials.length, 3);
      await scene.pass(1);
      assertEquals(scene.dials.length, 4);
    },
  );
}

test("a node that comes and goes is dialled less and less often", async () => {
  using scene = await Scene.start(OFTEN);
  await scene.pass(200);
  scene.up.add(KATE);
  const waited: number[] = [];
  for (let times = 0; times < 5; times++) {
    const { length } = scene.dials;
    const began = scene.timeline.time;
    while (scene.dials.length === length) await scene.pass(1);
    waited.push(Math.round(scene.timeline.time - began));
    await scene.lose(KATE);
  }
  assertEquals(waited, [600, 1000, 1000, 1000, 1000]);
  // After a long connection it counts as a node that is seldom lost.
  await scene.pass(1000);
  await scene.pass(1000);
  await scene.lose(KATE);
  await scene.pass(200);
  assertEquals((await scene.address()).state, "connected");
});

test("a node that connects by itself is not dialled when its delay is over", async () => {
  using scene = await Scene.start(OWN);
  await scene.connect(KATE);
  assertEquals((await scene.address()).state, "connected");
  await scene.pass(60_000);
  assertEquals(scene.dials.length, 1);
});

test("an address that is no longer named is not dialled when its delay is over", async () => {
  let nodes = [KATE];
  using scene = await Scene.start({ strategy: () => nodes, interval: 1000 });
  nodes = [];
  await scene.pass(60_000);
  const { length } = scene.dials;
  await scene.pass(60_000);
  assertEquals(scene.dials.length, length);
  assertEquals((await scene.info()).addresses, []);
});

for (const [maxDials, most] of [[undefined, DIALS], [1, 1], [2, 2]] as const) {
  test(`a topology dials at most ${most} addresses at once, in order`, async () => {
    const nodes = nodesUpTo(20);
    using scene = await Scene.start(
      { strategy: "static", nodes, minDelay: 1e9, maxDelay: 1e9, maxDials },
      { isSilent: true },
    );
    for (let settled = 0; settled <= 20; settled++) {
      assertEquals(
        scene.dials.map(({ node }) => node),
        nodes.slice(0, most + settled),
      );
      scene.unanswered.shift()?.();
      await quiet();
    }
  });
}

/** The times at which a strategy is asked, by chance: a tenth more or less than its interval. */
const ASKED: [chance: number, interval: number | undefined, each: number][] = [
  [0, undefined, 0.9 * INTERVAL],
  [0.5, undefined, INTERVAL],
  [MOST, undefined, 1.1 * INTERVAL],
  [0.5, 200, 200],
];

for (const [chance, interval, each] of ASKED) {
  test(
    `a strategy with an interval of ${
      interval ?? "the default"
    } is asked every ${each} ms with a chance of ${chance}`,
    async () => {
      const timeline = new Timeline();
      const asked: number[] = [];
      using scene = await Scene.start({
        strategy: () => {
          asked.push(Math.round(timeline.time));
          return [];
        },
        interval,
      }, { timeline, chance });
      await scene.pass(3 * each + 1);
      assertEquals(asked, [0, each, 2 * each, 3 * each]);
    },
  );
}

for (const [timeout, reported] of [[undefined, TIMEOUT], [300, 300]] as const) {
  test(`an answer of a strategy is awaited for ${reported} ms`, async () => {
    let isAborted = false;
    using scene = await Scene.start({
      strategy: ({ signal }) => {
        signal.onabort = () => isAborted = true;
        return new Promise<never>(() => {});
      },
      timeout,
    });
    await scene.pass(reported - 1);
    assertEquals([scene.events.length, isAborted], [0, false]);
    await scene.pass(1);
    assertEquals([scene.events.map(({ event }) => event), isAborted], [
      ["strategy_failed"],
      true,
    ]);
  });
}

test("a late answer of a strategy changes nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  using scene = await Scene.start({
    strategy: () => promise,
    // safe: virtual time
    timeout: 100,
    interval: 1e9,
  });
  await scene.pass(100);
  resolve([KATE]);
  await scene.pass(1000);
  const { addresses, lastError } = await scene.info();
  assertEquals([addresses, lastError], [[], "no answer within 100 ms"]);
});

test("failures of a strategy are reported once in a second", async () => {
  let failures = 0;
  using scene = await Scene.start({
    strategy: () => Promise.reject(new Error(`failure ${++failures}`)),
    interval: 250,
  }, { chance: 0.5 });
  await scene.pass(2250);
  assertEquals(failures, 10);
  assertEquals(scene.events.map(({ event, at }) => [event, Math.round(at)]), [
    ["strategy_failed", FAILURES * 1000],
    ["strategy_failed", FAILURES * 2000],
  ]);
  assertEquals((await scene.info()).lastError, "failure 10");
});

test("each value of an async iterable is read a while after the last one", async () => {
  const timeline = new Timeline();
  const read: number[] = [];
  using scene = await Scene.start({
    strategy: async function* () {
      for (;;) {
        read.push(Math.round(timeline.time));
        yield [KATE];
      }
    },
  }, { timeline });
  await scene.pass(3.5 * PAUSE);
  assertEquals(read, [0, PAUSE, 2 * PAUSE, 3 * PAUSE]);
  // The time for an answer is that for the first one.
  await scene.pass(15_000);
  assertEquals([read.length, (await scene.info()).lastError], [154, undefined]);
});

test("news of another node does not end a wait", async () => {
  using scene = await Scene.start(OWN);
  scene.up.add(KATE);
  await scene.lose("mia@localhost");
  assertEquals((await scene.address()).state, "waiting");
});

test("a strategy that leaves questions unanswered is asked less and less often, and for ever", async () => {
  const timeline = new Timeline();
  const asked: number[] = [];
  let answer: () => unknown = () => new Promise<never>(() => {});
  using scene = await Scene.start({
    strategy: () => {
      asked.push(timeline.now());
      return answer() as string[];
    },
    interval: 100,
    // safe: virtual time
    timeout: 100,
  }, { timeline, chance: 0.5 });
  await scene.pass(3 * LONGEST_PAUSE);
  const pauses = asked.slice(1).map((at, i) => Math.round(at - asked[i]) - 100);
  const expected = pauses.map((_, i) =>
    Math.min(LONGEST_PAUSE, 100 * 2 ** Math.max(0, i + 2 - QUESTIONS))
  );
  assertEquals(pauses, expected);
  assertEquals(pauses.at(-1), LONGEST_PAUSE);
  assertStringIncludes(
    (await scene.info()).lastError!,
    `; ${asked.length - 1} earlier questions have not been answered`,
  );
  answer = () => [KATE];
  await scene.pass(LONGEST_PAUSE);
  const { addresses, lastError } = await scene.info();
  assertEquals([addresses.length, lastError], [1, undefined]);
});

for (
  const kind of [{ strategy: "dns", port: 1 }, { strategy: "dnsSrv" }] as const
) {
  test(`a resolver of ${kind.strategy} gets a signal, which ends its late questions`, async () => {
    const asked: AbortSignal[] = [];
    const resolve = (_name: string, { signal }: ResolverContext) =>
      new Promise<never>((_, reject) => {
        asked.push(signal);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    using scene = await Scene.start({
      ...kind,
      query: "web.example",
      resolver: {
        resolve4: resolve,
        resolve6: () => Promise.resolve([]),
        resolveSrv: resolve,
      },
      interval: 100,
      // safe: virtual time
      timeout: 100,
    }, { chance: 0.5 });
    await scene.pass(3950);
    // None is left, so the pauses do not grow.
    assertEquals(asked.length, 20);
    assert(asked.slice(0, -1).every(({ aborted }) => aborted));
    assertEquals((await scene.info()).lastError, "no answer within 100 ms");
  });
}

test("a topology has a number of addresses, of those that are read", async () => {
  for (const more of [0, 1]) {
    const nodes = nodesUpTo(ADDRESSES + more);
    using scene = await Scene.start({ strategy: () => nodes, interval: 1e9 });
    const { addresses, ignored } = await scene.info();
    assertEquals([addresses.length, ignored], [ADDRESSES, more]);
  }
  let read = 0;
  const endless = {
    *[Symbol.iterator]() {
      for (;; read++) yield KATE;
    },
  };
  using scene = await Scene.start({ strategy: () => endless, interval: 1e9 });
  const [address] = (await scene.info()).addresses;
  assertEquals([address.node, read], [KATE, READ]);
});
