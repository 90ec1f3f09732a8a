/** Exit reasons for other processes and nodes. */

import { BOUNDS } from "./bounds.ts";
import { errorTerm, rebuildError } from "./error_term.ts";
import { inspectWithin, shorten } from "./inspect.ts";
import { keptLength, termKey } from "./term_key.ts";
import { copyTerm, REASON_LEVELS } from "./term.ts";

/**
 * Copies a reason for other processes. Without sendable fields, an error loses its fields, and any other reason
 * becomes text. Never throws.
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
 * Sends a reason that must arrive, to another node or to a wait. If it is refused because it is too large or too
 * deep, a plainer reason replaces it. Never throws, because other receivers must still be notified.
 */
export function sendReason(
  reason: unknown,
  send: (reason: unknown) => void,
): void {
  try {
    return send(reason);
  } catch {
    // Try a plainer reason below.
  }
  for (const replacement of [plainReason, briefReason]) {
    try {
      return send(replacement(reason));
    } catch {
      // Try the next one.
    }
  }
}

/**
 * Returns a reason that this node keeps, for many processes: one that is longer than `BOUNDS.reason` is cut to an error
 * with a short message, or to text. Never throws.
 */
export function keptReason(reason: unknown): unknown {
  try {
    if (keptLength(reason, termKey(reason)) <= BOUNDS.reason) return reason;
  } catch {
    // It cannot be copied or measured.
  }
  const plain = plainReason(reason);
  // Copies: a part of a text keeps the whole text in memory.
  if (!(plain instanceof Error)) return structuredClone(plain);
  const { name, message, stack } = plain;
  return rebuildError(structuredClone({ name, message, stack }));
}

/** The maximum length of a brief reason, in characters, and of a stack. */
const MAX_BRIEF = 64;
const MAX_STACK = 4096;

/** The maximum length of a plain reason's texts: it must fit where the full reason did not. */
const MAX_PLAIN = 1024;

/** Reduces an error to its name and message, and any other reason to text. */
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
