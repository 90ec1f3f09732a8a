/**
 * Sends log events of processes whose group leader is on an Erlang node to that node's `logger_proxy`, as OTP does. So
 * the events appear where the output of these processes appears.
 *
 * Unlike in OTP, the event is in this node's log as well. Only logged events are sent, so the log's level, filter and
 * limits apply. An event is one text, which the log has cut; it is dropped if the connection holds messages back.
 */

import { type LogEvent, metadataText } from "@otp/processes/log/log_event";
import type { Runtime } from "@otp/processes/process/runtime";
import { isFull } from "@otp/processes/signals/signal";
import { atom } from "@otp/processes/values/atom";
import type { Pid } from "@otp/processes/values/pid";
import { withoutFolders } from "@otp/processes/values/public_stack";
import { type Tuple, tuple } from "@otp/processes/values/tuple";

/** Starts relaying a node's events; `isErlang` returns whether a connected node speaks Erlang's wire. */
export function relayLog(
  runtime: Runtime,
  isErlang: (node: string) => boolean,
): void {
  runtime.log.relay = (event) => {
    const process = event.pid && runtime.find(event.pid);
    if (process === undefined) return;
    const { groupLeader } = process;
    const { node } = groupLeader;
    if (!isErlang(node)) return;
    const signals = runtime.signalsTo(node);
    if (isFull(signals, process.pid)) return;
    try {
      signals.sendName(process.pid, "logger_proxy", toOtp(event, groupLeader));
    } catch {
      // Nothing is lost: the event is in this node's log.
    }
  };
}

/** Encodes an event as OTP's loggers send it to each other. */
function toOtp(event: LogEvent, groupLeader: Pid): Tuple {
  const { level, node, message, metadata, pid } = event;
  const isReport = event.crash !== undefined || event.supervisor !== undefined;
  const text = isReport ? `From ${node}: ${withoutFolders(message)}` : message;
  const meta = new Map<unknown, unknown>([
    [atom("pid"), pid],
    [atom("gl"), groupLeader],
    [atom("time"), Date.now() * 1000],
    [atom("node"), atom(node)],
  ]);
  return tuple(atom("log"), atom(level), text + metadataText(metadata), meta);
}
