/**
 * Notifies servers that their node drains, by a call that no other process can make. A server whose module handles
 * the notice registers here when it starts; the drain finds such servers among the node's processes.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import { ignore } from "@otp/processes/promises/promises";
import { ReplyTo } from "@otp/processes/values/reply_to";
import { startCallWithData } from "./call.ts";
import { Call } from "./messages.ts";

/** The request of a notice. Servers compare it by identity: no received message contains this object. */
export const DRAIN: Readonly<{ type: "drain" }> = Object.freeze({
  type: "drain",
});

class DrainCall extends Call {
  constructor(replyTo: ReplyTo) {
    super(replyTo, DRAIN);
  }

  override copied(): Call {
    return this;
  }
}

const notified = new WeakSet<LocalProcess>();

/** Registers a server that handles the notice. */
export function handlesDrain(process: LocalProcess): void {
  notified.add(process);
}

/**
 * Notifies the registered servers of a draining node, except the process that drains it: that process may be waiting
 * for the result. Returns a promise that resolves when each has handled the notice or has exited.
 */
export async function notifyServers(
  process: LocalProcess,
  caller: LocalProcess | undefined,
): Promise<void> {
  const { processes } = process.runtime;
  const calls: Promise<unknown>[] = [];
  for (const server of processes.values()) {
    if (server === caller || !notified.has(server)) continue;
    const { promise } = startCallWithData(process, server.pid, DRAIN, {
      timeout: Infinity,
      as: () => ["Node", "drain", []],
      message: (from, ref) => new DrainCall(new ReplyTo(from, ref)),
    });
    calls.push(promise.catch(ignore));
  }
  await Promise.all(calls);
}
