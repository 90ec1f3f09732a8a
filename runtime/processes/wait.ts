/**
 * Waits for an answer: they are found by reference, past the mailbox.
 *
 * @module
 */

import type { MonitoredObject, SpawnResult } from "../signals/signal.ts";
import type { Pid, Ref } from "../values/pid.ts";

/** Something that a process waits for by reference: a reply, a DOWN, a spawn's result. */
export interface Wait {
  /** The node that it is awaited from. */
  readonly node: string;
  /** Whether the reply may come from another node: who is asked may leave the answer to others. */
  readonly isOpen?: boolean;
  /** The one process that the reply may come from, where it is known. */
  readonly by?: Pid;
  /** Whether it learns of the end of the spawned process by itself, so that the link need not tell. */
  readonly tellsEnd?: boolean;
  /** A reply came to the alias. */
  reply(value: unknown, ref: Ref): void;
  /** The target of the monitor of that reference has ended. */
  down(object: MonitoredObject, reason: unknown, ref: Ref): void;
  /** The spawn request of that reference was answered, or its node is down (`undefined`). */
  spawned?(result: SpawnResult | undefined): void;
  /** The waiting process has exited. */
  abandon(error: () => unknown): void;
}
