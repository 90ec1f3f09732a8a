/** The host environment of simulated nodes: their registrations and connections. */

import type { Transport } from "@otp/node/wire";
import type {
  HostEnvironment,
  HostRegistration,
  NodeDescription,
  PeerStream,
} from "@otp/node/host/host_environment";
import { NodeStartError } from "@otp/processes/errors";
import type { Clock } from "@otp/processes/host/clock";
import { SeededRandom } from "./random.ts";
import { Timeline } from "./timeline.ts";
import { Trace } from "./trace.ts";
import {
  type Delay,
  type Ether,
  RETRY,
  SimulatedTransport,
  someDelay,
  type Tamper,
} from "./simulated_transport.ts";

/** The first port of a node; nothing listens on it. */
const FIRST_PORT = 50_000;

/**
 * The effect of a partition on connections: they close at once (`"cut"`), or stall (`"silent"`), so that
 * nodes notice by the tick time.
 */
export type PartitionMode = "cut" | "silent";

interface Registered extends HostRegistration {
  readonly name: string;
  /** The address of its machine. */
  readonly at: string;
  readonly extra: string;
  accept(transport: Transport): void;
}

interface Pair {
  ends: SimulatedTransport[];
  open: number;
}

/** How the clocks of a node differ from the network's, in milliseconds. */
interface Skew {
  /** How far the monotonic clock is behind. */
  behind: number;
  /** How far the wall clock is ahead. */
  ahead: number;
  /** When the clocks stopped, if the node is suspended. */
  since?: number;
  /** Whether the wall clock has stopped as well. */
  isStopped: boolean;
}

/** The time by which a timer may be early, as sums of fractions are rounded, in milliseconds. */
const EARLY = 0.001;

/** The first moment of wall clocks, in milliseconds since 1970. */
export const EPOCH = 1e12;

/** A network in memory, determined by its seed. */
export class SimulatedNetwork implements Ether {
  readonly timeline: Timeline = new Timeline();
  readonly trace: Trace = new Trace(() => this.timeline.time);
  readonly random: SeededRandom;
  readonly delay: Delay;
  readonly tamper: Tamper | undefined;
  /** Whether nodes are found by their names. */
  readonly epmd: boolean;
  readonly #bytes: SeededRandom;
  readonly #registered = new Map<string, Registered>();
  readonly #pairs = new Set<Pair>();
  /** The partitions, by direction between two nodes. */
  readonly #parted = new Map<string, PartitionMode>();
  /** The bytes per millisecond that slow nodes read. */
  readonly #rates = new Map<string, number>();
  /** The paused nodes, and their timers that are due. */
  readonly #paused = new Map<string, (() => void)[]>();
  readonly #skews = new Map<string, Skew>();
  #connections = 0;
  #starts = 0;

  constructor(seed: number, delay: Delay, tamper?: Tamper, epmd = true) {
    this.epmd = epmd;
    this.random = new SeededRandom(seed);
    this.#bytes = new SeededRandom(~seed);
    this.delay = delay;
    this.tamper = tamper;
  }

  /** The host environment of one node. */
  hostOf(node: string): HostEnvironment {
    return {
      clock: this.#clockOf(node),
      findsNames: this.epmd,
      randomBytes: (size) => this.#bytes.randomBytes(size),
      register: (description, accept) =>
        Promise.resolve(this.#register(description, accept)),
      connect: (peer, address, signal) =>
        this.#dial(node, peer?.full, address, signal),
      names: (host) => Promise.resolve(this.#namesAt(host)),
    };
  }

  /** Registers a node, so that others can connect to it. */
  #register(
    { name: { full }, extra }: NodeDescription,
    accept: (transport: Transport) => void,
  ): HostRegistration {
    if (this.#registered.has(full)) {
      throw new NodeStartError(
        "in_use",
        `Cannot start ${full}: the name is in use; stop or kill the node that has it`,
      );
    }
    this.#starts++;
    const registered: Registered = {
      name: full,
      at: `10.0.${this.#starts >> 8}.${this.#starts & 255}`,
      extra,
      accept,
      port: FIRST_PORT + this.#starts,
      creation: 1 + this.#starts,
      close: () => {
        if (this.#registered.get(full) === registered) {
          this.#registered.delete(full);
        }
        return Promise.resolve();
      },
    };
    this.#registered.set(full, registered);
    this.trace.add(full, `starts as ${registered.creation}`);
    return registered;
  }

  /** The names of the nodes of a host, without the host. */
  #namesAt(host: string): string[] {
    return [...this.#registered.keys()]
      .filter((name) => name.endsWith(`@${host}`))
      .map((name) => name.slice(0, -host.length - 1));
  }

  /** The address of a node. Throws a `RangeError` if it is not registered. */
  addressOf(node: string): string {
    const registered = this.#registered.get(node);
    if (registered !== undefined) return `${registered.at}:${registered.port}`;
    throw new RangeError(
      `Cannot return the address of ${node}: it has none while it is down; restart it first`,
    );
  }

  /** Connects a node to another node, or to the node at an address. */
  #dial(
    from: string,
    peer: string | undefined,
    address: string | undefined,
    signal: AbortSignal,
  ): Promise<PeerStream> {
    const { timeline } = this;
    const { promise, resolve, reject } = Promise.withResolvers<PeerStream>();
    let stop: () => void = () => {};
    const abort = () => {
      stop();
      reject(signal.reason);
    };
    const fail = (reason: string) => {
      signal.removeEventListener("abort", abort);
      reject(new Error(reason));
    };
    const knock = () => {
      const to = peer ?? this.#find("", address)?.name;
      if (to === undefined) return fail(`nobody listens on ${address}`);
      // An answer needs both directions.
      const mode = this.#parted.get(wayOf(from, to)) ??
        this.#parted.get(wayOf(to, from));
      if (mode === "silent" || this.#paused.has(to)) {
        stop = timeline.after(RETRY, knock);
        return;
      }
      if (mode === "cut") return fail(`there is no way to ${to}`);
      const registered = this.#find(to, address);
      if (registered === undefined) {
        return fail(
          address === undefined
            ? `no node named ${to} is registered`
            : `nobody listens on ${address}`,
        );
      }
      const { near, far } = this.#connect(from, registered.name);
      registered.accept(far);
      const stopAnswer = this.#soon(() => {
        signal.removeEventListener("abort", abort);
        resolve({ transport: near, extra: registered.extra });
      });
      stop = () => {
        stopAnswer();
        near.destroy();
      };
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else stop = this.#soon(knock);
    return promise;
  }

  /** Calls back when a message sent now would arrive; returns a function that cancels the call. */
  #soon(fn: () => void): () => void {
    const at = this.timeline.time + someDelay(this);
    return this.timeline.schedule(at, "network", fn);
  }

  #find(to: string, address: string | undefined): Registered | undefined {
    if (address === undefined) {
      return this.epmd ? this.#registered.get(to) : undefined;
    }
    for (const registered of this.#registered.values()) {
      const { at, port } = registered;
      // All nodes also have the addresses of one common machine.
      const places = [at, "127.0.0.1", "localhost"];
      if (places.some((host) => `${host}:${port}` === address)) {
        return registered;
      }
    }
    return undefined;
  }

  #connect(
    from: string,
    to: string,
  ): { near: SimulatedTransport; far: SimulatedTransport } {
    const number = ++this.#connections;
    const pair: Pair = { ends: [], open: 2 };
    const onClosed = () => {
      if (--pair.open === 0) this.#pairs.delete(pair);
    };
    const dialler = this.#registered.get(from)?.at ?? "";
    const { at, port } = this.#registered.get(to)!;
    const near = new SimulatedTransport(
      this,
      from,
      to,
      { number, localHost: dialler, remoteHost: at, remotePort: port },
      onClosed,
    );
    const far = new SimulatedTransport(
      this,
      to,
      from,
      { number, localHost: at, remoteHost: dialler, remotePort: number },
      onClosed,
    );
    near.far = far;
    far.far = near;
    pair.ends.push(near, far);
    this.#pairs.add(pair);
    return { near, far };
  }

  /** Closes all connections of a node, and unregisters it. */
  crash(node: string): void {
    this.trace.add(node, "is killed");
    this.#paused.delete(node);
    this.#goOn(node);
    this.#registered.delete(node);
    for (const { ends } of [...this.#pairs]) {
      for (const end of ends) if (end.owner === node) end.destroy();
    }
  }

  /** Partitions nodes from others. */
  part(
    left: readonly string[],
    right: readonly string[],
    mode: PartitionMode,
    isOneWay: boolean,
  ): void {
    const how = isOneWay ? `${mode}, one way` : mode;
    this.trace.add(left.join(" "), `parted (${how}) from ${right.join(" ")}`);
    for (const one of left) {
      for (const other of right) {
        this.#parted.set(wayOf(one, other), mode);
        if (!isOneWay) this.#parted.set(wayOf(other, one), mode);
      }
    }
    if (mode === "silent") return;
    for (const { ends: [near, far] } of [...this.#pairs]) {
      for (const [one, other] of [[near, far], [far, near]]) {
        if (!left.includes(one.owner) || !right.includes(other.owner)) continue;
        one.cut();
        if (!isOneWay) other.cut();
      }
    }
  }

  /** Limits the bytes per millisecond that a node reads from each connection. */
  slow(node: string, rate: number): void {
    this.trace.add(node, `reads ${rate} bytes in a millisecond`);
    this.#rates.set(node, rate);
  }

  readingTime(node: string, bytes: number): number {
    const rate = this.#rates.get(node);
    return rate === undefined ? 0 : bytes / rate;
  }

  /** Heals all partitions. */
  heal(): void {
    this.trace.add("network", "healed");
    this.#parted.clear();
    for (const { ends } of [...this.#pairs]) {
      for (const end of ends) end.goOn();
    }
  }

  holdsUp(from: string, to: string): boolean {
    return this.#parted.get(wayOf(from, to)) === "silent" ||
      this.#paused.has(to);
  }

  isParted(from: string, to: string): boolean {
    return this.#parted.has(wayOf(from, to));
  }

  /** Pauses a node: none of its timers fires, and nothing arrives. */
  pause(node: string): void {
    if (this.#paused.has(node)) return;
    this.trace.add(node, "is paused");
    this.#paused.set(node, []);
  }

  /**
   * Pauses a node whose monotonic clock stands still meanwhile, as the clock of a suspended virtual machine. The wall clock goes
   * on, unless `isStopped`.
   */
  suspend(node: string, isStopped = false): void {
    if (this.#paused.has(node)) return;
    this.pause(node);
    Object.assign(this.#skewOf(node), { since: this.timeline.time, isStopped });
  }

  /** Sets the wall clock of a node forward, or back by a negative number of milliseconds. */
  setWall(node: string, by: number): void {
    this.trace.add(node, `sets its clock by ${by} ms`);
    this.#skewOf(node).ahead += by;
  }

  #skewOf(node: string): Skew {
    let skew = this.#skews.get(node);
    if (skew === undefined) {
      skew = { behind: 0, ahead: 0, isStopped: false };
      this.#skews.set(node, skew);
    }
    return skew;
  }

  /** Lets the clocks of a suspended node go on. */
  #goOn(node: string): void {
    const skew = this.#skews.get(node);
    if (skew?.since === undefined) return;
    const stood = this.timeline.time - skew.since;
    skew.behind += stood;
    if (skew.isStopped) skew.ahead -= stood;
    skew.since = undefined;
  }

  /** The time of a node's monotonic clock. */
  #nowAt(node: string): number {
    const { time } = this.timeline;
    const skew = this.#skews.get(node);
    return skew === undefined ? time : (skew.since ?? time) - skew.behind;
  }

  /** The time of a node's wall clock. */
  #wallAt(node: string): number {
    const { time } = this.timeline;
    const { ahead = 0, isStopped, since = time } = this.#skews.get(node) ?? {};
    return EPOCH + ahead + (isStopped ? since : time);
  }

  /** Lets a paused node go on, with the timers that are due. */
  resume(node: string): void {
    const due = this.#paused.get(node);
    if (due === undefined) return;
    this.trace.add(node, "goes on");
    this.#paused.delete(node);
    this.#goOn(node);
    for (const fn of due) this.timeline.after(0, () => this.atNode(node, fn));
    for (const { ends } of [...this.#pairs]) {
      for (const end of ends) end.goOn();
    }
  }

  /** Runs a function of a node, at once or when the node goes on. */
  atNode(node: string, fn: () => void): void {
    const due = this.#paused.get(node);
    if (due === undefined) fn();
    else due.push(fn);
  }

  /** The clock of a node: timers wait while it is paused. */
  #clockOf(node: string): Clock {
    const { timeline } = this;
    const clock: Clock = {
      isVirtual: true,
      now: () => this.#nowAt(node),
      wall: () => this.#wallAt(node),
      after: (ms, fn) => {
        const due = clock.now() + ms;
        let isStopped = false;
        let stop = () => {};
        const fire = () => {
          if (isStopped) return;
          // The clock has stood still meanwhile.
          const left = due - clock.now();
          if (left > EARLY) arm(left);
          else fn();
        };
        const arm = (left: number) => {
          stop = timeline.after(left, () => this.atNode(node, fire));
        };
        arm(ms);
        return () => {
          isStopped = true;
          stop();
        };
      },
      every: (ms, fn) => timeline.every(ms, () => this.atNode(node, fn)),
    };
    return clock;
  }
}

/** The key of one direction between two nodes. */
function wayOf(from: string, to: string): string {
  return `${from} ${to}`;
}
