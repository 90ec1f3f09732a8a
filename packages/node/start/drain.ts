/**
 * The drain of a node: the node refuses new work of other nodes, and finishes its work. The caller stops the node
 * afterwards.
 *
 * 1. `Runtime.isDraining`: from now on, the node refuses requests of other nodes for new processes
 *    (`spawn_requests.ts`), tasks, children and calls of functions. No process of the node gets another global name
 *    (`global_worker.ts`); those that have one keep it until they exit, since a name would otherwise have two owners.
 * 2. The node's supervisors leave their groups of `pg` at the other nodes, so that these, and their pools, start their
 *    tasks elsewhere. All other processes stay members until they exit: a member is sent what concerns it, and not only
 *    work, as long as it lives.
 * 3. The program's functions run (`onDrain`) and stop sources of work from outside. Servers with a `handleDrain` are
 *    notified (`drain_notice.ts`): they hand over their state, leave groups in which others look for them, and may exit.
 * 4. The drain waits until the other nodes have handled what has left the groups: every message that they sent to a
 *    former member has arrived by then.
 * 5. The drain waits until no task and no process that another node has started is left. Each round monitors all
 *    remaining processes, because processes that end may have started others.
 *
 * Races: in any step the time may be over or the node may be stopped. Either ends the process of the drain, and the
 * outcome says which. A failed step is logged, and the drain continues, because the node stops anyway.
 */

import { notifyServers } from "@otp/servers/server/drain_notice";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import { runIn } from "@otp/processes/spawning/run_in_process";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import { settleGroups, withdrawSupervisors } from "../pg/scopes.ts";
import { supervisionOf } from "@otp/servers/supervisor/supervision";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/**
 * The outcome of a drain: all work was finished, some work was left when the time was over, or `stop` ended the node
 * first.
 */
export type NodeDrainOutcome = "drained" | "timeout" | "stopped";

/** The time limit for other nodes to handle the changes of the groups, in milliseconds. */
const PATIENCE = 5000;

/** The time before the drain looks again at a busy supervisor, in milliseconds. */
const PAUSE = 10;

/** The functions by which another node opens a shell. The drain does not wait for it, since a shell has no end. */
const SHELL = /^Shell\.(?:serve|start)\//;

/** A drain under way. */
export class NodeDrain {
  /** Resolves when the work is finished, the time is over, or the node was stopped; never rejects. */
  readonly done: Promise<NodeDrainOutcome>;
  readonly #runtime: NodeRuntime;
  readonly #process: LocalProcess;
  readonly #caller: LocalProcess | undefined;
  readonly #stops = new Set<() => void>();
  #outcome: NodeDrainOutcome = "stopped";

  /**
   * Begins the drain.
   *
   * @param runtime The node.
   * @param hooks The functions of the program.
   * @param caller The process that called `drain`. The drain does not wait for it, since it waits for the drain.
   */
  constructor(
    runtime: NodeRuntime,
    hooks: Iterable<() => unknown>,
    caller: LocalProcess | undefined,
  ) {
    this.#runtime = runtime;
    this.#caller = caller;
    runtime.isDraining = true;
    withdrawSupervisors(runtime);
    runtime.log.report("info", () => `${runtime.node} is draining`);
    const { promise, resolve } = Promise.withResolvers<NodeDrainOutcome>();
    this.done = promise;
    this.#process = spawnProcess(runtime, () => this.#run([...hooks]), {
      label: "drain",
      groupLeader: runtime.names.get("user")?.pid,
    });
    this.#process.abortSignal().addEventListener("abort", () => {
      for (const stop of this.#stops) stop();
      resolve(this.#outcome);
    }, { once: true });
  }

  /** Gives up `ms` milliseconds from now, unless an earlier limit applies. */
  limit(ms: number): void {
    if (ms === Infinity || !this.#process.alive) return;
    this.#stops.add(this.#runtime.deadlines.after(ms, () => this.#expire(ms)));
  }

  /** Ends the drain because the node stops. */
  end(): void {
    terminate(this.#process, "normal");
  }

  #expire(ms: number): void {
    const { length } = this.#work();
    this.#outcome = "timeout";
    this.#runtime.log.report(
      "warning",
      () =>
        `${this.#runtime.node} has not drained within ${ms} ms: ${length} processes still work`,
    );
    this.end();
  }

  async #run(hooks: (() => unknown)[]): Promise<void> {
    const process = this.#process;
    await Promise.all([
      notifyServers(process, this.#caller),
      ...hooks.map((hook) => this.#call(hook)),
    ]);
    await this.#patiently(settleGroups(this.#runtime));
    for (let work = this.#work(); work.length > 0; work = this.#work()) {
      await this.#ended(work);
    }
    this.#outcome = "drained";
  }

  /** Waits for the other nodes' answers, at most PATIENCE. */
  async #patiently(answers: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#runtime.deadlines.after(PATIENCE, resolve);
    this.#stops.add(stop);
    await Promise.race([answers, promise]).finally(stop);
  }

  /** Calls a function of the program in a process of its own; logs its error. */
  async #call(hook: () => unknown): Promise<void> {
    try {
      await runIn(this.#runtime, async () => void await hook());
    } catch (error) {
      this.#process.assertAlive();
      this.#runtime.log.report(
        "error",
        () =>
          `The drain of ${this.#runtime.node} goes on without a function of onDrain: ${
            inspect(error)
          }`,
      );
    }
  }

  /** The processes to wait for: tasks of the node's supervisors, and processes that other nodes have started. */
  #work(): Pid[] {
    const work = new Map<number, Pid>();
    for (const process of this.#runtime.processes.values()) {
      if (
        process.cold?.origin !== undefined && !SHELL.test(process.label ?? "")
      ) {
        work.set(process.pid.number, process.pid);
      }
      const tasks = supervisionOf(process)?.unfinished?.() ?? [];
      for (const pid of tasks) work.set(pid.number, pid);
    }
    if (this.#caller !== undefined) work.delete(this.#caller.pid.number);
    return [...work.values()];
  }

  /** Waits until the processes have exited. */
  async #ended(pids: Pid[]): Promise<void> {
    const process = this.#process;
    const refs = new Set<number>();
    for (const pid of pids) {
      if (this.#runtime.find(pid) === undefined) continue;
      refs.add(process.monitor(pid).number);
    }
    // Every process ended just now; a supervisor may be about to restart a task.
    if (refs.size === 0) await process.mailbox.sleep(PAUSE, undefined, process);
    while (refs.size > 0) {
      const message = await process.nextMessage();
      const { ref } = (message ?? {}) as { ref?: unknown };
      if (process.isDown(ref)) refs.delete(ref.number);
    }
  }
}
