/** The kinds of signals, and one of each: what a node writes on any wire. */

import { Pid, type Ref } from "../packages/processes/values/pid.ts";
import type { Signals } from "../packages/processes/signals/signal.ts";

/** The processes and references in signals: of the node that writes them, and of the one that reads them. */
export interface SignalEnds {
  from: Pid;
  ref: Ref;
  to: Pid;
  alias: Ref;
}

/** A signal of each kind with that value; the process `named` has a name, and the node exports `Remote`. */
export function eachSignal(
  { from, ref, to, alias }: SignalEnds,
  value: unknown,
): Record<string, (signals: Signals) => void> {
  const start = (name: string, ...args: unknown[]) => ({
    ref,
    run: { module: "Remote", function: name, args },
    link: true,
    monitor: true,
    groupLeader: from,
  });
  const nobody = new Pid(from.node, 0, from.creation);
  return {
    send: (signals) => signals.send(from, to, value),
    sendName: (signals) => signals.sendName(from, "named", value),
    sendAlias: (signals) => signals.sendAlias(from, alias, value),
    reply: (signals) => signals.reply(from, alias, value),
    link: (signals) => signals.link(from, to),
    unlink: (signals) => signals.unlink(from, to, 9),
    unlinkAck: (signals) => signals.unlinkAck(from, to, 1),
    exit: (signals) => signals.exit(from, to, "normal"),
    exitLink: (signals) => signals.exitLink(from, to, value),
    monitor: (signals) => signals.monitor(from, to, ref),
    "monitor of a name": (signals) => signals.monitor(from, "named", ref),
    demonitor: (signals) => signals.demonitor(from, ref, to),
    down: (signals) => signals.down(from, to, alias, value),
    spawnRequest: (signals) => signals.spawnRequest(from, start("wait")),
    "spawnRequest with arguments": (signals) =>
      signals.spawnRequest(from, start("tell", from, value)),
    spawnReply: (signals) =>
      signals.spawnReply(from, to, alias, {
        pid: from,
        link: true,
        monitor: true,
      }),
    "spawnReply of a failure": (signals) =>
      signals.spawnReply(nobody, to, alias, { error: "undef", message: "x" }),
    groupLeader: (signals) => signals.groupLeader(from, to, from),
  };
}

/** The names of the methods that carry signals. */
export const SIGNAL_KINDS: readonly (keyof Signals)[] = Object.keys(
  eachSignal({ from: new Pid("a@b", 1, 1) } as SignalEnds, 0),
).filter((kind) => !kind.includes(" ")) as (keyof Signals)[];
