/**
 * Waits for an answer, which is found by reference, past the mailbox.
 *
 * @module
 */

import type { MonitoredObject, SpawnResult } from "../signals/signal.ts";
import type { Pid, Ref } from "../values/pid.ts";

/** A wait of a process by reference: for a reply, a DOWN, or a spawn's result. */
export interface Wait {
  /** The node that it is awaited from. */
  readonly node: string;
  /** Whether the reply may come from another node: the asked process may leave the answer to others. */
  readonly acceptsAnySender?: boolean;
  /** The only process that the reply may come from, if it is known. */
  readonly by?: Pid;
  /** Whether it learns of the exit of the spawned process by itself, so that the link need not report it. */
  readonly tellsEnd?: boolean;
  /** Called when a reply arrives at the alias. */
  reply(value: unknown, ref: Ref): void;
  /** Called when a BEAM's reply arrives, in its encoding; without it, `reply` is. */
  otpReply?(term: unknown, ref: Ref): void;
  /** Called when the target of the monitor with that reference has exited. */
  down(object: MonitoredObject, reason: unknown, ref: Ref): void;
  /** Called when the spawn request with that reference was answered, or its node is down (`undefined`). */
  spawned?(result: SpawnResult | undefined): void;
  /** Called when the request could not be sent, as the wire to its node cannot carry it. */
  refused?(error: Error): void;
  /** Called when the waiting process has exited. */
  abandon(error: () => unknown): void;
}
