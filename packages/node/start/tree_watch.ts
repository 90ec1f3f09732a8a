/**
 * The reaction of a node to a supervision tree that has ended for good.
 *
 * A program without its tree would run on and serve nothing, and its service manager would not notice. So by default
 * the program ends, and the service manager restarts it. Tests and prompts continue.
 */

import nodeProcess from "node:process";
import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import { onTreeEnd, type TreeEnd } from "@otp/servers/supervisor/tree_end";
import type { NodeOptions } from "./node_options.ts";

type Action = Required<NodeOptions>["onTreeEnd"];

/** The exit code of a program whose tree has ended. */
const FAILED = 1;

/** The first tree of a node that has ended for good. */
export class TreeWatch {
  /** Set once a tree has ended. */
  end: TreeEnd | undefined;

  /**
   * Watches the trees of a node.
   *
   * @param runtime The node.
   * @param action The node's reaction.
   * @param stopAll Stops all nodes of the program, in order.
   */
  constructor(
    { runtime, action, stopAll }: {
      runtime: NodeRuntime;
      action: Action;
      stopAll: () => Promise<unknown>;
    },
  ) {
    onTreeEnd(runtime, (end) => {
      if (this.end !== undefined || runtime.isStopping) return;
      this.end = end;
      const { message } = end;
      runtime.log.report("error", () => lineOf(action, message));
      if (typeof action === "function") action(end);
      else if (action === "exit") void endProgram(stopAll);
    });
  }
}

function lineOf(action: Action, message: string): string {
  switch (action) {
    case "exit":
      return `The program ends with exit code 1: ${message}. To go on without it: Application.start with { type: "temporary" }, or Node.start with { onTreeEnd: "continue" }`;
    case "continue":
      return `The program goes on without a supervision tree: ${message}`;
    default:
      return `A supervision tree has ended: ${message}`;
  }
}

async function endProgram(stopAll: () => Promise<unknown>): Promise<void> {
  // During the stop, the program may run out of work and end by itself: set its exit code first.
  nodeProcess.exitCode = FAILED;
  try {
    await stopAll();
  } finally {
    nodeProcess.exit(FAILED);
  }
}
