/** What peers are told over their control connection: a hidden node of the main program. */

import { Node } from "../../node.ts";
import {
  makeRef,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../process.ts";
import { currentRuntime } from "../../runtime/context/current_process.ts";
import { startLeader, type TextDevice } from "./_leader.ts";

/** How long what is ending may take to end, in milliseconds. */
const SETTLE = 500;

let leader: { pid: Pid; device: TextDevice } | undefined;
let names: Set<string> | undefined;

/** Notes the names that the node has by itself. */
export function prepare(): void {
  names = registered();
}

/** Runs an exported function in a process that stays; gives what it gives. */
export async function run(
  module: string,
  name: string,
  args: unknown[],
): Promise<unknown> {
  const fn = currentRuntime().modules.lookup(module, name);
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

/** What has been printed by what `run` runs. */
export function output(): string {
  return leader?.device.output ?? "";
}

/** The visible nodes that the node is connected to. */
export function connected(): string[] {
  return Node.list();
}

/** Ends what a scenario has left: processes by their group leader. Gives the names that stay. */
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

/** Ends all connections to visible nodes, those too that are being made; gives those that there were. */
export async function partAll(): Promise<string[]> {
  // A look for one that is not there takes about as long as what began before it.
  for (let i = 0; i < 3; i++) await Node.ping("nobody@localhost");
  const nodes = Node.list();
  for (const node of nodes) Node.disconnect(node);
  return nodes;
}

/** Kills the processes that have a group leader. */
export function endAllOf(of: Pid): void {
  for (const { pid, groupLeader } of [...currentRuntime().processes.values()]) {
    if (groupLeader.equals(of) && !pid.equals(of)) Process.exit(pid, "kill");
  }
}

/** What a node starts when it needs it, and keeps: it is there from the start in Elixir. */
const KEPT = new Set(["application_controller", "global_name_server"]);

/** The names that are registered on the node of the calling code, without those of the node itself. */
export function registered(): Set<string> {
  return new Set(currentRuntime().names.keys()).difference(KEPT);
}

/** The names beyond those given that do not go away by themselves. */
export async function leftNames(
  before: ReadonlySet<string>,
): Promise<string[]> {
  const until = performance.now() + SETTLE;
  for (;;) {
    const left = [...registered().difference(before)];
    const isDone = left.length === 0 && Node.list().length === 0;
    if (isDone || performance.now() > until) return left;
    await receive(() => false, { timeout: 2, after: undefined });
  }
}
