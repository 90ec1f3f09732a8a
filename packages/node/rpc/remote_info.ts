/** Asks other nodes for the information on their processes. */

import { UndefinedFunctionError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { ProcessInfo } from "@otp/processes/process/process_info";
import type { RemoteFunction } from "@otp/processes/remote/exported_modules";
import type { Pid } from "@otp/processes/values/pid";
import { raise, startRpc } from "./rpc_call.ts";

/** Asks a process's node for the information on it. A node of Erlang alone has no `Process` of Elixir. */
export async function remoteInfo(
  caller: LocalProcess,
  pid: Pid,
  timeout: number,
): Promise<ProcessInfo | undefined> {
  const ask = (fn: RemoteFunction) =>
    startRpc(caller, pid.node, fn, [pid], timeout);
  let outcome = await ask(["Process", "info"]);
  if (
    outcome.type === "error" && outcome.error instanceof UndefinedFunctionError
  ) outcome = await ask(["erlang", "process_info"]);
  if (outcome.type !== "ok") return raise(outcome);
  const { value } = outcome;
  const { border } = caller.runtime;
  return border !== undefined && (Array.isArray(value) || value === null)
    ? border.processInfo(pid, value)
    : value as ProcessInfo | undefined;
}
