/**
 * System messages: requests of another library's tools that any server answers or obeys, such as OTP's `:sys.get_state`
 * and `suspend`, and stops.
 *
 * `allowObserve` and `allow` of the node decide which of them another node may send.
 */

import { isExitOrLikeOne } from "@otp/processes/values/exit_message";
import { printable } from "@otp/processes/values/inspect";
import { notAllowed } from "@otp/processes/remote/exported_modules";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { Stop, type SystemMode, SystemRequest } from "./messages.ts";
import { failMonitor } from "@otp/processes/process/deaths";

/**
 * Answers a request to a server in a state, or refuses it. Returns the mode that the request asks for, if the node
 * allows the request.
 */
export function answerSystem(
  process: LocalProcess,
  state: unknown,
  message: SystemRequest,
  mode: SystemMode,
): SystemMode | undefined {
  if (refusesSystem(process, message)) return undefined;
  const { replyTo, call } = message;
  try {
    process.reply(replyTo, call.reply({ process, state, mode }));
  } catch (error) {
    // The state cannot be encoded, or is too large for the caller's node.
    refuse(process, message, String(error));
  }
  return call.mode;
}

/**
 * Refuses a request of another node if this node does not allow it; returns whether it was refused.
 *
 * A request that reads needs `allowObserve`, and one that changes the server `allowObserve: "write"`. A stop needs
 * neither, because an exit signal does the same. The node's rule `allow`, if any, decides on every request too.
 */
export function refusesSystem(
  process: LocalProcess,
  message: SystemRequest | Stop,
): boolean {
  const { runtime } = process;
  const { replyTo: { monitor }, origin } = message;
  if (origin === runtime.node) return false;
  const refusal = refusalOf(process, message);
  if (refusal === undefined) return false;
  runtime.quotas.refused(origin, "not_allowed", refusal);
  if (monitor !== undefined) {
    const reason = { type: "not_allowed", message: refusal };
    failMonitor(process, monitor, reason);
  }
  return true;
}

function refusalOf(
  { runtime }: LocalProcess,
  message: SystemRequest | Stop,
): string | undefined {
  const { modules } = runtime;
  const { origin } = message;
  const call = message instanceof Stop ? undefined : message.call;
  const name = call?.name ?? "terminate";
  const what = `sys.${printable(name)}`;
  if (
    call !== undefined &&
    !(call.isReading ? modules.allowObserve : modules.allowObserve === "write")
  ) {
    return `the node does not let ${origin} run ${what}: start it with ${
      call.isReading
        ? "--allow-observe (allowObserve: true)"
        : 'allowObserve: "write"'
    }`;
  }
  if (!modules.isAllowed(origin, { module: "sys", name })) {
    return notAllowed(origin, what);
  }
  return call?.mode === "suspended" && runtime.isStopping
    ? `the node is stopping, and suspends no server`
    : undefined;
}

function refuse(
  process: LocalProcess,
  { replyTo, call }: SystemRequest,
  reason: string,
): void {
  try {
    process.reply(replyTo, call.failed(reason));
  } catch {
    // The caller's tag alone can exceed the maximum size of a message.
    const { monitor } = replyTo;
    if (monitor !== undefined) {
      failMonitor(process, monitor, "system_limit");
    }
  }
}

/** Whether a suspended server handles a message now; other messages wait in the mailbox. */
export function isForSuspended(
  message: unknown,
  parent: Pid | undefined,
): boolean {
  return message instanceof SystemRequest || message instanceof Stop ||
    parent !== undefined && isExitOrLikeOne(message) &&
      parent.equals(message.from);
}
