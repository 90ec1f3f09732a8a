/**
 * The state of a node and of its program, as an observer sees it.
 *
 * @module
 */

import nodeProcess from "node:process";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { untraced } from "../../core/context/tracing.ts";
import type { Runtime } from "../../core/processes/runtime.ts";
import { applicationsOf } from "../application/application_controller.ts";
import type { ObservedConnection, ObservedNode } from "./observed_terms.ts";

/** The interval of the timer that measures the delay of the event loop, in milliseconds. */
const INTERVAL = 100;

/** The number of intervals without an observation after which the measurement ends. */
const IDLE_INTERVALS = 100;

/** The state of a node over time. */
export class HostObservation {
  readonly #runtime: Runtime;
  readonly #connections: () => ObservedConnection[];
  readonly #startedAt: number;
  /** The longest delay since the last observation; `undefined` while nothing is measured. */
  #delay: number | undefined;
  #idle = 0;
  #meter: LocalProcess | undefined;
  #observedAt = -Infinity;

  /** Observes a node with these connections. */
  constructor(
    runtime: Runtime,
    connections: () => ObservedConnection[],
    startedAt: number,
  ) {
    this.#runtime = runtime;
    this.#connections = connections;
    this.#startedAt = startedAt;
  }

  /** Returns the current state. */
  observe(): ObservedNode {
    const runtime = this.#runtime;
    const { rss, heapUsed } = nodeProcess.memoryUsage();
    const { user, system } = nodeProcess.cpuUsage();
    const delay = this.#delay ?? 0;
    this.#measure();
    let messages = 0;
    for (const { mailbox } of runtime.processes.unordered()) {
      messages += mailbox.length;
    }
    return {
      node: runtime.node,
      host: hostText(),
      uptime: Math.round(runtime.now() - this.#startedAt),
      at: Date.now(),
      memory: rss,
      heap: heapUsed,
      cpu: Math.round((user + system) / 1000),
      delay,
      processes: runtime.processes.size,
      messages,
      connections: this.#connections(),
      applications: applicationsOf(runtime).running(),
    };
  }

  /** Measures the delay of the event loop while somebody observes the node. */
  #measure(): void {
    this.#idle = 0;
    // An observer may have ended the process.
    if (this.#delay !== undefined && this.#meter?.alive) {
      this.#delay = 0;
      return;
    }
    const before = this.#observedAt;
    this.#observedAt = this.#runtime.now();
    // A single observation is not worth a timer.
    if (this.#observedAt - before > INTERVAL * IDLE_INTERVALS) return;
    this.#delay = 0;
    // Run the timer in a process, which ends with its node.
    const process: LocalProcess = untraced(() =>
      this.#runtime.spawn(
        async () => {
          while (++this.#idle < IDLE_INTERVALS) {
            const due = performance.now() + INTERVAL;
            await process.mailbox.sleep(INTERVAL, undefined, process);
            const late = Math.round(performance.now() - due);
            this.#delay = Math.max(this.#delay ?? 0, late);
          }
          this.#delay = undefined;
        },
        { label: "Observer.delay" },
      )
    );
    this.#meter = process;
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
