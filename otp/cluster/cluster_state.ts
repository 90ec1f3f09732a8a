/** The parts of a cluster that its processes share: the topologies that run, and the subscribers. */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Pid } from "../../core/values/pid.ts";
import type { ClusterMessage, TopologyInfo } from "./cluster_info.ts";

/** The state of a cluster on its node. */
export class ClusterState {
  /** The cluster's name. */
  readonly name: string;
  /** The running topologies. */
  readonly topologies: Map<string, { snapshot(): TopologyInfo }> = new Map();
  /** The subscribed processes, by the number of the monitor on each. */
  readonly subscribers: Map<number, Pid> = new Map();

  /** Creates the state of a cluster without topologies. */
  constructor(name: string) {
    this.name = name;
  }

  /** Sends an event from a topology's process to the subscribers. */
  publish(process: LocalProcess, event: ClusterMessage): void {
    for (const pid of this.subscribers.values()) process.send(pid, event);
  }
}
