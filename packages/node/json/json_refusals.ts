/**
 * The reason why a spawn request was refused, on the JSON wire.
 *
 * Version 1 has four failures, and a peer closes the connection when it receives a fifth. So a draining node answers
 * `"limit"`, which also means "elsewhere, or later", with a text that begins with {@linkcode DRAINING}.
 */

import type { SpawnFailure } from "@otp/processes/signals/signal";
import { ProtocolError } from "../wires/over_limit.ts";

/** A refusal of a spawn request. */
interface Refusal {
  error: SpawnFailure;
  message: string;
}

const FAILURES: ReadonlySet<unknown> = new Set([
  "undef",
  "not_allowed",
  "closure",
  "limit",
]);

/** The prefix of the text of a `"limit"` that means `"draining"`. */
const DRAINING = "draining: ";

/** Returns the refusal to send. */
export function sentRefusal({ error, message }: Refusal): Refusal {
  return error === "draining"
    ? { error: "limit", message: `${DRAINING}${message}` }
    : { error, message };
}

/** Returns the refusal that the peer meant. */
export function receivedRefusal(failure: unknown, message: string): Refusal {
  if (!FAILURES.has(failure)) {
    throw new ProtocolError("an unknown reason why nothing was spawned");
  }
  return failure === "limit" && message.startsWith(DRAINING)
    ? { error: "draining", message: message.slice(DRAINING.length) }
    : { error: failure as SpawnFailure, message };
}
