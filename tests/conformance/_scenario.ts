/** The functions that scenarios use; `README.md` explains them, and `elixir/support.ex` has the same ones. */

import { ExitError, Node, Process } from "../../mod.ts";
import {
  makeRef,
  type Pid,
  receive,
  type Ref,
  self,
  send,
  spawnMonitor,
} from "../../packages/processes/process.ts";
import { isMessage, message } from "./_messages.ts";
import type { Language } from "./_mixed.ts";
import { type Line, partsOf, type Raised } from "./_notation.ts";
import type { Stage } from "./_stage.ts";

/** A difference that a limit of JavaScript causes: Elixir's trace is the committed one. */
export interface Difference {
  /** The row of `docs/differences.md`, by its name. */
  row: string;
  /** The trace of TypeScript. */
  typescript: string[];
  /**
   * The traces of mixed runs, by the language of the main node, where they are not Elixir's.
   *
   * @default {{}}
   */
  mixed?: Partial<Record<Language, string[]>>;
}

export interface ScenarioOptions {
  /**
   * Whether it runs on a live node; if not, it runs in a program of its own, without peers.
   *
   * @default {true}
   */
  alive?: boolean;
  /**
   * The input of its group leader: lines with their line feeds.
   *
   * @default {""}
   */
  input?: string;
  /**
   * The difference between the traces, and its reason.
   *
   * @default {undefined}
   */
  difference?: Difference;
}

export interface Scenario {
  name: string;
  options: ScenarioOptions;
  fn: () => unknown;
}

/** The name under which the tracer is registered on the main node. */
export const TRACER = "Conformance.Tracer";
const MAIN = "main@localhost";

let stage: Stage | undefined;

/** Sets the stage on which scenarios run; on a peer there is none. */
export function setStage(given: Stage): void {
  stage = given;
}

function onStage(): Stage {
  if (stage === undefined) {
    throw new TypeError("Cannot do that on a peer: it is for the main node");
  }
  return stage;
}

/** Adds a line to the trace, from any process of any node, with a promise's value; resolves when it is written. */
export async function trace(
  ...line: [label: string, term?: unknown]
): Promise<void> {
  const [label, given] = line;
  const term = given instanceof Promise ? await given : given;
  const entry: Line = line.length === 1 ? { label } : { label, term };
  const from = self();
  if (stage !== undefined) return stage.write(entry);
  const ref = makeRef();
  send(
    { name: TRACER, node: MAIN },
    message("trace", from, ref, partsOf(entry)),
  );
  await receive((m) => isMessage(m, "traced") && ref.equals(m[1]));
}

/** The next message; `"nothing"` after the timeout. */
// deno-lint-ignore no-explicit-any
export function next(timeout = 30_000): Promise<any> {
  return receive(null, { timeout, after: "nothing" });
}

/** Adds the next message to the trace. */
export async function traceNext(label: string): Promise<void> {
  await trace(label, next());
}

/** The number of rounds that a marker makes before a scenario concludes that no message comes. */
const ROUNDS = 10;

/**
 * Adds to the trace that no message is under way, or else the first that arrived. Markers show it, not a
 * time limit: processes here and on every connected node that exit at once, whose DOWNs arrive after
 * everything on the same connection; a dial that waits for earlier dials; and a turn of the event loop.
 */
export async function traceNothing(label: string): Promise<void> {
  if (Node.alive()) await Node.ping(UNKNOWN_NODE);
  for (let round = 0; round < ROUNDS; round++) await goRound();
  await trace(label, next(0));
}

async function goRound(): Promise<void> {
  const there = connectedNodes()
    .map((node) => Node.spawnMonitor(node, endAtOnce));
  const marks = [spawnMonitor(endAtOnce), ...await Promise.all(there)];
  for (const { ref } of marks) {
    await receive((m) => m?.type === "DOWN" && ref.equals(m.ref));
  }
  // safe: a turn for what has arrived; the markers show that it has
  await receive(() => false, { timeout: 1, after: undefined });
}

/** The name of the hidden node that controls the peers of a main node in TypeScript. */
export const CONTROL_NODE = "control@localhost";

/** The nodes of the run that this one is connected to: hidden ones too, as others are on Erlang's wire. */
export function connectedNodes(): string[] {
  return Node.list("connected").filter((node) => node !== CONTROL_NODE);
}

/** Returns at once: the code of a marker. */
export function endAtOnce(): void {}

/** Adds the result of a function to the trace: its value, or its error or exit. */
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

/** Waits until a process has exited; returns its reason. */
// deno-lint-ignore no-explicit-any
export async function reasonOf(pid: Pid): Promise<any> {
  const ref: Ref = Process.monitor(pid);
  return (await receive((m) => m?.type === "DOWN" && ref.equals(m.ref))).reason;
}

/**
 * Waits for a message that is an atom or a text, a tuple that begins with it, or an object of that type; leaves others
 * in the mailbox.
 */
// deno-lint-ignore no-explicit-any
export function expect(tag: string): Promise<any> {
  return receive((m) => isMessage(m, tag));
}

/** Waits for ever. */
export async function forever(): Promise<void> {
  await receive(() => false);
}

/** The output to the scenario's group leader, or of the functions that `on` runs on a peer. */
export function output(peer?: string): string | Promise<string> {
  return onStage().output(peer);
}

/** The node of that name, an operating-system process; started if it is not running. */
export function peer(name: string): Promise<string> {
  return onStage().ensure(name);
}

/** A node that does not run. */
export const UNKNOWN_NODE = "nobody@localhost";

/** Kills the operating-system process of a peer. */
export function killNode(name: string): Promise<void> {
  return onStage().kill(name);
}

/** Closes the connection to a peer, and waits until both ends have noticed. */
export async function part(name: string): Promise<void> {
  const node = await peer(name);
  Node.disconnect(node);
  await onStage().parted(name, node);
}

/**
 * Runs an exported function in a new process of a peer, which stays until the scenario ends, and returns
 * its result. It needs no connection between the nodes and makes none.
 */
export function on<A extends unknown[], T>(
  name: string,
  fn: (...args: A) => T,
  ...args: NoInfer<A>
): Promise<Awaited<T>> {
  return onStage().on(name, fn, args) as Promise<Awaited<T>>;
}
