/**
 * The orderly stop of a node, before its connections close: OTP's `init:stop`.
 *
 * First the applications stop, the last started first. Then the servers and supervisors that belong to no application are
 * stopped with the reason `"shutdown"`, again the last started first: supervisors end their children, and servers call
 * `terminate`. Afterwards, or when the time is up, the caller ends all other processes.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { printableLine, quote } from "@otp/processes/values/inspect";
import { stopApplication } from "./application_client.ts";
import { applicationsOf } from "./application_controller.ts";
import { awaitExit, stopServer } from "../server/stop.ts";
import { resumeServers } from "../server/suspension.ts";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** A running orderly stop. */
export interface Shutdown {
  /** Resolves when everything has stopped, or at the time limit; never rejects. */
  readonly done: Promise<void>;
  /** Shortens the time limit to `ms` milliseconds from now. */
  limit(ms: number): void;
}

/**
 * Begins the orderly stop of a node's applications and servers; returns `undefined` if there are none.
 *
 * @param runtime The node.
 * @param keep The node's own processes, which serve until the end.
 */
export function shutDown(
  runtime: Runtime,
  keep: ReadonlySet<LocalProcess>,
): Shutdown | undefined {
  runtime.isStopping = true;
  resumeServers(runtime);
  const applications = applicationsOf(runtime);
  if (
    applications.running().length === 0 && roots(runtime, keep).length === 0
  ) return undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  /** The part of the node that is being stopped. */
  let part = "";
  const process: LocalProcess = spawnProcess(runtime, async () => {
    for (const name of applications.running().reverse()) {
      part = `the application ${quote(name)}`;
      // No limit for one application: `limit` bounds the whole stop.
      await stopApplication(applications, name, Infinity);
    }
    for (
      let root = roots(runtime, keep).at(-1);
      root !== undefined;
      root = roots(runtime, keep).at(-1)
    ) {
      part = nameOf(root);
      await endRoot(process, root);
    }
  }, { label: "init", groupLeader: runtime.names.get("user")?.pid });
  const stops = new Set<() => void>();
  const finish = () => {
    for (const stop of stops) stop();
    terminate(process, "normal");
    resolve();
  };
  process.abortSignal().addEventListener("abort", finish, { once: true });
  return {
    done: promise,
    limit(ms) {
      if (ms === Infinity) return;
      stops.add(runtime.deadlines.after(ms, () => {
        runtime.log.report(
          "warning",
          () =>
            `${runtime.node} has not stopped in order within ${ms} ms: it waited for ${part}, and now ends all processes`,
        );
        finish();
      }));
    },
  };
}

/** The time that a server without exit trapping may take for one message, in milliseconds, before it is killed. */
const PATIENCE = 5000;

async function endRoot(
  process: LocalProcess,
  root: LocalProcess,
): Promise<void> {
  const { runtime } = process;
  const exit = awaitExit(process, root.pid);
  try {
    await stopServer(root.pid, "shutdown", root.trapExit ? Infinity : PATIENCE);
  } catch {
    // The server has exited for another reason, or is busy with a message.
    runtime.local.exit(process.pid, root.pid, "shutdown");
  }
  await exit;
}

function nameOf({ name, label, pid }: LocalProcess): string {
  return name === undefined
    ? `${label ?? "a server"} (${pid})`
    : `${printableLine(name, 256)} (${pid})`;
}

/** Returns the servers that no other server of the node started, in the order of their start. */
function roots(
  runtime: Runtime,
  keep: ReadonlySet<LocalProcess>,
): LocalProcess[] {
  return [...runtime.processes.values()].filter((process) =>
    process.lineage?.kind === "server" && process.parent !== undefined &&
    !keep.has(process) && !isStartedByServer(process, runtime, keep)
  );
}

function isStartedByServer(
  { parent }: LocalProcess,
  runtime: Runtime,
  keep: ReadonlySet<LocalProcess>,
): boolean {
  const starter = parent && runtime.find(parent);
  return starter?.lineage?.kind === "server" && !keep.has(starter);
}
