/** Callbacks for the exit of a process, and for the loss of a node, without a message in the mailbox. */

import type { Wait } from "@otp/processes/process/links_and_monitors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { ignore } from "@otp/processes/promises/promises";
import type { Place } from "@otp/processes/signals/signal";
import type { Ref } from "@otp/processes/values/pid";

/**
 * Calls back when the own process of a server exits, however it does, as code of no process in particular:
 * `terminate` of a server does not run if its process is killed.
 */
export function onExit(process: LocalProcess, fn: () => void): void {
  const { runtime } = process;
  process.await(runtime.makeRef(), {
    node: runtime.node,
    reply: ignore,
    down: ignore,
    abandon: fn,
  });
}

/**
 * Monitors another process, and calls back at its DOWN.
 *
 * @param abandon Called if the monitoring process exits first.
 * @param ref The monitor; a new reference by default.
 * @returns The monitor.
 */
export function onDown(
  process: LocalProcess,
  target: Place,
  down: (reason: unknown) => void,
  abandon: (error: () => unknown) => void = ignore,
  ref: Ref = process.runtime.makeRef(),
): Ref {
  const wait: Wait = {
    node: target.node,
    reply: ignore,
    down: (_object, reason) => down(reason),
    abandon,
  };
  return process.monitor(target, undefined, wait, ref);
}

/** Calls back when a node is lost, until the process stops waiting for the returned reference. */
export function onNodeLoss(
  process: LocalProcess,
  node: string,
  lost: () => void,
): Ref {
  const ref = process.runtime.makeRef();
  process.await(ref, {
    node,
    reply: ignore,
    down: ignore,
    abandon: ignore,
    spawned: (result) => {
      if (result === undefined) lost();
    },
  });
  return ref;
}
