/** The server of a DynamicSupervisor: it starts, restarts and ends children on request. */

import { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  type ChildStart,
  type DescribedStart,
  type FullChildSpec,
  START_CALL,
  type Started,
} from "../server/child_spec.ts";
import { DynamicChildren, type DynamicLimits } from "./dynamic_children.ts";
import type { Server } from "../server/server.ts";
import {
  noteSupervision,
  type SupervisedChild,
  type Supervision,
} from "./supervision.ts";
import {
  failed,
  receiveSpec,
  type SentChildSpec,
  startChild,
} from "./child_lifecycle.ts";

/** A request to a DynamicSupervisor. */
export type DynamicSupervisorRequest =
  | { type: "which_children" }
  | { type: "count_children" }
  | { type: "start_child"; spec: SentChildSpec }
  | { type: "terminate_child"; pid: Pid };

/** A child in the list of a DynamicSupervisor. */
export interface DynamicChildInfo {
  /** Its pid; `"restarting"` while it is waiting to be restarted. */
  pid: Pid | "restarting";
  /** Whether it is a supervisor itself. */
  type: "worker" | "supervisor";
}

/** A DynamicSupervisor's server; its process traps exits. */
export class DynamicSupervisorServer implements Server, Supervision {
  readonly #process: LocalProcess;
  readonly #children: DynamicChildren<FullChildSpec>;
  readonly #extra: readonly unknown[];

  /** Creates the server; every start gets the arguments `extra` before its own. */
  constructor(
    process: LocalProcess,
    limits: DynamicLimits,
    extra: readonly unknown[] = [],
  ) {
    process.trapExit = true;
    this.#extra = extra;
    this.#process = process;
    const start = (spec: FullChildSpec) => startChild(spec, process);
    this.#children = new DynamicChildren(process, start, limits);
    noteSupervision(process, this);
  }

  get kind(): string {
    return "DynamicSupervisor";
  }

  size(): number {
    return this.#children.size;
  }

  supervised(): Iterable<SupervisedChild> {
    return this.#children.supervised();
  }

  get protocol(): string {
    return "DynamicSupervisor";
  }

  call(request: unknown, { pid: { node } }: ReplyTo): unknown {
    const asked = request as DynamicSupervisorRequest | null;
    switch (asked?.type) {
      case "which_children":
        return this.#children.list().map(
          ({ spec: { type }, pid, restarting }): DynamicChildInfo => (
            { pid: restarting ? "restarting" : pid, type }
          ),
        );
      case "count_children":
        return this.#children.count();
      case "start_child":
        return this.#startChild(asked.spec, node);
      case "terminate_child":
        return asked.pid instanceof Pid
          ? this.#children.terminate(asked.pid)
          : failed("badarg");
      default:
        return failed("badarg");
    }
  }

  info(message: unknown): Promise<void> | undefined {
    return this.#children.info(message);
  }

  async terminate(): Promise<void> {
    await this.#children.terminateAll();
  }

  async #startChild(sent: SentChildSpec, from: string): Promise<unknown> {
    if (this.#children.full) return failed("max_children");
    const received = receiveSpec(sent, this.#process, from);
    if ("reason" in received) return received;
    const start = withExtra(received.start, this.#extra);
    const spec = { ...received, start };
    if (!this.#process.keepFor(from)) {
      return failed("system_limit");
    }
    const result = await startChild(spec, this.#process);
    if (result.type === "ok" && result.started !== "ignore") {
      this.#children.add(spec, result.started, from);
    } else this.#process.dropFor(from);
    return result;
  }
}

/** Puts arguments before a start's own. */
function withExtra(start: ChildStart, extra: readonly unknown[]): ChildStart {
  if (extra.length === 0) return start;
  if (typeof start === "function") {
    const { [START_CALL]: call } = start as DescribedStart;
    const full: (() => Started | Promise<Started>) & DescribedStart = () =>
      start(...extra);
    if (call !== undefined) {
      full[START_CALL] = [call[0], call[1], [...extra, ...call[2]]];
    }
    return full;
  }
  const [module, name, args = []] = start;
  return [module, name, [...extra, ...args]];
}
