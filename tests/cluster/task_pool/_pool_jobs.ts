/** Helpers of the tests of pools: the tasks that their nodes export, and supervisors of a group. */

import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import {
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "../../../task_supervisor.ts";
import {
  TaskPool,
  type TaskPoolOptions,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import type { Cluster } from "../../_nodes.ts";
import { until as eventually } from "../../_until.ts";

/** The report of a task that has begun. */
export interface Begun {
  begun: unknown;
  pid: Pid;
}

/** Tells a process that it has begun, and returns the value that it is sent: `{ value }`. */
export async function held(to: Pid, id: unknown): Promise<unknown> {
  send(to, { begun: id, pid: self() });
  return (await receive((m) => m !== null && "value" in m)).value;
}

/** Traps exits, and exits with a reason of its own when its supervisor exits. */
export async function stoical(to: Pid, id: unknown): Promise<never> {
  Process.trapExit(true);
  send(to, { begun: id, pid: self() });
  await receive((m) => m?.type === "EXIT");
  return exit("my own reason");
}

/** Returns its arguments and its node. */
export function here(...args: unknown[]): unknown[] {
  return [...args, Node.self()];
}

/** Throws. */
export function fails(text: string): never {
  throw new Error(text);
}

/** Waits in the calling process until a task has begun. */
export function begun(id?: unknown): Promise<Begun> {
  return receive((m) =>
    m !== null && typeof m === "object" && "begun" in m &&
    (id === undefined || m.begun === id)
  );
}

/** Lets a task that is held return. */
export function release({ pid }: Begun, value: unknown): void {
  send(pid, { value });
}

/** The module of these tasks. */
export const Jobs = { held, stoical, here, fails };

export const GROUP = "work";

/** Starts a supervisor of the group on a node, and the node's scope if it has none. */
export async function supervisor(
  node: Node,
  options: TaskSupervisorOptions = {},
): Promise<Pid> {
  return await node.run(async () => {
    if (Process.whereis("pg") === undefined) await pg.start();
    const pid = await TaskSupervisor.startLink({ group: GROUP, ...options });
    Process.unlink(pid);
    return pid;
  });
}

/** Starts a pool of the group on a node, and the node's scope if it has none. */
export async function pool(
  node: Node,
  options: Partial<TaskPoolOptions> = {},
): Promise<Pid> {
  return await node.run(async () => {
    if (Process.whereis("pg") === undefined) await pg.start();
    const pid = await TaskPool.startLink({
      group: GROUP,
      name: "pool",
      ...options,
    });
    Process.unlink(pid);
    return pid;
  });
}

/** Starts nodes that export the tasks, each connected to those before it. */
export async function nodes(
  cluster: Cluster,
  ...names: string[]
): Promise<Node[]> {
  const started: Node[] = [];
  for (const name of names) {
    const node = await cluster.start(name, {
      modules: { Jobs },
      allowClosures: true,
    });
    for (const other of started) {
      await node.run(() => Node.connect(other.name));
    }
    started.push(node);
  }
  return started;
}

/** Waits in the calling process until the pool has so many supervisors that tell their load, and so many places. */
export async function ready(members: number): Promise<void> {
  await until((info) => {
    const known = info.members.filter(({ max, state }) =>
      max !== "infinity" && state !== "silent"
    );
    return known.length === members;
  });
}

/** Waits in the calling process until the pool's info fulfils a condition. */
export async function until(
  isSo: (info: Awaited<ReturnType<typeof TaskPool.info>>) => boolean,
): Promise<void> {
  await eventually(async () => isSo(await TaskPool.info("pool")));
}
