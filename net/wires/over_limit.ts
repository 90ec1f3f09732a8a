/**
 * Signals whose term exceeds a limit of this node: they are refused alone, and the connection stays.
 *
 * A term that is too deep, too large, or holds too long an integer is an ordinary term: the crash report of a
 * process can be one, or the reason of its exit. The length of the signal is known, so the signals behind it are
 * read as always. By its kind, the refused signal:
 *
 * - a message: is dropped;
 * - a request, of a call or to a group leader: ends its monitor with a DOWN, so that the caller fails at once;
 * - a reply: fails the call that waits for it;
 * - an exit signal or a DOWN: arrives with a reason that says so (`SystemLimitReason`);
 * - a request to spawn: is answered with the error `limit`.
 *
 * All other invalid bytes still close the connection: a signal that cannot be read could have been a link.
 *
 * @module
 */

import type { Port } from "../wire.ts";
import type { Signals } from "../../core/signals/signal.ts";
import type { SystemLimitReason } from "../../core/values/exit_reason.ts";

/** A peer sent bytes that its protocol does not allow, or more than this node accepts: it is disconnected. */
export class ProtocolError extends Error {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
}

/** A received term exceeds a limit. A session refuses the signal alone; in a handshake it is a protocol error. */
export class OverLimit extends ProtocolError {}

/** Refuses the signals of one peer. */
export class Refusals {
  readonly #node: string;
  readonly #port: Port | undefined;
  /** Takes the answers to the peer. */
  readonly #back: Signals | undefined;

  /** Refuses signals at the node of that name. */
  constructor(node: string, port?: Port, back?: Signals) {
    this.#node = node;
    this.#port = port;
    this.#back = back;
  }

  /** Counts and logs a refused signal; returns the reason that stands for what it lacks. */
  note(signal: string, error: unknown): SystemLimitReason {
    const why = (error as Error).message;
    this.#port?.refused?.(signal, why);
    return {
      type: "system_limit",
      text: `${this.#node} has refused ${signal}: ${why}`,
    };
  }

  /** Answers the peer, if the decoder has the other direction. */
  answer(answer: (back: Signals) => void): void {
    if (this.#back !== undefined) answer(this.#back);
  }
}
