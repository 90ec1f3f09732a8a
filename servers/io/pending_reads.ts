/**
 * Pending reads of a group leader: they take as long as people do.
 *
 * Those of one node are served in order, and those of another do not wait for them: a peer that reads must
 * not keep code of this node from reading. What a peer has waiting counts as held by it, until it is
 * answered, or the process that asks is gone.
 *
 * @module
 */

import type { Pid, Ref } from "../../runtime/values/pid.ts";
import type { LocalProcess } from "../../runtime/processes/local_process.ts";
import type { Wait } from "../../runtime/processes/wait.ts";

/** A request that waits for input. */
export interface Read {
  /** The process that asks. */
  from: Pid;
  /** The node that it reads for, if it is another one. */
  node: string | undefined;
  /** Performs it, and answers. */
  perform(): Promise<void>;
}

/** The reads of one group leader. */
export class PendingReads {
  readonly #process: LocalProcess;
  readonly #last = new Map<string, Promise<void>>();

  /** Of a group leader's process. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Adds a read; returns false if the limit of its node is reached. */
  add(read: Read): boolean {
    const { node } = read;
    const { runtime } = this.#process;
    const held = node === undefined ? undefined : this.#hold(node, read.from);
    if (node !== undefined && held === undefined) return false;
    const lane = node ?? runtime.node;
    const last = (this.#last.get(lane) ?? Promise.resolve()).then(async () => {
      const isWanted = held === undefined
        ? runtime.find(read.from) !== undefined
        : held.isHeld;
      if (isWanted) await read.perform();
      held?.release();
      if (this.#last.get(lane) === last) this.#last.delete(lane);
    });
    this.#last.set(lane, last);
    return true;
  }

  #hold(node: string, from: Pid): HeldRead | undefined {
    return this.#process.keepFor(node)
      ? new HeldRead(this.#process, node, from)
      : undefined;
  }
}

/** A read of another node, held until it is answered or its process is gone. */
class HeldRead implements Wait {
  readonly node: string;
  isHeld = true;
  readonly #process: LocalProcess;
  readonly #reader: string;
  readonly #ref: Ref;

  constructor(process: LocalProcess, reader: string, from: Pid) {
    this.#process = process;
    this.#reader = reader;
    this.node = from.node;
    this.#ref = process.runtime.makeRef();
    process.monitor(from, from.node, undefined, this, this.#ref);
  }

  /** It waits no more. */
  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.#process.unawait(this.#ref);
    this.#process.demonitor(this.#ref);
    this.#process.dropFor(this.#reader);
  }

  reply(): void {}

  down(): void {
    this.release();
  }

  abandon(): void {
    this.release();
  }
}
