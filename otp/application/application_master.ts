/**
 * The master process of an application: it runs the application's `start`, links to the top supervisor, and ends it.
 *
 * States: the master awaits `start`, then a message that ends it: the EXIT of the top supervisor or of the controller, or
 * `stop_application`. A message that arrives during `start` is handled afterwards.
 */

import { tell } from "../gen/call.ts";
import { fromNode, isTyped } from "../gen/messages.ts";
import { isExitFrom } from "../gen/server.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { inspect, quote } from "../../core/values/inspect.ts";
import { Pid } from "../../core/values/pid.ts";
import { shutdownChild } from "../supervisor/child_shutdown.ts";
import type { ApplicationSpec } from "./application_spec.ts";

/** Sent by the controller to a master, to stop its application. */
export interface StopApplication {
  type: "stop_application";
  /** The time limit for the top supervisor, in milliseconds. */
  timeout: number;
}

/** Sent by a master to its controller when its application runs. */
export interface ApplicationStarted {
  type: "application_started";
  name: string;
  /** The application's top supervisor. */
  top: Pid;
}

/** Runs the master process of an application; it traps exits. */
export async function runApplication(
  process: LocalProcess,
  spec: ApplicationSpec,
  controller: Pid,
): Promise<void> {
  const top: unknown = await spec.start();
  process.assertAlive();
  if (!(top instanceof Pid)) {
    throw new TypeError(
      `Cannot start the application ${quote(spec.name)}: its start gave ${
        inspect(top)
      }; give the pid of its top supervisor`,
    );
  }
  process.link(top);
  const started: ApplicationStarted = {
    type: "application_started",
    name: spec.name,
    top,
  };
  tell(process, controller, started);
  for (;;) {
    const message = await process.mailbox.receive(
      undefined,
      undefined,
      process,
    );
    process.assertAlive();
    if (isExitFrom(message, top)) {
      await endApplication(spec, () => {});
      return process.runtime.terminate(process, message.reason);
    }
    if (isExitFrom(message, controller)) {
      return stopTop(process, spec, top, Infinity);
    }
    const told = fromNode(message, process.runtime.node);
    if (isTyped(told, "stop_application")) {
      const { timeout } = told as StopApplication;
      return stopTop(process, spec, top, timeout);
    }
  }
}

async function stopTop(
  process: LocalProcess,
  spec: ApplicationSpec,
  top: Pid,
  timeout: number,
): Promise<void> {
  await endApplication(spec, () => shutdownChild(process, top, timeout));
}

async function endApplication(
  spec: ApplicationSpec,
  end: () => unknown,
): Promise<void> {
  try {
    await spec.prepStop?.();
  } finally {
    try {
      await end();
    } finally {
      await spec.stop?.();
    }
  }
}
