/** A shell on another node: connects, and reports why it cannot. */

import { StartError } from "./cli/report.ts";
import type { LogSwitch } from "./cli/run.ts";
import {
  SpawnRefusedError,
  UndefinedFunctionError,
} from "@otp/processes/errors";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { Node } from "@otp/node/node";
import { ShellClient } from "./shell_client.ts";

/**
 * Starts a shell's server on another node. Throws a `StartError` if the node does not exist, cannot be reached, or does
 * not allow it.
 */
export async function connectShell(
  node: string,
  log: LogSwitch,
): Promise<ShellClient> {
  const reason = await connect(node, log);
  if (reason !== undefined) throw connectError(node, reason);
  // A node of Erlang or Elixir would start a process, which exits with undef.
  currentProcess().runtime.border?.functions.encode("Shell", () => {
    throw new StartError(
      false,
      `Cannot open a shell on ${node}: it is a node of Erlang or Elixir; attach with iex --remsh ${node}`,
    );
  });
  try {
    return await ShellClient.remote(node);
  } catch (error) {
    if (error instanceof SpawnRefusedError) {
      throw new StartError(
        true,
        error.message.replace(/^Cannot spawn/, "Cannot open a shell"),
      );
    }
    if (!(error instanceof UndefinedFunctionError)) throw error;
    throw new StartError(
      true,
      `Cannot open a shell on ${node}: it does not allow that; start it with --allow-remsh (allowRemsh: true)`,
    );
  }
}

/** Connects; on failure, returns the logged reason. */
async function connect(
  node: string,
  log: LogSwitch,
): Promise<string | undefined> {
  const { hook } = log;
  let reason = "no reason was given";
  log.hook = (event) => {
    if (event.level !== "warning") return hook(event);
    reason = event.message.replace(/^Cannot connect to \S+: /, "");
  };
  try {
    return await Node.connect(node) === true ? undefined : reason;
  } finally {
    log.hook = hook;
  }
}

function connectError(node: string, reason: string): StartError {
  const cannot = `Cannot open a shell on ${node}`;
  if (/ is registered\b/.test(reason)) {
    return new StartError(
      false,
      `${cannot}: no node of that name is registered; start one with --sname ${node} --allow-remsh`,
    );
  }
  if (/cookie/.test(reason)) {
    return new StartError(
      true,
      `${cannot}: ${reason}; give the same --cookie or --cookie-file at both ends`,
    );
  }
  const why = /ECONNREFUSED/.test(reason)
    ? `the connection was refused (${reason})`
    : reason;
  return new StartError(
    false,
    `${cannot}: ${why}; see that it runs and can be reached from here`,
  );
}
