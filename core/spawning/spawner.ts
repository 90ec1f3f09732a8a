/** The start of processes on this node. */

import {
  LocalProcess,
  type ProcessOptions,
} from "../processes/local_process.ts";
import type { ProcessTable } from "../processes/process_table.ts";
import type { Watchers } from "../processes/watchers.ts";
import type { Runtime, RuntimeSpawnOptions } from "../processes/runtime.ts";
import { tracing } from "../context/tracing.ts";
import { startSoon } from "./start_process.ts";
import { traced } from "./traced_start.ts";

/** Starts the processes of a node. */
export class Spawner {
  readonly #runtime: Runtime;
  readonly #table: ProcessTable;
  readonly #watchers: Watchers;
  #shell: LocalProcess | undefined;

  constructor(runtime: Runtime, table: ProcessTable, watchers: Watchers) {
    this.#runtime = runtime;
    this.#table = table;
    this.#watchers = watchers;
  }

  #make(options: ProcessOptions): LocalProcess {
    const process = new LocalProcess(
      this.#runtime,
      this.#table.nextNumber(),
      options,
    );
    this.#table.add(process);
    const origin = process.cold?.origin;
    if (origin !== undefined) this.#runtime.quotas.acquire(origin, "processes");
    return process;
  }

  /** Starts a process; its code begins after the current one has yielded. */
  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess {
    const process = this.#make(options);
    const { link, linkParent, tellsEnd, monitor, replyTo } = options;
    if (linkParent !== undefined) {
      process.addLink(linkParent.pid);
      linkParent.addLink(process.pid, false, tellsEnd);
    }
    if (link !== undefined) process.addLink(link);
    if (monitor !== undefined) {
      this.#watchers.add(process, monitor.pid, monitor.ref);
    }
    if (replyTo !== undefined) {
      this.#runtime.back(replyTo.pid.node).spawnReply(
        process.pid,
        replyTo.pid,
        replyTo.ref,
        {
          pid: process.pid,
          link: link !== undefined,
          monitor: monitor !== undefined,
        },
      );
    }
    startSoon(process, tracing === undefined ? fn : traced(process, fn));
    return process;
  }

  /** Returns the process of code outside any process, and creates a new one if the last has exited. */
  shell(): LocalProcess {
    if (this.#shell === undefined || !this.#shell.alive) {
      this.#shell = this.#make({ label: "shell" });
      this.#shell.shell = true;
      const leader = this.#userPid();
      if (leader !== undefined) this.#shell.groupLeader = leader;
    }
    return this.#shell;
  }

  /** Creates a stand-in: the process as which code of another node's process runs from now on. */
  makeStandIn(label: string | undefined): LocalProcess {
    return this.#make({ label, groupLeader: this.#userPid() });
  }

  /** Returns the node's own group leader. */
  #userPid(): LocalProcess["pid"] | undefined {
    return this.#table.names.get("user")?.pid;
  }
}
