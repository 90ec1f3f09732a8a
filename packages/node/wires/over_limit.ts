/**
 * Refuses a signal whose term exceeds a limit of this node. The connection stays.
 *
 * A term that is too deep or too large, or holds too long an integer, is no attack: a crash report or an exit reason can
 * be such a term. The length of the signal is known, so later signals are read as usual. By its kind, a refused signal:
 *
 * - a message: is dropped;
 * - a request, of a call or to a group leader: ends its monitor with a DOWN, so that the caller fails at once;
 * - a reply: fails the call that waits for it;
 * - an exit signal or a DOWN: arrives with a `SystemLimitReason` as its reason;
 * - a request to spawn: is answered with the error `limit`.
 *
 * All other invalid bytes still close the connection: a signal that cannot be read could have been a link.
 */

import type { Port } from "../wire.ts";
import type { Signals } from "@otp/processes/signals/signal";
import type { SystemLimitReason } from "@otp/processes/values/exit_reason";

/** A peer sent invalid bytes, or more bytes than this node accepts; the node disconnects the peer. */
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
  readonly #toPeer: Signals | undefined;

  /** Refuses signals at the node with the given name. */
  constructor(node: string, port?: Port, toPeer?: Signals) {
    this.#node = node;
    this.#port = port;
    this.#toPeer = toPeer;
  }

  /** Counts and logs a refused signal; returns the exit reason that replaces the refused term. */
  note(signal: string, error: unknown): SystemLimitReason {
    const why = (error as Error).message;
    this.#port?.refused?.(signal, why);
    return {
      type: "system_limit",
      text: `${this.#node} has refused ${signal}: ${why}`,
    };
  }

  /** Answers the peer, if the decoder can send to it. */
  answer(answer: (toPeer: Signals) => void): void {
    if (this.#toPeer !== undefined) answer(this.#toPeer);
  }
}
