/**
 * The end of a supervision tree that nothing restarts: its top supervisor has given up, or was killed.
 *
 * A tree belongs to an application, or was started by code outside any process; the process that such code shares is
 * then linked to the top supervisor (`supervision.ts`), and ends with it. A supervisor that gives up exits with
 * `"shutdown"`, which does not explain why. So it records the reason here, including the reason of a supervisor among
 * its children that gave up before it.
 */

import { printableName } from "@otp/processes/log/event_text";
import type { Link } from "@otp/processes/process/links_and_monitors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { isOrderly } from "@otp/processes/values/exit_reason";
import type { Pid } from "@otp/processes/values/pid";
import { reasonLine, type Root, rootOf, supervisionOf } from "./supervision.ts";

/** A supervision tree that has ended for good. */
export interface TreeEnd {
  /** The application that the tree belongs to, if any. */
  application: string | undefined;
  /** The exit reason of its top supervisor. */
  reason: unknown;
  /** A sentence that names the supervisor, the child that exited too often, and the last reason. */
  message: string;
}

/** The maximum number of supervisors per node whose reasons are kept; the oldest reasons go first. */
const MAX_KEPT = 100;

/** The maximum length of a reason, in characters. */
const MAX_TEXT = 1000;

const reasons = new WeakMap<Runtime, Map<number, string>>();
const listeners = new WeakMap<Runtime, (end: TreeEnd) => void>();

/** Records that a supervisor gives up because a child exited too often, with the last `reason` as text. */
export function noteGivingUp(
  process: LocalProcess,
  id: string | undefined,
  pid: Pid | undefined,
  reason: string,
): void {
  const { runtime, name } = process;
  let ofNode = reasons.get(runtime);
  if (ofNode === undefined) reasons.set(runtime, ofNode = new Map());
  const kind = supervisionOf(process)?.kind ?? "Supervisor";
  const who = name === undefined ? process.pid : printableName(name);
  const child = id === undefined ? pid : JSON.stringify(printableName(id));
  const before = pid && whyGivenUp(runtime, pid);
  const text =
    `${kind} ${who} gave up: its child ${child} exited too often, the last time with ${reason}${
      before === undefined ? "" : ` (${before})`
    }`;
  ofNode.set(process.pid.number, text.slice(0, MAX_TEXT));
  if (ofNode.size <= MAX_KEPT) return;
  for (const oldest of ofNode.keys()) {
    ofNode.delete(oldest);
    break;
  }
}

/** Returns why a supervisor gave up, if it did. */
function whyGivenUp(runtime: Runtime, pid: Pid): string | undefined {
  return pid.node === runtime.node && pid.creation === runtime.creation
    ? reasons.get(runtime)?.get(pid.number)
    : undefined;
}

/** Calls back when a tree of a node has ended for good. */
export function onTreeEnd(
  runtime: Runtime,
  ended: (end: TreeEnd) => void,
): void {
  listeners.set(runtime, ended);
  runtime.onSharedExit = (shared, reason, link) => {
    const end = endOfRoot(runtime, shared, reason, link);
    if (end !== undefined) ended(end);
  };
}

/** Reports the end of an application, whose top supervisor was `top`. */
export function applicationEnded(
  runtime: Runtime,
  name: string,
  top: Pid | undefined,
  reason: unknown,
): void {
  const why = top && whyGivenUp(runtime, top);
  listeners.get(runtime)?.({
    application: name,
    reason,
    message: `the application ${JSON.stringify(printableName(name))} exited: ${
      reasonLine(reason)
    }${why === undefined ? "" : ` (${why})`}`,
  });
}

/** Returns the end of a tree whose top supervisor ends the shared process, or ends with it. */
function endOfRoot(
  runtime: Runtime,
  shared: LocalProcess,
  reason: unknown,
  link: Link | undefined,
): TreeEnd | undefined {
  const end = (message: string): TreeEnd => ({
    application: undefined,
    reason,
    message,
  });
  const root = link && rootOf(link);
  if (root !== undefined) {
    const why = whyGivenUp(runtime, root.pid);
    if (why !== undefined) return end(why);
    if (!isOrderly(reason)) {
      return end(`${textOf(root)} exited: ${reasonLine(reason)}`);
    }
  }
  for (const each of shared.links?.values() ?? []) {
    const other = rootOf(each);
    if (other === undefined) continue;
    return end(
      `${
        textOf(other)
      } ends with the process ${shared.pid} of code outside any process, which exits: ${
        reasonLine(reason)
      }`,
    );
  }
}

function textOf({ kind, name, pid }: Root): string {
  return `${kind} ${name === undefined ? pid : printableName(name)}`;
}
