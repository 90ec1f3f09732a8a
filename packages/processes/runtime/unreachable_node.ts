/** The channel to a node that cannot be reached. */

import { Pid, type Ref } from "../values/pid.ts";
import type { Runtime } from "../process/runtime.ts";
import type {
  Signals,
  SpawnRequest,
  Target,
  UnlinkId,
} from "../signals/signal.ts";

/** Drops signals for an unreachable node, and answers the signals that expect an answer. */
export class UnreachableNode implements Signals {
  readonly #runtime: Runtime;
  readonly #node: string;

  constructor(runtime: Runtime, node: string) {
    this.#runtime = runtime;
    this.#node = node;
  }

  link(from: Pid, to: Pid): void {
    this.#runtime.local.exitLink(to, from, "noconnection");
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    this.#runtime.local.unlinkAck(to, from, id);
  }

  monitor(from: Pid, _target: Target, ref: Ref): void {
    const nobody = new Pid(this.#node, 0, 0);
    this.#runtime.local.down(nobody, from, ref, "noconnection");
  }

  spawnRequest(from: Pid, { ref }: SpawnRequest): void {
    const process = this.#runtime.find(from);
    process?.entries?.get(ref.number)?.wait?.spawned?.(undefined);
  }

  send(): undefined {}
  sendName(): undefined {}
  sendAlias(): undefined {}
  reply(): void {}
  unlinkAck(): void {}
  exit(): void {}
  exitLink(): void {}
  demonitor(): void {}
  down(): void {}
  spawnReply(): void {}
  groupLeader(): void {}
}
