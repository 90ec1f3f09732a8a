/** The module of a worker in tests of pools: a node that is an operating system process. */

import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";

/** Starts a supervisor of the group, and connects to the node that sends work. */
export async function join(
  group: string,
  maxChildren: number,
  web: string,
): Promise<boolean> {
  await pg.start();
  Process.unlink(
    await TaskSupervisor.startLink({ name: "sup", group, maxChildren }),
  );
  return await Node.connect(web) === true;
}

let holdsNext = false;

/** Lets the next work on this node last until the node ends. */
export function holdNext(): void {
  holdsNext = true;
}

/** Tells a process that it has begun, works for some time, and returns its number. */
export async function work(to: Pid, id: number, ms: number): Promise<number> {
  send(to, { worked: id });
  const isHeld = holdsNext;
  holdsNext = false;
  await Process.sleep(isHeld ? Infinity : ms);
  return id;
}

/** Has the node leave: it finishes its tasks, and stops. */
export function leave(): void {
  spawn(() => void Node.drain());
}

/** Finishes the tasks that run, and takes no more. */
export function drain(): Promise<string> {
  return TaskSupervisor.drain("sup");
}
