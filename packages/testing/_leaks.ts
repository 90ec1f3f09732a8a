/** Detects leaks of a test that Deno's sanitizers do not see. */

import nodeProcess from "node:process";
import { Node } from "@otp/node/node";
import { findScope } from "@otp/node/pg/scopes";
import { isStandardStream } from "@otp/processes/host/output_stream";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { startedNodes } from "@otp/node/start/node_internals";

/** The flag that extends the limits of time. */
export const PATIENT_FLAG = "--harness-patient";

/** Whether many files run at once, whose tests share the processors. */
export const IS_PATIENT: boolean = nodeProcess.argv.includes(PATIENT_FLAG);

/** The time limit for a stopping process or node, in milliseconds. */
const SETTLE = IS_PATIENT ? 10_000 : 500;

/** The labels of the processes that a runtime starts for itself. */
export const SYSTEM: ReadonlySet<string> = new Set([
  "user",
  "shell",
  "application_controller",
  "global_name_server",
  "Channels.PubSub.Adapter",
]);

/** The kinds of leaks to check. */
export interface LeakOptions {
  sockets: boolean;
  /** Whether to check nodes, processes, names and monitors. */
  processes: boolean;
  /** Whether an application runs, which is stopped afterwards with everything below its supervisors. */
  application?: boolean;
}

interface Handle {
  remotePort?: number;
  destroyed?: boolean;
  address?(): { address?: string; port?: number } | string | null;
  listening?: boolean;
}

/** The state before a test. */
export class LeakCheck {
  readonly #runtime: Runtime;
  readonly #options: LeakOptions;
  readonly #nodes = new Set(startedNodes(Node));
  readonly #handles = new Set(handles());
  readonly #processes: Map<LocalProcess, { monitors: number; aliases: number }>;
  readonly #names: Set<string>;

  /** Records the current state. */
  constructor(runtime: Runtime, options: LeakOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#processes = new Map(
      [...runtime.processes.values()].map((each) => [each, sizes(each)]),
    );
    this.#names = new Set(runtime.names.keys());
  }

  /**
   * Checks for leaks; waits briefly for processes and nodes that are stopping. Throws an `Error` if something is left
   * that was not there before; its message names it.
   */
  async assertClean(): Promise<void> {
    const until = performance.now() + SETTLE;
    let left = this.#left();
    while (left.length > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      left = this.#left();
    }
    if (left.length === 0) return;
    throw new Error(
      `The test left something behind:\n${
        left.map((each) => `  - ${each}`).join("\n")
      }\nStop or close it before the test ends, as \`await using\` does, or switch the check off with sanitizeProcesses: false.`,
    );
  }

  #left(): string[] {
    const { sockets, processes } = this.#options;
    return [
      ...(processes ? [...this.#leftNodes(), ...this.#leftProcesses()] : []),
      ...(sockets ? this.#leftSockets() : []),
    ];
  }

  #leftNodes(): string[] {
    return startedNodes(Node).filter((node) => !this.#nodes.has(node))
      .map(({ name }) => `the node ${name}, which is still started`);
  }

  #leftProcesses(): string[] {
    const left: string[] = [];
    for (const process of this.#runtime.processes.values()) {
      const { pid, name, label } = process;
      if (this.#isWatcher(process) || this.#isOfApplication(process)) continue;
      const before = this.#processes.get(process);
      if (before !== undefined || SYSTEM.has(label ?? "")) {
        const now = sizes(process);
        const { monitors, aliases } = before ?? { monitors: 0, aliases: 0 };
        const who = `of ${pid} (${label ?? "a function"})`;
        if (now.monitors > monitors) {
          left.push(`${many(now.monitors - monitors, "monitor")} ${who}`);
        }
        if (now.aliases > aliases) {
          left.push(`${many(now.aliases - aliases, "alias")} ${who}`);
        }
      } else {
        const named = name === undefined ? "" : `, registered as ${name}`;
        left.push(`the process ${pid}, ${label || "a function"}${named}`);
      }
    }
    for (const [name, process] of this.#runtime.names) {
      if (this.#names.has(name) || !this.#processes.has(process)) continue;
      left.push(`the name ${name} of ${process.pid}`);
    }
    return left;
  }

  /** Whether a process is the global name server or a scope of pg, whose monitors are no leak. */
  #isWatcher({ label, name }: LocalProcess): boolean {
    return label === "global_name_server" ||
      (name !== undefined && findScope(this.#runtime, name) !== undefined);
  }

  /** Whether a process of the application, started before the test, is an ancestor of the process. */
  #isOfApplication(process: LocalProcess): boolean {
    if (!this.#options.application || this.#processes.has(process)) {
      return false;
    }
    const { parent } = process;
    const starter = parent && this.#runtime.find(parent);
    return starter !== undefined &&
      (this.#processes.has(starter)
        ? !SYSTEM.has(starter.label ?? "")
        : this.#isOfApplication(starter));
  }

  #leftSockets(): string[] {
    return handles().filter((handle) => !this.#handles.has(handle))
      .map(describe);
  }
}

function many(number: number, what: "monitor" | "alias"): string {
  if (number === 1) return `1 ${what}`;
  return `${number} ${what}${what === "alias" ? "es" : "s"}`;
}

function sizes(process: LocalProcess): { monitors: number; aliases: number } {
  const entries = [...process.entries?.values() ?? []];
  return {
    monitors: process.monitors().length,
    aliases: entries.filter(({ alias }) => alias !== undefined).length,
  };
}

/** The open sockets and servers of `node:net`. */
function handles(): Handle[] {
  const { _getActiveHandles } = nodeProcess as unknown as {
    _getActiveHandles?: () => Handle[];
  };
  const all = _getActiveHandles?.call(nodeProcess) ?? [];
  return all.filter((each) =>
    typeof each.address === "function" && each.destroyed !== true &&
    !isStandardStream(each)
  );
}

function describe(handle: Handle): string {
  const address = handle.address!();
  const at = typeof address === "object" && address !== null
    ? `${address.address}:${address.port}`
    : String(address);
  return handle.destroyed === undefined
    ? `a server that listens on ${at}`
    : `a socket from ${at} to port ${handle.remotePort}`;
}
