/**
 * Exit reasons as other processes and nodes get them.
 *
 * @module
 */

import { errorTerm, rebuildError } from "./error_term.ts";
import { inspectWithin, shorten } from "./inspect.ts";
import { copyTerm, REASON_LEVELS } from "./term.ts";

/**
 * The reason as others get it: a copy; of an error whose fields cannot be sent, the error without
 * them; of anything else that cannot be sent, its text. It throws for no reason.
 */
export function sendableReason(reason: unknown, maxDepth: number): unknown {
  if (typeof reason === "string") return reason;
  try {
    return copyTerm(reason, maxDepth - REASON_LEVELS);
  } catch {
    return plainReason(reason);
  }
}

/**
 * Sends a reason that must arrive, to another node or to a wait. A reason that is refused there, as it is
 * larger or deeper than allowed, is replaced by a plainer one. Never throws: the other receivers must be
 * notified.
 */
export function sendReason(
  reason: unknown,
  send: (reason: unknown) => void,
): void {
  try {
    return send(reason);
  } catch {
    // A plainer one below.
  }
  for (const replacement of [plainReason, briefReason]) {
    try {
      return send(replacement(reason));
    } catch {
      // A plainer one still.
    }
  }
}

/** The maximum length of a brief reason, in characters, and of a stack. */
const MAX_BRIEF = 64;
const MAX_STACK = 4096;

/** The maximum length of the texts of a plain reason: it must fit where the reason did not. */
const MAX_PLAIN = 1024;

/** An error with its name and message only, or a text. */
function plainReason(reason: unknown): unknown {
  return bareError(reason) ?? inspectWithin(reason, MAX_PLAIN);
}

function briefReason(reason: unknown): string {
  return inspectWithin(reason, MAX_BRIEF, { limit: 3, depth: 1 });
}

function bareError(reason: unknown): Error | undefined {
  try {
    if (!(reason instanceof Error)) return undefined;
    const { name, message, stack } = errorTerm(reason);
    return rebuildError({
      name: shorten(name, MAX_PLAIN),
      message: shorten(message, MAX_PLAIN),
      stack: stack && shorten(stack, MAX_STACK),
    });
  } catch {
    return undefined;
  }
}
