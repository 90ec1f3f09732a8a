/** The parts of a cluster that its processes share: the topologies that run, and the subscribers. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Pid } from "@otp/processes/values/pid";
import type { ClusterMessage, TopologyInfo } from "./cluster_info.ts";

export class ClusterState {
  readonly name: string;
  readonly topologies: Map<string, { snapshot(): TopologyInfo }> = new Map();
  /** The subscribed processes, by the number of the monitor on each. */
  readonly subscribers: Map<number, Pid> = new Map();

  constructor(name: string) {
    this.name = name;
  }

  /** Sends an event from a topology's process to the subscribers. */
  publish(process: LocalProcess, event: ClusterMessage): void {
    for (const pid of this.subscribers.values()) process.send(pid, event);
  }
}
