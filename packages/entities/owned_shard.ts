/**
 * A shard that this node owns, and its entities in memory.
 *
 * @module
 */

import type { Pid } from "@otp/processes/process";
import type { Definition } from "./entity_types.ts";
import { Changes } from "./lease.ts";
import type { EntityReply } from "./requests.ts";

/** An entity in memory. */
export interface LiveEntity {
  /** Its process, once it has started. */
  pid: Pid | undefined;
  /** Resolves when it has started. */
  readonly starting: Promise<Pid>;
  /** Its state now, for observers. */
  readonly state: () => unknown;
  /** Runs a read, as code of the calling process. */
  readonly read: (method: string, args: unknown[]) => Promise<EntityReply>;
  /** Ends the reads that wait for its state, once its process has ended. */
  readonly endReads: () => void;
  /** Whether a method runs. */
  isBusy: boolean;
  /** Whether runs of durable methods go on without a caller. */
  goesOn: boolean;
  /** Whether a message in its mailbox says that its alarm is due. */
  isAlarmed: boolean;
  /** Whether its end does not count as a crash: an alarm has failed, and runs again later. */
  isForgiven: boolean;
  /** When its last method began, or ended if it waited, on the node's clock. */
  usedAt: number;
}

/** A shard of this node, under one epoch. */
export class OwnedShard {
  readonly id: string;
  readonly definition: Definition;
  readonly epoch: number;
  /**
   * `"open"`: it is served. `"moving"`: running methods end, and no other begins. `"closed"`: it is another node's, or may
   * be; nothing leaves any more.
   */
  state: "open" | "moving" | "closed" = "open";
  /** Whether the store has no deletions of earlier epochs any more. */
  isClean = false;
  /** The entities in memory, by key. */
  readonly entities: Map<string, LiveEntity> = new Map();
  /** The writes whose result is not known, by key. An entity that starts waits for the write of its key. */
  readonly writes: Map<string, Promise<unknown>> = new Map();
  /** Notified when an entity has ended. */
  readonly ended: Changes = new Changes();

  constructor(id: string, definition: Definition, epoch: number) {
    this.id = id;
    this.definition = definition;
    this.epoch = epoch;
  }

  /** Forgets an entity that has ended. */
  removeEnded(key: string, live: LiveEntity): void {
    if (this.entities.get(key) !== live) return;
    this.entities.delete(key);
    this.ended.notify();
  }
}
