/**
 * Servers that other nodes have suspended, as by OTP's `:sys.suspend`.
 *
 * A suspended server handles system messages, the EXIT of its parent and stops; other messages wait in its mailbox.
 * It continues when a node resumes it, when all nodes that suspended it are gone, or when its own node stops:
 * otherwise a suspended supervisor would delay the stop until the time limit.
 *
 * The loss of nodes and the stop reach the server as a message that no process can forge: an object private to the
 * suspension.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { printableName } from "@otp/processes/log/event_text";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { SystemRequest } from "./messages.ts";
import { onNodeLoss } from "./on_exit.ts";

const suspensions = new WeakMap<LocalProcess, Suspension>();

/** Returns the suspension of a process, if another node has suspended it. */
export function suspensionOf(process: LocalProcess): Suspension | undefined {
  return suspensions.get(process);
}

/** Resumes all servers of a node that stops. */
export function resumeServers(runtime: Runtime): void {
  for (const process of runtime.processes.values()) {
    suspensionOf(process)?.end(
      `resumed, as ${printableName(runtime.node)} stops`,
    );
  }
}

/** One suspension of a server. */
export class Suspension implements Disposable {
  /** The process that suspended it last. */
  by: Pid;
  readonly #process: LocalProcess;
  /** The nodes that have suspended it. */
  readonly #nodes = new Map<string, Ref>();
  /** The message that ends it. */
  readonly #end = { type: "suspension_ended" };
  #isEnding = false;

  /** Suspends the server on behalf of the node that asks. */
  constructor(process: LocalProcess, request: SystemRequest) {
    this.#process = process;
    this.by = request.replyTo.pid;
    suspensions.set(process, this);
    this.#report(
      "warning",
      `suspended by ${this.by} of ${
        printableName(request.origin)
      }: it serves nothing until a node resumes it, or that node is gone`,
    );
    this.add(request);
  }

  /** Suspends it for another node too. */
  add({ replyTo, origin }: SystemRequest): void {
    this.by = replyTo.pid;
    if (this.#nodes.has(origin)) return;
    const lost = () => this.#lose(origin);
    this.#nodes.set(origin, onNodeLoss(this.#process, origin, lost));
    if (!this.#process.runtime.hasChannelTo(origin)) lost();
  }

  isEnd(message: unknown): boolean {
    return message === this.#end;
  }

  /** Ends the suspension: the server continues at its next turn. */
  end(why: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#report("warning", `${why}; ${this.by} had suspended it`);
    this.#process.mailbox.push(this.#end, this.#process);
  }

  /** Reports that a node has resumed the server. */
  resumed({ replyTo, origin }: SystemRequest): void {
    this.#report(
      "info",
      `resumed by ${replyTo.pid} of ${printableName(origin)}`,
    );
  }

  #lose(node: string): void {
    const ref = this.#nodes.get(node);
    if (ref === undefined) return;
    this.#nodes.delete(node);
    this.#process.release(ref);
    if (this.#nodes.size > 0) return;
    this.end(`resumed, as ${printableName(node)} is gone`);
  }

  #report(level: "info" | "warning", what: string): void {
    const { name, pid, label, runtime } = this.#process;
    const who = name === undefined
      ? `${label ?? "a server"} (${pid})`
      : `${printableName(name)} (${pid})`;
    runtime.log.report(level, () => `${who} is ${what}`, {
      what: "suspended servers",
      most: 100,
    });
  }

  [Symbol.dispose](): void {
    const { mailbox } = this.#process;
    suspensions.delete(this.#process);
    for (const ref of this.#nodes.values()) this.#process.release(ref);
    if (this.#isEnding) mailbox.take((message) => this.isEnd(message));
  }
}
