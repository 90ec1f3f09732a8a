/**
 * Why a spawn request was refused, on the JSON wire.
 *
 * Version 1 has four failures, and a peer closes the connection at a fifth. A node that is draining therefore
 * answers with `"limit"`, which also means "elsewhere, or later", and says the rest at the beginning of the text.
 *
 * @module
 */

import type { SpawnFailure } from "../../../core/signals/signal.ts";
import { ProtocolError } from "./json_checks.ts";

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

/** The beginning of the text of a `"limit"` that is none. */
const DRAINING = "draining: ";

/** A refusal as it is sent. */
export function sentRefusal({ error, message }: Refusal): Refusal {
  return error === "draining"
    ? { error: "limit", message: `${DRAINING}${message}` }
    : { error, message };
}

/** A refusal as it was meant. */
export function receivedRefusal(failure: unknown, message: string): Refusal {
  if (!FAILURES.has(failure)) {
    throw new ProtocolError("an unknown reason why nothing was spawned");
  }
  return failure === "limit" && message.startsWith(DRAINING)
    ? { error: "draining", message: message.slice(DRAINING.length) }
    : { error: failure as SpawnFailure, message };
}
