/**
 * The nodes that are being dialled: for signals, for `Node.connect`, and as introduced peers.
 *
 * A node is dialled once at a time. Signals for it wait meanwhile. Two nodes may dial each other: the handshake
 * decides which dial gives way. The dial that gives way waits for the other side's connection, and retries if none
 * comes. The other dial fails after the handshake's time limit at the latest, so a dial that gives way goes on for
 * twice that time.
 *
 * Introduced nodes are dialled a few at a time, so that a peer cannot cause many concurrent dials by sending names. An
 * introduced node that the program uses is dialled at once. A dial of an introduced node that fails is repeated a few
 * times, as long as the peer is connected: nothing else would connect the two, and the network may just have come back.
 */

import nodeProcess from "node:process";
import { outside } from "@otp/processes/context/async_context";
import { Recent } from "@otp/processes/host/recent";
import type { Runtime } from "@otp/processes/process/runtime";
import type { DialReport } from "@otp/processes/remote/peer_address";
import type {
  Signals,
  SpawnRequest,
  Target,
} from "@otp/processes/signals/signal";
import { UnreachableNode } from "@otp/processes/runtime/unreachable_node";
import type { Pid, Ref } from "@otp/processes/values/pid";
import { REPEATS } from "../connections/dial_limiter.ts";
import { type Dial, type DialRoutes, isDialOver } from "./dial_routes.ts";
import type { Reach } from "../addresses/peer_place.ts";
import { PendingSignals } from "../connections/pending_signals.ts";
import {
  cannotConnect,
  type DialFailure,
  isRefusal,
} from "../connections/failure.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import { HandshakeError } from "../wire.ts";

/** The time for which a dial that gave way waits for the other side's connection, in milliseconds. */
export const GIVE_WAY = 1000;

/**
 * The time for which messages do not dial a node again after a failed dial, in milliseconds. Such messages are dropped:
 * a program that sent 500 messages a second to a dead node spent half a core on dials. Links, monitors, and so calls,
 * dial at any time.
 */
const FAILED_FOR = 100;

/** The number of introduced nodes that are dialled at a time. */
export const INTRODUCED_AT_ONCE = 32;

/** The pauses before an introduced node is dialled again, in milliseconds. */
const INTRODUCED_AGAIN: readonly number[] = [1000, 4000, 16_000];

/** The reports of dials, the one with the fewest failures first. */
const REPORTS: readonly DialReport[] = ["none", "refusals", "changes", "all"];

interface PendingDial extends Dial {
  nearest: Reach | undefined;
  readonly pending: PendingSignals;
  /** Resolves with `undefined` when the node is connected, or with the failure. */
  readonly promise: Promise<DialFailure | undefined>;
  readonly settle: (failure: DialFailure | undefined) => void;
  /**
   * The running attempt; `undefined` while the dial waits for its turn or for the other side's connection. Resolves
   * when the attempt ends, also with an error.
   */
  attempt: Promise<void> | undefined;
  /** Whether code of this node waits for the node, and is notified if the dial fails. */
  isWanted: boolean;
  /** The failures to log: those that any of its callers wants logged. */
  report: DialReport;
}

/** The peer that has introduced a node, and how far it is. */
interface Introduction {
  readonly by: unknown;
  readonly nearest: Reach;
  /** The number of dials that have failed. */
  readonly failures: number;
}

/** A node whose dial has failed just now: drops messages, and dials again for signals that expect an answer. */
class FailedNode extends UnreachableNode {
  readonly #again: () => Signals;

  constructor(runtime: Runtime, node: string, dial: () => Signals | undefined) {
    super(runtime, node);
    this.#again = () => dial() ?? new UnreachableNode(runtime, node);
  }

  override link(from: Pid, to: Pid): void {
    this.#again().link(from, to);
  }

  override monitor(from: Pid, target: Target, ref: Ref, call?: boolean): void {
    this.#again().monitor(from, target, ref, call);
  }

  override spawnRequest(from: Pid, request: SpawnRequest): void {
    this.#again().spawnRequest(from, request);
  }
}

/** Dials nodes. */
export class Dialler {
  readonly #parts: NetworkParts;
  readonly #routes: DialRoutes;
  readonly #dials = new Map<string, PendingDial>();
  /** Introduced nodes that are not dialled yet. */
  readonly #introduced = new Map<string, Introduction>();
  /** Introduced nodes that are dialled now. */
  readonly #introducedNow = new Map<string, Introduction>();
  /** Introduced nodes that are dialled again later, with what stops that. */
  readonly #introducedAgain = new Map<
    string,
    { readonly by: unknown; readonly stop: () => void }
  >();
  /** The nearest reach of each dial that has failed just now. */
  readonly #failedDials: Recent<Reach>;
  /** Aborts the running dials, including those that the other side's connection has settled. */
  readonly #running = new Set<AbortController>();
  #stopped = false;

  /** Starts without dials. */
  constructor(parts: NetworkParts, routes: DialRoutes) {
    this.#parts = parts;
    this.#routes = routes;
    this.#failedDials = new Recent(parts.runtime.clock, FAILED_FOR);
  }

  /** Returns whether this node is dialling that one now. */
  isDialling(node: string): boolean {
    return this.#dials.get(node)?.attempt !== undefined;
  }

  /** Waits until the current attempt to dial a node has ended. */
  async attempted(node: string): Promise<void> {
    await this.#dials.get(node)?.attempt;
  }

  /**
   * Returns the queue of signals for a node that is being dialled. With `start`, starts to dial it if necessary, at no
   * address that is nearer than `nearest`. If a dial has just failed, only signals that expect an answer start another
   * dial.
   */
  pending(
    node: string,
    start: boolean,
    nearest: Reach | undefined,
  ): Signals | undefined {
    const { runtime } = this.#parts;
    if (start && !this.#dials.has(node) && this.#hasFailed(node, nearest)) {
      return new FailedNode(
        runtime,
        node,
        () => this.#pending(node, true, nearest),
      );
    }
    return this.#pending(node, start, nearest);
  }

  #pending(
    node: string,
    start: boolean,
    nearest: Reach | undefined,
  ): PendingSignals | undefined {
    const dial = this.#dials.get(node) ??
      (start ? this.#start(node, { nearest }) : undefined);
    if (dial === undefined) return undefined;
    dial.isWanted = true;
    dial.report = wider(dial.report, "changes");
    if (nearest === undefined || nearest < (dial.nearest ?? 0)) {
      dial.nearest = nearest;
    }
    return dial.pending;
  }

  /**
   * Dials a node; returns the failure if it is unreachable, and logs it as `report` says. With `isWanted`, a failure
   * counts as the loss of the node.
   */
  async dial(
    node: string,
    address: string | undefined,
    { report = "all" as DialReport, isWanted = false } = {},
  ): Promise<DialFailure | undefined> {
    const dial = this.#dials.get(node) ??
      this.#start(node, { address, report });
    if (dial !== undefined) {
      if (isWanted) dial.isWanted = true;
      dial.report = wider(dial.report, report);
      dial.nearest = undefined;
      return await dial.promise;
    }
    await Promise.resolve();
    if (isWanted) this.#parts.runtime.nodes.down(node, false);
    return { reason: cannotConnect(node, this.#tooMany()), isRefused: false };
  }

  /** Dials nodes that a peer has introduced, when there is capacity, at no address that is nearer than the peer. */
  introduce(names: string[], by: unknown, nearest: Reach): void {
    const { maxConnections } = this.#parts.local.limits;
    for (const name of names) {
      if (this.#introduced.size >= maxConnections) break;
      if (this.#introduced.has(name)) continue;
      this.#introduced.set(name, { by, nearest, failures: 0 });
    }
    this.#dialIntroduced();
  }

  /** The introduced nodes that wait for their first dial, or are in it. */
  *introduced(): Generator<string> {
    for (const nodes of [this.#introduced, this.#introducedNow]) {
      for (const [name, { failures }] of nodes) if (failures === 0) yield name;
    }
  }

  /** Cancels the waiting dials of nodes whose introducer is lost. */
  dropLostIntroductions(): void {
    for (const [name, { by }] of this.#introduced) {
      if (!this.#stands(by)) this.#introduced.delete(name);
    }
    for (const [name, { by }] of this.#introducedAgain) {
      if (!this.#stands(by)) this.#endAgain(name);
    }
  }

  /**
   * Whether an introduction stands: its introducer is connected, or another peer that may have left out its own
   * introductions because this node knew the nodes already.
   */
  #stands(by: unknown): boolean {
    for (const each of this.#parts.connections.values()) {
      if (each === by || each.peer.knows !== undefined) return true;
    }
    return false;
  }

  /** Notes that a node is connected; returns the signals that wait for it. */
  connected(node: string): Pick<PendingDial, "pending" | "settle"> | undefined {
    this.#failedDials.delete(node);
    this.#parts.reports.connected(node);
    this.#endAgain(node);
    const dial = this.#dials.get(node);
    if (dial === undefined) return undefined;
    this.#dials.delete(node);
    dial.over.abort();
    return dial;
  }

  /** Ends all dials. */
  stop(): void {
    this.#stopped = true;
    this.#introduced.clear();
    for (const name of this.#introducedAgain.keys()) this.#endAgain(name);
    for (const stop of this.#running) stop.abort(new Error("the node stops"));
  }

  #dialIntroduced(): void {
    const { connections } = this.#parts;
    for (const [name, introduction] of this.#introduced) {
      if (this.#introducedNow.size >= INTRODUCED_AT_ONCE || this.#stopped) {
        return;
      }
      this.#introduced.delete(name);
      if (connections.has(name) || this.#dials.has(name)) continue;
      const dial = this.#start(name, { nearest: introduction.nearest });
      if (dial === undefined) continue;
      this.#introducedNow.set(name, introduction);
      dial.promise.then((failure) => {
        this.#introducedNow.delete(name);
        if (failure !== undefined) this.#introduceAgain(name, introduction);
        this.#dialIntroduced();
      });
    }
  }

  /** Dials an introduced node again later. */
  #introduceAgain(name: string, { by, nearest, failures }: Introduction): void {
    const { runtime, local: { limits } } = this.#parts;
    const pause = INTRODUCED_AGAIN[failures];
    const isFull = this.#introducedAgain.size >= limits.maxConnections;
    if (pause === undefined || isFull || this.#stopped) return;
    if (!this.#stands(by)) return;
    const stop = runtime.deadlines.after(pause, () => {
      this.#introducedAgain.delete(name);
      this.#introduced.set(name, { by, nearest, failures: failures + 1 });
      this.#dialIntroduced();
    });
    this.#endAgain(name);
    this.#introducedAgain.set(name, { by, stop });
  }

  #endAgain(name: string): void {
    this.#introducedAgain.get(name)?.stop();
    this.#introducedAgain.delete(name);
  }

  /** Begins a dial, if the limit allows it. */
  #start(
    node: string,
    { address, report = "changes", nearest }: {
      address?: string;
      report?: DialReport;
      nearest?: Reach;
    } = {},
  ): PendingDial | undefined {
    if (this.#stopped) return undefined;
    const { local: { limits }, queued, connections, reports } = this.#parts;
    const { maxConnections } = limits;
    if (
      connections.size >= maxConnections || this.#dials.size >= maxConnections
    ) {
      const reason = cannotConnect(node, this.#tooMany());
      reports.failed(node, { reason, isRefused: false }, report);
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<
      DialFailure | undefined
    >();
    const stop = new AbortController();
    const dial: PendingDial = {
      node,
      address,
      nearest,
      pending: new PendingSignals({
        node,
        limits,
        queued,
        settled: promise,
        // Later, as a caller is in the midst of sending.
        overflow: (reason) =>
          outside(() =>
            nodeProcess.nextTick(() => this.#failed(dial, new Error(reason)))
          ),
        refuse: (from, { number }, error) => {
          const process = this.#parts.runtime.find(from);
          const wait = process?.entries?.get(number)?.wait;
          if (wait?.refused === undefined) return false;
          wait.refused(error);
          return true;
        },
      }),
      promise,
      settle: resolve,
      stop,
      over: new AbortController(),
      attempt: undefined,
      isWanted: false,
      report,
    };
    this.#dials.set(node, dial);
    this.#introduced.delete(node);
    outside(() => this.#run(dial));
    return dial;
  }

  async #run(dial: PendingDial): Promise<void> {
    this.#running.add(dial.stop);
    try {
      await this.#dialOn(dial);
    } catch (error) {
      this.#failed(dial, error as Error);
    } finally {
      this.#running.delete(dial.stop);
    }
  }

  /** Dials until there is a connection, or an attempt fails that has not given way. */
  async #dialOn(dial: PendingDial): Promise<void> {
    const { runtime, local: { limits }, limiter } = this.#parts;
    let until: number | undefined;
    let repeats = 0;
    while (!isDialOver(dial)) {
      let pause = GIVE_WAY;
      const { nearest } = dial;
      try {
        return await this.#inTurn(dial);
      } catch (error) {
        // The program has named the node meanwhile, and may reach it where a peer must not lead.
        if (nearest !== dial.nearest) continue;
        if (!(error instanceof HandshakeError)) throw error;
        const { code } = error;
        until ??= runtime.clock.now() + 2 * limits.handshakeTimeout;
        if (code === "closed") {
          if (repeats >= REPEATS) throw error;
          pause = limiter.repeatAfter(repeats++);
        } else if (code !== "superseded" && code !== "alive") throw error;
        if (runtime.clock.now() >= until) throw error;
      }
      await limiter.pause(pause, dial.stop.signal, dial.over.signal);
    }
  }

  /** Makes one attempt, when the limiter allows it. */
  #inTurn(dial: PendingDial): Promise<void> {
    return this.#parts.limiter.inTurn(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      dial.attempt = promise;
      try {
        if (!isDialOver(dial)) await this.#routes.attempt(dial);
      } finally {
        dial.attempt = undefined;
        resolve();
      }
    });
  }

  /** Whether a dial of a node has failed just now that could have reached as near as this one. */
  #hasFailed(node: string, nearest: Reach | undefined): boolean {
    const failed = this.#failedDials.get(node);
    return failed !== undefined && failed <= (nearest ?? 0);
  }

  #failed(dial: PendingDial, error: Error): void {
    const { node } = dial;
    if (isDialOver(dial)) return;
    this.#dials.delete(node);
    this.#failedDials.note(node, dial.nearest ?? 0);
    dial.over.abort();
    dial.stop.abort(error);
    dial.pending.drop();
    this.#parts.stats.failedDials++;
    const reason = cannotConnect(node, error.message);
    const failure = { reason, isRefused: isRefusal(error) };
    if (!this.#stopped) this.#parts.reports.failed(node, failure, dial.report);
    if (dial.isWanted) this.#parts.runtime.nodes.down(node, false);
    dial.settle(failure);
  }

  #tooMany(): string {
    if (this.#stopped) return "the node stops";
    const { maxConnections } = this.#parts.local.limits;
    return `there are ${maxConnections} connections, or nodes that are being dialled, already (limits.maxConnections)`;
  }
}

/** Returns which of two reports logs more failures. */
function wider(one: DialReport, other: DialReport): DialReport {
  return REPORTS.indexOf(one) > REPORTS.indexOf(other) ? one : other;
}
