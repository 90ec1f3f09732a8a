/**
 * The program of a peer: a node that a test starts as an operating system process.
 *
 * The program reads its configuration as a line of JSON from standard input. A second line stops the peer. The end of the
 * input ends the program at once, as a kill does: the test's process is gone, or kills the peer (`ChildProcess.kill` of
 * Deno closes the input before it sends the signal, and the peer must not say goodbye then).
 */

import nodeProcess from "node:process";
import { createInterface } from "node:readline";
import { Application } from "@otp/servers/application/application";
import type { NodeOptions } from "@otp/node/node";
import { type Pid, Process, send } from "@otp/processes/process";
import {
  type Called,
  HARNESS_MODULE,
  loadApplication,
  loadProgramModules,
  type LocatedProgram,
  startWhenFree,
  UP,
} from "./_program.ts";

export interface PeerStart {
  /** Name, cookie and EPMD's port. */
  node: NodeOptions;
  program: LocatedProgram;
}

/** Reads the configuration, and then the request to stop. */
function readInput(): { start: Promise<PeerStart>; stop: Promise<void> } {
  const start = Promise.withResolvers<PeerStart>();
  const stop = Promise.withResolvers<void>();
  const lines = createInterface({ input: nodeProcess.stdin });
  let taken = 0;
  lines.on("line", (line) => {
    if (++taken === 1) start.resolve(JSON.parse(line));
    else stop.resolve();
  });
  lines.on("close", () => {
    if (taken === 0) {
      start.reject(new Error("Cannot start a peer: nothing says which"));
    } else if (taken === 1) nodeProcess.exit(1);
  });
  return { start: start.promise, stop: stop.promise };
}

async function main(): Promise<void> {
  const input = readInput();
  const { node: options, program } = await input.start;
  const modules = await loadProgramModules(program);
  const application = await loadApplication(program);
  await using node = await startWhenFree({ ...options, modules });
  node.export(HARNESS_MODULE, {
    async call(
      to: Pid,
      token: string,
      module: string,
      name: string,
      args: unknown[],
    ) {
      const answer = (called: Called) => void send(to, called);
      Process.groupLeader(Process.whereis("user"));
      const found = modules[module];
      try {
        if (found === undefined || !Object.hasOwn(found, name)) {
          const known = Object.keys(found ?? modules).join(", ") || "none";
          throw new TypeError(
            `Cannot call ${module}.${name}: ${node.name} has no such ${
              found === undefined ? "module" : "function"
            }; it has ${known}`,
          );
        }
        answer({ type: "called", token, value: await found[name](...args) });
      } catch (error) {
        answer({ type: "failed", token, error });
      }
    },
  });
  if (application !== undefined) {
    await node.run(() => Application.start(application));
  }
  nodeProcess.stdout.write(UP);
  await Promise.race([input.stop, node.run(() => new Promise(() => {}))]);
  if (application !== undefined) {
    await node.run(() => Application.stop(application.name));
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    nodeProcess.stderr.write(
      `${error instanceof Error ? error.stack : String(error)}\n`,
    );
    nodeProcess.exit(1);
  }
  nodeProcess.exit(0);
}
