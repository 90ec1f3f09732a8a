/** Helpers of the tests of supervisors and applications. */

import {
  exit,
  isExit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnLink,
} from "../packages/processes/process.ts";
import { startGroupLeader } from "../packages/node/io/group_leader.ts";
import {
  NO_NODE,
  setDefaultRuntime,
} from "../packages/processes/runtime/default_node.ts";
import type { RuntimeEvent } from "../packages/processes/log/log_event.ts";
import { NodeRuntime } from "../packages/processes/runtime/node_runtime.ts";
import type { ChildSpec } from "../packages/servers/supervisor/supervisor.ts";

const events: RuntimeEvent[] = [];
const printed: string[] = [];

const runtime = new NodeRuntime({
  node: NO_NODE,
  creation: 0,
  report: (event) => events.push(event),
});
startGroupLeader(runtime, { write: (text) => void printed.push(text) });
setDefaultRuntime(runtime);

/** Takes the node's log so far, as `level: message`. */
export function logged(): string[] {
  return events.splice(0).map(({ level, message }) => `${level}: ${message}`);
}

/** Takes the node's output so far. */
export function output(): string {
  return printed.splice(0).join("");
}

/** The behaviour of a probe, besides reporting its start and end. */
export interface ProbeOptions extends Partial<Omit<ChildSpec, "start">> {
  /** Whether the process traps exits, and reports the reason with which it was asked to exit. */
  trap?: boolean;
  /** Whether it ignores that request. */
  stubborn?: boolean;
}

/**
 * A child whose process is registered under its id and sends the caller `up:id` when it has started and, if
 * it traps exits, `down:id:reason` when it is asked to exit.
 */
export function probe(
  id: string,
  options: ProbeOptions = {},
): ChildSpec<() => Promise<Pid>> {
  const { trap = false, stubborn = false, ...spec } = options;
  const observer = self();
  return { id, start: () => startProbe(id, observer, trap, stubborn), ...spec };
}

/** Starts a probe; it is ready for messages when this returns its pid. */
async function startProbe(
  id: string,
  observer: Pid,
  trap: boolean,
  stubborn: boolean,
): Promise<Pid> {
  const starter = self();
  const pid = spawnLink(async () => {
    Process.trapExit(trap || stubborn);
    send(starter, { ready: self() });
    for (;;) {
      const message = await receive();
      if (!isExit(message) || stubborn) continue;
      send(observer, `down:${id}:${message.reason}`);
      exit(message.reason);
    }
  });
  await receive((message) => pid.equals(message?.ready));
  Process.register(pid, id);
  send(observer, `up:${id}`);
  return pid;
}

/** Takes the next `count` texts that probes have sent. */
export async function told(count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    texts.push(
      await receive((message): message is string =>
        typeof message === "string"
      ),
    );
  }
  return texts;
}

/** Takes the EXIT of a process from the caller's mailbox; returns the reason. */
export async function exitOf(pid: Pid): Promise<unknown> {
  const message = await receive((message) =>
    isExit(message) && message.from.equals(pid)
  );
  return message.reason;
}
