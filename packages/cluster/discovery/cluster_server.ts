/**
 * The server of a cluster: it returns the state of the topologies, and keeps the subscribers.
 *
 * The topologies send events to subscribers themselves, so this server ignores messages that look like events.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import { Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { isTyped } from "@otp/servers/server/messages";
import { BADARG, type Server } from "@otp/servers/server/server";
import type { ClusterInfo } from "./cluster_info.ts";
import type { ClusterState } from "./cluster_state.ts";

/** A request to a cluster's process. */
export type ClusterRequest =
  | { type: "info" }
  | { type: "subscribe" }
  | { type: "unsubscribe"; ref: Ref };

export function clusterServerName(cluster: string): string {
  return `${cluster}.Server`;
}

export class ClusterServer implements Server {
  readonly #process: LocalProcess;
  readonly #state: ClusterState;

  constructor(process: LocalProcess, state: ClusterState) {
    this.#process = process;
    this.#state = state;
    // The monitors of an earlier process have ended with it.
    state.subscribers.clear();
  }

  call(request: unknown, { pid }: ReplyTo): unknown {
    const asked = request as ClusterRequest | null;
    const { node } = this.#process.runtime;
    if (asked?.type === "info") {
      return {
        type: "ok",
        info: {
          cluster: this.#state.name,
          node,
          topologies: Array.from(
            this.#state.topologies.values(),
            (topology) => topology.snapshot(),
          ),
        } satisfies ClusterInfo,
      };
    }
    // Only processes of this node can subscribe, so that no other node's queue holds events up.
    if (pid.node !== node) return BADARG;
    if (asked?.type === "subscribe") {
      const ref = this.#process.monitor(pid);
      this.#state.subscribers.set(ref.number, pid);
      return { type: "ok", ref };
    }
    if (asked?.type === "unsubscribe" && asked.ref instanceof Ref) {
      const { number } = asked.ref;
      const found = this.#state.subscribers.delete(number);
      if (found) this.#process.demonitor(asked.ref);
      return { type: "ok", found };
    }
    return BADARG;
  }

  info(message: unknown): void {
    if (!isTyped(message, "DOWN")) return;
    const { ref } = message as { ref?: unknown };
    if (ref instanceof Ref && this.#process.isDown(ref)) {
      this.#state.subscribers.delete(ref.number);
    }
  }
}
