/** The state of a node and of its program, as an observer sees it. */

import nodeProcess from "node:process";
import { programId } from "@otp/processes/host/program_id";
import type { Runtime } from "@otp/processes/process/runtime";
import { applicationsOf } from "@otp/servers/application/application_controller";
import { INTERVAL, LoopDelay } from "../measures/loop_delay.ts";
import { viewsOf } from "../observed_views.ts";
import type { ObservedConnection, ObservedNode } from "./observed_terms.ts";

/** The version of this package in `deno.json`, which programs of a user do not load; a test compares the two. */
const VERSION = "0.1.0";

/** The number of intervals without an observation after which the measurement ends: longer than a dashboard waits. */
const IDLE_INTERVALS = 200;

/** The state of a node over time. */
export class HostObservation {
  readonly #runtime: Runtime;
  readonly #connections: () => ObservedConnection[];
  readonly #startedAt: number;
  readonly #delay: LoopDelay;
  #observedAt = -Infinity;

  constructor(
    runtime: Runtime,
    connections: () => ObservedConnection[],
    startedAt: number,
  ) {
    this.#runtime = runtime;
    this.#connections = connections;
    this.#startedAt = startedAt;
    this.#delay = new LoopDelay(runtime, IDLE_INTERVALS);
  }

  observe(): ObservedNode {
    const runtime = this.#runtime;
    const { rss, heapUsed } = nodeProcess.memoryUsage();
    const { user, system } = nodeProcess.cpuUsage();
    const before = this.#observedAt;
    this.#observedAt = runtime.clock.now();
    // A single observation is not worth a timer.
    const isFirst = this.#observedAt - before > INTERVAL * IDLE_INTERVALS;
    const delay = isFirst ? 0 : this.#delay.take();
    let messages = 0;
    for (const { mailbox } of runtime.processes.unordered()) {
      messages += mailbox.length;
    }
    return {
      node: runtime.node,
      host: hostText(),
      version: VERSION,
      creation: runtime.creation,
      program: programId(),
      uptime: Math.round(runtime.clock.now() - this.#startedAt),
      at: Date.now(),
      memory: rss,
      heap: heapUsed,
      cpu: Math.round((user + system) / 1000),
      delay,
      processes: runtime.processes.size,
      messages,
      connections: this.#connections(),
      applications: applicationsOf(runtime).running(),
      views: [...viewsOf(runtime).keys()],
    };
  }
}

function hostText(): string {
  const { versions } = nodeProcess;
  for (const host of ["deno", "bun"] as const) {
    const version = versions[host];
    if (version !== undefined) return `${host} ${version}`;
  }
  return `node ${versions.node}`;
}
