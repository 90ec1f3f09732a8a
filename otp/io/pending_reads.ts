/**
 * Pending reads of a group leader.
 *
 * The reads of one node are served in order. Each node has its own queue, so that a reading peer does not block code
 * of this node. A peer's pending read counts towards its quota until it is answered or the asking process exits.
 */

import type { Pid, Ref } from "../../core/values/pid.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Wait } from "../../core/processes/links_and_monitors.ts";

/** A request for input. */
export interface Read {
  /** The asking process. */
  from: Pid;
  /** The other node that the process reads for; `undefined` for this node. */
  node: string | undefined;
  /** Performs the request, and answers it. */
  perform(): Promise<void>;
}

/** The pending reads of one group leader. */
export class PendingReads {
  readonly #process: LocalProcess;
  readonly #last = new Map<string, Promise<void>>();

  /** Creates an empty queue for the leader `process`. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Adds a read; returns false if its node has reached its quota. */
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

/** A read of another node, which counts towards the node's quota until its release. */
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
    process.monitor(from, undefined, this, this.#ref);
  }

  /** Gives the quota back, and stops watching the asking process. */
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
