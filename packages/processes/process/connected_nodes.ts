/**
 * Nodes that come and go: notifies the processes that monitor nodes, and ends links, monitors and waits whose
 * connection is lost.
 */

import type { Link } from "./links_and_monitors.ts";
import type { LocalProcess } from "./local_process.ts";
import type { Runtime } from "./runtime.ts";
import { Pid } from "../values/pid.ts";

export class ConnectedNodes {
  readonly visible: Map<string, number> = new Map();
  #lastConnection = 0;
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Notifies the processes that monitor nodes of a nodeup; called before the node's first signal. */
  up(node: string, isHidden = false): void {
    if (!isHidden) {
      this.visible.set(node, ++this.#lastConnection);
      this.#runtime.onVisible?.(node);
    }
    for (const process of this.#runtime.processes.values()) {
      const times = isHidden ? 0 : process.cold?.watchesNodes ?? 0;
      for (let i = 0; i < times && process.alive; i++) {
        process.mailbox.push({ type: "nodeup", node }, process);
      }
      tellType(process, "nodeup", node, isHidden);
    }
  }

  /**
   * Called when a node is gone, if it `wasUp`, or cannot be reached: ends everything that needed the connection, then
   * notifies the processes that monitor the node.
   */
  down(node: string, wasUp: boolean, isHidden = false): void {
    this.visible.delete(node);
    const processes = this.#runtime.processes.values();
    for (const process of processes) {
      this.#loseLinks(process, node);
      if (process.entries === undefined) continue;
      this.#loseMonitors(process, node);
      loseWaits(process, node);
    }
    this.#runtime.watchers.lose(node, processes);
    for (const process of processes) {
      const times = (process.cold?.nodeMonitors?.get(node) ?? 0) +
        (wasUp && !isHidden ? process.cold?.watchesNodes ?? 0 : 0);
      process.cold?.nodeMonitors?.delete(node);
      for (let i = 0; i < times && process.alive; i++) {
        process.mailbox.push({ type: "nodedown", node }, process);
      }
      if (wasUp) tellType(process, "nodedown", node, isHidden);
    }
  }

  #loseLinks(process: LocalProcess, node: string): void {
    if (process.links === undefined) return;
    const lost: Link[] = [];
    for (const link of process.links.values()) {
      if (link.pid.node !== node) continue;
      if (link.unlinking === 0) lost.push(link);
      else process.dropLink(link);
    }
    for (const { pid } of lost) {
      this.#runtime.local.exitLink(pid, process.pid, "noconnection");
    }
  }

  #loseMonitors(process: LocalProcess, node: string): void {
    const { local } = this.#runtime;
    for (const { ref, node: at } of process.monitors()) {
      if (at !== node) continue;
      local.down(new Pid(node, 0, 0), process.pid, ref, "noconnection");
    }
  }
}

/** Notifies a process once per subscription to a type of node; as in OTP, after the subscriptions without a type. */
function tellType(
  process: LocalProcess,
  type: "nodeup" | "nodedown",
  node: string,
  isHidden: boolean,
): void {
  const types = process.cold?.nodeTypes;
  if (types === undefined) return;
  const nodeType = isHidden ? "hidden" : "visible";
  const times = (types.get(nodeType) ?? 0) + (types.get("all") ?? 0);
  for (let i = 0; i < times && process.alive; i++) {
    process.mailbox.push({ type, node, nodeType }, process);
  }
}

function loseWaits(process: LocalProcess, node: string): void {
  for (const { wait } of [...process.entries?.values() ?? []]) {
    if (wait?.node === node) wait.spawned?.(undefined);
  }
}
