/**
 * The functions that peers run for the main program: `Conformance.Peer` of `elixir/support.ex` has the same, so that
 * either controls peers of the other language. Their results are the same there.
 */

import { Node } from "../../node.ts";
import {
  makeRef,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { startLeader, type TextDevice } from "./_leader.ts";
import { exportedModules, loadAreas } from "./_load.ts";
import { connectedNodes } from "./_scenario.ts";

/** The time limit for exiting processes, in milliseconds. */
const SETTLE = 20_000;

let leader: { pid: Pid; device: TextDevice } | undefined;
let names: Set<string> | undefined;

/** Exports the functions of an area. */
export function load(area: string): void {
  for (const { module, exports } of exportedModules(loadAreas([area]))) {
    currentRuntime().modules.add(module, exports);
  }
}

/** Records the names that the node registers itself. */
export function prepare(): void {
  names = registered();
}

/** Runs an exported function in a process that stays; returns its result. */
export async function run(
  module: string,
  name: string,
  args: unknown[],
): Promise<unknown> {
  const fn = currentRuntime().modules.lookup(module, name)?.fn;
  if (fn === undefined) {
    throw new TypeError(`Cannot run ${module}.${name}: it is not exported`);
  }
  leader ??= startLeader("");
  const back = Process.groupLeader();
  Process.groupLeader(leader.pid);
  const ref = makeRef();
  const to = self();
  spawn(async () => {
    try {
      send(to, { ref, value: await fn(...args) });
    } catch (error) {
      send(to, { ref, error });
    }
    await receive(() => false);
  });
  Process.groupLeader(back);
  const answer = await receive((m) => ref.equals(m?.ref));
  if ("error" in answer) throw answer.error;
  return answer.value;
}

/** The output of the functions that `run` runs. */
export function output(): string {
  return leader?.device.output ?? "";
}

/** The nodes of the run that the node is connected to. */
export function connected(): string[] {
  return connectedNodes();
}

/** Waits for work under way between nodes: it is for Elixir's `:global`. */
export function settle(): void {}

/** Ends the processes that a scenario has left, by their group leader. Returns the names that remain. */
export async function clean(of: Pid): Promise<string[]> {
  endAllOf(of);
  if (leader !== undefined) {
    endAllOf(leader.pid);
    Process.exit(leader.pid, "kill");
    leader = undefined;
  }
  await partAll();
  return await leftNames(names ?? new Set());
}

/** Closes all connections to nodes of the run, including pending ones; returns the nodes. */
export async function partAll(): Promise<string[]> {
  // A look-up of a missing node takes about as long as the work that began before it.
  for (let i = 0; i < 3; i++) await Node.ping("nobody@localhost");
  const nodes = connectedNodes();
  for (const node of nodes) Node.disconnect(node);
  return nodes;
}

/** Kills the processes that have a group leader. */
export function endAllOf(of: Pid): void {
  for (const { pid, groupLeader } of [...currentRuntime().processes.values()]) {
    if (groupLeader.equals(of) && !pid.equals(of)) Process.exit(pid, "kill");
  }
}

/** The servers that a node starts on first use, and keeps: in Elixir they run from the start. */
const KEPT = new Set([
  "application_controller",
  "global_name_server",
  "net_kernel",
  "rex",
]);

/** The registered names on the node of the calling code, except for those of the node itself. */
export function registered(): Set<string> {
  return new Set(currentRuntime().names.keys()).difference(KEPT);
}

/** The names, besides the given ones, that do not become free by themselves. */
export async function leftNames(
  before: ReadonlySet<string>,
): Promise<string[]> {
  const until = performance.now() + SETTLE;
  for (;;) {
    const left = [...registered().difference(before)];
    const isDone = left.length === 0 && connectedNodes().length === 0;
    // safe: what is left is reported, not waited for
    if (isDone || performance.now() > until) return left;
    // safe: asked again until it is so
    await receive(() => false, { timeout: 2, after: undefined });
  }
}
