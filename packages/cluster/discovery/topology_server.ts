/**
 * The process of a topology: it dials the addresses that the strategy names, and dials lost nodes again.
 *
 * States of an address: waiting, for its turn or the end of its delay; dialling; connected, with a node monitor; self, if
 * the address leads to this node. `connected` and `self` end only when the node goes down or the strategy no longer names
 * the address.
 *
 * Timers, dials and strategies never change the state themselves: they leave a function and send the process a `wake`
 * (`#later`), so that all changes happen one after the other, as in any server.
 *
 * Races: if an address is forgotten while it is dialled, the outcome of the dial changes nothing. If the node dials this
 * one meanwhile, its `nodeup` settles a waiting address, and a running dial settles by itself. A connection may be lost
 * between the dial and the monitor on the node, so the monitor is set first, and then the actual state is read. Any
 * process can send a false `nodeup` or `nodedown`, so each of these only makes the server look at the actual state.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type {
  ConnectOutcome,
  PeerAddress,
} from "@otp/processes/remote/peer_address";
import { tell } from "@otp/servers/server/call";
import { fromSelf, isTyped } from "@otp/servers/server/messages";
import { BADARG, type Server } from "@otp/servers/server/server";
import { readAnswer } from "./addresses.ts";
import type {
  AddressState,
  ClusterAddressInfo,
  ClusterMessage,
  TopologyInfo,
} from "./cluster_info.ts";
import type { ClusterState } from "./cluster_state.ts";
import { startStrategy } from "./strategies/start_strategy.ts";
import {
  reasonText,
  type RunningStrategy,
  type StrategyHost,
} from "./strategies/strategy.ts";
import { strategyName } from "./check_topologies.ts";
import type { Topology } from "@otp/node/start/topology";
import { ignore } from "@otp/processes/promises/promises";

/** The minimum time between two reports of a strategy's failures, in milliseconds. */
const MIN_REPORT = 1000;

/** The number of failures, and their time in milliseconds, before the first warning, unless the node refuses this one. */
const MIN_FAILURES = 3;
const MIN_FAILING = 10_000;

/** The fields of a message that the topology adds. */
type OwnFields = "type" | "cluster" | "topology";

type Event<M = ClusterMessage> = M extends unknown ? Omit<M, OwnFields>
  : never;

export class TopologyServer implements Server, StrategyHost {
  readonly process: LocalProcess;
  readonly topology: string;
  readonly maxAddresses: number;
  readonly #options: Topology;
  readonly #cluster: ClusterState;
  readonly #entries = new Map<string, AddressEntry>();
  /** The addresses to dial, in order. */
  readonly #queue = new Set<AddressEntry>();
  #dials = 0;
  #later: (() => void)[] = [];
  #strategy: RunningStrategy | undefined;
  #lastAnswer: number | undefined;
  #ignored = 0;
  #lastError: string | undefined;
  #lastErrorAt: number | undefined;
  #reportedAt = -Infinity;
  #loggedError: string | undefined;

  constructor(
    process: LocalProcess,
    topology: string,
    options: Topology,
    cluster: ClusterState,
  ) {
    this.process = process;
    this.topology = topology;
    this.maxAddresses = options.maxAddresses ?? 1000;
    this.#options = options;
    this.#cluster = cluster;
    process.trapExit = true;
    process.ownCold().watchesNodes = 1;
    cluster.topologies.set(topology, this);
    process.abortSignal().addEventListener("abort", () => this.#stop(), {
      once: true,
    });
    try {
      this.#strategy = startStrategy(options, this);
    } catch (error) {
      this.failed(reasonText(error));
    }
  }

  /** Stops the strategy and all timers when the process exits. */
  #stop(): void {
    this.#strategy?.stop();
    this.#later = [];
    this.#queue.clear();
    for (const entry of this.#entries.values()) entry.become("waiting");
    if (this.#cluster.topologies.get(this.topology) === this) {
      this.#cluster.topologies.delete(this.topology);
    }
  }

  call(): unknown {
    return BADARG;
  }

  info(message: unknown): void {
    if (fromSelf(message, this.process) !== undefined) {
      for (const fn of this.#later.splice(0)) fn();
    } else if (isTyped(message, "nodeup")) {
      this.#nodeUp((message as { node?: unknown }).node);
    } else if (isTyped(message, "nodedown")) {
      this.#nodeDown((message as { node?: unknown }).node);
    }
  }

  later(fn: () => void): void {
    if (!this.process.alive) return;
    this.#later.push(fn);
    if (this.#later.length === 1) {
      tell(this.process, this.process.pid, { type: "wake" });
    }
  }

  answer(addresses: unknown, note?: string): void {
    this.later(() => this.#take(addresses, note));
  }

  failed(reason: string): void {
    this.later(() => this.#strategyFailed(reason));
  }

  /** Describes the topology, for users. */
  snapshot(): TopologyInfo {
    return {
      topology: this.topology,
      strategy: strategyName(this.#options),
      lastAnswer: this.#lastAnswer,
      ignored: this.#ignored,
      lastError: this.#lastError,
      lastErrorAt: this.#lastErrorAt,
      next: this.#strategy?.next,
      packets: this.#strategy?.packets && { ...this.#strategy.packets },
      addresses: Array.from(this.#entries.values(), (entry) => entry.info()),
    };
  }

  // The strategy.

  #take(addresses: unknown, note: string | undefined): void {
    let answer;
    try {
      answer = readAnswer(addresses, this.maxAddresses);
    } catch (error) {
      return this.#strategyFailed(reasonText(error));
    }
    const { targets, ignored, fault = note } = answer;
    this.#lastAnswer = Date.now();
    this.#ignored = ignored;
    for (const [key, entry] of this.#entries) {
      if (!targets.has(key)) this.#removeAddress(key, entry, targets.size > 0);
    }
    for (const [key, target] of targets) {
      if (this.#entries.has(key)) continue;
      const entry = new AddressEntry(target);
      this.#entries.set(key, entry);
      this.#emit({ event: "added", ...namesOf(entry) });
      this.#begin(entry);
    }
    if (fault !== undefined) this.#strategyFailed(fault);
    else {
      this.#lastError = undefined;
      this.#lastErrorAt = undefined;
      this.#loggedError = undefined;
    }
  }

  #strategyFailed(reason: string): void {
    const { runtime } = this.process;
    this.#lastError = reason.slice(0, 1000);
    this.#lastErrorAt = Date.now();
    if (runtime.clock.now() - this.#reportedAt < MIN_REPORT) return;
    this.#reportedAt = runtime.clock.now();
    this.#emit({
      event: "strategy_failed",
      reason: this.#lastError,
      next: this.#strategy?.next,
    });
    const isNew = this.#loggedError !== this.#lastError;
    this.#loggedError = this.#lastError;
    this.#log(
      isNew ? "warning" : "debug",
      `The strategy of the topology ${this.topology} failed: ${this.#lastError}`,
      "strategies of topologies failed",
    );
  }

  // Addresses.

  #removeAddress(
    key: string,
    entry: AddressEntry,
    mayDisconnect: boolean,
  ): void {
    const { state, node } = entry;
    entry.isForgotten = true;
    entry.become("waiting");
    this.#queue.delete(entry);
    this.#entries.delete(key);
    this.#emit({ event: "removed", ...namesOf(entry) });
    if (state !== "connected" || node === undefined) return;
    for (const other of this.#entries.values()) {
      if (other.node === node && other.state === "connected") return;
    }
    this.process.cold?.nodeMonitors?.delete(node);
    if (mayDisconnect && this.#options.disconnectForgotten) {
      this.process.runtime.clusterHost?.disconnect(node);
    }
  }

  /** Dials a new address, unless its node is this one or connected. */
  #begin(entry: AddressEntry): void {
    const { runtime } = this.process;
    const { node } = entry.target;
    if (node === runtime.node) entry.become("self");
    else if (node !== undefined && runtime.clusterHost?.isConnected(node)) {
      this.#connected(entry, node);
    } else this.#enqueue(entry);
  }

  #enqueue(entry: AddressEntry): void {
    this.#queue.add(entry);
    this.#dialNext();
  }

  #dialNext(): void {
    const { maxDials = 16 } = this.#options;
    for (const entry of this.#queue) {
      if (this.#dials >= maxDials) return;
      this.#queue.delete(entry);
      this.#dial(entry);
    }
  }

  #dial(entry: AddressEntry): void {
    this.#dials++;
    entry.become("dialling");
    const settle = (fn: () => void) =>
      this.later(() => {
        this.#dials--;
        if (!entry.isForgotten && entry.state === "dialling") fn();
        this.#dialNext();
      });
    // Nodes that start at the same time need some seconds until all of them are there. A refusal does not pass by itself.
    const report = this.#isLate(entry) ? "changes" : "refusals";
    this.process.runtime.connectTo(entry.target, report).then(
      (reached) => settle(() => this.#reached(entry, reached)),
      (error) => settle(() => this.#missed(entry, reasonText(error))),
    );
  }

  #reached(entry: AddressEntry, reached: ConnectOutcome): void {
    if (reached.connected) return this.#connected(entry, reached.node);
    entry.node = reached.node ?? entry.node;
    if (reached.isSelf) entry.become("self");
    else this.#missed(entry, reached.reason);
  }

  #connected(entry: AddressEntry, node: string): void {
    const { clusterHost } = this.process.runtime;
    entry.node = node;
    entry.attempts = 0;
    entry.connectedAt = this.process.runtime.clock.now();
    entry.failingSince = undefined;
    entry.become("connected");
    (this.process.ownCold().nodeMonitors ??= new Map()).set(node, 1);
    this.#emit({ event: "connected", ...namesOf(entry), node });
    if (!clusterHost?.isConnected(node)) this.#nodeDown(node);
  }

  /** Whether the next failure is no longer one of a node that is about to start. */
  #isLate({ attempts, failingSince }: AddressEntry): boolean {
    const { maxDelay = 30_000 } = this.#options;
    const now = this.process.runtime.clock.now();
    return attempts >= MIN_FAILURES - 1 && failingSince !== undefined &&
      now - failingSince >= Math.min(MIN_FAILING, maxDelay);
  }

  #missed(entry: AddressEntry, reason: string): void {
    const attempts = ++entry.attempts;
    entry.fail(reason);
    const next = this.#waitFor(entry);
    const names = namesOf(entry);
    this.#emit({ event: "dial_failed", ...names, reason, attempts, next });
    entry.failingSince ??= this.process.runtime.clock.now();
    const delay = Math.round(entry.delay);
    this.#log(
      "debug",
      `${reason} (topology ${this.topology}, attempt ${attempts}; the next one is in ${delay} ms)`,
      "addresses of topologies could not be connected to",
    );
  }

  /** Waits for the next attempt, for a random time that depends on the previous delay. */
  #waitFor(entry: AddressEntry): number {
    const { minDelay = 100, maxDelay = 30_000 } = this.#options;
    const { runtime } = this.process;
    const chance = runtime.clusterHost?.random() ?? 0.5;
    const most = Math.max(entry.delay * 3, minDelay * 2);
    entry.delay = Math.min(maxDelay, minDelay + chance * (most - minDelay));
    const retry = () => {
      if (entry.isForgotten || entry.state !== "waiting") return;
      this.#enqueue(entry);
    };
    return entry.wait(() =>
      runtime.deadlines.after(entry.delay, () => this.later(retry))
    );
  }

  // Nodes.

  #nodeUp(node: unknown): void {
    if (typeof node !== "string") return;
    if (!this.process.runtime.clusterHost?.isConnected(node)) return;
    for (const entry of this.#entries.values()) {
      if (entry.state !== "waiting" || entry.node !== node) continue;
      this.#queue.delete(entry);
      if (entry.target.node === node) this.#connected(entry, node);
      // Another node may listen at the address by now.
      else this.#enqueue(entry);
    }
  }

  #nodeDown(node: unknown): void {
    if (typeof node !== "string") return;
    const { runtime } = this.process;
    if (runtime.clusterHost?.isConnected(node)) return;
    const { maxDelay = 30_000 } = this.#options;
    for (const entry of this.#entries.values()) {
      if (entry.state !== "connected" || entry.node !== node) continue;
      // Keep the delay of a node that comes and goes, so that it is dialled less and less often.
      if (runtime.clock.now() - entry.connectedAt >= maxDelay) entry.delay = 0;
      entry.fail(`The connection to ${node} was lost`);
      const next = this.#waitFor(entry);
      this.#emit({ event: "disconnected", ...namesOf(entry), node, next });
    }
  }

  // Reports.

  #emit(event: Event): void {
    this.#cluster.publish(this.process, {
      type: "cluster",
      cluster: this.#cluster.name,
      topology: this.topology,
      ...event,
    } as ClusterMessage);
  }

  #log(level: "debug" | "warning", message: string, what: string): void {
    // Repeated failures are counted apart, so that they hold back no news.
    const counted = level === "debug" ? `${what} again` : what;
    this.process.runtime.log.line(level, message, { what: counted });
  }
}

function namesOf(
  { node, target: { address } }: AddressEntry,
): { node: string | undefined; address: string | undefined } {
  return { node, address };
}

class AddressEntry {
  /** The address, as the strategy names it. */
  readonly target: PeerAddress;
  /** The node's name, if it is known. */
  node: string | undefined;
  /** Whether the strategy no longer names the address. */
  isForgotten = false;
  /** The number of failed attempts since the node was connected last. */
  attempts = 0;
  /** The delay before the last attempt, in milliseconds. */
  delay = 0;
  /** When the node was connected last, by this node's clock. */
  connectedAt = 0;
  /** When the first attempt since then failed, by this node's clock. */
  failingSince: number | undefined;
  #state: AddressState = "waiting";
  #since = Date.now();
  #lastError: string | undefined;
  #lastErrorAt: number | undefined;
  #next: number | undefined;
  #stopTimer: () => void = ignore;

  constructor(target: PeerAddress) {
    this.target = target;
    this.node = target.node;
  }

  get state(): AddressState {
    return this.#state;
  }

  /** Changes the state, and ends a wait. */
  become(state: AddressState): void {
    this.#stopTimer();
    this.#stopTimer = ignore;
    this.#next = undefined;
    if (this.#state === state) return;
    this.#state = state;
    this.#since = Date.now();
  }

  fail(reason: string): void {
    this.#lastError = reason;
    this.#lastErrorAt = Date.now();
  }

  /** Begins a wait for the delay; returns its end, in milliseconds since 1970. */
  wait(start: () => () => void): number {
    this.become("waiting");
    this.#stopTimer = start();
    return this.#next = Date.now() + this.delay;
  }

  /** Describes the entry, for users. */
  info(): ClusterAddressInfo {
    return {
      node: this.node,
      address: this.target.address,
      state: this.#state,
      since: this.#since,
      attempts: this.attempts,
      lastError: this.#lastError,
      lastErrorAt: this.#lastErrorAt,
      next: this.#next,
    };
  }
}
