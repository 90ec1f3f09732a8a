/** What scenarios are written with; `README.md` says how, and `elixir/support.ex` has the same words. */

import { ExitError, Node, Process } from "../../mod.ts";
import {
  makeRef,
  type Pid,
  receive,
  type Ref,
  self,
  send,
  spawnMonitor,
} from "../../process.ts";
import type { Line, Raised } from "./_notation.ts";
import type { Stage } from "./_stage.ts";

/** What is different by a limit of JavaScript's, and how: both traces are checked. */
export interface Difference {
  /** The row of `docs/differences.md`, by its name. */
  row: string;
  /** What Elixir prints. */
  elixir: string[];
  /** What TypeScript prints. */
  typescript: string[];
}

/** Options for {@linkcode scenario}. */
export interface ScenarioOptions {
  /**
   * Whether it runs on a node that is alive; else in a program of its own, without peers.
   *
   * @default {true}
   */
  alive?: boolean;
  /**
   * What its group leader gives to who reads, lines with their line feeds.
   *
   * @default {""}
   */
  input?: string;
  /**
   * That the traces are not equal, and why.
   *
   * @default {undefined}
   */
  difference?: Difference;
}

/** A scenario. */
export interface Scenario {
  name: string;
  options: ScenarioOptions;
  fn: () => unknown;
}

/** The scenarios that have been declared. */
export const scenarios: Scenario[] = [];

/** The name under which the tracer is registered on the main node. */
export const TRACER = "Conformance.Tracer";
const MAIN = "main@localhost";

let stage: Stage | undefined;

/** Says on which stage scenarios run; on a peer there is none. */
export function setStage(given: Stage): void {
  stage = given;
}

function onStage(): Stage {
  if (stage === undefined) {
    throw new TypeError("Cannot do that on a peer: it is for the main node");
  }
  return stage;
}

/** Declares a scenario; its name begins with its area: `links: …`. */
export function scenario(name: string, fn: () => unknown): void;
export function scenario(
  name: string,
  options: ScenarioOptions,
  fn: () => unknown,
): void;
export function scenario(
  name: string,
  ...rest: [() => unknown] | [ScenarioOptions, () => unknown]
): void {
  const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
  scenarios.push({ name, options, fn });
}

/** Adds a line to the trace, from any process of any node; goes on when it is written. */
export async function trace(
  ...line: [label: string, term?: unknown]
): Promise<void> {
  const entry: Line = line.length === 1
    ? { label: line[0] }
    : { label: line[0], term: line[1] };
  const from = self();
  if (stage !== undefined) return stage.write(entry);
  const ref = makeRef();
  send({ name: TRACER, node: MAIN }, { type: "trace", from, ref, line: entry });
  await receive((m) => m?.type === "traced" && ref.equals(m.ref));
}

/** The next message, whatever it is; `"nothing"` after the timeout. */
// deno-lint-ignore no-explicit-any
export function next(timeout = 2000): Promise<any> {
  return receive(null, { timeout, after: "nothing" });
}

/** Adds the next message to the trace. */
export async function traceNext(label: string): Promise<void> {
  await trace(label, await next());
}

/** How many times a marker goes round before a scenario says that nothing came. */
const ROUNDS = 10;

/**
 * Adds to the trace that no message is on its way, or else the first that came. Markers show it, not
 * a time: processes here and on every connected node that end at once, whose DOWNs come behind
 * whatever is on the same way; a node that is dialled behind others; and a turn of the event loop.
 */
export async function traceNothing(label: string): Promise<void> {
  if (Node.alive()) await Node.ping(UNKNOWN_NODE);
  for (let round = 0; round < ROUNDS; round++) await goRound();
  await trace(label, await next(0));
}

async function goRound(): Promise<void> {
  const there = Node.list().map((node) => Node.spawnMonitor(node, endAtOnce));
  const marks = [spawnMonitor(endAtOnce), ...await Promise.all(there)];
  for (const { ref } of marks) {
    await receive((m) => m?.type === "DOWN" && ref.equals(m.ref));
  }
  await receive(() => false, { timeout: 1, after: undefined });
}

/** Ends: what a marker runs. */
export function endAtOnce(): void {}

/** Adds to the trace how a function ends: its value, or what it throws or exits with. */
export async function attempt(label: string, fn: () => unknown): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await fn();
  } catch (error) {
    outcome = error instanceof ExitError
      ? { type: "exit", reason: error.reason }
      : error instanceof Error
      ? { type: "$raised", error } satisfies Raised
      : { type: "throw", value: error };
  }
  await trace(label, outcome);
}

/** Waits until a process has ended; gives its reason. */
// deno-lint-ignore no-explicit-any
export async function reasonOf(pid: Pid): Promise<any> {
  const ref: Ref = Process.monitor(pid);
  return (await receive((m) => m?.type === "DOWN" && ref.equals(m.ref))).reason;
}

/** Waits for a message that is a text, or an object of that type; leaves others where they are. */
// deno-lint-ignore no-explicit-any
export function expect(tag: string): Promise<any> {
  return receive((m) => m === tag || m?.type === tag);
}

/** Waits for ever. */
export async function forever(): Promise<void> {
  await receive(() => false);
}

/** What has been printed to the scenario's group leader, or by what `on` runs on a peer. */
export function output(peer?: string): string | Promise<string> {
  return onStage().output(peer);
}

/** The node of that name, a process of the operating system; started if it is not up. */
export function peer(name: string): Promise<string> {
  return onStage().ensure(name);
}

/** A node that nobody has started. */
export const UNKNOWN_NODE = "nobody@localhost";

/** Kills the operating system's process of a peer. */
export function killNode(name: string): Promise<void> {
  return onStage().kill(name);
}

/** Ends the connection to a peer, and waits until both ends have seen it. */
export async function part(name: string): Promise<void> {
  const node = await peer(name);
  Node.disconnect(node);
  await onStage().parted(name, node);
}

/**
 * Runs an exported function in a new process of a peer, which stays until the scenario ends, and
 * gives what it gives. It needs no connection between the nodes and makes none.
 */
export function on<A extends unknown[], T>(
  name: string,
  fn: (...args: A) => T,
  ...args: NoInfer<A>
): Promise<Awaited<T>> {
  return onStage().on(name, fn, args) as Promise<Awaited<T>>;
}
