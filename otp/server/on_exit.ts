/** Callbacks for the exit of a process, and for the loss of a node, without a message in the mailbox. */

import type { Wait } from "../../core/processes/links_and_monitors.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { ignore } from "../../core/promises/promises.ts";
import type { Place } from "../../core/signals/signal.ts";
import type { Ref } from "../../core/values/pid.ts";

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
