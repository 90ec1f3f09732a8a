/**
 * The program of a peer: a node that a test starts as an operating system process.
 *
 * The program reads its configuration as a line of JSON from standard input. The peer stops at the end of the input,
 * so also when the test's process is killed.
 */

import nodeProcess from "node:process";
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

/** Reads the configuration; `end` resolves at the end of the input. */
function readInput(): { start: Promise<PeerStart>; end: Promise<void> } {
  const start = Promise.withResolvers<PeerStart>();
  const end = Promise.withResolvers<void>();
  let text = "";
  nodeProcess.stdin.setEncoding("utf8");
  nodeProcess.stdin.on("data", (chunk: string) => {
    text += chunk;
    if (text.endsWith("\n")) start.resolve(JSON.parse(text));
  });
  nodeProcess.stdin.on("end", () => {
    start.reject(new Error("Cannot start a peer: nothing says which"));
    end.resolve();
  });
  return { start: start.promise, end: end.promise };
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
  await Promise.race([input.end, node.run(() => new Promise(() => {}))]);
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
