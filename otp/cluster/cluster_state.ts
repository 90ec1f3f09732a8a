/**
 * The parts of a cluster that its processes share: the topologies that run, and the subscribers.
 *
 * @module
 */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Pid } from "../../core/values/pid.ts";
import type { ClusterMessage, TopologyInfo } from "./cluster_info.ts";

/** The state of a cluster on its node. */
export class ClusterState {
  /** The cluster's name. */
  readonly name: string;
  /** The topologies that run. */
  readonly topologies: Map<string, { snapshot(): TopologyInfo }> = new Map();
  /** The processes that are sent events, by the number of the monitor on them. */
  readonly subscribers: Map<number, Pid> = new Map();

  /** Creates the state of a cluster without topologies. */
  constructor(name: string) {
    this.name = name;
  }

  /** Sends an event of a topology's process to the subscribers, which are processes of its node. */
  publish(process: LocalProcess, event: ClusterMessage): void {
    for (const pid of this.subscribers.values()) {
      process.send(pid, event);
    }
  }
}
