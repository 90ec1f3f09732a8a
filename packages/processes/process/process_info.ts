/** Information on a process, for code of its own node and for other nodes. */

import { watchersOf } from "./watchers.ts";
import { Pid } from "../values/pid.ts";
import type { LocalProcess } from "./local_process.ts";
import type { Runtime } from "./runtime.ts";
import { RpcError } from "../values/error_classes.ts";
import type { ProcessInfo } from "../values/process_info.ts";
import { copyTerm } from "../values/term.ts";

export type { ProcessInfo };

/** Asks another node for the information on its process, within a number of milliseconds. */
export type AskInfo = (
  caller: LocalProcess,
  pid: Pid,
  timeout: number,
) => Promise<ProcessInfo | undefined>;

/** Set by the package of nodes when a node starts: no other node can be reached before that. */
export let askInfo: AskInfo = (_caller, { node }) =>
  Promise.reject(
    new RpcError(
      "noconnection",
      node,
      `Cannot call Process.info/1 on ${node}: no node is started here; start one by Node.start({ name })`,
    ),
  );

/** Sets how other nodes are asked. */
export function setAskInfo(ask: AskInfo): void {
  askInfo = ask;
}

/** Lets a node answer other nodes' requests for information on its processes. */
export function serveInfo(runtime: Runtime): void {
  runtime.modules.library.set(
    "Process.info",
    (pid: unknown) => {
      const process = pid instanceof Pid ? runtime.find(pid) : undefined;
      return process && infoOf(process, undefined, {});
    },
  );
}

/** Returns the information on a process, as another process of its node sees it now. */
export function infoOf(
  process: LocalProcess,
  caller: LocalProcess | undefined,
  options: { messages?: boolean },
): ProcessInfo {
  const { mailbox, runtime } = process;
  const info: ProcessInfo = {
    pid: process.pid,
    registeredName: process.name,
    initialCall: process.label || undefined,
    status: process === caller ? "running" : "waiting",
    messageQueueLen: mailbox.length,
    links: process.activeLinks(),
    monitors: process.monitored(),
    monitoredBy: watchersOf(process).map(({ pid }) => pid),
    trapExit: process.trapExit,
    groupLeader: process.groupLeader,
    parent: process.parent,
    ancestors: [...process.lineage?.ancestors ?? []],
    callers: [...process.callers ?? []],
  };
  const { ownLabel } = process;
  if (ownLabel !== undefined) info.label = copyTerm(ownLabel, runtime.maxDepth);
  if (options.messages) {
    info.messages = mailbox.messages().map((message) =>
      copyTerm(message, runtime.maxDepth + 8)
    );
  }
  return info;
}
