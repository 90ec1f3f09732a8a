/**
 * The nodes that are being dialled: for signals, for `Node.connect`, and as introduced peers.
 *
 * A node is dialled once at a time. Signals for it wait meanwhile. Two nodes may dial each other: the handshake
 * decides which dial gives way, and that one waits for the other's connection and retries if none comes. The
 * other dial fails at last after the handshake's time limit, so a dial that gives way goes on for twice as
 * long.
 *
 * Nodes that a peer has introduced are dialled by a pool, so that a peer cannot cause more than a limited
 * number of dials by sending names. If one of them is needed otherwise, it is dialled at once.
 *
 * @module
 */

import nodeProcess from "node:process";
import { outside } from "../runtime/context/async_context.ts";
import { quote } from "../runtime/values/inspect.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Attempts, REPEATS } from "./attempts.ts";
import type { Budget } from "./budget.ts";
import type { KnownAddresses } from "./known_addresses.ts";
import { joinedAddress } from "./peer_place.ts";
import { type NodeName, parseNodeName } from "./node_name.ts";
import { PendingSignals } from "./pending_signals.ts";
import { runHandshake } from "./handshake.ts";
import { cannotConnect, logFailure } from "./failure.ts";
import type { NetworkLog } from "./network_log.ts";
import type { ConnectionStats } from "./statistics.ts";
import {
  HandshakeError,
  type Limits,
  type Local,
  type Session,
  type Transport,
  type Wire,
  type WireName,
} from "./wire.ts";
import type { HostEnvironment } from "./host_environment.ts";

/** The time that a dial that gave way waits for the other side's, in milliseconds. */
const GIVE_WAY = 1000;

/** The number of introduced nodes that are dialled at a time. */
const INTRODUCED_AT_ONCE = 32;

/** The number of bytes of another node's Extra field that an error shows. */
const MAX_EXTRA_SHOWN = 100;

/** The parts of a node that a dialler needs. */
export interface DiallerOptions {
  /** The node's processes. */
  runtime: Runtime;
  /** The data of the node that a handshake needs. */
  local: Local;
  /** The node's name. */
  name: NodeName;
  /** The limits. */
  limits: Limits;
  /** The attempts to reach other nodes. */
  attempts: Attempts;
  /** The wires that the node speaks, its own first. */
  wires: Wire[];
  /** Connects to other nodes. */
  host: Pick<HostEnvironment, "connect" | "findsNames">;
  /** The known addresses of nodes. */
  addresses: KnownAddresses;
  /** The bytes that wait for all nodes together. */
  queued: Budget;
  /** The counters. */
  stats: ConnectionStats;
  /** Takes lines for the log. */
  log: NetworkLog;
  /** Returns whether there is a connection to a node. */
  isConnected(node: string): boolean;
  /** Returns whether the limit of connections is reached. */
  isFull(): boolean;
  /** Called when a node was reached at an address; returns false if the limit of connections is reached. */
  up(
    session: Session,
    transport: Transport,
    way: { wire: WireName; address: string | undefined },
  ): boolean;
}

interface Dial {
  readonly node: string;
  readonly address: string | undefined;
  readonly pending: PendingSignals;
  /** Resolves with `undefined` when the node is connected, or with the failure. */
  readonly promise: Promise<string | undefined>;
  readonly settle: (failure: string | undefined) => void;
  readonly stop: AbortController;
  /** Aborted when the other side's connection has settled it, or it has failed. */
  readonly over: AbortController;
  /**
   * The attempt that is being made; `undefined` while it waits for its turn or for the other side's dial. It
   * resolves however the attempt ends.
   */
  attempt: Promise<void> | undefined;
  /** Whether a caller here is waiting for it, who is notified if it fails. */
  isWanted: boolean;
  /** Whether all its callers report a failure themselves. */
  isQuiet: boolean;
}

/** One way to a node. */
interface Way {
  /** The address; without it, EPMD is asked. */
  readonly address: string | undefined;
  /** The wires to try there. */
  readonly wires: readonly Wire[];
  /** Whether this node knows the address by itself. */
  readonly isKnown: boolean;
}

/** The limits of an attempt, in milliseconds. */
interface Time {
  /** Until it is over. */
  readonly left?: number;
  /** Until there is a connection. */
  readonly share?: number;
}

/** Dials nodes. */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #dials = new Map<string, Dial>();
  /** Introduced nodes that are not dialled yet, and the peers that introduced them. */
  readonly #introduced = new Map<string, unknown>();
  #introducedAtOnce = 0;
  /** Aborts the running dials, including those that the other side's connection has settled. */
  readonly #running = new Set<AbortController>();
  #stopped = false;

  /** Starts without dials. */
  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Returns whether this node is dialling that one now. */
  isDialling(node: string): boolean {
    return this.#dials.get(node)?.attempt !== undefined;
  }

  /** Waits until the current attempt to dial a node has ended. */
  async attempted(node: string): Promise<void> {
    await this.#dials.get(node)?.attempt;
  }

  /** Signals for a node that is being dialled; with `start`, starts to dial it if necessary. */
  pending(node: string, start: boolean): PendingSignals | undefined {
    const dial = this.#dials.get(node) ??
      (start ? this.#start(node) : undefined);
    if (dial === undefined) return undefined;
    dial.isWanted = true;
    dial.isQuiet = false;
    return dial.pending;
  }

  /** Dials a node; returns false if it is unreachable, and logs the reason. */
  async dial(node: string, address: string | undefined): Promise<boolean> {
    const dial = this.#dials.get(node) ?? this.#start(node, { address });
    if (dial !== undefined) {
      dial.isWanted = true;
      dial.isQuiet = false;
      return await dial.promise === undefined;
    }
    await Promise.resolve();
    this.#options.runtime.nodeDown(node, false);
    return false;
  }

  /** Dials a node; returns the failure, if it is unreachable, and logs it unless the caller reports it. */
  async reach(
    node: string,
    address: string | undefined,
    isQuiet: boolean,
  ): Promise<string | undefined> {
    const dial = this.#dials.get(node) ??
      this.#start(node, { address, isQuiet });
    if (dial === undefined) return cannotConnect(node, this.#tooMany());
    if (!isQuiet) dial.isQuiet = false;
    return await dial.promise;
  }

  /** Dials nodes that a peer has introduced, when there is capacity. */
  introduce(names: string[], by: unknown): void {
    for (const name of names) {
      if (this.#introduced.size >= this.#options.limits.maxConnections) break;
      if (!this.#introduced.has(name)) this.#introduced.set(name, by);
    }
    this.#dialIntroduced();
  }

  /** Cancels the waiting dials of nodes that a peer has introduced. */
  forget(by: unknown): void {
    for (const [name, introducer] of this.#introduced) {
      if (introducer === by) this.#introduced.delete(name);
    }
  }

  /** Notes that a node is connected; returns the signals that wait for it. */
  connected(node: string): Pick<Dial, "pending" | "settle"> | undefined {
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
    for (const stop of this.#running) stop.abort(new Error("the node stops"));
  }

  #dialIntroduced(): void {
    const { isConnected } = this.#options;
    for (const name of this.#introduced.keys()) {
      if (this.#introducedAtOnce >= INTRODUCED_AT_ONCE || this.#stopped) return;
      this.#introduced.delete(name);
      if (isConnected(name) || this.#dials.has(name)) continue;
      const dial = this.#start(name);
      if (dial === undefined) continue;
      this.#introducedAtOnce++;
      dial.promise.then(() => {
        this.#introducedAtOnce--;
        this.#dialIntroduced();
      });
    }
  }

  /** Begins a dial, if the limit allows it. */
  #start(
    node: string,
    { address, isQuiet = false }: { address?: string; isQuiet?: boolean } = {},
  ): Dial | undefined {
    if (this.#stopped) return undefined;
    const { limits, queued, isFull, log } = this.#options;
    if (isFull() || this.#dials.size >= limits.maxConnections) {
      if (!isQuiet) logFailure(log, cannotConnect(node, this.#tooMany()));
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const stop = new AbortController();
    const dial: Dial = {
      node,
      address,
      pending: new PendingSignals({
        node,
        limits,
        queued,
        settled: promise,
        // A caller must not be notified of the failure in the midst of sending.
        overflow: (reason) =>
          outside(() =>
            nodeProcess.nextTick(() => this.#failed(dial, new Error(reason)))
          ),
        refuse: (from, { number }, error) => {
          const wait = this.#options.runtime.find(from)?.waits?.get(number);
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
      isQuiet,
    };
    this.#dials.set(node, dial);
    this.#introduced.delete(node);
    outside(() => this.#run(dial));
    return dial;
  }

  async #run(dial: Dial): Promise<void> {
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
  async #dialOn(dial: Dial): Promise<void> {
    const { runtime, limits, attempts } = this.#options;
    let until: number | undefined;
    let repeats = 0;
    while (!isOver(dial)) {
      let pause = GIVE_WAY;
      try {
        return await this.#inTurn(dial);
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        const { code } = error;
        until ??= runtime.now() + 2 * limits.handshakeTimeout;
        if (code === "closed") {
          if (repeats >= REPEATS) throw error;
          pause = attempts.repeatAfter(repeats++);
        } else if (code !== "superseded" && code !== "alive") throw error;
        if (runtime.now() >= until) throw error;
      }
      await this.#pause(dial, pause);
    }
  }

  /** Makes one attempt, when there are not too many at once. */
  #inTurn(dial: Dial): Promise<void> {
    return this.#options.attempts.inTurn(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      dial.attempt = promise;
      try {
        if (!isOver(dial)) await this.#attempt(dial);
      } finally {
        dial.attempt = undefined;
        resolve();
      }
    });
  }

  /** Makes one attempt: by the node's name, then at the addresses that are known, one after the other. */
  async #attempt(dial: Dial): Promise<void> {
    const { runtime, limits } = this.#options;
    const name = this.#check(dial.node);
    const ways = this.#waysTo(dial);
    if (ways.length === 1 && !ways[0].isKnown) {
      return await this.#attemptBy(dial, name, ways[0]);
    }
    // All together have the time of one handshake: a node that dials this one waits for no longer.
    const end = runtime.now() + limits.handshakeTimeout;
    const failures: string[] = [];
    for (const way of ways) {
      const rest = end - runtime.now();
      const share = rest / (ways.length - failures.length);
      // What a peer has stated may be wrong, and leaves time for the others even if it accepts a connection.
      const left = way.isKnown ? share : rest;
      try {
        return await this.#attemptBy(dial, name, way, { left, share });
      } catch (error) {
        if (isOver(dial) || dial.stop.signal.aborted || isThere(error)) {
          throw error;
        }
        const { message } = error as Error;
        failures.push(way.isKnown ? `at ${way.address}: ${message}` : message);
        if (failures.length === ways.length) {
          throw joinedFailure(error, failures);
        }
      }
    }
  }

  /** The ways to a node: the given address, or EPMD and the known addresses. */
  #waysTo({ node, address }: Dial): Way[] {
    const { wires, host, addresses } = this.#options;
    if (address !== undefined) return [{ address, wires, isKnown: false }];
    const known = addresses.of(node).map(({ address, wire }) => ({
      address,
      wires: wires.filter(({ name }) => name === wire),
      isKnown: true,
    })).filter(({ wires }) => wires.length > 0);
    if (host.findsNames === false && known.length > 0) return known;
    const byName = { address, wires: wires.slice(0, 1), isKnown: false };
    return [byName, ...known];
  }

  /**
   * Tries the wires of an address one after the other, as it says nothing of the wires that are spoken there: a
   * node that does not speak the first one closes the connection without a word.
   */
  async #attemptBy(
    dial: Dial,
    name: NodeName,
    way: Way,
    time?: Time,
  ): Promise<void> {
    const last = way.wires.length - 1;
    for (let at = 0;; at++) {
      try {
        const wire = way.wires[at];
        return await this.#attemptOver(dial, name, way.address, wire, time);
      } catch (error) {
        if (at === last || !isWordless(error)) throw error;
      }
    }
  }

  /**
   * Dials over the wire that EPMD names, or over `other` if EPMD is not asked. When the other side's connection
   * comes up meanwhile, the handshake goes on until its answer: the listener would count a dialler that
   * disconnects without bytes as unauthenticated.
   */
  async #attemptOver(
    dial: Dial,
    name: NodeName,
    address: string | undefined,
    other: Wire,
    { left, share }: Time = {},
  ): Promise<void> {
    const { node, stop } = dial;
    const { limits, host, local, up, attempts } = this.#options;
    await attempts.inTime(stop.signal, async (signal) => {
      const { transport, extra } = await attempts.inTime(
        signal,
        (soon) => host.connect(name, address, soon),
        share,
      );
      let wire = other;
      // An unknown wire is found inside: only runHandshake() closes an unused transport.
      const session = await runHandshake(transport, signal, async () => {
        if (extra !== undefined) wire = this.#wireFor(extra, node);
        return await wire.dial(transport, node, local, dial.over.signal);
      });
      const way = { address: address ?? remoteOf(transport), wire: wire.name };
      if (!up(session, transport, way) && !isOver(dial)) {
        throw new HandshakeError(
          "refused",
          `there are ${limits.maxConnections} connections already (limits.maxConnections)`,
        );
      }
    }, left);
  }

  #check(node: string): NodeName {
    const name = parseNodeName(node);
    const own = this.#options.name;
    if (name.long !== own.long) {
      throw new HandshakeError(
        "refused",
        `${own.full} has a ${own.long ? "long" : "short"} name and ${node} a ${
          name.long ? "long" : "short"
        } one, which do not mix: start both with --sname or both with --name`,
      );
    }
    return name;
  }

  /** The first of this node's wires that a node speaks, by EPMD's Extra field: Erlang's own if that names none. */
  #wireFor(extra: string, node: string): Wire {
    const { wires } = this.#options;
    const named = extra.split(" ")
      .filter((word) => word !== "" && !word.includes("="));
    const wire = wires.find((each) =>
      named.length === 0 ? each.name === "beam" : named.includes(each.extra)
    );
    if (wire !== undefined) return wire;
    throw new HandshakeError(
      "refused",
      `${node} speaks another wire${
        named.length === 0
          ? ", Erlang's own most likely"
          : ` (${quote(named.join(" ").slice(0, MAX_EXTRA_SHOWN))})`
      }, and this node speaks ${wires.map((each) => each.extra).join(" and ")}`,
    );
  }

  /** Waits, though no longer than until the other side's connection has come. */
  #pause(dial: Dial, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#options.runtime.after(ms, resolve);
    dial.promise.then(() => resolve());
    const { signal } = dial.stop;
    if (signal.aborted || isOver(dial)) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(stopTimer);
  }

  #failed(dial: Dial, error: Error): void {
    const { node } = dial;
    if (isOver(dial)) return;
    this.#dials.delete(node);
    dial.over.abort();
    dial.stop.abort(error);
    dial.pending.drop();
    this.#options.stats.failedDials++;
    const failure = cannotConnect(node, error.message);
    if (!this.#stopped && !dial.isQuiet) logFailure(this.#options.log, failure);
    if (dial.isWanted) this.#options.runtime.nodeDown(node, false);
    dial.settle(failure);
  }

  #tooMany(): string {
    if (this.#stopped) return "the node stops";
    const { maxConnections } = this.#options.limits;
    return `there are ${maxConnections} connections, or nodes that are being dialled, already (limits.maxConnections)`;
  }
}

/** Whether the other side closed the connection without an answer. */
function isWordless(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "closed" || error.counted === "tls");
}

/** Whether a dial is settled by the other side's connection, or has failed. */
function isOver({ over }: Dial): boolean {
  return over.signal.aborted;
}

/** Whether the node was there, and has decided. */
function isThere(error: unknown): boolean {
  return error instanceof HandshakeError &&
    (error.code === "superseded" || error.code === "alive");
}

/** An error as the last one, with the messages of all. */
function joinedFailure(last: unknown, messages: readonly string[]): Error {
  const message = messages.join("; ");
  return last instanceof HandshakeError
    ? new HandshakeError(last.code, message, last.counted)
    : new Error(message, { cause: last });
}

/** The address at the other end. */
function remoteOf({ ends }: Transport): string | undefined {
  return ends && joinedAddress(ends.remoteHost, ends.remotePort);
}
