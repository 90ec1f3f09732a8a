/**
 * Rejections that need no handler.
 *
 * @module
 */

/** Marks a rejection as handled: a dead process's own waits must not end the whole program. */
export function ignore(): void {}
