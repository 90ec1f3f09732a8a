/**
 * The encoding of the jobs' messages and names: objects between two programs of this library, and tuples if one of the
 * programs is `bench/elixir/bench.ex`.
 *
 * @module
 */

import nodeProcess from "node:process";
import type { Pid } from "../../mod.ts";
import type { ModuleFunction, WireName } from "../../node.ts";
import { type Large, payload } from "../measure.ts";
import * as Objects from "./jobs.ts";
import * as Tuples from "./tuples.ts";

/** The encoding of a row's messages. */
export interface Speech {
  /** The modules of a peer, by name. */
  readonly modules: Record<string, Record<string, unknown>>;
  /** The name of the module of the jobs. */
  readonly module: string;
  /** The server that is called. */
  // deno-lint-ignore no-explicit-any
  readonly Echo: any;
  readonly task: ModuleFunction | ((n: number) => number);
  /** Asks for an answer to a pid. */
  ping(from: Pid, n: number): unknown;
  pong(message: unknown): number;
  /** The message number `n` of a row. */
  payload(row: string, n: number): unknown;
  /** The number of messages that were counted. */
  total(message: unknown): number;
  /** The request of a call. */
  echo(value: number): unknown;
  data(data: Large): unknown;
  /** Whether a message says that all large messages have arrived. */
  isTaken(message: unknown): boolean;
}

const OBJECTS: Speech = {
  modules: { Bench: { ...Objects } },
  module: "Bench",
  Echo: Objects.Echo,
  task: Objects.echo,
  ping: (from, n) => ({ type: "ping", from, n }),
  pong: (message) => (message as { n: number }).n,
  payload,
  total: (message) => (message as { total: number }).total,
  echo: (value) => ({ type: "echo", value }),
  data: (data) => ({ data }),
  isTaken: (message) => (message as { type: string }).type === "taken",
};

const TUPLES: Speech = {
  modules: { "Bench.Peer": { ...Tuples } },
  module: "Bench.Peer",
  Echo: Tuples.Echo,
  task: ["Bench.Peer", "echo"],
  ping: Tuples.pingOf,
  pong: Tuples.numberOf,
  payload: Tuples.payloadOf,
  total: Tuples.totalOf,
  echo: Tuples.echoOf,
  data: Tuples.dataOf,
  isTaken: Tuples.isTaken,
};

/** The encoding for a wire. */
export function speechOf(wire: string): Speech {
  return wire === "beam" ? TUPLES : OBJECTS;
}

/** The option of a node that speaks a wire, which is the default if both ends are this library. */
export function wiresOf(wire: string): WireName[] | undefined {
  return wire === "beam" ? [wire] : undefined;
}

/** The option `poll` that the runner has set for the nodes on Node and Bun; the default on Deno. */
export function pollOf(): "auto" | number | undefined {
  const poll = nodeProcess.env.BENCH_POLL;
  return poll === undefined || poll === "auto" ? poll : Number(poll);
}
