/**
 * A cluster whose network and time are simulated. The nodes are real.
 *
 * `SimulatedNetwork` simulates EPMD, dials and partitions. A `SimulatedTransport` is one end of a connection, whose
 * bytes queue in a lane for each direction. `Timeline` is the clock of all runtimes and the queue of events. While
 * something waits, `Driver` runs the next event as soon as everything that can run has run (`quiet`). Events of
 * `Clock.every`, such as ticks, and their consequences are background events. If only background events remain for
 * longer than ticks need to detect a silent peer, all waits fail as hopeless.
 */

import {
  ARRAY,
  checkOptions,
  FLAG,
  oneOf,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { Node, type NodeOptions } from "@otp/node/node";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { SYSTEM } from "../_leaks.ts";
import { withHost } from "../test_cluster.ts";
import { Driver } from "./driver.ts";
import { enterSimulation, leaveSimulation } from "./simulated_event_loop.ts";
import { type PartitionMode, SimulatedNetwork } from "./simulated_network.ts";
import type { Delay, Tamper } from "./simulated_transport.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import { NODE_OPTIONS } from "@otp/node/start/check_options";
import {
  internalsOf,
  startedNodes,
  startNodeIn,
} from "@otp/node/start/node_internals";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

export type { Delay, PartitionMode };

/** The default tick time of nodes. */
const TICK_TIME = 60_000;

/** The `NodeOptions` of a simulated node: all options except the ones about sockets. */
export interface SimulatedNodeOptions extends
  Omit<
    NodeOptions,
    | "name"
    | "advertise"
    | "listen"
    | "poll"
    | "port"
    | "tls"
    | "epmdPort"
    | "cookieFile"
  > {}

const {
  name: _name,
  advertise: _advertise,
  listen: _listen,
  poll: _poll,
  port: _port,
  tls: _tls,
  epmdPort: _epmdPort,
  cookieFile: _cookieFile,
  ...SIMULATED_OPTIONS
} = NODE_OPTIONS;

/** A simulated node with options of its own. */
export interface SimulatedNodeSpec extends SimulatedNodeOptions {
  /** Its name; without a host, it is on `localhost`. */
  name: string;
}

const NODE_SPEC: OptionChecks<SimulatedNodeSpec> = {
  ...SIMULATED_OPTIONS,
  name: true,
};

/** Options for {@linkcode SimulatedCluster.start}, and the options that all nodes share. */
export interface SimulationOptions extends SimulatedNodeOptions {
  /** The nodes to start. */
  nodes: readonly (string | SimulatedNodeSpec)[];
  /**
   * The seed of the random numbers: an integer. The same seed results in the same delays, the same pieces,
   * and so the same order of events.
   *
   * @default {1}
   */
  seed?: number;
  /**
   * The delay of bytes, in milliseconds: random each time, but bytes never overtake others of the same connection.
   *
   * @default {{ min: 1, max: 10 }}
   */
  delay?: Delay;
  /**
   * Whether the nodes find each other by their names. Without EPMD, a node needs the address of one other node, and
   * gets the remaining addresses from its peers.
   *
   * @default {true}
   */
  epmd?: boolean;
}

const SIMULATION_OPTIONS: OptionChecks<SimulationOptions> = {
  ...SIMULATED_OPTIONS,
  nodes: { ...ARRAY, isRequired: true },
  seed: true,
  delay: true,
  epmd: FLAG,
};

/** Options for {@linkcode SimulatedCluster.run} and {@linkcode SimulatedCluster.settle}. */
export interface SimulatedWaitOptions {
  /**
   * The limit in virtual time, in milliseconds.
   *
   * @default {3600000}
   */
  within?: number;
}

const WAIT_OPTIONS: OptionChecks<SimulatedWaitOptions> = { within: TIMEOUT };

/** Options for {@linkcode SimulatedCluster.partition}. */
export interface PartitionOptions {
  /**
   * `"silent"`: bytes are held up until the partition heals, so nodes notice by the tick time. `"cut"`:
   * connections close at once at both ends, and bytes under way are lost. As with a socket, nodes are notified only as
   * virtual time passes: `Node.list` returns lost peers until `await cluster.settle()`, or another wait.
   *
   * @default {"silent"}
   */
  mode?: PartitionMode;
  /**
   * Whether only the direction from the left nodes to the right nodes is blocked. `"silent"`: the right
   * nodes receive nothing more, but can still send. `"cut"`: connections close on the left side only, as
   * when a firewall has forgotten them; the right side notices by the tick time, or when it sends something after the
   * partition has healed. No node can dial across the partition, because a dial needs both directions.
   *
   * @default {false}
   */
  oneWay?: boolean;
}

const PARTITION_OPTIONS: OptionChecks<PartitionOptions> = {
  mode: oneOf("silent", "cut"),
  oneWay: FLAG,
};

interface Member {
  readonly options: NodeOptions;
  readonly output: string[];
  node: Node;
}

/** Starts a cluster in which `tamper` changes bytes under way: only for tests of this library. */
export let startTampered: (
  options: SimulationOptions,
  tamper: Tamper | undefined,
) => Promise<SimulatedCluster>;

/**
 * Nodes in one program, on a simulated network and clock: for tests of how your code behaves when connections
 * are slow, close or stall, and when nodes crash and restart.
 *
 * The nodes are real: processes, links, monitors, supervisors, tasks, the handshake, the JSON wire, ticks. Only their
 * environment is simulated: there are no sockets and no EPMD; bytes travel in memory, in random pieces, with random
 * delays. All randomness comes from a seed, so a failed run can be repeated: the same seed results in the same events
 * in the same order, as {@linkcode SimulatedCluster.trace} shows.
 *
 * Time is virtual. It stands still while anything can run, and then jumps to the next event: a timeout of a
 * minute takes no real time. Nothing happens unless your code waits with {@linkcode SimulatedCluster.run},
 * {@linkcode SimulatedCluster.advance} or {@linkcode SimulatedCluster.settle}, which may be called within each
 * other. The name of a node is given with or without its host.
 *
 * The virtual clock drives nodes and processes: timeouts of `receive`, of calls and tasks, timers, ticks. The host is
 * outside the simulation: `setTimeout`, `Date`, files, sockets. If a run waits for the host alone, the simulation waits
 * a moment of real time, and then fails the run as one that will never end; the outcome can differ each time. Nodes
 * share the memory of the program, as with `startNodes`. Simulations repeat exactly only if one runs at a time.
 *
 * @example A monitor notices that a node crashes
 * ```ts
 * import { SimulatedCluster } from "@otp/distribution/testing";
 * import { Node, receive } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const Clerk = { wait: () => receive() };
 * await using cluster = await SimulatedCluster.start({
 *   nodes: ["alex", "kate"],
 *   modules: { Clerk },
 * });
 * const reason = await cluster.run("alex", async () => {
 *   const { ref } = await Node.spawnMonitor("kate@localhost", Clerk.wait);
 *   await cluster.kill("kate");
 *   return (await receive((m) => ref.equals(m.ref))).reason;
 * });
 * assertEquals(reason, "noconnection");
 * ```
 */
export class SimulatedCluster implements AsyncDisposable {
  static {
    startTampered = (options, tamper) =>
      SimulatedCluster.#start(options, tamper);
  }

  /** The seed of the random numbers. */
  readonly seed: number;
  readonly #network: SimulatedNetwork;
  readonly #driver: Driver;
  readonly #members = new Map<string, Member>();
  readonly #common: SimulatedNodeOptions;
  #isDisposed = false;

  private constructor(options: SimulationOptions, tamper?: Tamper) {
    const {
      nodes: _,
      seed = 1,
      delay = { min: 1, max: 10 },
      epmd = true,
      ...common
    } = options;
    checkDelay(delay);
    this.seed = seed;
    this.#common = common;
    this.#network = new SimulatedNetwork(seed, delay, tamper, epmd);
    this.#driver = new Driver(this.#network.timeline, {
      patience: () => 2 * this.#longestTickTime(),
      waiting: () => this.#waiting(),
    });
    enterSimulation();
  }

  /**
   * Starts a simulated cluster.
   *
   * The nodes are not connected: as always, the first use connects them. The cluster keeps their output, and their logs
   * become part of the trace, unless the options contain an `io` and a `log`.
   *
   * @returns The cluster, to be ended by `await using`.
   * @throws {RangeError} If a delay is negative, or the shortest is longer than the longest.
   * @throws {TypeError} If a node name is invalid.
   *
   * @example Usage
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({
   *   nodes: ["alex", { name: "kate", hidden: true }],
   *   seed: 42,
   *   delay: { min: 20, max: 200 },
   * });
   * assertEquals(await cluster.run("alex", () => Node.ping("kate@localhost")), "pong");
   * ```
   */
  static start(options: SimulationOptions): Promise<SimulatedCluster> {
    return SimulatedCluster.#start(options);
  }

  static async #start(
    options: SimulationOptions,
    tamper?: Tamper,
  ): Promise<SimulatedCluster> {
    checkOptions(
      options,
      "simulate a cluster",
      SIMULATION_OPTIONS,
      '{ nodes: ["alex"] }',
    );
    const cluster = new SimulatedCluster(options, tamper);
    try {
      for (const spec of options.nodes) await cluster.#add(spec);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #add(spec: string | SimulatedNodeSpec): Promise<void> {
    if (typeof spec !== "string") {
      checkOptions(spec, "simulate a node", NODE_SPEC, '{ name: "alex" }');
    }
    const { name: given, ...own } = typeof spec === "string"
      ? { name: spec }
      : spec;
    const name = withHost(given);
    const output: string[] = [];
    const options: NodeOptions = {
      cookie: "simulation",
      io: { write: (text) => void output.push(text) },
      log: ({ level, message }) =>
        this.#network.trace.add(name, `${level}: ${message}`),
      ...this.#common,
      ...own,
      name,
    };
    const node = await this.#startNode(options);
    this.#members.set(name, { options, output, node });
  }

  #startNode(options: NodeOptions): Promise<Node> {
    const host = this.#network.hostOf(options.name);
    return this.#driver.standStill(startNodeIn(Node, host, options));
  }

  /** The node, if it is alive; throws otherwise. */
  #up(name: string): Node {
    const { node } = this.#find(name);
    if (startedNodes(Node).includes(node)) return node;
    throw new Error(
      `Cannot run a function on ${node.name}: it is dead; restart() starts it again`,
    );
  }

  #find(name: string): Member {
    const member = this.#members.get(withHost(name));
    if (member !== undefined) return member;
    throw new RangeError(
      `Cannot find the node ${JSON.stringify(name)}: there are ${
        [...this.#members.keys()].join(", ")
      }`,
    );
  }

  #longestTickTime(): number {
    return Math.max(
      0,
      ...[...this.#members.values()].map(({ options }) =>
        options.tickTime ?? TICK_TIME
      ),
    );
  }

  /**
   * Finds a node.
   *
   * @returns The node: after a restart, the new one.
   * @throws {RangeError} If the cluster has no node of that name.
   */
  node(name: string): Node {
    return this.#find(name).node;
  }

  /**
   * Returns the address of a node, for `Node.connect`.
   *
   * @returns The address, `host:port`: a restarted node has another one.
   * @throws {RangeError} If the cluster has no node of that name, or it was killed.
   *
   * @example Nodes without EPMD
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({
   *   nodes: ["alex", "kate", "moebi"],
   *   epmd: false,
   * });
   * const address = cluster.address("alex");
   * await cluster.run("kate", () => Node.connect({ address }));
   * await cluster.run("moebi", () => Node.connect({ address }));
   * await cluster.settle();
   * const others = await cluster.run("moebi", () => Node.list());
   * assertEquals(others.toSorted(), ["alex@localhost", "kate@localhost"]);
   * ```
   */
  address(name: string): string {
    const { node } = this.#find(name);
    return this.#network.addressOf(node.name);
  }

  /**
   * Returns the output of a node, in all its incarnations.
   *
   * @returns The text so far; empty if the node was started with an `io` of its own.
   * @throws {RangeError} If the cluster has no node of that name.
   *
   * @example Output of a process at kate appears at alex
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { IO, Node } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const Kate = { sayName: () => IO.puts("kate") };
   * await using cluster = await SimulatedCluster.start({
   *   nodes: ["alex", "kate"],
   *   modules: { Kate },
   * });
   * await cluster.run("alex", () => Node.spawn("kate@localhost", Kate.sayName));
   * await cluster.settle();
   * assertEquals(cluster.output("alex"), "kate\n");
   * ```
   */
  output(name: string): string {
    return this.#find(name).output.join("");
  }

  /**
   * Returns the virtual time since the start of the simulation, in milliseconds.
   *
   * @example A minute that takes no real time
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
   * await cluster.advance(60_000);
   * assertEquals(cluster.now(), 60_000);
   * ```
   */
  now(): number {
    return this.#network.timeline.time;
  }

  /**
   * Runs a function in a new process of a node, and lets virtual time pass until it has ended.
   *
   * @typeParam T The result of the function.
   * @returns The result of the function; rejects with the error that it throws, or with `ExitError` if the
   *   process exits first, for example because its node is killed.
   * @throws {RangeError} If the cluster has no node of that name.
   * @throws {Error} If the node is dead.
   * @throws {Error} If the function cannot end because no event is left, or has not ended in time; the message names
   *   the waiting processes and the events that they wait for.
   *
   * @example A timeout of a minute
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { receive } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
   * const late = await cluster.run("alex", () => receive(null, { timeout: 60_000, after: "late" }));
   * assertEquals(late, "late");
   * ```
   */
  run<T>(
    name: string,
    fn: () => T | Promise<T>,
    options: SimulatedWaitOptions = {},
  ): Promise<T> {
    checkOptions(
      options,
      "run in a simulation",
      WAIT_OPTIONS,
      "{ within: 1000 }",
    );
    const node = this.#up(name);
    return this.#driver.until(
      node.run(fn),
      `what runs on ${node.name}`,
      options.within,
    );
  }

  /**
   * Starts a process on a node without waiting for it: a server that runs as long as its node.
   *
   * @param fn The function that the process runs, once virtual time passes.
   * @returns Its pid.
   * @throws {RangeError} If the cluster has no node of that name.
   * @throws {Error} If the node is dead.
   *
   * @example A server
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Process, receive, self, send } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * cluster.spawn("kate", async () => {
   *   Process.register(self(), "double");
   *   for (;;) {
   *     const { from, n } = await receive();
   *     send(from, 2 * n);
   *   }
   * });
   * const result = await cluster.run("alex", async () => {
   *   send({ name: "double", node: "kate@localhost" }, { from: self(), n: 21 });
   *   return await receive();
   * });
   * assertEquals(result, 42);
   * ```
   */
  spawn(name: string, fn: () => unknown): Pid {
    const runtime = internalsOf(this.#up(name)).runtime;
    const groupLeader = runtime.names.get("user")?.pid;
    return spawnProcess(runtime, fn, { groupLeader, label: fn.name }).pid;
  }

  /**
   * Advances virtual time.
   *
   * @param ms The virtual time to pass, in milliseconds.
   * @returns A promise that resolves when everything due until then has happened.
   * @throws {RangeError} If the time is negative or not finite.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) {
      throw new RangeError(
        `Cannot advance by ${ms} ms: give a number of milliseconds, 0 or more`,
      );
    }
    return this.#driver.advance(ms);
  }

  /**
   * Lets virtual time pass until only timers are left: everything sent has arrived, except for bytes that a
   * partition holds up.
   *
   * @throws {Error} If nodes still communicate at the limit.
   *
   * @example Usage
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Process, receive, self, send } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * const heard: unknown[] = [];
   * cluster.spawn("kate", async () => {
   *   Process.register(self(), "ear");
   *   heard.push(await receive());
   * });
   * await cluster.run("alex", () => void send({ name: "ear", node: "kate@localhost" }, "hi"));
   * await cluster.settle();
   * assertEquals(heard, ["hi"]);
   * ```
   */
  settle(options: SimulatedWaitOptions = {}): Promise<void> {
    checkOptions(
      options,
      "settle a simulation",
      WAIT_OPTIONS,
      "{ within: 1000 }",
    );
    return this.#driver.settle(options.within);
  }

  /**
   * Partitions nodes from others: nothing passes between the two sides until {@linkcode SimulatedCluster.heal}.
   * Partitions add up.
   *
   * @param options The effect on connections across the partition.
   * @throws {RangeError} If the cluster has no node of that name.
   *
   * @example Nodes that notice by the tick time
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * await cluster.run("alex", () => Node.connect("kate@localhost"));
   * cluster.partition(["alex"], ["kate"]);
   * await cluster.advance(50_000);
   * assertEquals(await cluster.run("alex", () => Node.list()), ["kate@localhost"]);
   * await cluster.advance(30_000);
   * assertEquals(await cluster.run("alex", () => Node.list()), []);
   * cluster.heal();
   * assertEquals(await cluster.run("alex", () => Node.ping("kate@localhost")), "pong");
   * ```
   */
  partition(
    left: readonly string[],
    right: readonly string[],
    options: PartitionOptions = {},
  ): void {
    const names = (side: readonly string[]) =>
      side.map((name) => this.#find(name).options.name);
    checkOptions(
      options,
      "partition nodes",
      PARTITION_OPTIONS,
      '{ mode: "cut" }',
    );
    const { mode = "silent", oneWay = false } = options;
    this.#network.part(names(left), names(right), mode, oneWay);
  }

  /**
   * Makes a node a slow reader: it reads a limited number of bytes per millisecond from each connection. The other
   * bytes wait on the network, so senders have to wait.
   *
   * @param bytesPerMs The number of bytes; `Infinity` for the original speed.
   * @throws {RangeError} If the cluster has no node of that name, or the number is not above 0.
   *
   * @example Usage
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Process, receive, self, send } from "@otp/distribution";
   * import { assert } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * cluster.slow("kate", 100);
   * cluster.spawn("kate", () => {
   *   Process.register(self(), "ear");
   *   return receive();
   * });
   * await cluster.run("alex", () => {
   *   send({ name: "ear", node: "kate@localhost" }, "x".repeat(100_000));
   * });
   * await cluster.settle();
   * assert(cluster.now() > 1000);
   * ```
   */
  slow(name: string, bytesPerMs: number): void {
    const { options } = this.#find(name);
    if (!(bytesPerMs > 0)) {
      throw new RangeError(
        `Cannot have ${options.name} read ${bytesPerMs} bytes in a millisecond: give more than 0`,
      );
    }
    this.#network.slow(options.name, bytesPerMs);
  }

  /**
   * Pauses a node, as SIGSTOP or a frozen machine does: its timers do not fire, nothing arrives, and its clock goes on.
   *
   * Code that waits for neither finishes its turn first. Peers notice by the tick time.
   *
   * @throws {RangeError} If the cluster has no node of that name.
   *
   * @example Usage
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * await cluster.run("alex", () => Node.connect("kate@localhost"));
   * cluster.pause("kate");
   * await cluster.advance(80_000);
   * assertEquals(await cluster.run("alex", () => Node.list()), []);
   * cluster.resume("kate");
   * assertEquals(await cluster.run("alex", () => Node.ping("kate@localhost")), "pong");
   * ```
   */
  pause(name: string): void {
    this.#network.pause(this.#find(name).options.name);
  }

  /**
   * Lets a paused node continue: first the timers that were due, then the bytes that have arrived.
   *
   * @throws {RangeError} If the cluster has no node of that name.
   */
  resume(name: string): void {
    this.#network.resume(this.#find(name).options.name);
  }

  /** @ignore */
  _network(): SimulatedNetwork {
    return this.#network;
  }

  /**
   * Heals all partitions. Silent connections that no node has given up continue, with the bytes that were held
   * up; the next use makes other connections again.
   */
  heal(): void {
    this.#network.heal();
  }

  /**
   * Kills a node, as if its program were killed: it sends nothing more, its peers receive the bytes sent before and
   * then see their connections close, and its processes are dead.
   *
   * Waiting code of its processes is ended as in any process that exits. To simulate a machine that is switched
   * off, make a silent partition first.
   *
   * @returns A promise that resolves when it is dead; its peers may not know yet.
   * @throws {RangeError} If the cluster has no node of that name.
   */
  kill(name: string): Promise<void> {
    const { node } = this.#find(name);
    this.#network.crash(node.name);
    return this.#driver.until(
      node.stop({ timeout: 0 }),
      `the end of ${node.name}`,
    );
  }

  /**
   * Stops a node cleanly, as `node.stop()` does: the messages that it has sent arrive.
   *
   * @throws {RangeError} If the cluster has no node of that name.
   */
  stop(name: string): Promise<void> {
    const { node } = this.#find(name);
    return this.#driver.until(node.stop(), `the end of ${node.name}`);
  }

  /**
   * Restarts a node under its name, with its options and another creation: messages to its predecessor do not reach
   * it. A live node is killed first.
   *
   * @throws {RangeError} If the cluster has no node of that name.
   *
   * @example Usage
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals, assertNotEquals } from "@std/assert";
   *
   * await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
   * const before = cluster.node("kate").creation;
   * const kate = await cluster.restart("kate");
   * assertNotEquals(kate.creation, before);
   * assertEquals(await cluster.run("alex", () => Node.ping("kate@localhost")), "pong");
   * ```
   */
  async restart(name: string): Promise<Node> {
    const member = this.#find(name);
    await this.kill(name);
    member.node = await this.#startNode(member.options);
    return member.node;
  }

  /**
   * Returns the events, one per line, with the time in milliseconds: the signals that nodes sent and when they
   * arrived, their logs, and the faults. Two runs of the same code with the same seed have the same trace.
   *
   * @example The same seed results in the same trace
   * ```ts
   * import { SimulatedCluster } from "@otp/distribution/testing";
   * import { Node } from "@otp/distribution/node";
   * import { assertEquals, assertNotEquals } from "@std/assert";
   *
   * async function traceOf(seed: number): Promise<string[]> {
   *   await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"], seed });
   *   await cluster.run("alex", () => Node.ping("kate@localhost"));
   *   return cluster.trace();
   * }
   *
   * assertEquals(await traceOf(7), await traceOf(7));
   * assertNotEquals(await traceOf(7), await traceOf(8));
   * ```
   */
  trace(): string[] {
    return this.#network.trace.lines();
  }

  /** The waiting processes, one per line. */
  #waiting(): string[] {
    return [...this.#members.values()].flatMap(({ node }) =>
      [...internalsOf(node).runtime.processes.values()]
        .filter(({ label }) => !SYSTEM.has(label ?? ""))
        .map((process) => `${node.name}: ${describe(process)}`)
    );
  }

  /** Stops the nodes, at the end of `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    try {
      // Stop all at once before awaiting anything: nodes may keep each other busy for ever.
      const stops = [...this.#members.values()].reverse().map(({ node }) =>
        node.stop()
      );
      await this.#driver.until(Promise.all(stops), "the end of the cluster");
    } finally {
      leaveSimulation();
    }
  }
}

function checkDelay({ min, max }: Delay): void {
  if (min >= 0 && max >= min && max < Infinity) return;
  throw new RangeError(
    `Cannot simulate a delay of ${min} to ${max} ms: give 0 or more, the shortest first`,
  );
}

/** Describes a waiting process. */
function describe(
  { pid, label, name, mailbox, entries }: LocalProcess,
): string {
  const who = `${pid} (${label || "a function"}${
    name === undefined ? "" : `, registered as ${name}`
  })`;
  const what = [
    ...mailbox.waiting > 0 ? ["a message"] : [],
    ...[...entries?.values() ?? []].flatMap(({ wait }) =>
      wait === undefined ? [] : [`an answer from ${wait.node}`]
    ),
  ];
  return what.length > 0
    ? `${who} waits for ${what.join(" and ")}`
    : `${who} waits for nothing of the simulation`;
}
