/**
 * Rejections that nobody has to see.
 *
 * @module
 */

/** Marks a rejection as seen: a dead process's own waits must not end the whole program. */
export function ignore(): void {}
