/**
 * Pending reads of a group leader.
 *
 * The reads of one node are served in order. Each node has its own queue, so that a reading peer does not block code
 * of this node. A peer's pending read counts towards its quota until it is answered or the asking process exits.
 */

import type { Pid } from "../../core/values/pid.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { offDown, onDown } from "../gen/on_exit.ts";

/** A request for input. */
export interface Read {
  /** The asking process. */
  from: Pid;
  /** The other node that the process reads for; `undefined` for this node. */
  node: string | undefined;
  /** Performs the request, and answers it. */
  perform(): Promise<void>;
}

/** A read that counts towards the quota of its node. */
interface HeldRead {
  readonly isHeld: boolean;
  /** Gives the quota back, and stops watching the asking process. */
  release(): void;
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

  /** Counts a read towards a node's quota until it is answered, or the asking process exits. */
  #hold(node: string, from: Pid): HeldRead | undefined {
    const process = this.#process;
    if (!process.keepFor(node)) return undefined;
    const held = {
      isHeld: true,
      release: () => {
        if (!held.isHeld) return;
        held.isHeld = false;
        offDown(process, ref);
        process.dropFor(node);
      },
    };
    const ref = process.runtime.makeRef();
    onDown(process, from, held.release, held.release, ref);
    return held;
  }
}
